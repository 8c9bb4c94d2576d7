"""Estimates as a table and as a document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rsinspect.answers.table import Answer, Column, Note, Table, Value
from rsinspect.base.words import Option, advice
from rsinspect.estimates.estimate import Estimate, Estimator
from rsinspect.profiling.statistics import NOMINAL_COVERAGE

SCHEMA = "rsinspect.estimate/1"
"""Version of the document. 1: first."""


def estimate_answer(estimates: Sequence[Estimate], known: Estimator) -> Answer:
    """Tabulate estimates, in the order given.

    Args:
        estimates: At least one.
        known: What they are from.
    """
    beyond = any(one.extrapolates for one in estimates)
    rows: list[dict[str, Value]] = [
        {
            "model": one.title,
            "batch": one.batch,
            "latency_s": one.latency_s,
            "low_s": one.low_s,
            "high_s": one.high_s,
            "images_per_s": one.images_per_s,
            "beyond": "; ".join(one.extrapolates),
        }
        for one in estimates
    ]
    return Answer(
        Table(
            title=f"Estimated latency{known.conditions and f': {known.conditions}'}",
            columns=(
                Column("model", "Model"),
                Column("batch", "Batch", "integer"),
                Column("latency_s", "Latency\nestimated", "seconds"),
                Column("low_s", "95 %\nfrom", "seconds"),
                Column("high_s", "\nto", "seconds"),
                Column("images_per_s", "Images\n/s", "number", decimals=1),
                *((Column("beyond", "Beyond what was measured", wraps=True),) if beyond else ()),
            ),
            rows=tuple(rows),
            notes=tuple(_notes(known, beyond)),
            name="estimates",
        ),
        lambda: _document(estimates, known),
    )


def _notes(known: Estimator, beyond: bool) -> Iterator[Note]:
    yield f"Estimated, not measured: from {known.how}."
    yield (
        "Latency: the median of a batch that measuring it would find; of 100 such intervals 95 are "
        "to hold it."
    )
    if beyond:
        yield "Beyond: there an estimate is a guess that the machine goes on as it did."
    yield advice("{} measures it for real.", "rsinspect profile MODEL")
    if not known.machine.timings:
        yield advice("Runs make it sharper: measure two or three with {}.", Option("record", True))


def _document(estimates: Sequence[Estimate], known: Estimator) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "conditions": known.conditions or None,
        "known_from": [
            {"model": timing.title, "batch": timing.batch} for timing in known.machine.timings
        ],
        "ci_nominal": NOMINAL_COVERAGE,
        "rows": [
            {
                "model": one.name,
                "title": one.title,
                "batch": one.batch,
                "latency_s": {"median": one.latency_s, "ci_low": one.low_s, "ci_high": one.high_s},
                "images_per_s": one.images_per_s,
                "estimated": True,
                "extrapolates": list(one.extrapolates),
            }
            for one in estimates
        ],
    }
