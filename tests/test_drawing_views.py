from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from rsinspect import paper
from rsinspect.base.errors import InvalidChoice, UnknownPath, UnknownPicture
from rsinspect.base.units import percent
from rsinspect.drawing.choices import COMPUTED, VIEWS
from rsinspect.drawing.columns import columns
from rsinspect.drawing.formats import render
from rsinspect.drawing.overlay import Measured, overlay
from rsinspect.drawing.scene import Node, Panel, Scene
from rsinspect.drawing.views import view
from rsinspect.layers import ops
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.ops import TensorShape
from rsinspect.networks.network import from_graph, resnet_rs
from rsinspect.networks.resnet_rs import build_graph
from rsinspect.networks.spec import ResNetRSSpec
from rsinspect.plots.overlay import measured_of
from rsinspect.profiling.record.saved import load_run
from tests.networks import EACH, network_of


def shown(panel: Panel) -> list[Node]:
    return [n for n in panel.walk(deep=False) if not (n.open and n.children)]


def spans(node: Node) -> int:
    """Blocks a node stands for, by its own path."""
    low, _, high = node.path.rpartition("/block")[2].partition("-")
    return int(high) - int(low) + 1 if high else 1


@pytest.mark.parametrize(("depth", "dialect"), EACH)
def test_stages_are_seven_closed_nodes_in_a_row(depth: int, dialect: str) -> None:
    (panel,) = view(network_of(depth, dialect=dialect), "stages").panels
    names = ["input", "stem", "c2", "c3", "c4", "c5", "head"]
    assert [node.path for node in panel.nodes] == names
    assert [(edge.tail, edge.head) for edge in panel.edges] == list(pairwise(names))
    assert not any(node.open for node in panel.nodes)
    repeats = [part.repeats for node in panel.nodes for part in node.parts if part.title]
    assert sum(repeats) == sum(paper.variants()[depth].blocks)


@pytest.mark.parametrize(("depth", "dialect"), EACH)
def test_blocks_are_folded_and_account_for_every_block(depth: int, dialect: str) -> None:
    spec = ResNetRSSpec.variant(depth, dialect=dialect)
    (panel,) = view(resnet_rs(spec), "blocks").panels
    found = [node for node in shown(panel) if node.role == "block"]
    assert len(found) == 8
    assert sum(node.repeats for node in found) == sum(spec.blocks)
    assert [node.repeats for node in found] == [spans(node) for node in found]


@pytest.mark.parametrize(("depth", "dialect"), EACH)
@pytest.mark.slow
def test_layers_are_the_layers_of_the_graph_and_its_connections(depth: int, dialect: str) -> None:
    spec = ResNetRSSpec.variant(depth, dialect=dialect)
    graph = build_graph(spec)
    (panel,) = view(resnet_rs(spec), "layers").panels
    assert [node.path for node in shown(panel)] == [layer.path for layer in graph]
    wanted = {(source, layer.path) for layer in graph for source in layer.inputs}
    assert {(edge.tail, edge.head) for edge in panel.edges} == wanted


@pytest.mark.parametrize("name", ["stages", "blocks", "layers"])
def test_nodes_add_up_to_the_network(name: str) -> None:
    (panel,) = view(network_of(152), name).panels
    for key in ("params", "macs", "flops", "activation_bytes"):
        outermost = sum(number(node, key) for node in panel.nodes)
        assert sum(number(node, key) for node in shown(panel)) == outermost > 0


def number(node: Node, key: str) -> float:
    value = next(fact.value for fact in node.facts if fact.key == key)
    assert not isinstance(value, str)
    return value


def test_every_edge_joins_nodes_that_are_shown() -> None:
    for name, expand in [
        ("stages", ()),
        ("stages", ("c4",)),
        ("stages", ("c4/block7", "stem")),
        ("blocks", ()),
        ("blocks", ("c4",)),
        ("blocks", ("c3/block1", "c3/block0/conv2", "head")),
        ("layers", ()),
        ("figure6", ()),
    ]:
        for panel in view(network_of(101), name, expand=expand).panels:
            paths = [node.path for node in shown(panel)]
            assert len(paths) == len(set(paths))
            for edge in panel.edges:
                assert {edge.tail, edge.head} <= set(paths)


def test_a_stage_opens_one_level_further_than_the_view_shows() -> None:
    spec = ResNetRSSpec.variant(101)
    (panel,) = view(resnet_rs(spec), "stages", expand=("c4",)).panels
    assert [n.path for n in shown(panel) if n.path.startswith("c4/")] == [
        "c4/block0",
        "c4/block1-22",
    ]
    (panel,) = view(resnet_rs(spec), "blocks", expand=("c4",)).panels
    assert len([n for n in shown(panel) if n.path.startswith("c4/")]) == 23


