from __future__ import annotations

from rsinspect.layers import ops
from rsinspect.layers.fold import fold
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.structure import Group, structure_of
from rsinspect.networks.resnet_rs import build_graph
from rsinspect.networks.spec import ResNetRSSpec


def changed(graph: LayerGraph, path: str, op: ops.Op) -> LayerGraph:
    """The graph with one layer's op replaced."""
    layers = [layer._replace(op=op) if layer.path == path else layer for layer in graph]
    return LayerGraph(graph.name, tuple(layers))


def groups_of(graph: LayerGraph, stage: str) -> tuple[Group, ...]:
    return tuple(group for group in structure_of(graph).groups if group.stage == stage)


def spans(graph: LayerGraph, stage: str) -> list[str]:
    return [run.span for run in fold(graph, groups_of(graph, stage))]


def test_a_stage_is_one_block_and_the_identical_rest() -> None:
    graph = build_graph(ResNetRSSpec.variant(270))
    assert spans(graph, "c3") == ["c3/block0", "c3/block1-28"]
    assert spans(graph, "stem") == ["stem"]


def test_a_single_different_number_breaks_a_run() -> None:
    graph = build_graph(ResNetRSSpec.variant(50))
    other = ops.BatchNorm(channels=256, momentum=0.0, epsilon=1e-3)
    assert spans(changed(graph, "c4/block3/bn2", other), "c4") == [
        "c4/block0",
        "c4/block1-2",
        "c4/block3",
        "c4/block4-5",
    ]


def test_names_do_not_decide() -> None:
    """Two blocks whose layers have other names but are alike still fold."""
    graph = build_graph(ResNetRSSpec.variant(50))

    def renamed(path: str) -> str:
        return path.replace("c2/block2/bn2", "c2/block2/other")

    layers = tuple(
        Layer(renamed(a.path), a.op, tuple(map(renamed, a.inputs)), a.shape) for a in graph
    )
    other = LayerGraph("x", layers)
    assert isinstance(other.layer("c2/block2/other").op, ops.BatchNorm)
    assert spans(other, "c2") == ["c2/block0", "c2/block1-2"]


def test_other_connections_are_not_identical() -> None:
    """The same ops and shapes, but the SE gate scales another tensor."""
    graph = build_graph(ResNetRSSpec.variant(50))
    layers = [
        layer._replace(inputs=("c3/block2/out", layer.inputs[1]))
        if layer.path == "c3/block3/se/excite"
        else layer
        for layer in graph
    ]
    assert spans(LayerGraph("x", tuple(layers)), "c3") == [
        "c3/block0",
        "c3/block1-2",
        "c3/block3",
    ]


def test_blocks_of_another_length_do_not_fold() -> None:
    graph = build_graph(ResNetRSSpec.variant(50))
    a, b = groups_of(graph, "c2")[1:]
    shorter = Group(b.path, b.layers[:-1])
    assert len(fold(graph, (a, shorter))) == 2
