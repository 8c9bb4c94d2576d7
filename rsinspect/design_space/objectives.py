"""Objectives of a search, and the Pareto front of points under them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from rsinspect.base.errors import InvalidSpec, check_choice
from rsinspect.base.words import quoted
from rsinspect.design_space.points import QUANTITIES, Points


class Objective(NamedTuple):
    """What is better: more or less of one of QUANTITIES."""

    column: str
    largest: bool

    def __str__(self) -> str:
        return f"{'max' if self.largest else 'min'}:{self.column}"


DEFAULT_OBJECTIVES = "max:params,min:flops"
"""What is sought where nothing is said."""


def parse_objectives(text: str) -> tuple[Objective, ...]:
    """Read ``max:params,min:flops`` as two objectives, and so on for three.

    Raises:
        InvalidSpec: If the text is not two or three of them, each of another quantity.
        InvalidChoice: If there is no such quantity.

    >>> [str(objective) for objective in parse_objectives("max:params, min:flops")]
    ['max:params', 'min:flops']
    """
    objectives: list[Objective] = []
    for part in text.split(","):
        way, colon, column = part.strip().partition(":")
        if not colon or way not in ("min", "max"):
            raise InvalidSpec(
                f"{quoted(part.strip())} is not an objective", "write max:params,min:flops"
            )
        check_choice("quantity", column, QUANTITIES)
        objectives.append(Objective(column, way == "max"))
    distinct = {objective.column for objective in objectives}
    if len(objectives) not in (2, 3) or len(distinct) < len(objectives):
        raise InvalidSpec(
            f"{quoted(text)} is not two or three objectives", "write max:params,min:flops"
        )
    return tuple(objectives)


def front(points: Points, objectives: Sequence[Objective]) -> Any:
    """Mark the points that none beats: none is as good in all objectives and better in one.

    Of three, the one with the fewest values is taken value by value from the best, and what remains
    is two: those of a value that an earlier value's points do not match in both.
    """
    import numpy as np

    on_front = np.zeros(len(points), dtype=bool)
    if not len(points):
        return on_front
    *steps, one, two = sorted(
        (points.quantity(o.column) * (-1 if o.largest else 1) for o in objectives),
        key=lambda values: len(np.unique(values)),
    )  # less is better
    if not steps:
        return _front_of_two(one, two)
    order = np.argsort(steps[0], kind="stable")
    ends = np.flatnonzero(np.diff(steps[0][order])) + 1
    reached_one = reached_two = np.zeros(0, dtype=one.dtype)  # one rises, two falls
    for group in np.split(order, ends):
        group = group[_front_of_two(one[group], two[group])]
        if len(reached_one):
            place = np.searchsorted(reached_one, one[group], side="right") - 1
            group = group[(place < 0) | (reached_two[place] > two[group])]
        on_front[group] = True
        ones, twos = np.r_[reached_one, one[group]], np.r_[reached_two, two[group]]
        stairs = np.lexsort((twos, ones))
        least = np.minimum.accumulate(twos[stairs])
        stairs = stairs[np.r_[True, least[1:] < least[:-1]]]
        reached_one, reached_two = ones[stairs], twos[stairs]
    return on_front


def _front_of_two(one: Any, two: Any) -> Any:
    """Mark the front of two quantities of which less is better."""
    import numpy as np

    order = np.lexsort((two, one))
    first, second = one[order], two[order]
    starts = np.flatnonzero(np.r_[True, first[1:] != first[:-1]])
    group = np.cumsum(np.r_[True, first[1:] != first[:-1]]) - 1
    best = second[starts]  # of each group of equal first objective
    before = np.minimum.accumulate(best)[:-1]  # of the groups that are better in the first
    beaten = np.r_[False, best[1:] >= before]
    mask = np.zeros(len(one), dtype=bool)
    mask[order] = (second == best[group]) & ~beaten[group]
    return mask
