"""Runs that may tell what a network costs: files, runs of the store by name, or all it has."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

from rsinspect.base.errors import InvalidMeasurement
from rsinspect.networks import applications
from rsinspect.profiling.record.run import ProfileRun
from rsinspect.profiling.record.saved import is_run_file, load_run
from rsinspect.runs.named import named_run, stored_run
from rsinspect.runs.place import database_path
from rsinspect.runs.references import IN_STORE
from rsinspect.runs.store import open_store
from rsinspect.runs.stored import Selection, StoredRun

_OURS = "resnet-rs-"


def saved_in(name: str, db: Path | None = None) -> ProfileRun | None:
    """Read the run that stands for a network: ``run:`` before its name, or the file of one.

    None where the text names a network.
    """
    if name.startswith(IN_STORE):
        return stored_run(name, db)
    try:
        return load_run(Path(name)) if is_run_file(name) else None
    except InvalidMeasurement:
        return None


def runs_of(
    references: Iterable[str],
    db: Path | None = None,
    wanted: Selection | None = None,
    fingerprints: Collection[str] = (),
) -> list[ProfileRun]:
    """Read the runs that are named; of none, those of the store whose accuracy may be known.

    Args:
        references: Files of runs, ids, tags.
        db: File of the store; the user's by default.
        wanted: Which of the runs.
        fingerprints: Of networks beside the published ones.

    Raises:
        InvalidMeasurement: If a file holds no run.
        StoreError: If the store cannot be read, or has no such run.
    """
    wanted = wanted or Selection()
    if named := list(references):
        return [run for run in (named_run(each, db) for each in named) if _is_wanted(run, wanted)]
    with open_store(database_path(db)) as store:
        return [each.run() for each in store.runs(wanted) if _may_be_known(each, fingerprints)]


def _is_wanted(run: ProfileRun, wanted: Selection) -> bool:
    """Tell of a run that was named whether it is under the conditions that are meant."""
    return wanted.batch in (None, run.batch.used) and all(
        getattr(wanted, name) in (None, getattr(run, name))
        for name in ("precision", "mode", "backend", "device")
    )


def _may_be_known(run: StoredRun, fingerprints: Collection[str]) -> bool:
    """Tell whether a run is a measurement of a network that accuracies are published of."""
    name = run.model or ""
    known = name.startswith(_OURS) or applications.named_in(name) is not None
    return run.kind == "profile" and (known or run.fingerprint in fingerprints)
