"""Files that are read: whole, but only so much, and only what has an end.

A device has none, a directory has no content, and a pipe nobody writes to would be waited for.
"""

from __future__ import annotations

import itertools
import os
import stat
from pathlib import Path

LARGEST_BYTES = 2**28
"""A run of a day in a hundred processes takes a third of it."""


_MOST_SAID = 300
_MOST_NAMES = 2_000
"""Of files beside one that is missing, among which a near one is looked for."""


class Unreadable(ValueError):
    """A file that cannot be read, or would not end; the message says why.

    Args:
        reason: Why.
        hint: What could have been meant, where something can be said.
    """

    def __init__(self, reason: str, hint: str | None = None) -> None:
        super().__init__(reason)
        self.hint = hint


def content_of(path: Path, most_bytes: int = LARGEST_BYTES) -> bytes:
    """Read a file or a pipe to its end.

    Args:
        path: Of the file; ``~`` is the home of whoever asks.
        most_bytes: No more is read.

    Raises:
        Unreadable: If it is missing, may not be read, is a directory, a device or a socket, or
            holds more.
    """
    try:
        path = path.expanduser()
    except RuntimeError as exc:  # ~nobody
        raise Unreadable(str(exc)) from exc
    try:
        # A named pipe without a writer is at its end; opened as usual it would be waited for.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        descriptor = os.open(path, flags)
    except FileNotFoundError as exc:
        raise Unreadable(exc.strerror or str(exc), near_file(path)) from exc
    except OSError as exc:
        raise Unreadable(exc.strerror or str(exc)) from exc
    except ValueError as exc:  # a NUL in its name
        raise Unreadable(str(exc)) from exc
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise Unreadable("it is a directory")
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISFIFO(status.st_mode)):
            raise Unreadable("it is a device, not a file")
        if status.st_size > most_bytes:
            raise Unreadable(_too_large(most_bytes))
        if hasattr(os, "set_blocking"):
            os.set_blocking(descriptor, True)
        with open(descriptor, "rb", closefd=False) as file:  # it is open already
            content = file.read(most_bytes + 1)
    except OSError as exc:
        raise Unreadable(exc.strerror or str(exc)) from exc
    finally:
        os.close(descriptor)
    if len(content) > most_bytes:
        raise Unreadable(_too_large(most_bytes))
    return content


def near_file(path: Path) -> str:
    """Hint at the file that was meant by the name of one that is missing, or at where it would be.

    >>> near_file(Path("no/such/folder/my.keras"))
    'there is no folder no/such/folder'
    """
    from rsinspect.base.text import showable
    from rsinspect.base.words import nearest

    folder = path.parent
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in itertools.islice(entries, _MOST_NAMES)]
    except FileNotFoundError:
        return showable(f"there is no folder {folder}", _MOST_SAID)
    except (OSError, ValueError):
        return showable(f"the folder {folder} cannot be looked into", _MOST_SAID)
    if near := nearest(path.name[:_MOST_SAID], names, cutoff=0.7):
        return showable(f"did you mean {path.with_name(near)}?", _MOST_SAID)
    where = "the working directory" if folder == Path() else folder
    return showable(f"nothing in {where} has a name like it", _MOST_SAID)


def _too_large(most_bytes: int) -> str:
    from rsinspect.base.units import binary_bytes

    return f"it holds more than {binary_bytes(most_bytes)}"
