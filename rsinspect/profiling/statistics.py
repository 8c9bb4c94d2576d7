"""Samples and what they say; no idea what is timed.

The interval of the median is distribution-free: its ends are two of the samples, chosen from the
binomial distribution (the number of samples below the median is Binomial(n, 1/2) whatever the
distribution). That holds for *independent* samples. Samples taken one after another in one process
are correlated (lag-1 autocorrelation 0.34 was measured on a real network), so the interval covers
the long-run median less often than its nominal 95 %: bootstrap intervals of 20 consecutive calls
covered it 51 % of the time. It is a statement about this run, not about the machine next week.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rsinspect.errors import InvalidMeasurement

NOMINAL_COVERAGE = 0.95
FEWEST_FOR_INTERVAL = 6
"""With five samples even the smallest and the largest enclose the median in only 93.75 %."""

WARM_UP_AT_LEAST = 3
WARM_UP_AT_MOST = 10
WARM_UP_TOLERANCE = 0.05


@dataclass(frozen=True, slots=True)
class Latency:
    """Samples of one quantity, in seconds, and their summary.

    Consecutive samples of one process are correlated, so ``ci_low`` to ``ci_high`` covers the
    long-run median less often than the nominal 95 % (see the module's docstring).

    Attributes:
        samples: In the order they were taken; at least one, each above zero.

    Raises:
        InvalidMeasurement: If there is no sample, or one is not a time.

    >>> latency = Latency((3.0, 1.0, 2.0, 5.0, 4.0, 6.0))
    >>> latency.median, latency.ci_low, latency.ci_high, latency.minimum
    (3.5, 1.0, 6.0, 1.0)
    """

    samples: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.samples:
            raise InvalidMeasurement("a latency needs at least one sample")
        for sample in self.samples:
            if not (math.isfinite(sample) and sample > 0):
                raise InvalidMeasurement(f"{sample} is no time in seconds; a sample is above 0")

    @classmethod
    def of(cls, samples: Iterable[float]) -> Latency:
        """The summary of some samples, in seconds."""
        return cls(tuple(samples))

    @property
    def median(self) -> float:
        """Half the samples are below; the middle of two where their number is even."""
        return statistics.median(self.samples)

    @property
    def interval(self) -> tuple[float, float] | None:
        """Nominal 95 % interval of the median; None with fewer than six samples."""
        rank = interval_rank(len(self.samples))
        if rank is None:
            return None
        ordered = sorted(self.samples)
        return ordered[rank - 1], ordered[-rank]

    @property
    def ci_low(self) -> float | None:
        """Lower end of the interval, or None."""
        return None if self.interval is None else self.interval[0]

    @property
    def ci_high(self) -> float | None:
        """Upper end of the interval, or None."""
        return None if self.interval is None else self.interval[1]

    @property
    def half_width(self) -> float | None:
        """Half the interval, as a share of the median; None where there is no interval."""
        if self.interval is None:
            return None
        low, high = self.interval
        return (high - low) / 2 / self.median

    @property
    def quartiles(self) -> tuple[float, float]:
        """A quarter of the samples lies below the first, a quarter above the second."""
        if len(self.samples) == 1:
            return self.samples[0], self.samples[0]
        first, _, third = statistics.quantiles(self.samples, n=4, method="inclusive")
        return first, third

    @property
    def spread(self) -> float:
        """Distance between the quartiles, as a share of the median."""
        first, third = self.quartiles
        return (third - first) / self.median

    @property
    def minimum(self) -> float:
        """The fastest sample."""
        return min(self.samples)


def interval_rank(count: int) -> int | None:
    """Which sample from either end bounds a 95 % interval of the median; None if none does.

    The largest rank r whose interval, the r-th smallest to the r-th largest of ``count``
    independent samples, misses the median with probability at most 5 %.

    >>> [interval_rank(count) for count in (5, 6, 9, 20)]
    [None, 1, 2, 6]
    """
    allowed = round((1 - NOMINAL_COVERAGE) * 1000)  # in thousandths, so that the test stays exact
    missed, rank = 0, 0
    for below in range(count // 2):
        missed += math.comb(count, below)
        if 2 * missed * 1000 > allowed << count:
            break
        rank = below + 1
    return rank or None


def is_steady(samples: Sequence[float], *, tolerance: float = WARM_UP_TOLERANCE) -> bool:
    """Whether warm-up may end: at least three samples, and the last two within ``tolerance``.

    The first call compiles, and the second is often slower than the rest.

    >>> is_steady([9.0, 1.2, 1.0]), is_steady([9.0, 1.2, 1.0, 1.02]), is_steady([1.0, 1.0])
    (False, True, False)
    """
    if len(samples) < WARM_UP_AT_LEAST:
        return False
    before, last = samples[-2:]
    return abs(last - before) <= tolerance * min(last, before)


def warm_up_over(samples: Sequence[float]) -> bool:
    """Whether warm-up ends here: steady, or not steady after ten samples."""
    return is_steady(samples) or len(samples) >= WARM_UP_AT_MOST
