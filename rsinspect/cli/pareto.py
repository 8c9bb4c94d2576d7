"""``rsinspect pareto``: the paper's Figure 1 with measurements of one's own."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rsinspect.base.amounts import seconds_of
from rsinspect.base.errors import InvalidMeasurement, check_choice
from rsinspect.base.talk import say
from rsinspect.base.units import length_of_time
from rsinspect.base.words import Option, advice, plural
from rsinspect.cli.claims import reads_runs
from rsinspect.cli.declaration import completing, option
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
from rsinspect.cli.recording import Db, kept
from rsinspect.drawing.choices import PLOTS
from rsinspect.layers.question import Question
from rsinspect.paper import ACCURACY_SOURCES
from rsinspect.profiling.choices import BACKENDS, MODES, PRECISIONS

if TYPE_CHECKING:
    from rsinspect.plots.page import PlotFormat
    from rsinspect.profiling.request import Settings
    from rsinspect.runs.stored import Selection

X = ("latency", "throughput", "energy", "memory", "flops", "params")


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


def _of_runs(*names: str, help: str, **more: Any) -> Any:
    return option(*names, help=help, panel="Runs", **more)


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

    measure: Annotated[
        bool,
        _of_runs(
            "--measure",
            help="First measure, and keep, each network that has no run, at batch 1 where none is "
            "given. Interrupted, the same command goes on.",
        ),
    ] = False
    max_time: Annotated[
        float,
        _of_runs(
            "--max-time",
            help="Time that measuring one network may take: 30s.",
            parser=seconds_of,
            metavar="TIME",
        ),
    ] = 60.0
    db: Db = None

    def settings(self) -> "Settings":
        """Say how networks are measured that have no run.

        Raises:
            InvalidMeasurement: If nobody can measure that.
        """
        from rsinspect.profiling.request import Settings

        given = {
            name: value
            for name in ("precision", "mode", "backend", "device")
            if (value := getattr(self, name)) is not None
        }
        return Settings(
            batch=self.batch or 1, max_time_s=self.max_time, predict=False, roofs=False, **given
        )

    def wanted(self) -> "Selection":
        """Say which of the runs are meant."""
        from rsinspect.runs.stored import Selection

        return Selection(
            kind="profile",
            batch=self.batch or (1 if self.measure else None),
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
            metavar="RUN",
            help="Runs, each by its file, id or tag. Default: all in the store of runs.",
            callback=reads_runs,
            autocompletion=completing(kept),
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
    """Plot accuracy against what it costs here, as the paper does.

    Examples:
        rsinspect pareto --batch 1 --plot pareto.svg
        rsinspect pareto --x flops --source timm
    """
    from rsinspect.tradeoffs.pareto_answer import claim_answer, pareto_answer
    from rsinspect.tradeoffs.weighing import parse_point, weigh

    chosen(CHARTED, output, format)
    if plot is not None:
        PLOTS.of(plot)
    sheet, own = place.sheet(), dict(map(parse_point, picture.point or ()))
    if of.measure:
        _measure(picture, of, own, runs)
    found = weigh(
        picture.x,
        source=picture.source,
        own=own,
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


def _measure(
    picture: PictureOptions, of: RunsOptions, own: dict[str, float], runs: list[str] | None
) -> None:
    """Measure and keep what has no run, and say how far it is.

    Raises:
        InvalidMeasurement: If nothing of that is looked at afterwards.
        StoreError: If the store cannot be written.
    """
    from rsinspect.sweeps.local_executor import local_executor
    from rsinspect.tradeoffs.axes import AXES
    from rsinspect.tradeoffs.unmeasured import measured_into, unmeasured

    check_choice("quantity", picture.x, X)
    if runs or AXES[picture.x].counted is not None:
        what = f"{picture.x} is counted" if not runs else "runs are named"
        raise InvalidMeasurement(
            advice("{} has no use where {}", Option("measure", True), what), "leave one of them out"
        )
    cells = unmeasured(picture.source, own, of.db, of.settings())
    if cells:
        most_s = len(cells) * cells[0].settings.max_time_s
        say(f"{plural(len(cells), 'network')} to be measured, in at most {length_of_time(most_s)}")
    here = local_executor(say)
    for number, (cell, outcome) in enumerate(measured_into(of.db, cells, here), start=1):
        said = outcome.reason if outcome.document is None else outcome.document.get("answer")
        say(f"{number} of {len(cells)}: {cell.model}: {said}")
