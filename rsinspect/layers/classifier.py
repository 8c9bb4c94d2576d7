"""Which outputs are of classes."""

from __future__ import annotations

from rsinspect.layers import ops
from rsinspect.layers.graph import Layer


def classifies(layer: Layer) -> bool:
    """Tell whether an output is probabilities of classes, or what a softmax would be taken of."""
    op = layer.op
    if isinstance(op, ops.Activation):
        return op.function == "softmax"
    if isinstance(op, ops.Dense) and op.activation is None:
        return op.units > 1
    return isinstance(op, ops.Dense | ops.Conv2D) and op.activation == "softmax"
