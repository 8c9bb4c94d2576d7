"""How long modules and functions may be, and who may still ask for a spec."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "rsinspect"

MODULE_LINES = 450
FUNCTION_LINES = 60

LONG = {
    "keras_model/applications.py ResNetRS": "Keras's signature, an argument per setting",
    "keras_model/keras_layers.py keras_layer": "one match over all ops, an entry each",
    "layers/cost.py op_cost": "one match over all ops, an entry each",
    "layers/shapes.py infer_shape": "one match over all ops, an entry each",
    "layers/wording.py describe": "one match over all ops, an entry each",
}
"""Functions of more code than that, and why; their docstrings say it too."""

TAKE_A_SPEC = {
    "design_space/costs.py": "counts many specs without building the graph of each",
    "networks/network.py": "makes the network of a spec",
    "networks/recognition.py": "compares a graph with the one of a spec",
    "networks/resnet_rs.py": "builds the graph of a spec",
    "weights/anatomy.py": "guesses at the spec that a heap of arrays has",
    "weights/identity.py": "says which spec a file is of",
    "weights/witnesses.py": "looks for the published files of a spec",
    "weights/published.py": "a published file is named after depth and resolution",
}
"""Modules with a function that takes a ``ResNetRSSpec``, and why; all others take a network."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules() -> dict[str, str]:
    """Source of each module of the package."""
    return {
        file.relative_to(PACKAGE).as_posix(): file.read_text(encoding="utf-8")
        for file in sorted(PACKAGE.rglob("*.py"))
    }


def functions(source: str) -> Iterator[Function]:
    """Every function and method of a module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, Function):
            yield node


def code_lines(source: str, function: Function) -> int:
    """Count the lines of a function without docstring, comments and blank lines."""
    assert function.end_lineno is not None
    numbers = set(range(function.lineno, function.end_lineno + 1))
    if ast.get_docstring(function) is not None:
        docstring = function.body[0]
        assert docstring.end_lineno is not None
        numbers -= set(range(docstring.lineno, docstring.end_lineno + 1))
    lines = source.splitlines()
    stripped = (lines[number - 1].strip() for number in numbers)
    return sum(bool(line) and not line.startswith("#") for line in stripped)


def annotated(function: Function) -> Iterator[str]:
    """What the parameters of a function are annotated as."""
    arguments = function.args
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        if argument.annotation is not None:
            yield ast.unparse(argument.annotation)


def test_no_module_is_longer_than_a_reader_likes() -> None:
    lengths = {name: len(source.splitlines()) for name, source in modules().items()}
    assert {name: n for name, n in lengths.items() if n > MODULE_LINES} == {}


def test_no_function_is_longer_than_a_reader_likes_unless_it_says_why() -> None:
    long = {
        f"{name} {function.name}": ast.get_docstring(function) or ""
        for name, source in modules().items()
        for function in functions(source)
        if code_lines(source, function) > FUNCTION_LINES
    }
    assert set(long) == set(LONG)
    assert all("It is long because" in docstring for docstring in long.values())


def test_few_modules_take_a_spec_where_others_take_a_network() -> None:
    takers = {
        name
        for name, source in modules().items()
        for function in functions(source)
        if any("ResNetRSSpec" in annotation for annotation in annotated(function))
    }
    assert takers == set(TAKE_A_SPEC)


@pytest.mark.parametrize(("body", "count"), [("    return 1", 2), ("    # why\n\n    pass", 2)])
def test_docstring_comments_and_blank_lines_are_no_code(body: str, count: int) -> None:
    source = f'def f() -> int:\n    """Say\n\n    what.\n    """\n{body}\n'
    assert [code_lines(source, function) for function in functions(source)] == [count]
