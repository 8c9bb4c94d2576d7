"""The process in which Keras runs a network: what it is asked, and what it says."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rsinspect.base import requests
from rsinspect.base.files import scratch
from rsinspect.images.photograph import Photograph
from rsinspect.images.preprocessing import Preprocessing, batch_of
from rsinspect.networks.network import Network

COMMAND = (sys.executable, "-P", "-m", "rsinspect.keras_model.predictor")
TIMEOUT_S = 600.0
IMAGE_TIMEOUT_S = 60.0
"""For each image besides."""


class Ran(NamedTuple):
    """What a network gave.

    Attributes:
        rows: A number for each class, for each image.
        backend: Of Keras, that ran it.
    """

    rows: Sequence[Sequence[float]]
    backend: str


def run(
    network: Network,
    weights: Path,
    photographs: Sequence[Photograph],
    preprocessing: Preprocessing,
    *,
    own: bool,
) -> Ran:
    """Run a network on photographs.

    Args:
        network: What to run.
        weights: The file with its weights.
        photographs: One or more.
        preprocessing: What is done to them.
        own: Whether the network was read from that file.

    Raises:
        BackendUnavailable: If Keras or its backend is not here.
        ModelBuildError: If it cannot be built or run.
        WeightsError: If the weights are not its own.
        NoTemporaryDirectory: If there is no room for the images.
    """
    import numpy as np

    with scratch() as folder:
        images = folder / "images.npy"
        np.save(images, batch_of(photographs, preprocessing))
        request = {
            "network": network.to_json(),
            "weights": str(weights.absolute()),
            "own": own,
            "images": str(images),
        }
        replies: list[requests.Reply] = []
        requests.ask(
            COMMAND,
            request,
            replies.append,
            what="Keras",
            failure="gave nothing",
            timeout_s=TIMEOUT_S + IMAGE_TIMEOUT_S * len(photographs),
        )
    said = replies[0]
    requests.check(said)
    return Ran(said["rows"], said["backend"])
