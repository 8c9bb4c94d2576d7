"""Whatever goes wrong while a command writes: old files or new ones, a line, nothing beside."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults import SCENES, library
from tests.processes import PATIENCE_S

SHORT = (
    "summary --blocks 1,1,1,1 --width 0.25 --resolution 32 -o x.json",
    "graph --blocks 1,1,1,1 --width 0.25 --resolution 32 -o x.me.json",
    "runs tag latest a --db runs.db",
    "runs export --db lab.db -o new.db",
    "weights convert w.safetensors --model net.json -o x.h5",
)
"""One for each way of writing; ``python -m tests.faults`` tries all, and every call of each."""

UNSETTLED = """
from tests.faults import SCENES, unsettled
scenes = [scene for scene in SCENES if scene.writes and not scene.line.startswith("weights")]
print(*unsettled(scenes=scenes), sep="\\n", end="")
"""

TRYING = """
from tests.faults import SCENES, main
from tests.test_faults import SHORT
raise SystemExit(main(0, 1, [scene for scene in SCENES if scene.line in SHORT]))
"""


def tried(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own, which forks."""
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False,
        env=os.environ | environment, cwd=Path(__file__).parents[1], timeout=PATIENCE_S,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no signals, and no forks")
def test_commands_at_once_or_ended_at_any_instant_leave_whole_files() -> None:
    done = tried(UNSETTLED)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_a_command_that_goes_wrong_at_any_call_leaves_whole_files(tmp_path: Path) -> None:
    assert {scene.line for scene in SCENES} >= set(SHORT)
    made = library(tmp_path)
    if made is None:
        pytest.skip("no C compiler here to make calls of the system fail with, or no Linux")
    done = tried(TRYING, LD_PRELOAD=str(made))
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout.splitlines()[-1].split()[0]) > 50, done.stdout
