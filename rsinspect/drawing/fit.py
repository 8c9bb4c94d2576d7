"""A figure laid out for a place: what stands beside what, so that no type is smaller than 8 points.

A picture of any size can be scaled to a column of a journal, and nobody can read it there. So a
figure with a size is arranged anew: Graphviz lays out each arrangement that could do, in type of 8
points, and one that fits is enlarged to fill the place. What cannot fit is refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

from rsinspect.base.errors import PictureTooLarge
from rsinspect.base.words import Option, advice
from rsinspect.drawing.arrangement import DENSE, OPEN, Arrangement, height_pt, width_pt
from rsinspect.drawing.scene import Scene
from rsinspect.drawing.size import POINTS, Size

LEAST_TYPE_PT = DENSE.small
PAGE_PT = 842.0
"""Height of a sheet of A4: what a figure of a given width may have."""

SHORT = 3
"""Panels that may stand below each other, a table among them."""

HOPE = 1.6
"""How much larger than a place a picture is, by estimate, that is tried all the same."""

LARGEST_ZOOM = OPEN.text / DENSE.text
"""Of a figure of a given width; one for a box, such as a slide, fills it."""

LEAST_NODE_PT2 = 2500.0
"""Area of the smallest node with its arrow, in square points: no layout is tried without hope."""

MOST_COLUMNS = 8
MOST_TRIED = 3
"""Arrangements that are tried with title and caption, the best ones."""

MARGINS_PT = 20.0
"""Of title and caption, both sides together."""

TALL = 1.5
"""How much taller than wide a figure of a given width had better not be."""

Extent = tuple[float, float]
"""Width and height in points."""

Measure = Callable[[Scene, Arrangement], Extent]
"""Lays a picture out and tells how large it comes."""


class Fitted(NamedTuple):
    """A picture for a place.

    Attributes:
        scene: In the direction that fits.
        arranged: How it is arranged.
        page: Width and height of the file, in points.
        zoom: How much it is enlarged.
    """

    scene: Scene
    arranged: Arrangement
    page: Extent
    zoom: float

    @property
    def viewport(self) -> str:
        """Write page and zoom as Graphviz takes them; the picture stands in the middle."""
        return f"{self.page[0]:.2f},{self.page[1]:.2f},{self.zoom:.4f}"


def fitted(scene: Scene, size: Size, measure: Measure) -> Fitted:
    """Arrange a scene for a place; of several diagrams those stay that are worth most.

    Args:
        scene: What to show.
        size: Of the place.
        measure: Lays out an arrangement of the scene.

    Raises:
        PictureTooLarge: If no arrangement fits with type of 8 points; the hint says what would.
    """
    height = size.height_pt or PAGE_PT
    smaller = list(_smaller(scene))
    hopeful = [each for each in smaller if _area_pt2(each) <= HOPE * size.width_pt * height]
    for each in hopeful[:-1]:
        try:
            return _fitted(each, size, measure)
        except PictureTooLarge:
            continue
    return _fitted((hopeful or smaller)[-1], size, measure)


def _smaller(scene: Scene) -> Iterator[Scene]:
    """List a scene, and what is left when the diagram that is worth least is left out, and so on.

    What is left out is said.
    """
    yield scene
    caption, left_out = scene.caption, []
    while droppable := [panel for panel in scene.panels if panel.worth is not None]:
        least = min(droppable, key=lambda panel: panel.worth or 0)
        left_out.append(least.title.partition(", here ")[2] or least.title.lower())
        said = f"{caption} Not drawn for want of room: {', '.join(left_out)}." if caption else ""
        panels = tuple(panel for panel in scene.panels if panel is not least)
        scene = replace(scene, panels=panels, caption=said)
        yield scene


def _area_pt2(scene: Scene) -> float:
    """Estimate the area of diagrams that may be left out, in type of 8 points; 0 of others."""
    if not any(panel.worth is not None for panel in scene.panels):
        return 0.0
    drawn = [panel for panel in scene.panels if panel.grid is None]
    scale = (DENSE.text / OPEN.text) ** 2
    return sum(width_pt(panel) * height_pt(panel) for panel in drawn) * scale


def _fitted(scene: Scene, size: Size, measure: Measure) -> Fitted:
    """Arrange a scene for a place with all that it has."""
    height = size.height_pt or PAGE_PT
    shown = [n for panel in scene.panels for n in panel.walk(deep=False) if not n.open]
    if len(shown) * LEAST_NODE_PT2 > size.width_pt * height:
        raise _too_large(scene, size, "", bare=False)
    turned = replace(scene, direction="LR" if scene.direction == "TB" else "TB")
    several = any(panel.worth is not None for panel in scene.panels)
    extents: list[Extent] = []
    bare_fits = False
    for way in (scene,) if several else (scene, turned):
        tried = [
            (measure(way, replace(arranged, bare=True)), arranged)
            for arranged in _arrangements(way, size.width_pt / height)
        ]
        tried.sort(key=lambda pair: _rank(pair[0], size))
        bare_fits = bare_fits or any(_zoom(bare, size) >= 1 for bare, _ in tried)
        fits = []
        for bare, arranged in tried[:MOST_TRIED]:
            enlarged = size.width_pt / max(1.0, _zoom(bare, size))
            room = max(bare[0], min(enlarged, 2 * bare[0]))
            for across in dict.fromkeys((room, max(room, size.width_pt))):
                full = replace(arranged, room_pt=across - MARGINS_PT)
                extent = measure(way, full)
                zoom = _zoom(extent, size)
                page = (size.width_pt, size.height_pt or extent[1] * zoom)
                extents.append(extent)
                if zoom >= 1:
                    fits.append(Fitted(way, full, page, zoom))
                    break
        if fits:
            return max(fits, key=lambda fit: fit.zoom) if size.height_pt else fits[0]
    raise _too_large(scene, size, _enough(size, extents), bare=bare_fits)


def _arrangements(scene: Scene, aspect: float) -> Iterator[Arrangement]:
    """List arrangements that could do in a place of that shape, those with fewer columns first."""
    if any(panel.worth is not None for panel in scene.panels):
        for factor in (1.0, 1.5, 0.6):
            yield Arrangement(type=DENSE, aspect=aspect * factor)
        if len(scene.panels) <= SHORT:
            yield Arrangement(type=DENSE, beside="stack")
    if any(panel.grid is not None for panel in scene.panels):
        for beside in ("columns", "pair", "stack"):
            yield Arrangement(type=DENSE, beside=beside)
        return
    split = any(len(n.parts) > 1 for panel in scene.panels for n in panel.walk(deep=False))
    for across in (True, False) if split else (True,):
        for columns in range(1, MOST_COLUMNS + 1):
            yield Arrangement(type=DENSE, across=across, columns=columns)


def _zoom(extent: Extent, size: Size) -> float:
    """Compute how much a picture can be enlarged in its place; below 1 it does not fit."""
    width, height = extent
    if size.height_pt is not None:
        return min(size.width_pt / width, size.height_pt / height)
    return min(size.width_pt / width, PAGE_PT / height, LARGEST_ZOOM)


def _rank(extent: Extent, size: Size) -> tuple[bool, bool, float]:
    """Order arrangements: those that fit, for a width those that are not too tall, the largest."""
    zoom = _zoom(extent, size)
    tall = size.height_pt is None and extent[1] > TALL * extent[0]
    return (zoom < 1, tall, -zoom)


def _too_large(scene: Scene, size: Size, enough: str, *, bare: bool) -> PictureTooLarge:
    """Say what does not fit, and what would."""
    compared = len(scene.panels) == 2 and not any(panel.grid for panel in scene.panels)
    what = "a comparison" if compared else f"the view {scene.view}"
    hints: list[tuple[str, Option]] = []
    if enough:
        hints.append(("{} would do", Option("size", enough)))
    if fewer := {"layers": "blocks", "blocks": "stages", "figure6": "stages"}.get(scene.view):
        hints.append(("{} shows less", Option("view", fewer)))
    if bare and scene.caption:
        hints.append(("{} leaves the small print out", Option("caption", False)))
    return PictureTooLarge(
        f"{what} of {scene.name} does not fit {size.text} with type of {LEAST_TYPE_PT:g} pt",
        advice("; ".join(words for words, _ in hints), *(option for _, option in hints)),
    )


def _enough(size: Size, tried: list[Extent]) -> str:
    """Write the least size of that kind that something tried would fit."""
    unit = "mm" if size.unit == "pt" or size.text.count(":") else size.unit
    step = 0.1 if unit in ("cm", "in") else 1

    def rounded(pt: float) -> str:
        return f"{math.ceil(pt / POINTS[unit] / step) * step:g}"

    if size.height_pt is None:
        widths = [width for width, height in tried if height <= PAGE_PT]
        return f"{rounded(min(widths) + 2)}{unit}" if widths else ""
    if not tried:
        return ""
    larger = 1.02 / max(_zoom(extent, size) for extent in tried)
    return f"{rounded(size.width_pt * larger)}x{rounded(size.height_pt * larger)}{unit}"
