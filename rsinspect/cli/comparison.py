"""Pictures of two measurements that were compared, and where they go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from rsinspect.answers.table import Answer
from rsinspect.base.errors import check_choice
from rsinspect.cli.claims import writes
from rsinspect.cli.declaration import OUTPUT, one_of, option
from rsinspect.cli.outputs import Notes, answer, chosen, drawn_into, write
from rsinspect.cli.picture import StyleOptions, show
from rsinspect.drawing import choices
from rsinspect.drawing.choices import AUTO, COMPARED_VIEWS, PICTURES, PLOTS
from rsinspect.render.formats import NOTES, TABLES

if TYPE_CHECKING:
    from rsinspect.comparisons.comparison import Comparison
    from rsinspect.plots.page import PlotFormat

EITHER = TABLES.or_else(PICTURES)
_DRAWN = tuple(suffix for suffix in PICTURES.suffixes if suffix not in TABLES.suffixes)
"""Suffixes that mean a picture without being asked for one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedOptions:
    """What is shown of a comparison, and where it goes."""

    format: Annotated[
        str | None,
        option(
            "--format",
            "-f",
            help="{}. Default: from the suffix of the file; else table.",
            choices=EITHER.names,
            panel=OUTPUT,
        ),
    ] = None
    output: Annotated[
        Path | None,
        option(
            "--output",
            "-o",
            help=f"Write to this file instead of stdout: {one_of(TABLES.suffixes)} for the table; "
            f"{one_of(_DRAWN)} draw the network, coloured by what became slower or faster.",
            panel=OUTPUT,
            callback=writes,
        ),
    ] = None
    plot: Annotated[
        Path | None,
        option(
            "--plot",
            help=f"Also draw the ratio of every part into this file: {one_of(PLOTS.suffixes)}.",
            panel=OUTPUT,
            callback=writes,
        ),
    ] = None
    graph: Annotated[
        bool,
        option(
            "--graph",
            help="Draw the network instead, coloured by what became slower or faster.",
            panel=OUTPUT,
        ),
    ] = False
    view: Annotated[
        str | None,
        option("--view", help="Of the network: {}. Default: blocks.", choices=COMPARED_VIEWS),
    ] = None
    notes: Notes = "short"

    def _format(self) -> str | None:
        """Choose the format, given or by the suffix of the file."""
        formats = PICTURES if self.graph else EITHER
        return chosen(formats, self.output, self.format)

    def check(self, style: StyleOptions) -> None:
        """Refuse what cannot be written, before anything is measured.

        Raises:
            RenderError: If a format, suffix, theme, view or size is unknown.
            InvalidChoice: If there is no such choice of notes.
        """
        self._format()
        check_choice("choice of notes", self.notes, NOTES)
        style.make()
        if self.view is not None:
            check_choice("view of two runs", self.view, COMPARED_VIEWS)
        if self.plot is not None:
            PLOTS.of(self.plot)
            style.sheet()

    def put(self, found: Comparison, table: Answer, style: StyleOptions) -> None:
        """Put the table, or a picture in its place, where it is to go, and draw the ratios.

        Args:
            found: What was compared.
            table: The same as an answer.
            style: How pictures look.

        Raises:
            OutputNotWritable: If a file cannot be written.
            RenderError: If it cannot be drawn.
        """
        drawn = {} if self.plot is None else drawn_into(self.plot, _ratios(found, style))
        name = self._format()
        if not self.graph and name in (None, *TABLES.names):
            answer(table, name, self.output, self.notes, drawn=drawn)
            return
        from rsinspect.drawing import formats
        from rsinspect.plots.overlay import compared

        format = formats.chosen(self.output, name)
        view = self.view or ("blocks" if format not in choices.EVERY_LAYER else None)
        scene = compared(
            found,
            name=formats.view_in(format, view),
            direction=style.direction,
            deep=format in choices.DEEP,
        )
        write(drawn)
        show(scene, format, style.make(), self.output)


def _ratios(found: Comparison, style: StyleOptions) -> Callable[[PlotFormat], bytes]:
    """Draw the ratios; a plot has one theme in all readers."""

    def draw(format: PlotFormat) -> bytes:
        from rsinspect.plots.comparison import comparison_plot

        theme = "light" if style.theme == AUTO else style.theme
        return comparison_plot(found, format, theme, style.sheet())

    return draw
