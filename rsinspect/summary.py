"""The summary of one network, as values: rows of a level, totals, notes, and the JSON document.

Identical neighbours share a row and its numbers are those of all of them, so rows always add up to
the total, folded or not.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from rsinspect.cost import (
    LEGEND,
    Cost,
    ReceptiveField,
    convention_weights,
    layer_cost,
    layers_cost,
    peak_activation,
    receptive_fields,
)
from rsinspect.errors import ReportError
from rsinspect.fold import Run, fold
from rsinspect.graph import Layer, LayerGraph, TensorShape
from rsinspect.report import Column, Report, Table, Value, describe, model_document
from rsinspect.resnet_rs import build_graph
from rsinspect.spec import ResNetRSSpec, near
from rsinspect.units import ITEM_BYTES, binary_bytes, grouped

Level = Literal["stage", "block", "layer"]
LEVELS: tuple[Level, ...] = ("stage", "block", "layer")


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryOptions:
    """How a summary is asked for.

    Attributes:
        level: One row per stage, block or layer.
        convention: What a FLOP is.
        batch: Images, for activation bytes, bytes moved and intensity.
        dtype: Of activations and weights.
        folded: Whether identical neighbours share a row.
        columns: Keys of the columns to show; empty for the level's default.
        sort: Key of the column to sort by, largest first; None for network order.
        top: How many rows to keep after sorting; None for all.
        filter: Pattern on path or kind; None for all.

    Raises:
        ReportError: If something is unknown or out of range.
    """

    level: Level = "stage"
    convention: str = "paper"
    batch: int = 1
    dtype: str = "float32"
    folded: bool = True
    columns: tuple[str, ...] = ()
    sort: str | None = None
    top: int | None = None
    filter: str | None = None

    def __post_init__(self) -> None:
        convention_weights(self.convention)
        if self.level not in LEVELS:
            raise ReportError(f"unknown level {self.level!r}", near(self.level, list(LEVELS)))
        if self.dtype not in ITEM_BYTES:
            raise ReportError(f"unknown dtype {self.dtype!r}", near(self.dtype, list(ITEM_BYTES)))
        if self.batch < 1:
            raise ReportError(f"a batch of {self.batch} images; it must be at least 1")
        if self.top is not None and self.top < 1:
            raise ReportError(f"--top {self.top} shows nothing; it must be at least 1")
        known = list(_columns(self.convention))
        for key in (*self.columns, *(() if self.sort is None else (self.sort,))):
            if key not in known:
                raise ReportError(f"unknown column {key!r}", near(key, known))


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryRow:
    """One row of a summary: a stage, a block or a layer, or a run of identical ones.

    Attributes:
        path: Of the (first) part.
        label: The same for people: a run shows its span, ``c4/block1-22``.
        kind: ``stage``, ``block``, or the op of a layer.
        level: Which.
        op: The layer's op in words; empty above layers.
        runs: Sizes of the runs of identical blocks in a stage: 1 and 22.
        repeats: How many identical parts the row stands for; its cost is that of all.
        output: Shape of (each) output, without the batch.
        cost: Of all repeats, for one image.
        field: Receptive field of the (last) output.
    """

    path: str
    label: str
    kind: str
    level: Level
    op: str
    runs: tuple[int, ...]
    repeats: int
    output: TensorShape
    cost: Cost
    field: ReceptiveField


def summary_rows(graph: LayerGraph, level: Level, *, folded: bool = True) -> tuple[SummaryRow, ...]:
    """The graph as rows of one level; their costs add up to the graph's, folded or not."""
    fields = receptive_fields(graph)
    rows: list[SummaryRow] = []
    by_stage: dict[str, list[Run]] = {}
    for run in fold(graph, graph.groups()):
        by_stage.setdefault(run.first.path.split("/", 1)[0], []).append(run)
    for stage, runs in by_stage.items():
        if level == "stage":
            rows.append(_stage_row(graph, stage, runs, fields))
            continue
        shown = runs if folded else [Run((group,)) for run in runs for group in run.groups]
        for run in shown:
            if level == "block":
                rows.append(_block_row(graph, run, fields))
            else:
                rows.extend(_layer_row(graph, run, layer, fields) for layer in run.first.layers)
    return tuple(rows)


