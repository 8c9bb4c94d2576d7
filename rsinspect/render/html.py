"""Tables for notebooks and pages: one component, readable as it comes and handier with a script.

Every cell holds its exact value beside what people read, and ``templates/table/`` has the rest: the
markup, its style, and the script that sorts, filters, narrows and copies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import NamedTuple

from rsinspect.answers.table import Table, Value
from rsinspect.base.errors import check_choice
from rsinspect.base.markup import environment
from rsinspect.base.text import printable
from rsinspect.render.cells import NOTE, Printed, printed
from rsinspect.render.formats import NOTES

_FIRST = 2
"""Notes that are in sight; the others open at a click."""


class Head(NamedTuple):
    """What stands above a column.

    Attributes:
        key: Of the column.
        kind: Of its values.
        text: With a line break where it may be broken, a soft hyphen within a word.
        right: Whether its cells are aligned to the right.
        wraps: Whether they may be broken over lines.
        hidden: Whether it is not in sight at first.
    """

    key: str
    kind: str
    text: str
    right: bool
    wraps: bool
    hidden: bool


class Cell(NamedTuple):
    """What stands in a row.

    Attributes:
        head: Of its column.
        text: What people read, as wide as the others where points stand below each other.
        value: The exact number, nothing where it is not available; None for a text.
        plain: A text as programs have it, where people read another.
        share: Per cent of the cell that a bar fills; None without one.
        mark: Letters of its footnotes.
    """

    head: Head
    text: str
    value: str | None = None
    plain: str | None = None
    share: str | None = None
    mark: str = ""


class Row(NamedTuple):
    """A row of cells.

    Attributes:
        cells: One for each column.
        level: How many rows enclose it.
        strong: Whether it stands out.
    """

    cells: tuple[Cell, ...]
    level: int = 0
    strong: bool = False


class Shown(NamedTuple):
    """A table as its template shows it.

    Attributes:
        table: What it is of.
        name: Its id in the page, where it has one.
        heads: What stands above the columns.
        rows: Those above the line.
        totals: Those below it.
        lead: Sentences above the rows.
        notes: Those under the table that are in sight.
        more: Those that open at a click.
        levels: What the rows of each level are called, where some enclose others.
        marked: Whether programs find the marks of footnotes in a column after the first.
    """

    table: Table
    name: str
    heads: tuple[Head, ...]
    rows: tuple[Row, ...]
    totals: tuple[Row, ...]
    lead: tuple[str, ...]
    notes: tuple[str, ...]
    more: tuple[str, ...]
    levels: tuple[str, ...]
    marked: bool


def table_shown(
    table: Table,
    *,
    name: str = "",
    notes: str = "short",
    hidden: Sequence[str] = (),
    levels: Sequence[int] = (),
    level_names: Sequence[str] = (),
) -> Shown:
    """Make what the template of tables shows.

    Args:
        table: Its texts are taken as they are.
        name: Its id in the page.
        notes: As for ``table_html``.
        hidden: Keys of columns that are not in sight at first.
        levels: How many rows enclose each row: a stage, its blocks, their layers; empty for none.
        level_names: What the rows of each level are called.

    Raises:
        InvalidChoice: If there is no such choice of notes.
    """
    check_choice("choice of notes", notes, NOTES)
    columns = printed(table)
    heads = tuple(_head(column, hidden) for column in columns)
    in_sight, more = _notes(table, notes)
    every = all(row.get("path") in table.strong for row in table.rows)
    strong = frozenset[str]() if every else table.strong  # where all stand out, none does
    return Shown(
        table=table,
        name=name,
        heads=heads,
        rows=tuple(
            Row(tuple(_cells(columns, heads, row, n)), level or 0, row.get("path") in strong)
            for n, (row, level) in enumerate(zip_longest(table.rows, levels))
        ),
        totals=tuple(
            Row(tuple(_cells(columns, heads, row, n, total=True)))
            for n, row in enumerate(table.totals)
        ),
        lead=tuple(printable(str(note)) for note in table.lead),
        notes=in_sight,
        more=more,
        levels=tuple(level_names),
        marked=any(column.key == NOTE for column in table.columns),
    )


def table_html(table: Table, *, notes: str = "short") -> str:
    """Write a table with its title, totals and notes as a fragment of HTML.

    Colours are those of the page around it; a share has a bar behind it. Everything is escaped.
    Where scripts run it can be sorted, filtered, narrowed to some columns and copied; where
    neither scripts nor styles do, it is a plain table.

    Args:
        table: Its texts are taken as they are.
        notes: ``short`` has the most needed ones in sight and the others one click away, ``full``
            all of them, ``none`` none.

    Raises:
        InvalidChoice: If there is no such choice of notes.
    """
    return (
        environment().get_template("table/alone.html").render(shown=table_shown(table, notes=notes))
    )


def table_page(table: Table, *, notes: str = "full") -> str:
    """Write a table as a page of its own that needs nothing but itself.

    Args:
        table: Its texts are taken as they are.
        notes: As for ``table_html``.

    Raises:
        InvalidChoice: If there is no such choice of notes.
    """
    return (
        environment().get_template("table/page.html").render(shown=table_shown(table, notes=notes))
    )


def _head(column: Printed, hidden: Sequence[str]) -> Head:
    key = column.column.key
    text = column.breakable.replace("-\n", "\u00ad")
    return Head(key, column.column.kind, text, column.right, column.column.wraps, key in hidden)


def _cells(
    columns: Sequence[Printed], heads: Sequence[Head], row: dict[str, Value], number: int,
    *, total: bool = False,
) -> Iterator[Cell]:  # fmt: skip
    """Write the cells of a row."""
    for column, head in zip(columns, heads, strict=True):
        text = (column.totals if total else column.rows)[number]
        value = row.get(head.key)
        after = column.after.get(text, 0)  # as wide as a point and digits
        padded = text + "\u2008" * (after > 0) + "\u2007" * (after - 1)
        plain = printable(value) if isinstance(value, str) else text
        yield Cell(
            head,
            padded,
            value=None if isinstance(value, str) else "" if value is None else repr(value),
            plain=plain if plain != text and isinstance(value, str) else None,
            share=_share(column, value) if not total else None,
            mark="" if total else column.marks[number],
        )


def _share(column: Printed, value: Value) -> str | None:
    if column.column.kind != "share" or not isinstance(value, float):
        return None
    return f"{100 * min(max(value, 0.0), 1.0):.1f}%"


def _notes(table: Table, which: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Divide the notes into those in sight and those that are less needed."""
    texts = tuple(printable(str(note)) for note in table.notes) if which != "none" else ()
    if which == "full" or len(texts) < _FIRST + 2:
        return texts, ()
    return texts[:_FIRST], texts[_FIRST:]
