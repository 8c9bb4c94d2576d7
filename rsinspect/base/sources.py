"""Files that are read: whole, but only so much, and only what has an end.

A device has none, a directory has no content, and a pipe nobody writes to would be waited for.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

LARGEST_BYTES = 2**28
"""A run of a day in a hundred processes takes a third of it."""


class Unreadable(ValueError):
    """A file that cannot be read, or would not end; the message says why."""


def content_of(path: Path, most_bytes: int = LARGEST_BYTES) -> bytes:
    """Read a file or a pipe to its end.

    Args:
        path: Of the file.
        most_bytes: No more is read.

    Raises:
        Unreadable: If it is missing, may not be read, is a directory, a device or a socket, or
            holds more.
    """
    try:
        # A named pipe without a writer is at its end; opened as usual it would be waited for.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        descriptor = os.open(path, flags)
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


def _too_large(most_bytes: int) -> str:
    from rsinspect.base.units import binary_bytes

    return f"it holds more than {binary_bytes(most_bytes)}"
