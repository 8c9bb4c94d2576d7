"""Memory a forward pass will need, predicted from the graph, and memory there is.

The prediction is a sum of terms, each with its source:

* *framework*: resident memory of a process that has imported Keras on that backend;
* *weights*: of the graph, in float32;
* *activations*: peak activation bytes of the whole batch, times ACTIVATION_FACTOR; on PyTorch
  all layer outputs, because Keras holds each until the call returns;
* *input*: the batch of images, as an array and as a tensor;
* *graph*: what building, tracing and compiling leave behind, a fixed part and one per layer.

Against the peak (VmHWM) of workers with depths 50 to 420 (JAX: 101), 160 to 320 pixels and batches
1 to 128, on Linux x86-64 with two processors, Python 3.11, TensorFlow 2.21, JAX 0.10 and Keras
3.15, the sum is within 4 % on TensorFlow and within 10 % on JAX; with PyTorch 2.13 and depths 50
and 152, batches 1 to 32, it is within 10 %.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rsinspect.cost import layers_cost, peak_activation
from rsinspect.graph import LayerGraph
from rsinspect.profiling import machine
from rsinspect.units import ITEM_BYTES

ACTIVATION_FACTOR = {"tensorflow": 1.44, "jax": 5.1, "torch": 1.0}
"""Resident memory per predicted byte of peak activation, forward on a CPU. For TensorFlow measured
by the project with ResNet-RS-50: its allocator needs 1.00 times the prediction, the process 1.43
times at 160 pixels and 1.45 times at 320. For JAX from batches 1 and 128 of the same network: XLA's
convolutions on a CPU keep large temporaries. For PyTorch of all outputs, not of the peak: 0.98 was
measured with ResNet-RS-50 at batch 32."""

FRAMEWORK_BYTES = {"tensorflow": 717_000_000, "jax": 251_000_000, "torch": 336_000_000}
"""Peak resident memory of a worker that has imported Keras on that backend, and nothing else."""

FIXED_BYTES = {"tensorflow": 80_000_000, "jax": 335_000_000, "torch": 60_000_000}
LAYER_BYTES = {"tensorflow": 250_000, "jax": 260_000, "torch": 110_000}
"""Of building, tracing and compiling: what depths 50 and 420 (JAX: 101) used at batch 1 (8) beyond
the other terms."""

FITS_SHARE = 0.9
"""A batch is tried when it is predicted to need at most this share of the available memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryPrediction:
    """Bytes a worker process is predicted to have resident at most.

    Attributes:
        framework_bytes: The process with its framework imported.
        weights_bytes: Parameters, in float32.
        activations_bytes: Peak activations of the batch, calibrated.
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
        """All of them."""
        return self.framework_bytes + self.working_bytes

    @property
    def working_bytes(self) -> int:
        """What the network adds to a process that has imported the framework."""
        return self.weights_bytes + self.activations_bytes + self.input_bytes + self.graph_bytes


def predict(
    graph: LayerGraph, *, batch: int, backend: str, mode: str = "forward"
) -> MemoryPrediction:
    """Memory of a forward pass on the CPU, in float32.

    Args:
        graph: The network.
        batch: Images in a batch.
        backend: tensorflow, jax or torch.

    >>> from rsinspect.resnet_rs import build_graph
    >>> from rsinspect.spec import ResNetRSSpec
    >>> graph = build_graph(ResNetRSSpec.variant(50))
    >>> predict(graph, batch=8, backend="tensorflow").activations_bytes
    42467328
    """
    cost = layers_cost(graph, graph.layers)
    if backend == "torch" or mode == "train":
        alive = cost.activation_bytes(batch=batch)
    else:
        alive = peak_activation(graph).bytes(batch=batch)
    return MemoryPrediction(
        framework_bytes=FRAMEWORK_BYTES[backend],
        weights_bytes=cost.weight_bytes(),
        activations_bytes=round(ACTIVATION_FACTOR[backend] * alive),
        input_bytes=2 * graph.layers[0].shape.elements * batch * ITEM_BYTES["float32"],
        graph_bytes=FIXED_BYTES[backend] + LAYER_BYTES[backend] * len(graph),
    )


def available_memory(root: Path = machine.ROOT) -> int | None:
    """Bytes a new process can use: what the kernel calls available, within its limits.

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
