"""The weights of a network by name, with their shapes, as Keras has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rsinspect.base.errors import WeightsError
from rsinspect.layers.cost import weight_shapes
from rsinspect.layers.ops import Op
from rsinspect.networks.network import Network
from rsinspect.weights.naming import weights_of

Shape = tuple[int, ...]


def shapes_of(network: Network) -> Mapping[tuple[str, str], Shape]:
    """List the shapes of all weights, by path and weight."""
    return {
        (layer.path, weight): shape
        for layer in network.graph
        for weight, shape in weights_by_name(layer.op).items()
    }


def weights_by_name(op: Op) -> dict[str, Shape]:
    """List the weights of an op by name, in Keras's order; by number where they have no name."""
    shapes = weight_shapes(op)
    try:
        names: Sequence[str] = weights_of(op) if shapes else ()
    except WeightsError:
        names = _NAMES.get(op.kind, ())
    numbers = map(str, range(len(shapes)))
    if len(names) != len(shapes):
        names = (*names, "bias") if len(names) + 1 == len(shapes) else tuple(numbers)
    return dict(zip(names, shapes, strict=True))


_NAMES: Mapping[str, tuple[str, ...]] = {
    "DepthwiseConv2D": ("kernel",),
    "SeparableConv2D": ("depthwise_kernel", "pointwise_kernel"),
    "Conv2DTranspose": ("kernel",),
    "ChannelScale": ("gamma",),
    "Normalization": ("mean", "variance", "count"),
    "PReLU": ("alpha",),
}
"""Weights of layers that no ResNet-RS has, a bias left out."""