def _stage_row(
    graph: LayerGraph, stage: str, runs: list[Run], fields: dict[str, ReceptiveField]
) -> SummaryRow:
    last = runs[-1].groups[-1].layers[-1]
    blocks = tuple(run.repeats for run in runs) if "/" in runs[0].first.path else ()
    return SummaryRow(
        path=stage,
        label=stage,
        kind="stage",
        level="stage",
        op="",
        runs=blocks,
        repeats=1,
        output=last.shape,
        cost=Cost.total(layers_cost(graph, run.first.layers) * run.repeats for run in runs),
        field=fields[last.path],
    )


def _block_row(graph: LayerGraph, run: Run, fields: dict[str, ReceptiveField]) -> SummaryRow:
    return SummaryRow(
        path=run.first.path,
        label=run.span,
        kind="block" if "/" in run.first.path else "stage",
        level="block",
        op="",
        runs=(),
        repeats=run.repeats,
        output=run.first.layers[-1].shape,
        cost=layers_cost(graph, run.first.layers) * run.repeats,
        field=fields[run.groups[-1].layers[-1].path],
    )


def _layer_row(
    graph: LayerGraph, run: Run, layer: Layer, fields: dict[str, ReceptiveField]
) -> SummaryRow:
    tail = layer.path.removeprefix(run.first.path)
    return SummaryRow(
        path=layer.path,
        label=run.span + tail,
        kind=type(layer.op).__name__,
        level="layer",
        op=describe(layer.op),
        runs=(),
        repeats=run.repeats,
        output=layer.shape,
        cost=layer_cost(graph, layer) * run.repeats,
        field=fields[run.groups[-1].path + tail],
    )


Getter = Callable[[SummaryRow, SummaryOptions, Cost], Value]


def _columns(convention: str) -> dict[str, tuple[Column, Getter]]:
    """Every column of a summary, with how its value comes from a row and the whole cost."""

    def share(part: int, whole: int) -> float | None:
        return part / whole if whole else None

    table: tuple[tuple[Column, Getter], ...] = (
        (Column("path", "Path"), lambda r, o, w: r.label),
        (Column("kind", "Kind"), lambda r, o, w: r.kind),
        (Column("op", "Op"), lambda r, o, w: r.op),
        (Column("output", "Output"), lambda r, o, w: str(r.output)),
        (Column("blocks", "Blocks"), lambda r, o, w: " + ".join(map(str, r.runs))),
        (Column("repeats", "x N", "integer"), lambda r, o, w: r.repeats),
        (Column("params", "Params", "count"), lambda r, o, w: r.cost.params),
        (
            Column("trainable_params", "Trainable\nparams", "count"),
            lambda r, o, w: r.cost.trainable_params,
        ),
        (
            Column("non_trainable_params", "Non-trainable\nparams", "count"),
            lambda r, o, w: r.cost.non_trainable_params,
        ),
        (
            Column("params_share", "Share of\nparams", "share"),
            lambda r, o, w: share(r.cost.params, w.params),
        ),
        (Column("macs", "MACs", "count"), lambda r, o, w: r.cost.macs),
        (
            Column("flops", f"FLOPs\n({convention})", "count"),
            lambda r, o, w: r.cost.flops(o.convention),
        ),
        (
            Column("flops_share", "Share of\nFLOPs", "share"),
            lambda r, o, w: share(r.cost.flops(o.convention), w.flops(o.convention)),
        ),
        (
            Column("activation_bytes", "Activa-\ntions", "bytes"),
            lambda r, o, w: r.cost.activation_bytes(batch=o.batch, dtype=o.dtype),
        ),
        (
            Column("activation_share", "Share of\nactivations", "share"),
            lambda r, o, w: share(r.cost.outputs, w.outputs),
        ),
        (
            Column("weight_bytes", "Weight\nbytes", "bytes"),
            lambda r, o, w: r.cost.weight_bytes(o.dtype),
        ),
        (
            Column("bytes_moved", "Bytes\nmoved", "bytes"),
            lambda r, o, w: r.cost.bytes_moved(batch=o.batch, dtype=o.dtype),
        ),
        (
            Column("intensity", "FLOPs\nper byte", "number"),
            lambda r, o, w: r.cost.intensity(o.convention, batch=o.batch, dtype=o.dtype),
        ),
        (
            Column("receptive_field", "Receptive\nfield", "integer"),
            lambda r, o, w: r.field.size,
        ),
        (Column("stride", "Stride", "integer"), lambda r, o, w: r.field.stride),
    )
    return {column.key: (column, getter) for column, getter in table}


