"""The tables of a store: asked, written, and a run put into them."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from hashlib import sha256
from pathlib import Path
from typing import Any

from rsinspect.base import codec
from rsinspect.base.sources import LARGEST_BYTES
from rsinspect.base.units import binary_bytes
from rsinspect.runs.database import damaged, refusing, transaction
from rsinspect.runs.facts import DIGITS, Document, Facts, canonical

COLUMNS = tuple(field.name for field in fields(Facts))
"""Of the table of runs, which follow from a document."""


class Tables:
    """The tables of one store.

    Args:
        path: Of its file.
        connection: To it.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    @contextmanager
    def together(self) -> Iterator[None]:
        """Keep all that is written inside, or nothing of it.

        Raises:
            StoreError: If it cannot be kept.
        """
        with refusing(self.path), transaction(self._connection):
            yield

    @contextmanager
    def _writing(self) -> Iterator[None]:
        if self._connection.in_transaction:
            yield
        else:
            with self.together():
                yield

    def ask(self, question: str, *values: object) -> list[Any]:
        """Ask in SQL, and get all rows.

        Raises:
            StoreError: If the file does not answer.
        """
        with refusing(self.path):
            return self._connection.execute(question, values).fetchall()

    def _write(self, statement: str, *values: object) -> int:
        """Change rows, and count them."""
        return self._connection.execute(statement, values).rowcount

    def _put(self, document: Document, facts: Facts) -> tuple[str, int]:
        """Keep a document and its row, within a transaction; return its id and number."""
        content = canonical(document)
        digest = sha256(content).hexdigest()
        id = f"r{digest[:DIGITS]}"
        for number, kept in self.ask(
            "SELECT number, sha256 FROM run JOIN document ON run = number WHERE id = ?", id
        ):
            if kept != digest:
                raise damaged(self.path, f"{id} is kept with another content")
            return id, number
        names, marks = ", ".join(COLUMNS), ", ".join("?" * (len(COLUMNS) + 1))
        self._write(f"INSERT INTO run(id, {names}) VALUES ({marks})", id, *values_of(facts))
        number = self.ask("SELECT number FROM run WHERE id = ?", id)[0][0]
        self._write("INSERT INTO document VALUES (?, ?, ?)", number, digest, zlib.compress(content))
        return id, number

    def _document(self, id: str, number: int) -> dict[str, Any]:
        rows = self.ask("SELECT sha256, content FROM document WHERE run = ?", number)
        if not rows:
            raise damaged(self.path, f"{id} has no document")
        try:
            return read_document(*rows[0])
        except ValueError as exc:
            raise damaged(self.path, f"{id} {exc}") from exc


def values_of(facts: Facts) -> tuple[Any, ...]:
    """List the values of a row, in the order of ``COLUMNS``."""
    return tuple(getattr(facts, name) for name in COLUMNS)


def read_document(digest: str, content: bytes) -> dict[str, Any]:
    """Read a document as it is kept.

    Raises:
        ValueError: If it is not what was kept.
    """
    unpacking = zlib.decompressobj()
    try:
        text = unpacking.decompress(content, LARGEST_BYTES)
    except (zlib.error, TypeError) as exc:  # or no bytes at all
        raise ValueError(f"cannot be unpacked: {exc}") from exc
    if not unpacking.eof and not unpacking.unconsumed_tail:
        raise ValueError("cannot be unpacked: its end is missing")
    if unpacking.unconsumed_tail:
        raise ValueError(f"holds more than {binary_bytes(LARGEST_BYTES)}")
    if sha256(text).hexdigest() != digest:
        raise ValueError("is not what was kept: its digest is another")
    document: dict[str, Any] = codec.from_text(text)
    return document
