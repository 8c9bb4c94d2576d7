"""What a roofline shows, in numbers: what segments reached, and roofs that can be told apart."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from rsinspect.base.errors import InvalidMeasurement
from rsinspect.base.units import count
from rsinspect.plots.axes import LARGEST
from rsinspect.plots.rows import Row, rows_of
from rsinspect.profiling.record.run import ProfileRun
from rsinspect.profiling.roofline.roofs import Roofs


class Bubble(NamedTuple):
    """A row of the roofline that does arithmetic.

    Attributes:
        row: Of the run; identical neighbours folded.
        intensity: FLOP per byte that cannot be left out.
        rate: FLOP/s measured, all of them together.
        attainable: FLOP/s if each took its floor.
        share: Of the sum of the segments.
    """

    row: Row
    intensity: float
    rate: float
    attainable: float
    share: float

    @property
    def coordinates(self) -> tuple[float, float, float]:
        """List all coordinates that have to lie on the axes."""
        return self.intensity, self.rate, self.attainable

    @property
    def radius(self) -> float:
        """Size the area in proportion to the share, never too small to see; in pixels."""
        return max(4.0, 40 * math.sqrt(self.share))


def bubbles_of(run: ProfileRun) -> tuple[Bubble, ...]:
    """Make the bubbles of the roofline, in the order of the network.

    Segments without arithmetic, traffic or time have none.

    Raises:
        InvalidMeasurement: If a count is beyond any axis.
    """
    bubbles, sum_s = [], run.closure.sum_s
    for row in rows_of(run, most=0):
        bounds = [segment.bound for segment in row.segments if segment.bound]
        flops, moved = sum(b.flops for b in bounds), sum(b.bytes for b in bounds)
        floor, taken = sum(b.floor_s for b in bounds), sum(b.seconds for b in bounds)
        if max(flops, moved) > LARGEST:
            raise InvalidMeasurement(
                f"{row.name:.80}: more than {LARGEST:.0e} FLOP or bytes cannot be drawn"
            )
        if min(flops, moved, floor, taken) > 0:
            bubbles.append(
                Bubble(row, flops / moved, rate_of(flops, taken), rate_of(flops, floor),
                       row.share(sum_s))
            )  # fmt: skip
    return tuple(bubbles)


def rate_of(flops: int, time_s: float) -> float:
    """Divide by a time that may be next to nothing."""
    return flops / time_s if time_s > 1 / LARGEST else math.inf


class Roof(NamedTuple):
    """A line of the roofline.

    Attributes:
        names: Of the operations, or of the levels of memory, whose roofs are too near each other to
            be drawn apart.
        rate: FLOP/s or bytes/s of the fastest of them, where the line is drawn.
        least: Of the slowest.
    """

    names: tuple[str, ...]
    rate: float
    least: float

    def label(self, unit: str) -> str:
        """Write names and rate: one name, two, or the first and the last.

        >>> Roof(("L3", "DRAM"), 6e10, 4.5e10).label("B/s")
        'L3, DRAM 45.0 G to 60.0 GB/s'
        """
        names = ", ".join(self.names)
        if len(self.names) > 2:
            names = f"{self.names[0]} to {self.names[-1]}"
        least = f"{count(round(self.least))} to " if self.least < 0.95 * self.rate else ""
        return f"{names} {least}{count(round(self.rate))}{unit}"


def roofs_apart(named: Iterable[tuple[str, float]], apart: float) -> tuple[Roof, ...]:
    """Join roofs that are too near each other; the highest comes first.

    Of roofs with the same name the fastest counts.

    Args:
        named: Name and rate of each, in the order in which names are to be told.
        apart: Roofs whose rates differ by a smaller factor share a line.

    >>> [roof.names for roof in roofs_apart([("L2", 2e11), ("L3", 6e10), ("DRAM", 5e10)], 1.3)]
    [('L2',), ('L3', 'DRAM')]
    """
    best: dict[str, float] = {}
    for name, rate in named:
        best[name] = max(rate, best.get(name, rate))
    lines: list[list[str]] = []
    for name in sorted(best, key=lambda name: -best[name]):
        if lines and best[name] * apart > best[lines[-1][0]]:
            lines[-1].append(name)
        else:
            lines.append([name])
    order = list(best)
    return tuple(
        Roof(tuple(sorted(line, key=order.index)), best[line[0]], best[line[-1]]) for line in lines
    )


def check_numbers(roofs: Roofs, bubbles: Iterable[Bubble]) -> None:
    """Refuse roofs and bubbles that no axis can show.

    Raises:
        InvalidMeasurement: With the first that is too small or too great.
    """
    numbers = [(roof.op, roof.flops_per_s) for roof in roofs.compute]
    numbers += [(roof.level, roof.bytes_per_s) for roof in roofs.bandwidth]
    numbers += [(bubble.row.name, number) for bubble in bubbles for number in bubble.coordinates]
    for name, number in numbers:
        if not 1 / LARGEST <= number <= LARGEST:
            raise InvalidMeasurement(
                f"{name:.80}: {number:.3g} cannot be drawn; a roofline shows {1 / LARGEST:.0e} "
                f"to {LARGEST:.0e}"
            )
