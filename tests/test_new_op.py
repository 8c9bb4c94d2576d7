"""An op that joins later is named by the type checker everywhere, and guessed by nobody."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pytest

from rsinspect.answers.explain import explain
from rsinspect.drawing.contents import gate_widths
from rsinspect.drawing.roles import layer_role, shown
from rsinspect.drawing.views import view as scene_of
from rsinspect.layers import graph as graphs
from rsinspect.layers import ops
from rsinspect.layers.cost import op_cost, weight_shapes
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.kernels import kernels
from rsinspect.layers.liveness import writes_in_place
from rsinspect.layers.ops import TensorShape
from rsinspect.layers.question import Question
from rsinspect.layers.receptive_field import receptive_fields
from rsinspect.layers.saved import reads_input
from rsinspect.layers.shapes import infer_shape
from rsinspect.layers.wording import describe
from rsinspect.networks.network import from_graph
from rsinspect.weights.fitting import class_name_of

ROOT = Path(__file__).parent.parent
NEW_OP = '''class Wobble(NamedTuple):
    """Made up."""

    kind: Literal["Wobble"] = "Wobble"


Op = (
    Wobble |
'''
READERS = {
    "answers/explain.py", "drawing/contents.py", "drawing/roles.py", "drawing/stage_table.py",
    "keras_model/keras_layers.py",
    "layers/cost.py", "layers/kernels.py", "layers/liveness.py", "layers/receptive_field.py",
    "layers/saved.py", "layers/shapes.py", "layers/wording.py", "weights/fitting.py",
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


def keras_layer(op: Any) -> object:
    """Make the Keras layer of an op."""
    pytest.importorskip("keras")
    from rsinspect.keras_model.keras_layers import keras_layer

    return keras_layer(op, "wobble", {})


def kernels_of(graph: LayerGraph, mode: Literal["forward", "train"]) -> object:
    """Divide the unknown layer of a graph into kernels."""
    return kernels(graph, graph.layers, mode=mode)


def drawn(graph: LayerGraph, view: str) -> object:
    """Arrange a picture of a graph with every layer in it."""
    return scene_of(from_graph(graph), view, deep=True)


OF_AN_OP: dict[str, Callable[[Any], object]] = {
    "shape": lambda op: infer_shape(op, (SHAPE,)),
    "cost": lambda op: op_cost(op, (SHAPE,), SHAPE),
    "weights": weight_shapes,
    "memory": writes_in_place,
    "memory of training": reads_input,
    "words": describe,
    "role in a picture": lambda op: layer_role(op, "trunk"),
    "place in the paper's figure": shown,
    "class in a weight file": class_name_of,
    "widths of a gate": lambda op: gate_widths([Layer("wobble", op, ("image",), SHAPE)]),
    "Keras layer": keras_layer,
}
OF_A_GRAPH: dict[str, Callable[[LayerGraph], object]] = {
    "receptive field": receptive_fields,
    "formulas": lambda graph: explain(graph, "wobble", Question()),
    "kernels of a forward pass": lambda graph: kernels_of(graph, "forward"),
    "kernels of training": lambda graph: kernels_of(graph, "train"),
    "picture of layers": lambda graph: drawn(graph, "layers"),
    "picture of stages": lambda graph: drawn(graph, "stages"),
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
    known = readers(ROOT / "rsinspect")
    definitions = tmp_path / "rsinspect/layers/ops.py"
    text = definitions.read_text("utf-8")
    assert text.count("\nOp = (\n") == 1
    definitions.write_text(text.replace("Op = (\n", NEW_OP, 1), "utf-8")
    checked = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--cache-dir", os.devnull),
            *(f"rsinspect/{module}" for module in known),
        ],
        cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert checked.returncode == 1, checked.stdout + checked.stderr
    complaint = re.compile(r'rsinspect/(\S+?):\d+: error: Argument 1 to "assert_never".*"Wobble"')
    named: dict[str, int] = {}
    for module in complaint.findall(checked.stdout):
        named[module] = named.get(module, 0) + 1
    assert named == known
    assert set(named) >= READERS


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
    assert silent == set()
