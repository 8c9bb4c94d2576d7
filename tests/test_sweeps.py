"""What a sweep measures in which order, and that each cell is measured once, come what may."""

from __future__ import annotations

import json
import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from rsinspect.base.errors import (
    InvalidChoice,
    InvalidMeasurement,
    MeasurementError,
    RsInspectError,
    UnknownRun,
)
from rsinspect.profiling.request import Settings
from rsinspect.runs.intake import take_in
from rsinspect.runs.store import open_store
from rsinspect.sweeps import cells
from rsinspect.sweeps.driver import Driver, Order
from rsinspect.sweeps.execution import Outcome
from rsinspect.sweeps.locks import Taken, turn
from rsinspect.sweeps.plan import Axes, Plan, plan_from_json, shard_of
from rsinspect.sweeps.plan_file import wanted
from rsinspect.sweeps.results import results_of, sweep_answer
from rsinspect.sweeps.saved_sweeps import kept_sweep
from tests.processes import until
from tests.sweeps import Fake, document_of, plan_of

AXES = Axes(models=("50@32", "101@32"), batches=(1, 8), precisions=("float32", "tf32"))


def test_everything_is_combined_with_everything_that_can_be_measured() -> None:
    plan = Plan.of(AXES)
    assert [(point.model, point.settings.batch) for point in plan.points] == [
        ("50@32", 1), ("50@32", 8), ("101@32", 1), ("101@32", 8),
    ]  # fmt: skip
    assert all(point.settings.strict_batch for point in plan.points)
    assert len(plan.left_out) == 4
    assert "tf32" in plan.left_out[0].reason


def test_what_cannot_be_measured_at_all_is_refused_with_the_reason() -> None:
    with pytest.raises(InvalidMeasurement, match="tf32 is a format of GPUs"):
        Plan.of(Axes(models=("50@32",), precisions=("tf32",)))
    with pytest.raises(InvalidChoice, match="unknown precision 'float33'"):
        Axes(models=("50@32",), precisions=("float33",))


def test_a_cell_is_one_command() -> None:
    axes = Axes(models=("50",), resolutions=("64",), backends=("jax",), fold_batch_norm=True)
    first, again = (Plan.of(axes).points[0].cell(repeat) for repeat in (0, 1))
    assert " ".join(first.arguments) == (
        "profile 50 --resolution 64 --batch 1 --backend jax --fold-batchnorm --strict-batch"
    )
    assert again.arguments == (*first.arguments, "--no-predict", "--no-roofs")
    assert (first.point, first.key) == (again.point, f"{again.point}.0")


def test_all_are_measured_once_in_random_order_and_then_again() -> None:
    plan = plan_of(*range(1, 9))
    every = list(plan.cells(3))
    blocks = [[cell.point for cell in every[i : i + 8]] for i in (0, 8, 16)]
    assert all(sorted(block) == sorted(point.name for point in plan.points) for block in blocks)
    assert len(set(map(tuple, blocks))) == 3
    assert [cell.repeat for cell in every] == [0] * 8 + [1] * 8 + [2] * 8
    assert [cell.key for cell in plan.cells(2)] == [cell.key for cell in every[:16]]
    assert [cell.key for cell in plan_of(*range(1, 9), seed=1).cells(1)] != [
        cell.key for cell in every[:8]
    ]


def test_shards_share_the_cells() -> None:
    cells = list(plan_of(*range(1, 6)).cells(2))
    shards = [shard_of(cells, (number, 3)) for number in (1, 2, 3)]
    assert sorted(cell.key for shard in shards for cell in shard) == sorted(c.key for c in cells)
    assert [len(shard) for shard in shards] == [4, 3, 3]
    with pytest.raises(InvalidMeasurement, match="no shard 4 of 3"):
        Order(repeats=1, shard=(4, 3))


def test_a_plan_is_read_as_it_was_written() -> None:
    plan = Plan.of(AXES)
    read = plan_from_json(json.loads(json.dumps(plan.to_json())))
    assert (read.points, read.seed) == (plan.points, plan.seed)
    with pytest.raises(InvalidMeasurement, match="plan of the sweep cannot be read"):
        plan_from_json({"schema": "rsinspect.plan/2"})


