"""``rsinspect scale``: the design space and the paper's advice on it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rsinspect.base.errors import InvalidSpec
from rsinspect.cli.options import Convention, Output, answer, plot

if TYPE_CHECKING:
    from rsinspect.design_space.space import Bounds, Found, Objective, Space

_LIMITS = "Limits"
_SHOWN = "Shown"
_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12,
          "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}  # fmt: skip


def quantity(text: str) -> float:
    """``10G``, ``1e9`` or ``64MiB`` as a number.

    Raises:
        InvalidSpec: If it is none.

    >>> quantity("10G"), quantity("64MiB"), quantity("2.5e6")
    (10000000000.0, 67108864.0, 2500000.0)
    """
    match = re.fullmatch(r"(\d+(?:\.\d*)?(?:e[+-]?\d{1,3})?)\s*([A-Za-z]*)", text.strip())
    if match is None or match[2] not in _UNITS:
        raise InvalidSpec(f"{text!r} is not a quantity", "write 10G, 1e9, 50M or 64MiB")
    return float(match[1]) * _UNITS[match[2]]


def _limit(help: str) -> typer.models.OptionInfo:
    found: typer.models.OptionInfo = typer.Option(
        help=help, rich_help_panel=_LIMITS, show_default=False
    )
    return found


def scale(
    axis: Annotated[
        list[str] | None,
        typer.Option(
            "--axis",
            "-a",
            help="depth=50,101 or blocks='3,4,6,3;3,4,23,3' or c3=4:48 (c2 to c5); "
            "width=0.5:2:0.25; resolution=128:448:32. Default: the published depths and sizes.",
        ),
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="A grid of the paper: figure2 or figure3.")
    ] = None,
    layout_rule: Annotated[
        bool,
        typer.Option(
            "--layout-rule", help="Depths above 200 that the paper lacks grow as 270 to 420 do."
        ),
    ] = False,
    dialect: Annotated[str, typer.Option(help="Whose wiring.")] = "keras",
    max_flops: Annotated[str | None, _limit("Per image: 10G.")] = None,
    min_flops: Annotated[str | None, _limit("Per image.")] = None,
    max_params: Annotated[str | None, _limit("50M.")] = None,
    min_params: Annotated[str | None, _limit("At least so many.")] = None,
    max_peak_activation: Annotated[str | None, _limit("Of the batch: 64MiB.")] = None,
    objective: Annotated[
        str,
        typer.Option(help="Two or three, of the Pareto front: max:params,min:flops. Costs, blocks, "
                     "width or resolution."),
    ] = "max:params,min:flops",
    pareto: Annotated[
        bool, typer.Option("--pareto", help="Only the front.", rich_help_panel=_SHOWN)
    ] = False,
    sort: Annotated[
        str | None,
        typer.Option("--sort", "-s", help="By a cost or an axis; -params: largest first.",
                     rich_help_panel=_SHOWN),
    ] = None,
    top: Annotated[
        int | None, typer.Option("--top", "-n", help="Only the first N.", rich_help_panel=_SHOWN)
    ] = None,
    convention: Convention = "paper",
    batch: Annotated[int, typer.Option("--batch", "-b", help="Images, for bytes.")] = 1,
    dtype: Annotated[str, typer.Option(help="Of activations.")] = "float32",
    advise: Annotated[
        bool, typer.Option("--advise", help="Say instead which strategy of the paper applies.")
    ] = False,
    epochs: Annotated[int, typer.Option(help="Length of the training, for --advise.")] = 350,
    format: Annotated[
        str,
        typer.Option("--format", "-f", help="table, json, yaml, csv, markdown, latex or parquet."),
    ] = "table",
    output: Output = None,
    plot_file: Annotated[
        Path | None,
        typer.Option("--plot", help="Draw it into this file: .svg, .pdf or .png.",
                     show_default=False),
    ] = None,
    theme: Annotated[str, typer.Option(help="Of the plot: paper, light, dark or print.")] = "light",
) -> None:  # fmt: skip
    """Depth x width x resolution: what each costs, within limits, and the Pareto front."""
    if advise:
        from rsinspect.design_space.advice import advice_answer

        answer(advice_answer(epochs), format, output)
        return
    from rsinspect.base.files import check_writable, write_whole
    from rsinspect.design_space import answer as files
    from rsinspect.design_space import space
    from rsinspect.render.formats import check_format

    if format == "table" and output is not None and output.suffix in (".parquet", ".csv", ".json"):
        format = output.suffix.removeprefix(".")
    if format != "parquet":
        check_format(format)
    elif output is None:
        raise InvalidSpec("a Parquet file needs a name", "add -o points.parquet")
    if batch < 1:
        raise InvalidSpec(f"the batch is {batch}; it must be at least 1")
    if top is not None and top < 1:
        raise InvalidSpec(f"--top is {top}; it must be at least 1")
    for path in (output, plot_file):
        if path is not None:
            check_writable(path)
    axes = {} if preset is None else space.preset_axes(preset)
    for text in axis or ():
        name, values = space.parse_axis(text)
        axes[name] = values
    where = space.Space.of(axes, dialect=dialect, rule=layout_rule)
    asked = {
        "max_flops": max_flops, "min_flops": min_flops, "max_params": max_params,
        "min_params": min_params, "max_peak_activation_bytes": max_peak_activation,
    }  # fmt: skip
    limits = {name: quantity(text) for name, text in asked.items() if text is not None}
    bounds = space.Bounds(
        {name[4:]: value for name, value in limits.items() if name.startswith("min_")},
        {name[4:]: value for name, value in limits.items() if name.startswith("max_")},
    )
    objectives = space.parse_objectives(objective)
    found = _searched(where, bounds, objectives, pareto, sort, top, convention, batch, dtype)
    if plot_file is not None:
        chart = files.scale_chart(
            found, objectives, convention=convention, batch=batch, dtype=dtype
        )
        plot(chart, plot_file, theme)
    if format == "parquet":
        assert output is not None
        write_whole(output, files.parquet_bytes(found))
    elif format == "csv" and output is not None:
        write_whole(output, files.csv_text(found).encode())
    elif format == "csv":
        typer.echo(files.csv_text(found), nl=False)
    else:
        made = files.scale_answer(
            found, objectives=objectives, convention=convention, batch=batch, dtype=dtype,
            constraints=limits, all_rows=top is not None,
        )  # fmt: skip
        answer(made, format, output)


def _searched(
    where: Space,
    bounds: Bounds,
    objectives: tuple[Objective, ...],
    pareto: bool,
    sort: str | None,
    top: int | None,
    convention: str,
    batch: int,
    dtype: str,
) -> Found:
    """The search, with a progress bar on a terminal's stderr where it is large."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from rsinspect.design_space import space

    columns = (TextColumn("points"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    large = where.size > space.CHUNK and console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=not large) as progress:
        task = progress.add_task("", total=where.size)
        return space.search(
            where, bounds=bounds, objectives=objectives, only_front=pareto, sort=sort, top=top,
            convention=convention, batch=batch, dtype=dtype,
            progress=lambda done: progress.update(task, completed=done),
        )  # fmt: skip
