"""A measured run as a table: what was timed, beside what the graph says it cost."""

from __future__ import annotations

from rsinspect.profiling.cautions import wording
from rsinspect.profiling.run import ProfileRun
from rsinspect.report import Column, Report, Table, Value
from rsinspect.units import binary_bytes, percent, seconds

_STOPPED = {
    "precise": "the end-to-end median was precise enough",
    "time": "the time was up",
    "rounds": "the largest number of rounds was reached",
}


def profile_report(run: ProfileRun) -> Report:
    """The run as a table of segments with their sum, and the run's own document."""
    rows: list[dict[str, Value]] = [
        {
            "path": segment.path,
            "latency": segment.latency.median,
            "spread": _interval(segment.latency.ci_low, segment.latency.ci_high),
            "share": run.share(segment),
            "macs": segment.macs,
            "flops_per_s": run.flops_per_s(segment),
            "intensity": segment.intensity,
        }
        for segment in run.segments
    ]
    end = run.end_to_end
    macs = sum(segment.macs for segment in run.segments)
    totals: list[dict[str, Value]] = [
        {"path": "sum", "latency": run.closure.sum_s, "spread": "", "share": 1.0, "macs": macs,
         "flops_per_s": 2 * macs * run.batch.used / run.closure.sum_s, "intensity": ""},
        {"path": "end to end", "latency": end.latency.median,
         "spread": _interval(end.latency.ci_low, end.latency.ci_high), "share": "", "macs": macs,
         "flops_per_s": 2 * macs * run.batch.used / end.latency.median, "intensity": ""},
    ]  # fmt: skip
    size = "x".join(map(str, run.model.resolution))
    return Report(
        Table(
            title=f"{run.model.name} @ {size}, {run.mode}, batch {run.batch.used}, "
            f"{run.precision}, {run.backend} on {run.device}",
            columns=(
                Column("path", "Segment"),
                Column("latency", "Median", "seconds"),
                Column("spread", "95 % CI\n(nominal)"),
                Column("share", "Share of\nsum", "share"),
                Column("macs", "MACs\n/image", "count"),
                Column("flops_per_s", "FLOP/s", "count"),
                Column("intensity", "FLOPs\nper byte", "number"),
            ),
            rows=tuple(rows),
            totals=tuple(totals),
            notes=_notes(run),
        ),
        run.to_json,
    )


def _interval(low: float | None, high: float | None) -> str:
    """Both ends in the unit of the upper one; ``too few`` rounds give no interval."""
    if low is None or high is None:
        return "too few"
    upper = seconds(high)
    factor = {"s": 1.0, "ms": 1e3, "us": 1e6}[upper.split()[1]]
    decimals = len(upper.split()[0].partition(".")[2])
    return f"{low * factor:.{decimals}f} .. {upper}"


def _notes(run: ProfileRun) -> tuple[str, ...]:
    end, environment = run.end_to_end, run.environment
    notes = [
        f"{end.images_per_s:.1f} images/s; {seconds(end.per_image_s)} per image, "
        f"{seconds(end.per_128_images_s)} per 128 images (inference: the paper's Table 7 times "
        "training steps).",
        f"Closure: sum of segments against end to end {100 * run.closure.relative_error:+.1f} %; "
        "the segments run one by one on each other's outputs, so calls between them count. "
        f"Outputs differ by at most {run.closure.chain_max_abs_diff:.2g}.",
        f"{len(end.latency.samples)} rounds in {run.measured_s:.1f} s, "
        f"{_STOPPED.get(run.stopped_because, run.stopped_because)}; "
        f"end-to-end spread (IQR) {percent(end.latency.spread)} of the median.",
        f"{environment.cpu_model or 'unknown CPU'}, {environment.cpus_affinity} CPUs, "
        f"{environment.threads} threads, load {_load(environment.load_before)} before and "
        f"{_load(environment.load_after)} after; "
        + ", ".join(f"{name} {version}" for name, version in environment.versions)
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


def _load(load: float | None) -> str:
    return "unknown" if load is None else f"{load:.2f}"
