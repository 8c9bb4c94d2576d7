"""A chart as SVG, PDF or PNG.

Series are told apart three times, by colour (after Okabe and Ito 2008), by mark and by line: a grey
print and any colour vision will do. A point is named beside it, where there is room that no
other name, mark or line has taken; the foot of the page counts the names that found none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, assert_never

from rsinspect.answers.chart import Axis, Chart, Facet, Series
from rsinspect.base.errors import RenderError
from rsinspect.base.units import binary_bytes
from rsinspect.drawing.theme import THEMES, Theme
from rsinspect.plots.axes import (
    LARGEST,
    Ruler,
    Scale,
    Tick,
    draw_grid,
    even_ticks,
    log_ticks,
    short,
)
from rsinspect.plots.frame import Dots, Entry, Frame, Sign
from rsinspect.plots.labels import NO_LEADER, Around, Crossing, Labels, Leader, Spot, led_to
from rsinspect.plots.page import (
    MARGIN,
    Box,
    Dot,
    Lettering,
    Page,
    Pen,
    Place,
    PlotFormat,
    Stroke,
    check_plot,
    file_content,
    mixed,
    own_settings,
)
from rsinspect.plots.sheet import README, Sheet
from rsinspect.plots.text import SMALL, TEXT, cut, text_width

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TALL = 400
_GAP = 26  # between facets
_AXIS = 48  # below a facet
_LEAST_FACET = 190
_MARK = 7.0
_LINE = 80.0
"""What a name costs that crosses the line of a series."""
_FAR = 14.0
"""Pixels from a point to its name that need a leader."""
_DEAREST = 130.0
"""What a name may cost at most."""

_SHAPES = ("o", "s", "^", "D", "v", "P", "X", "p")
_ON_LIGHT = (
    "#0072b2", "#b34e00", "#00735c", "#8f4a76", "#8a6100", "#1b6d9c", "#444444", "#9c1f1f",
)  # fmt: skip
_ON_DARK = (
    "#56b4e9", "#f0a05a", "#3fcfa4", "#dd9ec2", "#e8c04a", "#9ad4f5", "#d0d0d0", "#f58a8a",
)  # fmt: skip
_GREYS = ("#000000", "#6e6e6e", "#303030", "#8a8a8a")
_STYLES = {"solid": "-", "dashed": "--"}


def chart_plot(chart: Chart, format: PlotFormat, theme: str, sheet: Sheet = README) -> bytes:
    """Draw a chart, as a file's content.

    Args:
        chart: What to show.
        format: Of the file.
        theme: Of ``drawing.theme.THEMES``.
        sheet: The place it is for.

    Raises:
        InvalidChoice: If the format or the theme is unknown.
        RenderError: If a value is beyond any axis.
    """
    check_plot(format, theme)
    figure = chart_figure(chart, theme, sheet)
    return sheet.sized(file_content(figure, format, sheet.named(chart.title), sheet.dpi))


def chart_figure(chart: Chart, theme: str, sheet: Sheet = README) -> Figure:
    """Lay a chart out; ``chart_plot`` makes a file of it.

    Args:
        chart: What to show.
        theme: Of ``drawing.theme.THEMES``.
        sheet: The place it is for.

    Raises:
        RenderError: If a value is beyond any axis.
    """
    for axis, values in ((chart.x, chart.values("x")), (chart.y, chart.values("y"))):
        for value in values:
            if not abs(value) <= LARGEST or (axis.log and 0 < value < 1 / LARGEST):
                raise RenderError(f"{value:.3g} cannot be drawn on the axis {axis.label:.80}")
    with own_settings():
        page, unnamed = _drawn(chart, THEMES[theme], 0, sheet)
        again = _drawn(chart, THEMES[theme], unnamed, sheet) if unnamed else (page, 0)
        return again[0].figure


@dataclass(frozen=True, slots=True)
class _Look:
    """How a series is drawn; its sample in the key is a piece of its line with one mark.

    Attributes:
        dot: Its marks.
        pen: Its line; None where it has none.
        width: Of the sample, in pixels.
    """

    dot: Dot
    pen: Pen | None
    width: float = 26

    def draw(self, page: Page, place: Place) -> None:
        """Draw a sample."""
        x, y = place
        if self.pen is not None:
            page.line([(x, y), (x + self.width, y)], self.pen._replace(rank=2))
        page.marks([(x + self.width / 2, y)], self.dot)


def _looks(chart: Chart, theme: Theme) -> dict[str, _Look]:
    """Choose the look of every series that is not faint, by name; the same in all facets."""
    palette = _GREYS if theme.name == "print" else _ON_DARK if theme.name == "dark" else _ON_LIGHT
    named = {name: series for name, series in chart.series.items() if not series.faint}
    groups = list(dict.fromkeys(s.group or s.name for s in named.values()))
    looks = {}
    for name, series in named.items():
        index = groups.index(series.group or name)
        colour = palette[index % len(palette)]
        fill = theme.paper if series.line == "dashed" else colour
        style = _STYLES.get(series.line)
        looks[name] = _Look(
            Dot(_MARK, fill, colour, _SHAPES[index % len(_SHAPES)]),
            None if style is None else Pen(colour, 1.3, style, rank=4),
        )
    return looks


def _faint(theme: Theme) -> Dot:
    return Dot(5, mixed(theme.paper, theme.muted, 0.7), alpha=0.75, rank=3)


def _scale(axis: Axis, values: Sequence[float], start: float, end: float) -> Scale:
    """Make a scale with some room around the values; around none, from 0 (or 1) on."""
    values = [v for v in values if v > 0] if axis.log else list(values)
    if not values:
        return Scale(1.0 if axis.log else 0.0, 10.0, start, end, axis.log)
    low, high = min(values), max(values)
    if axis.log:
        room = max((high / low) ** 0.07, 1.08)
        return Scale(low / room, high * room, start, end, log=True)
    room = (high - low) * 0.07 or abs(high) * 0.1 or 1.0
    floor = 0.0 if low >= 0 else -math.inf  # a quantity that is never negative starts at zero
    return Scale(max(low - room, floor), high + room, start, end)


def _ruler(axis: Axis, scale: Scale) -> Ruler:
    """Mark round values; a minor tick of a logarithm has no name."""
    if axis.log and axis.kind == "bytes":
        low, high = math.ceil(math.log2(scale.low)), math.floor(math.log2(scale.high))
        step = max(1, -(-(high - low) // 8))
        marks = [(2.0**k, True) for k in range(low, high + 1, step)]
    elif axis.log and scale.high / scale.low >= 3:
        marks = log_ticks(scale.low, scale.high)
    else:
        steps = (1, 2, 4, 8, 10) if axis.kind == "bytes" else (1, 2, 2.5, 5, 10)
        even = even_ticks(scale.low, scale.high, steps)
        marks = [(tick, True) for tick in even if scale.low <= tick <= scale.high]
    return Ruler(
        scale, tuple(Tick(tick, _worded(axis, tick) if named else "") for tick, named in marks)
    )


def _worded(axis: Axis, value: float) -> str:
    match axis.kind:
        case "count" | "integer":
            return short(value) if value >= 1 else f"{value:g}"
        case "bytes":
            return binary_bytes(round(value))
        case "seconds":
            return f"{value:g} s" if value >= 1 or value == 0 else f"{value * 1e3:g} ms"
        case "share" | "percent":
            return f"{value * 100:g} %"
        case "text" | "formula" | "number" | "rate":
            return f"{value:.10g}"
        case _:
            assert_never(axis.kind)


class _Plot(NamedTuple):
    """Where a facet lies.

    Attributes:
        box: In pixels.
        across: Along the x axis.
        up: Along the y axis.
    """

    box: Box
    across: Ruler
    up: Ruler

    def places(self, series: Series) -> list[tuple[Place, str]]:
        """Place and name the points that the axes can show: a logarithm has no zero."""
        across, up = self.across.scale, self.up.scale
        return [
            ((across.at(point.x), up.at(point.y)), point.label)
            for point in series.points
            if (point.x > 0 or not across.log) and (point.y > 0 or not up.log)
        ]


def _frame(chart: Chart, theme: Theme, unnamed: int, sheet: Sheet) -> Frame:
    looks = _looks(chart, theme)
    notes = list(chart.notes)
    hidden = sum(
        (chart.x.log and point.x <= 0) or (chart.y.log and point.y <= 0) for point in chart.points
    )
    if hidden:
        notes.append(f"Not shown, 0 or less on a logarithmic axis: {hidden}.")
    if unnamed:
        notes.append(f"Without a name for want of room: {unnamed}.")
    behind: Sign = Dots(_faint(theme), width=26)
    signs = {name: behind if s.faint else looks[name] for name, s in chart.series.items()}
    key = [Entry(sign, name) for name, sign in signs.items()] if len(signs) > 1 else []
    return Frame.of(chart.title, [chart.subtitle], key, notes, sheet)


def _drawn(chart: Chart, theme: Theme, unnamed: int, sheet: Sheet) -> tuple[Page, int]:
    """Draw the page; returns how many points found no room for their name as well."""
    frame = _frame(chart, theme, unnamed, sheet)
    left, beside = _columns(chart, sheet)
    rows = max(1, -(-len(chart.facets) // beside))
    head = 34 if len(chart.facets) > 1 else 22
    around = frame.top + rows * (head + _AXIS) + frame.below_plot
    tall = sheet.tall(_TALL, around) / (rows if sheet.size and sheet.size.height_pt else 1)
    each = (sheet.width - MARGIN - left - _GAP * (beside - 1)) / beside
    page = frame.page(frame.top + rows * (head + tall + _AXIS), theme)
    page.remark((MARGIN, frame.top + head - 10), cut(chart.y.label, sheet.room * 0.6, SMALL))
    looks, missed = _looks(chart, theme), 0
    for index, facet in enumerate(chart.facets):
        row, column = divmod(index, beside)
        start = left + column * (each + _GAP)
        top = frame.top + head + row * (tall + head + _AXIS)
        box = Box(start, top, start + each, top + tall)
        across = _ruler(chart.x, _scale(chart.x, chart.values("x"), start, start + each))
        up = _ruler(chart.y, _scale(chart.y, chart.values("y"), box.bottom, top))
        draw_grid(page, box, across, up, name_up=column == 0)
        if facet.title:
            title = cut(facet.title, each * 0.6, TEXT, bold=True)
            page.words((box.right, top - 10), title, Lettering(side="right", bold=True))
        missed += _draw_facet(page, facet, _Plot(box, across, up), looks)
    middle, bottom = (left + sheet.width - MARGIN) / 2, frame.top + rows * (head + tall + _AXIS)
    page.remark((middle, bottom - 10), cut(chart.x.label, sheet.room, SMALL), "center")
    if not chart.points:
        nothing = Lettering(colour=theme.muted, side="center")
        page.words((middle, frame.top + head + tall / 2), "no points", nothing)
    return page, missed


def _columns(chart: Chart, sheet: Sheet) -> tuple[float, int]:
    """Choose where the plot begins, and how many facets stand beside each other."""
    up = _ruler(chart.y, _scale(chart.y, chart.values("y"), _TALL, 0))
    left = MARGIN + 12 + max((text_width(tick.text, SMALL) for tick in up.ticks), default=20)
    fit = int((sheet.width - MARGIN - left + _GAP) // (_LEAST_FACET + _GAP))
    return left, max(1, min(len(chart.facets), fit))


def _draw_facet(page: Page, facet: Facet, plot: _Plot, looks: dict[str, _Look]) -> int:
    """Draw series and names; returns how many names found no room."""
    labels = Labels(plot.box)
    named: list[tuple[Place, str]] = []
    for series in sorted(facet.series, key=lambda s: not s.faint):
        points = plot.places(series)
        places = [place for place, _ in points]
        if not places:
            continue
        if series.faint:
            page.marks(places, _faint(page.theme))
            continue
        look = looks[series.name]
        if look.pen is not None:
            page.line(places, look.pen)
            labels.lines += [Crossing(Stroke(*ends), _LINE) for ends in pairwise(places)]
        page.marks(places, look.dot)
        half = _MARK / 2 + 1
        labels.marks += [Box.around(place, half, half) for place in places]
        named += [(place, text) for place, text in points if text]
    over = any(series.faint for series in facet.series)
    return sum(not _name(page, labels, *point, over=over) for point in dict.fromkeys(named))


def _name(page: Page, labels: Labels, place: Place, text: str, *, over: bool) -> bool:
    """Put a name beside its point, or farther off with a leader; ``over`` hides faint points."""
    text = cut(text, 180, SMALL)

    def lead(spot: Spot) -> Leader:
        (box,) = spot.boxes
        if box.distance(*place) <= _FAR:
            return NO_LEADER
        return Leader(led_to(place, _MARK / 2, box), 5)

    around = Around(place, _MARK / 2, (3, 7, 12, 18, 26, 36, 48), 16, askew=2)
    chosen = labels.cheapest(around.spots(text_width(text, SMALL), 14), below=_DEAREST, lead=lead)
    if chosen is None:
        return False
    spot, leader = chosen
    if leader.stroke is not None:
        page.line(leader.stroke, Pen(page.theme.muted, 0.7, rank=4.6))
        labels.leaders.append(leader.stroke)
    labels.put(page, text, Lettering(SMALL, over=over), spot)
    return True
