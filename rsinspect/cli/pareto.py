"""``rsinspect pareto``: the paper's Figure 1 with measurements of one's own."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rsinspect.cli.claims import reads_runs
from rsinspect.cli.declaration import option
from rsinspect.cli.options import Convention, with_options
from rsinspect.cli.outputs import (
    CHARTED,
    ChartedFormat,
    ChartedOutput,
    Notes,
    Plot,
    Theme,
    answer_charted,
    chosen,
)
from rsinspect.cli.picture import PlaceOptions
from rsinspect.cli.recording import Db
from rsinspect.drawing.choices import PLOTS
from rsinspect.layers.question import Question
from rsinspect.paper import ACCURACY_SOURCES
from rsinspect.profiling.choices import BACKENDS, MODES, PRECISIONS

if TYPE_CHECKING:
    from rsinspect.plots.page import PlotFormat
    from rsinspect.runs.stored import Selection

X = ("latency", "throughput", "energy", "memory", "flops")


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureOptions:
    """What is weighed against what."""

    x: Annotated[str, option("--x", help="What accuracy is weighed against: {}.", choices=X)] = (
        "latency"
    )
    source: Annotated[
        str,
        option(
            "--source",
            help="Whose accuracies: {}. paper: Table 7; checkpoints: the released weights, "
            "evaluated again; timm: its own evaluations.",
            choices=ACCURACY_SOURCES,
        ),
    ] = "paper"
    point: Annotated[
        list[str] | None,
        option(
            "--point",
            help="A network of your own and its accuracy in per cent: my.keras=81.2; a MODEL, or "
            "the file of a run.",
        ),
    ] = None
    claim: Annotated[
        bool,
        option(
            "--claim",
            help="Show instead how much faster ResNet-RS is than an "
            "EfficientNet of equal accuracy: the paper's pairs, here.",
        ),
    ] = False


def _of_runs(*names: str, help: str, choices: Iterable[str] = ()) -> Any:
    return option(*names, help=help, choices=choices, panel="Runs")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsOptions:
    """Which runs tell what networks cost."""

    batch: Annotated[
        int | None,
        _of_runs("--batch", "-b", help="Number of images in a batch. Default: of most networks."),
    ] = None
    precision: Annotated[
        str | None, _of_runs("--precision", help="Of the numbers: {}.", choices=PRECISIONS)
    ] = None
    mode: Annotated[str | None, _of_runs("--mode", help="What ran: {}.", choices=MODES)] = None
    backend: Annotated[
        str | None, _of_runs("--backend", help="Keras backend: {}.", choices=BACKENDS)
    ] = None
    device: Annotated[str | None, _of_runs("--device", help="cpu, gpu or gpu:1.")] = None

    db: Db = None

    def wanted(self) -> "Selection":
        """Say which of the runs are meant."""
        from rsinspect.runs.stored import Selection

        return Selection(
            kind="profile",
            batch=self.batch,
            precision=self.precision,
            mode=self.mode,
            backend=self.backend,
            device=self.device,
        )

    def question(self, convention: str) -> Question:
        """Ask of a network alone what a run of it would be asked."""
        return Question(convention, self.batch or 1, self.precision or "float32")


@with_options
def pareto(
    picture: PictureOptions,
    of: RunsOptions,
    place: PlaceOptions,
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            help="Runs, each by its file, id or tag. Default: all in the store of runs.",
            callback=reads_runs,
            show_default=False,
        ),
    ] = None,
    convention: Convention = "paper",
    format: ChartedFormat = None,
    output: ChartedOutput = None,
    notes: Notes = "short",
    plot: Plot = None,
    theme: Theme = "light",
) -> None:
    """Plot accuracy against what it costs here, as the paper does."""
    from rsinspect.tradeoffs.pareto_answer import claim_answer, pareto_answer
    from rsinspect.tradeoffs.weighing import parse_point, weigh

    chosen(CHARTED, output, format)
    if plot is not None:
        PLOTS.of(plot)
    sheet = place.sheet()
    found = weigh(
        picture.x,
        source=picture.source,
        own=dict(map(parse_point, picture.point or ())),
        runs=runs or (),
        db=of.db,
        wanted=of.wanted(),
        question=of.question(convention),
    )

    def draw(kind: "PlotFormat") -> bytes:
        from rsinspect.plots.chart import chart_plot
        from rsinspect.tradeoffs.pareto_chart import pareto_chart

        return chart_plot(pareto_chart(found), kind, theme, sheet)

    table = claim_answer(found) if picture.claim else pareto_answer(found)
    answer_charted(table, draw, format, output, notes, plot)
