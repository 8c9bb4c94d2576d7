"""A checkpoint as the TPU code trains it, made by TensorFlow 1's own functions.

A small ResNet-RS is built by calls in the order of tensorflow/tpu's resnet_model.py, so that
TensorFlow itself numbers the variables; every one has a number of its own, moving averages and
momenta too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from tf_keras.src.legacy_tf_layers import (  # what tf.layers was
    convolutional,
    core,
    normalization,
    pooling,
)

BLOCKS, FILTERS, CLASSES, SIDE = (2, 1), (8, 16), 5, 32
STEM = (32, 32, 64)


def write(folder: Path) -> tuple[Any, Any]:
    """Write ``model.ckpt-7``; give images, and what the network says with its moving averages."""
    import tensorflow.compat.v1 as tf

    with tf.Graph().as_default():
        image = tf.placeholder(tf.float32, (2, SIDE, SIDE, 3))
        said = tf.nn.softmax(_network(tf, image))
        step = tf.train.get_or_create_global_step()
        average = tf.train.ExponentialMovingAverage(0.9999, num_updates=step)
        averaged = [*tf.trainable_variables()]
        averaged += [v for v in tf.global_variables() if "moving_" in v.op.name]
        average.apply(averaged)
        for variable in tf.trainable_variables():  # as the optimizer's are called
            tf.Variable(variable, name=f"{variable.op.name}/Momentum", trainable=False)
        rng = np.random.default_rng(11)
        given = rng.uniform(-2, 2, image.shape).astype("float32")
        with tf.Session() as session:
            every = tf.global_variables()
            values = {v.initializer.inputs[1]: drawn(rng, v) for v in every}
            session.run([variable.initializer for variable in every], values)
            path = str(folder / "model.ckpt")
            tf.train.Saver().save(session, path, global_step=7, write_meta_graph=False)
            saver = tf.train.Saver(average.variables_to_restore(averaged))
            saver.restore(session, f"{path}-7")
            return given, session.run(said, {image: given})


def drawn(rng: Any, variable: Any) -> Any:
    """Draw the value of a variable, of a size with which the network says something."""
    name, shape = variable.op.name, variable.shape.as_list()
    if not shape:
        return 7
    if "gamma" in name:
        return rng.uniform(0.5, 1.0, shape)  # more, and a deep one is of one opinion
    if "variance" in name:
        return rng.uniform(0.5, 1.5, shape)
    spread = (2 / max(1, shape[0] * shape[1] * shape[2])) ** 0.5 if len(shape) == 4 else 0.3
    return rng.normal(0, spread, shape)


def _network(tf: Any, x: Any) -> Any:
    x = _norm(tf, _conv(tf, x, STEM[0], 3, 2))
    x = _norm(tf, _conv(tf, x, STEM[1], 3))
    x = _norm(tf, _conv(tf, x, STEM[2], 3))
    x = _norm(tf, _conv(tf, x, STEM[2], 3, 2))
    for stage, (blocks, filters) in enumerate(zip(BLOCKS, FILTERS, strict=True)):
        for block in range(blocks):
            x = _block(tf, x, filters, 2 if stage and not block else 1, projected=not block)
    return core.dense(tf.reduce_mean(x, (1, 2)), CLASSES)


def _block(tf: Any, x: Any, filters: int, stride: int, *, projected: bool) -> Any:
    shortcut = x
    if projected:
        if stride > 1:
            shortcut = pooling.average_pooling2d(shortcut, 2, stride, padding="SAME")
        shortcut = _norm(tf, _conv(tf, shortcut, 4 * filters, 1), active=False)
    x = _norm(tf, _conv(tf, x, filters, 1))
    x = _norm(tf, _conv(tf, x, filters, 3, stride))
    x = _norm(tf, _conv(tf, x, 4 * filters, 1), active=False)
    gate = tf.reduce_mean(x, (1, 2), keepdims=True)
    gate = tf.nn.relu(convolutional.conv2d(gate, filters, 1))
    return tf.nn.relu(x * tf.sigmoid(convolutional.conv2d(gate, 4 * filters, 1)) + shortcut)


def _conv(tf: Any, x: Any, filters: int, side: int, stride: int = 1) -> Any:
    if stride > 1:
        x = tf.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    padding = "same" if stride == 1 else "valid"
    return convolutional.conv2d(x, filters, side, stride, padding=padding, use_bias=False)


def _norm(tf: Any, x: Any, *, active: bool = True) -> Any:
    x = normalization.batch_normalization(x, epsilon=1e-5)
    return tf.nn.relu(x) if active else x
