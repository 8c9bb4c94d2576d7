"""What a live Keras model says of itself: its own methods are called, Keras is not imported.

A model of Keras 2 (tf_keras) will do.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from rsinspect.base.errors import GraphError
from rsinspect.networks.keras_calls import NO_GRAPH
from rsinspect.networks.keras_config import from_keras_config
from rsinspect.networks.keras_walk import WeightShapes
from rsinspect.networks.network import Network

Place = tuple[str, ...]


class Configuration(NamedTuple):
    """What a model says of itself.

    Attributes:
        config: ``json.loads(model.to_json())``.
        weights: Shapes of the weights of each layer, trainable ones first, and how many of them
            are not trainable; by the names of the models that it is in, outermost first, and its
            own.
        outputs: Shapes of the model's outputs, batch first.
    """

    config: Mapping[str, Any]
    weights: Mapping[Place, tuple[WeightShapes, int]]
    outputs: tuple[tuple[int | None, ...], ...] = ()

    def network(self, resolution: tuple[int, int] | None = None) -> Network:
        """Make the network.

        Args:
            resolution: Height and width, for a model that takes images of any size.

        Raises:
            GraphError: If the configuration describes no graph, or leaves a shape open.
        """
        inner = self.config.get("config")
        if not isinstance(inner, dict | list) or (
            isinstance(inner, dict) and "layers" not in inner
        ):
            raise GraphError(
                f"{self.config.get('class_name', 'the model')!s:.60} keeps no layers in its "
                "configuration",
                NO_GRAPH,
            )
        return from_keras_config(
            self.config, resolution=resolution, weights=self.weights.get, outputs=self.outputs
        )

    def to_json(self) -> dict[str, Any]:
        """Write it as plain JSON values."""
        weights = [[path, *found] for path, found in self.weights.items()]
        return {"config": self.config, "weights": weights, "outputs": self.outputs}


def configuration_from_json(document: Mapping[str, Any]) -> Configuration:
    """Read what ``Configuration.to_json`` wrote."""
    return Configuration(
        document["config"],
        {
            tuple(path): (tuple(map(tuple, shapes)), fixed)
            for path, shapes, fixed in document["weights"]
        },
        tuple(map(tuple, document["outputs"])),
    )


def is_keras_model(value: object) -> bool:
    """Tell whether a value is a model of Keras's, or can pass for one."""
    return callable(getattr(value, "to_json", None)) and hasattr(value, "layers")


def from_keras_model(model: Any, resolution: tuple[int, int] | None = None) -> Network:
    """Read the network of a functional or Sequential ``keras.Model``; it is not run.

    Args:
        model: Built, so that it has shapes.
        resolution: Height and width to make it at; its own by default.

    Raises:
        GraphError: If the model is subclassed, or leaves a shape open.
        InvalidSpec: If a layer is for one size alone, and the resolution is another.
    """
    return configuration_of(model).network(resolution)


def configuration_of(model: Any) -> Configuration:
    """Ask a model what it is; it is not run.

    A layer that cannot tell its own configuration is there with its name alone.

    Raises:
        GraphError: If the model keeps no layers in its configuration.
    """
    with _told(model):
        try:
            config = json.loads(_plain(model).to_json())
        except (NotImplementedError, TypeError, ValueError) as exc:
            raise GraphError(
                f"{type(model).__name__} keeps no layers in its configuration", NO_GRAPH
            ) from exc
    outputs = getattr(model, "outputs", None) or ()
    return Configuration(config, _weights_of(model), tuple(_sides(each.shape) for each in outputs))


def _plain(model: Any) -> Any:
    """Give a functional model in a class of its own, whose configuration names no layers, as such.

    KerasHub's backbones are such models: they keep the arguments of their class. Keras makes every
    model of given inputs and outputs a ``Functional``, by which it is known here.
    """
    functional = next((kind for kind in type(model).__mro__ if kind.__name__ == "Functional"), None)
    if functional is None or functional is type(model):
        return model
    with contextlib.suppress(NotImplementedError):
        if "layers" in model.get_config():
            return model
    return functional(model.inputs, model.outputs, name=model.name)


def _sides(shape: Any) -> tuple[int | None, ...]:
    return tuple(None if side is None else int(side) for side in shape)


def _weights_of(model: Any) -> dict[Place, tuple[WeightShapes, int]]:
    """List the shapes of the weights of each layer; of a model in the model, all of its."""
    found = {}
    for path, layer in _layers(model):
        weights = sorted(layer.weights, key=lambda weight: not weight.trainable)
        shapes = tuple(tuple(int(side) for side in weight.shape) for weight in weights)
        fixed = sum(not weight.trainable for weight in weights) if layer.trainable else 0
        found[path] = shapes, fixed
    return found


def _layers(model: Any, inside: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Walk the layers, models among them before what is in them."""
    for layer in getattr(model, "layers", ()):
        path = (*inside, str(layer.name))
        if hasattr(layer, "weights"):  # an operation has none
            yield path, layer
        if is_keras_model(layer):
            yield from _layers(layer, path)


@contextlib.contextmanager
def _told(model: Any) -> Iterator[None]:
    """Let layers that cannot tell their configuration tell their names, for a while."""
    dumb = []
    try:
        for _, layer in _layers(model):
            try:
                layer.get_config()
            except (NotImplementedError, TypeError, ValueError):
                plain = {"name": layer.name, "trainable": layer.trainable}
                object.__setattr__(layer, "get_config", lambda plain=plain: plain)
                dumb.append(layer)
        yield
    finally:
        for layer in dumb:
            object.__delattr__(layer, "get_config")
