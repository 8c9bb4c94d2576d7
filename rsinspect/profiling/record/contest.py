"""The fastest way of running a network here: what each took, and what that says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from rsinspect.base import codec
from rsinspect.base.quantities import Ratio, Seconds, Text
from rsinspect.networks.network import Network
from rsinspect.profiling.heats import Bout, Comparison, Verdict, compared, verdict_of
from rsinspect.profiling.protocol import Entered, Judged, Message, Out, Prepared, Ready, WhyOut
from rsinspect.profiling.record.batch import Batch
from rsinspect.profiling.record.environment import Environment
from rsinspect.profiling.record.model import Model
from rsinspect.profiling.request import Settings
from rsinspect.profiling.statistics import Latency
from rsinspect.profiling.ways import Way

SCHEMA = "rsinspect.fastest/1"
"""Version of the document. 1: first."""

Result = Literal["fastest", "slower", "faster", "undecided", "failed", "differs", "time"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """A way that entered.

    Attributes:
        way: Its choices.
        ready_s: What building it and running it once took; None where it never ran.
        output_max_abs_diff: Between its outputs and those of the first way.
        output_max_abs: Largest output of the first way in magnitude.
        verdict: Whether it was faster than the fastest before it; None where it was not compared.
        why: Why it was not, as one word; None where it was.
        reason: The same in words.
    """

    way: Way
    ready_s: Seconds | None
    output_max_abs_diff: Ratio | None
    output_max_abs: Ratio | None
    verdict: Verdict | None
    why: WhyOut | None
    reason: Text | None

    @property
    def differs_by(self) -> float | None:
        """Return the largest difference of outputs as a share of the largest output."""
        if self.output_max_abs_diff is None or not self.output_max_abs:
            return self.output_max_abs_diff
        return self.output_max_abs_diff / self.output_max_abs


@dataclass(frozen=True, kw_only=True)
class Contest:
    """Ways of running one network, compared.

    Attributes:
        network: What was run.
        request: Everything that was requested but the network.
        batch: Images requested and used.
        contestants: The ways, the one to begin with first.
        best: Number of the fastest; 0 where none was shown to be faster than the first.
        bouts: All samples.
        environment: Where.
        method: How they were compared.
        stopped_because: ``decided``, ``time`` or ``interrupted``.
        started_at: When, in UTC.
        wall_s: From the request to the end.
    """

    network: Network
    request: Settings
    batch: Batch
    contestants: tuple[Contestant, ...]
    best: int
    bouts: tuple[Bout, ...]
    environment: Environment
    method: str
    stopped_because: Literal["decided", "time", "interrupted"]
    started_at: str
    wall_s: float

    @property
    def first(self) -> Way:
        """Return the way to begin with."""
        return self.contestants[0].way

    @property
    def fastest(self) -> Way:
        """Return the fastest way."""
        return self.contestants[self.best].way

    @property
    def conditions(self) -> str:
        """Describe mode, batch, precision, backend, device and the choices to begin with."""
        return self.request.conditions(self.batch.used)

    @cached_property
    def comparisons(self) -> tuple[Comparison | None, ...]:
        """Compare each way with the first, in the rounds that both ran in."""
        return tuple(compared(self.bouts, number, 0) for number in range(len(self.contestants)))

    def words(self, number: int) -> str:
        """Say what a way does otherwise than the first."""
        return self.contestants[number].way.words(self.first, self.request.backend)

    def latency(self, number: int) -> Latency | None:
        """Return the times of a way's passes; None where it was not compared."""
        comparison = self.comparisons[number]
        return None if comparison is None else comparison.latency

    def result(self, number: int) -> Result:
        """Tell what became of a way; one that led until a faster one came is slower.

        One that led until more rounds did not bear it out is undecided, and so are those that were
        compared with it, unless they are slower than the first.
        """
        contestant = self.contestants[number]
        if contestant.why is not None:
            return contestant.why
        if number == self.best:
            return "fastest"
        if number < self.best and (contestant.verdict == "faster" or number == 0):
            return "slower"
        if any(x.verdict == "faster" for x in self.contestants[self.best + 1 : number + 1]):
            return _borne_out(self.comparisons[number])
        return contestant.verdict or "undecided"


