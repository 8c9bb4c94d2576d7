"""Kernels: what layers come to when whatever can be fused is fused.

A kernel is one pass over memory. What it computes and moves is a lower bound, so whatever a
framework could leave out is left out:

* Operations are two per MAC of convolutions and dense layers, without the taps that fall on
  padding, which libraries skip: a quarter of a 3x3 on 5x5. Elementwise work is not counted; it runs
  beside, on other units, and what it costs is its traffic.
* A kernel is a convolution, a pool or a dense layer with the elementwise layers that follow. It
  reads its inputs and weights once and writes its result once; between its own layers nothing
  moves. A sum rides on whichever of its inputs nothing else reads, and reads only the others;
  explicit padding and preprocessing are part of the kernel that reads them.
* Scaling by an SE gate is a kernel of its own: the gate depends on the whole map, so the map is
  written first and read again. So is a layer norm, which needs all channels, and, in training, a
  batch norm before a convolution, since its statistics depend on the whole batch; any other could
  be computed by the kernels that read it.
* A concatenation is where its inputs are written; of an opaque layer only the traffic is known.
* Backward, a convolution or dense layer is two kernels with the MACs of the forward one, for the
  gradients of its input and of its weights; the first convolution has only the second, a frozen one
  only the first, and before the first layer that learns there is none. A kernel that scales or
  normalises reads gradient and input and writes a gradient. Gradients of sums and pools ride along,
  and the optimizer is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, assert_never, get_args

from rsinspect.base.errors import check_choice
from rsinspect.layers import ops
from rsinspect.layers.cost import layer_cost, op_cost
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.shapes import extent

Mode = Literal["forward", "train"]


Weighted = ops.Convolution | ops.Dense
"""Ops with multiply-adds."""


class Kernel(NamedTuple):
    """One pass over memory: a convolution, pool, dense layer or scaling, and what rides on it.

    Attributes:
        path: The layer it begins with; ``gradient of ...`` for one of the backward pass.
        macs: Per image; those that fall on padding left out.
        activations: Elements read and written, per image.
        weights: Elements read or written once for the whole batch.
    """

    path: str
    macs: int
    activations: int
    weights: int

    def flops(self, batch: int) -> int:
        """Count operations for a batch, two per MAC."""
        return 2 * self.macs * batch

    def bytes(self, batch: int, item_bytes: int) -> int:
        """Count the bytes moved for a batch, each once; also its working set."""
        return (self.activations * batch + self.weights) * item_bytes


def kernels(graph: LayerGraph, layers: Sequence[Layer], *, mode: Mode) -> tuple[Kernel, ...]:
    """Fuse some neighbouring layers into the fewest kernels; see the top of this file.

    Args:
        graph: Where the layers stand.
        layers: In order; what they read from outside is read from memory.
        mode: ``forward`` for inference, ``train`` for forward and backward.

    Raises:
        InvalidChoice: If there is no such mode.

    >>> from rsinspect.layers.structure import structure_of
    >>> from rsinspect.networks.resnet_rs import build_graph
    >>> from rsinspect.networks.spec import ResNetRSSpec
    >>> graph = build_graph(ResNetRSSpec.variant(50))
    >>> block = structure_of(graph).within("c2/block1")
    >>> [kernel.path for kernel in kernels(graph, block, mode="forward")][:4]
    ['c2/block1/conv1', 'c2/block1/conv2', 'c2/block1/conv3', 'c2/block1/se/squeeze']
    """
    check_choice("mode", mode, get_args(Mode))
    fusion = _Fusion(graph, layers, mode)
    for layer in layers:
        fusion.take(layer)
    passes = [
        Kernel(
            kernel.starts[0].path,
            sum(start.macs for start in kernel.starts),
            sum(kernel.reads.values()) + kernel.written,
            sum(start.weights for start in kernel.starts),
        )
        for kernel in fusion.fused
    ]
    if mode == "train":
        for kernel in reversed(fusion.fused):
            for start in reversed(kernel.starts):
                passes += _gradients(start)
    return tuple(passes)


@dataclass(slots=True)
class _Start:
    """The layer a kernel begins with."""

    path: str
    read: int
    written: int
    macs: int = 0
    weights: int = 0
    gradients: int = 0
    barrier: bool = False


@dataclass(slots=True)
class _Fused:
    """A kernel that grows as layers join it."""

    starts: list[_Start]
    reads: dict[str, int]
    written: int


class _Fusion:
    """Some neighbouring layers on their way into kernels.

    Attributes:
        fused: The kernels so far.
    """

    def __init__(self, graph: LayerGraph, layers: Sequence[Layer], mode: Mode) -> None:
        self.graph = graph
        self.mode = mode
        self.fused: list[_Fused] = []
        self._inside = {layer.path for layer in layers}
        self._home: dict[str, _Fused] = {}
        self._size: dict[str, int] = {}  # what is read of a tensor: explicit zeros are not
        self._readers = graph.derived(_readers)
        self._learning = graph.derived(_learning)
        self._learnt = graph.derived(learnt_paths)

    def take(self, layer: Layer) -> None:
        """Begin a kernel with a layer, or let it join those that made what it reads."""
        path, op, inputs, shape, *_ = layer
        out = self._size[path] = shape.elements
        match op:
            case ops.Input():
                return
            case (
                ops.Conv2D() | ops.DepthwiseConv2D() | ops.SeparableConv2D()
                | ops.Conv2DTranspose() | ops.Dense()
            ):  # fmt: skip
                self._begin_weighted(layer)
            case (
                ops.AvgPool2D() | ops.MaxPool2D() | ops.GlobalAvgPool() | ops.GlobalMaxPool()
                | ops.UpSampling2D()
            ):  # fmt: skip
                read = self._elements(inputs[0])
                self._begin(_Start(path, read, out), {inputs[0]: read})
            case ops.Multiply() if len(set(self.graph.input_shapes(layer))) > 1:
                self._begin_barrier(layer)
            case ops.Multiply() | ops.Add() | ops.ScaledAdd() | ops.Merge():
                self._sum(layer)
            case ops.BatchNorm() if self.mode == "train" and self._meets_convolution(path):
                self._begin_barrier(layer)
            case ops.LayerNorm():
                self._begin_barrier(layer)
            case ops.Opaque() | ops.Pick():
                reads = {source: self._elements(source) for source in inputs}
                weights = op_cost(op, self.graph.input_shapes(layer), shape).params
                self._begin(_Start(path, sum(reads.values()), out, weights=weights), reads)
            case ops.Concatenate():  # its inputs are written where it has them
                self._size[path] = sum(map(self._elements, inputs))
            case (
                ops.Rescaling() | ops.Normalization() | ops.ZeroPad2D() | ops.Crop2D()
                | ops.BatchNorm() | ops.ChannelScale() | ops.Activation() | ops.ReLU()
                | ops.PReLU() | ops.Reshape() | ops.Flatten() | ops.Permute() | ops.DropPath()
                | ops.Arithmetic() | ops.Dropout() | ops.Augmentation()
            ):  # joins what made its input, or else what will read it  # fmt: skip
                self._size[path] = min(out, self._elements(inputs[0]))
                if inputs[0] in self._home:
                    self._home[path] = self._home[inputs[0]]
            case _:
                assert_never(op)

    def _elements(self, path: str) -> int:
        if path in self._inside:
            return self._size[path]
        return self.graph.layer(path).shape.elements

    def _begin(self, start: _Start, reads: dict[str, int]) -> None:
        kernel = _Fused([start], reads, start.written)
        self.fused.append(kernel)
        self._home[start.path] = kernel

    def _begin_barrier(self, layer: Layer) -> None:
        """Begin a kernel that needs all of what it reads before it writes the first number."""
        path, out = layer.path, layer.shape.elements
        reads = {source: self._elements(source) for source in layer.inputs}
        learnt = path in self._learnt
        self._begin(_Start(path, sum(reads.values()), out, barrier=learnt), reads)

    def _begin_weighted(self, layer: Layer) -> None:
        source = layer.inputs[0]
        macs, touched = _work(self.graph, layer)
        read = min(self._elements(source), touched)
        params = op_cost(layer.op, self.graph.input_shapes(layer), layer.shape).params
        start = _Start(
            layer.path, read, layer.shape.elements, macs, params,
            gradients=(source in self._learnt) + (layer.path in self._learning),
        )  # fmt: skip
        self._begin(start, {source: read})

    def _sum(self, layer: Layer) -> None:
        """Let a sum ride on the kernels of the inputs that nothing else reads."""
        path, inputs = layer.path, layer.inputs
        free = [p for p in inputs if p in self._home and len(self._readers[p]) == 1]
        reads = {p: self._elements(p) for p in inputs if p not in free}
        if not free:
            self._begin(_Start(path, sum(reads.values()), layer.shape.elements), reads)
            return
        kernel = self._home[free[0]]
        kernel.reads |= reads
        for joined in {id(self._home[p]): self._home[p] for p in free[1:]}.values():
            if joined is not kernel:
                self._merge(kernel, joined)
        self._home[path] = kernel

    def _merge(self, kernel: _Fused, joined: _Fused) -> None:
        """Add both results up where they are computed, so that one is written."""
        kernel.starts += joined.starts
        kernel.reads |= joined.reads
        for path, owner in self._home.items():
            if owner is joined:
                self._home[path] = kernel
        self.fused.remove(joined)

    def _meets_convolution(self, path: str) -> bool:
        """Tell whether a convolution reads it, at once or by way of elementwise layers."""
        return any(
            isinstance(layer.op, Weighted)
            or (_elementwise(layer) and self._meets_convolution(layer.path))
            for layer in self._readers[path]
        )


def _gradients(start: _Start) -> list[Kernel]:
    """List the kernels of the backward pass of a kernel's first layer."""
    name = f"gradient of {start.path}"
    moved = start.read + start.written
    if start.barrier:
        return [Kernel(name, 0, start.read + moved, 0)]
    return [Kernel(name, start.macs, moved, start.weights)] * start.gradients


