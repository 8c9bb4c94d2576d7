"""Two files with weights compared, as a table and a document."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rsinspect.answers.table import Answer, Column, Kind, Note, Table, Value
from rsinspect.base.errors import InvalidQuestion
from rsinspect.base.text import showable
from rsinspect.base.units import dimensions, percent, significant
from rsinspect.base.words import Option, advice, names_in_words, plural
from rsinspect.checkpoints.layout import said
from rsinspect.weights.change import Change, Comparison, Pair, Side, stage_of
from rsinspect.weights.roles import KINDS, TRAINED
from rsinspect.weights.selection import Selection

SCHEMA = "rsinspect.weights_diff/1"

LEVELS = ("stage", "kind", "tensor")
"""What a row is."""


class _Row(NamedTuple):
    """Tensors that share a row.

    Attributes:
        name: What the row is called.
        pairs: Which they are.
        change: Of all their numbers; None where none are read.
    """

    name: str
    pairs: tuple[Pair, ...]
    change: Change | None


def _row(name: str, pairs: Iterable[Pair]) -> _Row:
    inside = tuple(pairs)
    known = [pair.change for pair in inside if pair.change is not None]
    return _Row(name, inside, sum(known, Change()) if known else None)


class _ColumnSpec(NamedTuple):
    """A column, and how its value is found.

    Attributes:
        head: What stands above it.
        kind: Of its values.
        value: Of a row.
        shown: The levels at which it is shown unasked.
        decimals: Of its numbers.
    """

    head: str
    kind: Kind
    value: Callable[[_Row], Value]
    shown: tuple[str, ...] = ()
    decimals: int | None = None


def _of(value: Callable[[Change], Value]) -> Callable[[_Row], Value]:
    return lambda row: None if row.change is None else value(row.change)


def _frozen(row: _Row) -> int:
    return sum(pair.change is not None and pair.change.is_frozen for pair in row.pairs)


_SEVERAL = ("stage", "kind")

COLUMNS: dict[str, _ColumnSpec] = {
    "name": _ColumnSpec("Tensors", "text", lambda row: showable(row.name, 400), LEVELS),
    "kind": _ColumnSpec("Kind", "text", lambda row: _alone(row, lambda pair: pair.kind)),
    "shape": _ColumnSpec(
        "Shape",
        "text",
        lambda row: dimensions(row.pairs[0].shape) or "scalar" if len(row.pairs) == 1 else None,
        ("tensor",),
    ),
    "tensors": _ColumnSpec("Number", "integer", lambda row: len(row.pairs), _SEVERAL),
    "frozen": _ColumnSpec("Frozen", "integer", _frozen, _SEVERAL),
    "elements": _ColumnSpec("Elements", "count", _of(lambda change: change.elements)),
    "changed": _ColumnSpec(
        "Changed",
        "percent",
        _of(lambda change: change.changed / change.elements if change.elements else None),
        LEVELS,
    ),
    "largest": _ColumnSpec("Largest\nchange", "number", _of(lambda change: change.largest), LEVELS),
    "relative": _ColumnSpec(
        "Relative\nnorm", "number", _of(lambda change: change.relative), LEVELS
    ),
    "cosine": _ColumnSpec("Cosine", "number", _of(lambda change: change.cosine), LEVELS, 6),
    "uncompared": _ColumnSpec("Not\nfinite", "integer", _of(lambda change: change.uncompared)),
    "a": _ColumnSpec("In A", "text", lambda row: _alone(row, lambda pair: pair.a)),
    "b": _ColumnSpec("In B", "text", lambda row: _alone(row, lambda pair: pair.b)),
}
"""By key; a row is a tensor, or all of a stage or kind."""


def _alone(row: _Row, value: Callable[[Pair], str]) -> Value:
    return showable(value(row.pairs[0]), 400) if len(row.pairs) == 1 else None


def change_answer(found: Comparison, selection: Selection) -> Answer:
    """Tabulate what differs between two files, a row per stage, kind of tensor or tensor.

    Args:
        found: The files.
        selection: Of ``LEVELS`` and ``COLUMNS``, checked.

    Raises:
        InvalidQuestion: If stages are asked for and not known, or a filter matches nothing.
    """
    level = selection.level or ("kind" if found.network is None else "stage")
    every = _rows(found, level)
    rows = selection.rows(every, level, _texts, lambda key, row: COLUMNS[key].value(row))
    keys = selection.columns or tuple(key for key, spec in COLUMNS.items() if level in spec.shown)
    whole = _row("shown" if len(rows) < len(every) else "all", (p for r in rows for p in r.pairs))
    table = Table(
        title=f"{_name(found.a)} -> {_name(found.b)}: {conclusion(found)}",
        columns=tuple(_column(key, level) for key in keys),
        rows=tuple(_values(row, keys) for row in rows),
        totals=(_values(whole, keys),) if rows else (),
        lead=_lead(found),
        notes=(
            "Relative norm: the norm of the difference by the norm of A.",
            "Frozen: equal, every number of it.",
            "Cosine: between the numbers of A and those of B; 1 where they point the same way.",
        ),
        name=f"weights-diff-{found.a.path.name}-{found.b.path.name}",
    )
    return Answer(table, lambda: _document(found))


def _rows(found: Comparison, level: str) -> list[_Row]:
    if level == "tensor":
        return [_row(pair.name, [pair]) for pair in found.pairs]
    if level == "stage" and found.network is None:
        raise InvalidQuestion(
            "stages are known of a ResNet-RS alone, and the files are not both of one",
            advice("{} or {}", Option("level", "kind"), Option("level", "tensor")),
        )
    groups: dict[str, list[Pair]] = {}
    if level == "kind":
        groups = {name: [] for name in KINDS.values()}
    for pair in found.pairs:
        name = stage_of(pair) if level == "stage" else KINDS[pair.kind]
        groups.setdefault(name, []).append(pair)
    return [_row(name, pairs) for name, pairs in groups.items() if pairs]


def _texts(row: _Row) -> tuple[str, ...]:
    first = row.pairs[0]
    return (row.name, first.kind, first.a, first.b) if len(row.pairs) == 1 else (row.name,)


def _column(key: str, level: str) -> Column:
    spec = COLUMNS[key]
    if key == "name" and level != "kind":
        head = {"stage": "Stage", "tensor": "Tensor"}[level]
        return Column(key, head, wraps=level == "tensor")
    return Column(key, spec.head, spec.kind, decimals=spec.decimals)


def _values(row: _Row, keys: Iterable[str]) -> dict[str, Value]:
    return {key: COLUMNS[key].value(row) for key in keys}


def _name(side: Side) -> str:
    return said(Path(side.path.name))


def conclusion(found: Comparison) -> str:
    """Say in a few words how much differs."""
    compared = [pair for pair in found.pairs if pair.change is not None]
    changed = [pair for pair in compared if pair.change and not pair.change.is_frozen]
    besides = found.misshaped or found.a.alone or found.b.alone
    if not changed:
        equal = f"all {plural(len(compared), 'tensor')}"
        return f"{equal} equal" if besides else f"{equal} equal, and no others"
    return f"{len(changed)} of {plural(len(compared), 'tensor')} changed"


def _lead(found: Comparison) -> tuple[Note, ...]:
    lines = []
    if found.network is not None:
        lines.append(f"Compared as {found.network.name}, weight by weight.")
    elif (told := found.a.identity.sentence()) == found.b.identity.sentence():
        lines.append(f"Compared by the names of tensors. {told}")
    else:
        lines.append(
            f"Compared by the names of tensors. A: {told} B: {found.b.identity.sentence()}"
        )
    if most := _most_changed(found):
        lines.append(most)
    if moved := found.moved_statistics():
        lines.append(
            f"Only the statistics of batch norms changed in {names_in_words(moved)}: what is "
            "trained was frozen there, and the norms ran in training mode."
        )
    for which, side in (("A", found.a), ("B", found.b)):
        if side.alone:
            listed = names_in_words([showable(name, 100) for name in side.alone], 3)
            lines.append(f"In {which} alone, {plural(len(side.alone), 'tensor')}: {listed}.")
    if found.misshaped:
        shapes = [
            f"{showable(name, 100)} ({dimensions(one) or 'scalar'}, {dimensions(two) or 'scalar'})"
            for name, (one, two) in found.misshaped.items()
        ]
        lines.append(f"Of different shapes, not compared: {names_in_words(shapes, 3)}.")
    return tuple(lines)


def _most_changed(found: Comparison) -> str | None:
    """Name the tensor that changed most, by its norm: one that is trained, where there is one."""
    known = [
        (pair.kind in TRAINED, pair.change.relative, pair.name)
        for pair in found.pairs
        if pair.change is not None and pair.change.relative
    ]
    if not known:
        return None
    _, relative, name = max(known)
    return f"Changed most, by its norm: {showable(name, 100)} ({_times(relative)})."


def _times(relative: float) -> str:
    return percent(relative) if relative < 10 else f"{significant(relative)} times its own"


def _document(found: Comparison) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "a": _side_document(found.a),
        "b": _side_document(found.b),
        "compared_as": None if found.network is None else found.network.document(),
        "totals": _totals(found.pairs),
        "stages": []
        if found.network is None
        else [{"stage": row.name, **_totals(row.pairs)} for row in _rows(found, "stage")],
        "kinds": [
            {"kind": row.pairs[0].kind, **_totals(row.pairs)} for row in _rows(found, "kind")
        ],
        "statistics_alone_changed": list(found.moved_statistics()),
        "tensors": [
            {
                "name": pair.name,
                "in_a": pair.a,
                "in_b": pair.b,
                "kind": pair.kind,
                "shape": list(pair.shape),
                **_numbers(pair.change),
            }
            for pair in found.pairs
        ],
        "misshaped": [
            {"name": name, "shape_a": list(one), "shape_b": list(two)}
            for name, (one, two) in found.misshaped.items()
        ],
    }


def _side_document(side: Side) -> dict[str, Any]:
    return {
        "path": str(side.path),
        "format": side.format,
        "identity": side.identity.document(),
        "alone": list(side.alone),
    }


def _totals(pairs: Sequence[Pair]) -> dict[str, Any]:
    row = _row("", pairs)
    return {"tensors": len(pairs), "frozen_tensors": _frozen(row), **_numbers(row.change)}


def _numbers(change: Change | None) -> dict[str, Any]:
    return {
        "elements": change and change.elements,
        "changed": change and change.changed,
        "not_finite": change and change.uncompared,
        "largest_change": change and change.largest,
        "relative_norm": change and change.relative,
        "cosine": change and change.cosine,
        "frozen": change and change.is_frozen,
    }
