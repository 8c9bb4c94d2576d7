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

from rsinspect.answers.chart import Axis, Chart, Facet, Look, Point, Rule, Series
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
from rsinspect.plots.frame import Dots, Entry, Frame, Sign, Single
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
_RING = 15.0
_PALER = 0.65
"""Of the paper in the colour of a pale mark."""
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
_LINES = {"solid": "-", "dashed": "--"}


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
class _Style:
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

    def of(self, look: Look, theme: Theme) -> Dot:
        """Choose the mark of a point."""
        match look:
            case "full":
                return self.dot
            case "hollow":
                return self.dot._replace(fill=theme.paper)
            case "pale":
                colour = mixed(self.dot.edge, theme.paper, _PALER)
                return self.dot._replace(fill=colour, edge=colour, rank=4.5)
            case _:
                assert_never(look)


@dataclass(frozen=True, slots=True)
class _Range:
    """The 95 % interval of a point."""

    colour: str
    width: float = 26

    def draw(self, page: Page, place: Place) -> None:
        """Draw a short one."""
        self.between(page, place[0] + 2, place[0] + self.width - 2, place[1])

    def between(self, page: Page, low: float, high: float, y: float) -> None:
        """Draw an error bar."""
        pen = Pen(self.colour, 1.1, rank=4.2)
        page.line([(low, y), (high, y)], pen)
        for end in (low, high):
            page.line([(end, y - 3), (end, y + 3)], pen)


def _styles(chart: Chart, theme: Theme) -> dict[str, _Style]:
    """Choose the style of every series that is not faint, by name; the same in all facets."""
    palette = _GREYS if theme.name == "print" else _ON_DARK if theme.name == "dark" else _ON_LIGHT
    named = {name: series for name, series in chart.series.items() if not series.faint}
    groups = list(dict.fromkeys(s.group or s.name for s in named.values()))
    styles = {}
    for name, series in named.items():
        index = groups.index(series.group or name)
        colour = palette[index % len(palette)]
        fill = theme.paper if series.line == "dashed" else colour
        line = _LINES.get(series.line)
        styles[name] = _Style(
            Dot(_MARK, fill, colour, _SHAPES[index % len(_SHAPES)]),
            None if line is None else Pen(colour, 1.3, line, rank=4),
        )
    return styles


def _faint(theme: Theme) -> Dot:
    return Dot(5, mixed(theme.paper, theme.muted, 0.7), alpha=0.75, rank=3)


def _ring(theme: Theme) -> Dot:
    return Dot(_RING, "none", theme.ink, rank=5.5, rim=1.5)


@dataclass(frozen=True, slots=True)
class _Upright:
    """The line of something of which only the x is known."""

    width: float = 18

    def draw(self, page: Page, place: Place) -> None:
        """Draw a short one."""
        x = place[0] + self.width / 2
        self.between(page, x, place[1] - 6, place[1] + 6)

    @staticmethod
    def between(page: Page, x: float, top: float, bottom: float) -> None:
        """Draw it."""
        page.line([(x, top), (x, bottom)], Pen(page.theme.ink, 1.5, rank=3.5))


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

    def places(self, series: Series) -> list[tuple[Place, Point]]:
        """Place the points that the axes can show: a logarithm has no zero."""
        across, up = self.across.scale, self.up.scale
        return [
            ((across.at(point.x), up.at(point.y)), point)
            for point in series.points
            if (point.x > 0 or not across.log) and (point.y > 0 or not up.log)
        ]

    def ends(self, point: Point) -> tuple[float, float] | None:
        """Place the ends of a point's interval; one that the axis cannot show lies at its edge."""
        if point.x_ends is None:
            return None
        scale = self.across.scale
        low, high = sorted(scale.at(max(end, scale.low)) for end in point.x_ends)
        return low, high


def _frame(chart: Chart, theme: Theme, unnamed: int, sheet: Sheet) -> Frame:
    styles = _styles(chart, theme)
    notes = list(chart.notes)
    hidden = sum(
        (chart.x.log and point.x <= 0) or (chart.y.log and point.y <= 0) for point in chart.points
    )
    if hidden:
        notes.append(f"Not shown, 0 or less on a logarithmic axis: {hidden}.")
    if unnamed:
        notes.append(f"Without a name for want of room: {unnamed}.")
    behind: Sign = Dots(_faint(theme), width=26)
    signs = {name: behind if s.faint else styles[name] for name, s in chart.series.items()}
    named = len(signs) > 1 or bool(chart.looks)
    key = [Entry(sign, name) for name, sign in signs.items() if named]
    plain = _Style(Dot(_MARK, theme.muted, theme.muted), None)
    key += [Entry(Single(plain.of(look, theme)), words) for look, words in chart.looks]
    if chart.ringed:
        key.append(Entry(Single(_ring(theme)), chart.ringed))
    if chart.rules:
        key.append(Entry(_Upright(), chart.ruled))
    if any(point.x_ends for point in chart.points):
        key.append(Entry(_Range(theme.muted), "95 % interval, where wider than the mark"))
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
    styles, missed = _styles(chart, theme), 0
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
        labels = Labels(box)
        _draw_rules(page, chart.rules, across.scale, labels)
        missed += _draw_facet(page, facet, _Plot(box, across, up), styles, labels)
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


