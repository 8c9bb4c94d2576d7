"""The numbers of a ResNet-RS as they show in the wiring of a graph, whatever its layers are called.

What is read here is a guess at a spec and no more: ``recognition`` builds that spec and compares.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rsinspect.layers import ops
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.networks.dialects import Dialect
from rsinspect.networks.spec import EXPANSION, round_channels

_BEFORE_STEM = (
    ops.Rescaling, ops.Normalization, ops.Augmentation, ops.Dropout, ops.Arithmetic,
    ops.Activation, ops.Opaque,
)  # fmt: skip
_IN_STEM = (ops.ZeroPad2D, ops.Conv2D, ops.BatchNorm, ops.Activation, ops.MaxPool2D)


_BRANCH = (
    ops.BatchNorm, ops.Conv2D, ops.Activation, ops.BatchNorm, ops.Conv2D, ops.Activation,
    ops.BatchNorm, ops.Conv2D,
)  # fmt: skip
"""Of a residual branch, from its end."""

_FOLDED_BRANCH = tuple(kind for kind in _BRANCH if kind is not ops.BatchNorm)
"""Likewise, its batch norms folded."""


class Bottleneck(NamedTuple):
    """What a block of three convolutions shows.

    Attributes:
        filters: Inner width.
        size: Height and width of its output.
        hidden: Inner width of its squeeze-and-excitation; 0 for none.
        activation: Its nonlinearity.
        norm: Its last batch norm; None where it has none, as after folding.
    """

    filters: int
    size: tuple[int, int]
    hidden: int
    activation: str
    norm: ops.BatchNorm | None


class Clues(NamedTuple):
    """What a graph shows of a ResNet-RS.

    Attributes:
        before: Layers from the image to what the stem reads, in order.
        stem: Its convolutions.
        blocks: Its bottlenecks, in order.
    """

    before: tuple[Layer, ...]
    stem: tuple[ops.Conv2D, ...]
    blocks: tuple[Bottleneck, ...]

    def stages(self) -> tuple[tuple[int, int], ...]:
        """Count the blocks of each stage; gives number and inner width."""
        counted: list[tuple[int, int]] = []
        sizes: list[tuple[int, int]] = []
        for block in self.blocks:
            if counted and counted[-1][1] == block.filters and sizes[-1] == block.size:
                counted[-1] = (counted[-1][0] + 1, block.filters)
            else:
                counted.append((1, block.filters))
                sizes.append(block.size)
        return tuple(counted)

    def width(self, dialect: Dialect) -> float | None:
        """Return the width at which the stem is that of a dialect; None if it is not."""
        if len(self.stem) != len(dialect.stem_filters):
            return None
        width = self.stem[0].filters / dialect.stem_filters[0]
        plan = zip(self.stem, dialect.stem_filters, dialect.stem_strides, strict=True)
        fits = all(
            conv.kernel == dialect.stem_kernel
            and conv.stride == stride
            and conv.filters == round_channels(filters, width)
            for conv, filters, stride in plan
        )
        return width if fits else None


def clues_in(graph: LayerGraph) -> Clues | None:
    """Look for a stem and bottleneck blocks; None where there are none."""
    inputs = graph.inputs
    if len(inputs) != 1 or len(inputs[0].shape) != 3:
        return None
    readers: dict[str, list[Layer]] = {}
    for layer in graph:
        for path in layer.inputs:
            readers.setdefault(path, []).append(layer)
    before = [inputs[0], *_chain(inputs[0], readers, _BEFORE_STEM)]
    stem = [layer.op for layer in _chain(before[-1], readers, _IN_STEM)]
    convs = tuple(op for op in stem if isinstance(op, ops.Conv2D))
    if not convs or len(before[-1].shape) != 3:
        return None
    sums = (layer for layer in graph if isinstance(layer.op, ops.Add) and len(layer.inputs) == 2)
    blocks = tuple(block for layer in sums if (block := _bottleneck(graph, layer)))
    normed = bool(blocks) and blocks[-1].norm is not None
    if any(conv.use_bias is normed for conv in convs):  # a folded norm leaves a bias
        return None
    return Clues(tuple(before), convs, blocks) if blocks else None


def _chain(
    start: Layer, readers: Mapping[str, Sequence[Layer]], kinds: tuple[type, ...]
) -> list[Layer]:
    """Follow the layers of some kinds that are each the only reader of the one before."""
    found: list[Layer] = []
    path = start.path
    while len(next_ones := readers.get(path, ())) == 1 and isinstance(next_ones[0].op, kinds):
        found.append(next_ones[0])
        path = next_ones[0].path
    return found


def _bottleneck(graph: LayerGraph, total: Layer) -> Bottleneck | None:
    """Read the residual branch that ends in a sum: 1x1, kxk, 1x1 of four times the width."""
    for path in total.inputs:
        layer, hidden = _ungated(graph, path)
        walked = []
        norm = layer.op if isinstance(layer.op, ops.BatchNorm) else None
        for kind in _BRANCH if norm else _FOLDED_BRANCH:
            if isinstance(layer.op, ops.ZeroPad2D):
                layer = graph.layer(layer.inputs[0])
            if not isinstance(layer.op, kind):
                break
            if not isinstance(layer.op, ops.BatchNorm):
                walked.append(layer.op)
            layer = graph.layer(layer.inputs[0])
        match walked:
            case [
                ops.Conv2D() as last, ops.Activation(function), ops.Conv2D() as inner, _,
                ops.Conv2D() as first,
            ] if (first.kernel, first.filters, last.kernel, last.filters) == (
                1, inner.filters, 1, EXPANSION * inner.filters
            ):  # fmt: skip
                height, width, _ = total.shape
                return Bottleneck(inner.filters, (height, width), hidden, function, norm)
    return None


def _ungated(graph: LayerGraph, path: str) -> tuple[Layer, int]:
    """Go back over what is for training and over a gate; gives the gate's hidden width too."""
    layer, hidden = graph.layer(path), 0
    while isinstance(layer.op, ops.IN_TRAINING):
        layer = graph.layer(layer.inputs[0])
    if isinstance(layer.op, ops.Multiply) and len(layer.inputs) == 2:
        value, gate = sorted(map(graph.layer, layer.inputs), key=lambda one: -one.shape.elements)
        if isinstance(gate.op, ops.Conv2D):
            hidden = gate.op.in_channels
        layer = value
    return layer, hidden
