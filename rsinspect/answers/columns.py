"""The columns of a summary: what each shows, how its value comes from a row, and its legend."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from rsinspect.answers.rows import Level, SummaryRow
from rsinspect.answers.table import Column, Kind, Value
from rsinspect.layers.cost import LEGEND, Cost
from rsinspect.layers.fold import IN_WORDS, Likeness, whole_cost
from rsinspect.layers.graph import LayerGraph
from rsinspect.layers.question import Question
from rsinspect.layers.receptive_field import ReceptiveField, receptive_fields

if TYPE_CHECKING:
    from rsinspect.answers.weight_columns import Weighed

Note = Callable[[Sequence[SummaryRow], Question], str | None]


class Whole:
    """What rows are measured against: the question, and the whole network.

    Args:
        graph: The network.
        question: What is asked of it.
        weights: Its weights in a file, where they are looked at.
    """

    def __init__(
        self, graph: LayerGraph, question: Question, weights: "Weighed | None" = None
    ) -> None:
        self.graph = graph
        self.question = question
        self.weights = weights

    @property
    def cost(self) -> Cost:
        """Compute the cost of the whole network, for one image."""
        return whole_cost(self.graph)

    @cached_property
    def _fields(self) -> dict[str, ReceptiveField]:
        return receptive_fields(self.graph)

    def field(self, row: SummaryRow) -> ReceptiveField:
        """Look up the receptive field of a row's (last) output; a total has none."""
        return self._fields.get(row.last, ReceptiveField(None, None))


def _macs_note(rows: Sequence[SummaryRow], question: Question) -> str:
    return f"MACs: {LEGEND['mac']}."


def _flops_note(rows: Sequence[SummaryRow], question: Question) -> str | None:
    if question.convention == "mac":  # the MACs say it
        return None
    return f"FLOPs ({question.convention}): {question.legend}."


_MEANING: dict[Likeness, str] = {
    "identical": "Identical: in op, configuration and shapes",
    "inference": "Identical but for drop rates: in op, configuration and shapes, not in how often "
    "dropout and drop path drop",
    "growing": "Of one form: alike in ops, kernels and connections",
    "form": "Of one form: alike in ops, kernels and connections",
}


def _summed(blocks: int, likeness: Likeness) -> str:
    """Say what a number of blocks are, whose numbers stand in one row."""
    if likeness == "identical":
        return f"{blocks} identical blocks; the numbers are for all of them"
    comma = "," if likeness == "inference" else ""
    return f"{blocks} blocks{comma} {IN_WORDS[likeness]}, summed"


def _weights(row: SummaryRow) -> str:
    return f"with the weights of {row.shares}" if row.shares else "each with its own weights"


def _blocks_note(rows: Sequence[SummaryRow], question: Question) -> str | None:
    """Explain the largest run of each likeness."""
    largest: dict[Likeness, tuple[int, SummaryRow]] = {}
    for row in rows:
        for size, likeness in zip(row.runs, row.likeness, strict=False):
            if size > 1 and size > largest.get(likeness, (1, row))[0]:
                largest[likeness] = size, row
    notes = []
    for likeness, (size, row) in largest.items():
        after = " after the first" if row.runs == (1, size) else ""
        of = " (op, configuration, shapes)" if likeness == "identical" else ""
        some = "" if len(row.runs) <= _RUNS else " of them"
        notes.append(
            f"Blocks {_blocks(row.runs)}: {size}{some} {IN_WORDS[likeness]}{after}"
            f"{of}, {_weights(row)}."
        )
    return " ".join(notes) or None


def sums_in_words(rows: Sequence[SummaryRow]) -> tuple[str, ...]:
    """Say of rows that stand for several blocks what their numbers are."""
    largest: dict[Likeness, SummaryRow] = {}
    for row in sorted(rows, key=lambda row: -row.repeats):
        if row.repeats > 1:
            largest.setdefault(row.likeness[0], row)
    if not largest:
        return ()
    notes = [f"{row.group}: {_summed(row.repeats, likeness)}." for likeness, row in largest.items()]
    meanings = dict.fromkeys(_MEANING[likeness] for likeness in largest)
    own = "; each block has its own weights" if not any(row.shares for row in rows) else ""
    return (*notes[:1], *(f"{meaning}{own}." for meaning in meanings), *notes[1:])


