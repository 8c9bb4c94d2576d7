"""A search of the design space: limits, what is kept, and the Pareto front."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from rsinspect.base import limits
from rsinspect.base.errors import InvalidSpec, check_choice
from rsinspect.base.units import binary_bytes, count, grouped, seconds
from rsinspect.base.words import Option, advice
from rsinspect.design_space import latencies as estimated
from rsinspect.design_space.latencies import Latencies
from rsinspect.design_space.objectives import (
    DEFAULT_OBJECTIVES,
    Objective,
    front,
    parse_objectives,
)
from rsinspect.design_space.points import CHUNK, COLUMNS, QUANTITIES, Points, chunks
from rsinspect.design_space.space import Space
from rsinspect.layers.question import Question

MOST_SAMPLED = 2000
"""Points of the sample that a chart shows behind the front."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits: the least and the most of some of COLUMNS, and of a latency.

    Raises:
        InvalidChoice: If a limit is of no column.
        InvalidSpec: If a limit is no number that a cost can have.
    """

    least: Mapping[str, float] = field(default_factory=dict)
    most: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for column, value in (*self.least.items(), *self.most.items()):
            check_choice("limit", column, (*COLUMNS, *estimated.COLUMNS))
            limits.COST.check(value, InvalidSpec, of=column)

    def mask(self, points: Points) -> Any:
        """Mark the points that are within."""
        import numpy as np

        inside = np.ones(len(points), dtype=bool)
        for column, value in self.least.items():
            inside &= points.costs[column] >= value
        for column, value in self.most.items():
            inside &= points.costs[column] <= value
        return inside

    def document(self) -> dict[str, float]:
        """Write the limits of a JSON document.

        >>> Bounds({"params": 1e6}, {"flops": 1e10}).document()
        {'max_flops': 10000000000.0, 'min_params': 1000000.0}
        """
        return {f"max_{column}": value for column, value in self.most.items()} | {
            f"min_{column}": value for column, value in self.least.items()
        }


class _Extremes:
    """The costs nearest to each limit, to say by how much no point is within."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.nearest: dict[tuple[str, bool], float] = {}

    def see(self, points: Points) -> None:
        """Look at some points."""
        for most, columns in ((True, self.bounds.most), (False, self.bounds.least)):
            for column in columns:
                pick = min if most else max
                values = points.costs[column]
                seen = float(values.min() if most else values.max())
                self.nearest[column, most] = pick(seen, self.nearest.get((column, most), seen))

    def refusal(self, evaluated: int) -> InvalidSpec:
        """Say that no point is within, and which limit is out of reach."""
        beyond = [
            f"{'the least' if most else 'the most'} {_noun(column)} of a point: "
            f"{_amount(column, nearest)}; the limit is {_amount(column, limit)}"
            for (column, most), nearest in self.nearest.items()
            for limit in [(self.bounds.most if most else self.bounds.least)[column]]
            if (nearest > limit if most else nearest < limit)
        ]
        return InvalidSpec(
            f"no point fits: none of {grouped(evaluated)} is within the limits",
            "; ".join(beyond) or "each limit can be kept, but not all at once",
        )


def _noun(column: str) -> str:
    nouns = {"flops": "FLOPs", "macs": "MACs"}
    return nouns.get(column, column.removesuffix("_s").replace("_", " "))


def _amount(column: str, value: float) -> str:
    if column in estimated.COLUMNS:
        return seconds(value)
    return binary_bytes(int(value)) if column.endswith("bytes") else count(int(value))


class Found(NamedTuple):
    """What a search kept.

    Attributes:
        search: What was asked.
        points: Those kept, sorted.
        pareto: Which of them are on the front of all feasible points.
        evaluated: How many points there are.
        feasible: How many of them are within the bounds.
        front: All points on the front, whether they are kept or not.
        sample: Some feasible points, spread over the whole space; all, if there are few.
    """

    search: Search
    points: Points
    pareto: Any
    evaluated: int
    feasible: int
    front: Points
    sample: Points


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is sought in a space.

    Attributes:
        space: What to evaluate.
        question: What a FLOP is, and for which batch and dtype bytes are.
        bounds: Points outside are not feasible.
        objectives: Of the front.
        only_front: Whether the front alone is kept.
        sort: Column to sort by, smallest first; with ``-`` before it largest first. In the order of
            the axes by default.
        limit: Keep the first so many.
        latencies: What an estimate knows of the space; None where nobody asked for one.

    Raises:
        InvalidChoice: If ``sort`` names no column.
        InvalidSpec: If ``limit`` keeps nothing, or something is asked of latencies that are not
            estimated.
    """

    space: Space
    question: Question = field(default_factory=Question)
    bounds: Bounds = field(default_factory=Bounds)
    objectives: tuple[Objective, ...] = parse_objectives(DEFAULT_OBJECTIVES)
    only_front: bool = False
    sort: str | None = None
    limit: int | None = None
    latencies: Latencies | None = None

    def __post_init__(self) -> None:
        if self.sort is not None:
            check_choice("quantity", (self.sort or "").removeprefix("-"), QUANTITIES)
        if self.limit is not None:
            limits.ROWS.check(self.limit, InvalidSpec)
        asked = {*self.bounds.least, *self.bounds.most, *(each.column for each in self.objectives)}
        asked.add(str(self.sort).removeprefix("-"))
        if self.latencies is None and not asked.isdisjoint(estimated.COLUMNS):
            raise InvalidSpec(
                "no latencies are estimated to limit or to sort by",
                advice("add {}", Option("latency", True)),
            )

    def run(self, *, progress: Callable[[int], None] | None = None, chunk: int = CHUNK) -> Found:
        """Evaluate the space and keep what is sought.

        Args:
            progress: Told after each chunk how many points are done.
            chunk: Points at a time.

        Raises:
            InvalidSpec: If a number would not fit in 64 bits, or no point is within the limits.
        """
        import numpy as np

        extremes = _Extremes(self.bounds)
        best: Points | None = None
        kept: list[Points] = []
        sampled: list[Points] = []
        feasible = done = 0
        for points in chunks(self.space, self.question, chunk=chunk, latencies=self.latencies):
            done += len(points)
            extremes.see(points)
            inside = points.take(self.bounds.mask(points))
            feasible += len(inside)
            rivals = inside if best is None else Points.joined([best, inside])
            best = rivals.take(front(rivals, self.objectives))
            sampled.append(inside.take(_sampled(inside.index, self.space.size)))
            if not self.only_front:
                kept.append(inside if self.limit is None else self._ordered(inside))
            if progress is not None:
                progress(done)
        assert best is not None
        if not feasible:
            raise extremes.refusal(done)
        points = self._ordered(best if self.only_front else Points.joined(kept))
        on_front = np.isin(points.index, best.index)
        return Found(self, points, on_front, done, feasible, best, Points.joined(sampled))

    def _ordered(self, points: Points) -> Points:
        """Sort points and keep the first of them."""
        import numpy as np

        if self.sort is None:
            return points.take(slice(0, self.limit))
        sign = -1 if self.sort.startswith("-") else 1
        values = points.quantity(self.sort.removeprefix("-")) * sign
        return points.take(np.argsort(values, kind="stable")[: self.limit])


def _sampled(index: Any, size: int) -> Any:
    """Mark about MOST_SAMPLED of ``size`` points, by multiples of the golden ratio.

    Every so many-th point would always have the same resolution.
    """
    import numpy as np

    if size <= MOST_SAMPLED:
        return np.ones(len(index), dtype=bool)
    spread = index.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)  # wraps round
    return spread < np.uint64(2**64 * MOST_SAMPLED // size)
