"""The summary of one network, as values: rows of a level, totals, notes, and the JSON document.

Identical neighbours share a row and its numbers are those of all of them, so rows always add up to
the total, folded or not. What a table does not show is not worked out.
"""

import fnmatch
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

from rsinspect.answers.table import Answer, Column, Table, Value
from rsinspect.base.errors import InvalidQuestion
from rsinspect.base.units import ITEM_BYTES, binary_bytes, grouped
from rsinspect.base.words import near
from rsinspect.layers.cost import LEGEND, Cost, convention_weights, layer_cost, layers_cost
from rsinspect.layers.fold import Run, fold_stages, unfold
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.liveness import Peak, peak_activation
from rsinspect.layers.ops import TensorShape
from rsinspect.layers.receptive_field import ReceptiveField, receptive_fields
from rsinspect.layers.wording import describe
from rsinspect.networks.network import Network

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
        InvalidQuestion: If something is unknown or out of range.
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
            raise InvalidQuestion(f"unknown level {self.level!r}", near(self.level, list(LEVELS)))
        if self.dtype not in ITEM_BYTES:
            raise InvalidQuestion(
                f"unknown dtype {self.dtype!r}", near(self.dtype, list(ITEM_BYTES))
            )
        if self.batch < 1:
            raise InvalidQuestion(f"a batch of {self.batch} images; it must be at least 1")
        if self.top is not None and self.top < 1:
            raise InvalidQuestion(f"--top {self.top} shows nothing; it must be at least 1")
        for key in (*self.columns, *(() if self.sort is None else (self.sort,))):
            if key not in _VALUES:
                raise InvalidQuestion(f"unknown column {key!r}", near(key, list(_VALUES)))


class SummaryRow(NamedTuple):
    """One row of a summary: a stage, a block or a layer, or a run of identical ones.

    Attributes:
        path: Of the (first) part.
        last: Path of the layer that ends the (last) part.
        label: The path for people: a run shows its span, ``c4/block1-22``.
        kind: ``stage``, ``block``, or the op of a layer.
        op: The layer's op in words; empty above layers.
        runs: Sizes of the runs of identical blocks in a stage: 1 and 22.
        repeats: How many identical parts the row stands for; its cost is that of all.
        output: Shape of (each) output, without the batch; None for a total.
        cost: Of all repeats, for one image.
    """

    path: str
    last: str
    label: str
    kind: str
    op: str
    runs: tuple[int, ...]
    repeats: int
    output: TensorShape | None
    cost: Cost


def summary_rows(graph: LayerGraph, level: Level, *, folded: bool = True) -> tuple[SummaryRow, ...]:
    """The graph as rows of one level; their costs add up to the graph's, folded or not."""
    return tuple(_rows(graph, level, folded))


def _rows(graph: LayerGraph, level: Level, folded: bool) -> Iterator[SummaryRow]:
    for stage, runs in fold_stages(graph):
        if level == "stage":
            yield _stage_row(graph, stage.path, runs)
            continue
        shown = runs if folded else tuple(Run((group,)) for group in unfold(runs))
        for run in shown:
            if level == "block":
                yield _block_row(graph, run)
            else:
                for layer in run.first.layers:
                    yield _layer_row(graph, run, layer)


def _stage_row(graph: LayerGraph, stage: str, runs: tuple[Run, ...]) -> SummaryRow:
    last = runs[-1].groups[-1].layers[-1]
    return SummaryRow(
        path=stage,
        last=last.path,
        label=stage,
        kind="stage",
        op="",
        runs=tuple(run.repeats for run in runs) if runs[0].first.is_block else (),
        repeats=1,
        output=last.shape,
        cost=Cost.total(layers_cost(graph, run.first.layers) * run.repeats for run in runs),
    )


def _block_row(graph: LayerGraph, run: Run) -> SummaryRow:
    last = run.groups[-1].layers[-1]
    return SummaryRow(
        path=run.first.path,
        last=last.path,
        label=run.span,
        kind="block" if run.first.is_block else "stage",
        op="",
        runs=(),
        repeats=run.repeats,
        output=last.shape,
        cost=layers_cost(graph, run.first.layers) * run.repeats,
    )


def _layer_row(graph: LayerGraph, run: Run, layer: Layer) -> SummaryRow:
    tail = layer.path.removeprefix(run.first.path)
    return SummaryRow(
        path=layer.path,
        last=run.groups[-1].path + tail,
        label=run.span + tail,
        kind=layer.op.kind,
        op=describe(layer.op),
        runs=(),
        repeats=run.repeats,
        output=layer.shape,
        cost=layer_cost(graph, layer) * run.repeats,
    )


