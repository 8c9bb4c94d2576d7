"""Cuts are a property of the graph."""

from itertools import pairwise

import pytest

from rsinspect.layers import ops
from rsinspect.layers.cost import layers_cost
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.ops import TensorShape
from rsinspect.layers.partition import Level, cuts, segments
from rsinspect.layers.structure import structure_of
from rsinspect.networks.dialects import DIALECTS
from rsinspect.networks.resnet_rs import build_graph
from rsinspect.networks.spec import ResNetRSSpec

SHAPE = TensorShape(8, 8, 4)


def small(*layers: tuple[str, tuple[str, ...]]) -> LayerGraph:
    """An image and layers that keep its shape: two inputs are added, one is activated."""
    return LayerGraph(
        "small",
        (
            Layer("input/image", ops.Input(SHAPE), (), SHAPE),
            *(
                Layer(
                    path, ops.Add() if len(inputs) == 2 else ops.Activation("relu"), inputs, SHAPE
                )
                for path, inputs in layers
            ),
        ),
    )


@pytest.mark.parametrize("depth", [50, 101, 420])
@pytest.mark.parametrize("dialect", list(DIALECTS))
def test_every_block_boundary_is_a_cut(depth: int, dialect: str) -> None:
    graph = build_graph(ResNetRSSpec.variant(depth, dialect=dialect))
    found = set(cuts(graph))
    assert all(group.layers[-1].path in found for group in structure_of(graph).groups)


def test_inside_a_block_the_shortcut_is_alive_too() -> None:
    graph = build_graph(ResNetRSSpec.variant(50))
    found = set(cuts(graph))
    inside = {layer.path for layer in structure_of(graph).within("c3/block1")} - {"c3/block1/out"}
    assert inside & found == {"c3/block1/add"}  # where the two have met again


@pytest.mark.parametrize("level", ["stage", "block"])
@pytest.mark.parametrize(
    "spec",
    [
        ResNetRSSpec.variant(50),
        ResNetRSSpec.variant(101, include_top=False),
        ResNetRSSpec.variant(50, preprocessing=False, include_top=False, pooling="max"),
        ResNetRSSpec(blocks=(1,), resolution=(32, 32), se_ratio=0.0),
    ],
)
def test_segments_are_the_graph_in_order(spec: ResNetRSSpec, level: Level) -> None:
    graph = build_graph(spec)
    parts = segments(graph, level)
    assert tuple(layer for part in parts for layer in part.layers) == graph.layers
    assert parts[0].inputs == ("input/image",)
    assert parts[-1].outputs == graph.outputs
    for before, after in pairwise(parts):
        assert after.inputs == before.outputs
        assert len(after.inputs) == 1
    assert sum(part.cost(graph).macs for part in parts) == layers_cost(graph, graph.layers).macs


def test_stages_and_blocks_are_called_by_their_paths() -> None:
    graph = build_graph(ResNetRSSpec.variant(50))
    assert [part.path for part in segments(graph, "stage")] == [
        "stem", "c2", "c3", "c4", "c5", "head",
    ]  # fmt: skip
    blocks = segments(graph, "block")
    assert len(blocks) == 18
    assert blocks[1].path == "c2/block0"
    assert {part.level for part in blocks} == {"block"}


def test_a_network_without_head_has_no_head_segment() -> None:
    graph = build_graph(ResNetRSSpec.variant(50, include_top=False))
    assert segments(graph, "stage")[-1].path == "c5"


def test_no_cut_lies_where_a_tensor_is_still_to_be_read() -> None:
    graph = small(
        ("stem/act", ("input/image",)),
        ("c2/act", ("stem/act",)),
        ("c3/add", ("stem/act", "c2/act")),
    )
    assert "c2/act" not in cuts(graph)
    parts = segments(graph, "stage")
    assert [len(part.layers) for part in parts] == [2, 2]  # the branch and its sum are one block
    assert [part.outputs for part in parts] == [("stem/act",), ("c3/add",)]


CONV = ops.Conv2D(kernel=1, in_channels=4, filters=4)


def layer(path: str, op: ops.Op, *inputs: str, shares: str | None = None) -> Layer:
    """A layer that keeps the shape."""
    return Layer(path, op, inputs, SHAPE, shares)


def test_the_first_segment_takes_all_inputs_and_the_last_gives_all_outputs() -> None:
    graph = LayerGraph(
        "many",
        (
            layer("one", ops.Input(SHAPE)),
            layer("conv1", CONV, "one"),  # nothing else is alive, but another input comes
            layer("two", ops.Input(SHAPE)),
            layer("add", ops.Add(), "conv1", "two"),
            layer("act", ops.Activation("relu"), "add"),
            layer("left", CONV, "act"),
            layer("right", CONV, "act"),
        ),
        ("left", "right"),
    )
    parts = segments(graph, "block")
    assert parts[0].inputs == ("one", "two")
    assert parts[-1].outputs == ("left", "right")
    assert [x for part in parts for x in part.layers] == list(graph.layers)
    for before, after in pairwise(parts):
        assert after.inputs == before.outputs
        assert len(after.inputs) == 1


def chain(*, shares: str | None) -> LayerGraph:
    """Three residual blocks, the last of which may use the weights of the first."""
    layers = [layer("image", ops.Input(SHAPE))]
    for number in range(3):
        before = layers[-1].path
        layers.append(layer(f"conv{number}", CONV, before, shares=shares if number == 2 else None))
        layers.append(layer(f"add{number}", ops.Add(), before, f"conv{number}"))
    return LayerGraph("chain", tuple(layers))


def test_layers_that_share_weights_are_in_one_segment() -> None:
    assert len(segments(chain(shares=None), "block")) == 3
    (part,) = segments(chain(shares="conv0"), "block")
    assert part.layers == chain(shares="conv0").layers
