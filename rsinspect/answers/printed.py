"""The paper's tables beside what rsinspect computes, and where sources disagree.

Printed cells come from ``rsinspect.paper`` and are marked with ``*``; computed cells come from the
layer graph of the row's network. Footnotes name who says otherwise. A cell that no source gives is
None, and a table of which no row is known says where it would be found.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from rsinspect import paper
from rsinspect.answers.chart import Axis, Chart, Panel, Point, Series
from rsinspect.answers.table import Answer, Column, Table, Value
from rsinspect.base.errors import InvalidQuestion
from rsinspect.base.words import near
from rsinspect.layers.cost import LEGEND, convention_weights, layers_cost
from rsinspect.networks.resnet_rs import build_graph
from rsinspect.networks.spec import ResNetRSSpec

FIGURES = (2, 3)
PRINTED = "* printed in the paper or, where it could not be seen, in what it describes"
LAYOUT_RESOLUTION = 224
"""Of the costs beside Table 11, which has no resolution of its own."""


class _Row(NamedTuple):
    """One row, before it is put into words."""

    model: str
    printed: dict[str, Value]
    spec: ResNetRSSpec | None
    notes: tuple[str, ...] = ()
    facts: Mapping[str, Value] = MappingProxyType({})


def table_answer(number: int, *, convention: str = "paper") -> Answer:
    """Table ``number`` of the paper, with what rsinspect computes for the same networks.

    Args:
        number: 1 to 12.
        convention: What a FLOP is in the computed column.

    Raises:
        InvalidQuestion: If the paper has no such table, or the convention is unknown.
    """
    convention_weights(convention)
    if number not in paper.PRINTED_TABLES:
        raise InvalidQuestion(f"the paper has no table {number}", "its tables are 1 to 12")
    if number == 8:
        return _recipes(convention)
    if number == 11:
        return _layouts(convention)
    table = paper.printed_table(number)
    if not table.rows:
        return _missing(table)
    rows = [
        _Row(
            model=row["model"],
            printed={c.key: row[c.key] for c in table.columns if c.printed and c.key != "model"},
            spec=_spec(row["network"]),
            notes=tuple(row["notes"]),
            facts={c.key: row[c.key] for c in table.columns if not c.printed},
        )
        for row in table.rows
    ]
    columns = tuple(Column(c.key, c.head, c.kind, c.wraps) for c in table.columns)
    return _report(number, table.title, table.source, columns, rows, convention)


def _spec(network: dict[str, Any] | None) -> ResNetRSSpec | None:
    return None if network is None else ResNetRSSpec.variant(**network)


def _layouts(convention: str) -> Answer:
    rows = [
        _Row(
            model=f"ResNet-RS-{variant.depth}",
            printed={f"c{i + 2}": blocks for i, blocks in enumerate(variant.blocks)},
            spec=ResNetRSSpec.variant(variant.depth, resolution=LAYOUT_RESOLUTION),
            notes=() if variant.published else ("study_layouts",),
            facts={
                "total_blocks": sum(variant.blocks),
                "classic_depth": 3 * sum(variant.blocks) + 2,
            },
        )
        for variant in sorted(paper.variants().values())
    ]
    rows.insert(
        0, _Row("ResNet-RS-26", dict.fromkeys(("c2", "c3", "c4", "c5")), None, ("layout_26",))
    )
    columns = (
        Column("model", "Model"),
        *(Column(f"c{i}", f"c{i}\n*", "integer") for i in range(2, 6)),
        Column("total_blocks", "Blocks", "integer"),
        Column("classic_depth", "Depth", "integer"),
    )
    return _report(
        11,
        "Block layouts: bottleneck blocks of each stage",
        (paper.footnotes()["classic_depth"].source),
        columns,
        rows,
        convention,
        notes=(
            paper.footnotes()["classic_depth"].text,
            f"Params and FLOPs: whole networks at {LAYOUT_RESOLUTION}x{LAYOUT_RESOLUTION}.",
        ),
    )


_RECIPE_COLUMNS = (
    ("dropout_rate", "Drop-\nout *"),
    ("drop_path_rate", "Drop\npath *"),
    ("randaugment_magnitude", "RA\nmag. *"),
    ("label_smoothing", "LS\n*"),
    ("weight_decay", "WD\n*"),
    ("ema_decay", "EMA\n*"),
    ("epochs", "Epochs\n*"),
    ("batch_size", "Batch\n*"),
    ("peak_learning_rate", "Peak\nLR *"),
)


def _recipes(convention: str) -> Answer:
    rows = [
        _Row(
            model=f"ResNet-RS-{recipe.depth}",
            printed={"resolution": recipe.resolution}
            | {key: recipe.settings["tpu"][key] for key, _ in _RECIPE_COLUMNS},
            spec=ResNetRSSpec.variant(recipe.depth, resolution=recipe.resolution),
            notes=recipe.notes,
        )
        for recipe in paper.recipes()
    ]
    columns = (
        Column("model", "Model"),
        Column("resolution", "Res.\n*", "integer"),
        *(Column(key, head, "number") for key, head in _RECIPE_COLUMNS),
    )
    every = [paper.footnotes()[key] for key in ("table8_unseen", "schedule")]
    return _report(
        8,
        "Training recipes of the published models",
        (paper.recipe_sources()["tpu"],),
        columns,
        rows,
        convention,
        notes=(
            *(f"{note.text} Source: {'; '.join(note.source)}." for note in every),
            "RA: RandAugment, 2 layers. Whole recipes, by code base: rsinspect recipe MODEL.",
        ),
        costs=False,
    )


def _missing(table: paper.PrintedTable) -> Answer:
    return Answer(
        Table(
            title=f"Table {table.number}. {table.title}",
            columns=(Column("model", "Rows"),),
            rows=({"model": "not available"},),
            notes=(f"It would come from {table.where}.", f"Source: {'; '.join(table.source)}."),
        ),
        lambda: {
            "schema": "rsinspect.table/1",
            "table": table.number,
            "title": table.title,
            "source": list(table.source),
            "convention": None,
            "rows": [],
            "notes": {},
            "where": table.where,
        },
    )


def _report(
    number: int,
    title: str,
    source: tuple[str, ...],
    columns: tuple[Column, ...],
    rows: list[_Row],
    convention: str,
    *,
    notes: tuple[str, ...] = (),
    costs: bool = True,
) -> Answer:
    """Rows in words and as a document: marks of footnotes, computed columns, sources."""
    marks = {
        key: "abcdefghijklmnopqrstuvwxyz"[index]
        for index, key in enumerate(dict.fromkeys(key for row in rows for key in row.notes))
    }
    computed = [None if row.spec is None else _computed(row, convention) for row in rows]
    shown = costs and any(computed)
    keys = {key for found in computed if found for key in found}
    extra = (
        Column("note", "") if marks else None,
        Column("params", "Params", "count") if shown else None,
        Column("flops", f"FLOPs\n({convention})", "count") if shown else None,
        Column("flops_ratio", "FLOPs\n/ *", "number") if shown and "flops_ratio" in keys else None,
    )
    table_rows: list[dict[str, Value]] = [
        {
            "model": _short(row.model),
            "note": ",".join(marks[key] for key in row.notes),
            **row.printed,
            **row.facts,
            **{
                key: round(value, 3) if isinstance(value, float) else value
                for key, value in (found or {}).items()
            },
        }
        for row, found in zip(rows, computed, strict=True)
    ]
    footnotes = paper.footnotes()
    legend = [
        f"{PRINTED}. Params and FLOPs without it are computed here." if shown else f"{PRINTED}."
    ]
    if shown:
        legend.append(f"FLOPs ({convention}), for one image: {LEGEND[convention]}.")
    if any("-RS-" in row.model for row in rows):
        legend.append("RS: ResNet-RS. ENet: EfficientNet.")
    if any(c.key == "checkpoint_top1" for c in columns):
        ckpt = "; ".join(paper.footnotes()["rs152_224"].source[-1:])
        legend.append(f"ckpt: the released checkpoint, evaluated again. Source: {ckpt}.")
    seen = [c for c in (*columns, *filter(None, extra)) if c.key != "note"]
    if any(row.get(c.key) is None for row in table_rows for c in seen):
        legend.append("-: not available, or not applicable to the row.")
    return Answer(
        Table(
            title=f"Table {number}. {title}",
            columns=(
                columns[0],
                *(c for c in extra[:1] if c),
                *columns[1:],
                *filter(None, extra[1:]),
            ),
            rows=tuple(table_rows),
            notes=(
                *(
                    f"{mark}: {footnotes[key].text} Source: {'; '.join(footnotes[key].source)}."
                    for key, mark in marks.items()
                ),
                *notes,
                *legend,
                f"Source of the printed values: {'; '.join(source)}.",
            ),
        ),
        lambda: {
            "schema": "rsinspect.table/1",
            "table": number,
            "title": title,
            "source": list(source),
            "convention": convention,
            "rows": [
                {
                    "model": row.model,
                    "depth": row.spec.depth if row.spec else None,
                    "resolution": row.spec.resolution[0]
                    if row.spec
                    else row.printed.get("resolution"),
                    "dialect": row.spec.dialect.name if row.spec else None,
                    "printed": row.printed,
                    "computed": found,
                    **({"reported": dict(row.facts)} if row.facts else {}),
                    "notes": list(row.notes),
                }
                for row, found in zip(rows, computed, strict=True)
            ],
            "notes": {
                key: {
                    "mark": mark,
                    "text": footnotes[key].text,
                    "source": list(footnotes[key].source),
                }
                for key, mark in marks.items()
            },
        },
    )


def _short(model: str) -> str:
    return model.replace("ResNet-RS-", "RS-").replace("EfficientNet-", "ENet-")


def _computed(row: _Row, convention: str) -> dict[str, Value]:
    assert row.spec is not None
    graph = build_graph(row.spec)
    cost = layers_cost(graph, graph)
    found: dict[str, Value] = {
        "params": cost.params,
        "trainable_params": cost.trainable_params,
        "macs": cost.macs,
        "flops": cost.flops(convention),
    }
    for key, value, unit in (
        ("params", cost.params, "params_M"),
        ("flops", cost.flops(convention), "flops_B"),
    ):
        printed = row.printed.get(unit)
        if isinstance(printed, int | float):
            found[f"{key}_ratio"] = value / printed / (1e6 if key == "params" else 1e9)
    return found


def figure_answer(number: int, *, convention: str = "paper") -> Answer:
    """The networks of Figure 2 or 3 with what they cost; of Figure 3 also the digitised points.

    Args:
        number: 2 or 3.
        convention: What a FLOP is in the computed column.

    Raises:
        InvalidQuestion: If there is no data of that figure, or the convention is unknown.
    """
    convention_weights(convention)
    _check_figure(number)
    figure = paper.figure(number)
    rows: list[dict[str, Value]] = []
    if number == 2:
        for depth in figure["depths"]:
            for width in figure["widths"]:
                for resolution in figure["resolutions"]:
                    found = {"depth": depth, "width": width, "resolution": resolution}
                    rows.append(found | _study_cost(depth, width, resolution, convention))
        shown: tuple[Column, ...] = ()
        notes: tuple[str, ...] = (
            f"The errors are not available: {figure['where']}.",
            f"-: {paper.footnotes()['layout_26'].text}",
        )
    else:
        for point in paper.study_points():
            cost = _study_cost(point.depth, point.width, point.resolution, convention)
            rows.append(point._asdict() | cost)
        shown = (
            Column("time_per_step_s", "Step\ns **", "number"),
            Column("top1_minival", "Top-1\n% **", "number"),
        )
        notes = (f"** {figure['method']}.", f"-: {figure['missing']}.")
    columns = (
        *((Column("epochs", "Epochs", "integer"), Column("scaling", "Scaling")) if shown else ()),
        Column("depth", "Depth", "integer"),
        Column("width", "Width", "number"),
        Column("resolution", "Res.", "integer"),
        *shown,
        Column("params", "Params", "count"),
        Column("flops", f"FLOPs\n({convention})", "count"),
    )
    return Answer(
        Table(
            title=f"Figure {number}. {figure['title']}",
            columns=columns,
            rows=tuple(rows),
            notes=(
                *notes,
                f"FLOPs ({convention}), for one image: {LEGEND[convention]}.",
                f"Source: {'; '.join(figure['source'])}.",
            ),
        ),
        lambda: {
            "schema": "rsinspect.figure/1",
            "figure": number,
            "title": figure["title"],
            "confidence": figure["confidence"],
            "source": figure["source"],
            "method": figure.get("method"),
            "where": figure.get("where", figure.get("missing")),
            "convention": convention,
            "rows": rows,
        },
    )


def _check_figure(number: int) -> None:
    if number not in FIGURES:
        raise InvalidQuestion(
            f"there is no data of figure {number}",
            "2 and 3 are the scaling study; Figure 6 is drawn by rsinspect graph 101 -o figure.svg",
        )


def _study_cost(depth: int, width: float, resolution: int, convention: str) -> dict[str, Value]:
    if depth not in paper.variants():
        return {"params": None, "macs": None, "flops": None}
    graph = build_graph(ResNetRSSpec.variant(depth, width=width, resolution=resolution))
    cost = layers_cost(graph, graph)
    return {"params": cost.params, "macs": cost.macs, "flops": cost.flops(convention)}


_V100 = Axis("V100 latency of a training step of 128, float32", "seconds", log=True)
_TPU = Axis("TPUv3 latency of a training step of 128, bfloat16", "seconds", log=True)
_AXES = {
    "v100": ("v100_latency_s", 1.0, _V100),
    "tpuv3": ("tpuv3_latency_ms", 1e-3, _TPU),
    "flops": ("flops_B", 1e9, Axis("FLOPs per image, as printed", "count", log=True)),
    "params": ("params_M", 1e6, Axis("Parameters, as printed", "count", log=True)),
}
"""Key of the printed column, its unit in SI, and the axis."""


def table_chart(number: int, *, x: str = "v100") -> Chart:
    """Accuracy of Table 7 against what it costs: the Pareto curves of ResNet-RS and EfficientNet.

    Args:
        number: 7; no other table is a curve.
        x: ``v100``, ``tpuv3``, ``flops`` or ``params``.

    Raises:
        InvalidQuestion: If the table is not a curve or the axis is unknown.
    """
    if number != 7:
        raise InvalidQuestion(
            f"table {number} is not a curve",
            "--plot draws table 7; rsinspect figure 3 --plot f.svg",
        )
    if x not in _AXES:
        raise InvalidQuestion(f"unknown axis {x!r}", near(x, list(_AXES)))
    key, unit, axis = _AXES[x]
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
        panels=(Panel("", (series("ResNet-RS", "RS"), series("EfficientNet", ""))),),
        notes=(f"Source: {'; '.join(table.source)}.",),
    )


def _label(row: dict[str, Any], short: str) -> str:
    name = row["model"].rpartition("-")[2]
    return f"{short}-{name}@{row['resolution']}" if short else name


def _multiplier(width: float) -> str:
    return "" if width == 1 else f"x{width:g}"  # at 1 it is the first point of depth too


def figure_chart(number: int) -> Chart:
    """The digitised points of Figure 3: depth against width, a panel for each training length.

    Raises:
        InvalidQuestion: If the figure has no points.
    """
    _check_figure(number)
    figure = paper.figure(number)
    if number == 2:
        raise InvalidQuestion(f"the points of figure 2 are not available: {figure['where']}")
    panels = []
    for epochs in figure["epochs"]:
        series = []
        for scaling in ("depth", "width"):
            for resolution in figure["resolutions"]:
                points = tuple(
                    Point(
                        p.time_per_step_s,
                        p.top1_minival,
                        f"{p.depth}" if scaling == "depth" else _multiplier(p.width),
                    )
                    for p in paper.study_points()
                    if (p.epochs, p.scaling, p.resolution) == (epochs, scaling, resolution)
                    and p.time_per_step_s is not None
                    and p.top1_minival is not None
                )
                series.append(
                    Series(
                        f"{scaling}, {resolution}",
                        points,
                        line="solid" if scaling == "depth" else "dashed",
                        group=str(resolution),
                    )
                )
        panels.append(Panel(f"{epochs} epochs", tuple(series)))
    return Chart(
        title="Scaling depth or width, at four resolutions",
        subtitle="Figure 3 of Bello et al. 2021, digitised",
        x=Axis("Time of a training step on TPU", "seconds", log=True),
        y=Axis("Minival top-1, %", "number"),
        panels=tuple(panels),
        notes=(
            f"{figure['method'].capitalize()}. Not shown: {figure['missing']}. "
            "Labels: depth at width 1, or width at depth 101.",
            f"Source: {'; '.join(figure['source'])}.",
        ),
    )