@pytest.mark.parametrize("name", ["stages", "blocks"])
def test_a_run_opens_to_its_blocks(name: str) -> None:
    spec = ResNetRSSpec.variant(50)
    (panel,) = view(resnet_rs(spec), name, expand=("c4/block1-3",)).panels
    assert [node.path for node in shown(panel) if node.path.startswith("c4/")] == [
        "c4/block0",
        "c4/block1",
        "c4/block2",
        "c4/block3",
        "c4/block4-5",
    ]


def test_a_block_is_taken_out_of_its_run_to_be_opened() -> None:
    (panel,) = view(network_of(101), "blocks", expand=("c4/block7",)).panels
    c4 = next(node for node in panel.nodes if node.path == "c4")
    assert [node.path for node in c4.children] == [
        "c4/block0",
        "c4/block1-6",
        "c4/block7",
        "c4/block8-22",
    ]
    assert [node.open for node in c4.children] == [False, False, True, False]
    kinds = {edge.kind for edge in panel.edges if edge.head == "c4/block7/add"}
    assert kinds == {"identity", "flow"}


def test_shortcuts_and_gates_are_told_apart() -> None:
    (panel,) = view(network_of(50), "layers").panels
    kinds = {(edge.tail, edge.head): edge.kind for edge in panel.edges}
    assert kinds["c2/block2/out", "c3/block0/conv1"] == "flow"
    assert kinds["c2/block1/out", "c2/block2/add"] == "identity"
    assert kinds["c2/block2/out", "c3/block0/shortcut/pool"] == "projection"
    assert kinds["c3/block0/shortcut/bn", "c3/block0/add"] == "projection"
    assert kinds["c3/block0/bn3", "c3/block0/se/squeeze"] == "gate"
    assert kinds["c3/block0/se/expand", "c3/block0/se/excite"] == "gate"
    assert kinds["c3/block0/bn3", "c3/block0/se/excite"] == "flow"


def test_a_deep_scene_has_every_layer_whatever_is_open() -> None:
    spec = ResNetRSSpec.variant(101)
    graph = build_graph(spec)
    for name in ("stages", "blocks", "layers"):
        (panel,) = view(resnet_rs(spec), name, deep=True).panels
        leaves = [node.path for node in panel.walk() if not node.children]
        assert leaves == [layer.path for layer in graph]
        assert len(panel.edges) == len({(s, layer.path) for layer in graph for s in layer.inputs})


class TestFigure6:
    def test_has_the_stage_table_the_blocks_and_the_module(self) -> None:
        scene = view(network_of(101, resolution=224))
        assert [panel.title for panel in scene.panels] == [
            "Stages",
            "Downsampling block, here c3/block0",
            "Identity block, here c3/block1",
            "Squeeze-and-excitation module",
        ]
        assert "derived from the layer graph" in scene.caption

    def test_agrees_with_the_released_code(self) -> None:
        """ResNet-RS-101 at 224x224, derived by hand from tensorflow/tpu's resnet_model.py."""
        grid = view(network_of(101, resolution=224)).panels[0].grid
        assert grid is not None
        rows = [(row.cells[0][0], row.cells[1][0], row.cells[2], row.cells[3]) for row in grid.rows]
        assert rows[1:3] == [
            ("stem", "112×112", ("3×3/2, 32", "3×3, 32", "3×3, 64"), ()),
            ("stem, continued", "56×56", ("3×3/2, 64",), ()),
        ]
        assert [(name, size, layout[:4], blocks) for name, size, layout, blocks in rows[3:7]] == [
            ("c2", "56×56", ("1×1, 64", "3×3, 64", "1×1, 256", "SE 256 → 64 → 256"), ("× 3",)),
            ("c3", "28×28", ("1×1, 128", "3×3, 128", "1×1, 512", "SE 512 → 128 → 512"), ("× 4",)),
            ("c4", "14×14", ("1×1, 256", "3×3, 256", "1×1, 1024", "SE 1024 → 256 → 1024"),
             ("× 23",)),
            ("c5", "7×7", ("1×1, 512", "3×3, 512", "1×1, 2048", "SE 2048 → 512 → 2048"), ("× 3",)),
        ]  # fmt: skip
        assert [row.cells[4] for row in grid.rows[3:7]] == [
            ("1×1, 256", "batch norm"),
            ("avg pool 2×2/2", "1×1, 512", "batch norm"),
            ("avg pool 2×2/2", "1×1, 1024", "batch norm"),
            ("avg pool 2×2/2", "1×1, 2048", "batch norm"),
        ]

    def test_draws_the_resnet_d_shortcut_and_se_before_the_addition(self) -> None:
        down = view(network_of(101)).panels[1]
        into = {(edge.head, edge.kind): edge.tail for edge in down.edges}
        block = "c3/block0"
        assert into[f"{block}/shortcut/pool", "projection"] == "c2/block2/out"
        assert into[f"{block}/shortcut/conv", "projection"] == f"{block}/shortcut/pool"
        assert into[f"{block}/add", "projection"] == f"{block}/shortcut/conv"
        assert into[f"{block}/se", "flow"] == f"{block}/conv3"
        assert into[f"{block}/add", "flow"] == f"{block}/se"

    def test_leaves_out_what_a_network_does_not_have(self) -> None:
        scene = view(resnet_rs(ResNetRSSpec(blocks=(1,), se_ratio=0)))
        assert [panel.title for panel in scene.panels] == [
            "Stages",
            "Projection block, here c2/block0",
        ]
        assert scene.edge_kinds == ("projection",)

    def test_rows_add_up_to_the_network(self) -> None:
        spec = ResNetRSSpec.variant(200)
        grid = view(resnet_rs(spec)).panels[0].grid
        assert grid is not None
        (stages,) = view(resnet_rs(spec), "stages").panels
        for key in ("params", "flops"):
            rows = [next(f.value for f in row.facts if f.key == key) for row in grid.rows]
            assert sum(int(value) for value in rows) == sum(number(n, key) for n in stages.nodes)


