"""What the paper says of a network, beside what is computed here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from rsinspect import paper
from rsinspect.answers.computed import PRINTED_UNITS
from rsinspect.answers.printed import answers_about
from rsinspect.base.units import changed_by, count, seconds
from rsinspect.base.words import names_in_words
from rsinspect.layers.question import Question
from rsinspect.networks.network import Network, at_size
from rsinspect.pages.parts import Fact, Facts, Heading, Part, Prose, Section, Tabled
from rsinspect.pages.published import published_subjects
from rsinspect.pages.report import Report
from rsinspect.pages.subject import Subject


def section(report: Report) -> Section | None:
    """Show the paper's rows; None where the paper has none of these networks.

    FLOPs are counted in the paper's convention, so that they compare with those printed.
    """
    question = replace(report.question, convention="paper")
    subjects = published_subjects(report)
    printed = _printed(subjects)
    answers = answers_about(printed, question)
    if not answers:
        return None
    parts: list[Part] = []
    for text, subject in subjects.items():
        if len(report.subjects) > 1:
            parts.append(Heading(subject.network.title))
        if text not in printed:
            parts.append(Prose((_elsewhere(text, printed),)))
        if facts := tuple(_facts(text, subject.network, question)):
            parts.append(Facts(facts))
    parts += [Tabled(f"paper-{number}", answer) for number, answer in answers.items()]
    parts.append(Prose((_sources(subjects),)))
    return Section("paper", "In the paper", tuple(parts))


def _printed(subjects: Mapping[str, Subject]) -> dict[str, Network]:
    """Choose the networks whose rows are shown: one without a row has those at other sizes."""
    found = {}
    for text, subject in subjects.items():
        if _row(text) is not None:
            found[text] = subject.network
            continue
        name = text.partition("@")[0]
        for side in (row["resolution"] for row in paper.printed_table(7).rows
                     if paper.model_text(row).partition("@")[0] == name):  # fmt: skip
            found.setdefault(f"{name}@{side}", at_size(subject.network, (side, side)))
    return found


def _elsewhere(text: str, printed: Mapping[str, Network]) -> str:
    name, _, side = text.partition("@")
    rows = [each for each in printed if each.partition("@")[0] == name]
    return f"The paper has no row at {side}×{side}; it has {names_in_words(rows, len(rows))}."


def _row(text: str) -> dict[str, Any] | None:
    """Find the row of Table 7."""
    return next((row for row in paper.printed_table(7).rows if paper.model_text(row) == text), None)


def _facts(text: str, network: Network, question: Question) -> Iterator[Fact]:
    """Tell what was published of a network at its size."""
    row = _row(text)
    if row is not None:
        yield Fact("Top-1, the paper", f"{row['top1']:.1f} %", row["top1"], "ImageNet, Table 7")
    for source, name in _RELEASED.items():
        for known in paper.accuracies(source):
            if known.model == text:
                yield Fact(name, f"{known.top1:g} %", known.top1, known.weights or "")
    if row is not None:
        yield from _costs(row, network, question)
        yield from _times(text, row)


_RELEASED = {"checkpoints": "Top-1, released weights", "timm": "Top-1, weights in timm"}


def _costs(row: Mapping[str, Any], network: Network, question: Question) -> Iterator[Fact]:
    """Compare what is counted with what is printed."""
    counted = {"params": network.cost.params, "flops": question.flops(network.cost)}
    for key, name in (("params", "Parameters"), ("flops", "FLOPs, the paper's convention")):
        column, unit = PRINTED_UNITS[key]
        stated, value = row[column], counted[key]
        letter = "M" if unit == 1e6 else "B"
        remark = f"{changed_by(value / stated / unit)} from {stated:g} {letter}, as printed"
        yield Fact(name, count(value), value, remark)


def _times(text: str, row: Mapping[str, Any]) -> Iterator[Fact]:
    """Tell how fast it trains, as printed, and beside which EfficientNet."""
    pair = next((each for each in paper.speed_ups() if each.model == text), None)
    for name, column, unit, dtype, faster in (
        ("V100", "v100_latency_s", 1.0, "float32", pair and pair.v100),
        ("TPUv3", "tpuv3_latency_ms", 1e-3, "bfloat16", pair and pair.tpu),
    ):
        step_s = row[column] * unit
        beside = f"; {faster:g} × as fast as {pair.rival}" if pair and faster else ""
        yield Fact(
            f"Training step, {name}", seconds(step_s), step_s,
            f"128 images, {dtype}, as printed{beside}",
        )  # fmt: skip


def _sources(subjects: Mapping[str, Subject]) -> str:
    """Say where the accuracies are from that are shown."""
    used = [
        paper.accuracy_source(name)
        for name in paper.ACCURACY_SOURCES
        if any(known.model in subjects for known in paper.accuracies(name))
    ]
    said = "; ".join(f"{known.title} ({'; '.join(known.source)})" for known in used)
    return f"Accuracies: {said}." if said else ""
