"""What a tensor is to its layer, told by its name and its shape: a kernel, a bias, a gamma.

Works for files of any network. Names are those of Keras 2 and TensorFlow 1 (``.../gamma:0``), of
Keras 3 (``layers/batch_normalization_3/vars/0``: arrays are numbered in the order in which a layer
makes them) and of PyTorch (``bn1.weight``, which is a gamma where it has one axis).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Literal, NamedTuple

from rsinspect.checkpoints.tensors import StoredTensor

Kind = Literal[
    "kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance", "optimizer", "other"
]
KINDS: Mapping[Kind, str] = {
    "kernel": "kernels", "bias": "biases", "gamma": "gammas", "beta": "betas",
    "moving_mean": "moving means", "moving_variance": "moving variances",
    "optimizer": "of the optimizer", "other": "others",
}  # fmt: skip
"""Kinds of tensors, and what several are called."""

TRAINED: tuple[Kind, ...] = ("kernel", "bias", "gamma", "beta")


class Role(NamedTuple):
    """What a tensor is.

    Attributes:
        kind: Of tensor.
        channels: The axes that count what the layer puts out; none where that is not known.
    """

    kind: Kind
    channels: tuple[int, ...] = ()


_KERAS_3 = re.compile(r"(?:.*/)?(?P<kind>[a-z_0-9]*?[a-z])(?:_\d+)?/vars/(?P<index>\d+)")
_IN_ORDER: Mapping[str, tuple[str, ...]] = {
    "conv2d": ("kernel", "bias"),
    "conv1d": ("kernel", "bias"),
    "conv3d": ("kernel", "bias"),
    "dense": ("kernel", "bias"),
    "depthwise_conv2d": ("depthwise_kernel", "bias"),
    "separable_conv2d": ("depthwise_kernel", "kernel", "bias"),
    "batch_normalization": ("gamma", "beta", "moving_mean", "moving_variance"),
    "layer_normalization": ("gamma", "beta"),
}
"""The arrays of a layer of Keras 3, by its class, where it has all of them."""

_LEAVES: Mapping[str, Kind] = {
    "kernel": "kernel", "pointwise_kernel": "kernel", "depthwise_kernel": "kernel",
    "bias": "bias", "gamma": "gamma", "beta": "beta",
    "moving_mean": "moving_mean", "running_mean": "moving_mean",
    "moving_variance": "moving_variance", "running_var": "moving_variance",
}  # fmt: skip
_AVERAGE = "/ExponentialMovingAverage"
_OF_OPTIMIZER = re.compile(r"(^|[/.])(optimizer(_weights)?|Momentum|Adam|RMSProp)(_\d+)?([/.:]|$)")


def roles(tensors: Mapping[str, StoredTensor]) -> dict[str, Role]:
    """Tell what each tensor of a file is.

    >>> def tensor(name, *shape):
    ...     return name, StoredTensor(name, shape, "float32", 0)
    >>> found = roles(dict([tensor("conv1.weight", 64, 3, 7, 7), tensor("bn1.weight", 64)]))
    >>> found["conv1.weight"], found["bn1.weight"].kind
    (Role(kind='kernel', channels=(0,)), 'gamma')
    """
    return {name: _role(tensor, tensors) for name, tensor in tensors.items()}


def _role(tensor: StoredTensor, others: Collection[str]) -> Role:
    name, rank = tensor.name.removesuffix(_AVERAGE), len(tensor.shape)
    if _OF_OPTIMIZER.search(name):
        return Role("optimizer")
    if match := _KERAS_3.fullmatch(name):
        return _keras(_numbered(match["kind"], int(match["index"]), name, others), rank)
    before, _, leaf = re.sub(r":\d+$", "", name).replace(".", "/").rpartition("/")
    if leaf == "weight":
        if rank == 1:
            return Role("gamma", (0,))
        return Role("kernel", (0,)) if rank else Role("other")
    if leaf == "bias":
        norm = name.removesuffix("bias") + "running_mean"
        return Role("beta" if norm in others else "bias", (0,) if rank == 1 else ())
    return _keras(leaf, rank) if before or leaf in _LEAVES else Role("other")


def _numbered(kind: str, index: int, name: str, others: Collection[str]) -> str:
    """Name an array of a layer of Keras 3; one that lacks some is of another make."""
    names = _IN_ORDER.get(kind, ())
    start = name.removesuffix(str(index))
    there = sum(f"{start}{number}" in others for number in range(len(names) + 1))
    needed = len(names) if kind == "batch_normalization" else 1
    return names[index] if needed <= there <= len(names) and index < len(names) else ""


def _keras(leaf: str, rank: int) -> Role:
    """Read the name of an array as Keras gives it; what comes out is counted by the last axis."""
    kind = _LEAVES.get(leaf, "other")
    if kind == "other" or not rank:
        return Role("other")
    if leaf == "depthwise_kernel":
        return Role(kind, (rank - 2, rank - 1) if rank > 1 else ())
    return Role(kind, (rank - 1,))
