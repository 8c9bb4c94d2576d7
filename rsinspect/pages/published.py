"""Which of a report's networks are published ones, and how accurate those are."""

from __future__ import annotations

from rsinspect import paper
from rsinspect.pages.report import Report
from rsinspect.pages.subject import Subject
from rsinspect.profiling.record.model import Model
from rsinspect.tradeoffs.measurements import published_name


def published_text(subject: Subject) -> str | None:
    """Name the published network that a subject is, with its size: ``152@224``; None for others."""
    return published_name(Model.of(subject.network), subject.network)


def published_accuracy(subject: Subject) -> tuple[paper.Accuracy, str] | None:
    """Find the accuracy that is published of a network at its size, the paper's before others.

    Returns:
        With the name of its source; None where nobody has published one.
    """
    text = published_text(subject)
    for source in paper.ACCURACY_SOURCES:
        for known in paper.accuracies(source):
            if known.model == text:
                return known, source
    return None


def published_subjects(report: Report) -> dict[str, Subject]:
    """List the subjects that are published networks, by the text of those; each once."""
    found: dict[str, Subject] = {}
    for subject in report.subjects:
        text = published_text(subject)
        if text is not None:
            found.setdefault(text, subject)
    return found
