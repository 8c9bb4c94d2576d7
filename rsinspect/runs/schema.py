"""The tables of a store, version by version, and how an older store becomes one of today.

A run is a row of ``run``, which is what is listed and searched, and a document, which is the run.
The row follows from the document, so every upgrade writes the rows anew and loses nothing.

Versions: 1, first. 2: ``peak_bytes``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import NamedTuple

APPLICATION = 0x72736E73
"""What says of a database of SQLite that it is a store: ``rsns``."""

_FIRST = (
    """CREATE TABLE run (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        model TEXT,
        title TEXT,
        fingerprint TEXT,
        height INTEGER,
        width INTEGER,
        batch INTEGER,
        mode TEXT,
        precision TEXT,
        backend TEXT,
        device TEXT,
        jit INTEGER,
        layout TEXT,
        threads INTEGER,
        level TEXT,
        conditions TEXT,
        median_s REAL,
        low_s REAL,
        high_s REAL,
        rounds INTEGER,
        started_at TEXT,
        started_s REAL,
        machine TEXT,
        machine_name TEXT,
        version TEXT)""",
    """CREATE TABLE document (
        run INTEGER PRIMARY KEY REFERENCES run(number) ON DELETE CASCADE,
        sha256 TEXT NOT NULL,
        content BLOB NOT NULL)""",
    """CREATE TABLE tag (
        name TEXT PRIMARY KEY,
        run INTEGER NOT NULL REFERENCES run(number) ON DELETE CASCADE)""",
    """CREATE TABLE sweep (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        document TEXT NOT NULL)""",
    """CREATE TABLE cell (
        sweep TEXT NOT NULL REFERENCES sweep(id) ON DELETE CASCADE,
        key TEXT NOT NULL,
        position INTEGER NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'failed')),
        run INTEGER REFERENCES run(number) ON DELETE SET NULL,
        reason TEXT,
        attempts INTEGER NOT NULL,
        PRIMARY KEY (sweep, key))""",
    "CREATE INDEX run_of_tag ON tag(run)",
    "CREATE INDEX run_of_cell ON cell(run)",
)


class Version(NamedTuple):
    """A step from the version before.

    Attributes:
        statements: Of SQL, in order.
    """

    statements: tuple[str, ...]


VERSIONS = (Version(_FIRST), Version(("ALTER TABLE run ADD COLUMN peak_bytes INTEGER",)))
"""The first makes the tables, each later one changes them."""

NEWEST = len(VERSIONS)


def version_of(connection: sqlite3.Connection) -> int | None:
    """Read the version of a store; 0 where there are no tables, None for another's database.

    In one statement, as another may be making the store just now.
    """
    application, version, tables = connection.execute(
        "SELECT (SELECT application_id FROM pragma_application_id), "
        "(SELECT user_version FROM pragma_user_version), count(*) FROM sqlite_master"
    ).fetchone()
    if application == APPLICATION:
        return int(version)
    return 0 if (application, version, tables) == (0, 0, 0) else None


def is_strange(connection: sqlite3.Connection) -> bool:
    """Tell whether a database has what no store has: views, triggers, tables that are programs.

    They would run while the store is read, a view without end.
    """
    row = connection.execute(
        "SELECT count(*) FROM sqlite_master WHERE type NOT IN ('table', 'index') "
        "OR sql LIKE 'CREATE VIRTUAL%'"
    ).fetchone()
    return bool(row[0])


def upgrade(
    connection: sqlite3.Connection, version: int, write_rows: Callable[[sqlite3.Connection], None]
) -> None:
    """Bring a store to the newest version; the caller's transaction keeps all of it or nothing.

    Args:
        connection: In a transaction.
        version: Which it has.
        write_rows: Writes the rows of the runs anew from their documents.
    """
    for step in VERSIONS[version:]:
        for statement in step.statements:
            connection.execute(statement)
    if 0 < version < NEWEST:
        write_rows(connection)
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute(f"PRAGMA user_version = {NEWEST}")
