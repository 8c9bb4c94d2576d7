"""``rsinspect.load_runs``: the store of runs from Python."""

from __future__ import annotations

from pathlib import Path

import pytest

import rsinspect
from rsinspect.base.errors import InvalidChoice, UnknownRun
from tests.conftest import GOLDENS
from tests.runs import kept_runs

RUN = GOLDENS / "run-50-train.json"


def test_runs_are_kept_named_and_found_from_python(tmp_path: Path) -> None:
    runs = rsinspect.load_runs(tmp_path / "runs.db")
    assert (len(runs), "0 runs in" in repr(runs)) == (0, True)
    run = rsinspect.load_run(RUN)
    id = runs.add(run, tags=["before"])
    assert runs.add(run) == id
    assert runs["before"].record == runs[id[:6]].record == run.record
    assert runs.tag("latest", "v2") == id
    runs.untag("before")
    assert [(each.id, each.tags) for each in runs] == [(id, ("v2",))]
    assert "v2" in runs._repr_html_()
    assert runs.to_json()["rows"][0]["id"] == id
    with pytest.raises(UnknownRun, match="no run 'before'"):
        runs["before"]


def test_runs_are_chosen_and_go_out_from_python(tmp_path: Path) -> None:
    from rsinspect.runs.store import open_store

    with open_store(tmp_path / "runs.db", write=True) as store:
        for kept in kept_runs(3):
            store.add(kept)
    runs = rsinspect.load_runs(tmp_path / "runs.db", model="50@160", batch=2)
    assert [run.batch for run in runs] == [2]
    for name in ("runs.csv", "runs.json", "some.db"):
        runs.export(tmp_path / name)
    assert (tmp_path / "runs.csv").read_text().count("\n") == 2
    assert len(rsinspect.load_runs(tmp_path / "some.db")) == 1
    assert len(rsinspect.load_runs(tmp_path / "runs.db", since="1d")) == 0
    with pytest.raises(InvalidChoice, match="did you mean batch"):
        rsinspect.load_runs(batches=2)
