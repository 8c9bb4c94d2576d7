"""The table of a printed figure: which columns stand there, in how many lines, and on which side.

A scene's grid says everything once. On paper numbers stand to the right, a share below its number,
the heat in the column of its quantity, so that nothing is printed twice; and what belongs to a
cell stands in it, so that the table is narrow enough for diagrams beside it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from rsinspect.drawing.scene import Grid, GridRow, Legend

COLUMN_HEADS = {
    "params": "Params", "flops": "FLOPs", "macs": "MACs", "activation_bytes": "Activations",
    "intensity": "Intensity", "latency_s": "Latency", "weight_std": "Spread",
    "weight_max": "Largest weight",
    "dead_channels": "Dead channels",
}  # fmt: skip
"""Head of the coloured column of a grid."""

GROUP, LAYOUT, REPEATS, SHORTCUT = (
    "Block group", "Convolution layout", "Blocks", "Shortcut of first block",
)  # fmt: skip
_JOINED = {REPEATS: GROUP, SHORTCUT: LAYOUT}
"""Columns whose cells stand in another column's."""


class Column(NamedTuple):
    """A column of a printed table.

    Attributes:
        head: Lines of its name.
        number: Whether it holds numbers, which stand to the right.
        heated: Whether its cells have the colour of the heat.
    """

    head: tuple[str, ...]
    number: bool = False
    heated: bool = False


class Table(NamedTuple):
    """A printed table.

    Attributes:
        columns: From left to right.
        rows: Of each row of the grid, the lines of each cell.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[tuple[str, ...], ...], ...]


def printed(grid: Grid, legend: Legend | None, *, narrow: bool = False) -> Table:
    """Arrange a grid for print.

    Args:
        grid: What it says.
        legend: Of the heat, if there is one.
        narrow: Whether it goes without what the diagrams show, and with short lines.
    """
    hot = None if legend is None else COLUMN_HEADS[legend.key]
    heads = [head for head in grid.heads if head not in _JOINED]
    if hot is not None and hot not in heads:
        heads.append(hot)
    numbers = set(COLUMN_HEADS.values())
    return Table(
        tuple(
            Column(tuple(head.split()) if narrow else (head,), head in numbers, head == hot)
            for head in heads
        ),
        tuple(tuple(_cell(grid, row, head, hot, narrow) for head in heads) for row in grid.rows),
    )


def _cell(grid: Grid, row: GridRow, head: str, hot: str | None, narrow: bool) -> tuple[str, ...]:
    cells = dict(zip(grid.heads, row.cells, strict=True))
    if head == hot:
        return () if row.heat is None else _number(row.heat.text, head)
    if head in COLUMN_HEADS.values():
        return tuple(line for text in cells[head] for line in _number(text, head))
    lines = cells[head]
    if head == GROUP:
        lines += cells.get(REPEATS, ())
    if narrow:
        return tuple(part for line in lines for part in shortened(line))
    if head == LAYOUT and (shortcut := cells.get(SHORTCUT)):
        lines += _shortcut(shortcut)
    return lines


def _number(text: str, head: str) -> tuple[str, ...]:
    """Write a number, and its share below it; the head has said the unit.

    >>> _number("7.63 G FLOPs (63.5 %)", "FLOPs")
    ('7.63 G', '63.5 %')
    """
    value, _, share = text.partition(" (")
    if value.casefold().endswith(f" {head.casefold()}"):
        value = value[: -len(head) - 1]
    return (value, *share.replace(")", "").split(", ")) if share else (value,)


def shortened(line: str) -> list[str]:
    """Write a line in pieces of at most 16 characters.

    >>> shortened("SE 1024 → 256 → 1024"), shortened("stem, continued")
    (['SE via 256'], ['stem,', 'cont.'])
    """
    import textwrap

    if line.endswith(", continued"):
        return [line.removesuffix(" continued"), "cont."]
    if found := re.fullmatch(r"SE (\d+) → (\d+) → \1", line):
        return [f"SE via {found[2]}"]
    return textwrap.wrap(line.replace("first block", "first"), 16)


def _shortcut(ops: tuple[str, ...]) -> tuple[str, ...]:
    """Write the shortcut of a first block in at most two lines."""
    first, *rest = ops
    if len(", ".join(ops)) <= 20:
        return (f"first shortcut: {', '.join(ops)}",)
    return (f"first shortcut: {first},", ", ".join(rest))
