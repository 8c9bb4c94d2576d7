"""Fresh kernels, drawn with NumPy: the same numbers on every backend."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from rsinspect.keras_model.backend import keras


def fresh_kernels(random: np.random.Generator) -> Callable[..., Any]:
    """Make an initialiser that draws kernels with NumPy, of the variance that He's have.

    JAX compiles Keras's own for each shape: 13 s of processor time for the depth of 50.
    """

    def draw(shape: tuple[int, ...], dtype: Any = None) -> Any:
        highest = math.sqrt(6 / math.prod((*shape[:-2], shape[-1])))
        numbers = random.random(shape, dtype=np.float32)
        numbers -= np.float32(0.5)  # in place: the largest kernel of VGG16 has 411 MB
        numbers *= np.float32(2 * highest)
        return keras.ops.convert_to_tensor(numbers, dtype)

    return draw
