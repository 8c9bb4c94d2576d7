"""Text of a terminal in pieces, as Rich has it: the characters it may use, wrapping and heat."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rsinspect.base.cells import bar, in_ascii
from rsinspect.base.text import printable
from rsinspect.drawing.scene import EdgeKind, Heat, Role
from rsinspect.drawing.strokes import STROKES
from rsinspect.drawing.theme import LIGHT, text_on

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

BAR_WIDTH = 10

STYLES: dict[Role, str] = {
    "input": "bright_black",
    "stem": "bright_blue",
    "stage": "yellow",
    "head": "green",
}
"""Borders, in the terminal's own colours: they suit its background, whichever it is."""


class Glyphs:
    """The characters of lanes and boxes."""

    def __init__(self, ascii_only: bool) -> None:
        self.ascii = ascii_only
        self.lane: dict[EdgeKind, str] = {
            kind: stroke.lane[ascii_only] for kind, stroke in STROKES.items()
        }
        self.across, self.cross = "-+" if ascii_only else "─┼"
        self.node, self.arrow, self.full = "ov#" if ascii_only else "●▼█"
        self.leave_right, self.leave_left = ("+", "+") if ascii_only else ("├", "┤")
        self.begin_right, self.begin_left = (".", ".") if ascii_only else ("╮", "╭")
        self.end_right, self.end_left = ("'", "'") if ascii_only else ("╯", "╰")

    def words(self, text: str) -> str:
        """Clean text of characters that move the cursor; write it in ASCII on request."""
        safe = printable(text, kept="")
        return in_ascii(safe) if self.ascii else safe


class Letters:
    """Makes text for one console."""

    def __init__(self, console: Console, glyphs: Glyphs) -> None:
        self.console = console
        self.glyphs = glyphs

    def text(self, words: str = "", style: str = "") -> Text:
        """Make a piece of text whose style ends with it."""
        from rich.text import Text

        return Text().append(self.glyphs.words(words), style)

    def wrap(self, text: Text, width: int) -> list[Text]:
        """Wrap text to that width, into at least one line."""
        lines = list(text.wrap(self.console, max(width, 8), overflow="fold"))
        for line in lines:
            line.rstrip()
        return lines or [text]

    def wrapped(self, texts: Iterable[Text], width: int) -> list[Text]:
        """Wrap several texts, one after the other."""
        return [line for text in texts for line in self.wrap(text, width)]

    def heat(self, heat: Heat, width: int) -> Text:
        """Draw a bar as long as the value, and the value on its colour."""
        drawn = bar(heat.part, width, ascii_only=self.glyphs.ascii) if width else ""
        text = self.text(drawn + " " * bool(width))
        return text.append_text(self.text(heat.text, on_heat(heat)))


def on_heat(heat: Heat) -> str:
    """Style text on the colour of a heat."""
    fill = LIGHT.heat_of(heat)
    return f"{text_on(fill)} on {fill}"


def breadth(lines: list[Text]) -> int:
    """Measure the longest line, in columns."""
    return max((line.cell_len for line in lines), default=0)