def sharing_in_words(rows: Sequence[SummaryRow]) -> tuple[str, ...]:
    """Say which rows use the weights of others."""
    sharing = [row for row in rows if row.shares]
    if not sharing:
        return ()
    pairs = list(dict.fromkeys(_without_common_end(row.path, row.shares) for row in sharing))
    shown = ", ".join(f"{user} with {owner}" for user, owner in pairs[:3])
    more = f" and {len(pairs) - 3} more" if len(pairs) > 3 else ""
    return (f"Shares weights: {shown}{more}; params count once.",)


def _without_common_end(user: str, owner: str) -> tuple[str, str]:
    """Name two towers by two of their parts.

    >>> _without_common_end("tower.2/conv4", "tower/conv4")
    ('tower.2', 'tower')
    """
    while "/" in user and user.rpartition("/")[2] == owner.rpartition("/")[2]:
        user, owner = user.rpartition("/")[0], owner.rpartition("/")[0]
    return user, owner


def _field_note(rows: Sequence[SummaryRow], question: Question) -> str:
    return (
        "Receptive field: of convolutions and pools, in image pixels; SE gates, which see "
        "everything, left out."
    )


def _moved_note(rows: Sequence[SummaryRow], question: Question) -> str:
    return (
        "Bytes moved: each layer reads its inputs and weights and writes its output once, "
        "nothing fused."
    )


class ColumnSpec(NamedTuple):
    """A column of a summary.

    Attributes:
        key: Its name in options, CSV and JSON.
        head: What stands above it; ``{}`` is the convention.
        value: How its value comes from a row.
        kind: What its values are.
        default_at: Levels whose tables have it where no columns are asked for.
        notes: Its legend, which several columns may share.
        decimals: As of a ``Column``.
    """

    key: str
    head: str
    value: Callable[[SummaryRow, Whole], Value]
    kind: Kind = "text"
    default_at: tuple[Level, ...] = ()
    notes: tuple[Note, ...] = ()
    decimals: int | None = None

    def column(self, convention: str) -> Column:
        """Make the column of a table."""
        return Column(self.key, self.head.format(convention), self.kind, decimals=self.decimals)


def _blocks(runs: Sequence[int]) -> str:
    """Write how many blocks a stage has: by runs of blocks that are alike, where these are few."""
    return " + ".join(map(str, runs)) if len(runs) <= _RUNS else str(sum(runs))


_RUNS = 3
"""As many runs of blocks are told apart in a cell."""


def _macs(row: SummaryRow) -> int | None:
    """Give the MACs of a row; None where nothing of it is known."""
    return row.cost.macs or (None if row.cost.uncounted else 0)


def _flops(row: SummaryRow, whole: Whole) -> int | None:
    return whole.question.flops(row.cost) or (None if row.cost.uncounted else 0)


def _intensity(row: SummaryRow, whole: Whole) -> float | None:
    return None if _flops(row, whole) is None else whole.question.intensity(row.cost)


def _params(row: SummaryRow) -> int | None:
    return row.cost.params or (None if row.cost.unweighed else 0)


def _share(part: int | None, whole: int) -> float | None:
    return part / whole if whole and part is not None else None


