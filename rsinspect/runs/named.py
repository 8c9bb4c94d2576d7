"""A run by what people call it: the file that it was saved in, or its id or tag in the store."""

from __future__ import annotations

from pathlib import Path

from rsinspect.profiling.record.run import ProfileRun
from rsinspect.profiling.record.saved import is_run_file, load_run
from rsinspect.runs.place import database_path
from rsinspect.runs.store import open_store


def named_run(reference: str, db: Path | None = None) -> ProfileRun:
    """Read the run that is meant: in a file, or of the store by its id or tag.

    Args:
        reference: What ends in ``.json`` is a file, and so is a page.
        db: File of the store; the user's by default.

    Raises:
        InvalidMeasurement: If the file holds none.
        StoreError: If the store cannot be read, or has no such run.
    """
    if is_run_file(reference):
        return load_run(Path(reference))
    return stored_run(reference, db)


def stored_run(reference: str, db: Path | None = None) -> ProfileRun:
    """Read a run of the store.

    Raises:
        InvalidMeasurement: If it is no measurement.
        StoreError: If the store cannot be read, or has no such run.
    """
    with open_store(database_path(db)) as store:
        return store.find(reference).run()
