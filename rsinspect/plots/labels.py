"""Names in a plot, each where it covers nothing: no other name, no mark, no leader.

A name has spots to choose from. Each spot has a price of its own, and crossing a line costs what
that line is worth; the cheapest spot is taken. What has no free spot stays without a name, and its
plot says how many do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import product
from typing import NamedTuple

from rsinspect.plots.page import Box, Lettering, Page, Place, Side, Stroke


class Spot(NamedTuple):
    """Where a name could stand.

    Attributes:
        boxes: What it would cover.
        anchor: Where its text is put.
        side: Which side of the text stands at the anchor.
        price: What it costs before anything is crossed.
    """

    boxes: Sequence[Box]
    anchor: Place
    side: Side
    price: float


class Crossing(NamedTuple):
    """A line that a name had better not cross.

    Attributes:
        stroke: The line.
        price: What crossing it costs.
    """

    stroke: Stroke
    price: float


class Leader(NamedTuple):
    """A line from a point to its name.

    Attributes:
        stroke: The line; None where the name is near enough.
        price: What it costs before anything is crossed.
    """

    stroke: Stroke | None = None
    price: float = 0


NO_LEADER = Leader()
_MARK_CROSSED = 20
"""What a leader costs that goes through a mark."""


class Labels:
    """What lies in a plot already, so that each name finds a place of its own.

    Attributes:
        box: The plot.
        texts: Boxes of names.
        marks: Boxes of marks.
        leaders: Lines from points to their names.
        lines: Lines that may be crossed, at a price.
        points: Middles of marks that names belong to.
    """

    def __init__(self, box: Box) -> None:
        self.box = box
        self.texts: list[Box] = []
        self.marks: list[Box] = []
        self.leaders: list[Stroke] = []
        self.lines: list[Crossing] = []
        self.points: list[Place] = []

    def free(self, boxes: Sequence[Box]) -> bool:
        """Tell whether text in these boxes covers no other text, mark or leader."""
        return (
            all(box.inside(self.box) for box in boxes)
            and not any(box.meets(other) for box in boxes for other in self.texts + self.marks)
            and not any(stroke.crosses(box) for box in boxes for stroke in self.leaders)
        )

    def crossed(self, boxes: Sequence[Box], own: Stroke | None = None) -> float:
        """Add up what crossing lines costs.

        Slices of a slope are too coarse to be told from the line they name, ``own``.
        """
        return sum(
            line.price
            for line in self.lines
            if line.stroke is not own and any(line.stroke.crosses(box) for box in boxes)
        )

    def led(self, leader: Leader) -> float:
        """Price a leader; infinite if it would cross text."""
        if leader.stroke is None:
            return leader.price
        if any(leader.stroke.crosses(box) for box in self.texts):
            return math.inf
        crossed = sum(leader.stroke.crosses(box) for box in self.marks)
        return leader.price + _MARK_CROSSED * crossed

    def cheapest(
        self,
        spots: Iterable[Spot],
        *,
        below: float = math.inf,
        own: Stroke | None = None,
        lead: Callable[[Spot], Leader] | None = None,
    ) -> tuple[Spot, Leader] | None:
        """Find the cheapest free spot.

        Args:
            spots: To choose from; of equal ones the first wins.
            below: What it must not cost.
            own: The line that is named, which may be crossed.
            lead: Makes the leader to a spot.
        """
        best = None
        for spot in spots:
            if spot.price >= below or not self.free(spot.boxes):
                continue
            leader = lead(spot) if lead else NO_LEADER
            price = self.crossed(spot.boxes, own) + self.led(leader) + spot.price
            if price < below:
                below, best = price, (spot, leader)
        return best

    def put(self, page: Page, text: str, lettering: Lettering, chosen: Spot) -> None:
        """Put a name down at a spot."""
        page.words(chosen.anchor, text, lettering._replace(side=chosen.side))
        self.texts += chosen.boxes


def led_to(place: Place, radius: float, box: Box) -> Stroke:
    """Join a point's rim to its name."""
    near = box.nearest(*place)
    part = min(1, radius / (math.dist(place, near) or 1))
    rim = place[0] + (near[0] - place[0]) * part, place[1] + (near[1] - place[1]) * part
    return Stroke(rim, near)


class Around(NamedTuple):
    """Spots around a point, near ones first.

    Attributes:
        place: The point.
        radius: Of its mark.
        gaps: Between mark and name, each also the price.
        turns: Directions.
        askew: Price of a name that is neither beside, above nor below the point.
    """

    place: Place
    radius: float
    gaps: tuple[float, ...]
    turns: int
    askew: float = 0

    def spots(self, wide: float, tall: float) -> Iterator[Spot]:
        """List the spots of a text of that size."""
        x, y = self.place
        for gap, turn in product(self.gaps, range(self.turns)):
            angle = turn * math.pi / (self.turns // 2)
            ahead, down = math.cos(angle), math.sin(angle)
            middle = (
                x + (self.radius + gap + wide / 2 * abs(ahead)) * ahead,
                y + (self.radius + gap + tall / 2 - 2) * down,
            )
            box = Box.around(middle, wide / 2 + 2, tall / 2)
            anchor, side = self._anchor(box)
            askew = self.askew if turn % (self.turns // 4) else 0
            yield Spot((box,), anchor, side, gap + askew)

    def _anchor(self, box: Box) -> tuple[Place, Side]:
        """Let text grow away from the point: in another font it may be narrower."""
        x, bottom = self.place[0], box.bottom - 4
        if box.right <= x:
            return (box.right - 2, bottom), "right"
        if box.left >= x:
            return (box.left + 2, bottom), "left"
        return (box.middle[0], bottom), "center"


class Along(NamedTuple):
    """Spots along a line: of a level one from its end, of a rising one from its beginning.

    Attributes:
        line: From left to right.
    """

    line: Stroke

    @property
    def tilt(self) -> float:
        """Compute its slope in radians, counter-clockwise."""
        (x, y), (to_x, to_y) = self.line
        return math.atan2(y - to_y, to_x - x)

    def spots(self, wide: float) -> Iterator[Spot]:
        """List the spots of a small text of that width; above a level line first, then below."""
        level, step = self.tilt == 0, 6
        ends = int(math.dist(*self.line) - wide - 4)
        places = [float(place) for place in range(4, ends, step)]
        for above, price in ((8, 0), (-14, 30)) if level else ((5, 0),):
            for rank, place in enumerate(reversed(places) if level else places):
                anchor = self._off(self.line.start, place, above)
                yield Spot(self._slices(anchor, wide), anchor, "left", price + rank / 10)

    def _off(self, place: Place, along: float, above: float) -> Place:
        """Find the place that is so far along the line and so far above it."""
        cos, sin = math.cos(self.tilt), math.sin(self.tilt)
        return place[0] + along * cos - above * sin, place[1] - along * sin - above * cos

    def _slices(self, anchor: Place, wide: float) -> list[Box]:
        """Cover a line of small text with boxes."""
        tall, below = 10.0, 3.0
        pieces = 1 if self.tilt == 0 else max(1, math.ceil(wide / 8))
        slices = []
        for piece in range(pieces):
            corners = [
                self._off(anchor, wide * (piece + more) / pieces, height)
                for more, height in product((0, 1), (-below, tall))
            ]
            xs, ys = zip(*corners, strict=True)
            slices.append(Box(min(xs) - 1, min(ys) - 1, max(xs) + 1, max(ys) + 1))
        return slices
