"""How much of the image one output position sees."""

import math
from typing import NamedTuple, assert_never

from rsinspect.layers import ops
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.shapes import extent


class ReceptiveField(NamedTuple):
    """What one output position sees.

    Attributes:
        size: Side of the square of image pixels, the longer one of a rectangle; None once the
            whole image is pooled, and where it is not known. In a map that was enlarged neighbours
            see unlike squares, and it is that of their mean, within a few pixels.
        stride: Image pixels between neighbouring positions, or None likewise, and where they are
            less than one.
    """

    size: int | None
    stride: int | None


class _Axis(NamedTuple):
    """A receptive field along one axis, in image pixels."""

    size: float
    stride: float


_Seen = tuple[_Axis, _Axis] | None


def receptive_fields(graph: LayerGraph) -> dict[str, ReceptiveField]:
    """Compute every layer's receptive field, along its convolutions and window pools.

    The largest over a layer's inputs. SE gates see the whole map and are left out: with them every
    block would see the whole image. Source: Araujo, Norris, Sim 2019, "Computing Receptive Fields
    of Convolutional Neural Networks": size += (kernel - 1) * stride so far.
    """
    seen: dict[str, _Seen] = {}
    for layer in graph:
        seen[layer.path] = _seen(layer, [seen[path] for path in layer.inputs])
    return {path: _field(axes) for path, axes in seen.items()}


def _field(axes: _Seen) -> ReceptiveField:
    if axes is None:
        return ReceptiveField(None, None)
    size, stride = (max(numbers) for numbers in zip(*axes, strict=True))
    return ReceptiveField(math.ceil(size), int(stride) if stride == int(stride) else None)


def _seen(layer: Layer, sources: list[_Seen]) -> _Seen:
    """Tell what a layer sees, given what its inputs see; None for all, and for unknown."""
    op = layer.op
    match op:
        case ops.Input():
            return _Axis(1, 1), _Axis(1, 1)
        case ops.GlobalAvgPool() | ops.GlobalMaxPool() | ops.Opaque() | ops.Pick() | ops.Permute():
            return None
        case ops.Flatten():
            return sources[0] if layer.shape.elements == 1 else None
        case ops.Conv2D() | ops.DepthwiseConv2D() | ops.SeparableConv2D():
            window = tuple(map(extent, ops.pair(op.kernel), ops.pair(op.dilation)))
            return _through(sources[0], window, ops.pair(op.stride))
        case ops.AvgPool2D(size, stride) | ops.MaxPool2D(size, stride):
            return _through(sources[0], ops.pair(size), ops.pair(stride))
        case ops.Conv2DTranspose():
            steps = ops.pair(op.stride)
            windows = map(extent, ops.pair(op.kernel), ops.pair(op.dilation))
            reads = tuple(-(-window // step) for window, step in zip(windows, steps, strict=True))
            return _enlarged(sources[0], reads, steps)
        case ops.UpSampling2D(size, interpolation):
            reads = {"bilinear": (2, 2), "bicubic": (4, 4)}.get(interpolation, (1, 1))
            return _enlarged(sources[0], reads, ops.pair(size))
        case ops.Multiply():
            return _largest([axes for axes in sources if axes is not None])
        case (
            ops.Rescaling() | ops.Normalization() | ops.ZeroPad2D() | ops.Crop2D()
            | ops.BatchNorm() | ops.LayerNorm() | ops.ChannelScale() | ops.Activation()
            | ops.ReLU() | ops.PReLU() | ops.Reshape() | ops.DropPath() | ops.Add()
            | ops.ScaledAdd() | ops.Merge() | ops.Concatenate() | ops.Arithmetic()
            | ops.Dropout() | ops.Augmentation() | ops.Dense()
        ):  # fmt: skip
            return _largest(sources)
        case _:
            assert_never(op)


def _through(seen: _Seen, window: tuple[int, ...], steps: tuple[int, ...]) -> _Seen:
    """Look through a window that moves in steps."""
    if seen is None:
        return None
    down, across = (
        _Axis(axis.size + (side - 1) * axis.stride, axis.stride * step)
        for axis, side, step in zip(seen, window, steps, strict=True)
    )
    return down, across


def _enlarged(seen: _Seen, reads: tuple[int, ...], factors: tuple[int, ...]) -> _Seen:
    """Look at a map that is enlarged by factors, each of whose numbers reads some before it."""
    if seen is None:
        return None
    down, across = (
        _Axis(axis.size + (read - 1) * axis.stride, axis.stride / factor)
        for axis, read, factor in zip(seen, reads, factors, strict=True)
    )
    return down, across


def _largest(sources: list[_Seen]) -> _Seen:
    known = [axes for axes in sources if axes is not None]
    if not known or len(known) < len(sources):
        return None
    down, across = (max(axes[place] for axes in known) for place in (0, 1))
    return down, across