_EVERYWHERE: tuple[Level, ...] = ("stage", "block", "layer")
COLUMNS: dict[str, ColumnSpec] = {
    spec.key: spec
    for spec in (
        ColumnSpec("path", "Path", lambda row, whole: row.label, default_at=_EVERYWHERE),
        ColumnSpec("kind", "Kind", lambda row, whole: row.kind),
        ColumnSpec("op", "Op", lambda row, whole: row.op, default_at=("layer",)),
        ColumnSpec(
            "output", "Output", lambda row, whole: "" if row.output is None else str(row.output),
            default_at=_EVERYWHERE,
        ),
        ColumnSpec(
            "blocks", "Blocks", lambda row, whole: _blocks(row.runs),
            default_at=("stage",), notes=(_blocks_note,),
        ),
        ColumnSpec(
            "repeats", "× N", lambda row, whole: "" if row.output is None else row.repeats,
            "integer", ("block",),
        ),
        ColumnSpec("params", "Params", lambda row, whole: _params(row), "count", _EVERYWHERE),
        ColumnSpec(
            "trainable_params", "Trainable\nparams", lambda row, whole: row.cost.trainable_params,
            "count",
        ),
        ColumnSpec(
            "non_trainable_params", "Non-trainable\nparams",
            lambda row, whole: row.cost.non_trainable_params, "count",
        ),
        ColumnSpec(
            "params_share", "Share of\nparams",
            lambda row, whole: _share(_params(row), whole.cost.params), "share",
        ),
        ColumnSpec(
            "macs", "MACs", lambda row, whole: _macs(row), "count", ("stage",), (_macs_note,),
        ),
        ColumnSpec(
            "flops", "FLOPs\n({})", _flops, "count",
            _EVERYWHERE, (_flops_note,),
        ),
        ColumnSpec(
            "flops_share", "Share of\nFLOPs",
            lambda row, whole: _share(_flops(row, whole), whole.question.flops(whole.cost)),
            "share", ("stage", "block"), (_flops_note,),
        ),
        ColumnSpec(
            "activation_bytes", "Activa-\ntions",
            lambda row, whole: whole.question.activation_bytes(row.cost), "bytes", _EVERYWHERE,
        ),
        ColumnSpec(
            "activation_share", "Share of\nactivations",
            lambda row, whole: _share(row.cost.outputs, whole.cost.outputs), "share",
        ),
        ColumnSpec(
            "weight_bytes", "Weight\nbytes",
            lambda row, whole: whole.question.weight_bytes(row.cost), "bytes",
        ),
        ColumnSpec(
            "bytes_moved", "Bytes\nmoved", lambda row, whole: whole.question.bytes_moved(row.cost),
            "bytes", notes=(_moved_note,),
        ),
        ColumnSpec(
            "intensity", "FLOPs\nper byte", _intensity,
            "rate", notes=(_flops_note, _moved_note),
        ),
        ColumnSpec(
            "receptive_field", "Receptive\nfield",
            lambda row, whole: "" if row.output is None else whole.field(row).size,
            "integer", notes=(_field_note,),
        ),
        ColumnSpec(
            "stride", "Stride",
            lambda row, whole: "" if row.output is None else whole.field(row).stride, "integer",
        ),
    )
}  # fmt: skip
"""Every column, by key, in the order of a table that shows them all."""


def default_columns(
    level: Level, rows: Sequence[SummaryRow], question: Question
) -> tuple[ColumnSpec, ...]:
    """Choose the columns of a table where none are asked for."""
    keys = {spec.key for spec in COLUMNS.values() if level in spec.default_at}
    if question.convention == "mac":  # FLOPs would repeat the MACs
        keys = keys - {"flops"} | {"macs"}
    if all(row.repeats == 1 for row in rows):
        keys -= {"repeats"}
    if not any(row.runs for row in rows):
        keys -= {"blocks"}
    return tuple(spec for key, spec in COLUMNS.items() if key in keys)


def legend(
    shown: Sequence[ColumnSpec], rows: Sequence[SummaryRow], question: Question
) -> tuple[str, ...]:
    """Explain the columns that are shown."""
    needed = {note for spec in shown for note in spec.notes}
    order: tuple[Note, ...] = (_macs_note, _flops_note, _blocks_note, _field_note, _moved_note)
    order = (*order, *(note for spec in shown for note in spec.notes if note not in order))
    notes = (note(rows, question) for note in dict.fromkeys(order) if note in needed)
    return tuple(note for note in notes if note is not None)
