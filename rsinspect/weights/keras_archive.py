"""A ``.keras`` file of a network and a file with its weights, made by Keras in a process."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from rsinspect.base import process
from rsinspect.base.chatter import without_chatter
from rsinspect.base.errors import WORKER_LINE, BackendUnavailable, ModelBuildError
from rsinspect.networks.network import Network

COMMAND = (sys.executable, "-P", "-m", "rsinspect.keras_model.archiver")
TIMEOUT_S = 600.0
_TAIL_LINES = 12


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
    request = {"network": network.to_json(), "weights": str(weights), "output": str(output)}
    said: list[bytes] = []
    try:
        ended = process.run(
            COMMAND,
            source=json.dumps(request).encode() + b"\n",
            environment={"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ, "CUDA_VISIBLE_DEVICES": "-1"},
            timeout_s=TIMEOUT_S,
            on_output=said.append,  # with which its input stays open: it ends when that does
        )
    except process.OutOfTime as exc:
        raise ModelBuildError(f"Keras made no file within {TIMEOUT_S:.0f} s") from exc
    except OSError as exc:
        raise BackendUnavailable(f"a process for Keras cannot be started: {exc}") from exc
    if said:
        problem = json.loads(b"".join(said))
        kind = BackendUnavailable if problem["missing"] else ModelBuildError
        raise kind(problem["message"], problem["hint"])
    if ended.code:
        lines = without_chatter(ended.errors)[-_TAIL_LINES:]
        raise ModelBuildError(WORKER_LINE.join((f"Keras {ended.manner}", *lines)))
