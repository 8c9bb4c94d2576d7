"""Costs against figures nobody here wrote: the paper, tf_keras's counts, timm's counts."""

from __future__ import annotations

from typing import Any

import pytest

from rsinspect import paper
from rsinspect.base.errors import InvalidChoice
from rsinspect.layers import ops
from rsinspect.layers.cost import (
    CONVENTIONS,
    LEGEND,
    Cost,
    layer_cost,
    layers_cost,
    op_cost,
    weight_shapes,
)
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.liveness import peak_activation
from rsinspect.layers.ops import TensorShape
from rsinspect.layers.receptive_field import receptive_fields
from rsinspect.layers.shapes import infer_shape
from rsinspect.layers.structure import structure_of
from rsinspect.networks.resnet_rs import build_graph
from rsinspect.networks.spec import ResNetRSSpec
from tests.networks import SHAPE, wired

# (total, trainable, non-trainable): tf_keras 2.21 count_params(); timm's param_count is "trainable"
PARAMS = {
    50: (35_745_288, 35_691_912, 53_376),
    101: (63_724_296, 63_618_696, 105_600),
    152: (86_773_256, 86_621_576, 151_680),
    200: (93_386_248, 93_209_992, 176_256),
    270: (130_104_520, 129_861_448, 243_072),
    350: (164_268_360, 163_956_168, 312_192),
    420: (192_262_216, 191_891_656, 370_560),
}


def cost_of(depth: int, **changes: Any) -> Cost:
    graph = build_graph(ResNetRSSpec.variant(depth, **changes))
    return layers_cost(graph, graph)


def printed(billions: float) -> float:
    """As Table 7 prints it: one decimal below ten, none above."""
    return round(billions, 1) if billions < 10 else float(round(billions))


@pytest.mark.parametrize(("depth", "expected"), PARAMS.items())
def test_params_are_those_of_the_reference_to_the_last_digit(
    depth: int, expected: tuple[int, int, int]
) -> None:
    cost = cost_of(depth)
    assert (cost.params, cost.trainable_params, cost.non_trainable_params) == expected


@pytest.mark.parametrize("inputs", [2, 3, 5])
def test_a_sum_adds_each_input_but_the_first(inputs: int) -> None:
    shape = TensorShape(8, 8, 4)
    cost = op_cost(ops.Add(), (shape,) * inputs, infer_shape(ops.Add(), (shape,) * inputs))
    assert cost == Cost(added=(inputs - 1) * 256, read=inputs * 256, outputs=256)


def test_the_paper_convention_prints_every_flops_figure_of_table_7() -> None:
    for row in paper.table7():
        flops = cost_of(row.depth, resolution=row.resolution).flops("paper")
        assert printed(flops / 1e9) == row.flops_B, (row.depth, row.resolution, flops)


def test_two_flops_per_mac_alone_misses_exactly_one_row() -> None:
    missed = [
        (row.depth, row.resolution)
        for row in paper.table7()
        if printed(2 * cost_of(row.depth, resolution=row.resolution).macs / 1e9) != row.flops_B
    ]
    assert missed == [(152, 192)]


def test_the_prose_stem_contradicts_table_7() -> None:
    """The paper's text leaves out the fourth stem convolution; its FLOPs do not."""
    missed = [
        (row.depth, row.resolution)
        for row in paper.table7()
        if printed(
            cost_of(row.depth, resolution=row.resolution, dialect="paper-prose").flops("paper")
            / 1e9
        )
        != row.flops_B
    ]
    assert {(50, 160), (101, 160), (152, 192)} <= set(missed)


def test_the_timm_convention_gives_the_gmacs_timm_publishes() -> None:
    # resnetrs420 at 320: 64.2 in timm's tables, counted by fvcore
    assert cost_of(420, resolution=320).flops("timm") / 1e9 == pytest.approx(64.2, abs=0.05)


def test_params_of_table_7_are_the_totals_rounded() -> None:
    for row in paper.table7():
        assert round(cost_of(row.depth).params / 1e6) == row.params_M


def test_the_article_and_the_prose_differ_by_what_they_leave_out() -> None:
    keras = cost_of(101, resolution=224)
    article = cost_of(101, resolution=224, dialect="article")
    prose = cost_of(101, resolution=224, dialect="paper-prose")
    assert (article.params, article.trainable_params) == (63_669_320, 63_570_888)
    assert article.macs == keras.macs
    assert keras.trainable_params - prose.trainable_params == 36_992
    assert keras.params - prose.params == 37_120
    assert (keras.macs - prose.macs) / 1e9 == pytest.approx(0.0771, abs=5e-5)


