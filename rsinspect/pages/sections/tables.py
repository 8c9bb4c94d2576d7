"""What the stages, blocks and layers cost."""

from __future__ import annotations

from rsinspect.answers.levels import summary_levels
from rsinspect.pages.parts import Section, Tabled
from rsinspect.pages.report import Report

LEVELS = ("stages", "blocks", "layers")


def section(report: Report) -> Section | None:
    """Tabulate each network of a report, its layers in its blocks in its stages."""
    parts = []
    for subject in report.subjects:
        levels = summary_levels(subject.network, report.question)
        name = f"costs-{subject.key}"
        parts.append(Tabled(name, levels.answer, levels.hidden, levels.depths, LEVELS))
    return Section("tables", "Stages, blocks and layers", tuple(parts))