def contest_of(messages: Sequence[Message], **known: Any) -> Contest | None:
    """Make a contest of what its worker said; None where no two ways were compared.

    Args:
        messages: In order.
        **known: The other attributes of ``Contest``.
    """
    ready = next((m for m in messages if isinstance(m, Ready)), None)
    bouts = tuple(m for m in messages if isinstance(m, Bout))
    entered = [m for m in messages if isinstance(m, Entered)]
    if ready is None or not bouts:
        return None
    prepared = {m.number: m for m in messages if isinstance(m, Prepared)}
    out = {m.number: m for m in messages if isinstance(m, Out)}
    judged = {m.number: m.verdict for m in messages if isinstance(m, Judged)}
    run = {number for bout in bouts for number in bout.ways}
    return Contest(
        contestants=tuple(
            _contestant(
                one.way,
                prepared.get(one.number),
                out.get(one.number),
                judged.get(one.number, "undecided" if one.number in run else None),
            )
            for one in entered
        ),
        best=max((x for x, verdict in judged.items() if _leads(x, verdict, bouts)), default=0),
        bouts=bouts,
        environment=ready.environment,
        method=ready.method,
        **known,
    )


def _leads(number: int, verdict: Verdict, bouts: Sequence[Bout]) -> bool:
    """Tell whether a way that was judged faster still is, in all rounds, the later ones too."""
    comparison = compared(bouts, number, 0)
    interval = None if comparison is None else comparison.interval
    return verdict == "faster" and interval is not None and interval[1] < 1


def _borne_out(comparison: Comparison | None) -> Verdict:
    """Tell whether a way is slower than the first, where what it was compared with led no more."""
    return "slower" if verdict_of(comparison) == "slower" else "undecided"


def _contestant(
    way: Way, prepared: Prepared | None, out: Out | None, verdict: Verdict | None
) -> Contestant:
    """Sum up what became of a way; one that was neither out nor run was overtaken by the end."""
    if out is None and verdict is None:
        doing = "built or compiled" if prepared is None else "to be compared"
        out = Out(0, "time", f"the time was up while it was {doing}")
    return Contestant(
        way=way,
        ready_s=None if prepared is None else prepared.ready_s,
        output_max_abs_diff=None if prepared is None else prepared.output_max_abs_diff,
        output_max_abs=None if prepared is None else prepared.output_max_abs,
        verdict=verdict,
        why=None if out is None else out.why,
        reason=None if out is None else out.reason,
    )


def to_json(contest: Contest) -> dict[str, Any]:
    """Write a contest as plain JSON values, samples and what follows from them."""
    return {
        "schema": SCHEMA,
        "model": codec.to_json(Model.of(contest.network)),
        "conditions": contest.conditions,
        "batch": codec.to_json(contest.batch),
        "fastest": _way(contest, contest.best),
        "ways": [_way(contest, number) for number in range(len(contest.contestants))],
        "rounds": codec.to_json(contest.bouts),
        "method": contest.method,
        "stopped_because": contest.stopped_because,
        "environment": codec.to_json(contest.environment),
        "request": codec.to_json(contest.request),
        "network": contest.network.to_json(),
        "started_at": contest.started_at,
        "wall_s": contest.wall_s,
    }


def _way(contest: Contest, number: int) -> dict[str, Any]:
    contestant, comparison = contest.contestants[number], contest.comparisons[number]
    found: dict[str, Any] = {
        "way": contest.words(number),
        "choices": contestant.way.choices,
        "changes": contestant.way.changes(contest.first),
        "result": contest.result(number),
        "reason": contestant.reason,
        "ready_s": contestant.ready_s,
        "output_max_abs_diff": contestant.output_max_abs_diff,
        "output_max_abs": contestant.output_max_abs,
        "latency_s": None,
        "images_per_s": None,
        "ratio": None,
        "ratio_interval": None,
        "rounds": 0,
    }
    if comparison is not None:
        median = comparison.latency.median
        found |= {
            "latency_s": median,
            "images_per_s": contest.batch.used / median,
            "ratio": comparison.ratio,
            "ratio_interval": None if comparison.interval is None else list(comparison.interval),
            "rounds": len(comparison.latency.kept),
        }
    return found
