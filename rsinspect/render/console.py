"""Tables for people, with Rich: at any width, in colour or without, on a screen or in a pipe.

Nothing is ever cut off. On a terminal a table that is too wide comes in bands of columns; in a
pipe, where there is no width to respect, lines are as long as the table needs. ``NO_COLOR`` and
``COLUMNS`` are respected, by Rich.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, NamedTuple

from rich import box
from rich.console import Console, Group, RenderableType
from rich.segment import Segment, Segments
from rich.table import Table as RichTable
from rich.text import Text

from rsinspect.answers.table import Table, Value
from rsinspect.base.cells import bands, bar, folded, glued, in_ascii, shared
from rsinspect.base.errors import check_choice
from rsinspect.base.text import printable
from rsinspect.render.cells import Printed, printed
from rsinspect.render.formats import NOTES

BAR_CELLS = (6, 3, 0)
"""Characters of a bar, and how few it may have where the table would else come in bands."""
MOST_LINES = 2
"""Of the notes under a table, where not all of them are asked for."""
_GAP = 2
_SQUEEZED = 20
"""Characters that a column keeps that has to fold its texts."""
_LONGEST_WORD = 30
"""Of a folded text that is not broken."""


def console_for(stream: IO[str] | None = None) -> Console:
    """Make a console on a stream; it knows whether the stream is a screen."""
    return Console(file=stream or sys.stdout, highlight=False, soft_wrap=False)


def print_table(
    table: Table, console: Console, *, notes: str = "full", more: str = "notes='full'"
) -> None:
    """Print title, lead, rows and notes; too wide a table comes in bands of columns.

    Args:
        table: Its texts are taken as they are.
        console: Where to; in a pipe it is made as wide as the table.
        notes: ``short`` for what fits in two lines, ``full`` or ``none``.
        more: How to see the notes that are left out: words, before "for 5 more".

    Raises:
        InvalidChoice: If there is no such choice of notes.
    """
    ascii_only = not (console.encoding or "utf-8").lower().startswith("utf")
    page = _Page(table, ascii_only=ascii_only)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = max(80, page.width)
    page.fitted(console.width).print(console, _notes(table, console.width, notes, more))


def table_text(
    table: Table, width: int | None = None, *, notes: str = "full", more: str = "notes='full'"
) -> str:
    """Write the table as text, without colour whatever the environment says.

    Args:
        table: As for ``print_table``.
        width: In characters; None for what it has in a pipe.
        notes: As for ``print_table``.
        more: Likewise.

    Raises:
        InvalidChoice: If there is no such choice of notes.
    """
    import io

    buffer = io.StringIO()
    console = Console(
        file=buffer,
        highlight=False,
        width=width,
        color_system=None,
        force_terminal=False,
        force_jupyter=False,
    )
    if width is None:
        print_table(table, console, notes=notes, more=more)
    else:
        _Page(table, ascii_only=False).fitted(width).print(
            console, _notes(table, width, notes, more)
        )
    return buffer.getvalue()


def _notes(table: Table, width: int, which: str, more: str) -> list[str]:
    check_choice("choice of notes", which, NOTES)
    notes = [printable(str(note)) for note in table.notes]
    if which == "full":
        return [line for note in notes for line in folded(note, width)]
    return short_notes(notes, width, more) if notes and which == "short" else []


def short_notes(notes: Sequence[str], width: int, more: str) -> list[str]:
    """Fold the first of the notes that fit into two lines, and say how to see the others.

    Args:
        notes: The most needed first; one that does not fit is passed over.
        width: Of the lines.
        more: How to see the others.

    >>> short_notes(["MACs: one a multiply-add.", "Peak: " + 90 * "x", "Batch 1."], 40, "--all")
    ['MACs: one a multiply-add. Batch 1.', '--all for 1 more.']
    """

    def lines(chosen: list[str]) -> list[str]:
        left = len(notes) - len(chosen)
        words = glued(f"{more} for {left} more.")
        return folded(" ".join([*chosen, *([words] if left else [])]), width)

    shown: list[str] = []
    for note in notes:
        if len(lines([*shown, note])) <= MOST_LINES:
            shown.append(note)
    return lines(shown)


def heads(texts: Sequence[tuple[str, str]], cells: Sequence[int], width: int) -> list[str]:
    """Break as few heads as the width allows, those with a hyphenated word last.

    Args:
        texts: Head of each column, on one line and in pieces.
        cells: Width of the cells of each.
        width: Of all of them together.

    >>> texts = [("FLOPs (paper)", "FLOPs\\n(paper)"), ("Activations", "Activa-\\ntions")]
    >>> heads(texts, [7, 8], 20)
    ['FLOPs\\n(paper)', 'Activations']
    """
    chosen = [pieces for _, pieces in texts]
    room = width - sum(max(_widest(p), c) for p, c in zip(chosen, cells, strict=True))
    alike: dict[str, list[int]] = {}  # "Blocks A" is broken where "Blocks B" is
    for n in sorted(range(len(texts)), key=lambda n: "-\n" not in texts[n][1]):
        alike.setdefault(chosen[n].split("\n")[0], []).append(n)
    for places in alike.values():
        extra = sum(
            max(len(texts[n][0]), cells[n]) - max(_widest(chosen[n]), cells[n]) for n in places
        )
        if extra <= room:
            room -= extra
            for n in places:
                chosen[n] = texts[n][0]
    return chosen


def _widest(text: str) -> int:
    return max(map(len, text.split("\n")))


class _Drawn(NamedTuple):
    """A column in characters.

    Attributes:
        column: What it shows.
        texts: Cells of all rows and totals, with bars, marks and blanks that align points.
        needed: Characters that it takes at least, its head broken.
        wanted: Those of its longest cell.
    """

    column: Printed
    texts: tuple[str, ...]
    needed: int
    wanted: int


class _Page:
    """A table laid out for characters.

    Args:
        table: What is to be shown.
        ascii_only: Whether the console has no other characters.
        bar_cells: Characters of a bar.
    """

    def __init__(self, table: Table, *, ascii_only: bool, bar_cells: int = BAR_CELLS[0]) -> None:
        self.table = table
        self.ascii_only = ascii_only
        self.bar_cells = bar_cells
        self.columns = [self._drawn(column) for column in printed(table)]

    @property
    def width(self) -> int:
        """Measure all columns side by side, heads broken."""
        return sum(c.needed for c in self.columns) + _GAP * (len(self.columns) - 1)

    def fitted(self, width: int) -> _Page:
        """Shorten the bars as far as all columns need to stand side by side, if that will do."""
        if self.width <= width or all(c.column.column.kind != "share" for c in self.columns):
            return self
        pages = (
            _Page(self.table, ascii_only=self.ascii_only, bar_cells=cells)
            for cells in BAR_CELLS[1:]
        )
        return next((page for page in pages if page.width <= width), self)

    def _text(self, text: str) -> str:
        return in_ascii(text) if self.ascii_only else text

    def _drawn(self, column: Printed) -> _Drawn:
        texts = tuple(self._cells(column))
        wanted = max(map(_widest, texts), default=0)
        cells = wanted
        if column.column.wraps:
            words = (len(word) for text in texts for word in text.split(" "))
            cells = min(wanted, max(_SQUEEZED, min(max(words, default=0), _LONGEST_WORD)))
        needed = max(cells, _widest(self._text(column.breakable)))
        return _Drawn(column, texts, needed, wanted)

    def _cells(self, column: Printed) -> Iterator[str]:
        """Write the cells of rows and totals as characters."""
        rows = (*self.table.rows, *self.table.totals)
        marks = (*column.marks, *("" for _ in column.totals))
        marked = [len(text) for text, mark in zip(column.rows, marks, strict=False) if mark]
        for text, mark, row in zip((*column.rows, *column.totals), marks, rows, strict=True):
            shown = self._text(text)
            value = row.get(column.column.key)
            if column.column.kind == "share" and isinstance(value, float):
                drawn = bar(value, self.bar_cells, ascii_only=self.ascii_only)
                shown = f"{drawn} {shown:>7}" if drawn else shown
            if mark:
                name = shown if column.column.wraps else shown.ljust(max(marked))
                shown = glued(f"{name} {mark}")
            yield shown + " " * column.after.get(text, 0)

    def print(self, console: Console, notes: Sequence[str]) -> None:
        """Print everything, no line with blanks at its end."""
        parts: list[RenderableType] = [Text(self._folded(self.table.heading, console), "bold")]
        parts += [Text(self._folded(str(note), console)) for note in self.table.lead]
        needed = [column.needed for column in self.columns]
        for number, band in enumerate(bands(needed, console.width, _GAP)):
            if number or self.table.lead:
                parts.append(Text())
            parts.append(self._rich([self.columns[n] for n in band], console.width))
        if notes:
            parts += [Text(), Text(self._text("\n".join(notes)), style="dim")]
        lines = console.render_lines(Group(*parts), pad=False)
        console.print(Segments([part for line in lines for part in _ended(line)]), end="")

    def _folded(self, text: str, console: Console) -> str:
        return "\n".join(folded(self._text(printable(text)), console.width))

    def _rich(self, columns: Sequence[_Drawn], width: int) -> RichTable:
        """Draw some columns of the table, without its title and notes."""
        rich = RichTable(
            box=box.ASCII2 if self.ascii_only else box.SIMPLE_HEAD,
            padding=(0, 1, 0, 0),
            pad_edge=False,
            show_edge=False,
            header_style="bold",
        )
        width -= _GAP * (len(columns) - 1)
        given = shared([c.needed for c in columns], [c.wanted for c in columns], width)
        cells = list(map(int, given))
        texts = [(self._text(c.column.head), self._text(c.column.breakable)) for c in columns]
        tops = heads(texts, cells, width)
        widths = [max(cell, _widest(top)) for cell, top in zip(cells, tops, strict=True)]
        tall = any(drawn.column.column.wraps for drawn in columns)
        for drawn, top, wide in zip(columns, tops, widths, strict=True):
            rich.add_column(
                Text(top),  # a string would be searched for markup and emoji
                justify="right" if drawn.column.right else "left",
                vertical="top" if tall else "bottom",
                overflow="fold",
                width=wide,
            )
        for number, row in enumerate((*self.table.rows, *self.table.totals)):
            total = number >= len(self.table.rows)
            if number == len(self.table.rows):
                rich.add_section()
            rich.add_row(
                *(self._cell(c, number, row, w) for c, w in zip(columns, widths, strict=True)),
                style="bold" if total else "",
            )
        return rich

    def _cell(self, drawn: _Drawn, number: int, row: Mapping[str, Value], width: int) -> Text:
        """Style a cell; Rich would take blanks at the right of it away."""
        column, text = drawn.column.column, drawn.texts[number]
        if drawn.column.right:
            text = text.rjust(width)
        elif column.wraps:
            text = "\n".join(part for line in text.split("\n") for part in folded(line, width))
        shown = Text(text.replace("\xa0", " "), justify="left")
        if column.kind == "share" and isinstance(row.get(column.key), float):
            shown.stylize("cyan", max(0, width - self.bar_cells - 8), max(0, width - 8))
        elif text.strip() == "0":
            shown.stylize("dim")
        elif column.key == "path" and row.get("path") in self.table.strong:
            shown.stylize("bold")
        return shown


def _ended(line: Sequence[Segment]) -> list[Segment]:
    """End a line after its last character that is no blank."""
    kept = list(line)
    while kept and not kept[-1].text.strip():
        kept.pop()
    if kept:
        kept[-1] = kept[-1]._replace(text=kept[-1].text.rstrip())
    return [*kept, Segment.line()]
