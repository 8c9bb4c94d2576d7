"""A ``.keras`` file of a network and a file with its weights, made by Keras in a process."""

from __future__ import annotations

import sys
from pathlib import Path

from rsinspect.base import requests
from rsinspect.networks.network import Network

COMMAND = (sys.executable, "-P", "-m", "rsinspect.keras_model.archiver")
TIMEOUT_S = 600.0


def archive(network: Network, weights: Path, output: Path) -> None:
    """Make a file of a whole model, which Keras's own loader opens.

    Args:
        network: Of the model.
        weights: A ``.weights.h5`` file that has them.
        output: Of a ``.keras`` file that is not there.

    Raises:
        BackendUnavailable: If Keras or its backend is not here.
        ModelBuildError: If Keras does not make it.
    """
    requests.ask(
        COMMAND,
        {"network": network.to_json(), "weights": str(weights), "output": str(output)},
        requests.check,
        what="Keras",
        failure="made no file",
        timeout_s=TIMEOUT_S,
        variables={"CUDA_VISIBLE_DEVICES": "-1"},
    )