def test_a_hand_worked_network_costs_what_the_hand_says() -> None:
    """Blocks 1,1 at 32x32, width 1, no SE, 10 classes: written out, layer by layer."""
    spec = ResNetRSSpec(blocks=(1, 1), resolution=(32, 32), se_ratio=0.0, classes=10)
    graph = build_graph(spec)
    stem = 16 * 16 * 9 * (3 * 32 + 32 * 32 + 32 * 64) + 8 * 8 * 9 * 64 * 64
    c2 = 8 * 8 * (64 * 64 + 9 * 64 * 64 + 64 * 256 + 64 * 256)
    c3 = 8 * 8 * 256 * 128 + 4 * 4 * (9 * 128 * 128 + 128 * 512 + 256 * 512)
    assert layers_cost(graph, graph).macs == stem + c2 + c3 + 512 * 10
    norms = 2 * (32 + 32 + 64 + 64) + 2 * (64 + 64 + 256 + 256) + 2 * (128 + 128 + 512 + 512)
    kernels = 9 * (3 * 32 + 32 * 32 + 32 * 64 + 64 * 64)
    kernels += 64 * 64 + 9 * 64 * 64 + 2 * 64 * 256
    kernels += 256 * 128 + 9 * 128 * 128 + 128 * 512 + 256 * 512
    assert layers_cost(graph, graph).trainable_params == kernels + norms + 512 * 10 + 10
    assert layers_cost(graph, graph).non_trainable_params == norms


def test_full_counts_every_operation_of_a_small_graph() -> None:
    image = Layer("input/image", ops.Input(TensorShape(4, 4, 3)), (), TensorShape(4, 4, 3))
    op = ops.Conv2D(kernel=1, in_channels=3, filters=2, use_bias=True, activation="relu")
    conv = Layer("stem/conv1", op, ("input/image",), TensorShape(4, 4, 2))
    graph = LayerGraph("x", (image, conv))
    cost = layer_cost(graph, graph.output)
    assert cost.macs == 16 * 6
    assert cost.flops("full") == 2 * 96 + 32 + 32
    assert cost.flops("timm") == 96
    assert cost.bytes_moved(batch=2) == 4 * (8 + 2 * (48 + 32))
    assert cost.bytes_moved(dtype="float16") == 2 * (8 + 48 + 32)


MAP = TensorShape(4, 6, 2)  # 48 numbers at 24 places
OUT = TensorShape(2, 3, 4)  # 24 numbers at 6 places
CONV = ops.Conv2D((3, 1), 2, 4, stride=2)


