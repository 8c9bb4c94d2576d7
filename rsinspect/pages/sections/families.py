"""A network among the others: accuracy against what it costs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from rsinspect import paper
from rsinspect.answers.chart import Chart
from rsinspect.base.errors import InvalidMeasurement
from rsinspect.base.words import names_in_words
from rsinspect.layers.classifier import classifies
from rsinspect.layers.question import Question
from rsinspect.networks.network import Network
from rsinspect.pages.charts import drawn_chart
from rsinspect.pages.parts import Beside, Drawn, Part, Prose, Section, Tabled
from rsinspect.pages.published import published_subjects, published_text
from rsinspect.pages.report import Report
from rsinspect.pages.subject import Subject
from rsinspect.profiling.record.run import ProfileRun
from rsinspect.tradeoffs.axes import AXES
from rsinspect.tradeoffs.measurements import Conditions, measured
from rsinspect.tradeoffs.neighbours import Placed, neighbours_answer
from rsinspect.tradeoffs.pareto import Pareto
from rsinspect.tradeoffs.pareto_chart import pareto_chart
from rsinspect.tradeoffs.published import STEP, among_published
from rsinspect.tradeoffs.saved_runs import runs_of

LEAST_MEASURED = 3
"""Networks with runs that a picture of measured latencies takes."""


def section(report: Report) -> Section | None:
    """Place each network among the published ones; None where none sorts images into classes.

    FLOPs are counted in the paper's convention, as those are that it prints of EfficientNets.
    """
    subjects = [each for each in report.subjects if _is_comparable(each.network)]
    if not subjects:
        return None
    question = replace(report.question, convention="paper")
    known = published_subjects(report)
    source = _source(known)
    networks = {text: each.network for text, each in known.items()}
    flops, params = (
        among_published(AXES[name], source, networks, question) for name in ("flops", "params")
    )
    others = [each for each in subjects if published_text(each) not in _names(flops)]
    pictures = [
        _drawn(found, pareto_chart(found, known, _costs(others, found, question)))
        for found in (flops, params)
    ]
    step = among_published(STEP, source, networks, question)
    if any(name in known for name in _names(step)):
        pictures.append(_drawn(step, pareto_chart(step, known)))
    if found := _measured(report, source):
        unplaced = dict(_latencies(others, found))
        pictures.append(_drawn(found, pareto_chart(found, known, unplaced)))
    tables = [
        Tabled(f"neighbours-{each.key}", neighbours_answer(_placed(each, question), flops, params))
        for each in subjects
    ]
    parts: tuple[Part, ...] = (Prose(tuple(_said(flops, known))), Beside(tuple(pictures)), *tables)
    return Section("families", "Among other networks", parts)


def _is_comparable(network: Network) -> bool:
    """Tell whether a network sorts images into classes, and costs anything."""
    outputs = [network.graph.layer(path) for path in network.graph.outputs]
    costs = network.cost.params and network.cost.macs
    return network.resolution is not None and bool(costs) and any(map(classifies, outputs))


def _source(known: Mapping[str, Subject]) -> str:
    """Choose whose accuracies are shown: the paper's, or of the first that knows all of these."""
    knows = [
        name for name in paper.ACCURACY_SOURCES
        if known.keys() <= {each.model for each in paper.accuracies(name)}
    ]  # fmt: skip
    return knows[0] if knows else "paper"


def _names(found: Pareto) -> set[str]:
    return {point.candidate.name for point in found.points}


def _costs(subjects: Iterable[Subject], found: Pareto, question: Question) -> dict[str, float]:
    """Count what networks of unknown accuracy cost, by title."""
    count = found.axis.counted
    assert count is not None
    return {each.network.title: float(count(each.network, question)) for each in subjects}


def _placed(subject: Subject, question: Question) -> Placed:
    cost = subject.network.cost
    return Placed(subject.network.title, published_text(subject), question.flops(cost), cost.params)


def _measured(report: Report, source: str) -> Pareto | None:
    """Weigh accuracy against latency, under the conditions of the report's first run.

    None where there is no run, or where too few networks ran under these conditions.
    """
    own = [run for subject in report.subjects for run in subject.runs]
    if not own:
        return None
    kept = [] if report.db is None else runs_of((), report.db)
    under = Conditions.of(own[0])
    runs = {
        (run.model.fingerprint, run.started_at): run
        for run in (*own, *kept)
        if Conditions.of(run) == under
    }
    try:
        found = measured(AXES["latency"], source, runs.values(), {}, {})
    except InvalidMeasurement:
        return None
    return found if len(found.points) >= LEAST_MEASURED else None


def _latencies(subjects: Iterable[Subject], found: Pareto) -> Iterator[tuple[str, float]]:
    """List the measured latencies of networks of unknown accuracy, by title."""
    for subject in subjects:
        for run in subject.runs[:1]:
            if _conditions(run) == (found.conditions, found.machine):
                yield subject.network.title, run.end_to_end.latency.median


def _conditions(run: ProfileRun) -> tuple[str, str | None]:
    conditions = Conditions.of(run)
    return conditions.text, conditions.machine or None


def _drawn(found: Pareto, chart: Chart) -> Drawn:
    names = names_in_words([point.label for point in chart.points if point.ringed])
    says = f"{chart.title}: the published networks{f', {names} marked' if names else ''}."
    caption = f"{chart.title}: {chart.subtitle}."
    return drawn_chart(f"accuracy-{found.axis.name}", chart, says, caption)


def _said(flops: Pareto, known: Mapping[str, Subject]) -> Iterator[str]:
    """Say what the pictures show, and where it is from."""
    source = paper.accuracy_source(flops.source)
    yield (
        f"ImageNet accuracy as published ({source.title}) against what networks cost. {source.note}"
    )
