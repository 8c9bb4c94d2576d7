"""The plot of a comparison: how many times as long B takes as A, the whole and part by part.

A ratio lies on a logarithmic axis, where twice as long and half as long are equally far from no
change. Its mark is as large as the part's share of the time, and has a colour only where the
interval leaves no change out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from rsinspect.base.errors import PictureTooLarge
from rsinspect.base.units import changed_by, seconds
from rsinspect.base.words import Option, advice, names_in_words, plural
from rsinspect.comparisons.comparison import Comparison, PartRatio
from rsinspect.comparisons.ratio import Ratio
from rsinspect.drawing.change import Change
from rsinspect.drawing.theme import THEMES, Theme
from rsinspect.layers.fold import span
from rsinspect.plots.axes import Scale, even_ticks, faint, log_ticks
from rsinspect.plots.frame import Entry, Frame, Interval, Single
from rsinspect.plots.page import (
    MARGIN,
    Dot,
    Lettering,
    Page,
    Pen,
    PlotFormat,
    check_plot,
    file_content,
    own_settings,
)
from rsinspect.plots.rows import rows_of
from rsinspect.plots.sheet import README, Sheet
from rsinspect.plots.text import SMALL, cut, text_width
from rsinspect.profiling.record.run import ProfileRun, Segment

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PITCH, _LEAST_PITCH = 23.0, 15.0  # pixels of a row
_LARGEST, _SMALLEST = 15.0, 4.0  # pixels of a mark
_LEAST_SPAN = 1.03
"""The factor that the axis shows to both sides at least."""
_TELLING = 0.02
"""Share of the time from which the axis has to hold a part's interval."""
_WHOLE = "whole network"


def comparison_plot(
    found: Comparison, format: PlotFormat, theme: str, sheet: Sheet = README
) -> bytes:
    """Draw the ratio of every part, as a file's content.

    Args:
        found: What was compared.
        format: Of the file.
        theme: Of ``drawing.theme.THEMES``.
        sheet: The place it is for.

    Raises:
        InvalidChoice: If the format or the theme is unknown.
        PictureTooLarge: If the parts do not fit the sheet.
    """
    check_plot(format, theme)
    figure = comparison_figure(found, theme, sheet)
    return sheet.sized(
        file_content(figure, format, sheet.named(comparison_title(found)), sheet.dpi)
    )


def comparison_figure(found: Comparison, theme: str, sheet: Sheet = README) -> Figure:
    """Lay the plot out; ``comparison_plot`` makes a file of it.

    Of a network with many blocks, identical neighbours are compared as one. Where a part that takes
    next to no time would press all others together, the axis ends before it, and an arrow stands
    for it.

    Args:
        found: What was compared.
        theme: Of ``drawing.theme.THEMES``.
        sheet: The place it is for.

    Raises:
        PictureTooLarge: If the parts do not fit the sheet.
    """
    with own_settings():
        return _drawn(found, THEMES[theme], sheet)


class _Row(NamedTuple):
    """A line of the plot.

    Attributes:
        name: Of the part.
        ratio: B's time over A's; None where one took none.
        difference_s: How much longer B takes.
        share: Of the time of A.
    """

    name: str
    ratio: Ratio | None
    difference_s: float
    share: float

    @property
    def change(self) -> Change | None:
        """Return the ratio as a change."""
        return None if self.ratio is None else Change(self.ratio.value, self.ratio.interval)

    @property
    def words(self) -> str:
        """Write the change."""
        return "" if self.ratio is None else changed_by(self.ratio.value)

    @property
    def interval(self) -> str:
        """Write the interval."""
        if self.change is None or self.change.interval is None:
            return "too few"
        return self.change.text.partition("(")[2].rstrip(")")

    @property
    def difference(self) -> str:
        """Write how much longer B takes, with its sign."""
        sign = "+" if self.difference_s > 0 else "−" if self.difference_s < 0 else ""
        return f"{sign}{seconds(abs(self.difference_s))}"


def _rows(found: Comparison) -> tuple[_Row, ...]:
    """List the whole, then the parts, identical neighbours together where they are many."""
    parts = tuple(_folded(found))
    whole_s = found.a_s
    return (
        _Row(_WHOLE, found.ratio, found.difference_s, 1.0),
        *(_Row(part.path, part.ratio, part.difference_s, part.a_s / whole_s) for part in parts),
    )


def _folded(found: Comparison) -> Iterator[PartRatio]:
    parts = {part.path: part for part in found.parts}
    rows = rows_of(found.a.run)
    if not parts.keys() <= {segment.path for row in rows for segment in row.segments}:
        yield from parts.values()  # stages of one, blocks of the other
        return
    for row in rows:
        paths = [segment.path for segment in row.segments if segment.path in parts]
        if len(paths) == 1:
            yield parts[paths[0]]
        elif paths and (part := found.together(span(paths), paths)):
            yield part


