"""One attempt: a worker process from start to end, and what its end means.

The worker leads a process group of its own; whatever ends the attempt early (a deadline, Ctrl-C,
any exception) kills that whole group.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, assert_never

from rsinspect.base import process
from rsinspect.base.chatter import without_chatter
from rsinspect.base.errors import MeasurementError
from rsinspect.profiling import machine
from rsinspect.profiling.budget import GRACE_S, Budget
from rsinspect.profiling.heats import Bout
from rsinspect.profiling.last_words import limit_behind
from rsinspect.profiling.memory import NeededMemory
from rsinspect.profiling.protocol import (
    MEMORY_WORDS,
    Entered,
    Estimated,
    Event,
    Failure,
    Joined,
    Judged,
    MemoryUsed,
    Message,
    NotAvailable,
    Out,
    Phase,
    Prepared,
    Ready,
    RoofsMeasured,
    Roughly,
    Stopped,
    Timed,
    TimeLeft,
    Traced,
    Turn,
    decode,
)
from rsinspect.profiling.record.prediction import Prediction
from rsinspect.profiling.request import ProfileRequest, request_to_json
from rsinspect.profiling.rounds import Finished, Round, RoundDone

OUT_OF_MEMORY_SHARE = 0.8
"""A death counts as out of memory only from this share of the prediction or of the limit on."""

PLENTY_SHARE = 0.5
"""A crash of the program (SIGSEGV, SIGABRT) below this share of the available memory is a crash."""

_POLL_S = 0.1
_TAIL_LINES = 40
_ENDS_WITHIN_S = 2.0
"""What still runs, or holds a pipe open, that long after a worker's end is something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerEnd:
    """How a worker ended, and what it had measured by then.

    Attributes:
        returncode: Of the process; negative for a signal.
        finished: Whether it measured to the end.
        failure: Its last words, if it had any.
        tail: End of its standard error, without what frameworks always write there.
        peak_rss_bytes: Most memory it had resident, as far as is known.
        messages: What it measured, in order.
        interrupted: Whether Ctrl-C ended it.
        out_of_time: Whether it was ended because the budget was used up.
        used_s: Processor time it used, as far as is known.
    """

    returncode: int
    finished: bool
    failure: Failure | None
    tail: str
    peak_rss_bytes: int | None
    messages: tuple[Message, ...] = ()
    interrupted: bool = False
    out_of_time: bool = False
    used_s: float | None = None

    @property
    def signal(self) -> int | None:
        """Return the signal behind an exit; a shell in between reports 128 plus its number."""
        number = -self.returncode if self.returncode < 0 else self.returncode - 128
        known = (signal.SIGABRT, signal.SIGKILL, signal.SIGSEGV)
        return number if number in known or self.returncode < 0 else None

    @property
    def manner(self) -> str:
        """Describe how the worker ended."""
        if self.failure is not None:
            said = f"{self.failure.error}: {self.failure.message}".splitlines()[0]
            return said[:200].rstrip(": ")
        if self.signal is not None:
            return process.manner(-self.signal)
        return f"{process.manner(self.returncode)} without a result"

    @property
    def limit(self) -> tuple[str, str] | None:
        """Name the limit of the system behind its end, and how to raise it; None for none."""
        said = self.tail
        if self.failure is not None:
            said = f"{said} {self.failure.error} {self.failure.message}"
        return limit_behind(
            self.returncode,
            said,
            used_s=self.used_s,
            processor_s=machine.processor_time_s(),
            addresses=machine.address_space_bytes(),
        )


def run_worker(
    command: Sequence[str],
    request: ProfileRequest,
    budget: Budget,
    *,
    on_event: Callable[[Event], None],
) -> WorkerEnd:
    """Run a worker to its end; it is killed on every exit path, Ctrl-C among them.

    Args:
        command: The worker.
        request: What it is to measure.
        budget: What it may take; ``GRACE_S`` after it is used up, the worker is killed.
        on_event: Called with its progress.

    Raises:
        MeasurementError: If it cannot be started.
    """
    with process.tidied() as environment:
        worker = _started(command, environment)
        try:
            worker.ask(request, budget)
            out_of_time = not worker.listen(budget, on_event, request.memory_limit_bytes)
            return worker.end(out_of_time=out_of_time)
        except KeyboardInterrupt:
            return worker.end(interrupted=True)
        finally:
            worker.kill()


