"""``rsinspect runs show``."""

from typing import TYPE_CHECKING, Annotated

import typer

from rsinspect.base.errors import InvalidMeasurement
from rsinspect.base.words import Option, advice
from rsinspect.cli.outputs import (
    ChartedFormat,
    ChartedOutput,
    Notes,
    Plot,
    Theme,
    answer,
    answer_charted,
)
from rsinspect.cli.recording import Db

if TYPE_CHECKING:
    from rsinspect.plots.page import PlotFormat


def runs_show(
    run: Annotated[
        str,
        typer.Argument(
            help="An id, the beginning of one, a tag, or latest; or a sweep.", show_default=False
        ),
    ] = "latest",
    db: Db = None,
    format: ChartedFormat = None,
    output: ChartedOutput = None,
    plot: Plot = None,
    theme: Theme = "paper",
    notes: Notes = "short",
) -> None:
    """Show a measurement that is kept."""
    from rsinspect.runs.place import database_path
    from rsinspect.runs.showing import kept_answer, sweep_answer
    from rsinspect.runs.store import open_store

    with open_store(database_path(db)) as store:
        if any(run == sweep.id for sweep in store.sweeps()):
            answer(sweep_answer(run, store.cells(run)), format, output, notes)
            return
        stored = store.find(run)
        shown = kept_answer(stored)
        measured = stored.run() if stored.kind == "profile" else None
    if measured is not None:
        from rsinspect.plots.latency import latency_plot

        def draw(kind: "PlotFormat") -> bytes:
            return latency_plot(measured, kind, theme)

        answer_charted(shown, draw, format, output, notes, plot)
    elif plot is not None:
        raise InvalidMeasurement(
            f"{stored.id} is no measurement, there is nothing to draw",
            advice("leave {} out", Option("plot")),
        )
    else:
        answer(shown, format, output, notes)
