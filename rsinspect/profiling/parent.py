"""The parent of a measurement: predicts, starts workers, judges how they end, keeps the record.

It never imports a framework. A worker process is started for each attempt, so that a batch that
does not fit takes down the worker and nothing else, and so that every attempt begins with a fresh
process. The worker leads a process group of its own; whatever ends the measurement early (a
deadline, Ctrl-C, any exception) kills that whole group.

The batch ladder is the published one: the batch asked for, halved until it fits. A rung that is
predicted to need more than 90 % of the available memory is skipped, and the record says so.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

from rsinspect.base import errors
from rsinspect.base.errors import (
    BackendUnavailable,
    BatchDoesNotFit,
    MeasurementError,
    RsInspectError,
)
from rsinspect.base.units import binary_bytes, percent
from rsinspect.layers.cost import layers_cost
from rsinspect.layers.graph import LayerGraph
from rsinspect.profiling import memory
from rsinspect.profiling.attempt import WorkerEnd, is_out_of_memory, run_worker
from rsinspect.profiling.choices import Mode
from rsinspect.profiling.memory import NeededMemory
from rsinspect.profiling.protocol import (
    AttemptStarted,
    BatchRefused,
    Event,
    Failure,
    ProfileRequest,
)
from rsinspect.profiling.record.assemble import assemble
from rsinspect.profiling.record.batch import Attempt, Outcome
from rsinspect.profiling.record.heard import Heard
from rsinspect.profiling.record.prediction import Prediction
from rsinspect.profiling.record.run import PASSES, ProfileRun

__all__ = ["Interrupted", "ProfileRequest", "profile", "start_up_allowance_s"]

WORKER = (sys.executable, "-P", "-m", "rsinspect.profiling.worker")

_INSTALL = {
    "tensorflow": "pip install tensorflow",
    "jax": "pip install 'rsinspect[jax]'",
    "torch": "pip install 'rsinspect[torch]'",
}


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during a measurement.

    Attributes:
        run: What was measured before it; None where no round was.
        prediction: From the distinct blocks; None where none was made.
    """

    def __init__(self, run: ProfileRun | None, prediction: Prediction | None) -> None:
        super().__init__()
        self.run = run
        self.prediction = prediction


def profile(
    request: ProfileRequest,
    *,
    on_event: Callable[[Event], None] = lambda _: None,
    worker: Sequence[str] = WORKER,
    available_bytes: Callable[[], int | None] = memory.available_memory,
    allowance_s: float | None = None,
) -> ProfileRun:
    """Measure the latency of each stage or block and of the whole network.

    Args:
        request: What to measure.
        on_event: Called in this thread as the measurement goes on.
        worker: Command of a worker; for tests.
        available_bytes: Tells the memory there is; called before every attempt.
        allowance_s: What a worker may take on top of the time budget; by default
            ``start_up_allowance_s``.

    Raises:
        InvalidMeasurement: If the request cannot be measured.
        BackendUnavailable: If the backend is not installed.
        DeviceUnavailable: If the backend does not find the device.
        BatchDoesNotFit: If no batch of the ladder fits, or the first does not and
            ``strict_batch`` is set.
        MeasurementError: If a worker crashes or passes its deadline.
        Interrupted: On Ctrl-C, with what was measured before.
    """
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    start = time.monotonic()
    tried: list[Attempt] = []
    for batch in ladder(request.batch):
        available = available_bytes() if request.on_cpu else None
        outcome = _try_batch(
            replace(request, batch=batch, memory_limit_bytes=available),
            on_event=on_event,
            worker=worker,
            allowance_s=allowance_s,
        )
        tried.append(outcome.attempt)
        if isinstance(outcome, Measured):
            run = None
            if not outcome.interrupted or any(each.rounds for each in outcome.heard):
                run = assemble(
                    outcome.request,
                    request,
                    outcome.heard,
                    tuple(tried),
                    started_at=started_at,
                    wall_s=time.monotonic() - start,
                    interrupted=outcome.interrupted,
                )
            if run is None or outcome.interrupted:
                raise Interrupted(run, outcome.heard[0].prediction)
            return run
        on_event(BatchRefused(batch, outcome.reason))
        if request.strict_batch:
            break
    raise _none_fits(tried, request)


class Measured(NamedTuple):
    """A batch that was measured, to the end or until Ctrl-C.

    Attributes:
        request: Of the first process.
        heard: What each process said.
        attempt: For the record.
        interrupted: Whether Ctrl-C ended it.
    """

    request: ProfileRequest
    heard: tuple[Heard, ...]
    attempt: Attempt
    interrupted: bool = False


class DidNotFit(NamedTuple):
    """A batch that was skipped, or for which memory did not suffice.

    Attributes:
        attempt: For the record.
        reason: In words.
    """

    attempt: Attempt
    reason: str


