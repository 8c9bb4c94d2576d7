"""A call and the world around it: streams that are full or closed, signals at any moment."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
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


ENDED = {
    signal.SIGINT: 130,
    signal.SIGTERM: 143,
    signal.SIGHUP: 129,
    signal.SIGKILL: -signal.SIGKILL,
}
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


READY = (
    "import sys; from rsinspect.cli.app import main;"
    "sys.stderr.write('ready\\n'); sys.stderr.flush(); main()"
)
WRITING = {
    "graph 50 -o x.svg": ["x.svg"],
    "graph 50 -o x.me.json": [
        "x.activation_bytes.node_data.json", "x.flops.node_data.json", "x.macs.node_data.json",
        "x.me.json", "x.params.node_data.json",
    ],
    "diff 50 101 -o x.svg": ["x.svg"],
    "summary 420 -l layer --no-fold -o x.json": ["x.json"],
    "table 7 -o x.html": ["x.html"],
    "scale -o x.csv --plot x.svg": ["x.csv", "x.svg"],
    f"profile --from {RUN} --plot x.svg --trace x.json -o x.csv": [
        "x.csv", "x.json", "x.svg",
    ],
}  # fmt: skip
"""Commands, and the files that each writes."""


def ended(
    line: str, folder: Path, number: signal.Signals | None, after_s: float
) -> tuple[int, str]:
    """Exit code and stderr of a call that gets a signal a moment after it began."""
    process = subprocess.Popen(
        [sys.executable, "-c", READY, *line.split()], cwd=folder, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True, env=ENVIRONMENT,
    )  # fmt: skip
    with process:
        assert process.stderr is not None
        assert process.stderr.readline() == "ready\n"
        if number is not None:
            time.sleep(after_s)
            process.send_signal(number)
        said = process.stderr.read()
        return process.wait(timeout=PATIENCE_S), said


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no signals")
@pytest.mark.parametrize("line", WRITING)
def test_a_call_that_is_ended_at_any_moment_leaves_whole_files(tmp_path: Path, line: str) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    begun = time.monotonic()
    assert ended(line, whole, None, 0)[0] == 0
    takes_s = time.monotonic() - begun
    assert sorted(path.name for path in whole.iterdir()) == WRITING[line]
    moments = random.Random(line)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        folder = tmp_path / number.name
        folder.mkdir()
        code, said = ended(line, folder, number, moments.uniform(0, takes_s))
        assert code in (0, ENDED[number], -number), said
        assert len(said.splitlines()) <= 4
        assert "Traceback" not in said
        made = {path.name: path.read_bytes() for path in folder.iterdir()}
        if number == signal.SIGKILL:  # nobody tidies up what is not in its place yet
            made = {name: data for name, data in made.items() if not name.startswith(".rsinspect-")}
        assert made.keys() <= set(WRITING[line])
        assert all(data == (whole / name).read_bytes() for name, data in made.items())


@pytest.mark.slow
def test_two_writers_of_one_file_leave_the_file_of_one(tmp_path: Path) -> None:
    lines = ("summary 420 -l layer --no-fold -o x.json", "summary 350 -l layer --no-fold -o x.json")
    expected = []
    for line in lines:
        assert ended(line, tmp_path, None, 0)[0] == 0
        expected.append((tmp_path / "x.json").read_bytes())
    both = [
        subprocess.Popen(
            [sys.executable, "-m", "rsinspect", *line.split()], cwd=tmp_path, env=ENVIRONMENT,
            stderr=subprocess.DEVNULL,
        )
        for line in lines
    ]  # fmt: skip
    assert [process.wait(timeout=PATIENCE_S) for process in both] == [0, 0]
    assert (tmp_path / "x.json").read_bytes() in expected
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]
