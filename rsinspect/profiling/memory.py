"""Memory a worker will need, predicted from the graph, and memory there is.

The prediction is a sum of terms, each of which stands for something that is resident:

* *framework*: a process that has imported Keras on that backend; what else is installed counts
  (PyTorch alone 336 MB, beside JAX and Triton 480 MB), so a run's record has what its worker said;
* *weights*: of the graph, in float32; in training three times, with momentum and gradients. On
  TensorFlow also those of the network of distinct blocks, which its runtime never frees;
* *copies*: of weights and activations, which some ops write out to compute;
* *activations*: what is alive at once, times what the allocator needs for it; see ``kept``;
* *input*: the batch of images, as an array and as a tensor;
* *graph*: what building, tracing and compiling leave behind: a fixed part, and one per layer. What
  they free is given back to the system first (``machine.return_freed_memory``).

CALIBRATIONS has the constants; ``benchmarks/memory.py`` sets the prediction against the peaks of
networks, of some that they were not taken from. With mixed precision activations are half as large;
the prediction is for float32 and an upper one. So it is for PyTorch that compiles.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import get_args

from rsinspect.base.units import ITEM_BYTES
from rsinspect.layers import ops
from rsinspect.layers.cost import layers_cost, op_cost
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.liveness import liveness, peak_activation
from rsinspect.layers.map_layout import CHANNELS_LAST
from rsinspect.layers.saved import saved
from rsinspect.profiling import machine
from rsinspect.profiling.distinct import distinct_blocks
from rsinspect.profiling.request import ProfileRequest

FRAMEWORK_BYTES = {"tensorflow": 725_000_000, "jax": 260_000_000, "torch": 480_000_000}
"""Peak resident memory of a worker that has imported Keras on that backend, and nothing else."""

WEIGHT_COPIES = {"forward": 1, "train": 3}
"""Weights; in training also the optimizer's momentum and the gradients."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Constants of one backend and mode.

    Attributes:
        activation_factor: Resident memory per byte of activations: workspace, alignment, and what
            the allocator does not give back.
        fixed_bytes: Of building and compiling anything.
        layer_bytes: Of building and compiling a layer.
        distinct_layer_bytes: Of one of the network of distinct blocks, before it.
        largest_copies: Of the largest kernel while its gradient and its update are made up.
        weights_copies: Of all weights, in the order of axes that suits the processor.
        windows_copies: Of what the windows of depthwise convolutions read, one after the other: XLA
            writes that out to take the gradients. Where it is little, maps in another order.
    """

    activation_factor: float
    fixed_bytes: int
    layer_bytes: int
    distinct_layer_bytes: int = 0
    largest_copies: float = 0.0
    weights_copies: float = 0.0
    windows_copies: float = 0.0


CALIBRATIONS = {
    ("tensorflow", "forward"): Calibration(
        1.55, 0, 181_000, largest_copies=0.25, windows_copies=0.03
    ),
    ("tensorflow", "train"): Calibration(1.13, 156_000_000, 928_000, largest_copies=1.28),
    ("jax", "forward"): Calibration(
        2.16, 0, 371_000, distinct_layer_bytes=484_000, weights_copies=0.42
    ),
    ("jax", "train"): Calibration(
        1.0, 359_000_000, 825_000, largest_copies=0.98, windows_copies=0.4
    ),
    ("torch", "forward"): Calibration(1.05, 20_000_000, 120_000, largest_copies=0.25),
    ("torch", "train"): Calibration(1.07, 0, 503_000, largest_copies=0.71),
}
"""By backend and mode, from peaks (VmHWM) of workers on Linux x86-64 with two processors: a few
networks each, among ResNet-RS-50, 101, MobileNetV2, EfficientNetB0, ResNet50, DenseNet121 and
VGG16. They are met within 5 % (7 % in inference on JAX), in training on TensorFlow and PyTorch
within 2 %."""

FITS_SHARE = 0.9
"""A batch is tried when it is predicted to need at most this share of the available memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NeededMemory:
    """Bytes a worker process is predicted to have resident at most.

    Attributes:
        framework_bytes: The process with its framework imported.
        weights_bytes: Parameters, in float32, and what training keeps of their size.
        copies_bytes: Copies of weights and of activations that some ops write out to compute.
        activations_bytes: Activations of the batch, calibrated.
        input_bytes: The batch of images, twice.
        graph_bytes: Building, tracing and compiling.
    """

    framework_bytes: int
    weights_bytes: int
    copies_bytes: int
    activations_bytes: int
    input_bytes: int
    graph_bytes: int

    @property
    def total_bytes(self) -> int:
        """Add all parts up."""
        return self.framework_bytes + self.working_bytes

    @property
    def working_bytes(self) -> int:
        """Add up the network's own bytes, on top of a process with the framework imported."""
        return (
            self.weights_bytes
            + self.copies_bytes
            + self.activations_bytes
            + self.input_bytes
            + self.graph_bytes
        )

    def together(self, other: NeededMemory) -> NeededMemory:
        """Add another network in the same process; the framework is there once."""
        own, others = astuple(self), astuple(other)
        return NeededMemory(
            **dict(zip(_PARTS, map(sum, zip(own, others, strict=True)), strict=True))
        ).beside(max(self.framework_bytes, other.framework_bytes))

    def beside(self, framework_bytes: int | None) -> NeededMemory:
        """Predict the same beside a framework that turned out to need so much; None: unknown."""
        if framework_bytes is None:
            return self
        return replace(self, framework_bytes=framework_bytes)


_PARTS = tuple(field.name for field in fields(NeededMemory))


