"""The talk beside the answer, on stderr: what was written, what went wrong, how it goes on."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rsinspect.base.errors import WORKER_LINE
from rsinspect.base.talk import is_quiet, say
from rsinspect.base.text import showable
from rsinspect.base.words import plural

if TYPE_CHECKING:
    from rich.console import Console

LONGEST_LINE = 600


def complain(message: str, hint: str | None) -> None:
    """Say on one line what was wrong, and on a second what to do."""
    sys.stderr.write(f"error: {_lines(message)}\n")
    if hint:
        sys.stderr.write(f"hint: {_lines(hint)}\n")


def console() -> Console:
    """Make a console for progress and tables that are talk."""
    from rich.console import Console

    return Console(stderr=True, quiet=is_quiet())


def wrote(paths: Sequence[Path], beside: int = 0) -> None:
    """Say which files were written.

    Args:
        paths: Those that were asked for.
        beside: How many belong to the last of them.
    """
    if paths:
        *some, last = map(str, paths)
        named = f"{', '.join(some)} and {last}" if some else last
        say(f"wrote {named}" + (f" (and {plural(beside, 'file')} beside it)" if beside else ""))


def _lines(message: str) -> str:
    """Keep a worker's last lines below a message apart; other breaks come from names in it."""
    return WORKER_LINE.join(_shortened(showable(line)) for line in message.split(WORKER_LINE))


def _shortened(line: str) -> str:
    """Leave the middle of a line out where it repeats thousands of characters that were typed."""
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 100]} ... {line[-95:]}"
