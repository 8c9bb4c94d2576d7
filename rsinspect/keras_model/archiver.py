"""The process that makes a ``.keras`` file of a network and its weights: one request, no answer.

What is said on standard output is why there is no file.
"""

from __future__ import annotations

from rsinspect.base.errors import BackendUnavailable, RsInspectError
from rsinspect.keras_model.requests import requested
from rsinspect.networks.network import network_from_json


def main() -> None:
    """Do what standard input asks for."""
    request, reply = requested()
    try:
        from rsinspect.keras_model.backend import keras
        from rsinspect.keras_model.build import build_model

        keras.config.set_image_data_format("channels_last")
        keras.config.set_floatx("float32")
        network = network_from_json(request["network"])
        model = build_model(network)
        model.load_weights(request["weights"])
        model.save(request["output"])
    except RsInspectError as exc:
        missing = isinstance(exc, BackendUnavailable)
        reply({"message": exc.message, "hint": exc.hint, "missing": missing})


if __name__ == "__main__":
    main()
