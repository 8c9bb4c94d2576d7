"""A graph for images of another size: the same layers and weights, other shapes."""

from __future__ import annotations

from rsinspect.base.errors import InvalidSpec, ShapeMismatch
from rsinspect.base.units import dimensions
from rsinspect.layers import ops
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.ops import Op, TensorShape
from rsinspect.layers.shapes import infer_shape


def resized(graph: LayerGraph, resolution: tuple[int, int]) -> LayerGraph:
    """Give a network images of another size, where all of its layers can take that.

    Args:
        graph: Of the network; every input that is an image gets the new size.
        resolution: Height and width.

    Raises:
        InvalidSpec: If the network takes no image, or at the first layer whose weights or settings
            hold for one size alone: a dense layer behind a flattened map, a fixed view, a layer
            that no op describes.

    >>> from rsinspect.networks.resnet_rs import build_graph
    >>> from rsinspect.networks.spec import ResNetRSSpec
    >>> spec = ResNetRSSpec.variant(50)
    >>> graph = resized(build_graph(spec), (224, 192))
    >>> graph == build_graph(spec.replace(resolution=(224, 192)))
    True
    """
    if not any(_is_image(layer.op) for layer in graph):
        takes = ", ".join(str(layer.shape) for layer in graph.inputs)
        raise InvalidSpec(
            f"{graph.name} takes no image, so it has no other resolution", f"it takes {takes}"
        )
    layers: dict[str, Layer] = {}
    for layer in graph:
        shapes = tuple([layers[path].shape for path in layer.inputs])
        op = layer.op
        if _is_image(op):
            op = ops.Input(TensorShape(*resolution, layer.shape.channels))
        elif isinstance(op, ops.Opaque | ops.Pick) and shapes != graph.input_shapes(layer):
            raise _fixed(graph, layer, resolution, "what it gives is not known at another size")
        try:
            shape = infer_shape(op, shapes)
        except ShapeMismatch as exc:
            raise _fixed(graph, layer, resolution, _why(op, shapes) or exc.message) from exc
        layers[layer.path] = layer._replace(op=op, shape=shape)
    return LayerGraph(graph.name, tuple(layers.values()), graph.outputs)


def _is_image(op: Op) -> bool:
    return isinstance(op, ops.Input) and len(op.shape) == 3


def _why(op: Op, shapes: tuple[TensorShape, ...]) -> str | None:
    """Say why an op does not take those shapes, where there is more to say than that."""
    if isinstance(op, ops.Dense):
        return f"it has weights for {op.in_channels} numbers and would read {shapes[0].channels}"
    if isinstance(op, ops.PReLU):
        return f"it has slopes for {TensorShape(*op.slopes)} and would read {shapes[0]}"
    return None


def _fixed(graph: LayerGraph, layer: Layer, resolution: tuple[int, int], why: str) -> InvalidSpec:
    name = layer.op.class_name if isinstance(layer.op, ops.Opaque) else layer.op.kind
    own = f"; its own is {dimensions(graph.resolution)}" if graph.resolution else ""
    return InvalidSpec(
        f"{graph.name} cannot take {dimensions(resolution)}: {layer.path} ({name}) "
        f"is for one size alone",
        f"{why}{own}",
    )
