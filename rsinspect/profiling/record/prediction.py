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
        end_to_end_interval: What measuring the whole network for a minute finds lies within it in
            95 %; None of a single pass, and in files of before.
    """

    parts: tuple[PredictedPart, ...]
    end_to_end_s: MeasuredSeconds
    rounds: Count
    ready_s: Seconds
    batch: Images | None = None
    foreign_share: Ratio | None = None
    end_to_end_interval: tuple[MeasuredSeconds, MeasuredSeconds] | None = None

    @property
    def half_width(self) -> float | None:
        """Express half the interval as a share of the prediction; None without an interval."""
        if self.end_to_end_interval is None:
            return None
        low, high = self.end_to_end_interval
        return (high - low) / 2 / self.end_to_end_s

    def covers(self, measured_s: float) -> bool | None:
        """Tell whether the interval holds what was measured; None without an interval."""
        if self.end_to_end_interval is None:
            return None
        low, high = self.end_to_end_interval
        return low <= measured_s <= high
