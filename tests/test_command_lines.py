"""No arguments, whatever they say, end a command in anything but an answer or one line."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import pytest

from tests import command_lines
from tests.conftest import Cli


@pytest.mark.parametrize("seed", range(2))
def test_a_command_line_is_answered_or_refused_in_one_line(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    assert [one for one in command_lines.tried(seed, 50, tmp_path) if one[1]] == []


def test_command_lines_are_of_every_command_and_option() -> None:
    random = Random(0)
    lines = [command_lines.command_line(random) for _ in range(4_000)]
    called = Counter((line[0], word) for line in lines for word in line[1:])
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
