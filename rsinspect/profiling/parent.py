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
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from rsinspect import errors
from rsinspect.cost import layers_cost
from rsinspect.errors import (
    BackendUnavailable,
    BatchDoesNotFit,
    MeasurementError,
    RsInspectError,
)
from rsinspect.graph import LayerGraph
from rsinspect.partition import segments
from rsinspect.profiling import memory
from rsinspect.profiling.attempt import Ended, is_out_of_memory, manner, run_worker
from rsinspect.profiling.cautions import (
    CLOSES_WITHIN,
    OVER_BUDGET,
    WIDE_SPREAD,
    BatchReduced,
    BusyMachine,
    Caution,
    ChainDiffers,
    DoesNotClose,
    FewSamples,
    NotSteady,
    OverBudget,
    WideSpread,
)
from rsinspect.profiling.memory import MemoryPrediction
from rsinspect.profiling.protocol import (
    AttemptStarted,
    BatchRefused,
    Event,
    Failure,
    ProfileRequest,
    WorkerResult,
)
from rsinspect.profiling.run import (
    Attempt,
    Batch,
    Closure,
    EndToEnd,
    Environment,
    Model,
    Outcome,
    ProfileRun,
    Segment,
)
from rsinspect.profiling.statistics import FEWEST_FOR_INTERVAL, Latency
from rsinspect.resnet_rs import build_graph
from rsinspect.units import binary_bytes, percent

__all__ = ["ProfileRequest", "profile", "start_up_allowance_s"]

WORKER = (sys.executable, "-P", "-m", "rsinspect.profiling.worker")

_INSTALL = {
    "tensorflow": "pip install tensorflow",
    "jax": "pip install 'rsinspect[jax]'",
    "torch": "pip install 'rsinspect[torch]'",
}


def profile(
    request: ProfileRequest,
    *,
    on_event: Callable[[Event], None] = lambda _: None,
    worker: Sequence[str] = WORKER,
    available_bytes: Callable[[], int | None] = memory.available_memory,
    allowance_s: float | None = None,
) -> ProfileRun:
    """Latency of each stage and of the whole network, forward, in float32.

    Args:
        request: What to measure.
        on_event: Called in this thread as the measurement goes on.
        worker: Command of a worker; for tests.
        available_bytes: Memory there is, asked before every attempt.
        allowance_s: What a worker may take on top of the time budget; by default
            ``start_up_allowance_s``.

    Raises:
        InvalidMeasurement: If the request cannot be measured.
        BackendUnavailable: If the backend is not installed.
        BatchDoesNotFit: If no batch of the ladder fits, or the first does not and
            ``strict_batch`` is set.
        MeasurementError: If the worker crashes or passes its deadline.
    """
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    start = time.monotonic()
    graph = build_graph(request.spec)
    tried: list[Attempt] = []
    for batch in ladder(request.batch):
        prediction = memory.predict(graph, batch=batch, backend=request.backend)
        available = available_bytes()
        attempt_request = replace(request, batch=batch)
        reason = _does_not_fit(prediction, available)
        if reason is None:
            on_event(AttemptStarted(batch))
            allowance = allowance_s or start_up_allowance_s(graph, batch)
            ended = run_worker(
                worker, attempt_request, deadline_s=request.max_time_s + allowance,
                on_event=on_event,
            )  # fmt: skip
            attempt, result = _judge(ended, attempt_request, prediction, available)
        else:
            attempt, result = _attempt(batch, "skipped", reason, prediction, None), None
        tried.append(attempt)
        if result is not None:
            return _record(
                request=attempt_request, requested=request.batch, graph=graph, result=result,
                tried=tuple(tried), started_at=started_at, wall_s=time.monotonic() - start,
            )  # fmt: skip
        on_event(BatchRefused(batch, attempt.reason or attempt.outcome))
        if request.strict_batch:
            break
    raise _none_fits(tried, request)


def ladder(batch: int) -> Iterator[int]:
    """The batch sizes to try: the one asked for, halved down to 1.

    >>> list(ladder(128)), list(ladder(3))
    ([128, 64, 32, 16, 8, 4, 2, 1], [3, 1])
    """
    while batch >= 1:
        yield batch
        batch //= 2


def start_up_allowance_s(graph: LayerGraph, batch: int) -> float:
    """Seconds a worker may take on top of its time budget before it is killed; generous.

    For importing, building and compiling, two minutes and a tenth of a second per layer; for the
    compiling calls and a last round beyond the budget, ten passes at 5 GFLOP/s, a
    fortieth of what two cores of a server do.

    >>> from rsinspect.spec import ResNetRSSpec
    >>> round(start_up_allowance_s(build_graph(ResNetRSSpec.variant(50)), 8))
    220
    """
    flops = 2 * layers_cost(graph, graph.layers).macs * batch
    return 120 + 0.1 * len(graph) + 10 * flops / 5e9


def _does_not_fit(prediction: MemoryPrediction, available: int | None) -> str | None:
    if available is None or prediction.total_bytes <= memory.FITS_SHARE * available:
        return None
    return (
        f"predicted {binary_bytes(prediction.total_bytes)} > "
        f"{percent(memory.FITS_SHARE)} of {binary_bytes(available)} available"
    )


