"""What is read from outside: whatever is there, it ends in an answer or one line, and soon."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import zlib
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsinspect.base.sources import near_file
from rsinspect.base.toml import MOST_DOTS, tables_in
from rsinspect.runs import tables
from rsinspect.runs.store import open_store
from tests.command_lines import loaded_commands
from tests.conftest import Cli, python
from tests.fuzz.odd import written
from tests.fuzz.readers import FILES, READERS, TEXTS, Reader
from tests.mutants import wrong_with
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


# ---- the list of readers

READ_BY = {
    "weights": "weights of a network", "profile": "a run on a graph", "saved": "a run",
    "db": "a store", "plan_file": "a plan", "places": "runs that come in", "bounds": "bounds",
    "labels": "labels", "image": "an image", "file": "weights: h5", "a": "weights compared",
    "b": "weights compared",
}  # fmt: skip
"""Which reader reads what a parameter of a command names, by the parameter."""

WRITTEN = {"output", "save", "trace", "plot", "roofline"}


def test_every_parameter_that_names_a_file_has_its_reader() -> None:
    """A new one is added to the list of readers, or to what is only written."""
    named = {
        parameter.name
        for command in loaded_commands().values()
        for parameter in command.params
        if parameter.type.name == "path"
    }
    assert named - WRITTEN == set(READ_BY)
    assert set(READ_BY.values()) <= set(READERS)


@pytest.mark.parametrize("name", READERS)
def test_a_reader_has_good_seeds_of_which_changes_are_made(name: str) -> None:
    """Else all that is tried with it would be refused for one reason."""
    random, reader = Random(0), READERS[name]
    seed = reader.seeds()[0]
    assert len({reader.change(random, seed) for _ in range(20)}) > 5


SAMPLED = """
import json
from tests.fuzz.bounded import sampled
print(json.dumps([trial for trial in sampled() if trial.outcome != "refused"]))
"""


def test_what_is_odd_is_refused_or_answered_within_bounds() -> None:
    """A pipe, a bomb, a device, a number without an end: some of each for every reader."""
    done = python(SAMPLED, PYTHONPATH=str(Path(__file__).parent.parent))
    assert done.returncode == 0, done.stderr[-3000:]
    trials = json.loads(done.stdout.splitlines()[-1])
    assert [trial for trial in trials if trial[2] == "fault"] == []


JUDGED = """
import json
from tests.fuzz.bounded import tried
from tests.fuzz.readers import Reader, function
faults = {
    "hangs": "while True: pass",
    "waits": "import time; time.sleep(1e6)",
    "grows": "x = [bytearray(2**22) for _ in range(999)]",
    "crashes": "import os; os.abort()",
    "raises": "1 / 0",
    "leaves": "open('left', 'w')",
    "talks": "print('a'); raise SystemExit(2)",
}
def words(name, code):
    reader = Reader(name, "", function(exec, of=str), list, most_s=1.0, most_bytes=2**28)
    return tried(reader, "", lambda _: code, **{"waits_s": 3.0} if name == "waits" else {}).words
print(json.dumps({name: words(name, code) for name, code in faults.items()}))
"""


def test_the_judge_of_trials_sees_what_it_is_for() -> None:
    """A reader that hangs, waits, grows, crashes, raises or leaves a file is found."""
    done = python(JUDGED, PYTHONPATH=str(Path(__file__).parent.parent))
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "hangs": "it takes more than 1 s",
        "waits": "it waits for ever",
        "grows": "MemoryError: ",
        "crashes": "ended by SIGABRT",
        "raises": "ZeroDivisionError: division by zero",
        "leaves": "left behind: left",
        "talks": "SystemExit: 2",
    }


@pytest.fixture(scope="module", autouse=True)
def _elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("readers"))
        patch.setenv("COLUMNS", "80")
        patch.setenv("NO_COLOR", "1")
        yield


READERS_OF_SMALL = [
    each for each in FILES if each.ending in (".json", ".toml", ".txt", ".html", ".png", ".db")
]
"""Those of weights have mutants of their own."""
ARGUMENTS = [each for each in TEXTS if not each.name.startswith("$")]
"""A variable of the environment is read by every call, and tried in processes of their own."""


@settings(max_examples=80, deadline=None, derandomize=True)
@given(reader=st.sampled_from(ARGUMENTS), text=st.text(max_size=30))
def test_any_text_is_answered_or_refused_in_one_line(reader: Reader, text: str) -> None:
    assert wrong_with(reader.call(text)) is None


@settings(max_examples=80, deadline=None, derandomize=True)
@given(reader=st.sampled_from(READERS_OF_SMALL), seed=st.integers(0, 2**32))
def test_a_change_of_what_is_good_is_answered_or_refused_in_one_line(
    reader: Reader, seed: int
) -> None:
    random = Random(seed)
    content = reader.change(random, random.choice(reader.seeds()))
    with contextlib.suppress(UnicodeDecodeError):  # no text
        assert wrong_with(reader.call(written(reader, Path(), content))) is None


@pytest.mark.fuzz
@pytest.mark.slow
@pytest.mark.parametrize("name", ["MODEL: a network or a Keras configuration", "bounds", "a plan"])
def test_a_fuzzer_that_follows_the_branches_finds_nothing(name: str, tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="atheris is not installed: pip install rsinspect[fuzz]")
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.guided", name, "-runs=1500", "-seed=1"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
