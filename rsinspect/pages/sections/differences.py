"""How the networks or runs of a report differ."""

from __future__ import annotations

from rsinspect.pages.parts import Section
from rsinspect.pages.report import Report


def section(report: Report) -> Section | None:
    """Compare what a report is about; None where it is about one thing."""
    return None
