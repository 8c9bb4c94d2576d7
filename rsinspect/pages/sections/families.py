"""A network among the others: accuracy against what it costs."""

from __future__ import annotations

from rsinspect.pages.parts import Section
from rsinspect.pages.report import Report


def section(report: Report) -> Section | None:
    """Place each network among the published ones."""
    return None
