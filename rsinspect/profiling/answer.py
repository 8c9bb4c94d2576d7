"""A measured run as a table: what was timed, beside what the graph says it cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rsinspect.answers.table import Answer, Column, Note, Table, Value
from rsinspect.base.units import binary_bytes, count, crossed, percent, seconds
from rsinspect.base.words import Wording, advice, names_in_words, plural
from rsinspect.layers import ops
from rsinspect.layers.cost import layers_cost
from rsinspect.networks.network import Network
from rsinspect.profiling.budget import Estimate
from rsinspect.profiling.memory import needed_memory
from rsinspect.profiling.protocol import ProfileRequest, Settings
from rsinspect.profiling.record import predicted
from rsinspect.profiling.record.cautions import wording
from rsinspect.profiling.record.closure import CLOSES_WITHIN, Excess
from rsinspect.profiling.record.document import to_json
from rsinspect.profiling.record.headline import headline
from rsinspect.profiling.record.predicted import PredictedRun
from rsinspect.profiling.record.prediction import PredictedPart, Prediction
from rsinspect.profiling.record.run import ProfileRun, Segment
from rsinspect.profiling.roofline.roofs import Roofs
from rsinspect.profiling.statistics import Latency

LOST = 0.25
"""Half-width of the interval, as a share, above which the median itself says little."""

_STOPPED = {
    "precise": "until they were precise enough",
    "time": "until the time was up",
    "rounds": "the most that are taken",
    "interrupted": "until interrupted",
}


def profile_answer(run: ProfileRun) -> Answer:
    """Show a run as a table of segments with their sum; its JSON is the run's own document.

    At level ``layer`` the rows are layers, with their shares of the measured blocks.
    """
    layers = run.level == "layer" and run.trace is not None
    return Answer(_layers_table(run) if layers else _segments_table(run), lambda: to_json(run))


def predicted_answer(run: PredictedRun) -> Answer:
    """Show a prediction where nothing was measured; its JSON is a document of its own."""
    table = prediction_table(run.prediction, run.network)
    lead: tuple[Note, ...] = (headline(run),)
    if run.wanted is not None:
        lead = (*lead, run.wanted.advice)
    title = f"{run.model.title}, {conditions(run.request, run.batch)}, predicted"
    return Answer(
        table._replace(title=title, lead=lead),
        lambda: predicted.to_json(run) | {"answer": headline(run)},
    )


def _lead(run: ProfileRun) -> tuple[Note, ...]:
    """Answer in one line, then say what to beware of."""
    return (headline(run), *(f"Warning: {wording(caution)}" for caution in run.warnings))


def announcement(request: ProfileRequest) -> str:
    """Say in one line what will be done, and how long it takes."""
    return (
        f"{request.network.title}, {conditions(request, request.batch)}; "
        f"at most {request.max_time_s:g} s, start-up included"
    )


def conditions(settings: Settings, batch: int) -> str:
    """Describe mode, batch, precision, backend and device."""
    compiled = " with XLA" if settings.compiles and settings.backend == "tensorflow" else ""
    where = f"{settings.precision}, {settings.backend}{compiled} on {settings.device}"
    return f"{settings.mode}, batch {batch}, {where}"


def outlook(estimate: Estimate, whole_s: float, processes: int = 1) -> Wording | None:
    """Say early that the time does not do, and what would; None where it does."""
    wanted = estimate.wanted(whole_s, processes)
    if wanted.batch == estimate.batch:
        return None
    left_s = whole_s / processes - estimate.begun_s
    what = "an interval" if estimate.may_fit(left_s) else "a measurement"
    return advice(
        "a pass of {} takes about {} here: {} s are too short for {}; ",
        plural(estimate.batch, "image"), seconds(estimate.pass_s), f"{whole_s:g}", what,
    ).followed_by(wanted.advice)  # fmt: skip


def _title(run: ProfileRun) -> str:
    return f"{run.model.title}, {run.conditions}"


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
        columns += [Column("flops_per_s", "{}FLOP/s", "rate")]
    if run.roofs is None:
        columns += [
            Column("macs", "MACs\n/image", "count"),
            Column("intensity", "FLOPs\nper byte", "rate"),
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
        lead=_lead(run),
        notes=_notes(run),
        name=f"profile-{_title(run)}",
        strong=frozenset(x.path for x in run.segments if x.level != "block")
        | (frozenset() if run.network is None else _without_blocks(run.network, run.segments)),
    )


def _without_blocks(network: Network, parts: Sequence[Segment | PredictedPart]) -> frozenset[str]:
    """Paths of those parts of a network that are no block: stages and steps."""
    groups = ((part.path, network.structure.run(part.path)) for part in parts)
    return frozenset(path for path, run in groups if not run or not run[0].is_block)


def _row(run: ProfileRun, segment: Segment) -> dict[str, Value]:
    """Make a row; a step has a latency and nothing else."""
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
                "share": None
                if layer.latency_s is None
                else layer.latency_s / measured
                if measured
                else 0.0,
            }
            for layer in run.trace.layers
        ),
        totals=(
            {"path": "sum", "latency": measured, "share": 1.0},
            {"path": "end to end", "latency": run.end_to_end.latency.median, "share": ""},
        ),
        lead=_lead(run),
        notes=_notes(run),
        name=f"profile-{_title(run)}",
    )


def prediction_table(prediction: Prediction, network: Network) -> Table:
    """Show the latency of the whole network as its distinct blocks predict it."""
    return Table(
        title=f"{network.title}, predicted",
        strong=_without_blocks(network, prediction.parts),
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
            f"Predicted from {plural(len(prediction.parts), 'distinct segment')}, timed in "
            f"{plural(prediction.rounds, 'round')} of a network of these alone"
            + (f", {plural(prediction.batch, 'image')} at a time" if prediction.batch else "")
            + f", {seconds(prediction.ready_s)} after the start.",
        ),
    )  # fmt: skip


def preview(request: ProfileRequest) -> str:
    """State operations and memory in one line, before anything runs."""
    network = request.network
    graph = network.graph
    macs = layers_cost(graph, graph.layers).macs
    needed = needed_memory(graph, batch=request.batch, backend=request.backend, mode=request.mode)
    return (
        f"{count(2 * macs)}FLOPs per image forward"
        + (", three times that per training step" if request.mode == "train" else "")
        + f"; batch {request.batch} is estimated to need "
        f"{binary_bytes(needed.total_bytes)} of memory."
    )


def _half_width(latency: Latency) -> Value:
    """Express half the interval as a share of the median; a limit where it is too wide."""
    half = latency.half_width
    if half is not None and half > LOST and latency.ci_high is not None:
        return f"≤ {seconds(latency.ci_high)}"
    return half


def _signed(excess: Excess) -> str:
    """Write a share with its sign, and its interval where there is one."""
    text = f"{_percent(excess.relative)} %"
    if excess.interval is None:
        return text
    low, high = excess.interval
    return f"{text}, 95 % CI {_percent(low)} to {_percent(high)} %"


def _percent(share: float) -> str:
    """Write a signed percentage; nothing has no sign.

    >>> _percent(0.0123), _percent(-0.0004), _percent(-0.03)
    ('+1.2', '0.0', '-3.0')
    """
    text = f"{100 * share:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text


_ADDS_UP = {
    True: "Parts add up",
    False: "Parts do not add up",
    None: "Too few rounds to say whether parts add up",
}


def closure_line(run: ProfileRun) -> str:
    """Say whether the parts account for the whole, what timing costs and which rounds were used."""
    return f"{_closure_note(run)} {_overhead_note(run)}"


def _closure_note(run: ProfileRun) -> str:
    closure = run.closure
    return (
        f"{_ADDS_UP[closure.closes]}: {seconds(closure.sum_s)} vs "
        f"{seconds(closure.end_to_end_s)} end to end (gap {_signed(closure.gap)}; limit "
        f"{_limit(CLOSES_WITHIN)})."
    )


def _overhead_note(run: ProfileRun) -> str:
    rounds, foreign = run.rounds, run.rounds.foreign_median
    processes = f" in {plural(rounds.processes, 'process')}" if rounds.processes > 1 else ""
    others = (
        "how much of the CPU other programs took is unknown"
        if foreign is None
        else f"other programs took {percent(foreign)} of the CPU"
    )
    return (
        f"Timing overhead {_percent(run.closure.overhead.relative)} %. "
        f"{rounds.kept} of {plural(rounds.count, 'round')}{processes} used; {others}."
    )


def _limit(share: float) -> str:
    return f"{100 * share:g} %"


def _notes(run: ProfileRun) -> tuple[str, ...]:
    steps = {segment.path for segment in run.segments}
    notes = [_closure_note(run), _throughput_note(run), _overhead_note(run)]
    if run.prediction is not None and run.prediction_error is not None:
        notes.append(
            f"Predicted {seconds(run.prediction.end_to_end_s)} from the distinct blocks, "
            f"{seconds(run.prediction.ready_s)} after the start: "
            f"{_percent(run.prediction_error)} % from what was measured."
        )
    if run.optimizer is not None:
        loss = "" if run.loss is None else f"; loss: {run.loss}"
        notes.append(f"Optimizer: {run.optimizer}{loss}.")
    notes += _network_notes(run)
    if "call" in steps:
        notes.append("call: entering and leaving the compiled function; belongs to no layer.")
    if "other" in steps:
        notes.append("other: ops of no known layer, such as copies that XLA adds.")
    if run.roofs is not None:
        notes.append(_roofs_note(run.roofs))
    if run.trace is not None:
        notes.append(
            f"Layers: shares of a trace ({run.trace.method}, {plural(run.trace.steps, 'step')}, "
            f"{percent(run.trace.unattributed)} of no layer), applied to the measured segments."
        )
    notes += [f"No {what}: {reason}." for what, reason in run.not_available.items()]
    notes += [_rounds_note(run), _machine_note(run)]
    if run.environment.peak_rss_bytes:
        notes.append(
            f"Memory: peak {binary_bytes(run.environment.peak_rss_bytes)} resident, "
            f"{binary_bytes(run.predicted_bytes)} predicted."
        )
    if run.batch.used != run.batch.requested:
        tried = "; ".join(f"{a.batch}: {a.reason or a.outcome}" for a in run.batch.tried)
        notes.append(f"Batch {run.batch.requested} requested, {run.batch.used} used ({tried}).")
    notes.append(f"Method: {run.method.removesuffix('.')}.")
    return tuple(notes)


def _network_notes(run: ProfileRun) -> Iterator[str]:
    """Say what of a network is not as its owner has it, or cannot be told apart."""
    if run.weights in _WEIGHTS:
        yield _WEIGHTS[run.weights]
    if run.network is None:
        return
    left_out = {
        layer.op.class_name for layer in run.network.graph if isinstance(layer.op, ops.Augmentation)
    }
    if left_out and run.mode == "train":
        yield (
            f"{names_in_words(sorted(left_out))}: handed on as it is, here in training too; what "
            "it takes is not in the numbers."
        )
    unit = "block" if run.level == "layer" else run.level
    parts = [segment for segment in run.segments if segment.level != "step"]
    groups = run.network.structure.groups if unit == "block" else run.network.structure.stages
    if len(parts) < len(groups) - 1:
        yield (
            f"{plural(len(groups), unit)}, timed in {plural(len(parts), 'part')}: the network can "
            "only be cut where one tensor is alive and no weights are used again later."
        )


_WEIGHTS = {
    "file": "Weights: the file's own.",
    "model": "Weights: the model's own.",
}


def _throughput_note(run: ProfileRun) -> str:
    end = run.end_to_end
    training = run.mode == "train"
    return (
        f"{end.images_per_s:.1f} images/s; {seconds(end.latency.median)} per "
        f"{'training step' if training else 'forward pass'} of {run.batch.used}, "
        f"{seconds(end.per_image_s)} per image, {seconds(end.per_128_images_s)} per 128 images "
        + (
            "(the paper's Table 7 times training steps too, float32 on a V100)."
            if training
            else "(inference; the paper's Table 7 times training steps)."
        )
    )


def _roofs_note(roofs: Roofs) -> str:
    fastest = max(roofs.compute, key=lambda roof: roof.flops_per_s)
    levels: dict[str, list[float]] = {}
    for roof in roofs.bandwidth:
        levels.setdefault(roof.level, []).append(roof.bytes_per_s)
    bandwidths = ", ".join(f"{level} {_range(rates)}" for level, rates in levels.items())
    return (
        f"Roofs ({roofs.method}): {count(round(fastest.flops_per_s))}FLOP/s "
        f"({crossed(f'{fastest.op} {fastest.size}')}), {bandwidths}. "
        "Of roof: the least time the roofs allow, as a share of the time measured. "
        "Bound by: what takes most of that least time."
    )


def _range(rates: Sequence[float]) -> str:
    """Write bandwidths from the lowest to the highest; a shared unit is written once.

    >>> _range([2.4e10, 2.93e10]), _range([9e8, 2e9]), _range([5e10])
    ('24.0 to 29.3 GB/s', '900 MB/s to 2.00 GB/s', '50.0 GB/s')
    """
    low, high = (f"{count(round(rate))}B/s" for rate in (min(rates), max(rates)))
    if low == high:
        return high
    number, _, unit = low.partition(" ")
    return f"{number if high.endswith(f' {unit}') else low} to {high}"


def _rounds_note(run: ProfileRun) -> str:
    resampled = "processes and bursts" if run.rounds.processes > 1 else "bursts of one process"
    return (
        f"{plural(run.rounds.count, 'round')} in {run.measured_s:.1f} s, "
        f"{_STOPPED.get(run.stopped_because, run.stopped_because)}. 95 % CI of the median, by "
        f"resampling {resampled}."
    )


def _machine_note(run: ProfileRun) -> str:
    environment = run.environment
    cpus = (
        "" if environment.cpus_affinity is None else f", {plural(environment.cpus_affinity, 'CPU')}"
    )
    return (
        f"{environment.cpu_model or 'unknown CPU'}{cpus}, threads: {environment.threads}, load "
        f"{_load(environment.load_before)} before and {_load(environment.load_after)} after; "
        + ", ".join(f"{name} {version}" for name, version in environment.versions.items())
        + "".join(f"; {name}={value}" for name, value in environment.flags.items())
        + "."
    )


def _load(load: float | None) -> str:
    return "unknown" if load is None else f"{load:.2f}"
