from __future__ import annotations

from typing import Any, get_args

import pytest

from rsinspect.layers import ops
from rsinspect.layers.cost import Cost, layers_cost
from rsinspect.layers.fold import (
    IN_WORDS,
    Likeness,
    Run,
    fold,
    fold_stages,
    repeats_of,
    span,
    unfold,
    whole_cost,
    without_rate,
)
from rsinspect.layers.fold import _form as form_of
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.ops import TensorShape
from rsinspect.layers.structure import Group, structure_of
from rsinspect.networks.resnet_rs import build_graph
from rsinspect.networks.spec import ResNetRSSpec
from tests.networks import SHAPE, wired


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


CONV = ops.Conv2D(3, 4, 4)


def chain(*blocks: tuple[ops.Op, ...], **of_last: Any) -> tuple[LayerGraph, tuple[Group, ...]]:
    """Blocks of layers, one after the other, on an image; the last layer with other fields."""
    rows: list[tuple[str, ops.Op, tuple[str, ...]]] = []
    for number, block in enumerate(blocks):
        for place, op in enumerate(block):
            before = rows[-1][0] if rows else "image"
            rows.append((f"block{number}/{place}", op, (before,)))
    made = wired(*rows)
    layers = (*made.layers[:-1], made.layers[-1]._replace(**of_last))
    graph = LayerGraph("chain", layers)
    groups = [
        Group(f"block{number}", tuple(graph.layer(f"block{number}/{n}") for n in range(len(block))))
        for number, block in enumerate(blocks)
    ]
    return graph, tuple(
        group._replace(number=number, stage="c1") for number, group in enumerate(groups)
    )


def folded(*blocks: tuple[ops.Op, ...], **of_last: Any) -> list[tuple[str, str]]:
    return [(run.span, run.likeness) for run in fold(*chain(*blocks, **of_last))]


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        (((CONV,),), [("block0", "identical")]),
        (((CONV,), (CONV,)), [("block0-1", "identical")]),
        (
            ((CONV, ops.DropPath(0.1)), (CONV, ops.DropPath(0.2)), (CONV, ops.DropPath(0.2))),
            [("block0-2", "inference")],
        ),
        (((CONV, ops.Dropout(0.1)), (CONV, ops.Dropout(0.2))), [("block0-1", "inference")]),
        (((CONV,), (CONV._replace(filters=8),)), [("block0-1", "growing")]),
        (
            ((CONV,), (CONV._replace(filters=8),), (CONV._replace(in_channels=8, filters=6),)),
            [("block0-2", "form")],
        ),
        (
            ((CONV._replace(filters=8),), (CONV._replace(in_channels=8),)),
            [("block0-1", "form")],
        ),
        (((CONV,), (CONV._replace(kernel=1),)), [("block0", "identical"), ("block1", "identical")]),
        (  # the map becomes smaller in one alone
            ((CONV,), (CONV._replace(stride=2),)),
            [("block0", "identical"), ("block1", "identical")],
        ),
        (  # of three that are identical a fourth of their form is kept apart, and of two it is not
            ((CONV,),) * 3 + ((CONV._replace(filters=8),),),
            [("block0-2", "identical"), ("block3", "identical")],
        ),
        (((CONV,),) * 2 + ((CONV._replace(filters=8),),), [("block0-2", "form")]),
        (  # every channel by itself is another form than groups of them
            ((CONV._replace(groups=4),), (CONV._replace(groups=2),)),
            [("block0", "identical"), ("block1", "identical")],
        ),
        (((CONV,), (CONV._replace(groups=2),)), [("block0-1", "form")]),
    ],
)  # fmt: skip
def test_in_what_neighbours_are_alike(
    blocks: tuple[tuple[ops.Op, ...], ...], expected: list[tuple[str, str]]
) -> None:
    assert folded(*blocks) == expected


def test_a_frozen_block_and_one_with_weights_of_another_stand_apart() -> None:
    apart = [("block0", "identical"), ("block1", "identical")]
    assert folded((CONV,), (CONV,), frozen=True) == apart
    assert folded((CONV,), (CONV,), shares="block0/0") == apart
    graph, groups = chain((CONV,), (CONV,), shares="block0/0")
    assert [run.shares for run in fold(graph, groups)] == [False, True]


def test_a_part_of_a_chain_is_not_alike_to_a_block() -> None:
    graph, (first, second) = chain((CONV,), (CONV,))
    assert len(fold(graph, (first, second._replace(number=None)))) == 2


def test_only_repeats_of_one_cost_are_uniform() -> None:
    graph, groups = chain((CONV,), (CONV._replace(filters=8),))
    (run,) = fold(graph, groups)
    assert (run.first, run.repeats, run.paths) == (groups[0], 2, ("block0", "block1"))
    assert not run.is_uniform
    assert run.cost(graph).params == 9 * 4 * 4 + 9 * 4 * 8
    assert [one.span for one in repeats_of(graph, groups)] == ["block0", "block1"]
    assert unfold([run]) == groups
    alike, blocks = chain((CONV, ops.DropPath(0.1)), (CONV, ops.DropPath(0.2)))
    (twice,) = repeats_of(alike, blocks)
    assert twice.is_uniform
    assert twice.cost(alike).params == 2 * 9 * 4 * 4
    assert Run(groups[:1]).is_uniform
    assert not Run(groups, "growing").is_uniform