def _readers(graph: LayerGraph) -> Mapping[str, tuple[Layer, ...]]:
    readers: dict[str, list[Layer]] = {layer.path: [] for layer in graph}
    for layer in graph:
        for path in layer.inputs:
            readers[path].append(layer)
    return {path: tuple(layers) for path, layers in readers.items()}


def _learning(graph: LayerGraph) -> frozenset[str]:
    """Collect the layers that learn."""
    return frozenset(
        layer.path
        for layer in graph
        if not layer.frozen
        and op_cost(layer.op, graph.input_shapes(layer), layer.shape).trainable_params
    )


def learnt_paths(graph: LayerGraph) -> frozenset[str]:
    """Collect the layers whose output depends on what is learnt: a gradient comes back to them."""
    paths = set(graph.derived(_learning))
    for layer in graph:
        if not paths.isdisjoint(layer.inputs):
            paths.add(layer.path)
    return frozenset(paths)


def step_macs(graph: LayerGraph, layers: Iterable[Layer]) -> int:
    """Count the MACs of a training step of some layers, per image.

    A layer that learns counts three times: the backward pass makes the gradients of its input and
    of its weights, each as costly as the forward pass. A frozen layer counts twice, or once where
    nothing before it learns.
    """
    learnt = graph.derived(learnt_paths)
    return sum(
        layer_cost(graph, layer).macs
        * (3 - layer.frozen * (1 if learnt.intersection(layer.inputs) else 2))
        for layer in layers
    )


