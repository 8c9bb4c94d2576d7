"""What is said beside an answer, on stderr: a line that a person may want and no program reads."""

from __future__ import annotations

import sys
from contextvars import ContextVar

from rsinspect.base.text import showable

_QUIET: ContextVar[bool] = ContextVar("quiet", default=False)


def quieten(quiet: bool) -> None:
    """Silence the talk for the rest of this call, if asked to; errors are still said."""
    if quiet:
        _QUIET.set(True)


def is_quiet() -> bool:
    """Tell whether nobody wants to hear the talk."""
    return _QUIET.get()


def say(sentence: str) -> None:
    """Say something on a line, unless nobody wants to hear it."""
    if not is_quiet():
        sys.stderr.write(f"{showable(sentence)}\n")
