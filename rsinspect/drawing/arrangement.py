"""How a figure is arranged: how large its type is, and what stands beside what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from rsinspect.drawing.scene import Panel


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
    """

    type: Type = OPEN
    beside: Beside = "columns"
    columns: int | None = None
    across: bool = True
    room_pt: float | None = None
    bare: bool = False

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


def placed(panels: Sequence[Panel], beside: Beside) -> list[list[Row]]:
    """Place a table and its diagrams: columns of rows of panels.

    Three diagrams are two blocks and the module of a gate: it stands below the first where there
    is a column for each block, beside the second where there is one for both.

    Args:
        panels: In the order of the scene.
        beside: How they stand.
    """
    tables: list[Row] = [(panel,) for panel in panels if panel.grid is not None]
    drawn = [panel for panel in panels if panel.grid is None]
    if not tables or not drawn:
        return [[(panel,)] for panel in panels]
    rows: list[Row] = [(panel,) for panel in drawn]
    if len(drawn) == 3:
        if beside == "columns":
            return [tables, [rows[0], rows[2]], [rows[1]]]
        rows = [(drawn[0],), (drawn[1], drawn[2])]
    return [[*tables, *rows]] if beside == "stack" else [tables, rows]
