"""The paper's claim, 1.7 to 2.7 times as fast as EfficientNets of equal accuracy, held to runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from rsinspect import paper
from rsinspect.comparisons.ratio import Ratio, ratio_of_groups
from rsinspect.profiling.statistics import Latency


class MeasuredSpeedUp(NamedTuple):
    """A pair of the paper's, measured.

    Attributes:
        printed: The pair, and how much faster the paper has it.
        measured: How many times as fast the ResNet-RS is here, with its 95 % interval.
    """

    printed: paper.SpeedUp
    measured: Ratio


def measured_speed_ups(latencies: Mapping[str, Latency]) -> tuple[MeasuredSpeedUp, ...]:
    """Compare each of the paper's pairs of which both networks were measured.

    Args:
        latencies: Of a batch by MODEL text with its size, all under the same conditions.
    """
    return tuple(
        MeasuredSpeedUp(pair, found)
        for pair in paper.speed_ups()
        if pair.model in latencies
        and pair.rival in latencies
        and (found := ratio_of_groups(latencies[pair.model], latencies[pair.rival]))
    )
