"""A positive quantity that is known within an interval, and what follows from two of them.

An interval of times is taken as that of a logarithm: times are positive and their errors are
factors, and a ratio of two has then an interval without resampling.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from rsinspect.profiling.statistics import NORMAL_975


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

    @property
    def deviation(self) -> float | None:
        """Compute the standard deviation of its logarithm; None without an interval."""
        if self.interval is None:
            return None
        low, high = self.interval
        if low <= 0:  # of few processes: as far down as up
            return math.log(high / self.value) / NORMAL_975
        return math.log(high / low) / 2 / NORMAL_975

    def times(self, factor: float) -> Quantity:
        """Multiply by an exact number.

        >>> Quantity(2.0, (1.0, 4.0)).times(3)
        Quantity(value=6.0, interval=(3.0, 12.0))
        """
        if self.interval is None:
            return Quantity(self.value * factor, None)
        low, high = self.interval
        return Quantity(self.value * factor, (low * factor, high * factor))

    def inverse(self, of: float = 1.0) -> Quantity:
        """Divide an exact number by it: images by the seconds that they take.

        >>> Quantity(2.0, (1.0, 4.0)).inverse(of=8)
        Quantity(value=4.0, interval=(2.0, 8.0))
        """
        if self.interval is None:
            return Quantity(of / self.value, None)
        low, high = self.interval
        return Quantity(of / self.value, (of / high, of / low if low > 0 else math.inf))


def ratio(one: Quantity, other: Quantity) -> Quantity:
    """Divide one quantity by another that was measured on its own.

    >>> found = ratio(Quantity(6.0, (5.0, 7.2)), Quantity(2.0, (2.0, 2.0)))
    >>> found.value, [round(end, 2) for end in found.interval]
    (3.0, [2.5, 3.6])
    """
    value = one.value / other.value
    if one.deviation is None or other.deviation is None:
        return Quantity(value, None)
    factor = math.exp(NORMAL_975 * math.hypot(one.deviation, other.deviation))
    return Quantity(value, (value / factor, value * factor))
