"""What a layer costs, and a whole graph: params, operations, bytes.

A ``Cost`` counts things (MACs, biases added, elements normalised, ...) for one image in inference.
Counts add up exactly, over layers, blocks, stages and the model. What a FLOP *is* differs from
source to source, so a convention is a weight for each counted thing, in CONVENTIONS, and FLOPs are
counts times weights:

    mac     one per multiply-add of convolutions and dense layers
    paper   two per MAC, and one per element that a global average pool reads
    timm    one per MAC, two per batch-norm element and what layer norms do, as fvcore counts; timm
            prints it as GMACs
    full    two per MAC, and every bias, batch norm (2), layer norm (4 or 5), activation, product,
            pooled element, sum and preprocessing operation

A layer norm computes its statistics anew and costs four operations per element, five with scale or
offset, as fvcore counts (``fvcore/nn/jit_handles.py``, ``norm_flop_counter``).

``paper`` is the definition that reproduces all 11 ResNet-RS rows of Table 7 as printed. Two per MAC
alone reproduces 10: RS-152@192 comes to 17.49 billion and is printed as 18; with the global average
pools it is 17.50. The paper itself states no definition in the material available here.

Peak activation memory does not add up, so it is no field of ``Cost`` but asked of a graph
(``layers.liveness``).
"""

import operator
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple, assert_never

from rsinspect.base.errors import check_choice
from rsinspect.base.units import ITEM_BYTES
from rsinspect.layers import ops
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.ops import Op, TensorShape


class Cost(NamedTuple):
    """Counts for one image, in inference; they add up.

    Attributes:
        trainable_params: Weights that are learnt: kernels, biases, scales, offsets, slopes.
        non_trainable_params: Statistics, and all weights of frozen layers.
        macs: Multiply-adds of convolutions and dense layers, biases left out.
        bias_adds: Elements a bias is added to.
        normed: Elements batch-normalised.
        activated: Elements an activation is applied to, fused ones included.
        averaged: Elements read by global average pools.
        pooled: Elements read by the windows of other pools, or to interpolate.
        scaled: Elements multiplied by a gate, a constant or another tensor.
        added: Elements added to others, or compared with them: all inputs but one.
        preprocessed: Operations of rescaling (1) and normalisation (2) per element.
        read: Elements of all inputs read.
        outputs: Elements of all outputs, the image included; a view (reshape) makes none.
        layer_norm_ops: Operations of layer norms.
        uncounted: Layers whose cost is unknown: all other counts are then at least so much.
        unweighed: Layers whose params are unknown; likewise.
    """

    trainable_params: int = 0
    non_trainable_params: int = 0
    macs: int = 0
    bias_adds: int = 0
    normed: int = 0
    activated: int = 0
    averaged: int = 0
    pooled: int = 0
    scaled: int = 0
    added: int = 0
    preprocessed: int = 0
    read: int = 0
    outputs: int = 0
    layer_norm_ops: int = 0
    uncounted: int = 0
    unweighed: int = 0

    def __add__(self, other: "Cost") -> "Cost":  # type: ignore[override]  # adds, never concatenates
        return Cost(*map(operator.add, self, other))

    def __mul__(self, repeats: int) -> "Cost":  # type: ignore[override]
        return Cost(*[count * repeats for count in self])

    @classmethod
    def total(cls, costs: Iterable["Cost"]) -> "Cost":
        """Sum of costs; nothing costs zero."""
        return cls(*map(sum, zip(*costs, strict=True)))

    @property
    def params(self) -> int:
        """Add trainable and non-trainable parameters: Keras's ``count_params()``."""
        return self.trainable_params + self.non_trainable_params

    def flops(self, convention: str) -> int:
        """Count the operations for one image under a named convention."""
        return sum(
            weight * getattr(self, name) for name, weight in convention_weights(convention).items()
        )

    def activation_bytes(self, *, batch: int = 1, dtype: str = "float32") -> int:
        """Add up all layer outputs, in bytes: an upper estimate of what training keeps."""
        return self.outputs * batch * ITEM_BYTES[dtype]

    def weight_bytes(self, dtype: str = "float32") -> int:
        """Convert all parameters to bytes."""
        return self.params * ITEM_BYTES[dtype]

    def bytes_moved(self, *, batch: int = 1, dtype: str = "float32") -> int:
        """Count bytes of inputs read, outputs written and weights read once, layer by layer."""
        return self.weight_bytes(dtype) + (self.read + self.outputs) * batch * ITEM_BYTES[dtype]

    def intensity(self, convention: str, *, batch: int = 1, dtype: str = "float32") -> float | None:
        """Divide FLOPs by bytes moved, layer by layer, nothing fused; None where nothing moves."""
        moved = self.bytes_moved(batch=batch, dtype=dtype)
        return self.flops(convention) * batch / moved if moved else None


