"""Decay of weights as published: a penalty in the loss, and none of batch norm.

``keras.optimizers.SGD(weight_decay=...)`` is another thing: it shrinks every weight by the learning
rate times that number beside the step, batch norm included unless it is excluded, and momentum does
not carry it on. The gradient of a penalty goes through the momentum, which multiplies it by
1 / (1 - momentum): ten times as much at 0.9.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rsinspect.keras_model.backend import keras


def decay_weights(model: Any, rate: float) -> tuple[str, ...]:
    """Add rate / 2 times the sum of squares of each weight to the loss, batch norm exempt.

    Biases decay too, as in tensorflow/tpu; TF Models leaves them out. The loss that Keras shows
    has the penalty in it. It is part of the live model and of no file.

    Args:
        model: Built, and not yet compiled or run; frozen weights do not decay.
        rate: As published: the gradient of the penalty is the rate times the weight.

    Returns:
        Paths of the weights that decay.

    Source: tensorflow/tpu @7dc921f8, resnet_main.resnet_model_fn (``tf.nn.l2_loss``, half the sum).
    """
    exempt = {
        id(weight)
        for layer in _layers(model)
        if isinstance(layer, keras.layers.BatchNormalization)
        for weight in layer.weights
    }
    decaying = [weight for weight in model.trainable_variables if id(weight) not in exempt]
    for weight in decaying:
        weight.regularizer = keras.regularizers.L2(rate / 2) if rate else None
    return tuple(weight.path for weight in decaying)


def _layers(model: Any) -> Iterator[Any]:
    """List the layers of a model and of the models in it."""
    for layer in model.layers:
        yield layer
        if hasattr(layer, "layers"):
            yield from _layers(layer)
