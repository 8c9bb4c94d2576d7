"""Drawings of a run: latency by segment, and the roofline, on a page of ``drawing.canvas``."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rsinspect.base.errors import UnknownPicture
from rsinspect.base.units import count, percent, seconds
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
    Line,
    Page,
    broken,
    check_plot,
    cut,
    file_content,
    leader_to,
    log_ticks,
    mixed,
    pen,
    short,
    text_width,
)
from rsinspect.drawing.scene import Role
from rsinspect.drawing.theme import THEMES, Theme
from rsinspect.layers.fold import span
from rsinspect.profiling.report import closure_line
from rsinspect.profiling.roofline import Roofs
from rsinspect.profiling.run import ProfileRun, Segment
from rsinspect.profiling.statistics import Latency, interval_of_excess

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_ROWS = 30
"""Of the latency plot; with more, identical neighbours are folded into one."""

MOST_DOTS = 3000
"""Of the latency plot; with more, every second, third ... round is drawn, and the key says so."""

_NEAREST = 17
"""Pixels between roofs, at least: room for the name of the lower one."""


def latency_plot(run: ProfileRun, path: Path, theme: str) -> bytes:
    """Latency of every segment with its samples, interval, floor and share, as a file's content.

    Args:
        run: What was measured.
        path: Its suffix names the format; nothing is written there.
        theme: Of ``drawing.theme.THEMES``.

    Raises:
        UnknownPicture: If suffix or theme is unknown.
    """
    check_plot(path, theme)
    return file_content(latency_figure(run, theme), path, f"Latency of {run.model.name}")


def roofline_plot(run: ProfileRun, path: Path, theme: str) -> bytes:
    """Every segment under the roofs of the machine, as a file's content.

    Args:
        run: What was measured, with roofs.
        path: Its suffix names the format; nothing is written there.
        theme: Of ``drawing.theme.THEMES``.

    Raises:
        UnknownPicture: If suffix or theme is unknown, or the run has no roofs.
    """
    check_plot(path, theme)
    return file_content(roofline_figure(run, theme), path, f"Roofline of {run.model.name}")


# Rows: a segment, or several that are alike.


class Row(NamedTuple):
    """A segment, or neighbouring blocks that are identical.

    Attributes:
        segments: In order; at least one.
    """

    segments: tuple[Segment, ...]

    @property
    def name(self) -> str:
        """Path of the segment, or of the first to the last: ``c4/block1-22``."""
        return span([segment.path for segment in self.segments])

    @property
    def repeats(self) -> int:
        """How many there are."""
        return len(self.segments)

    @property
    def stage(self) -> str:
        """Its stage; empty for a step."""
        first = self.segments[0]
        return "" if first.level == "step" else first.path.partition("/")[0]

    @property
    def role(self) -> Role:
        """What it is called in the diagrams, which have a colour for it."""
        match self.stage:
            case "":
                return "plain"
            case "stem" | "head" as role:
                return role
        return "stage"

    @property
    def median(self) -> float:
        """Seconds of one of them: the mean of their medians."""
        return sum(segment.latency.median for segment in self.segments) / self.repeats

    @property
    def interval(self) -> tuple[float, float] | None:
        """Ends of the 95 % interval of ``median``; None with too few rounds.

        Measured against a second that does not vary, the excess of the sum over it is the sum.
        """
        if self.repeats == 1:
            return self.segments[0].latency.interval
        parts = [segment.latency for segment in self.segments]
        second = Latency((1.0,) * len(parts[0].samples), parts[0].sampling)
        ends = interval_of_excess(parts, second)
        return None if ends is None else (
            (1 + ends[0]) / self.repeats, (1 + ends[1]) / self.repeats
        )  # fmt: skip

    @property
    def forward_share(self) -> float | None:
        """Of forward and backward together; None in inference and for a step."""
        pairs = [(one.forward, one.backward) for one in self.segments]
        known = [(ahead.median, back.median) for ahead, back in pairs if ahead and back]
        whole = sum(map(sum, known))
        return (
            sum(ahead for ahead, _ in known) / whole if len(known) == len(pairs) and whole else None
        )

    @property
    def floor_s(self) -> float | None:
        """The least seconds of one of them by the roofs; None without roofs and for a step."""
        floors = [segment.bound.floor_s for segment in self.segments if segment.bound]
        return sum(floors) / self.repeats if len(floors) == self.repeats else None

    def share(self, run: ProfileRun) -> float:
        """All of them, of the sum of the run's segments."""
        return sum(run.share(segment) for segment in self.segments)


