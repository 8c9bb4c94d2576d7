"""``rsinspect graph`` with a measured run, on stdout, and when something goes wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rsinspect.base.errors import RenderError
from rsinspect.drawing import choices, engine
from rsinspect.profiling.record.document import to_json
from tests.conftest import Cli
from tests.runs import a_run


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A run of ResNet-RS-50 at 160x192, stem 0.1 s and c2 0.3 s."""
    path = tmp_path / "run.json"
    path.write_text(json.dumps(to_json(a_run())))
    return path


NETWORK = ("50", "--resolution", "160x192")


@pytest.mark.parametrize("view", ["figure6", "stages", "blocks"])
def test_a_measured_latency_colours_the_stages_it_was_measured_for(
    cli: Cli, saved: Path, view: str
) -> None:
    outcome = cli("graph", *NETWORK, "--profile", saved, "--view", view, "-f", "dot", "-o", "-")
    assert outcome.code == 0, outcome.err
    assert "300 ms" in outcome.out
    assert "75.0 %" in outcome.out
    assert "100 ms" in outcome.out
    assert "25.0 %" in outcome.out
    assert "batch 64, float32, tensorflow on cpu" in outcome.out


def test_a_profile_alone_means_its_latency(cli: Cli, saved: Path) -> None:
    asked = ("graph", *NETWORK, "--profile", saved, "-f", "dot", "-o", "-")
    assert cli(*asked).out == cli(*asked, "--color", "latency").out
    assert "FLOPs (" in cli(*asked, "--color", "flops").out


def other(document: dict[str, Any], **model: Any) -> dict[str, Any]:
    """As a file of before, which names its model in five fields, has another one."""
    five = ("name", "depth", "blocks", "resolution", "dialect")
    known = {key: document["model"][key] for key in five}
    return {key: value for key, value in document.items() if key != "network"} | {
        "model": known | model
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: other(d, name="resnet-rs-101"), "its model is resnet-rs-101, not resnet-rs-50"),
        (lambda d: other(d, resolution=[160, 160]), "its resolution is 160×160, not 160×192"),
        (lambda d: other(d, dialect="article"), "its dialect is article, not keras"),
        (lambda d: d | {"schema": "rsinspect.profile/99"}, "update rsinspect"),
        (lambda d: d | {"schema": "torchinfo/1"}, "no profile of rsinspect"),
        (lambda d: {k: v for k, v in d.items() if k != "segments"}, "has no 'segments'"),
        (lambda d: [d], "not an object"),
    ],
)
def test_a_profile_that_does_not_fit_is_refused(
    cli: Cli, saved: Path, tmp_path: Path, change: Any, words: str
) -> None:
    saved.write_text(json.dumps(change(json.loads(saved.read_text()))))
    outcome = cli("graph", *NETWORK, "--profile", saved, "-o", tmp_path / "a.svg")
    assert outcome.code == 2
    assert words in outcome.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.json"]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[1, 2"])
def test_a_profile_that_is_no_json_is_refused(
    cli: Cli, saved: Path, tmp_path: Path, content: bytes
) -> None:
    saved.write_bytes(content)
    outcome = cli("graph", *NETWORK, "--profile", saved, "-o", tmp_path / "a.svg")
    assert outcome.code == 2
    assert len(outcome.err.splitlines()) == 2


def test_stdout_takes_every_format(cli: Cli) -> None:
    for format in choices.PICTURES.names:
        if format not in ("png", "pdf", "webp"):  # bytes that a text stream of a test cannot hold
            assert cli("graph", 50, "-o", "-", "-f", format).out, format
    assert cli("graph", 50, "-o", "-").out.startswith("<?xml")


def test_without_a_file_the_terminal_shows_a_picture(cli: Cli) -> None:
    page = cli("graph", 101).out
    assert page == cli("graph", 101, "-o", "-", "-f", "txt").out
    assert max(map(len, page.splitlines())) <= 80
    assert "× 22" in page


def test_a_picture_that_fails_leaves_the_old_file(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "a.svg"
    target.write_text("old")

    def fail(*_: Any, **__: Any) -> bytes:
        raise RenderError("Graphviz was ended by SIGSEGV")

    monkeypatch.setattr(engine, "run", fail)
    outcome = cli("graph", 50, "-o", target)
    assert (outcome.code, outcome.err) == (1, "error: Graphviz was ended by SIGSEGV\n")
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.svg"]


def test_without_any_engine_the_missing_thing_is_named(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    outcome = cli("graph", 50, "-o", tmp_path / "a.svg")
    assert outcome.code == 3
    assert "pip install pygraphviz" in outcome.err
    assert list(tmp_path.iterdir()) == []
    for suffix in ("dot", "mmd", "tex", "txt", "html", "me.json"):
        assert cli("graph", 50, "-o", tmp_path / f"a.{suffix}").code == 0


def test_a_renderer_that_is_not_here_is_named(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    outcome = cli("graph", 50, "-o", tmp_path / "a.svg", "--renderer", "system")
    assert outcome.code == 3
    assert "dot" in outcome.err
    assert list(tmp_path.iterdir()) == []
