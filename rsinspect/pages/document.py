"""What a page says, as one JSON document that any program reads.

    {"schema": "rsinspect.report/1", "title": ..., "command": what makes the page again,
     "question": {"convention", "batch", "dtype"}, "notes": [sentences],
     "subjects": [{"key": "a", "text": MODEL as written, "network": rsinspect.network/2,
                   "summary": what ``summary`` prints as JSON, with the weights of each stage,
                   "runs": [what ``profile`` prints as JSON, but thin (``record.thin``)],
                   "weights": null or {"file", "absent_tensors", "identity"}}]}

``networks.named`` and ``profiling.record.saved`` read it back.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rsinspect.answers.summary import SummaryOptions, summary_answer
from rsinspect.base.embedded import REPORT
from rsinspect.base.text import showable
from rsinspect.layers.question import Question
from rsinspect.networks.compact import to_compact
from rsinspect.pages.report import Report
from rsinspect.pages.subject import Subject
from rsinspect.profiling.record.thin import thin
from rsinspect.weights.layer_weights import LayerWeights


def document_of(report: Report) -> dict[str, Any]:
    """Write what a report says, of documents that the commands write."""
    return {
        "schema": REPORT,
        "title": report.heading,
        "command": report.command,
        "question": asdict(report.question),
        "notes": list(report.notes),
        "subjects": [_subject(subject, report.question) for subject in report.subjects],
    }


def _subject(subject: Subject, question: Question) -> dict[str, Any]:
    """Write what is known of a network."""
    network, weights = subject.network, subject.weights
    options = SummaryOptions(question=question)
    return {
        "key": subject.key,
        "text": subject.text,
        "network": to_compact(network),
        "summary": summary_answer(network, options, weights).document,
        "runs": [thin(run, network) for run in subject.runs],
        "weights": None if weights is None else _weights(weights),
    }


def _weights(weights: LayerWeights) -> dict[str, Any]:
    """Say which file the weights are in, and what it lacks."""
    return {
        "file": showable(weights.path.name),
        "absent_tensors": weights.absent,
        "identity": weights.identity or None,
    }
