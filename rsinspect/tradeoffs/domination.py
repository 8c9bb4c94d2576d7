"""Which points of accuracy against cost are dominated, and how sure that is.

A point is dominated where another is at least as accurate and costs less. Costs are measured, so
that is a probability: of each cost the logarithm is normal about its value (``quantity``), and the
costs of two networks are independent. Accuracies are taken as they were published.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from statistics import NormalDist
from typing import Literal, NamedTuple

from rsinspect.tradeoffs.quantity import Quantity

Verdict = Literal["front", "unclear", "dominated"]
SURE = 0.95
"""Probability from which a point is said to be dominated, or not to be."""
NEVER = 0.001
"""Probability below which a rival makes no difference."""
_STEPS = 200
_NORMAL = NormalDist()


class Contender(NamedTuple):
    """A point.

    Attributes:
        top1: Accuracy, per cent.
        cost: Of which less is better.
    """

    top1: float
    cost: Quantity


class Domination(NamedTuple):
    """Whether a point is dominated.

    Attributes:
        probability: That any other dominates it.
        by: Position of the one that most likely does; None where none is likelier than not.
        sure: Whether the costs that decide it have intervals.
    """

    probability: float
    by: int | None
    sure: bool

    @property
    def verdict(self) -> Verdict:
        """Say it in a word: unclear where the costs are not known well enough."""
        if not self.sure or 1 - SURE < self.probability < SURE:
            return "unclear"
        return "dominated" if self.probability >= SURE else "front"


def dominations(points: Sequence[Contender]) -> tuple[Domination, ...]:
    """Work out for each point how probably another is at least as accurate and costs less.

    >>> exact = Quantity.exact
    >>> points = [Contender(80.0, exact(2.0)), Contender(81.0, exact(1.0))]
    >>> [(found.verdict, found.by) for found in dominations(points)]
    [('dominated', 1), ('front', None)]
    """
    return tuple(_domination(points, position) for position in range(len(points)))


def _domination(points: Sequence[Contender], position: int) -> Domination:
    point = points[position]
    rivals = [
        other
        for other, rival in enumerate(points)
        if other != position and rival.top1 >= point.top1
    ]
    each = {other: _cheaper(points[other], point) for other in rivals}
    likely = [other for other in rivals if each[other] > 0.5]
    known = [other for other in rivals if points[other].cost.deviation is not None]
    return Domination(
        probability=_any_cheaper([points[other] for other in rivals], point),
        by=max(likely, key=lambda other: (each[other], points[other].top1), default=None),
        sure=not rivals
        or (
            point.cost.deviation is not None
            and (
                any(each[other] >= SURE for other in known)
                or all(other in known for other in rivals if each[other] > NEVER)
            )
        ),
    )


def _cheaper(rival: Contender, point: Contender) -> float:
    """Compute the probability that a rival costs less; as much will do where it is better."""
    spread = math.hypot(rival.cost.deviation or 0.0, point.cost.deviation or 0.0)
    gain = math.log(point.cost.value / rival.cost.value)
    if not spread:
        return float(gain > 0 or (gain == 0 and rival.top1 > point.top1))
    return _NORMAL.cdf(gain / spread)


def _any_cheaper(rivals: Sequence[Contender], point: Contender) -> float:
    """Compute the probability that any rival costs less, over what the point may cost."""
    spread = point.cost.deviation or 0.0
    none = 0.0
    draws = _draws() if spread else (0.0,)
    for draw in draws:
        drawn = Quantity.exact(point.cost.value * math.exp(spread * draw))
        at = point._replace(cost=drawn)
        none += math.prod(1 - _cheaper(rival, at) for rival in rivals)
    return 1 - none / len(draws)


@cache
def _draws() -> tuple[float, ...]:
    """List the middles of equally probable parts of a standard normal distribution."""
    return tuple(_NORMAL.inv_cdf((step + 0.5) / _STEPS) for step in range(_STEPS))
