"""Which processes live, for tests of programs that start others; they wait as long as it takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

PATIENCE_S = 300.0
"""Far more than anything takes on a machine that does a lot else: only what never comes is late."""


def alive(pid: int | str) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def gone(*pids: int | str) -> bool:
    """Whether processes have ended; a killed one takes a moment to disappear."""
    return until(lambda: not any(map(alive, pids)))


def until(condition: Callable[[], object]) -> bool:
    """Wait until something holds; whether it does."""
    end = time.monotonic() + PATIENCE_S
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return bool(condition())
