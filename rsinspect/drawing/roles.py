"""What a layer is to a picture: its role, and whether it is drawn alone."""

from __future__ import annotations

from typing import Literal, assert_never

from rsinspect.drawing.scene import EdgeKind, Lane, Role
from rsinspect.layers import ops
from rsinspect.layers.blocks import Block
from rsinspect.layers.wording import describe

KINDS = {
    "downsampling": "Downsampling block",
    "projection": "Projection block",
    "identity": "Identity block",
    "branching": "Branching block",
    "plain": "Plain block",
}
"""Kinds of blocks, in the order in which they are drawn."""


def kind_of(block: Block) -> str:
    """Name the kind of a block: a block where nothing is added has no shortcut to be called by."""
    if block.addition is not None or block.kind == "downsampling":
        return block.kind
    gates = {gate.scale.path for gate in block.gates}
    joins = (len(layer.inputs) > 1 and layer.path not in gates for layer in block.group.layers)
    return "branching" if any(joins) else "plain"


def shortcut_of(block: Block) -> EdgeKind | None:
    """Name what leads around a block to where it is added; None where nothing is."""
    if block.addition is None:
        return None
    return "projection" if block.shortcut else "identity"


def fused(op: ops.Op) -> str:
    """Name the nonlinearity that a layer has in itself; nothing where it has none.

    >>> fused(ops.Dense(in_channels=8, units=10, activation="softmax"))
    'softmax'
    """
    function: str | None = getattr(op, "activation", None)
    return describe(ops.Activation(function)) if function else ""


def layer_role(op: ops.Op, lane: Lane) -> Role:
    """Decide what a layer is to the picture."""
    match op:
        case ops.Input():
            return "input"
        case (
            ops.Conv2D() | ops.DepthwiseConv2D() | ops.SeparableConv2D() | ops.Conv2DTranspose()
        ):  # fmt: skip
            return "gate" if lane == "gate" else "conv"
        case ops.Dense():
            return "gate" if lane == "gate" else "dense"
        case ops.BatchNorm() | ops.LayerNorm():
            return "norm"
        case ops.Activation() | ops.ReLU() | ops.PReLU():
            return "activation"
        case ops.GlobalAvgPool() if lane == "gate":
            return "gate"
        case ops.AvgPool2D() | ops.MaxPool2D() | ops.GlobalAvgPool() | ops.GlobalMaxPool():
            return "pool"
        case ops.Add() | ops.ScaledAdd():
            return "add"
        case ops.Merge() | ops.Concatenate():
            return "join"
        case ops.Multiply() | ops.ChannelScale():
            return "scale"
        case (
            ops.Rescaling() | ops.Normalization() | ops.ZeroPad2D() | ops.Crop2D() | ops.Reshape()
            | ops.Flatten() | ops.Permute() | ops.UpSampling2D() | ops.DropPath() | ops.Dropout()
            | ops.Augmentation() | ops.Arithmetic() | ops.Opaque() | ops.Pick()
        ):  # fmt: skip
            return "plain"
        case _:
            assert_never(op)


Shown = Literal["alone", "under", "within"]
"""How a layer of a block is shown: as a node, as a line under the layer before it, or not."""


def shown(op: ops.Op) -> Shown:
    """Say how papers show a layer of a block."""
    match op:
        case ops.Activation("linear"):
            return "within"
        case ops.BatchNorm() | ops.LayerNorm() | ops.Activation() | ops.ReLU() | ops.PReLU():
            return "under"
        case ops.ZeroPad2D() | ops.Crop2D() | ops.Reshape() | ops.Flatten() | ops.Permute():
            return "within"
        case (
            ops.Input() | ops.Rescaling() | ops.Normalization() | ops.Conv2D()
            | ops.DepthwiseConv2D() | ops.SeparableConv2D() | ops.Conv2DTranspose()
            | ops.ChannelScale() | ops.AvgPool2D() | ops.MaxPool2D() | ops.GlobalAvgPool()
            | ops.GlobalMaxPool() | ops.UpSampling2D() | ops.Multiply() | ops.DropPath()
            | ops.Add() | ops.ScaledAdd() | ops.Merge() | ops.Concatenate() | ops.Arithmetic()
            | ops.Dropout() | ops.Augmentation() | ops.Dense() | ops.Opaque() | ops.Pick()
        ):  # fmt: skip
            return "alone"
        case _:
            assert_never(op)
