"""An op that joins later is named by the type checker everywhere, and guessed by nobody."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pytest

from rsinspect.answers.explain import explain
from rsinspect.layers import graph as graphs
from rsinspect.layers import ops
from rsinspect.layers.cost import op_cost, weight_shapes
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.liveness import writes_in_place
from rsinspect.layers.ops import TensorShape
from rsinspect.layers.question import Question
from rsinspect.layers.receptive_field import receptive_fields
from rsinspect.layers.shapes import infer_shape
from rsinspect.layers.wording import describe

ROOT = Path(__file__).parent.parent
NEW_OP = '''class Wobble(NamedTuple):
    """Made up."""

    kind: Literal["Wobble"] = "Wobble"


Op = (
    Wobble |
'''
READERS = {
    "answers/explain.py", "drawing/tree.py", "keras_model/build.py", "layers/cost.py",
    "layers/liveness.py", "layers/receptive_field.py", "layers/shapes.py", "layers/wording.py",
}  # fmt: skip
"""Modules that must say something of every op; more may join."""


class Wobble(NamedTuple):
    """An op that nobody knows."""

    kind: Literal["Wobble"] = "Wobble"


SHAPE = TensorShape(8, 8, 4)
WOBBLE: Any = Wobble()


def wobbly(monkeypatch: pytest.MonkeyPatch) -> LayerGraph:
    """A graph with the op in it, which no maker could make."""
    monkeypatch.setattr(graphs, "infer_shape", lambda op, shapes: SHAPE)
    image = Layer("image", ops.Input(SHAPE), (), SHAPE)
    return LayerGraph("wobbly", (image, Layer("wobble", WOBBLE, ("image",), SHAPE)))


OF_AN_OP: dict[str, Callable[[Any], object]] = {
    "shape": lambda op: infer_shape(op, (SHAPE,)),
    "cost": lambda op: op_cost(op, (SHAPE,), SHAPE),
    "weights": weight_shapes,
    "memory": writes_in_place,
    "words": describe,
}
OF_A_GRAPH: dict[str, Callable[[LayerGraph], object]] = {
    "receptive field": receptive_fields,
    "formulas": lambda graph: explain(graph, "wobble", Question()),
}


@pytest.mark.parametrize("reader", OF_AN_OP)
def test_an_unknown_op_is_refused_and_not_guessed(reader: str) -> None:
    with pytest.raises(AssertionError):
        OF_AN_OP[reader](WOBBLE)


@pytest.mark.parametrize("reader", OF_A_GRAPH)
def test_a_graph_with_an_unknown_op_is_refused_too(
    reader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = wobbly(monkeypatch)
    with pytest.raises(AssertionError):
        OF_A_GRAPH[reader](graph)


def matches_on_every_op(source: str) -> Iterator[ast.Match]:
    """``match`` statements on ops that end in ``assert_never``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Match):
            text = ast.unparse(node)
            if "case ops." in text and "assert_never(" in ast.unparse(node.cases[-1]):
                yield node


def readers(package: Path) -> dict[str, int]:
    """How many ``match`` statements of each module must know every op."""
    counts = {
        str(file.relative_to(package)): len(list(matches_on_every_op(file.read_text("utf-8"))))
        for file in sorted(package.rglob("*.py"))
    }
    return {name: count for name, count in counts.items() if count}


@pytest.mark.slow
def test_the_type_checker_names_every_reader_of_a_new_op(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "rsinspect", tmp_path / "rsinspect")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    definitions = tmp_path / "rsinspect/layers/ops.py"
    text = definitions.read_text("utf-8")
    assert text.count("\nOp = (\n") == 1
    definitions.write_text(text.replace("Op = (\n", NEW_OP, 1), "utf-8")
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path / "cache"), "rsinspect"],
        cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert checked.returncode == 1, checked.stdout + checked.stderr
    complaint = re.compile(r'rsinspect/(\S+?):\d+: error: Argument 1 to "assert_never".*"Wobble"')
    named: dict[str, int] = {}
    for module in complaint.findall(checked.stdout):
        named[module] = named.get(module, 0) + 1
    assert named == readers(ROOT / "rsinspect")
    assert set(named) >= READERS


GUESSING = {"drawing/figure6.py", "profiling/roofline.py",
            "drawing/tree.py"}  # fmt: skip
"""Modules of which a ``match`` on ops still has a silent default."""


def test_no_match_on_ops_has_a_silent_default() -> None:
    silent = set()
    for file in (ROOT / "rsinspect").rglob("*.py"):
        source = file.read_text("utf-8")
        every = [
            node
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.Match)
            and any(ast.unparse(case.pattern).startswith("ops.") for case in node.cases)
        ]
        if len(every) > len(list(matches_on_every_op(source))):
            silent.add(str(file.relative_to(ROOT / "rsinspect")))
    assert silent <= GUESSING
