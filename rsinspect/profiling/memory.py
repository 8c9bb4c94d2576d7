"""Memory a worker will need, predicted from the graph, and memory there is.

The prediction is a sum of terms:

* *framework*: resident memory of a process that has imported Keras on that backend;
* *weights*: of the graph, in float32; in training three times, with momentum and gradients;
* *activations*: in inference the peak of the whole batch, in training all layer outputs, times a
  factor; on PyTorch in inference all outputs too, because Keras holds each until the call returns,
  but for dropout and drop path, which hand on what they are given;
* *input*: the batch of images, as an array and as a tensor;
* *graph*: what building, tracing and compiling leave behind, a fixed part, in which the network of
  distinct blocks is, and one per layer.

CALIBRATIONS has the constants and how well they fit; ``benchmarks/memory.py`` sets the prediction
against the peaks of networks they were not taken from. With mixed precision activations are half as
large; the prediction is for float32 and an upper one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rsinspect.base.units import ITEM_BYTES
from rsinspect.layers import ops
from rsinspect.layers.cost import layers_cost
from rsinspect.layers.graph import LayerGraph
from rsinspect.layers.liveness import peak_activation
from rsinspect.profiling import machine

FRAMEWORK_BYTES = {"tensorflow": 720_000_000, "jax": 251_000_000, "torch": 336_000_000}
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
    """

    activation_factor: float
    fixed_bytes: int
    layer_bytes: int


CALIBRATIONS = {
    ("tensorflow", "forward"): Calibration(1.44, 80_000_000, 420_000),
    ("tensorflow", "train"): Calibration(0.83, 440_000_000, 810_000),
    ("jax", "forward"): Calibration(4.86, 306_000_000, 442_000),
    ("jax", "train"): Calibration(0.746, 689_000_000, 1_378_000),
    ("torch", "forward"): Calibration(1.07, 65_000_000, 152_000),
    ("torch", "train"): Calibration(1.65, 199_000_000, 421_000),
}
"""By backend and mode, from peaks (VmHWM) of workers on Linux x86-64 with two processors."""

FITS_SHARE = 0.9
"""A batch is tried when it is predicted to need at most this share of the available memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NeededMemory:
    """Bytes a worker process is predicted to have resident at most.

    Attributes:
        framework_bytes: The process with its framework imported.
        weights_bytes: Parameters, in float32, and what training keeps of their size.
        activations_bytes: Activations of the batch, calibrated.
        input_bytes: The batch of images, twice.
        graph_bytes: Building, tracing and compiling.
    """

    framework_bytes: int
    weights_bytes: int
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
        return self.weights_bytes + self.activations_bytes + self.input_bytes + self.graph_bytes


def needed_memory(
    graph: LayerGraph, *, batch: int, backend: str, mode: str = "forward"
) -> NeededMemory:
    """Work out the memory of a forward pass or training step on the CPU, in float32.

    Args:
        graph: The network.
        batch: Images in a batch.
        backend: tensorflow, jax or torch.
        mode: forward or train.

    >>> from rsinspect.networks.resnet_rs import build_graph
    >>> from rsinspect.networks.spec import ResNetRSSpec
    >>> graph = build_graph(ResNetRSSpec.variant(50))
    >>> needed_memory(graph, batch=8, backend="tensorflow").activations_bytes
    42467328
    """
    cost = layers_cost(graph, graph.layers)
    if mode == "train":
        alive = cost.activation_bytes(batch=batch)
    elif backend == "torch":
        held = [
            layer for layer in graph.layers if not isinstance(layer.op, ops.Dropout | ops.DropPath)
        ]
        alive = layers_cost(graph, held).activation_bytes(batch=batch)
    else:
        alive = peak_activation(graph).bytes(batch=batch)
    constants = CALIBRATIONS[backend, mode]
    return NeededMemory(
        framework_bytes=FRAMEWORK_BYTES[backend],
        weights_bytes=WEIGHT_COPIES[mode] * cost.weight_bytes(),
        activations_bytes=round(constants.activation_factor * alive),
        input_bytes=2
        * sum(layer.shape.elements for layer in graph.inputs)
        * batch
        * ITEM_BYTES["float32"],
        graph_bytes=constants.fixed_bytes + constants.layer_bytes * len(graph),
    )


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
