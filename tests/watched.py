"""Something is done with each of many files, in a process that is watched and has little memory."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.conftest import python

WATCHED = """
import json, os, resource, sys
from pathlib import Path
paths, ordinary = json.loads(sys.argv[1]), json.loads(sys.argv[2])
os.environ |= {"COLUMNS": "80", "NO_COLOR": "1"}
for path in ordinary:  # whatever the program needs is loaded by these
    act(path)
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
        seen.append((event, str(arguments)[:200], now[0]))
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
    code = act(path)
    sys.stdout.flush(), sys.stderr.flush()
    watching[0] = False
    ended = resource.getrusage(resource.RUSAGE_SELF)
    os.dup2(kept[0], 1), os.dup2(kept[1], 2)
    ends[path] = [code, out.read_text(), err.read_text(), ended.ru_utime - begun.ru_utime]
new = sorted(name for name in set(sys.modules) - before)
print(json.dumps({"ends": ends, "seen": seen, "new": new}))
"""


def watched(act: str, paths: list[Path], ordinary: list[Path]) -> Any:
    """Act on files in a process that is watched and has little memory.

    Args:
        act: Python that defines ``act(path)``, which returns an exit code.
        paths: Of the files.
        ordinary: Files of which the first are, so that whatever is needed has been loaded.
    """
    arguments = [json.dumps([str(path) for path in those]) for those in (paths, ordinary)]
    done = python(
        f"import sys; sys.argv[1:] = {arguments!r}\n{act}\n{WATCHED}",
        PYTHONPATH=os.environ.get("PYTHONPATH", ""),
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def require_nothing_ran(report: Any) -> None:
    """Fail if anything but Python's own files was imported, run or opened beside the files."""
    loaded = 0
    for event, what, path in report["seen"]:
        said = (event, what, path)
        if event in ("open", "os.open"):
            own = what in (path, str(tempfile.gettempdir())) or what.isdecimal()  # or a pipe
            assert own or _is_of_python(what), said
        elif event == "exec":
            assert _is_of_python(what) or 'file "<string>"' in what, said  # a dataclass
        elif event == "subprocess.Popen":  # HDF5 is known to crash on what it lists
            assert what.startswith(f"('{sys.executable}', ['{sys.executable}', '-P', '-c'"), said
        elif event == "marshal.loads":
            loaded += 1
        else:
            assert event in ("import", "compile", "os.listdir", "os.putenv", "os.killpg"), said
    foreign = [name for name in report["new"] if not name.startswith(("rsinspect.", "encodings."))]
    assert set(foreign) <= set(sys.stdlib_module_names), sorted(foreign)
    assert loaded <= len(report["new"])
    assert "secret" not in str(report["ends"])


def _is_of_python(path: str) -> bool:
    return "site-packages" in path or "/lib/python" in path or "/rsinspect/" in path
