"""``rsinspect compare``: whether B is really slower than A, by how much, and where."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from rsinspect.answers.rows import LEVELS
from rsinspect.base.errors import InvalidMeasurement, InvalidSpec, SlowerThanAllowed, check_choice
from rsinspect.base.talk import say
from rsinspect.base.units import percent
from rsinspect.base.words import Option, advice, quoted
from rsinspect.cli.comparison import DiagramOptions
from rsinspect.cli.declaration import OUTPUT, option
from rsinspect.cli.measuring import HowOptions, how
from rsinspect.cli.options import model_argument, with_options
from rsinspect.cli.outputs import (
    CHARTED,
    ChartedFormat,
    ChartedOutput,
    Notes,
    Plot,
    answer,
    answer_charted,
    chosen,
    drawn_into,
    write,
)
from rsinspect.cli.picture import PlaceOptions
from rsinspect.cli.recording import RecordOptions
from rsinspect.drawing.choices import PLOT_THEMES, PLOTS
from rsinspect.render.formats import NOTES

if TYPE_CHECKING:
    from rsinspect.comparisons.comparison import Comparison, Side
    from rsinspect.plots.page import PlotFormat
    from rsinspect.profiling.budget import Budget
    from rsinspect.profiling.record.run import ProfileRun


@dataclass(frozen=True, slots=True, kw_only=True)
class SideOptions:
    """What is compared."""

    a: Annotated[
        str,
        model_argument(
            "A",
            "MODEL (50, 101@160, my.keras), the file of a run that --save wrote, or a run of the "
            "store by its tag or id (run:before). The file of a comparison alone shows it again.",
        ),
    ]
    b: Annotated[
        str | None, model_argument("[B]", "The same for what A became, or for another.")
    ] = None
    resolution: Annotated[
        str | None,
        option("--resolution", "-r", help="Of MODELs: 224, 160x192. Default: as in diff."),
    ] = None
    fold_batch_norm: Annotated[
        bool,
        option(
            "--fold-batchnorm",
            help="Fold the batch norms of B away; A alone is compared with itself folded.",
        ),
    ] = False


class KeepOptions(RecordOptions):
    """Whether the comparison is kept; a store that is named may be the one that is read."""

    @property
    def wanted(self) -> bool:
        """Tell whether it is to be kept."""
        return self.record or self.tag is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeOptions:
    """What is compared although it differs, and when that is too much."""

    across: Annotated[
        str | None,
        option(
            "--across",
            help="Compare although these differ: mode, precision, backend, device, jit, layout, "
            "memory-format, fused-batchnorm, threads, machine, or everything; with commas.",
        ),
    ] = None
    fail_above: Annotated[
        str | None,
        option(
            "--fail-above",
            help="Exit with code 1 if B is slower by more than this: 5%. Only if its whole "
            "interval says so.",
        ),
    ] = None

    @property
    def names(self) -> tuple[str, ...]:
        """List what may differ.

        Raises:
            InvalidChoice: If there is no such condition.
        """
        from rsinspect.comparisons.conditions import ACROSS

        names = tuple(name.strip() for name in (self.across or "").split(",") if name.strip())
        for name in names:
            check_choice("condition", name, ACROSS)
        return names

    @property
    def share(self) -> float | None:
        """Read the share by which B may be slower; None for any.

        Raises:
            InvalidMeasurement: If it is none.
        """
        if self.fail_above is None:
            return None
        number, sign, rest = self.fail_above.strip().partition("%")
        try:
            share = float(number) / 100
        except ValueError:
            share = -1.0
        if not sign or rest or not 0 <= share <= 100:
            raise InvalidMeasurement(
                f"{quoted(self.fail_above)} is no share by which B may be slower", "such as 5%"
            )
        return share


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnOptions(HowOptions):
    """How MODELs are measured in turns."""

    batch: Annotated[
        int,
        how("--batch", "-b", help="Number of images in a batch; a saved run has its own."),
    ] = 8
    level: Annotated[
        str, how("--level", help="{}: compare each on its own.", choices=LEVELS[:2])
    ] = "stage"


@with_options
def compare(
    sides: SideOptions,
    judge: JudgeOptions,
    how: TurnOptions,
    place: PlaceOptions,
    record: KeepOptions,
    diagram: DiagramOptions,
    plot: Plot = None,
    theme: Annotated[
        str, option("--theme", help="Theme of the plot: {}.", choices=PLOT_THEMES, panel=OUTPUT)
    ] = "paper",
    format: ChartedFormat = None,
    output: ChartedOutput = None,
    notes: Notes = "short",
) -> None:
    """Say whether B is really slower than A, by how much, and where.

    Examples:
        rsinspect compare 101@192 InceptionV3 --batch 8
        rsinspect compare before.json after.json --fail-above 5%
    """
    from rsinspect.comparisons.live import ComparisonInterrupted
    from rsinspect.profiling.budget import Budget

    budget = Budget.starting(how.max_time)
    share, across = judge.share, judge.names
    check_choice("level", how.level, LEVELS[:2])
    check_choice("theme", theme, PLOT_THEMES)
    check_choice("choice of notes", notes, NOTES)
    if diagram.graph:
        diagram.check(output, format)
    elif plot is not None or chosen(CHARTED, output, format) in PLOTS.names:
        place.sheet()
    show = partial(_show, diagram=diagram, plot=plot, theme=theme, place=place, format=format,
                   output=output, notes=notes)  # fmt: skip
    try:
        found = _compared(sides, across, how, record, budget)
    except ComparisonInterrupted as exc:
        if exc.comparison is None:
            say("no round of both was measured until then")
        else:
            show(exc.comparison)
        raise
    show(found)
    if record.wanted:
        from rsinspect.comparisons.comparison import to_json

        record.keep(to_json(found))
    if share is not None and found.is_slower_by(share):
        low, high = found.ratio.interval or (0.0, 0.0)
        raise SlowerThanAllowed(
            f"B is slower by {percent(found.ratio.value - 1)} [{percent(low - 1)}, "
            f"{percent(high - 1)}], more than {percent(share)}"
        )


def _show(
    found: "Comparison",
    *,
    diagram: DiagramOptions,
    plot: Path | None,
    theme: str,
    place: PlaceOptions,
    format: str | None,
    output: Path | None,
    notes: str,
) -> None:
    """Put the answer where it was wanted."""
    from rsinspect.comparisons.answer import comparison_answer

    result = comparison_answer(found)
    draw = partial(_ratios, found, theme, place)
    if diagram.graph:
        if plot is not None:
            write(drawn_into(plot, draw))
        diagram.put(found, theme, place, output, format)
        return
    if plot is None and chosen(CHARTED, output, format) not in PLOTS.names:
        answer(result, format, output, notes)
        return
    answer_charted(result, draw, format, output, notes, plot)


def _ratios(found: "Comparison", theme: str, place: PlaceOptions, format: "PlotFormat") -> bytes:
    """Draw the ratio of every part."""
    from rsinspect.plots.comparison import comparison_plot

    return comparison_plot(found, format, theme, place.sheet())


def _compared(
    sides: SideOptions,
    across: tuple[str, ...],
    how: HowOptions,
    record: RecordOptions,
    budget: "Budget",
) -> "Comparison":
    """Read what is saved, measure what is not, and compare the two."""
    from rsinspect.comparisons.references import saved, saved_comparison

    record.check()
    if sides.b is None:
        if (kept := saved_comparison(sides.a, record.db)) is not None:
            return kept
        if not sides.fold_batch_norm or saved(sides.a, record.db) is not None:
            raise InvalidSpec(
                f"compare takes two; {quoted(sides.a)} is one",
                advice("name B, or compare a MODEL with itself: {}", Option("fold_batch_norm")),
            )
        return _live(sides, how, budget)
    runs = (saved(sides.a, record.db), saved(sides.b, record.db))
    if runs == (None, None):
        return _live(sides, how, budget)
    if sides.fold_batch_norm and runs[1] is not None:
        raise InvalidSpec(
            f"{quoted(sides.b)} is a run that was measured: its batch norms cannot be folded now",
            advice("leave {} out, or name a MODEL as B", Option("fold_batch_norm")),
        )
    from rsinspect.comparisons.comparison import Comparison, Side

    like = next(run for run in runs if run is not None)
    one, other = (
        Side(reference=reference, run=run)
        if run is not None
        else _measured(reference, sides, like, how, budget, fold=sides.fold_batch_norm)
        for reference, run in zip((sides.a, sides.b), runs, strict=True)
    )
    return Comparison(a=one, b=other, how="groups", across=across)


def _live(sides: SideOptions, how: HowOptions, budget: "Budget") -> "Comparison":
    """Measure two MODELs in turns."""
    from rsinspect.cli.progress import watched
    from rsinspect.comparisons.live import compare_now
    from rsinspect.networks.grammar import parse_resolution
    from rsinspect.networks.named import compared
    from rsinspect.networks.network import folded
    from rsinspect.profiling.request import Beside, OwnWeights

    size = None if sides.resolution is None else parse_resolution(sides.resolution)
    one, other = compared(sides.a, sides.b or sides.a, resolution=size).networks
    called = sides.b or sides.a
    if sides.fold_batch_norm:
        other = folded(other)
        called += ", folded"
    request = how.asked(one, beside=Beside(network=other, weights=OwnWeights.of(other)))
    return watched(request, budget, partial(compare_now, references=(sides.a, called)))


def _measured(
    reference: str,
    sides: SideOptions,
    like: "ProfileRun",
    how: HowOptions,
    budget: "Budget",
    *,
    fold: bool,
) -> "Side":
    """Measure a MODEL as a run was measured that it is compared with."""
    from rsinspect.cli.progress import measure
    from rsinspect.comparisons.comparison import Side
    from rsinspect.comparisons.live import request_like
    from rsinspect.networks.grammar import parse_resolution
    from rsinspect.networks.named import network
    from rsinspect.networks.network import folded
    from rsinspect.profiling.request import OwnWeights

    size = None if sides.resolution is None else parse_resolution(sides.resolution)
    made = network(reference, resolution=size)
    if fold:
        made, reference = folded(made), f"{reference}, folded"
    run = measure(request_like(made, like, how.max_time, OwnWeights.of(made)), budget)
    return Side(reference=reference, run=run)
