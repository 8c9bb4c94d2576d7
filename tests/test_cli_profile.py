"""``rsinspect profile --from``: a saved run shown again, without a framework."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rsinspect.profiling.answer import profile_answer
from rsinspect.profiling.record.document import to_json
from rsinspect.render.data import as_text
from tests.conftest import GOLDENS, Cli, python
from tests.runs import a_run


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "run.json"
    path.write_text(json.dumps(to_json(a_run())))
    return path


@pytest.mark.parametrize("format", ["json", "csv", "markdown", "latex"])
def test_a_saved_run_is_shown_as_when_it_was_measured(cli: Cli, saved: Path, format: str) -> None:
    outcome = cli("profile", "--from", saved, "-f", format)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == as_text(profile_answer(a_run()), format)


def test_a_saved_run_is_a_table_for_people(cli: Cli, saved: Path, tmp_path: Path) -> None:
    page = cli("profile", "--from", saved).out
    assert "ResNet-RS-50 @ 160×192, forward, batch 64, float32, tensorflow on cpu" in page
    assert max(map(len, page.splitlines())) <= 80
    assert cli("profile", "--from", saved, "-o", tmp_path / "page.txt").code == 0
    assert (tmp_path / "page.txt").read_text().splitlines()[0] == page.splitlines()[0]


def test_the_page_of_a_run_is_as_reviewed(cli: Cli, golden: Callable[[str, str], None]) -> None:
    """Its file is of a release that kept neither request nor network: old runs still load."""
    document = json.loads((GOLDENS / "run-50-train.json").read_text())
    assert not {"request", "network"} & set(document)
    outcome = cli("profile", "--from", GOLDENS / "run-50-train.json")
    assert outcome.code == 0, outcome.err
    golden("run-50-train.txt", outcome.out)


def test_nothing_is_measured_and_no_framework_is_loaded(saved: Path) -> None:
    code = f"""
import sys
from rsinspect.cli.app import run
code = run(["profile", "--from", {str(saved)!r}, "-f", "json"])
assert not {{"tensorflow", "keras", "jax", "torch"}} & set(sys.modules)
sys.exit(code)
"""
    done = python(code)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["schema"] == "rsinspect.profile/1"


@pytest.mark.parametrize(
    ("content", "words"),
    [("{", "no JSON document"), ("[]", "not an object"), ('{"schema": "x/1"}', "no profile of")],
)
def test_a_damaged_run_is_one_line_and_a_hint(
    cli: Cli, saved: Path, content: str, words: str
) -> None:
    saved.write_text(content)
    outcome = cli("profile", "--from", saved)
    assert outcome.code == 2
    assert words in outcome.err
    assert len(outcome.err.splitlines()) <= 2


def test_a_run_is_read_or_saved(cli: Cli, saved: Path, tmp_path: Path) -> None:
    outcome = cli("profile", "--from", saved, "--save", tmp_path / "copy.json")
    assert outcome.code == 2
    assert "leave one of them out" in outcome.err
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_strict_asks_that_the_segments_add_up(cli: Cli, saved: Path) -> None:
    assert cli("profile", "--from", saved).code == 0
    outcome = cli("profile", "--from", saved, "--strict")
    assert outcome.code == 1
    assert "ResNet-RS-50" in outcome.out, "the answer is given all the same"
    assert outcome.err.startswith("error: Too few rounds to say whether parts add up: 400 ms")


def test_a_saved_run_is_drawn_and_traced(cli: Cli, saved: Path, tmp_path: Path) -> None:
    plot, roofline, trace = (tmp_path / name for name in ("l.svg", "r.svg", "t.json"))
    outcome = cli(
        "profile", "--from", saved, "--plot", plot, "--roofline", roofline, "--trace", trace,
        "--theme", "dark",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert "stem" in plot.read_text()
    assert "FLOP per byte" in roofline.read_text()
    assert json.loads(trace.read_text())["traceEvents"]


def test_a_roofline_without_roofs_is_refused_before_anything_runs(cli: Cli, tmp_path: Path) -> None:
    outcome = cli("profile", "50", "--no-roofs", "--roofline", tmp_path / "r.svg")
    assert outcome.code == 2
    assert "leave --no-roofs out" in outcome.err
    assert list(tmp_path.iterdir()) == []


def test_an_interval_too_wide_for_a_share_is_a_limit(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rsinspect.profiling.answer.LOST", 0.0)
    outcome = cli("profile", "--from", GOLDENS / "run-50-train.json")
    assert "≤ " in outcome.out
    assert "<=" not in outcome.out
