"""Rooms below the command line do not know what an option is called there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_type_hints

import pytest

from rsinspect.base.errors import InvalidSpec
from rsinspect.base.flags import flag
from rsinspect.base.words import Option, advice
from rsinspect.cli.app import COMMANDS
from rsinspect.networks.spec import ResNetRSSpec
from tests.command_lines import loaded_commands
from tests.conftest import Cli

PACKAGE = Path(__file__).parent.parent / "rsinspect"
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]+")


def docstrings(tree: ast.AST) -> set[ast.AST]:
    """Texts that stand alone: what they say is for readers of the code."""
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}


def texts_with_a_flag(source: str) -> Iterator[str]:
    """Every text of a module that names an option as the command line calls it."""
    tree = ast.parse(source)
    unread = docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in unread:
            yield from FLAG.findall(node.value)


def test_no_text_outside_the_command_line_names_a_flag() -> None:
    named = {
        str(file.relative_to(PACKAGE)): flags
        for file in sorted(PACKAGE.rglob("*.py"))
        if file.relative_to(PACKAGE).parts[0] != "cli"
        and file.relative_to(PACKAGE).as_posix() != "base/flags.py"  # which spells them
        and (flags := list(texts_with_a_flag(file.read_text(encoding="utf-8"))))
    }
    assert named == {}


def test_the_check_sees_a_flag() -> None:
    source = 'def f(x):\n    """Says --this."""\n    return f"give --batch {x}"\n'
    assert list(texts_with_a_flag(source)) == ["--batch"]


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (Option("batch", 8), "--batch 8"),
        (Option("include_top", False), "--no-top"),
        (Option("roofs", True), "--roofs"),
        (Option("dropout_rate"), "--dropout"),
        (Option("blocks", (3, 4, 23, 3)), "--blocks 3,4,23,3"),
    ],
)
def test_the_command_line_words_an_option_as_it_is_typed(option: Option, words: str) -> None:
    assert flag(option) == words


def test_one_error_is_worded_by_each_door(cli: Cli) -> None:
    assert "hint: did you mean 152? A layout of your own: --blocks 3,4,23,3" in (
        cli("summary", "151").err
    )
    with pytest.raises(ValueError, match=r"blocks=\(3, 4, 23, 3\)"):
        ResNetRSSpec.variant(151)
    refused = InvalidSpec("no", advice("leave {} out", Option("jit")))
    assert (refused.hint, refused.worded(flag)[1]) == ("leave jit out", "leave --jit out")


def test_every_option_that_is_advised_is_an_option_of_a_command() -> None:
    """An ``Option`` in the package is called on the command line as ``flag`` calls it."""
    known = {
        name
        for command in loaded_commands().values()
        for parameter, annotation in get_type_hints(command.callback, include_extras=True).items()
        for declared in getattr(annotation, "__metadata__", ())
        for names in (
            f"--{parameter.replace('_', '-')}",
            declared.default,
            *(declared.param_decls or ()),
        )
        if isinstance(names, str)  # Typer keeps the first name where a default would be
        for name in names.split("/")
    }
    assert len(known) > len(COMMANDS)
    advised = {
        node.args[0].value
        for file in sorted(PACKAGE.rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "Option"
        and isinstance(node.args[0], ast.Constant)
    }
    assert {flag(Option(str(name))) for name in advised} <= known
