"""Ops in the field's few words, the same in every table and diagram."""

from typing import assert_never

from rsinspect.base.units import dimensions
from rsinspect.layers import ops


def describe(op: ops.Op) -> str:
    """Describe an op in the field's few words.

    It is long because it is one match over all ops, an entry each.

    >>> describe(ops.Conv2D(kernel=3, stride=2, in_channels=64, filters=128))
    'conv 3×3/2, 128'
    """
    match op:
        case ops.Input():
            return "input"
        case ops.Rescaling():
            return "rescaling"
        case ops.Normalization():
            return "normalization"
        case ops.ZeroPad2D(padding):
            return f"zero pad {_border(padding)}"
        case ops.Crop2D(cropping):
            return f"crop {_border(cropping)}"
        case ops.Conv2D():
            groups = "" if op.groups == 1 else f", {op.groups} groups"
            if 1 < op.groups == op.in_channels:
                groups = ", depthwise"
            return f"conv {_window(op.kernel, op.stride)}, {op.filters}{groups}{_dilated(op)}"
        case ops.DepthwiseConv2D():
            more = "" if op.multiplier == 1 else f", {op.multiplier} per channel"
            return f"depthwise {_window(op.kernel, op.stride)}{more}{_dilated(op)}"
        case ops.SeparableConv2D():
            return f"separable {_window(op.kernel, op.stride)}, {op.filters}{_dilated(op)}"
        case ops.Conv2DTranspose():
            return f"transposed {_window(op.kernel, op.stride)}, {op.filters}{_dilated(op)}"
        case ops.BatchNorm():
            return "batch norm"
        case ops.LayerNorm():
            return "layer norm"
        case ops.ChannelScale():
            return "layer scale"
        case ops.Activation(function):
            return function.removeprefix("custom:")
        case ops.ReLU(top, slope, threshold):
            return _rectifier(top, slope, threshold)
        case ops.PReLU():
            return "prelu"
        case ops.AvgPool2D(size, stride):
            return f"avg pool {_window(size, stride, always=True)}"
        case ops.MaxPool2D(size, stride):
            return f"max pool {_window(size, stride, always=True)}"
        case ops.GlobalAvgPool():
            return "global avg pool"
        case ops.GlobalMaxPool():
            return "global max pool"
        case ops.UpSampling2D(size, interpolation):
            how = "" if interpolation == "nearest" else f", {interpolation}"
            return f"upsampling {dimensions(ops.pair(size))}{how}"
        case ops.Reshape():
            return "reshape"
        case ops.Flatten():
            return "flatten"
        case ops.Permute(order):
            return f"permute {', '.join(map(str, order))}"
        case ops.Multiply():
            return "scale"
        case ops.DropPath(rate):
            return f"drop path {rate:.3g}"
        case ops.Add():
            return "add"
        case ops.ScaledAdd(scale):
            return f"add {scale:g} ×"
        case ops.Merge(function):
            return function
        case ops.Concatenate(axis):
            return "concatenate" if axis in (-1, 2) else f"concatenate axis {axis + 1}"
        case ops.Arithmetic():
            return _arithmetic(op)
        case ops.Dropout(rate):
            return f"dropout {rate:.3g}"
        case ops.Augmentation(class_name) | ops.Opaque(class_name):
            return class_name
        case ops.Dense(_, units):
            return f"dense {units}"
        case ops.Pick(position):
            return f"output {position}"
        case _:
            assert_never(op)


def _window(size: ops.Sides, stride: ops.Sides, *, always: bool = False) -> str:
    """Write a window and its step: ``3×3/2``, ``1×7``, ``2×2/(2×1)``."""
    step = f"/{stride}" if isinstance(stride, int) else f"/({dimensions(stride)})"
    return dimensions(ops.pair(size)) + (step if always or stride != 1 else "")


def _dilated(
    op: ops.Convolution,
) -> str:
    dilation = op.dilation
    if dilation == 1:
        return ""
    return f", dilated {dilation if isinstance(dilation, int) else dimensions(dilation)}"


def _border(border: ops.Borders) -> str:
    """Write a border: one number, or rows and columns."""
    if isinstance(border, int):
        return str(border)
    return ", ".join("+".join(map(str, ends)) for ends in border)


def _rectifier(top: float | None, slope: float, threshold: float) -> str:
    """Write a rectifier with its limits: ``relu6``, ``leaky relu 0.1``."""
    words = "relu" if slope == 0 else f"leaky relu {slope:g}"
    words += "" if top is None else f"{top:g}"
    return words if threshold == 0 else f"{words} above {threshold:g}"


def _arithmetic(op: ops.Arithmetic) -> str:
    """Write arithmetic with a constant: ``+ 3``, ``× 0.1667``, ``1 -``."""
    signs = {"add": "+", "subtract": "−", "multiply": "×", "divide": "/", "power": "^"}
    sign, value = signs[op.function], f"{op.value:.4g}"
    return f"{value} {sign}" if op.reverse else f"{sign} {value}"
