"""What can go wrong with a store: it says so in a line, and nothing that was kept is lost."""

from __future__ import annotations

import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from rsinspect.base.errors import (
    RsInspectError,
    StoreBusy,
    StoreUnusable,
)
from rsinspect.runs import schema
from rsinspect.runs.integrity import findings
from rsinspect.runs.store import open_store
from tests.conftest import Cli, python
from tests.runs import kept_run, kept_runs

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs fork and limits of POSIX")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store of three runs."""
    path = tmp_path / "runs.db"
    with open_store(path, write=True) as store:
        for kept in kept_runs(3):
            store.add(kept)
        store.tag("latest", "last")
    return path


def wrong(path: Path) -> list[str]:
    return [line for finding in findings(path) for line in finding.wrong]


WRITER = """
import sys
from pathlib import Path
from rsinspect.runs.store import open_store
from tests.runs import kept_run

path, number = Path(sys.argv[1]), int(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
for batch in range(1, 11):
    with open_store(path, write=True) as store:
        sweep = store.begin_sweep({"number": number}, [str(batch)])
        store.finish_cell(sweep, str(batch), kept_run(batch, measured_s=float(number)))
        store.add(kept_run(batch))  # as all others do
"""


@pytest.mark.slow
def test_several_write_at_once_and_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(number)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1],
        )
        for number in range(3)
    ]  # fmt: skip
    for writer in writers:
        assert writer.stdout is not None
        writer.stdout.readline()
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate()
        assert writer.returncode == 0
    with open_store(path) as store:
        assert len(store) == 3 * 10 + 10
        assert [sweep.done for sweep in store.sweeps()] == [10, 10, 10]
    assert wrong(path) == []


def test_a_store_that_another_makes_just_now_is_no_other_programs(tmp_path: Path) -> None:
    path, asked = tmp_path / "new.db", list[str]()

    def another(statement: str) -> None:
        asked.append(statement)
        if len(asked) == 2:  # between what is asked first and the rest
            with open_store(path, write=True, wait_s=0.0) as store:
                store.add(kept_run(1))

    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.set_trace_callback(another)
        assert schema.version_of(connection) in (0, schema.NEWEST)
        assert asked


