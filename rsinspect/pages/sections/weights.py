"""What the weights in a file are like."""

from __future__ import annotations

from rsinspect.pages.parts import Section
from rsinspect.pages.report import Report


def section(report: Report) -> Section | None:
    """Show the weights of a report; None where no file is named."""
    return None