def rows_of(run: ProfileRun, most: int = MOST_ROWS) -> tuple[Row, ...]:
    """A row for each segment in order; if they are more than ``most``, folded.

    Neighbouring blocks of a stage with the same MACs, bytes and least traffic are identical.
    """
    if len(run.segments) <= most:
        return tuple(Row((segment,)) for segment in run.segments)
    rows: list[list[Segment]] = []
    for segment in run.segments:
        if rows and _alike(rows[-1][-1], segment):
            rows[-1].append(segment)
        else:
            rows.append([segment])
    return tuple(Row(tuple(row)) for row in rows)


_BLOCK = re.compile(r"(.+/block)(\d+)", re.DOTALL)


def _alike(one: Segment, following: Segment) -> bool:
    before, after = _BLOCK.fullmatch(one.path), _BLOCK.fullmatch(following.path)
    if before is None or after is None or before[1] != after[1]:
        return False

    def counts(segment: Segment) -> tuple[int | None, ...]:
        least = (segment.bound.flops, segment.bound.bytes) if segment.bound else ()
        return (segment.macs, segment.bytes_moved, *least)

    return int(after[2]) == int(before[2]) + 1 and counts(one) == counts(following)


# The page: text is measured, then put down in pixels from the top left.


class _Frame(NamedTuple):
    """What stands above and below a plot, in lines.

    Attributes:
        title: Large.
        below: Lines below the title.
        foot: Lines at the bottom.
    """

    title: str
    below: tuple[str, ...]
    foot: tuple[str, ...]

    @classmethod
    def of(cls, run: ProfileRun, foot: Iterable[str]) -> _Frame:
        room = WIDTH - 2 * MARGIN
        size = "x".join(map(str, run.model.resolution))
        latency, end = run.end_to_end.latency, run.end_to_end
        interval = latency.interval
        within = (
            "" if interval is None
            else f" (95 % CI {seconds(interval[0])} to {seconds(interval[1])})"
        )  # fmt: skip
        whole = f"End to end {seconds(latency.median)}{within}, {end.images_per_s:.1f} images/s"
        return cls(
            cut(f"{run.model.name} @ {size}", room, TITLE, bold=True),
            tuple(line for text in (run.conditions, whole) for line in broken(text, room, TEXT)),
            tuple(line for text in foot for line in broken(text, room, SMALL)),
        )

    @property
    def head_height(self) -> float:
        """Down to the line of the key, inclusive."""
        return 34 + len(self.below) * TEXT * POINT * LEADING + 26

    @property
    def foot_height(self) -> float:
        return len(self.foot) * SMALL * POINT * LEADING + 18

    def put(self, page: Page, height: float) -> float:
        """Put it down; returns the line of the key."""
        page.words(MARGIN, 30, self.title, size=TITLE, bold=True)
        y = 34.0
        for line in self.below:
            y += TEXT * POINT * LEADING
            page.words(MARGIN, y, line, colour=page.theme.muted)
        for index, line in enumerate(reversed(self.foot)):
            below = height - 14 - index * SMALL * POINT * LEADING
            page.words(MARGIN, below, line, size=SMALL, colour=page.theme.muted)
        return y + 24


# Latency.


