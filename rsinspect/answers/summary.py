"""The summary of one network, as values: rows of a level, totals, notes, and the JSON document.

What a table does not show is not worked out.
"""

import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rsinspect.answers.columns import (
    COLUMNS,
    ColumnSpec,
    Whole,
    default_columns,
    legend,
    sharing_in_words,
    sums_in_words,
)
from rsinspect.answers.rows import LEVELS, Level, SummaryRow, summary_rows, total_row
from rsinspect.answers.table import Answer, Table, Value
from rsinspect.base import limits
from rsinspect.base.errors import InvalidQuestion, check_choice
from rsinspect.base.units import binary_bytes, grouped, typed
from rsinspect.base.words import Option, advice, names_in_words, plural
from rsinspect.layers import ops
from rsinspect.layers.cost import Cost, weight_shapes
from rsinspect.layers.graph import LayerGraph
from rsinspect.layers.liveness import Peak, peak_activation
from rsinspect.layers.question import Question
from rsinspect.networks.network import Network

if TYPE_CHECKING:
    from rsinspect.answers.weight_columns import Weighed

SCHEMA = "rsinspect.summary/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryOptions:
    """How a summary is laid out.

    Attributes:
        level: One row per stage, block or layer.
        question: What a FLOP is, how many images, which dtype.
        folded: Whether identical neighbours share a row.
        columns: Keys of the columns to show; empty for the level's default.
        sort: Key of the column to sort by, largest first; None for network order.
        limit: How many rows to keep after sorting; None for all.
        filter: Pattern on path or kind; None for all.

    Raises:
        InvalidChoice: If the level or a column is unknown.
        InvalidQuestion: If no row would be shown.
    """

    level: Level = "stage"
    question: Question = field(default_factory=Question)
    folded: bool = True
    columns: tuple[str, ...] = ()
    sort: str | None = None
    limit: int | None = None
    filter: str | None = None

    def __post_init__(self) -> None:
        check_choice("level", self.level, LEVELS)
        if self.limit is not None:
            limits.ROWS.check(self.limit, InvalidQuestion)
        for key in (*self.columns, *(() if self.sort is None else (self.sort,))):
            if key not in COLUMNS:  # few are asked what weights are like
                check_choice("column", key, column_keys(weights=True))


class Summary:
    """One network looked at in one way: the rows asked for and what they are measured against."""

    def __init__(
        self, network: Network, options: SummaryOptions, weights: "Weighed | None" = None
    ) -> None:
        self.network = network
        self.options = options
        self.question = options.question
        self.whole = Whole(network.graph, options.question, weights)
        self.every = summary_rows(network.graph, options.level, folded=options.folded)
        self.rows = self._selected()

    @cached_property
    def peak(self) -> Peak:
        """Find the peak of live activations in inference."""
        return peak_activation(self.network.graph)

    @property
    def peak_bytes(self) -> int:
        """Convert the peak to bytes, for the batch."""
        return self.peak.bytes(batch=self.question.batch, dtype=self.question.dtype)

    def values(self, row: SummaryRow, columns: Iterable[ColumnSpec]) -> dict[str, Value]:
        """Work out some columns of a row."""
        return {spec.key: spec.value(row, self.whole) for spec in columns}

    def _selected(self) -> tuple[SummaryRow, ...]:
        """Filter, sort and cut the rows."""
        options, rows = self.options, self.every
        if options.filter is not None:
            rows = tuple(row for row in rows if _matches(row, options.filter))
            if not rows:
                raise InvalidQuestion(
                    f"no {options.level} matches {options.filter!r}",
                    advice(
                        "a pattern on the path, 'c4/*', or on the kind, 'Conv2D' (with {})",
                        Option("level", "layer"),
                    ),
                )
        if options.sort is not None:
            rows = tuple(sorted(rows, key=self._sort_key))
        return rows if options.limit is None else rows[: options.limit]

    def _sort_key(self, row: SummaryRow) -> tuple[bool, float, str]:
        """Order numbers first and largest first, then text, then what is not available."""
        value = column(self.options.sort or "path").value(row, self.whole)
        if isinstance(value, str):
            return (True, 0.0, value)
        return (value is None, -(value or 0), "")


