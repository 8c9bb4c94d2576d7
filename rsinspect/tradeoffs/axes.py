"""What accuracy is weighed against: six quantities, as they are read from runs or computed."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from rsinspect.answers.table import Kind
from rsinspect.layers.liveness import peak_activation
from rsinspect.layers.question import Question
from rsinspect.networks.network import Network
from rsinspect.tradeoffs.quantity import Quantity


class Axis(NamedTuple):
    """A quantity that a network costs, or gives.

    Attributes:
        name: What a user calls it.
        key: In documents, with its unit.
        title: For the middle of a sentence.
        head: Above its column.
        kind: How its values are written.
        more_is_better: Whether it is given, and not cost.
        counted: Computes it of a network alone; None where it has to be measured.
    """

    name: str
    key: str
    title: str
    head: str
    kind: Kind
    more_is_better: bool = False
    counted: Callable[[Network, Question], int] | None = None

    def cost(self, value: Quantity) -> Quantity:
        """Turn a value into something of which less is better."""
        return value.inverse() if self.more_is_better else value


def _flops(network: Network, question: Question) -> int:
    return question.flops(network.cost)


def _params(network: Network, question: Question) -> int:
    return network.cost.params


def _memory(network: Network, question: Question) -> int:
    """Add up the weights, and the most activations that are alive at once."""
    peak = peak_activation(network.graph).bytes(batch=question.batch, dtype=question.dtype)
    return question.weight_bytes(network.cost) + peak


AXES = {
    axis.name: axis
    for axis in (
        Axis("latency", "latency_s", "the latency of a batch", "Latency", "seconds"),
        Axis("throughput", "images_per_s", "images a second", "Images\n/s", "rate",
             more_is_better=True),
        Axis("energy", "energy_j", "the energy of a batch in joules", "Energy\nJ", "rate"),
        Axis("memory", "memory_bytes", "the memory of weights and activations", "Memory",
             "bytes", counted=_memory),
        Axis("flops", "flops", "FLOPs of an image", "FLOPs", "count", counted=_flops),
        Axis("params", "params", "parameters", "Params", "count", counted=_params),
    )
}  # fmt: skip
