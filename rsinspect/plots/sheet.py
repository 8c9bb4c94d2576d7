"""The place a plot is for: its size, and what it says around the plot.

Type stays as large as it is on a page of a README, 8 points or more: a smaller sheet has a smaller
plot, fewer columns beside it and more lines above it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rsinspect.base.errors import PictureTooLarge
from rsinspect.base.words import Option, advice
from rsinspect.drawing.size import Size
from rsinspect.plots.page import MARGIN, WIDTH
from rsinspect.plots.text import POINT

NARROW = 560
"""Pixels across below which a plot does without what it can do without."""

LEAST_WIDTH, LEAST_TALL = 240, 110
"""Pixels of a sheet across, and of the plot itself from top to bottom."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """Where a plot is printed or shown.

    Attributes:
        size: Of the place; None for the page of a README.
        title: In place of the plot's own; empty for none.
        caption: Whether remarks and sources stand below it.

    Raises:
        PictureTooLarge: If no plot can be read on so narrow a sheet.
    """

    size: Size | None = None
    title: str | None = None
    caption: bool = True

    def __post_init__(self) -> None:
        if self.width < LEAST_WIDTH:
            raise self._too_small()

    @property
    def width(self) -> float:
        """Return the pixels across, at 96 per inch."""
        return WIDTH if self.size is None else self.size.width_pt * POINT

    @property
    def room(self) -> float:
        """Return the pixels across between the margins."""
        return self.width - 2 * MARGIN

    @property
    def narrow(self) -> bool:
        """Tell whether room is short across."""
        return self.width < NARROW

    def tall(self, usual: float, around: float) -> float:
        """Choose how tall the plot itself is, in pixels.

        Args:
            usual: On the page of a README.
            around: Pixels of all that stands above and below it.

        Raises:
            PictureTooLarge: If there is too little left for a plot.
        """
        if self.size is None:
            return usual
        if self.size.height_pt is None:
            return max(200.0, min(usual, 0.7 * self.width))
        left = self.size.height_pt * POINT - around
        if left < LEAST_TALL:
            raise self._too_small()
        return left

    def named(self, title: str) -> str:
        """Choose the title."""
        return title if self.title is None else self.title

    def sized(self, svg: bytes) -> bytes:
        """Write width and height of an SVG in the unit of the size."""
        size = self.size
        if size is None:
            return svg

        def length(found: re.Match[bytes]) -> bytes:
            return b'%s="%s"' % (found[1], size.length(float(found[2])).encode())

        return re.sub(rb'(?<=\s)(width|height)="([\d.]+)pt"', length, svg, count=2)

    @property
    def dpi(self) -> int | None:
        """Return the dots per inch of a bitmap whose size is in pixels; None for the usual."""
        return None if self.size is None else self.size.dpi

    def _too_small(self) -> PictureTooLarge:
        text = "" if self.size is None else self.size.text
        return PictureTooLarge(
            f"a plot does not fit {text} with type of 8 pt",
            advice("{} and {} would do", Option("size", "84mm"), Option("size", "16:9")),
        )


README = Sheet()
"""The page of a README."""
