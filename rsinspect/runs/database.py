"""The file of a store: opened, brought to today's tables, and its errors in one line each.

SQLite in WAL mode: several read while one writes, and whatever ends a process, what was committed
is there and nothing else. Who only reads changes nothing: an older store is upgraded in memory.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from rsinspect.base.errors import (
    OutputNotWritable,
    RsInspectError,
    StoreBusy,
    StoreDamaged,
    StoreError,
    StoreFull,
    StoreUnusable,
)
from rsinspect.base.files import check_writable
from rsinspect.base.words import Option, advice
from rsinspect.runs import schema
from rsinspect.runs.place import OTHER_FILE, is_there, users_own

WAIT_S = 30.0
"""How long somebody waits for another who writes."""

_AGAIN_AFTER_S = 0.02

WriteRows = Callable[[sqlite3.Connection], None]


@contextmanager
def connected(
    path: Path, write: bool, write_rows: WriteRows, wait_s: float = WAIT_S, *, make: bool = True
) -> Iterator[sqlite3.Connection]:
    """Open a store; it is closed at the end, and what was not committed is dropped.

    Args:
        path: Of its file.
        write: Whether it is written.
        write_rows: As for ``schema.upgrade``.
        wait_s: How long to wait for another who writes.
        make: Whether one that is written is made where there is none.

    Raises:
        StoreError: If there is none, or it cannot be used so.
        OutputNotWritable: If it is to be written and may not be.
    """
    with refusing(path):
        if not make and not is_there(path):
            raise _nothing(path)
        opener = _to_write if write else _to_read
        connection = opener(path, write_rows, wait_s)
    with closing(connection), refusing(path):
        yield connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Keep all that is written inside, or nothing of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def check_place(path: Path) -> None:
    """Refuse a place where no store can be made or written; none is made.

    Raises:
        StoreError: If something else is there.
        OutputNotWritable: If it may not be written.
    """
    _check_kind(path)
    if path == users_own():
        _make_folder(path.parent)
    check_writable(path)


def _to_write(path: Path, write_rows: WriteRows, wait_s: float) -> sqlite3.Connection:
    check_place(path)
    connection = _connect(path, "rwc", wait_s)
    try:
        if _known(connection, path) < schema.NEWEST:
            with transaction(connection):  # another may have done it while this one waited
                schema.upgrade(connection, _known(connection, path), write_rows)
        _keep_log(connection, wait_s)
    except BaseException:
        connection.close()
        raise
    return connection


def _to_read(path: Path, write_rows: WriteRows, wait_s: float) -> sqlite3.Connection:
    _check_kind(path)
    if not is_there(path):
        raise _nothing(path)
    connection = _readable(path, wait_s)
    try:
        version = _known(connection, path)
        if version == 0:
            raise _nothing(path)
        if version < schema.NEWEST:
            copy = sqlite3.connect(":memory:", isolation_level=None)
            connection.backup(copy)
            connection.close()
            connection = copy
            with transaction(connection):
                schema.upgrade(connection, version, write_rows)
        connection.execute("PRAGMA query_only = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _readable(path: Path, wait_s: float) -> sqlite3.Connection:
    """Open a file that may lie where nothing can be written.

    Who may write does so to finish what a killed program began; on a disk that cannot be written
    nobody else writes either.
    """
    failure: sqlite3.Error | None = None
    for mode in ("rw", "ro", "ro&immutable=1"):
        if "immutable" in mode and _unfinished(path):
            continue  # what is in the log would be missing
        connection = _connect(path, mode, wait_s)
        try:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.OperationalError as exc:
            connection.close()
            failure = failure or exc
            if _primary(exc) not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                raise
        except sqlite3.DatabaseError:
            connection.close()
            raise
        else:
            return connection
    raise failure or StoreUnusable(f"{path} cannot be opened")


def _unfinished(path: Path) -> bool:
    """Tell whether a log with content lies beside a file."""
    log = path.with_name(path.name + "-wal")
    return log.exists() and log.stat().st_size > 0


def _connect(path: Path, mode: str, wait_s: float) -> sqlite3.Connection:
    place = quote(os.fsencode(path.absolute()))
    connection = sqlite3.connect(
        f"file:{place}?mode={mode}", uri=True, timeout=wait_s, isolation_level=None
    )
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _keep_log(connection: sqlite3.Connection, wait_s: float) -> None:
    """Write ahead from now on; SQLite does not wait for others itself where it changes to that."""
    ends = time.monotonic() + wait_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
            return
        except sqlite3.OperationalError as exc:
            if _primary(exc) != sqlite3.SQLITE_BUSY or time.monotonic() > ends:
                raise
            time.sleep(_AGAIN_AFTER_S)


def _known(connection: sqlite3.Connection, path: Path) -> int:
    """Read the version of a store.

    Raises:
        StoreUnusable: If it is another program's database, or of a later version.
    """
    version = schema.version_of(connection)
    if version is None or schema.is_strange(connection):
        raise StoreUnusable(f"{path} is a database of another program", OTHER_FILE)
    if version > schema.NEWEST:
        raise StoreUnusable(
            f"{path} is a store of version {version}; this rsinspect knows {schema.NEWEST}",
            "a later rsinspect wrote it: update rsinspect",
        )
    return version


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise OutputNotWritable(
            f"{folder} cannot be made: {exc.strerror or exc}", OTHER_FILE
        ) from exc


def _check_kind(path: Path) -> None:
    """Refuse what is there and is no file."""
    if is_there(path) and not stat.S_ISREG(kind := path.stat().st_mode):
        what = "a directory" if stat.S_ISDIR(kind) else "no file"
        raise StoreUnusable(f"{path} is {what}; runs are kept in a file", OTHER_FILE)


def _nothing(path: Path) -> StoreError:
    return StoreUnusable(
        f"no runs are kept in {path}",
        advice("profile a network with {}, or name another file with {}",
               Option("record"), Option("db")),
    )  # fmt: skip


@contextmanager
def refusing(path: Path) -> Iterator[None]:
    """Turn what SQLite says of a store into one line.

    Raises:
        StoreError: With what to do.
    """
    try:
        yield
    except sqlite3.Error as exc:
        raise _refusal(path, exc) from exc
    except UnicodeDecodeError as exc:  # in what SQLite says of a name that is damaged
        raise damaged(path, "names in it are no text") from exc


def _primary(exc: sqlite3.Error) -> int:
    """Return the kind of an error of SQLite, without its details."""
    return getattr(exc, "sqlite_errorcode", 0) & 0xFF


def _refusal(path: Path, exc: sqlite3.Error) -> RsInspectError:
    match _primary(exc):
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StoreBusy(
                f"another program has been writing to {path} for too long",
                "try again when it is done",
            )
        case sqlite3.SQLITE_FULL:
            return StoreFull(
                f"no room to write to {path}", "what was kept is still there; make room and go on"
            )
        case sqlite3.SQLITE_READONLY:
            return OutputNotWritable(f"{path} cannot be written: {exc}", OTHER_FILE)
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return StoreUnusable(f"{path} cannot be opened: {exc}", OTHER_FILE)
        case sqlite3.SQLITE_NOTADB:
            return StoreUnusable(
                f"{path} is no store of runs, or its beginning is damaged", OTHER_FILE
            )
        case sqlite3.SQLITE_IOERR:
            return StoreFull(
                f"the system does not write to {path}, or read it: {exc}",
                "what was kept is still there; is the disk full, or gone?",
            )
    return damaged(path, " ".join(str(exc).split())[:200])


def damaged(path: Path, why: str) -> StoreDamaged:
    """Say that what was written is not what is there."""
    return StoreDamaged(
        f"{path} is damaged: {why}",
        "rsinspect runs check lists what is whole, runs export saves that",
    )