def latency_figure(run: ProfileRun, theme: str) -> Figure:
    """The latency plot, laid out; ``latency_plot`` makes a file of it.

    A folded row has the mean of its blocks' medians, the interval of that, and a ring per block.
    Where the samples of a few rounds would press everything else to the left, the axis ends before
    them, and an arrow at its end stands for each.

    Args:
        run: What was measured.
        theme: Of ``drawing.theme.THEMES``.
    """
    with pen():
        return _latency_figure(run, rows_of(run), THEMES[theme])


def _latency_figure(run: ProfileRun, rows: tuple[Row, ...], theme: Theme) -> Figure:
    frame = _Frame.of(run, [closure_line(run)])
    names = [cut(row.name, 210) for row in rows]
    values = [_each(row) for row in rows]
    step = max(1, math.ceil(len(rows) * run.rounds.kept / MOST_DOTS))
    pitch = 27 if len(rows) <= 12 else 23

    left = MARGIN + max(map(text_width, names)) + 12
    share_at = WIDTH - MARGIN - 120
    half_at = share_at - 22
    value_at = half_at - text_width("±100.0 %") - 12
    right = value_at - max(map(text_width, [*values, "median"])) - 16
    top = frame.head_height + 26
    bottom = top + len(rows) * pitch + 6
    height = bottom + 44 + frame.foot_height

    page = Page.blank(height, theme)
    page.key(frame.put(page, height), _latency_key(rows, theme, step))
    grid = mixed(theme.paper, theme.line, 0.32)

    ends = [end for row in rows for end in (row.median, row.floor_s or 0, *(row.interval or ()))]
    dots = [dot for row in rows for dot in _dots(row, step)]
    largest = min(max(ends + dots), 1.25 * max(ends)) or 1e-6
    factor, unit = next(
        (pair for pair in ((1.0, "s"), (1e3, "ms")) if largest * pair[0] >= 1), (1e6, "us")
    )
    scale = (right - left) / (largest * 1.03)

    heading = {"size": SMALL, "colour": theme.muted}
    page.words(value_at, top - 8, "median", side="right", **heading)  # type: ignore[arg-type]
    page.words(half_at, top - 8, "95 % CI", side="right", **heading)  # type: ignore[arg-type]
    page.words(share_at, top - 8, "share of sum", **heading)  # type: ignore[arg-type]
    for tick in _ticks(largest * factor):
        x = left + tick / factor * scale
        page.line((x, x), (top, bottom), grid, 0.7, rank=1)
        page.words(x, bottom + 16, f"{tick:g}", size=SMALL, colour=theme.muted, side="center")
    page.words(
        (left + right) / 2,
        bottom + 32,
        f"{unit} for a batch of {run.batch.used}",
        size=SMALL,
        colour=theme.muted,
        side="center",
    )
    page.line((left, left), (top, bottom), theme.line, 1, rank=4)

    widest = max(row.share(run) for row in rows)
    blocks = any("/" in row.name for row in rows)
    for index, (row, name, value) in enumerate(zip(rows, names, values, strict=True)):
        above = top + 3 + index * pitch
        middle = above + pitch / 2
        if blocks and index and row.stage != rows[index - 1].stage:
            page.line((MARGIN, WIDTH - MARGIN), (above, above), grid, 0.7, rank=1)
        page.words(left - 10, middle + 4, name, side="right")
        _row_bars(page, row, left, middle, scale)
        _row_dots(page, _dots(row, step), row.repeats > 1, left, middle, scale, right)
        if row.interval is not None:
            low, high = (min(left + end * scale, right) for end in row.interval)
            page.interval(low, high, middle)
        if row.floor_s is not None:
            x = left + row.floor_s * scale
            page.floor(x, middle - 9, middle + 9)
        page.words(value_at, middle + 4, value, side="right")
        page.words(half_at, middle + 4, _half_width(row), side="right", colour=theme.muted)
        share = row.share(run)
        page.bar(
            Box(share_at, middle - 5, share_at + 66 * share / (widest or 1), middle + 5),
            mixed(theme.paper, theme.line, 0.6),
        )
        page.words(WIDTH - MARGIN, middle + 4, percent(share), side="right")
    return page.figure


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
    """Samples of one segment, or the medians of several."""
    if row.repeats > 1:
        return tuple(segment.latency.median for segment in row.segments)
    return row.segments[0].latency.kept[::step]