def _matches(row: SummaryRow, pattern: str) -> bool:
    return any(
        fnmatch.fnmatchcase(text.lower(), pattern.lower())
        for text in (row.path, row.kind, row.label)
    )


def column_keys(*, weights: bool = False) -> tuple[str, ...]:
    """List the keys of every column of a summary.

    Args:
        weights: Whether those about the weights in a file are among them.
    """
    if not weights:
        return tuple(COLUMNS)
    from rsinspect.answers.weight_columns import WEIGHT_COLUMNS  # seldom asked for

    return (*COLUMNS, *WEIGHT_COLUMNS)


def column(key: str) -> ColumnSpec:
    """Look up a column."""
    if key in COLUMNS:
        return COLUMNS[key]
    from rsinspect.answers.weight_columns import WEIGHT_COLUMNS

    return WEIGHT_COLUMNS[key]


def _shown(summary: Summary) -> tuple[ColumnSpec, ...]:
    """Choose the columns of a table: those asked for, or what suits the level.

    Raises:
        InvalidQuestion: If one is about the weights in a file, and none is looked at.
    """
    options, weights = summary.options, summary.whole.weights
    asked = (*options.columns, *filter(None, (options.sort,)))
    if weights is None and (of := next((key for key in asked if key not in COLUMNS), None)):
        raise InvalidQuestion(
            f"{of} is about the weights in a file, and no file is named",
            advice("name it: {}", Option("weights", "my.h5")),
        )
    if options.columns:
        return tuple(map(column, options.columns))
    if weights is None:
        return default_columns(options.level, summary.rows, options.question)
    keys = ("path", *(("op",) if options.level == "layer" else ()), "params")
    return tuple(map(column, (*keys, *column_keys(weights=True)[len(COLUMNS) :])))


def summary_answer(
    network: Network, options: SummaryOptions, weights: "Weighed | None" = None
) -> Answer:
    """Summarise one network.

    Args:
        network: Which.
        options: How it is shown.
        weights: Its weights in a file, for what their numbers are like.

    Raises:
        InvalidQuestion: If a filter matches nothing, or a column needs a file.

    >>> from rsinspect.networks.named import network
    >>> summary_answer(network("50"), SummaryOptions()).table.title
    'ResNet-RS-50 @ 160×160  blocks 3, 4, 6, 3'
    """
    summary = Summary(network, options, weights)
    question = options.question
    shown = _shown(summary)
    known = None if network.spec else network.recognised
    totals = [total_row(_total(summary), summary.whole.cost, network.graph.layers)]
    if len(summary.rows) < len(summary.every):
        cost = Cost.total(row.cost for row in summary.rows)
        layers = tuple(layer for row in summary.rows for layer in row.layers)
        totals.insert(0, total_row("shown", cost, layers))
    blocks = f"  blocks {', '.join(map(str, network.blocks))}" if network.blocks else ""
    table = Table(
        title=f"{network.title}{blocks}",
        columns=tuple(spec.column(question.convention) for spec in shown),
        rows=tuple(summary.values(row, shown) | _mark(row) for row in summary.rows),
        totals=tuple(summary.values(row, shown) for row in totals),
        notes=(*_notes(summary, shown), *_namesake(network)),
        lead=(
            *(() if known is None else (known.sentence(),)),
            *(() if network.folding is None else (network.folding.sentence(),)),
            *_several_ends(network.graph),
            *network.hazards,
        ),
        name=f"summary-{network.title}-{options.level}",
        strong=frozenset(row.label for row in summary.rows if row.kind == "stage"),
    )
    return Answer(table, lambda: _document(summary))


