"""Running another program to its end: input in, output out, within a time limit.

The program leads a process group of its own. Whatever ends the wait early (the deadline, Ctrl-C, an
exit by SIGTERM) ends the whole group, so nothing it started stays behind. Windows has no process
groups of that kind; there the program itself is ended.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import IO, Any, NamedTuple

_PR_SET_PDEATHSIG = 1
"""Of ``linux/prctl.h``: the signal to be sent when the parent ends."""


class OutOfTime(Exception):
    """The program did not end in time, and was ended."""


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


def run(
    command: Sequence[str],
    *,
    timeout_s: float,
    source: bytes = b"",
    environment: Mapping[str, str] | None = None,
) -> Ended:
    """Run a program to its end.

    Args:
        command: The program and its arguments.
        timeout_s: Seconds it may take.
        source: Its standard input.
        environment: All its variables; None for those of this process.

    Raises:
        OutOfTime: If it takes longer.
        OSError: If it cannot be started.
    """
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        start_new_session=True,
    ) as process:
        try:
            output, errors = process.communicate(source, timeout=timeout_s)
        except BaseException as exc:
            end(process)
            if isinstance(exc, subprocess.TimeoutExpired):
                raise OutOfTime from None
            raise
    said = errors.decode(errors="replace").splitlines()
    return Ended(process.returncode, output, tuple(line for line in said if line.strip()))


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
