"""A network at a glance."""

from __future__ import annotations

from rsinspect.answers.summary import SummaryOptions, summary_answer
from rsinspect.base.units import count
from rsinspect.pages.parts import Fact, Facts, Section
from rsinspect.pages.report import Report


def section(report: Report) -> Section | None:
    """Name what there is to know of each network of a report."""
    found = []
    for subject in report.subjects:
        options = SummaryOptions(question=report.question)
        totals = summary_answer(subject.network, options).document["totals"]
        params = totals["params"]
        found.append(Facts((Fact("Parameters", count(params), params),)))
    return Section("facts", "At a glance", tuple(found))
