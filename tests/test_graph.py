from __future__ import annotations

import json

import pytest

from rsinspect import paper
from rsinspect.base.errors import GraphError, ShapeMismatch, UnknownPath
from rsinspect.layers import ops
from rsinspect.layers.document import from_json, to_json
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.ops import TensorShape
from rsinspect.layers.shapes import infer_shape
from rsinspect.layers.structure import structure_of
from rsinspect.networks.dialects import DIALECTS
from rsinspect.networks.resnet_rs import build_graph
from rsinspect.networks.spec import ResNetRSSpec

# Layer counts of Keras 2's models: reference of the dialects, implementations.md part D
KERAS_LAYERS = {50: 274, 101: 529, 152: 784, 200: 1090, 270: 1474, 350: 1890, 420: 2258}


@pytest.mark.parametrize(("depth", "layers"), KERAS_LAYERS.items())
def test_a_graph_has_as_many_layers_as_the_keras_model(depth: int, layers: int) -> None:
    assert len(build_graph(ResNetRSSpec.variant(depth))) == layers


def test_the_article_has_five_layers_fewer() -> None:
    assert len(build_graph(ResNetRSSpec.variant(101, dialect="article"))) == 524


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("depth", paper.variants())
def test_json_gives_the_same_graph_back(depth: int, dialect: str) -> None:
    graph = build_graph(ResNetRSSpec.variant(depth, dialect=dialect))
    assert from_json(json.loads(json.dumps(to_json(graph)))) == graph


def test_a_residual_add_takes_the_shortcut_first() -> None:
    graph = build_graph(ResNetRSSpec.variant(50))
    assert graph.layer("c3/block0/add").inputs == ("c3/block0/shortcut/bn", "c3/block0/se/excite")
    assert graph.layer("c3/block1/add").inputs == ("c3/block0/out", "c3/block1/se/excite")


def test_repeated_blocks_are_what_building_each_would_give() -> None:
    """Blocks 2 to the last are stamped from block 1: same inside, and each reads its neighbour."""
    graph = build_graph(ResNetRSSpec.variant(101, drop_path_rate=0.1))
    for block in range(2, 23):
        for layer in structure_of(graph).within(f"c4/block{block}"):
            twin = graph.layer(layer.path.replace(f"block{block}/", "block1/"))
            here, before = f"c4/block{block}/", f"c4/block{block - 1}/out"
            assert all(name.startswith(here) or name == before for name in layer.inputs)
            moved = [
                "c4/block0/out" if name == before else name.replace(here, "c4/block1/")
                for name in layer.inputs
            ]
            assert (layer.op, layer.shape, moved) == (twin.op, twin.shape, list(twin.inputs))


@pytest.mark.parametrize("resolution", [(32, 32), (33, 47), (97, 65), (225, 223)])
def test_odd_sizes_halve_upwards_five_times(resolution: tuple[int, int]) -> None:
    graph = build_graph(ResNetRSSpec.variant(50, resolution=resolution))
    expected = resolution
    for _ in range(5):
        expected = ((expected[0] + 1) // 2, (expected[1] + 1) // 2)
    assert graph.layer("c5/block2/out").shape[:2] == expected


def test_without_a_top_the_output_is_the_map_or_its_pool() -> None:
    spec = ResNetRSSpec.variant(50, include_top=False)
    assert build_graph(spec).output.shape == (5, 5, 2048)
    assert build_graph(spec.replace(pooling="max")).output.path == "head/max_pool"
    assert build_graph(spec.replace(pooling="avg")).output.shape == (2048,)


def test_grey_images_are_rescaled_but_not_normalised() -> None:
    graph = build_graph(ResNetRSSpec.variant(50, channels=1))
    assert [
        layer.path for layer in graph if structure_of(graph).group_of(layer.path).path == "input"
    ] == [
        "input/image",
        "input/rescaling",
    ]


def test_two_ops_with_the_same_numbers_are_not_the_same_op() -> None:
    pair: list[ops.Op] = [ops.DropPath(0.1), ops.Dropout(0.1), ops.DropPath(0.1)]
    assert pair[0] != pair[1]
    assert pair[0] == pair[2]
    assert len(set(pair)) == 2


def test_every_mistake_of_a_graph_is_named_with_its_path() -> None:
    image = Layer("input/image", ops.Input(TensorShape(8, 8, 3)), (), TensorShape(8, 8, 3))
    conv = ops.Conv2D(kernel=1, in_channels=4, filters=2)
    with pytest.raises(ShapeMismatch, match="stem/conv1"):
        LayerGraph("x", (image, Layer("stem/conv1", conv, ("input/image",), TensorShape(8, 8, 2))))
    with pytest.raises(GraphError, match="twice"):
        LayerGraph("x", (image, image))
    with pytest.raises(GraphError, match="comes later"):
        LayerGraph("x", (Layer("a", ops.Add(), ("b", "c"), TensorShape(1)),))
    with pytest.raises(ShapeMismatch, match="expected 8×8×3"):
        LayerGraph("x", (Layer("input/image", image.op, (), TensorShape(8, 8, 4)),))
    with pytest.raises(GraphError):
        LayerGraph("x", ())
    with pytest.raises(ShapeMismatch, match="takes 2 inputs"):
        infer_shape(ops.Add(), (TensorShape(1),))
    with pytest.raises(ShapeMismatch, match="cannot add 2 and 3"):
        infer_shape(ops.Add(), (TensorShape(2), TensorShape(2), TensorShape(3)))
    with pytest.raises(ShapeMismatch, match="takes 2 inputs, not 3"):
        infer_shape(ops.Merge("subtract"), (TensorShape(1),) * 3)
    assert infer_shape(ops.Multiply(), (TensorShape(1, 1, 4), TensorShape(8, 8, 4))) == (8, 8, 4)


def test_an_unknown_path_suggests_near_ones() -> None:
    graph = build_graph(ResNetRSSpec.variant(50))
    with pytest.raises(UnknownPath) as caught:
        structure_of(graph).within("c4/block9/conv2")
    assert "c4/block" in str(caught.value.hint)


@pytest.mark.parametrize(
    "document", [{}, {"schema": "rsinspect.graph/2"}, {"schema": "rsinspect.graph/1"}]
)
def test_a_damaged_document_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(GraphError):
        from_json(document)