class _Columns(NamedTuple):
    """Where things stand from left to right, in pixels.

    Attributes:
        names: Right end of the names.
        left: Where the plot begins.
        right: Where it ends.
        change: Right end of the changes.
        interval: Right end of the intervals; None where they have no room.
        difference: Right end of the differences, likewise.
    """

    names: float
    left: float
    right: float
    change: float
    interval: float | None
    difference: float | None

    @classmethod
    def of(cls, names: Iterable[str], rows: Sequence[_Row], sheet: Sheet) -> _Columns:
        """Give each column the room of its widest text, and the plot the rest."""
        end = sheet.width - MARGIN
        widths = [
            max(text_width(text, bold=True) for text in (*texts, head))
            for texts, head in (
                ([row.words for row in rows], "change"),
                ([row.interval for row in rows], "95 % interval"),
                ([row.difference for row in rows], "difference"),
            )
        ]
        left = MARGIN + max(text_width(name, bold=name == _WHOLE) for name in names) + 12
        if sheet.narrow:
            return cls(left - 8, left, end - widths[0] - 12, end, None, None)
        interval = end - widths[2] - 16
        change = interval - widths[1] - 16
        return cls(left - 8, left, change - widths[0] - 16, change, interval, end)


def _scale(rows: Sequence[_Row], columns: _Columns) -> Scale:
    """Choose an axis that holds no change, the whole, and every part that takes some time."""
    ends = [1 / _LEAST_SPAN, _LEAST_SPAN]
    for row in rows:
        if row.ratio is not None and row.share >= _TELLING:
            ends += [row.ratio.value, *(row.ratio.interval or ())]
    ends = [end for end in ends if end > 0]
    room = (max(ends) / min(ends)) ** 0.05
    return Scale(min(ends) / room, max(ends) * room, columns.left, columns.right, log=True)


def _ticks(scale: Scale) -> list[tuple[float, str]]:
    """Mark round changes; where the axis reaches far, factors."""
    if scale.high / scale.low > 2.5:
        factors = log_ticks(scale.low, scale.high)
        return [(tick, f"×{tick:g}") for tick, named in factors if named or tick == 1]
    found = even_ticks(100 * (scale.low - 1), 100 * (scale.high - 1))
    ticks = [(1 + tick / 100, _worded(tick)) for tick in found]
    return [tick for tick in ticks if scale.low <= tick[0] <= scale.high]


def _worded(tick: float) -> str:
    return "0" if abs(tick) < 1e-9 else f"{'+' if tick > 0 else '−'}{abs(tick):g} %"


def _drawn(found: Comparison, theme: Theme, sheet: Sheet) -> Figure:
    rows = _rows(found)
    frame = Frame.of(
        comparison_title(found), _below(found), _key(theme, rows), _remarks(found), sheet
    )
    names = [cut(row.name, 90 if sheet.narrow else 210) for row in rows]
    columns = _Columns.of(names, rows, sheet)
    pitch, around = _PITCH, frame.top + 70 + frame.below_plot
    if sheet.size and sheet.size.height_pt:
        pitch = sheet.tall(len(rows) * _PITCH, around) / len(rows)
        if pitch < _LEAST_PITCH:
            raise PictureTooLarge(
                f"{plural(len(rows), 'row')} do not fit {sheet.size.text} with type of 8 pt",
                advice("{} is as tall as it needs to be", Option("size", "174mm")),
            )
    top = frame.top + 14
    bottom = top + len(rows) * pitch + 10
    page, scale = frame.page(bottom + 46, theme), _scale(rows, columns)
    _axis(page, columns, scale, (top, bottom))
    for index, (row, name) in enumerate(zip(rows, names, strict=True)):
        y = top + 3 + (index + 0.5) * pitch + (6 if index else 0)
        bold = not index
        page.words((columns.names, y + 4), name, Lettering(side="right", bold=bold))
        _mark(page, scale, row, y)
        _numbers(page, columns, row, y, bold=bold)
    line = top + 5 + pitch
    page.line([(MARGIN, line), (sheet.width - MARGIN, line)], Pen(theme.line, 0.8, rank=1))
    return page.figure


def _axis(page: Page, columns: _Columns, scale: Scale, ends: tuple[float, float]) -> None:
    """Draw the axis of ratios, no change on it, and the heads of the columns beside it."""
    top, bottom = ends
    page.remark((columns.change, top - 8), "change", "right")
    if columns.interval is not None:
        page.remark((columns.interval, top - 8), "95 % interval", "right")
    if columns.difference is not None:
        page.remark((columns.difference, top - 8), "difference", "right")
    taken = -math.inf
    ticks = sorted(_ticks(scale), key=lambda tick: tick[0])
    for value, text in ticks:
        x = scale.at(value)
        is_none = abs(value - 1) < 1e-9
        pen = Pen(page.theme.muted, 1.1, rank=2) if is_none else Pen(faint(page), 0.7, rank=1)
        page.line([(x, top), (x, bottom)], pen)
        half = text_width(text, SMALL) / 2
        if x - half > taken:
            page.remark((x, bottom + 16), text, "center")
            taken = x + half + 6
    middle = (columns.left + columns.right) / 2
    page.remark((middle, bottom + 33), "change of the time from A to B", "center")


