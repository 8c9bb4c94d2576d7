"""The process in which Keras makes models: what it is asked, and what it says of a model.

Keras is imported there and never here. What a model's code prints is shown on stderr, as it comes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from rsinspect.base.chatter import without_chatter
from rsinspect.base.errors import (
    WORKER_LINE,
    BackendUnavailable,
    GraphError,
    InvalidSpec,
    ModelBuildError,
    RsInspectError,
)
from rsinspect.base.files import scratch
from rsinspect.base.requests import TAIL_LINES, Reply, ask
from rsinspect.base.talk import say
from rsinspect.base.words import quoted
from rsinspect.networks.applications import Application
from rsinspect.networks.code import Code
from rsinspect.networks.keras_live import Configuration, configuration_from_json
from rsinspect.networks.network import Network

COMMAND = (sys.executable, "-P", "-m", "rsinspect.keras_model.maker")
APPLICATION_TIMEOUT_S = 300.0
CODE_TIMEOUT_S = 600.0


def applications(
    asked: Sequence[Application], on_made: Callable[[Application, Mapping[str, Any]], object]
) -> None:
    """Have Keras make networks of ``keras.applications``, without weights.

    Args:
        asked: In the order in which they are made.
        on_made: Called with each as soon as it is there, and its configuration.

    Raises:
        BackendUnavailable: If Keras or its backend is not here.
        ModelBuildError: If Keras does not build one of them.
    """
    coming = iter(asked)

    def made(reply: Reply) -> None:
        application = next(coming)
        on_made(
            application, _configuration(reply, f"Keras does not build {application.title}").config
        )

    ask(
        COMMAND,
        {"applications": [[one.name, one.keywords] for one in asked]},
        made,
        what="Keras",
        failure="made no model",
        timeout_s=APPLICATION_TIMEOUT_S * len(asked),
        variables={"CUDA_VISIBLE_DEVICES": "-1"},  # no layer is run
    )
    if one := next(coming, None):
        raise ModelBuildError(f"Keras did not build {one.title} and did not say why")


def network_of(
    code: Code, resolution: tuple[int, int] | None = None, *, weights: Path | None = None
) -> Network:
    """Run Python code that makes a model, and make the network that the model is.

    What the code prints is shown on stderr.

    Args:
        code: A function without arguments that gives a model, or a model.
        resolution: Height and width, for a model that takes images of any size.
        weights: A ``.keras`` file that the model is saved to; the network's own weights are there.

    Raises:
        BackendUnavailable: If a framework that the code imports is not here.
        ModelBuildError: If the code fails, gives no model, or takes too long.
        InvalidSpec: If there is no such file, or the model has no graph to read or leaves its size
            open.
    """
    if code.is_file and not os.path.isfile(os.path.expanduser(code.place)):  # noqa: PTH111, PTH113  # ~nobody
        from rsinspect.base.sources import near_file

        raise InvalidSpec(f"there is no file {quoted(code.place)}", near_file(Path(code.place)))
    say(f"{code} is run, in a process of its own, to get the model that it makes")
    replies: list[Reply] = []

    def show(line: bytes) -> None:
        for text in without_chatter([line.decode(errors="replace")]):
            say(text)

    request = {
        "place": code.place, "name": code.name, "is_file": code.is_file,
        "save": None if weights is None else str(weights),
    }  # fmt: skip
    ask(
        COMMAND,
        request,
        replies.append,
        what=str(code),
        failure="made no model",
        timeout_s=CODE_TIMEOUT_S,
        on_error=show,
        remedy="let what is named make a model, and not train it",
    )
    made = _configuration(replies[0], f"{code} gives no model")
    try:
        return replace(made.network(resolution), weights=weights)
    except GraphError as exc:
        raise exc.retold(InvalidSpec, f"{code}: ") from exc


@contextmanager
def with_weights(code: Code, resolution: tuple[int, int] | None = None) -> Iterator[Network]:
    """Make the network of a model that code makes, with its weights, which last as long.

    Args:
        code: As in ``network_of``.
        resolution: Likewise.
    """
    with scratch() as folder:
        yield network_of(code, resolution, weights=folder / "model.keras")


def _configuration(reply: Reply, failure: str) -> Configuration:
    """Read a reply.

    Args:
        reply: Of the process.
        failure: What to say where the reply tells of one.

    Raises:
        BackendUnavailable: If a framework is not there.
        ModelBuildError: If there is no model.
    """
    if problem := reply.get("problem"):
        error: type[RsInspectError] = BackendUnavailable if reply["missing"] else ModelBuildError
        lines = (f"{failure}: {problem}", *reply["lines"][-TAIL_LINES:])
        raise error(WORKER_LINE.join(lines), reply["hint"])
    return configuration_from_json(reply)
