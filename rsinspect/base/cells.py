"""What every table of characters needs: bars, folded cells, widths of columns, plain ASCII."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from functools import cache

_EIGHTHS = " ▏▎▍▌▋▊▉"
_ASCII = (
    ("→", "->"), ("×", "x"), ("·", "-"), ("–", "-"), ("−", "-"), ("µ", "u"), ("…", "..."),
    ("≤", "<="),
)  # fmt: skip
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

    A number is not broken between its groups of digits, nor words at their hyphens.

    >>> folded("7.63 G (63.5 %)", 8), folded("params 63 724 296", 12)
    (['7.63 G', '(63.5 %)'], ['params', '63 724 296'])
    """
    lines = textwrap.wrap(unbroken(line), width, break_on_hyphens=False)
    return [part.replace(_GLUE, " ") for part in lines] or [""]


def unbroken(line: str) -> str:
    """Keep each number together, and with its unit, where a line is folded.

    >>> unbroken("35 691 912 trainable, 20 ms") == "35\xa0691\xa0912 trainable, 20\xa0ms"
    True
    """
    return re.sub(r"(?<=\d) (?=[kKMGTPµ%]|ms\b|s\b|\d{3}(?!\d))", _GLUE, line)


def glued(text: str) -> str:
    """Keep a text on one line where ``folded`` folds it."""
    return text.replace(" ", _GLUE)


def bands(needed: Sequence[float], width: float, gap: float) -> tuple[tuple[int, ...], ...]:
    """Divide columns into as many groups as it takes for each to fit, the first column in all.

    Args:
        needed: How wide each column is, at least one.
        width: Of the page, in the same unit.
        gap: Between two columns.

    >>> bands([9, 9, 9], 24, 2)
    ((0, 1), (0, 2))
    """
    groups: list[list[int]] = [[0]]
    used = needed[0]
    for column in range(1, len(needed)):
        if used + gap + needed[column] > width and len(groups[-1]) > 1:
            groups.append([0])
            used = needed[0]
        groups[-1].append(column)
        used += gap + needed[column]
    return tuple(map(tuple, groups))


def shared(needed: Sequence[float], wanted: Sequence[float], width: float) -> list[float]:
    """Share a width among columns: what each needs, then as much more as it wants.

    Args:
        needed: By each column at least.
        wanted: By each at most; those that want least have it first.
        width: Of all of them, gaps left out.

    >>> shared([5, 10, 10], [5, 12, 40], 40)
    [5, 12, 23.0]
    """
    widths = list(needed)
    hungry = sorted(
        (n for n in range(len(widths)) if wanted[n] > needed[n]), key=lambda n: wanted[n]
    )
    for turn, n in enumerate(hungry):
        left = (width - sum(widths)) / (len(hungry) - turn)
        widths[n] = min(wanted[n], widths[n] + max(left, 0))
    return widths


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
        max((len(word) for line in lines for word in unbroken(line).split(" ")), default=0)
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
