"""Accuracy against cost as a chart: families as lines, and what another beats stands back."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import PurePath
from types import MappingProxyType

from rsinspect import paper
from rsinspect.answers.chart import Axis, Chart, Facet, Look, Point, Rule, Series
from rsinspect.base.text import showable
from rsinspect.base.words import names_in_words, plural
from rsinspect.tradeoffs import pareto
from rsinspect.tradeoffs.domination import Verdict
from rsinspect.tradeoffs.families import OWN
from rsinspect.tradeoffs.pareto import Pareto
from rsinspect.tradeoffs.pareto_answer import claim_words

_LOOKS: dict[Verdict, Look] = {"front": "full", "unclear": "hollow", "dominated": "pale"}

_LESS = {"memory": "smaller", "params": "smaller", "flops": "cheaper", "energy": "of less energy"}
"""What a network is that beats another at a quantity; else it is faster."""


def pareto_chart(
    found: Pareto, about: Collection[str] = (), unplaced: Mapping[str, float] = MappingProxyType({})
) -> Chart:
    """Draw accuracy against a quantity.

    A filled mark is on the Pareto front, a hollow one may be, and a pale one is beaten: another
    network is at least as accurate and costs less, sure to 95 %.

    Args:
        found: What was measured or counted.
        about: Names of candidates that stand out.
        unplaced: What networks of unknown accuracy cost, by name.
    """
    families = sorted(found.families.items(), key=lambda family: _order(family[0]))
    series = tuple(
        Series(
            family,
            tuple(_point(point, about) for point in sorted(points, key=_size)),
            "none" if family == OWN else "solid",
        )
        for family, points in families
    )
    used = {point.domination.verdict for point in found.points}
    where = "" if found.machine is None else f"; {found.machine}"
    return Chart(
        title=f"Accuracy against {_TITLES.get(found.axis.name, found.axis.name)}",
        subtitle=f"{found.conditions}{where}",
        x=Axis(found.axis.title.removeprefix("the "), found.axis.kind, log=True),
        y=Axis("ImageNet top-1 accuracy, %", "number"),
        facets=(Facet("", series),),
        notes=tuple(_notes(found)),
        looks=tuple(
            (_LOOKS[verdict], words) for verdict, words in _words(found) if verdict in used
        ),
        ringed=_these(sum(point.candidate.name in about for point in found.points)),
        rules=tuple(Rule(cost, name) for name, cost in unplaced.items()),
        ruled=f"{_these(len(unplaced))}, of unknown accuracy",
    )


def _these(number: int) -> str:
    return "" if not number else "this network" if number == 1 else "these networks"


_TITLES = {
    "flops": "FLOPs",
    "params": "parameters",
    "step": "the time of a training step on TPUv3",
}
_FAMILIES = ("ResNet-RS", "EfficientNet", OWN)
"""The order of colours, whoever is cheapest."""


def _order(family: str) -> int:
    return _FAMILIES.index(family) if family in _FAMILIES else len(_FAMILIES)


def _size(point: pareto.Point) -> tuple[float, float]:
    """Order a family as it grows, however its latencies scatter: by what size buys."""
    return point.candidate.top1, point.value


def _point(point: pareto.Point, about: Collection[str]) -> Point:
    ends = point.interval
    return Point(
        point.value,
        point.candidate.top1,
        _label(point.candidate),
        None if ends is None or ends[0] == ends[1] else ends,
        _LOOKS[point.domination.verdict],
        point.candidate.name in about,
    )


def _label(candidate: pareto.Candidate) -> str:
    """Name a network in the picture; of a file its name alone."""
    if candidate.family == OWN:
        return showable(PurePath(candidate.name).name or candidate.name)
    return candidate.label


def _words(found: Pareto) -> Iterator[tuple[Verdict, str]]:
    """Say what each look means."""
    less = _LESS.get(found.axis.name, "faster")
    yield "front", "on the front"
    yield "unclear", "perhaps"
    yield "dominated", f"no: another is as accurate and {less}"


def _notes(found: Pareto) -> Iterator[str]:
    """Say where accuracies come from, what the claim comes to here, and what is not shown."""
    source = paper.accuracy_source(found.source)
    yield f"Accuracy: {'; '.join(source.source)}. {source.note}"
    if found.speed_ups:
        yield f"{claim_words(found)}."
    if found.missing:
        yield f"Not measured: {names_in_words(found.missing)}."
    if found.without_accuracy:
        yield f"Measured, of unknown accuracy: {names_in_words(found.without_accuracy)}."
    if found.left_out:
        runs = plural(sum(found.left_out.values()), "run")
        yield f"Left out, under other conditions: {runs}."
