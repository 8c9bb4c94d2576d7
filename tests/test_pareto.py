"""Accuracy against cost: what is dominated, how sure that is, and the paper's claim."""

from __future__ import annotations

import random

import pytest

from rsinspect.tradeoffs.domination import Contender, dominations
from rsinspect.tradeoffs.quantity import Quantity, ratio


def spread(value: float, factor: float) -> Quantity:
    return Quantity(value, (value / factor, value * factor))


def test_exact_costs_give_the_front_of_the_definition() -> None:
    points = [(80.0, 2.0), (81.0, 1.0), (81.0, 1.5), (84.0, 9.0), (84.0, 9.0), (70.0, 0.5)]
    found = dominations([Contender(top1, Quantity.exact(cost)) for top1, cost in points])
    for (top1, cost), domination in zip(points, found, strict=True):
        beaten = any(
            other >= top1 and less <= cost and (other, less) != (top1, cost)
            for other, less in points
        )
        assert (domination.verdict == "dominated") == beaten
        assert domination.probability in (0, 1)
        assert (domination.by is not None) == beaten


def test_the_probability_is_that_of_drawing_all_costs() -> None:
    points = [
        Contender(80.0, spread(1.0, 1.2)),
        Contender(81.0, spread(1.05, 1.1)),
        Contender(82.0, spread(1.1, 1.3)),
        Contender(79.0, spread(0.2, 1.1)),
    ]
    draw = random.Random(0)
    rounds = 20_000
    beaten = [0] * len(points)
    for _ in range(rounds):
        costs = [
            point.cost.value * 2.718281828459045 ** draw.gauss(0, point.cost.deviation or 0.0)
            for point in points
        ]
        for at, point in enumerate(points):
            beaten[at] += any(
                costs[other] < costs[at]
                for other, rival in enumerate(points)
                if other != at and rival.top1 >= point.top1
            )
    for share, domination in zip(beaten, dominations(points), strict=True):
        assert domination.probability == pytest.approx(share / rounds, abs=0.02)


def test_a_cost_without_an_interval_is_unclear_unless_nothing_is_as_accurate() -> None:
    unknown = Quantity(1.0, None)
    best, worse = dominations([Contender(84.0, unknown), Contender(80.0, unknown)])
    assert (best.verdict, worse.verdict) == ("front", "unclear")


def test_intervals_that_overlap_are_unclear() -> None:
    found = dominations([Contender(80.0, spread(1.0, 1.3)), Contender(80.0, spread(1.05, 1.3))])
    assert [domination.verdict for domination in found] == ["unclear", "unclear"]
    assert found[0].probability + found[1].probability == pytest.approx(1, abs=0.01)


def test_a_ratio_has_the_interval_of_both_errors() -> None:
    found = ratio(spread(2.0, 1.1), spread(1.0, 1.2))
    assert found.interval is not None
    low, high = found.interval
    assert (low * high) ** 0.5 == pytest.approx(2.0)
    assert 1.2 < high / 2.0 < 1.1 * 1.2
    assert ratio(spread(2.0, 1.1), Quantity(1.0, None)).interval is None


def test_an_interval_that_reaches_zero_is_as_wide_downwards_as_upwards() -> None:
    assert Quantity(1.0, (0.0, 2.0)).deviation == pytest.approx(Quantity(1.0, (0.5, 2.0)).deviation)
