"""What the Keras tests share: networks nobody here wrote, weights that can tell, published sums."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tf_keras
from tf_keras.src.applications import resnet_rs as original_module

from rsinspect.networks.network import Network
from tests.networks import network_of

PARAMS = {  # depth: trainable, non-trainable; tf_keras 2.21 applications.resnet_rs, model.summary()
    50: (35_691_912, 53_376),
    101: (63_618_696, 105_600),
    152: (86_621_576, 151_680),
    200: (93_209_992, 176_256),
    270: (129_861_448, 243_072),
    350: (163_956_168, 312_192),
    420: (191_891_656, 370_560),
}
RATES = {  # depth: dropout before the classifier, drop path of the last stage; same source
    50: (0.25, 0.0),
    101: (0.25, 0.0),
    152: (0.25, 0.0),
    200: (0.25, 0.1),
    270: (0.25, 0.1),
    350: (0.4, 0.1),
    420: (0.4, 0.1),
}
ODD = (97, 65, 3)
"""An image no stage halves evenly."""

SHARED = Path(os.environ.get("RSINSPECT_SHARED") or Path(__file__).parents[2] / "shared")


def original(depth: int, **arguments: Any) -> Any:
    """Keras 2's own model, named as the first of its process, with weights worth comparing."""
    tf_keras.backend.clear_session()
    maker = getattr(original_module, f"ResNetRS{depth}")
    model = maker(**({"weights": None, "input_shape": ODD} | arguments))
    randomise(model)
    return model


def randomise(model: Any, seed: int = 7) -> None:
    """Every weight at random, the same at every call, so that no two layers may be swapped unseen.

    The last batch norm of a residual branch stays small: with scales near one, depth 101 multiplies
    its activations, and float32 rounding with them, by thousands.
    """
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        values = layer.get_weights()
        if not values:
            continue
        shape = values[0].shape
        if isinstance(layer, tf_keras.layers.BatchNormalization):
            scale = 0.2 if layer.name.endswith("batch_norm_3") else 1.0
            values = [
                scale * rng.uniform(0.5, 1.5, shape),
                scale * rng.normal(0, 0.1, shape),
                rng.normal(0, 0.1, shape),
                rng.uniform(0.5, 1.5, shape),
            ]
        else:
            gain = 3 if layer.name == "predictions" else 1  # a softmax that prefers something
            spread = gain * np.sqrt(2 / np.prod(shape[:-1])).astype("float32")
            values[0] = spread * rng.standard_normal(shape, "float32")
            if len(values) == 2:
                values[1] = rng.normal(0, 0.1, values[1].shape)
        layer.set_weights(values)


def images(*shape: int, count: int = 2, seed: int = 3) -> Any:
    """Pixels of 0 to 255 in patches of 8 x 8, so that the images differ beyond their noise."""
    rng = np.random.default_rng(seed)
    patches = rng.uniform(0, 255, (count, -(-shape[0] // 8), -(-shape[1] // 8), shape[2]))
    large = patches.repeat(8, axis=1).repeat(8, axis=2)[:, : shape[0], : shape[1]]
    return large.astype("float32")


def article() -> dict[str, Any]:
    """The names that the article's own program defines, run under tf_keras."""
    text = (SHARED / "reference" / "article.txt").read_text(encoding="utf-8")
    start, end = text.index("DEPTH_TO_WEIGHT_VARIANTS = {"), text.index("if __name__ == '__main__'")
    program = "\n".join(line for line in text[start:end].splitlines() if not _prose(line))
    names: dict[str, Any] = {"layers": tf_keras.layers, "Model": tf_keras.Model}
    exec("from typing import Callable, Dict, List, Union\n" + program, names)
    return names


def _prose(line: str) -> bool:
    """Whether a line of the article stands between pieces of its program."""
    return re.match(r"\d+\.\d+ |[^\x00-\x7f]", line) is not None


def network(depth: int, **changes: Any) -> Network:
    """A published depth at a small size."""
    return network_of(depth, **({"resolution": 64} | changes))