def needed_memory(request: ProfileRequest) -> NeededMemory:
    """Work out the memory of a forward pass or training step on the CPU, in float32.

    Args:
        request: Of which the network, batch, backend, mode and layout count, and the network
            beside.

    >>> from rsinspect.networks.named import network
    >>> needed_memory(ProfileRequest(network=network("50"), batch=8)).input_bytes
    4915200
    """
    if (other := request.other) is not None:
        own = needed_memory(replace(request, beside=None))
        return own.together(needed_memory(other)).together(own)  # twice: see ``pair``
    graph, mode, item_bytes = request.network.graph, request.mode, ITEM_BYTES["float32"]
    constants = CALIBRATIONS[request.backend, mode]
    weights_bytes = layers_cost(graph, graph.layers).weight_bytes()
    small = distinct_blocks(request.network)
    left_behind_bytes = 0
    if small is not None and request.backend == "tensorflow":  # with momentum, without gradients
        left_behind_bytes = min(2, WEIGHT_COPIES[mode]) * small.network.cost.weight_bytes()
    copied_bytes = (
        constants.largest_copies * item_bytes * _largest_weight(graph)
        + constants.weights_copies * weights_bytes
        + constants.windows_copies * item_bytes * request.batch * _windows(graph)
    )
    images = sum(layer.shape.elements for layer in graph.inputs)
    return NeededMemory(
        framework_bytes=FRAMEWORK_BYTES[request.backend],
        weights_bytes=WEIGHT_COPIES[mode] * weights_bytes + left_behind_bytes,
        copies_bytes=round(copied_bytes),
        activations_bytes=round(
            constants.activation_factor * item_bytes * request.batch * kept(request)
        ),
        input_bytes=2 * images * request.batch * item_bytes,
        graph_bytes=constants.fixed_bytes
        + constants.layer_bytes * len(graph)
        + constants.distinct_layer_bytes * (0 if small is None else len(small.network.graph)),
    )


def kept(request: ProfileRequest) -> int:
    """Count the numbers alive at once for an image, weights and workspace left out.

    * In inference TensorFlow and XLA free what nobody will read: it is the peak of ``liveness``.
    * Keras holds each output of PyTorch until the call returns, but for dropout and drop path,
      which hand on what they are given in inference.
    * In training TensorFlow keeps what ``layers.saved`` lists, to within 3 % of its allocator's
      peak. XLA keeps the same, within 2 % of what its compiler says, but reads around maps instead
      of padding them, and keeps the sigmoid of a swish beside its input.
    * PyTorch in training keeps every output, and copies: a convolution's input and a pool's, turned
      round; a batch norm's input less its mean; where a maximum was, eight bytes each.
    """
    graph = request.network.graph
    if request.backend == "torch":
        return _kept_by_torch(request)
    is_xla = request.backend == "jax" or request.compiles
    if request.mode == "forward":
        return _peak_read_around(graph) if is_xla else peak_activation(graph).elements
    if not is_xla:
        return _elements(saved(graph))
    swishes = [layer for layer in graph if layer.op in _SWISH]
    return _elements(saved(graph, pads=False)) + _elements(swishes)


_SWISH = tuple(ops.Activation(name) for name in ("silu", "swish"))


def _elements(layers: Iterable[Layer]) -> int:
    return sum(layer.shape.elements for layer in layers)


def _peak_read_around(graph: LayerGraph) -> int:
    """Find the peak of ``liveness`` where zeros around a map are read and not written."""

    def numbers(path: str, running: str) -> int:
        layer = graph.layer(path)
        if not isinstance(layer.op, ops.ZeroPad2D):
            return layer.shape.elements
        return 0 if path == running else graph.input_shapes(layer)[0].elements

    return max(sum(numbers(path, running) for path in alive) for running, alive in liveness(graph))


def _windows(graph: LayerGraph) -> int:
    """Count what the windows of depthwise convolutions read."""
    return sum(
        math.prod(ops.pair(layer.op.kernel)) * graph.input_shapes(layer)[0].elements
        for layer in graph
        if isinstance(layer.op, ops.DepthwiseConv2D | ops.SeparableConv2D)
    )


def _largest_weight(graph: LayerGraph) -> int:
    """Count the params of the layer that has most."""
    return max(op_cost(layer.op, graph.input_shapes(layer), layer.shape).params for layer in graph)


def _kept_by_torch(request: ProfileRequest) -> int:
    graph, trains = request.network.graph, request.mode == "train"
    handed_on: tuple[type, ...] = (ops.Reshape, ops.Flatten)
    if not trains:
        handed_on = (*handed_on, ops.Dropout, ops.DropPath)
    elements = _elements(layer for layer in graph if not isinstance(layer.op, handed_on))
    if not trains:
        return elements
    turned_round: tuple[type, ...] = ()
    if request.layout == CHANNELS_LAST:
        turned_round = (*get_args(ops.Convolution), ops.AvgPool2D, ops.MaxPool2D)
    for layer in graph:
        op, own = layer.op, layer.shape.elements
        if isinstance(op, turned_round):
            elements += graph.input_shapes(layer)[0].elements
        if isinstance(op, ops.BatchNorm | ops.LayerNorm | ops.Dropout) and not layer.frozen:
            elements += own
        if isinstance(op, ops.MaxPool2D):
            elements += 2 * own
    return elements


def available_memory(root: Path = machine.ROOT) -> int | None:
    """Find the bytes a new process can use: what the kernel calls available, within its limits.

    Those of its control groups and of its address space.

    None where neither is known, such as outside Linux.
    """
    known = [
        value
        for value in (
            machine.available_bytes(root),
            machine.cgroup_free_bytes(root),
            machine.address_space_bytes(),
        )
        if value is not None
    ]
    return min(known) if known else None