CONVENTIONS: dict[str, dict[str, int]] = {
    "mac": {"macs": 1},
    "paper": {"macs": 2, "averaged": 1},
    "timm": {"macs": 1, "normed": 2, "layer_norm_ops": 1},
    "full": {
        "macs": 2, "bias_adds": 1, "normed": 2, "layer_norm_ops": 1, "activated": 1, "averaged": 1,
        "pooled": 1, "scaled": 1, "added": 1, "preprocessed": 1,
    },
}  # fmt: skip
"""Weight of each counted thing, by convention."""

LEGEND = {
    "mac": "1 per multiply-add of convolutions and dense layers",
    "paper": "2 per MAC + 1 per element of each global average pool",
    "timm": "1 per MAC + 2 per batch-norm element, 4 or 5 per layer-norm element (fvcore)",
    "full": "2 per MAC + bias, batch norm (2), layer norm (4 or 5), activation, scaling, pooling, "
    "add, preprocessing",
}


def convention_weights(convention: str) -> dict[str, int]:
    """Look up the weights of a convention.

    Raises:
        InvalidChoice: If there is none of that name.
    """
    check_choice("convention", convention, CONVENTIONS)
    return CONVENTIONS[convention]


@lru_cache(maxsize=4096)
def op_cost(op: Op, inputs: tuple[TensorShape, ...], output: TensorShape) -> Cost:
    """Compute the cost of one op, for one image.

    It is long because it is one match over all ops, an entry each.

    >>> conv = ops.Conv2D(kernel=3, stride=2, in_channels=3, filters=32, padding="valid")
    >>> op_cost(conv, (TensorShape(162, 162, 3),), TensorShape(80, 80, 32)).macs
    5529600
    """
    read = sum(shape.elements for shape in inputs)
    out = output.elements
    match op:
        case ops.Input():
            return Cost(outputs=out)
        case ops.Reshape() | ops.Flatten() | ops.Pick():
            return Cost()
        case ops.Rescaling(_, offset):
            each = 1 if offset == 0 else 2
            return Cost(preprocessed=each * out, read=read, outputs=out)
        case ops.Normalization(adapted=adapted):
            kept = 2 * adapted + 1 if adapted else 0
            return Cost(non_trainable_params=kept, preprocessed=2 * out, read=read, outputs=out)
        case (
            ops.ZeroPad2D() | ops.Crop2D() | ops.Permute() | ops.DropPath() | ops.Dropout()
            | ops.Augmentation() | ops.Concatenate()
        ):  # fmt: skip
            return Cost(read=read, outputs=out)
        case (
            ops.Conv2D() | ops.DepthwiseConv2D() | ops.SeparableConv2D() | ops.Conv2DTranspose()
            | ops.Dense()
        ):  # fmt: skip
            return Cost(
                trainable_params=_weights(op),
                macs=_macs(op, inputs[0], output),
                bias_adds=out if op.use_bias else 0,
                activated=out if op.activation else 0,
                read=read,
                outputs=out,
            )
        case ops.BatchNorm(channels):
            return Cost(
                trainable_params=_weights(op) - 2 * channels,
                non_trainable_params=2 * channels,
                normed=out,
                read=read,
                outputs=out,
            )
        case ops.LayerNorm(_, _, scale, center):
            work = (5 if scale or center else 4) * out
            return Cost(_weights(op), layer_norm_ops=work, read=read, outputs=out)
        case ops.ChannelScale(channels):
            return Cost(channels, scaled=out, read=read, outputs=out)
        case ops.Activation() | ops.ReLU() | ops.PReLU():
            return Cost(_weights(op), activated=out, read=read, outputs=out)
        case ops.AvgPool2D(size) | ops.MaxPool2D(size):
            height, width = ops.pair(size)
            return Cost(pooled=height * width * out, read=read, outputs=out)
        case ops.GlobalAvgPool():
            return Cost(averaged=read, read=read, outputs=out)
        case ops.GlobalMaxPool():
            return Cost(pooled=read, read=read, outputs=out)
        case ops.UpSampling2D(_, interpolation):
            taps = _INTERPOLATED.get(interpolation, 0)
            return Cost(pooled=taps * out, read=read, outputs=out)
        case ops.Multiply():
            return Cost(scaled=(len(inputs) - 1) * out, read=read, outputs=out)
        case ops.Add():
            return Cost(added=(len(inputs) - 1) * out, read=read, outputs=out)
        case ops.ScaledAdd():
            return Cost(scaled=out, added=out, read=read, outputs=out)
        case ops.Merge(function):
            scaled = out if function == "average" else 0
            added = (len(inputs) - 1) * out
            return Cost(scaled=scaled, added=added, read=read, outputs=out)
        case ops.Arithmetic(function):
            if function in ("add", "subtract"):
                return Cost(added=out, read=read, outputs=out)
            return Cost(scaled=out, read=read, outputs=out)
        case ops.Opaque(_, _, weights, constants):
            sizes = [TensorShape(*shape).elements for shape in weights or ()]
            trained = len(sizes) - constants
            return Cost(
                sum(sizes[:trained]),
                sum(sizes[trained:]),
                read=read,
                outputs=out,
                uncounted=1,
                unweighed=int(weights is None),
            )
        case _:
            assert_never(op)


