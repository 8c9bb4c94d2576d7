"""Describing, counting and drawing load no framework, and neither does importing the package."""

from __future__ import annotations

import pytest

from tests.conftest import python

HEAVY = ("tensorflow", "keras", "jax", "torch", "numpy", "msgspec")
CHECK = """
import sys
from rsinspect.cli.app import run
{before}
code = run({arguments!r})
assert code == 0, code
sys.stderr.write(",".join(sorted({heavy!r} & set(sys.modules))))
"""


def loaded(arguments: list[str], before: str = "") -> set[str]:
    outcome = python(CHECK.format(arguments=arguments, heavy=set(HEAVY), before=before))
    assert outcome.returncode == 0, outcome.stderr
    return set(outcome.stderr.split(",")) - {""}


@pytest.mark.parametrize(
    "arguments",
    [
        ["summary", "420"],
        ["summary", "420", "--level", "layer", "--format", "json"],
        ["summary", "50", "--format", "latex"],
        ["variants"],
        ["variants", "--family", "list"],
        ["graph", "101", "-o", "-"],
        ["graph", "101", "-f", "html"],
        ["graph", "101", "-f", "mermaid"],
        ["graph", "101", "-f", "tikz"],
        ["graph", "101", "-f", "me.json"],
        ["graph", "101", "-f", "netron.json"],
        ["graph", "101", "-q"],
        ["diff", "101", "152"],
        ["check", "101", "--params", "63.7M", "--max-peak-activation", "6MiB"],
        ["doctor"],
        ["profile", "--help"],
        ["scale", "--help"],
        ["--help"],
    ],
    ids=" ".join,
)
def test_no_heavy_module_is_loaded(arguments: list[str]) -> None:
    assert loaded(arguments) == set()


@pytest.mark.parametrize("arguments", [["summary", "50"], ["diff", "50", "101"], ["--help"]])
def test_what_draws_nothing_loads_nothing_that_draws(arguments: list[str]) -> None:
    code = (
        f"import sys; from rsinspect.cli.app import run; run({arguments!r});"
        "rooms = {name for name in sys.modules if name.startswith('rsinspect.drawing.')};"
        "sys.stderr.write(','.join(sorted(rooms)))"
    )
    assert set(python(code).stderr.split(",")) <= {"", "rsinspect.drawing.choices"}


def test_the_check_sees_a_heavy_module_that_is_loaded_on_purpose() -> None:
    assert loaded(["summary", "50"], before="import numpy") == {"numpy"}


def test_importing_the_package_loads_no_framework() -> None:
    code = f"import sys, rsinspect; dir(rsinspect); print({set(HEAVY)!r} & set(sys.modules))"
    assert python(code).stdout == "set()\n"
