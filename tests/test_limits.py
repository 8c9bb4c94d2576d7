"""Numbers out of all bounds, at every door: one line each, and nothing behind sees them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

import rsinspect
from rsinspect.base import limits
from rsinspect.base.errors import InvalidQuestion, RsInspectError
from rsinspect.base.limits import Limit
from rsinspect.base.words import shown
from rsinspect.cli.app import COMMANDS
from tests.command_lines import loaded_commands
from tests.conftest import Cli

ARGUMENTS = {"summary": ("50",), "graph": ("50",), "diff": ("50", "101"), "profile": ("50",)}
IMPOSSIBLE = ("-1", "9" * 40, "9" * 400, "9" * 5000, "nan", "1e400", "ten")


def numeric_options() -> list[tuple[str, str]]:
    """List every option of every command that is a number, and every argument that is one."""
    commands = loaded_commands()
    return [
        (name, next((text for text in parameter.opts if text.startswith("--")), ""))
        for name in COMMANDS
        for parameter in commands[name].params
        if parameter.type.name in ("int", "integer", "float")
    ]


def test_the_numeric_options_are_found() -> None:
    found = {(command, option) for command, option in numeric_options()}
    assert found >= {
        ("summary", "--batch"), ("profile", "--threads"), ("diff", "--dpi"), ("scale", "--epochs"),
        ("table", ""), ("graph", "--width"), ("summary", "--limit"),
    }  # fmt: skip


@pytest.mark.parametrize(("command", "option"), numeric_options())
def test_no_command_takes_a_number_beyond_all_bounds(cli: Cli, command: str, option: str) -> None:
    for value in IMPOSSIBLE:
        given = (option, value) if option else ("--", value)
        outcome = cli(command, *ARGUMENTS.get(command, ()), *given)
        assert (outcome.code, outcome.out) == (2, ""), value[:20]
        lines = outcome.err.splitlines()
        assert [line.partition(":")[0] for line in lines] in (["error"], ["error", "hint"])
        assert max(map(len, lines)) < 700


@pytest.mark.parametrize(
    "line",
    [
        "summary 50 -r {}", "summary --blocks 3,{}", "summary 50@{}", "diff 50 101 -r {}x{}",
        "scale -a width={}", "scale -a resolution=32:{}", "scale -a c3=1:2:{}", "scale -a depth={}",
        "scale --max-flops {}e999", "summary {}", "recipe 50@{}", "profile 50 --max-time {}",
        "compare 50 50 --max-time {}s", "sweep --models 50 --time {}h", "choose --max-latency {}ms",
    ],
)  # fmt: skip
def test_numbers_inside_of_text_are_refused_likewise(cli: Cli, line: str) -> None:
    for number in ("9" * 40, "9" * 400, "9" * 5000):
        outcome = cli(*line.format(number, number).split())
        assert (outcome.code, outcome.out) == (2, "")
        assert len(outcome.err.splitlines()) <= 2
        assert max(map(len, outcome.err.splitlines())) < 700


NUMBERS: tuple[Any, ...] = (
    0,
    -1,
    10**400,
    -(10**5000),
    math.nan,
    math.inf,
    "x",
    None,
    True,
    1.5,
    (),
    [],
    {},
)
DOORS: dict[str, Callable[[Any], object]] = {
    "resolution": lambda n: rsinspect.network("50", resolution=n) if n is not None else _no(),
    "sides": lambda n: rsinspect.network("50", resolution=(n, n)),
    "model": lambda n: rsinspect.network(n),
    "batch": lambda n: rsinspect.summary("50", batch=n),
    "limit": lambda n: rsinspect.summary("50", limit=n) if n is not None else _no(),
    "dpi": lambda n: rsinspect.graph("50", dpi=n),
    "diff": lambda n: rsinspect.diff("50", n),
    "table": lambda n: rsinspect.table(n),
    "depth": lambda n: rsinspect.scale(depth=(n,)),
    "width": lambda n: rsinspect.scale(width=(n,)) if n not in (True, 1.5) else _no(),
    "blocks": lambda n: rsinspect.scale(blocks=((n, n),)),
    "most": lambda n: rsinspect.scale(most={"flops": n}),
    "processes": lambda n: rsinspect.profile("50", batch=1, processes=n),
}


def _no() -> None:
    raise InvalidQuestion("this one is allowed, and not tried")


@pytest.mark.parametrize("door", DOORS)
def test_python_doors_refuse_what_is_no_such_number(door: str) -> None:
    for number in NUMBERS:
        with pytest.raises(RsInspectError) as refused:
            DOORS[door](number)
        assert "\n" not in str(refused.value)
        assert len(str(refused.value)) < 400


@pytest.mark.parametrize(
    "limit", [value for value in vars(limits).values() if isinstance(value, Limit)]
)
def test_a_limit_takes_its_ends_and_nothing_beyond(limit: Limit) -> None:
    kind = int if limit.whole else float
    assert limit.allows(kind(limit.high)) is not limit.below
    assert limit.allows(kind(limit.low)) is not limit.above
    for value in (limit.low - 1, 2 * limit.high + 1, math.nan, True, "1", None):
        assert not limit.allows(value)
        with pytest.raises(InvalidQuestion, match="must be"):
            limit.check(value, InvalidQuestion)


def test_a_long_number_is_told_by_its_length() -> None:
    assert shown(10**5000) == "a number of 5001 digits"
    assert shown(10**400 - 1) == shown(-(10**399)) == "a number of 400 digits"
    assert shown(123_456) == "123456"
