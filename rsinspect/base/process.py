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
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


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
