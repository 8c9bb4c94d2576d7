"""``rsinspect runs ...``: what people do with measurements that are kept."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from rsinspect.comparisons import comparison
from rsinspect.comparisons.answer import headline
from rsinspect.runs import intake
from rsinspect.runs.store import open_store
from tests.compared import a_comparison
from tests.conftest import GOLDENS, Cli
from tests.runs import kept_run, kept_runs

RUN = GOLDENS / "run-50-train.json"
PLAN = {"schema": "rsinspect.sweep/1", "models": ["50"], "seed": 3}


@pytest.fixture
def db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of three runs, which the commands take if nothing else is said."""
    path = tmp_path / "runs.db"
    monkeypatch.setenv("RSINSPECT_DB", str(path))
    with open_store(path, write=True) as store:
        for kept in kept_runs(3):
            store.add(kept)
        store.tag("latest", "before")
    return path


def ids(path: Path) -> list[str]:
    with open_store(path) as store:
        return [run.id for run in store.runs()]


def document(outcome: Any) -> dict[str, Any]:
    assert (outcome.code, outcome.err) == (0, "")
    found: dict[str, Any] = json.loads(outcome.out)
    return found


def test_runs_are_listed_with_what_differs_between_them(cli: Cli, db: Path) -> None:
    outcome = cli("runs", "list")
    assert outcome.code == 0
    assert "3 runs in" in outcome.out
    assert "All: forward, float32, tensorflow, cpu." in outcome.out
    lines = [line for line in outcome.out.splitlines() if "ResNet-RS-50" in line]
    assert [line.split()[4] for line in lines] == ["3", "2", "1"]
    assert lines[0].endswith("before")
    assert lines[0].split()[0] == ids(db)[0][:7]


def test_a_list_is_data_with_the_same_keys_in_every_format(cli: Cli, db: Path) -> None:
    found = document(cli("runs", "list", "-f", "json", "--batch", 2))
    (row,) = found["rows"]
    assert found["schema"] == "rsinspect.runs/1"
    assert (row["batch"], row["tags"], row["jit"]) == (2, [], False)
    (read,) = csv.DictReader(io.StringIO(cli("runs", "list", "-f", "csv", "--batch", 2).out))
    assert list(read) == list(row)
    assert float(read["latency_s"]) == row["latency_s"]


@pytest.mark.parametrize(
    ("options", "number"),
    [
        (["--model", "50"], 3), (["--model", "50@160"], 3), (["--model", "50@224"], 0),
        (["--model", "Res*"], 3), (["--tag", "bef*"], 1), (["--since", "2025-12-31"], 3),
        (["--since", "1h"], 0), (["-n", "2"], 2), (["--kind", "prediction"], 0),
        (["--mode", "train"], 0), (["--machine", "0"], 0),
    ],
)  # fmt: skip
def test_a_list_has_the_runs_that_are_meant(
    cli: Cli, db: Path, options: list[str], number: int
) -> None:
    assert len(document(cli("runs", "list", "-f", "json", *options))["rows"]) == number


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--since", "yesterday"], "no moment"), (["--precision", "float8"], "unknown precision"),
        (["--model", "50@x"], ""), (["--db", "nowhere/x.db"], "no runs are kept"),
    ],
)  # fmt: skip
def test_what_means_nothing_is_refused(
    cli: Cli, db: Path, options: list[str], message: str
) -> None:
    outcome = cli("runs", "list", *options)
    assert message in outcome.err
    assert outcome.code == (2 if message else 0)


def test_a_run_is_shown_as_profile_showed_it(cli: Cli, db: Path, tmp_path: Path) -> None:
    shown = cli("runs", "show", "before")
    assert f"Run {ids(db)[0]}, called before, of 2026-01-01 00:00 UTC." in shown.out
    assert "stem" in shown.out
    assert document(cli("runs", "show", "-f", "json")) | {"remarks": 0} == kept_run(3) | {
        "remarks": 0
    }
    assert cli("runs", "show", "before", "-o", tmp_path / "run.svg").code == 0
    assert (tmp_path / "run.svg").read_bytes().startswith(b"<?xml")
    assert "no run 'after'" in cli("runs", "show", "after").err


