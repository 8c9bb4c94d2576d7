"""What the paper says of a network, beside what is computed here."""

from __future__ import annotations

from rsinspect.pages.parts import Section
from rsinspect.pages.report import Report


def section(report: Report) -> Section | None:
    """Show the paper's rows; None where the paper has none of these networks."""
    return None
