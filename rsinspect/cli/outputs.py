"""Where an answer goes: to stdout, or into files that are written together or not at all.

The suffix of a file chooses its format (``base.formats``); what was written is said on stderr.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rsinspect.answers.table import Answer
from rsinspect.base.errors import UnknownFormat, check_choice
from rsinspect.base.flags import flag
from rsinspect.base.formats import STDOUT, Formats
from rsinspect.base.words import Option
from rsinspect.cli.claims import writes
from rsinspect.cli.declaration import OUTPUT, one_of, option
from rsinspect.cli.talk import wrote
from rsinspect.drawing.choices import PLOT_THEMES, PLOTS
from rsinspect.render.formats import NOTES, TABLES

if TYPE_CHECKING:
    from collections.abc import Callable

    from rsinspect.plots.page import PlotFormat

Contents = Mapping[Path, bytes]
"""Files and what each is to hold."""

CHARTED = TABLES.or_else(PLOTS)
"""Formats of an answer that can be drawn as a plot too."""


_NO_TEXT = ("png", "pdf", "webp", "parquet")


def format_option(formats: Formats, default: str = "table") -> Any:
    """Declare the option that names a format."""
    help = "{}. Default: from the suffix of the file; else " + default + "."
    return option("--format", "-f", help=help, choices=formats.names, panel=OUTPUT)


def output_option(formats: Formats) -> Any:
    """Declare the option that names the file."""
    help = f"Write to this file instead of stdout: {one_of(formats.suffixes)}."
    return option("--output", "-o", help=help, panel=OUTPUT, callback=writes)


Format = Annotated[str | None, format_option(TABLES)]
Output = Annotated[Path | None, output_option(TABLES)]
ChartedFormat = Annotated[str | None, format_option(CHARTED)]
ChartedOutput = Annotated[Path | None, output_option(CHARTED)]
Notes = Annotated[
    str, option("--notes", help="Notes under a table: {}.", choices=NOTES, panel=OUTPUT)
]


def _writes_plot(context: typer.Context, parameter: typer.CallbackParam, path: Path | None) -> Any:
    """Refuse what ``writes`` refuses, and a file whose suffix is no format of a plot.

    Raises:
        OutputNotWritable: With the reason.
        UnknownFormat: If the suffix names none.
    """
    if path is not None and not context.resilient_parsing:
        PLOTS.of(path, None)
    return writes(context, parameter, path)


Plot = Annotated[
    Path | None,
    option(
        "--plot",
        help=f"Also draw it into this file: {one_of(PLOTS.suffixes)}.",
        panel=OUTPUT,
        callback=_writes_plot,
    ),
]
Theme = Annotated[
    str, option("--theme", help="Theme of the plot: {}.", choices=PLOT_THEMES, panel=OUTPUT)
]


def chosen(formats: Formats, output: Path | None, format: str | None) -> str | None:
    """Choose the format of an answer, by ``Formats.chosen``, before anything is worked out.

    Raises:
        UnknownFormat: If there is no such format or suffix, the two disagree, or it is no text
            and nobody said that stdout is to have it.
    """
    name = formats.chosen(output, format)
    if output is None and name in _NO_TEXT:
        raise UnknownFormat(f"{name} is no text to be shown", f"-o NAME.{name}, or -o - for stdout")
    return name


def answer(
    result: Answer,
    format: str | None,
    output: Path | None,
    notes: str = "short",
    *,
    drawn: Contents | None = None,
) -> None:
    """Put an answer on stdout or into a file, and what was drawn of it into its files.

    Args:
        result: The answer.
        format: One of TABLES; from the suffix of the file where none is given, else a table of
            characters.
        output: The file; none, or STDOUT, for stdout.
        notes: What stands under a table for people: ``short``, ``full`` or ``none``.
        drawn: Other files to write with it.

    Raises:
        UnknownFormat: If the format or the suffix is unknown, or the two disagree.
        InvalidChoice: If there is no such choice of notes.
        OutputNotWritable: If a file cannot be written; then none is.
    """
    check_choice("choice of notes", notes, NOTES)
    name = chosen(TABLES, output, format) or "table"
    table, more = result.table.worded(flag), flag(Option("notes", "full"))
    if output in (None, STDOUT) and name == "table":
        from rsinspect.render.console import console_for, print_table

        write(drawn or {})
        print_table(table, console_for(), notes=notes, more=more)
        return
    from rsinspect.render.content import table_content

    content = table_content(result._replace(table=table), name, notes=notes, more=more)
    put(content, output, others=drawn)


def answer_charted(
    result: Answer,
    draw: "Callable[[PlotFormat], bytes]",
    format: str | None,
    output: Path | None,
    notes: str,
    plot: Path | None,
) -> None:
    """Put an answer that can be drawn where ``answer`` does, as a table or as the plot.

    Args:
        result: The answer.
        draw: Draws it in a format.
        format: One of CHARTED.
        output: The file; none, or STDOUT, for stdout.
        notes: As for ``answer``.
        plot: A file for the plot, besides.

    Raises:
        UnknownFormat: If a format or suffix is unknown, or the two disagree.
        OutputNotWritable: If a file cannot be written; then none is.
        RenderError: If the plot cannot be drawn.
    """
    name = chosen(CHARTED, output, format)
    drawn = {} if plot is None else drawn_into(plot, draw)
    if name in PLOTS.names:
        put(draw(name), output, others=drawn)  # type: ignore[arg-type]
    else:
        answer(result, name, output, notes, drawn=drawn)


def drawn_into(plot: Path, draw: "Callable[[PlotFormat], bytes]") -> Contents:
    """Draw a plot in the format that the suffix of its file names.

    Raises:
        UnknownFormat: If it names none.
        RenderError: If the plot cannot be drawn.
    """
    from rsinspect.plots.page import plot_format

    return {plot: draw(plot_format(plot))}


def put(content: bytes, output: Path | None, *, others: Contents | None = None) -> None:
    """Write an answer to stdout, where no file or STDOUT is named, or to a file.

    Args:
        content: The answer.
        output: The file.
        others: More files, written with it.

    Raises:
        OutputNotWritable: If a file cannot be written; then none is.
    """
    if output is not None and output != STDOUT:
        write({**(others or {}), output: content})
        return
    write(others or {})
    sys.stdout.flush()
    if (binary := getattr(sys.stdout, "buffer", None)) is None:
        sys.stdout.write(content.decode())
    else:
        binary.write(content)
        binary.flush()


def write(files: Contents, *, beside: Contents | None = None) -> None:
    """Write files, all or none, and say so.

    Args:
        files: Those that were asked for.
        beside: Those that belong to the last of them.

    Raises:
        OutputNotWritable: If one cannot be written.
    """
    if files:
        from rsinspect.base.files import write_all

        write_all({**files, **(beside or {})})
        wrote(tuple(files), len(beside or {}))
