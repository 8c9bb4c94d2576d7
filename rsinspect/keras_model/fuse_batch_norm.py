"""Batch norms of a live model in one op of TensorFlow's, as Keras 2 had them (``fused``).

Keras 3 takes mean and variance, and multiplies and adds, in ops of their own: a training step of
ResNet-RS-50 took 8 % longer than that of tf_keras's on two cores of a CPU (batch 4; a fifth with
8). TensorFlow has the op that does all at once, forward and backward, ``FusedBatchNormV3``. What a
layer is, its weights, its configuration and the files that are saved of it stay as they are: only
what its ``call`` does is another.

The op's variance is that of a sample, divided by one less than the numbers; Keras 3 keeps that of
all numbers, and so does this.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

from rsinspect.base.errors import FoldingWarning, ModelBuildError
from rsinspect.keras_model.backend import keras, require_model

BACKEND = "tensorflow"


def fuse_batch_norm(model: keras.Model) -> keras.Model:
    """Have TensorFlow compute each batch norm of a model in one op, in training and inference.

    The model is changed in place, models inside it too; results stay, up to rounding. Norms that
    the op cannot compute stay as they are: those of other tensors than maps with the channels
    last, in less than float32, synchronised or renormalised.

    Args:
        model: Built, with its weights or without; compiled or not. A model around it that was
            compiled and run before is to be compiled again.

    Returns:
        The same model.

    Raises:
        ModelBuildError: If this is no Keras 3 model, or its backend is not TensorFlow.

    Where no norm is one that the op computes, a ``FoldingWarning`` says so.

    >>> import keras
    >>> layers = [keras.Input((8, 8, 3)), keras.layers.BatchNormalization()]
    >>> fuse_batch_norm(keras.Sequential(layers)).count_params()  # doctest: +SKIP
    12
    """
    require_model(model)
    if keras.backend.backend() != BACKEND:
        raise ModelBuildError(
            f"the op that computes a whole batch norm is TensorFlow's; Keras runs on "
            f"{keras.backend.backend()}, which fuses what it compiles"
        )
    norms = list(_norms(model))
    for norm in norms:
        if "call" not in vars(norm):  # else it was fused before
            norm.call = _call(norm, norm.call)
    if not norms:
        warnings.warn(
            f"{model.name} has no batch norm that one op computes: of maps with the channels "
            "last, in float32",
            FoldingWarning,
            stacklevel=2,
        )
    # What Keras traced before calls the norms as they were; it traces what is missing.
    model.train_function = model.test_function = model.predict_function = None
    return model


def _norms(model: keras.Model) -> Iterator[Any]:
    """List the batch norms that one op can compute, of models inside too."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _norms(layer)
        elif (
            type(layer) is keras.layers.BatchNormalization
            and layer.built
            and len(layer.input_spec.axes or ()) == 1
            and layer.input_spec.ndim == 4
            and layer.axis in (-1, 3)
            and layer.compute_dtype == layer.variable_dtype == "float32"
            and not (layer.synchronized or getattr(layer, "renorm", False))
        ):
            yield layer


def _call(norm: Any, otherwise: Callable[..., Any]) -> Callable[..., Any]:
    """Make what a norm's ``call`` is to do."""
    import tensorflow as tf

    def fused(x: Any, training: bool, mean: Any, variance: Any) -> Any:
        channels = x.shape[-1]
        return tf.raw_ops.FusedBatchNormV3(
            x=x,
            scale=tf.convert_to_tensor(norm.gamma) if norm.scale else tf.ones(channels),
            offset=tf.convert_to_tensor(norm.beta) if norm.center else tf.zeros(channels),
            mean=mean,
            variance=variance,
            epsilon=norm.epsilon,
            is_training=training,
        )

    def call(inputs: Any, training: Any = None, mask: Any = None) -> Any:
        if mask is not None or not tf.is_tensor(inputs):
            return otherwise(inputs, training=training, mask=mask)
        if not (training and norm.trainable):
            mean, variance = norm.moving_mean, norm.moving_variance
            return fused(inputs, False, *map(tf.convert_to_tensor, (mean, variance))).y
        found = fused(inputs, True, tf.constant([]), tf.constant([]))
        numbers = tf.cast(tf.size(inputs) / tf.shape(inputs)[-1], tf.float32)
        of_all = found.batch_variance * (numbers - 1) / numbers
        for moving, batch in ((norm.moving_mean, found.batch_mean), (norm.moving_variance, of_all)):
            moving.assign(moving * norm.momentum + batch * (1 - norm.momentum))
        return found.y

    return call
