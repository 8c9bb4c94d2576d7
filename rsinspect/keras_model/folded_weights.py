"""The weights of a convolution or dense layer with batch norms folded into it.

A batch norm gives ``scale * x + offset`` per channel, with ``scale = gamma / sqrt(variance +
epsilon)`` and ``offset = beta - mean * scale``. Behind a layer they multiply the kernel's output
channels and change the bias; before it they multiply its input channels, and the bias gains what
the layer makes of the offsets. All is computed in float64, and rounded once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from rsinspect.base.errors import WeightsError
from rsinspect.layers import ops
from rsinspect.layers.batch_norm import Fold, Folding
from rsinspect.layers.cost import weight_shapes

Array = Any
"""Of NumPy."""


class Norm(NamedTuple):
    """A batch norm to be folded: where it goes, and its weights in Keras's order."""

    fold: Fold
    arrays: Sequence[Array]

    def affine(self) -> tuple[Array, Array]:
        """Compute scale and offset, (channels,), of the whole norm."""
        op = self.fold.op
        *learnt, mean, variance = (np.asarray(array, "float64") for array in self.arrays)
        scale = 1 / np.sqrt(variance + op.epsilon)
        if op.scale:
            scale = scale * learnt[0]
        return scale, (learnt[-1] if op.center else 0.0) - mean * scale


def folds_by_layer(folding: Folding | None) -> dict[str, list[Fold]]:
    """Collect what is folded into each layer, by its path; nothing where nothing is."""
    found: dict[str, list[Fold]] = {}
    for fold in () if folding is None else folding.folds:
        found.setdefault(fold.into, []).append(fold)
    return found


def folded_weights(op: ops.Op, arrays: Sequence[Array], norms: Iterable[Norm]) -> list[Array]:
    """Compute the weights of a layer that batch norms were folded into.

    Args:
        op: What the layer is after folding: with a bias.
        arrays: Its weights in Keras's order; without the bias where it had none.
        norms: In the order in which they are to be applied.

    Returns:
        Kernel or kernels and bias, of the type that the kernel had.

    Raises:
        WeightsError: If they have other shapes than the layer and the norms.
    """
    shapes = weight_shapes(op)
    found = tuple(tuple(array.shape) for array in arrays)
    if found not in (shapes, shapes[:-1]):
        raise WeightsError(f"weights of shapes {found} are not those of {op.kind}")
    *kernels, bias = (np.asarray(array, "float64") for array in (*arrays, np.zeros(shapes[-1])))
    if len(arrays) == len(shapes):
        bias = kernels.pop()
    for norm in norms:
        if tuple(tuple(array.shape) for array in norm.arrays) != weight_shapes(norm.fold.op):
            raise WeightsError(f"{norm.fold.norm} has the weights of another batch norm")
        scale, offset = norm.affine()
        if norm.fold.end == "input":
            bias = bias + _response(op, _scaled(op, kernels[0], offset), kernels[1:])
            kernels[0] = _scaled(op, kernels[0], scale)
        else:
            own = slice(norm.fold.first, norm.fold.first + len(bias))
            kernels[-1] = kernels[-1] * _along_outputs(op, scale[own])
            bias = bias * scale[own] + offset[own]
    return [array.astype(arrays[0].dtype) for array in (*kernels, bias)]


def _along_outputs(op: ops.Op, factors: Array) -> Array:
    """Shape factors per output channel such that they multiply the last kernel."""
    if isinstance(op, ops.DepthwiseConv2D):
        return factors.reshape(op.channels, op.multiplier)
    if isinstance(op, ops.Conv2DTranspose):
        return factors[:, None]
    return factors


def _scaled(op: ops.Op, kernel: Array, factors: Array) -> Array:
    """Multiply the first kernel by factors per input channel."""
    if isinstance(op, ops.Conv2D) and op.groups > 1:
        inside, each = op.in_channels // op.groups, op.filters // op.groups
        return kernel * np.repeat(factors.reshape(op.groups, inside).T, each, axis=1)
    return kernel * factors[:, None]


def _response(op: ops.Op, kernel: Array, others: Sequence[Array]) -> Array:
    """Add up what reaches each output channel, without padding: (channels,)."""
    if isinstance(op, ops.Dense):
        return kernel.sum(axis=0)
    if isinstance(op, ops.DepthwiseConv2D):
        return kernel.sum(axis=(0, 1)).reshape(-1)
    if isinstance(op, ops.SeparableConv2D):
        return kernel.sum(axis=(0, 1)).reshape(-1) @ others[0][0, 0]
    return kernel.sum(axis=(0, 1, 2))
