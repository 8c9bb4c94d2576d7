"""A cell in a fresh process: what became of it, and that nothing of it stays behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from rsinspect.networks.named import network
from rsinspect.profiling.record.document import to_json
from rsinspect.profiling.record.run import Segment
from rsinspect.profiling.request import Settings
from rsinspect.profiling.statistics import Latency
from rsinspect.sweeps import execution
from rsinspect.sweeps.cells import Cell
from rsinspect.sweeps.execution import Kind, Outcome, carry_out
from tests.processes import gone, until
from tests.runs import run_of

NETWORK = network("50@32")
CELL = Cell(model="50@32", settings=Settings(batch=1), fingerprint=NETWORK.fingerprint)
LONG = replace(CELL, settings=Settings(batch=1, max_time_s=3600))
RUN = run_of(
    [Segment(path="stem", level="stage", latency=Latency.of([0.1] * 6))], network=NETWORK, batch=1
)


def carried_out(program: str, folder: Path) -> Outcome:
    """Give the cell's arguments to a program of Python's; ``saved`` is where the run goes."""
    start = "import sys; saved = sys.argv[sys.argv.index('--save') + 1]\n"
    return carry_out(CELL, folder=folder, program=(sys.executable, "-c", start + program))


def test_a_run_is_read_and_its_file_is_gone(tmp_path: Path) -> None:
    (tmp_path / "run").write_text(json.dumps(to_json(RUN)))
    there = tmp_path / "there"
    there.mkdir()
    copied = f"import shutil; shutil.copy({str(tmp_path / 'run')!r}, saved)"
    outcome = carried_out(copied, there)
    assert (outcome.kind, outcome.reason, outcome.key) == ("done", None, CELL.key)
    assert outcome.document == to_json(RUN)
    assert not list(there.iterdir())


def test_the_program_is_asked_for_the_cell_and_for_a_file(tmp_path: Path) -> None:
    outcome = carried_out("sys.exit('error: ' + ' '.join(sys.argv[1:]))", tmp_path)
    asked = "profile 50@32 --batch 1 --save"
    assert outcome.reason is not None
    assert outcome.reason.startswith(asked)
    assert outcome.reason.endswith(" -q")


@pytest.mark.parametrize(
    ("program", "kind", "reason"),
    [
        ("sys.stderr.write('error: no such device\\nhint: use cpu\\n'); sys.exit(3)", "refused",
         "no such device (use cpu)"),
        ("sys.exit(2)", "crashed", "it ended with code 2"),
        ("raise KeyError('conv')", "crashed", "it ended with code 1: KeyError: 'conv'"),
        ("import os; os.kill(os.getpid(), 9)", "crashed", "it was ended by SIGKILL"),
        ("pass", "crashed", "its run cannot be read: No such file or directory"),
        ("open(saved, 'w').write('[1')", "crashed", "its run cannot be read: "),
        ("open(saved, 'w').write('{}')", "crashed", "what it wrote is no run"),
        ("sys.stderr.write('error: ' + 'x' * 9999); sys.exit(1)", "refused", "xxxx"),
    ],
)  # fmt: skip
def test_what_did_not_become_a_run_has_its_reason(
    program: str, kind: Kind, reason: str, tmp_path: Path
) -> None:
    outcome = carried_out(program, tmp_path)
    assert (outcome.kind, outcome.document) == (kind, None)
    assert outcome.reason is not None
    assert outcome.reason.startswith(reason)
    assert len(outcome.reason) <= execution.LONGEST_REASON
    assert not list(tmp_path.iterdir())


def test_a_network_that_changed_meanwhile_is_noticed(tmp_path: Path) -> None:
    other = to_json(RUN)
    other["model"]["fingerprint"] = "g1:0000"
    (tmp_path / "run").write_text(json.dumps(other))
    outcome = carried_out(
        f"open(saved, 'w').write(open({str(tmp_path / 'run')!r}).read())", tmp_path
    )
    assert outcome.kind == "refused"
    assert outcome.reason == "50@32 is another network now than when the sweep began"


def test_what_does_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "GRACE_S", 1.0 - CELL.settings.max_time_s)
    outcome = carried_out("import time; time.sleep(600)", tmp_path)
    assert outcome.kind == "timeout"
    assert outcome.reason == "it did not end within 1 s, and was ended"


@pytest.mark.skipif(sys.platform != "linux", reason="children are listed in /proc")
def test_a_measurement_ends_with_a_sweep_that_is_killed() -> None:
    driver = subprocess.Popen(
        [sys.executable, "-c", f"from {__name__} import LONG, carry_out; carry_out(LONG)"]
    )
    children = Path(f"/proc/{driver.pid}/task/{driver.pid}/children")

    def started() -> list[str]:
        return [
            pid
            for pid in children.read_text().split()
            if b"rsinspect.sweeps.process" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]

    assert until(started)
    pids = started()
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    assert gone(*pids)