_INTERPOLATED = {"bilinear": 4, "bicubic": 16}
"""Numbers that make one of an enlarged map; ``nearest`` copies one."""


def _weights(op: Op) -> int:
    """Add up an op's params."""
    return sum(TensorShape(*shape).elements for shape in weight_shapes(op))


def _macs(
    op: ops.Convolution | ops.Dense,
    source: TensorShape,
    output: TensorShape,
) -> int:
    """Count multiply-adds: those of a transposed convolution per place that it reads."""
    kernels = [TensorShape(*shape).elements for shape in weight_shapes(op)]
    if op.use_bias:
        kernels.pop()
    shape = source if isinstance(op, ops.Conv2DTranspose) else output
    return sum(kernels) * (shape.elements // shape.channels)


def layer_cost(graph: LayerGraph, layer: Layer) -> Cost:
    """Compute the cost of one layer of a graph, for one image.

    Weights that an earlier layer has too are that one's; those of a frozen layer are not trainable.
    """
    cost = op_cost(layer.op, graph.input_shapes(layer), layer.shape)
    if layer.shares is not None:
        return cost._replace(trainable_params=0, non_trainable_params=0, unweighed=0)
    if layer.frozen:
        return cost._replace(trainable_params=0, non_trainable_params=cost.params)
    return cost


def layers_cost(graph: LayerGraph, layers: Iterable[Layer]) -> Cost:
    """Add up the cost of some layers of a graph, for one image."""
    return Cost.total(layer_cost(graph, layer) for layer in layers)


@lru_cache(maxsize=4096)
def weight_shapes(op: Op) -> tuple[tuple[int, ...], ...]:
    """List the shapes of an op's weights in Keras's order; empty for most ops.

    Kernels are (height, width, in, out), of a transposed convolution (height, width, out, in); the
    bias comes last. Batch norm has scale, offset, moving mean and variance. Of an opaque layer they
    are what is known.
    """
    if isinstance(op, ops.Weightless):
        return ()
    match op:
        case ops.Conv2D():
            kernel = (*ops.pair(op.kernel), op.in_channels // op.groups, op.filters)
            return _with_bias(op.use_bias, op.filters, kernel)
        case ops.DepthwiseConv2D():
            kernel = (*ops.pair(op.kernel), op.channels, op.multiplier)
            return _with_bias(op.use_bias, op.channels * op.multiplier, kernel)
        case ops.SeparableConv2D():
            depthwise = (*ops.pair(op.kernel), op.in_channels, op.multiplier)
            pointwise = (1, 1, op.in_channels * op.multiplier, op.filters)
            return _with_bias(op.use_bias, op.filters, depthwise, pointwise)
        case ops.Conv2DTranspose():
            kernel = (*ops.pair(op.kernel), op.filters, op.in_channels)
            return _with_bias(op.use_bias, op.filters, kernel)
        case ops.Dense():
            return _with_bias(op.use_bias, op.units, (op.in_channels, op.units))
        case ops.BatchNorm(channels, _, _, scale, center):
            return ((channels,),) * (2 + scale + center)
        case ops.LayerNorm(channels, _, scale, center):
            return ((channels,),) * (scale + center)
        case ops.ChannelScale(channels):
            return ((channels,),)
        case ops.Normalization(adapted=adapted):
            return ((adapted,), (adapted,), ()) if adapted else ()
        case ops.PReLU(slopes):
            return (slopes,)
        case ops.Opaque(weights=weights):
            return weights or ()
        case _:
            assert_never(op)


def _with_bias(
    use_bias: bool, filters: int, *kernels: tuple[int, ...]
) -> tuple[tuple[int, ...], ...]:
    return (*kernels, (filters,)) if use_bias else kernels
