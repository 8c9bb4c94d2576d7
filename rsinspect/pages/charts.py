"""Charts as pictures in a page."""

from __future__ import annotations

from functools import partial

from rsinspect.answers.chart import Chart
from rsinspect.drawing.size import parse_size
from rsinspect.pages.parts import Drawn
from rsinspect.plots.chart import chart_plot
from rsinspect.plots.sheet import Sheet

SHEET = Sheet(parse_size("560px"), title="", caption=False)
"""Half of a wide window, and all of a narrow one."""


def drawn_chart(name: str, chart: Chart, says: str, caption: str = "") -> Drawn:
    """Draw a chart for a page.

    Args:
        name: Its id in the page.
        chart: What to show; its title, subtitle and notes are the page's to say.
        says: What it shows, for who cannot see it.
        caption: What stands below it.
    """
    bare = chart._replace(title="", subtitle="")
    return Drawn(name, partial(chart_plot, bare, "svg", sheet=SHEET), says, caption)
