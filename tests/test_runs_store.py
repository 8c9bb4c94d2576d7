"""The store of runs: what is kept, under which names, and how far sweeps are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rsinspect.base.errors import (
    InvalidMeasurement,
    OutputNotWritable,
    StoreError,
    StoreUnusable,
    UnknownRun,
)
from rsinspect.profiling.record import document, predicted
from rsinspect.runs import store as store_module
from rsinspect.runs.facts import machine_of
from rsinspect.runs.place import database_path
from rsinspect.runs.store import Store, open_store
from rsinspect.runs.stored import Selection
from tests.runs import ENVIRONMENT, a_prediction, kept_run, kept_runs


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with open_store(path, write=True) as store:
        yield store


def test_a_run_is_kept_whole_and_once(store: Store) -> None:
    kept = kept_run()
    id = store.add(kept, tags=["before"])
    assert store.add(kept) == id
    assert len(store) == 1
    found = store.find(id)
    assert found.document() == kept
    assert document.to_json(found.run()) == kept
    assert (found.model, found.batch, found.tags) == ("resnet-rs-50", 8, ("before",))
    assert found.median_s == kept["end_to_end"]["latency_s"]["median"]
    assert found.kind == "profile"


def test_a_run_is_there_for_whoever_opens_the_store_next(path: Path) -> None:
    with open_store(path, write=True) as store:
        id = store.add(kept_run())
    with open_store(path) as store:
        assert store.find("latest").id == id
    assert [file.name for file in path.parent.iterdir()] == ["runs.db"]


def test_a_run_has_many_names(store: Store) -> None:
    first, second = (store.add(kept) for kept in kept_runs(2))
    store.tag("latest", "after")
    store.tag(first, "v1.2")
    assert store.find(first[:7]).id == store.find("v1.2").id == store.find("run:v1.2").id == first
    assert store.find("after").id == store.find("latest").id == second
    store.tag(second, "v1.2")
    assert store.tags() == {"after": second, "v1.2": second}
    store.untag("after")
    assert store.find(second).tags == ("v1.2",)


@pytest.mark.parametrize("reference", ["r", "r0", "rffffffff", "befor", "", "before ", "x" * 999])
def test_what_names_no_run_is_refused_with_names_that_are_near(
    store: Store, reference: str
) -> None:
    store.add(kept_run(), tags=["before"])
    with pytest.raises(UnknownRun, match="no run") as caught:
        store.find(reference)
    assert "before" in (caught.value.hint or "")


def test_a_name_with_which_several_begin_is_refused_with_all_of_them(store: Store) -> None:
    ids = [store.add(kept) for kept in kept_runs(2)]
    store._connection.execute("UPDATE run SET id = 'r0000' || number")
    with pytest.raises(UnknownRun, match="2 runs begin with r0000") as caught:
        store.find("r0000")
    assert "r00001 (ResNet-RS-50 @ 160×160)" in (caught.value.hint or "")
    assert len(ids) == 2


@pytest.mark.parametrize(
    "name",
    ["50", "152@224", "resnet-rs-50", "EfficientNetB0", "my.keras", "run.json", "a/b", "", "latest",
     "r12345", "sabcdef012345", "train.py:make", "two words", "-x", "x" * 81, "naïve"],
)  # fmt: skip
def test_a_tag_is_nothing_else(store: Store, name: str) -> None:
    with pytest.raises(StoreUnusable, match="cannot be a tag"):
        store.add(kept_run(), tags=[name])
    assert len(store) == 0


def test_runs_are_listed_the_last_first_whatever_the_clock_said(store: Store) -> None:
    late, early = kept_run(started_at="2031-01-01T00:00:00+00:00"), kept_run(batch=4)
    ids = [store.add(late), store.add(early)]
    assert [run.id for run in store.runs()] == ids[::-1]
    assert store.find("latest").id == ids[1]


def test_runs_are_chosen_by_what_is_listed_of_them(store: Store) -> None:
    eight = store.add(kept_run())
    four = store.add(kept_run(batch=4, precision="bfloat16", started_at="2026-01-02T00:00:00Z"))
    store.tag(four, "half")
    machine = store.find(four).machine or ""
    for selection, ids in {
        Selection(): [four, eight],
        Selection(batch=8): [eight],
        Selection(model="ResNet-RS-50*"): [four, eight],
        Selection(model="resnet-rs-101"): [],
        Selection(precision="bfloat16", machine=machine[:6]): [four],
        Selection(tag="ha*"): [four],
        Selection(resolution=(160, 160), kind="profile", mode="forward", device="cpu"): [
            four, eight,
        ],
        Selection(since_s=1767312000.0): [four],
        Selection(since_s=1767312001.0): [],
    }.items():  # fmt: skip
        assert [run.id for run in store.runs(selection)] == ids, selection


def test_another_machine_is_one_with_another_processor_and_not_one_with_another_kernel() -> None:
    plain = replace(ENVIRONMENT, platform="Linux-6.1.0-x86_64-with-glibc2.36", cpu_model="A")
    newer = replace(plain, platform="Linux-6.2.7-x86_64-with-glibc2.36", versions={"keras": "9"})
    assert machine_of(plain) == machine_of(newer)
    others = (
        replace(plain, cpu_model="B"),
        replace(plain, cpus_visible=64),
        replace(plain, cpus_quota=1.5),
        replace(plain, platform="Linux-6.1.0-aarch64-with-glibc2.36"),
    )
    assert len({machine_of(each) for each in (plain, *others)}) == 5
    assert len(machine_of(plain)) == 12


def test_predictions_and_documents_of_rooms_above_are_kept_too(store: Store) -> None:
    predicted_ = predicted.to_json(a_prediction())
    id = store.add(predicted_)
    other = store.add({"schema": "rsinspect.compare/1", "title": "A and B"})
    assert (store.find(id).kind, store.find(other).title) == ("prediction", "A and B")
    with pytest.raises(InvalidMeasurement, match="is a prediction, not the measurement"):
        store.find(id).run()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ({"schema": "rsinspect.summary/1"}, "the schema 'rsinspect.summary/1' is not kept"),
        ({"schema": None}, "no schema"),
        ({"schema": "rsinspect.profile/2"}, "this version reads"),
        ({"rounds": {}}, "damaged"),
    ],
)
def test_what_is_no_run_is_not_kept(store: Store, damage: Any, message: str) -> None:
    with pytest.raises(InvalidMeasurement, match=message):
        store.add(kept_run() | damage)
    assert len(store) == 0


def test_deleted_runs_are_gone_with_their_names(store: Store) -> None:
    first, second = (store.add(kept) for kept in kept_runs(2))
    store.tag(first, "before")
    assert store.delete([first, "r000000000000"]) == 1
    assert [run.id for run in store.runs()] == [second]
    assert store.tags() == {}
    assert store.ask("SELECT count(*) FROM document") == [(1,)]


PLAN = {"schema": "rsinspect.sweep/1", "models": ["50"], "seed": 3}


def test_a_sweep_is_carried_out_cell_by_cell(store: Store) -> None:
    sweep = store.begin_sweep(PLAN, ["b", "a", "c"])
    run = store.finish_cell(sweep, "a", kept_run())
    assert store.finish_cell(sweep, "b", None, "no memory") is None
    assert [(cell.key, cell.state, cell.run, cell.reason, cell.attempts) for cell in
            store.cells(sweep)] == [
        ("b", "failed", None, "no memory", 1), ("a", "done", run, None, 1),
        ("c", "waiting", None, None, 0),
    ]  # fmt: skip
    again = store.finish_cell(sweep, "b", kept_run(batch=2))
    assert [run.id for run in store.runs(Selection(sweep=sweep))] == [again, run]
    (listed,) = store.sweeps()
    assert (listed.document, listed.waiting, listed.done, listed.failed) == (PLAN, 1, 2, 0)


def test_the_same_plan_goes_on_and_may_have_more_cells(store: Store) -> None:
    sweep = store.begin_sweep(PLAN, ["a"])
    store.finish_cell(sweep, "a", kept_run())
    assert store.begin_sweep(dict(reversed(PLAN.items())), ["a", "b"]) == sweep
    assert [(cell.key, cell.state) for cell in store.cells(sweep)] == [
        ("a", "done"), ("b", "waiting"),
    ]  # fmt: skip


def test_a_cell_is_done_once_and_what_comes_second_is_not_kept(store: Store) -> None:
    sweep = store.begin_sweep(PLAN, ["a"])
    run = store.finish_cell(sweep, "a", kept_run())
    with pytest.raises(StoreError, match="done already"):
        store.finish_cell(sweep, "a", kept_run(batch=4))
    with pytest.raises(UnknownRun, match="no cell 'z'"):
        store.finish_cell(sweep, "z", kept_run(batch=4))
    with pytest.raises(UnknownRun, match="no sweep"):
        store.cells("s000000000000")
    assert [run.id for run in store.runs()] == [run]
    assert store.cells(sweep)[0].attempts == 1


def test_a_cell_stays_done_when_its_run_is_deleted(store: Store) -> None:
    sweep = store.begin_sweep(PLAN, ["a"])
    run = store.finish_cell(sweep, "a", kept_run())
    store.delete([str(run)])
    (cell,) = store.cells(sweep)
    assert (cell.state, cell.run) == ("done", None)


def test_nothing_is_kept_where_there_is_no_store(path: Path) -> None:
    with pytest.raises(StoreUnusable, match="no runs are kept in"), open_store(path):
        pass
    assert not path.exists()
    with (
        pytest.raises(OutputNotWritable, match="does not exist"),
        open_store(path.parent / "nowhere" / "runs.db", write=True),
    ):
        pass


def test_who_reads_writes_nothing(path: Path) -> None:
    with open_store(path, write=True) as store:
        store.add(kept_run())
    with open_store(path) as store, pytest.raises(OutputNotWritable, match="cannot be written"):
        store.tag("latest", "mine")


def test_the_place_is_named_or_the_users_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RSINSPECT_DB", str(tmp_path / "variable.db"))
    assert database_path(Path("given.db")) == Path("given.db")
    assert database_path() == tmp_path / "variable.db"
    monkeypatch.delenv("RSINSPECT_DB")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    own = database_path()
    assert (own.name, own.parent.name) == ("runs.db", "rsinspect")
    if own.is_relative_to(tmp_path):
        with open_store(own, write=True) as store:
            store.add(kept_run())
        assert own.exists()


def test_an_interruption_leaves_all_as_it_was(store: Store) -> None:
    id = store.add(kept_run(), tags=["mine"])

    def interrupted() -> Iterator[str]:
        yield id
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.delete(interrupted())
    assert store.find("mine").id == id
    assert store.add(kept_run(batch=4)) != id


def test_a_name_with_half_a_character_is_no_run_and_a_file_of_it_is_a_store(tmp_path: Path) -> None:
    with open_store(tmp_path / "half\udc80.db", write=True) as store:
        store.add(kept_runs(1)[0])
        with pytest.raises(UnknownRun, match="no run"):
            store.find("\udc80")
    assert [path.suffix for path in tmp_path.iterdir()] == [".db"]


def test_statements_number_nothing_which_python_3_14_refuses() -> None:
    """``sqlite3`` takes a sequence for ``?`` alone; 3.12 warns of ``?1``, 3.14 refuses it."""
    for path in Path(store_module.__file__).parent.glob("*.py"):
        assert re.search(r"[( ]\?\d", path.read_text("utf-8")) is None, path
