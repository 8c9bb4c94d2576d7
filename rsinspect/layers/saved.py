"""Tensors that a training step keeps from its forward pass until its backward pass has read them.

Which they are is mathematics: the gradient of a convolution's kernel needs what the convolution
read, that of a rectifier what it wrote, that of a sum nothing. What a convolution wrote, batch norm
read and a rectifier wrote over is therefore two tensors of three. Frameworks agree in the main;
what each keeps beyond is in ``profiling.memory``.
"""

from typing import assert_never

from rsinspect.layers import ops
from rsinspect.layers.cost import op_cost
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.kernels import learnt_paths
from rsinspect.layers.ops import Op

OF_THE_OUTPUT = ("relu", "sigmoid", "tanh", "softmax")
"""Activations whose gradient is computed of what they wrote; others need what they read."""


def reads_input(op: Op) -> bool:
    """Tell whether the gradients of a layer that learns are computed of what it read."""
    match op:
        case ops.Activation(function):
            return function not in OF_THE_OUTPUT and function != "linear"
        case ops.Arithmetic(function):
            return function == "power"
        case ops.Merge(function):
            return function in ("maximum", "minimum")
        case (
            ops.Conv2D() | ops.DepthwiseConv2D() | ops.SeparableConv2D() | ops.Conv2DTranspose()
            | ops.Dense() | ops.BatchNorm() | ops.LayerNorm() | ops.ChannelScale() | ops.PReLU()
            | ops.Multiply() | ops.MaxPool2D() | ops.GlobalMaxPool()
        ):  # fmt: skip
            return True
        case (
            ops.Input() | ops.Rescaling() | ops.Normalization() | ops.ZeroPad2D() | ops.Crop2D()
            | ops.ReLU() | ops.AvgPool2D() | ops.GlobalAvgPool() | ops.UpSampling2D()
            | ops.Reshape() | ops.Flatten() | ops.Permute() | ops.DropPath() | ops.Add()
            | ops.ScaledAdd() | ops.Concatenate() | ops.Dropout() | ops.Augmentation()
            | ops.Opaque() | ops.Pick()
        ):  # fmt: skip
            return False
        case _:
            assert_never(op)


def reads_output(op: Op) -> bool:
    """Tell whether the gradients of a layer are computed of what it wrote."""
    if isinstance(op, ops.Activation):
        return op.function in OF_THE_OUTPUT
    if isinstance(op, ops.Convolution | ops.Dense):
        return op.activation not in (None, "linear")
    return isinstance(op, ops.ReLU | ops.MaxPool2D | ops.GlobalMaxPool)


def saved(graph: LayerGraph, *, pads: bool = True) -> tuple[Layer, ...]:
    """List the layers whose output a training step keeps.

    Nothing is kept before the first layer that learns. A frozen convolution or batch norm hands a
    gradient on without knowing what it read.

    Args:
        graph: The network.
        pads: Whether explicit zeros are written out; a compiler reads around the map instead.

    >>> from rsinspect.networks.resnet_rs import build_graph
    >>> from rsinspect.networks.spec import ResNetRSSpec
    >>> graph = build_graph(ResNetRSSpec.variant(50))
    >>> kept = sum(layer.shape.elements for layer in saved(graph))
    >>> round(kept / sum(layer.shape.elements for layer in graph), 2)
    0.63
    """
    stands_for: dict[str, str] = {}
    kept: dict[str, None] = {}
    learnt = graph.derived(learnt_paths)
    for layer in graph:
        path, op, inputs = layer.path, layer.op, layer.inputs
        is_view = isinstance(op, ops.Reshape | ops.Flatten)
        is_read_around = not pads and isinstance(op, ops.ZeroPad2D)
        stands_for[path] = stands_for[inputs[0]] if is_view or is_read_around else path
        if path not in learnt:
            continue
        weighs = bool(op_cost(op, graph.input_shapes(layer), layer.shape).params)
        if reads_input(op) and not (weighs and layer.frozen):
            kept |= dict.fromkeys(stands_for[source] for source in inputs)
        if reads_output(op):
            kept[stands_for[path]] = None
    return tuple(graph.layer(path) for path in kept)
