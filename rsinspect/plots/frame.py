"""What stands around a plot: its title, the lines below it, the key and the foot of the page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from rsinspect.drawing.theme import Theme
from rsinspect.plots.page import MARGIN, Box, Dot, Lettering, Page, Pen, Place
from rsinspect.plots.sheet import README, Sheet
from rsinspect.plots.text import LEADING, POINT, SMALL, TEXT, TITLE, broken, cut, text_width

_TITLE_AT, _HEAD = 30, 34  # the title stands on the first; the lines below it begin at the second
_TO_KEY, _KEY_ROW = 24, 16.0
_LAST, _BELOW = 14, 18  # below the lines of the foot, without and with their descenders
_TITLE_ROW = 20
_NAME = 300  # pixels of a name in the key, at most


class Sign(Protocol):
    """Something that a plot shows, and that draws a sample of itself for the key."""

    @property
    def width(self) -> float:
        """Return the width of the sample in pixels."""

    def draw(self, page: Page, place: Place) -> None:
        """Draw a sample.

        Args:
            page: Where to.
            place: The middle of its left edge.
        """


@dataclass(frozen=True, slots=True)
class Swatch:
    """The colour of a bar."""

    fill: str
    width: float = 18

    def draw(self, page: Page, place: Place) -> None:
        """Draw a small bar."""
        x, y = place
        page.bar(Box(x, y - 5, x + self.width, y + 5), self.fill, page.theme.line)


@dataclass(frozen=True, slots=True)
class Dots:
    """Many marks of one kind."""

    dot: Dot
    width: float = 18

    def draw(self, page: Page, place: Place) -> None:
        """Draw three of them."""
        x, y = place
        each = self.width / 6
        page.marks([(x + each, y - 2), (x + 3 * each, y + 2), (x + 5 * each, y - 1)], self.dot)


@dataclass(frozen=True, slots=True)
class Single:
    """A mark that stands alone."""

    dot: Dot
    width: float = 18

    def draw(self, page: Page, place: Place) -> None:
        """Draw one."""
        x, y = place
        page.marks([(x + self.width / 2, y)], self.dot)


@dataclass(frozen=True, slots=True)
class Interval:
    """The 95 % interval of a number."""

    width: float = 18

    def draw(self, page: Page, place: Place) -> None:
        """Draw a short one."""
        self.between(page, place[0] + 2, place[0] + self.width - 2, place[1])

    @staticmethod
    def between(page: Page, low: float, high: float, y: float) -> None:
        """Draw an error bar, with a rim of paper around it."""
        for colour, width, grown in ((page.theme.paper, 3.4, 1.2), (page.theme.ink, 1.3, 0)):
            pen = Pen(colour, width, rank=6 if grown else 7)
            page.line([(low - grown, y), (high + grown, y)], pen)
            for end in (low, high):
                page.line([(end, y - 4 - grown), (end, y + 4 + grown)], pen)


class Entry(NamedTuple):
    """A line of the key.

    Attributes:
        sign: What is shown.
        text: What it means.
    """

    sign: Sign
    text: str

    @property
    def step(self) -> float:
        """Measure the pixels to the next entry of the row."""
        return self.sign.width + 6 + text_width(self.text, SMALL) + 18


@dataclass(frozen=True, slots=True)
class Frame:
    """A title, lines below it, a key and a foot, cut and broken to fit the page.

    Attributes:
        title: Lines of large type.
        below: Lines below the title.
        key: Rows of entries.
        foot: Lines at the bottom.
        sheet: What it is for.
    """

    title: tuple[str, ...]
    below: tuple[str, ...]
    key: tuple[tuple[Entry, ...], ...]
    foot: tuple[str, ...]
    sheet: Sheet = README

    @classmethod
    def of(
        cls,
        title: str,
        below: Iterable[str],
        key: Iterable[Entry],
        foot: Iterable[str],
        sheet: Sheet = README,
    ) -> Frame:
        """Fit texts of any length to the page."""
        room, title = sheet.room, sheet.named(title)
        named = broken(title, room, TITLE, bold=True) if sheet.size else []
        entries = (Entry(sign, cut(text, min(_NAME, room - 40), SMALL)) for sign, text in key)
        return cls(
            tuple(named[:2]) if named else (cut(title, room, TITLE, bold=True),),
            tuple(line for text in below if text for line in broken(text, room, TEXT)),
            _rows(entries, room),
            tuple(line for text in (foot if sheet.caption else ()) for line in broken(text, room)),
            sheet,
        )

    @property
    def _head(self) -> float:
        return _HEAD + (len(self.title) - 1) * _TITLE_ROW - (_TITLE_AT - 8) * (not any(self.title))

    @property
    def below_plot(self) -> float:
        """Return the pixels below the plot and its axis."""
        return len(self.foot) * SMALL * POINT * LEADING + _BELOW

    @property
    def _key_at(self) -> float:
        return self._head + len(self.below) * TEXT * POINT * LEADING + _TO_KEY

    @property
    def top(self) -> float:
        """Return the top of the plot."""
        return self._key_at + len(self.key) * _KEY_ROW

    def page(self, bottom: float, theme: Theme) -> Page:
        """Make the page of a plot that ends at ``bottom``, with all but the plot on it."""
        height = bottom + self.below_plot
        page = Page.blank(height, theme, self.sheet.width)
        for index, line in enumerate(self.title):
            at = (MARGIN, _TITLE_AT + index * _TITLE_ROW)
            page.words(at, line, Lettering(TITLE, bold=True))
        for index, line in enumerate(self.below, 1):
            y = self._head + index * TEXT * POINT * LEADING
            page.words((MARGIN, y), line, Lettering(colour=theme.muted))
        for index, line in enumerate(reversed(self.foot)):
            page.remark((MARGIN, height - _LAST - index * SMALL * POINT * LEADING), line)
        for index, row in enumerate(self.key):
            x, y = float(MARGIN), self._key_at + index * _KEY_ROW
            for entry in row:
                entry.sign.draw(page, (x, y - 3.5))
                page.remark((x + entry.sign.width + 6, y), entry.text)
                x += entry.step
        return page


def _rows(entries: Iterable[Entry], room: float) -> tuple[tuple[Entry, ...], ...]:
    """Put the entries in rows that are no wider than the page."""
    rows: list[list[Entry]] = []
    left = 0.0
    for entry in entries:
        if not rows or left + entry.step > room:
            rows.append([])
            left = 0.0
        rows[-1].append(entry)
        left += entry.step
    return tuple(map(tuple, rows))
