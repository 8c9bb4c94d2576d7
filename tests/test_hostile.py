"""A hostile file ends in one line that names the hazard: nothing runs, no other file is read."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from rsinspect.base.text import is_showable
from tests import hostile, keras_files
from tests.conftest import python

pytestmark = pytest.mark.timeout(600)  # a pipe that is opened waits for ever

WATCHED = """
import json, os, resource, sys
from pathlib import Path
from rsinspect.cli.app import run
paths, ordinary = json.loads(sys.argv[1]), json.loads(sys.argv[2])
os.environ |= {"COLUMNS": "80", "NO_COLOR": "1"}
for path in ordinary:  # whatever the program needs is loaded by these
    run(["summary", path])
    run(["summary", path, "-f", "json"])
before = set(sys.modules)
seen, watching = [], [False]
now = [""]
def watch(event, arguments):
    if not watching[0]:
        return
    if event in ("open", "os.listdir", "os.open"):
        seen.append((event, str(arguments[0]), now[0]))
    elif event in ("exec", "compile", "marshal.loads", "import", "pickle.find_class"):
        seen.append((event, str(arguments[0])[:200], now[0]))
    elif event.partition(".")[0] in ("subprocess", "socket", "shutil", "ctypes", "os", "urllib"):
        seen.append((event, str(arguments)[:80], now[0]))
sys.addaudithook(watch)
used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
limit = int(open("/proc/self/statm").read().split()[0]) * os.sysconf("SC_PAGE_SIZE") + (1 << 30)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
ends = {}
for path in paths:
    now[:] = [path]
    out, err = Path(path + ".out"), Path(path + ".err")
    watching[0] = False
    streams = [os.open(one, os.O_RDWR | os.O_CREAT) for one in (out, err)]
    kept = [os.dup(1), os.dup(2)]
    os.dup2(streams[0], 1), os.dup2(streams[1], 2)
    watching[0] = True
    begun = resource.getrusage(resource.RUSAGE_SELF)
    code = run(["summary", path])
    sys.stdout.flush(), sys.stderr.flush()
    watching[0] = False
    ended = resource.getrusage(resource.RUSAGE_SELF)
    os.dup2(kept[0], 1), os.dup2(kept[1], 2)
    ends[path] = [code, out.read_text(), err.read_text(), ended.ru_utime - begun.ru_utime]
new = sorted(name for name in set(sys.modules) - before)
print(json.dumps({"ends": ends, "seen": seen, "new": new}))
"""


def watched(paths: list[Path], ordinary: list[Path]) -> Any:
    """Summarise files in a process that is watched and has little memory."""
    arguments = [json.dumps([str(path) for path in those]) for those in (paths, ordinary)]
    done = python(
        f"import sys; sys.argv[1:] = {arguments!r}\n{WATCHED}",
        PYTHONPATH=os.environ.get("PYTHONPATH", ""),
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What came of every hostile file, all in one process."""
    folder = tmp_path_factory.mktemp("hostile")
    secret, pipe = folder / "secret.h5", folder / "pipe"
    secret.write_bytes(b"secret numbers" * 99)
    os.mkfifo(pipe)
    (folder / "evil.py").write_text("raise SystemExit('owned')")
    ordinary = [
        keras_files.keras_file(folder / "good.keras", hostile.OPAQUE, {hostile.PLACE: (3, 4)}),
        keras_files.h5_file(folder / "good.h5"),
        folder / "missing.h5",
    ]
    made: dict[str, Path] = {}
    for number, (name, file) in enumerate(hostile.FILES.items()):
        made[name] = folder / f"{number}{file.ending}"
        file.make(made[name], secret if number % 2 else pipe)
    for number, (name, (config, _)) in enumerate(hostile.CARRIERS.items()):
        made[name] = keras_files.keras_file(folder / f"carrier{number}.keras", config, {})
        made[f"{name}.h5"] = keras_files.h5_file(folder / f"carrier{number}.h5", config)
    found = watched(list(made.values()), ordinary)
    found["made"] = made
    return found


@pytest.mark.parametrize("name", hostile.FILES)
def test_a_hostile_file_is_refused_in_one_line_that_names_the_hazard(
    report: Any, name: str
) -> None:
    code, out, err, _ = report["ends"][str(report["made"][name])]
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") <= 2
    assert len(err) < 1000
    assert all(map(is_showable, err.splitlines()))
    assert hostile.FILES[name].words in err
    assert "secret" not in err


@pytest.mark.parametrize("ending", ["", ".h5"])
@pytest.mark.parametrize("name", hostile.CARRIERS)
def test_what_is_dangerous_to_load_is_summarised_and_said(
    report: Any, name: str, ending: str
) -> None:
    code, out, err, _ = report["ends"][str(report["made"][f"{name}{ending}"])]
    assert (code, err) == (0, "")
    assert "small @ 8×8" in out
    said = " ".join(out.split())
    assert all(words in said for words in hostile.CARRIERS[name][1])


def test_nothing_runs_and_no_other_file_is_read(report: Any) -> None:
    loaded = 0
    for event, what, path in report["seen"]:
        said = (event, what, path)
        if event in ("open", "os.open"):
            assert what in (path, str(tempfile.gettempdir())) or _is_of_python(what), said
        elif event == "exec":
            assert _is_of_python(what) or 'file "<string>"' in what, said  # a dataclass
        elif event == "marshal.loads":
            loaded += 1
        else:
            assert event in ("import", "compile", "os.listdir", "os.putenv"), said
    foreign = [name for name in report["new"] if not name.startswith(("rsinspect.", "encodings."))]
    assert set(foreign) <= set(sys.stdlib_module_names)
    assert loaded <= len(report["new"])
    assert "secret" not in str(report["ends"])


def _is_of_python(path: str) -> bool:
    return "site-packages" in path or "/lib/python" in path or "/rsinspect/" in path


def test_time_is_bounded(report: Any) -> None:
    slow = {path: end[3] for path, end in report["ends"].items() if end[3] > 20}
    assert slow == {}
