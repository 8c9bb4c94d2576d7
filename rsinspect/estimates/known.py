"""The runs that an estimate is made from: those that are named, or those that the store has.

Of the store's, those of the machine and the conditions of the one that was added last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rsinspect.base.errors import InvalidMeasurement
from rsinspect.base.words import Option, advice
from rsinspect.estimates.estimate import ALIKE, Estimator
from rsinspect.profiling.record.run import ProfileRun
from rsinspect.runs.named import named_run
from rsinspect.runs.place import database_path, is_there
from rsinspect.runs.store import Store, open_store
from rsinspect.runs.stored import Selection, StoredRun

MOST_RUNS = 40
"""Of the store, the newest: the arithmetic grows with the cube of their blocks."""
MOST_OF_ONE = 3
"""Likewise of one network at one batch."""

_HINT = advice("measure two or three networks first, with {}", Option("record", True))


def estimator(
    references: Sequence[str | ProfileRun] = (),
    *,
    db: Path | None = None,
    selection: Selection | None = None,
    roofline: bool = False,
) -> Estimator:
    """Learn from runs that are named, or else from those of the store.

    Args:
        references: Runs; files of runs, or runs of the store: ids, tags, ``latest``.
        db: File of the store; the user's own by default.
        selection: Which runs of the store.
        roofline: Whether to know no more than the roofs that the latest of them has.

    Raises:
        InvalidMeasurement: If there is no such run, or those named are of different conditions.
        StoreError: If the store cannot be read.
    """
    runs = _named(references, db) if references else _of_store(db, selection or Selection())
    if not roofline:
        return Estimator.of(runs)
    for run in runs:
        if run.roofs is not None:
            return Estimator.of(run.roofs)
    raise InvalidMeasurement("no run has the roofs of its machine", "profile measures them too")


def _named(references: Sequence[str | ProfileRun], db: Path | None) -> list[ProfileRun]:
    return [each if isinstance(each, ProfileRun) else named_run(each, db) for each in references]


def _of_store(db: Path | None, selection: Selection) -> list[ProfileRun]:
    path = database_path(db)
    if not is_there(path):
        raise InvalidMeasurement("nothing was measured to estimate from", _HINT)
    with open_store(path) as store:
        runs = [stored.run() for stored in _listed(store, selection)]
    if not runs:
        raise InvalidMeasurement(f"{path} has no such run to estimate from", _HINT)
    return [run for run in runs if _conditions(run) == _conditions(runs[0])]


def _listed(store: Store, selection: Selection) -> list[StoredRun]:
    """List the newest runs that may be meant, a few of each network."""
    found: list[StoredRun] = []
    times: dict[object, int] = {}
    newest: StoredRun | None = None
    for run in store.runs(replace(selection, kind="profile")):
        newest = newest or run
        which = run.fingerprint, run.batch
        times[which] = times.get(which, 0) + 1
        if run.fingerprint and run.machine == newest.machine and times[which] <= MOST_OF_ONE:
            found.append(run)
    return found[:MOST_RUNS]


def _conditions(run: ProfileRun) -> tuple[str, ...]:
    return tuple(str(of(run)) for of in ALIKE.values())