def _row_bars(page: Page, row: Row, left: float, middle: float, scale: float) -> None:
    theme = page.theme
    end, ahead = left + row.median * scale, row.forward_share
    fill = theme.fills[row.role]
    if ahead is not None:
        between = left + row.median * ahead * scale
        page.bar(Box(between, middle - 7, end, middle + 7), _backward(theme, row.role), theme.line)
        end = between
    page.bar(Box(left, middle - 7, end, middle + 7), fill, theme.line)


def _backward(theme: Theme, role: Role) -> str:
    """A paler tint of the part's colour."""
    return mixed(theme.fills[role], theme.paper, 0.68)


def _row_dots(page: Page, dots: Sequence[float], folded: bool, left: float, middle: float,
              scale: float, right: float) -> None:  # fmt: skip
    """Marks of a row, the first of them at the top: a drift shows as a slope."""
    theme = page.theme
    spread = [
        (left + dot * scale, middle + 14 * ((index + 0.5) / len(dots) - 0.5))
        for index, dot in enumerate(dots)
    ]
    seen = [place for place in spread if place[0] <= right]
    beyond = [place for place in spread if place[0] > right]
    xs, ys = [x for x, _ in seen], [y for _, y in seen]
    if folded:
        page.marks(xs, ys, "o", 5, fill=theme.paper, edge=theme.muted, rank=4.5)
    else:
        page.marks(xs, ys, "o", 3, fill=theme.ink, alpha=0.38)
    page.marks([right] * len(beyond), [y for _, y in beyond], ">", 5, fill=theme.ink, alpha=0.5)


def _latency_key(rows: tuple[Row, ...], theme: Theme, step: int) -> list[tuple[str, str]]:
    fill: Role = "stage"
    folded = any(row.repeats > 1 for row in rows)
    if any(row.forward_share is not None for row in rows):
        entries = [
            (theme.fills[fill], "forward"),
            (_backward(theme, fill), "backward"),
        ]
    else:
        entries = [(theme.fills[fill], "median")]
    entries.append(("dot", "a round" if step == 1 else f"one round in {step}"))
    if folded:
        entries.append(("ring", "one of several blocks"))
    entries.append(("interval", "95 % CI"))
    if any(row.floor_s is not None for row in rows):
        entries.append(("floor", "least time the roofs allow"))
    return entries


def _ticks(largest: float) -> list[float]:
    """Round numbers from zero, about six of them."""
    from matplotlib.ticker import MaxNLocator

    ticks = MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]).tick_values(0, largest)
    return [float(tick) for tick in ticks if 0 <= tick <= largest * 1.03]


# Roofline.


class Point(NamedTuple):
    """A row of the roofline plot that does arithmetic.

    Attributes:
        row: Of the run; identical neighbours folded.
        intensity: FLOP per byte that cannot be left out.
        rate: FLOP/s measured, all of them together.
        attainable: FLOP/s if each took its floor.
        share: Of the sum of the segments.
    """

    row: Row
    intensity: float
    rate: float
    attainable: float
    share: float


class Roof(NamedTuple):
    """A line of the roofline plot.

    Attributes:
        names: Of the operations, or of the levels of memory, whose roofs are too near each other to
            be drawn apart.
        rate: FLOP/s or bytes/s of the fastest of them, where the line is drawn.
        least: Of the slowest.
    """

    names: tuple[str, ...]
    rate: float
    least: float

    def label(self, unit: str) -> str:
        """Names and rate: one name, two, or the first and the last.

        >>> Roof(("L3", "DRAM"), 6e10, 4.5e10).label("B/s")
        'L3, DRAM 45.0 G to 60.0 GB/s'
        """
        names = ", ".join(self.names)
        if len(self.names) > 2:
            names = f"{self.names[0]} to {self.names[-1]}"
        least = f"{count(round(self.least))} to " if self.least < 0.95 * self.rate else ""
        return f"{names} {least}{count(round(self.rate))}{unit}"


