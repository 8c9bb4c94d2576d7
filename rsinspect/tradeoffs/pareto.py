"""Accuracy against what it costs here: the paper's Figure 1 with one's own measurements.

Published accuracies (``paper.accuracies``), or somebody's own, stand beside what runs measured
under one set of conditions, or beside what is counted of the networks themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from rsinspect import paper
from rsinspect.layers.question import Question
from rsinspect.networks.network import Network
from rsinspect.tradeoffs.axes import Axis
from rsinspect.tradeoffs.claim import MeasuredSpeedUp
from rsinspect.tradeoffs.domination import Contender, Domination, dominations
from rsinspect.tradeoffs.families import OWN
from rsinspect.tradeoffs.quantity import Quantity

How = Literal["measured", "counted", "printed"]


class Candidate(NamedTuple):
    """A network with its accuracy.

    Attributes:
        name: Short: MODEL text with its size, or what its owner calls it.
        family: ``ResNet-RS``, ``EfficientNet`` or OWN.
        top1: Accuracy, per cent.
        weights: What the source calls the weights; None where it names none.
    """

    name: str
    family: str
    top1: float
    weights: str | None = None

    @property
    def label(self) -> str:
        """Name it beside others of its family: ``152@224``, ``B4@380``."""
        return self.name.removeprefix("EfficientNet")


class Costed(NamedTuple):
    """What a network costs, and how that is known.

    Attributes:
        value: Along the axis.
        how: ``measured``, by runs, ``counted``, of the network, or ``printed`` in the paper.
        runs: How many runs it is from; 0 where it was not measured.
    """

    value: Quantity
    how: How
    runs: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A network in the picture.

    Attributes:
        candidate: Which, and how accurate.
        costed: What it costs.
        domination: Whether another is at least as accurate for less.
    """

    candidate: Candidate
    costed: Costed
    domination: Domination

    @property
    def value(self) -> float:
        """Return the best guess of its cost, along the axis."""
        return self.costed.value.value

    @property
    def interval(self) -> tuple[float, float] | None:
        """Return the 95 % interval of its cost; equal ends of a count, None where unknown."""
        return self.costed.value.interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Pareto:
    """Accuracy against one quantity.

    Attributes:
        axis: The quantity.
        source: Who published the accuracies: a name of ``paper.ACCURACY_SOURCES``.
        points: Networks, in the order in which accuracies are listed.
        conditions: Of all runs, in words: mode, batch, precision, backend and device; of counts the
            batch, dtype or convention that they depend on.
        machine: Where the runs were measured, in words; None for counts.
        speed_ups: The paper's pairs of equal accuracy, as far as both were measured.
        missing: Candidates whose cost is not known, by name.
        without_accuracy: Networks with runs whose accuracy nobody gave, by name.
        left_out: Runs under other conditions: how many, by their conditions in words.
    """

    axis: Axis
    source: str
    points: tuple[Point, ...]
    conditions: str
    machine: str | None = None
    speed_ups: tuple[MeasuredSpeedUp, ...] = ()
    missing: tuple[str, ...] = ()
    without_accuracy: tuple[str, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def families(self) -> dict[str, tuple[Point, ...]]:
        """List the points of each family by cost, cheapest first."""
        found: dict[str, list[Point]] = {}
        for point in sorted(self.points, key=self._cost):
            found.setdefault(point.candidate.family, []).append(point)
        return {family: tuple(points) for family, points in found.items()}

    @property
    def front(self) -> tuple[Point, ...]:
        """List the points that likelier are on the front than not, cheapest first."""
        likely = [point for point in self.points if point.domination.probability < 0.5]
        return tuple(sorted(likely, key=self._cost))

    def _cost(self, point: Point) -> tuple[float, float]:
        return self.axis.cost(point.costed.value).value, point.candidate.top1


def candidates(source: str, own: Mapping[str, float]) -> tuple[Candidate, ...]:
    """List published networks with their accuracy, then somebody's own.

    Args:
        source: One of ``paper.ACCURACY_SOURCES``.
        own: Accuracy in per cent by name; a published network's is replaced by it.

    Raises:
        InvalidChoice: If there is no such source.
    """
    published = [
        Candidate(row.model, row.family, row.top1, row.weights)
        for row in paper.accuracies(source)
        if row.model not in own
    ]
    return (*published, *(Candidate(name, OWN, top1) for name, top1 in own.items()))


def placed(
    axis: Axis, wanted: Iterable[Candidate], costs: Mapping[str, Costed]
) -> tuple[tuple[Point, ...], tuple[str, ...]]:
    """Place candidates whose cost is known, and name the others.

    Args:
        axis: What they cost.
        wanted: In order.
        costs: By name of the candidate.
    """
    wanted = tuple(wanted)
    known = [candidate for candidate in wanted if candidate.name in costs]
    found = dominations([Contender(each.top1, axis.cost(costs[each.name].value)) for each in known])
    points = tuple(
        Point(candidate=each, costed=costs[each.name], domination=domination)
        for each, domination in zip(known, found, strict=True)
    )
    return points, tuple(each.name for each in wanted if each.name not in costs)


def counted(
    axis: Axis,
    source: str,
    networks: Mapping[str, Network],
    own: Mapping[str, float],
    question: Question,
) -> Pareto:
    """Weigh accuracy against what is counted of networks: FLOPs or memory.

    Args:
        axis: One that is counted.
        source: Who published the accuracies.
        networks: By name of the candidate.
        own: Accuracy of somebody's own networks, in per cent by name.
        question: What a FLOP is; batch and dtype of memory.
    """
    assert axis.counted is not None
    costs = {
        name: Costed(Quantity.exact(axis.counted(network, question)), "counted")
        for name, network in networks.items()
    }
    points, missing = placed(axis, candidates(source, own), costs)
    return Pareto(
        axis=axis,
        source=source,
        points=points,
        conditions=counted_under(axis, question),
        missing=missing,
    )


def counted_under(axis: Axis, question: Question) -> str:
    """Say what a count depends on."""
    match axis.name:
        case "flops":
            return f"the {question.convention} convention"
        case "params":
            return "the whole network, its moving statistics too"
        case _:
            return f"batch {question.batch}, {question.dtype}"
