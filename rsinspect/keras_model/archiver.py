"""The process that makes a ``.keras`` file of a network and its weights: one request, one reply."""

from __future__ import annotations

from rsinspect.base.errors import RsInspectError
from rsinspect.keras_model.requests import refusal, requested
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
        reply(refusal(exc))
    else:
        reply({})


if __name__ == "__main__":
    main()
