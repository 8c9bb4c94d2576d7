"""Measure text before it is drawn: its width, where to cut it, where to break it.

Widths are in pixels of a page at 96 per inch, sizes of type in points. Text is set in DejaVu Sans,
which matplotlib ships; a browser without it takes a font that is no wider.
"""

from __future__ import annotations

POINT = 96 / 72
"""Pixels in a point."""

TITLE, TEXT, SMALL = 12.0, 9.0, 8.0  # points
LEADING = 1.42

_PROBE = 256
"""Characters of a long text to measure first."""


def drawable(text: str) -> str:
    """Make a name of any characters one line that every format can hold."""
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in text)


def text_width(text: str, size: float = TEXT, *, bold: bool = False) -> float:
    """Measure a text in pixels."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=size, weight="bold" if bold else "normal")
    return float(text_to_path.get_text_width_height_descent(text, font, False)[0]) * POINT


def _fits(text: str, room: float, size: float, *, bold: bool = False) -> bool:
    """Tell whether a text is no wider than the room; of a long text only its beginning is measured.

    A beginning that is too wide settles it, so no more than about twice the room is measured.
    """
    length = _PROBE
    while length < len(text):
        if text_width(text[:length], size, bold=bold) > room:
            return False
        length *= 2
    return text_width(text, size, bold=bold) <= room


def cut(text: str, room: float, size: float = TEXT, *, bold: bool = False) -> str:
    """Make a text one printable line, with an ellipsis where it is too long."""
    text = drawable(text)
    if _fits(text, room, size, bold=bold):
        return text
    kept, too_long = 0, len(text)  # characters: that many fit before the ellipsis, that many do not
    while too_long - kept > 1:
        middle = min((kept + too_long) // 2, 2 * kept + _PROBE // 4)
        if _fits(text[:middle] + "…", room, size, bold=bold):
            kept = middle
        else:
            too_long = middle
    return text[:kept] + "…"


def broken(text: str, room: float, size: float = SMALL, *, bold: bool = False) -> list[str]:
    """Break a text into lines of at most that many pixels; a word that is longer is cut."""
    lines: list[str] = []
    for word in drawable(text).split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and _fits(longer, room, size, bold=bold):
            lines[-1] = longer
        else:
            lines.append(cut(word, room, size, bold=bold))
    return lines
