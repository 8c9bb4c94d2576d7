"""``rsinspect runs show``."""

from typing import TYPE_CHECKING, Annotated

import typer

from rsinspect.base.errors import InvalidMeasurement
from rsinspect.base.words import Option, advice
from rsinspect.cli.declaration import completing
from rsinspect.cli.outputs import (
    ChartedFormat,
    ChartedOutput,
    Notes,
    Plot,
    Theme,
    answer,
    answer_charted,
)
from rsinspect.cli.recording import Db, kept

if TYPE_CHECKING:
    from collections.abc import Callable

    from rsinspect.comparisons.comparison import Comparison
    from rsinspect.plots.page import PlotFormat
    from rsinspect.profiling.record.run import ProfileRun

    Draw = Callable[[PlotFormat], bytes]


def runs_show(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="An id, the beginning of one, a tag, or latest; or a sweep.",
            autocompletion=completing(kept),
        ),
    ] = "latest",
    db: Db = None,
    format: ChartedFormat = None,
    output: ChartedOutput = None,
    plot: Plot = None,
    theme: Theme = "paper",
    notes: Notes = "short",
) -> None:
    """Show a measurement that is kept.

    Examples:
        rsinspect runs show latest
        rsinspect runs show before --plot latency.svg
    """
    from rsinspect.runs.place import database_path
    from rsinspect.runs.showing import kept_answer, sweep_answer
    from rsinspect.runs.store import open_store

    with open_store(database_path(db)) as store:
        if any(run == sweep.id for sweep in store.sweeps()):
            answer(sweep_answer(run, store.cells(run)), format, output, notes)
            return
        stored = store.find(run)
        draw: Draw | None
        if stored.kind == "compare":
            from rsinspect.comparisons.answer import comparison_answer
            from rsinspect.comparisons.comparison import from_json

            compared = from_json(stored.document())
            shown = kept_answer(stored, comparison_answer(compared))
            draw = _comparison(compared, theme)
        else:
            shown = kept_answer(stored)
            draw = _latency(stored.run(), theme) if stored.kind == "profile" else None
    if draw is not None:
        answer_charted(shown, draw, format, output, notes, plot)
    elif plot is not None:
        raise InvalidMeasurement(
            f"{stored.id} is no measurement, there is nothing to draw",
            advice("leave {} out", Option("plot")),
        )
    else:
        answer(shown, format, output, notes)


def _latency(run: "ProfileRun", theme: str) -> "Draw":
    """Draw a run."""

    def draw(kind: "PlotFormat") -> bytes:
        from rsinspect.plots.latency import latency_plot

        return latency_plot(run, kind, theme)

    return draw


def _comparison(compared: "Comparison", theme: str) -> "Draw":
    """Draw a comparison."""

    def draw(kind: "PlotFormat") -> bytes:
        from rsinspect.plots.comparison import comparison_plot

        return comparison_plot(compared, kind, theme)

    return draw
