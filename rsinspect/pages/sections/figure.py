"""The paper's Figure 6 of a network, or the like of another."""

from __future__ import annotations

from rsinspect.pages.parts import Section
from rsinspect.pages.report import Report


def section(report: Report) -> Section | None:
    """Draw each network of a report."""
    return None
