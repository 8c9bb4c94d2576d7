"""What a machine can do at best, as measured where the network runs.

Both kinds of roof are measured with the framework that runs the network (``backends.roofs``); a
data sheet is no roof.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise

from rsinspect.base.errors import InvalidMeasurement
from rsinspect.base.quantities import Name, Positive, Rate, Text
from rsinspect.base.units import percent


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputeRoof:
    """The fastest rate at which one operation was computed.

    Attributes:
        op: Such as ``matmul`` or ``conv 3x3``.
        size: Size of the operands: ``1024x1024``.
        flops_per_s: Two operations per MAC.
    """

    op: Name
    size: Name
    flops_per_s: Rate


@dataclass(frozen=True, slots=True, kw_only=True)
class BandwidthRoof:
    """The fastest rate at which memory was read and written.

    Attributes:
        level: Where a working set of that size lies: ``L2``, ``L3``, ``DRAM``, or the size in words
            where the caches are not known.
        working_set_bytes: Memory that was gone through again and again.
        bytes_per_s: Bytes read and bytes written, added up.
    """

    level: Name
    working_set_bytes: Positive
    bytes_per_s: Rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Roofs:
    """What a machine can do at best, as measured.

    Attributes:
        compute: Of several operations; at least one.
        bandwidth: Of several working sets, the smallest first; at least one.
        precision: Of the numbers.
        method: Description of the measurement.

    Raises:
        InvalidMeasurement: If a kind of roof is missing, or working sets do not grow.
    """

    compute: tuple[ComputeRoof, ...]
    bandwidth: tuple[BandwidthRoof, ...]
    precision: Name
    method: Text

    def __post_init__(self) -> None:
        if not self.compute or not self.bandwidth:
            raise InvalidMeasurement("roofs are at least one compute and one bandwidth roof")
        sets = [roof.working_set_bytes for roof in self.bandwidth]
        if any(smaller >= larger for smaller, larger in pairwise(sets)):
            raise InvalidMeasurement("bandwidth roofs have growing working sets, each once")

    @property
    def flops_per_s(self) -> float:
        """Return the compute roof: the rate of the fastest operation."""
        return max(roof.flops_per_s for roof in self.compute)

    def bytes_per_s(self, working_set_bytes: float) -> float:
        """Look up a working set's bandwidth roof: the largest measured set up to its size.

        Where a larger one was measured faster, the bandwidth is that: a roof is no average.

        >>> levels = [BandwidthRoof(level=name, working_set_bytes=size, bytes_per_s=rate)
        ...           for name, size, rate in [("L2", 2**20, 2e11), ("DRAM", 2**28, 5e10)]]
        >>> compute = ComputeRoof(op="matmul", size="1024x1024", flops_per_s=3e11)
        >>> roofs = Roofs(compute=(compute,), bandwidth=tuple(levels), precision="float32",
        ...               method="made up")
        >>> roofs.bytes_per_s(2**27) == 2e11, roofs.bytes_per_s(2**30) == 5e10
        (True, True)
        """
        below = [r for r in self.bandwidth if r.working_set_bytes <= working_set_bytes]
        at = max(0, len(below) - 1)
        return max(roof.bytes_per_s for roof in self.bandwidth[at:])

    def raised(self, factor: float, reason: str) -> Roofs:
        """Raise all roofs by one factor; the method says so.

        All by the same factor: whatever slows one roof's measurement slows the others alike.
        Another program on one of two processors halved arithmetic and bandwidth.

        A floor is in inverse proportion to the roofs, so a segment that took 1/factor of its floor
        takes exactly its floor by these.

        Args:
            factor: At least 1.
            reason: In words, such as the segment that was faster than its floor.

        Raises:
            InvalidMeasurement: If the factor would lower them.
        """
        if not (math.isfinite(factor) and factor >= 1):
            raise InvalidMeasurement(f"roofs are raised by a factor of at least 1, not {factor!r}")
        return replace(
            self,
            compute=tuple(
                [replace(roof, flops_per_s=roof.flops_per_s * factor) for roof in self.compute]
            ),
            bandwidth=tuple(
                [replace(roof, bytes_per_s=roof.bytes_per_s * factor) for roof in self.bandwidth]
            ),
            method=f"{self.method}; raised {percent(factor - 1)}: {reason}",
        )