def points_of(run: ProfileRun) -> tuple[Point, ...]:
    """The points of the roofline plot, in the order of the network.

    Segments without arithmetic or traffic have none.
    """
    found = []
    for row in rows_of(run, most=0):
        bounds = [segment.bound for segment in row.segments if segment.bound]
        flops, moved = sum(b.flops for b in bounds), sum(b.bytes for b in bounds)
        floor, taken = sum(b.floor_s for b in bounds), sum(b.seconds for b in bounds)
        if flops and moved and floor:
            found.append(
                Point(row, flops / moved, flops / taken, flops / floor, row.share(run))
            )  # fmt: skip
    return tuple(found)


def roof_lines(named: Iterable[tuple[str, float]], apart: float) -> tuple[Roof, ...]:
    """Lines of roofs, the highest first.

    Of roofs with the same name the fastest counts.

    Args:
        named: Name and rate of each, in the order in which names are to be told.
        apart: Roofs whose rates differ by a smaller factor share a line.

    >>> [roof.names for roof in roof_lines([("L2", 2e11), ("L3", 6e10), ("DRAM", 5e10)], 1.3)]
    [('L2',), ('L3', 'DRAM')]
    """
    best: dict[str, float] = {}
    for name, rate in named:
        best[name] = max(rate, best.get(name, rate))
    lines: list[list[str]] = []
    for name in sorted(best, key=lambda name: -best[name]):
        if lines and best[name] * apart > best[lines[-1][0]]:
            lines[-1].append(name)
        else:
            lines.append([name])
    order = list(best)
    return tuple(
        Roof(tuple(sorted(line, key=order.index)), best[line[0]], best[line[-1]]) for line in lines
    )


def roofline_figure(run: ProfileRun, theme: str) -> Figure:
    """The roofline plot, laid out; ``roofline_plot`` makes a file of it.

    Names are placed where they cover nothing; where there is no such place a name is left out, and
    the last line says how many are.

    Args:
        run: What was measured, with roofs.
        theme: Of ``drawing.theme.THEMES``.

    Raises:
        UnknownPicture: If the run has no roofs, or no segment to set against them.
    """
    if run.roofs is None:
        raise UnknownPicture("the run has no roofs to draw", "measure with --roofs")
    points = points_of(run)
    if not points:
        raise UnknownPicture(
            "the run has no segment to set against its roofs", "measure again with --roofs"
        )
    with pen():
        return _roofline_figure(run, run.roofs, points, THEMES[theme])


@dataclass(frozen=True, slots=True)
class _Scale:
    """Where intensities and rates lie in the plot; both logarithmic.

    Attributes:
        box: The plot, in pixels.
        low: Least intensity and rate.
        high: Greatest intensity and rate.
    """

    box: Box
    low: tuple[float, float]
    high: tuple[float, float]

    @property
    def decades(self) -> tuple[float, float]:
        """Pixels of a decade, across and up."""
        return (
            (self.box.right - self.box.left) / math.log10(self.high[0] / self.low[0]),
            (self.box.bottom - self.box.top) / math.log10(self.high[1] / self.low[1]),
        )

    def at(self, intensity: float, rate: float) -> tuple[float, float]:
        """Pixels of a point."""
        across, up = self.decades
        return (
            self.box.left + across * math.log10(intensity / self.low[0]),
            self.box.bottom - up * math.log10(rate / self.low[1]),
        )