def _elementwise(layer: Layer) -> bool:
    """Tell whether each output number depends on one number of the only input."""
    op = layer.op
    match op:
        case (
            ops.Rescaling() | ops.Normalization() | ops.ZeroPad2D() | ops.Crop2D()
            | ops.BatchNorm() | ops.ChannelScale() | ops.Activation() | ops.ReLU() | ops.PReLU()
            | ops.Reshape() | ops.Flatten() | ops.Permute() | ops.DropPath() | ops.Arithmetic()
            | ops.Dropout() | ops.Augmentation()
        ):  # fmt: skip
            return True
        case (
            ops.Input() | ops.Conv2D() | ops.DepthwiseConv2D() | ops.SeparableConv2D()
            | ops.Conv2DTranspose() | ops.Dense() | ops.LayerNorm() | ops.AvgPool2D()
            | ops.MaxPool2D() | ops.GlobalAvgPool() | ops.GlobalMaxPool() | ops.UpSampling2D()
            | ops.Multiply() | ops.Add() | ops.ScaledAdd() | ops.Merge() | ops.Concatenate()
            | ops.Opaque() | ops.Pick()
        ):  # fmt: skip
            return False
        case _:
            assert_never(op)


def _work(graph: LayerGraph, layer: Layer) -> tuple[int, int]:
    """Count the MACs outside the padding of a layer that has any, and its most reads."""
    op = layer.op
    source = graph.layer(layer.inputs[0])
    if isinstance(op, ops.Dense):
        positions = layer.shape.elements // op.units
        return positions * op.in_channels * op.units, positions * op.in_channels
    assert isinstance(op, Weighted)
    if isinstance(op, ops.Conv2DTranspose):  # the gradient of a convolution the other way
        taps = _map_taps(op, layer.shape, source.shape, 0)
        return taps * op.in_channels * op.filters, source.shape.elements
    explicit: ops.Borders = 0
    if isinstance(source.op, ops.ZeroPad2D):
        explicit = source.op.padding
        source = graph.layer(source.inputs[0])
    taps = _map_taps(op, source.shape, layer.shape, explicit)
    if isinstance(op, ops.Conv2D):
        return taps * op.in_channels // op.groups * op.filters, taps * op.in_channels
    if isinstance(op, ops.DepthwiseConv2D):
        return taps * op.channels * op.multiplier, taps * op.channels
    between = op.in_channels * op.multiplier
    pointwise = layer.shape.height * layer.shape.width * between * op.filters
    return taps * between + pointwise, taps * op.in_channels


