"""The paper's claim, 1.7 to 2.7 times as fast as EfficientNets of equal accuracy, held to runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from rsinspect import paper
from rsinspect.tradeoffs.quantity import Quantity, ratio


class MeasuredSpeedUp(NamedTuple):
    """A pair of the paper's, measured.

    Attributes:
        printed: The pair, and how much faster the paper has it.
        measured: How many times as fast the ResNet-RS is here.
    """

    printed: paper.SpeedUp
    measured: Quantity


def measured_speed_ups(image_s: Mapping[str, Quantity]) -> tuple[MeasuredSpeedUp, ...]:
    """Compare each of the paper's pairs of which both networks were measured.

    Args:
        image_s: Seconds an image by MODEL text with its size, all under the same conditions.
    """
    return tuple(
        MeasuredSpeedUp(pair, ratio(image_s[pair.rival], image_s[pair.model]))
        for pair in paper.speed_ups()
        if pair.model in image_s and pair.rival in image_s
    )
