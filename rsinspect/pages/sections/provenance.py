"""What the numbers mean and where they are from, and how to make the page again."""

from __future__ import annotations

from rsinspect.pages.parts import Section
from rsinspect.pages.report import Report


def section(report: Report) -> Section | None:
    """Say how the page was made."""
    return None
