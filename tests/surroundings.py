"""What may surround a call: variables, streams, flags of Python, folders.

python -m tests.surroundings [WORDS]    tries every command of LINES in each whose name has a word
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from tests.conftest import GOLDENS
from tests.processes import PATIENCE_S

ROOT = Path(__file__).parents[1]
RUN = GOLDENS / "run-50-train.json"
LINES = (
    "summary 50", "graph 50", "--help", "summary 151", "table 7", "diff 50 101", "help graph",
    "recipe 50", "variants", "doctor", "scale -a depth=50", f"profile --from {RUN}", "figure 2",
    "runs list --db none.db", "weights list", "check 50", "summary nosuch.json", "graph 50 -f dot",
    "summary 50 -f json", "graph 50 -o a.png", "graph 50 -o a.html", "summary 50 -o a.csv",
    f"profile --from {RUN} --plot a.svg", f"runs import {RUN} --db a.db", "report 50 -o a.html",
)  # fmt: skip


FOLDER = "{folder}"
"""In a variable: the folder that all of a call is in; who may make any folder makes it there."""
MISSING = f"{FOLDER}/missing"


class Surrounding(NamedTuple):
    """What surrounds a call.

    Attributes:
        variables: Of the environment; None for one that is not set.
        flags: Of Python.
        before: What a shell does first.
        after: What it writes behind the call: where its streams go.
        loses: That stdout cannot be written, so that an answer is lost.
    """

    variables: Mapping[str, str | None] = MappingProxyType({})
    flags: str = ""
    before: str = ""
    after: str = ""
    loses: bool = False


def _environments() -> dict[str, Surrounding]:
    """Surroundings of variables alone."""
    encodings = ("ascii", "latin-1", "cp1252", "utf-16", "cp037", "shift_jis", "ascii:strict")
    places = {"missing": MISSING, "relative": "home", "a file": "/etc/passwd", "empty": ""}
    return {
        **{f"stdout in {e}": Surrounding({"PYTHONIOENCODING": e}) for e in encodings},
        **{f"HOME {name}": Surrounding({"HOME": place}) for name, place in places.items()},
        **{
            f"COLUMNS={n}": Surrounding({"COLUMNS": n})
            for n in ("0", "1", "20", "1000", "-5", "abc", "\u0663", "\u00b2", "9" * 500)
        },
        "HOME unset": Surrounding({"HOME": None, "USER": None, "LOGNAME": None}),
        "HOME of no text": Surrounding({"HOME": f"{MISSING}/\udcff\n"}),
        "LC_ALL=C": Surrounding({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
        "LC_ALL unknown": Surrounding({"LC_ALL": "xx_YY.bogus", "LANGUAGE": "xx"}),
        "TERM=dumb": Surrounding({"TERM": "dumb"}),
        "TERM unset": Surrounding({"TERM": None}),
        "FORCE_COLOR": Surrounding({"FORCE_COLOR": "1", "CLICOLOR_FORCE": "1"}),
        "a terminal by force": Surrounding({"TTY_COMPATIBLE": "1", "TTY_INTERACTIVE": "1"}),
        "a notebook by name": Surrounding(
            {"DATABRICKS_RUNTIME_VERSION": "1", "JUPYTER_COLUMNS": "x"}
        ),
        "XDG nowhere": Surrounding(
            {"XDG_DATA_HOME": "data", "XDG_CACHE_HOME": "/proc/none", "XDG_CONFIG_HOME": ""}
        ),
        "caches nowhere": Surrounding(
            {"KERAS_HOME": "/proc/none", "RSINSPECT_CACHE": "/proc/none"}
        ),
        "TMPDIR missing": Surrounding({"TMPDIR": MISSING}),
        "TZ unknown": Surrounding({"TZ": ":/etc/passwd", "SOURCE_DATE_EPOCH": "abc"}),
        "PATH empty": Surrounding({"PATH": ""}),
        "matplotlib's own": Surrounding({"MPLBACKEND": "x", "MATPLOTLIBRC": "/dev/zero"}),
        "Typer's own": Surrounding({"_TYPER_STANDARD_TRACEBACK": "1", "TERMINAL_WIDTH": "10"}),
    }


SURROUNDINGS = {
    "nothing": Surrounding(),
    **_environments(),
    "head": Surrounding(before="set -o pipefail; ", after="| head -c 1"),
    "stdin closed": Surrounding(after="<&-"),
    "stdout closed": Surrounding(after=">&-", loses=True),
    "stdout full": Surrounding(after=">/dev/full", loses=True),
    "stderr closed": Surrounding(after="2>&-"),
    "stderr full": Surrounding(after="2>/dev/full"),
    "no stream": Surrounding(after="<&- >&- 2>&-", loses=True),
    "signals ignored": Surrounding(before="trap '' PIPE INT TERM HUP; "),
    "umask 0777": Surrounding(before="umask 0777; "),
    "few open files": Surrounding(before="ulimit -n 24; "),
    **{
        f"python {flags}": Surrounding(flags=flags)
        for flags in ("-O", "-OO", "-W error", "-X dev", "-bb", "-u", "-X int_max_str_digits=640")
    },
}  # fmt: skip
"""What a call may find around it, by name."""


class Outcome(NamedTuple):
    """How a call ended, what it said on stderr, and what it left among temporary files."""

    code: int
    said: str
    left: tuple[str, ...]


def called(line: str, name: str, folder: Path) -> Outcome:
    """Call the program in a surrounding and an empty folder."""
    surrounding = SURROUNDINGS[name]
    for own in ("home", "temporary", "here"):
        (folder / own).mkdir()
    usual = {
        "HOME": str(folder / "home"), "TMPDIR": str(folder / "temporary"), "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    odd = {
        key: value and value.replace(FOLDER, str(folder))
        for key, value in surrounding.variables.items()
    }
    given = {**os.environ, **usual, **odd}
    python = f"{shlex.quote(sys.executable)} {surrounding.flags} -P -m rsinspect"
    done = subprocess.run(
        ["/bin/bash", "-c", f"{surrounding.before}{python} {line} {surrounding.after}"],
        cwd=folder / "here", env={key: value for key, value in given.items() if value is not None},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    left = tuple(path.name for path in (folder / "temporary").iterdir())
    return Outcome(done.returncode, done.stderr.decode("utf-8", "replace"), left)


def faults(line: str, name: str, outcome: Outcome, alone: Outcome) -> list[str]:
    """Say what was wrong with a call, by how it ends where nothing is odd."""
    expected = {alone.code, 1} if SURROUNDINGS[name].loses else {alone.code}
    words = ("Traceback", "Exception ignored", "Warning", "Fatal Python error")
    found = [f"{name}: {line}: {word} in {outcome.said}" for word in words if word in outcome.said]
    if outcome.code not in expected:
        found.append(f"{name}: {line}: code {outcome.code} for {alone.code}: {outcome.said}")
    if outcome.left:
        found.append(f"{name}: {line}: leaves {outcome.left}")
    return found


def main(words: list[str]) -> None:
    """Try all commands in all surroundings, or in those that a word names."""
    names = [name for name in SURROUNDINGS if not words or any(word in name for word in words)]
    for line in LINES:
        with tempfile.TemporaryDirectory() as folder:
            alone = called(line, "nothing", Path(folder))
        for name in names:
            with tempfile.TemporaryDirectory() as folder:
                for fault in faults(line, name, called(line, name, Path(folder)), alone):
                    print(fault, flush=True)
    print(f"{len(names)} surroundings of {len(LINES)} commands tried")


if __name__ == "__main__":
    main(sys.argv[1:])
