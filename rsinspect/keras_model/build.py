"""A network as a Keras 3 model, layer for layer.

One Keras layer is made of every layer of the graph, under the network's name for it
(``Network.names``), so that a saved file of either side fits the other. Only public Keras layers
are used: the same code runs on TensorFlow, JAX and PyTorch, and a saved model loads without this
package. An addition is given its inputs in the order that ``weights.order`` explains. A layer that
is used again, with the same weights, is one Keras layer called again.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

from rsinspect.base.errors import ModelBuildError, RsInspectError
from rsinspect.keras_model.backend import keras
from rsinspect.keras_model.keras_layers import Functions, keras_layer
from rsinspect.keras_model.tensors import Tensors
from rsinspect.layers import ops
from rsinspect.layers.cost import weight_shapes
from rsinspect.layers.map_layout import (
    CHANNELS_LAST,
    Layout,
    is_map,
    lying,
)
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
    layout: Layout = CHANNELS_LAST,
) -> keras.Model:
    """Build a network as a functional Keras model with fresh weights.

    Args:
        network: What to build.
        name: Of the model; the network's by default. Keras takes no slash in it.
        image: A Keras tensor, (batch, height, width, channels) or as ``layout`` has it, to build
            on instead of a new input. The model then begins at that tensor's own inputs.
        spatial: Height and width of the new inputs, None where any will do; the network's by
            default.
        functions: What the network's ``custom:`` activations call.
        kernels: Initialiser of convolutions and dense layers; by default Keras 2's.
        layout: How maps lie, those that the model takes and gives among them; the names, shapes
            and order of weights are the same in both, and so is what it computes.

    Returns:
        A model from images, (batch, height, width, channels) or (batch, channels, height, width),
        to the network's output; with several inputs or outputs, lists of them in the network's
        order.

    Raises:
        ModelBuildError: If an activation is unknown, the tensor does not fit the network, or Keras
            refuses.
        GraphError: If a tensor is given and the network has several inputs.

    >>> from rsinspect.networks.network import resnet_rs
    >>> from rsinspect.networks.spec import ResNetRSSpec
    >>> model = build_model(resnet_rs(ResNetRSSpec(blocks=(1, 1), resolution=(64, 64), classes=10)))
    >>> model.name, model.output_shape
    ('resnet-rs-1-1', (None, 10))
    """
    return built(
        network,
        name=name,
        image=image,
        spatial=spatial,
        functions=functions,
        kernels=kernels,
        layout=layout,
    ).model


class Built(NamedTuple):
    """A model, and what of it belongs to each layer of the graph, by path.

    Attributes:
        model: The whole.
        tensors: What comes out of the layer; a map may lie either way in a model of channels first,
            but for one that the model gives.
        layers: The Keras layer; one and the same where weights are shared.
    """

    model: keras.Model
    tensors: Mapping[str, Any]
    layers: Mapping[str, keras.Layer]


def built(
    network: Network,
    *,
    name: str | None = None,
    image: Any = None,
    spatial: tuple[int | None, int | None] | None = None,
    functions: Functions | None = None,
    kernels: Any = None,
    layout: Layout = CHANNELS_LAST,
) -> Built:
    """Build a network as ``build_model`` does, and keep hold of its parts."""
    graph = network.graph
    if image is not None:
        _check_image(image, lying(graph.image.shape, layout))
    names = keras_names(network)
    tensors = Tensors(graph, names, layout)
    layers: dict[str, Any] = {}
    for layer in graph:
        try:
            if isinstance(layer.op, ops.Input):
                tensor = image
                if image is None:
                    tensor = _input(layer.op, names[layer.path], spatial, layout)
                tensors.add(layer, tensor, layout)
                layers[layer.path] = tensor._keras_history.operation
                continue
            lies = tensors.layout_of(layer)
            if layer.shares is not None and weight_shapes(layer.op):
                made = layers[layer.shares]
            else:
                made = keras_layer(layer.op, names[layer.path], functions or {}, kernels, lies)
                made.trainable = not layer.frozen
            layers[layer.path] = made
            training = {"training": True} if getattr(layer.op, "in_training", False) else {}
            sources = tensors.read(call_order(graph, layer), lies)
            tensors.add(layer, made(alone(sources), **training), lies)
        except RsInspectError:
            raise
        except (ValueError, TypeError) as exc:
            raise ModelBuildError(f"Keras cannot build {layer.path}: {_first_line(exc)}") from exc
    if image is None:
        inputs = [tensors.by_path[layer.path] for layer in graph.inputs]
    else:
        inputs = keras.utils.get_source_inputs(image)
    outputs = [tensors.by_path[path] for path in graph.outputs]
    try:
        model = keras.Model(alone(inputs), alone(outputs), name=name or _plain(network.name))
    except RecursionError as exc:
        raise ModelBuildError(
            f"{network.name} is too deep for Keras at Python's recursion limit",
            f"sys.setrecursionlimit({sys.getrecursionlimit() + 3 * len(graph)}) before building",
        ) from exc
    except (ValueError, TypeError) as exc:
        raise ModelBuildError(f"Keras cannot build {network.name}: {_first_line(exc)}") from exc
    return Built(model, tensors.by_path, layers)


def keras_names(network: Network) -> dict[str, str]:
    """Name the Keras layer of each layer of the graph, by path: all names are different.

    They are the network's own where Keras and TensorFlow take them; a layer of a nested model is
    called ``outer__inner``, as the models are not nested here.
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for layer in network.graph:
        name = whole = _plain(network.names[layer.path])
        number = 1
        while name in taken:
            number += 1
            name = f"{whole}_{number}"
        taken.add(name)
        names[layer.path] = name
    return names


def _plain(name: str) -> str:
    """Replace what a name in Keras, or a scope in TensorFlow, cannot have."""
    plain = re.sub(r"[^\w.-]", "_", name.replace("/", "__"), flags=re.ASCII)
    return plain if re.match(r"[A-Za-z0-9.]", plain) else f"layer{plain}"


def _input(
    op: ops.Input, name: str, spatial: tuple[int | None, int | None] | None, layout: Layout
) -> Any:
    shape: tuple[int | None, ...] = op.shape
    if spatial is not None and is_map(shape):
        shape = (*spatial, op.shape.channels)
    return keras.Input(lying(shape, layout), name=name)


def alone(values: Any) -> Any:
    """Unpack a list of one, as Keras takes a single tensor."""
    return values[0] if len(values) == 1 else values


def _first_line(exc: BaseException) -> str:
    return next(iter(str(exc).splitlines()), type(exc).__name__)


def _check_image(image: Any, shape: tuple[int, ...]) -> None:
    """Refuse a tensor that the network cannot begin with."""
    if not keras.utils.is_keras_tensor(image):
        raise ModelBuildError(
            f"the image to build on is a {type(image).__name__}, not a Keras tensor",
            f"make one with keras.Input(shape={tuple(shape)})",
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
