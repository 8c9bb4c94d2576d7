"""Runs as a table: what is kept, and what all of them share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rsinspect.answers.table import Answer, Column, Note, RecordKind, Records, Table, Value
from rsinspect.base.text import showable
from rsinspect.base.words import Option, advice, plural
from rsinspect.runs.stored import StoredRun, StoredSweep

SCHEMA = "rsinspect.runs/1"
"""Version of the documents about many runs. 1: first."""

_SHARED = {
    "kind": "Kind", "mode": "Mode", "batch": "Batch", "precision": "Precision",
    "backend": "Backend", "device": "Device", "layout": "Layout", "machine": "Machine",
}  # fmt: skip
"""What is a column where runs differ in it, and else is said once."""

_SHORTEST = 7
"""Characters of an id that are shown, if no more are needed."""

_UNREMARKABLE = {"kind": "profile", "layout": "channels_last"}


ROW: dict[str, RecordKind] = {
    "id": "string", "kind": "string", "tags": "string", "model": "string", "title": "string",
    "fingerprint": "string", "height": "int64", "width": "int64", "batch": "int64",
    "mode": "string", "precision": "string", "backend": "string", "device": "string",
    "jit": "bool", "layout": "string", "threads": "int64", "level": "string",
    "conditions": "string", "latency_s": "float64", "latency_ci_low_s": "float64",
    "latency_ci_high_s": "float64", "images_per_s": "float64", "peak_rss_bytes": "int64",
    "rounds": "int64",
    "started_at": "string", "machine": "string", "cpu_model": "string", "rsinspect": "string",
}  # fmt: skip
"""Columns of a run for programs; a column more may join."""


def row_of(run: StoredRun) -> dict[str, Value]:
    """Write what is listed of a run, a value per key, as CSV and Parquet have it."""
    return {
        "id": run.id,
        "kind": run.kind,
        "tags": " ".join(run.tags),
        "model": run.model,
        "title": run.title,
        "fingerprint": run.fingerprint,
        "height": run.height,
        "width": run.width,
        "batch": run.batch,
        "mode": run.mode,
        "precision": run.precision,
        "backend": run.backend,
        "device": run.device,
        "jit": run.jit,
        "layout": run.layout,
        "threads": run.threads,
        "level": run.level,
        "conditions": run.conditions,
        "latency_s": run.median_s,
        "latency_ci_low_s": run.low_s,
        "latency_ci_high_s": run.high_s,
        "images_per_s": images_per_s(run),
        "peak_rss_bytes": run.peak_bytes,
        "rounds": run.rounds,
        "started_at": run.started_at,
        "machine": run.machine,
        "cpu_model": run.machine_name,
        "rsinspect": run.version,
    }


def images_per_s(run: StoredRun) -> float | None:
    """Compute the throughput."""
    return run.batch / run.median_s if run.batch and run.median_s else None


def record_of(run: StoredRun) -> dict[str, Any]:
    """Write what is listed of a run as JSON: the same, with its tags as a list."""
    return row_of(run) | {"tags": list(run.tags)}


def runs_answer(
    runs: Iterable[StoredRun], path: Path, sweeps: Sequence[StoredSweep] = ()
) -> Answer:
    """Tabulate runs.

    Args:
        runs: In the order to be shown.
        path: Of the store.
        sweeps: That are in it.
    """
    runs = list(runs)
    different = [key for key in _SHARED if len({getattr(run, key) for run in runs}) > 1]
    years = {run.started_at[:4] for run in runs if run.started_at}
    digits = _enough([run.id for run in runs])
    table = Table(
        title=f"{plural(len(runs), 'run')} in {showable(str(path))}",
        columns=(
            Column("short", "Run"),
            Column("title", "Network", wraps=True),
            *(_column(key) for key in different if key != "machine"),
            Column("latency_s", "Median", "seconds"),
            Column("uncertain", "95 % CI"),
            Column("started", f"UTC, {next(iter(years))}" if len(years) == 1 else "UTC"),
            *([Column("machine", "Machine")] if "machine" in different else []),
            *([Column("tags", "Tags", wraps=True)] if any(run.tags for run in runs) else []),
        ),
        rows=tuple(
            row_of(run)
            | {
                "short": run.id[:digits],
                "uncertain": _uncertain(run),
                "started": run.started_at
                and run.started_at[5 * (len(years) == 1) : 16].replace("T", " "),
            }
            for run in runs
        ),
        lead=tuple(_same(runs, different)),
        notes=tuple(_notes(runs, sweeps)),
        name="runs",
    )

    def document() -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "database": str(path),
            "sweeps": [
                {"id": sweep.id, "waiting": sweep.waiting, "done": sweep.done,
                 "failed": sweep.failed}
                for sweep in sweeps
            ],
        }  # fmt: skip

    return Answer(table, document, lambda: map(record_of, runs))


def runs_records(runs: Iterable[StoredRun]) -> Records:
    """Write what is listed of runs as columns, with their types."""
    rows = [row_of(run) for run in runs]
    return Records(ROW, {name: [row[name] for row in rows] for name in ROW})


def _column(key: str) -> Column:
    return Column(key, _SHARED[key], "integer" if key == "batch" else "text")


def _uncertain(run: StoredRun) -> str | None:
    """Write half the interval as a share of the median."""
    if run.median_s is None or run.low_s is None or run.high_s is None:
        return None
    return f"± {50 * (run.high_s - run.low_s) / run.median_s:.1f} %"


def _enough(ids: Sequence[str]) -> int:
    """Count the characters by which ids differ; seven do in most stores."""
    digits = _SHORTEST
    while len({id[:digits] for id in ids}) < len(ids):
        digits += 1
    return digits


def _same(runs: Sequence[StoredRun], different: Sequence[str]) -> Iterable[str]:
    """Say once what is true of all runs."""
    if not runs:
        return
    same = []
    for key in ("mode", "batch", "precision", "backend", "device", "layout"):
        value = getattr(runs[0], key)
        if key not in different and value not in (None, _UNREMARKABLE.get(key)):
            same.append(f"batch {value}" if key == "batch" else str(value))
    where = runs[0].machine_name if "machine" not in different else None
    on = f" on {showable(where)}, machine {runs[0].machine}" if where else ""
    if same or on:
        yield f"All: {', '.join(same)}{on}." if same else f"All{on}."


def _notes(runs: Sequence[StoredRun], sweeps: Sequence[StoredSweep]) -> Iterable[Note]:
    if not runs:
        yield advice("{} keeps what is measured.", Option("record", True))
    for sweep in sweeps:
        if sweep.waiting:
            cells = sweep.waiting + sweep.done + sweep.failed
            yield (
                f"Sweep {sweep.id} is not finished: {sweep.done} of {plural(cells, 'cell')} done, "
                f"{sweep.failed} failed."
            )
    yield "A run is named by its id, as much of it as no other begins with, a tag, or latest."
