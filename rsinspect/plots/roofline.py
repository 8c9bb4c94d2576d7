"""The roofline of a run: what each segment reached, below what the machine allows.

(Williams et al. 2009, "Roofline: an insightful visual performance model".)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rsinspect.base.errors import UnknownPicture
from rsinspect.base.units import percent
from rsinspect.base.words import Option, advice
from rsinspect.drawing.theme import THEMES, Theme
from rsinspect.plots.axes import Ruler, Scale, Tick, draw_grid, log_ticks, short
from rsinspect.plots.bounds import Bubble, Roof, bubbles_of, check_numbers, rate_of, roofs_apart
from rsinspect.plots.frame import Dots, Entry, Single
from rsinspect.plots.labels import NO_LEADER, Along, Around, Crossing, Labels, Leader, Spot, led_to
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
    own_settings,
)
from rsinspect.plots.rows import frame_of, rows_of
from rsinspect.plots.sheet import README, Sheet
from rsinspect.plots.text import SMALL, cut, text_width
from rsinspect.profiling.record.run import ProfileRun
from rsinspect.profiling.roofline.roofs import Roofs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TALL = 430
_AXIS = 48  # below the plot
_NEAREST = 17
"""Pixels between roofs, at least: room for the name of the lower one."""

_LINE, _STEM = 80.0, 45.0
"""What a name costs that crosses a roof, or the line from a segment to what it could reach."""


def roofline_plot(run: ProfileRun, format: PlotFormat, theme: str, sheet: Sheet = README) -> bytes:
    """Draw every segment under the roofs of the machine, as a file's content.

    Args:
        run: What was measured, with roofs.
        format: Of the file.
        theme: Of ``drawing.theme.THEMES``.
        sheet: The place it is for.

    Raises:
        InvalidChoice: If the format or the theme is unknown.
        UnknownPicture: If the run has no roofs, or no segment to set against them.
        InvalidMeasurement: If its numbers are beyond any axis.
    """
    check_plot(format, theme)
    figure = roofline_figure(run, theme, sheet)
    title = sheet.named(f"Roofline of {run.title}")
    return sheet.sized(file_content(figure, format, title, sheet.dpi))


def roofline_figure(run: ProfileRun, theme: str, sheet: Sheet = README) -> Figure:
    """Lay the roofline out; ``roofline_plot`` makes a file of it.

    Names are placed where they cover nothing; where there is no such place a name is left out, and
    the last line says how many are.

    Args:
        run: What was measured, with roofs.
        theme: Of ``drawing.theme.THEMES``.
        sheet: The place it is for.

    Raises:
        UnknownPicture: If the run has no roofs, or no segment to set against them.
        InvalidMeasurement: If its numbers are beyond any axis.
    """
    measure = Option("roofs", True)
    if run.roofs is None:
        raise UnknownPicture("the run has no roofs to draw", advice("measure with {}", measure))
    bubbles = bubbles_of(run)
    if not bubbles:
        raise UnknownPicture(
            "the run has no segment to set against its roofs",
            advice("measure again with {}", measure),
        )
    check_numbers(run.roofs, bubbles)
    with own_settings():
        return _Roofline.of(run, run.roofs, bubbles, THEMES[theme], sheet).drawn()


@dataclass(frozen=True, slots=True)
class Attainable:
    """What the roofs allow a segment."""

    width: float = 18

    def draw(self, page: Page, place: Place) -> None:
        """Draw a short one, above the middle of a bubble."""
        x, y = place
        page.line([(x + 9, y - 5), (x + 9, y + 6)], Pen(page.theme.muted, 0.9, ":"))
        page.line([(x + 4, y - 5), (x + 14, y - 5)], Pen(page.theme.edges["projection"], 2))


def _ridge(theme: Theme) -> Dot:
    return Dot(6, theme.paper, theme.ink, shape="D", rank=6)


def _one_of_several(theme: Theme) -> Dot:
    return Dot(3, theme.ink, alpha=0.45, rank=4.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Roofline:
    """The plot, before it is drawn.

    Attributes:
        run: What was measured.
        theme: Its colours.
        bubbles: Of its segments.
        sheet: The place it is for.
        box: Pixels of the plot.
        across: Intensities.
        up: Rates.
        compute: Level roofs.
        bandwidth: Rising roofs.
    """

    run: ProfileRun
    theme: Theme
    bubbles: tuple[Bubble, ...]
    sheet: Sheet
    box: Box
    across: Scale
    up: Scale
    compute: tuple[Roof, ...]
    bandwidth: tuple[Roof, ...]

    @classmethod
    def of(
        cls,
        run: ProfileRun,
        roofs: Roofs,
        bubbles: tuple[Bubble, ...],
        theme: Theme,
        sheet: Sheet,
    ) -> _Roofline:
        """Fit the axes to bubbles and roofs, and join roofs that are too near each other."""
        highest = roofs.flops_per_s
        intensities = [bubble.intensity for bubble in bubbles]
        rates = [rate for bubble in bubbles for rate in (bubble.rate, bubble.attainable)]
        ridges = [highest / roof.bytes_per_s for roof in roofs.bandwidth]
        frame = frame_of(run, _key(bubbles, theme), _remarks(run, bubbles, 0), sheet)
        top = frame.top + 14
        tall = sheet.tall(_TALL, top + _AXIS + frame.below_plot)
        box = Box(MARGIN + 58, top, sheet.width - MARGIN, top + tall)
        low = min(min(intensities) / 2.2, min(ridges) / 3.5)
        high = max(*intensities, max(ridges) / 2) * 4
        across = Scale(low, high, box.left, box.right, log=True)
        low, high = min(min(rates) / 2.5, highest / 6), max(highest, *rates) * 1.6
        up = Scale(low, high, box.bottom, box.top, log=True)
        level = _NEAREST / up.decade
        rising = _NEAREST * math.hypot(across.decade, up.decade) / across.decade / up.decade
        return cls(
            run=run,
            theme=theme,
            bubbles=bubbles,
            sheet=sheet,
            box=box,
            across=across,
            up=up,
            compute=roofs_apart([(r.op, r.flops_per_s) for r in roofs.compute], 10**level),
            bandwidth=roofs_apart([(r.level, r.bytes_per_s) for r in roofs.bandwidth], 10**rising),
        )

    @property
    def highest(self) -> float:
        """Return the compute roof, in FLOP/s."""
        return self.compute[0].rate

    def at(self, intensity: float, rate: float) -> Place:
        """Place a point."""
        return self.across.at(intensity), self.up.at(rate)

    def of_bubble(self, bubble: Bubble) -> Place:
        """Place what a bubble's segments reached."""
        return self.at(bubble.intensity, bubble.rate)

    def drawn(self) -> Figure:
        """Draw it; again, with a line more below it, where names found no room."""
        page, unnamed = self._page(0)
        return self._page(unnamed)[0].figure if unnamed else page.figure

    def _page(self, unnamed: int) -> tuple[Page, int]:
        """Draw the page; returns how many names found no room as well."""
        foot = _remarks(self.run, self.bubbles, unnamed)
        frame = frame_of(self.run, _key(self.bubbles, self.theme), foot, self.sheet)
        page, labels = frame.page(self.box.bottom + _AXIS, self.theme), Labels(self.box)
        self._grid(page)
        self._draw_bubbles(page, labels)
        roofs = self._draw_roofs(page, labels)
        ordered = sorted(self.bubbles, key=lambda bubble: -bubble.share)
        names = [*roofs, *(self._name(page, labels, bubble) for bubble in ordered)]
        return page, names.count(False)

    def _grid(self, page: Page) -> None:
        across = log_ticks(self.across.low, self.across.high)
        up = log_ticks(self.up.low, self.up.high)
        draw_grid(
            page,
            self.box,
            Ruler(self.across, tuple(Tick(t, f"{t:g}" if named else "") for t, named in across)),
            Ruler(self.up, tuple(Tick(t, short(t) if named else "") for t, named in up)),
        )
        page.remark((MARGIN, self.box.top - 9), "FLOP/s")
        page.remark((self.box.middle[0], self.box.bottom + 36), "FLOP per byte", "center")

    def _draw_bubbles(self, page: Page, labels: Labels) -> None:
        theme = self.theme
        for bubble in self.bubbles:
            x, y = self.of_bubble(bubble)
            reach = self.up.at(bubble.attainable)
            page.line([(x, y), (x, reach)], Pen(theme.muted, 0.9, ":", rank=3))
            page.line([(x - 6, reach), (x + 6, reach)], Pen(theme.edges["projection"], 2, rank=7))
            labels.marks += [
                Box.around((x, y), bubble.radius, bubble.radius),
                Box.around((x, reach), 7, 2),
            ]
            labels.lines.append(Crossing(Stroke((x, y), (x, reach)), _STEM))
        for bubble in sorted(self.bubbles, key=lambda bubble: -bubble.share):
            x, y = self.of_bubble(bubble)
            fill = theme.fills[bubble.row.role]
            page.marks([(x, y)], Dot(2 * bubble.radius, fill, theme.muted, alpha=0.85, rank=4))
            if bubble.row.repeats > 1:
                bounds = [segment.bound for segment in bubble.row.segments if segment.bound]
                rates = [rate_of(bound.flops, bound.seconds) for bound in bounds]
                ys = [self.up.at(rate) for rate in rates if self.up.low <= rate <= self.up.high]
                page.marks([(x, y) for y in ys], _one_of_several(theme))
                if ys:
                    labels.marks.append(Box(x - 3, min(ys) - 3, x + 3, max(ys) + 3))
            page.marks([(x, y)], Dot(5, theme.paper, theme.ink))

    def _draw_roofs(self, page: Page, labels: Labels) -> list[bool]:
        """Draw lines and ridges, and the names along them; tells which found room."""
        theme = self.theme
        lines: list[tuple[str, Stroke, str]] = []
        for index, roof in enumerate(self.compute):
            first = max(self.across.low, roof.rate / self.bandwidth[0].rate)
            line = Stroke(self.at(first, roof.rate), self.at(self.across.high, roof.rate))
            pen = Pen(theme.muted, 1.0, "--") if index else Pen(theme.ink, 1.8)
            page.line(line, pen)
            lines.append((roof.label("FLOP/s"), line, pen.colour))
        for index, roof in enumerate(self.bandwidth):
            first, ridge = max(self.across.low, self.up.low / roof.rate), self.highest / roof.rate
            line = Stroke(self.at(first, first * roof.rate), self.at(ridge, self.highest))
            pen = Pen(theme.muted, 1.0) if index else Pen(theme.ink, 1.8)
            page.line(line, pen)
            lines.append((roof.label("B/s"), line, pen.colour))
            page.marks([line.end], _ridge(theme))
            labels.marks.append(Box.around(line.end, 5, 5))
        for roof in self.bandwidth:
            self._name_ridge(page, labels, self.highest / roof.rate)
        labels.lines += [Crossing(line, _LINE) for _, line, _ in lines]
        return [_name_roof(page, labels, *line) for line in lines]

    def _name_ridge(self, page: Page, labels: Labels, ridge: float) -> None:
        """Write its intensity above it, or higher up where another is in the way."""
        text = f"{ridge:.3g}"
        x, y = self.at(ridge, self.highest)
        wide = text_width(text, SMALL)
        spots = [
            Spot((Box.around((x, y - above - 4), wide / 2 + 2, 6),), (x, y - above), "center", 0)
            for above in (9, 22, 35)
        ]
        free = [spot for spot in spots if labels.free(spot.boxes)]
        if free:
            labels.put(page, text, Lettering(SMALL, self.theme.muted), free[0])

    def _name(self, page: Page, labels: Labels, bubble: Bubble) -> bool:
        """Name a bubble beside it, or farther off with a leader; tells whether there was room."""
        x, y = self.of_bubble(bubble)
        rims = [(self.of_bubble(each), each.radius) for each in self.bubbles]
        text = f"{cut(bubble.row.name, 210)} {percent(bubble.share)}"

        def lead(spot: Spot) -> Leader:
            (box,) = spot.boxes
            nearest = min(box.distance(*place) - radius for place, radius in rims)
            if box.distance(x, y) - bubble.radius <= min(9, nearest + 1):
                return NO_LEADER
            stroke = led_to((x, y), bubble.radius, box)
            on_stem = box.middle[1] < y and abs(stroke.start[0] - stroke.end[0]) < 4
            return Leader(stroke, 20 if on_stem else 0)

        around = Around((x, y), bubble.radius, (3, 8, 15, 24, 36, 50, 68, 90, 115, 145), 24)
        chosen = labels.cheapest(around.spots(text_width(text), 16), lead=lead)
        if chosen is None:
            return False
        spot, leader = chosen
        if leader.stroke is not None:
            page.line(leader.stroke, Pen(self.theme.muted, 0.8, rank=4.6))
            labels.leaders.append(leader.stroke)
        labels.put(page, text, Lettering(), spot)
        return True


