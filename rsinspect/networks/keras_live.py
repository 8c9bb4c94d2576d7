"""A network from a live Keras model: its own account of itself, and the shapes that only it knows.

Keras is not imported here: whoever has a model has Keras. A model of Keras 2 (tf_keras) will do.
"""

from __future__ import annotations

from typing import Any

from rsinspect.base.errors import GraphError
from rsinspect.networks.keras_config import from_keras_config
from rsinspect.networks.keras_walk import WeightShapes
from rsinspect.networks.network import Network


def from_keras_model(model: Any, resolution: tuple[int, int] | None = None) -> Network:
    """Read the network of a functional or Sequential ``keras.Model``.

    Args:
        model: Built, so that it has shapes.
        resolution: Height and width to make it at; its own by default.

    Raises:
        GraphError: If the model is subclassed, or leaves a shape open.
        InvalidSpec: If a layer is for one size alone, and the resolution is another.
    """
    import json

    try:
        config = json.loads(model.to_json()) if hasattr(model, "to_json") else model.get_config()
    except NotImplementedError as exc:
        raise GraphError(
            f"{type(model).__name__} keeps no layers in its configuration",
            "a subclassed model has no graph to read; functional and Sequential models have one",
        ) from exc

    def weights(names: tuple[str, ...]) -> tuple[WeightShapes, int] | None:
        layer = model
        for name in names:
            layer = layer.get_layer(name)
        variables = layer.weights
        # What is frozen as a whole says nothing about its single weights.
        constants = [not w.trainable for w in variables] if layer.trainable else []
        shapes = [tuple(weight.shape) for weight in variables]
        order = sorted(range(len(shapes)), key=lambda place: bool(constants and constants[place]))
        return tuple(shapes[place] for place in order), sum(constants)

    outputs = [tuple(tensor.shape) for tensor in getattr(model, "outputs", None) or ()]
    return from_keras_config(config, resolution=resolution, weights=weights, outputs=outputs)