def _draw_rules(page: Page, rules: Sequence[Rule], across: Scale, labels: Labels) -> None:
    """Draw what lies somewhere along x, its name at the top, one below the other."""
    box = labels.box
    for index, rule in enumerate(rules):
        x, base = across.at(rule.x), box.top + 14 + 15 * index
        _Upright.between(page, x, box.top, box.bottom)
        labels.lines.append(Crossing(Stroke((x, box.top), (x, box.bottom)), _LINE))
        text = cut(rule.label, 180, SMALL)
        wide = text_width(text, SMALL)
        left = x + 5 if x + 5 + wide <= box.right else x - 5 - wide
        page.words((left, base), text, Lettering(SMALL, over=True))
        labels.texts.append(Box(left, base - 11, left + wide, base + 4))


def _draw_facet(
    page: Page, facet: Facet, plot: _Plot, styles: dict[str, _Style], labels: Labels
) -> int:
    """Draw series and names; returns how many names found no room."""
    named: list[tuple[Place, Point]] = []
    for series in sorted(facet.series, key=lambda s: not s.faint):
        found = plot.places(series)
        places = [place for place, _ in found]
        if not places:
            continue
        if series.faint:
            page.marks(places, _faint(page.theme))
            continue
        style = styles[series.name]
        if style.pen is not None:
            page.line(places, style.pen)
            labels.lines += [Crossing(Stroke(*ends), _LINE) for ends in pairwise(places)]
        labels.marks += [_draw_point(page, plot, style, *each) for each in found]
        named += [each for each in found if each[1].label]
        labels.points += places
    over = any(series.faint for series in facet.series)
    # what the chart is about comes first; what stands back gets the room that is left
    named.sort(key=lambda each: (not each[1].ringed, each[1].look == "pale"))
    return sum(not _name(page, labels, *each, over=over) for each in dict.fromkeys(named))


def _draw_point(page: Page, plot: _Plot, style: _Style, place: Place, point: Point) -> Box:
    """Draw a mark with its interval; returns what they cover."""
    dot = style.of(point.look, page.theme)
    page.marks([place], dot)
    if point.ringed:
        page.marks([place], _ring(page.theme))
    half = (_RING if point.ringed else _MARK) / 2 + 1
    box = Box.around(place, half, half)
    ends = plot.ends(point)
    if ends is None or max(place[0] - ends[0], ends[1] - place[0]) < _MARK / 2 + 2:
        return box  # too short to be seen beside the mark
    _Range(dot.edge).between(page, *ends, place[1])
    return box._replace(left=min(box.left, ends[0]), right=max(box.right, ends[1]))


def _name(page: Page, labels: Labels, place: Place, point: Point, *, over: bool) -> bool:
    """Put a name beside its point, or farther off with a leader; ``over`` hides faint points."""
    text, radius = cut(point.label, 180, SMALL), (_RING if point.ringed else _MARK) / 2

    def lead(spot: Spot) -> Leader:
        (box,) = spot.boxes
        own = box.distance(*place)
        if own <= _FAR and all(own <= box.distance(*other) + 1 for other in labels.points):
            return NO_LEADER
        return Leader(led_to(place, radius, box), 5)

    around = Around(place, radius, (3, 7, 12, 18, 26, 36, 48), 16, askew=2)
    chosen = labels.cheapest(
        around.spots(text_width(text, SMALL, bold=point.ringed), 14), below=_DEAREST, lead=lead
    )
    if chosen is None:
        return False
    spot, leader = chosen
    if leader.stroke is not None:
        page.line(leader.stroke, Pen(page.theme.muted, 0.7, rank=4.6))
        labels.leaders.append(leader.stroke)
    colour = page.theme.muted if point.look == "pale" and not point.ringed else None
    labels.put(page, text, Lettering(SMALL, colour, bold=point.ringed, over=over), spot)
    return True
