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
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar

from rsinspect.base import errors
from rsinspect.base.errors import (
    BackendUnavailable,
    BatchDoesNotFit,
    MeasurementError,
    RsInspectError,
)
from rsinspect.base.units import ITEM_BYTES, binary_bytes, percent
from rsinspect.layers.cost import layers_cost
from rsinspect.layers.graph import LayerGraph
from rsinspect.layers.partition import segments
from rsinspect.profiling import machine, memory
from rsinspect.profiling.attempt import WorkerEnd, is_out_of_memory, run_worker
from rsinspect.profiling.cautions import (
    OVER_BUDGET,
    WIDE_SPREAD,
    BatchReduced,
    BusyMachine,
    Caution,
    CutShort,
    DoesNotClose,
    FewSamples,
    NeverQuiet,
    NotSteady,
    OutputsDiffer,
    OverBudget,
    WideSpread,
)
from rsinspect.profiling.gate import gate
from rsinspect.profiling.memory import NeededMemory
from rsinspect.profiling.protocol import (
    AttemptStarted,
    BatchRefused,
    Event,
    Failure,
    MemoryUsed,
    Message,
    NotAvailable,
    Predicted,
    ProfileRequest,
    Ready,
    RoofsMeasured,
    Traced,
)
from rsinspect.profiling.roofline import Bound, Roofs, assess
from rsinspect.profiling.rounds import Finished, Round
from rsinspect.profiling.run import (
    PASSES,
    Attempt,
    Batch,
    Closure,
    EndToEnd,
    Model,
    Outcome,
    PredictedPart,
    Prediction,
    ProfileRun,
    Rounds,
    Segment,
    Trace,
    TracedEvent,
    TracedLayer,
)
from rsinspect.profiling.run_document import environment_from_json
from rsinspect.profiling.statistics import FEWEST_FOR_INTERVAL, Latency, Sampling

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
                run = _record(
                    outcome.request,
                    request,
                    request.network.graph,
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
            attempt = _attempt(batch, "ran", None, needed, None)
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


def start_up_allowance_s(graph: LayerGraph, batch: int, mode: str = "forward") -> float:
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
    tail = "".join(f"\n  | {line}" for line in ended.tail.splitlines()[-15:])
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What one worker said, sorted.

    Attributes:
        ready: That it was ready, and how it measures; None if it never was.
        rounds: Its samples.
        finished: How it ended; None if it did not.
        prediction: From the distinct blocks.
        roofs: Of the device.
        trace: As the worker sent it.
        not_available: What could not be had, and why.
        peak_rss_bytes: Most memory it had resident until it had measured.
    """

    ready: Ready | None
    rounds: tuple[Round, ...]
    finished: Finished | None
    prediction: Prediction | None
    roofs: Roofs | None
    trace: dict[str, Any] | None
    not_available: tuple[tuple[str, str], ...]
    peak_rss_bytes: int | None

    @classmethod
    def of(cls, messages: Sequence[Message]) -> Heard:
        """What some messages say."""
        predicted = _last(messages, Predicted)
        roofs, traced = _last(messages, RoofsMeasured), _last(messages, Traced)
        memory_used = _last(messages, MemoryUsed)
        return cls(
            ready=_last(messages, Ready),
            rounds=tuple(one for one in messages if isinstance(one, Round)),
            finished=_last(messages, Finished),
            prediction=None if predicted is None else prediction_of(predicted),
            roofs=None if roofs is None else Roofs.from_json(roofs.roofs),
            trace=None if traced is None else traced.trace,
            not_available=tuple(
                (one.what, one.reason) for one in messages if isinstance(one, NotAvailable)
            ),
            peak_rss_bytes=None if memory_used is None else memory_used.peak_rss_bytes,
        )


M = TypeVar("M")


def _last(messages: Sequence[Message], kind: type[M]) -> M | None:
    found = None
    for one in messages:
        if isinstance(one, kind):
            found = one
    return found


def prediction_of(message: Predicted) -> Prediction:
    """The prediction that a message tells of."""
    return Prediction(
        parts=tuple(
            PredictedPart(path=path, repeats=repeats, latency_s=latency_s)
            for path, repeats, latency_s in message.parts
        ),
        end_to_end_s=message.end_to_end_s,
        rounds=message.rounds,
        ready_s=message.ready_s,
    )


def _record(
    request: ProfileRequest,
    requested: ProfileRequest,
    graph: LayerGraph,
    heard: Sequence[Heard],
    tried: tuple[Attempt, ...],
    *,
    started_at: str,
    wall_s: float,
    interrupted: bool,
) -> ProfileRun:
    """The run: the workers' samples beside what follows from the graph."""
    heard = [each for each in heard if each.rounds]
    first = heard[0]
    ready = first.ready
    if ready is None or any(each.ready is None for each in heard):
        raise MeasurementError("a worker sent samples before it said what they are of")
    rounds = _rounds(heard)
    end_to_end = Latency(
        tuple(one.end_to_end_s for each in heard for one in each.rounds), rounds.sampling
    )
    segments_ = _segments(request, graph, ready, heard, rounds.sampling)
    roofs = first.roofs
    if roofs is not None:
        segments_, roofs = _assessed(request, graph, segments_, roofs)
    environment = replace(
        environment_from_json(ready.environment), peak_rss_bytes=first.peak_rss_bytes
    )
    load_after, unknown = machine.load_average()
    environment = environment.ended(load_after, unknown)
    closure = Closure(
        segments=tuple(segment.latency for segment in segments_),
        end_to_end=end_to_end,
        instrumented=rounds.instrumented,
        output_max_abs_diff=ready.output_max_abs_diff,
        output_max_abs=ready.output_max_abs,
    )
    ends = [each.finished for each in heard if each.finished is not None]
    stopped = "interrupted" if interrupted else ends[-1].stopped_because
    network = request.network
    spec = network.spec
    run = ProfileRun(
        model=Model(
            name=network.name,
            depth=spec.depth if spec else None,
            blocks=network.blocks,
            resolution=network.resolution or (0, 0),
            dialect=spec.dialect.name if spec else "",
        ),
        environment=environment,
        batch=Batch(requested=requested.batch, used=request.batch, tried=tried),
        mode=request.mode,
        precision=request.precision,
        backend=request.backend,
        device=request.device,
        jit=request.compiles,
        level=request.level,
        method=ready.method,
        optimizer=ready.optimizer,
        end_to_end=EndToEnd(latency=end_to_end, batch=request.batch),
        segments=segments_,
        rounds=rounds,
        closure=closure,
        prediction=first.prediction,
        roofs=roofs,
        trace=_traced(graph, request, segments_, first.trace),
        not_available=first.not_available,
        warnings=(),
        stopped_because=stopped,
        max_time_s=requested.max_time_s,
        measured_s=sum(end.elapsed_s for end in ends)
        or max(one.at_s for each in heard for one in each.rounds),
        warm_up_s=ends[0].warm_up if ends else (),
        predicted_bytes=tried[-1].predicted_bytes,
        started_at=started_at,
        wall_s=wall_s,
    )
    steady = all(end.steady for end in ends)
    return replace(run, warnings=tuple(_cautions(run, steady=steady)))


def _rounds(heard: Sequence[Heard]) -> Rounds:
    found = [one for each in heard for one in each.rounds]
    process = tuple(number for number, each in enumerate(heard) for _ in each.rounds)
    burst = tuple(one.burst for one in found)
    gated = gate([one.window for one in found], list(zip(process, burst, strict=True)))
    return Rounds(
        sampling=Sampling(process, burst, gated.kept),
        at_s=tuple(one.at_s for one in found),
        foreign_share=gated.foreign_share,
        instrumented_s=tuple(one.instrumented_s for one in found),
        verdict=gated.verdict,
    )


def _segments(
    request: ProfileRequest,
    graph: LayerGraph,
    ready: Ready,
    heard: Sequence[Heard],
    sampling: Sampling,
) -> tuple[Segment, ...]:
    """The measured stages or blocks with their costs, then the steps that are neither."""
    columns = list(zip(*(one.parts_s for each in heard for one in each.rounds), strict=True))
    samples = dict(zip(ready.parts, columns, strict=True))
    ways = ("forward", "backward") if request.mode == "train" else ("forward",)
    for part in segments(graph, request.cut_level):
        for way in ways:
            if (part.path, way) not in samples:
                raise MeasurementError(f"the worker did not measure {(part.path, way)}")
    found = []
    for part in segments(graph, request.cut_level):
        cost = part.cost(graph)
        forward = Latency(samples.pop((part.path, "forward")), sampling)
        backward = None
        latency = forward
        if request.mode == "train":
            backward = Latency(samples.pop((part.path, "backward")), sampling)
            both = zip(forward.samples, backward.samples, strict=True)
            latency = Latency(tuple(sum(pair) for pair in both), sampling)
        found.append(
            Segment(
                path=part.path,
                level=part.level,
                latency=latency,
                forward=forward,
                backward=backward,
                macs=cost.macs,
                bytes_moved=cost.bytes_moved(batch=request.batch, dtype=request.computes_in),
                intensity=cost.intensity("paper", batch=request.batch, dtype=request.computes_in),
            )
        )
    steps = [
        Segment(path=path, level="step", latency=Latency(times, sampling))
        for (path, _), times in samples.items()
    ]
    return (*found, *steps)


def _assessed(
    request: ProfileRequest, graph: LayerGraph, measured: tuple[Segment, ...], roofs: Roofs
) -> tuple[tuple[Segment, ...], Roofs]:
    """The segments with what the roofs say of them; a segment that beats its roof raises it."""
    layers = {part.path: part.layers for part in segments(graph, request.cut_level)}

    def bounds(roofs: Roofs) -> dict[str, Bound]:
        return {
            segment.path: assess(
                graph, layers[segment.path], segment.latency.median, batch=request.batch,
                item_bytes=ITEM_BYTES[request.computes_in], roofs=roofs, mode=request.mode,
            )
            for segment in measured
            if segment.path in layers and segment.latency.median > 0
        }  # fmt: skip

    found = bounds(roofs)
    path, worst = max(found.items(), key=lambda item: item[1].floor_s / item[1].seconds)
    if worst.fraction is None:
        roofs = roofs.raised(worst.floor_s / worst.seconds, f"{path} ran faster than they allow")
        found = bounds(roofs)
    return tuple(replace(one, bound=found.get(one.path)) for one in measured), roofs


def _traced(
    graph: LayerGraph,
    request: ProfileRequest,
    measured: Sequence[Segment],
    trace: dict[str, Any] | None,
) -> Trace | None:
    """Each layer's share of the trace, and that share of its segment's measured latency."""
    if trace is None:
        return None
    seconds: dict[str, float] = trace["seconds"]
    latency_s = {segment.path: segment.latency.median for segment in measured}
    total = sum(seconds.values()) + trace["unattributed_s"]
    home = {
        layer.path: part.path
        for part in segments(graph, request.cut_level)
        for layer in part.layers
    }
    within: dict[str, float] = {}
    for path, value in seconds.items():
        segment = home.get(path, path)
        within[segment] = within.get(segment, 0.0) + value
    order = [*(layer.path for layer in graph), *(p for p in seconds if p not in home)]
    return Trace(
        layers=tuple(
            TracedLayer(
                path=path,
                share=seconds[path] / total,
                latency_s=None
                if (segment := home.get(path, path)) not in latency_s
                else latency_s[segment] * seconds[path] / within[segment],
            )
            for path in order
            if seconds.get(path)
        ),
        unattributed=trace["unattributed_s"] / total,
        steps=trace["steps"],
        method=trace["method"],
        events=tuple(TracedEvent(*event) for event in trace["events"]),
    )


def _cautions(run: ProfileRun, *, steady: bool) -> Iterable[Caution]:
    end_to_end, closure, environment = run.end_to_end.latency, run.closure, run.environment
    if run.batch.used != run.batch.requested:
        yield BatchReduced(run.batch.requested, run.batch.used)
    if run.stopped_because == "interrupted":
        yield CutShort(run.rounds.count)
    if run.rounds.kept < FEWEST_FOR_INTERVAL:
        yield FewSamples(run.rounds.kept)
    if not steady:
        yield NotSteady(len(run.warm_up_s))
    if end_to_end.spread > WIDE_SPREAD:
        yield WideSpread(end_to_end.spread)
    if run.rounds.verdict == "quietest":
        yield NeverQuiet(run.rounds.foreign_median or 0.0, run.rounds.kept)
    processors = environment.cpus_affinity or environment.cpus_visible
    load = environment.load_before
    if load is not None and processors is not None and load > processors / 2:
        yield BusyMachine(load, processors)
    if closure.closes is False:
        yield DoesNotClose(closure.relative_error)
    if not closure.same_output and closure.output_max_abs_diff is not None:
        yield OutputsDiffer(closure.output_max_abs_diff)
    if run.measured_s > OVER_BUDGET * run.max_time_s:
        yield OverBudget(run.measured_s, run.max_time_s)
