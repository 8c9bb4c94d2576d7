"""A column as text, by the kind of its values: the same words on every page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple, assert_never

from rsinspect.answers.table import Column, Kind, Table, Value
from rsinspect.base.text import printable
from rsinspect.base.units import (
    all_grouped,
    binary_bytes,
    count,
    grouped,
    percent,
    seconds,
    significant,
)

NOT_AVAILABLE = "–"
NOTE = "note"
"""Key of the column of footnotes' marks."""
RIGHT_ALIGNED: frozenset[Kind] = frozenset(
    ("integer", "count", "bytes", "number", "rate", "share", "percent", "seconds")
)
_POINT = re.compile(r"(\.\d*)?$")
"""A decimal point and what follows it, or nothing."""
_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))


class Printed(NamedTuple):
    """A column as people read it.

    Attributes:
        column: What it shows.
        head: One line.
        breakable: The same with a line break where it may be broken, after a hyphen in a word.
        rows: A text for each row.
        totals: A text for each row below the line.
        marks: The letters of its footnotes for each row, or nothing.
        after: How many characters a number lacks to the right of it, where it lacks any, for all
            decimal points to be below each other.
    """

    column: Column
    head: str
    breakable: str
    rows: tuple[str, ...]
    totals: tuple[str, ...]
    marks: tuple[str, ...]
    after: dict[str, int]

    @property
    def right(self) -> bool:
        """Tell whether the cells are aligned to the right."""
        return self.column.kind in RIGHT_ALIGNED


def _after(kind: Kind, texts: Sequence[str]) -> dict[str, int]:
    """Count what each number lacks to the right for all points to be below each other."""
    if kind not in ("number", "rate"):
        return {}
    ends = {text: len(_POINT.search(text)[0]) for text in texts if text[-1:].isdigit()}  # type: ignore[index]
    widest = max(ends.values(), default=0)
    return {text: widest - end for text, end in ends.items() if widest > end}


def printed(table: Table) -> tuple[Printed, ...]:
    """Write every column of a table; marks of footnotes stand with what names the row.

    >>> column = Column("v100", "V100\\ns", "number", decimals=2)
    >>> printed(Table("", (column,), ({"v100": 0.7}, {"v100": 10.16}, {"v100": None})))[0].rows
    ('0.70', '10.16', '–')
    """
    return tuple(
        _printed(table, column, marks=not place)
        for place, column in enumerate(table.columns)
        if column.key != NOTE
    )


def _printed(table: Table, column: Column, *, marks: bool) -> Printed:
    values = [row.get(column.key) for row in (*table.rows, *table.totals)]
    factor, prefix = _unit(column, values)
    head = printable(column.head.replace("{}", prefix) if column.kind == "rate" else column.head)
    texts = tuple(_cell(column, value, factor) for value in values)
    return Printed(
        column=column,
        head=head.replace("-\n", "").replace("\n", " "),
        breakable=head,
        rows=texts[: len(table.rows)],
        totals=texts[len(table.rows) :],
        marks=tuple(str(row.get(NOTE) or "") if marks else "" for row in table.rows),
        after=_after(column.kind, texts),
    )


def _unit(column: Column, values: Sequence[Value]) -> tuple[float, str]:
    """Choose the decimal prefix that suits the largest value of a column."""
    if "{}" not in column.head:
        return 1.0, ""
    largest = max((abs(v) for v in values if isinstance(v, int | float)), default=0.0)
    return next(((f, name) for f, name in _PREFIXES if largest >= f), (1.0, ""))


def _cell(column: Column, value: Value, factor: float) -> str:
    if value is None:
        return NOT_AVAILABLE
    if isinstance(value, str):
        return printable(all_grouped(value) if column.kind == "formula" else value)
    match column.kind:
        case "text" | "formula":
            return grouped(value) if isinstance(value, int) else _number(value, None)
        case "integer":
            return grouped(int(value))
        case "count":
            return count(int(value))
        case "bytes":
            return binary_bytes(int(value))
        case "number":
            return _number(value, column.decimals)
        case "rate":
            return significant(value / factor)
        case "share" | "percent":
            return percent(float(value))
        case "seconds":
            return seconds(float(value))
        case _:
            assert_never(column.kind)


def _number(value: float, decimals: int | None) -> str:
    if decimals is not None:
        return f"{value:.{decimals}f}"
    if isinstance(value, int):
        return grouped(value)
    return f"{value:.4g}".replace("e-0", "e-")