def _remarks(run: ProfileRun, bubbles: Iterable[Bubble], unnamed: int) -> list[str]:
    shown = {bubble.row.name for bubble in bubbles}
    names = [row.name for row in rows_of(run, most=0)]
    hidden = [name for name in names if name not in shown]
    roofs = run.roofs
    lines = [
        "FLOP: two per MAC of convolutions and dense layers, none that fall on padding. Bytes: "
        "the least traffic of each kernel, its inputs and weights read once and its result "
        "written once. What a segment can reach lies below the roofs where its kernels do not "
        "all run into the same one.",
    ]
    if roofs is not None:
        lines.append(f"Roofs, {roofs.precision}: {roofs.method}.")
    if hidden:
        lines.append(f"Not shown, no arithmetic, traffic or time: {', '.join(hidden)}.")
    if unnamed:
        lines.append(f"Without a name for want of room: {unnamed}.")
    return lines


def _key(bubbles: Sequence[Bubble], theme: Theme) -> list[Entry]:
    disc = Single(Dot(13, theme.fills["stage"], theme.muted))
    entries = [Entry(disc, "segment, its area by its share of the time")]
    if any(bubble.row.repeats > 1 for bubble in bubbles):
        entries.append(Entry(Dots(_one_of_several(theme)), "one of several blocks"))
    entries.append(Entry(Attainable(), "what the roofs allow it"))
    entries.append(Entry(Single(_ridge(theme)), "ridge, at FLOP per byte"))
    return entries


def _name_roof(page: Page, labels: Labels, text: str, line: Stroke, colour: str) -> bool:
    """Put a name along its roof; tells whether it found room."""
    text, along = cut(text, 300, SMALL), Along(line)
    chosen = labels.cheapest(along.spots(text_width(text, SMALL)), own=line)
    if chosen is None:
        return False
    over = along.tilt == 0
    lettering = Lettering(SMALL, colour, degrees=math.degrees(along.tilt), over=over)
    labels.put(page, text, lettering, chosen[0])
    return True