def _notes(summary: Summary, shown: Sequence[ColumnSpec]) -> tuple[str, ...]:
    """Explain what is shown before what is not."""
    activations, peak = _memory_in_words(summary)
    explained = legend(shown, summary.rows, summary.question)
    sums = (
        *sums_in_words(summary.rows),
        *sharing_in_words(summary.rows),
        *_nested(summary.network),
    )
    unknown = _unknown(summary)
    if (weights := summary.whole.weights) is not None:
        return (*weights.notes, *explained, *unknown, *sums, _size(summary))
    if any(spec.key.startswith("activation") for spec in shown):
        return (*unknown, activations, *sums[:1], peak, *explained, *sums[1:], _size(summary))
    return (*unknown, *sums[:1], *explained, *sums[1:], activations, peak, _size(summary))


def _several_ends(graph: LayerGraph) -> tuple[str, ...]:
    """Name inputs and outputs with their shapes, where there are several of either."""
    ends = {"input": graph.inputs, "output": tuple(map(graph.layer, graph.outputs))}
    said = [
        f"{plural(len(layers), noun)}: {names_in_words([f'{x.path} {x.shape}' for x in layers])}"
        for noun, layers in ends.items()
        if len(layers) > 1
    ]
    return (f"{'; '.join(said)}.",) if said else ()


def _namesake(network: Network) -> tuple[str, ...]:
    """Name the network of Keras that is called as this one is, and is another."""
    spec = network.spec
    if spec is None or spec.dialect.name != "resnet" or spec.depth not in (50, 101, 152):
        return ()
    return (
        f"{network.short_title} is built here as He et al. 2015 describe it; Keras's own, whose "
        f"convolutions have biases, is keras.applications.ResNet{spec.depth}.",
    )


def _total(summary: Summary) -> str:
    """Say what the last row is: a sum, or less than that where a part of it is unknown."""
    cost = summary.whole.cost
    return "total, at least" if cost.uncounted or cost.unweighed else "total"


def _mark(row: SummaryRow) -> dict[str, Value]:
    """Mark a row of which a part is unknown."""
    return {"note": "a"} if row.cost.uncounted or row.cost.unweighed else {}


def _unknown(summary: Summary) -> tuple[str, ...]:
    """Say what is not in the numbers, and of which layers."""
    cost = summary.whole.cost
    if not cost.uncounted and not cost.unweighed:
        return ()
    layers = [x.op.class_name for x in summary.network.graph if isinstance(x.op, ops.Opaque)]
    classes = names_in_words(list(dict.fromkeys(layers)), 2)
    params = f", nor params of {cost.unweighed}" if cost.unweighed else ""
    return (
        f"a: at least; operations of {plural(cost.uncounted, 'layer')} are not counted{params}: "
        f"no formula here describes {classes}.",
    )


def _nested(network: Network) -> tuple[str, ...]:
    """Say where a model that stands in another begins and ends, and whether it is frozen."""
    if network.spec is not None:  # whose slashes are those of stages and blocks
        return ()
    stages: dict[str, dict[str, None]] = {}
    trained: set[str] = set()
    for stage in network.structure.stages:
        for layer in stage.layers:
            name, slash, _ = layer.path.partition("/")
            if slash:
                stages.setdefault(name, {})[stage.path] = None
                if not layer.frozen and weight_shapes(layer.op):
                    trained.add(name)
    notes = []
    for name, labels in stages.items():
        first, *others = labels
        if others and not first.startswith(name):
            frozen = "" if name in trained else ", frozen"
            notes.append(f"{name}{frozen}: from {first} to {others[-1]}.")
    return tuple(notes)


def _memory_in_words(summary: Summary) -> tuple[str, str]:
    question = summary.question
    return (
        f"Activations: all layer outputs, batch {question.batch}, {question.dtype}.",
        f"Most alive at once in inference: {binary_bytes(summary.peak_bytes)}, "
        f"at {summary.peak.path}.",
    )


