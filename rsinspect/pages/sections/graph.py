"""The network to explore: stages, blocks, layers and all that is known of them."""

from __future__ import annotations

from rsinspect.drawing.views import view
from rsinspect.pages.parts import Explorer, Section
from rsinspect.pages.report import Report


def section(report: Report) -> Section | None:
    """Make each network of a report explorable."""
    scenes = [
        view(subject.network, "stages", question=report.question, deep=True)
        for subject in report.subjects
    ]
    return Section("graph", "The network", tuple(map(Explorer, scenes)))
