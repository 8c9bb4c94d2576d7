"""Long diagrams in readable columns: which nodes stand in which column.

A deep network is a chain, and a chain of two thousand layers is tens of metres tall. It is cut
between blocks (or stages) into columns of about equal length, so that the picture is about as wide
as tall; the edges across a cut are shown by the formats as connectors.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt

from rsinspect.drawing.scene import Direction, Node, Panel

OP_PT: dict[Direction, float] = {"TB": 50, "LR": 175}
"""Length of an op along the data, in points, with its arrow."""

CARD_PT: dict[Direction, float] = {"TB": 115, "LR": 235}
"""The same of a closed stage or block."""

FRAME_PT = 60
"""What the frame around an open node adds."""

COLUMN_PT: dict[Direction, float] = {"TB": 340, "LR": 210}
"""Extent of a column (LR: a row) across the data, in points, with its gap."""

ASPECT = 1.5
"""How much longer a column may be than all columns are wide."""

CARDS = ("stem", "stage", "head", "block")


@dataclass(frozen=True, slots=True)
class Column:
    """Some of a panel's nodes; a stage that goes on in the next column stands in both.

    Attributes:
        nodes: Outermost nodes, with those children that stand in this column.
        continued: Paths of the nodes that began in a column before.
    """

    nodes: tuple[Node, ...]
    continued: frozenset[str] = frozenset()

    def shown(self) -> tuple[str, ...]:
        """List the paths of the nodes that show no children."""
        return tuple(
            node.path
            for outer in self.nodes
            for node in outer.walk(deep=False)
            if not (node.open and node.children)
        )


def columns(panel: Panel, direction: Direction) -> tuple[Column, ...]:
    """Cut the panel's nodes into columns; one column where that fits a page."""
    units = [
        (outer, unit)
        for outer in panel.nodes
        for unit in (outer.children if _holds_blocks(outer) else (outer,))
    ]
    if not units:
        return ()
    lengths = [_length(unit, direction) for _, unit in units]
    wanted = max(1, round(sqrt(sum(lengths) / COLUMN_PT[direction] / ASPECT)))
    if not any(unit.open or unit.role in CARDS for _, unit in units):  # ops of one block
        wanted = 1
    groups = []
    start = 0
    for size in _sizes(lengths, wanted):
        groups.append(units[start : start + size])
        start += size
    begun: set[str] = set()
    result = []
    for column in groups:
        outermost = dict.fromkeys(outer.path for outer, _ in column)
        nodes = tuple(_outer(path, column) for path in outermost)
        result.append(Column(nodes, frozenset(begun & set(outermost))))
        begun |= set(outermost)
    return tuple(result)


def _sizes(lengths: list[float], wanted: int) -> list[int]:
    """Choose how many neighbours each of ``wanted`` columns takes to keep the longest short."""
    low, high = max(lengths), sum(lengths)
    best = [len(lengths)]
    for _ in range(32):
        limit = (low + high) / 2
        sizes, used = [0], 0.0
        for length in lengths:
            if sizes[-1] and used + length > limit:
                sizes.append(0)
                used = 0.0
            sizes[-1] += 1
            used += length
        if len(sizes) <= wanted:
            best, high = sizes, limit
        else:
            low = limit
    return best


def _holds_blocks(node: Node) -> bool:
    return node.open and any(child.role == "block" for child in node.children)


def _outer(path: str, column: list[tuple[Node, Node]]) -> Node:
    """Return the outermost node of a path, with the column's share of its children."""
    mine = [(outer, unit) for outer, unit in column if outer.path == path]
    outer = mine[0][0]
    return replace(outer, children=tuple(u for _, u in mine)) if _holds_blocks(outer) else outer


def _length(node: Node, direction: Direction) -> float:
    """Measure a node along the data, in points."""
    if not node.open:
        return (CARD_PT if node.role in CARDS else OP_PT)[direction]
    inside = sum(_length(child, direction) for child in node.children if child.lane != "shortcut")
    return inside + FRAME_PT


def in_line(node: Node) -> bool:
    """Tell whether a layer stands on the way of the data, not in a shortcut or gate beside it."""
    return node.lane in ("trunk", "branch")
