"""The reference says what the code says: it is made of it, and compared here.

    python -m pytest -q -n0 --update-goldens tests/test_reference.py

writes docs/reference anew, of the commands and of the docstrings as they are now.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

import rsinspect
from tests import command_reference, python_reference
from tests.conftest import Cli
from tests.test_examples import _here as _here  # fixtures
from tests.test_examples import folder as folder

REFERENCE = Path(__file__).parent.parent / "docs" / "reference"
AGAIN = "python -m pytest -q -n0 --update-goldens tests/test_reference.py"


def compare(place: str, pages: Iterable[tuple[str, str]], request: pytest.FixtureRequest) -> None:
    """Hold the pages of a folder to what they should be, or write them."""
    made, folder = dict(pages), REFERENCE / place
    if request.config.getoption("--update-goldens"):
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob("*.md"):
            path.unlink()
        for name, text in made.items():
            (folder / name).write_text(text, encoding="utf-8")
    kept = {path.name: path.read_text("utf-8") for path in folder.glob("*.md")}
    stale = sorted(name for name in {*made, *kept} if made.get(name) != kept.get(name))
    assert stale == [], f"written anew by {AGAIN}"


@pytest.mark.usefixtures("_here")
def test_the_reference_of_the_command_line_is_as_the_commands_are(
    cli: Cli, request: pytest.FixtureRequest
) -> None:
    compare("cli", command_reference.pages(cli), request)


def test_the_reference_of_the_library_is_as_the_docstrings_are(
    request: pytest.FixtureRequest,
) -> None:
    compare("python", python_reference.pages(), request)


def test_every_public_name_has_its_place() -> None:
    assert python_reference.named() == {*rsinspect.__all__} - {"__version__"}


FUNCTIONS = [
    node
    for page in python_reference.PAGES.values()
    for name in page.names
    if name not in python_reference.DEPTHS
    and isinstance(node := python_reference.found(name), ast.FunctionDef)
]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda node: node.name)
def test_every_argument_refusal_and_use_of_a_public_function_is_described(
    function: ast.FunctionDef,
) -> None:
    said = ast.get_docstring(function) or ""
    args = function.args
    every = [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]
    described = re.findall(r"^    \*{0,2}(\w+): ", said, re.MULTILINE)
    assert [each.arg for each in every if each is not None and each.arg not in described] == []
    assert "Raises:" in said or function.name == "preprocess_input"  # which returns what it gets
    assert ">>> " in said or function.name == "decode_predictions"  # Keras's own


def test_an_entry_is_the_signature_and_each_argument_as_markdown() -> None:
    entry = ast.parse(
        'def f(x: int = 3) -> str:\n    """Do it.\n\n    Args:\n        x: This *way*.\n    """'
    ).body[0]
    assert isinstance(entry, ast.FunctionDef)
    text = "\n".join(python_reference._entry(entry, "m.f", 2))
    assert "m.f(x: int = 3) -> str" in text
    assert "- `x`: This \\*way\\*." in text
