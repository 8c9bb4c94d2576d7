"""Tables as values: columns, rows, totals and notes, without a word on how they look.

A ``Table`` holds exact values. Renderers (``rsinspect.render``) turn them into text and never add
numbers up.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from rsinspect.base.words import Option, Wording

Kind = Literal[
    "text", "formula", "integer", "count", "bytes", "number", "rate", "share", "percent", "seconds"
]
Value = str | int | float | None
Note = str | Wording
"""A sentence; one that names options is worded by the door that shows it."""
RecordKind = Literal["int32", "int64", "float64", "bool", "string", "list<int32>"]


class Column(NamedTuple):
    """One column.

    Attributes:
        key: Its name in options, CSV and JSON.
        head: What stands above it; a line break says where it may be broken, after a hyphen in a
            word. ``{}`` is the decimal prefix of a ``rate``: ``{}FLOP/s``.
        kind: What its values are; decides alignment and formatting. A ``share`` has a bar, a
            ``percent`` has none; a ``number`` has the digits that it was given or ``decimals``, a
            ``rate`` three significant ones, in one unit for the whole column.
        wraps: Whether a value may be broken over lines where there is little room.
        decimals: Of every ``number`` of the column; None for those of each.
    """

    key: str
    head: str
    kind: Kind = "text"
    wraps: bool = False
    decimals: int | None = None


class Table(NamedTuple):
    """A table of exact values.

    Attributes:
        title: One line.
        columns: What to show, in order.
        rows: One mapping from column key to value per row; None is "not available".
        totals: Rows below the line.
        notes: Legend and remarks, a sentence or a few each, the most needed first: where there is
            little room the first that fit are shown.
        strong: Paths of rows that stand out: whole stages and steps, among their blocks.
        lead: The answer in a few sentences, where it is more than numbers; above the rows.
        number: Of the paper's table or figure that this is: ``Table 7``.
        name: What the label of a LaTeX table is made of; the title, where there is none.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[dict[str, Value], ...]
    totals: tuple[dict[str, Value], ...] = ()
    notes: tuple[Note, ...] = ()
    strong: frozenset[str] = frozenset()
    lead: tuple[Note, ...] = ()
    number: str = ""
    name: str = ""

    @property
    def heading(self) -> str:
        """Join number and title."""
        return f"{self.number}. {self.title}" if self.number else self.title

    def worded(self, word: Callable[[Option], str]) -> "Table":
        """Word the options that lead and notes name as a door calls them."""

        def text(note: Note) -> str:
            return note if isinstance(note, str) else note.worded(word)

        return self._replace(lead=tuple(map(text, self.lead)), notes=tuple(map(text, self.notes)))


class Answer(NamedTuple):
    """One answer.

    Attributes:
        table: For people.
        make_document: Gives the JSON document, for programs; worked out only when asked for.
        make_rows: Gives its ``rows`` one by one, where there may be too many for a list.
    """

    table: Table
    make_document: Callable[[], dict[str, Any]]
    make_rows: Callable[[], Iterator[dict[str, Any]]] | None = None

    @property
    def document(self) -> dict[str, Any]:
        """Return the JSON document, with the table's notes as ``remarks``."""
        rows = {} if self.make_rows is None else {"rows": list(self.make_rows())}
        return self.opening | rows

    @property
    def opening(self) -> dict[str, Any]:
        """Return the document without rows that are made one by one."""
        remarks = [str(note) for note in (*self.table.lead, *self.table.notes)]
        return {**self.make_document(), "remarks": remarks}


class Records(NamedTuple):
    """Many rows for programs, by column: exact values, and no word for people.

    Attributes:
        kinds: What the values of each column are.
        columns: The values of each column, as many in each.
    """

    kinds: Mapping[str, RecordKind]
    columns: Mapping[str, Sequence[Any]]