def test_a_sweep_is_shown_cell_by_cell(cli: Cli, db: Path) -> None:
    with open_store(db, write=True) as store:
        sweep = store.begin_sweep(PLAN, ["a", "b"])
        store.finish_cell(sweep, "a", None, "out of memory")
    assert "out of memory" in cli("runs", "show", sweep).out
    assert f"Sweep {sweep} is not finished" in cli("runs", "list", "--notes", "full").out


def test_a_run_is_named_and_no_longer(cli: Cli, db: Path) -> None:
    first, second, _ = ids(db)
    outcome = cli("runs", "tag", second, "before")
    assert outcome.err == f"{second} is called before, as {first} was\n"
    assert cli("runs", "tag", "before", "--delete").code == 0
    assert cli("runs", "tag", "before", "--delete").code == 2
    assert cli("runs", "tag", "latest").code == 2
    assert "reads as a MODEL" in cli("runs", "tag", "latest", "152").err


def test_what_was_measured_is_recorded(cli: Cli, db: Path) -> None:
    outcome = cli("profile", "--from", RUN, "--record", "--tag", "golden", "-f", "json")
    kept = f"kept as {ids(db)[0]}, golden, in {db}\n"
    assert (outcome.code, outcome.err) == (0, kept)
    with open_store(db) as store:
        assert store.find("golden").document() == json.loads(RUN.read_text())
    assert cli("profile", "--from", RUN, "--record", "-f", "json").code == 0
    assert cli("runs", "import", RUN).code == 0
    assert len(ids(db)) == 4


def test_a_run_that_cannot_be_recorded_is_not_begun(cli: Cli, tmp_path: Path) -> None:
    for options in (["--db", tmp_path], ["--db", tmp_path / "no" / "x.db"], ["--tag", "50"]):
        outcome = cli("profile", "50", "--batch", 10**6, *options)
        assert (outcome.code, outcome.out) == (2, "")
        assert outcome.err.count("\n") == 2


def test_a_measurement_that_does_not_begin_leaves_no_empty_store(cli: Cli, tmp_path: Path) -> None:
    new = tmp_path / "new.db"
    assert cli("profile", "50", "--precision", "none", "--db", new).code == 2
    assert not new.exists()