class Summary:
    """One network looked at in one way: the rows asked for and what they are measured against."""

    def __init__(self, network: Network, options: SummaryOptions) -> None:
        self.network = network
        self.options = options
        self.graph = network.graph
        self.every = summary_rows(self.graph, options.level, folded=options.folded)
        self.whole = Cost.total(row.cost for row in self.every)
        self.rows = self._selected()

    @cached_property
    def peak(self) -> Peak:
        """Most that is alive at once in inference."""
        return peak_activation(self.graph)

    @cached_property
    def fields(self) -> dict[str, ReceptiveField]:
        """Receptive field of every layer."""
        return receptive_fields(self.graph)

    def flops(self, cost: Cost) -> int:
        """FLOPs under the convention asked for."""
        return cost.flops(self.options.convention)

    def field(self, row: SummaryRow) -> ReceptiveField:
        """Receptive field of a row's (last) output; none for a total."""
        return self.fields.get(row.last, ReceptiveField(None, None))

    def _selected(self) -> tuple[SummaryRow, ...]:
        """Rows after filter, sort and cut."""
        options, rows = self.options, self.every
        if options.filter is not None:
            rows = tuple(row for row in rows if _matches(row, options.filter))
            if not rows:
                raise InvalidQuestion(
                    f"no {options.level} matches {options.filter!r}",
                    "a pattern on the path, 'c4/*', or on the kind, 'Conv2D' (with --level layer)",
                )
        if options.sort is not None:
            rows = tuple(sorted(rows, key=self._sort_key))
        return rows if options.top is None else rows[: options.top]

    def _sort_key(self, row: SummaryRow) -> tuple[bool, float, str]:
        """Numbers first and largest first, text in its order, what is not available last."""
        value = _VALUES[self.options.sort or "path"](row, self)
        if isinstance(value, str):
            return (True, 0.0, value)
        return (value is None, -(value or 0), "")


Getter = Callable[[SummaryRow, Summary], Value]


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


_VALUES: dict[str, Getter] = {
    "path": lambda row, s: row.label,
    "kind": lambda row, s: row.kind,
    "op": lambda row, s: row.op,
    "output": lambda row, s: "" if row.output is None else str(row.output),
    "blocks": lambda row, s: " + ".join(map(str, row.runs)),
    "repeats": lambda row, s: "" if row.output is None else row.repeats,
    "params": lambda row, s: row.cost.params,
    "trainable_params": lambda row, s: row.cost.trainable_params,
    "non_trainable_params": lambda row, s: row.cost.non_trainable_params,
    "params_share": lambda row, s: _share(row.cost.params, s.whole.params),
    "macs": lambda row, s: row.cost.macs,
    "flops": lambda row, s: s.flops(row.cost),
    "flops_share": lambda row, s: _share(s.flops(row.cost), s.flops(s.whole)),
    "activation_bytes": lambda row, s: row.cost.activation_bytes(
        batch=s.options.batch, dtype=s.options.dtype
    ),
    "activation_share": lambda row, s: _share(row.cost.outputs, s.whole.outputs),
    "weight_bytes": lambda row, s: row.cost.weight_bytes(s.options.dtype),
    "bytes_moved": lambda row, s: row.cost.bytes_moved(
        batch=s.options.batch, dtype=s.options.dtype
    ),
    "intensity": lambda row, s: row.cost.intensity(
        s.options.convention, batch=s.options.batch, dtype=s.options.dtype
    ),
    "receptive_field": lambda row, s: "" if row.output is None else s.field(row).size,
    "stride": lambda row, s: "" if row.output is None else s.field(row).stride,
}
"""How each column's value comes from a row."""


def _columns(convention: str) -> dict[str, Column]:
    columns = (
        Column("path", "Path"),
        Column("kind", "Kind"),
        Column("op", "Op"),
        Column("output", "Output"),
        Column("blocks", "Blocks"),
        Column("repeats", "x N", "integer"),
        Column("params", "Params", "count"),
        Column("trainable_params", "Trainable\nparams", "count"),
        Column("non_trainable_params", "Non-trainable\nparams", "count"),
        Column("params_share", "Share of\nparams", "share"),
        Column("macs", "MACs", "count"),
        Column("flops", f"FLOPs\n({convention})", "count"),
        Column("flops_share", "Share of\nFLOPs", "share"),
        Column("activation_bytes", "Activa-\ntions", "bytes"),
        Column("activation_share", "Share of\nactivations", "share"),
        Column("weight_bytes", "Weight\nbytes", "bytes"),
        Column("bytes_moved", "Bytes\nmoved", "bytes"),
        Column("intensity", "FLOPs\nper byte", "number"),
        Column("receptive_field", "Receptive\nfield", "integer"),
        Column("stride", "Stride", "integer"),
    )
    return {column.key: column for column in columns}


def column_keys() -> tuple[str, ...]:
    """Keys of every column a summary can show."""
    return tuple(_VALUES)


_DEFAULT_COLUMNS: dict[Level, tuple[str, ...]] = {
    "stage": ("path", "output", "blocks", "params", "macs", "flops", "flops_share",
              "activation_bytes"),
    "block": ("path", "output", "repeats", "params", "flops", "flops_share", "activation_bytes"),
    "layer": ("path", "op", "output", "params", "flops", "activation_bytes"),
}  # fmt: skip


