"""Runs that come into a store: from files, from folders of files, from other stores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rsinspect.answers.table import Answer, Column, Table
from rsinspect.base import codec
from rsinspect.base.codec import Damaged
from rsinspect.base.embedded import page_named
from rsinspect.base.errors import InvalidMeasurement, StoreDamaged, StoreUnusable
from rsinspect.base.files import scratch
from rsinspect.base.sources import Unreadable, content_of
from rsinspect.base.text import showable
from rsinspect.base.words import names_in_words, plural
from rsinspect.profiling.record.saved import documents_in
from rsinspect.runs.facts import kind_of, name_of
from rsinspect.runs.listing import SCHEMA
from rsinspect.runs.place import is_there
from rsinspect.runs.store import Store, open_store

_STORE = b"SQLite format 3\0"
"""How the file of a store begins."""

_NAMED = 5
"""Refusals that are told one by one."""


@dataclass(slots=True)
class Taken:
    """What came into a store from one place.

    Attributes:
        place: A file, a folder or another store.
        added: Ids of runs that were not here before.
        known: Number of those that were.
        refused: What was no run, or damaged, and why.
        passed_over: Number of files in a folder that are about something else.
        tags: That came along.
        tags_left: That name another run here.
        sweeps: That came along, or went on.
    """

    place: Path
    added: list[str] = field(default_factory=list)
    known: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)
    passed_over: int = 0
    tags: list[str] = field(default_factory=list)
    tags_left: list[str] = field(default_factory=list)
    sweeps: list[str] = field(default_factory=list)

    @property
    def is_anything(self) -> bool:
        """Tell whether a run or a sweep was there, new or not."""
        return bool(self.added or self.known or self.sweeps)


def take_in_at(path: Path, places: Sequence[Path]) -> list[Taken]:
    """Take in runs as ``take_in`` does, into the store of a file; none is made for nothing.

    Args:
        path: Of the store.
        places: As for ``take_in``.

    Raises:
        StoreError: If the store cannot be written.
        OutputNotWritable: If it may not be.
    """
    if is_there(path):
        with open_store(path, write=True) as store:
            return list(take_in(store, places))
    with scratch() as folder:  # what comes in is not known before all is read, and read once
        first = folder / "runs.db"
        with open_store(first, write=True) as store:
            taken = list(take_in(store, places))
        if any(each.is_anything for each in taken):
            with open_store(path, write=True) as store:
                list(take_in(store, [first]))
    return taken


def take_in(store: Store, places: Sequence[Path]) -> Iterator[Taken]:
    """Take in runs, each whole or not at all; what is here already is not kept twice.

    Args:
        store: Opened to be written.
        places: Files of runs or of exports, folders of such files, and stores.

    Raises:
        StoreError: If the store cannot be written.
    """
    for place in places:
        taken = Taken(place)
        if place.is_dir():
            for file in sorted(place.rglob("*.json")):
                _from_file(store, file, taken, in_folder=True)
        else:
            _from_file(store, place, taken, in_folder=False)
        yield taken


def _from_file(store: Store, file: Path, taken: Taken, *, in_folder: bool) -> None:
    try:
        if _is_store(file):
            _from_store(store, file, taken)
            return
        if (page := page_named(str(file))) is not None:
            runs = documents_in(page)
            if not runs:
                raise InvalidMeasurement("a page that shows no run")
            for run in runs:
                _add(store, run, taken)
            return
        document = codec.from_text(content_of(file))
        if in_folder and not _is_about_runs(document):
            taken.passed_over += 1
            return
        _from_document(store, document, taken, str(file))
    except (InvalidMeasurement, StoreDamaged, StoreUnusable) as exc:
        taken.refused.append((str(file), exc.message))
    except Unreadable as exc:
        hint = f" ({exc.hint})" if exc.hint else ""
        taken.refused.append((str(file), f"it cannot be read: {exc}{hint}"))
    except Damaged as exc:
        taken.refused.append((str(file), f"it is no JSON document: {exc}"))


def _is_store(file: Path) -> bool:
    try:
        if not file.is_file():  # a pipe would be waited for
            return False
        with file.open("rb") as opened:
            return opened.read(len(_STORE)) == _STORE
    except (OSError, ValueError):
        return False


def _is_about_runs(document: object) -> bool:
    if isinstance(document, dict) and document.get("schema") == SCHEMA:
        return True
    try:
        kind_of(document)
    except InvalidMeasurement:
        return False
    return True


def _from_document(store: Store, document: Any, taken: Taken, place: str) -> None:
    """Take in a run, or the runs of an export."""
    if not (isinstance(document, dict) and document.get("schema") == SCHEMA):
        _add(store, document, taken)
        return
    rows = document.get("rows")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InvalidMeasurement("an export without rows")
    if rows and not any("document" in row for row in rows):
        raise InvalidMeasurement("a list of runs, without the runs themselves")
    for number, row in enumerate(reversed(rows)):  # the oldest first
        try:
            id = _add(store, row.get("document"), taken)
        except InvalidMeasurement as exc:
            taken.refused.append((f"{place}, row {len(rows) - number}", exc.message))
            continue
        tags = row.get("tags")
        for tag in tags if isinstance(tags, list) else ():
            if isinstance(tag, str):
                _tag(store, id, tag, taken)


def _add(store: Store, document: Any, taken: Taken) -> str:
    if isinstance(document, dict) and (id := name_of(document)) in store:
        taken.known += 1
        return id
    kind_of(document)
    with store.together():  # another process may have come first
        new = name_of(document) not in store
        id = store.add(document)
    taken.added += [id] * new
    taken.known += not new
    return id


def _from_store(store: Store, file: Path, taken: Taken) -> None:
    """Take in all that is whole in another store, its tags and how far its sweeps are."""
    if is_there(store.path) and file.samefile(store.path):
        raise StoreUnusable(f"{file} is the store itself")
    with open_store(file) as other:
        for run in reversed(list(other.runs())):
            try:
                new = store.take(run)
            except StoreDamaged as exc:
                taken.refused.append((run.id, exc.message))
                continue
            taken.added += [run.id] * new
            taken.known += not new
        for tag, id in other.tags().items():
            if id in store:
                _tag(store, id, tag, taken)
        for sweep in reversed(other.sweeps()):
            taken.sweeps.append(store.merge_sweep(sweep.document, other.cells(sweep.id)))


def _tag(store: Store, id: str, tag: str, taken: Taken) -> None:
    """Let a tag come along, unless it names another run here or cannot be one."""
    here = store.tags().get(tag)
    if here is None:
        try:
            store.tag(id, tag)
        except StoreUnusable as exc:
            taken.refused.append((f"the tag of {id}", exc.message))
        else:
            taken.tags.append(tag)
    elif here != id:
        taken.tags_left.append(tag)


def intake_answer(taken: Sequence[Taken], path: Path) -> Answer:
    """Tabulate what came in from where.

    Args:
        taken: From each place.
        path: Of the store.
    """
    left = [tag for each in taken for tag in each.tags_left]
    refused = [wrong for each in taken for wrong in each.refused]
    table = Table(
        title=f"{plural(sum(len(each.added) for each in taken), 'run')} added to {path}",
        columns=(
            Column("place", "From", wraps=True),
            Column("added", "Added", "integer"),
            Column("known", "Here already", "integer"),
            Column("refused", "Refused", "integer"),
            Column("passed_over", "Other files", "integer"),
            Column("sweeps", "Sweeps", "integer"),
        ),
        rows=tuple(
            {
                "place": str(each.place),
                "added": len(each.added),
                "known": each.known,
                "refused": len(each.refused),
                "passed_over": each.passed_over,
                "sweeps": len(each.sweeps),
            }
            for each in taken
        ),
        lead=(
            *(showable(f"{place} was refused: {reason}.") for place, reason in refused[:_NAMED]),
            *([f"{len(refused) - _NAMED} more were refused."] if len(refused) > _NAMED else []),
            *([f"Tags of other runs here stayed away: {names_in_words(left)}."] if left else []),
        ),
        name="import",
    )  # fmt: skip

    def document() -> dict[str, Any]:
        rows = [asdict(each) | {"place": str(each.place)} for each in taken]
        return {"schema": SCHEMA, "database": str(path), "rows": rows}

    return Answer(table, document)
