"""How the verdict of ``weights inspect`` compares with those of other scanners, on the same files.

python benchmarks/scanners.py MODELAUDIT MODELSCAN      paths of the two programs

The files are the hostile ones of the tests (their payloads are harmless, and nothing loads them),
and some with nothing in them but weights. A scanner catches a file where it reports an issue of
warning or above on it; it has not read one that it names otherwise, or not at all. Prints a table
in Markdown.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from rsinspect.checkpoints.safety import verdict
from tests import hostile, hostile_weights, keras_files
from tests.test_hostile_weights import CASES, ordinary

Said = dict[str, str]
"""What a scanner says of each file, by its name: ``issue``, ``clean`` or ``unread``."""


def files(folder: Path) -> dict[str, Path]:
    """Write the files; by what they are called."""
    made: dict[str, Path] = {}
    secret = folder / "secret.h5"
    secret.write_bytes(b"secret numbers" * 99)
    writers: list[tuple[str, str, Callable[[Path, Path], object]]] = [
        (name, file.ending, file.make)
        for name, file in hostile.FILES.items()
        if CASES[name][0] != "safe"
    ]
    writers += [(name, file.ending, file.make) for name, file in hostile_weights.FILES.items()]
    for number, (name, ending, make) in enumerate(writers):
        made[name] = folder / f"file{number}{ending}"
        make(made[name], secret)
    for number, (name, (config, _)) in enumerate(hostile.CARRIERS.items()):
        path = folder / f"carrier{number}"
        made[f"{name}.keras"] = keras_files.keras_file(path.with_suffix(".keras"), config, {})
        made[f"{name}.h5"] = keras_files.h5_file(path.with_suffix(".h5"), config)
    made |= {path.name: path for path in ordinary(folder) if path.name != "own.keras"}
    secret.unlink()
    return made


def ours(made: Mapping[str, Path]) -> Said:
    """What our own verdict says."""
    levels = {path.name: verdict(path).level for path in made.values()}
    words = {"danger": "issue", "caution": "issue", "unknown": "unread", "safe": "clean"}
    return {name: words[level] for name, level in levels.items()}


def modelaudit(program: str, made: Mapping[str, Path], folder: Path) -> Said:
    """What modelaudit says of the files of a folder: an issue of warning or above is one."""
    done = subprocess.run(
        [program, "scan", "-f", "json", "--no-cache", str(folder)],
        capture_output=True, text=True, check=False, timeout=3600,
        env=os.environ | {"PROMPTFOO_DISABLE_TELEMETRY": "1"},
    )  # fmt: skip
    return of_modelaudit(json.loads(done.stdout[done.stdout.index("{") :]), made)


def of_modelaudit(document: Any, made: Mapping[str, Path]) -> Said:
    """Read its report."""
    bad: set[str] = set()
    unread: set[str] = set()
    for issue in document["issues"]:
        name = _file_of(issue.get("location") or "", made)
        severe = issue["severity"] in ("warning", "critical")
        (bad if severe else unread).add(name)
    seen = {_file_of(asset["path"], made) for asset in document["assets"]}
    return {
        path.name: "issue"
        if path.name in bad
        else "unread"
        if path.name in unread or path.name not in seen
        else "clean"
        for path in made.values()
    }


def modelscan(program: str, made: Mapping[str, Path], folder: Path) -> Said:
    """What modelscan says of the files of a folder."""
    with tempfile.TemporaryDirectory() as elsewhere:
        report = Path(elsewhere, "report.json")
        subprocess.run(
            [program, "scan", "-p", str(folder), "-r", "json", "-o", str(report)],
            capture_output=True, text=True, check=False, timeout=3600,
        )  # fmt: skip
        return of_modelscan(json.loads(report.read_text()), made)


def of_modelscan(document: Any, made: Mapping[str, Path]) -> Said:
    """Read its report; what it did not scan, or not without an error, it has not read."""
    bad = {_file_of(each["source"], made) for each in document["issues"]}
    errors = {_file_of(each.get("source", ""), made) for each in document["errors"]}
    scanned = document["summary"]["scanned"].get("scanned_files", ())
    seen = {_file_of(each, made) for each in scanned} - errors
    return {
        path.name: "issue" if path.name in bad else "clean" if path.name in seen else "unread"
        for path in made.values()
    }


def _file_of(place: str, made: Mapping[str, Path]) -> str:
    """The name of the file in a place: ``folder/a.pth:archive/data.pkl``, ``a.h5 (layer: b)``."""
    names = {path.name for path in made.values()}
    return next((part for part in re.split(r"[/:\s]", place) if part in names), "")


def main() -> None:
    """Compare, and print the table."""
    audit, scan = sys.argv[1:3]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = files(folder)
        show(
            made,
            {
                f"rsinspect {metadata.version('rsinspect')}": ours(made),
                _version(audit): modelaudit(audit, made, folder),
                _version(scan): modelscan(scan, made, folder),
            },
        )


def show(made: Mapping[str, Path], results: Mapping[str, Said]) -> None:
    """Print what each scanner says of each file, and the sums."""
    rows = [(name, *(said[path.name] for said in results.values())) for name, path in made.items()]
    good = [row for row in rows if row[0].startswith(("good", "packed", "old"))]
    bad = [row for row in rows if CASES.get(row[0], ("safe",))[0] == "danger"]
    print(f"| file | {' | '.join(results)} |")
    print(f"| --- | {' | '.join('---' for _ in results)} |")
    for row in rows:
        print(f"| {' | '.join(row)} |")
    for title, some, word in (
        ("dangers caught", bad, "issue"),
        ("dangers called clean", bad, "clean"),
        ("good files called clean", good, "clean"),
    ):
        counts = (sum(row[at] == word for row in some) for at in range(1, len(results) + 1))
        print(f"| **{title}, of {len(some)}** | {' | '.join(map(str, counts))} |")


def _version(program: str) -> str:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    return said.stdout.strip().replace(", version", "")


if __name__ == "__main__":
    main()