def _mark(page: Page, scale: Scale, row: _Row, y: float) -> None:
    """Draw the interval and the mark of a row; what the axis cannot show is an arrow at its end."""
    if row.change is None:
        return
    ratio, ends = row.change.ratio, row.change.interval
    if not scale.low <= ratio <= scale.high:
        right = ratio > scale.high
        arrow = Dot(7, _colour(page.theme, row.change), shape=">" if right else "<", rank=8)
        page.marks([(scale.end - 4 if right else scale.start + 4, y)], arrow)
        return
    size = max(_SMALLEST, _LARGEST * math.sqrt(min(row.share, 1.0)))
    rank = 8.0
    if ends is not None:
        low, high = (scale.at(min(max(end, scale.low), scale.high)) for end in ends)
        Interval.between(page, low, high, y)
        rank = 8.0 if high - low > size + 4 else 5.0  # the mark lies below what it would hide
    fill = _colour(page.theme, row.change)
    page.marks([(scale.at(ratio), y)], Dot(size, fill, page.theme.ink, shape="s", rank=rank))


def _colour(theme: Theme, change: Change) -> str:
    """Choose the colour of a side where the interval shows it, else that of no change."""
    if not change.is_shown:
        return theme.paper
    return theme.heat_at(0.8 if change.ratio > 1 else 0.15, "change")


def _numbers(page: Page, columns: _Columns, row: _Row, y: float, *, bold: bool) -> None:
    """Write change, interval and difference of a row."""
    shown = row.change is not None and row.change.is_shown
    colour = None if shown else page.theme.muted
    lettering = Lettering(colour=colour, side="right", bold=bold)
    page.words((columns.change, y + 4), row.words, lettering)
    plain = Lettering(colour=page.theme.muted, side="right")
    if columns.interval is not None:
        page.words((columns.interval, y + 4), row.interval, plain)
    if columns.difference is not None:
        page.words((columns.difference, y + 4), row.difference, lettering)


def comparison_title(found: Comparison) -> str:
    """Name the network that was measured twice, or the two."""
    a, b = found.a, found.b
    if a.run.title != b.run.title:
        short, other = _short(b.run), _short(a.run)
        return f"Latency of {short}" + (f" against {other}" if short != other else " by image size")
    return f"Latency of {a.run.title}: {b.name} against {a.name}"


def _short(run: ProfileRun) -> str:
    return run.title if run.network is None else run.network.short_title


def _below(found: Comparison) -> tuple[str, str]:
    """Say under which conditions, and what came of it."""
    times = f"{seconds(found.a_s)} to {seconds(found.b_s)} a {found.per}"
    if found.how == "paired":  # medians of busy rounds need not differ as the pairs do
        more = "more" if found.difference_s > 0 else "less"
        times = f"{seconds(abs(found.difference_s))} {more} than {seconds(found.a_s)} a {found.per}"
    change = Change(found.ratio.value, found.ratio.interval).text
    how = "in turns" if found.how == "paired" else "apart"
    verdict = {"slower": "B is slower", "faster": "B is faster"}.get(found.verdict, found.verdict)
    said = f"{verdict[0].upper()}{verdict[1:]}: {change}, {times}"
    a, b = found.a.run.title, found.b.run.title
    which = "" if a == b else f"A: {a}; B: {b}; "
    return f"{which}{found.b.run.conditions}; measured {how}", said


def _key(theme: Theme, rows: Sequence[_Row]) -> list[Entry]:
    """Explain the marks that are drawn."""
    samples = (
        (Change(2, (1.5, 2.5)), "slower"),
        (Change(0.5, (0.4, 0.6)), "faster"),
        (Change(1, None), "no change shown"),
    )
    drawn = {_colour(theme, row.change) for row in rows if row.change is not None}
    entries = [
        Entry(Single(Dot(9, _colour(theme, sample), theme.ink, shape="s")), words)
        for sample, words in samples
        if _colour(theme, sample) in drawn
    ]
    entries.append(Entry(Interval(), "95 % interval"))
    return entries


def _remarks(found: Comparison) -> list[str]:
    """Say what is not shown, and what was not alike."""
    lines = ["The area of a mark is the part's share of the time of A.", *found.normalised]
    for side, only in (("A", found.only_a), ("B", found.only_b)):
        if only:
            lines.append(f"Only in {side}: {_only(only)}.")
    if found.changes:
        names = names_in_words([change.what for change in found.changes])
        lines.append(f"Changed around the two: {names}.")
    return lines


def _only(segments: Sequence[Segment]) -> str:
    times = sum(segment.latency.median for segment in segments)
    return f"{names_in_words([segment.path for segment in segments])}, {seconds(times)} in all"
