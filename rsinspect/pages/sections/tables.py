"""What the stages, blocks and layers cost."""

from __future__ import annotations

from rsinspect.pages.parts import Section
from rsinspect.pages.report import Report


def section(report: Report) -> Section | None:
    """Tabulate each network of a report."""
    return None
