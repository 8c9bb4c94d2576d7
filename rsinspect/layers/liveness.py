"""What is alive in memory while a network runs, layer by layer, in inference."""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple, assert_never

from rsinspect.base.units import ITEM_BYTES
from rsinspect.layers import ops
from rsinspect.layers.fold import fold_stages
from rsinspect.layers.graph import Layer, LayerGraph
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
            ops.Rescaling() | ops.Normalization() | ops.BatchNorm() | ops.LayerNorm()
            | ops.ChannelScale() | ops.Activation() | ops.ReLU() | ops.PReLU() | ops.Multiply()
            | ops.Add() | ops.ScaledAdd() | ops.Merge() | ops.Arithmetic() | ops.DropPath()
            | ops.Dropout() | ops.Augmentation() | ops.Reshape() | ops.Flatten()
        ):  # fmt: skip
            return True
        case (
            ops.Input() | ops.ZeroPad2D() | ops.Crop2D() | ops.Conv2D() | ops.DepthwiseConv2D()
            | ops.SeparableConv2D() | ops.Conv2DTranspose() | ops.AvgPool2D() | ops.MaxPool2D()
            | ops.GlobalAvgPool() | ops.GlobalMaxPool() | ops.UpSampling2D() | ops.Permute()
            | ops.Concatenate() | ops.Dense() | ops.Opaque() | ops.Pick()
        ):  # fmt: skip
            return False
        case _:
            assert_never(op)


class _Memory:
    """Buffers as layers run one by one; each is named by the layer that allocated it."""

    def __init__(self, graph: LayerGraph) -> None:
        self.readers: dict[str, int] = {}
        for layer in graph:
            for path in layer.inputs:
                self.readers[path] = self.readers.get(path, 0) + 1
        self.buffer_of: dict[str, str] = {}
        self.alive: dict[str, int] = {}  # buffer -> elements
        self.elements = 0  # of all that are alive
        self.users: dict[str, int] = {}  # buffer -> reads still to come

    def run(self, layers: Iterable[Layer]) -> Iterator[str]:
        """Run some layers; the path of each is yielded while it is running."""
        buffer_of, alive, users = self.buffer_of, self.alive, self.users
        for layer in layers:
            path, elements = layer.path, layer.shape.elements
            buffer = path
            if layer.inputs and writes_in_place(layer.op):
                for source in layer.inputs:
                    candidate = buffer_of[source]
                    if isinstance(layer.op, ops.Reshape | ops.Flatten) or (
                        users[candidate] == 1 and alive[candidate] == elements
                    ):
                        buffer = candidate
                        break
            if buffer == path:
                alive[buffer] = elements
                self.elements += elements
                users[buffer] = 0
            buffer_of[path] = buffer
            users[buffer] += self.readers.get(path, 0)
            yield path
            for source in layer.inputs:
                read = buffer_of[source]
                users[read] -= 1
                if users[read] == 0:
                    self.elements -= alive.pop(read)

    def stands_for(self, path: str, other: str) -> bool:
        """Let the output of one layer be that of another, where nothing else is alive."""
        if len(self.alive) != 1:
            return False
        buffer = self.buffer_of[other] = self.buffer_of[path]
        self.users[buffer] = self.readers.get(other, 0)
        return True


def liveness(graph: LayerGraph) -> Iterator[tuple[str, Mapping[str, int]]]:
    """List what is alive while each layer runs, one by one, in inference.

    A tensor lives from the layer that makes it to the last layer that reads it, so a shortcut stays
    alive across its block. An elementwise layer writes over an input that nothing else reads.
    Workspace of convolution algorithms is left out.

    Yields:
        The layer's path, and the buffers alive: path of the layer that allocated it to how many
        numbers it holds, for one image. The mapping changes as the layers go on.
    """
    memory = _Memory(graph)
    for path in memory.run(graph):
        yield path, memory.alive


def peak_activation(graph: LayerGraph) -> Peak:
    """Find the peak of ``liveness``, and the first layer to reach it.

    Of identical blocks the first alone is run: each begins with its input alive and nothing else.

    >>> from rsinspect.networks.resnet_rs import build_graph
    >>> from rsinspect.networks.spec import ResNetRSSpec
    >>> peak_activation(build_graph(ResNetRSSpec.variant(50))).bytes()
    3686400
    """
    memory = _Memory(graph)
    in_stages = tuple(x for folded in fold_stages(graph) for x in folded.stage.layers)
    if in_stages != graph.layers:  # cells and towers are put together from all over the order
        moments = (Peak(memory.elements, path) for path in memory.run(graph))
        return max(moments, key=lambda peak: peak.elements)
    peak = Peak(0, graph.layers[0].path)
    for folded in fold_stages(graph):
        for run in folded.runs:
            skipped = False
            for group in run.groups:
                if skipped:
                    break
                for path in memory.run(group.layers):
                    if memory.elements > peak.elements:
                        peak = Peak(memory.elements, path)
                end, last = group.layers[-1].path, run.groups[-1].layers[-1].path
                skipped = run.is_uniform and end != last and memory.stands_for(end, last)
    return peak
