"""Which shape comes out of an op, given the shapes that go in."""

from functools import lru_cache
from typing import assert_never

from rsinspect.base.errors import ShapeMismatch
from rsinspect.layers import ops
from rsinspect.layers.ops import TensorShape


def ceil_div(value: int, divisor: int) -> int:
    """Divide ``value`` by ``divisor``, rounded up."""
    return -(-value // divisor)


@lru_cache(maxsize=4096)
def infer_shape(op: ops.Op, inputs: tuple[TensorShape, ...]) -> TensorShape:
    """Infer the output shape of ``op`` on inputs of those shapes.

    It is long because it is one match over all ops, an entry each.

    Raises:
        ShapeMismatch: If the op does not fit the inputs.

    >>> conv = ops.Conv2D(kernel=3, stride=2, in_channels=3, filters=32, padding="valid")
    >>> str(infer_shape(conv, (TensorShape(162, 162, 3),)))
    '80×80×32'
    """
    _check_number(op, len(inputs))
    match op:
        case ops.Input(shape) | ops.Opaque(shape=shape) | ops.Pick(shape=shape):
            return shape
        case ops.Reshape(shape):
            return _viewed(inputs[0], shape)
        case (
            ops.Activation() | ops.DropPath() | ops.Dropout() | ops.Augmentation() | ops.ReLU()
            | ops.Arithmetic()
        ):  # fmt: skip
            return inputs[0]
        case ops.Rescaling(scale, offset):
            for constant in (scale, offset):
                if isinstance(constant, tuple):
                    _same_channels(op, inputs[0], len(constant))
            return inputs[0]
        case ops.Normalization(mean, adapted=adapted):
            _same_channels(op, inputs[0], adapted or len(mean))
            return inputs[0]
        case ops.BatchNorm() | ops.LayerNorm() | ops.ChannelScale():
            _same_channels(op, inputs[0], op.channels)
            return inputs[0]
        case ops.PReLU(slopes):
            if broadcast(op, (inputs[0], TensorShape(*slopes))) != inputs[0]:
                raise ShapeMismatch(f"slopes of shape {TensorShape(*slopes)} on {inputs[0]}")
            return inputs[0]
        case ops.ZeroPad2D() | ops.Crop2D():
            return _bordered(op, inputs[0])
        case ops.Conv2D():
            _same_channels(op, inputs[0], op.in_channels)
            if op.in_channels % op.groups or op.filters % op.groups:
                raise ShapeMismatch(
                    f"{op.groups} groups do not divide {op.in_channels} channels "
                    f"and {op.filters} filters"
                )
            return _windowed(op, inputs[0], op.kernel, op.filters)
        case ops.DepthwiseConv2D():
            _same_channels(op, inputs[0], op.channels)
            return _windowed(op, inputs[0], op.kernel, op.channels * op.multiplier)
        case ops.SeparableConv2D():
            _same_channels(op, inputs[0], op.in_channels)
            return _windowed(op, inputs[0], op.kernel, op.filters)
        case ops.Conv2DTranspose():
            _same_channels(op, inputs[0], op.in_channels)
            return _transposed(op, inputs[0])
        case ops.AvgPool2D(size) | ops.MaxPool2D(size):
            return _windowed(op, inputs[0], size, inputs[0].channels)
        case ops.GlobalAvgPool(keepdims) | ops.GlobalMaxPool(keepdims):
            channels = inputs[0].channels
            return (
                TensorShape(*(1 for _ in inputs[0][:-1]), channels)
                if keepdims
                else (TensorShape(channels))
            )
        case ops.UpSampling2D(size):
            height, width, channels = _map(op, inputs[0])
            down, across = ops.pair(size)
            return TensorShape(height * down, width * across, channels)
        case ops.Flatten():
            return TensorShape(inputs[0].elements)
        case ops.Permute(order):
            if sorted(order) != list(range(1, len(inputs[0]) + 1)):
                raise ShapeMismatch(f"{order} is no order of the axes of {inputs[0]}")
            return TensorShape(*(inputs[0][axis - 1] for axis in order))
        case ops.Multiply() | ops.Add() | ops.ScaledAdd() | ops.Merge():
            return broadcast(op, inputs)
        case ops.Concatenate(axis):
            return _concatenated(inputs, axis)
        case ops.Dense():
            _same_channels(op, inputs[0], op.in_channels)
            return TensorShape(*inputs[0][:-1], op.units)
        case _:
            assert_never(op)


_MANY = 1000
_TAKES: dict[type, tuple[int, int]] = {
    ops.Input: (0, 0),
    ops.Add: (2, _MANY),
    ops.Multiply: (2, _MANY),
    ops.Merge: (2, _MANY),
    ops.ScaledAdd: (2, 2),
    ops.Concatenate: (1, _MANY),
    ops.Opaque: (0, _MANY),
}
"""Fewest and most inputs of an op; any other takes one."""


def _check_number(op: ops.Op, given: int) -> None:
    """Refuse more or fewer inputs than an op takes."""
    least, most = _TAKES.get(type(op), (1, 1))
    if isinstance(op, ops.Merge) and op.function == "subtract":
        most = least
    if not least <= given <= most:
        more = " or more" if most > least else ""
        raise ShapeMismatch(f"{type(op).__name__} takes {least} inputs{more}, not {given}")


_VERBS = {"Add": "add", "ScaledAdd": "add", "Multiply": "multiply", "PReLU": "apply slopes to"}


def broadcast(op: ops.Op, shapes: tuple[TensorShape, ...]) -> TensorShape:
    """Infer what comes out where tensors meet number by number: sides of one are repeated.

    Shapes are aligned at their last axis, as NumPy does and Keras's merging layers.

    Raises:
        ShapeMismatch: If two sides differ and neither is one.
    """
    first = shapes[0]
    for shape in shapes[1:]:
        if shape == first:
            continue
        longer, shorter = (first, shape) if len(first) >= len(shape) else (shape, first)
        padded = (1,) * (len(longer) - len(shorter)) + tuple(shorter)
        for one, other in zip(longer, padded, strict=True):
            if one != other and 1 not in (one, other):
                raise ShapeMismatch(
                    f"cannot {_VERBS.get(op.kind, 'combine')} {shapes[0]} and {shape}"
                )
        first = TensorShape(*map(max, longer, padded))
    return first


def _viewed(given: TensorShape, shape: TensorShape) -> TensorShape:
    """Infer the shape of another view; one side may be open."""
    if -1 in shape:
        rest = TensorShape(*(side for side in shape if side != -1)).elements
        left = given.elements // rest if rest > 0 else 0
        shape = TensorShape(*(left if side == -1 else side for side in shape))
    if given.elements != shape.elements:
        raise ShapeMismatch(f"cannot view {given} as {shape}")
    return shape


def _concatenated(inputs: tuple[TensorShape, ...], axis: int) -> TensorShape:
    first = inputs[0]
    if not -len(first) <= axis < len(first):
        raise ShapeMismatch(f"{first} has no axis {axis} to concatenate along")
    axis %= len(first)
    for shape in inputs[1:]:
        if len(shape) != len(first) or any(
            one != other
            for place, (one, other) in enumerate(zip(first, shape, strict=True))
            if place != axis
        ):
            raise ShapeMismatch(f"cannot concatenate {first} and {shape}")
    sides = list(first)
    sides[axis] = sum(shape[axis] for shape in inputs)
    return TensorShape(*sides)


def extent(kernel: int, dilation: int) -> int:
    """Count how many numbers a dilated window spans.

    >>> extent(3, 2)
    5
    """
    return (kernel - 1) * dilation + 1


def _windowed(op: ops.Windowed, shape: TensorShape, size: ops.Sides, channels: int) -> TensorShape:
    """Infer the shape behind a window that moves over a map."""
    if type(size) is int and type(op.stride) is int and op.padding == "same":
        height, width, _ = _map(op, shape)
        return TensorShape(ceil_div(height, op.stride), ceil_div(width, op.stride), channels)
    dilation = 1 if isinstance(op, ops.AvgPool2D | ops.MaxPool2D) else op.dilation
    windows = tuple(map(extent, ops.pair(size), ops.pair(dilation)))
    height, width, _ = _map(op, shape, *(windows if op.padding == "valid" else (1, 1)))
    down, across = ops.pair(op.stride)
    return TensorShape(ceil_div(height, down), ceil_div(width, across), channels)


def _transposed(op: ops.Conv2DTranspose, shape: TensorShape) -> TensorShape:
    """Infer the shape behind a transposed convolution, by Keras's rule.

    Source: keras/src/backend/common/backend_utils.py, ``compute_conv_transpose_output_shape``.
    """
    height, width, _ = _map(op, shape)
    result = []
    padding = (None, None) if op.output_padding is None else ops.pair(op.output_padding)
    for side, kernel, step, dilation, more in zip(
        (height, width), ops.pair(op.kernel), ops.pair(op.stride), ops.pair(op.dilation), padding,
        strict=True,
    ):  # fmt: skip
        window = extent(kernel, dilation)
        if more is None:
            gained = max(window - step, 0) if op.padding == "valid" else 0
            result.append(side * step + gained)
        else:
            border = 0 if op.padding == "valid" else window // 2
            result.append((side - 1) * step + window - 2 * border + more)
    if min(result) < 1:
        raise ShapeMismatch(f"nothing is left of {shape} behind {op.kind}")
    return TensorShape(*result, op.filters)


def _bordered(op: ops.ZeroPad2D | ops.Crop2D, shape: TensorShape) -> TensorShape:
    """Infer the shape with a border put on, or cut off."""
    height, width, channels = _map(op, shape)
    sign, border = (1, op.padding) if isinstance(op, ops.ZeroPad2D) else (-1, op.cropping)
    rows, columns = ops.around(border)
    height, width = height + sign * sum(rows), width + sign * sum(columns)
    if min(height, width) < 1:
        raise ShapeMismatch(f"nothing is left of {shape} when it is cropped")
    return TensorShape(height, width, channels)


def _map(op: ops.Op, shape: TensorShape, down: int = 1, across: int = 1) -> tuple[int, int, int]:
    """Count the places of a window of those sides in a map, down and across, and its channels."""
    if len(shape) != 3:
        raise ShapeMismatch(f"{type(op).__name__} expects height, width and channels, not {shape}")
    height, width, channels = shape
    if height < down or width < across:
        raise ShapeMismatch(f"a window of {down}x{across} does not fit into {shape}")
    return height - down + 1, width - across + 1, channels


def _same_channels(op: ops.Op, shape: TensorShape, channels: int) -> None:
    if shape.channels != channels:
        raise ShapeMismatch(
            f"{type(op).__name__} expects {channels} channels, not {shape.channels}"
        )
