"""No arguments, whatever they say, end a command in anything but an answer or one line."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random
from unittest import mock

import pytest

from rsinspect.cli.app import named
from tests import command_lines
from tests.conftest import Cli
from tests.runs import a_run


@pytest.mark.parametrize("seed", range(2))
def test_a_command_line_is_answered_or_refused_in_one_line(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    assert [one for one in command_lines.tried(seed, 50, tmp_path) if one[1]] == []


@pytest.mark.parametrize(
    "asked",
    ["--notes x", "-f x", "-o no/a.csv", "-o a.xlsx", "-o a.svg --theme x", "--plot a.svg --size x",
     "--save no/a.json", "--roofline a.jpg", "-o a.csv --save a.csv", "--theme x"],
)  # fmt: skip
def test_what_cannot_be_answered_is_not_measured(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with mock.patch("rsinspect.cli.progress.measure", return_value=a_run()) as measure:
        assert cli("profile", "50", *asked.split()).code == 2
    assert not measure.called
    assert list(tmp_path.iterdir()) == []


def test_command_lines_are_of_every_command_and_option() -> None:
    random = Random(0)
    lines = [command_lines.command_line(random) for _ in range(12_000)]
    called = Counter((named(line), word) for line in lines for word in line[1:])
    for name, parameters in command_lines.commands().items():
        for parameter in parameters:
            if parameter.param_type_name == "option":
                assert called[name, parameter.opts[0]], (name, parameter.opts)


def test_a_name_with_line_breaks_and_controls_stays_one_line(cli: Cli) -> None:
    for arguments in (
        ["summary", "a\nb\x1b[31m.json"],
        ["profile", "--from", "a\nb\x1b[31m"],
        ["graph", "50", "-o", "a\nb/c.svg"],
    ):
        done = cli(*arguments)
        assert done.code == 2
        assert "\x1b" not in done.err
        assert done.err.count("\n") <= 2
