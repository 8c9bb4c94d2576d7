"""Charts as values: axes, series of points and facets, without a word on how they look.

A ``Chart`` is to a plot what a ``Table`` is to a printed table: exact values and their names.
``rsinspect.plots.chart`` turns it into a file.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from rsinspect.answers.table import Kind

Joined = Literal["none", "solid", "dashed"]
"""What goes from each point of a series to the next."""

Look = Literal["full", "hollow", "pale"]
"""How a point stands out among those of its series; a chart says what each means."""


class Axis(NamedTuple):
    """What is measured along one side.

    Attributes:
        label: Quantity, unit and convention in words.
        kind: How its values are written, as in a table's column.
        log: Whether equal ratios are equally far apart.
    """

    label: str
    kind: Kind = "number"
    log: bool = False


class Point(NamedTuple):
    """One point.

    Attributes:
        x: In the unit of the x axis.
        y: In the unit of the y axis.
        label: Its name, or nothing; labels that find no free room are left out and counted.
        x_ends: Of the 95 % interval of ``x``; None where it has none.
        look: Of its mark.
        ringed: Whether it is one that the chart is about.
    """

    x: float
    y: float
    label: str = ""
    x_ends: tuple[float, float] | None = None
    look: Look = "full"
    ringed: bool = False


class Rule(NamedTuple):
    """Something of which only the x is known: a line from top to bottom.

    Attributes:
        x: In the unit of the x axis.
        label: Its name.
    """

    x: float
    label: str


class Series(NamedTuple):
    """Points that belong together.

    Attributes:
        name: In the key.
        points: In the order in which a line joins them.
        line: What joins them.
        group: Series of one group share their colour and mark; its own by default.
        faint: Whether it is the background to the others, such as points behind a Pareto front.
    """

    name: str
    points: tuple[Point, ...]
    line: Joined = "none"
    group: str = ""
    faint: bool = False


class Facet(NamedTuple):
    """Series on one pair of axes.

    Attributes:
        title: What sets this facet apart; empty where there is one.
        series: The same names in every facet look alike.
    """

    title: str
    series: tuple[Series, ...]


class Chart(NamedTuple):
    """One picture of one or several facets side by side, on the same axes.

    Attributes:
        title: One line.
        subtitle: What, where, under which convention.
        x: Horizontal axis of every facet.
        y: Vertical axis of every facet.
        facets: From left to right.
        notes: Remarks and sources, below.
        looks: What each look of a point means, in the order of the key.
        ringed: What a ring around a point means; empty where none has one.
        rules: Lines of what lies somewhere along x.
        ruled: What these lines mean.
    """

    title: str
    subtitle: str
    x: Axis
    y: Axis
    facets: tuple[Facet, ...]
    notes: tuple[str, ...] = ()
    looks: tuple[tuple[Look, str], ...] = ()
    ringed: str = ""
    rules: tuple[Rule, ...] = ()
    ruled: str = ""

    @property
    def points(self) -> tuple[Point, ...]:
        """List all points of all facets."""
        return tuple(p for facet in self.facets for series in facet.series for p in series.points)

    @property
    def series(self) -> dict[str, Series]:
        """Index series by name; of equal names in several facets the last wins."""
        return {series.name: series for facet in self.facets for series in facet.series}

    def values(self, axis: Literal["x", "y"]) -> tuple[float, ...]:
        """Collect what lies along an axis, ends of intervals included."""
        if axis == "y":
            return tuple(point.y for point in self.points)
        values = [value for point in self.points for value in (point.x, *(point.x_ends or ()))]
        return (*values, *(rule.x for rule in self.rules))
