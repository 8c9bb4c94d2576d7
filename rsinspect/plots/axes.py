"""Scales and their ticks, and the grid that a plot lies on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from rsinspect.base.units import count
from rsinspect.plots.page import Box, Page, Pen, Place, mixed
from rsinspect.plots.text import SMALL, text_width

LARGEST = 1e30
"""What a plot can show: no number of a network or a machine is near it."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Values and the pixels they lie at.

    Attributes:
        low: Least value.
        high: Greatest value.
        start: Pixel of the least.
        end: Pixel of the greatest.
        log: Whether equal ratios are equally far apart.
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        """Place a value; on a logarithmic scale it is above 0."""
        if self.log:
            part = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            part = (value - self.low) / (self.high - self.low)
        return self.start + (self.end - self.start) * part

    @property
    def decade(self) -> float:
        """Measure a factor of ten of a logarithmic scale, in pixels."""
        return abs(self.end - self.start) / math.log10(self.high / self.low)


class Tick(NamedTuple):
    """A line of the grid, or a short one at the axis.

    Attributes:
        value: On the scale.
        text: Its name; a short tick has none.
    """

    value: float
    text: str


def log_ticks(low: float, high: float) -> list[tuple[float, bool]]:
    """List ones to nines of each decade, and whether they are named: of few decades more are.

    >>> log_ticks(8, 30)
    [(8.0, False), (9.0, False), (10.0, True), (20.0, True), (30.0, True)]
    """
    decades = math.log10(high / low)
    ticks = [
        (digit * 10.0**power, digit)
        for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        for digit in range(1, 10)
    ]
    inside = [(tick, digit) for tick, digit in ticks if low <= tick <= high]
    usual: tuple[int, ...] = (1, 2, 5) if decades < 2 else (1, 3) if decades < 3 else (1,)
    every = tuple(range(1, 10))
    named = next(  # more digits where less than a decade is shown
        (
            digits
            for digits in (usual, (1, 2, 3, 5, 7))
            if sum(digit in digits for _, digit in inside) >= 3
        ),
        every,
    )
    return [(tick, digit in named) for tick, digit in inside]


def even_ticks(
    low: float, high: float, steps: tuple[float, ...] = (1, 2, 2.5, 5, 10)
) -> list[float]:
    """List round numbers, about six of them, from the one at or below the low end."""
    from matplotlib.ticker import MaxNLocator

    return [float(tick) for tick in MaxNLocator(nbins=6, steps=steps).tick_values(low, high)]


def short(rate: float) -> str:
    """Write a round number with its suffix.

    >>> short(1e11)
    '100 G'
    """
    number, _, suffix = count(round(rate)).partition(" ")
    return f"{float(number):g} {suffix}".rstrip()


class Ruler(NamedTuple):
    """A scale with its ticks.

    Attributes:
        scale: Of the values.
        ticks: On it.
    """

    scale: Scale
    ticks: tuple[Tick, ...]


def faint(page: Page) -> str:
    """Mix the colour of a grid."""
    return mixed(page.theme.paper, page.theme.line, 0.32)


def draw_grid(page: Page, box: Box, across: Ruler, up: Ruler, *, name_up: bool = True) -> None:
    """Draw the grid of a plot, name the ticks, and draw both axes.

    Args:
        page: Where to.
        box: The plot.
        across: From left to right.
        up: From bottom to top.
        name_up: Whether the ticks of ``up`` are named.
    """
    theme = page.theme
    taken = -math.inf
    for tick, text in across.ticks:
        x = across.scale.at(tick)
        _tick(page, ((x, box.top), (x, box.bottom)), ((x, box.bottom), (x, box.bottom + 4)), text)
        wide = text_width(text, SMALL)
        if text and x - wide / 2 > taken + 6:
            page.remark((x, box.bottom + 18), text, "center")
            taken = x + wide / 2
    for tick, text in up.ticks:
        y = up.scale.at(tick)
        _tick(page, ((box.left, y), (box.right, y)), ((box.left - 4, y), (box.left, y)), text)
        if text and name_up:
            page.remark((box.left - 8, y + 4), text, "right")
    corner = [(box.left, box.top), (box.left, box.bottom), (box.right, box.bottom)]
    page.line(corner, Pen(theme.line))


def _tick(page: Page, whole: tuple[Place, Place], short: tuple[Place, Place], text: str) -> None:
    """Draw a line through the plot, or a short tick where it has no name."""
    colour = faint(page) if text else page.theme.line
    page.line(whole if text else short, Pen(colour, 0.7, rank=1))
