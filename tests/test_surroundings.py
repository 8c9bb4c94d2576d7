"""Whatever surrounds a call, it ends as it would alone: same code, no traceback, nothing left.

Each surrounding is tried with one light command; ``python -m tests.surroundings`` tries all.
"""

from __future__ import annotations

import shutil
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.surroundings import LINES, SURROUNDINGS, Outcome, called, faults

LIGHT = LINES[:6]

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("bash"), reason="a shell of Linux makes them"
)


@cache
def alone(line: str) -> Outcome:
    """How a call ends where nothing is odd."""
    with TemporaryDirectory() as folder:
        return called(line, "nothing", Path(folder))


@pytest.mark.parametrize(("number", "name"), list(enumerate(SURROUNDINGS)), ids=[*SURROUNDINGS])
def test_what_surrounds_a_call_changes_no_outcome(tmp_path: Path, number: int, name: str) -> None:
    line = LIGHT[number % len(LIGHT)]
    assert faults(line, name, called(line, name, tmp_path), alone(line)) == []
