"""A network as a Keras 3 model, layer for layer, and the check that the two agree.

One Keras layer is made of every layer of the graph, under the network's name for it
(``Network.names``), so that a saved file of either side fits the other. Only public Keras layers
are used: the same code runs on TensorFlow, JAX and PyTorch, and a saved model loads without this
package. An addition is given its inputs in the order that ``weights.order`` explains.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from rsinspect.base.errors import ModelBuildError, ReconciliationError, RsInspectError
from rsinspect.base.units import dimensions
from rsinspect.keras_model.backend import keras, require_channels_last
from rsinspect.keras_model.keras_layers import Functions, keras_layer
from rsinspect.layers import ops
from rsinspect.layers.cost import layer_cost, weight_shapes
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.ops import TensorShape
from rsinspect.networks.network import Network
from rsinspect.weights.order import call_order


def build_model(
    network: Network,
    *,
    name: str | None = None,
    image: Any = None,
    spatial: tuple[int | None, int | None] | None = None,
    functions: Functions | None = None,
    kernels: Any = None,
) -> keras.Model:
    """Build a network as a functional Keras model with fresh weights.

    Args:
        network: What to build.
        name: Of the model; the network's by default. Keras takes no slash in it.
        image: A Keras tensor, (batch, height, width, channels), to build on instead of a new
            input. The model then begins at that tensor's own inputs.
        spatial: Height and width of the new inputs, None where any will do; the network's by
            default.
        functions: What the network's ``custom:`` activations call.
        kernels: Initialiser of convolutions and classifier; by default Keras 2's.

    Returns:
        A model from images, (batch, height, width, channels), to the network's output; with
        several inputs or outputs, lists of them in the network's order.

    Raises:
        ModelBuildError: If Keras is set to channels_first, an activation is unknown, the tensor
            does not fit the network, or Keras refuses.
        GraphError: If a tensor is given and the network has several inputs.

    >>> from rsinspect.networks.network import resnet_rs
    >>> from rsinspect.networks.spec import ResNetRSSpec
    >>> model = build_model(resnet_rs(ResNetRSSpec(blocks=(1, 1), resolution=(64, 64), classes=10)))
    >>> model.name, model.output_shape
    ('resnet-rs-1-1', (None, 10))
    """
    require_channels_last()
    graph = network.graph
    if image is not None:
        _check_image(image, graph.image.shape)
    tensors: dict[str, Any] = {}
    made: dict[str, Any] = {}
    for layer in graph:
        try:
            tensors[layer.path] = _tensor(
                network,
                layer,
                tensors,
                made,
                image=image,
                spatial=spatial,
                functions=functions or {},
                kernels=kernels,
            )
        except RsInspectError:
            raise
        except (ValueError, TypeError) as exc:
            raise ModelBuildError(f"Keras cannot build {layer.path}: {_first_line(exc)}") from exc
    if image is None:
        inputs = [tensors[layer.path] for layer in graph.inputs]
    else:
        inputs = keras.utils.get_source_inputs(image)
    outputs = [tensors[path] for path in graph.outputs]
    try:
        return keras.Model(_alone(inputs), _alone(outputs), name=name or network.name)
    except RecursionError as exc:
        raise ModelBuildError(
            f"{network.name} is too deep for Keras at Python's recursion limit",
            f"sys.setrecursionlimit({sys.getrecursionlimit() + 3 * len(graph)}) before building",
        ) from exc
    except (ValueError, TypeError) as exc:
        raise ModelBuildError(f"Keras cannot build {network.name}: {_first_line(exc)}") from exc


def _tensor(
    network: Network,
    layer: Layer,
    tensors: Mapping[str, Any],
    made: dict[str, Any],
    *,
    image: Any,
    spatial: tuple[int | None, int | None] | None,
    functions: Functions,
    kernels: Any,
) -> Any:
    """Make the output of a layer from the tensors before it; keep the Keras layer in ``made``."""
    name = network.names[layer.path]
    if isinstance(layer.op, ops.Input):
        if image is not None:
            return image
        shape: tuple[int | None, ...] = layer.op.shape
        if spatial is not None and len(shape) == 3:
            shape = (*spatial, layer.op.shape.channels)
        return keras.Input(tuple(shape), name=name)
    sources = [tensors[path] for path in call_order(network.graph, layer)]
    if layer.shares is not None:
        made[layer.path] = made[layer.shares]
    else:
        made[layer.path] = keras_layer(layer.op, name, functions, kernels)
        made[layer.path].trainable = not layer.frozen
    return made[layer.path](_alone(sources))


def _alone(values: Any) -> Any:
    """Unpack a list of one, as Keras takes a single tensor."""
    return values[0] if len(values) == 1 else values


def _first_line(exc: BaseException) -> str:
    return next(iter(str(exc).splitlines()), type(exc).__name__)


def _check_image(image: Any, shape: TensorShape) -> None:
    """Refuse a tensor that the network cannot begin with."""
    if not keras.utils.is_keras_tensor(image):
        raise ModelBuildError(
            f"the image to build on is a {type(image).__name__}, not a Keras tensor",
            "make one with keras.Input(shape=(height, width, channels))",
        )
    if not _agree(tuple(image.shape[1:]), shape):
        raise ModelBuildError(
            f"the image to build on has shape {tuple(image.shape)}; "
            f"the network takes (batch, {', '.join(map(str, shape))})"
        )


def _agree(shape: tuple[int | None, ...], expected: tuple[int, ...]) -> bool:
    """Tell whether a Keras shape is the graph's, wherever Keras knows it."""
    return len(shape) == len(expected) and all(
        known is None or known == side for known, side in zip(shape, expected, strict=True)
    )


