"""The network to explore: stages, blocks, layers and all that is known of them."""

from __future__ import annotations

from rsinspect.drawing.views import view
from rsinspect.pages.parts import Explorer, Section
from rsinspect.pages.report import Report
from rsinspect.pages.runs import runs_beside
from rsinspect.pages.scenes import coloured


def section(report: Report) -> Section | None:
    """Make each network of a report explorable; several stand among their differences."""
    if len(report.subjects) > 1 and report.shows("differences"):
        return None
    compared = None
    if len(report.subjects) == 1:  # which has several runs, perhaps
        compared = next((x.comparison for x in runs_beside(report.subjects) if x.comparison), None)
    scenes = [
        coloured(view(each.network, "stages", question=report.question, deep=True), each, compared)
        for each in report.subjects
    ]
    title = "The network" if len(scenes) == 1 else "The networks"
    return Section("graph", title, tuple(map(Explorer, scenes)))