def _map_taps(
    op: ops.Convolution,
    before: ops.TensorShape,
    after: ops.TensorShape,
    explicit: ops.Borders,
) -> int:
    """Count the taps on numbers of a map, for all outputs, one channel each."""
    rows, columns = (
        _taps(*sides, *borders, same=op.padding == "same")
        for sides, borders in zip(
            zip(
                before[:2], after[:2], ops.pair(op.kernel), ops.pair(op.stride),
                ops.pair(op.dilation), strict=True,
            ),
            ops.around(explicit),
            strict=True,
        )
    )  # fmt: skip
    return rows * columns


def _taps(
    before: int,
    after: int,
    kernel: int,
    stride: int,
    dilation: int = 1,
    first: int = 0,
    last: int = 0,
    *,
    same: bool,
) -> int:
    """Count the taps along an axis on one of ``before`` numbers, for all ``after`` outputs.

    Args:
        before: Numbers that are read, zeros left out.
        after: Outputs.
        kernel: Taps of the window.
        stride: Of the window.
        dilation: Of the window.
        first: Explicit zeros before the numbers.
        last: Explicit zeros behind them.
        same: Whether implicit zeros are added on top.

    >>> _taps(5, 5, 3, 1, same=True)
    13
    """
    window = extent(kernel, dilation)
    whole = before + first + last
    padding = max(0, (after - 1) * stride + window - whole) // 2 if same else 0
    first += padding
    if dilation == 1:
        starts = (position * stride - first for position in range(after))
        return sum(max(0, min(before, start + kernel) - max(0, start)) for start in starts)
    return sum(
        0 <= position * stride - first + tap * dilation < before
        for position in range(after)
        for tap in range(kernel)
    )
