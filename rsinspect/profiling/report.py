"""A measured run as a table: what was timed, beside what the graph says it cost."""

from __future__ import annotations

from rsinspect.answers.table import Answer, Column, Table, Value
from rsinspect.base.units import binary_bytes, count, percent, seconds
from rsinspect.layers.cost import layers_cost
from rsinspect.profiling.cautions import wording
from rsinspect.profiling.memory import needed_memory
from rsinspect.profiling.protocol import ProfileRequest
from rsinspect.profiling.run import CLOSES_WITHIN, Excess, Prediction, ProfileRun, Segment
from rsinspect.profiling.run_document import to_json
from rsinspect.profiling.statistics import Latency

LOST = 0.25
"""Half-width from which on the median itself says little."""

_STOPPED = {
    "precise": "precise enough",
    "time": "the time was up",
    "rounds": "the largest number was reached",
    "interrupted": "interrupted",
}


def profile_answer(run: ProfileRun) -> Answer:
    """The run as a table of segments with their sum, and the run's own document.

    At level ``layer`` the rows are layers, with their shares of the measured blocks.
    """
    layers = run.level == "layer" and run.trace is not None
    return Answer(_layers_table(run) if layers else _segments_table(run), lambda: to_json(run))


def _title(run: ProfileRun) -> str:
    size = "x".join(map(str, run.model.resolution))
    return f"{run.model.name} @ {size}, {run.conditions}"


def _segments_table(run: ProfileRun) -> Table:
    end, closure = run.end_to_end.latency, run.closure
    macs = sum(segment.macs or 0 for segment in run.segments)
    columns = [
        Column("path", "Segment"),
        Column("latency", "Median", "seconds"),
        Column("precision", "95 % CI\nwithin", "percent"),
    ]
    if run.mode == "train":
        columns += [
            Column("forward", "Forward", "seconds"),
            Column("backward", "Backward", "seconds"),
        ]
    columns += [Column("share", "Share of\nsum", "share")]
    if run.mode != "train" or run.roofs is None:  # else too wide, and the roofs say more
        columns += [Column("flops_per_s", "FLOP/s", "count")]
    if run.roofs is None:
        columns += [
            Column("macs", "MACs\n/image", "count"),
            Column("intensity", "FLOPs\nper byte", "number"),
        ]
    else:
        columns += [Column("roof", "Of\nroof", "percent"), Column("bound", "Bound\nby")]
    nothing: dict[str, Value] = {column.key: "" for column in columns}
    totals = (
        nothing | {"path": "sum", "latency": closure.sum_s, "share": 1.0, "macs": macs},
        nothing
        | {
            "path": "end to end",
            "latency": end.median,
            "precision": _half_width(end),
            "macs": macs,
            "flops_per_s": run.end_to_end_flops_per_s,
        },
    )
    return Table(
        title=_title(run),
        columns=tuple(columns),
        rows=tuple(nothing | _row(run, segment) for segment in run.segments),
        totals=totals,
        notes=_notes(run),
    )


def _row(run: ProfileRun, segment: Segment) -> dict[str, Value]:
    """What is known of a segment; a step has a latency and nothing else."""
    row: dict[str, Value] = {
        "path": segment.path,
        "latency": segment.latency.median,
        "precision": _half_width(segment.latency),
        "share": run.share(segment),
    }
    if segment.level == "step":
        return row
    bound = segment.bound
    return row | {
        "forward": None if segment.forward is None else segment.forward.median,
        "backward": None if segment.backward is None else segment.backward.median,
        "macs": segment.macs,
        "flops_per_s": run.flops_per_s(segment),
        "intensity": segment.intensity,
        "roof": None if bound is None else bound.fraction,
        "bound": None if bound is None else bound.bound,
    }


