"""A layer graph as a Keras 3 model, layer for layer, and the check that the two agree.

One Keras layer is made of every layer of the graph, under the reference name of its path
(``layer_names``), so that a saved file of either side fits the other. Only public Keras layers are
used: the same code runs on TensorFlow, JAX and PyTorch, and a saved model loads without this
package.

Order matters to Keras in one place. It walks a model from the output along *first* inputs,
recursing, and lists layers of equal depth in the order of that walk; weight files are read in that
order. So an addition is given an identity shortcut first, which keeps the walk shallow enough for
depth 420 at Python's default recursion limit, and a projection last, as in Keras 2: with the
projection first the published files of depths 50, 101 and 152 do not fit, because
``c2/block0/shortcut/conv`` comes before ``c2/block0/se/expand``. ``weight_order`` tells the
resulting order without building anything.

Initialisers are Keras 2's: He with fan-out, truncated, for every convolution, SE included, and
Glorot uniform for the classifier (tf_keras 2.21, applications/resnet_rs.py).
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, assert_never

from rsinspect.base.errors import ModelBuildError, ReconciliationError, RsInspectError
from rsinspect.keras_model.backend import keras, require_channels_last
from rsinspect.layers import ops
from rsinspect.layers.cost import layer_cost, weight_shapes
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.networks.dialects import Dialect
from rsinspect.networks.keras_names import keras_name
from rsinspect.networks.spec import CUSTOM_ACTIVATION

CHANNELS_LAST = "channels_last"

Functions = Mapping[str, Callable[..., Any]]
"""Python functions behind activations of the graph that are named ``custom:...``."""


def build_model(
    graph: LayerGraph,
    dialect: Dialect,
    *,
    name: str | None = None,
    image: Any = None,
    spatial: tuple[int | None, int | None] | None = None,
    functions: Functions | None = None,
) -> keras.Model:
    """The graph as a functional Keras model with fresh weights.

    Args:
        graph: What to build; its first layer is the image.
        dialect: Whose layer names.
        name: Of the model; the graph's by default. Keras takes no slash in it.
        image: A Keras tensor, (batch, height, width, channels), to build on instead of a new
            input. The model then begins at that tensor's own inputs.
        spatial: Height and width of the new input, None where any will do; the graph's by default.
        functions: What the graph's ``custom:`` activations call.

    Returns:
        A model from images, (batch, height, width, channels), to the graph's output.

    Raises:
        ModelBuildError: If Keras is set to channels_first, an activation is unknown, the tensor
            does not fit the graph, or Keras refuses.

    >>> from rsinspect.networks.resnet_rs import build_graph
    >>> from rsinspect.networks.spec import ResNetRSSpec
    >>> spec = ResNetRSSpec(blocks=(1, 1), resolution=(64, 64), classes=10)
    >>> model = build_model(build_graph(spec), spec.dialect)
    >>> model.name, model.output_shape
    ('resnet-rs-1-1', (None, 10))
    """
    require_channels_last()
    tensors: dict[str, Any] = {}
    readers = _readers(graph)
    inputs = None
    for layer in graph:
        try:
            if isinstance(layer.op, ops.Input):
                tensor = _image(layer, layer.op, dialect, image, spatial)
                inputs = tensor if image is None else _sources(image)
            else:
                built = _keras_layer(layer.op, keras_name(layer.path, dialect), functions or {})
                sources = [tensors[path] for path in _call_order(layer, readers)]
                tensor = built(sources if len(sources) > 1 else sources[0])
        except RsInspectError:
            raise
        except (ValueError, TypeError) as exc:
            raise ModelBuildError(f"Keras cannot build {layer.path}: {_first_line(exc)}") from exc
        tensors[layer.path] = tensor
    try:
        return keras.Model(inputs, tensors[graph.output.path], name=name or graph.name)
    except RecursionError as exc:
        raise ModelBuildError(
            f"{graph.name} is too deep for Keras at Python's recursion limit",
            f"sys.setrecursionlimit({sys.getrecursionlimit() + 3 * len(graph)}) before building",
        ) from exc
    except (ValueError, TypeError) as exc:
        raise ModelBuildError(f"Keras cannot build {graph.name}: {_first_line(exc)}") from exc


def _readers(graph: LayerGraph) -> Counter[str]:
    """How many layers read each layer."""
    return Counter(path for layer in graph for path in layer.inputs)


def _call_order(layer: Layer, readers: Mapping[str, int]) -> tuple[str, ...]:
    """Inputs of a layer in the order Keras is given them (see the top of this file)."""
    if isinstance(layer.op, ops.Add) and readers[layer.inputs[0]] == 1:
        return layer.inputs[::-1]
    return layer.inputs


def weight_order(graph: LayerGraph) -> tuple[Layer, ...]:
    """Layers with weights in the order in which Keras lists them in the built model.

    That is the order of ``.h5`` files: by longest distance from the output, farthest first, and at
    equal distance by Keras's walk.

    >>> from rsinspect.networks.resnet_rs import build_graph
    >>> from rsinspect.networks.spec import ResNetRSSpec
    >>> order = [layer.path for layer in weight_order(build_graph(ResNetRSSpec.variant(50)))]
    >>> order[14:17]
    ['c2/block0/se/reduce', 'c2/block0/se/expand', 'c2/block0/shortcut/conv']
    """
    readers = _readers(graph)
    distance = dict.fromkeys((layer.path for layer in graph), 0)
    for layer in reversed(graph.layers):
        for path in layer.inputs:
            distance[path] = max(distance[path], distance[layer.path] + 1)
    turn: dict[str, int] = {}
    ahead = [graph.output.path]
    while ahead:
        path = ahead.pop()
        if path not in turn:
            turn[path] = len(turn)
            ahead.extend(reversed(_call_order(graph.layer(path), readers)))
    return tuple(
        sorted(
            (layer for layer in graph if weight_shapes(layer.op)),
            key=lambda layer: (-distance[layer.path], turn[layer.path]),
        )
    )


def _first_line(exc: BaseException) -> str:
    return next(iter(str(exc).splitlines()), type(exc).__name__)


def _image(
    layer: Layer,
    op: ops.Input,
    dialect: Dialect,
    image: Any,
    spatial: tuple[int | None, int | None] | None,
) -> Any:
    """The tensor the network begins with."""
    if image is None:
        shape = (*(spatial or op.shape[:2]), op.shape.channels)
        return keras.Input(shape, name=keras_name(layer.path, dialect))
    if not keras.utils.is_keras_tensor(image):
        raise ModelBuildError(
            f"the image to build on is a {type(image).__name__}, not a Keras tensor",
            "make one with keras.Input(shape=(height, width, channels))",
        )
    if not _agree(tuple(image.shape[1:]), op.shape):
        raise ModelBuildError(
            f"the image to build on has shape {tuple(image.shape)}; "
            f"the network takes (batch, {', '.join(map(str, op.shape))})"
        )
    return image


def _sources(image: Any) -> Any:
    """Inputs that a tensor is computed from: one tensor where there is one, else a list."""
    sources = keras.utils.get_source_inputs(image)
    return sources[0] if len(sources) == 1 else sources


def _function(name: str | None, functions: Functions) -> Any:
    """What Keras takes for an activation of the graph."""
    if name is None or not name.startswith(CUSTOM_ACTIVATION):
        return name
    if name not in functions:
        raise ModelBuildError(
            f"the graph has the activation {name!r}, but no function was given for it",
            f"pass functions={{{name!r}: ...}}",
        )
    return functions[name]


def _conv_initializer() -> Any:
    return keras.initializers.VarianceScaling(
        scale=2.0, mode="fan_out", distribution="truncated_normal"
    )


def _keras_layer(op: ops.Op, name: str, functions: Functions) -> Any:
    """The Keras layer that does what an op says."""
    layers = keras.layers
    match op:
        case ops.Input():
            raise ModelBuildError("the image comes first in a graph, and once")
        case ops.Rescaling(scale):
            return layers.Rescaling(scale, name=name)
        case ops.Normalization(mean, variance):
            return layers.Normalization(
                axis=-1, mean=list(mean), variance=list(variance), name=name
            )
        case ops.ZeroPad2D(padding):
            return layers.ZeroPadding2D(padding, data_format=CHANNELS_LAST, name=name)
        case ops.Conv2D():
            return layers.Conv2D(
                op.filters,
                op.kernel,
                strides=op.stride,
                padding=op.padding,
                data_format=CHANNELS_LAST,
                activation=_function(op.activation, functions),
                use_bias=op.use_bias,
                kernel_initializer=_conv_initializer(),
                name=name,
            )
        case ops.BatchNorm():
            return layers.BatchNormalization(
                axis=-1, momentum=op.momentum, epsilon=op.epsilon, name=name
            )
        case ops.Activation(function):
            return layers.Activation(_function(function, functions), name=name)
        case ops.AvgPool2D(size, stride):
            return layers.AveragePooling2D(
                size, stride, padding="same", data_format=CHANNELS_LAST, name=name
            )
        case ops.MaxPool2D(size, stride, padding):
            return layers.MaxPooling2D(
                size, stride, padding=padding, data_format=CHANNELS_LAST, name=name
            )
        case ops.GlobalAvgPool():
            return layers.GlobalAveragePooling2D(data_format=CHANNELS_LAST, name=name)
        case ops.GlobalMaxPool():
            return layers.GlobalMaxPooling2D(data_format=CHANNELS_LAST, name=name)
        case ops.Reshape(shape):
            return layers.Reshape(tuple(shape), name=name)
        case ops.Multiply():
            return layers.Multiply(name=name)
        case ops.DropPath(rate):
            return layers.Dropout(rate, noise_shape=(None, 1, 1, 1), name=name)
        case ops.Add():
            return layers.Add(name=name)
        case ops.Dropout(rate):
            return layers.Dropout(rate, name=name)
        case ops.Dense():
            return layers.Dense(
                op.units,
                activation=_function(op.activation, functions),
                kernel_initializer="glorot_uniform",
                name=name,
            )
        case _:
            assert_never(op)


def _agree(found: tuple[int | None, ...], expected: tuple[int, ...]) -> bool:
    """Whether a Keras shape is the graph's, wherever Keras knows it."""
    return len(found) == len(expected) and all(
        one is None or one == other for one, other in zip(found, expected, strict=True)
    )


