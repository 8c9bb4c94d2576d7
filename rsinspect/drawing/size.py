"""The place a figure is for: a width, or width and height, in units of a page or a screen."""

from __future__ import annotations

import re
from typing import NamedTuple

from rsinspect.base.errors import UnknownPicture
from rsinspect.base.words import quoted

POINTS: dict[str, float] = {"mm": 72 / 25.4, "cm": 72 / 2.54, "in": 72.0, "pt": 1.0, "px": 0.75}
"""Points in a unit; an inch has 96 pixels, as in CSS."""

_NUMBER, _UNIT = r"(\d{1,5}(?:\.\d{1,4})?)", f"({'|'.join(POINTS)})"
_LENGTH = re.compile(rf"{_NUMBER}\s*{_UNIT}", re.IGNORECASE)
_BOX = re.compile(rf"{_NUMBER}\s*{_UNIT}?\s*[x×]\s*{_NUMBER}\s*{_UNIT}?", re.IGNORECASE)
_RATIO = re.compile(r"(\d{1,2}):(\d{1,2})")

SLIDE_HEIGHT_PT = 540.0
"""Of a slide: 7.5 in, and as wide as its ratio says; 16:9 and 4:3 in PowerPoint and Impress."""

LEAST_PT, MOST_PT = 56.0, 14_400.0
"""2 cm, and what a PDF's page may have (ISO 32000-1, annex C)."""

HINT = "write a width, 84mm, a box, 160x90mm or 1280x720, or a slide's ratio, 16:9"


class Size(NamedTuple):
    """How large a figure is where it is printed or shown.

    Attributes:
        text: As it was written.
        width_pt: In points.
        height_pt: In points; None: as tall as it needs to be.
        unit: It was given in: a key of POINTS.
    """

    text: str
    width_pt: float
    height_pt: float | None
    unit: str

    @property
    def dpi(self) -> int | None:
        """Return the dots per inch of a bitmap whose size is in pixels; None for the usual."""
        return round(72 / POINTS["px"]) if self.unit == "px" else None

    def length(self, pt: float) -> str:
        """Write a length in the unit of the size, as SVG and CSS read it.

        >>> parse_size("84mm").length(72)
        '25.4mm'
        """
        return f"{pt / POINTS[self.unit]:.4f}".rstrip("0").rstrip(".") + self.unit


def parse_size(text: str) -> Size:
    """Read a size.

    Raises:
        UnknownPicture: If it is none, or one that nothing is printed at.

    >>> parse_size("3.5in").width_pt, parse_size("16:9")[1:3], parse_size("1280x720").unit
    (252.0, (960.0, 540.0), 'px')
    """
    written = text.strip()
    if found := _LENGTH.fullmatch(written):
        unit = found[2].lower()
        size = Size(written, float(found[1]) * POINTS[unit], None, unit)
    elif found := _BOX.fullmatch(written):
        last = (found[4] or found[2] or "px").lower()
        first = (found[2] or last).lower()
        width, height = float(found[1]) * POINTS[first], float(found[3]) * POINTS[last]
        size = Size(written, width, height, last)
    elif (found := _RATIO.fullmatch(written)) and "0" not in (found[1], found[2]):
        width = SLIDE_HEIGHT_PT * int(found[1]) / int(found[2])
        size = Size(written, width, SLIDE_HEIGHT_PT, "in")
    else:
        raise UnknownPicture(f"{quoted(text)} is not a size", HINT)
    for length in (size.width_pt, size.height_pt):
        if length is not None and not LEAST_PT <= length <= MOST_PT:
            raise UnknownPicture(f"{written} is not a size of a figure: 2 cm to 5 m a side", HINT)
    return size
