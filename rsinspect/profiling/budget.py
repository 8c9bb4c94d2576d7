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
PREDICTION_S = 6.0
PREDICTION_SHARE = 0.1
"""The passes of a prediction take that share of the whole at most."""
TRACED = 3
"""Passes that are recorded op by op, where passes are short."""
TRACE_COST = 5 / 3
"""What recording one takes, in passes."""
TRACE_SHARE = 0.1
"""Of the whole; where more than one pass would take more than that, one is recorded."""

NO_TIME = "the measurement ended before it came to that"

FEWEST_PASSES = 4
"""Each measured pass until then is worth more than the roofs."""
ROUNDS_FOR_INTERVAL = FEWEST_FOR_INTERVAL + 2
"""One goes into the calls that compile, one into what nobody knew."""


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

    def traced(self, pass_s: float) -> int:
        """Count the passes that are recorded op by op."""
        long = TRACED * TRACE_COST * pass_s > TRACE_SHARE * self.whole_s
        return 1 if long else TRACED

    def measuring_s(self, pass_s: float, *, trace: bool) -> float:
        """Return what is left for passes and roofs, so that what comes after them fits too.

        A trace was asked for, so it has its time unless that is the only pass's.

        Args:
            pass_s: One pass.
            trace: Whether a trace comes after.
        """
        left_s = self.left_s - SUMMING_UP_S
        after_s = TRACE_COST * self.traced(pass_s) * pass_s if trace else 0.0
        return left_s - after_s if left_s - after_s >= pass_s else left_s

    def pairs_fit(self, pass_s: float, compile_s: float, *, trace: bool) -> bool:
        """Tell whether an interval can be had with two passes a round.

        Args:
            pass_s: One pass.
            compile_s: What the call that compiles the other function takes beyond its pass.
            trace: Whether a trace comes after.
        """
        left_s = self.measuring_s(pass_s, trace=trace) - compile_s - pass_s
        return left_s >= 2 * ROUNDS_FOR_INTERVAL * pass_s


def has_roofs(count: int, pass_s: float, left_s: float, roofs_s: float) -> bool:
    """Tell whether there is time for roofs, with so many passes or rounds measured already.

    They cost no interval that can be had, and none of the first passes.

    Args:
        count: Passes that were measured.
        pass_s: What another takes.
        left_s: For passes and roofs.
        roofs_s: What the roofs take.

    >>> has_roofs(0, 5.0, 35.0, 5.0), has_roofs(0, 5.0, 34.0, 5.0), has_roofs(6, 5.0, 5.0, 5.0)
    (True, False, True)
    """
    without = count + max(0, math.floor(left_s / pass_s))
    beside = count + max(0, math.floor((left_s - roofs_s) / pass_s))
    if left_s < roofs_s or beside < min(FEWEST_PASSES, without):
        return False
    return not beside < FEWEST_FOR_INTERVAL <= without


class Estimate(NamedTuple):
    """What the whole network will take here, from a few passes of its distinct blocks.

    Attributes:
        batch: Images in a batch, as requested.
        ready_s: Building it.
        pass_s: One pass or training step.
        begun_s: Of the budget, what was used up before.
        compile_s: What the call that compiles one of its functions takes beyond its pass.
        pairs: Whether parts and whole cannot be had of one pass.
        beside_s: A pass of the network beside, which comes with each; 0 where there is none.
    """

    batch: Images
    ready_s: Seconds
    pass_s: Seconds
    begun_s: Seconds
    compile_s: Seconds = 0.0
    pairs: bool = False
    beside_s: Seconds = 0.0

    @property
    def both_s(self) -> float:
        """Return what a pass of it and of the network beside takes."""
        return self.pass_s + self.beside_s

    def may_fit(self, left_s: float) -> bool:
        """Tell whether one measured pass may be had; where in doubt, yes.

        Building and compiling is known to half of it. The call that compiles has a pass in it,
        which will do where there is no other.
        """
        passes = 4 if self.pairs else 1
        return (self.ready_s + self.compile_s) / 2 + passes * self.both_s <= left_s

    def wanted(self, whole_s: float, processes: int = 1) -> Wanted:
        """Work out what an interval would take, in one process or in each of several."""
        before_s = self.begun_s + self.ready_s + self.compile_s + SUMMING_UP_S
        passes = ROUNDS_FOR_INTERVAL * (2 if self.pairs else 1)
        wanted = Wanted.of(before_s, passes * self.both_s, self.batch, whole_s / processes)
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
    def of(cls, before_s: float, passes_s: float, batch: int, whole_s: float) -> Wanted:
        """Work it out; times of passes are taken to grow with the batch.

        Args:
            before_s: What everything but passes takes.
            passes_s: As many passes as an interval needs, at that batch.
            batch: Images in a batch.
            whole_s: The budget.

        >>> Wanted.of(15.0, 160.0, 128, 60.0)
        Wanted(batch=32, time_s=200)
        """
        fits = batch
        while fits and before_s + passes_s * fits / batch > whole_s:
            fits //= 2
        return cls(fits or None, 10 * math.ceil(1.1 * (before_s + passes_s) / 10))

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