def test_a_file_says_what_the_line_does_not(tmp_path: Path) -> None:
    file = tmp_path / "plan.toml"
    file.write_text(
        '[sweep]\nmodels = ["50@32", "EfficientNetB0-B1"]\nbatches = [1, 8]\nmax_time = "90s"\n'
        'repeats = 2\ntime = "2h"\n[check."50"]\nparams = 1\n'
    )
    read = wanted({"batches": "4", "threads": None}, file)
    assert read.axes.batches == (4,)
    assert read.axes.models == ("50@32", "EfficientNetB0-B1")
    assert (read.axes.max_time_s, read.repeats, read.time_s) == (90.0, 2, 7200.0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[sweep", "is no TOML file"),
        ("[check]", "has no table \\[sweep\\]"),
        ("[sweep]\nbatchs = [1]", "unknown name 'batchs' \\(did you mean batches"),
        ("[sweep]\nmodels = [1.5]", "models takes texts, not 1.5"),
        ("[sweep]\nbatches = 1", "no network named"),
        ("[sweep]\nmodels = 50\nbatches = 'x'", "batches takes whole numbers, not 'x'"),
        ("[sweep]\nmodels = 50\nmax_time = 'soon'", "'soon' is not a length of time"),
        ("[sweep]\nmodels = 50\nrepeats = 'x'", "the number of repeats is 'x'"),
        ("[sweep]\nmodels = 50\nlevel = 'deep'", "unknown level 'deep'"),
        ("[sweep]\nmodels = 50\njit = 3", "jit"),
    ],
)
def test_a_file_that_says_something_else_is_refused(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "plan.toml"
    file.write_text(text)

    def plan() -> None:
        read = wanted({}, file)
        list(Plan.of(read.axes).cells(read.repeats))

    with pytest.raises(RsInspectError, match=said):
        plan()


def test_every_cell_is_measured_once_and_a_failed_one_does_not_stop_the_rest(
    tmp_path: Path,
) -> None:
    def outcome(cell, n):  # type: ignore[no-untyped-def]
        if cell.settings.batch == 2:
            return Outcome(key=cell.key, kind="crashed", reason="it ended with code 7")
        return Outcome(key=cell.key, kind="done", document=document_of(cell.settings.batch, n=n))

    path, plan, fake = tmp_path / "runs.db", plan_of(1, 2, 3), Fake(outcome)
    driver = Driver(path, plan, Order(repeats=2))
    driver.drive(fake)
    assert fake.keys == [cell.key for cell in plan.cells(2)]
    with open_store(path) as store:
        results = results_of(store, driver.sweep, plan)
        assert [len(each.runs) for each in results] == [2, 0, 2]
        assert results[1].failed == ["it ended with code 7"] * 2
        assert len(store) == 4
    document = sweep_answer(driver.sweep, plan, results).document
    assert document["cells"] == {"done": 4, "failed": 2, "waiting": 0}
    assert document["rows"][1]["latency_s"] is None
    assert document["rows"][0]["runs"] == results[0].runs

    again = Fake()
    Driver(path, plan, Order(repeats=2)).drive(again)
    assert again.keys == []
    Driver(path, plan, Order(repeats=3, retry=True)).drive(again)
    assert len(again.keys) == 2 + 3  # those that failed, and another of each


def test_what_is_damaged_fails_and_what_is_lost_waits(tmp_path: Path) -> None:
    def outcome(cell, n):  # type: ignore[no-untyped-def]
        if cell.settings.batch == 1:
            return Outcome(key=cell.key, kind="lost", reason="the node is gone")
        return Outcome(key=cell.key, kind="done", document={"schema": "rsinspect.profile/1"})

    path = tmp_path / "runs.db"
    driver = Driver(path, plan_of(1, 2), Order(repeats=1))
    driver.drive(Fake(outcome))
    with open_store(path) as store:
        states = {cell.key: cell for cell in store.cells(driver.sweep)}
    lost, damaged = (states[point.cell(0).key] for point in driver.plan.points)
    assert lost.state == "waiting"
    assert damaged.state == "failed"
    assert damaged.reason is not None
    assert "damaged" in damaged.reason


def test_what_is_least_sure_is_measured_again_while_there_is_time(tmp_path: Path) -> None:
    now = 0.0
    spread = {1: 0.01, 2: 0.5}

    def outcome(cell, n):  # type: ignore[no-untyped-def]
        nonlocal now
        now += 10.0
        wide = spread[cell.settings.batch]
        samples = [0.1 * (1 + wide * (k - 3)) for k in range(7)] if n % 2 else [0.1] * 7
        document = document_of(cell.settings.batch, [abs(x) + 1e-3 for x in samples], n)
        return Outcome(key=cell.key, kind="done", document=document)

    plan, fake = plan_of(1, 2), Fake(outcome)
    driver = Driver(tmp_path / "runs.db", plan, Order(repeats=1, time_s=75.0), clock=lambda: now)
    driver.drive(fake)
    assert len(fake.keys) == 7  # 7 cells of 10 s; for an eighth there is no time
    first, second = (point.name for point in plan.points)
    counts = {name: sum(key.startswith(name) for key in fake.keys) for name in (first, second)}
    assert counts[second] > counts[first] >= 1
    assert len(set(fake.keys)) == 7

    resumed = Fake(outcome)
    Driver(tmp_path / "runs.db", plan, Order(repeats=1, time_s=25.0), clock=lambda: now).drive(
        resumed
    )
    assert len(resumed.keys) == 2
    assert not set(resumed.keys) & set(fake.keys)


def test_two_shards_with_time_to_spare_never_give_a_cell_twice(tmp_path: Path) -> None:
    keys: list[str] = []
    now = 0.0

    def outcome(cell, n):  # type: ignore[no-untyped-def]
        nonlocal now
        now += 10.0
        return Fake().outcome(cell, n)

    for number in (1, 2):
        fake = Fake(outcome)
        order = Order(repeats=2, shard=(number, 2), time_s=95.0)
        Driver(tmp_path / f"{number}.db", plan_of(1, 2, 3), order, clock=lambda: now).drive(fake)
        assert len(fake.keys) == 9
        keys += fake.keys
    assert len(set(keys)) == 18


def test_only_one_carries_a_sweep_out_and_a_turn_is_never_stale(tmp_path: Path) -> None:
    path, plan = tmp_path / "runs.db", plan_of(1, 2)

    def outcome(cell, n):  # type: ignore[no-untyped-def]
        with pytest.raises(MeasurementError, match="another process is carrying the sweep"):
            Driver(path, plan, Order(repeats=1)).drive(Fake())
        other = Fake()
        Driver(path, plan_of(7), Order(repeats=1)).drive(other)  # another sweep of the same store
        return Fake().outcome(cell, n)

    Driver(path, plan, Order(repeats=1)).drive(Fake(outcome))

    place = tmp_path / "a.turn"
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom rsinspect.sweeps.locks import turn\n"
        "with turn(Path(sys.argv[1])):\n    print('mine', flush=True)\n    time.sleep(600)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(place)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    with holder.stdout:
        assert holder.stdout.readline() == "mine\n"
    with pytest.raises(Taken), turn(place):
        pass
    holder.kill()
    holder.wait()
    with turn(place):
        assert place.exists()
    assert not place.exists()


TURNS = """
import os, sys
from pathlib import Path
from rsinspect.sweeps import locks
locks.LOOKS_EVERY_S = 0.0
place, count = map(Path, sys.argv[1:])
for _ in range(40):
    with locks.in_turn(place):
        number = int(count.read_text())
        os.sched_yield()
        count.write_text(str(number + 1))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="who has a turn keeps the file there")
def test_one_at_a_time_has_the_turn_though_its_file_goes_each_time(tmp_path: Path) -> None:
    place, count = tmp_path / "a.turn", tmp_path / "count"
    count.write_text("0")
    each = [sys.executable, "-c", TURNS, str(place), str(count)]
    several = [subprocess.Popen(each) for _ in range(3)]
    assert [process.wait() for process in several] == [0] * 3
    assert count.read_text() == "120"
    assert list(tmp_path.iterdir()) == [count]


def test_shards_complete_one_another_in_one_store(tmp_path: Path) -> None:
    plan, paths = plan_of(1, 2, 3), [tmp_path / f"{number}.db" for number in (1, 2)]
    several = Fake()
    for number, path in enumerate(paths, 1):
        Driver(path, plan, Order(repeats=2, shard=(number, 2))).drive(several)
    whole = tmp_path / "whole.db"
    with open_store(whole, write=True) as store:
        assert [len(taken.refused) for taken in take_in(store, paths)] == [0, 0]
        (sweep,) = store.sweeps()
        assert (sweep.done, sweep.waiting, len(store)) == (6, 0, 6)
        assert [len(each.runs) for each in results_of(store, sweep.id, plan)] == [2, 2, 2]
    fake = Fake()
    Driver(whole, plan, Order(repeats=2)).drive(fake)
    assert fake.keys == []


def test_many_cells_are_as_cheap_as_few(tmp_path: Path) -> None:
    """Counts of points that are named, as times depend on the machine."""
    plan = plan_of(*range(1, 301))
    driver = Driver(tmp_path / "runs.db", plan, Order(repeats=3))
    before = cells._point.cache_info()
    assert driver.expected_s == 900 * 10.0
    assert cells._point.cache_info() == before


def test_a_sweep_is_found_again(tmp_path: Path) -> None:
    path, plan = tmp_path / "runs.db", plan_of(1, 2)
    driver = Driver(path, plan, Order(repeats=2))
    for reference in ("latest", driver.sweep, driver.sweep[:6]):
        kept = kept_sweep(path, reference)
        assert (kept.id, kept.plan.points, kept.repeats) == (driver.sweep, plan.points, 2)
    with pytest.raises(UnknownRun, match="no sweep 's0000'"):
        kept_sweep(path, "s0000")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_sweep_that_is_killed_ten_times_measures_every_cell_exactly_once(tmp_path: Path) -> None:
    batches, repeats = 16, 2
    document, log, db = tmp_path / "run.json", tmp_path / "log", tmp_path / "runs.db"
    document.write_text(json.dumps(document_of()))
    log.touch()
    call = f"drive({str(db)!r}, {str(document)!r}, {str(log)!r}, {batches}, {repeats})"
    command = [sys.executable, "-c", f"from tests.sweeps import drive; {call}"]
    chance = random.Random(16)

    def measured() -> int:
        return len(log.read_text().splitlines())

    for _ in range(10):
        sweep = subprocess.Popen(command)
        wanted = measured() + chance.choice((0, 1, 2, 3))
        assert until(lambda: measured() >= wanted or sweep.poll() is not None)  # noqa: B023
        until(lambda: chance.random() < 0.2)  # not always at the moment that a cell ends
        sweep.send_signal(signal.SIGKILL)
        sweep.wait()
    assert subprocess.run(command, check=False).returncode == 0

    plan = plan_of(*range(1, batches + 1))
    with open_store(db) as store:
        cells = store.cells(store.sweeps()[0].id)
        assert sorted(cell.key for cell in cells) == sorted(c.key for c in plan.cells(repeats))
        assert {cell.state for cell in cells} == {"done"}
        assert {cell.attempts for cell in cells} == {1}
        assert len({cell.run for cell in cells}) == len(cells) == len(store)
    with sqlite3.connect(db) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert batches * repeats <= measured() <= batches * repeats + 10


@pytest.mark.slow
def test_sweeps_at_once_in_one_store_take_turns_and_lose_nothing(tmp_path: Path) -> None:
    document, db = tmp_path / "run.json", tmp_path / "runs.db"
    document.write_text(json.dumps(document_of()))
    sweeps = [
        subprocess.Popen(
            [
                sys.executable, "-c", "from tests.sweeps import drive; "
                f"drive({str(db)!r}, {str(document)!r}, {str(tmp_path / 'log')!r}, {batches}, 1)",
            ]
        )
        for batches in (3, 4, 5)
    ]  # fmt: skip
    assert [sweep.wait() for sweep in sweeps] == [0, 0, 0]
    with open_store(db) as store:
        assert sorted(sweep.done for sweep in store.sweeps()) == [3, 4, 5]
        assert len(store) == 12
    assert len((tmp_path / "log").read_text().splitlines()) == 12


def test_settings_of_a_cell_are_those_of_profile() -> None:
    assert plan_of(4).points[0].settings == Settings(batch=4, max_time_s=10.0, strict_batch=True)