def column_keys() -> tuple[str, ...]:
    """Keys of every column a summary can show."""
    return tuple(_columns("mac"))


_DEFAULT_COLUMNS: dict[Level, tuple[str, ...]] = {
    "stage": ("path", "output", "blocks", "params", "macs", "flops", "flops_share",
              "activation_bytes"),
    "block": ("path", "output", "repeats", "params", "flops", "flops_share", "activation_bytes"),
    "layer": ("path", "op", "output", "repeats", "params", "flops", "activation_bytes"),
}  # fmt: skip


def _matches(row: SummaryRow, pattern: str) -> bool:
    return any(
        fnmatch.fnmatchcase(text.lower(), pattern.lower())
        for text in (row.path, row.kind, row.label)
    )


def _select(
    rows: tuple[SummaryRow, ...], options: SummaryOptions, whole: Cost
) -> tuple[SummaryRow, ...]:
    """Filter, sort and cut."""
    if options.filter is not None:
        rows = tuple(row for row in rows if _matches(row, options.filter))
        if not rows:
            raise ReportError(
                f"no {options.level} matches {options.filter!r}",
                "a pattern on the path, 'c4/*', or on the kind, 'Conv2D' (with --level layer)",
            )
    if options.sort is not None:
        getter = _columns(options.convention)[options.sort][1]

        def key(row: SummaryRow) -> tuple[bool, float, str]:
            value = getter(row, options, whole)
            if isinstance(value, str):
                return (True, 0.0, value)
            return (value is None, -(value or 0), "")

        rows = tuple(sorted(rows, key=key))
    return rows if options.top is None else rows[: options.top]


def _total_row(
    label: str, cost: Cost, whole: Cost, layer_count: int, options: SummaryOptions
) -> dict[str, Value]:
    """A sum as a row; what does not add up (fields, output, repeats) is left blank."""
    row = SummaryRow(
        path=label, label=label, kind="", level=options.level, op="", runs=(), repeats=layer_count,
        output=TensorShape(), cost=cost, field=ReceptiveField(None, None),
    )  # fmt: skip
    blank = {"output", "repeats", "receptive_field", "stride"}
    return {
        key: "" if key in blank else getter(row, options, whole)
        for key, (_, getter) in _columns(options.convention).items()
    }


def summary_report(spec: ResNetRSSpec, options: SummaryOptions) -> Report:
    """The summary of one network.

    Raises:
        ReportError: If a filter matches nothing.
    """
    graph = build_graph(spec)
    every = summary_rows(graph, options.level, folded=options.folded)
    whole = Cost.total(row.cost for row in every)
    rows = _select(every, options, whole)
    columns = _columns(options.convention)
    keys = options.columns or _default_columns(rows, options)
    totals = [_total_row("total", whole, whole, len(graph), options)]
    if len(rows) < len(every):
        shown = Cost.total(row.cost for row in rows)
        totals.insert(0, _total_row("shown", shown, whole, len(rows), options))
    table = Table(
        title=f"{spec.title}  blocks {', '.join(map(str, spec.blocks))}",
        columns=tuple(columns[key][0] for key in keys),
        rows=tuple(
            {key: getter(row, options, whole) for key, (_, getter) in columns.items()}
            for row in rows
        ),
        totals=tuple(totals),
        notes=_notes(graph, whole, rows, keys, options),
    )
    return Report(table, _document(spec, graph, whole, rows, options))


