"""The lines of a picture by what they carry: how wide and how dashed, the same in every format.

Data and identity shortcuts are whole lines, the identity a heavier one: nothing is done on the way.
A projection is dashed, an SE gate dotted.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from rsinspect.drawing.scene import EdgeKind

Pattern = Literal["solid", "dashed", "dotted"]


class Stroke(NamedTuple):
    """How an edge is drawn.

    Attributes:
        width: In points.
        pattern: Whole, dashed or dotted.
        sample: The line in a font, for keys.
        lane: The line down a terminal, with line-drawing characters and in ASCII.
    """

    width: float
    pattern: Pattern
    sample: str
    lane: str

    @property
    def dashes(self) -> tuple[float, ...]:
        """List on and off in widths of the line; none for a whole line."""
        return {"solid": (), "dashed": (3.5, 2.0), "dotted": (1.0, 2.0)}[self.pattern]

    def dashes_pt(self) -> tuple[float, ...]:
        """List on and off in points."""
        return tuple(round(part * self.width, 2) for part in self.dashes)


STROKES: dict[EdgeKind, Stroke] = {
    "flow": Stroke(1.2, "solid", "━━━", "│|"),
    "identity": Stroke(2.2, "solid", "━━━", "┃!"),
    "projection": Stroke(1.8, "dashed", "━ ━", "╎:"),
    "gate": Stroke(1.6, "dotted", "• • •", "┊."),
}
