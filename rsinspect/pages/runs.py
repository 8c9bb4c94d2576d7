"""The runs of a report beside the first of them: what each is called, and how they compare."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rsinspect.base.errors import InvalidMeasurement
from rsinspect.comparisons.comparison import Comparison, Side
from rsinspect.pages.subject import Subject


class RunBeside(NamedTuple):
    """A run beside the first.

    Attributes:
        number: Place of its network among the subjects.
        first: The first run.
        side: The run.
        comparison: The two; None where they were not measured alike.
        refusal: Why not.
    """

    number: int
    first: Side
    side: Side
    comparison: Comparison | None
    refusal: str = ""


def runs_beside(subjects: Sequence[Subject]) -> tuple[RunBeside, ...]:
    """Compare every run of some networks with the first of them; none where there is one run."""
    sides = [
        (number, Side(reference=_called(subject, place, len(subjects)), run=run))
        for number, subject in enumerate(subjects)
        for place, run in enumerate(subject.runs)
    ]
    return tuple(_beside(number, sides[0][1], side) for number, side in sides[1:])


def _called(subject: Subject, place: int, networks: int) -> str:
    """Name a run: by its network, and where that has several by their order."""
    if len(subject.runs) == 1:
        return subject.text
    return f"run {place + 1}{f' of {subject.text}' if networks > 1 else ''}"


def _beside(number: int, first: Side, side: Side) -> RunBeside:
    try:
        return RunBeside(number, first, side, Comparison(a=first, b=side, how="groups"))
    except InvalidMeasurement as exc:
        return RunBeside(number, first, side, None, exc.message)
