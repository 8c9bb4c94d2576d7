"""Which rounds count: those beside no other program, on processors as fast as at other times.

On a shared machine the cause of a slow sample is almost always another program: the processor time
of others went with the wall time of samples at a rank correlation of 0.98. That time is what the
processors were busy less what this process used. It is known in ticks of 10 ms, so a window of less
than ``SHORTEST_WINDOW_TICKS`` ticks says nothing by itself and is judged with its whole burst.

A virtual machine does not show who shares its processors (the other thread of a core is another's
machine), nor their clock. But the work of a pass is the same each time, so that its processor time
tells their speed: ResNet-RS-101 took 410 ms of it, then 560 for 13 s with no other program to be
seen, then 410 again. Alone it scatters by 1 to 4 %. Beside a program it may be less: a thread that
waits for a processor does not spin (RS-50 beside one that took half the machine: 230 ms, else 305).

Where nothing passes, the quietest rounds are kept and the verdict says so: a table without rows
helps nobody (NVIDIA/nvbench, issue 231), and a median of disturbed rounds must not look clean.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

FOREIGN_AT_MOST = 0.03
"""Share of the processors that others may use in a round that counts."""

CLOCK_AT_LEAST = 0.75
"""Of the highest clock, below which a round does not count; nvbench's threshold."""

SLOWER_AT_MOST = 1.15
"""Processor time of a round that counts, as a multiple of what a quarter of all rounds need; where
too few would be left, it does not matter."""

FEWEST_KEPT = 8
SHORTEST_WINDOW_TICKS = 60
"""Below, one tick is more than half of what others may use."""

TICK_S = 0.01

Verdict = Literal["all", "gated", "quietest", "unknown"]


@dataclass(frozen=True, slots=True)
class Usage:
    """Processor time so far; differences of two count.

    Attributes:
        wall_s: A steady clock.
        busy_s: Of all processors this process may run on, by anybody; None where not told.
        own_s: Of this process.
        clock_share: Present clock as a share of the highest; None where not told.
        energy_j: Joules, by a counter of the machine; None where not told.
    """

    wall_s: float
    busy_s: float | None
    own_s: float
    clock_share: float | None = None
    energy_j: float | None = None


Probe = Callable[[], Usage]
"""Reads the machine."""


@dataclass(frozen=True, slots=True)
class Window:
    """What happened between two readings.

    Attributes:
        capacity_s: Processor time there was.
        foreign_s: Of it, what others used; None where not told.
        clock_share: Clock at its end, as a share of the highest; None where not told.
        own_s: Of the processor time, what this process used for work that is the same in all
            windows; None where it is not.
        energy_j: Joules that it took; None where not told.
    """

    capacity_s: float
    foreign_s: float | None
    clock_share: float | None = None
    own_s: float | None = None
    energy_j: float | None = None

    @property
    def foreign_share(self) -> float | None:
        """Compute the share of the processors that other programs used."""
        if self.foreign_s is None or self.capacity_s <= 0:
            return None
        return self.foreign_s / self.capacity_s


def between(before: Usage, after: Usage, processors: int) -> Window:
    """Work out what happened between two readings, on that many processors.

    >>> between(Usage(0.0, 10.0, 1.0), Usage(1.0, 11.5, 2.0), 2).foreign_share
    0.25
    """
    foreign, energy, own = None, None, after.own_s - before.own_s
    if before.busy_s is not None and after.busy_s is not None:
        foreign = max(0.0, after.busy_s - before.busy_s - own)
    if before.energy_j is not None and after.energy_j is not None:
        energy = max(0.0, after.energy_j - before.energy_j)
    capacity = (after.wall_s - before.wall_s) * processors
    return Window(capacity, foreign, after.clock_share, own, energy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gated:
    """Which rounds count, and on what grounds.

    Attributes:
        kept: Per round.
        foreign_share: Per round, of its window or its burst's; None where not told.
        verdict: ``all`` passed, the ``gated`` count, only the ``quietest`` could be kept, or
            ``unknown``: this system does not tell what others use.
    """

    kept: tuple[bool, ...]
    foreign_share: tuple[float | None, ...]
    verdict: Verdict


def gate(
    windows: Sequence[Window], bursts: Sequence[object], *, fewest: int = FEWEST_KEPT
) -> Gated:
    """Decide which rounds count.

    Args:
        windows: Per round.
        bursts: Per round, what burst it belongs to.
        fewest: Rounds to keep whatever happened in them.

    >>> quiet, busy = Window(2.0, 0.0), Window(2.0, 0.5)
    >>> gate([quiet, busy] + [quiet] * 8, range(10)).kept[:3]
    (True, False, True)
    """
    together: dict[object, list[Window]] = {}
    for window, burst in zip(windows, bursts, strict=True):
        together.setdefault(burst, []).append(window)
    shares: list[float | None] = []
    own_s: list[float | None] = []
    for window, burst in zip(windows, bursts, strict=True):
        count = 1
        if window.capacity_s < SHORTEST_WINDOW_TICKS * TICK_S:
            window, count = joined(together[burst]), len(together[burst])
        shares.append(window.foreign_share)
        own_s.append(None if window.own_s is None else window.own_s / count)
    passed = [
        (share is None or share <= FOREIGN_AT_MOST)
        and (window.clock_share is None or window.clock_share >= CLOCK_AT_LEAST)
        for share, window in zip(shares, windows, strict=True)
    ]
    most_own_s = _most_own_s(
        [own for ok, own in zip(passed, own_s, strict=True) if ok and own is not None]
    )
    fast = [
        ok and (own is None or own <= most_own_s) for ok, own in zip(passed, own_s, strict=True)
    ]
    if sum(fast) >= fewest:
        passed = fast
    verdict: Verdict = "all" if all(passed) else "gated"
    if all(share is None for share in shares):
        verdict = "unknown"
    elif sum(passed) < min(fewest, len(passed)):
        ranked = sorted(range(len(shares)), key=lambda i: (not passed[i], shares[i] or 0.0))
        passed = [False] * len(shares)
        for position in ranked[:fewest]:
            passed[position] = True
        verdict = "quietest"
    return Gated(kept=tuple(passed), foreign_share=tuple(shares), verdict=verdict)


def _most_own_s(own_s: Sequence[float]) -> float:
    """Return the processor time above which a processor was slower than at other times.

    >>> _most_own_s([0.41, 0.41, 0.42, 0.56]) < 0.56
    True
    """
    if len(own_s) < 2:
        return math.inf
    return SLOWER_AT_MOST * statistics.quantiles(own_s, n=4, method="inclusive")[0]


def joined(windows: Sequence[Window]) -> Window:
    """Join several windows into one.

    >>> joined([Window(1.0, 0.5), Window(3.0, 0.1, 0.9)])
    Window(capacity_s=4.0, foreign_s=0.6, clock_share=0.9, own_s=None, energy_j=None)
    """
    known = [window.foreign_s for window in windows if window.foreign_s is not None]
    own = [window.own_s for window in windows if window.own_s is not None]
    clocks = [window.clock_share for window in windows if window.clock_share is not None]
    return Window(
        sum(window.capacity_s for window in windows),
        sum(known) if len(known) == len(windows) else None,
        min(clocks, default=None),
        sum(own) if own and len(own) == len(windows) else None,
    )
