"""Laws of pictures and comparisons, tried on networks nobody thought of."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsinspect.differences.pairs import compare
from rsinspect.differences.report import diff_answer
from rsinspect.drawing.choices import COMPARED_VIEWS, COMPUTED, DEEP, EVERY_LAYER, VIEWS
from rsinspect.drawing.comparison import comparison
from rsinspect.drawing.formats import Style, render, view_in
from rsinspect.drawing.overlay import overlay
from rsinspect.drawing.scene import Scene
from rsinspect.drawing.views import view
from rsinspect.layers import ops
from rsinspect.layers.fold import fold_stages
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.ops import Op, TensorShape
from rsinspect.layers.shapes import infer_shape
from rsinspect.networks.dialects import DIALECTS
from rsinspect.networks.network import Network, from_graph
from tests.networks import layout_of, network_of
from tests.strategies import networks, opaque, scrambled

TEXTS = ("dot", "tikz", "html", "mermaid", "txt", "me.json", "netron.json")
MAGIC = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}


def drawn(network: Network, name: str, format: str) -> bytes:
    return render(view(network, view_in(format, name), deep=format in DEEP), format)


# every view of every network is drawn in every format


@settings(max_examples=12, deadline=None)
@given(networks, st.sampled_from(VIEWS))
def test_every_view_of_every_network_is_written_as_text(network: Network, name: str) -> None:
    for format in TEXTS:
        assert drawn(network, "layers" if format in EVERY_LAYER else name, format)


@settings(max_examples=8, deadline=None)
@given(
    networks,
    st.sampled_from(("figure6", "stages", "blocks")),
    st.sampled_from(COMPUTED),
    st.sampled_from(sorted(MAGIC)),
)
def test_every_view_of_every_network_is_laid_out(
    network: Network, name: str, quantity: str, format: str
) -> None:
    pytest.importorskip("pygraphviz")
    scene = overlay(view(network, name), quantity)
    assert render(scene, format, Style(dpi=50)).startswith(MAGIC[format])


def test_the_three_stages_that_once_crashed_figure_6_are_drawn() -> None:
    network = layout_of(3, dialect="timm", drop_path_rate=0.2)
    rows = view(network, "figure6").panels[0].grid
    assert rows is not None
    assert [row.cells[3] for row in rows.rows if row.role == "stage"] == [("× 3",)]


# names only label


def renamed(value: Any, names: dict[str, str]) -> Any:
    """A document with some strings in place of others, wherever they stand alone."""
    match value:
        case str():
            return names.get(value, value)
        case dict():
            return {key: renamed(item, names) for key, item in value.items()}
        case list() | tuple():
            return [renamed(item, names) for item in value]
        case _:
            return value


def document(scene: Scene, names: dict[str, str] | None = None) -> Any:
    unnamed = replace(
        scene, panels=tuple(replace(panel, names={}, graph=None) for panel in scene.panels)
    )
    return renamed(asdict(unnamed), names or {})


@settings(max_examples=25, deadline=None)
@given(networks)
def test_scrambled_paths_change_no_structure_no_fold_and_no_cost(network: Network) -> None:
    other = scrambled(network)
    names = opaque(network.graph)
    assert other.cost == network.cost
    for (stage, runs), (same, others) in zip(
        fold_stages(network.graph), fold_stages(other.graph), strict=True
    ):
        assert (stage.path, stage.role) == (same.path, same.role)
        assert [run.paths for run in runs] == [run.paths for run in others]
        assert [names[x.path] for x in stage.layers] == [x.path for x in same.layers]
    for layer in network.graph:
        path = names[layer.path]
        assert network.structure.part(layer.path) == other.structure.part(path)
        for position, _ in enumerate(layer.inputs):
            assert network.structure.carries(layer, position) == other.structure.carries(
                other.graph.layer(path), position
            )


@settings(max_examples=12, deadline=None)
@given(networks, st.sampled_from(VIEWS), st.booleans())
def test_scrambled_paths_change_no_picture_but_for_labels(
    network: Network, name: str, deep: bool
) -> None:
    back = {path: layer for layer, path in opaque(network.graph).items()}
    deep = deep and name != "figure6"
    scenes = (view(one, name, deep=deep) for one in (network, scrambled(network)))
    plain, other = (overlay(scene, "flops") for scene in scenes)
    assert document(other, back) == document(plain)


def test_the_law_of_names_can_fail() -> None:
    network = layout_of(1, 1)
    other = layout_of(1, 2)
    assert document(view(network, "stages")) != document(view(other, "stages"))


@settings(max_examples=8, deadline=None)
@given(networks)
def test_model_explorer_opens_the_same_parts_whatever_the_layers_are_called(
    network: Network,
) -> None:
    from rsinspect.drawing.model_explorer import graph_collection

    plain, other = (
        graph_collection(view(one, "layers"))["graphs"][0] for one in (network, scrambled(network))
    )
    spaces = [[node["namespace"] for node in graph["nodes"]] for graph in (plain, other)]
    assert spaces[0] == spaces[1]
    assert spaces[0] == [node["id"].rpartition("/")[0] for node in plain["nodes"]]


@settings(max_examples=20, deadline=None)
@given(networks)
def test_a_run_of_blocks_is_read_as_it_was_written(network: Network) -> None:
    for one in (network, scrambled(network)):
        for _, runs in fold_stages(one.graph):
            for run in runs:
                assert one.structure.run(run.span) == run.groups


# a comparison of a network with itself


@settings(max_examples=10, deadline=None)
@given(networks, st.sampled_from(COMPARED_VIEWS), st.booleans())
def test_a_network_beside_itself_shows_no_difference(
    network: Network, name: str, hidden: bool
) -> None:
    one = scrambled(network) if hidden else network
    scene = comparison(one, one, view=name)
    assert not [node.path for panel in scene.panels for node in panel.walk() if node.mark]
    assert "no difference" in scene.caption
    assert "no difference" in diff_answer(one, one).document["conclusion"]
    assert render(scene, "txt")


# what the caption of Figure 6 says


def caption(network: Network) -> str:
    return view(network, "figure6").caption


def test_the_caption_of_a_published_network_is_the_papers() -> None:
    assert (
        "× N: blocks of the stage, the first with a projection shortcut, the others identical "
        "in op, configuration and shape, each with weights of its own. "
    ) in caption(network_of(101))


def test_stages_of_one_block_have_no_others() -> None:
    assert "the others" not in caption(layout_of(1, 1))


def test_drop_path_that_grows_block_by_block_is_said() -> None:
    words = caption(layout_of(3, 3, dialect="timm", drop_path_rate=0.2))
    assert "the others identical but for drop path, each with weights of its own" in words
    assert "identical in op" not in words


@settings(max_examples=30, deadline=None)
@given(networks)
def test_the_caption_calls_blocks_identical_where_they_fold(network: Network) -> None:
    runs = [runs for stage, runs in fold_stages(network.graph) if stage.has_blocks]
    others = any(sum(run.repeats for run in stage) > 1 for stage in runs)
    folded = all(len(stage) <= 2 for stage in runs) and all(
        run.likeness == "identical" for stage in runs for run in stage
    )
    words = "the others identical in op, configuration and shape"
    assert (words in caption(network)) == (others and folded)


# other wiring than a ResNet's


def wired(*rows: tuple[str, Op, tuple[str, ...]], images: int = 1) -> Network:
    shape = TensorShape(8, 8, 4)
    names = [f"image{number}" for number in range(images)]
    layers = [Layer(name, ops.Input(shape), (), shape) for name in names]
    shapes = dict.fromkeys(names, shape)
    for path, op, inputs in rows:
        shapes[path] = infer_shape(op, tuple(shapes[name] for name in inputs))
        layers.append(Layer(path, op, inputs, shapes[path]))
    return from_graph(LayerGraph("by hand", tuple(layers)))


CONV = ops.Conv2D(kernel=3, in_channels=4, filters=4)
RELU = ops.Activation("relu")
THREE_WAYS = wired(
    ("a", CONV, ("image0",)),
    ("b", CONV, ("image0",)),
    ("b2", RELU, ("b",)),
    ("half", ops.Add(), ("a", "b2")),
    ("sum", ops.Add(), ("half", "image0")),
)
SUM_OF_THREE = wired(
    ("a", CONV, ("image0",)),
    ("b", CONV, ("image0",)),
    ("b2", RELU, ("b",)),
    ("sum", ops.Add(), ("a", "image0", "b2")),
    ("out", RELU, ("sum",)),
)
TWO_IMAGES = wired(
    ("a", CONV, ("image0",)),
    ("b", CONV, ("image1",)),
    ("sum", ops.Add(), ("a", "b")),
    ("out", RELU, ("sum",)),
    images=2,
)


@pytest.mark.parametrize(
    "network",
    [THREE_WAYS, SUM_OF_THREE, TWO_IMAGES],
    ids=["three ways", "a sum of three", "two images"],
)
@pytest.mark.parametrize("name", VIEWS)
def test_blocks_of_three_ways_and_networks_of_two_images_are_drawn(
    network: Network, name: str
) -> None:
    for format in TEXTS:
        assert drawn(network, "layers" if format in EVERY_LAYER else name, format)


def test_the_identity_is_told_from_the_ways_that_compute() -> None:
    (panel,) = view(THREE_WAYS, "layers").panels
    into = {edge.tail: edge.kind for edge in panel.edges if edge.head == "sum"}
    assert into == {"half": "flow", "image0": "identity"}


def test_a_sum_of_three_shows_all_that_it_adds() -> None:
    (panel,) = view(SUM_OF_THREE, "layers").panels
    into = {edge.tail: edge.kind for edge in panel.edges if edge.head == "sum"}
    assert into == {"a": "flow", "image0": "identity", "b2": "flow"}


def test_networks_of_two_images_are_compared_as_they_are() -> None:
    found = compare(TWO_IMAGES.graph, THREE_WAYS.graph)
    assert found.image is None
    answer = diff_answer(TWO_IMAGES, THREE_WAYS)
    assert answer.document["shapes_compared_at"] is None
    assert {pair.path: pair.status for pair in found.layers}["image1"] == "removed"
    assert comparison(TWO_IMAGES, THREE_WAYS).panels


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_draws_its_gates_in_one_place(dialect: str) -> None:
    (panel,) = view(network_of(50, dialect=dialect), "layers").panels
    lanes = {node.path: node.lane for node in panel.walk() if not node.children}
    assert {lane for path, lane in lanes.items() if "/se/" in path} <= {"gate"}