def reconcile(network: Network, model: keras.Model) -> None:
    """Check that network and Keras model are the same, layer by layer, then in total.

    Compared are the layers themselves, by path, their output shapes (where the model's are open,
    such as the height of a model for any image, they agree with all) and the shapes of their
    weights; then trainable and non-trainable params.

    Args:
        network: One side.
        model: The other side, with the network's names for its layers.

    Raises:
        ReconciliationError: At the first path of the graph, in its order, that differs; then at
            the first layer of the model that the graph lacks; then if a total differs.
    """
    by_name = {layer.name: layer for layer in model.layers}
    one_image = len(network.graph.inputs) == len(model.inputs) == 1
    for layer in network.graph:
        name = network.names[layer.path]
        keras_layer = by_name.pop(name, None)
        if keras_layer is None and isinstance(layer.op, ops.Input) and one_image:
            keras_layer = by_name.pop(model.inputs[0]._keras_history.operation.name, None)
        if keras_layer is None:
            raise ReconciliationError(f"{layer.path}: the Keras model has no layer {name}")
        _same_layer(layer, keras_layer)
    if by_name:
        extra = next(iter(by_name))
        raise ReconciliationError(f"the Keras model has a layer the graph lacks: {extra}")
    _same_totals(network.graph, model)


def _same_layer(layer: Layer, keras_layer: Any) -> None:
    shape = tuple(keras_layer.output.shape[1:])
    if not _agree(shape, layer.shape):
        raise ReconciliationError(
            f"{layer.path}: output {layer.shape} in the graph, "
            f"{dimensions(shape)} in the Keras model"
        )
    expected = weight_shapes(layer.op)
    weights = tuple(tuple(weight.shape) for weight in keras_layer.weights)
    if weights != expected:
        raise ReconciliationError(
            f"{layer.path}: weights {_shapes(expected)} in the graph, "
            f"{_shapes(weights)} in the Keras model"
        )


def _shapes(shapes: tuple[tuple[int, ...], ...]) -> str:
    return ", ".join(dimensions(shape) for shape in shapes) or "none"


def _same_totals(graph: LayerGraph, model: keras.Model) -> None:
    costs = [layer_cost(graph, layer) for layer in graph]
    # A layer frozen by its user counts as non-trainable in Keras; the sum stays.
    expected = sum(cost.params for cost in costs)
    counted = model.count_params()
    if counted != expected:
        raise ReconciliationError(
            f"{graph.name}: {expected} params in the graph, {counted} in the Keras model"
        )