def _started(command: Sequence[str], environment: Mapping[str, str]) -> _Worker:
    try:
        started = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=environment,
            start_new_session=True,
        )
    except OSError as exc:
        raise MeasurementError(f"the worker {command[0]} cannot be started: {exc}") from exc
    return _Worker(started)


class _Worker:
    """A running worker, and what it has said so far."""

    def __init__(self, started: subprocess.Popen[str]) -> None:
        assert started.stdin is not None
        assert started.stdout is not None
        assert started.stderr is not None
        self.process = started
        self.input: threading.Thread | None = None
        self.stdin = started.stdin
        self.lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()  # None at the end
        self.tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self.peak_rss_bytes: int | None = None
        self.messages: list[Message] = []
        self.finished = False
        self.is_stopped = False
        self.used_s: float | None = None
        self.failure: Failure | None = None
        self.own_peak_bytes = machine.peak_rss_bytes() or 0
        self.output = _read(started.stdout, self.lines.put, lambda: self.lines.put(None))
        self.errors = _read(started.stderr, self.tail.append, lambda: None)

    def ask(self, request: ProfileRequest, budget: Budget) -> None:
        """Send the request; in a thread, because a network fills the pipe before it is read.

        The pipe stays open: that it closes tells the worker that this process has ended.
        """
        line = json.dumps(request_to_json(request, budget)) + "\n"

        def send() -> None:
            with contextlib.suppress(OSError, ValueError):  # dead already: its end tells why
                self.stdin.write(line)
                self.stdin.flush()

        thread = threading.Thread(target=send, daemon=True)
        thread.start()
        self.input = thread  # only now: a signal may come in between, and then it is not joined

    def listen(
        self, budget: Budget, on_event: Callable[[Event], None], limit_bytes: int | None
    ) -> bool:
        """Pass the worker's events on until it has ended; False where the time is up before."""
        late_s, closed = -GRACE_S, False
        while not (closed and self.reaped()):
            left_s = budget.left_s
            if left_s < late_s:
                return self.process.returncode is not None  # else something only keeps the pipe
            if self.reaped() and not closed:
                late_s = max(late_s, left_s - _ENDS_WITHIN_S)
            self._saw(machine.peak_rss_bytes(self.process.pid))
            self._look_whether_stopped(left_s + GRACE_S, on_event)
            if limit_bytes is not None and (self.peak_rss_bytes or 0) > limit_bytes:
                self.kill()  # before the machine swaps; its peak tells why it died
            try:
                line = self.lines.get(timeout=_POLL_S)
            except queue.Empty:
                continue
            if line is None:
                closed = True
                continue
            self._hear(line, on_event)
        self.errors.join(_ENDS_WITHIN_S)
        return True

    def _look_whether_stopped(self, left_s: float, on_event: Callable[[Event], None]) -> None:
        was_stopped = self.is_stopped
        self.is_stopped = machine.is_stopped(self.process.pid)
        if self.is_stopped and not was_stopped:
            on_event(Stopped(left_s))

    def end(self, *, interrupted: bool = False, out_of_time: bool = False) -> WorkerEnd:
        """Sum up the worker's end."""
        return WorkerEnd(
            returncode=self.process.returncode or 0,
            finished=self.finished,
            failure=self.failure,
            tail="\n".join(without_chatter(line.rstrip() for line in self.tail)),
            peak_rss_bytes=self.peak_rss_bytes,
            messages=tuple(self.messages),
            interrupted=interrupted,
            out_of_time=out_of_time and not self.finished,
            used_s=self.used_s,
        )

    def _hear(self, line: str, on_event: Callable[[Event], None]) -> None:
        message = decode(line)
        match message:
            case (
                Phase()
                | RoundDone()
                | Roughly()
                | Estimated()
                | TimeLeft()
                | Entered()
                | Out()
                | Judged()
                | Joined()
            ):
                self.messages.append(message)
                on_event(message)
            case MemoryUsed():
                self._saw(message.peak_rss_bytes)
                self.messages.append(message)
                on_event(message)
            case Prediction():
                self.messages.append(message)
                on_event(message)
            case Failure():
                self.failure = message
            case (
                Ready()
                | Round()
                | RoofsMeasured()
                | NotAvailable()
                | Traced()
                | Prepared()
                | Bout()
                | Turn()
                | Timed()
            ):
                self.messages.append(message)
            case Finished():
                self.finished = True
                self.messages.append(message)
            case None:  # not ours: something in the worker printed
                self.tail.append(line)
            case _:
                assert_never(message)

    def _saw(self, peak: int | None) -> None:
        if peak is not None:
            self.peak_rss_bytes = max(peak, self.peak_rss_bytes or 0)

    def reaped(self) -> bool:
        """Tell whether the process has ended; its resource usage is collected with it."""
        if self.process.returncode is None:
            if sys.platform == "win32":
                self.process.poll()
            else:
                pid, status, usage = os.wait4(self.process.pid, os.WNOHANG)
                if pid:
                    self.process.returncode = os.waitstatus_to_exitcode(status)
                    self.used_s = usage.ru_utime + usage.ru_stime
                    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
                    if peak > self.own_peak_bytes:  # else it may be ours, from before the exec
                        self._saw(peak)
        return self.process.returncode is not None

    def kill(self) -> None:
        """End the worker and every process it started, at once."""
        process.end(self.process)
        until = time.monotonic() + _ENDS_WITHIN_S
        while not self.reaped() and time.monotonic() < until:
            time.sleep(0.01)
        for thread, stream in (
            (self.input, self.process.stdin),
            (self.output, self.process.stdout),
            (self.errors, self.process.stderr),
        ):
            if thread is not None:
                thread.join(_POLL_S)
            idle = thread is None or not thread.is_alive()
            if stream is not None and idle:  # closing waits for its thread
                with contextlib.suppress(OSError):
                    stream.close()


