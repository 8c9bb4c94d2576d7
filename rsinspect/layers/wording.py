"""Ops in the field's few words, the same in every table and diagram."""

from typing import assert_never

from rsinspect.layers import ops


def describe(op: ops.Op) -> str:
    """Describe an op in the field's few words.

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
            return f"zero pad {padding}"
        case ops.Conv2D():
            stride = "" if op.stride == 1 else f"/{op.stride}"
            return f"conv {op.kernel}×{op.kernel}{stride}, {op.filters}"
        case ops.BatchNorm():
            return "batch norm"
        case ops.Activation(function):
            return function.removeprefix("custom:")
        case ops.AvgPool2D(size, stride):
            return f"avg pool {size}×{size}/{stride}"
        case ops.MaxPool2D(size, stride):
            return f"max pool {size}×{size}/{stride}"
        case ops.GlobalAvgPool():
            return "global avg pool"
        case ops.GlobalMaxPool():
            return "global max pool"
        case ops.Reshape():
            return "reshape"
        case ops.Multiply():
            return "scale"
        case ops.DropPath(rate):
            return f"drop path {rate:g}"
        case ops.Add():
            return "add"
        case ops.Dropout(rate):
            return f"dropout {rate:g}"
        case ops.Dense():
            return f"dense {op.units}"
        case _:
            assert_never(op)