def _roofline_figure(
    run: ProfileRun, roofs: Roofs, points: tuple[Point, ...], theme: Theme
) -> Figure:
    highest = roofs.flops_per_s
    intensities = [point.intensity for point in points]
    rates = [rate for point in points for rate in (point.rate, point.attainable)]
    ridges = [highest / roof.bytes_per_s for roof in roofs.bandwidth]
    left_out = [row.name for row in rows_of(run, most=0) if row not in [p.row for p in points]]

    def foot(unnamed: int) -> list[str]:
        lines = [
            "FLOP: two per MAC of convolutions and classifier, none that fall on padding. Bytes: "
            "the least traffic of each kernel, its inputs and weights read once and its result "
            "written once. What a segment can reach lies below the roofs where its kernels do not "
            "all run into the same one.",
            f"Roofs, {roofs.precision}: {roofs.method}.",
        ]
        if left_out:
            lines.append(f"Not shown, no arithmetic: {', '.join(left_out)}.")
        if unnamed:
            lines.append(f"Without a name for want of room: {unnamed}.")
        return lines

    frame = _Frame.of(run, foot(0))
    top = frame.head_height + 28
    box = Box(MARGIN + 58, top, WIDTH - MARGIN, top + 430)
    scale = _Scale(
        box,
        (min(min(intensities) / 2.2, min(ridges) / 3.5), min(min(rates) / 2.5, highest / 6)),
        (max(*intensities, max(ridges) / 2) * 4, max(highest, *rates) * 1.6),
    )
    across, up = scale.decades
    level, rising = _NEAREST / up, _NEAREST * math.hypot(across, up) / across / up
    compute = roof_lines([(roof.op, roof.flops_per_s) for roof in roofs.compute], 10**level)
    bandwidth = roof_lines([(of.level, of.bytes_per_s) for of in roofs.bandwidth], 10**rising)
    signs = [
        ("bubble", "segment, its area by its share of the time"),
        ("attainable", "what the roofs allow it"),
        ("ridge", "ridge, at FLOP per byte"),
    ]
    if any(point.row.repeats > 1 for point in points):
        signs.insert(1, ("dot", "one of several blocks"))

    def drawn(frame: _Frame) -> tuple[Page, int]:
        height = box.bottom + 48 + frame.foot_height
        page = Page.blank(height, theme)
        page.key(frame.put(page, height), signs)
        _grid(page, scale)
        labels = Labels(box)
        _points(page, scale, points, labels)
        unnamed = _roofs(page, scale, compute, bandwidth, labels)
        return page, unnamed + _name_points(page, scale, points, labels)

    page, unnamed = drawn(frame)
    return drawn(_Frame.of(run, foot(unnamed)))[0].figure if unnamed else page.figure


def _grid(page: Page, scale: _Scale) -> None:
    theme, box = page.theme, scale.box
    faint = mixed(theme.paper, theme.line, 0.32)
    for tick, named in log_ticks(scale.low[0], scale.high[0]):
        x, _ = scale.at(tick, scale.low[1])
        page.line((x, x), (box.top, box.bottom) if named else (box.bottom, box.bottom + 4),
                  faint if named else theme.line, 0.7, rank=1)  # fmt: skip
        if named:
            page.words(x, box.bottom + 18, f"{tick:g}", size=SMALL, colour=theme.muted,
                       side="center")  # fmt: skip
    for tick, named in log_ticks(scale.low[1], scale.high[1]):
        _, y = scale.at(scale.low[0], tick)
        page.line((box.left, box.right) if named else (box.left - 4, box.left), (y, y),
                  faint if named else theme.line, 0.7, rank=1)  # fmt: skip
        if named:
            page.words(box.left - 8, y + 4, short(tick), size=SMALL, colour=theme.muted,
                       side="right")  # fmt: skip
    page.line((box.left, box.left, box.right), (box.top, box.bottom, box.bottom), theme.line, 1)
    page.words(MARGIN, box.top - 9, "FLOP/s", size=SMALL, colour=theme.muted)
    page.words((box.left + box.right) / 2, box.bottom + 36, "FLOP per byte", size=SMALL,
               colour=theme.muted, side="center")  # fmt: skip


def _radius(share: float) -> float:
    """Pixels; area in proportion, but never too small to be seen."""
    return max(4.0, 40 * math.sqrt(share))


