"""What every table of characters needs: bars, folded cells, widths of columns, plain ASCII."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from functools import cache

_EIGHTHS = " ▏▎▍▌▋▊▉"
_ASCII = (("→", "->"), ("×", "x"), ("·", "-"))
_GLUE = "\xa0"


def bar(level: float, cells: int, *, ascii_only: bool = False) -> str:
    """Draw a level of 0 to 1 as a bar, exact to an eighth of a cell, in a field of ``cells``.

    >>> bar(0.5, 6), bar(0.5, 6, ascii_only=True)
    ('███   ', '###   ')
    """
    level = min(max(level, 0.0), 1.0)
    if ascii_only:
        return ("#" * round(level * cells)).ljust(cells)
    full, rest = divmod(round(level * cells * 8), 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(cells)


def in_ascii(text: str) -> str:
    """Write text in ASCII: arrows and signs spelt out, anything else as its code point.

    >>> in_ascii("64 → 256, 3×3")
    '64 -> 256, 3x3'
    """
    for sign, words in _ASCII:
        text = text.replace(sign, words)
    return text.encode("ascii", "backslashreplace").decode()


def folded(line: str, width: int) -> list[str]:
    """Fold a line into pieces no wider than ``width``, a number and its unit in one of them.

    >>> folded("7.63 G (63.5 %)", 8)
    ['7.63 G', '(63.5 %)']
    """
    return [part.replace(_GLUE, " ") for part in textwrap.wrap(_glued(line), width)] or [""]


def _glued(line: str) -> str:
    return re.sub(r"(?<=\d) (?=[kMGTP%])", _GLUE, line)


def column_widths(
    rows: Sequence[Sequence[Sequence[str]]], width: int, gap: int
) -> list[int] | None:
    """Choose the widths of a table's columns that fold the fewest lines.

    Args:
        rows: Lines of each cell of each row.
        width: Of the whole table.
        gap: Between two columns.

    Returns:
        A width for each column; None where words would have to be broken.

    >>> column_widths([[["3 blocks of"], ["79.5 %"]]], 16, 2)
    [8, 6]
    """

    @cache
    def height(row: int, column: int, wide: int) -> int:
        return sum(len(folded(line, wide)) for line in rows[row][column])

    def total(widths: list[int]) -> int:
        return sum(
            max(height(row, column, wide) for column, wide in enumerate(widths))
            for row in range(len(rows))
        )

    columns = [[line for cells in rows for line in cells[n]] for n in range(len(rows[0]))]
    room = width - gap * (len(columns) - 1)
    widths = [min(max(1, *map(len, lines)), room) if lines else 1 for lines in columns]
    least = [
        max((len(word) for line in lines for word in _glued(line).split(" ")), default=0)
        for lines in columns
    ]
    if max(least) > room:
        return None
    while sum(widths) > room:
        narrower = [
            [*widths[:n], wide - 1, *widths[n + 1 :]]
            for n, wide in enumerate(widths)
            if wide > least[n]
        ]
        if not narrower:
            return None
        widths = min(narrower, key=lambda tried: (total(tried), max(tried)))
    return widths
