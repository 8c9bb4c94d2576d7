"""The standard streams, made safe: closed, full or read by nobody, they fail in one line.

What is written to stdout is the answer: where it cannot be written, the call has failed. What is
written to stderr is talk, which nobody may be there to hear.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
from typing import Any, TextIO, cast


class StdoutLost(Exception):
    """The answer could not be written to stdout."""


class _Guard:
    """A stream that fails by its own rule; everything else is the stream's."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, content: Any) -> int:
        """Write, or fail by the rule."""
        try:
            return int(self._stream.write(content))
        except OSError as exc:
            self._failed(exc)
            return len(content)

    def flush(self) -> None:
        """Write what was held back, or fail by the rule."""
        try:
            self._stream.flush()
        except OSError as exc:
            self._failed(exc)

    def _failed(self, exc: OSError) -> None:
        raise NotImplementedError


class _Answer(_Guard):
    """Stdout: a reader that has seen enough is no failure, anything else is."""

    @property
    def buffer(self) -> _Answer:
        """Return the stream of bytes below, guarded too."""
        return _Answer(self._stream.buffer)

    def _failed(self, exc: OSError) -> None:
        if isinstance(exc, BrokenPipeError):
            raise exc
        raise StdoutLost(exc.strerror or str(exc)) from exc


class _Talk(_Guard):
    """Stderr: where it cannot be written, the rest goes nowhere."""

    def _failed(self, exc: OSError) -> None:
        silence(self._stream)


def secure() -> None:
    """Guard stdout and stderr; where one is closed, its place is taken.

    A closed descriptor would be given to the next file that is opened, into which the next child
    process would write.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:  # it is the lowest that is free; stdout's refuses to be written to
            os.open(os.devnull, os.O_RDONLY if descriptor < 2 else os.O_WRONLY)
    codecs.register_error("spelt out", _spelt_out)
    answer = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    talk = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    for stream in (answer, talk):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="spelt out")
    sys.stdout, sys.stderr = cast(TextIO, _Answer(answer)), cast(TextIO, _Talk(talk))


def _spelt_out(exc: UnicodeError) -> tuple[str, int]:
    """Spell out what a stream's encoding has no character for: ``x`` for a multiplication sign."""
    from rsinspect.base.cells import in_ascii

    assert isinstance(exc, UnicodeEncodeError)
    return in_ascii(exc.object[exc.start : exc.end]), exc.end


def silence(stream: Any) -> None:
    """Let what is still to be written to a stream go nowhere."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