def _read(
    stream: IO[str], put: Callable[[str], object], at_end: Callable[[], object]
) -> threading.Thread:
    """Start a thread that hands on line after line; a full pipe must never stop the worker."""

    def read() -> None:
        with contextlib.suppress(ValueError, OSError):  # closed under it
            for line in stream:
                put(line)
        at_end()

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread


def is_out_of_memory(
    ended: WorkerEnd, prediction: NeededMemory, available: int | None, *, on_cpu: bool = True
) -> bool:
    """Tell whether lack of memory ended a worker without a result.

    It has to look like it (an allocation error, or SIGKILL, SIGSEGV or SIGABRT, which are how it
    shows on a CPU), *and* the worker has to have used 80 % of what was available, or of what the
    network was predicted to need beyond the framework, which every worker uses. A program that
    crashes (SIGSEGV, SIGABRT) with less than half of the available memory in use was not
    short of it, however small the prediction; one that says that an allocation failed is believed
    if the network was predicted to need half of it: one large tensor fails before it is used. The
    memory of a GPU is not the worker's own, so there its word has to do.
    """
    said = " ".join((ended.tail, ended.failure.error, ended.failure.message)
                    if ended.failure else (ended.tail,))  # fmt: skip
    admitted = (ended.failure is not None and ended.failure.kind == "memory") or any(
        word in said for word in MEMORY_WORDS
    )
    if not on_cpu:
        return admitted
    number = ended.signal
    peak = ended.peak_rss_bytes
    if peak is None:  # nothing else to go by
        return admitted or number == 9
    if available is not None and peak >= OUT_OF_MEMORY_SHARE * available:
        return admitted or number in (9, signal.SIGSEGV, signal.SIGABRT)
    if admitted and available is not None:
        return prediction.total_bytes >= PLENTY_SHARE * available
    used = peak - prediction.framework_bytes
    if used < OUT_OF_MEMORY_SHARE * prediction.working_bytes:
        return False
    if admitted or number == 9:
        return True
    plenty = available is not None and peak < PLENTY_SHARE * available
    return number in (signal.SIGSEGV, signal.SIGABRT) and not plenty
