"""The process's end of a request (``base.requests``): it is on standard input.

Standard output is for replies: whatever is printed meanwhile goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable

from rsinspect.base.errors import RsInspectError
from rsinspect.base.process import end_with_parent
from rsinspect.base.requests import Reply


def requested() -> tuple[Reply, Callable[[Reply], None]]:
    """Read the request, and take standard output for replies.

    Returns:
        The request, and what sends a reply.
    """
    request = json.loads(sys.stdin.readline())
    end_with_parent(sys.stdin)
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115  # as long as we live
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]

    def reply(said: Reply) -> None:
        answer.write(json.dumps(said) + "\n")
        answer.flush()

    return request, reply


def refusal(error: RsInspectError) -> Reply:
    """Write a reply that refuses the request."""
    return {"problem": error.message, "hint": error.hint, "kind": type(error).__name__}
