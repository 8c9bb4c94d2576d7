"""What a layer costs, and a whole graph: params, operations, bytes.

A ``Cost`` counts things (MACs, biases added, elements normalised, ...) for one image in inference.
Counts add up exactly, over layers, blocks, stages and the model. What a FLOP *is* differs from
source to source, so a convention is a weight for each counted thing, in CONVENTIONS, and FLOPs are
counts times weights:

    mac     one per multiply-add of convolutions, SE convolutions and the classifier
    paper   two per MAC, and one per element that a global average pool reads
    timm    one per MAC and two per batch-norm element, as fvcore counts; timm prints it as GMACs
    full    two per MAC, and every bias, batch norm (2), activation, SE product, pooled element,
            residual sum and preprocessing operation

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
        trainable_params: Kernels, biases, batch-norm scale and offset.
        non_trainable_params: Batch-norm moving mean and variance.
        macs: Multiply-adds of convolutions and the classifier, biases left out.
        bias_adds: Elements a bias is added to.
        normed: Elements batch-normalised.
        activated: Elements an activation is applied to, fused ones included.
        averaged: Elements read by global average pools.
        pooled: Elements read by the windows of other pools.
        scaled: Elements multiplied by an SE gate.
        added: Elements added to others in residual sums: all inputs but one.
        preprocessed: Operations of rescaling (1) and normalisation (2) per element.
        read: Elements of all inputs read.
        outputs: Elements of all outputs, the image included; a view (reshape) makes none.
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

    def __add__(self, other: "Cost") -> "Cost":  # type: ignore[override]  # adds, never concatenates
        return Cost(*map(operator.add, self, other))

    def __mul__(self, repeats: int) -> "Cost":  # type: ignore[override]
        return Cost(*[count * repeats for count in self])

    @classmethod
    def total(cls, costs: Iterable["Cost"]) -> "Cost":
        """Sum of costs; nothing costs zero."""
        return cls(*map(sum, zip(cls(), *costs, strict=True)))

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
    "timm": {"macs": 1, "normed": 2},
    "full": {
        "macs": 2, "bias_adds": 1, "normed": 2, "activated": 1, "averaged": 1, "pooled": 1,
        "scaled": 1, "added": 1, "preprocessed": 1,
    },
}  # fmt: skip
"""Weight of each counted thing, by convention."""

LEGEND = {
    "mac": "1 per multiply-add of convolutions and classifier",
    "paper": "2 per MAC + 1 per element of each global average pool; reproduces Table 7",
    "timm": "1 per MAC + 2 per batch-norm element (fvcore)",
    "full": "2 per MAC + bias, batch norm (2), activation, SE scaling, pooling, add, preprocessing",
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

    >>> conv = ops.Conv2D(kernel=3, stride=2, in_channels=3, filters=32, padding="valid")
    >>> op_cost(conv, (TensorShape(162, 162, 3),), TensorShape(80, 80, 32)).macs
    5529600
    """
    read = sum(shape.elements for shape in inputs)
    out = output.elements
    match op:
        case ops.Input():
            return Cost(outputs=out)
        case ops.Reshape():
            return Cost()
        case ops.Rescaling():
            return Cost(preprocessed=out, read=read, outputs=out)
        case ops.Normalization():
            return Cost(preprocessed=2 * out, read=read, outputs=out)
        case ops.ZeroPad2D() | ops.DropPath() | ops.Dropout():
            return Cost(read=read, outputs=out)
        case ops.Conv2D():
            kernel = op.kernel * op.kernel * op.in_channels * op.filters
            return Cost(
                trainable_params=kernel + (op.filters if op.use_bias else 0),
                macs=kernel * output.height * output.width,
                bias_adds=out if op.use_bias else 0,
                activated=out if op.activation else 0,
                read=read,
                outputs=out,
            )
        case ops.BatchNorm():
            both = 2 * op.channels
            return Cost(
                trainable_params=both, non_trainable_params=both, normed=out, read=read, outputs=out
            )
        case ops.Activation():
            return Cost(activated=out, read=read, outputs=out)
        case ops.AvgPool2D() | ops.MaxPool2D():
            return Cost(pooled=op.size * op.size * out, read=read, outputs=out)
        case ops.GlobalAvgPool():
            return Cost(averaged=read, read=read, outputs=out)
        case ops.GlobalMaxPool():
            return Cost(pooled=read, read=read, outputs=out)
        case ops.Multiply():
            return Cost(scaled=out, read=read, outputs=out)
        case ops.Add():
            return Cost(added=(len(inputs) - 1) * out, read=read, outputs=out)
        case ops.Dense():
            kernel = op.in_channels * op.units
            return Cost(
                trainable_params=kernel + op.units,
                macs=kernel,
                bias_adds=out,
                activated=out if op.activation else 0,
                read=read,
                outputs=out,
            )
        case _:
            assert_never(op)


def layer_cost(graph: LayerGraph, layer: Layer) -> Cost:
    """Compute the cost of one layer of a graph, for one image."""
    return op_cost(layer.op, graph.input_shapes(layer), layer.shape)


def layers_cost(graph: LayerGraph, layers: Iterable[Layer]) -> Cost:
    """Add up the cost of some layers of a graph, for one image."""
    return Cost.total(layer_cost(graph, layer) for layer in layers)


def weight_shapes(op: Op) -> tuple[tuple[int, ...], ...]:
    """List the shapes of an op's weights in Keras's order; empty for most ops.

    Kernels are (height, width, in, out); batch norm has scale, offset, moving mean and variance.
    """
    match op:
        case ops.Conv2D():
            kernel = (op.kernel, op.kernel, op.in_channels, op.filters)
            return (kernel, (op.filters,)) if op.use_bias else (kernel,)
        case ops.BatchNorm():
            return ((op.channels,),) * 4
        case ops.Dense():
            return ((op.in_channels, op.units), (op.units,))
        case (
            ops.Input() | ops.Rescaling() | ops.Normalization() | ops.ZeroPad2D()
            | ops.Activation() | ops.AvgPool2D() | ops.MaxPool2D() | ops.GlobalAvgPool()
            | ops.GlobalMaxPool() | ops.Reshape() | ops.Multiply() | ops.DropPath() | ops.Add()
            | ops.Dropout()
        ):  # fmt: skip
            return ()
        case _:
            assert_never(op)
