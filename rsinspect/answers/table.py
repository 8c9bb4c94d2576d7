"""Tables as values: columns, rows, totals and notes, without a word on how they look.

A ``Table`` holds exact values. Renderers (``rsinspect.render``) turn them into text and never add
numbers up.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from rsinspect.base.words import Wording

Kind = Literal[
    "text", "integer", "count", "bytes", "number", "tenths", "share", "percent", "seconds"
]
Value = str | int | float | None
Note = str | Wording
"""A sentence; one that names options is worded by the door that shows it."""
RecordKind = Literal["int32", "int64", "float64", "bool", "list<int32>"]


class Column(NamedTuple):
    """One column.

    Attributes:
        key: Its name in options, CSV and JSON.
        head: What stands above it; a line break separates quantity and convention.
        kind: What its values are; decides alignment and formatting. A ``share`` has a bar, a
            ``percent`` has none; ``tenths`` always has one decimal, as accuracies are printed.
        wraps: Whether a value may be broken over lines where there is little room.
    """

    key: str
    head: str
    kind: Kind = "text"
    wraps: bool = False


class Table(NamedTuple):
    """A table of exact values.

    Attributes:
        title: One line.
        columns: What to show, in order.
        rows: One mapping from column key to value per row; None is "not available".
        totals: Rows below the line.
        notes: Legend and remarks, a line each.
        strong: Paths of rows that stand out: whole stages and steps, among their blocks.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[dict[str, Value], ...]
    totals: tuple[dict[str, Value], ...] = ()
    notes: tuple[Note, ...] = ()
    strong: frozenset[str] = frozenset()


class Answer(NamedTuple):
    """One answer.

    Attributes:
        table: For people.
        make_document: Gives the JSON document, for programs; worked out only when asked for.
    """

    table: Table
    make_document: Callable[[], dict[str, Any]]

    @property
    def document(self) -> dict[str, Any]:
        """Return the JSON document."""
        return self.make_document()


class Records(NamedTuple):
    """Many rows for programs, by column: exact values, and no word for people.

    Attributes:
        kinds: What the values of each column are.
        columns: The values of each column, as many in each.
    """

    kinds: Mapping[str, RecordKind]
    columns: Mapping[str, Sequence[Any]]
