"""Fresh weights as the published training begins with them; Keras 2 begins otherwise."""

from __future__ import annotations

import re
from typing import Any

from rsinspect.keras_model.backend import keras

_LAST_NORM = re.compile(r"BlockGroup\d+__block_\d+__batch_norm_3")
"""Keras's name of the last batch norm of a residual branch."""


def start_as_published(model: Any, seed: int = 0) -> None:
    """Draw fresh weights for a ResNet-RS as tensorflow/tpu does.

    Convolutions: a truncated normal of variance 1 / fan-in; Keras 2 has 2 / fan-out. The
    classifier: a normal of deviation 0.01; Keras 2 has Glorot's uniform. The last scale of each
    residual branch is 0, so that every block begins as its shortcut; Keras 2 has 1.

    Args:
        model: A ResNet-RS that ``rsinspect.ResNetRS`` built.
        seed: Of the draw.

    Source: tensorflow/tpu @7dc921f8, resnet_model.conv2d_fixed_padding, bottleneck_block
    (``init_zero``) and resnet_generator (``tf.random_normal_initializer(stddev=.01)``).
    """
    for number, layer in enumerate(model.layers):
        if isinstance(layer, keras.layers.Conv2D):
            initializer = keras.initializers.VarianceScaling(seed=seed + number)
        elif isinstance(layer, keras.layers.Dense):
            initializer = keras.initializers.RandomNormal(stddev=0.01, seed=seed + number)
        else:
            if _LAST_NORM.fullmatch(layer.name):
                layer.gamma.assign(keras.ops.zeros(layer.gamma.shape))
            continue
        layer.kernel.assign(initializer(layer.kernel.shape, dtype=layer.kernel.dtype))
