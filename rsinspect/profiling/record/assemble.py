"""A run from what the workers said and from what follows from the graph."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from rsinspect.base.errors import MeasurementError
from rsinspect.base.units import ITEM_BYTES
from rsinspect.layers.graph import LayerGraph
from rsinspect.layers.partition import Segment as Part
from rsinspect.layers.partition import segments as parts_of
from rsinspect.profiling import machine
from rsinspect.profiling.budget import GRACE_S, NO_TIME, ROUNDS_FOR_INTERVAL, Wanted
from rsinspect.profiling.gate import gate
from rsinspect.profiling.protocol import Ready
from rsinspect.profiling.record.batch import Attempt, Batch
from rsinspect.profiling.record.cautions import (
    OVER_BUDGET,
    WIDE_SPREAD,
    BatchReduced,
    BusyMachine,
    Caution,
    CutShort,
    DoesNotClose,
    FewSamples,
    FirstCall,
    NeverQuiet,
    NotSteady,
    OutputsDiffer,
    OverBudget,
    WideSpread,
)
from rsinspect.profiling.record.energy import Energy
from rsinspect.profiling.record.environment import Environment
from rsinspect.profiling.record.heard import Heard
from rsinspect.profiling.record.model import Model
from rsinspect.profiling.record.run import EndToEnd, ProfileRun, Rounds, Segment, StoppedBecause
from rsinspect.profiling.record.trace import Trace, TracedLayer, TracedSeconds
from rsinspect.profiling.request import ProfileRequest
from rsinspect.profiling.roofline.bound import Bound, assess
from rsinspect.profiling.roofline.roofs import Roofs
from rsinspect.profiling.rounds import TotalOf
from rsinspect.profiling.statistics import FEWEST_FOR_INTERVAL, Latency, Sampling


def assemble(
    request: ProfileRequest,
    requested: ProfileRequest,
    heard: Sequence[Heard],
    tried: tuple[Attempt, ...],
    *,
    started_at: str,
    wall_s: float,
    interrupted: bool,
) -> ProfileRun:
    """Make the run: the workers' samples beside what follows from the graph.

    Args:
        request: As measured: with the batch that fits.
        requested: As requested.
        heard: What each worker said.
        tried: Rungs of the batch ladder.
        started_at: When, in UTC.
        wall_s: From the request to the result.
        interrupted: Whether the measurement was cut short.

    Raises:
        MeasurementError: If a worker left something out.
    """
    total_of, heard = _of_one_kind(heard)
    first = heard[0]
    ready = first.ready
    if ready is None or any(worker.ready is None for worker in heard):
        raise MeasurementError("a worker sent samples before it said what they are of")
    network = request.network
    parts = parts_of(network.graph, request.cut_level)
    rounds = _rounds(heard)
    segments = _segments(request, network.graph, parts, ready, heard, rounds.sampling)
    roofs = first.roofs
    if roofs is not None:
        segments, roofs = _assessed(request, network.graph, parts, segments, roofs)
    ends = [worker.finished for worker in heard if worker.finished is not None]
    whole = [sample.end_to_end_s for worker in heard for sample in worker.rounds]
    run = ProfileRun(
        model=Model.of(network),
        environment=_environment(ready, first.peak_rss_bytes),
        batch=Batch(requested=requested.batch, used=request.batch, tried=tried),
        mode=request.mode,
        precision=request.precision,
        backend=request.backend,
        device=request.device,
        jit=request.compiles,
        level=request.level,
        method=ready.method,
        optimizer=ready.optimizer,
        loss=ready.loss,
        weights=request.weights_of,
        total_of=total_of,
        energy=_energy(ready, heard),
        end_to_end=EndToEnd(latency=Latency(tuple(whole), rounds.sampling), batch=request.batch),
        segments=segments,
        rounds=rounds,
        output_max_abs_diff=ready.output_max_abs_diff,
        output_max_abs=ready.output_max_abs,
        prediction=first.prediction,
        roofs=roofs,
        trace=None if first.trace is None else _trace(network.graph, parts, segments, first.trace),
        not_available=_not_available(request, first),
        stopped_because="interrupted" if interrupted else _stopped_because(heard[-1]),
        max_time_s=requested.max_time_s,
        measured_s=sum(worker.measured_s for worker in heard),
        warm_up_s=ends[0].warm_up if ends else (),
        predicted_bytes=tried[-1].predicted_bytes,
        started_at=started_at,
        wall_s=wall_s,
        request=requested.settings,
        network=replace(network, spec=None),  # as it is read again; ``model`` has its numbers
    )
    return replace(run, warnings=tuple(_cautions(run, steady=all(end.steady for end in ends))))


def _of_one_kind(heard: Sequence[Heard]) -> tuple[TotalOf, list[Heard]]:
    """Keep the rounds whose totals are of one kind of pass: the better one, where there are two."""
    kinds: tuple[TotalOf, ...] = ("plain", "instrumented", "first")
    counts = {
        kind: sum(one.total_of == kind for worker in heard for one in worker.rounds)
        for kind in kinds
    }
    measured = max(counts["plain"], counts["instrumented"])
    kind = next(kind for kind in kinds if counts[kind] == (measured or counts["first"]))
    kept = [
        replace(worker, rounds=tuple(one for one in worker.rounds if one.total_of == kind))
        for worker in heard
    ]
    return kind, [worker for worker in kept if worker.rounds]


def _stopped_because(last: Heard) -> StoppedBecause:
    return "time" if last.finished is None else last.finished.stopped_because


def _not_available(request: ProfileRequest, first: Heard) -> dict[str, str]:
    """Say why something that was requested is missing; the worker may have had no time to."""
    missing = [
        what
        for what, wanted, found in (
            ("trace", request.traces, first.trace),
            ("roofs", request.roofs, first.roofs),
        )
        if wanted and found is None
    ]
    return dict.fromkeys(missing, NO_TIME) | dict(first.not_available)


def _environment(ready: Ready, peak_rss_bytes: int | None) -> Environment:
    load_after, reason = machine.load_average()
    return replace(ready.environment, peak_rss_bytes=peak_rss_bytes).ended(load_after, reason)


def _energy(ready: Ready, heard: Sequence[Heard]) -> Energy | None:
    """Collect the joules of all rounds, if each has them."""
    samples = [one.energy_j for worker in heard for one in worker.rounds]
    known = tuple(sample for sample in samples if sample is not None)
    if ready.energy_by is None or len(known) < len(samples):
        return None
    return Energy(source=ready.energy_by, samples_j=known)


def _rounds(heard: Sequence[Heard]) -> Rounds:
    samples = [sample for worker in heard for sample in worker.rounds]
    process = tuple(number for number, worker in enumerate(heard) for _ in worker.rounds)
    burst = tuple(sample.burst for sample in samples)
    gated = gate([sample.window for sample in samples], list(zip(process, burst, strict=True)))
    return Rounds(
        sampling=Sampling(process, burst, gated.kept),
        at_s=tuple(sample.at_s for sample in samples),
        foreign_share=gated.foreign_share,
        instrumented_s=tuple(sample.instrumented_s for sample in samples),
        verdict=gated.verdict,
    )


def _segments(
    request: ProfileRequest,
    graph: LayerGraph,
    parts: Sequence[Part],
    ready: Ready,
    heard: Sequence[Heard],
    sampling: Sampling,
) -> tuple[Segment, ...]:
    """List the measured stages or blocks with their costs, then the steps that are neither."""
    rows = (sample.parts_s for worker in heard for sample in worker.rounds)
    samples = dict(zip(ready.parts, zip(*rows, strict=True), strict=True))
    ways = ("forward", "backward") if request.mode == "train" else ("forward",)
    segments = []
    for part in parts:
        for way in ways:
            if (part.path, way) not in samples:
                raise MeasurementError(f"the worker did not measure {(part.path, way)}")
        cost = part.cost(graph)
        forward = Latency(samples.pop((part.path, "forward")), sampling)
        backward = None
        latency = forward
        if request.mode == "train":
            backward = Latency(samples.pop((part.path, "backward")), sampling)
            both = zip(forward.samples, backward.samples, strict=True)
            latency = Latency(tuple(sum(pair) for pair in both), sampling)
        segments.append(
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
    return (*segments, *steps)


def _assessed(
    request: ProfileRequest,
    graph: LayerGraph,
    parts: Sequence[Part],
    measured: tuple[Segment, ...],
    roofs: Roofs,
) -> tuple[tuple[Segment, ...], Roofs]:
    """Judge the segments by the roofs; a segment that beats its roof raises it."""
    layers = {part.path: part.layers for part in parts}

    def bounds_by(roofs: Roofs) -> dict[str, Bound]:
        return {
            segment.path: assess(
                graph, layers[segment.path], segment.latency.median, batch=request.batch,
                item_bytes=ITEM_BYTES[request.computes_in], roofs=roofs, mode=request.mode,
            )
            for segment in measured
            if segment.path in layers and segment.latency.median > 0
        }  # fmt: skip

    bounds = bounds_by(roofs)
    path, worst = max(bounds.items(), key=lambda item: item[1].floor_s / item[1].seconds)
    if worst.fraction is None:
        roofs = roofs.raised(worst.floor_s / worst.seconds, f"{path} ran faster than they allow")
        bounds = bounds_by(roofs)
    return tuple(replace(segment, bound=bounds.get(segment.path)) for segment in measured), roofs


def _trace(
    graph: LayerGraph, parts: Sequence[Part], measured: Sequence[Segment], traced: TracedSeconds
) -> Trace:
    """Compute each layer's share of the trace, and of its segment's measured latency."""
    seconds = traced.seconds
    latency_s = {segment.path: segment.latency.median for segment in measured}
    total = sum(seconds.values()) + traced.unattributed_s
    home = {layer.path: part.path for part in parts for layer in part.layers}
    within: dict[str, float] = {}
    for path, value in seconds.items():
        segment = home.get(path, path)
        within[segment] = within.get(segment, 0.0) + value
    order = [*(layer.path for layer in graph), *(path for path in seconds if path not in home)]
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
        unattributed=traced.unattributed_s / total,
        steps=traced.steps,
        method=traced.method,
        events=traced.events,
    )


def _cautions(run: ProfileRun, *, steady: bool) -> Iterator[Caution]:
    """List reasons to read the numbers with care."""
    end_to_end, closure, environment = run.end_to_end.latency, run.closure, run.environment
    if run.batch.used != run.batch.requested:
        yield BatchReduced(run.batch.requested, run.batch.used)
    if run.stopped_because == "interrupted":
        yield CutShort(run.rounds.count)
    if run.rounds.kept < FEWEST_FOR_INTERVAL:
        yield _few_samples(run)
    if run.total_of == "first":
        yield FirstCall()
    elif not steady:
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
    if run.wall_s > OVER_BUDGET * run.max_time_s + GRACE_S:
        yield OverBudget(run.wall_s, run.max_time_s)


def _few_samples(run: ProfileRun) -> FewSamples:
    """Say what would give an interval; rounds whose neighbours were busy may count there too."""
    pass_s = run.end_to_end.latency.median
    if run.total_of == "plain":
        pass_s += run.rounds.instrumented.median
    before_s = max(0.0, run.wall_s - run.measured_s - pass_s)
    passes_s = ROUNDS_FOR_INTERVAL * pass_s
    wanted = Wanted.of(before_s, passes_s, run.batch.used, run.max_time_s)
    interrupted = run.stopped_because == "interrupted"
    return FewSamples(
        run.rounds.kept,
        batch=wanted.batch if not interrupted and wanted.batch != run.batch.used else None,
        time_s=None if interrupted or wanted.time_s <= run.max_time_s else wanted.time_s,
    )
