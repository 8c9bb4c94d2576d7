"""What was found in a file with weights, as a table and a document."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rsinspect.answers.table import Answer, Column, Kind, Note, Table, Value
from rsinspect.base.errors import InvalidQuestion
from rsinspect.base.text import showable
from rsinspect.base.units import binary_bytes, count, dimensions
from rsinspect.base.words import Option, advice, names_in_words, plural
from rsinspect.checkpoints.layout import said
from rsinspect.checkpoints.safety import Verdict
from rsinspect.weights.inspection import FAULTS, Inspection, Looked
from rsinspect.weights.roles import KINDS
from rsinspect.weights.selection import Selection
from rsinspect.weights.statistics import FADED, Statistics

SCHEMA = "rsinspect.weights_inspect/1"

LEVELS = ("kind", "stage", "tensor")
"""What a row is."""
_SEVERAL = ("kind", "stage")

_LONGEST_NAME = 400
_MOST_FINDINGS = 6


class _Row(NamedTuple):
    """Tensors that share a row: one, or all of a kind or stage.

    Attributes:
        name: What the row is called.
        tensors: Which they are.
        statistics: Of all their numbers.
    """

    name: str
    tensors: tuple[Looked, ...]
    statistics: Statistics | None

    @property
    def first(self) -> Looked:
        """Return the first of them, which is all there is where a row is a tensor."""
        return self.tensors[0]


def _row(name: str, tensors: Sequence[Looked]) -> _Row:
    known = [one.statistics for one in tensors if one.statistics is not None]
    return _Row(name, tuple(tensors), sum(known, Statistics()) if known else None)


def _rows(found: Inspection, level: str) -> list[_Row]:
    if level == "tensor":
        return [_row(one.called, [one]) for one in found.tensors]
    if level == "kind":
        groups: dict[str, list[Looked]] = {name: [] for name in KINDS.values()}
    elif any(one.stage for one in found.tensors):
        groups = {}
    else:
        raise InvalidQuestion(
            "stages are known of a ResNet-RS alone, and the file is of none",
            advice("{} or {}", Option("level", "kind"), Option("level", "tensor")),
        )
    for one in found.tensors:
        name = KINDS[one.role.kind] if level == "kind" else one.stage or "others"
        groups.setdefault(name, []).append(one)
    return [_row(name, tensors) for name, tensors in groups.items() if tensors]


class _ColumnSpec(NamedTuple):
    """A column, and how its value is found.

    Attributes:
        head: What stands above it.
        kind: Of its values.
        value: Of a row.
        shown: The levels at which it is shown unasked.
    """

    head: str
    kind: Kind
    value: Callable[[_Row], Value]
    shown: tuple[str, ...] = ()


def _of(value: Callable[[Statistics], Value]) -> Callable[[_Row], Value]:
    return lambda row: None if row.statistics is None else value(row.statistics)


def _alone(value: Callable[[Looked], Value]) -> Callable[[_Row], Value]:
    """Make the value of a row that is a tensor; several share it or have none."""

    def shared(row: _Row) -> Value:
        values = {value(one) for one in row.tensors}
        return values.pop() if len(values) == 1 else None

    return shared


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


COLUMNS: dict[str, _ColumnSpec] = {
    "name": _ColumnSpec("Tensors", "text", lambda row: showable(row.name, _LONGEST_NAME), LEVELS),
    "tensor": _ColumnSpec(
        "Name in the file", "text", _alone(lambda one: showable(one.tensor.name, _LONGEST_NAME))
    ),
    "kind": _ColumnSpec("Kind", "text", _alone(lambda one: one.role.kind)),
    "shape": _ColumnSpec(
        "Shape", "text", _alone(lambda one: dimensions(one.tensor.shape) or "scalar"), ("tensor",)
    ),
    "dtype": _ColumnSpec("Dtype", "text", _alone(lambda one: one.tensor.dtype)),
    "tensors": _ColumnSpec("Number", "integer", lambda row: len(row.tensors), _SEVERAL),
    "elements": _ColumnSpec("Elements", "count", _of(lambda found: found.elements), _SEVERAL),
    "stored_bytes": _ColumnSpec(
        "Bytes",
        "bytes",
        lambda row: sum(one.tensor.stored_bytes for one in row.tensors),
        _SEVERAL,
    ),
    "min": _ColumnSpec("Min", "number", _of(lambda found: found.least), LEVELS),
    "max": _ColumnSpec("Max", "number", _of(lambda found: found.greatest), LEVELS),
    "mean": _ColumnSpec("Mean", "number", _of(lambda found: found.mean), LEVELS),
    "std": _ColumnSpec("Std", "number", _of(lambda found: found.deviation), LEVELS),
    "zeros": _ColumnSpec(
        "Zeros", "percent", _of(lambda found: _share(found.zeros, found.elements))
    ),
    "nans": _ColumnSpec("NaN", "integer", _of(lambda found: found.nans)),
    "infinities": _ColumnSpec("Infinite", "integer", _of(lambda found: found.infinities)),
    "constant": _ColumnSpec(
        "Constant", "integer", lambda row: sum(one.has("constant") for one in row.tensors)
    ),
    "channels": _ColumnSpec("Channels", "integer", _of(lambda found: found.channels)),
    "dead": _ColumnSpec("Dead", "integer", _of(lambda found: found.dead)),
}
"""By key; a row is a tensor, or all tensors of a kind or stage."""


def inspection_answer(found: Inspection, selection: Selection) -> Answer:
    """Tabulate what was found in a file, a row per kind, stage or tensor.

    Args:
        found: The file.
        selection: Of ``LEVELS`` and ``COLUMNS``, checked.

    Raises:
        InvalidQuestion: If stages are asked for and not known, or a filter matches nothing.
    """
    level = selection.level or LEVELS[0]
    every = _rows(found, level)
    rows = selection.rows(every, level, _texts, lambda key, row: COLUMNS[key].value(row))
    whole = _row("shown" if len(rows) < len(every) else "all", [t for r in rows for t in r.tensors])
    keys = selection.columns or tuple(key for key, spec in COLUMNS.items() if level in spec.shown)
    table = Table(
        title=f"{said(Path(found.path.name))}: {_size_in_words(found)}",
        columns=tuple(_column(key, level, rows) for key in keys),
        rows=tuple(_values(row, keys) | _mark(row) for row in rows),
        totals=(_values(whole, keys),) if rows else (),
        lead=_lead(found),
        notes=_notes(rows),
        name=f"weights-{found.path.name}",
    )
    return Answer(table, lambda: _document(found))


def _values(row: _Row, keys: Iterable[str]) -> dict[str, Value]:
    return {key: COLUMNS[key].value(row) for key in keys}


def _mark(row: _Row) -> dict[str, Value]:
    """Mark a row with which something is wrong, by the first letters of what that is."""
    faults = [fault for fault in FAULTS if any(one.has(fault) for one in row.tensors)]
    return {"note": ",".join(fault[0] for fault in faults)} if faults else {}


def _texts(row: _Row) -> tuple[str, ...]:
    first = row.first
    return (row.name, first.tensor.name, first.role.kind) if len(row.tensors) == 1 else (row.name,)


def _column(key: str, level: str, rows: Sequence[_Row]) -> Column:
    """Make a column; numbers of a usual size have four decimals, so that they are compared."""
    spec = COLUMNS[key]
    if key == "name" and level != "kind":
        return Column(key, level.capitalize(), wraps=level == "tensor")
    ends = [abs(end) for row in rows for end in _ends(row.statistics)]
    is_usual = 0.01 <= max(ends, default=0.0) < 10_000
    return Column(key, spec.head, spec.kind, decimals=4 if is_usual else None)


def _ends(found: Statistics | None) -> list[float]:
    return [end for end in (found.least, found.greatest) if end is not None] if found else []


def _size_in_words(found: Inspection) -> str:
    tensors = [one.tensor for one in found.tensors]
    elements = sum(one.statistics.elements for one in found.tensors if one.statistics)
    dtypes = names_in_words([*dict.fromkeys(tensor.dtype for tensor in tensors)])
    stored = binary_bytes(sum(tensor.stored_bytes for tensor in tensors))
    if not tensors:
        return "no tensors" if found.unread is None else "not read"
    return f"{plural(len(tensors), 'tensor')}, {count(elements)} numbers ({dtypes}), {stored}"


_FORMATS = {
    "keras-2-h5": "Keras 2's layout (HDF5)",
    "keras-3-weights": "Keras 3's weights (HDF5)",
    "keras-archive": "a .keras archive",
    "safetensors": "safetensors",
    "npz": "NumPy's .npz",
    "torch": "PyTorch's, torch.save",
    "tf1-checkpoint": "a TensorFlow checkpoint",
}


def _lead(found: Inspection) -> tuple[Note, ...]:
    identity, is_told = found.identity, bool(found.tensors)
    known = (identity.sentence(), *identity.evidence) if identity and is_told else ()
    return (
        *(" ".join(part) for part in (known[:1], known[1:]) if part),
        *verdict_in_words(found.verdict),
        *_format_in_words(found),
        *found.faults(),
    )


def _format_in_words(found: Inspection) -> tuple[str, ...]:
    if found.format is None:
        return (f"Its tensors were not read: {found.unread}.",)
    facts = [f"{key.replace('_', ' ')} {showable(value, 80)}" for key, value in found.facts.items()]
    return (f"Format: {'; '.join([_FORMATS[found.format], *facts])}.",)


def verdict_in_words(verdict: Verdict) -> list[str]:
    """Say what loading the file would do, and whether it would here."""
    lines = [f"{verdict.sentence[0].upper()}{verdict.sentence[1:]}."]
    for finding in verdict.findings[:_MOST_FINDINGS]:
        known = "; ".join(filter(None, (", ".join(finding.cves), finding.affected)))
        here = [
            f"{package} {finding.installed[package]} here is{'' if affected else ' not'} affected"
            for package, affected in finding.affected_here.items()
        ]
        lines.append(". ".join(filter(None, (f"- {finding}", known, "; ".join(here)))) + ".")
    more = len(verdict.findings) - _MOST_FINDINGS
    return [*lines, f"- {plural(more, 'more finding')}."] if more > 0 else lines


_LEGEND = {
    "nan": "n: with NaN.",
    "infinite": "i: with infinite numbers.",
    "constant": "c: all one number, and it is one that is trained.",
    "dead": f"d: with dead channels: a kernel that is all zero, a gamma below {FADED:g}.",
}


def _notes(rows: Sequence[_Row]) -> tuple[Note, ...]:
    there = [fault for fault in FAULTS if any(one.has(fault) for r in rows for one in r.tensors)]
    finite = ["Min, max, mean and std are of all finite numbers."] if rows else []
    return (*(_LEGEND[fault] for fault in there), *finite)


def _document(found: Inspection) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "file": {
            "path": str(found.path),
            "bytes": found.path.stat().st_size if found.path.is_file() else None,
            "format": found.format,
            "facts": found.facts,
        },
        "identity": None if found.identity is None else found.identity.document(),
        "safety": found.verdict.document(),
        "unread": found.unread,
        "totals": {
            "tensors": len(found.tensors),
            **_totals(_row("", found.tensors)),
            **{f"tensors_{fault}": len(found.with_fault(fault)) for fault in FAULTS},
        },
        "stages": [
            {"stage": row.name, "tensors": len(row.tensors), **_totals(row)}
            for row in (_rows(found, "stage") if any(o.stage for o in found.tensors) else ())
        ],
        "kinds": [
            {"kind": row.first.role.kind, "tensors": len(row.tensors), **_totals(row)}
            for row in _rows(found, "kind")
        ],
        "tensors": [_tensor_document(one) for one in found.tensors],
    }


def _totals(row: _Row) -> dict[str, Any]:
    stored = sum(one.tensor.stored_bytes for one in row.tensors)
    return {"stored_bytes": stored, **_numbers(row.statistics or Statistics())}


def _numbers(found: Statistics | None) -> dict[str, Any]:
    """Write what numbers are like; null for those that are not read."""
    return {
        "elements": found and found.elements,
        "nans": found and found.nans,
        "infinities": found and found.infinities,
        "zeros": found and found.zeros,
        "min": found and found.least,
        "max": found and found.greatest,
        "mean": found and found.mean,
        "std": found and found.deviation,
        "channels": found and found.channels,
        "dead_channels": found and found.dead,
    }


def _tensor_document(one: Looked) -> dict[str, Any]:
    tensor = one.tensor
    return {
        "name": tensor.name,
        "place": one.place,
        "kind": one.role.kind,
        "shape": list(tensor.shape),
        "dtype": tensor.dtype,
        "stored_bytes": tensor.stored_bytes,
        **_numbers(one.statistics),
        "constant": one.statistics and one.statistics.is_constant,
    }
