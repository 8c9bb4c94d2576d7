"""A network at other depths, widths and resolutions."""

from __future__ import annotations

from collections.abc import Iterator

from rsinspect import paper
from rsinspect.answers.scaling import Scaling, scaling_answer, scaling_chart, scaling_of
from rsinspect.base.units import grouped, significant
from rsinspect.design_space.advice import advice_answer
from rsinspect.pages.charts import drawn_chart
from rsinspect.pages.parts import Beside, Fact, Facts, Heading, Part, Prose, Section, Tabled
from rsinspect.pages.report import Report

_TWICE = {
    "depth": "Twice as deep",
    "width": "Twice as wide",
    "resolution": "Twice the side of the image",
}


def section(report: Report) -> Section | None:
    """Place each network among those that differ from it in one thing."""
    parts: list[Part] = []
    several = len(report.subjects) > 1
    for subject in report.subjects:
        scaling = scaling_of(subject.network, report.question)
        if scaling is None:
            continue
        if several:
            parts.append(Heading(subject.network.title))
        parts += _parts(scaling, subject.key)
    if any(each.network.recognised for each in report.subjects) and parts:
        parts.append(Prose(_advice()))
    return Section("scaling", "Deeper, wider, larger images", tuple(parts)) if parts else None


def _parts(scaling: Scaling, key: str) -> Iterator[Part]:
    facts = Facts(tuple(_facts(scaling)))
    chart = scaling_chart(scaling)
    if chart is None:
        yield facts
    else:
        says = "Cost of the network beside networks that differ from it in one thing."
        yield Beside((drawn_chart(f"scaled-{key}", chart, says), facts))
    yield Tabled(f"scaling-{key}", scaling_answer(scaling))


def _facts(scaling: Scaling) -> Iterator[Fact]:
    """Tell what doubling costs, and how much of the image is seen."""
    own = scaling.own
    for each in scaling.doubled:
        if each.direction is None or not own.flops or not own.params or not own.peak_bytes:
            continue
        ratio = each.flops / own.flops
        yield Fact(
            _TWICE[each.direction],
            f"{significant(ratio)} × the FLOPs",
            ratio,
            f"{significant(each.params / own.params)} × the parameters, "
            f"{significant(each.peak_bytes / own.peak_bytes)} × the peak of activations",
        )
    field, size = scaling.receptive_field, scaling.network.resolution
    if field is not None and size is not None:
        yield Fact(
            "Receptive field",
            f"{grouped(field)} px",
            field,
            f"the largest of all layers: {significant(field / max(size))} × the side of the image, "
            "whatever its size",
        )
    if own.sees_all is not None:
        yield Fact("Sees the whole image from", own.sees_all, None, f"at {scaling.network.size}")


def _advice() -> tuple[str, ...]:
    """Quote how the paper would have a network grown."""
    epochs = int(paper.recipes()[0].settings["tpu"]["epochs"])
    lead = advice_answer(epochs).table.lead
    return (f"How the paper grows its networks. {' '.join(map(str, lead))}",)
