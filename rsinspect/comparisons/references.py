"""What A and B of a comparison can be: a run of the store, a file with one, or a MODEL."""

from __future__ import annotations

from pathlib import Path

from rsinspect.base import codec
from rsinspect.base.codec import Damaged
from rsinspect.base.embedded import page_named
from rsinspect.base.errors import InvalidMeasurement, InvalidSpec, RsInspectError, UnknownRun
from rsinspect.base.sources import Unreadable, content_of
from rsinspect.base.words import quoted
from rsinspect.comparisons import comparison
from rsinspect.comparisons.comparison import Comparison
from rsinspect.networks.named import source
from rsinspect.profiling.record.run import ProfileRun
from rsinspect.profiling.record.saved import documents_in, load_run
from rsinspect.runs.named import stored_run
from rsinspect.runs.place import database_path, is_there
from rsinspect.runs.references import IN_STORE
from rsinspect.runs.store import open_store


def saved(reference: str, db: Path | None = None) -> ProfileRun | None:
    """Find the run that a reference names; None where it is a MODEL.

    Args:
        reference: ``run:ID``, ``run:TAG``, a tag or id of the store alone, a file of a run or a
            page that shows one, or a MODEL.
        db: File of the store; that of the user by default.

    Raises:
        InvalidMeasurement: If a file holds something else, or there is no such run.
        StoreError: If the store cannot be read or has no such run.
        RsInspectError: If it is neither a run nor a MODEL.
    """
    if reference.startswith(IN_STORE):
        return stored_run(reference, db)
    if (page := page_named(reference)) is not None:
        return load_run(Path(reference)) if documents_in(page) else None
    if reference.lower().endswith(".json"):
        return load_run(Path(reference)) if _schema(_document(reference)) != "" else None
    try:
        source(reference)
    except RsInspectError as refusal:
        return _tagged(reference, db, refusal)
    return None


def saved_comparison(reference: str, db: Path | None = None) -> Comparison | None:
    """Read the comparison that a file or the store holds; None where it is something else.

    Raises:
        InvalidMeasurement: If it is one that is damaged.
        StoreError: If the store cannot be read or has no such run.
    """
    if reference.lower().endswith(".json"):
        found = _document(reference)
        return comparison.from_json(found) if _schema(found) == comparison.SCHEMA else None
    marked = reference.startswith(IN_STORE)
    if not marked and (_is_model(reference) or not is_there(database_path(db))):
        return None
    with open_store(database_path(db)) as store:
        try:
            found = store.find(reference)
        except UnknownRun:
            if marked:
                raise
            return None
        return comparison.from_json(found.document()) if found.kind == "compare" else None


def _is_model(reference: str) -> bool:
    try:
        source(reference)
    except RsInspectError:
        return False
    return True


def _tagged(reference: str, db: Path | None, refusal: RsInspectError) -> ProfileRun:
    """Find a run by its tag or id alone.

    Raises:
        RsInspectError: The refusal, if there is none.
    """
    if not is_there(database_path(db)):
        raise refusal
    try:
        return stored_run(reference, db)
    except RsInspectError as exc:
        if isinstance(exc, InvalidMeasurement):
            raise
        raise InvalidSpec(
            f"{quoted(reference)} is neither a MODEL nor a run: {refusal.message}; {exc.message}",
            exc.hint or refusal.hint,
        ) from exc


def _document(file: str) -> object:
    """Read the document that a file holds.

    Raises:
        InvalidMeasurement: If it cannot be read, or is no JSON document.
    """
    try:
        return codec.from_text(content_of(Path(file)))
    except Unreadable as exc:
        raise InvalidMeasurement(f"{file} cannot be read: {exc}", exc.hint) from exc
    except Damaged as exc:
        raise InvalidMeasurement(f"{file} cannot be read: {exc}") from exc


def _schema(found: object) -> str:
    """Tell which document of measurements it is; empty for a network or another."""
    schema = found.get("schema") if isinstance(found, dict) else None
    kinds = tuple(f"rsinspect.{kind}/" for kind in ("profile", "prediction", "fastest", "compare"))
    return schema if isinstance(schema, str) and schema.startswith(kinds) else ""