class TestOverlay:
    @pytest.mark.parametrize("quantity", COMPUTED)
    @pytest.mark.parametrize("name", VIEWS)
    def test_colours_run_from_zero_to_the_largest(self, quantity: str, name: str) -> None:
        scene = overlay(view(network_of(101), name), quantity)
        nothing_moves = [item.path for item in coloured(scene) if item.heat is None]
        assert all(path.endswith("/reshape") for path in nothing_moves)
        assert (quantity, name) == ("intensity", "layers") or nothing_moves == []
        levels = [item.heat.level for item in coloured(scene) if item.heat]
        assert 0 <= min(levels) < max(levels) == 1
        assert scene.legend is not None
        assert scene.legend.title

    def test_shares_are_of_the_whole_network(self) -> None:
        scene = overlay(view(network_of(101), "stages"), "flops")
        texts = [node.heat.text for node in scene.panels[0].nodes if node.heat]
        assert texts[4] == "7.63 G FLOPs (63.5 %)"

    def test_an_intensity_has_no_share(self) -> None:
        scene = overlay(view(network_of(50), "stages"), "intensity")
        assert not any("%" in node.heat.text for node in scene.panels[0].nodes if node.heat)

    def test_only_what_was_measured_is_hot(self) -> None:
        measured = Measured(latency_s={"stem": 0.02, "c2": 0.06}, conditions="batch 8")
        spec = ResNetRSSpec.variant(50)
        scene = overlay(view(resnet_rs(spec), "blocks"), "latency", measured=measured)
        nodes = {node.path: node for node in scene.panels[0].walk()}
        assert nodes["stem"].heat is not None
        assert nodes["stem"].heat.text == "20.0 ms (25.0 %)"
        assert nodes["c2"].heat is not None
        assert nodes["c2/block0"].heat is None
        assert nodes["input"].heat is None
        assert nodes["c2"].heat.level == 1
        assert scene.legend is not None
        assert "batch 8" in scene.legend.title

    def test_blocks_that_were_measured_add_up_to_runs_and_stages(self) -> None:
        spec = ResNetRSSpec.variant(50)
        latency_s = {f"c4/block{number}": 0.01 for number in range(6)} | {"stem": 0.04}
        measured = Measured(latency_s=latency_s, conditions="batch 8")
        scene = overlay(view(resnet_rs(spec), "blocks"), "latency", measured=measured)
        texts = {node.path: node.heat and node.heat.text for node in scene.panels[0].walk()}
        assert texts["c4/block0"] == "10.0 ms (10.0 %)"
        assert texts["c4/block1-5"] == "50.0 ms (50.0 %)"
        assert texts["c4"] == "60.0 ms (60.0 %)"
        assert texts["c5"] is None
        del latency_s["c4/block3"]
        scene = overlay(view(resnet_rs(spec), "blocks"), "latency", measured=measured)
        texts = {node.path: node.heat and node.heat.text for node in scene.panels[0].walk()}
        assert texts["c4/block1-5"] is None

    def test_a_stage_of_two_rows_says_that_it_was_measured_whole(self) -> None:
        measured = Measured(latency_s={"stem": 0.02, "c2": 0.06}, conditions="batch 8")
        scene = overlay(
            view(network_of(50)),
            "latency",
            measured=measured,
        )
        grid = scene.panels[0].grid
        assert grid is not None
        texts = {row.path: row.heat and row.heat.text for row in grid.rows}
        assert texts["stem"] == "20.0 ms (25.0 %), all its rows"
        assert texts["stem/pad4"] is None
        assert texts["c2"] == "60.0 ms (75.0 %)"

    def test_a_share_of_the_latency_is_the_one_that_the_profile_prints(self) -> None:
        run = load_run(Path(__file__).parent / "goldens" / "run-50-train.json")
        network = network_of(50)
        scene = overlay(view(network, "stages"), "latency", measured=measured_of(run, network))
        shares = {
            node.path: node.heat.text.partition("(")[2].rstrip(")")
            for node in scene.panels[0].nodes
            if node.heat
        }
        printed = {segment.path: percent(run.share(segment)) for segment in run.segments}
        assert shares == {path: printed[path] for path in shares}
        assert len(shares) == 6
        assert scene.legend is not None
        assert "call included" in scene.legend.title

    def test_a_latency_must_be_measured(self) -> None:
        with pytest.raises(UnknownPicture, match="measured") as caught:
            overlay(view(network_of(50)), "latency")
        assert "pass it as profile" in (caught.value.hint or "")

    def test_an_unknown_quantity_is_refused(self) -> None:
        with pytest.raises(InvalidChoice, match="flosp"):
            overlay(view(network_of(50)), "flosp")


