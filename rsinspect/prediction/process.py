"""The process in which Keras runs a network: what it is asked, and what it says."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rsinspect.base import process
from rsinspect.base.chatter import without_chatter
from rsinspect.base.errors import (
    WORKER_LINE,
    BackendUnavailable,
    GraphError,
    ModelBuildError,
    RsInspectError,
    WeightsError,
)
from rsinspect.base.files import scratch
from rsinspect.images.photograph import Photograph
from rsinspect.images.preprocessing import Preprocessing, batch_of
from rsinspect.networks.network import Network

COMMAND = (sys.executable, "-P", "-m", "rsinspect.keras_model.predictor")
TIMEOUT_S = 600.0
IMAGE_TIMEOUT_S = 60.0
"""For each image besides."""
MOST_BYTES = 2**28
_TAIL_LINES = 12
_KINDS: dict[str, type[RsInspectError]] = {
    kind.__name__: kind for kind in (BackendUnavailable, GraphError, ModelBuildError, WeightsError)
}


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
        said = _asked(request, TIMEOUT_S + IMAGE_TIMEOUT_S * len(photographs))
    if problem := said.get("problem"):
        raise _KINDS.get(said["kind"], ModelBuildError)(problem, said["hint"])
    return Ran(said["rows"], said["backend"])


def _asked(request: object, timeout_s: float) -> dict[str, Any]:
    """Run the process to its end, and read its reply."""
    try:
        ended = process.run(
            COMMAND,
            source=json.dumps(request).encode() + b"\n",
            environment={"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ},
            timeout_s=timeout_s,
            most_bytes=MOST_BYTES,
            on_output=lambda line: None,
        )
    except process.OutOfTime as exc:
        raise ModelBuildError(f"the network gave nothing within {timeout_s:.0f} s") from exc
    except process.TooMuchOutput as exc:
        raise ModelBuildError("the network gives more numbers than are read") from exc
    except OSError as exc:
        raise BackendUnavailable(f"a process for Keras cannot be started: {exc}") from exc
    if not ended.output:
        lines = without_chatter(ended.errors)[-_TAIL_LINES:]
        raise ModelBuildError(WORKER_LINE.join((f"Keras {ended.manner} and gave nothing", *lines)))
    said: dict[str, Any] = json.loads(ended.output)
    return said