def test_who_waits_too_long_is_told_and_others_read_meanwhile(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM run")
        with (
            pytest.raises(StoreBusy, match="another program has been writing"),
            open_store(path, write=True, wait_s=0.0) as store,
        ):
            store.add(kept_run(9))
        with open_store(path, wait_s=0.0) as store:
            assert len(store) == 3
        other.execute("ROLLBACK")
    assert wrong(path) == []


def test_a_reader_sees_one_moment_and_holds_nobody_up(path: Path) -> None:
    with open_store(path) as reader, open_store(path, write=True, wait_s=0.0) as writer:
        runs = reader.runs()
        writer.delete([run.id for run in writer.runs()])
        assert len(list(runs)) == 3
        assert len(reader) == 0


FULL = """
import os, resource, signal
from pathlib import Path
from rsinspect.base.errors import StoreFull
from rsinspect.runs.store import open_store
from tests.runs import kept_run

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path = Path(os.environ["STORE"])
kept = 0
with open_store(path, write=True) as store:
    sweep = store.begin_sweep({}, [str(batch) for batch in range(1, 400)])
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
    try:
        for batch in range(1, 400):
            store.finish_cell(sweep, str(batch), kept_run(batch, measured_s=1.0))
            kept += 1
    except StoreFull as exc:
        print(kept, exc.exit_code, exc)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    store.finish_cell(sweep, str(kept + 1), kept_run(kept + 1, measured_s=1.0))
"""


@posix
def test_a_full_disk_costs_what_was_being_written_and_nothing_else(path: Path) -> None:
    outcome = python(FULL, STORE=str(path))
    assert outcome.returncode == 0, outcome.stderr
    kept, code, said = outcome.stdout.split(" ", 2)
    assert (int(code), "what was kept is still there" in said) == (3, True)
    assert int(kept) > 0
    with open_store(path) as store:
        assert len(store) == 3 + int(kept) + 1
        assert store.sweeps()[0].done == int(kept) + 1
    assert wrong(path) == []


READ_ONLY = """
import os
from pathlib import Path
from rsinspect.base.errors import OutputNotWritable, StoreUnusable
from rsinspect.runs.place import users_own
from rsinspect.runs.store import open_store

users_own()  # whose library may be where nobody else reads
path = Path(os.environ["STORE"])
if os.geteuid() == 0:
    os.setuid(65534)
with open_store(path) as store:
    print(len(store), store.find("last").document()["batch"]["used"])
try:
    with open_store(path, write=True) as store:
        store.untag("last")
except (OutputNotWritable, StoreUnusable) as exc:
    print(exc.exit_code, "cannot be written" in str(exc))
"""


@posix
@pytest.mark.parametrize("folder_too", [False, True])
def test_what_may_not_be_written_is_read_all_the_same(
    path: Path, folder_too: bool, request: pytest.FixtureRequest
) -> None:
    request.addfinalizer(lambda: path.parent.chmod(0o755))
    for folder in path.parent.parents:
        if folder.is_relative_to("/tmp") and folder != Path("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o055)
    path.chmod(0o444)
    path.parent.chmod(0o555 if folder_too else 0o777)
    outcome = python(READ_ONLY, STORE=str(path))
    assert outcome.stdout == "3 3\n2 True\n", outcome.stderr


@pytest.mark.parametrize("write", [False, True])
@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.write_text("no database"), "is no store of runs"),
        (lambda path: path.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000), "is "),
        (lambda path: path.mkdir(), "is a directory"),
        (lambda path: sqlite3.connect(path).executescript("CREATE TABLE t(x)"), "another program"),
    ],
)
def test_what_is_no_store_is_refused_and_left_alone(
    tmp_path: Path, make: Callable[[Path], object], said: str, write: bool
) -> None:
    path = tmp_path / "other.db"
    make(path)
    before = path.read_bytes() if path.is_file() else b""
    with pytest.raises(RsInspectError, match=said), open_store(path, write=write):
        pass
    assert (path.read_bytes() if path.is_file() else b"") == before


def test_an_empty_file_becomes_a_store_when_something_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    path.touch()
    with pytest.raises(StoreUnusable, match="no runs are kept"), open_store(path):
        pass
    with open_store(path, write=True) as store:
        store.add(kept_run())
    assert wrong(path) == []


