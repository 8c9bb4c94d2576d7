"""Pictures of other networks than ResNets, from their configurations: no Keras is needed."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from rsinspect.drawing.choices import VIEWS
from rsinspect.drawing.dot import dot
from rsinspect.drawing.formats import Style, render
from rsinspect.drawing.overlay import overlay
from rsinspect.drawing.scene import Heat, Node, Panel, Scene
from rsinspect.drawing.size import parse_size
from rsinspect.drawing.theme import THEMES
from rsinspect.drawing.tikz_diagram import Diagram
from rsinspect.drawing.tracks import tracked
from rsinspect.drawing.views import view
from rsinspect.layers import ops
from rsinspect.layers.cost import layers_cost
from tests.networks import SAVED, made, saved

SVG = "{http://www.w3.org/2000/svg}"


def figure(name: str) -> Scene:
    return view(saved(name))


def titles(scene: Scene) -> list[str]:
    return [panel.title for panel in scene.panels[1:]]


def words(panel: Panel) -> list[str]:
    return [" · ".join((node.title, *node.lines)) for node in panel.nodes]


def leaves(panel: Panel) -> list[Node]:
    return [node for node in panel.walk() if not node.children]


@pytest.mark.parametrize("name", SAVED)
def test_every_view_has_every_layer_or_what_stands_for_it(name: str) -> None:
    graph = saved(name).graph
    (deep,) = view(saved(name), "blocks", deep=True).panels
    assert sorted(node.path for node in leaves(deep)) == sorted(layer.path for layer in graph)
    for chosen in VIEWS:
        for panel in view(saved(name), chosen).panels:
            shown = [n.path for n in panel.walk(deep=False) if not (n.open and n.children)]
            assert len(shown) == len(set(shown))
            assert {path for edge in panel.edges for path in (edge.tail, edge.head)} <= set(shown)


@pytest.mark.parametrize("name", SAVED)
def test_the_rows_of_the_table_add_up_to_the_network(name: str) -> None:
    network = saved(name)
    whole, grid = layers_cost(network.graph, network.graph), figure(name).panels[0].grid
    assert grid is not None
    facts = [fact for row in grid.rows for fact in row.facts]
    for key, total in (("params", whole.params), ("macs", whole.macs)):
        assert sum(int(fact.value) for fact in facts if fact.key == key) == total
    unknown = any(fact.known != "whole" for fact in facts if fact.key == "flops")
    assert unknown == bool(whole.uncounted)


def test_each_form_of_block_is_drawn_once_and_from_its_wiring() -> None:
    assert titles(figure("InceptionV3")) == [
        "Branching block, here c2/mixed0",
        "Downsampling block, here c3/mixed3",
        "Branching block, here c3/mixed4",
        "Downsampling block, here c4/mixed8",
        "Branching block, here c4/mixed9",
    ]
    first = figure("InceptionV3").panels[1]
    entry, join = first.nodes[0], first.nodes[-1]
    assert (join.title, join.role) == ("concatenate", "join")
    assert sum(edge.tail == entry.path for edge in first.edges) == 4
    assert sum(edge.head == join.path for edge in first.edges) == 4
    assert "conv 5×5, 64 · batch norm · relu" in words(first)
    assert {edge.kind for edge in first.edges} == {"flow"}  # nothing is added: no shortcut


def test_a_norm_that_is_not_all_that_reads_a_layer_stands_alone() -> None:
    block = figure("DenseNet121").panels[1]
    assert words(block) == [
        "block input", "batch norm · relu", "conv 1×1, 128 · batch norm · relu", "conv 3×3, 32",
        "concatenate",
    ]  # fmt: skip


def test_rows_say_what_is_alike_and_what_is_not() -> None:
    grid = figure("InceptionV3").panels[0].grid
    assert grid is not None
    row = next(row for row in grid.rows if row.cells[0] == ("c3/mixed4-7",))
    assert row.cells[3] == ("× 4",)
    assert "1×1, 128–192 → 1×7, 128–192 → 7×1, 192" in row.cells[2]
    assert "widths and training rates may differ" in figure("InceptionV3").caption
    said = figure("EfficientNetV2L").caption
    assert "the others identical but for drop path, each with weights of its own" in said
    assert "identical in op" in figure("ResNet152").caption
    caption = view(saved("DenseNet121"), "stages").caption
    assert "Repeats (×) are of one form, each wider than the one before" in caption


def test_a_projection_that_no_downsampling_block_shows_is_drawn() -> None:
    assert [title.split(",")[0] for title in titles(figure("ResNet152"))] == [
        "Downsampling block",
        "Identity block",
    ]
    assert titles(figure("VGG16")) == []


def test_a_small_network_without_blocks_is_drawn_whole() -> None:
    scene = figure("unet")
    assert titles(scene) == ["All layers"]
    joins = [node.path for node in scene.panels[1].nodes if node.title == "concatenate"]
    ranks = tracked([node.path for node in scene.panels[1].nodes], scene.panels[1].edges)
    skips = [
        edge for edge in scene.panels[1].edges
        if edge.head in joins and ranks[edge.head].rank - ranks[edge.tail].rank > 1
    ]  # fmt: skip
    assert len(skips) == len(joins) > 0


def test_shared_weights_are_marked_and_counted_once() -> None:
    scene = figure("siamese")
    graph = saved("siamese").graph
    shared = {x.path: x.shares for x in graph if isinstance(x.op, ops.Conv2D) and x.shares}
    nodes = {node.path: node for panel in scene.panels for node in panel.nodes}
    assert shared
    for path, source in shared.items():
        assert f"weights of {source}" in nodes[path].lines
    grid = scene.panels[0].grid
    assert grid is not None
    assert ("shared",) in [row.cells[5] for row in grid.rows]
    assert "weights of its own" not in scene.caption
    inputs = [node for node in nodes.values() if node.role == "input"]
    assert sorted(line for node in inputs for line in node.lines) == sorted(
        layer.path for layer in graph.inputs
    )


class TestUnknownCosts:
    def test_are_called_unknown_and_are_not_zero(self) -> None:
        scene = overlay(view(saved("text_model"), "layers"), "flops")
        heats = {n.title: n.heat for panel in scene.panels for n in leaves(panel)}
        opaque = heats["Bidirectional"]
        assert opaque is not None
        assert (opaque.known, opaque.text) == ("none", "unknown")
        assert scene.legend is not None
        assert scene.legend.unknown == "unknown"
        assert "at least" in scene.title
        assert "per example" in scene.title

    def test_make_a_sum_at_least_so_much_without_a_share(self) -> None:
        scene = overlay(view(saved("text_model"), "stages"), "flops")
        texts = [node.heat.text for panel in scene.panels for node in panel.nodes if node.heat]
        assert any(text.startswith("at least ") for text in texts)
        assert not any("%" in text for text in texts)

    @pytest.mark.parametrize("format", ["dot", "mermaid", "tikz", "html", "txt"])
    def test_have_a_colour_of_their_own_in_every_format(self, format: str) -> None:
        scene = overlay(view(saved("text_model"), "stages", deep=format == "html"), "flops")
        text = render(scene, format, Style(theme="light")).decode()
        grey = THEMES["light"].unknown[format == "tikz" :]
        assert ("unknown" if format == "txt" else grey) in text
        heat = Heat(level=1.0, text="", value=1.0, known="none")
        assert THEMES["dark"].heat_of(heat) == THEMES["dark"].unknown


def test_two_outputs_are_numbered() -> None:
    (panel,) = view(saved("named_outputs"), "layers").panels
    lines = [line for node in leaves(panel) for line in node.lines]
    count = len(saved("named_outputs").graph.outputs)
    assert [line for line in lines if line.startswith("output ")] == [
        f"output {number} of {count}" for number in range(1, count + 1)
    ]


@pytest.mark.parametrize("name", ["InceptionV3", "NASNetMobile", "unet"])
def test_paths_beside_each_other_cover_nothing_in_latex(name: str) -> None:
    from rsinspect.drawing.palette import Palette

    for panel in figure(name).panels[1:]:
        boxes = list(Diagram(panel, "TB", Palette(THEMES["paper"])).boxes.values())
        for index, one in enumerate(boxes):
            for other in boxes[index + 1 :]:
                along = abs(one.along - other.along) - (one.length + other.length) / 2
                across = abs(one.across - other.across) - (one.breadth + other.breadth) / 2
                assert max(along, across) > 0, (one.node.path, other.node.path)


@pytest.mark.parametrize(("name", "chosen"), [("unet", "stages"), ("NASNetMobile", "stages")])
def test_an_edge_into_several_columns_has_a_connector_in_each(name: str, chosen: str) -> None:
    source = dot(view(saved(name), chosen))
    connectors = re.findall(r'"([^"]*/before[^"]*)" \[', source)
    assert len(connectors) == len(set(connectors))
    picture = ElementTree.fromstring(render(view(saved(name), chosen), "svg"))
    assert len(list(picture.iter(f"{SVG}text"))) > 10


def test_text_stays_in_its_boxes() -> None:
    """Letters are measured by Graphviz; no line is wider than the shape around it."""
    root = ElementTree.fromstring(render(figure("InceptionV3"), "svg"))
    nodes = [group for group in root.iter(f"{SVG}g") if group.get("class") == "node"]
    checked = 0
    for group in nodes:
        shapes = [shape.get("points", "") for shape in group.iter(f"{SVG}polygon")]
        corners = [float(pair.split(",")[0]) for pair in " ".join(shapes).split()]
        for text in group.iter(f"{SVG}text"):
            if corners and text.get("text-anchor") != "middle":
                checked += 1
                assert min(corners) <= float(text.get("x", "nan")) <= max(corners)
    assert checked > 50


@pytest.mark.slow
@pytest.mark.parametrize("name", ["EfficientNetV2L", "NASNetMobile", "ResNet152"])
def test_a_thousand_layers_fit_a_page(name: str) -> None:
    for chosen in ("figure6", "stages"):
        style = Style(size=parse_size("210x297mm"))
        picture = ElementTree.fromstring(render(view(saved(name), chosen), "svg", style))
        assert (picture.get("width"), picture.get("height")) == ("210mm", "297mm")
    text = "".join(picture.itertext())
    assert "head" in text


def test_what_has_no_room_is_named() -> None:
    style = Style(size=parse_size("297x210mm"))
    text = "".join(
        ElementTree.fromstring(render(figure("EfficientNetV2L"), "svg", style)).itertext()
    )
    assert "Not drawn for want of room:" in " ".join(text.split())


def test_blocks_that_differ_in_the_order_of_their_layers_alone_are_drawn_once() -> None:
    assert titles(figure("retina")) == [
        "Downsampling block, here conv3/block1",
        "Identity block, here conv3/block2",
    ]


def test_layers_that_are_no_chain_are_counted_and_not_joined_by_arrows() -> None:
    (panel,) = view(saved("retina"), "stages").panels
    head = panel.nodes[-1].parts[0].lines
    assert not any("→" in line for line in head)
    assert any(" of 3×3, 256" in line for line in head)


def test_a_block_that_only_adds_says_so() -> None:
    (panel,) = view(made(1000, skips=True), "blocks").panels
    lines = {node.lines for node in panel.walk() if node.role == "block"}
    assert all(lines)
    assert any("of add" in line for each in lines for line in each), lines
