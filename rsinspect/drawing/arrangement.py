"""How a figure is arranged: how large its type is, and what stands beside what."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from rsinspect.drawing.scene import Panel, Role
from rsinspect.drawing.tracks import tracked


class Type(NamedTuple):
    """Sizes of type, in points.

    Attributes:
        title: Of the picture.
        head: Of a panel.
        text: Of nodes and cells.
        small: Of what is said aside, and of the caption; no type is smaller.
    """

    title: float
    head: float
    text: float
    small: float


OPEN = Type(14, 12, 11, 9.5)
"""Of a picture of any size."""

DENSE = Type(10, 8.5, 8, 8)
"""Of a picture for a given place: 8 points before it is enlarged to fill the place."""

Beside = Literal["columns", "pair", "stack"]
"""How panels stand: diagrams in columns beside a table, in one column beside it, or below it."""


TABLE_PT, TRACK_PT = 480, 130
"""Width of a table, and of a path of layers, in points."""

ASPECT = 1.5
"""How much wider than tall a table with diagrams had better be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrangement:
    """How a figure is arranged.

    Attributes:
        type: Sizes of its type.
        beside: How its panels stand.
        columns: Into how many columns a long diagram is cut; None: as many as make it a page.
        across: Whether the kinds of blocks in a stage stand side by side.
        room_pt: Points that title and caption may take across; None: what suits the picture.
        bare: Whether it goes without title, caption and keys.
        aspect: How much wider than tall a table with several diagrams had better be.
    """

    type: Type = OPEN
    beside: Beside = "columns"
    columns: int | None = None
    across: bool = True
    room_pt: float | None = None
    bare: bool = False
    aspect: float = ASPECT

    @property
    def dense(self) -> bool:
        """Tell whether room is short."""
        return self.type is not OPEN

    @property
    def narrow(self) -> bool:
        """Tell whether a table has to do with half of the width."""
        return self.dense and self.beside != "columns"

    def pt(self, length: float) -> float:
        """Scale a length with the type."""
        return round(length * self.type.text / OPEN.text, 2)

    def gap(self, length: float) -> float:
        """Scale a length between things."""
        return round(self.pt(length) * (0.5 if self.narrow else 0.7 if self.dense else 1), 2)


AS_IT_COMES = Arrangement()
"""Of a picture of any size."""

Row = tuple[Panel, ...]

TITLE_PT, ROW_PT, LINE_PT = 40, 10, 15
"""Height of a diagram's title; of a row of a table, and of each line in it, in points."""

NODE_PT: dict[Role, float] = {"gate": 90, "add": 78, "join": 70, "scale": 60, "input": 50}
OP_PT = 65
"""Height of a layer of a block in the figure, with its arrow, in points."""


def placed(panels: Sequence[Panel], beside: Beside, aspect: float = ASPECT) -> list[list[Row]]:
    """Place a table and its diagrams: columns of rows of panels.

    Three diagrams are two blocks and the module of a gate: it stands below the first where there
    is a column for each block, beside the second where there is one for both.

    Args:
        panels: In the order of the scene.
        beside: How they stand.
        aspect: Of a picture with more than three diagrams, width to height.
    """
    tables: list[Row] = [(panel,) for panel in panels if panel.grid is not None]
    drawn = [panel for panel in panels if panel.grid is None]
    if not tables or not drawn:
        return [[(panel,)] for panel in panels]
    rows: list[Row] = [(panel,) for panel in drawn]
    module = len(drawn) == 3 and drawn[2].below
    if beside == "columns":
        if module:
            return [tables, [rows[0], rows[2]], [rows[1]]]
        return [tables, *_stacked(drawn, height_pt(tables[0][0]), aspect)]
    if module:
        rows = [(drawn[0],), (drawn[1], drawn[2])]
    return [[*tables, *rows]] if beside == "stack" else [tables, rows]


def _stacked(panels: Sequence[Panel], tall: float, aspect: float) -> list[list[Row]]:
    """Put diagrams below each other, into as many columns as make a page with a table beside."""
    extents = [(width_pt(panel), height_pt(panel)) for panel in panels]
    heights = [height for _, height in extents]
    limits = {max(tall, *heights), *(sum(heights[:n]) for n in range(1, len(heights) + 1))}
    tried = [_filled(extents, limit) for limit in sorted(limits) if limit >= max(heights)]

    def shape(columns: list[list[int]]) -> float:
        """Measure how far the picture is from a page on its side."""
        wide = TABLE_PT + sum(max(extents[n][0] for n in column) for column in columns)
        high = max(tall, *(sum(heights[n] for n in column) for column in columns))
        return abs(math.log(wide / high / aspect))

    return [[(panels[n],) for n in column] for column in min(tried, key=shape)]


def _filled(extents: Sequence[tuple[float, float]], limit: float) -> list[list[int]]:
    """Fill columns up to a height with panels, by number."""
    columns: list[list[int]] = []
    left = 0.0
    for number, (_, height) in enumerate(extents):
        if not columns or height > left:
            columns.append([])
            left = limit
        columns[-1].append(number)
        left -= height
    return columns


def width_pt(panel: Panel) -> float:
    """Estimate how wide a diagram of layers is."""
    places = tracked([node.path for node in panel.nodes], panel.edges)
    return TRACK_PT * (1 + max((place.track for place in places.values()), default=0)) + 60


def height_pt(panel: Panel) -> float:
    """Estimate how tall a table or a diagram of layers is, in type as it comes."""
    if panel.grid is not None:
        rows = panel.grid.rows
        return sum(ROW_PT + LINE_PT * max(map(len, row.cells)) for row in rows)
    places = tracked([node.path for node in panel.nodes], panel.edges)
    tallest: dict[int, float] = {}
    for node in panel.nodes:
        rank = places[node.path].rank
        tallest[rank] = max(tallest.get(rank, 0.0), NODE_PT.get(node.role, OP_PT))
    return TITLE_PT + sum(tallest.values())
