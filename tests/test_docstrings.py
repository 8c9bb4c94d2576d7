"""Docstrings begin with what a function does, and their examples give what they say."""

from __future__ import annotations

import ast
import doctest
import importlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FRAMEWORKS = {"keras", "tensorflow", "jax", "torch"}
"""A module that imports one of them, at its top or through a module that does, needs Keras."""


def module_name(file: Path, root: Path) -> str:
    parts = file.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules_with_examples(package: Path) -> Iterator[str]:
    """Names of all modules below a folder that have an example in their source."""
    for file in sorted(package.rglob("*.py")):
        if ">>> " in file.read_text(encoding="utf-8"):
            yield module_name(file, package.parent)


def executed(node: ast.AST) -> Iterator[ast.AST]:
    """Every statement that loading a module executes: not those of functions, nor for types."""
    for child in ast.iter_child_nodes(node):
        for_types = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
        if not for_types and not isinstance(child, ast.FunctionDef):
            yield child
            yield from executed(child)


@cache
def imported(name: str) -> set[str]:
    """Modules that a module imports when it is loaded; asked for each of those that import it."""
    path = ROOT / name.replace(".", "/")
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    names: set[str] = set()
    for node in executed(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def needs_a_framework(name: str) -> bool:
    """Whether loading a module loads a framework."""
    waiting, seen = [name], set[str]()
    while waiting:
        module = waiting.pop()
        if module.partition(".")[0] in FRAMEWORKS:
            return True
        path = ROOT / module.replace(".", "/")
        if module in seen or not (path.is_dir() or path.with_suffix(".py").exists()):
            continue
        seen.add(module)
        waiting += imported(module)
    return False


NO_VERBS = frozenset(
    {
        "The", "A", "An", "All", "Each", "Every", "One", "Its", "Some", "Those", "Most", "This",
        "Of", "In", "On", "With", "From", "For", "By", "As", "At", "When", "While", "Where",
        "Whether", "What", "Which", "Who", "Whose", "How", "If", "Not", "None",
    }
)  # fmt: skip
"""First words of a summary that names or circumscribes what a function returns."""


def public_functions(source: str) -> Iterator[ast.FunctionDef]:
    """Yield functions and methods whose name has no underscore before it, properties included."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node


def names_no_action(function: ast.FunctionDef) -> bool:
    """Tell whether a docstring begins otherwise than with a verb, or does not end in a period."""
    docstring = ast.get_docstring(function)
    if docstring is None:
        return False
    summary = docstring.split("\n\n")[0]
    word = summary.split()[0]
    return word in NO_VERBS or not word[0].isupper() or not summary.endswith(".")


def test_summaries_of_public_functions_begin_with_what_they_do() -> None:
    assert [
        f"{file.relative_to(ROOT)}:{function.lineno} {function.name}"
        for file in sorted((ROOT / "rsinspect").rglob("*.py"))
        for function in public_functions(file.read_text(encoding="utf-8"))
        if names_no_action(function)
    ] == []


@pytest.mark.parametrize(
    ("summary", "wrong"),
    [
        ("Count layers.", False),
        ("The layers.", True),
        ("Of all layers.", True),
        ("layers counted.", True),
        ("Count layers", True),
    ],
)
def test_a_summary_is_a_sentence_that_begins_with_a_verb(summary: str, wrong: bool) -> None:
    source = f'def count():\n    """{summary}"""\n'
    assert [names_no_action(function) for function in public_functions(source)] == [wrong]


MODULES = [
    pytest.param(name, marks=pytest.mark.keras if needs_a_framework(name) else ())
    for name in modules_with_examples(ROOT / "rsinspect")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_hold(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0
    assert result.attempted > 0


def test_a_new_module_with_an_example_is_run(tmp_path: Path) -> None:
    package = tmp_path / "package"
    (package / "room").mkdir(parents=True)
    (package / "room" / "__init__.py").write_text('"""A room."""\n')
    (package / "room" / "new.py").write_text('"""Count.\n\n>>> 1 + 1\n2\n"""\n')
    assert list(modules_with_examples(package)) == ["package.room.new"]


def test_a_module_behind_a_framework_is_marked_keras() -> None:
    assert needs_a_framework("rsinspect.keras_model.build")
    assert not needs_a_framework("rsinspect.networks.spec")
