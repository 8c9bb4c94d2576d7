"""The network that every backend is given, cut into its parts, and the functions it must provide.

Each stage or block is a Keras model between two cuts of the graph, made of the very layers of the
whole network, so that both share their weights. A network of several inputs is given a list of
them, as Keras gives it; the first of the models then takes that list, and all others one tensor.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np

from rsinspect.keras_model.build import alone, built
from rsinspect.keras_model.fresh_kernels import fresh_kernels
from rsinspect.layers.classifier import classifies
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.map_layout import CHANNELS_FIRST, is_map
from rsinspect.layers.partition import Segment, segments
from rsinspect.profiling.protocol import Step
from rsinspect.profiling.request import ProfileRequest
from rsinspect.profiling.rounds import Instrumented

FEW = 8
"""Images are enough to tell whether outputs differ."""
LEARNING_RATE = 1e-4
"""Small: what is learnt does not matter, and weights must not run off to infinity."""
MOMENTUM = 0.9
"""Of the published recipe, Table 8."""
OPTIMIZER = f"SGD, momentum {MOMENTUM:g}; no weight decay, no weight averaging"

Part = tuple[str, Step]
"""What is timed: its path, and the step of it."""
Parts = tuple[Part, ...]


class Instrument(Protocol):
    """A network as functions of a backend.

    Attributes:
        method: Description of the timing of parts.
        parts: Path and step of each part, in the order of the samples.
        carries_total: Whether the pass with instruments inside is the very program that runs
            without, compiled before its first mark: its total is the network's.
    """

    method: str
    parts: Parts
    carries_total: bool

    def end_to_end(self) -> object:
        """Run one pass or training step without instruments; ready when it returns."""

    def instrumented(self) -> Instrumented:
        """Run one pass or training step with instruments inside."""

    def outputs(self) -> tuple[Any, Any]:
        """Return outputs without and with instruments, in inference, as arrays.

        Both have run: where they are inference, what they returned will do.
        """

    def compiled_text(self) -> str | None:
        """Return the compiled pass as text with layer names, if the compiler gives it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A network, its parts and a batch.

    Attributes:
        request: What is measured.
        model: The network as a Keras model.
        segments: Its stages or blocks.
        cuts: Each as a Keras model.
        layers: The Keras layer of each layer of the graph, by path.
        images: A batch of each input: a tensor of the backend, or a list of several; maps lie as
            the request's layout says.
        labels: The right classes for each output that classifies.
    """

    request: ProfileRequest
    model: keras.Model
    segments: tuple[Segment, ...]
    cuts: tuple[keras.Model, ...]
    layers: Mapping[str, keras.Layer]
    images: Any
    labels: list[Any]

    @property
    def graph(self) -> LayerGraph:
        """Return the network's layers."""
        return self.request.network.graph

    @property
    def trains(self) -> bool:
        """Tell whether training steps are measured."""
        return self.request.mode == "train"

    @property
    def passes(self) -> Parts:
        """List the parts of the network alone: forward, then loss, backward, optimizer."""
        paths = [segment.path for segment in self.segments]
        if not self.trains:
            return tuple((path, "forward") for path in paths)
        return (
            *((path, "forward") for path in paths),
            ("loss", "whole"),
            *((path, "backward") for path in reversed(paths)),
            ("optimizer", "whole"),
        )


def workload(request: ProfileRequest, parts: Sequence[Segment] | None = None) -> Workload:
    """Build the network of a request, cut it, and make up a random batch.

    Its weights are those that the request names, or fresh.

    Args:
        request: What is measured.
        parts: Where to cut it; by default at its stages or blocks, as requested.
    """
    graph = request.network.graph
    random = np.random.default_rng(request.seed)
    whole = built(request.network, kernels=fresh_kernels(random), layout=request.layout)
    if request.weights is not None:
        from rsinspect.keras_model.load import load_own  # h5py, where there is a file

        load_own(Path(request.weights.path), request.network, whole.layers)

    if request.fused_batch_norm:
        from rsinspect.keras_model.fuse_batch_norm import fuse_batch_norm

        fuse_batch_norm(whole.model)

    def model(part: Segment) -> keras.Model:
        inputs, outputs = ([whole.tensors[x] for x in ends] for ends in (part.inputs, part.outputs))
        return keras.Model(alone(inputs), alone(outputs))

    parts = segments(graph, request.cut_level) if parts is None else parts
    images = [_batch(layer, request, random) for layer in graph.inputs]
    return Workload(
        request=request,
        model=whole.model,
        segments=tuple(parts),
        cuts=tuple(map(model, parts)),
        layers=whole.layers,
        images=alone(images),
        labels=[
            keras.ops.convert_to_tensor(
                random.integers(0, layer.shape[-1], (request.batch, *layer.shape[:-1]), np.int32)
            )
            for layer in map(graph.layer, graph.outputs)
            if classifies(layer)
        ],
    )


