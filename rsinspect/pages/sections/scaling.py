"""A network at other depths, widths and resolutions."""

from __future__ import annotations

from rsinspect.pages.parts import Section
from rsinspect.pages.report import Report


def section(report: Report) -> Section | None:
    """Place each network in the design space around it."""
    return None
