"""A hostile file ends in one line that names the hazard: nothing runs, no other file is read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from rsinspect.base.text import is_showable
from tests import hostile, keras_files
from tests.watched import require_nothing_ran, watched

pytestmark = pytest.mark.timeout(600)  # a pipe that is opened waits for ever

SUMMARISED = """
from rsinspect.cli.app import run
def act(path):
    if "good" in path or "missing" in path:
        run(["summary", path, "-f", "json"])
    return run(["summary", path])
"""


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
    found = watched(SUMMARISED, list(made.values()), ordinary)
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
    require_nothing_ran(report)


def test_time_is_bounded(report: Any) -> None:
    slow = {path: end[3] for path, end in report["ends"].items() if end[3] > 20}
    assert slow == {}
