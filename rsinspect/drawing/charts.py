"""A chart as SVG, PDF or PNG, on a page of ``drawing.canvas``.

Series are told apart three times, by colour (after Okabe and Ito 2008), by mark and by line: a grey
print and any colour vision will do. A point is named beside it, where there is room that no
other name, mark or line has taken; the foot of the page counts the names that found none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rsinspect.answers.chart import Axis, Chart, Panel, Series
from rsinspect.base.units import binary_bytes
from rsinspect.drawing.canvas import (
    LEADING,
    MARGIN,
    POINT,
    SMALL,
    TEXT,
    TITLE,
    WIDTH,
    Box,
    Labels,
    Page,
    broken,
    check_plot,
    cut,
    file_content,
    log_ticks,
    mixed,
    pen,
    short,
    text_width,
)
from rsinspect.drawing.theme import THEMES, Theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TALL = 400
_GAP = 26  # between panels
_MARK = 7.0
_MARKS = ("o", "s", "^", "D", "v", "P", "X", "p")
_ON_LIGHT = (
    "#0072b2", "#b34e00", "#00735c", "#8f4a76", "#8a6100", "#1b6d9c", "#444444", "#9c1f1f",
)  # fmt: skip
_ON_DARK = (
    "#56b4e9", "#f0a05a", "#3fcfa4", "#dd9ec2", "#e8c04a", "#9ad4f5", "#d0d0d0", "#f58a8a",
)  # fmt: skip
_GREYS = ("#000000", "#6e6e6e", "#303030", "#8a8a8a")
_STYLES = {"solid": "-", "dashed": "--"}
_KEY = 16.0


def chart_file(chart: Chart, path: Path, theme: str) -> bytes:
    """The chart as a file's content.

    Args:
        chart: What to show.
        path: Its suffix names the format, ``.svg``, ``.pdf`` or ``.png``; nothing is written there.
        theme: Of ``drawing.theme.THEMES``.

    Raises:
        UnknownPicture: If suffix or theme is unknown.
    """
    check_plot(path, theme)
    return file_content(chart_figure(chart, theme), path, chart.title)


def chart_figure(chart: Chart, theme: str) -> Figure:
    """The chart, laid out; ``chart_file`` makes a file of it.

    Args:
        chart: What to show.
        theme: Of ``drawing.theme.THEMES``.
    """
    with pen():
        page, unnamed = _drawn(chart, THEMES[theme], 0)
        return _drawn(chart, THEMES[theme], unnamed)[0].figure if unnamed else page.figure


class _Look(NamedTuple):
    """How a series is drawn."""

    colour: str
    mark: str
    hollow: bool


def _looks(chart: Chart, theme: Theme) -> dict[str, _Look]:
    """Look of every series that is not faint, by name; the same in all panels."""
    palette = _GREYS if theme.name == "print" else _ON_DARK if theme.name == "dark" else _ON_LIGHT
    named = {s.name: s for panel in chart.panels for s in panel.series if not s.faint}
    groups = list(dict.fromkeys(s.group or s.name for s in named.values()))
    return {
        name: _Look(
            palette[(index := groups.index(series.group or name)) % len(palette)],
            _MARKS[index % len(_MARKS)],
            series.line == "dashed",
        )
        for name, series in named.items()
    }


@dataclass(frozen=True, slots=True)
class _Span:
    """Values of an axis and the pixels they lie at."""

    axis: Axis
    low: float
    high: float
    start: float
    end: float

    @classmethod
    def of(cls, axis: Axis, values: Sequence[float], start: float, end: float) -> _Span:
        """A span with some room around the values; around none, from 0 (or 1) on."""
        values = [v for v in values if v > 0] if axis.log else list(values)
        if not values:
            return cls(axis, 1.0 if axis.log else 0.0, 10.0, start, end)
        low, high = min(values), max(values)
        if axis.log:
            room = max((high / low) ** 0.07, 1.08)
            return cls(axis, low / room, high * room, start, end)
        room = (high - low) * 0.07 or abs(high) * 0.1 or 1.0
        floor = 0.0 if low >= 0 else -math.inf  # a quantity that is never negative starts at zero
        return cls(axis, max(low - room, floor), high + room, start, end)

    def at(self, value: float) -> float:
        if self.axis.log:
            part = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            part = (value - self.low) / (self.high - self.low)
        return self.start + (self.end - self.start) * part

    def ticks(self) -> list[tuple[float, str]]:
        """Round values and their text; a minor tick of a logarithm has none."""
        if self.axis.log and self.axis.kind == "bytes":
            low, high = math.ceil(math.log2(self.low)), math.floor(math.log2(self.high))
            step = max(1, -(-(high - low) // 8))
            return [(2.0**k, self._text(2.0**k)) for k in range(low, high + 1, step)]
        if self.axis.log and self.high / self.low >= 3:
            marks = log_ticks(self.low, self.high)
            return [(tick, self._text(tick) if named else "") for tick, named in marks]
        from matplotlib.ticker import MaxNLocator

        steps = [1, 2, 4, 8, 10] if self.axis.kind == "bytes" else [1, 2, 2.5, 5, 10]
        found = MaxNLocator(nbins=6, steps=steps).tick_values(self.low, self.high)
        return [(float(t), self._text(float(t))) for t in found if self.low <= t <= self.high]

    def _text(self, value: float) -> str:
        match self.axis.kind:
            case "count" | "integer":
                return short(value) if value >= 1 else f"{value:g}"
            case "bytes":
                return binary_bytes(round(value))
            case "seconds":
                return f"{value:g} s" if value >= 1 or value == 0 else f"{value * 1e3:g} ms"
            case "share" | "percent":
                return f"{value * 100:g} %"
            case _:
                return f"{value:.10g}"


def _drawn(chart: Chart, theme: Theme, unnamed: int) -> tuple[Page, int]:
    """The page, and how many points found no room for their name."""
    room = WIDTH - 2 * MARGIN
    looks = _looks(chart, theme)
    below = broken(chart.subtitle, room, TEXT) if chart.subtitle else []
    notes = [*chart.notes, *([f"Without a name for want of room: {unnamed}."] if unnamed else [])]
    foot = [line for note in notes for line in broken(note, room)]
    keys = _key_rows(chart, room)
    y_keys = 34 + len(below) * TEXT * POINT * LEADING + 24
    top = y_keys + len(keys) * _KEY + (34 if len(chart.panels) > 1 else 22)
    bottom = top + _TALL
    height = bottom + 48 + len(foot) * SMALL * POINT * LEADING + 18

    page = Page.blank(height, theme)
    title = cut(chart.title, room, TITLE, bold=True)
    page.words(MARGIN, 30, title, size=TITLE, bold=True)
    for index, line in enumerate(below, 1):
        page.words(MARGIN, 34 + index * TEXT * POINT * LEADING, line, colour=theme.muted)
    for index, line in enumerate(reversed(foot)):
        y = height - 14 - index * SMALL * POINT * LEADING
        page.words(MARGIN, y, line, size=SMALL, colour=theme.muted)
    for index, row in enumerate(keys):
        _key(page, y_keys + index * _KEY, row, looks)

    points = [p for panel in chart.panels for s in panel.series for p in s.points]
    up = _Span.of(chart.y, [p.y for p in points], bottom, top)
    left = MARGIN + 12 + max((text_width(text, SMALL) for _, text in up.ticks()), default=20)
    page.words(MARGIN, top - 10, cut(chart.y.label, room, SMALL), size=SMALL, colour=theme.muted)
    each = (WIDTH - MARGIN - left - _GAP * (len(chart.panels) - 1)) / max(1, len(chart.panels))
    missed = 0
    for index, panel in enumerate(chart.panels):
        start = left + index * (each + _GAP)
        across = _Span.of(chart.x, [p.x for p in points], start, start + each)
        box = Box(start, top, start + each, bottom)
        _axes(page, box, across, up, first=index == 0)
        if panel.title:
            page.words(
                box.right, top - 10, cut(panel.title, each * 0.6, TEXT, bold=True), side="right",
                bold=True,
            )  # fmt: skip
        missed += _panel(page, panel, box, across, up, looks)
    label = cut(chart.x.label, room, SMALL)
    page.words((left + WIDTH - MARGIN) / 2, bottom + 38, label, size=SMALL, colour=theme.muted,
               side="center")  # fmt: skip
    if not points:
        page.words((left + WIDTH - MARGIN) / 2, (top + bottom) / 2, "no points", side="center",
                   colour=theme.muted)  # fmt: skip
    return page, missed


def _axes(page: Page, box: Box, across: _Span, up: _Span, *, first: bool) -> None:
    theme = page.theme
    faint = mixed(theme.paper, theme.line, 0.32)
    taken = -math.inf
    for tick, text in across.ticks():
        x = across.at(tick)
        wide = text_width(text, SMALL)
        shown = bool(text) and x - wide / 2 > taken + 6
        page.line((x, x), (box.top, box.bottom) if text else (box.bottom, box.bottom + 4),
                  faint if text else theme.line, 0.7, rank=1)  # fmt: skip
        if shown:
            page.words(x, box.bottom + 18, text, size=SMALL, colour=theme.muted, side="center")
            taken = x + wide / 2
    for tick, text in up.ticks():
        y = up.at(tick)
        page.line((box.left, box.right) if text else (box.left - 4, box.left), (y, y),
                  faint if text else theme.line, 0.7, rank=1)  # fmt: skip
        if text and first:
            page.words(box.left - 8, y + 4, text, size=SMALL, colour=theme.muted, side="right")
    page.line((box.left, box.left, box.right), (box.top, box.bottom, box.bottom), theme.line, 1)


def _panel(
    page: Page, panel: Panel, box: Box, across: _Span, up: _Span, looks: dict[str, _Look]
) -> int:
    """Series and names; returns how many names found no room."""
    theme = page.theme
    labels = Labels(box)
    named: list[tuple[float, float, str]] = []
    for series in sorted(panel.series, key=lambda s: not s.faint):
        places = [
            (across.at(p.x), up.at(p.y))
            for p in series.points
            if not (across.axis.log and p.x <= 0) and not (up.axis.log and p.y <= 0)
        ]
        if not places:
            continue
        xs, ys = zip(*places, strict=True)
        if series.faint:
            grey = mixed(theme.paper, theme.muted, 0.55)
            page.marks(xs, ys, "o", 3, fill=grey, alpha=0.6, rank=3)
            continue
        look = looks[series.name]
        if series.line != "none":
            page.line(xs, ys, look.colour, 1.3, _STYLES[series.line], rank=4)
            labels.roofs += pairwise(places)
        fill = theme.paper if look.hollow else look.colour
        page.marks(xs, ys, look.mark, _MARK, fill=fill, edge=look.colour, rank=5)
        half = _MARK / 2 + 1
        labels.marks += [Box(x - half, y - half, x + half, y + half) for x, y in places]
        named += [
            (x, y, point.label)
            for (x, y), point in zip(places, series.points, strict=False)
            if point.label
        ]
    over = any(series.faint for series in panel.series)
    return sum(not _name(page, labels, *each, over) for each in dict.fromkeys(named))


def _name(page: Page, labels: Labels, x: float, y: float, text: str, over: bool) -> bool:
    """Put a name beside its point, where there is room; ``over`` hides faint points below it."""
    text = cut(text, 180, SMALL)
    wide = text_width(text, SMALL)
    best, chosen = 60.0, None
    for gap, turn in product((3, 7, 12, 18), range(16)):
        ahead, down = math.cos(turn * math.pi / 8), math.sin(turn * math.pi / 8)
        middle_x = x + (_MARK / 2 + gap + wide / 2 * abs(ahead)) * ahead
        middle_y = y + (_MARK / 2 + gap + 5) * down
        place = Box(middle_x - wide / 2 - 2, middle_y - 7, middle_x + wide / 2 + 2, middle_y + 7)
        cost = labels.cost([place]) + gap + (0 if turn % 4 == 0 else 2)
        if cost < best:
            best, chosen = cost, place
    if chosen is None:
        return False
    place = chosen
    side = "right" if place.right <= x else "left" if place.left >= x else "center"
    at = {"right": place.right - 2, "left": place.left + 2}.get(
        side, (place.left + place.right) / 2
    )
    page.words(at, place.bottom - 4, text, size=SMALL, side=side, over=over)  # type: ignore[arg-type]
    labels.texts.append(place)
    return True


def _key_rows(chart: Chart, room: float) -> list[list[Series]]:
    """Series in rows that are no wider than the page; one series alone needs no key."""
    named = {s.name: s for panel in chart.panels for s in panel.series}
    rows: list[list[Series]] = []
    left = 0.0
    for series in named.values() if len(named) > 1 else ():
        wide = _key_width(series)
        if not rows or left + wide > room:
            rows.append([])
            left = 0.0
        rows[-1].append(series)
        left += wide
    return rows


def _key_width(series: Series) -> float:
    return 32 + text_width(cut(series.name, 300, SMALL), SMALL) + 18


def _key(page: Page, y: float, row: Iterable[Series], looks: dict[str, _Look]) -> None:
    x, theme = float(MARGIN), page.theme
    for series in row:
        middle = y - 3.5
        if series.faint:
            page.marks((x + 5, x + 12, x + 19), (middle - 2, middle + 2, middle - 1), "o", 3,
                       fill=mixed(theme.paper, theme.muted, 0.55), alpha=0.6)  # fmt: skip
        else:
            look = looks[series.name]
            if series.line != "none":
                style = _STYLES[series.line]
                page.line((x, x + 26), (middle, middle), look.colour, 1.3, style)
            fill = theme.paper if look.hollow else look.colour
            page.marks((x + 13,), (middle,), look.mark, _MARK, fill=fill, edge=look.colour)
        page.words(x + 32, y, cut(series.name, 300, SMALL), size=SMALL, colour=theme.muted)
        x += _key_width(series)
