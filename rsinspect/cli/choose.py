"""``rsinspect choose``: the best network under a bound on this machine."""

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rsinspect.base.amounts import seconds_of
from rsinspect.base.errors import check_choice
from rsinspect.base.talk import say
from rsinspect.cli.declaration import option
from rsinspect.cli.measuring import PassOptions, how
from rsinspect.cli.options import Convention, with_options
from rsinspect.cli.outputs import Format, Notes, Output, answer, chosen
from rsinspect.paper import ACCURACY_SOURCES
from rsinspect.render.formats import NOTES, TABLES
from rsinspect.tradeoffs.families import FAMILIES

if TYPE_CHECKING:
    from rsinspect.profiling.request import Settings
    from rsinspect.tradeoffs.choice import Bounds, Choice


def _bound(*names: str, help: str) -> Any:
    return typer.Option(*names, help=help, rich_help_panel="Bounds", show_default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundOptions:
    """What the network must keep to."""

    max_latency: Annotated[
        str | None, _bound("--max-latency", help="Maximum latency of a batch: 200ms, 1.5s.")
    ] = None
    min_top1: Annotated[
        float | None, _bound("--min-top1", help="Minimum ImageNet accuracy in per cent: 82.")
    ] = None
    max_memory: Annotated[
        str | None,
        _bound("--max-memory", help="Maximum memory of weights and activations: 500MiB."),
    ] = None
    max_flops: Annotated[
        str | None, _bound("--max-flops", help="Maximum FLOPs of an image, by --convention: 10G.")
    ] = None
    max_params: Annotated[
        str | None, _bound("--max-params", help="Maximum number of parameters: 50M.")
    ] = None

    def make(self) -> "Bounds":
        """Read the bounds.

        Raises:
            InvalidQuestion: If there is none, or one makes no sense.
        """
        from rsinspect.tradeoffs.choice import bounds_of

        return bounds_of(**{field.name: getattr(self, field.name) for field in fields(self)})


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningOptions(PassOptions):
    """How the networks are run."""

    batch: Annotated[int, how("--batch", "-b", help="Number of images in a batch.")] = 1
    max_time: Annotated[
        float,
        how(
            "--max-time",
            help="Time that all of it may take, but for --verify: 60s, 3m.",
            parser=seconds_of,
            metavar="TIME",
        ),
    ] = 85.0

    def make(self) -> "Settings":
        """Make the settings.

        Raises:
            InvalidMeasurement: If nobody can measure that.
        """
        from rsinspect.profiling.request import Settings

        return Settings(
            batch=self.batch,
            mode=self.mode,  # type: ignore[arg-type]  # these are checked there
            level="block",
            precision=self.precision,  # type: ignore[arg-type]
            backend=self.backend,
            device=self.device,
            jit=self.jit,
            threads=self.threads,
            max_time_s=self.max_time,
        )


def _among(*names: str, help: str, **more: Any) -> Any:
    return option(*names, help=help, panel="Networks", **more)


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateOptions:
    """Which networks are considered."""

    source: Annotated[
        str, _among("--source", help="Whose accuracies: {}.", choices=ACCURACY_SOURCES)
    ] = "paper"
    family: Annotated[
        str | None, _among("--family", help="Only one family: {}. Default: all.", choices=FAMILIES)
    ] = None
    point: Annotated[
        list[str] | None,
        _among("--point", help="A network of your own too, with its accuracy: my.keras=83.1."),
    ] = None

    def check(self) -> None:
        """Refuse names that are unknown, before anything is worked out.

        Raises:
            InvalidChoice: If one is.
        """
        check_choice("source of accuracies", self.source, ACCURACY_SOURCES)
        if self.family is not None:
            check_choice("family", self.family, FAMILIES)

    @property
    def own(self) -> dict[str, float]:
        """Read the networks of one's own, with their accuracies."""
        from rsinspect.tradeoffs.weighing import parse_point

        return dict(map(parse_point, self.point or []))


@with_options
def choose(
    bounds: BoundOptions,
    among: CandidateOptions,
    running: RunningOptions,
    convention: Convention = "paper",
    verify: Annotated[
        bool, typer.Option("--verify", help="Measure the pick as a whole, for up to a minute.")
    ] = False,
    format: Format = None,
    output: Output = None,
    notes: Notes = "short",
) -> None:
    """Name the best network under a bound on this machine.

    Examples:
        rsinspect choose --max-latency 200ms
        rsinspect choose --min-top1 82 --batch 8 --verify
    """
    chosen(TABLES, output, format)
    check_choice("choice of notes", notes, NOTES)
    among.check()
    found = _found(bounds.make(), among, running.make(), convention)
    if verify:
        found = _verified(found)

    from rsinspect.tradeoffs.choice_answer import choice_answer

    answer(choice_answer(found), format, output, notes)
    if found.pick is None:
        say(f"nothing fits; the nearest is {found.nearest.candidate.name}")
        raise typer.Exit(1)


def _found(
    bounds: "Bounds",
    among: CandidateOptions,
    settings: "Settings",
    convention: str,
) -> "Choice":
    """Time networks and choose, and show how far that is."""
    from rsinspect.cli.progress import watching
    from rsinspect.profiling.budget import Budget
    from rsinspect.profiling.survey import timed_batch
    from rsinspect.tradeoffs.choose import candidates_of
    from rsinspect.tradeoffs.choose import choose as find

    considered = candidates_of(among.source, among.own, among.family)
    budget = Budget.starting(settings.max_time_s)
    said = f"{settings.conditions(settings.batch)}; at most {settings.max_time_s:g} s"
    with watching(replace(settings, batch=timed_batch(settings)), budget, [said]) as on_event:
        return find(
            bounds, settings, source=among.source, considered=considered, convention=convention,
            budget=budget, on_event=on_event,
        )  # fmt: skip


def _verified(found: "Choice") -> "Choice":
    """Measure what was picked."""
    from rsinspect.tradeoffs.choose import verified

    return verified(
        found,
        on_measure=lambda entry: say(f"measuring {entry.network.title}, for up to a minute"),
    )
