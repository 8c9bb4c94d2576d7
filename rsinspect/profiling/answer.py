"""A measured run as a table: what was timed, beside what the graph says it cost."""

from __future__ import annotations

from collections.abc import Sequence

from rsinspect.answers.table import Answer, Column, Note, Table, Value
from rsinspect.base.units import binary_bytes, count, seconds
from rsinspect.base.words import Wording, advice, plural
from rsinspect.layers.cost import layers_cost
from rsinspect.layers.kernels import step_macs
from rsinspect.networks.network import Network
from rsinspect.profiling.budget import Budget, Estimate
from rsinspect.profiling.memory import needed_memory
from rsinspect.profiling.notes import notes, other_precision
from rsinspect.profiling.protocol import TimeLeft
from rsinspect.profiling.record import predicted
from rsinspect.profiling.record.cautions import wording
from rsinspect.profiling.record.document import to_json
from rsinspect.profiling.record.headline import headline
from rsinspect.profiling.record.predicted import PredictedRun
from rsinspect.profiling.record.prediction import PredictedPart, Prediction
from rsinspect.profiling.record.run import ProfileRun, Segment
from rsinspect.profiling.request import ProfileRequest
from rsinspect.profiling.statistics import Latency

LOST = 0.25
"""Half-width of the interval, as a share, above which the median itself says little."""


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
    title = f"{run.title}, {run.request.conditions(run.batch)}, predicted"
    return Answer(
        table._replace(title=title, lead=lead),
        lambda: predicted.to_json(run) | {"answer": headline(run)},
    )


def _lead(run: ProfileRun) -> tuple[Note, ...]:
    """Answer in one line, then say what to beware of."""
    return (headline(run), *(f"Warning: {wording(caution)}" for caution in run.warnings))


def announcement(request: ProfileRequest) -> str:
    """Say in one line what will be done, and how long it takes."""
    beside = "" if request.beside is None else f" and {request.beside.network.title} in turns"
    return (
        f"{request.network.title}{beside}, {request.conditions(request.batch)}; "
        f"at most {request.max_time_s:g} s, start-up included"
    )


def outlook(estimate: Estimate, whole_s: float, processes: int = 1) -> Wording | None:
    """Say early that the time does not do, and what would; None where it does."""
    wanted = estimate.wanted(whole_s, processes)
    if wanted.batch == estimate.batch:
        return None
    left_s = whole_s / processes - estimate.begun_s
    what = "an interval" if estimate.may_fit(left_s) else "a measurement"
    return advice(
        "{}: {} s are too short for {}; ", _one_pass(estimate), f"{whole_s:g}", what,
    ).followed_by(wanted.advice)  # fmt: skip


def duration(left: TimeLeft, budget: Budget, estimate: Estimate | None) -> str:
    """Say how long all of it will take, and for how many passes."""
    what = ""
    if left.passes is not None:
        what = f", for {plural(left.passes, 'measured pass')}"
    if left.passes == 0:
        what = ", for one pass, in the call that compiles the network"
    first = "" if estimate is None else f"{_one_pass(estimate)}; "
    whole_s = min(budget.elapsed_s + left.left_s, budget.whole_s)
    return f"{first}this will take about {whole_s:.0f} s{what}"


def _one_pass(estimate: Estimate) -> str:
    beside = f", and one of B {seconds(estimate.beside_s)}" if estimate.beside_s else ""
    return (
        f"a pass of {plural(estimate.batch, 'image')} takes about {seconds(estimate.pass_s)} here"
        f"{beside}"
    )


def _title(run: ProfileRun) -> str:
    return f"{run.title}, {run.conditions}"


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
        notes=notes(run),
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
        notes=notes(run),
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
            *_interval_note(prediction),
        ),
    )  # fmt: skip


def _interval_note(prediction: Prediction) -> tuple[str, ...]:
    """Say what measuring would find; nothing where nobody knows."""
    if prediction.end_to_end_interval is None:
        return ()
    low, high = map(seconds, prediction.end_to_end_interval)
    return (
        f"Measuring for a minute would find {low} to {high} (95 %): a machine is faster in some "
        "seconds than in others.",
    )


def preview(request: ProfileRequest) -> str:
    """State operations and memory in one line, before anything runs."""
    network = request.network
    graph = network.graph
    macs = layers_cost(graph, graph.layers).macs
    needed = needed_memory(request)
    return (
        f"{count(2 * macs)} FLOPs per {network.example} forward"
        + (f", {_step(request)} per training step" if request.mode == "train" else "")
        + f"; batch {request.batch} is estimated to need "
        f"{binary_bytes(needed.total_bytes)} of memory."
        + (f" {other}" if (other := other_precision(network, request.precision)) else "")
    )


def _step(request: ProfileRequest) -> str:
    """Write the operations of a training step: three times those forward, or fewer."""
    graph = request.network.graph
    if any(layer.frozen for layer in graph):
        return f"{count(2 * step_macs(graph, graph.layers))} FLOPs"
    return "three times that"


def _half_width(latency: Latency) -> Value:
    """Express half the interval as a share of the median; a limit where it is too wide."""
    half = latency.half_width
    if half is not None and half > LOST and latency.ci_high is not None:
        return f"≤ {seconds(latency.ci_high)}"
    return half
