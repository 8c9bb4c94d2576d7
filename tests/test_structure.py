"""Stages, blocks, shortcuts and gates are found in the wiring, whatever the layers are called."""

from __future__ import annotations

import pytest

from rsinspect.base.errors import UnknownPath
from rsinspect.layers import ops
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.structure import structure_of
from tests.networks import SHAPE, layout_of, network_of, wired

CONV = ops.Conv2D(kernel=3, in_channels=4, filters=4)
RELU = ops.Activation("relu")


def test_a_resnet_rs_has_the_papers_stages_and_blocks() -> None:
    structure = network_of(101).structure
    assert [(stage.path, stage.role, len(stage.groups)) for stage in structure.stages] == [
        ("input", "input", 1),
        ("stem", "stem", 1),
        ("c2", "stage", 3),
        ("c3", "stage", 4),
        ("c4", "stage", 23),
        ("c5", "stage", 3),
        ("head", "head", 1),
    ]


@pytest.mark.parametrize(
    ("path", "kind", "shortcut", "gate"),
    [
        ("c2/block0", "projection", ["conv", "bn"], ["squeeze", "reshape", "reduce", "expand"]),
        ("c3/block0", "downsampling", ["pool", "conv", "bn"], ["squeeze"]),
        ("c4/block22", "identity", [], ["squeeze"]),
    ],
)
def test_a_block_knows_its_shortcut_and_its_gate(
    path: str, kind: str, shortcut: list[str], gate: list[str]
) -> None:
    structure = network_of(101).structure
    group = structure.group(path)
    assert group is not None
    block = structure.block(group)
    assert block.kind == kind
    assert [layer.path.rpartition("/")[2] for layer in block.shortcut] == shortcut
    assert [layer.path.rpartition("/")[2] for layer in block.gates[0].layers][: len(gate)] == gate
    assert block.gates[0].scale.path == f"{path}/se/excite"
    assert block.addition is not None
    assert block.addition.path == f"{path}/add"


def test_the_gate_is_found_where_the_map_is_one_pixel_and_nothing_is_broadcast() -> None:
    structure = layout_of(1, 1, 1, 1, 1, resolution=(32, 32)).structure
    gate = structure.gate_at("c6/block0/se/excite")
    assert gate is not None
    assert (gate.scaled, gate.factors) == ("c6/block0/bn3", "c6/block0/se/expand")


def test_the_shortcut_is_the_shorter_way_whichever_input_it_is() -> None:
    for order in (("image", "c"), ("c", "image")):
        graph = wired(("a", CONV, ("image",)), ("c", CONV, ("a",)), ("sum", ops.Add(), order))
        structure = structure_of(graph)
        block = structure.block(structure.groups[-1])
        assert order[block.position] == "image"
        assert [layer.path for layer in block.branch] == ["a", "c"]
        assert structure.carries(graph.layer("sum"), order.index("image")) == "identity"
        assert structure.carries(graph.layer("sum"), order.index("c")) == "flow"


def test_a_sum_of_three_has_one_shortcut_and_two_ways_of_one_branch() -> None:
    inputs = ("a", "image", "b2")
    graph = wired(
        ("a", CONV, ("image",)),
        ("b", CONV, ("image",)),
        ("b2", CONV, ("b",)),
        ("sum", ops.Add(), inputs),
        ("out", RELU, ("sum",)),
    )
    structure = structure_of(graph)
    block = structure.block(structure.groups[-1])
    assert (block.kind, inputs[block.position]) == ("identity", "image")
    assert [layer.path for layer in block.branch] == ["a", "b", "b2"]
    assert [structure.carries(graph.layer("sum"), n) for n in range(3)] == [
        "flow", "identity", "flow"
    ]  # fmt: skip


def test_the_shortest_of_three_ways_that_compute_is_a_projection() -> None:
    graph = wired(
        ("a", CONV, ("image",)),
        ("b", CONV, ("image",)),
        ("b2", CONV, ("b",)),
        ("c", CONV, ("image",)),
        ("c2", CONV, ("c",)),
        ("sum", ops.Add(), ("c2", "a", "b2")),
    )
    structure = structure_of(graph)
    block = structure.block(structure.groups[-1])
    assert (block.kind, block.position) == ("projection", 1)
    assert [layer.path for layer in block.shortcut] == ["a"]
    assert [structure.part(path) for path in ("a", "b", "c2")] == ["shortcut", "branch", "branch"]


def test_names_that_the_wiring_does_not_agree_with_label_nothing() -> None:
    graph = wired(
        ("c9/block7/a", CONV, ("image",)),
        ("c9/block7/sum", ops.Add(), ("image", "c9/block7/a")),
        ("c9/block7/b", CONV, ("c9/block7/sum",)),  # another block of the same name
        ("c9/block7/end", ops.Add(), ("c9/block7/sum", "c9/block7/b")),
    )
    structure = structure_of(graph)
    assert [group.path for group in structure.groups] == ["input", "c9/block0", "c9/block1"]


def test_a_chain_without_blocks_has_a_body_and_a_head() -> None:
    graph = wired(
        ("conv", CONV, ("image",)),
        ("act", RELU, ("conv",)),
        ("pool", ops.GlobalAvgPool(), ("act",)),
        ("classes", ops.Dense(4, 10), ("pool",)),
    )
    structure = structure_of(graph)
    assert [stage.path for stage in structure.stages] == ["input", "stem", "head"]
    assert [layer.path for layer in structure.stages[-1].layers] == ["pool", "classes"]


def test_an_activation_by_its_own_gate_is_a_gate_and_no_block() -> None:
    graph = wired(
        ("conv", CONV, ("image",)),
        ("sigmoid", ops.Activation("sigmoid"), ("conv",)),
        ("swish", ops.Multiply(), ("conv", "sigmoid")),
        ("after", CONV, ("swish",)),
    )
    structure = structure_of(graph)
    assert not any(group.is_block for group in structure.groups)
    assert structure.part("sigmoid") == "gate"


def test_two_images_and_two_outputs_are_no_error() -> None:
    layers = (
        Layer("left", ops.Input(SHAPE), (), SHAPE),
        Layer("right", ops.Input(SHAPE), (), SHAPE),
        Layer("sum", ops.Add(), ("left", "right"), SHAPE),
        Layer("one", CONV, ("sum",), SHAPE),
        Layer("two", CONV, ("sum",), SHAPE),
    )
    graph = LayerGraph("two", layers, ("one", "two"))
    structure = structure_of(graph)
    assert [layer.path for group in structure.groups for layer in group.layers] == [
        layer.path for layer in layers
    ]


def test_a_run_of_blocks_is_read_as_it_is_written() -> None:
    structure = network_of(101).structure
    assert len(structure.run("c4/block1-22")) == 22
    assert structure.run("c4/block1-99") == ()
    assert [group.path for group in structure.run("c2/block0")] == ["c2/block0"]
    assert len(structure.within("c5/block1-2")) == 2 * len(structure.within("c5/block1"))
    with pytest.raises(UnknownPath, match="near it: c4/block"):
        structure.within("c4/block230")
