"""Notes beneath the table of a run: whether its parts add up, how it was measured, and where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rsinspect.base.units import binary_bytes, count, crossed, percent, seconds
from rsinspect.base.words import names_in_words, plural
from rsinspect.layers import ops
from rsinspect.networks.network import Network
from rsinspect.profiling.record.closure import CLOSES_WITHIN, Excess
from rsinspect.profiling.record.energy import Energy
from rsinspect.profiling.record.prediction import Prediction
from rsinspect.profiling.record.run import ProfileRun
from rsinspect.profiling.roofline.roofs import Roofs

_STOPPED = {
    "precise": "until they were precise enough",
    "time": "until the time was up",
    "rounds": "the most that are taken",
    "interrupted": "until interrupted",
}


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
_UNDECIDED = "Too noisy to say whether parts add up"


_SAME_PASS = {
    "instrumented": "Parts and whole are of the same passes: no time for any without instruments.",
    "first": "Parts and whole are of one pass, in the call that compiled the network.",
}


def closure_line(run: ProfileRun) -> str:
    """Say whether the parts account for the whole, what timing costs and which rounds were used."""
    return f"{_closure_note(run)} {_overhead_note(run)}"


def _energy_note(run: ProfileRun, energy: Energy) -> str:
    sampling = run.rounds.sampling
    mean, interval = energy.mean_j(sampling), energy.interval(sampling)
    within = "" if interval is None else f" (95 % CI {interval[0]:.3g} to {interval[1]:.3g})"
    each = mean / run.batch.used
    return f"Energy: {mean:.3g} J a batch{within}, {each:.3g} J an image ({energy.source})."


def _closure_note(run: ProfileRun) -> str:
    closure = run.closure
    if run.total_of != "plain":
        return _SAME_PASS[run.total_of]
    undecided = closure.closes is False and closure.gap.may_be_within(CLOSES_WITHIN)
    return (
        f"{_UNDECIDED if undecided else _ADDS_UP[closure.closes]}: {seconds(closure.sum_s)} vs "
        f"{seconds(closure.end_to_end_s)} end to end (gap {_signed(closure.gap)}; limit "
        f"{_limit(CLOSES_WITHIN)})."
    )


def _overhead_note(run: ProfileRun) -> str:
    overhead = run.closure.overhead
    cost = (
        "Timing overhead unknown: it grows with the parts, not with the batch, so a smaller batch "
        "bounds it."
        if overhead is None
        else f"Timing overhead {_percent(overhead.relative)} %."
    )
    rounds, foreign = run.rounds, run.rounds.foreign_median
    processes = f" in {plural(rounds.processes, 'process')}" if rounds.processes > 1 else ""
    others = (
        "how much of the CPU other programs took is unknown"
        if foreign is None
        else f"other programs took {percent(foreign)} of the CPU"
    )
    used = f"{rounds.kept} of {plural(rounds.count, 'round')}{processes} used; {others}."
    return f"{cost} {used}" + (_LEFT_OUT if rounds.kept < rounds.count else "")


_LEFT_OUT = " The rest ran beside others, or on processors that were slower then."


def _limit(share: float) -> str:
    return f"{100 * share:g} %"


def notes(run: ProfileRun) -> tuple[str, ...]:
    """List what there is to say of a run beside its numbers."""
    steps = {segment.path for segment in run.segments}
    found = [_closure_note(run), _throughput_note(run), _overhead_note(run)]
    if run.prediction is not None and run.prediction_error is not None:
        found.append(_prediction_note(run, run.prediction, run.prediction_error))
    if run.optimizer is not None:
        loss = "" if run.loss is None else f"; loss: {run.loss}"
        found.append(f"Optimizer: {run.optimizer}{loss}.")
    found += _network_notes(run)
    if "call" in steps:
        found.append("call: entering and leaving the compiled function; belongs to no layer.")
    if "other" in steps:
        found.append("other: ops of no known layer, such as copies that XLA adds.")
    if run.roofs is not None:
        found.append(_roofs_note(run.roofs))
    if run.trace is not None:
        found.append(
            f"Layers: shares of a trace ({run.trace.method}, {plural(run.trace.steps, 'step')}, "
            f"{percent(run.trace.unattributed)} of no layer), applied to the measured segments."
        )
    found += [f"No {what}: {reason}." for what, reason in run.not_available.items()]
    if run.energy is not None:
        found.append(_energy_note(run, run.energy))
    found += [_rounds_note(run), _machine_note(run)]
    if run.environment.peak_rss_bytes:
        found.append(
            f"Memory: peak {binary_bytes(run.environment.peak_rss_bytes)} resident, "
            f"{binary_bytes(run.predicted_bytes)} predicted."
        )
    if run.batch.used != run.batch.requested:
        tried = "; ".join(f"{a.batch}: {a.reason or a.outcome}" for a in run.batch.tried)
        found.append(f"Batch {run.batch.requested} requested, {run.batch.used} used ({tried}).")
    method = "Method" if run.total_of == "plain" else "Method, but no time for pairs"
    found.append(f"{method}: {run.method.removesuffix('.')}.")
    return tuple(found)


def _prediction_note(run: ProfileRun, prediction: Prediction, error: float) -> str:
    within = {True: ", within its interval", False: ", outside its interval", None: ""}
    half = prediction.half_width
    return (
        f"Predicted {seconds(prediction.end_to_end_s)}"
        + ("" if half is None else f" ± {percent(half)} (95 %)")
        + f" from the distinct blocks, {seconds(prediction.ready_s)} after the start: "
        f"{_percent(error)} % from what was measured"
        f"{within[prediction.covers(run.end_to_end.latency.median)]}."
    )


def other_precision(network: Network, measured_in: str) -> str | None:
    """Say that a network's own file or model computes in another precision, if it does."""
    if network.precision in (None, measured_in):
        return None
    return (
        f"Measured in {measured_in}; where the network comes from, it computes in "
        f"{network.precision}."
    )


def _network_notes(run: ProfileRun) -> Iterator[str]:
    """Say what of a network is not as its owner has it, or cannot be told apart."""
    if run.weights in _WEIGHTS:
        yield _WEIGHTS[run.weights]
    if run.network is None:
        return
    if run.network.folding is not None:
        yield run.network.folding.sentence()
    if (other := other_precision(run.network, run.precision)) is not None:
        yield other
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
    each = "" if run.total_of == "plain" else " of one pass each"
    return (
        f"{plural(run.rounds.count, 'round')}{each} in {run.measured_s:.1f} s, "
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