def _attempt(
    batch: int, outcome: Outcome, reason: str | None, prediction: MemoryPrediction, peak: int | None
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
    ended: Ended,
    request: ProfileRequest,
    prediction: MemoryPrediction,
    available: int | None,
) -> tuple[Attempt, WorkerResult | None]:
    """What an attempt came to; anything but a result and want of memory is raised.

    Raises:
        BackendUnavailable: If the framework cannot be imported.
        MeasurementError: If the worker crashed.
        RsInspectError: Whatever the worker refused with.
    """
    batch, peak = request.batch, ended.peak_rss_bytes
    if ended.result is not None:
        return _attempt(batch, "ran", None, prediction, peak), ended.result
    if ended.failure is not None and ended.failure.kind == "unavailable":
        raise BackendUnavailable(
            f"the {request.backend} backend cannot be imported: {ended.failure.message}",
            _INSTALL[request.backend],
        )
    if ended.failure is not None and ended.failure.kind == "refused":
        raise _refusal(ended.failure)
    how = manner(ended)
    used = "unknown" if peak is None else binary_bytes(peak)
    if is_out_of_memory(ended, prediction, available):
        reason = f"{how}; peak memory {used}, predicted {binary_bytes(prediction.total_bytes)}"
        return _attempt(batch, "out_of_memory", reason, prediction, peak), None
    tail = "".join(f"\n  | {line}" for line in ended.tail.splitlines()[-15:])
    raise MeasurementError(
        f"the worker crashed at batch {batch}: {how}; peak memory {used}, which is not for want "
        f"of memory{tail}",
        "its last words stand above" if tail else None,
    )


def _refusal(failure: Failure) -> RsInspectError:
    """The error of rsinspect's own that the worker ended with."""
    found = getattr(errors, failure.error, None)
    if isinstance(found, type) and issubclass(found, RsInspectError):
        return found(failure.message, failure.hint)
    return MeasurementError(failure.message, failure.hint)


def _record(
    *,
    request: ProfileRequest,
    requested: int,
    graph: LayerGraph,
    result: WorkerResult,
    tried: tuple[Attempt, ...],
    started_at: str,
    wall_s: float,
) -> ProfileRun:
    """The run: the worker's samples beside what follows from the graph."""
    spec, batch = request.spec, request.batch
    parts = segments(graph, request.level)
    if len(parts) != len(result.segments_s):
        raise MeasurementError(
            f"the worker measured {len(result.segments_s)} segments of {len(parts)}"
        )
    environment = Environment.from_json(result.environment)
    measured = []
    for part, samples in zip(parts, result.segments_s, strict=True):
        cost = part.cost(graph)
        measured.append(
            Segment(
                path=part.path,
                level=part.level,
                latency=Latency(samples),
                macs=cost.macs,
                bytes_moved=cost.bytes_moved(batch=batch),
                intensity=cost.intensity("paper", batch=batch),
            )
        )
    end_to_end = Latency(result.end_to_end_s)
    closure = Closure(
        sum_s=sum(segment.latency.median for segment in measured),
        end_to_end_s=end_to_end.median,
        chain_max_abs_diff=result.chain_max_abs_diff,
        output_max_abs=result.output_max_abs,
    )
    return ProfileRun(
        model=Model(
            name=spec.name,
            depth=spec.depth,
            blocks=spec.blocks,
            resolution=spec.resolution,
            dialect=spec.dialect.name,
        ),
        environment=environment,
        batch=Batch(requested=requested, used=batch, tried=tried),
        mode="forward",
        precision="float32",
        backend=request.backend,
        device=request.device,
        method=result.method,
        end_to_end=EndToEnd(latency=end_to_end, batch=batch),
        segments=tuple(measured),
        closure=closure,
        warnings=tuple(_cautions(request, requested, result, environment, end_to_end, closure)),
        stopped_because=result.stopped_because,
        max_time_s=request.max_time_s,
        measured_s=result.measured_s,
        warm_up_s=result.warm_up_s,
        predicted_bytes=tried[-1].predicted_bytes,
        started_at=started_at,
        wall_s=wall_s,
    )


def _cautions(
    request: ProfileRequest,
    requested: int,
    result: WorkerResult,
    environment: Environment,
    end_to_end: Latency,
    closure: Closure,
) -> Iterable[Caution]:
    if request.batch != requested:
        yield BatchReduced(requested, request.batch)
    if len(end_to_end.samples) < FEWEST_FOR_INTERVAL:
        yield FewSamples(len(end_to_end.samples))
    if not result.steady:
        yield NotSteady(len(result.warm_up_s))
    if end_to_end.spread > WIDE_SPREAD:
        yield WideSpread(end_to_end.spread)
    processors = environment.cpus_affinity or environment.cpus_visible
    load = environment.load_before
    if load is not None and processors is not None and load > processors / 2:
        yield BusyMachine(load, processors)
    if abs(closure.relative_error) > CLOSES_WITHIN:
        yield DoesNotClose(closure.relative_error)
    if not closure.same_output:
        yield ChainDiffers(closure.chain_max_abs_diff)
    if result.measured_s > OVER_BUDGET * request.max_time_s:
        yield OverBudget(result.measured_s, request.max_time_s)
