"""The parent of a measurement: predicts, starts workers, judges how they end, keeps the record.

It never imports a framework. A worker process is started for each attempt, so that a batch that
does not fit takes down the worker and nothing else, and so that every attempt begins with a fresh
process. The worker leads a process group of its own; whatever ends the measurement early (a
deadline, Ctrl-C, any exception) kills that whole group.

The batch ladder is the published one: the batch asked for, halved until it fits. A rung that is
predicted to need more than 90 % of the available memory is skipped, and the record says so.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import NamedTuple

from rsinspect.base import errors
from rsinspect.base.errors import (
    BackendUnavailable,
    BatchDoesNotFit,
    MeasurementError,
    RsInspectError,
)
from rsinspect.base.units import binary_bytes, percent, seconds
from rsinspect.base.words import Option, Wording, advice
from rsinspect.profiling import machine, memory
from rsinspect.profiling.attempt import WorkerEnd, is_out_of_memory, run_worker
from rsinspect.profiling.budget import ROUNDS_FOR_INTERVAL, Budget
from rsinspect.profiling.memory import NeededMemory
from rsinspect.profiling.protocol import (
    AttemptStarted,
    BatchRefused,
    Event,
    Failure,
    MemoryUsed,
    Phase,
    PhaseName,
)
from rsinspect.profiling.record.assemble import assemble
from rsinspect.profiling.record.batch import Attempt, Outcome
from rsinspect.profiling.record.heard import Heard
from rsinspect.profiling.record.model import Model
from rsinspect.profiling.record.predicted import PredictedRun
from rsinspect.profiling.record.run import ProfileRun
from rsinspect.profiling.request import ProfileRequest, Settings

__all__ = ["Interrupted", "NotMeasured", "ProfileRequest", "profile"]

WORKER = (sys.executable, "-P", "-m", "rsinspect.profiling.worker")

_INSTALL = {
    "tensorflow": "pip install tensorflow",
    "jax": "pip install jax",
    "torch": "pip install torch",
}


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during a measurement.

    Attributes:
        run: What there is: a run of the rounds until then, else a prediction, else None.
    """

    def __init__(self, run: ProfileRun | PredictedRun | None) -> None:
        super().__init__()
        self.run = run


class NotMeasured(MeasurementError):
    """The time was up before a single round.

    Attributes:
        run: A prediction, or None.
    """

    def __init__(
        self, message: str | Wording, hint: str | Wording | None, run: PredictedRun | None
    ) -> None:
        super().__init__(message, hint)
        self.run = run


def profile(
    request: ProfileRequest,
    *,
    budget: Budget | None = None,
    on_event: Callable[[Event], None] = lambda _: None,
    worker: Sequence[str] = WORKER,
    available_bytes: Callable[[], int | None] = memory.available_memory,
) -> ProfileRun:
    """Measure the latency of each stage or block and of the whole network.

    Args:
        request: What to measure.
        budget: Of it all; where it began before. By default it begins now.
        on_event: Called in this thread as the measurement goes on.
        worker: Command of a worker; for tests.
        available_bytes: Tells the memory there is; called before every attempt.

    Raises:
        InvalidMeasurement: If the request cannot be measured.
        BackendUnavailable: If the backend is not installed.
        DeviceUnavailable: If the backend does not find the device.
        BatchDoesNotFit: If no batch of the ladder fits, or the first does not and
            ``strict_batch`` is set.
        MeasurementError: If a worker crashes.
        NotMeasured: If the time is up before a single round; with a prediction where there is one.
        Interrupted: On Ctrl-C, with what was measured or predicted before.
    """
    budget = budget or Budget.starting(request.max_time_s)
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    measured, tried = climb(
        request, budget, on_event=on_event, worker=worker, available_bytes=available_bytes
    )
    return _result(measured, request, budget, tried, started_at)


def climb(
    request: ProfileRequest,
    budget: Budget,
    *,
    on_event: Callable[[Event], None],
    worker: Sequence[str],
    available_bytes: Callable[[], int | None] = memory.available_memory,
) -> tuple[Measured, tuple[Attempt, ...]]:
    """Start workers down the ladder until a batch fits; what was measured, and what was tried.

    Args:
        request: What is wanted.
        budget: Of it all.
        on_event: Called in this thread as it goes on.
        worker: Command of a worker.
        available_bytes: Tells the memory there is; called before every attempt.

    Raises:
        RsInspectError: As ``profile``, for whatever keeps a worker from measuring.
    """
    tried: list[Attempt] = []
    for batch in ladder(request.batch):
        available = available_bytes() if request.on_cpu else None
        outcome = _try_batch(
            replace(request, batch=batch, memory_limit_bytes=available),
            budget,
            on_event=on_event,
            worker=worker,
        )
        tried.append(outcome.attempt)
        if isinstance(outcome, Measured):
            return outcome, tuple(tried)
        on_event(BatchRefused(batch, outcome.reason))
        if request.strict_batch:
            break
    raise _none_fits(tried, request)


