"""A positive quantity that is known within an interval.

The interval is taken as that of a logarithm: times are positive, and their errors are factors.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from rsinspect.comparisons.ratio import log_error
from rsinspect.profiling.statistics import NORMAL_975, Latency


class Quantity(NamedTuple):
    """A positive number, as well as it is known.

    Attributes:
        value: The best guess.
        interval: Within which it lies in 95 %; equal ends where it is exact, None where nobody
            knows how far off the value is.
    """

    value: float
    interval: tuple[float, float] | None

    @classmethod
    def exact(cls, value: float) -> Quantity:
        """Take a number that was counted."""
        return cls(value, (value, value))

    @classmethod
    def of(cls, latency: Latency) -> Quantity:
        """Take the median of a measurement: as well as another process would find it again."""
        median, error = latency.median, log_error(latency)
        if error is None:
            return cls(median, None)
        factor = math.exp(NORMAL_975 * error)
        return cls(median, (median / factor, median * factor))

    @property
    def deviation(self) -> float | None:
        """Compute the standard deviation of its logarithm; None without an interval."""
        if self.interval is None:
            return None
        low, high = self.interval
        return math.log(high / low) / 2 / NORMAL_975

    def inverse(self, of: float = 1.0) -> Quantity:
        """Divide an exact number by it: images by the seconds that they take.

        >>> Quantity(2.0, (1.0, 4.0)).inverse(of=8)
        Quantity(value=4.0, interval=(2.0, 8.0))
        """
        if self.interval is None:
            return Quantity(of / self.value, None)
        low, high = self.interval
        return Quantity(of / self.value, (of / high, of / low))
