"""What is read from outside: whatever is there, it ends in an answer or one line, and soon."""

from __future__ import annotations

import json
import os
import sqlite3
import zlib
from hashlib import sha256
from pathlib import Path

import pytest

from rsinspect.base.sources import near_file
from rsinspect.base.toml import MOST_DOTS, tables_in
from rsinspect.runs import tables
from rsinspect.runs.store import open_store
from tests.conftest import Cli
from tests.runs import kept_run

MISSING = (
    "summary {}.json", "summary {}.h5", "summary {}.keras", "summary {}.html", "summary {}.py:f",
    "weights inspect {}.h5", "profile --from {}.json", "graph 50 --profile {}.json",
    "predict {}.jpg 50", "sweep {}.toml", "runs import {}.json", "compare {}.json 50",
)  # fmt: skip


@pytest.mark.parametrize("line", MISSING)
def test_a_file_that_is_missing_has_a_hint(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RSINSPECT_DB", "runs.db")
    ending = line.rpartition("{}")[2].split()[0].removesuffix(":f")
    outcome = cli(*line.format("nosuch/my").split())
    assert (outcome.code, outcome.out) == (2, "")
    assert "there is no folder nosuch" in outcome.err
    Path(f"my_net{ending}").touch()
    outcome = cli(*line.format("mynet").split())
    assert (outcome.code, outcome.out) == (2, "")
    assert f"did you mean my_net{ending}?" in outcome.err


def test_what_lies_beside_is_looked_through_within_bounds(tmp_path: Path) -> None:
    (tmp_path / "a\n\x1b[31m.h5").touch()
    said = near_file(tmp_path / "a\n\x1b[32m.h5")
    assert said.isprintable()
    assert len(near_file(tmp_path / ("x" * 9999))) <= 300
    assert "cannot be looked into" in near_file(tmp_path / "a\0" / "my.h5")


@pytest.mark.parametrize(
    "line", ["runs import nosuch.json", "runs import pipe.json", "runs tag latest before"]
)
def test_no_store_is_left_where_nothing_came_in(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    """Nor is a pipe waited for that nobody writes to."""
    monkeypatch.chdir(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo("pipe.json")
    before = sorted(Path().iterdir())
    outcome = cli(*line.split(), "--db", "runs.db")
    assert (outcome.code, outcome.out) == (2, "")
    assert sorted(Path().iterdir()) == before


def test_a_pipe_is_no_python_file(cli: Cli, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    assert cli("summary", tmp_path / "pipe.py").code == 2


# ---- TOML


@pytest.mark.parametrize("line", ["{}1", "[{}x]", '"\'".{}1 # "\'"', 'x = ["a.b"], {}1'])
def test_a_key_of_a_million_parts_is_not_parsed(line: str) -> None:
    """The parser would take hours."""
    with pytest.raises(ValueError, match=f"more than {MOST_DOTS} dots in a line"):
        tables_in("a = 1\n" + line.format("a . " * 2**17 + "a="))


def test_dots_in_texts_are_no_parts_of_keys() -> None:
    texts = ["a.b" * 200, "a\\" + "." * 200]
    assert tables_in(f"models = {json.dumps(texts)}\nother = '{'.' * 300}'")["models"] == texts
    assert tables_in('x = """\n' + "." * 50 + '"."\n"""')


# ---- stores


def _changed(path: Path, *statements: str, values: tuple[object, ...] = ()) -> Path:
    with open_store(path, write=True) as store:
        store.add(kept_run())
        store.begin_sweep({"schema": "rsinspect.sweep/1"}, ["one"])
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement, values)
    connection.commit()
    connection.close()
    return path


WITHOUT_END = "WITH RECURSIVE more(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM more)"


@pytest.mark.parametrize(
    "statement",
    [
        f"CREATE VIEW x AS {WITHOUT_END} SELECT * FROM more",
        "CREATE TRIGGER x AFTER INSERT ON tag BEGIN DELETE FROM run; END",
        "CREATE VIRTUAL TABLE x USING fts4(a)",
    ],
)
def test_a_store_with_programs_in_it_is_another_programs(
    cli: Cli, tmp_path: Path, statement: str
) -> None:
    path = _changed(tmp_path / "runs.db", statement)
    for line in (["list"], ["show", "latest"], ["tag", "latest", "x"], ["check"]):
        outcome = cli("runs", *line, "--db", path)
        assert (outcome.code, outcome.out) == (2, "")
        assert "a database of another program" in outcome.err


def test_a_run_that_would_grow_beyond_bounds_is_damaged(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "LARGEST_BYTES", 2**20)
    bomb = zlib.compress(bytes(2**20 + 1))
    path = _changed(
        tmp_path / "runs.db", "UPDATE document SET content = ?, sha256 = ?",
        values=(bomb, sha256(b"").hexdigest()),
    )  # fmt: skip
    outcome = cli("runs", "show", "latest", "--db", path)
    assert (outcome.code, outcome.out) == (1, "")
    assert "holds more than 1.00 MiB" in outcome.err


@pytest.mark.parametrize("plan", ["'{'", "'[]'", "5", "x'ff'", "'" + "[" * 5000 + "'"])
def test_a_plan_that_is_none_is_damage(cli: Cli, tmp_path: Path, plan: str) -> None:
    path = _changed(tmp_path / "runs.db", f"UPDATE sweep SET document = {plan}")
    outcome = cli("runs", "import", path, "--db", tmp_path / "other.db")
    assert "Traceback" not in outcome.err
    assert "is no JSON document" in " ".join((outcome.out + outcome.err).split())


@pytest.mark.parametrize("tags", [5, "x", {"a": 1}, [None, 7, "good"]])
def test_tags_of_an_export_can_be_anything(cli: Cli, tmp_path: Path, tags: object) -> None:
    export = {"schema": "rsinspect.runs/1", "rows": [{"document": kept_run(), "tags": tags}]}
    (tmp_path / "export.json").write_text(json.dumps(export))
    outcome = cli("runs", "import", tmp_path / "export.json", "--db", tmp_path / "runs.db")
    assert outcome.code in (0, 1)
    with open_store(tmp_path / "runs.db") as store:
        assert len(store) == 1
        assert set(store.tags()) == ({"good"} if isinstance(tags, list) else set())
