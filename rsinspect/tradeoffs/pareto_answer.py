"""Accuracy against what it costs as a table, and the paper's claim held to what was measured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rsinspect import paper
from rsinspect.answers.table import Answer, Column, Note, Table, Value
from rsinspect.base.units import percent, significant
from rsinspect.base.words import Option, advice, names_in_words, plural
from rsinspect.profiling.statistics import NOMINAL_COVERAGE
from rsinspect.tradeoffs.domination import SURE
from rsinspect.tradeoffs.pareto import Pareto, Point

SCHEMA = "rsinspect.pareto/1"
"""Version of the document. 1: first."""

MOST_NAMED = 4


def pareto_answer(pareto: Pareto) -> Answer:
    """Show every network with its accuracy, its cost and whether another dominates it."""
    axis = pareto.axis
    counted = axis.counted is not None
    several = any(point.costed.runs > 1 for point in pareto.points)
    measured = (
        *(() if counted else (Column("within", "95 % CI\nwithin", "percent"),)),
        *((Column("runs", "Runs", "integer"),) if several else ()),
    )
    table = Table(
        title=f"ImageNet accuracy against {axis.title}: {pareto.conditions}",
        columns=(
            Column("model", "Network"),
            Column("top1", "Top-1\n%", "number", decimals=1),
            Column(axis.key, axis.head, axis.kind),
            *measured,
            Column("front", "On the\nfront"),
            Column("by", "Dominated by"),
        ),
        rows=tuple(_row(pareto, point) for point in sorted(pareto.points, key=_accuracy)),
        notes=tuple(_notes(pareto)),
        lead=tuple(_lead(pareto)),
        name="pareto",
    )
    return Answer(table, lambda: document(pareto))


def _accuracy(point: Point) -> tuple[float, str]:
    return point.candidate.top1, point.candidate.name


def _row(pareto: Pareto, point: Point) -> dict[str, Value]:
    domination = point.domination
    certain = {"front": "yes", "dominated": "no"}.get(domination.verdict)
    likely = f"{percent(1 - domination.probability)}" if domination.sure else "unclear"
    by = None if domination.by is None else pareto.points[domination.by].candidate.name
    return {
        "model": point.candidate.name,
        "family": point.candidate.family,
        "top1": point.candidate.top1,
        pareto.axis.key: point.value,
        "within": _within(point),
        "runs": point.costed.runs,
        "front": certain or likely,
        "by": by if domination.verdict != "front" else None,
    }


def _within(point: Point) -> float | None:
    """Express half the interval as a share of the value."""
    if point.interval is None:
        return None
    low, high = point.interval
    return (high - low) / 2 / point.value


def _lead(pareto: Pareto) -> Iterator[Note]:
    front = sorted(pareto.front, key=_accuracy)
    names = names_in_words([point.candidate.name for point in front], len(front))
    yield f"On the front, most likely: {names}."
    if pareto.speed_ups:
        yield claim_sentence(pareto)


def claim_sentence(pareto: Pareto) -> Note:
    """Hold the paper's claim to what was measured, and say how to see more of it."""
    return advice(f"{claim_words(pareto)}: {{}}.", Option("claim"))


def claim_words(pareto: Pareto) -> str:
    """Hold the paper's claim to what was measured, in a sentence without its full stop."""
    found = [each.measured.value for each in pareto.speed_ups]
    printed = [each.tpu for each in paper.speed_ups()]
    low, high = significant(min(found), 2), significant(max(found), 2)
    return (
        f"The paper trains {min(printed)} to {max(printed)} times as fast as an EfficientNet of "
        f"equal accuracy on TPUs; here ResNet-RS is {low if low == high else f'{low} to {high}'} "
        f"times as fast in {plural(len(found), 'pair')}"
    )


def _notes(pareto: Pareto) -> Iterator[Note]:
    known = paper.accuracy_source(pareto.source)
    yield f"Accuracy: {known.title}. {known.note}"
    if pareto.axis.counted is None:
        yield (
            "On the front: no other network is at least as accurate and costs less; yes and no "
            f"where that is {SURE:.0%} sure or more. Accuracies are taken as published."
        ).replace("%", " %")
        where = "" if pareto.machine is None else f" on {pareto.machine}"
        yield f"Measured{where}: {pareto.conditions}."
        once = sum(point.costed.runs == 1 for point in pareto.points)
        if once:
            yield (
                "Intervals allow for what another process would find; "
                f"{plural(once, 'network')} ran in one."
            )
    else:
        yield "On the front: no other network is at least as accurate and costs less."
    if pareto.missing:
        yield advice(
            f"Not measured here under these conditions: {_few(pareto.missing)}; {{}} does it.",
            Option("measure", True),
        )
    if pareto.without_accuracy:
        yield advice(
            f"Measured, but of unknown accuracy: {_few(pareto.without_accuracy)}; {{}} gives it.",
            Option("point", "NAME=81.2"),
        )
    if pareto.left_out:
        others = "; ".join(
            f"{plural(number, 'run')} of {text}" for text, number in pareto.left_out.items()
        )
        yield f"Left out, as the conditions are others: {others}."


