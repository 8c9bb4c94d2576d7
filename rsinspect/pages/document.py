"""What a page says, as one JSON document that any program reads."""

from __future__ import annotations

from typing import Any

from rsinspect.answers.summary import SummaryOptions, summary_answer
from rsinspect.pages.report import Report

SCHEMA = "rsinspect.report/1"
"""Version of the document. 1: first."""


def document_of(report: Report) -> dict[str, Any]:
    """Write what a report says, of documents that the commands write."""
    return {
        "schema": SCHEMA,
        "title": report.heading,
        "command": report.command,
        "subjects": [
            {
                "key": subject.key,
                "text": subject.text,
                "network": subject.network.to_json(),
                "summary": summary_answer(
                    subject.network, SummaryOptions(question=report.question)
                ).document,
            }
            for subject in report.subjects
        ],
    }