@pytest.mark.parametrize(
    ("op", "inputs", "output", "expected"),
    [
        (ops.Input(MAP), (), MAP, Cost(outputs=48)),
        (ops.Reshape(TensorShape(48)), (MAP,), TensorShape(48), Cost()),
        (ops.Flatten(), (MAP,), TensorShape(48), Cost()),
        (ops.Pick(1, MAP), (MAP,), MAP, Cost()),
        (ops.Rescaling(2.0), (MAP,), MAP, Cost(preprocessed=48)),
        (ops.Rescaling(2.0, 1.0), (MAP,), MAP, Cost(preprocessed=96)),
        (ops.Normalization((0.0, 0.5), (1.0, 2.0)), (MAP,), MAP, Cost(preprocessed=96)),
        (ops.Normalization((), (), 2), (MAP,), MAP, Cost(0, 2 + 2 + 1, preprocessed=96)),
        (ops.ZeroPad2D(1), (MAP,), TensorShape(6, 8, 2), Cost()),
        (ops.Dropout(0.5), (MAP,), MAP, Cost()),
        (ops.Concatenate(), (MAP, MAP), TensorShape(4, 6, 4), Cost()),
        (CONV, (MAP,), OUT, Cost(3 * 2 * 4, macs=6 * 3 * 2 * 4)),
        (CONV._replace(groups=2), (MAP,), OUT, Cost(3 * 1 * 4, macs=6 * 3 * 4)),
        (
            CONV._replace(use_bias=True, activation="relu"), (MAP,), OUT,
            Cost(3 * 2 * 4 + 4, macs=6 * 3 * 2 * 4, bias_adds=24, activated=24),
        ),
        (
            ops.DepthwiseConv2D(3, 2, multiplier=2, stride=2, use_bias=True), (MAP,), OUT,
            Cost(9 * 2 * 2 + 4, macs=6 * 9 * 4, bias_adds=24),
        ),
        (
            ops.SeparableConv2D((1, 3), 2, 4, multiplier=3, stride=2, use_bias=True), (MAP,), OUT,
            Cost(3 * 2 * 3 + 2 * 3 * 4 + 4, macs=6 * (3 * 6 + 6 * 4), bias_adds=24),
        ),
        (
            ops.Conv2DTranspose(3, 4, 2, stride=2, use_bias=True), (OUT,), MAP,
            Cost(9 * 4 * 2 + 2, macs=6 * 9 * 4 * 2, bias_adds=48),
        ),
        (
            ops.Dense(4, 5, activation="relu"), (OUT,), TensorShape(2, 3, 5),
            Cost(4 * 5 + 5, macs=6 * 4 * 5, bias_adds=30, activated=30),
        ),
        (ops.Dense(4, 5, use_bias=False), (TensorShape(4),), TensorShape(5), Cost(20, macs=20)),
        (ops.BatchNorm(2, 0.9, 1e-3), (MAP,), MAP, Cost(4, 4, normed=48)),
        (ops.BatchNorm(2, 0.9, 1e-3, scale=False), (MAP,), MAP, Cost(2, 4, normed=48)),
        (ops.BatchNorm(2, 0.9, 1e-3, False, False), (MAP,), MAP, Cost(0, 4, normed=48)),
        (ops.LayerNorm(2, 1e-3), (MAP,), MAP, Cost(4, layer_norm_ops=5 * 48)),
        (ops.LayerNorm(2, 1e-3, center=False), (MAP,), MAP, Cost(2, layer_norm_ops=5 * 48)),
        (ops.LayerNorm(2, 1e-3, False, False), (MAP,), MAP, Cost(0, layer_norm_ops=4 * 48)),
        (ops.ChannelScale(2), (MAP,), MAP, Cost(2, scaled=48)),
        (ops.Activation("relu"), (MAP,), MAP, Cost(activated=48)),
        (ops.PReLU((1, 6, 2)), (MAP,), MAP, Cost(12, activated=48)),
        (ops.AvgPool2D((2, 3), 2), (MAP,), TensorShape(2, 3, 2), Cost(pooled=6 * 12)),
        (ops.GlobalAvgPool(), (MAP,), TensorShape(2), Cost(averaged=48)),
        (ops.GlobalMaxPool(), (MAP,), TensorShape(2), Cost(pooled=48)),
        (ops.UpSampling2D(2), (OUT,), TensorShape(4, 6, 4), Cost()),
        (ops.UpSampling2D(2, "bilinear"), (OUT,), TensorShape(4, 6, 4), Cost(pooled=4 * 96)),
        (ops.UpSampling2D(2, "bicubic"), (OUT,), TensorShape(4, 6, 4), Cost(pooled=16 * 96)),
        (ops.Multiply(), (MAP,) * 3, MAP, Cost(scaled=2 * 48)),
        (ops.ScaledAdd(0.1), (MAP, MAP), MAP, Cost(scaled=48, added=48)),
        (ops.Merge("maximum"), (MAP,) * 3, MAP, Cost(added=2 * 48)),
        (ops.Merge("average"), (MAP,) * 3, MAP, Cost(scaled=48, added=2 * 48)),
        (ops.Arithmetic("add", 1.0), (MAP,), MAP, Cost(added=48)),
        (ops.Arithmetic("subtract", 1.0), (MAP,), MAP, Cost(added=48)),
        (ops.Arithmetic("power", 2.0), (MAP,), MAP, Cost(scaled=48)),
        (ops.Opaque("A", OUT), (MAP,), OUT, Cost(uncounted=1, unweighed=1)),
        (ops.Opaque("A", OUT, ((2, 3), (4,), ())), (MAP,), OUT, Cost(11, uncounted=1)),
        (ops.Opaque("A", OUT, ((2, 3), (4,), ()), 2), (MAP,), OUT, Cost(6, 5, uncounted=1)),
    ],
)  # fmt: skip
def test_the_cost_of_an_op_is_that_of_the_hand(
    op: ops.Op, inputs: tuple[TensorShape, ...], output: TensorShape, expected: Cost
) -> None:
    """What is read and what comes out are the shapes themselves; a view does neither."""
    assert infer_shape(op, inputs) == output
    if not isinstance(op, ops.Reshape | ops.Flatten | ops.Pick):
        read = sum(shape.elements for shape in inputs)
        expected = expected._replace(read=read, outputs=output.elements)
    cost = op_cost(op, inputs, output)
    assert cost == expected
    assert {type(count) for count in cost} == {int}
    assert sum(TensorShape(*shape).elements for shape in weight_shapes(op)) == cost.params


