"""The process that runs a network on images: one request, one reply with a row for each image."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from rsinspect.base.errors import RsInspectError
from rsinspect.base.requests import Reply
from rsinspect.keras_model.requests import refusal, requested
from rsinspect.networks.network import network_from_json

BATCH = 8
"""Images at a time, so that a folder of them needs no more memory than these."""


def main() -> None:
    """Answer the request on standard input."""
    request, reply = requested()
    try:
        reply(_predicted(request))
    except RsInspectError as exc:
        reply(refusal(exc))
    os._exit(0)


def _predicted(request: Reply) -> Reply:
    import numpy as np

    from rsinspect.keras_model.backend import keras

    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    from rsinspect.keras_model.load import weighted

    network = network_from_json(request["network"])
    model = weighted(network, Path(request["weights"]), own=request["own"])
    rows, backend = ran(model, np.load(request["images"]))
    return {"rows": rows, "backend": backend}


def ran(model: Any, images: Any) -> tuple[list[list[float]], str]:
    """Run a model on images.

    Args:
        model: Of Keras, from images to a number for each class.
        images: (images, height, width, channels).

    Returns:
        A row of numbers for each image, and the backend that Keras ran it on.
    """
    from rsinspect.keras_model.backend import keras

    rows: list[list[float]] = []
    for start in range(0, len(images), BATCH):
        given = model(images[start : start + BATCH], training=False)
        numbers = keras.ops.convert_to_numpy(keras.ops.cast(given, "float32"))
        rows += numbers.tolist()
    return rows, keras.backend.backend()


if __name__ == "__main__":
    main()
