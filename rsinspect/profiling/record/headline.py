"""The answer of a run in one plain line: how long an image takes, and how far to trust that."""

from __future__ import annotations

from rsinspect.base.units import percent, seconds
from rsinspect.base.words import plural
from rsinspect.profiling.gate import FOREIGN_AT_MOST
from rsinspect.profiling.record.predicted import PredictedRun
from rsinspect.profiling.record.run import ProfileRun

FEWEST_TO_PREDICT = 3
"""Rounds; fewer may be those of a machine that was busy for a moment."""


def headline(run: ProfileRun | PredictedRun) -> str:
    """Say what came out, in one line."""
    if isinstance(run, PredictedRun):
        foreign = run.prediction.foreign_share or 0.0
        why = {"time": "a measurement takes longer", "interrupted": "interrupted before it was"}
        doubts = [_others(foreign)] if foreign > FOREIGN_AT_MOST else []
        if run.prediction.rounds < FEWEST_TO_PREDICT:
            doubts.append(f"only {plural(run.prediction.rounds, 'round')}")
        interval = _plus_minus(run.prediction.half_width)
        what = (
            f"{speed(run.per_image_s)}{_training(run.request.mode)}{interval} predicted, "
            "not measured: "
        )
        return _joined(what + why[run.stopped_because], _low(doubts))
    rate, doubt = rate_in_words(run)
    return _joined(f"{seconds(run.end_to_end.per_image_s)} an image, {rate}", doubt)


def rate_in_words(run: ProfileRun) -> tuple[str, str]:
    """Write how many images a second makes, and why to trust that less: empty without a reason."""
    interval = _plus_minus(run.end_to_end.latency.half_width)
    rate = f"{_rate(1 / run.end_to_end.per_image_s)} images/s{_training(run.mode)}{interval}"
    return rate, _low(_doubts(run))


def _training(mode: str) -> str:
    return " in training" if mode == "train" else ""


def _plus_minus(half_width: float | None) -> str:
    return "" if half_width is None else f" ± {percent(half_width)} (95 % CI)"


def speed(per_image_s: float) -> str:
    """Write the time of an image, and how many that makes a second.

    >>> speed(0.179)
    '179 ms an image, 5.6 images/s'
    """
    return f"{seconds(per_image_s)} an image, {_rate(1 / per_image_s)} images/s"


def _rate(rate: float) -> str:
    """Write a rate with three significant digits at most.

    >>> _rate(5.587), _rate(36.6), _rate(12345.6)
    ('5.6', '36.6', '12346')
    """
    return f"{rate:.0f}" if rate >= 99.95 else f"{rate:.1f}" if rate >= 0.995 else f"{rate:.2g}"


def _doubts(run: ProfileRun) -> list[str]:
    """List why to trust the line less; the strongest reasons first."""
    foreign = run.rounds.foreign_median
    doubts = []
    if run.rounds.verdict == "quietest" and foreign is not None and foreign > FOREIGN_AT_MOST:
        doubts.append(_others(foreign))
    if run.end_to_end.latency.half_width is None:
        doubts.append(_rounds(run))
    if run.stopped_because == "interrupted":
        doubts.append("interrupted")
    return doubts


def _rounds(run: ProfileRun) -> str:
    kept, count = run.rounds.kept, run.rounds.count
    return f"only {f'{kept} of ' if kept < count else ''}{plural(count, 'round')}"


def _others(share: float) -> str:
    return f"other programs took {100 * share:.0f} % of the CPU"


def _low(doubts: list[str]) -> str:
    return f"low confidence: {', '.join(doubts)}" if doubts else ""


def _joined(*sayings: str) -> str:
    return "; ".join(filter(None, sayings))