def _batch(layer: Layer, request: ProfileRequest, random: np.random.Generator) -> Any:
    """Make up a batch of an input: pixels for a map of at most four channels, else numbers to 1.

    They are the same numbers in every layout.
    """
    numbers = random.random((request.batch, *layer.shape), dtype=np.float32)
    if is_map(layer.shape):
        if layer.shape.channels <= _MOST_COLOURS:
            numbers *= 255
        if request.layout == CHANNELS_FIRST:
            numbers = np.ascontiguousarray(np.moveaxis(numbers, -1, 1))
    return keras.ops.convert_to_tensor(numbers)


_MOST_COLOURS = 4


def loss_name(work: Workload) -> str:
    """Name the loss of a training step."""
    classify = [classifies(work.graph.layer(path)) for path in work.graph.outputs]
    if all(classify):
        return "cross-entropy"
    other = "mean magnitude of the output" + ("s" if len(classify) > 1 else "")
    return f"cross-entropy of classes, {other} that are none" if any(classify) else other


def loss_of(work: Workload, labels: Sequence[Any], outputs: Any) -> Any:
    """Take the loss of a batch, in float32: a mean for each output, added up.

    It is the cross-entropy of an output that classifies, and of any other the mean magnitude:
    nobody knows what it should be, and gradients that do not grow keep weights from running off.
    """
    right = iter(labels)
    losses = []
    for path, output in zip(work.graph.outputs, as_in_graph(work, outputs), strict=True):
        layer, numbers = work.graph.layer(path), keras.ops.cast(output, "float32")
        if classifies(layer):
            numbers = keras.losses.sparse_categorical_crossentropy(  # of maps, torch takes none
                keras.ops.reshape(next(right), (-1,)),
                keras.ops.reshape(numbers, (-1, layer.shape.channels)),
                from_logits=getattr(layer.op, "activation", "") is None,
            )
        else:
            numbers = keras.ops.abs(numbers)
        losses.append(keras.ops.mean(numbers))
    return sum(losses[1:], losses[0])


def as_in_graph(work: Workload, outputs: Any) -> list[Any]:
    """List the outputs of the network, maps with the channels last whatever its layout."""
    outputs = outputs if isinstance(outputs, list | tuple) else [outputs]
    if work.request.layout != CHANNELS_FIRST:
        return list(outputs)
    return [
        keras.ops.moveaxis(output, 1, -1) if is_map(work.graph.layer(path).shape) else output
        for path, output in zip(work.graph.outputs, outputs, strict=True)
    ]


def optimizer(work: Workload) -> Any:
    """Build the optimizer of the training step; it scales the loss where float16 needs it."""
    sgd = keras.optimizers.SGD(LEARNING_RATE, momentum=MOMENTUM)
    if work.request.precision == "float16":
        sgd = keras.optimizers.LossScaleOptimizer(sgd)
    sgd.build(work.model.trainable_variables)
    return sgd


def each(function: Callable[[Any], Any], tensors: Any) -> Any:
    """Apply a function to a tensor, or to each of a list."""
    return list(map(function, tensors)) if isinstance(tensors, list | tuple) else function(tensors)


def few(images: Any) -> Any:
    """Take as many images of a batch as tell whether outputs differ."""
    return each(lambda tensor: tensor[:FEW], images)


def as_array(outputs: Any) -> Any:
    """Convert a tensor to a NumPy array of float32; several to one after the other, flat."""
    if isinstance(outputs, list | tuple):
        return np.concatenate([as_array(output).ravel() for output in outputs])
    return np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(outputs, "float32")))


def null_call_s(call: Callable[[], object], repeats: int = 200) -> float:
    """Time a call that computes nothing; the median, in seconds."""
    samples = []
    for _ in range(repeats):
        start = time.perf_counter_ns()
        call()
        samples.append(time.perf_counter_ns() - start)
    return statistics.median(samples[repeats // 4 :]) / 1e9


def from_marks(marks: list[int], null_s: float = 0.0) -> Instrumented:
    """Split a pass at readings of the clock; a null call is moved from each part to the last.

    >>> from_marks([0, 2_000_000_000, 5_000_000_000], null_s=0.5).parts_s
    (1.5, 2.5, 1.0)
    """
    parts = [(after - before) / 1e9 for before, after in pairwise(marks)]
    if null_s:
        kept = [max(0.0, part - null_s) for part in parts]
        parts = [*kept, sum(parts) - sum(kept)]
    return Instrumented(wall_s=(marks[-1] - marks[0]) / 1e9, parts_s=tuple(parts))
