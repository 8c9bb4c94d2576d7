"""The command that writes a page: what it is about, what is refused, what comes back out of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rsinspect.base.errors import InvalidMeasurement, InvalidSpec
from rsinspect.networks.network import Network
from rsinspect.pages.subject import subjects_of
from rsinspect.profiling.record import document as runs
from rsinspect.profiling.record.run import ProfileRun, Segment
from rsinspect.profiling.statistics import Latency
from tests.conftest import Cli
from tests.networks import layout_of
from tests.runs import a_run, run_of

SMALL = ("--blocks", "1,1,1,1", "--width", "0.25", "--resolution", "32")


def small(*blocks: int) -> Network:
    return layout_of(*(blocks or (1, 1, 1, 1)), width=0.25, resolution=(32, 32))


def run_on(network: Network, *samples: float) -> ProfileRun:
    latency = Latency(samples or (0.1, 0.2, 0.3))
    return run_of((Segment(path="stem", level="stage", latency=latency),), network=network)


def save(path: Path, run: ProfileRun) -> Path:
    path.write_text(json.dumps(runs.to_json(run)), encoding="utf-8")
    return path


def test_runs_go_to_the_networks_that_they_measured() -> None:
    one, other = small(), small(1, 2, 1, 1)
    first, second, third = run_on(one), run_on(other), run_on(one, 0.5, 0.6)
    named = [("one", one), ("other", other)]
    a, b = subjects_of(named, [("1", first), ("2", second), ("3", third)])
    assert (a.key, a.text, a.runs) == ("a", "one", (first, third))
    assert (b.key, b.text, b.runs) == ("b", "other", (second,))


def test_of_two_that_are_alike_each_gets_a_run() -> None:
    one = small()
    first, second = run_on(one), run_on(one, 0.5, 0.6)
    a, b = subjects_of([("before", one), ("after", one)], [("1", first), ("2", second)])
    assert (a.runs, b.runs) == ((first,), (second,))


def test_runs_alone_say_what_they_are_about() -> None:
    one, other = small(), small(1, 2, 1, 1)
    found = subjects_of((), [("1", run_on(one)), ("2", run_on(other)), ("3", run_on(one, 0.5))])
    assert [(each.network.fingerprint, len(each.runs)) for each in found] == [
        (one.fingerprint, 2),
        (other.fingerprint, 1),
    ]


def test_a_run_of_none_of_them_is_refused_with_both_names() -> None:
    one, other, third = small(), small(1, 2, 1, 1), small(1, 1, 2, 1)
    named = [("one", one), ("other", other)]
    with pytest.raises(InvalidMeasurement, match=r"'x' is a run of .*1-1-2-1.*1-1-1-1.*1-2-1-1"):
        subjects_of(named, [("x", run_on(third))])
    with pytest.raises(InvalidMeasurement, match="does not hold the network"):
        subjects_of((), [("x", a_run(network=None))])
    with pytest.raises(InvalidSpec, match="no network named"):
        subjects_of(())


REFUSED: dict[str, tuple[str, str]] = {
    "net.json -o p.pdf": ("'p.pdf' is no name of a page", "name it report.html"),
    "net.json -o no/folder/p.html": ("no/folder does not exist", "mkdir"),
    "net.json -o p.html --theme drak": ("unknown theme 'drak'", "did you mean dark?"),
    "net.json -o p.html --only facts,figures": (
        "unknown section 'figures'",
        "did you mean figure?",
    ),
    "50 101 --width 2 -o p.html": ("--width is for one network", "leave it out"),
    "50 101 152 200 270 -o p.html": ("a page shows 4 networks at most", "gallery"),
    "-o p.html": ("no network named", "--blocks"),
    "-o p.html --run nowhere.json": ("nowhere.json cannot be read", "--save"),
    "-o p.html --run run.json -r 64": ("--resolution is for one network", "leave it out"),
    "50 --run run.json -o p.html": ("the profile is of another network", "measure this one"),
    "net.json --weights run.json -o p.html": ("run.json", ""),
    "--run run.json -o run.json": ("run.json is read for --run", "give each its own name"),
    "net.json -o net.json": ("net.json is read for", "give each its own name"),
}


@pytest.mark.parametrize("line", REFUSED)
def test_bad_input_is_one_clear_line_and_leaves_nothing(
    line: str, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "run.json", run_on(small()))
    small().save(tmp_path / "net.json")
    outcome = cli("report", *line.split())
    message, hint = REFUSED[line]
    assert outcome.code == 2
    assert message in outcome.err
    assert hint in outcome.err
    assert outcome.err.count("\n") <= 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.json", "run.json"]


def page_of(cli: Cli, path: Path, *arguments: object) -> str:
    outcome = cli("report", *arguments, "-o", path)
    assert outcome.code == 0, outcome.err
    return path.read_text(encoding="utf-8")


def document_of(page: str) -> dict[str, Any]:
    from rsinspect.base.embedded import document_in

    found: dict[str, Any] = document_in(page.encode())
    return found


def test_the_command_that_is_named_makes_the_page_again(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options = ("--only", "facts", "--title", "It's mine", "--only", "provenance")
    page = page_of(cli, tmp_path / "page.html", *options, "-q", *SMALL)
    command = document_of(page)["command"]
    assert command == (
        "rsinspect report --blocks 1,1,1,1 --resolution 32 --width 0.25 --title 'It'\"'\"'s mine' "
        "--only facts --only provenance --output page.html"
    )
    import shlex

    again = cli(*shlex.split(command)[1:])
    assert again.code == 0
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == page