def test_the_whole_is_the_sum_of_its_stages() -> None:
    graph = build_graph(ResNetRSSpec.variant(101))
    stages = fold_stages(graph)
    assert whole_cost(graph) == layers_cost(graph, graph)
    assert Cost.total(stage.cost(graph) for stage in stages) == whole_cost(graph)
    assert tuple(folded.stage for folded in stages) == structure_of(graph).stages
    assert fold_stages(graph) is stages
    assert whole_cost(graph) is whole_cost(graph)


def test_neighbours_have_one_name_where_theirs_end_in_a_number_or_letter() -> None:
    assert span(["c4/block1"]) == "c4/block1"
    assert span(["c4/block9", "c4/block10", "c4/block11"]) == "c4/block9-11"
    assert span(["block2a", "block2b"]) == "block2a-b"
    assert span(["c4/block1", "c5/block2"]) == "c4/block1 to c5/block2"
    assert span(["left", "middle", "right"]) == "left to right"
    assert span(["stem", "c4/block2"]) == "stem to c4/block2"
    assert span(["c4/block2", "head"]) == "c4/block2 to head"


@pytest.mark.parametrize(
    ("op", "other", "is_alike"),
    [
        (ops.BatchNorm(4, 0.9, 1e-3), ops.BatchNorm(8, 0.9, 1e-3), True),
        (ops.BatchNorm(4, 0.9, 1e-3), ops.BatchNorm(4, 0.9, 1e-5), False),
        (ops.Dense(4, 10), ops.Dense(8, 20), True),
        (ops.Dense(4, 10), ops.Dense(4, 10, use_bias=False), False),
        (ops.PReLU((1, 1, 4)), ops.PReLU((1, 1, 8)), True),
        (ops.Reshape(TensorShape(4)), ops.Reshape(TensorShape(8)), True),
        (ops.Dropout(0.1), ops.Dropout(0.2), True),
        (ops.Rescaling(2.0), ops.Rescaling(3.0), True),
        (ops.Normalization((0.0,), (1.0,)), ops.Normalization((2.0,), (1.0,)), True),
        (ops.Normalization((0.0,), (1.0,)), ops.Normalization((0.0,), (2.0,)), True),
        (ops.Normalization((), (), 3), ops.Normalization((), (), 4), True),
        (ops.Opaque("A", SHAPE, ((4,),)), ops.Opaque("A", SHAPE, ((8,),)), True),
        (ops.Opaque("A", SHAPE, ((4,),)), ops.Opaque("A", SHAPE, ((4,),), 1), True),
        (ops.Opaque("A", SHAPE), ops.Opaque("B", SHAPE), False),
        (ops.Conv2D(3, 1, 4), CONV, True),  # of one channel, and not of every one by itself
        (ops.Conv2D(3, 2, 2, groups=2), ops.Conv2D(3, 2, 2), False),
    ],
)
def test_of_one_form_is_what_differs_in_widths_and_rates(
    op: ops.Op, other: ops.Op, is_alike: bool
) -> None:
    assert (form_of(op) == form_of(other)) is is_alike


def test_layers_of_one_op_on_other_maps_are_not_identical() -> None:
    relu = ops.Activation("relu")
    graph = wired(
        ("a", relu, ("image",)),
        ("wider", CONV._replace(filters=8), ("a",)),
        ("b", relu, ("wider",)),
        ("narrower", CONV._replace(in_channels=8, filters=4, stride=(1, 2)), ("b",)),
        ("c", relu, ("narrower",)),
    )
    a, b, c = (Group(path, (graph.layer(path),)) for path in "abc")
    assert [run.likeness for run in fold(graph, (a, b))] == ["growing"]
    assert len(fold(graph, (a, c))) == 2


def test_weights_of_a_layer_in_the_block_are_not_those_of_one_outside() -> None:
    graph, _ = chain(*(((CONV, CONV),) * 6))
    shares = {
        "block1/1": "block1/0", "block2/1": "block2/0",  # each its own
        "block3/1": "block0/0", "block4/1": "block0/1", "block5/1": "block5/0",
    }  # fmt: skip
    layers = tuple(layer._replace(shares=shares.get(layer.path)) for layer in graph)
    graph = LayerGraph("shared", layers)
    groups = [
        Group(f"block{n}", tuple(graph.layer(f"block{n}/{place}") for place in (0, 1)))
        for n in range(6)
    ]
    assert [run.span for run in fold(graph, groups)] == [
        "block0", "block1-2", "block3-4", "block5"
    ]  # fmt: skip


def test_rates_are_what_inference_leaves_out() -> None:
    assert without_rate(ops.Dropout(0.3)) == ops.Dropout(0.0)
    assert without_rate(ops.DropPath(0.3)) == ops.DropPath(0.0)
    assert without_rate(CONV) is CONV
    groups = chain((CONV,), (CONV,))[1]
    assert [Run(groups, each).is_uniform for each in get_args(Likeness)] == [
        True, True, False, False
    ]  # fmt: skip
    assert set(IN_WORDS) == set(get_args(Likeness))
