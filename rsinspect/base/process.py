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
from pathlib import Path
from typing import IO, Any, NamedTuple

from rsinspect.base.files import scratch

_PR_SET_PDEATHSIG = 1
"""Of ``linux/prctl.h``: the signal to be sent when the parent ends."""


class OutOfTime(Exception):
    """The program did not end in time, and was ended."""


class TooMuchOutput(Exception):
    """The program wrote more than anybody wants, and was ended."""


class HungUp(Exception):
    """The program ended where a reply was to come.

    Args:
        ended: How.
    """

    def __init__(self, ended: Ended) -> None:
        super().__init__(ended.manner)
        self.ended = ended


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
_MOST_SAID_BYTES = 2**24
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
    return Ended(process.returncode, output.content, errors.lines)


@contextlib.contextmanager
def tidied(variables: Mapping[str, str] | None = None) -> Iterator[dict[str, str]]:
    """Give variables by which the temporary files of a program are gone at the end.

    Frameworks remove theirs when they end by themselves, and a program that is waited for no longer
    is killed. What PyTorch compiled stays in its own place, where it finds it again.

    Args:
        variables: All others; None for those of this process.

    Raises:
        NoTemporaryDirectory: If there is no place for them.
    """
    import tempfile

    with scratch() as folder:
        compiled = Path(tempfile.gettempdir(), f"torchinductor_{_user_name()}")
        yield {
            "TORCHINDUCTOR_CACHE_DIR": str(compiled),
            **(os.environ if variables is None else variables),
            **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder)),
        }


def _user_name() -> str:
    """Name this user as PyTorch does."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, ImportError, OSError):  # a number without a name
        return f"uid_{os.getuid()}" if hasattr(os, "getuid") else "unknown_user"


class Dialogue:
    """A program that is asked one thing after the other: a line each, and a line in reply.

    What was asked is answered or an exception; as a context manager, the program ends with it.

    Args:
        command: The program and its arguments.
        environment: All its variables.
        on_error: Called with each line of its standard error.

    Raises:
        OSError: If it cannot be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        on_error: Callable[[bytes], object] | None = None,
    ) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._input = self._process.stdin
        self._output = _Kept(self._process.stdout, _MOST_SAID_BYTES)
        self._errors = _Kept(self._process.stderr, _MOST_ERROR_BYTES)
        self._on_error = on_error

    def ask(self, question: bytes, timeout_s: float) -> bytes:
        """Ask, and wait for the reply.

        Args:
            question: One line, without its end.
            timeout_s: Seconds that the reply may take.

        Raises:
            HungUp: If the program ended instead.
            OutOfTime: If it takes longer; it is ended then.
        """
        with contextlib.suppress(OSError):  # it has ended, as will be found
            self._input.write(question + b"\n")
            self._input.flush()
        deadline = time.monotonic() + timeout_s
        while True:
            over = self._output.over.wait(0.02)
            _hand_on(self._errors, self._on_error)
            if reply := next(self._output.new_lines(), None):
                return reply
            if over:
                raise HungUp(self._ended())
            if time.monotonic() > deadline:
                end(self._process)
                raise OutOfTime

    def _ended(self) -> Ended:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE_S)
        end(self._process)
        code = self._process.wait()
        self._errors.over.wait(_GRACE_S)
        return Ended(code, b"", self._errors.lines)

    def __enter__(self) -> Dialogue:
        return self

    def __exit__(self, *_: object) -> None:
        end(self._process)
        self._process.wait()
        with contextlib.suppress(OSError):
            self._input.close()


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

    @property
    def lines(self) -> tuple[str, ...]:
        """List the lines of what was kept that are not empty, as text."""
        said = self.content.decode(errors="replace").splitlines()
        return tuple(line for line in said if line.strip())

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


def end_with_parent(stream: IO[str], on_line: Callable[[bytes], object] = lambda _: None) -> None:
    """End this process, and its group where it leads one, as soon as its parent has ended.

    Whatever ends the parent, the system closes its end of a pipe: a thread waits for that. On Linux
    the kernel is asked to end this process too, which works even while it is stopped.

    Args:
        stream: Its standard input, which nobody else reads from now on.
        on_line: Called in that thread with each line that still comes.
    """
    if sys.platform == "linux":
        import ctypes  # a command that starts programs does without

        with contextlib.suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    number = stream.fileno()

    def wait() -> None:
        rest = b""
        with contextlib.suppress(OSError):
            while part := os.read(number, 2**16):  # not the stream: a lock this thread dies with
                *lines, rest = (rest + part).split(b"\n")
                for line in lines:
                    on_line(line)
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
