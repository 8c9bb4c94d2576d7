"""Which published networks cost about as much as one, and which are about as accurate."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from rsinspect import paper
from rsinspect.answers.table import Answer, Column, Table, Value
from rsinspect.tradeoffs.pareto import Pareto, Point

SCHEMA = "rsinspect.neighbours/1"
"""Version of the document. 1: first."""


class Placed(NamedTuple):
    """A network among others.

    Attributes:
        title: What it is called.
        name: Of the candidate that it is; None for a network of unknown accuracy.
        flops: What it costs.
        params: Likewise.
    """

    title: str
    name: str | None
    flops: int
    params: int


def neighbours_answer(network: Placed, flops: Pareto, params: Pareto) -> Answer:
    """Show the published networks nearest to one: in FLOPs, params and accuracy, of each family.

    Args:
        network: In question.
        flops: Accuracy against FLOPs.
        params: Of the same networks, against params.
    """
    sizes = {point.candidate.name: point for point in params.points}
    own = next((p for p in flops.points if p.candidate.name == network.name), None)
    top1 = None if own is None else own.candidate.top1
    near = _near(network, flops, sizes, top1)
    rows: list[dict[str, Value]] = [_row(network.title, network, None, top1, top1, "this network")]
    for point in flops.points:
        name = point.candidate.name
        if name in near and name in sizes:
            costs = network._replace(flops=round(point.value), params=round(sizes[name].value))
            rows.append(
                _row(name, costs, network, point.candidate.top1, top1, ", ".join(near[name]))
            )
    rows[1:] = sorted(rows[1:], key=lambda row: (row["flops"], row["model"]))
    table = Table(
        title=f"Published networks near {network.title}",
        columns=(
            Column("model", "Network"),
            Column("near", "Near in"),
            Column("top1", "Top-1\n%", "number", decimals=1),
            Column("top1_difference", "Top-1\n\u2212 this", "number", decimals=1),
            Column("params", "Params", "count"),
            Column("params_ratio", "Params\n/ this", "number", decimals=2),
            Column("flops", "FLOPs", "count"),
            Column("flops_ratio", "FLOPs\n/ this", "number", decimals=2),
        ),
        rows=tuple(rows),
        notes=tuple(_notes(flops, top1)),
        name="neighbours",
    )
    return Answer(table, lambda: _document(flops, rows))


def _near(
    network: Placed, flops: Pareto, sizes: dict[str, Point], top1: float | None
) -> dict[str, list[str]]:
    """Name what is nearest, and in what, by name of the candidate."""
    found: dict[str, list[str]] = {}
    for points in flops.families.values():
        others = [each for each in points if each.candidate.name not in (network.name, None)]
        others = [each for each in others if each.candidate.name in sizes]
        if not others:
            continue
        nearest = {
            "FLOPs": min(others, key=lambda each: _apart(each.value, network.flops)),
            "params": min(
                others, key=lambda each: _apart(sizes[each.candidate.name].value, network.params)
            ),
        }
        if top1 is not None:
            nearest["accuracy"] = min(others, key=lambda each: abs(each.candidate.top1 - top1))
        for what, point in nearest.items():
            found.setdefault(point.candidate.name, []).append(what)
    return found


def _apart(one: float, other: float) -> float:
    """Measure how many times as much one is as the other, up or down."""
    return abs(math.log(one / other))


def _row(
    model: str, costs: Placed, of: Placed | None, top1: float | None, own: float | None, near: str
) -> dict[str, Value]:
    return {
        "model": model,
        "near": near,
        "top1": top1,
        "top1_difference": None
        if of is None or top1 is None or own is None
        else round(top1 - own, 3),
        "params": costs.params,
        "params_ratio": None if of is None else costs.params / of.params,
        "flops": costs.flops,
        "flops_ratio": None if of is None else costs.flops / of.flops,
    }


def _notes(flops: Pareto, top1: float | None) -> Iterator[str]:
    known = paper.accuracy_source(flops.source)
    yield "Of each family the nearest in FLOPs, in params and, where it is known, in accuracy."
    yield f"Accuracy: {known.title}. {known.note}"
    if top1 is None:
        yield "That of this network is not known here."
    if any(point.costed.how == "printed" for point in flops.points):
        yield "EfficientNets: as Table 7 prints their costs; the others are counted here."
    yield f"FLOPs of an image, {flops.conditions}."


def _document(flops: Pareto, rows: list[dict[str, Value]]) -> dict[str, Any]:
    return {"schema": SCHEMA, "accuracy": flops.source, "rows": rows}