def test_each_convention_weighs_what_it_says() -> None:
    cost = Cost(*(10**place for place in range(len(Cost._fields))))
    counted = cost._asdict()
    assert cost.flops("mac") == counted["macs"]
    assert cost.flops("paper") == 2 * counted["macs"] + counted["averaged"]
    assert cost.flops("timm") == counted["macs"] + 2 * counted["normed"] + counted["layer_norm_ops"]
    once = ("bias_adds", "layer_norm_ops", "activated", "averaged", "pooled", "scaled", "added")
    assert cost.flops("full") == sum(counted[name] for name in (*once, "preprocessed")) + 2 * (
        counted["macs"] + counted["normed"]
    )


def test_bytes_and_intensity_are_of_a_whole_batch() -> None:
    cost = Cost(trainable_params=10, non_trainable_params=5, macs=600, read=40, outputs=20)
    assert cost.weight_bytes() == 60
    assert cost.weight_bytes("float16") == 30
    assert (cost.activation_bytes(), cost.activation_bytes(batch=3, dtype="float16")) == (80, 120)
    assert cost.bytes_moved() == 60 + 240
    assert cost.intensity("mac") == 600 / 300
    assert cost.intensity("mac", batch=4, dtype="float16") == 2400 / (30 + 480)
    assert Cost().intensity("mac") is None
    assert cost * 2 == cost + cost == Cost.total([cost, cost])
    assert Cost.total([]) == Cost()


def test_weights_of_another_layer_count_there_and_frozen_ones_are_not_learnt() -> None:
    conv = ops.Conv2D(1, 4, 4, use_bias=True)
    graph = wired(("a", conv, ("image",)), ("b", conv, ("a",)))
    whole = layer_cost(graph, graph.layer("a"))
    assert (whole.trainable_params, whole.non_trainable_params) == (20, 0)
    frozen = layer_cost(graph, graph.layer("a")._replace(frozen=True))
    assert (frozen.trainable_params, frozen.non_trainable_params) == (0, 20)
    shared = layer_cost(graph, graph.layer("b")._replace(shares="a", frozen=True))
    assert (shared.params, shared.macs) == (0, whole.macs)
    norm = Layer("n", ops.BatchNorm(4, 0.9, 1e-3), ("image",), SHAPE, shares="m")
    assert layer_cost(graph, norm).params == 0
    opaque = Layer("c", ops.Opaque("A", SHAPE), ("image",), SHAPE, shares="a")
    assert layer_cost(graph, opaque)[-2:] == (1, 0)  # unknown cost, and no weights of its own


def test_conventions_have_a_legend_and_unknown_ones_are_refused() -> None:
    assert set(LEGEND) == set(CONVENTIONS)
    assert all(set(weights) <= set(Cost._fields) for weights in CONVENTIONS.values())
    with pytest.raises(InvalidChoice, match=r"^unknown convention") as caught:
        cost_of(50).flops("papr")
    assert "paper" in str(caught.value.hint)


def test_the_peak_keeps_the_shortcut_alive() -> None:
    """RS-50 at 160: 40x40x256 twice and 40x40x64 once; measured 3.51 MiB in TensorFlow."""
    peak = peak_activation(build_graph(ResNetRSSpec.variant(50)))
    assert peak.elements == 2 * 40 * 40 * 256 + 40 * 40 * 64
    assert peak.bytes(batch=3, dtype="float16") == 2 * 3 * peak.elements
    assert peak.path.startswith("c2/block0/")


def test_a_graph_without_shortcuts_peaks_lower() -> None:
    whole = build_graph(ResNetRSSpec.variant(50))
    stem = LayerGraph("stem", tuple(x for s in structure_of(whole).stages[:2] for x in s.layers))
    pad, conv = whole.layer("stem/pad4").shape, whole.layer("stem/act3").shape
    assert peak_activation(stem).elements == pad.elements + conv.elements


def test_receptive_fields_and_strides_are_those_of_the_hand() -> None:
    fields = receptive_fields(build_graph(ResNetRSSpec.variant(50)))
    assert (fields["stem/conv1"].size, fields["stem/conv1"].stride) == (3, 2)
    assert fields["stem/conv3"].size == 3 + 2 * 2 + 2 * 2
    assert (fields["stem/conv4"].size, fields["stem/conv4"].stride) == (15, 4)
    assert fields["c2/block0/out"].size == 15 + 2 * 4
    assert fields["c5/block2/out"].stride == 32
    assert fields["head/classifier"].size is None


def test_weight_shapes_add_up_to_the_params() -> None:
    graph = build_graph(ResNetRSSpec.variant(101))
    total = 0
    for layer in graph:
        for shape in weight_shapes(layer.op):
            product = 1
            for side in shape:
                product *= side
            total += product
    assert total == PARAMS[101][0]
