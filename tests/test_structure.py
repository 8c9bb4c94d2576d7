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
    assert [layer.path for layer in structure.within("head")] == ["pool", "classes"]


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


@pytest.mark.parametrize(
    ("path", "around", "layers"),
    [
        ("c5", ("c5",), 49),
        ("c5/block1", ("c5", "c5/block1"), 15),
        ("c4/block1-2", ("c4",), 30),
        ("c4/block1 to c4/block3", ("c4",), 45),
        ("c2/block0/se", ("c2", "c2/block0"), 5),
        ("c5/block0/conv1", ("c5", "c5/block0"), 1),
        ("stem", ("stem",), 14),
    ],
)
def test_what_a_path_means_and_where_it_is_seen(
    path: str, around: tuple[str, ...], layers: int
) -> None:
    structure = network_of(50).structure
    assert structure.around(path) == around
    assert len(structure.within(path)) == layers


def test_no_run_goes_over_a_stage_or_backwards() -> None:
    structure = network_of(50).structure
    for path in (
        "c2/block0 to c3/block1",
        "c4/block3-1",
        "c4/block1-x",
        "x to c4/block1",
        "c2-3",
        "c4/block1 to x to c4/block3",
    ):
        assert structure.run(path) == ()
    assert structure.stage("c4/block1") is None
    assert structure.group("c4") is None


def test_an_unknown_path_is_told_what_is_near_it_or_which_stages_there_are() -> None:
    structure = network_of(50).structure
    error = structure.unknown("c4/blck1")
    assert error.message == "resnet-rs-50 has no 'c4/blck1'"
    assert error.hint == "near it: c4/block1, c5/block1, c4/block5"
    assert structure.unknown("conv1").hint == "near it: stem/conv1, stem/conv4, stem/conv3"
    assert structure.unknown("zzz").hint == "stages: input, stem, c2, c3, c4, c5, head"
    with pytest.raises(UnknownPath, match="'zzz'"):
        structure.around("zzz")
    with pytest.raises(UnknownPath):
        structure.group_of("zzz")


def test_where_the_layers_of_a_block_stand_and_what_goes_into_them() -> None:
    structure = network_of(50).structure
    found = {
        layer.path.removeprefix("c3/block0/"): (
            structure.part(layer.path),
            *(structure.carries(layer, position) for position in range(len(layer.inputs))),
        )
        for layer in structure.within("c3/block0")
    }
    branch = dict.fromkeys(
        ("conv1", "bn1", "act1", "pad2", "conv2", "bn2", "act2", "conv3", "bn3"), ("branch", "flow")
    )
    gate = dict.fromkeys(("squeeze", "reshape", "reduce", "expand"), ("gate", "gate"))
    shortcut = dict.fromkeys(("pool", "conv", "bn"), ("shortcut", "projection"))
    assert found == {
        **branch,
        **{f"se/{name}": said for name, said in gate.items()},
        "se/excite": ("branch", "flow", "gate"),
        **{f"shortcut/{name}": said for name, said in shortcut.items()},
        "add": ("trunk", "projection", "flow"),
        "out": ("trunk", "flow"),
    }
    assert structure.part("stem/conv1") == "trunk"
    assert structure.gate_at("c3/block0/add") is None
    assert (
        structure.gate_at("c3/block0/se/excite")
        == structure.gates(structure.group_of("c3/block0/conv1"))[0]
    )
    conv = structure.graph.layer("stem/conv1")
    assert structure.carries(conv, 0) == "flow"


def test_what_was_taken_apart_is_kept() -> None:
    structure = network_of(50).structure
    group = structure.group_of("c3/block0/conv1")
    assert structure.block(group) is structure.block(group)
    assert structure.gates(group) is structure.gates(group)
    assert structure_of(structure.graph) is structure


def test_a_gate_outside_blocks_feeds_what_it_scales() -> None:
    graph = wired(
        ("conv", CONV, ("image",)),
        ("pool", ops.GlobalAvgPool(keepdims=True), ("conv",)),
        ("reduce", ops.Conv2D(1, 4, 4), ("pool",)),
        ("scaled", ops.Multiply(), ("conv", "reduce")),
        ("after", CONV, ("scaled",)),
    )
    structure = structure_of(graph)
    gate = structure.gate_at("scaled")
    assert gate is not None
    assert [layer.path for layer in gate.layers] == ["pool", "reduce"]
    assert (gate.scaled, gate.factors, gate.scale.path) == ("conv", "reduce", "scaled")
    scale = graph.layer("scaled")
    assert [structure.carries(scale, place) for place in (0, 1)] == ["flow", "gate"]
    assert structure.carries(graph.layer("reduce"), 0) == "gate"
    assert structure.carries(graph.layer("after"), 0) == "flow"


def test_a_gate_on_the_shortcut_is_the_shortcut_s() -> None:
    graph = wired(
        ("x", CONV, ("image",)),
        ("p", CONV, ("x",)),
        ("g", ops.GlobalAvgPool(keepdims=True), ("p",)),
        ("m", ops.Multiply(), ("p", "g")),
        ("a", CONV, ("x",)),
        ("b", CONV, ("a",)),
        ("c", CONV, ("b",)),
        ("d", CONV, ("c",)),
        ("sum", ops.Add(), ("m", "d")),
    )
    structure = structure_of(graph)
    group = structure.group_of("sum")
    assert group.is_block
    assert structure.gates(group) == ()
    assert [structure.part(path) for path in "pgmad"] == [*["shortcut"] * 3, *["branch"] * 2]


def test_a_stage_has_its_layers_whatever_they_are_called() -> None:
    graph = wired(
        ("a", CONV, ("image",)),
        ("first", ops.Add(), ("image", "a")),
        ("b", CONV, ("first",)),
        ("second", ops.Add(), ("first", "b")),
    )
    structure = structure_of(graph)
    (stage,) = (stage for stage in structure.stages if len(stage.groups) > 1)
    assert [layer.path for layer in structure.within(stage.path)] == ["a", "first", "b", "second"]
