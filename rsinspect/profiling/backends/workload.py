"""The network that every backend is given, cut into its parts, and the functions it must provide.

Each stage or block is a Keras model between two cuts of the graph, made of the very layers of the
whole network, so that both share their weights.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import keras
import numpy as np

from rsinspect.keras_model.build import build_model
from rsinspect.layers.graph import LayerGraph
from rsinspect.layers.partition import Segment, segments
from rsinspect.profiling.protocol import ProfileRequest, Step
from rsinspect.profiling.rounds import Instrumented

FEW = 8
"""Images are enough to tell whether outputs differ."""
LEARNING_RATE = 1e-4
"""Small: what is learnt does not matter, and weights must not run off to infinity."""
MOMENTUM = 0.9
"""Of the published recipe, Table 8."""
OPTIMIZER = f"SGD, momentum {MOMENTUM:g}; no weight decay, no weight averaging"

Parts = tuple[tuple[str, Step], ...]


class Instrument(Protocol):
    """A network as functions of a backend.

    Attributes:
        method: Description of the timing of parts.
        parts: Path and step of each part, in the order of the samples.
    """

    method: str
    parts: Parts

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
        images: A batch, as a tensor of the backend.
        labels: One class per image.
    """

    request: ProfileRequest
    model: keras.Model
    segments: tuple[Segment, ...]
    cuts: tuple[keras.Model, ...]
    images: Any
    labels: Any

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


def workload(request: ProfileRequest) -> Workload:
    """Build the network of a request with fresh weights, cut it, and make up a random batch."""
    network = request.network
    graph, image = network.graph, network.graph.image
    random = np.random.default_rng(request.seed)
    model = build_model(network, kernels=_drawn(random))

    def tensor(path: str) -> Any:
        return (
            model.inputs[0] if path == image.path else model.get_layer(network.names[path]).output
        )

    parts = segments(graph, request.cut_level)
    shape = (request.batch, *image.shape)
    images = random.random(shape, dtype=np.float32)
    images *= 255
    labels = random.integers(0, graph.output.shape[-1], request.batch, dtype=np.int32)
    return Workload(
        request=request,
        model=model,
        segments=parts,
        cuts=tuple(keras.Model(tensor(part.input), tensor(part.output)) for part in parts),
        images=keras.ops.convert_to_tensor(images),
        labels=keras.ops.convert_to_tensor(labels),
    )


def _drawn(random: np.random.Generator) -> Callable[..., Any]:
    """Make an initialiser that draws kernels with NumPy, of the variance that He's have.

    JAX compiles Keras's own for each shape: 13 s of processor time for the depth of 50.
    """

    def draw(shape: tuple[int, ...], dtype: Any = None) -> Any:
        highest = math.sqrt(6 / math.prod((*shape[:-2], shape[-1])))
        numbers = random.random(shape, dtype=np.float32)
        return keras.ops.convert_to_tensor((2 * numbers - 1) * np.float32(highest), dtype)

    return draw


def loss_of(work: Workload, labels: Any, outputs: Any) -> Any:
    """Take the mean cross-entropy of a batch, in float32."""
    classifier = work.request.classifier
    return keras.ops.mean(
        keras.losses.sparse_categorical_crossentropy(
            labels,
            keras.ops.cast(outputs, "float32"),
            from_logits=classifier is None or classifier.activation != "softmax",
        )
    )


def optimizer(work: Workload) -> Any:
    """Build the optimizer of the training step; it scales the loss where float16 needs it."""
    sgd = keras.optimizers.SGD(LEARNING_RATE, momentum=MOMENTUM)
    if work.request.precision == "float16":
        sgd = keras.optimizers.LossScaleOptimizer(sgd)
    sgd.build(work.model.trainable_variables)
    return sgd


def as_array(tensor: Any) -> Any:
    """Convert a tensor to a NumPy array of float32."""
    return np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(tensor, "float32")))


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