def _layers_table(run: ProfileRun) -> Table:
    assert run.trace is not None
    measured = sum(layer.latency_s or 0.0 for layer in run.trace.layers)
    return Table(
        title=_title(run),
        columns=(
            Column("path", "Layer"),
            Column("latency", "Of its block's\nmedian", "seconds"),
            Column("share", "Share of\nsum", "share"),
        ),
        rows=tuple(
            {
                "path": layer.path,
                "latency": layer.latency_s,
                "share": None if layer.latency_s is None else layer.latency_s / measured,
            }
            for layer in run.trace.layers
        ),
        totals=(
            {"path": "sum", "latency": measured, "share": 1.0},
            {"path": "end to end", "latency": run.end_to_end.latency.median, "share": ""},
        ),
        notes=_notes(run),
    )


def prediction_table(prediction: Prediction, title: str) -> Table:
    """What the distinct blocks say about the whole network, before it is measured."""
    return Table(
        title=title,
        columns=(
            Column("path", "Segment"),
            Column("repeats", "Blocks", "integer"),
            Column("latency", "Each", "seconds"),
            Column("all", "All", "seconds"),
            Column("share", "Share of\nsum", "share"),
        ),
        rows=tuple(
            {
                "path": part.path,
                "repeats": part.repeats,
                "latency": part.latency_s,
                "all": part.repeats * part.latency_s,
                "share": part.repeats * part.latency_s / prediction.end_to_end_s,
            }
            for part in prediction.parts
        ),
        totals=(
            {"path": "predicted", "repeats": "", "latency": "", "all": prediction.end_to_end_s,
             "share": 1.0},
        ),
        notes=(
            f"Predicted from {len(prediction.parts)} distinct segments, timed "
            f"{prediction.rounds} times in a network of at most two blocks per stage, "
            f"{seconds(prediction.ready_s)} after the worker's start.",
        ),
    )  # fmt: skip


def preview(request: ProfileRequest) -> str:
    """Say in one line what is known before anything runs: operations and memory."""
    network = request.network
    graph = network.graph
    macs = layers_cost(graph, graph.layers).macs
    needed = needed_memory(graph, batch=request.batch, backend=request.backend, mode=request.mode)
    return (
        f"{network.name} @ {network.size}: {count(2 * macs)}FLOPs per image forward"
        + (", three times that per training step" if request.mode == "train" else "")
        + f"; batch {request.batch} is estimated to need "
        f"{binary_bytes(needed.total_bytes)} of memory."
    )


def _half_width(latency: Latency) -> Value:
    """Half the interval as a share of the median; where the median is lost in it, a limit."""
    half = latency.half_width
    if half is not None and half > LOST and latency.ci_high is not None:
        return f"<= {seconds(latency.ci_high)}"
    return half


def _signed(excess: Excess) -> str:
    """A share with its sign, and its interval."""
    text = f"{_percent(excess.relative)} %"
    if excess.interval is None:
        return f"{text} (too few rounds for an interval)"
    low, high = excess.interval
    return f"{text} [{_percent(low)}, {_percent(high)}]"


def _percent(share: float) -> str:
    """With its sign; nothing has none.

    >>> _percent(0.0123), _percent(-0.0004), _percent(-0.03)
    ('+1.2', '0.0', '-3.0')
    """
    text = f"{100 * share:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text


def closure_line(run: ProfileRun) -> str:
    """Whether the segments account for the whole, in one sentence.

    Sum against end to end, with its interval; what instruments cost; rounds that count; what other
    programs used; processes.
    """
    closure, rounds = run.closure, run.rounds
    verdict = {True: "closes", False: "does not close", None: "undecided"}[closure.closes]
    foreign = rounds.foreign_median
    return (
        f"Closure: sum of segments {seconds(closure.sum_s)} against end to end "
        f"{seconds(closure.end_to_end_s)}: gap {_signed(closure.gap)}, {verdict} (within "
        f"{percent(CLOSES_WITHIN)}); instruments {_signed(closure.overhead)}; "
        f"{rounds.kept} of {rounds.count} rounds count; foreign CPU "
        f"{'unknown' if foreign is None else percent(foreign)}; "
        f"{rounds.processes} process{'es' if rounds.processes != 1 else ''}."
    )