def _try_batch(
    request: ProfileRequest,
    *,
    on_event: Callable[[Event], None],
    worker: Sequence[str],
    allowance_s: float | None,
) -> Measured | DidNotFit:
    """Measure one batch of the ladder, in as many processes as were asked for."""
    graph, batch, available = request.network.graph, request.batch, request.memory_limit_bytes
    needed = memory.needed_memory(graph, batch=batch, backend=request.backend, mode=request.mode)
    if (reason := _does_not_fit(needed, available)) is not None:
        return DidNotFit(_attempt(batch, "skipped", reason, needed, None), reason)
    allowance = allowance_s or start_up_allowance_s(graph, batch, request.mode)
    used = replace(request, max_time_s=request.max_time_s / request.processes)
    attempt = _attempt(batch, "ran", None, needed, None)
    heard: list[Heard] = []
    for process in range(request.processes):
        on_event(AttemptStarted(batch, process))
        ended = run_worker(
            worker,
            used if process == 0 else used.again(process),
            deadline_s=used.max_time_s + allowance,
            on_event=on_event,
        )
        heard.append(Heard.of(ended.messages))
        if ended.interrupted:
            return Measured(used, tuple(heard), attempt, interrupted=True)
        attempt = _judge(ended, used, needed, available)
        if attempt.reason is not None:
            return DidNotFit(attempt, attempt.reason)
    return Measured(used, tuple(heard), attempt)


def ladder(batch: int) -> Iterator[int]:
    """List the batch sizes to try: the one asked for, halved down to 1.

    >>> list(ladder(128)), list(ladder(3))
    ([128, 64, 32, 16, 8, 4, 2, 1], [3, 1])
    """
    while batch >= 1:
        yield batch
        batch //= 2


def start_up_allowance_s(graph: LayerGraph, batch: int, mode: Mode = "forward") -> float:
    """Work out how long a worker may take on top of its time budget before it is killed.

    For importing, building and compiling, two minutes and a tenth of a second per layer; for the
    compiling calls, a prediction and a last round beyond the budget, ten passes at 5 GFLOP/s, a
    fortieth of what two cores of a server do. Training takes three times as much of both.

    >>> from rsinspect.networks.named import network
    >>> round(start_up_allowance_s(network("50").graph, 8))
    220
    """
    flops = 2 * layers_cost(graph, graph.layers).macs * batch
    return 120 + PASSES[mode] * (0.1 * len(graph) + 10 * flops / 5e9)


def _does_not_fit(prediction: NeededMemory, available: int | None) -> str | None:
    if available is None or prediction.total_bytes <= memory.FITS_SHARE * available:
        return None
    return (
        f"predicted {binary_bytes(prediction.total_bytes)} > "
        f"{percent(memory.FITS_SHARE)} of {binary_bytes(available)} available"
    )


def _attempt(
    batch: int, outcome: Outcome, reason: str | None, prediction: NeededMemory, peak: int | None
) -> Attempt:
    return Attempt(
        batch=batch,
        outcome=outcome,
        reason=reason,
        predicted_bytes=prediction.total_bytes,
        peak_rss_bytes=peak,
    )


def _none_fits(tried: Sequence[Attempt], request: ProfileRequest) -> BatchDoesNotFit:
    first, last = tried[0], tried[-1]
    if request.strict_batch:
        return BatchDoesNotFit(
            f"batch {first.batch} does not fit: {first.reason}",
            "a smaller batch, or the ladder (without strict batch)",
        )
    return BatchDoesNotFit(
        f"no batch from {first.batch} down to {last.batch} fits; batch {last.batch}: {last.reason}",
        "a smaller resolution, a shallower network, or a machine with more memory",
    )


def _judge(
    ended: WorkerEnd,
    request: ProfileRequest,
    prediction: NeededMemory,
    available: int | None,
) -> Attempt:
    """Judge how a worker ended: it ran, or memory did not suffice; anything else is raised.

    Raises:
        BackendUnavailable: If the framework cannot be imported.
        MeasurementError: If the worker crashed.
        RsInspectError: Whatever the worker refused with.
    """
    batch, peak = request.batch, ended.peak_rss_bytes
    if ended.finished:
        return _attempt(batch, "ran", None, prediction, peak)
    if ended.failure is not None and ended.failure.kind == "unavailable":
        raise BackendUnavailable(
            f"the {request.backend} backend cannot be imported: {ended.failure.message}",
            _INSTALL[request.backend],
        )
    if ended.failure is not None and ended.failure.kind == "refused":
        raise _refusal(ended.failure)
    how = ended.manner
    used = "unknown" if peak is None else binary_bytes(peak)
    if is_out_of_memory(ended, prediction, available, on_cpu=request.on_cpu):
        reason = f"{how}; peak memory {used}, predicted {binary_bytes(prediction.total_bytes)}"
        return _attempt(batch, "out_of_memory", reason, prediction, peak)
    tail = "".join(f"{errors.WORKER_LINE}{line}" for line in ended.tail.splitlines()[-15:])
    raise MeasurementError(
        f"the worker crashed at batch {batch}: {how}; peak memory {used}, so there was memory "
        f"enough{tail}",
        "the end of its error output is above" if tail else None,
    )


def _refusal(failure: Failure) -> RsInspectError:
    """Make the error of rsinspect's own that the worker ended with."""
    kind = getattr(errors, failure.error, None)
    if not (isinstance(kind, type) and issubclass(kind, RsInspectError)):
        kind = MeasurementError
    error = kind.__new__(kind)  # a kind may word its message itself: here it is worded already
    RsInspectError.__init__(error, failure.message, failure.hint)
    return error
