"""The store of runs: every measurement whole, under a name that its content gives it.

    with open_store(database_path(), write=True) as store:
        id = store.add(document)
    with open_store(database_path()) as store:
        run = store.find("latest").run()

One writes at a time, any number read. Every method that writes does all it should or nothing.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, fields
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from rsinspect.base import codec
from rsinspect.base.errors import StoreError, UnknownRun
from rsinspect.base.words import near, plural, quoted
from rsinspect.runs.database import WAIT_S, connected, damaged, refusing, transaction
from rsinspect.runs.facts import DIGITS, Document, Facts, canonical, facts_of, name_of
from rsinspect.runs.stored import ALL, CellState, Selection, StoredRun, StoredSweep
from rsinspect.runs.tags import LATEST, check_tag, looks_like_id

_COLUMNS = tuple(field.name for field in fields(Facts))
_LISTED = ", ".join(("id", "number", *_COLUMNS))
_MOST_NAMED = 5


@contextmanager
def open_store(path: Path, write: bool = False, *, wait_s: float = WAIT_S) -> Iterator[Store]:
    """Open the store of a file, and close it at the end.

    Args:
        path: Of the file: ``database_path()``.
        write: Whether to write; the file is made where there is none.
        wait_s: How long to wait for another who writes.

    Raises:
        StoreError: If there is no store there, it is of a later version, damaged, or held by
            another for too long.
        OutputNotWritable: If it is to be written and may not be.
    """
    with connected(path, write, _write_rows, wait_s) as connection:
        yield Store(path, connection)


class Store:
    """Runs that are kept, and how far sweeps are; ``open_store`` opens one.

    Args:
        path: Of its file.
        connection: To its tables.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    def __len__(self) -> int:
        """Count the runs."""
        count: int = self._ask("SELECT count(*) FROM run")[0][0]
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

    def find(self, reference: str) -> StoredRun:
        """Find the run that is meant.

        Args:
            reference: Its id, at least five characters with which no other begins, a tag, or
                ``latest``: the one that was added last.

        Raises:
            UnknownRun: If there is none, or more than one; with those that are near.
        """
        found = self._meant(reference)
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
        rows = self._ask("SELECT name, id FROM tag JOIN run ON number = run ORDER BY name")
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

    def begin_sweep(self, document: Document, keys: Sequence[str] = ()) -> str:
        """Keep the plan of a sweep, or go on with the one that has it, and add cells that it lacks.

        Args:
            document: The plan; the same plan is the same sweep.
            keys: Names of cells, each once, in the order in which they are carried out.

        Returns:
            The sweep's id.
        """
        id = name_of(document, "s")
        with self._writing():
            self._write(
                "INSERT OR IGNORE INTO sweep(id, document) VALUES (?, ?)",
                id, canonical(document).decode(),
            )  # fmt: skip
            for key in keys:
                self._write(
                    "INSERT OR IGNORE INTO cell VALUES (?1, ?2, "
                    "(SELECT count(*) FROM cell WHERE sweep = ?1), 'waiting', NULL, NULL, 0)",
                    id, key,
                )  # fmt: skip
        return id

    def sweeps(self) -> list[StoredSweep]:
        """List the sweeps, the one that was begun last first."""
        counts = ", ".join(
            f"(SELECT count(*) FROM cell WHERE sweep = id AND state = '{state}')"
            for state in ("waiting", "done", "failed")
        )
        return [
            StoredSweep(id=id, document=json.loads(text), waiting=waiting, done=done, failed=failed)
            for id, text, waiting, done, failed in self._ask(
                f"SELECT id, document, {counts} FROM sweep ORDER BY number DESC"
            )
        ]

    def cells(self, sweep: str) -> list[CellState]:
        """List the cells of a sweep, in their order.

        Raises:
            UnknownRun: If there is no such sweep.
        """
        self._check_sweep(sweep)
        rows = self._ask(
            "SELECT key, state, run.id, reason, attempts FROM cell LEFT JOIN run ON number = run "
            "WHERE sweep = ? ORDER BY position",
            sweep,
        )
        return [
            CellState(key=key, state=state, run=run, reason=reason, attempts=attempts)
            for key, state, run, reason, attempts in rows
        ]

    def finish_cell(
        self, sweep: str, key: str, document: Document | None, reason: str | None = None
    ) -> str | None:
        """Keep what a cell came to: its run, or why there is none.

        Args:
            sweep: The sweep's id.
            key: The cell's name.
            document: Of the run; None where it failed.
            reason: Why it failed.

        Returns:
            The run's id; None where it failed.

        Raises:
            StoreError: If there is no such cell, or it is done already; then nothing is kept.
            InvalidMeasurement: If the document is damaged.
        """
        facts = None if document is None else facts_of(document)
        with self._writing():
            id, number = None, None
            if document is not None and facts is not None:
                id, number = self._put(document, facts)
            changed = self._write(
                "UPDATE cell SET state = ?, run = ?, reason = ?, attempts = attempts + 1 "
                "WHERE sweep = ? AND key = ? AND state <> 'done'",
                "failed" if id is None else "done", number, reason, sweep, key,
            )  # fmt: skip
            if not changed:
                states = {cell.key: cell.state for cell in self.cells(sweep)}
                if key not in states:
                    raise UnknownRun(f"the sweep {sweep} has no cell {quoted(key)}")
                raise StoreError(f"the cell {key} of the sweep {sweep} is done already")
        return id

    def _meant(self, reference: str) -> list[StoredRun]:
        if reference == LATEST:
            return self._list("ORDER BY number DESC LIMIT 1")
        tagged = self._list("WHERE number = (SELECT run FROM tag WHERE name = ?)", reference)
        if tagged or not looks_like_id(reference):
            return tagged
        return self._list("WHERE substr(id, 1, ?) = ?", len(reference), reference)

    def _check_sweep(self, sweep: str) -> None:
        if not self._ask("SELECT 1 FROM sweep WHERE id = ?", sweep):
            known = [id for (id,) in self._ask("SELECT id FROM sweep")]
            hint = near(sweep, known) if known else None
            raise UnknownRun(f"no sweep {quoted(sweep)} in {self.path}", hint)

    def _put(self, document: Document, facts: Facts) -> tuple[str, int]:
        """Keep a document and its row, within a transaction; return its id and number."""
        content = canonical(document)
        digest = sha256(content).hexdigest()
        id = f"r{digest[:DIGITS]}"
        for number, kept in self._ask(
            "SELECT number, sha256 FROM run JOIN document ON run = number WHERE id = ?", id
        ):
            if kept != digest:
                raise damaged(self.path, f"{id} is kept with another content")
            return id, number
        names, marks = ", ".join(_COLUMNS), ", ".join("?" * (len(_COLUMNS) + 1))
        self._write(f"INSERT INTO run(id, {names}) VALUES ({marks})", id, *astuple(facts))
        number = self._ask("SELECT number FROM run WHERE id = ?", id)[0][0]
        self._write("INSERT INTO document VALUES (?, ?, ?)", number, digest, zlib.compress(content))
        return id, number

    def _name(self, number: int, tag: str) -> None:
        self._write("INSERT OR REPLACE INTO tag VALUES (?, ?)", tag, number)

    def _list(self, which: str, *values: object) -> list[StoredRun]:
        names: dict[int, list[str]] = {}
        for number, name in self._ask("SELECT run, name FROM tag ORDER BY name"):
            names.setdefault(number, []).append(name)
        return [
            StoredRun(
                id=id,
                number=number,
                tags=tuple(names.get(number, ())),
                _load=partial(self._document, id, number),
                **_facts(row),
            )
            for id, number, *row in self._ask(f"SELECT {_LISTED} FROM run {which}", *values)
        ]

    def _document(self, id: str, number: int) -> dict[str, Any]:
        rows = self._ask("SELECT sha256, content FROM document WHERE run = ?", number)
        if not rows:
            raise damaged(self.path, f"{id} has no document")
        try:
            return _read(*rows[0])
        except ValueError as exc:
            raise damaged(self.path, f"{id} {exc}") from exc

    def _near(self, reference: str) -> str:
        known = [*self.tags(), *(run.id for run in self._list("ORDER BY number DESC LIMIT 5"))]
        return near(reference[:200], [*known[:_MOST_NAMED], LATEST]) if known else "it is empty"

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with refusing(self.path), transaction(self._connection):
            yield

    def _ask(self, question: str, *values: object) -> list[Any]:
        with refusing(self.path):
            return self._connection.execute(question, values).fetchall()

    def _write(self, statement: str, *values: object) -> int:
        """Change rows, and count them."""
        return self._connection.execute(statement, values).rowcount


