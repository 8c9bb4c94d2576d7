"""A worker that answers one question after the other: a JSON object a line, each with a reply.

Its standard output is for replies: whatever frameworks print goes to standard error.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from rsinspect.base import process, requests
from rsinspect.base.chatter import without_chatter
from rsinspect.base.errors import WORKER_LINE, BackendUnavailable, ExportError, RsInspectError
from rsinspect.keras_model.requests import refusal

Reply = dict[str, Any]

_TAIL_LINES = 8
_MOST_SAID = 200


def serve(answers: Mapping[str, Callable[..., Reply]]) -> None:
    """Answer what is asked on standard input, until it is closed.

    Args:
        answers: Functions by the name of the question; what else is asked are their arguments.
    """
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    asked: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    process.end_with_parent(sys.stdin, asked.put)
    while True:
        question = json.loads(asked.get())
        try:
            reply = answers[question.pop("ask")](**question)
        except RsInspectError as exc:
            reply = refusal(exc)
        except Exception as exc:  # the last door of this process: any failure is an answer
            reply = {"failed": _first_line(exc), "lines": _lines()}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


class Worker:
    """A worker as its parent sees it; as a context manager, it ends with it.

    Args:
        command: Of the worker.
        what: What to call it.
        backend: Of Keras, where it needs any.
        timeout_s: Seconds that a reply may take.
    """

    def __init__(
        self, command: Sequence[str], what: str, backend: str | None, timeout_s: float
    ) -> None:
        self._command = command
        self._what = what
        self._backend = backend
        self._timeout_s = timeout_s
        self._until_the_end = ExitStack()

    def __enter__(self) -> Worker:
        """Start it.

        Raises:
            BackendUnavailable: If it cannot be started.
        """
        variables = {
            "TF_CPP_MIN_LOG_LEVEL": "3", **os.environ, "CUDA_VISIBLE_DEVICES": "-1",
            "JAX_PLATFORMS": "cpu", "KERAS_TORCH_DEVICE": "cpu",
        }  # fmt: skip
        if self._backend is not None:
            variables["KERAS_BACKEND"] = self._backend
        with ExitStack() as stack:
            environment = stack.enter_context(process.tidied(variables))
            try:
                dialogue = process.Dialogue(self._command, environment)
            except OSError as exc:
                raise BackendUnavailable(f"{self._what} cannot be started: {exc}") from exc
            self._dialogue = stack.enter_context(dialogue)
            self._until_the_end = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._until_the_end.close()

    def ask(self, question: str, **arguments: Any) -> Reply:
        """Ask, and give the reply.

        Raises:
            ExportError: If there is none, or it tells of a failure.
            RsInspectError: What the worker refused with.
        """
        line = json.dumps({"ask": question, **arguments}).encode()
        try:
            reply: Reply = json.loads(self._dialogue.ask(line, self._timeout_s))
        except process.OutOfTime as exc:
            raise ExportError(f"{self._what} took more than {self._timeout_s:.0f} s") from exc
        except process.HungUp as exc:
            said = without_chatter(exc.ended.errors)[-_TAIL_LINES:]
            raise ExportError(
                WORKER_LINE.join((f"{self._what} {exc.ended.manner}", *said)),
                "there may have been too little memory" if exc.ended.code == -9 else None,
            ) from exc
        requests.check(reply)
        if failure := reply.get("failed"):
            raise ExportError(WORKER_LINE.join((f"{self._what}: {failure}", *reply["lines"])))
        return reply


def _first_line(exc: BaseException) -> str:
    said = " ".join(str(exc).split())
    return f"{type(exc).__name__}: {_cut(said)}" if said else type(exc).__name__


def _lines() -> list[str]:
    """List the last lines of the traceback, each cut where it is long."""
    lines = [line for line in traceback.format_exc().splitlines() if line.strip()]
    return [_cut(line) for line in lines[-_TAIL_LINES:]]


def _cut(said: str) -> str:
    """Cut what is long in its middle: the reason stands at the end, as in TensorFlow's errors."""
    if len(said) <= _MOST_SAID:
        return said
    return f"{said[: _MOST_SAID // 2]} ... {said[-_MOST_SAID // 2 :]}"