def _default_columns(rows: tuple[SummaryRow, ...], options: SummaryOptions) -> tuple[str, ...]:
    keys = _DEFAULT_COLUMNS[options.level]
    if options.convention == "mac":  # FLOPs would repeat the MACs
        keys = tuple("macs" if key == "flops" else key for key in keys if key != "macs")
    if options.level != "stage" and all(row.repeats == 1 for row in rows):
        keys = tuple(key for key in keys if key != "repeats")
    return keys


def _notes(
    graph: LayerGraph,
    whole: Cost,
    rows: tuple[SummaryRow, ...],
    keys: tuple[str, ...],
    options: SummaryOptions,
) -> tuple[str, ...]:
    images = f"batch {options.batch}, {options.dtype}"
    peak = peak_activation(graph)
    notes = [
        f"{len(graph)} layers; params {grouped(whole.params)} = {grouped(whole.trainable_params)} "
        f"trainable + {grouped(whole.non_trainable_params)} batch-norm statistics; "
        f"{binary_bytes(whole.weight_bytes(options.dtype))} in {options.dtype}.",
        f"Activations: all layer outputs, {images}. Most alive at once in inference: "
        f"{binary_bytes(peak.bytes(batch=options.batch, dtype=options.dtype))}, "
        f"at {peak.path}.",
    ]
    if "macs" in keys:
        notes.append(f"MACs: {LEGEND['mac']}.")
    if {"flops", "flops_share", "intensity"} & set(keys) and options.convention != "mac":
        notes.append(f"FLOPs ({options.convention}): {LEGEND[options.convention]}.")
    if "blocks" in keys and (runs := [r.runs for r in rows if len(r.runs) == 2 and r.runs[1] > 1]):
        most = max(runs, key=lambda run: run[1])
        notes.append(
            f"Blocks {most[0]} + {most[1]}: {most[1]} identical after the first "
            "(op, configuration, shapes), each with its own weights."
        )
    if "repeats" in keys and any(row.repeats > 1 for row in rows):
        notes.append(
            "x N: N identical blocks (op, configuration, shapes), each with its own weights; "
            "the numbers of the row are for all N."
        )
    if "receptive_field" in keys:
        notes.append(
            "Receptive field: of convolutions and pools, in image pixels; SE gates, which see "
            "everything, left out."
        )
    if "intensity" in keys or "bytes_moved" in keys:
        notes.append(
            "Bytes moved: each layer reads its inputs and weights and writes its output once, "
            "nothing fused."
        )
    return tuple(notes)


def _document(
    spec: ResNetRSSpec,
    graph: LayerGraph,
    whole: Cost,
    rows: tuple[SummaryRow, ...],
    options: SummaryOptions,
) -> dict[str, Any]:
    peak = peak_activation(graph)
    images = {"batch": options.batch, "dtype": options.dtype}
    return {
        "schema": "rsinspect.summary/1",
        "model": model_document(spec),
        "convention": options.convention,
        **images,
        "totals": {
            **_cost_document(whole, options),
            "peak_activation_bytes": peak.bytes(batch=options.batch, dtype=options.dtype),
            "peak_activation_path": peak.path,
            "layers": len(graph),
        },
        "rows": [
            {
                "path": row.path,
                "label": row.label,
                "kind": row.kind,
                "level": row.level,
                "op": row.op or None,
                "repeats": row.repeats,
                "identical_runs": list(row.runs) or None,
                "output_shape": list(row.output),
                **_cost_document(row.cost, options),
                "receptive_field": row.field.size,
                "stride": row.field.stride,
            }
            for row in rows
        ],
    }


def _cost_document(cost: Cost, options: SummaryOptions) -> dict[str, Any]:
    images: dict[str, Any] = {"batch": options.batch, "dtype": options.dtype}
    return {
        "params": cost.params,
        "trainable_params": cost.trainable_params,
        "non_trainable_params": cost.non_trainable_params,
        "macs": cost.macs,
        "flops": cost.flops(options.convention),
        "activation_bytes": cost.activation_bytes(**images),
        "weight_bytes": cost.weight_bytes(options.dtype),
        "bytes_moved": cost.bytes_moved(**images),
        "intensity": cost.intensity(options.convention, **images),
    }
