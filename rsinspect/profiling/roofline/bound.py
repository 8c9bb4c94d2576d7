"""The least time a segment can take on this machine, and how near it came.

The roofline model (Williams, Waterman and Patterson 2009) sets two roofs: arithmetic and memory
bandwidth (``roofline.roofs``). The *floor* is the sum over kernels (``layers.kernels``) of the
longer of arithmetic at the compute roof and traffic at the bandwidth roof. Bandwidth falls as the
working set grows: traffic is set against the bandwidth of the largest working set measured that is
no larger than the kernel's own, so it is never underrated.

Kernels are taken to run one after the other, each on the whole machine. A segment below its floor
therefore shows a roof that was measured too low, never a machine that beats its own limits: its
fraction is None, with that reason, unless the roofs are raised by it (``Roofs.raised``).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from rsinspect.base.errors import InvalidMeasurement
from rsinspect.base.quantities import Count, MeasuredSeconds, Seconds, Share, Text
from rsinspect.base.units import seconds as seconds_text
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.kernels import Kernel, Mode, kernels
from rsinspect.profiling.roofline.roofs import Roofs

Kind = Literal["compute", "memory"]

LEAST_FLOOR_S = 1e-24
"""One operation at the highest rate a roof can have."""

_ROUNDING = 1e-9
"""Of a sum of floating-point terms, when a segment that raised the roofs is set against them."""


def floor_s(
    graph: LayerGraph,
    layers: Sequence[Layer],
    *,
    batch: int,
    item_bytes: int,
    roofs: Roofs,
    mode: Mode,
) -> float:
    """Compute the minimum seconds of some neighbouring layers for one batch.

    Args:
        graph: Where the layers stand.
        layers: In order, such as those of a segment.
        batch: Images in a batch.
        item_bytes: Of one number.
        roofs: Of the machine.
        mode: ``forward`` or ``train``.

    Raises:
        InvalidChoice: If there is no such mode.
    """
    compute, memory = _terms(kernels(graph, layers, mode=mode), batch, item_bytes, roofs)
    return compute + memory


def _terms(
    passes: Iterable[Kernel], batch: int, item_bytes: int, roofs: Roofs
) -> tuple[float, float]:
    """Split the floor into compute-bound and memory-bound kernels."""
    compute = memory = 0.0
    for kernel in passes:
        moved = kernel.bytes(batch, item_bytes)
        arithmetic_s = kernel.flops(batch) / roofs.flops_per_s
        traffic_s = moved / roofs.bytes_per_s(moved)
        if arithmetic_s >= traffic_s:
            compute += arithmetic_s
        else:
            memory += traffic_s
    return compute, memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What limits a segment, and how near it came to that limit.

    Attributes:
        bound: Which kernels make up most of the floor: those limited by ``compute`` or by
            ``memory``.
        flops: Operations that cannot be left out, for the batch.
        bytes: Bytes that must move, for the batch.
        floor_s: The least seconds by the roofs.
        seconds: Measured.
        fraction: Floor by measured seconds, 0 to 1; None if that were more than 1.
        reason: Why there is no fraction; None where there is one.

    Raises:
        InvalidMeasurement: If the floor is less than any roof allows.
    """

    bound: Kind
    flops: Count
    bytes: Count
    floor_s: Seconds
    seconds: MeasuredSeconds
    fraction: Share | None
    reason: Text | None

    def __post_init__(self) -> None:
        if 0 < self.floor_s < LEAST_FLOOR_S:
            raise InvalidMeasurement(f"a floor is 0 s or {LEAST_FLOOR_S:g} s and more")

    @property
    def flops_per_s(self) -> float:
        """Return the measured rate."""
        return self.flops / self.seconds

    @property
    def attainable_flops_per_s(self) -> float:
        """Return the rate that corresponds to the floor."""
        return self.flops / self.floor_s if self.floor_s else 0.0

    @property
    def intensity(self) -> float | None:
        """Divide operations by bytes; None where nothing moves."""
        return self.flops / self.bytes if self.bytes else None


def assess(
    graph: LayerGraph,
    layers: Sequence[Layer],
    seconds: float,
    *,
    batch: int,
    item_bytes: int,
    roofs: Roofs,
    mode: Mode,
) -> Bound:
    """Judge the seconds that some neighbouring layers took for a batch by the roofs.

    Args:
        graph: Where the layers stand.
        layers: In order, such as those of a segment.
        seconds: Measured for one batch.
        batch: Images in a batch.
        item_bytes: Of one number.
        roofs: Of the machine.
        mode: ``forward`` or ``train``.

    Raises:
        InvalidMeasurement: If the time is not above 0.
        InvalidChoice: If there is no such mode.
    """
    if not (math.isfinite(seconds) and seconds > 0):
        raise InvalidMeasurement(f"a measured time is above 0 s, not {seconds!r}")
    passes = kernels(graph, layers, mode=mode)
    compute, memory = _terms(passes, batch, item_bytes, roofs)
    floor = compute + memory
    beaten = floor > seconds * (1 + _ROUNDING)
    return Bound(
        bound="compute" if compute >= memory else "memory",
        flops=sum(kernel.flops(batch) for kernel in passes),
        bytes=sum(kernel.bytes(batch, item_bytes) for kernel in passes),
        floor_s=floor,
        seconds=seconds,
        fraction=None if beaten else min(1.0, floor / seconds),
        reason=(
            f"the roof was measured too low: at least {seconds_text(floor)} by the roofs, "
            f"{seconds_text(seconds)} measured"
            if beaten
            else None
        ),
    )
