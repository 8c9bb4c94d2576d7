"""The latency plot of a run: a bar per segment, with samples, interval, floor and share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from rsinspect.base.errors import PictureTooLarge
from rsinspect.base.units import percent, seconds
from rsinspect.base.words import Option, advice, plural
from rsinspect.drawing.scene import Role
from rsinspect.drawing.theme import THEMES, Theme
from rsinspect.plots.axes import even_ticks, faint
from rsinspect.plots.frame import Dots, Entry, Interval, Single, Swatch
from rsinspect.plots.page import (
    MARGIN,
    Box,
    Dot,
    Lettering,
    Page,
    Pen,
    Place,
    PlotFormat,
    check_plot,
    file_content,
    mixed,
    own_settings,
)
from rsinspect.plots.rows import Row, frame_of, rows_of
from rsinspect.plots.sheet import README, Sheet
from rsinspect.plots.text import SMALL, cut, text_width
from rsinspect.profiling.notes import closure_line
from rsinspect.profiling.record.run import ProfileRun

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_DOTS = 3000
"""Of a plot; with more, every second, third ... round is drawn, and the key says so."""

_LEAST_PITCH = 15  # pixels of a row
_SHARE = 66  # pixels of the largest share


def latency_plot(run: ProfileRun, format: PlotFormat, theme: str, sheet: Sheet = README) -> bytes:
    """Draw the latency of every segment, as a file's content.

    Args:
        run: What was measured.
        format: Of the file.
        theme: Of ``drawing.theme.THEMES``.
        sheet: The place it is for.

    Raises:
        InvalidChoice: If the format or the theme is unknown.
    """
    check_plot(format, theme)
    figure = latency_figure(run, theme, sheet)
    title = sheet.named(f"Latency of {run.title}")
    return sheet.sized(file_content(figure, format, title, sheet.dpi))


def latency_figure(run: ProfileRun, theme: str, sheet: Sheet = README) -> Figure:
    """Lay the latency plot out; ``latency_plot`` makes a file of it.

    A folded row has the mean of its blocks' medians, the interval of that, and a ring per block.
    Where the samples of a few rounds would press everything else to the left, the axis ends before
    them, and an arrow at its end stands for each.

    Args:
        run: What was measured.
        theme: Of ``drawing.theme.THEMES``.
        sheet: The place it is for.
    """
    with own_settings():
        return _drawn(run, THEMES[theme], sheet)


@dataclass(frozen=True, slots=True)
class Floor:
    """The least time the roofs allow."""

    width: float = 18

    def draw(self, page: Page, place: Place) -> None:
        """Draw a short one."""
        self.at(page, place[0] + 9, place[1], 6)

    @staticmethod
    def at(page: Page, x: float, y: float, half: float) -> None:
        """Draw a line across a bar."""
        pen = Pen(page.theme.edges["projection"], 2.2, rank=8)
        page.line([(x, y - half), (x, y + half)], pen)


class _Columns(NamedTuple):
    """Where things stand from left to right, in pixels.

    Attributes:
        left: Where bars begin, at zero.
        right: Where they end at the latest.
        median: Right end of the medians.
        half: Right end of the half widths of the intervals.
        share: Left end of the shares.
        end: Right end of the shares.
        narrow: Whether intervals and the bars of shares have no room.
        scale: Pixels of a second.
    """

    left: float
    right: float
    median: float
    half: float
    share: float
    end: float
    narrow: bool
    scale: float

    @classmethod
    def of(
        cls, names: Sequence[str], medians: Sequence[str], largest_s: float, sheet: Sheet
    ) -> _Columns:
        """Give each column the room of its widest text, and the bars the rest."""
        left = MARGIN + max(map(text_width, names)) + 12
        end = sheet.width - MARGIN
        share = end - (text_width("100.0 %") if sheet.narrow else 120)
        half = share - (8 if sheet.narrow else 22)
        median = half if sheet.narrow else half - text_width("±100.0 %") - 12
        right = median - max(map(text_width, [*medians, "median"])) - 16
        return cls(
            left, right, median, half, share, end, sheet.narrow, (right - left) / (largest_s * 1.03)
        )

    def at(self, time_s: float) -> float:
        """Place a time on the axis."""
        return self.left + time_s * self.scale


def _drawn(run: ProfileRun, theme: Theme, sheet: Sheet) -> Figure:
    rows = rows_of(run)
    step = max(1, math.ceil(len(rows) * run.rounds.kept / MOST_DOTS))
    frame = frame_of(run, _key(rows, theme, step), [closure_line(run)], sheet)
    names = [cut(row.name, 80 if sheet.narrow else 210) for row in rows]
    largest = _largest(rows, step)
    columns = _Columns.of(names, [_each(row) for row in rows], largest, sheet)
    usual = len(rows) * (27 if len(rows) <= 12 else 23)
    pitch = 27.0 if len(rows) <= 12 else 23.0
    if sheet.size and sheet.size.height_pt:
        pitch = sheet.tall(usual, frame.top + 62 + frame.below_plot) / len(rows)
        if pitch < _LEAST_PITCH:
            raise PictureTooLarge(
                f"{plural(len(rows), 'row')} do not fit {sheet.size.text} with type of 8 pt",
                advice("{} is as tall as it needs to be", Option("size", "174mm")),
            )
    top = frame.top + 12
    bottom = top + len(rows) * pitch + 6

    page = frame.page(bottom + 44, theme)
    _axis(page, columns, (top, bottom), largest, run.batch.used)
    sum_s = run.closure.sum_s
    shares = [row.share(sum_s) for row in rows]
    folded = any(segment.level == "block" for segment in run.segments)
    for index, (row, name, share) in enumerate(zip(rows, names, shares, strict=True)):
        above = top + 3 + index * pitch
        y = above + pitch / 2
        if folded and index and row.stage != rows[index - 1].stage:
            ends = [(MARGIN, above), (sheet.width - MARGIN, above)]
            page.line(ends, Pen(faint(page), 0.7, rank=1))
        page.words((columns.left - 10, y + 4), name, Lettering(side="right"))
        _row(page, columns, row, y, step)
        _numbers(page, columns, row, y, share, max(shares))
    return page.figure


def _largest(rows: Sequence[Row], step: int) -> float:
    """Find the largest time to show, in seconds; a few samples may lie beyond it."""
    ends = [end for row in rows for end in (row.median, row.floor_s or 0, *(row.interval or ()))]
    dots = [dot for row in rows for dot in _dots(row, step)]
    return min(max(ends + dots), 1.25 * max(ends)) or 1e-6


def _axis(
    page: Page, columns: _Columns, ends: tuple[float, float], largest: float, batch: int
) -> None:
    """Draw the axis of times, and the heads of the columns beside it."""
    top, bottom = ends
    page.remark((columns.median, top - 8), "median", "right")
    if columns.narrow:
        page.remark((columns.end, top - 8), "share", "right")
    else:
        page.remark((columns.half, top - 8), "95 % CI", "right")
        page.remark((columns.share, top - 8), "share of sum")
    factor, unit = next(
        (pair for pair in ((1.0, "s"), (1e3, "ms")) if largest * pair[0] >= 1), (1e6, "µs")
    )
    taken = -math.inf
    for tick in even_ticks(0, largest * factor):
        if 0 <= tick <= largest * factor * 1.03:
            x = columns.left + tick / factor * columns.scale
            page.line([(x, top), (x, bottom)], Pen(faint(page), 0.7, rank=1))
            if x - text_width(f"{tick:g}", SMALL) / 2 > taken:
                page.remark((x, bottom + 16), f"{tick:g}", "center")
                taken = x + text_width(f"{tick:g}", SMALL) / 2 + 6
    middle = (columns.left + columns.right) / 2
    page.remark((middle, bottom + 32), f"{unit} for a batch of {batch}", "center")
    page.line([(columns.left, top), (columns.left, bottom)], Pen(page.theme.line, rank=4))


def _each(row: Row) -> str:
    text = seconds(row.median)
    return text if row.repeats == 1 else f"{row.repeats} × {text}"


def _half_width(row: Row) -> str:
    if row.interval is None or not row.median:
        return "too few"
    low, high = row.interval
    half = (high - low) / 2 / row.median
    return f"±{percent(half)}" if half < 1 else ">100 %"


def _dots(row: Row, step: int) -> tuple[float, ...]:
    """List samples of one segment, or the medians of several."""
    if row.repeats > 1:
        return row.medians
    return row.segments[0].latency.kept[::step]


def _row(page: Page, columns: _Columns, row: Row, y: float, step: int) -> None:
    """Draw the bar of a row, its dots, its interval and its floor."""
    _bars(page, columns, row, y)
    _samples(page, columns, row, y, step)
    if row.interval is not None:
        low, high = (min(columns.at(end), columns.right) for end in row.interval)
        Interval.between(page, low, high, y)
    if row.floor_s is not None:
        Floor.at(page, columns.at(row.floor_s), y, 9)


def _bars(page: Page, columns: _Columns, row: Row, y: float) -> None:
    theme = page.theme
    end, ahead = columns.at(row.median), row.forward_share
    if ahead is not None:
        between = columns.left + row.median * ahead * columns.scale
        page.bar(Box(between, y - 7, end, y + 7), _backward(theme, row.role), theme.line)
        end = between
    page.bar(Box(columns.left, y - 7, end, y + 7), theme.fills[row.role], theme.line)


def _backward(theme: Theme, role: Role) -> str:
    """Mix a paler tint of the part's colour."""
    return mixed(theme.fills[role], theme.paper, 0.68)


