"""Cuts are a property of the graph."""

from itertools import pairwise

import pytest

from rsinspect.base.errors import GraphError
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
    assert parts[0].input == "input/image"
    assert parts[-1].output == graph.output.path
    for before, after in pairwise(parts):
        assert after.input == before.output
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
    assert [part.output for part in parts] == ["stem/act", "c3/add"]


def test_a_graph_of_two_images_is_refused() -> None:
    conv = ops.Conv2D(kernel=1, in_channels=4, filters=4)
    graph = LayerGraph(
        "two",
        (
            Layer("input/image", ops.Input(SHAPE), (), SHAPE),
            Layer("other/image", ops.Input(SHAPE), (), SHAPE),
            Layer("stem/conv1", conv, ("other/image",), SHAPE),
        ),
    )
    with pytest.raises(GraphError, match="does not take one image: it has 2"):
        segments(graph, "stage")