def _points(page: Page, scale: _Scale, points: Sequence[Point], labels: Labels) -> None:
    theme = page.theme
    for point in points:
        x, y = scale.at(point.intensity, point.rate)
        _, reach = scale.at(point.intensity, point.attainable)
        radius = _radius(point.share)
        page.line((x, x), (y, reach), theme.muted, 0.9, ":", rank=3)
        page.line((x - 6, x + 6), (reach, reach), theme.edges["projection"], 2, rank=7)
        labels.marks += [
            Box(x - radius, y - radius, x + radius, y + radius),
            Box(x - 7, reach - 2, x + 7, reach + 2),
        ]
        labels.stems.append(((x, y), (x, reach)))
    for point in sorted(points, key=lambda point: -point.share):
        x, y = scale.at(point.intensity, point.rate)
        page.marks((x,), (y,), "o", 2 * _radius(point.share), fill=theme.fills[point.row.role],
                   edge=theme.muted, alpha=0.85, rank=4)  # fmt: skip
        if point.row.repeats > 1:
            bounds = [segment.bound for segment in point.row.segments if segment.bound]
            ys = [scale.at(point.intensity, bound.flops_per_s)[1] for bound in bounds]
            page.marks([x] * len(ys), ys, "o", 3, fill=theme.ink, alpha=0.45, rank=4.5)
            labels.marks += [Box(x - 3, min(ys) - 3, x + 3, max(ys) + 3)]
        page.marks((x,), (y,), "o", 5, fill=theme.paper, edge=theme.ink, rank=5)


def _roofs(page: Page, scale: _Scale, compute: Sequence[Roof], bandwidth: Sequence[Roof],
           labels: Labels) -> int:  # fmt: skip
    """Lines, ridge points, and the names along them; returns how many found no place."""
    theme, highest = page.theme, compute[0].rate
    lines: list[tuple[str, Line, str]] = []
    for index, roof in enumerate(compute):
        first = max(scale.low[0], roof.rate / bandwidth[0].rate)
        line = scale.at(first, roof.rate), scale.at(scale.high[0], roof.rate)
        colour, width, style = (theme.muted, 1.0, "--") if index else (theme.ink, 1.8, "-")
        page.stroke(line, colour, width, style)
        lines.append((roof.label("FLOP/s"), line, colour))
    for index, roof in enumerate(bandwidth):
        first, ridge = max(scale.low[0], scale.low[1] / roof.rate), highest / roof.rate
        line = scale.at(first, first * roof.rate), scale.at(ridge, highest)
        colour, width = (theme.muted, 1.0) if index else (theme.ink, 1.8)
        page.stroke(line, colour, width)
        lines.append((roof.label("B/s"), line, colour))
        x, y = line[1]
        page.marks((x,), (y,), "D", 6, fill=theme.paper, edge=theme.ink, rank=6)
        labels.marks.append(Box(x - 5, y - 5, x + 5, y + 5))
    for roof in bandwidth:
        _name_ridge(page, scale.at(highest / roof.rate, highest), highest / roof.rate, labels)
    labels.roofs += [line for _, line, _ in lines]
    return sum(not _name_roof(page, text, line, colour, labels) for text, line, colour in lines)


def _name_ridge(page: Page, at: tuple[float, float], ridge: float, labels: Labels) -> None:
    """Its intensity above it, or higher up where another is in the way."""
    text = f"{ridge:.3g}"
    half = text_width(text, SMALL) / 2
    for above in (9, 22, 35):
        place = Box(at[0] - half - 2, at[1] - above - 10, at[0] + half + 2, at[1] - above + 2)
        if labels.cost([place]) < math.inf:
            page.words(at[0], at[1] - above, text, size=SMALL, colour=page.theme.muted,
                       side="center")  # fmt: skip
            labels.texts.append(place)
            return


