"""A program that is run leaves nothing behind, however it or its caller ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from rsinspect.base import process
from tests.processes import PATIENCE_S, alive, gone, until

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="asks /proc who is alive")

FAMILY = """
import os, pathlib, subprocess, sys, time
sys.stdin.read()  # the caller waits for it by now
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
pathlib.Path({pids!r}).write_text(f"{{os.getpid()}} {{child.pid}}")
{then}
"""
"""A program that starts another, writes down both, and goes on as told."""


def family(pids: Path, then: str = "time.sleep(3600)") -> list[str]:
    return [sys.executable, "-c", FAMILY.format(pids=str(pids), then=then)]


def written(pids: Path) -> list[str]:
    """The two of a family, as soon as they are written down; before that, none."""
    found = pids.read_text().split() if pids.exists() else []
    return found if len(found) == 2 else []


def test_input_output_and_complaints_come_back() -> None:
    code = "import sys; print(sys.stdin.read().upper()); sys.exit('no\\n\\nreally')"
    ended = process.run([sys.executable, "-c", code], source=b"dot", timeout_s=PATIENCE_S)
    assert ended == process.Ended(1, b"DOT\n", ("no", "really"))
    assert ended.manner == "ended with code 1"


def test_a_program_that_does_not_read_its_input_is_no_mishap() -> None:
    ended = process.run([sys.executable, "-c", ""], source=b"x" * 10**6, timeout_s=PATIENCE_S)
    assert ended == process.Ended(0, b"", ())


def test_lines_are_handed_on_while_the_program_runs() -> None:
    code = (
        "import sys; print('one', flush=True); sys.stdin.readline(); print('two');"
        "sys.stderr.write('a line\\nthe rest')"
    )
    heard: list[bytes] = []
    said: list[bytes] = []
    command = [sys.executable, "-c", code]
    ended = process.run(
        command,
        source=b"go on\n",
        timeout_s=PATIENCE_S,
        on_output=heard.append,
        on_error=said.append,
    )
    assert (ended.code, heard, said) == (0, [b"one", b"two"], [b"a line", b"the rest"])


def test_a_listener_that_is_interrupted_ends_the_program() -> None:
    code = "import sys; print(1, flush=True); sys.stdin.read(); sys.exit(3)"

    def interrupt(line: bytes) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        process.run([sys.executable, "-c", code], timeout_s=PATIENCE_S, on_output=interrupt)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (signal.SIGSEGV, "was ended by SIGSEGV"),
        (40, "was ended by signal 40"),
    ],
)
def test_the_signal_that_ended_it_is_named(number: int, words: str) -> None:
    code = f"import os; os.kill(os.getpid(), {int(number)})"
    assert process.run([sys.executable, "-c", code], timeout_s=PATIENCE_S).manner == words


def test_out_of_time_ends_the_program_and_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock that jumps when both live."""
    pids = tmp_path / "pids"
    clock = SimpleNamespace(monotonic=lambda: 100.0 if written(pids) else 0.0)
    monkeypatch.setattr(process, "time", clock)
    with pytest.raises(process.OutOfTime):
        process.run(family(pids), timeout_s=60)
    assert gone(*written(pids))


def test_a_program_that_ends_is_over_whoever_of_its_holds_the_pipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_GRACE_S", 0.5)
    pids = tmp_path / "pids"
    ended = process.run(
        family(pids, "print('done', flush=True); sys.exit(3)"), timeout_s=PATIENCE_S
    )
    assert ended == process.Ended(3, b"done\n", ())
    assert gone(*written(pids))


def test_output_without_an_end_is_not_kept() -> None:
    to_output, to_errors = (
        [sys.executable, "-c", f"import os\nwhile True: os.write({stream}, b'x' * 65536)"]
        for stream in (1, 2)
    )
    with pytest.raises(process.TooMuchOutput):
        process.run(to_output, timeout_s=PATIENCE_S, most_bytes=10**6)
    with pytest.raises(process.OutOfTime):
        process.run(to_errors, timeout_s=1)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, 143)]
)
def test_whoever_is_interrupted_takes_the_program_along(
    tmp_path: Path, number: int, code: int
) -> None:
    """By Ctrl-C, or by SIGTERM turned into an exit, as the command line does."""
    pids = tmp_path / "pids"
    caller = (
        "import signal, sys\nfrom rsinspect.base import process\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"process.run({family(pids)!r}, timeout_s={PATIENCE_S})"
    )
    with subprocess.Popen([sys.executable, "-c", caller], stderr=subprocess.DEVNULL) as running:
        try:
            assert until(lambda: written(pids))
            assert all(map(alive, written(pids)))
            running.send_signal(number)
            running.wait(timeout=PATIENCE_S)
        finally:
            running.kill()
    assert running.returncode == code
    assert gone(*written(pids))


def test_the_program_gets_the_environment_it_is_given() -> None:
    command = [sys.executable, "-c", "import os; print(sorted(set(os.environ) - {'LC_CTYPE'}))"]
    assert process.run(command, environment={"A": "1"}, timeout_s=PATIENCE_S).output == b"['A']\n"
    inherited = process.run(command, timeout_s=PATIENCE_S).output.decode()
    assert all(name in inherited for name in os.environ)


LITTERING = """
import os, tempfile, time
open(os.path.join(tempfile.gettempdir(), "left"), "w").close()
print(tempfile.gettempdir(), os.environ["TORCHINDUCTOR_CACHE_DIR"], flush=True)
time.sleep(3600)
"""


def test_what_a_killed_program_left_among_temporary_files_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    said: list[bytes] = []

    def hear(line: bytes) -> None:
        said.append(line)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), process.tidied() as environment:
        process.run(
            (sys.executable, "-c", LITTERING), timeout_s=PATIENCE_S, environment=environment,
            on_output=hear,
        )  # fmt: skip
    place, compiled = said[0].decode().split()
    assert Path(place).parent == tmp_path
    assert list(tmp_path.iterdir()) == []
    assert Path(compiled).parent == tmp_path, "what PyTorch compiled is found again"
