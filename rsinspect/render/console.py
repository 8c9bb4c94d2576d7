"""Tables for people, with Rich: at any width, in colour or without, on a screen or in a pipe.

Nothing is ever cut off. On a terminal a table that is too wide comes in bands of columns; in a
pipe, where there is no width to respect, lines are as long as the table needs. ``NO_COLOR`` and
``COLUMNS`` are respected, by Rich.
"""

from __future__ import annotations

import os
import sys
from typing import IO

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from rsinspect.answers.table import Column, Table, Value
from rsinspect.base.cells import bar
from rsinspect.render.cells import RIGHT_ALIGNED, cell

BAR_CELLS = 6
_GAP = 2
_SQUEEZED = 20


def console_for(stream: IO[str] | None = None) -> Console:
    """Make a console on a stream; it knows whether the stream is a screen."""
    return Console(file=stream or sys.stdout, highlight=False, soft_wrap=False)


def _text(
    column: Column, value: Value, *, strong: frozenset[str] = frozenset(), ascii_only: bool
) -> Text:
    words = cell(column, value)
    if column.kind == "share" and isinstance(value, float):
        drawn = bar(value, BAR_CELLS, ascii_only=ascii_only)
        return Text.assemble((drawn, "cyan"), f" {words:>7}")
    if column.key == "path":
        return Text(words, style="bold" if words in strong else "")
    return Text(words, style="dim" if words == "0" else "")


def _width(table: Table, column: Column) -> int:
    """Measure the columns of text that a table column needs, or can be squeezed into."""
    rows = (*table.rows, *table.totals)
    cells = [cell(column, row.get(column.key)) for row in rows]
    drawn = BAR_CELLS + 1 if column.kind == "share" else 0
    needed = drawn + max((len(line) for text in cells for line in text.split("\n")), default=0)
    if column.wraps:
        needed = min(needed, _SQUEEZED)
    return max(needed, *(len(line) for line in column.head.split("\n")))


def bands(
    columns: tuple[Column, ...], needed: dict[str, int], width: int
) -> tuple[tuple[Column, ...], ...]:
    """Divide columns into as many groups as it takes for each to fit, the first column in all.

    Args:
        columns: What is to be shown, at least one.
        needed: How wide each is, by key.
        width: How wide the console is.

    >>> columns = (Column("a", "A"), Column("b", "B"), Column("c", "C"))
    >>> [[column.key for column in band] for band in bands(columns, dict(a=9, b=9, c=9), 24)]
    [['a', 'b'], ['a', 'c']]
    """
    lead, *rest = columns
    groups: list[list[Column]] = [[lead]]
    used = needed[lead.key]
    for column in rest:
        if used + needed[column.key] + _GAP > width and len(groups[-1]) > 1:
            groups.append([lead])
            used = needed[lead.key]
        groups[-1].append(column)
        used += needed[column.key] + _GAP
    return tuple(map(tuple, groups))


def rich_table(
    table: Table, columns: tuple[Column, ...], needed: dict[str, int], *, ascii_only: bool = False
) -> RichTable:
    """Draw some columns of the table, without its title and notes."""
    rich = RichTable(
        box=box.ASCII2 if ascii_only else box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
        header_style="bold",
    )
    tall = any(column.wraps for column in columns)
    for column in columns:
        rich.add_column(
            Text(column.head),  # a string would be searched for markup and emoji
            justify="right" if column.kind in RIGHT_ALIGNED else "left",
            vertical="top" if tall else "bottom",
            overflow="fold",
            width=None if column.wraps else needed[column.key],
        )
    for row in table.rows:
        cells = [
            _text(c, row.get(c.key), strong=table.strong, ascii_only=ascii_only) for c in columns
        ]
        rich.add_row(*cells)
    if table.totals:
        rich.add_section()
    for row in table.totals:
        cells = [_text(c, row.get(c.key), ascii_only=ascii_only) for c in columns]
        rich.add_row(*cells, style="bold")
    return rich


def table_text(table: Table, width: int) -> str:
    """Write the table as text of that many columns, without colour."""
    import io

    buffer = io.StringIO()
    console = Console(
        file=buffer, highlight=False, width=width, color_system=None, force_jupyter=False
    )
    _print(table, console, ascii_only=False)
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines()) + "\n"


def print_table(table: Table, console: Console) -> None:
    """Print title, table and notes; too wide a table comes in bands of columns."""
    ascii_only = not (console.encoding or "utf-8").lower().startswith("utf")
    needed = {column.key: _width(table, column) for column in table.columns}
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = max(80, sum(needed.values()) + _GAP * len(needed))
    _print(table, console, ascii_only=ascii_only)


def _print(table: Table, console: Console, *, ascii_only: bool) -> None:
    needed = {column.key: _width(table, column) for column in table.columns}
    parts: list[RenderableType] = [Text(table.title, style="bold")]
    for index, columns in enumerate(bands(table.columns, needed, console.width)):
        if index:
            parts.append(Text())
        parts.append(rich_table(table, columns, needed, ascii_only=ascii_only))
    if table.notes:
        parts.append(Text("\n" + "\n".join(map(str, table.notes)), style="dim"))
    console.print(Group(*parts))