def _name_roof(page: Page, text: str, line: Line, colour: str, labels: Labels) -> bool:
    """A name along a line: of a level one at its end, of a rising one at its beginning."""
    text = cut(text, 300, SMALL)
    start, end = line
    tilt = math.atan2(start[1] - end[1], end[0] - start[0])
    wide, step = text_width(text, SMALL), 6
    places = [float(place) for place in range(4, int(math.dist(start, end) - wide - 4), step)]
    options = []
    for above, dearer in ((8, 0), (-14, 30)) if tilt == 0 else ((5, 0),):
        for rank, place in enumerate(reversed(places) if tilt == 0 else places):
            anchor = _along(start, tilt, place, above)
            slices = _slices(anchor, tilt, wide)
            cost = labels.cost(slices, own=line) + dearer + rank / 10
            options.append((cost, anchor, slices))
    best = min(options, key=lambda option: option[0], default=None)
    if best is None or best[0] == math.inf:
        return False
    _, (x, y), slices = best
    page.words(x, y, text, size=SMALL, colour=colour, degrees=math.degrees(tilt), over=tilt == 0)
    labels.texts += slices
    return True


def _along(
    start: tuple[float, float], tilt: float, place: float, above: float
) -> tuple[float, float]:
    """Where text begins that stands so far along a line and so far above it."""
    return (
        start[0] + place * math.cos(tilt) - above * math.sin(tilt),
        start[1] - place * math.sin(tilt) - above * math.cos(tilt),
    )


def _slices(anchor: tuple[float, float], tilt: float, wide: float) -> list[Box]:
    """Boxes that cover a line of small text at an angle."""
    tall, below = 10.0, 3.0
    pieces = 1 if tilt == 0 else max(1, math.ceil(wide / 8))
    found = []
    for piece in range(pieces):
        corners = [
            _along(anchor, tilt, wide * (piece + more) / pieces, height)
            for more, height in product((0, 1), (-below, tall))
        ]
        xs, ys = zip(*corners, strict=True)
        found.append(Box(min(xs) - 1, min(ys) - 1, max(xs) + 1, max(ys) + 1))
    return found


def _name_points(page: Page, scale: _Scale, points: Sequence[Point], labels: Labels) -> int:
    """Names beside their points, the greatest first; returns how many found no place."""
    unnamed = 0
    discs = {point: (scale.at(point.intensity, point.rate), _radius(point.share))
             for point in points}  # fmt: skip
    for point in sorted(points, key=lambda point: -point.share):
        (x, y), radius = discs[point]
        text = f"{cut(point.row.name, 210)} {percent(point.share)}"
        wide = text_width(text)
        best: tuple[float, Box, Line | None] = math.inf, labels.box, None
        for gap, turn in product((3, 8, 15, 24, 36, 50, 68, 90, 115, 145), range(24)):
            ahead, down = math.cos(turn * math.pi / 12), math.sin(turn * math.pi / 12)
            middle_x = x + (radius + gap + wide / 2 * abs(ahead)) * ahead
            middle_y = y + (radius + gap + 6) * down
            place = Box(
                middle_x - wide / 2 - 2, middle_y - 8, middle_x + wide / 2 + 2, middle_y + 8
            )
            if gap >= best[0] or labels.cost([place]) == math.inf:
                continue
            away = place.distance(x, y) - radius
            nearest = min(place.distance(*at) - rim for at, rim in discs.values())
            leader = None if away <= min(9, nearest + 1) else leader_to((x, y), radius, place)
            cost = labels.cost([place], leader) + gap
            if leader is not None and down < 0 and abs(leader[0][0] - leader[1][0]) < 4:
                cost += 20  # it would run along the point's own stem
            if cost < best[0]:
                best = cost, place, leader
        cost, place, leader = best
        if cost == math.inf:
            unnamed += 1
            continue
        if leader is not None:
            page.stroke(leader, page.theme.muted, 0.8, rank=4.6)
            labels.leaders.append(leader)
        # Another font may be narrower: the side nearest the point stays where it is.
        if place.right <= x:
            page.words(place.right - 2, place.bottom - 4, text, side="right")
        elif place.left >= x:
            page.words(place.left + 2, place.bottom - 4, text)
        else:
            middle = (place.left + place.right) / 2
            page.words(middle, place.bottom - 4, text, side="center")
        labels.texts.append(place)
    return unnamed