def coloured(scene: Scene) -> list[Node]:
    grids = [panel.grid for panel in scene.panels if panel.grid]
    if grids:
        return [row for grid in grids for row in grid.rows]  # type: ignore[misc]
    return [node for panel in scene.panels for node in panel.walk(deep=False)]


class TestColumns:
    def test_hold_every_node_once_in_order(self) -> None:
        for name in ("stages", "blocks", "layers"):
            (panel,) = view(network_of(270), name).panels
            for direction in ("TB", "LR"):
                found = columns(panel, direction)
                paths = [path for column in found for path in column.shown()]
                assert paths == [node.path for node in shown(panel)]

    def test_are_of_about_the_same_length(self) -> None:
        (panel,) = view(network_of(420), "layers").panels
        lengths = [len(column.shown()) for column in columns(panel, "TB")]
        assert len(lengths) > 10
        assert max(lengths) < 1.5 * sum(lengths) / len(lengths)

    def test_say_which_stages_go_on(self) -> None:
        (panel,) = view(network_of(101), "layers").panels
        continued = [column.continued for column in columns(panel, "TB")]
        assert continued[0] == frozenset()
        assert all(paths <= {"c2", "c3", "c4", "c5"} for paths in continued)
        assert frozenset({"c4"}) in continued

    def test_one_column_is_enough_for_a_page(self) -> None:
        scene = view(network_of(420), "stages")
        assert len(columns(scene.panels[0], "TB")) == 1
        for panel in view(network_of(420)).panels[1:]:
            assert len(columns(panel, "TB")) == len(columns(panel, "LR")) == 1

    def test_nothing_has_no_columns(self) -> None:
        assert columns(Panel(name="none"), "TB") == ()


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ({"name": "stagse"}, InvalidChoice),
        ({"name": "stages", "direction": "UP"}, InvalidChoice),
        ({"name": "stages", "expand": ("c9",)}, UnknownPath),
        ({"name": "blocks", "expand": ("c4/block99",)}, UnknownPath),
        ({"name": "blocks", "expand": ("c4/block1-99",)}, UnknownPath),
        ({"name": "layers", "expand": ("c4",)}, UnknownPicture),
        ({"name": "figure6", "expand": ("c4",)}, UnknownPicture),
    ],
)
def test_what_cannot_be_shown_is_refused_with_a_hint(
    words: dict[str, object], error: type[UnknownPicture]
) -> None:
    with pytest.raises(error) as caught:
        view(network_of(50), **words)  # type: ignore[arg-type]
    assert caught.value.hint


def test_a_network_without_blocks_is_drawn_in_every_view() -> None:
    network = from_graph(a_chain())
    assert not network.blocks
    for name in VIEWS:
        scene = view(network, name)
        assert "blocks" not in {node.role for panel in scene.panels for node in panel.walk()}
        for format in ("dot", "tikz", "html", "mermaid", "txt"):
            assert render(scene, format)


def a_chain() -> LayerGraph:
    """An image, two convolutions and a classifier."""
    image = TensorShape(8, 8, 3)
    conv = ops.Conv2D(kernel=3, in_channels=3, filters=4, stride=2)
    return LayerGraph(
        "chain",
        (
            Layer("image", ops.Input(image), (), image),
            Layer("conv", conv, ("image",), TensorShape(4, 4, 4)),
            Layer("relu", ops.Activation("relu"), ("conv",), TensorShape(4, 4, 4)),
            Layer("pool", ops.GlobalAvgPool(), ("relu",), TensorShape(4)),
            Layer("classes", ops.Dense(in_channels=4, units=2), ("pool",), TensorShape(2)),
        ),
    )
