"""The process that makes a ``.keras`` file of a network and its weights: one request, no answer.

What is said on standard output is why there is no file.
"""

from __future__ import annotations

import json
import os
import sys

from rsinspect.base.errors import BackendUnavailable, RsInspectError
from rsinspect.base.process import end_with_parent
from rsinspect.networks.network import network_from_json


def main() -> None:
    """Do what standard input asks for."""
    request = json.loads(sys.stdin.readline())
    end_with_parent(sys.stdin)
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
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
        answer.write(json.dumps({"message": exc.message, "hint": exc.hint, "missing": missing}))
        answer.flush()


if __name__ == "__main__":
    main()