def test_runs_go_out_and_come_into_another_store(cli: Cli, db: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    assert cli("runs", "export", "-o", tmp_path / "runs.json").code == 0
    taken = document(cli("runs", "import", tmp_path / "runs.json", "--db", other, "-f", "json"))
    assert taken["rows"][0]["added"] == ids(db)[::-1]
    again = document(cli("runs", "import", tmp_path / "runs.json", "--db", other, "-f", "json"))
    assert (again["rows"][0]["added"], again["rows"][0]["known"]) == ([], 3)
    assert ids(other) == ids(db)
    with open_store(other) as store:
        assert store.tags() == {"before": ids(db)[0]}
        assert store.find("before").document() == kept_run(3)


def test_a_store_is_merged_with_its_sweeps(cli: Cli, db: Path, tmp_path: Path) -> None:
    shards = [tmp_path / "1.db", tmp_path / "2.db"]
    for number, path in enumerate(shards):
        with open_store(path, write=True) as store:
            sweep = store.begin_sweep(PLAN, ["a", "b"][number : number + 1])
            store.finish_cell(sweep, "ab"[number], kept_run(10 + number), None)
            store.tag("latest", "before" if number else "shard")
    assert cli("runs", "import", *shards).code == 0
    assert cli("runs", "import", *shards).code == 0
    with open_store(db) as store:
        assert [(cell.key, cell.state, cell.attempts) for cell in store.cells(sweep)] == [
            ("a", "done", 1), ("b", "done", 1),
        ]  # fmt: skip
        assert len(store) == 5
        assert store.find("shard").batch == 10
        assert store.find("before").batch == 3
    assert cli("runs", "check").code == 0


def test_a_folder_gives_its_runs_and_a_wrong_file_is_named(
    cli: Cli, db: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "run.json").write_text(json.dumps(kept_run(30)))
    (folder / "package.json").write_text("{}")
    (folder / "broken.json").write_text("{")
    (folder / "later.json").write_text('{"schema": "rsinspect.profile/9"}')
    refused = cli("runs", "import", folder / "broken.json", "--db", tmp_path / "new.db")
    assert (refused.code, refused.out) == (2, "")
    assert "was refused: it is no JSON document" in refused.err
    outcome = cli("runs", "import", folder, RUN, "--notes", "full")
    assert (outcome.code, outcome.err) == (1, "")
    assert "broken.jsonwasrefused:itisnoJSONdocument" in "".join(outcome.out.split())
    assert outcome.out.startswith("2 runs added")
    assert len(ids(db)) == 5


def test_rows_and_samples_are_tables_for_other_programs(cli: Cli, db: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    assert cli("runs", "export", "-o", tmp_path / "runs.parquet").code == 0
    table = parquet.read_table(tmp_path / "runs.parquet").to_pydict()
    assert table["batch"] == [3, 2, 1]
    assert table["jit"] == [False] * 3
    assert table["threads"] == [None] * 3
    assert cli("runs", "export", "--samples", "-o", tmp_path / "s.parquet").code == 0
    samples = parquet.read_table(tmp_path / "s.parquet").to_pylist()
    assert len(samples) == 3 * 3 * 2
    assert {row["path"] for row in samples} == {"end to end", "stem", "c2"}
    lines = cli("runs", "export", "--samples", "-f", "csv", "--batch", 1).out.splitlines()
    assert lines[1] == f"{ids(db)[2]},end to end,network,0,0,0,True,0.0,0.4"


def test_duckdb_and_pandas_read_what_goes_out(cli: Cli, db: Path, tmp_path: Path) -> None:
    duckdb, pandas = pytest.importorskip("duckdb"), pytest.importorskip("pandas")
    for suffix in ("parquet", "json", "csv"):
        assert cli("runs", "export", "-o", tmp_path / f"r.{suffix}").code == 0
    assert pandas.read_parquet(tmp_path / "r.parquet")["latency_s"].between(0.3, 0.5).all()
    assert duckdb.sql(f"SELECT sum(batch) FROM '{tmp_path}/r.csv'").fetchall() == [(6,)]
    question = (
        f"SELECT sum(r.document.batch.used) FROM (SELECT unnest(rows) r FROM '{tmp_path}/r.json')"
    )
    assert duckdb.sql(question).fetchall() == [(6,)]


def test_runs_go_out_into_a_store_of_their_own(cli: Cli, db: Path, tmp_path: Path) -> None:
    assert cli("runs", "export", "--tag", "before", "-o", tmp_path / "one.db").code == 0
    assert ids(tmp_path / "one.db") == ids(db)[:1]
    assert "read for the store of runs" in cli("runs", "export", "-o", db).err
    assert "the store itself" in cli("runs", "import", db).err
    for options in (["-f", "parquet"], ["-f", "db", "-o", "-"], ["-o", "x.xlsx"],
                    ["--samples", "-f", "json"]):  # fmt: skip
        assert cli("runs", "export", *options).code == 2


def test_old_runs_go_and_named_ones_stay(cli: Cli, db: Path) -> None:
    three = ids(db)
    assert "nothing says which runs go" in cli("runs", "prune").err
    dry = cli("runs", "prune", "--keep", 0, "--dry-run")
    assert "2 runs would go" in dry.out
    assert "Kept all the same: 1 with a tag." in dry.out
    assert ids(db) == three
    assert "1 run deleted" in cli("runs", "prune", "--keep", 2).out
    assert ids(db) == three[:2]
    assert cli("runs", "prune", "--older-than", "30y").code == 2
    assert "1 run deleted" in cli("runs", "prune", "--older-than", "1h").out
    assert ids(db) == three[:1]


def test_runs_of_no_known_age_and_of_unfinished_sweeps_stay(cli: Cli, db: Path) -> None:
    with open_store(db, write=True) as store:
        store.add(kept_run(40, started_at="2999-01-01T00:00:00+00:00"))
        store.add(kept_run(41, started_at="some day"))
        sweep = store.begin_sweep(PLAN, ["a", "b"])
        store.finish_cell(sweep, "a", kept_run(42))
    outcome = cli("runs", "prune", "--older-than", "1h")
    assert "2 runs deleted" in outcome.out
    assert len(ids(db)) == 4
    for spared in ("1 with a tag", "1 of sweeps that are not", "2 of an age that nobody knows"):
        assert spared in " ".join(outcome.out.split())


def test_a_store_is_checked(cli: Cli, db: Path) -> None:
    assert "is whole" in " ".join(cli("runs", "check").out.split())
    with open_store(db, write=True) as store:
        store._connection.execute("UPDATE run SET batch = 7 WHERE number = 1")
        store._connection.execute("UPDATE document SET content = x'00' WHERE run = 2")
        store._connection.execute("PRAGMA foreign_keys = OFF")
        store._connection.execute("INSERT INTO tag VALUES ('50', 99)")
    outcome = cli("runs", "check", "--notes", "full")
    assert outcome.code == 1
    text = " ".join(outcome.out.split())
    for wrong in ("listed with another batch", "cannot be unpacked", "refers to a row that is not",
                  "is damaged"):  # fmt: skip
        assert wrong in text
    found = json.loads(cli("runs", "check", "-f", "json").out)
    assert found["whole"] is False


def test_what_is_whole_in_a_damaged_store_is_saved(cli: Cli, db: Path, tmp_path: Path) -> None:
    with open_store(db, write=True) as store:
        store._connection.execute("UPDATE document SET content = x'00' WHERE run = 2")
    outcome = cli("runs", "import", db, "--db", tmp_path / "saved.db")
    assert outcome.code == 1
    assert "isdamaged" in "".join(outcome.out.split())
    assert ids(tmp_path / "saved.db") == [ids(db)[0], ids(db)[2]]
    assert cli("runs", "check", "--db", tmp_path / "saved.db").code == 0


def test_a_comparison_that_is_kept_is_listed_and_shown_as_compare_showed_it(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    db, picture = tmp_path / "runs.db", tmp_path / "pair.svg"
    monkeypatch.setenv("RSINSPECT_DB", str(db))
    found = a_comparison({"c2/block0": 2.0})
    with open_store(db, write=True) as store:
        store.add(comparison.to_json(found), tags=("pair",))
        row = store.find("pair")
    title = found.a.run.title
    assert (row.title, row.batch, row.median_s) == (f"{title} → {title}", 8, None)
    assert row.fingerprint == found.a.run.model.fingerprint

    for line in (("runs", "show", "pair"), ("compare", "run:pair"), ("compare", "pair")):
        outcome = cli(*line, "--plot", picture)
        assert outcome.code == 0, outcome.err
        assert headline(found) in " ".join(outcome.out.split()), line
        assert b"whole network" in picture.read_bytes(), line
        picture.unlink()
    assert "batch 8" in cli("runs", "list").out
    refused = cli("compare", "pair", "run:pair")
    assert refused.code == 2
    assert "is a comparison of two, not the measurement of a network" in refused.err
    assert "an export cannot be written" in cli("runs", "export", "-o", "runs.xlsx").err


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("line", ["list", "export", "show latest", "check"])
def test_the_store_is_never_written_over_through_another_name(
    cli: Cli, db: Path, tmp_path: Path, line: str, named: bool
) -> None:
    link, before = tmp_path / "link.json", db.read_bytes()
    link.symlink_to(db.name)
    outcome = cli("runs", *line.split(), "-o", link, *(("--db", db) if named else ()))
    assert (outcome.code, outcome.err.count("\n")) == (2, 2)
    assert "is read for the store of runs, and --output would write over it" in outcome.err
    assert db.read_bytes() == before


@pytest.mark.parametrize("limit", [0, -1, 10**23])
def test_a_limit_that_cannot_be_is_one_line(cli: Cli, db: Path, limit: int) -> None:
    outcome = cli("runs", "list", "--limit", limit)
    assert outcome.code == 2
    assert "it must be a whole number from 1 to" in outcome.err


def test_a_run_that_another_process_takes_in_first_is_not_said_to_be_added(
    cli: Cli, db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = intake.kind_of  # type: ignore[attr-defined]

    def meanwhile(document: Any) -> Any:
        with open_store(db, write=True) as other:
            other.add(document)
        return checked(document)

    monkeypatch.setattr(intake, "kind_of", meanwhile)
    (row,) = document(cli("-q", "runs", "import", RUN, "-f", "json"))["rows"]
    assert (row["added"], row["known"]) == ([], 1)
    assert len(ids(db)) == 4
