"""A network at a glance."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rsinspect import paper
from rsinspect.answers.summary import SummaryOptions, summary_answer
from rsinspect.base.units import binary_bytes, count, grouped, percent, seconds
from rsinspect.base.words import plural
from rsinspect.layers.question import Question
from rsinspect.pages.parts import Beside, Fact, Facts, Part, Prose, Section
from rsinspect.pages.published import published_accuracy
from rsinspect.pages.report import Report
from rsinspect.pages.subject import Subject
from rsinspect.profiling.record.headline import rate_in_words
from rsinspect.profiling.record.run import ProfileRun


def section(report: Report) -> Section | None:
    """Name what there is to know of each network of a report."""
    several = len(report.subjects) > 1
    found = [
        Facts(
            tuple(_facts(subject, report.question)),
            subject.network.title if several else "",
        )
        for subject in report.subjects
    ]
    parts: list[Part] = [Beside(tuple(found)) if several else found[0]]
    if cautions := [said for subject in report.subjects for said in _cautions(subject, several)]:
        parts.append(Prose(tuple(cautions)))
    return Section("facts", "At a glance", tuple(parts))


def _facts(subject: Subject, question: Question) -> Iterator[Fact]:
    """Tell of a network what it is, what it costs, and how good and fast it is known to be."""
    document = summary_answer(subject.network, SummaryOptions(question=question)).document
    yield from _what(subject)
    yield from _costs(document["totals"], question)
    if (published := published_accuracy(subject)) is not None:
        known, source = published
        where = f"ImageNet; {paper.accuracy_source(source).title}"
        yield Fact("Top-1", f"{known.top1:g} %", known.top1, where)
    if subject.runs:
        yield _latency(subject.runs[0])
    if (weights := subject.weights) is not None:
        lacks = f"lacks {plural(weights.absent, 'tensor')} of the network"
        yield Fact("Weights", weights.path.name, remark=lacks if weights.absent else "")


def _what(subject: Subject) -> Iterator[Fact]:
    """Tell what a network is and what goes in and comes out."""
    network = subject.network
    known = network.recognised
    if network.spec is not None:
        yield Fact("Network", network.short_title, remark=f"wiring of {network.spec.dialect.name}")
    elif known is not None:
        yield Fact("Network", known.name, remark=known.sentence())
    else:
        yield Fact("Network", network.short_title, remark="no ResNet-RS by its wiring")
    ends = network.graph.inputs, tuple(map(network.graph.layer, network.graph.outputs))
    shapes = (", ".join(str(layer.shape) for layer in layers[:3]) for layers in ends)
    layers = plural(len(network.graph), "layer")
    yield Fact("Input → output", " → ".join(shapes), remark=_blocks(network.blocks) + layers)
    if network.folding is not None:
        yield Fact("Batch norm", "folded", remark=network.folding.sentence())


def _blocks(blocks: tuple[int, ...]) -> str:
    if not 0 < len(blocks) <= 8:
        return ""
    return f"{', '.join(map(str, blocks))} blocks in {plural(len(blocks), 'stage')}; "


def _costs(totals: dict[str, Any], question: Question) -> Iterator[Fact]:
    """Tell what is counted of a network."""
    unknown = totals["uncounted_layers"]
    least = f"at least: {plural(unknown, 'layer')} not counted" if unknown else ""
    fixed = totals["non_trainable_params"]
    kinds = f"{grouped(totals['trainable_params'])} trainable"
    params = totals["params"]
    yield Fact("Parameters", count(params), params, f"{kinds} + {grouped(fixed)} not")
    yield Fact("MACs an example", count(totals["macs"]), totals["macs"], least)
    legend = f"convention {question.convention}"
    yield Fact("FLOPs an example", count(totals["flops"]), totals["flops"], least or legend)
    weights, dtype = totals["weight_bytes"], question.dtype
    yield Fact("Weights take", binary_bytes(weights), weights, dtype)
    many = f"batch {question.batch}, {dtype}"
    maps, peak = totals["activation_bytes"], totals["peak_activation_bytes"]
    yield Fact("Activations", binary_bytes(maps), maps, f"all layer outputs, {many}")
    where = totals["peak_activation_path"]
    yield Fact("Most alive at once", binary_bytes(peak), peak, f"inference, {many}, at {where}")


def _latency(run: ProfileRun) -> Fact:
    """Tell how fast a network was, how sure that is, and where most of the time went."""
    each = run.end_to_end.per_image_s
    rate, doubt = rate_in_words(run)
    told = [rate, run.conditions, *([_most(run)] if run.level == "stage" else []), doubt]
    return Fact("Latency an image", seconds(each), each, "; ".join(filter(None, told)))


def _most(run: ProfileRun) -> str:
    """Name the stage that took most of the time."""
    most = max(run.segments, key=lambda segment: segment.latency.median)
    return f"{most.path} takes {percent(run.share(most))}"


def _cautions(subject: Subject, several: bool) -> Iterator[str]:
    """Tell what should be known before a file is loaded, or numbers are believed."""
    for said in (*subject.network.hazards, *subject.remarks):
        yield f"{subject.network.title}: {said}" if several else said
