"""Runs written for other programs, and into stores of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from rsinspect.answers.table import Answer, RecordKind, Records, Table
from rsinspect.base.errors import InvalidMeasurement, StoreUnusable
from rsinspect.base.formats import Formats
from rsinspect.base.words import Option, advice
from rsinspect.profiling.record.run import ProfileRun
from rsinspect.runs.listing import SCHEMA, record_of, runs_records
from rsinspect.runs.place import is_there
from rsinspect.runs.store import open_store
from rsinspect.runs.stored import StoredRun

EXPORTS = Formats(
    "export",
    {".json": "json", ".csv": "csv", ".parquet": "parquet", ".db": "db"},
    {".xlsx": "name it .csv, which spreadsheets open"},
)
"""What runs can be written as: whole (JSON, a store of their own), or a row for each."""

SAMPLES: dict[str, RecordKind] = {
    "run": "string", "path": "string", "level": "string", "round": "int64", "process": "int64",
    "burst": "int64", "kept": "bool", "at_s": "float64", "latency_s": "float64",
}  # fmt: skip
"""Columns of a sample; ``path`` is a stage, block or step, or ``end to end``."""

WHOLE = "end to end"


def exported(runs: Iterable[StoredRun], format: str, path: Path, *, samples: bool) -> bytes:
    """Write runs for other programs.

    Args:
        runs: Which.
        format: ``json``: whole, to be imported elsewhere. ``csv`` or ``parquet``: a row for each.
        path: Of their store.
        samples: A row for each sample instead, of the whole network and of each part.

    Raises:
        InvalidMeasurement: If samples are asked for in JSON, which has them anyway.
        BackendUnavailable: If a package for it is not installed.
        StoreDamaged: If a document is not what was kept.
    """
    from rsinspect.render.data import json_text, records_csv, records_parquet

    if samples and format == "json":
        raise InvalidMeasurement(
            "JSON has every sample of a run anyway", advice("leave {} out", Option("samples"))
        )
    if format == "json":
        whole = (record_of(run) | {"document": run.document()} for run in runs)
        head = {"schema": SCHEMA, "database": str(path)}
        return json_text(Answer(Table("", (), ()), lambda: head, lambda: whole)).encode()
    records = _samples(runs) if samples else runs_records(runs)
    return records_csv(records).encode() if format == "csv" else records_parquet(records)


def _samples(runs: Iterable[StoredRun]) -> Records:
    """Take the measurements among runs apart into samples."""
    columns: dict[str, list[Any]] = {name: [] for name in SAMPLES}
    for stored in runs:
        if stored.kind == "profile":
            for row in _samples_of(stored.id, stored.run()):
                for name, values in columns.items():
                    values.append(row[name])
    return Records(SAMPLES, columns)


def _samples_of(id: str, run: ProfileRun) -> Iterator[dict[str, Any]]:
    sampling, at_s = run.rounds.sampling, run.rounds.at_s
    parts = [(WHOLE, "network", run.end_to_end.latency)]
    parts += [(segment.path, segment.level, segment.latency) for segment in run.segments]
    for path, level, latency in parts:
        for number, latency_s in enumerate(latency.samples):
            yield {
                "run": id,
                "path": path,
                "level": level,
                "round": number,
                "process": sampling.process[number],
                "burst": sampling.burst[number],
                "kept": sampling.kept[number],
                "at_s": at_s[number],
                "latency_s": latency_s,
            }


def copied(runs: Iterable[StoredRun], path: Path, target: Path) -> int:
    """Put runs into another store, with their tags, all or none; it is made where there is none.

    Args:
        runs: The one that was added last first.
        path: Of their store.
        target: Of the other one.

    Returns:
        How many were not there before.

    Raises:
        StoreError: If one is damaged, or the other store cannot be written.
    """
    if is_there(target) and target.samefile(path):
        raise StoreUnusable(f"{target} is the store itself", "name another file")
    new = 0
    with open_store(target, write=True) as store, store.together():
        for run in reversed(list(runs)):
            new += store.take(run)
            for tag in run.tags:
                store.tag(run.id, tag)
    return new