def _result(
    measured: Measured,
    requested: ProfileRequest,
    budget: Budget,
    tried: tuple[Attempt, ...],
    started_at: str,
) -> ProfileRun:
    """Make a run of what was measured.

    Raises:
        NotMeasured: If that is no round.
        Interrupted: If Ctrl-C ended it.
    """
    if any(each.rounds for each in measured.heard):
        run = assemble(
            measured.request,
            requested,
            measured.heard,
            tried,
            started_at=started_at,
            wall_s=budget.elapsed_s,
            interrupted=measured.interrupted,
        )
        if measured.interrupted:
            raise Interrupted(run)
        return run
    first = measured.heard[0]
    wanted = (
        None
        if first.estimate is None
        else first.estimate.wanted(budget.whole_s, requested.processes)
    )
    predicted = None
    if first.prediction is not None:
        predicted = PredictedRun(
            model=Model.of(requested.network),
            batch=measured.request.batch,
            prediction=first.prediction,
            stopped_because="interrupted" if measured.interrupted else "time",
            wanted=wanted,
            started_at=started_at,
            wall_s=budget.elapsed_s,
            request=requested.settings,
            network=replace(requested.network, spec=None),
        )
    if measured.interrupted:
        raise Interrupted(predicted)
    roughly_s = first.roughly_s or 0.0
    message = f"nothing was measured in {budget.whole_s:g} s: {IN_THE_MIDST[first.phase]}"
    if predicted is None and roughly_s > budget.whole_s / ROUNDS_FOR_INTERVAL:
        message += f"; {roughly(measured.request, roughly_s)}"
    raise NotMeasured(
        message, more(budget, roughly_s) if wanted is None else wanted.advice, predicted
    )


def more(budget: Budget, roughly_s: float) -> Wording:
    """Advise more time where nobody knows how much: a minute, or twice as much, or for passes.

    At the rate of a matrix product a pass would take that long; few networks reach half of it.
    """
    passes_s = 10 * math.ceil((30 + 2 * ROUNDS_FOR_INTERVAL * roughly_s) / 10)
    needed_s = max(60, passes_s, 2 * budget.whole_s)
    return advice("allow more, such as {}", Option("max_time_s", round(needed_s)))


def roughly(request: Settings, pass_s: float) -> str:
    """Say what a pass takes at the rate of a matrix product."""
    return (
        f"{request.one_pass} takes roughly {seconds(pass_s)} here, if it computes as fast as a "
        "matrix product does now; few networks are faster"
    )


IN_THE_MIDST: dict[PhaseName, str] = {
    "starting": "the framework was still being imported",
    "predicting": "the time was up while the distinct blocks were timed",
    "building": "the time was up while the network was built",
    "compiling": "the time was up while the network was compiled",
    "warm-up": "a round takes longer than what was left after compiling",
    "measuring": "a round takes longer than what was left after compiling",
    "tracing": "a round takes longer than what was left after compiling",
    "roofs": "a round takes longer than what was left after compiling",
}
"""Where the time went, by the phase in which it was up."""


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
    budget: Budget,
    *,
    on_event: Callable[[Event], None],
    worker: Sequence[str],
) -> Measured | DidNotFit:
    """Measure one batch of the ladder, in as many processes as were asked for."""
    batch, available = request.batch, request.memory_limit_bytes
    needed = memory.needed_memory(request)
    if (reason := _does_not_fit(needed, available)) is not None:
        return DidNotFit(_attempt(batch, "skipped", reason, needed, None), reason)
    attempt = _attempt(batch, "ran", None, needed, None)
    heard: list[Heard] = []
    for process in range(request.processes):
        on_event(AttemptStarted(batch, process))
        ended = run_worker(
            worker,
            request if process == 0 else request.again(process),
            budget.first_of(request.processes - process),
            on_event=on_event,
        )
        heard.append(Heard.of(ended.messages))
        if ended.interrupted:
            return Measured(request, tuple(heard), attempt, interrupted=True)
        if ended.out_of_time:
            continue
        attempt = _judge(ended, request, needed, available)
        if attempt.reason is not None:
            return DidNotFit(attempt, attempt.reason)
    return Measured(request, tuple(heard), attempt)


def ladder(batch: int) -> Iterator[int]:
    """List the batch sizes to try: the one asked for, halved down to 1.

    >>> list(ladder(128)), list(ladder(3))
    ([128, 64, 32, 16, 8, 4, 2, 1], [3, 1])
    """
    while batch >= 1:
        yield batch
        batch //= 2


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
    none = "" if len(tried) == 1 else f"no batch from {first.batch} down to {last.batch} fits; "
    return BatchDoesNotFit(
        f"{none}batch {last.batch} does not fit: {last.reason}",
        "a smaller resolution, a shallower network, or "
        + (
            "a machine with more memory"
            if machine.address_space_bytes() is None
            else "a larger address space: ulimit -v unlimited"
        ),
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
        return _attempt(batch, "ran", None, prediction.beside(_framework_bytes(ended)), peak)
    limit = ended.limit
    if ended.failure is not None and ended.failure.kind == "unavailable":
        if limit is not None:
            raise MeasurementError(*limit)
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
        if limit is not None:
            reason = f"{limit[0]}: {reason}"
        return _attempt(batch, "out_of_memory", reason, prediction, peak)
    tail = "".join(f"{errors.WORKER_LINE}{line}" for line in ended.tail.splitlines()[-15:])
    if limit is not None:
        message, hint = limit
        raise MeasurementError(f"{message} (batch {batch}: {how}){tail}", hint)
    raise MeasurementError(
        f"the worker crashed at batch {batch}: {how}; peak memory {used}, so there was memory "
        f"enough{tail}",
        "the end of its error output is above" if tail else None,
    )


def _framework_bytes(ended: WorkerEnd) -> int | None:
    """Find what a worker had resident with its framework imported; None if it did not say."""
    for sooner, later in pairwise(ended.messages):
        if sooner == Phase("starting") and isinstance(later, MemoryUsed):
            return later.peak_rss_bytes
    return None


def _refusal(failure: Failure) -> RsInspectError:
    """Make the error of rsinspect's own that the worker ended with."""
    kind = getattr(errors, failure.error, None)
    if not (isinstance(kind, type) and issubclass(kind, RsInspectError)):
        kind = MeasurementError
    error = kind.__new__(kind)  # a kind may word its message itself: here it is worded already
    RsInspectError.__init__(error, failure.message, failure.hint)
    return error