def test_a_store_of_a_later_version_is_left_alone(cli: Cli, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(f"PRAGMA user_version = {schema.NEWEST + 1}")
    for write in (False, True):
        with (
            pytest.raises(StoreUnusable, match=r"of version \d") as caught,
            open_store(path, write),
        ):
            pass
        assert "update rsinspect" in (caught.value.hint or "")
    assert cli("runs", "list", "--db", path).code == 2


@pytest.fixture
def old(path: Path, tmp_path: Path) -> Path:
    """The same runs in a store of the first version, as it was written then."""
    old = tmp_path / "old.db"
    with (
        closing(sqlite3.connect(old, isolation_level=None)) as first,
        closing(sqlite3.connect(path)) as now,
    ):
        for statement in schema.VERSIONS[0].statements:
            first.execute(statement)
        first.execute(f"PRAGMA application_id = {schema.APPLICATION}")
        first.execute("PRAGMA user_version = 1")
        first.execute("PRAGMA journal_mode = WAL")
        for table in ("run", "document", "tag"):
            names = ", ".join(
                name for _, name, *_ in first.execute(f"PRAGMA table_info({table})").fetchall()
            )
            for row in now.execute(f"SELECT {names} FROM {table}"):
                marks = ", ".join("?" * len(row))
                first.execute(f"INSERT INTO {table}({names}) VALUES ({marks})", row)
    return old


def listed(path: Path) -> list[object]:
    with open_store(path) as store:
        return [(run.id, run.peak_bytes, run.tags, run.document()) for run in store.runs()]


def test_an_older_store_is_read_as_it_is_and_upgraded_when_it_is_written(
    path: Path, old: Path
) -> None:
    before = old.read_bytes()
    assert listed(old) == listed(path)
    assert old.read_bytes() == before
    with open_store(old, write=True) as store:
        assert store.ask("PRAGMA user_version") == [(schema.NEWEST,)]
        store.add(kept_run(9))
    assert listed(old)[1:] == listed(path)
    assert wrong(old) == []


def test_an_upgrade_that_is_cut_short_leaves_the_older_store(
    old: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_short(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("rsinspect.runs.store._write_rows", cut_short)
        with pytest.raises(KeyboardInterrupt), open_store(old, write=True):
            pass
    with closing(sqlite3.connect(old)) as as_it_is:
        assert as_it_is.execute("PRAGMA user_version").fetchone() == (1,)
    assert listed(old) == listed(path)


def mutants(whole: bytes, seed: int, number: int) -> Iterator[bytes]:
    """Files that are not what was written: bits flipped, pieces gone, ends missing."""
    dice = random.Random(seed)
    for _ in range(number):
        content = bytearray(whole)
        match dice.randrange(4):
            case 0:
                for _ in range(dice.choice((1, 10, 1000))):
                    content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
            case 1:
                content = content[: dice.randrange(len(content))]
            case 2:
                start = dice.randrange(len(content))
                content[start : start + 4096] = bytes(len(content[start : start + 4096]))
            case 3:  # page headers and what says where things are
                page = 4096 * dice.randrange(len(content) // 4096)
                content[page + dice.randrange(100)] = dice.randrange(256)
        yield bytes(content)


def test_a_damaged_store_says_so_and_never_tells_another_run(
    cli: Cli, path: Path, tmp_path: Path
) -> None:
    with open_store(path) as store:
        kept = {run.id: run.document() for run in store.runs()}
    damaged, saved = tmp_path / "damaged.db", tmp_path / "saved.db"
    refusals: list[str] = []
    for content in mutants(path.read_bytes(), 1, 60):
        for file in tmp_path.glob("damaged.db*"):
            file.unlink()
        damaged.write_bytes(content)
        try:
            with open_store(damaged, write=True) as store:
                for run in store.runs():
                    assert run.document() == kept[run.id]
                store.add(kept_run(50))
        except RsInspectError as exc:
            refusals.append(exc.message)
        checked = cli("runs", "check", "--db", damaged)
        assert checked.code in (0, 1, 2)
        saving = cli("runs", "import", damaged, "--db", saved)
        assert saving.code in (0, 1, 2)
    assert len(refusals) > 10
    assert "\n" not in "".join(refusals)
    with open_store(saved) as store:
        for run in store.runs():
            assert run.document() == kept.get(run.id, kept_run(50))
    assert wrong(saved) == []


@posix
@pytest.mark.slow
def test_writers_are_killed_at_any_moment_and_nothing_that_was_kept_is_lost() -> None:
    outcome = subprocess.run(
        [sys.executable, "-m", "tests.store_kills", "6"],
        cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (outcome.returncode, outcome.stderr) == (0, ""), outcome.stdout
    assert "none lost" in outcome.stdout


def test_a_log_that_a_killed_writer_left_is_read(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    with open_store(path, write=True) as store:
        store.add(kept_run(77))
        for suffix in ("", "-wal"):  # as the disk is while the writer is alive
            shutil.copy(f"{path}{suffix}", f"{copy}{suffix}")
    assert Path(f"{copy}-wal").stat().st_size > 0
    with open_store(copy) as store:
        assert store.find("latest").batch == 77
    assert wrong(copy) == []
