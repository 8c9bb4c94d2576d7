"""Heats: several ways of running one network, sampled in turns and compared as paired ratios.

A heat runs the way to begin with, the best so far and a challenger. Its rounds come in bursts, as
those of a profile do (``rounds``): a burst runs each way several times, in random order of the
ways, and their n-th samples are its n-th round. So whatever a neighbour does falls on all alike,
and the median of one over that of another, with an interval that resamples whole bursts, says which
is faster although neither time is worth much by itself.

A challenger that is far slower is out after a burst. It is faster only where its whole interval
says so, by as much as is worth a change; else the best so far stays.
"""

from __future__ import annotations

import gc
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal, TypeVar

from rsinspect.base.quantities import Count, MeasuredSeconds, Ratio, Seconds
from rsinspect.profiling.gate import Probe, Window, between, gate, joined
from rsinspect.profiling.record.closure import Excess
from rsinspect.profiling.rounds import (
    BURST_AT_LEAST_S,
    MOST_ROUNDS,
    MOST_ROUNDS_IN_BURST,
    PRECISE_HALF_WIDTH,
    ROUNDS_IN_BURST,
    SETTLES_BELOW_S,
    Clock,
)
from rsinspect.profiling.statistics import Latency, Sampling

HOPELESS = (2.0, 1.2)
"""A challenger whose fastest sample is that much above the median of the best is out, after its
first burst and after any later one: a moment may be bad, but hardly two."""
BURSTS_AT_LEAST = 4
"""An interval of fewer is that of a moment."""
BURSTS_AT_MOST = 12
WORTH = 0.01
"""A way is changed for that share of its time at least: the interval is looked at more than once,
and then lies beside 1 now and then although nothing is faster."""

Verdict = Literal["faster", "slower", "undecided"]
V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bout:
    """One sample of each way in a heat, in seconds.

    Attributes:
        burst: Number of its burst, from 0.
        ways: Numbers of the ways.
        seconds: Of each.
        capacity_s: Processor time there was, on the processors this process may use.
        foreign_s: Of it, what other programs used; None where the system does not tell.
        clock_share: Clock as a share of the highest; None where the system does not tell.
    """

    burst: Count
    ways: tuple[Count, ...]
    seconds: tuple[MeasuredSeconds, ...]
    capacity_s: Seconds
    foreign_s: Seconds | None
    clock_share: Ratio | None

    @property
    def window(self) -> Window:
        """Return the window that the gate judges."""
        return Window(self.capacity_s, self.foreign_s, self.clock_share)

    def of(self, way: int) -> float:
        """Return the sample of a way.

        Raises:
            ValueError: If it was not in the heat.
        """
        return self.seconds[self.ways.index(way)]