def _facts(row: Sequence[Any]) -> dict[str, Any]:
    """Name the values of a row as ``Facts`` does."""
    facts = dict(zip(_COLUMNS, row, strict=True))
    jit = facts["jit"]
    return facts | {"jit": None if jit is None else bool(jit)}


def _read(digest: str, content: bytes) -> dict[str, Any]:
    """Read a document as it is kept.

    Raises:
        ValueError: If it is not what was kept.
    """
    try:
        text = zlib.decompress(content)
    except zlib.error as exc:
        raise ValueError(f"cannot be unpacked: {exc}") from exc
    if sha256(text).hexdigest() != digest:
        raise ValueError("is not what was kept: its digest is another")
    document: dict[str, Any] = codec.from_text(text)
    return document


def _write_rows(connection: sqlite3.Connection) -> None:
    """Write the rows of all runs anew from their documents."""
    assignments = ", ".join(f"{name} = ?" for name in _COLUMNS)
    numbers = [number for (number,) in connection.execute("SELECT run FROM document")]
    for number in numbers:
        kept = connection.execute(
            "SELECT sha256, content FROM document WHERE run = ?", (number,)
        ).fetchone()
        try:
            facts = facts_of(_read(*kept))
        except (ValueError, StoreError):
            continue  # whoever reads it is told
        connection.execute(
            f"UPDATE run SET {assignments} WHERE number = ?", (*astuple(facts), number)
        )