def _matches(row: SummaryRow, pattern: str) -> bool:
    return any(
        fnmatch.fnmatchcase(text.lower(), pattern.lower())
        for text in (row.path, row.kind, row.label)
    )


def _shown_columns(summary: Summary) -> tuple[str, ...]:
    options = summary.options
    if options.columns:
        return options.columns
    keys = _DEFAULT_COLUMNS[options.level]
    if options.convention == "mac":  # FLOPs would repeat the MACs
        keys = tuple("macs" if key == "flops" else key for key in keys if key != "macs")
    if options.level != "stage" and all(row.repeats == 1 for row in summary.rows):
        keys = tuple(key for key in keys if key != "repeats")
    return keys


def summary_answer(network: Network, options: SummaryOptions) -> Answer:
    """The summary of one network.

    Raises:
        InvalidQuestion: If a filter matches nothing.
    """
    summary = Summary(network, options)
    keys = _shown_columns(summary)
    columns = _columns(options.convention)

    def values(row: SummaryRow) -> dict[str, Value]:
        return {key: _VALUES[key](row, summary) for key in keys}

    totals = [_total("total", summary.whole)]
    if len(summary.rows) < len(summary.every):
        totals.insert(0, _total("shown", Cost.total(row.cost for row in summary.rows)))
    table = Table(
        title=f"{network.title}  blocks {', '.join(map(str, network.blocks))}",
        columns=tuple(columns[key] for key in keys),
        rows=tuple(map(values, summary.rows)),
        totals=tuple(map(values, totals)),
        notes=_notes(summary, keys),
    )
    return Answer(table, lambda: _document(summary))


def _total(label: str, cost: Cost) -> SummaryRow:
    """A sum as a row; what does not add up (output, repeats, fields) is blank."""
    return SummaryRow(
        path=label, last="", label=label, kind="", op="", runs=(), repeats=1, output=None, cost=cost
    )


def _notes(summary: Summary, keys: tuple[str, ...]) -> tuple[str, ...]:
    options, whole = summary.options, summary.whole
    peak = summary.peak
    alive = binary_bytes(peak.bytes(batch=options.batch, dtype=options.dtype))
    notes = [
        f"{len(summary.graph)} layers; params {grouped(whole.params)} = "
        f"{grouped(whole.trainable_params)} trainable + "
        f"{grouped(whole.non_trainable_params)} batch-norm statistics; "
        f"{binary_bytes(whole.weight_bytes(options.dtype))} in {options.dtype}.",
        f"Activations: all layer outputs, batch {options.batch}, {options.dtype}. "
        f"Most alive at once in inference: {alive}, at {peak.path}.",
    ]
    if "macs" in keys:
        notes.append(f"MACs: {LEGEND['mac']}.")
    if {"flops", "flops_share", "intensity"} & set(keys) and options.convention != "mac":
        notes.append(f"FLOPs ({options.convention}): {LEGEND[options.convention]}.")
    folded = [r.runs for r in summary.rows if len(r.runs) == 2 and r.runs[1] > 1]
    if "blocks" in keys and folded:
        most = max(folded, key=lambda runs: runs[1])
        notes.append(
            f"Blocks {most[0]} + {most[1]}: {most[1]} identical after the first "
            "(op, configuration, shapes), each with its own weights."
        )
    repeated = [row for row in summary.rows if row.repeats > 1]
    if repeated:
        most_repeated = max(repeated, key=lambda row: row.repeats)
        span = "/".join(most_repeated.label.split("/")[:2])
        notes.append(
            f"{span}: {most_repeated.repeats} identical blocks (op, configuration, "
            "shapes), each with its own weights; the numbers of such a row are for all of them."
        )
    if "receptive_field" in keys:
        notes.append(
            "Receptive field: of convolutions and pools, in image pixels; SE gates, which see "
            "everything, left out."
        )
    if {"intensity", "bytes_moved"} & set(keys):
        notes.append(
            "Bytes moved: each layer reads its inputs and weights and writes its output once, "
            "nothing fused."
        )
    return tuple(notes)


def _document(summary: Summary) -> dict[str, Any]:
    options, peak = summary.options, summary.peak
    return {
        "schema": "rsinspect.summary/1",
        "model": summary.network.document(),
        "convention": options.convention,
        "batch": options.batch,
        "dtype": options.dtype,
        "totals": {
            **_cost_document(summary.whole, options),
            "peak_activation_bytes": peak.bytes(batch=options.batch, dtype=options.dtype),
            "peak_activation_path": peak.path,
            "layers": len(summary.graph),
        },
        "rows": [
            {
                "path": row.path,
                "label": row.label,
                "kind": row.kind,
                "level": options.level,
                "op": row.op or None,
                "repeats": row.repeats,
                "identical_runs": list(row.runs) or None,
                "output_shape": None if row.output is None else list(row.output),
                **_cost_document(row.cost, options),
                "receptive_field": summary.field(row).size,
                "stride": summary.field(row).stride,
            }
            for row in summary.rows
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
