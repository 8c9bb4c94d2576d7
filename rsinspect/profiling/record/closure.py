"""Whether the parts of a network account for the whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rsinspect.profiling.rounds import TotalOf
from rsinspect.profiling.statistics import Latency, interval_of_excess

CLOSES_WITHIN = 0.03
"""Share of the whole within which the gap's interval has to lie."""

SAME_OUTPUT_WITHIN = 1e-3
"""Of the largest output in magnitude; float32 sums in another order differ by less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Excess:
    """How far one median is above another, as a share of the other, with its 95 % interval.

    Attributes:
        relative: The share.
        interval: Its ends; None with too few rounds.
    """

    relative: float
    interval: tuple[float, float] | None

    @classmethod
    def of(cls, parts: Sequence[Latency], whole: Latency) -> Excess:
        """Compare the sum of the parts' medians with the median of the whole."""
        total = sum(part.median for part in parts)
        return cls(relative=total / whole.median - 1, interval=interval_of_excess(parts, whole))

    def within(self, limit: float) -> bool | None:
        """Tell whether the whole interval is within a limit; None without an interval."""
        if self.interval is None:
            return None
        return -limit <= self.interval[0] and self.interval[1] <= limit

    def may_be_within(self, limit: float) -> bool:
        """Tell whether part of the interval is within a limit, or there is none.

        >>> Excess(relative=-0.08, interval=(-0.64, 0.47)).may_be_within(0.03)
        True
        """
        return self.interval is None or (self.interval[0] <= limit and -limit <= self.interval[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """Whether the segments account for the whole.

    Attributes:
        segments: Latencies of all segments, steps included.
        end_to_end: The whole network without instruments, timed in the same rounds.
        instrumented: The call with instruments inside.
        output_max_abs_diff: Largest difference between the outputs with and without instruments;
            None where chance makes them differ.
        output_max_abs: Largest output of the whole network in magnitude; None where it is no
            finite number.
        total_of: Which pass the total is of.
    """

    segments: tuple[Latency, ...]
    end_to_end: Latency
    instrumented: Latency
    output_max_abs_diff: float | None
    output_max_abs: float | None
    total_of: TotalOf = "plain"

    @property
    def sum_s(self) -> float:
        """Add up the segments' medians."""
        return sum(segment.median for segment in self.segments)

    @property
    def end_to_end_s(self) -> float:
        """Return the median of the whole network."""
        return self.end_to_end.median

    @property
    def gap(self) -> Excess:
        """Compare the sum of the segments with the whole network."""
        return Excess.of(self.segments, self.end_to_end)

    @property
    def overhead(self) -> Excess | None:
        """Compare the call with instruments with the whole network: the instruments' cost.

        None where the total was had of that same call.
        """
        if self.total_of != "plain":
            return None
        return Excess.of([self.instrumented], self.end_to_end)

    @property
    def relative_error(self) -> float:
        """Express the gap between sum and whole as a share of the whole."""
        return self.gap.relative

    @property
    def closes(self) -> bool | None:
        """Tell whether the gap's interval is within 3 %.

        None without an interval, and where parts and whole are of the same pass: there they add up
        whatever the instruments do.
        """
        if self.total_of != "plain":
            return None
        return self.gap.within(CLOSES_WITHIN)

    @property
    def same_output(self) -> bool:
        """Tell whether both computed the same, up to rounding, as far as is known."""
        difference, largest = self.output_max_abs_diff, self.output_max_abs
        return difference is None or largest is None or difference <= SAME_OUTPUT_WITHIN * largest
