"""A call and the world around it: streams that are full or closed, signals at any moment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import GOLDENS
from tests.processes import PATIENCE_S

ROOT = Path(__file__).parent.parent
RUN = GOLDENS / "run-50-train.json"
PROGRAM = f"'{sys.executable}' -m rsinspect"
ENVIRONMENT = dict(os.environ) | {"PYTHONPATH": str(ROOT)}
PRINTING = (
    "--help", "-V", "help summary", "cite", "summary 50", "summary 50 -f json", "graph 50 -q",
    "graph 50 -o - -f dot", "diff 50 101", "table 7 -f csv", "doctor", f"profile --from {RUN}",
    "scale -a depth=50",
)  # fmt: skip


def shell(line: str) -> tuple[int, str]:
    """Exit code and stderr of a line of a shell."""
    done = subprocess.run(
        ["sh", "-c", line], stderr=subprocess.PIPE, text=True, check=False, timeout=PATIENCE_S,
        env=ENVIRONMENT,
    )  # fmt: skip
    return done.returncode, done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("line", PRINTING)
def test_an_answer_that_is_lost_is_no_success(line: str) -> None:
    assert shell(f"{PROGRAM} {line} >/dev/full") == (
        1, "error: stdout cannot be written: No space left on device\n",
    )  # fmt: skip


def test_a_closed_stdout_is_an_error_only_for_what_writes_to_it(tmp_path: Path) -> None:
    code, said = shell(f"{PROGRAM} summary 50 >&-")
    assert (code, said) == (1, "error: stdout cannot be written: Bad file descriptor\n")
    target = tmp_path / "s.json"
    assert shell(f"{PROGRAM} summary 50 -qo {target} >&- <&-") == (0, "")
    assert target.read_text().startswith("{"), "and the file is not what stdout was"


@pytest.mark.parametrize("closed", ["2>&-", "2>/dev/full", ">&- 2>&-"])
def test_who_cannot_hear_still_gets_the_right_code(tmp_path: Path, closed: str) -> None:
    assert shell(f"{PROGRAM} summary 151 {closed}") == (2, "")
    assert shell(f"{PROGRAM} summary 50 -o {tmp_path / 's.csv'} {closed}") == (0, "")


def test_a_directory_that_is_gone_is_one_line_for_who_writes_into_it(tmp_path: Path) -> None:
    gone = f"mkdir {tmp_path}/gone && cd {tmp_path}/gone && rmdir {tmp_path}/gone && "
    target = tmp_path / "s.svg"
    assert shell(f"{gone}{PROGRAM} graph 50 -qo {target}") == (0, "")
    code, said = shell(f"{gone}{PROGRAM} summary 50 -o s.json")
    assert code == 2
    assert said.startswith("error: s.json cannot be written")


LOADING = """
import sys
from importlib.abc import MetaPathFinder

class Interrupting(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == {name!r}:
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupting())
sys.argv = ["rsinspect", "summary", "50"]
from rsinspect.cli.app import main
main()
"""


@pytest.mark.parametrize("name", ["typer", "rich.console", "rsinspect.answers.summary"])
def test_ctrl_c_while_something_is_loaded_is_one_line(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADING.format(name=name)], capture_output=True, text=True,
        check=False, timeout=PATIENCE_S, env=ENVIRONMENT,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "error: interrupted\n")


def test_what_libraries_have_to_do_at_the_end_is_done() -> None:
    """Matplotlib removes its folder among temporary files then."""
    code = (
        "import atexit, sys; atexit.register(print, 'tidied up', file=sys.stderr)\n"
        "from rsinspect.cli.app import main\n"
        "sys.argv = ['rsinspect', '--version']\nmain()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False,
        timeout=PATIENCE_S, env=ENVIRONMENT,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "tidied up\n")


SWALLOWED = """
import os, signal, sys
import rsinspect.answers.summary as summary
from rsinspect.cli.app import main

def answer(*_):
    try:
        os.kill(os.getpid(), signal.{name})
        signal.pause()
    except BaseException as exc:
        raise ValueError("too many values to unpack") from exc

summary.summary_answer = answer
sys.argv = ["rsinspect", "summary", "50"]
main()
"""


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_library_that_makes_another_error_of_a_signal_changes_nothing(
    name: str, code: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SWALLOWED.format(name=name)], capture_output=True, text=True,
        check=False, timeout=PATIENCE_S, env=ENVIRONMENT,
    )  # fmt: skip
    assert done.returncode == code
    assert len(done.stderr.splitlines()) == 1
