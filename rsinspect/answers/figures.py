"""Figures 2 and 3 of the paper as tables, and its curves as charts."""

from __future__ import annotations

from typing import Any

from rsinspect import paper
from rsinspect.answers.chart import Axis, Chart, Facet, Point, Series
from rsinspect.answers.computed import computed, computed_columns
from rsinspect.answers.table import Answer, Column, Table, Value
from rsinspect.base.errors import InvalidQuestion, check_choice
from rsinspect.base.words import shown
from rsinspect.layers.question import Question
from rsinspect.networks.network import resnet_rs
from rsinspect.networks.spec import ResNetRSSpec

FIGURES = (2, 3)
SCHEMA = "rsinspect.figure/1"


def figure_answer(number: int, question: Question | None = None) -> Answer:
    """List the networks of Figure 2 or 3 with what they cost, and the points of Figure 3.

    Args:
        number: 2 or 3.
        question: What a FLOP is in the computed column.

    Raises:
        InvalidQuestion: If there is no data of that figure.
    """
    _check_figure(number)
    question = question or Question()
    figure = paper.figure(number)
    rows = _grid(figure, question) if number == 2 else _points(question)
    epochs, read_off, notes = _grid_notes(figure) if number == 2 else _points_notes(figure)
    return Answer(
        Table(
            title=figure["title"],
            number=f"Figure {number}",
            name=f"figure-{number}",
            columns=(
                *epochs,
                Column("depth", "Depth", "integer"),
                Column("width", "Width", "number"),
                Column("resolution", "Res.", "integer"),
                *read_off,
                *computed_columns(question),
            ),
            rows=tuple(rows),
            notes=(
                *notes,
                f"FLOPs ({question.convention}), for one image: {question.legend}.",
                f"Source: {'; '.join(figure['source'])}.",
            ),
        ),
        lambda: {
            "schema": SCHEMA,
            "figure": number,
            "title": figure["title"],
            "confidence": figure["confidence"],
            "source": figure["source"],
            "method": figure.get("method"),
            "where": figure.get("where", figure.get("missing")),
            "convention": question.convention,
            "rows": rows,
        },
    )


def _check_figure(number: int) -> None:
    if number not in FIGURES:
        raise InvalidQuestion(
            f"there is no data of figure {shown(number)}",
            "2 and 3 are the scaling study; Figure 6 is drawn by rsinspect graph 101 -o figure.svg",
        )


def _grid(figure: dict[str, Any], question: Question) -> list[dict[str, Value]]:
    """List every network of Figure 2."""
    return [
        {"depth": depth, "width": width, "resolution": resolution}
        | _study_cost(depth, width, resolution, question)
        for depth in figure["depths"]
        for width in figure["widths"]
        for resolution in figure["resolutions"]
    ]


def _points(question: Question) -> list[dict[str, Value]]:
    """List every point of Figure 3."""
    return [
        point._asdict() | _study_cost(point.depth, point.width, point.resolution, question)
        for point in paper.study_points()
    ]


_Notes = tuple[tuple[Column, ...], tuple[Column, ...], tuple[str, ...]]
"""Columns before and after those of the network, and sentences about them."""


def _grid_notes(figure: dict[str, Any]) -> _Notes:
    notes = (
        f"The errors are not available: {figure['where']}.",
        f"–: {paper.footnotes()['layout_26'].text}",
    )
    return (), (), notes


def _points_notes(figure: dict[str, Any]) -> _Notes:
    return (
        (Column("epochs", "Epochs", "integer"), Column("scaling", "Scaling")),
        (
            Column("time_per_step_s", "Step\ns **", "number", decimals=3),
            Column("top1_minival", "Top-1\n% **", "number", decimals=2),
        ),
        (*read_off(figure), f"–: {figure['missing']}."),
    )


def read_off(figure: dict[str, Any]) -> tuple[str, ...]:
    """Say how the points of Figure 3 were read off, what matters most first."""
    how, *more = figure["method"].split("; ")
    return (f"** {how}.", *(f"{text[:1].upper()}{text[1:]}." for text in more))


def _study_cost(depth: int, width: float, resolution: int, question: Question) -> dict[str, Value]:
    keys = ("params", "macs", "flops")
    if depth not in paper.variants():
        return dict.fromkeys(keys)
    spec = ResNetRSSpec.variant(depth, width=width, resolution=resolution)
    figures = computed(resnet_rs(spec), question)
    return {key: figures[key] for key in keys}


