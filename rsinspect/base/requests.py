"""A process with a framework that is asked one thing: a request goes in, replies come out.

Each is a line of JSON, to which nothing that the framework or a model's code prints can get; the
process's end of it is ``keras_model.requests``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rsinspect.base import process
from rsinspect.base.chatter import without_chatter
from rsinspect.base.errors import (
    WORKER_LINE,
    BackendUnavailable,
    ExportError,
    GraphError,
    ModelBuildError,
    RsInspectError,
    WeightsError,
)

MOST_BYTES = 2**28
"""Of all replies."""

TAIL_LINES = 12
"""Of what a process said before it failed."""

Reply = dict[str, Any]

_KINDS: dict[str, type[RsInspectError]] = {
    kind.__name__: kind
    for kind in (BackendUnavailable, ExportError, GraphError, ModelBuildError, WeightsError)
}


def ask(
    command: Sequence[str],
    request: Mapping[str, Any],
    on_reply: Callable[[Reply], object],
    *,
    what: str,
    failure: str,
    timeout_s: float,
    variables: Mapping[str, str] | None = None,
    on_error: Callable[[bytes], object] | None = None,
    remedy: str | None = None,
) -> None:
    """Run a process to its end, which gives a reply at least.

    Args:
        command: Of the process.
        request: What it is asked.
        on_reply: Called with each reply, soon after it came.
        what: What to call the process.
        failure: What to say that it did where it did not reply: ``made no model``.
        timeout_s: Seconds that it may take.
        variables: Of its environment, besides ours.
        on_error: Called with each line of its standard error, which is then not told of again.
        remedy: Hint for one that takes longer.

    Raises:
        BackendUnavailable: If it cannot be started.
        ModelBuildError: If it ends without a reply, takes too long or says too much.
    """
    replied = False

    def hear(line: bytes) -> None:
        nonlocal replied
        try:
            reply = json.loads(line)
        except ValueError:  # it ended in the middle of a line
            return
        replied = True
        on_reply(reply)

    try:
        all_variables = {"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ, **(variables or {})}
        with process.tidied(all_variables) as environment:
            ended = process.run(
                command,
                source=json.dumps(request).encode() + b"\n",
                environment=environment,
                timeout_s=timeout_s,
                most_bytes=MOST_BYTES,
                on_output=hear,
                on_error=on_error,
            )
    except process.OutOfTime as exc:
        message = f"{what} {failure} within {timeout_s:.0f} s and was ended"
        raise ModelBuildError(message, remedy) from exc
    except process.TooMuchOutput as exc:
        raise ModelBuildError(f"{what} {failure}: it says more than can be read") from exc
    except OSError as exc:
        raise BackendUnavailable(f"a process for Keras cannot be started: {exc}") from exc
    if not replied:
        said = () if on_error is not None else without_chatter(ended.errors)[-TAIL_LINES:]
        message = f"{what} {ended.manner} and {failure}"
        raise ModelBuildError(WORKER_LINE.join((message, *said)))


def check(reply: Reply) -> None:
    """Raise what a process refused a request with, where it did (``keras_model.requests.refusal``).

    Raises:
        RsInspectError: Of the same kind.
    """
    if {"problem", "kind"} <= reply.keys():  # a problem alone is part of an answer
        raise _KINDS.get(reply["kind"], ModelBuildError)(reply["problem"], reply["hint"])
