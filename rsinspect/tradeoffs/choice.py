"""Which network to deploy: the best within bounds, and how sure that is.

Of the networks that are within all bounds the most accurate is chosen; where an accuracy is asked
for and no latency, the fastest. A latency counts as its best guess, as in a sweep; where its
interval holds the bound, that is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal

from rsinspect.base.amounts import amount, seconds_of
from rsinspect.base.errors import InvalidQuestion
from rsinspect.base.words import Option, advice
from rsinspect.layers.question import Question
from rsinspect.networks.network import Network
from rsinspect.profiling.budget import ROUNDS_FOR_INTERVAL, Wanted
from rsinspect.profiling.record.environment import Environment
from rsinspect.profiling.request import Settings
from rsinspect.tradeoffs.pareto import Candidate
from rsinspect.tradeoffs.quantity import Quantity

How = Literal["blocks", "estimate", "measured"]
"""Where a latency is from: distinct blocks that were timed here, others that were, or a
measurement of the whole network."""
Fit = Literal["yes", "likely", "unlikely", "no"]
"""Whether a network is within the bounds; by its best guess, and in the whole interval or not."""

START_S = 8.0
"""What a measurement takes before it builds anything, about."""
RUNNERS_UP = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What the network must keep to; None for no such bound.

    Attributes:
        max_latency_s: Of a batch.
        min_top1: Accuracy, in per cent.
        max_memory_bytes: Of weights and activations.
        max_flops: Of an image.
        max_params: Trainable or not.

    Raises:
        InvalidQuestion: If there is none, or one that no network is beyond or within.
    """

    max_latency_s: float | None = None
    min_top1: float | None = None
    max_memory_bytes: float | None = None
    max_flops: float | None = None
    max_params: float | None = None

    def __post_init__(self) -> None:
        given = self.given
        if not given:
            raise InvalidQuestion(
                "nothing is asked of the network",
                advice(
                    "give a bound, such as {} or {}",
                    Option("max_latency", "200ms"), Option("min_top1", 82),
                ),
            )  # fmt: skip
        for name, value in given.items():
            most = 100.0 if name == "min_top1" else 1e24
            if not 0 < value <= most:
                what = "accuracy in per cent" if name == "min_top1" else "bound to keep to"
                raise InvalidQuestion(
                    f"{value:g} is no {what}", f"it is above 0 and at most {most:g}"
                )

    @property
    def given(self) -> Mapping[str, float]:
        """List the bounds there are, by name."""
        every = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in every.items() if value is not None}

    @property
    def wants_fastest(self) -> bool:
        """Tell whether the fastest is wanted, and not the most accurate."""
        return self.min_top1 is not None and self.max_latency_s is None