_V100 = Axis("V100 latency of a training step of 128, float32", "seconds", log=True)
_TPU = Axis("TPUv3 latency of a training step of 128, bfloat16", "seconds", log=True)
TABLE_AXES = {
    "v100": ("v100_latency_s", 1.0, _V100),
    "tpuv3": ("tpuv3_latency_ms", 1e-3, _TPU),
    "flops": ("flops_B", 1e9, Axis("FLOPs per image, as printed", "count", log=True)),
    "params": ("params_M", 1e6, Axis("Parameters, as printed", "count", log=True)),
}
"""Key of the printed column, its unit in SI, and the axis."""


def table_chart(number: int, *, x: str = "v100") -> Chart:
    """Chart the accuracy of Table 7 against what it costs, for ResNet-RS and EfficientNet.

    Args:
        number: 7; no other table is a curve.
        x: ``v100``, ``tpuv3``, ``flops`` or ``params``.

    Raises:
        InvalidQuestion: If the table is not a curve.
        InvalidChoice: If the axis is unknown.
    """
    if number != 7:
        raise InvalidQuestion(
            f"table {number} is not a curve",
            "table 7 and figure 3 can be drawn",
        )
    check_choice("axis", x, TABLE_AXES)
    key, unit, axis = TABLE_AXES[x]
    table = paper.printed_table(7)

    def series(family: str, short: str) -> Series:
        points = [
            Point(row[key] * unit, row["top1"], _label(row, short))
            for row in table.rows
            if row["model"].startswith(family)
        ]
        return Series(family, tuple(sorted(points)), line="solid")

    return Chart(
        title="Accuracy against cost: ResNet-RS and EfficientNet",
        subtitle="Table 7 of Bello et al. 2021, as printed; 350 epochs",
        x=axis,
        y=Axis("ImageNet validation top-1, %", "number"),
        facets=(Facet("", (series("ResNet-RS", "RS"), series("EfficientNet", ""))),),
        notes=(f"Source: {'; '.join(table.source)}.",),
    )


def _label(row: dict[str, Any], short: str) -> str:
    name = row["model"].rpartition("-")[2]
    return f"{short}-{name}@{row['resolution']}" if short else name


def _multiplier(width: float) -> str:
    return "" if width == 1 else f"×{width:g}"  # at 1 it is the first point of depth too


def _facet(figure: dict[str, Any], epochs: int) -> Facet:
    """Draw the curves of one training length: depth and width at each resolution."""
    series = [
        Series(
            f"{scaling}, {resolution}",
            _curve(epochs, scaling, resolution),
            line="solid" if scaling == "depth" else "dashed",
            group=str(resolution),
        )
        for scaling in ("depth", "width")
        for resolution in figure["resolutions"]
    ]
    return Facet(f"{epochs} epochs", tuple(series))


def _curve(epochs: int, scaling: str, resolution: int) -> tuple[Point, ...]:
    """List the points of a curve, its ends named: the points between follow in their order."""
    found = [
        (
            p.time_per_step_s,
            p.top1_minival,
            f"{p.depth}" if scaling == "depth" else _multiplier(p.width),
        )
        for p in paper.study_points()
        if (p.epochs, p.scaling, p.resolution) == (epochs, scaling, resolution)
        and p.time_per_step_s is not None
        and p.top1_minival is not None
    ]
    ends = (0, len(found) - 1)
    return tuple(Point(x, y, name if n in ends else "") for n, (x, y, name) in enumerate(found))


def figure_chart(number: int) -> Chart:
    """Chart the digitised points of Figure 3, a panel for each training length.

    Raises:
        InvalidQuestion: If the figure has no points.
    """
    _check_figure(number)
    figure = paper.figure(number)
    if number == 2:
        raise InvalidQuestion(f"the points of figure 2 are not available: {figure['where']}")
    return Chart(
        title="Scaling depth or width, at four resolutions",
        subtitle="Figure 3 of Bello et al. 2021, digitised",
        x=Axis("Time of a training step on TPU", "seconds", log=True),
        y=Axis("Minival top-1, %", "number"),
        facets=tuple(_facet(figure, epochs) for epochs in figure["epochs"]),
        notes=(
            f"{figure['method'].capitalize()}. Not shown: {figure['missing']}. "
            "Labels, at the ends of each line: depth at width 1 (101, 200, 300, 400), or width at "
            "depth 101 (×1, ×1.5, ×2).",
            f"Source: {'; '.join(figure['source'])}.",
        ),
    )
