"""What is alive in memory while a network runs, layer by layer, in inference."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple, assert_never

from rsinspect.base.units import ITEM_BYTES
from rsinspect.layers import ops
from rsinspect.layers.graph import LayerGraph
from rsinspect.layers.ops import Op


class Peak(NamedTuple):
    """The moment of a forward pass at which most is alive.

    Attributes:
        elements: Numbers alive, for one image.
        path: The layer that runs at that moment.
    """

    elements: int
    path: str

    def bytes(self, *, batch: int = 1, dtype: str = "float32") -> int:
        """Count the bytes alive, weights left out."""
        return self.elements * batch * ITEM_BYTES[dtype]


@lru_cache(maxsize=4096)
def writes_in_place(op: Op) -> bool:
    """Tell whether inference may write the output of an op over an input."""
    match op:
        case (
            ops.Rescaling() | ops.Normalization() | ops.BatchNorm() | ops.Activation()
            | ops.Multiply() | ops.Add() | ops.DropPath() | ops.Dropout() | ops.Reshape()
        ):  # fmt: skip
            return True
        case (
            ops.Input() | ops.ZeroPad2D() | ops.Conv2D() | ops.AvgPool2D() | ops.MaxPool2D()
            | ops.GlobalAvgPool() | ops.GlobalMaxPool() | ops.Dense()
        ):  # fmt: skip
            return False
        case _:
            assert_never(op)


def liveness(graph: LayerGraph) -> Iterator[tuple[str, Mapping[str, int]]]:
    """List what is alive while each layer runs, one by one, in inference.

    A tensor lives from the layer that makes it to the last layer that reads it, so a shortcut stays
    alive across its block. An elementwise layer writes over an input that nothing else reads.
    Workspace of convolution algorithms is left out.

    Yields:
        The layer's path, and the buffers alive: path of the layer that allocated it to how many
        numbers it holds, for one image. The mapping changes as the layers go on.
    """
    readers: dict[str, int] = {}
    for layer in graph:
        for path in layer.inputs:
            readers[path] = readers.get(path, 0) + 1
    buffer_of: dict[str, str] = {}  # a tensor's buffer is named by the layer that allocated it
    alive: dict[str, int] = {}  # buffer -> elements
    users: dict[str, int] = {}  # buffer -> reads still to come
    for layer in graph:
        path, elements = layer.path, layer.shape.elements
        buffer = path
        if layer.inputs and writes_in_place(layer.op):
            for source in layer.inputs:
                candidate = buffer_of[source]
                if isinstance(layer.op, ops.Reshape) or (
                    users[candidate] == 1 and alive[candidate] == elements
                ):
                    buffer = candidate
                    break
        if buffer == path:
            alive[buffer] = elements
            users[buffer] = 0
        buffer_of[path] = buffer
        users[buffer] += readers.get(path, 0)
        yield path, alive
        for source in layer.inputs:
            read = buffer_of[source]
            users[read] -= 1
            if users[read] == 0:
                del alive[read]


def peak_activation(graph: LayerGraph) -> Peak:
    """Find the peak of ``liveness``, and the first layer to reach it.

    >>> from rsinspect.networks.resnet_rs import build_graph
    >>> from rsinspect.networks.spec import ResNetRSSpec
    >>> peak_activation(build_graph(ResNetRSSpec.variant(50))).bytes()
    3686400
    """
    peak = Peak(0, graph.layers[0].path)
    for path, alive in liveness(graph):
        if (total := sum(alive.values())) > peak.elements:
            peak = Peak(total, path)
    return peak
