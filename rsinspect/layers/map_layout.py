"""How maps lie: (height, width, channels), as in a graph, or with the channels first.

A graph knows the first alone; a Keras model may be of either. A map is a tensor of three sides, the
batch left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

Layout = Literal["channels_last", "channels_first"]
"""Keras's data format."""

CHANNELS_LAST: Layout = "channels_last"
CHANNELS_FIRST: Layout = "channels_first"
LAYOUTS: tuple[Layout, ...] = (CHANNELS_LAST, CHANNELS_FIRST)
"""The default first."""

TURNED: dict[Layout, tuple[int, int, int]] = {CHANNELS_LAST: (2, 3, 1), CHANNELS_FIRST: (3, 1, 2)}
"""What ``keras.layers.Permute`` is told to make a map lie so that lay the other way."""

ALONG_THE_LAST = ("softmax", "log_softmax", "sparsemax", "glu")
"""Activations that are not number by number, but along the last axis, the channels in a graph."""


def is_map(shape: Sequence[object]) -> bool:
    """Tell whether a tensor of that shape, batch left out, can lie either way."""
    return len(shape) == 3


def lying(shape: Sequence[Any], layout: Layout) -> tuple[Any, ...]:
    """Give the shape that a tensor of the graph has in a model of that layout.

    >>> lying((80, 60, 32), "channels_first"), lying((1000,), "channels_first")
    ((32, 80, 60), (1000,))
    """
    if layout == CHANNELS_LAST or not is_map(shape):
        return tuple(shape)
    return (shape[2], shape[0], shape[1])


def axis_first(axis: int) -> int:
    """Say which axis of a map with channels first is that axis of the graph's; both with the batch.

    >>> [axis_first(axis) for axis in (0, 1, 2, 3, -1)]
    [0, 2, 3, 1, 1]
    """
    return (0, 2, 3, 1)[axis % 4]


def order_first(order: Sequence[int]) -> tuple[int, ...]:
    """Say the order of axes, counted from 1, that does to a map with channels first the same.

    >>> order_first((2, 1, 3)), order_first((3, 1, 2))
    ((1, 3, 2), (3, 1, 2))
    """
    return tuple(axis_first(order[axis - 1]) for axis in (3, 1, 2))


def axis_last(axis: int) -> int:
    """Say which axis of the graph's map is that of one with channels first: 3 for the channels.

    >>> [axis_last(axis) for axis in (0, 1, 2, 3, -1)]
    [0, 3, 1, 2, 2]
    """
    return (0, 3, 1, 2)[axis % 4]


def order_last(order: Sequence[int]) -> tuple[int, ...]:
    """Say the order of axes, counted from 1, that does to the graph's map the same.

    >>> order_last((1, 3, 2)), order_last((2, 3, 1))
    ((2, 1, 3), (2, 3, 1))
    """
    return tuple(axis_last(order[axis - 1]) for axis in (2, 3, 1))