def _round(theme: Theme) -> Dot:
    return Dot(3, theme.ink, alpha=0.38)


def _block(theme: Theme) -> Dot:
    return Dot(5, theme.paper, theme.muted, rank=4.5)


def _samples(page: Page, columns: _Columns, row: Row, y: float, step: int) -> None:
    """Draw the marks of a row, the first of them at the top: a drift shows as a slope."""
    dots, theme, right = _dots(row, step), page.theme, columns.right
    places = [
        (columns.at(dot), y + 14 * ((index + 0.5) / len(dots) - 0.5))
        for index, dot in enumerate(dots)
    ]
    seen = [place for place in places if place[0] <= right]
    page.marks(seen, _block(theme) if row.repeats > 1 else _round(theme))
    beyond = [(right, at) for x, at in places if x > right]
    page.marks(beyond, Dot(5, theme.ink, shape=">", alpha=0.5))


def _numbers(
    page: Page, columns: _Columns, row: Row, y: float, share: float, widest: float
) -> None:
    """Write the median, the half width of its interval and the share of a row."""
    theme = page.theme
    page.words((columns.median, y + 4), _each(row), Lettering(side="right"))
    page.words((columns.end, y + 4), percent(share), Lettering(side="right"))
    if columns.narrow:
        return
    half = Lettering(colour=theme.muted, side="right")
    page.words((columns.half, y + 4), _half_width(row), half)
    end = columns.share + _SHARE * share / (widest or 1)
    page.bar(Box(columns.share, y - 5, end, y + 5), mixed(theme.paper, theme.line, 0.6))


def _key(rows: Sequence[Row], theme: Theme, step: int) -> list[Entry]:
    fill = theme.fills["stage"]
    if any(row.forward_share is not None for row in rows):
        entries = [
            Entry(Swatch(fill), "forward"),
            Entry(Swatch(_backward(theme, "stage")), "backward"),
        ]
    else:
        entries = [Entry(Swatch(fill), "median")]
    rounds = "a round" if step == 1 else f"one round in {step}"
    entries.append(Entry(Dots(Dot(3, theme.ink, alpha=0.45)), rounds))
    if any(row.repeats > 1 for row in rows):
        entries.append(Entry(Single(Dot(5.5, theme.paper, theme.ink)), "one of several blocks"))
    entries.append(Entry(Interval(), "95 % CI"))
    if any(row.floor_s is not None for row in rows):
        entries.append(Entry(Floor(), "least time the roofs allow"))
    return entries
