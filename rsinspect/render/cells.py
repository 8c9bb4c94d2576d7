"""One value as text, by the kind of its column: the same words on every page."""

from __future__ import annotations

from typing import assert_never

from rsinspect.answers.table import Column, Kind, Value
from rsinspect.base.units import binary_bytes, count, grouped, percent, seconds

NOT_AVAILABLE = "-"
RIGHT_ALIGNED: frozenset[Kind] = frozenset(
    ("integer", "count", "bytes", "number", "tenths", "share", "percent", "seconds")
)


def cell(column: Column, value: Value) -> str:
    """Write a value for people.

    >>> cell(Column("params", "Params", "count"), 63_724_296)
    '63.7 M'
    """
    if value is None:
        return NOT_AVAILABLE
    if isinstance(value, str):
        return value
    match column.kind:
        case "text":
            return str(value)
        case "integer":
            return grouped(int(value))
        case "count":
            return count(int(value))
        case "bytes":
            return binary_bytes(int(value))
        case "number":
            return f"{value:.4g}"
        case "tenths":
            return f"{value:.1f}"
        case "share" | "percent":
            return percent(float(value))
        case "seconds":
            return seconds(float(value))
        case _:
            assert_never(column.kind)


def head(column: Column) -> str:
    """Write the column's head on one line; a word broken for the console is whole again."""
    return column.head.replace("-\n", "").replace("\n", " ")
