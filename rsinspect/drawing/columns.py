"""Long diagrams in readable columns: which nodes stand in which column.

A deep network is a chain, and a chain of two thousand layers is tens of metres tall. It is cut
between blocks (or stages) into columns of about equal length, so that the picture is about as wide
as tall; the edges across a cut are shown by the formats as connectors.
"""

from __future__ import annotations

from collections.abc import Sequence
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

    def firsts(self) -> dict[str, str]:
        """Map each stage and block to the first node that is shown of it."""
        inside = [u for outer in self.nodes for u in (outer.children if outer.open else ())]
        units = [*self.nodes, *(unit for unit in inside if unit.role in CARDS)]
        found = {unit.path: _first(unit) for unit in units}
        return {path: first for path, first in found.items() if path not in self.continued}

    def shown(self) -> tuple[str, ...]:
        """List the paths of the nodes that show no children."""
        return tuple(
            node.path
            for outer in self.nodes
            for node in outer.walk(deep=False)
            if not (node.open and node.children)
        )


def _first(node: Node) -> str:
    """Return the path of the first node inside that shows no children."""
    return _first(node.children[0]) if node.open and node.children else node.path


def columns(panel: Panel, direction: Direction, wanted: int | None = None) -> tuple[Column, ...]:
    """Cut the panel's nodes into columns.

    Args:
        panel: Of one diagram.
        direction: Of the data.
        wanted: How many at most; None: as many as make a page of them, one where that fits.
    """
    units = _units(panel)
    if not units:
        return ()
    lengths = [_length(unit, direction) for _, unit in units]
    wanted = wanted or max(1, round(sqrt(sum(lengths) / COLUMN_PT[direction] / ASPECT)))
    if not any(unit.open or unit.role in CARDS for _, unit in units):  # ops of one block
        wanted = 1
    groups = []
    start = 0
    for size in _sizes(lengths, wanted):
        groups.append(units[start : start + size])
        start += size
    return _numbered(groups)


def _numbered(groups: list[list[tuple[Node, Node]]]) -> tuple[Column, ...]:
    """Make a column of each group, which knows what began in one before."""
    begun: set[str] = set()
    result = []
    for column in groups:
        outermost: dict[str, list[tuple[Node, Node]]] = {}
        for outer, unit in column:
            outermost.setdefault(outer.path, []).append((outer, unit))
        nodes = tuple(map(_outer, outermost.values()))
        result.append(Column(nodes, frozenset(begun & set(outermost))))
        begun |= set(outermost)
    return tuple(result)


def alongside(
    panels: Sequence[Panel], direction: Direction, wanted: int | None = None
) -> tuple[tuple[Column, ...], ...]:
    """Cut the nodes of several panels into columns at the same places.

    Closed blocks of a stage stay in one column, so that a stage stands at the same height in all
    panels; a stage with open blocks may be cut between two of them.

    Args:
        panels: Of one diagram each, whose paths say what belongs together.
        direction: Of the data.
        wanted: As for ``columns``.

    Returns:
        The columns of each panel, as many for each; what a panel lacks leaves its column empty.
    """
    units = [_units(panel) for panel in panels]
    whole = not any(unit.open for listed in units for _, unit in listed)
    keyed = [
        [(outer.path if whole else unit.path, outer, unit) for outer, unit in listed]
        for listed in units
    ]
    keys = _merged([list(dict.fromkeys(key for key, *_ in listed)) for listed in keyed])
    lengths = [
        max(sum(_length(u, direction) for k, _, u in listed if k == key) for listed in keyed)
        for key in keys
    ]
    if not wanted:
        wide = COLUMN_PT[direction] * len(panels)
        wanted = max(1, round(sqrt(sum(lengths) / wide / ASPECT)))
    groups, start = [], 0
    for size in _sizes(lengths, wanted) if keys else []:
        groups.append(keys[start : start + size])
        start += size
    return tuple(
        _numbered([[(o, u) for k, o, u in listed if k in group] for group in groups])
        for listed in keyed
    )


def _merged(lists: list[list[str]]) -> list[str]:
    """Merge orders of keys into one that keeps each, as far as they agree."""
    merged: list[str] = []
    for keys in lists:
        place = 0
        for key in keys:
            if key in merged:
                place = merged.index(key) + 1
            else:
                merged.insert(place, key)
                place += 1
    return merged


def _units(panel: Panel) -> list[tuple[Node, Node]]:
    """List what may stand in a column of its own, each with its outermost node."""
    return [
        (outer, unit)
        for outer in panel.nodes
        for unit in (outer.children if _holds_blocks(outer) else (outer,))
    ]


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


def _outer(mine: list[tuple[Node, Node]]) -> Node:
    """Return an outermost node with a column's share of its children."""
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