def _few(names: tuple[str, ...]) -> str:
    return names_in_words(list(names), MOST_NAMED)


def claim_answer(pareto: Pareto) -> Answer:
    """Show the paper's pairs of equal accuracy, and how many times as fast the ResNet-RS is."""
    accuracy = {row.model: row.top1 for row in paper.accuracies("paper")}
    rows: list[dict[str, Value]] = [
        {
            "model": each.printed.model,
            "top1": accuracy[each.printed.model],
            "rival": each.printed.rival,
            "rival_top1": accuracy[each.printed.rival],
            "ratio": each.measured.value,
            "interval": _between(each.measured.interval),
            "tpu": each.printed.tpu,
            "v100": each.printed.v100,
        }
        for each in pareto.speed_ups
    ]
    missing = [
        f"{pair.model} and {pair.rival}"
        for pair in paper.speed_ups()
        if pair not in [each.printed for each in pareto.speed_ups]
    ]
    notes: list[Note] = [
        "* printed in the paper's Table 7, of training steps; TPUv3 in bfloat16, V100 in float32.",
        f"Here: {pareto.conditions}{'' if pareto.machine is None else f', {pareto.machine}'}; "
        "below 1 the EfficientNet is the faster.",
    ]
    if missing:
        notes.append(f"Not both measured here: {'; '.join(missing)}.")
    table = Table(
        title="How many times as fast as an EfficientNet of equal accuracy",
        columns=(
            Column("model", "ResNet-RS"),
            Column("top1", "Top-1\n% *", "number", decimals=1),
            Column("rival", "EfficientNet"),
            Column("rival_top1", "Top-1\n% *", "number", decimals=1),
            Column("ratio", "Times\nas fast", "number", decimals=2),
            Column("interval", "95 % CI"),
            Column("tpu", "TPUv3\n*", "number", decimals=1),
            Column("v100", "V100\n*", "number", decimals=1),
        ),
        rows=tuple(rows),
        notes=tuple(notes),
        name="claim",
    )
    return Answer(table, lambda: document(pareto))


def _between(interval: tuple[float, float] | None) -> str | None:
    return None if interval is None else f"{interval[0]:.2f} to {interval[1]:.2f}"


def document(pareto: Pareto) -> dict[str, Any]:
    """Write it as plain JSON values."""
    axis, known = pareto.axis, paper.accuracy_source(pareto.source)
    return {
        "schema": SCHEMA,
        "x": {"name": axis.name, "key": axis.key, "more_is_better": axis.more_is_better},
        "accuracy": {"source": pareto.source, "title": known.title, "read": list(known.source)},
        "conditions": pareto.conditions,
        "machine": pareto.machine,
        "ci_nominal": NOMINAL_COVERAGE,
        "points": [_point(pareto, point) for point in pareto.points],
        "speed_ups": [
            {
                "model": each.printed.model,
                "rival": each.printed.rival,
                "ratio": each.measured.value,
                **_ends(each.measured.interval),
                "paper_tpu": each.printed.tpu,
                "paper_v100": each.printed.v100,
            }
            for each in pareto.speed_ups
        ],
        "missing": list(pareto.missing),
        "without_accuracy": list(pareto.without_accuracy),
        "left_out": dict(pareto.left_out),
    }


def _point(pareto: Pareto, point: Point) -> dict[str, Any]:
    candidate, domination = point.candidate, point.domination
    return {
        "model": candidate.name,
        "family": candidate.family,
        "top1": candidate.top1,
        "weights": candidate.weights,
        pareto.axis.key: point.value,
        **_ends(point.interval),
        "how": point.costed.how,
        "runs": point.costed.runs,
        "dominated_probability": domination.probability if domination.sure else None,
        "verdict": domination.verdict,
        "dominated_by": None
        if domination.by is None
        else pareto.points[domination.by].candidate.name,
    }


def _ends(interval: tuple[float, float] | None) -> dict[str, float | None]:
    low, high = interval or (None, None)
    return {"ci_low": low, "ci_high": high}
