"""Whatever surrounds a command (variables, folders, programs), it answers or says why not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from unittest import mock

import pytest

from rsinspect.base import process
from rsinspect.base.errors import BackendUnavailable, RenderError
from rsinspect.doctor import checkup
from rsinspect.drawing import engine
from rsinspect.drawing.formats import Style, render
from rsinspect.networks.keras_cache import keras_home
from rsinspect.plots import page
from rsinspect.profiling.request import ProfileRequest
from rsinspect.weights.published import cache_folder
from tests.conftest import GOLDENS, Cli
from tests.networks import layout_of
from tests.processes import PATIENCE_S
from tests.test_drawing_files import scene_named

PACKAGE = Path(__file__).parents[1]
RUN = GOLDENS / "run-50-train.json"
SHADOWS = ("typing", "keras", "json", "re", "rich", "typer", "msgspec", "tensorflow")


def rsinspect(
    *arguments: object,
    safe: bool = True,
    cwd: Path | None = None,
    variables: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """The command line as a process of its own."""
    program = [sys.executable, *(["-P"] if safe else []), "-m", "rsinspect", *map(str, arguments)]
    known = {"PYTHONPATH": str(PACKAGE), "COLUMNS": "80", "NO_COLOR": "1", "HOME": str(cwd)}
    return subprocess.run(
        program, cwd=cwd, env=dict(os.environ) | known | dict(variables or {}), capture_output=True,
        text=True, errors="replace", timeout=PATIENCE_S, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    "variables",
    [
        {"COLUMNS": "0", "LINES": "-1", "TERM": "no/such"},
        {"COLUMNS": "1" + "0" * 5_000, "TERM": "", "TZ": "No/Where"},
        {"COLUMNS": "\u00b2", "LINES": "\u00b2"},
        {"COLUMNS": "abc", "LC_ALL": "xx_YY.bogus", "KERAS_BACKEND": "nonsense"},
    ],
    ids=lambda variables: variables["COLUMNS"][:9],
)
def test_variables_that_say_nonsense_change_no_answer(variables: dict[str, str]) -> None:
    assert rsinspect("summary", "50", variables=variables).returncode == 0
    done = rsinspect("summary", "--help", variables=variables)
    assert (done.returncode, done.stderr) == (0, "")
    assert "--convention" in done.stdout or variables["COLUMNS"] in ("0", "abc", "\u00b2")


def test_a_plot_takes_no_backend_of_a_screen_and_needs_no_settings(tmp_path: Path) -> None:
    (tmp_path / "temporary").mkdir()
    done = rsinspect(
        "profile", "--from", RUN, "--plot", "a.svg", cwd=tmp_path,
        variables={
            "MPLBACKEND": "nonsense", "MPLCONFIGDIR": "/proc/none", "MATPLOTLIBRC": "/dev/zero",
            "TMPDIR": str(tmp_path / "temporary"),
        },
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "wrote a.svg\n")
    assert (tmp_path / "a.svg").exists()
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_settings_of_matplotlib_that_are_none_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "matplotlibrc"
    for make in (
        os.mkfifo, lambda path: path.symlink_to("/dev/zero"), lambda path: path.write_bytes(b"\xff")
    ):  # fmt: skip
        make(path)
        with pytest.raises(RenderError, match="in the working directory cannot be read"):
            page._check_settings(path)
        path.unlink()
    page._check_settings(path)


def test_modules_in_the_working_directory_are_not_ours(tmp_path: Path) -> None:
    for name in SHADOWS:
        (tmp_path / f"{name}.py").write_text("raise SystemExit('of the working directory')")
    done = rsinspect("graph", "50", "-o", "a.svg", safe=False, cwd=tmp_path)
    assert (done.returncode, "working" in done.stderr) == (0, False)
    assert (tmp_path / "a.svg").read_bytes().startswith(b"<?xml")


def test_a_working_directory_that_is_gone_is_no_mishap(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    code = (
        f"import os, sys; os.chdir({str(gone)!r}); os.rmdir({str(gone)!r})\n"
        "from rsinspect.cli.app import run\n"
        f"sys.exit(run(['graph', '50', '-o', {str(tmp_path / 'a.svg')!r}]) "
        "or run(['summary', '50']) + 10 * (run(['profile', '--from', 'run.json']) - 2))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=dict(os.environ) | {"PYTHONPATH": str(PACKAGE)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "run.json cannot be read" in done.stderr


@pytest.mark.parametrize("closed", ["<&-", "</dev/null"])
@pytest.mark.skipif(not shutil.which("sh"), reason="a shell closes a stream")
def test_no_standard_input_is_needed(tmp_path: Path, closed: str) -> None:
    command = f'"{sys.executable}" -P -m rsinspect graph 50 -o a.svg {closed}'
    done = subprocess.run(
        ["sh", "-c", command], cwd=tmp_path, env=dict(os.environ) | {"PYTHONPATH": str(PACKAGE)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, (tmp_path / "a.svg").exists()) == (0, True), done.stderr


# ---- homes and folders


def test_a_home_that_nobody_knows_is_no_mishap(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", "~nosuchuser/x")
    monkeypatch.chdir(tmp_path)
    assert str(keras_home()) == "~nosuchuser/x"
    assert cli("doctor").code == 0
    monkeypatch.setenv("KERAS_HOME", "/proc/none")
    assert cache_folder() == Path(tempfile.gettempdir(), ".keras", "models")
    for arguments in (["summary", "~nosuchuser/a.json"], ["profile", "--from", "~nosuchuser/a"]):
        done = cli(*arguments)
        assert (done.code, done.err.count("error: "), done.err.count("\n") < 3) == (2, 1, True)
        assert "cannot be read" in done.err


def test_without_a_home_the_store_of_runs_has_to_be_named(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RSINSPECT_DB")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    for given in ("home", ""):
        monkeypatch.setenv("HOME", given)
        monkeypatch.setattr("pwd.getpwuid", mock.Mock(side_effect=KeyError("nobody")))
        done = cli("runs", "import", RUN)
        assert (done.code, "RSINSPECT_DB" in done.err) == (2, True), done.err
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RSINSPECT_DB", "~/my.db")
    assert cli("runs", "import", RUN).code == 0
    assert (tmp_path / "my.db").exists()


def test_no_folder_for_temporary_files_is_no_mishap(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = FileNotFoundError(2, "No usable temporary directory found")
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_get_default_tempdir", mock.Mock(side_effect=missing))
    monkeypatch.setenv("KERAS_HOME", "/proc/none")
    assert cache_folder() == Path("/proc/none/models")
    done = cli("graph", "50", "-o", tmp_path / "a.svg")
    assert (done.code, "TMPDIR" in done.err) == (3, True)
    done = cli("doctor")
    assert (done.code, "temporary files cannot be written" in done.out) == (3, True)
    assert cli("graph", "50", "-o", tmp_path / "a.html").code == 0
    monkeypatch.setattr(tempfile, "TemporaryFile", mock.Mock(side_effect=missing))
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", b"\x89HDF\r\n\x1a\n")
    for line in (
        ("weights", "inspect", tmp_path / "m.keras"),
        ("sweep", "--models", "50", "--db", tmp_path / "s.db"),
    ):
        done = cli(*line)
        assert (done.code, done.err.count("TMPDIR")) == (3, 1), done.err


@pytest.mark.parametrize("content", ["[" * 100_000, "[]", '{"backend": 3}', "x", "1" * 10**6])
def test_settings_of_keras_that_are_none_are_left_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "keras.json").write_text(content)
    assert checkup.keras_backend() == ("tensorflow", "Keras's default")


def test_settings_that_keras_cannot_read_are_said_to_be_the_reason() -> None:
    from rsinspect.profiling import worker

    request = ProfileRequest(network=layout_of(1), batch=1)
    with (
        mock.patch("importlib.import_module", side_effect=[sys, RecursionError]),
        pytest.raises(BackendUnavailable, match="Keras does not start: RecursionError"),
    ):
        worker._import(request)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_settings_of_keras_that_never_end_are_left_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    for make in (os.mkfifo, lambda path: path.symlink_to("/dev/zero"), Path.mkdir):
        path = tmp_path / "keras.json"
        make(path)
        assert checkup.keras_backend()[1] == "Keras's default"
        path.rmdir() if path.is_dir() else path.unlink()


# ---- a program called dot


DOTS = {
    "garbage": ("echo garbage 12.3", "no svg"),
    "nothing": ("exit 0", "no message"),
    "no picture": ('echo \'<svg width="1e999pt" height="nanpt">\'', "no svg|no SVG"),
    "a colour": ("printf 'Error: \\033[31mno\\n' >&2; exit 1", "code 1"),
    "a child that stays": ("sleep 3600 & echo garbage", "no svg"),
    "no end": ("yes", "wrote more than"),
    "no answer": ("sleep 3600", "did not finish within"),
    "no program": (None, "cannot be started"),
}


@pytest.mark.parametrize("case", DOTS)
@pytest.mark.skipif(not shutil.which("sh"), reason="the dots are shell scripts")
def test_a_dot_that_is_not_that_of_graphviz_is_said_to_be_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    script, words = DOTS[case]
    dot = tmp_path / "dot"
    dot.write_bytes(b"\x7fELF nothing" if script is None else f"#!/bin/sh\n{script}\n".encode())
    dot.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(process, "_GRACE_S", 0.5)
    monkeypatch.setattr(engine, "MOST_BYTES", 10**6)
    style = Style(renderer="system", timeout_s=1 if case == "no answer" else PATIENCE_S)
    for format in ("svg", "png"):
        with pytest.raises(RenderError, match=words):
            render(scene_named("x"), format, style)


@pytest.mark.skipif(not shutil.which("sh"), reason="the dots are shell scripts")
def test_the_doctor_outlives_a_dot_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    (tmp_path / "dot").write_text("#!/bin/sh\nsleep 3600\n")
    (tmp_path / "dot").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(checkup, "_DRAWING_TIMEOUT_S", 1.0)
    found = json.loads(cli("doctor", "--format", "json").out)
    system = next(one for one in found["renderers"] if one["kind"] == "system")
    assert "did not finish within 1 s" in system["problem"]
