"""What was measured: latencies, and how near they come to what the machine can do."""

from __future__ import annotations

from rsinspect.pages.parts import Section
from rsinspect.pages.report import Report


def section(report: Report) -> Section | None:
    """Show the measurements of a report; None where there are none."""
    return None
