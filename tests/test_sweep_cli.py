"""``rsinspect sweep`` as people call it; nothing is measured but in the last test."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import rsinspect
from rsinspect.runs.store import open_store
from rsinspect.sweeps import site
from rsinspect.sweeps.cells import Cell
from rsinspect.sweeps.execution import Outcome
from tests.conftest import Cli
from tests.schemas import complaints
from tests.sweeps import Fake, small_network

LINE = ("sweep", "--models", "50@32", "--batches", "1,2", "--repeats", "2")


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    """The executor of every sweep of the test."""
    executor = Fake()
    monkeypatch.setattr(site, "local_executor", lambda _: executor)
    return executor


def test_what_is_measured_is_said_and_kept_and_the_same_command_goes_on(
    cli: Cli, fake: Fake, tmp_path: Path
) -> None:
    db = ("--db", str(tmp_path / "runs.db"))
    outcome = cli(*LINE, *db)
    assert outcome.code == 0
    assert outcome.err.startswith("sweep s")
    assert "1/4  ResNet-RS-50 @ 32×32, batch " in outcome.err
    assert "100 ms [100 ms to 100 ms]" in outcome.err
    assert outcome.err.splitlines()[-1].endswith("to 100 ms]")  # nothing is left
    assert "Sweep s" in outcome.out.splitlines()[0]
    assert len(fake.keys) == 4

    again = cli(*LINE, *db, "--format", "json")
    document = json.loads(again.out)
    assert document["schema"] == "rsinspect.sweep/1"
    assert complaints(document) == []
    assert document["cells"] == {"done": 4, "failed": 0, "waiting": 0}
    assert [row["batch"] for row in document["rows"]] == [1, 2]
    with open_store(tmp_path / "runs.db") as store:
        assert store.find(document["rows"][0]["runs"][0]).median_s == 0.1
    assert "4 cells, 4 done before" in again.err
    assert len(fake.keys) == 4
    more = cli("sweep", "--resume", "latest", "--repeats", "3", *db, "-q")
    assert (more.code, more.err) == (0, "")
    assert len(fake.keys) == 6


def test_what_fails_has_its_reason_and_can_be_tried_again(
    cli: Cli, fake: Fake, tmp_path: Path
) -> None:
    def outcome(cell: Cell, n: int) -> Outcome:
        if cell.settings.batch == 2:
            return Outcome(key=cell.key, kind="crashed", reason="it was ended by SIGKILL")
        return Fake().outcome(cell, n)

    db = ("--db", str(tmp_path / "runs.db"))
    well, fake.outcome = fake.outcome, outcome
    failed = cli(*LINE, *db)
    assert failed.code == 0
    assert "failed: it was ended by SIGKILL" in failed.err
    assert "2 cells done, 2 failed." in failed.out
    assert "ResNet-RS-50 @ 32×32, batch 2: it was ended by SIGKILL." in failed.out
    fake.outcome = well
    assert "2 failed before (--retry)" in cli(*LINE, *db).err
    assert len(fake.keys) == 4
    assert "failed" not in cli(*LINE, *db, "--retry").out
    assert len(fake.keys) == 6


def test_a_sweep_of_which_nothing_was_measured_ends_in_code_1(
    cli: Cli, fake: Fake, tmp_path: Path
) -> None:
    fake.outcome = lambda cell, _: Outcome(key=cell.key, kind="refused", reason="no such device")
    outcome = cli(*LINE, "--db", str(tmp_path / "runs.db"))
    assert outcome.code == 1
    assert "no such device" in outcome.out


def test_ctrl_c_keeps_what_there_is(cli: Cli, fake: Fake, tmp_path: Path) -> None:
    def outcome(cell: Cell, n: int) -> Outcome:
        if n == 3:
            raise KeyboardInterrupt
        return Fake().outcome(cell, n)

    fake.outcome = outcome
    interrupted = cli(*LINE, "--db", str(tmp_path / "runs.db"))
    assert interrupted.code == 130
    assert "2 of 4 cells are done; the same command goes on" in interrupted.err
    assert interrupted.out == ""
    fake.outcome = Fake().outcome
    assert cli(*LINE, "--db", str(tmp_path / "runs.db")).code == 0
    assert len(fake.keys) == 3 + 2


def test_a_dry_run_measures_and_writes_nothing(cli: Cli, fake: Fake, tmp_path: Path) -> None:
    db = tmp_path / "runs.db"
    outcome = cli(*LINE, "--db", str(db), "--dry-run", "--format", "json")
    document = json.loads(outcome.out)
    assert document["cells"] == {"waiting": 4, "done": 0}
    assert document["expected_s"] == 4 * 60
    assert document["rows"][0]["command"] == "rsinspect profile 50@32 --batch 1 --strict-batch"
    assert not db.exists()
    cli(*LINE, "--db", str(db))
    known = json.loads(
        cli(*LINE, "--repeats", "3", "--db", str(db), "--dry-run", "--format", "json").out
    )
    assert known["cells"] == {"waiting": 2, "done": 4}
    assert known["expected_s"] < 2 * 20  # what it took before
    assert len(fake.keys) == 4


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("sweep", "no network named"),
        ("sweep --models fifty", "resnet-rs-50"),
        ("sweep --models EfficientNetB0-B9", "no span of networks"),
        ("sweep --models 50 --batches 1,x", "takes whole numbers, not 'x'"),
        ("sweep --models 50 --batches 0", "from 1 to"),
        ("sweep --models 50 --precisions float23", "did you mean float32?"),
        ("sweep --models 50 --precisions tf32", "tf32 is a format of GPUs"),
        ("sweep --models 50 --max-time soon", "not a length of time"),
        ("sweep --models 50 --time 0s", "length of time"),
        ("sweep --models 50 --shard 5/4", "no shard 5 of 4"),
        ("sweep --models 50 --shard half", "--shard 1/4"),
        ("sweep --models 50 --repeats 0", "from 1 to"),
        ("sweep --models 152@224 --resolutions 160", "disagree"),
        ("sweep {tmp}/none.toml", "cannot be read"),
        ("sweep {tmp}/a.json", ".toml"),
        ("sweep --resume latest", "no runs are kept"),
        ("sweep --models 50 --resume latest", "leave the rest out"),
        ("sweep --models 50 --format xml", "json"),
        ("sweep --models 50 --db {tmp}/no/such/dir.db", ""),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    line: str, said: str, cli: Cli, fake: Fake, tmp_path: Path
) -> None:
    words = line.format(tmp=tmp_path).split()
    if "--db" not in words:
        words += ["--db", str(tmp_path / "runs.db")]
    outcome = cli(*words)
    assert outcome.code == 2, outcome.err
    assert said in outcome.err
    assert outcome.err.startswith("error: ")
    assert len(outcome.err.splitlines()) <= 2
    assert not fake.keys
    assert not (tmp_path / "runs.db").exists()


@pytest.mark.slow
@pytest.mark.keras
def test_a_real_network_is_measured_here(tmp_path: Path) -> None:
    model = small_network(tmp_path)
    found = rsinspect.sweep(model, repeats=1, max_time_s=120, db=tmp_path / "runs.db")
    assert found
    (row,) = found.to_json()["rows"]
    with open_store(tmp_path / "runs.db") as store:
        run = store.find(found.runs[0][0]).run()
    assert row["latency_s"]["median"] == run.end_to_end.latency.median
    assert row["fingerprint"] == run.model.fingerprint