def reconcile(graph: LayerGraph, dialect: Dialect, model: keras.Model) -> None:
    """Check that graph and Keras model are the same network, layer by layer, then in total.

    Compared are the layers themselves, by path, their output shapes (where the model's are open,
    such as the height of a model for any image, they agree with all) and the shapes of their
    weights; then trainable and non-trainable params.

    Args:
        graph: One side.
        dialect: Whose layer names the model has.
        model: The other side.

    Raises:
        ReconciliationError: At the first path of the graph, in its order, that differs; then at
            the first layer of the model that the graph lacks; then if a total differs.
    """
    by_name = {layer.name: layer for layer in model.layers}
    for layer in graph:
        name = keras_name(layer.path, dialect)
        found = by_name.pop(name, None)
        if found is None and isinstance(layer.op, ops.Input) and len(model.inputs) == 1:
            found = by_name.pop(model.inputs[0]._keras_history.operation.name, None)
        if found is None:
            raise ReconciliationError(f"{layer.path}: the Keras model has no layer {name}")
        _same_layer(layer, found)
    if by_name:
        extra = next(iter(by_name))
        raise ReconciliationError(f"the Keras model has a layer the graph lacks: {extra}")
    _same_totals(graph, model)


def _same_layer(layer: Layer, found: Any) -> None:
    shape = tuple(found.output.shape[1:])
    if not _agree(shape, layer.shape):
        raise ReconciliationError(
            f"{layer.path}: output {layer.shape} in the graph, "
            f"{'x'.join(map(str, shape))} in the Keras model"
        )
    expected = weight_shapes(layer.op)
    weights = tuple(tuple(weight.shape) for weight in found.weights)
    if weights != expected:
        raise ReconciliationError(
            f"{layer.path}: weights {_shapes(expected)} in the graph, "
            f"{_shapes(weights)} in the Keras model"
        )


def _shapes(shapes: tuple[tuple[int, ...], ...]) -> str:
    return ", ".join("x".join(map(str, shape)) for shape in shapes) or "none"


def _same_totals(graph: LayerGraph, model: keras.Model) -> None:
    costs = [layer_cost(graph, layer) for layer in graph]
    # A layer frozen by its user counts as non-trainable in Keras; the sum stays.
    expected = sum(cost.params for cost in costs)
    found = model.count_params()
    if found != expected:
        raise ReconciliationError(
            f"{graph.name}: {expected} params in the graph, {found} in the Keras model"
        )
