"""A measurement put where it was wanted; whatever goes wrong there, it is not lost."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from rsinspect.base.errors import RsInspectError
from rsinspect.cli.streams import StdoutLost

Step = Callable[[], None]


def deliver(
    steps: Iterable[Step], document: Callable[[], bytes] | None, saved: Path | None
) -> None:
    """Take all steps, also after one that fails, and raise what went wrong first.

    Ctrl-C counts as such: what was measured is written all the same.

    Args:
        steps: Show the measurement, and write it to files.
        document: Makes the measurement's document; None where it came from a file.
        saved: The file that a step writes it to.

    Raises:
        RsInspectError: If a step raised it; the measurement is kept somewhere, and a line on stderr
            says where.
        StdoutLost: As above, if stdout cannot be written.
        OSError: If nobody reads on.
        KeyboardInterrupt: On Ctrl-C.
        SystemExit: On SIGTERM, or as Rich ends where nobody reads on.
    """
    failures: list[BaseException] = []
    for step in steps:
        try:
            step()
        except (RsInspectError, StdoutLost, OSError, KeyboardInterrupt, SystemExit) as exc:
            failures.append(exc)
    if not failures:
        return
    if document is not None and isinstance(failures[0], RsInspectError | StdoutLost):
        content = document()
        if not _holds(saved, content):
            _keep(content)
    raise failures[0]


def _holds(path: Path | None, content: bytes) -> bool:
    try:
        return path is not None and path.read_bytes() == content
    except OSError:
        return False


def _keep(content: bytes) -> None:
    """Write to a new file in the folder of temporary files, else to stdout, and say where."""
    place = None
    try:
        descriptor, name = tempfile.mkstemp(prefix="rsinspect-run-", suffix=".json")
        try:
            with open(descriptor, "wb") as file:  # noqa: PTH123
                file.write(content)
            place = name
        finally:
            if place is None:
                os.unlink(name)  # noqa: PTH108
    except OSError:
        sys.stdout.write(content.decode())
        sys.stdout.flush()
    sys.stderr.write(f"the measurement is kept in {place or 'standard output'}\n")
