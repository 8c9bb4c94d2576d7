"""The tensors of a Keras model while it is built, each map among them lying one way or the other.

In a model of channels first maps are (channels, height, width) wherever an op can compute so. Where
Keras has no such form of it the op reads them turned round, and what it gives lies as it came out
until an op needs it otherwise. Weights are of the same shapes in both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, assert_never

from rsinspect.keras_model.backend import keras
from rsinspect.layers import ops
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.map_layout import (
    ALONG_THE_LAST,
    CHANNELS_FIRST,
    CHANNELS_LAST,
    TURNED,
    Layout,
    is_map,
)
from rsinspect.layers.ops import TensorShape


class Tensors:
    """What comes out of each layer that is built so far.

    Args:
        graph: What is built.
        names: Of the Keras layer of each of its layers.
        layout: Of the model.

    Attributes:
        by_path: The tensor of each layer, a map lying as it came out.
    """

    def __init__(self, graph: LayerGraph, names: Mapping[str, str], layout: Layout) -> None:
        self.by_path: dict[str, Any] = {}
        self._graph = graph
        self._names = names
        self._taken = set(names.values())
        self._layout = layout
        self._ran: dict[str, Layout] = {}
        self._lying: dict[str, Layout] = {}
        self._turned: dict[str, Any] = {}

    def layout_of(self, layer: Layer) -> Layout:
        """Say how maps lie that a layer reads and gives; channels_last where there are none."""
        if layer.shares is not None and layer.shares in self._ran:
            return self._ran[layer.shares]
        shapes = [self._graph.layer(path).shape for path in layer.inputs]
        if self._layout == CHANNELS_LAST or not any(map(is_map, (*shapes, layer.shape))):
            return CHANNELS_LAST
        if _misplaced(layer, shapes):
            return CHANNELS_LAST
        as_they_are = [self._lying.get(path) for path in layer.inputs]
        theirs = CHANNELS_FIRST if CHANNELS_FIRST in as_they_are else CHANNELS_LAST
        return _needed(layer.op, shapes, layer.shape) or theirs

    def read(self, paths: Iterable[str], layout: Layout) -> list[Any]:
        """Give the tensors of layers, maps lying in that layout."""
        return [
            self.by_path[path] if self._lying.get(path, layout) == layout else self._turn(path)
            for path in paths
        ]

    def add(self, layer: Layer, tensor: Any, layout: Layout) -> None:
        """Keep what came out of a layer; a map that the model gives lies as the model does."""
        path = layer.path
        self.by_path[path], self._ran[path] = tensor, layout
        if is_map(layer.shape):
            self._lying[path] = layout
            if path in self._graph.outputs and layout != self._layout:
                self.by_path[path] = self._turn(path)
                self._lying[path] = self._layout
                del self._turned[path]

    def _turn(self, path: str) -> Any:
        """Turn a map round, once."""
        if path not in self._turned:
            layout = CHANNELS_LAST if self._lying[path] == CHANNELS_FIRST else CHANNELS_FIRST
            name = whole = f"{self._names[path]}_{layout}"
            number = 1
            while name in self._taken:
                number += 1
                name = f"{whole}_{number}"
            self._taken.add(name)
            permute = keras.layers.Permute(TURNED[layout], name=name)
            self._turned[path] = permute(self.by_path[path])
        return self._turned[path]


def _needed(op: ops.Op, inputs: Sequence[TensorShape], output: TensorShape) -> Layout | None:
    """Say how maps have to lie for an op, in a model of channels first.

    Args:
        op: What is computed.
        inputs: Shapes in the graph.
        output: Likewise.

    Returns:
        None where the op computes on them as they are.
    """
    match op:
        case ops.Conv2D() | ops.DepthwiseConv2D() | ops.SeparableConv2D() | ops.Conv2DTranspose():
            return CHANNELS_LAST if op.activation in ALONG_THE_LAST else CHANNELS_FIRST
        case ops.Dense() | ops.PReLU():  # of the last axis; of slopes that lie as the map does
            return CHANNELS_LAST
        case ops.Activation(function):
            return CHANNELS_LAST if function in ALONG_THE_LAST[1:] else None
        case ops.Reshape():
            points = all(side[:2] == (1, 1) for side in (*inputs, output) if is_map(side))
            return CHANNELS_FIRST if points else CHANNELS_LAST
        case ops.Permute():
            return None if is_map(output) else CHANNELS_LAST
        case ops.Multiply() | ops.Add() | ops.ScaledAdd() | ops.Merge():
            return None if len(set(map(len, inputs))) == 1 else CHANNELS_LAST
        case (
            ops.Input() | ops.Rescaling() | ops.Normalization() | ops.ZeroPad2D() | ops.Crop2D()
            | ops.BatchNorm() | ops.LayerNorm() | ops.ChannelScale() | ops.ReLU() | ops.AvgPool2D()
            | ops.MaxPool2D() | ops.GlobalAvgPool() | ops.GlobalMaxPool() | ops.UpSampling2D()
            | ops.Flatten() | ops.DropPath() | ops.Concatenate() | ops.Arithmetic() | ops.Dropout()
            | ops.Augmentation() | ops.Opaque() | ops.Pick()
        ):  # fmt: skip
            return None
        case _:
            assert_never(op)


def _misplaced(layer: Layer, inputs: Sequence[TensorShape]) -> bool:
    """Tell whether a sum inside a layer would come out wrong with channels first."""
    if isinstance(layer.op, ops.Add) and len(set(inputs)) > 1:
        return bool(keras.backend.backend() == "tensorflow")
    return misplaces_bias(layer.op, layer.shape)


def misplaces_bias(op: ops.Op, shape: TensorShape) -> bool:
    """Tell whether Keras would add a bias along the width, were the channels first.

    On TensorFlow it takes a sum of a map and one number per channel for one along the last axis,
    wherever that is as long. Source: Keras 3.15.1, keras/src/backend/tensorflow/numpy.py, ``add``.

    Args:
        op: What may have a bias.
        shape: Of its output, in the graph.
    """
    if not isinstance(op, ops.CONVOLUTIONS) or shape.width != shape.channels:
        return False
    return bool(op.use_bias and keras.backend.backend() == "tensorflow")
