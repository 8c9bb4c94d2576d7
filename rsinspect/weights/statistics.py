"""What the numbers of a tensor are like, read slab by slab, so that memory stays small."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

from rsinspect.weights.roles import Role

FADED = 1e-5
"""A gamma below it adds some 1e-5 to what its channel puts out, whatever comes in: it is normal."""


class Statistics(NamedTuple):
    """What numbers are like; those that are not finite are counted and else left out.

    Attributes:
        elements: How many numbers there are.
        nans: How many are not a number.
        infinities: How many are infinite.
        zeros: How many are zero.
        least: The smallest of the finite ones; None where there is none.
        greatest: Their largest.
        mean: Theirs.
        squares: The sum of their squared distances from it.
        channels: How many channels the tensor puts out, where its role tells.
        dead: How many of them are dead: a kernel that is all zero, a gamma that is next to it.
    """

    elements: int = 0
    nans: int = 0
    infinities: int = 0
    zeros: int = 0
    least: float | None = None
    greatest: float | None = None
    mean: float | None = None
    squares: float = 0.0
    channels: int | None = None
    dead: int | None = None

    @property
    def finite(self) -> int:
        """Count the numbers that are finite."""
        return self.elements - self.nans - self.infinities

    @property
    def deviation(self) -> float | None:
        """Return the standard deviation of the finite numbers, of all of them and no sample."""
        return math.sqrt(self.squares / self.finite) if self.finite else None

    @property
    def is_constant(self) -> bool:
        """Tell whether there are several numbers, and all are one."""
        return self.elements == self.finite > 1 and self.least == self.greatest

    def __add__(self, other: object) -> Statistics:
        """Join what is known of two sets of numbers."""
        if not isinstance(other, Statistics):
            return NotImplemented
        if not (self.finite and other.finite):
            kept = self if self.finite else other
            mean, squares = kept.mean, kept.squares
        else:
            assert self.mean is not None
            assert other.mean is not None
            apart, share = other.mean - self.mean, other.finite / (self.finite + other.finite)
            mean = self.mean + apart * share
            squares = self.squares + other.squares + apart**2 * self.finite * share
        return Statistics(
            self.elements + other.elements,
            self.nans + other.nans,
            self.infinities + other.infinities,
            self.zeros + other.zeros,
            min((v.least for v in (self, other) if v.least is not None), default=None),
            max((v.greatest for v in (self, other) if v.greatest is not None), default=None),
            mean,
            squares,
            _sum(self.channels, other.channels),
            _sum(self.dead, other.dead),
        )


def _sum(one: int | None, two: int | None) -> int | None:
    return one if two is None else two if one is None else one + two


def statistics_of(slabs: Iterable[Any], role: Role) -> Statistics:
    """Look at the numbers of a tensor.

    Args:
        slabs: The tensor, in pieces along its first axis; NumPy arrays of real numbers.
        role: What it is to its layer.

    >>> import numpy as np
    >>> found = statistics_of([np.array([[0.0, 3.0], [0.0, np.nan]])], Role("kernel", (1,)))
    >>> found.nans, found.mean, found.dead
    (1, 1.0, 1)
    """
    import numpy as np

    with np.errstate(over="ignore", invalid="ignore"):  # of numbers that are damaged
        return _statistics(slabs, role)


def _statistics(slabs: Iterable[Any], role: Role) -> Statistics:
    import numpy as np

    whole, sizes = Statistics(), []
    for slab in slabs:
        numbers = slab.astype(np.float64)
        whole += _numbers(numbers)
        if role.channels:
            others = tuple(n for n in range(numbers.ndim) if n not in role.channels)
            highest = np.abs(numbers).max(axis=others, initial=0.0)
            sizes.append(np.ravel(highest))
    if not sizes:
        return whole
    along = 0 in role.channels  # then each slab has channels of its own
    tops = np.concatenate(sizes) if along else np.max(sizes, axis=0)
    match role.kind:
        case "kernel":
            dead = int((tops == 0).sum())
        case "gamma":
            dead = int((tops < FADED).sum())
        case _:
            return whole
    return whole._replace(channels=tops.size, dead=dead)


def _numbers(numbers: Any) -> Statistics:
    """Look at numbers of double precision."""
    import numpy as np

    finite = np.isfinite(numbers)
    nans = infinities = 0
    kept = numbers
    if not finite.all():
        kept, nans = numbers[finite], int(np.isnan(numbers).sum())
        infinities = int(numbers.size - kept.size - nans)
    zeros = int(kept.size - np.count_nonzero(kept))
    if not kept.size:
        return Statistics(int(numbers.size), nans, infinities)
    least, greatest, mean = float(kept.min()), float(kept.max()), float(kept.mean())
    if least == greatest:
        mean = least  # as rounding would not have it
    return Statistics(
        int(numbers.size), nans, infinities, zeros, least, greatest, mean,
        float(np.square(kept - mean).sum()),
    )  # fmt: skip