class Heats:
    """Runs heats; functions of the ways return when their result is ready.

    Args:
        clock: In nanoseconds.
        probe: Reads what the processors do.
        processors: That this process may run on.
        order: Decides in which order ways run in a burst.
        on_bout: Takes each round.
        most_rounds: In a heat.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        probe: Probe,
        processors: int,
        order: random.Random,
        on_bout: Callable[[Bout], None],
        most_rounds: int = MOST_ROUNDS,
    ) -> None:
        self.clock = clock
        self.probe = probe
        self.processors = processors
        self.order = order
        self.on_bout = on_bout
        self.most_rounds = most_rounds
        self.bouts: list[Bout] = []
        self.bursts = 0

    def challenge(
        self,
        ways: Mapping[int, Callable[[], object]],
        best: int,
        challenger: int,
        max_time_s: float,
    ) -> Verdict:
        """Sample until it is known whether the challenger is faster than the best so far.

        Args:
            ways: What runs each, by number; these two, and others to be compared with later.
            best: Number of the best so far.
            challenger: Number of the one that is new.
            max_time_s: No burst is begun that would pass it, but for the first.
        """
        first = len(self.bouts)

        def verdict(bursts: int) -> Verdict | None:
            of_heat = self.bouts[first:]
            fastest = min(bout.of(challenger) for bout in of_heat)
            hopeless = HOPELESS[0] if bursts == 1 else HOPELESS[1]
            if fastest > hopeless * median(bout.of(best) for bout in of_heat):
                return "slower"
            if bursts < BURSTS_AT_LEAST:
                return None
            found = verdict_of(compared(self.bouts, challenger, best))
            return found if found != "undecided" or bursts >= BURSTS_AT_MOST else None

        return self._until(ways, verdict, max_time_s) or verdict_of(
            compared(self.bouts, challenger, best)
        )

    def confirm(
        self, ways: Mapping[int, Callable[[], object]], one: int, other: int, max_time_s: float
    ) -> bool:
        """Sample two ways until their ratio is known within 1 %; tell whether it is."""

        def verdict(bursts: int) -> bool | None:
            found = compared(self.bouts, one, other)
            precise = found is not None and found.half_width <= PRECISE_HALF_WIDTH
            return True if precise and bursts >= BURSTS_AT_LEAST else None

        return self._until(ways, verdict, max_time_s) is True

    def _until(
        self,
        ways: Mapping[int, Callable[[], object]],
        verdict: Callable[[int], V | None],
        max_time_s: float,
    ) -> V | None:
        """Run bursts until there is a verdict; None where time or rounds run out before."""
        start_ns, longest_s = self.clock(), 0.0
        first, bursts = len(self.bouts), 0
        while bursts == 0 or (self.clock() - start_ns) / 1e9 + longest_s <= max_time_s:
            before_ns = self.clock()
            self._burst(ways)
            bursts += 1
            longest_s = max(longest_s, (self.clock() - before_ns) / 1e9)
            if (found := verdict(bursts)) is not None:
                return found
            if len(self.bouts) - first >= self.most_rounds:
                break
        return None

    def _burst(self, ways: Mapping[int, Callable[[], object]]) -> None:
        """Sample each way several times; their n-th samples are the n-th round."""
        size, settle = self._size(ways)
        order = list(ways)
        self.order.shuffle(order)
        samples = {way: self._samples(ways[way], size, settle=settle) for way in order}
        for taken in zip(*(samples[way] for way in ways), strict=True):
            window = joined([window for _, window in taken])
            bout = Bout(
                burst=self.bursts,
                ways=tuple(ways),
                seconds=tuple(seconds for seconds, _ in taken),
                capacity_s=window.capacity_s,
                foreign_s=window.foreign_s,
                clock_share=window.clock_share,
            )
            self.bouts.append(bout)
            self.on_bout(bout)
        self.bursts += 1

    def _size(self, ways: Mapping[int, Callable[[], object]]) -> tuple[int, bool]:
        """Choose how many rounds a burst has, and whether a call before them is discarded."""
        known = [bout.of(way) for bout in self.bouts[-2:] for way in ways if way in bout.ways]
        if not known:
            return 1, True
        pass_s = median(known)
        if pass_s >= SETTLES_BELOW_S:
            return 1, False
        lasts = math.ceil(BURST_AT_LEAST_S / (pass_s * len(ways)))
        return max(ROUNDS_IN_BURST, min(MOST_ROUNDS_IN_BURST, lasts)), True

    def _samples(
        self, call: Callable[[], object], size: int, *, settle: bool
    ) -> list[tuple[float, Window]]:
        if settle:
            call()
        samples = []
        for _ in range(size):
            gc.collect()
            before, start_ns = self.probe(), self.clock()
            call()
            took_s = (self.clock() - start_ns) / 1e9
            samples.append((took_s, between(before, self.probe(), self.processors)))
        return samples


@dataclass(frozen=True, slots=True)
class Comparison:
    """How long one way takes, compared with another in the same rounds.

    Attributes:
        latency: Of the one.
        other: Of the other.
    """

    latency: Latency
    other: Latency

    @property
    def excess(self) -> Excess:
        """Return how much longer it takes, as a share."""
        return Excess.of([self.latency], self.other)

    @property
    def ratio(self) -> float:
        """Return the median over that of the other."""
        return 1 + self.excess.relative

    @property
    def interval(self) -> tuple[float, float] | None:
        """Return the 95 % interval of the ratio; None with too few rounds."""
        ends = self.excess.interval
        return None if ends is None else (max(0.0, 1 + ends[0]), 1 + ends[1])

    @property
    def half_width(self) -> float:
        """Return half the interval of the ratio; infinite where there is none."""
        return math.inf if self.interval is None else (self.interval[1] - self.interval[0]) / 2


def compared(bouts: Sequence[Bout], way: int, other: int) -> Comparison | None:
    """Compare two ways in the rounds that both ran in; None where there are none."""
    both = [bout for bout in bouts if way in bout.ways and other in bout.ways]
    if not both:
        return None
    bursts = tuple(bout.burst for bout in both)
    kept = gate([bout.window for bout in both], bursts).kept
    sampling = Sampling((0,) * len(both), bursts, kept)
    one, two = (tuple(bout.of(number) for bout in both) for number in (way, other))
    return Comparison(Latency(one, sampling), Latency(two, sampling))


def verdict_of(comparison: Comparison | None) -> Verdict:
    """Tell whether a way is faster than another; where an interval does not say so, it is not."""
    if comparison is None or comparison.interval is None:
        return "undecided"
    low, high = comparison.interval
    return "faster" if high < 1 - WORTH else "slower" if low > 1 else "undecided"