def _size(summary: Summary) -> str:
    question, whole = summary.question, summary.whole.cost
    least = "at least " if whole.unweighed else ""
    parts = f"{grouped(whole.trainable_params)} trainable"
    if fixed := whole.non_trainable_params:
        parts += f" + {grouped(fixed)} {_fixed(summary.network.graph)}"
    return (
        f"{plural(len(summary.network.graph), 'layer')}; params {least}{grouped(whole.params)} = "
        f"{parts}; {least}{binary_bytes(question.weight_bytes(whole))} in {question.dtype}."
    )


def _fixed(graph: LayerGraph) -> str:
    """Say what params are not trained."""
    if any(layer.frozen for layer in graph):
        return "not trained (frozen layers, statistics)"
    constants = any(
        (isinstance(x.op, ops.Normalization) and x.op.adapted)
        or (isinstance(x.op, ops.Opaque) and x.op.constants)
        for x in graph
    )
    return "not trained (statistics)" if constants else "batch-norm statistics"


_COSTS = tuple(
    COLUMNS[key]
    for key in (
        "params", "trainable_params", "non_trainable_params", "macs", "flops", "activation_bytes",
        "weight_bytes", "bytes_moved", "intensity",
    )
)  # fmt: skip
"""Columns that stand in the document under their keys."""


def _document(summary: Summary) -> dict[str, Any]:
    options, question, peak = summary.options, summary.question, summary.peak
    return {
        "schema": SCHEMA,
        "model": summary.network.document(),
        "convention": question.convention,
        "batch": question.batch,
        "dtype": question.dtype,
        "totals": {
            **summary.values(total_row("total", summary.whole.cost), _COSTS),
            "peak_activation_bytes": summary.peak_bytes,
            "peak_activation_path": peak.path,
            "layers": len(summary.network.graph),
            "uncounted_layers": summary.whole.cost.uncounted,
            "unweighed_layers": summary.whole.cost.unweighed,
            **_weights(
                summary, total_row("total", summary.whole.cost, summary.network.graph.layers)
            ),
        },
        "rows": [
            {
                "path": row.path,
                "label": row.label,
                "kind": row.kind,
                "level": options.level,
                "op": typed(row.op) or None,
                "repeats": row.repeats,
                "identical_runs": _identical_runs(row) or None,
                "output_shape": None if row.output is None else list(row.output),
                **summary.values(row, _COSTS),
                **_particulars(row),
                "receptive_field": summary.whole.field(row).size,
                "stride": summary.whole.field(row).stride,
                **_weights(summary, row),
            }
            for row in summary.rows
        ],
    }


def _weights(summary: Summary, row: SummaryRow) -> dict[str, Any]:
    """Say what the weights of a row are like, where they are looked at."""
    if summary.whole.weights is None:
        return {}
    from rsinspect.answers.weight_columns import numbers_document, numbers_of

    return {"weights": numbers_document(numbers_of(row, summary.whole))}


def _identical_runs(row: SummaryRow) -> list[int]:
    """List the sizes of runs of identical blocks; what is only of one form is no such run."""
    runs: list[int] = []
    for size, likeness in zip(row.runs, row.likeness, strict=False):
        runs += [size] if likeness == "identical" else [1] * size
    return runs


def _particulars(row: SummaryRow) -> dict[str, Any]:
    """List what is said of few rows."""
    more: dict[str, Any] = {}
    if row.runs and {*row.likeness} != {"identical"}:
        pairs = zip(row.runs, row.likeness, strict=True)
        more["runs"] = [{"blocks": size, "alike": likeness} for size, likeness in pairs]
    elif row.repeats > 1 and row.likeness != ("identical",):
        more["alike"] = row.likeness[0]
    if row.shares:
        more["shares_weights_with"] = row.shares
    if row.cost.uncounted or row.cost.unweighed:
        more["uncounted_layers"] = row.cost.uncounted
        more["unweighed_layers"] = row.cost.unweighed
    return more
