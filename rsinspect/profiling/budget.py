"""The time a whole measurement may take, and what fits into it.

The end is a moment on the machine's monotonic clock, which all its processes read alike: the parent
and its workers go by the same one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from rsinspect.base.quantities import Count, Images, Seconds
from rsinspect.base.words import Option, Wording, advice
from rsinspect.profiling.statistics import FEWEST_FOR_INTERVAL

Clock = Callable[[], float]
"""Seconds from a fixed moment."""

SUMMING_UP_S = 1.0
"""Left by a worker at the end: for its own end, the statistics and the table."""
GRACE_S = 1.5
"""A worker is ended that long after the end: what it was in the middle of is lost."""

ROOFS_S = 5.0
ROOFS_SHARE = 0.1
"""The roofs take that share of the whole at most."""
PREDICTION_S = 4.0
PREDICTION_SHARE = 0.05
"""The passes of a prediction take that share of the whole at most."""
TRACE_PASSES = 5
"""What recording three passes op by op takes, in passes."""

NO_TIME = "the measurement ended before it came to that"

ROUNDS_FOR_INTERVAL = FEWEST_FOR_INTERVAL + 2
"""The calls that compile are as long as a round, and one goes into settling."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Wall time of a whole measurement.

    Attributes:
        whole_s: All of it, in seconds.
        ends_s: When it is used up, by the clock.
        clock: Monotonic, the same in all processes of the machine.
    """

    whole_s: float
    ends_s: float
    clock: Clock = time.monotonic

    @classmethod
    def starting(cls, whole_s: float, clock: Clock = time.monotonic) -> Budget:
        """Start the clock now."""
        return cls(whole_s=whole_s, ends_s=clock() + whole_s, clock=clock)

    @property
    def left_s(self) -> float:
        """Return the seconds that are left; below 0 where it is overdrawn."""
        return self.ends_s - self.clock()

    @property
    def elapsed_s(self) -> float:
        """Return the seconds since it began."""
        return self.whole_s - self.left_s

    @property
    def prediction_s(self) -> float:
        """Return what the passes of a prediction may take."""
        return min(PREDICTION_S, PREDICTION_SHARE * self.whole_s)

    @property
    def roofs_s(self) -> float:
        """Return what the roofs may take."""
        return min(ROOFS_S, ROOFS_SHARE * self.whole_s)

    def first_of(self, parts: int) -> Budget:
        """Divide what is left evenly, and return the first part."""
        ends_s = self.ends_s - self.left_s * (parts - 1) / parts
        return Budget(whole_s=self.whole_s, ends_s=ends_s, clock=self.clock)

    def measuring_s(self, round_s: float, *, roofs: bool, trace: bool) -> float:
        """Return what warm-up and rounds may take, so that what comes after them fits too.

        Where the roofs would cost the interval, or the only round, there is no time for them.

        Args:
            round_s: One round.
            roofs: Whether roofs come after.
            trace: Whether a trace comes after.
        """
        left_s = self.left_s - SUMMING_UP_S - (TRACE_PASSES * round_s / 2 if trace else 0.0)
        after_s = self.roofs_s if roofs else 0.0
        for rounds in (FEWEST_FOR_INTERVAL, 1):
            if left_s - after_s >= rounds * round_s:
                return left_s - after_s
            if left_s >= rounds * round_s:
                break
        return left_s


class Estimate(NamedTuple):
    """What the whole network will take here, from a few passes of its distinct blocks.

    Attributes:
        batch: Images in a batch, as requested.
        ready_s: Building and compiling it.
        pass_s: One pass or training step.
        begun_s: Of the budget, what was used up before.
    """

    batch: Images
    ready_s: Seconds
    pass_s: Seconds
    begun_s: Seconds

    def may_fit(self, left_s: float) -> bool:
        """Tell whether one round may be had; where in doubt, yes.

        A round is two passes, and so are the calls that compile. What those take beyond their
        passes is known to half of it.
        """
        return self.ready_s / 2 + 4 * self.pass_s <= left_s

    def wanted(self, whole_s: float, processes: int = 1) -> Wanted:
        """Work out what an interval would take, in one process or in each of several."""
        before_s = self.begun_s + self.ready_s + SUMMING_UP_S
        wanted = Wanted.of(before_s, 2 * self.pass_s, self.batch, whole_s / processes)
        return wanted._replace(time_s=wanted.time_s * processes)


class Wanted(NamedTuple):
    """What an interval of the median would take.

    Attributes:
        batch: The largest batch that has one within the budget: the requested one, halved; None
            where no batch has.
        time_s: The budget within which the requested batch has one.
    """

    batch: Images | None
    time_s: Count

    @classmethod
    def of(cls, before_s: float, round_s: float, batch: int, whole_s: float) -> Wanted:
        """Work it out; times of rounds are taken to grow with the batch.

        Args:
            before_s: What everything but passes takes.
            round_s: Both passes at that batch.
            batch: Images in a batch.
            whole_s: The budget.

        >>> Wanted.of(15.0, 40.0, 128, 60.0)
        Wanted(batch=16, time_s=370)
        """
        needed_s = before_s + ROUNDS_FOR_INTERVAL * round_s
        fits = batch
        while fits and before_s + ROUNDS_FOR_INTERVAL * round_s * fits / batch > whole_s:
            fits //= 2
        return cls(fits or None, 10 * math.ceil(1.1 * needed_s / 10))

    @property
    def advice(self) -> Wording:
        """Say what to ask for instead.

        >>> str(Wanted(16, 370).advice)
        'an interval needs batch=16, or max_time_s=370'
        """
        time = Option("max_time_s", self.time_s)
        if self.batch is None:
            return advice("an interval needs {}", time)
        return advice("an interval needs {}, or {}", Option("batch", self.batch), time)