def _notes(run: ProfileRun) -> tuple[str, ...]:
    end, environment = run.end_to_end, run.environment
    notes = [
        f"{end.images_per_s:.1f} images/s; {seconds(end.latency.median)} per "
        + ("training step" if run.mode == "train" else "forward pass")
        + f" of {run.batch.used}, {seconds(end.per_image_s)} per image, "
        f"{seconds(end.per_128_images_s)} per 128 images "
        + (
            "(the paper's Table 7 times training steps too, float32 on a V100)."
            if run.mode == "train"
            else "(inference: the paper's Table 7 times training steps, --mode train)."
        ),
        closure_line(run),
    ]
    if run.prediction is not None and run.prediction_error is not None:
        notes.append(
            f"Predicted {seconds(run.prediction.end_to_end_s)} from the distinct blocks, "
            f"{seconds(run.prediction.ready_s)} after the start: "
            f"{_percent(run.prediction_error)} % against what was measured."
        )
    if run.optimizer is not None:
        notes.append(f"Optimizer: {run.optimizer}.")
    if any(segment.path == "call" for segment in run.segments):
        notes.append(
            "call: entering and leaving the compiled function; part of end to end, of no layer."
        )
    if any(segment.path == "other" for segment in run.segments):
        notes.append("other: ops whose layer XLA does not tell, such as copies.")
    if run.roofs is not None:
        notes.append(_roofs_note(run))
    if run.trace is not None:
        notes.append(
            f"Layers: shares of a trace ({run.trace.method}, {run.trace.steps} steps, "
            f"{percent(run.trace.unattributed)} of no layer), applied to the measured segments."
        )
    notes += [f"No {what}: {reason}." for what, reason in run.not_available]
    notes += [
        f"{run.rounds.count} rounds in {run.measured_s:.1f} s, "
        f"{_STOPPED.get(run.stopped_because, run.stopped_because)}. 95 % CI of the median, "
        "by resampling "
        + ("processes and bursts" if run.rounds.processes > 1 else "bursts of one process")
        + ".",
        f"{environment.cpu_model or 'unknown CPU'}, {environment.cpus_affinity} CPUs, threads: "
        f"{environment.threads}, load {_load(environment.load_before)} before and "
        f"{_load(environment.load_after)} after; "
        + ", ".join(f"{name} {version}" for name, version in environment.versions)
        + "".join(f"; {name}={value}" for name, value in environment.flags)
        + ".",
    ]
    if environment.peak_rss_bytes:
        notes.append(
            f"Memory: peak {binary_bytes(environment.peak_rss_bytes)} resident, "
            f"{binary_bytes(run.predicted_bytes)} predicted."
        )
    if run.batch.used != run.batch.requested:
        tried = "; ".join(f"{a.batch}: {a.reason or a.outcome}" for a in run.batch.tried)
        notes.append(f"Batch {run.batch.requested} asked, {run.batch.used} used ({tried}).")
    notes += [f"Warning: {wording(caution)}" for caution in run.warnings]
    notes.append(f"Method: {run.method}")
    return tuple(notes)


def _roofs_note(run: ProfileRun) -> str:
    roofs = run.roofs
    assert roofs is not None
    fastest = max(roofs.compute, key=lambda roof: roof.flops_per_s)
    levels: dict[str, list[float]] = {}
    for roof in roofs.bandwidth:
        levels.setdefault(roof.level, []).append(roof.bytes_per_s)
    bandwidths = ", ".join(f"{level} {_range(rates)}B/s" for level, rates in levels.items())
    return (
        f"Roofs ({roofs.method}): {count(round(fastest.flops_per_s))}FLOP/s ({fastest.op} "
        f"{fastest.size}), {bandwidths}. Of roof: the least time they allow by the time measured; "
        "Bound by: what makes up most of it."
    )


def _range(rates: list[float]) -> str:
    low, high = count(round(min(rates))), count(round(max(rates)))
    return high if low == high else f"{low} to {high}"


def _load(load: float | None) -> str:
    return "unknown" if load is None else f"{load:.2f}"
