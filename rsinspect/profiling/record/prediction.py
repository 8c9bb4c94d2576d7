"""Latency of the whole network as its distinct blocks predict it."""

from __future__ import annotations

from dataclasses import dataclass

from rsinspect.base.quantities import Count, Images, MeasuredSeconds, Name, Positive, Ratio, Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedPart:
    """A distinct block, timed in a small network.

    Attributes:
        path: Of the block, or of a step.
        repeats: How many there are in the whole network.
        latency_s: Median of one of them.
    """

    path: Name
    repeats: Positive
    latency_s: Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """Latency of the whole network, predicted by timing its distinct blocks in a small one.

    Attributes:
        parts: The distinct blocks, then the steps.
        end_to_end_s: Of the whole network: repeats times medians, added up.
        rounds: That were timed.
        ready_s: Since the worker began to import the framework.
        batch: Images in a batch as it was timed; times are of the batch that was requested. None
            in files of before, where both are the same.
        foreign_share: Share of the processors that other programs used meanwhile; None where the
            system does not tell.
    """

    parts: tuple[PredictedPart, ...]
    end_to_end_s: MeasuredSeconds
    rounds: Count
    ready_s: Seconds
    batch: Images | None = None
    foreign_share: Ratio | None = None
