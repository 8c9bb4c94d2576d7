"""Running another program to its end: input in, output out, within a time limit.

The program leads a process group of its own. Whatever ends the wait (its end, the deadline, too
much output, Ctrl-C, an exit by SIGTERM) ends the whole group, so nothing it started stays behind;
what left the group is not waited for. Windows has no process groups of that kind; there the program
itself is ended.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, Any, NamedTuple

_PR_SET_PDEATHSIG = 1
"""Of ``linux/prctl.h``: the signal to be sent when the parent ends."""


class OutOfTime(Exception):
    """The program did not end in time, and was ended."""


class TooMuchOutput(Exception):
    """The program wrote more than anybody wants, and was ended."""


class Ended(NamedTuple):
    """How a program ended.

    Attributes:
        code: Its exit code; on POSIX, minus the signal that ended it.
        output: What it wrote to standard output.
        errors: What it wrote to standard error, as lines that are not empty.
    """

    code: int
    output: bytes
    errors: tuple[str, ...]

    @property
    def manner(self) -> str:
        """Describe how the program ended."""
        return manner(self.code)


def manner(code: int) -> str:
    """Describe an exit code; on POSIX, minus the signal that ended the program.

    >>> manner(3), manner(-11)
    ('ended with code 3', 'was ended by SIGSEGV')
    """
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


_MOST_ERROR_BYTES = 2**20
_GRACE_S = 2.0
"""After a program's end, for a child of its that still holds its output."""


def run(
    command: Sequence[str],
    *,
    timeout_s: float,
    source: bytes = b"",
    environment: Mapping[str, str] | None = None,
    most_bytes: int = 2**24,
    on_output: Callable[[bytes], object] | None = None,
    on_error: Callable[[bytes], object] | None = None,
) -> Ended:
    """Run a program to its end.

    Args:
        command: The program and its arguments.
        timeout_s: Seconds it may take.
        source: Its standard input.
        environment: All its variables; None for those of this process.
        most_bytes: What it may write to standard output.
        on_output: Called with each line of its standard output, soon after it was written. With
            one, the program's input stays open until the end: that it closes tells the program
            that nobody listens any more.
        on_error: Likewise for standard error.

    Raises:
        OutOfTime: If it takes longer.
        TooMuchOutput: If it writes more.
        OSError: If it cannot be started.
    """
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        output = _Kept(process.stdout, most_bytes)
        errors = _Kept(process.stderr, _MOST_ERROR_BYTES)
        _send(process.stdin, source, closed=on_output is None)
        deadline = time.monotonic() + timeout_s
        until = deadline
        while not output.over.wait(0.1):
            _hand_on(output, on_output)
            _hand_on(errors, on_error)
            now = time.monotonic()
            if process.poll() is None and now > deadline:
                raise OutOfTime
            if process.returncode is not None:
                until = min(until, now + _GRACE_S)
            if now > until:
                break
        if output.too_much:
            raise TooMuchOutput(most_bytes)
        errors.over.wait(_GRACE_S)
        _hand_on(output, on_output)
        _hand_on(errors, on_error)
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise OutOfTime from None
    finally:
        end(process)
        process.wait()
        if on_output is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
    said = errors.content.decode(errors="replace").splitlines()
    lines = tuple(line for line in said if line.strip())
    return Ended(process.returncode, output.content, lines)


class _Kept:
    """What a stream says, read in a thread: so much is kept, the rest only read.

    Args:
        stream: Is closed at its end.
        most: Bytes to keep.
    """

    def __init__(self, stream: IO[bytes], most: int) -> None:
        self.over = threading.Event()
        """That all was read, or too much."""
        self.too_much = False
        self._parts: list[bytes] = []
        self._handed = 0
        self._rest = b""
        threading.Thread(target=self._read, args=(stream, most), daemon=True).start()

    @property
    def content(self) -> bytes:
        """Join what was kept."""
        return b"".join(self._parts)

    def new_lines(self) -> Iterator[bytes]:
        """Give the lines that have come since they were last asked for; at the end, the rest."""
        is_over = self.over.is_set()
        new = self._parts[self._handed :]
        self._handed += len(new)
        *lines, self._rest = b"".join((self._rest, *new)).split(b"\n")
        yield from lines
        if is_over and self._rest:
            rest, self._rest = self._rest, b""
            yield rest

    def _read(self, stream: IO[bytes], most: int) -> None:
        left = most
        with contextlib.suppress(OSError), stream:
            while part := os.read(stream.fileno(), 2**16):
                if left:
                    self._parts.append(part[:left])
                    left -= len(self._parts[-1])
                elif not self.too_much:
                    self.too_much = True
                    self.over.set()
        self.over.set()


def _hand_on(kept: _Kept, to: Callable[[bytes], object] | None) -> None:
    """Hand new lines on, where somebody wants them."""
    if to is not None:
        for line in kept.new_lines():
            to(line)


def _send(stream: IO[bytes], source: bytes, *, closed: bool) -> None:
    """Write to a program in a thread; that it does not read is no mishap."""

    def send() -> None:
        with contextlib.suppress(OSError):
            try:
                stream.write(source)
                stream.flush()
            finally:
                if closed:
                    stream.close()

    threading.Thread(target=send, daemon=True).start()


def end_with_parent(stream: IO[str]) -> None:
    """End this process, and its group where it leads one, as soon as its parent has ended.

    Whatever ends the parent, the system closes its end of a pipe: a thread waits for that. On Linux
    the kernel is asked to end this process too, which works even while it is stopped.

    Args:
        stream: Its standard input, from which nothing more is to come.
    """
    if sys.platform == "linux":
        import ctypes  # a command that starts programs does without

        with contextlib.suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    number = stream.fileno()

    def wait() -> None:
        with contextlib.suppress(OSError):
            while os.read(number, 1):  # not the stream, whose lock this thread would die with
                pass
        if sys.platform != "win32" and os.getpid() == os.getpgrp():
            os.killpg(0, signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def end(process: subprocess.Popen[Any]) -> None:
    """End a program and every process of its group, also where only its children are left.

    Args:
        process: Started with ``start_new_session``.
    """
    if sys.platform == "win32":
        process.kill()
    else:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
