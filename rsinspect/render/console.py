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
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table as RichTable
from rich.text import Text

from rsinspect.render.cells import RIGHT_ALIGNED, cell
from rsinspect.report import Column, Table, Value

BAR_CELLS = 6
_EIGHTHS = " ▏▎▍▌▋▊▉"
_UNBOUNDED = 10_000
_GAP = 2
_SQUEEZED = 20


def console_for(stream: IO[str] | None = None) -> Console:
    """A console on a stream that knows whether the stream is a screen."""
    return Console(file=stream or sys.stdout, highlight=False, soft_wrap=False)


def share_bar(share: float, *, ascii_only: bool = False) -> str:
    """A bar of six cells for a share of one.

    >>> share_bar(0.5), share_bar(0.5, ascii_only=True)
    ('███   ', '###   ')
    """
    eighths = round(min(max(share, 0.0), 1.0) * BAR_CELLS * 8)
    full, rest = divmod(eighths, 8)
    if ascii_only:
        return ("#" * round(share * BAR_CELLS)).ljust(BAR_CELLS)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(BAR_CELLS)


def _text(column: Column, value: Value, *, ascii_only: bool) -> Text:
    words = cell(column, value)
    if column.kind == "share" and isinstance(value, float):
        bar = share_bar(value, ascii_only=ascii_only)
        return Text.assemble((bar, "cyan"), f" {words:>7}")
    if column.key == "path":
        return Text(words, style="bold" if "/" not in words else "")
    return Text(words, style="dim" if words == "0" else "")


def _width(table: Table, column: Column) -> int:
    """Columns of text that a table column needs, or what it can be squeezed into."""
    rows = (*table.rows, *table.totals)
    cells = [cell(column, row.get(column.key)) for row in rows]
    bar = BAR_CELLS + 1 if column.kind == "share" else 0
    needed = bar + max((len(line) for text in cells for line in text.split("\n")), default=0)
    if column.wraps:
        needed = min(needed, _SQUEEZED)
    return max(needed, *(len(line) for line in column.head.split("\n")))


def bands(table: Table, width: int) -> tuple[tuple[Column, ...], ...]:
    """The columns in as many groups as it takes for each to fit, the first column in all of them.

    Args:
        table: What is to be shown.
        width: Columns of text there are.
    """
    lead, *rest = table.columns
    found: list[list[Column]] = [[lead]]
    used = first = _width(table, lead)
    for column in rest:
        needed = _width(table, column) + _GAP
        if used + needed > width and len(found[-1]) > 1:
            found.append([lead])
            used = first
        found[-1].append(column)
        used += needed
    return tuple(tuple(band) for band in found)


def rich_table(table: Table, columns: tuple[Column, ...], *, ascii_only: bool = False) -> RichTable:
    """Some columns of the table, without its title and notes."""
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
            column.head,
            justify="right" if column.kind in RIGHT_ALIGNED else "left",
            vertical="top" if tall else "bottom",
            overflow="fold",
            min_width=None if column.wraps else _width(table, column),
        )
    for row in table.rows:
        rich.add_row(*(_text(c, row.get(c.key), ascii_only=ascii_only) for c in columns))
    if table.totals:
        rich.add_section()
    for row in table.totals:
        cells = (_text(c, row.get(c.key), ascii_only=ascii_only) for c in columns)
        rich.add_row(*cells, style="bold")
    return rich


def print_table(table: Table, console: Console) -> None:
    """Title, table and notes; a table too wide for the console comes in bands of columns."""
    ascii_only = not (console.encoding or "utf-8").lower().startswith("utf")
    if not console.is_terminal and "COLUMNS" not in os.environ:
        body = rich_table(table, table.columns, ascii_only=ascii_only)
        roomy = console.options.update(max_width=_UNBOUNDED)
        console.width = max(80, Measurement.get(console, roomy, body).maximum)
    console.print(Text(table.title, style="bold"))
    for index, columns in enumerate(bands(table, console.width)):
        if index:
            console.print()
        console.print(rich_table(table, columns, ascii_only=ascii_only))
    if table.notes:
        console.print()
    for note in table.notes:
        console.print(Text(note, style="dim"))
