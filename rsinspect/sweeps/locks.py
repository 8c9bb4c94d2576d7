"""Whose turn it is: one measurement at a time on a machine, one driver at a time for a sweep.

A turn is a lock of the system's on an empty file, taken by SQLite, which knows how on every
system. Whatever ends a process gives back what it held, so that no turn is ever stale. Who gives a
turn back takes the file away; one that is killed leaves it, for the next to use.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from rsinspect.base.errors import MeasurementError
from rsinspect.base.files import temporary

LOOKS_EVERY_S = 0.5


class Taken(Exception):
    """Another process has the turn."""


def place_of(what: str) -> Path:
    """Name the file of a turn: of this user's, on this machine.

    Raises:
        NoTemporaryDirectory: If there is no place for it.
    """
    digest = hashlib.sha256(what.encode()).hexdigest()[:12]
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "")
    with temporary():
        return Path(tempfile.gettempdir()) / f"rsinspect-{user}-{digest}.turn"


@contextmanager
def turn(place: Path) -> Iterator[None]:
    """Hold a turn until the end.

    Raises:
        Taken: If another process has it.
        MeasurementError: If there is no place for the file.
    """
    try:
        place.touch()
        try:
            before = place.stat()
        except FileNotFoundError as exc:  # who had the turn took it away just then
            raise Taken from exc
        connection = sqlite3.connect(place, timeout=0, isolation_level=None)
    except (OSError, sqlite3.Error) as exc:
        raise MeasurementError(f"{place} cannot be opened: {exc}", "set TMPDIR") from exc
    with closing(connection):
        try:
            connection.execute("PRAGMA journal_mode = MEMORY")  # no second file: nothing is written
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as exc:
            code = getattr(exc, "sqlite_errorcode", 0) & 0xFF
            if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) or not _is(place, before):
                raise Taken from exc
            raise MeasurementError(f"{place} cannot be locked: {exc}", "set TMPDIR") from exc
        try:
            if not _is(place, before):
                raise Taken  # until a moment ago: what is locked here is nobody's any more
            yield
        finally:
            if _is(place, before):
                with suppress(OSError):  # Windows removes no file that is open
                    place.unlink()


def _is(place: Path, before: os.stat_result) -> bool:
    """Tell whether the file of a name is the one it was."""
    try:
        return os.path.samestat(place.stat(), before)
    except OSError:
        return False


@contextmanager
def in_turn(place: Path, on_wait: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Wait for a turn, and hold it until the end.

    Args:
        place: Of the turn.
        on_wait: Called once, if another process has it.
    """
    waits = False
    while True:
        try:
            with turn(place):
                yield
                return
        except Taken:
            if not waits:
                waits = True
                on_wait()
            time.sleep(LOOKS_EVERY_S)


MACHINE = "measurements"
"""The turn of everything that is measured by sweeps on this machine."""
