"""``rsinspect scale``: the design space and the paper's advice on it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rsinspect.base.amounts import amount, seconds_of
from rsinspect.base.errors import InvalidSpec
from rsinspect.base.limits import EPOCHS
from rsinspect.cli.declaration import option
from rsinspect.cli.estimating import KnownOptions
from rsinspect.cli.options import with_options
from rsinspect.cli.outputs import (
    CHARTED,
    ChartedFormat,
    ChartedOutput,
    Notes,
    Plot,
    Theme,
    answer,
    answer_charted,
    chosen,
    drawn_into,
    put,
)
from rsinspect.cli.picture import PlaceOptions
from rsinspect.cli.talk import console
from rsinspect.design_space.axes import PRESETS, parse_axis, preset_axes
from rsinspect.design_space.latencies import COLUMNS as LATENCIES
from rsinspect.design_space.objectives import DEFAULT_OBJECTIVES, parse_objectives
from rsinspect.design_space.search import Bounds, Found, Search
from rsinspect.design_space.space import Space
from rsinspect.drawing.choices import PLOTS
from rsinspect.layers.question import Question
from rsinspect.networks.dialects import DIALECTS

if TYPE_CHECKING:
    from rsinspect.answers.table import Records
    from rsinspect.plots.page import PlotFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceOptions:
    """Which networks are looked at."""

    axis: Annotated[
        list[str] | None,
        option(
            "--axis",
            "-a",
            help="depth=50,101 or blocks='3,4,6,3;3,4,23,3' or c3=4:48 (c2 to c5); "
            "width=0.5:2:0.25; resolution=128:448:32. Default: the published depths and sizes.",
        ),
    ] = None
    preset: Annotated[
        str | None, option("--preset", help="A grid of the paper: {}.", choices=PRESETS)
    ] = None
    layout_rule: Annotated[
        bool,
        option("--layout-rule", help="Grow depths above 200 that the paper lacks as 270 to 420."),
    ] = False
    dialect: Annotated[str, option("--dialect", help="Whose wiring: {}.", choices=DIALECTS)] = (
        "keras"
    )

    def make(self) -> Space:
        """Make the space."""
        axes = {} if self.preset is None else preset_axes(self.preset)
        axes |= dict(map(parse_axis, self.axis or ()))
        return Space.of(axes, dialect=self.dialect, rule=self.layout_rule)


def _limit(*names: str, help: str) -> Any:
    return typer.Option(*names, help=help, rich_help_panel="Bounds", show_default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitOptions:
    """Which of them fit."""

    max_flops: Annotated[
        str | None, _limit("--max-flops", help="Maximum FLOPs per image: 10G.")
    ] = None
    min_flops: Annotated[str | None, _limit("--min-flops", help="Minimum FLOPs per image.")] = None
    max_params: Annotated[
        str | None, _limit("--max-params", help="Maximum number of parameters: 50M.")
    ] = None
    min_params: Annotated[
        str | None, _limit("--min-params", help="Minimum number of parameters.")
    ] = None
    max_peak_activation: Annotated[
        str | None,
        _limit("--max-peak-activation", help="Maximum peak of activations for the batch: 64MiB."),
    ] = None

    max_latency: Annotated[
        str | None,
        _limit("--max-latency", help="Maximum latency of the batch, as estimated: 20ms."),
    ] = None

    def make(self) -> Bounds:
        """Read the limits."""
        longest = {} if self.max_latency is None else {"latency_s": seconds_of(self.max_latency)}
        return Bounds(
            least=_given(flops=self.min_flops, params=self.min_params),
            most=longest
            | _given(
                flops=self.max_flops,
                params=self.max_params,
                peak_activation_bytes=self.max_peak_activation,
            ),
        )


def _given(**limits: str | None) -> dict[str, float]:
    return {
        column: float(amount(text).value) for column, text in limits.items() if text is not None
    }


def _shown(*names: str, help: str) -> Any:
    return option(*names, help=help, panel="Shown")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownOptions:
    """Which of those that fit are shown."""

    objective: Annotated[
        str,
        option(
            "--objective",
            help=f"Two or three, of the Pareto front: {DEFAULT_OBJECTIVES}. Costs, blocks, "
            "width, resolution or latency_s.",
        ),
    ] = DEFAULT_OBJECTIVES
    latency: Annotated[
        bool,
        _shown("--latency", help="Estimated latency of each, from networks that were measured."),
    ] = False
    pareto: Annotated[bool, _shown("--pareto", help="Only the front.")] = False
    sort: Annotated[
        str | None,
        _shown("--sort", "-s", help="Sort by a cost or an axis; -params: largest first."),
    ] = None
    limit: Annotated[int | None, _shown("--limit", "-n", help="Only the first N rows.")] = None

    def of(self, space: Space, limits: Bounds, question: Question, known: KnownOptions) -> Search:
        """Make the search; whoever limits, sorts or seeks by latency wants it estimated."""
        objectives = parse_objectives(self.objective)
        asked = {*limits.most, (self.sort or "").removeprefix("-"), *(o.column for o in objectives)}
        wanted = self.latency or not asked.isdisjoint(LATENCIES)
        return Search(
            space=space,
            question=question,
            bounds=limits,
            objectives=objectives,
            latencies=known.estimator().latencies(space, question.batch) if wanted else None,
            only_front=self.pareto,
            sort=self.sort,
            limit=self.limit,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOptions:
    """Where the answer goes, and in which format."""

    format: ChartedFormat = None
    output: ChartedOutput = None
    notes: Notes = "short"
    plot: Plot = None
    theme: Theme = "light"

    def check(self) -> str | None:
        """Choose the format, and refuse what cannot be written, before anything is worked out.

        Raises:
            UnknownFormat: If a format or suffix is unknown, or the two disagree.
        """
        if self.plot is not None:
            PLOTS.of(self.plot)
        return chosen(CHARTED, self.output, self.format)

    def put(self, found: Found, place: PlaceOptions) -> None:
        """Put what was found where it is to go; as records, every point of it."""
        from rsinspect.design_space.answer import records, scale_answer, scale_chart

        def draw(format: "PlotFormat") -> bytes:
            from rsinspect.plots.chart import chart_plot

            return chart_plot(scale_chart(found), format, self.theme, place.sheet())

        kind = self.check()
        if kind in ("csv", "parquet"):
            drawn = {} if self.plot is None else drawn_into(self.plot, draw)
            put(_written(records(found), kind), self.output, others=drawn)
        else:
            answer_charted(scale_answer(found), draw, kind, self.output, self.notes, self.plot)


@with_options
def scale(
    space: SpaceOptions,
    limits: LimitOptions,
    shown: ShownOptions,
    known: KnownOptions,
    question: Question,
    files: FileOptions,
    place: PlaceOptions,
    advise: Annotated[
        bool, typer.Option("--advise", help="Say instead which strategy of the paper applies.")
    ] = False,
    epochs: Annotated[int, typer.Option(help="Length of the training, for --advise.")] = 350,
) -> None:
    """Compare depths, widths and resolutions: costs within limits, and the Pareto front.

    Examples:
        rsinspect scale -a depth=50,101,152 -a resolution=160:320:32 --pareto
        rsinspect scale --max-flops 10G --plot front.svg
    """
    EPOCHS.check(epochs, InvalidSpec)
    if advise:
        from rsinspect.design_space.advice import advice_answer

        answer(advice_answer(epochs), files.format, files.output, files.notes)
        return
    files.check()
    place.sheet()
    files.put(_searched(shown.of(space.make(), limits.make(), question, known)), place)


def _written(points: "Records", kind: str) -> bytes:
    from rsinspect.render.data import records_csv, records_parquet

    return records_csv(points).encode() if kind == "csv" else records_parquet(points)


def _searched(search: Search) -> Found:
    """Search, with a progress bar on a terminal's stderr where the space is large."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from rsinspect.design_space.points import CHUNK

    columns = (TextColumn("points"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    talk = console()
    size = search.space.size
    large = size > CHUNK and talk.is_terminal
    with Progress(*columns, console=talk, transient=True, disable=not large) as progress:
        task = progress.add_task("", total=size)
        return search.run(progress=lambda done: progress.update(task, completed=done))
