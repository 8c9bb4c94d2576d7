"""Blocks taken apart, and where few tensors are alive, of graphs wired by hand."""

from __future__ import annotations

import pytest

from rsinspect.layers import ops
from rsinspect.layers.blocks import Block, gates_of, take_apart
from rsinspect.layers.cuts import alive_after, cut_positions
from rsinspect.layers.graph import LayerGraph
from rsinspect.layers.structure import Group
from tests.networks import wired

CONV = ops.Conv2D(3, 4, 4)
HALVED = CONV._replace(stride=2)
RELU = ops.Activation("relu")
Row = tuple[str, ops.Op, tuple[str, ...]]


def apart(*rows: Row, without: int = 1) -> Block:
    """A block of all layers but the first few, and the image."""
    graph = wired(*rows)
    return take_apart(graph, Group("block", graph.layers[without:]))


def paths(block: Block) -> tuple[str, str, str]:
    """Names of its branch, its shortcut and the layers of its gates."""
    branch = "".join(layer.path for layer in block.branch)
    gated = "".join(layer.path for gate in block.gates for layer in gate.layers)
    return branch, "".join(layer.path for layer in block.shortcut), gated


@pytest.mark.parametrize(("inputs", "position"), [(("b", "p"), 1), (("p", "b"), 0)])
def test_a_projection_is_the_shorter_way_and_the_rest_the_branch(
    inputs: tuple[str, str], position: int
) -> None:
    block = apart(
        ("x", CONV, ("image",)),
        ("a", CONV, ("x",)),
        ("b", CONV, ("a",)),
        ("p", CONV, ("x",)),
        ("s", ops.Add(), inputs),
        ("r", RELU, ("s",)),
        without=2,
    )
    assert (block.kind, block.position, paths(block)) == ("projection", position, ("ab", "p", ""))
    assert block.entry.path == "x"
    assert block.addition is not None
    assert block.addition.path == "s"


def test_what_both_ways_share_is_of_the_branch() -> None:
    block = apart(
        ("a", CONV, ("image",)),
        ("b", CONV, ("a",)),
        ("p", CONV, ("a",)),
        ("c", CONV, ("b",)),
        ("s", ops.Add(), ("p", "c")),
    )
    assert paths(block) == ("abc", "p", "")
    assert (block.kind, block.position) == ("projection", 0)


@pytest.mark.parametrize("stride", [(2, 1), (1, 2)])
def test_a_block_that_makes_the_map_smaller_either_way_is_downsampling(
    stride: tuple[int, int],
) -> None:
    smaller = CONV._replace(stride=stride)
    block = apart(
        ("a", smaller, ("image",)), ("p", smaller, ("image",)), ("s", ops.Add(), ("p", "a"))
    )
    assert block.kind == "downsampling"


def test_a_block_that_ends_in_no_sum_is_a_branch_alone() -> None:
    block = apart(
        ("a", CONV, ("image",)),
        ("s", ops.Add(), ("image", "a")),
        ("b", CONV, ("s",)),
        ("c", ops.Concatenate(), ("s", "b")),
    )
    assert (block.kind, block.addition, paths(block)) == ("identity", None, ("asbc", "", ""))
    assert (block.position, block.group.path) == (0, "block")
    scaled = apart(
        ("a", CONV, ("image",)),
        ("s", ops.ScaledAdd(0.2), ("image", "a")),
        ("g", ops.GlobalAvgPool(keepdims=True), ("s",)),
        ("m", ops.Multiply(), ("s", "g")),
    )
    assert scaled.addition is not None
    assert scaled.addition.path == "s"
    assert (scaled.kind, paths(scaled)) == ("identity", ("a", "", ""))


def test_a_block_of_inputs_alone_enters_at_the_first() -> None:
    graph = wired()
    assert take_apart(graph, Group("block", graph.layers)).entry.path == "image"


def test_a_gate_is_what_was_computed_from_the_other_factor() -> None:
    graph = wired(
        ("x", CONV, ("image",)),
        ("g", ops.GlobalAvgPool(keepdims=True), ("x",)),
        ("h", ops.Conv2D(1, 4, 4), ("g",)),
        ("m", ops.Multiply(), ("h", "x")),  # the factors first
        ("y", CONV, ("m",)),
        ("n", ops.Multiply(), ("y", "y")),  # a square scales by nothing else
        ("z", CONV, ("image",)),
        ("o", ops.Multiply(), ("n", "z")),  # neither is computed from the other
    )
    (gate,) = gates_of(graph.layers)
    assert ([layer.path for layer in gate.layers], gate.scaled) == (["g", "h"], "x")
    assert (gate.scale.path, gate.factors) == ("m", "h")
    assert gates_of(graph.layers[3:]) == ()  # what it was computed from is not among them


def with_skip() -> LayerGraph:
    """A chain with a shortcut over two layers, and an output on the way that nothing reads."""
    return wired(
        ("a", CONV, ("image",)),
        ("b", CONV, ("a",)),
        ("c", CONV, ("b",)),
        ("end", CONV, ("b",)),
        ("s", ops.Add(), ("a", "c")),
        ("t", CONV, ("s",)),
    )


def test_tensors_that_are_alive_are_counted_and_cut_where_there_is_one() -> None:
    layers = with_skip().layers
    #      image a  b  c  end s  t
    assert alive_after(layers) == [1, 1, 2, 3, -2, 1, 0]
    assert cut_positions(layers) == (0, 1, 5, 6)
    assert alive_after(()) == []
