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

    Raises:
        ShapeMismatch: If the op does not fit the inputs.

    >>> conv = ops.Conv2D(kernel=3, stride=2, in_channels=3, filters=32, padding="valid")
    >>> str(infer_shape(conv, (TensorShape(162, 162, 3),)))
    '80×80×32'
    """
    least = 0 if isinstance(op, ops.Input) else 2 if isinstance(op, ops.Multiply | ops.Add) else 1
    more = isinstance(op, ops.Add)
    if len(inputs) < least or (len(inputs) > least and not more):
        raise ShapeMismatch(
            f"{type(op).__name__} takes {least} inputs{' or more' if more else ''}, "
            f"not {len(inputs)}"
        )
    match op:
        case ops.Input(shape) | ops.Reshape(shape):
            if inputs and inputs[0].elements != shape.elements:
                raise ShapeMismatch(f"cannot view {inputs[0]} as {shape}")
            return shape
        case ops.Rescaling() | ops.Activation() | ops.DropPath() | ops.Dropout():
            return inputs[0]
        case ops.Normalization(mean):
            _same_channels(op, inputs[0], len(mean))
            return inputs[0]
        case ops.BatchNorm():
            _same_channels(op, inputs[0], op.channels)
            return inputs[0]
        case ops.ZeroPad2D(padding):
            height, width, channels = _map(op, inputs[0])
            return TensorShape(height + 2 * padding, width + 2 * padding, channels)
        case ops.Conv2D():
            _same_channels(op, inputs[0], op.in_channels)
            height, width, _ = _map(op, inputs[0], op.kernel if op.padding == "valid" else 1)
            return TensorShape(ceil_div(height, op.stride), ceil_div(width, op.stride), op.filters)
        case ops.MaxPool2D(size, stride, "valid"):
            height, width, channels = _map(op, inputs[0], size)
            return TensorShape(ceil_div(height, stride), ceil_div(width, stride), channels)
        case ops.AvgPool2D(_, stride) | ops.MaxPool2D(_, stride):
            height, width, channels = _map(op, inputs[0])
            return TensorShape(ceil_div(height, stride), ceil_div(width, stride), channels)
        case ops.GlobalAvgPool() | ops.GlobalMaxPool():
            return TensorShape(inputs[0].channels)
        case ops.Multiply():
            if inputs[0].channels != inputs[1].channels:
                raise ShapeMismatch(f"cannot scale {inputs[0]} by {inputs[1]}")
            return inputs[0]
        case ops.Add():
            for shape in inputs[1:]:
                if shape != inputs[0]:
                    raise ShapeMismatch(f"cannot add {inputs[0]} and {shape}")
            return inputs[0]
        case ops.Dense():
            _same_channels(op, inputs[0], op.in_channels)
            return TensorShape(op.units)
        case _:
            assert_never(op)


def _map(op: ops.Op, shape: TensorShape, window: int = 1) -> tuple[int, int, int]:
    """Count the places of a window of that side in a map, down and across, and its channels."""
    if len(shape) != 3:
        raise ShapeMismatch(f"{type(op).__name__} expects height, width and channels, not {shape}")
    height, width, channels = shape
    if min(height, width) < window:
        raise ShapeMismatch(f"a window of {window}x{window} does not fit into {shape}")
    return height - window + 1, width - window + 1, channels


def _same_channels(op: ops.Op, shape: TensorShape, channels: int) -> None:
    if shape.channels != channels:
        raise ShapeMismatch(
            f"{type(op).__name__} expects {channels} channels, not {shape.channels}"
        )