def bounds_of(
    *,
    max_latency: object = None,
    min_top1: float | None = None,
    max_memory: object = None,
    max_flops: object = None,
    max_params: object = None,
) -> Bounds:
    """Read bounds as people write them: ``200ms``, ``500MiB``, ``10G``.

    Raises:
        InvalidQuestion: If there is none, or one makes no sense.
    """

    def counted(text: object, *, in_bytes: bool = False) -> float | None:
        return None if text is None else amount(text, in_bytes=in_bytes).value

    return Bounds(
        max_latency_s=None if max_latency is None else seconds_of(max_latency),
        min_top1=min_top1,
        max_memory_bytes=counted(max_memory, in_bytes=True),
        max_flops=counted(max_flops),
        max_params=counted(max_params),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A network that may be chosen.

    Attributes:
        candidate: Which, and how accurate.
        network: The network.
        latency: Of a batch.
        how: Where that is from.
        memory_bytes: Of weights and activations.
        flops: Of an image.
        params: Trainable or not.
        setup_s: What building and compiling it takes, about.
        extrapolates: In what respects an estimate goes beyond what was timed.
    """

    candidate: Candidate
    network: Network
    latency: Quantity
    how: How
    memory_bytes: int
    flops: int
    params: int
    setup_s: float
    extrapolates: tuple[str, ...] = ()

    def excess(self, bounds: Bounds, latency_s: float | None = None) -> dict[str, float]:
        """Say how many times each bound the network takes; above 1 it is beyond.

        Of an accuracy it is the errors that count.

        Args:
            bounds: The bounds.
            latency_s: Instead of the best guess.
        """
        taken = {
            "max_latency_s": self.latency.value if latency_s is None else latency_s,
            "max_memory_bytes": self.memory_bytes,
            "max_flops": self.flops,
            "max_params": self.params,
        }
        found = {}
        for name, bound in bounds.given.items():
            if name == "min_top1":
                found[name] = max(100 - self.candidate.top1, 1e-9) / max(100 - bound, 1e-9)
            else:
                found[name] = taken[name] / bound
        return found

    def worst(self, bounds: Bounds) -> tuple[str, float]:
        """Name the bound that is exceeded most, or least kept to, and by how many times."""
        excess = self.excess(bounds)
        name = max(excess, key=lambda each: excess[each])
        return name, excess[name]

    def fit(self, bounds: Bounds) -> Fit:
        """Tell whether it is within the bounds."""
        low, high = self.latency.interval or (self.latency.value, self.latency.value)
        guess, least, most = (
            max(self.excess(bounds, latency_s).values()) <= 1
            for latency_s in (self.latency.value, low, high)
        )
        if guess:
            return "yes" if most else "likely"
        return "unlikely" if least else "no"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Networks that may be chosen, and which is.

    Attributes:
        bounds: What was asked for.
        entries: All that were considered, the most accurate first.
        source: Who published the accuracies.
        settings: How they are run.
        question: What a FLOP is; batch and dtype of the memory.
        timed: Small networks that were timed.
        timed_batch: Images that they were timed with.
        foreign_share: Share of the processors that others used meanwhile; None where not told.
        environment: Where.
        started_at: When, in UTC.
        wall_s: What it took.
    """

    bounds: Bounds
    entries: tuple[Entry, ...]
    source: str
    settings: Settings
    question: Question
    timed: int
    timed_batch: int
    foreign_share: float | None
    environment: Environment
    started_at: str
    wall_s: float

    @property
    def _fitting(self) -> list[Entry]:
        """List those within the bounds by best guess, the best first."""
        within = [entry for entry in self.entries if entry.fit(self.bounds) in ("yes", "likely")]
        return sorted(within, key=self._rank)

    def _rank(self, entry: Entry) -> tuple[float, float]:
        accurate, fast = -entry.candidate.top1, entry.latency.value
        return (fast, accurate) if self.bounds.wants_fastest else (accurate, fast)

    @property
    def pick(self) -> Entry | None:
        """Return the best network within the bounds; None where there is none."""
        return next(iter(self._fitting), None)

    @property
    def runners_up(self) -> tuple[Entry, ...]:
        """List the next best that have something over the pick: speed or accuracy."""
        pick = self.pick
        if pick is None:
            return ()
        better = [
            entry
            for entry in self._fitting
            if entry.latency.value < pick.latency.value
            or entry.candidate.top1 > pick.candidate.top1
        ]
        return tuple(better[:RUNNERS_UP])

    @property
    def rivals(self) -> tuple[Entry, ...]:
        """List better networks that may be within the bounds, as their interval holds one."""
        pick = self.pick
        return tuple(
            entry
            for entry in sorted(self.entries, key=self._rank)
            if entry.fit(self.bounds) == "unlikely"
            and (pick is None or self._rank(entry) < self._rank(pick))
        )

    @property
    def nearest(self) -> Entry:
        """Return the network that exceeds the bounds least."""
        return min(self.entries, key=lambda entry: (entry.worst(self.bounds)[1], self._rank(entry)))

    def verification(self, entry: Entry) -> Wanted:
        """Work out what measuring a network for real would take."""
        passes_s = 2 * ROUNDS_FOR_INTERVAL * entry.latency.value
        return Wanted.of(
            START_S + entry.setup_s, passes_s, self.settings.batch, self.settings.max_time_s
        )
