"""The store of runs: every measurement whole, under a name that its content gives it.

    with open_store(database_path(), write=True) as store:
        id = store.add(document)
    with open_store(database_path()) as store:
        run = store.find("latest").run()

One writes at a time, any number read. Every method that writes does all it should or nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from rsinspect.base import codec
from rsinspect.base.errors import RsInspectError, UnknownRun
from rsinspect.base.text import is_showable
from rsinspect.base.words import near, plural, quoted
from rsinspect.runs.database import WAIT_S, check_place, connected, damaged, refusing
from rsinspect.runs.facts import Document, Facts, facts_of
from rsinspect.runs.place import is_there
from rsinspect.runs.progress import SweepTables
from rsinspect.runs.references import IN_STORE, LATEST, check_tag, looks_like_id
from rsinspect.runs.stored import ALL, Selection, StoredRun
from rsinspect.runs.tables import COLUMNS, read_document, values_of

_LISTED = ", ".join(("id", "number", *COLUMNS))
_MOST_NAMED = 5


@contextmanager
def open_store(
    path: Path, write: bool = False, *, make: bool = True, wait_s: float = WAIT_S
) -> Iterator[Store]:
    """Open the store of a file, and close it at the end.

    Args:
        path: Of the file: ``database_path()``.
        write: Whether to write.
        make: Whether the file is made then, where there is none.
        wait_s: How long to wait for another who writes.

    Raises:
        StoreError: If there is no store there, it is of a later version, damaged, or held by
            another for too long.
        OutputNotWritable: If it is to be written and may not be.
    """
    with connected(path, write, _write_rows, wait_s, make=make) as connection:
        yield Store(path, connection)


def check_store(path: Path) -> None:
    """Refuse a store that cannot be written, before anything is measured for it; none is made.

    Raises:
        StoreError: If it cannot be used so, or something else is there.
        OutputNotWritable: If it may not be written.
    """
    check_place(path)
    if is_there(path):
        with open_store(path, write=True):
            pass


class Store(SweepTables):
    """Runs that are kept, and how far sweeps are; ``open_store`` opens one."""

    def __contains__(self, id: str) -> bool:
        """Tell whether a run is kept."""
        return bool(self.ask("SELECT 1 FROM run WHERE id = ?", id))

    def __len__(self) -> int:
        """Count the runs."""
        count: int = self.ask("SELECT count(*) FROM run")[0][0]
        return count

    def add(self, document: Document, *, tags: Iterable[str] = ()) -> str:
        """Keep a run; one that is kept already is not kept twice.

        Args:
            document: As ``profile`` saves it, or of another of ``facts.KINDS``.
            tags: Names for it.

        Returns:
            Its id.

        Raises:
            InvalidMeasurement: If the document is damaged or no such thing.
            StoreError: If it cannot be kept, or a tag cannot be one; then nothing is.
        """
        facts, tags = facts_of(document), tuple(tags)
        for tag in tags:
            check_tag(tag)
        with self._writing():
            id, number = self._put(document, facts)
            for tag in tags:
                self._name(number, tag)
        return id

    def take(self, run: StoredRun) -> bool:
        """Keep a run of another store, without its tags.

        Returns:
            Whether it was not here before.

        Raises:
            StoreError: If it is damaged there, or cannot be kept here.
        """
        if run.id in self:
            return False
        facts = Facts(**{name: getattr(run, name) for name in COLUMNS})
        document = run.document()
        with self._writing():
            self._put(document, facts)
        return True

    def find(self, reference: str) -> StoredRun:
        """Find the run that is meant.

        Args:
            reference: Its id, at least five characters with which no other begins, a tag, or
                ``latest``: the one that was added last; each also with ``run:`` before it.

        Raises:
            UnknownRun: If there is none, or more than one; with those that are near.
        """
        if not is_showable(reference):  # nor is it kept
            raise UnknownRun(f"no run {quoted(reference)} in {self.path}")
        found = self._meant(reference.removeprefix(IN_STORE))
        if len(found) == 1:
            return found[0]
        if found:
            several = ", ".join(f"{run.id} ({run.title})" for run in found[:_MOST_NAMED])
            raise UnknownRun(f"{plural(len(found), 'run')} begin with {reference}", several)
        raise UnknownRun(f"no run {quoted(reference)} in {self.path}", self._near(reference))

    def runs(self, selection: Selection = ALL) -> Iterator[StoredRun]:
        """List the runs that are meant, the one that was added last first."""
        if selection.sweep is None:
            listed = self._list("ORDER BY number DESC")
        else:
            listed = self._list(
                "WHERE number IN (SELECT run FROM cell WHERE sweep = ?) ORDER BY number DESC",
                selection.sweep,
            )
        return (run for run in listed if selection.includes(run))

    def tags(self) -> dict[str, str]:
        """List the tags, and which run each names."""
        rows = self.ask("SELECT name, id FROM tag JOIN run ON number = run ORDER BY name")
        return dict(rows)

    def tag(self, reference: str, name: str) -> str:
        """Name a run; a name that another had is its no more.

        Returns:
            The run's id.

        Raises:
            StoreError: If there is no such run, or that cannot be a tag.
        """
        check_tag(name)
        with self._writing():
            run = self.find(reference)
            self._name(run.number, name)
        return run.id

    def untag(self, name: str) -> None:
        """Take a name away; the run stays.

        Raises:
            UnknownRun: If no run has it.
        """
        with self._writing():
            if self._write("DELETE FROM tag WHERE name = ?", name) == 0:
                raise UnknownRun(f"no run has the tag {quoted(name)}", self._near(name))

    def delete(self, ids: Iterable[str]) -> int:
        """Delete runs, and the names they have; those that are not there are passed over.

        Returns:
            How many there were.
        """
        with self._writing():
            return sum(self._write("DELETE FROM run WHERE id = ?", id) for id in ids)

    def shrink(self) -> None:
        """Give the room of deleted runs back to the disk.

        Raises:
            StoreError: If another uses the store, or the disk has no room to do it.
        """
        with refusing(self.path):
            self._connection.execute("VACUUM")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _meant(self, reference: str) -> list[StoredRun]:
        if reference == LATEST:
            return self._list("ORDER BY number DESC LIMIT 1")
        tagged = self._list("WHERE number = (SELECT run FROM tag WHERE name = ?)", reference)
        if tagged or not looks_like_id(reference):
            return tagged
        return self._list("WHERE substr(id, 1, ?) = ?", len(reference), reference)

    def _name(self, number: int, tag: str) -> None:
        self._write("INSERT OR REPLACE INTO tag VALUES (?, ?)", tag, number)

    def _list(self, which: str, *values: object) -> list[StoredRun]:
        names: dict[int, list[str]] = {}
        for number, name in self.ask("SELECT run, name FROM tag ORDER BY name"):
            names.setdefault(number, []).append(name)
        return [
            StoredRun(
                id=id,
                number=number,
                tags=tuple(names.get(number, ())),
                _load=partial(self._document, id, number),
                **self._facts(id, row),
            )
            for id, number, *row in self.ask(f"SELECT {_LISTED} FROM run {which}", *values)
        ]

    def _facts(self, id: str, row: Sequence[Any]) -> dict[str, Any]:
        """Name the values of a row as ``Facts`` does; a damaged page can hold any."""
        facts = dict(zip(COLUMNS, row, strict=True))
        if facts["jit"] is not None:
            facts["jit"] = bool(facts["jit"])
        try:
            codec.from_json(facts, Facts, id)
        except codec.Damaged as exc:
            raise damaged(self.path, str(exc)) from exc
        return facts

    def _near(self, reference: str) -> str:
        known = [*self.tags(), *(run.id for run in self._list("ORDER BY number DESC LIMIT 5"))]
        return near(reference[:200], [*known[:_MOST_NAMED], LATEST]) if known else "it is empty"


def _write_rows(connection: sqlite3.Connection) -> None:
    """Write the rows of all runs anew from their documents."""
    assignments = ", ".join(f"{name} = ?" for name in COLUMNS)
    numbers = [number for (number,) in connection.execute("SELECT run FROM document")]
    for number in numbers:
        kept = connection.execute(
            "SELECT sha256, content FROM document WHERE run = ?", (number,)
        ).fetchone()
        try:
            facts = facts_of(read_document(*kept))
        except (ValueError, RsInspectError):
            continue  # whoever reads it is told
        connection.execute(
            f"UPDATE run SET {assignments} WHERE number = ?", (*values_of(facts), number)
        )
