"""Each dialect against code that nobody here wrote.

``keras`` and ``article`` are held against tf_keras and the article in test_keras_oracle.py. Here:
``resnet`` against keras.applications, live; ``timm``, ``resnet`` and ``resnet-d`` against what timm
1.0.31 counts; ``tf-models`` against what is published of it.
"""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np
import pytest

from rsinspect.layers import ops
from rsinspect.layers.cost import layers_cost
from rsinspect.layers.graph import LayerGraph
from rsinspect.layers.structure import structure_of
from rsinspect.networks.dialects import DIALECTS
from rsinspect.networks.network import resnet_rs
from rsinspect.networks.resnet_rs import build_graph
from rsinspect.networks.spec import ResNetRSSpec

TIMM = {
    "resnetrs50": (35_691_912, 53_376, 4_454_490_112),
    "resnetrs101": (63_618_696, 105_600, 8_175_624_192),
    "resnetrs152": (86_621_576, 151_680, 11_895_185_408),
    "resnetrs200": (93_209_992, 176_256, 15_391_137_792),
    "resnetrs270": (129_861_448, 243_072, 20_643_618_816),
    "resnetrs350": (163_956_168, 312_192, 26_332_012_544),
    "resnetrs420": (191_891_656, 370_560, 31_363_342_336),
    "resnet50": (25_557_032, 53_120, 4_089_184_256),
    "resnet101": (44_549_160, 105_344, 7_801_405_440),
    "resnet152": (60_192_808, 151_424, 11_513_626_624),
    "resnet50d": (25_576_264, 53_248, 4_328_824_832),
    "resnet101d": (44_568_392, 105_472, 8_041_046_016),
    "resnet152d": (60_212_040, 151_552, 11_753_267_200),
    "resnet200d": (64_693_064, 176_128, 15_247_122_432),
}
"""Params, batch-norm statistics and multiply-adds at 224x224, counted by forward hooks on the
convolutions and the classifier of timm 1.0.31's own modules (torch 2.13.0, meta device)."""


def counts(spec: ResNetRSSpec) -> tuple[int, int, int]:
    graph = build_graph(spec)
    cost = layers_cost(graph, graph)
    return cost.trainable_params, cost.non_trainable_params, cost.macs


@pytest.mark.parametrize("name", [name for name in TIMM if name.startswith("resnetrs")])
def test_timm_counts_the_same(name: str) -> None:
    spec = ResNetRSSpec.variant(int(name[8:]), dialect="timm", resolution=224)
    assert counts(spec) == TIMM[name]


@pytest.mark.parametrize("depth", [50, 101, 152, 200])
def test_resnet_d_counts_as_timm_does(depth: int) -> None:
    blocks = (3, 8, 36, 3) if depth == 152 else ResNetRSSpec.variant(depth).blocks
    spec = ResNetRSSpec.layout(blocks, dialect="resnet-d", resolution=(224, 224))
    assert counts(spec) == TIMM[f"resnet{depth}d"]


@pytest.mark.parametrize("depth", [50, 101, 152])
def test_timms_resnet_differs_in_where_it_strides_and_in_nothing_else(depth: int) -> None:
    spec = ResNetRSSpec.variant(depth, dialect="resnet", resolution=224)
    later = spec.replace(dialect=spec.dialect._replace(strided_conv=2))
    assert counts(spec)[:2] == TIMM[f"resnet{depth}"][:2]
    assert counts(spec)[2] < TIMM[f"resnet{depth}"][2]
    assert counts(later) == TIMM[f"resnet{depth}"]


@pytest.mark.keras
@pytest.mark.parametrize("depth", [50, 101, 152])
def test_resnet_counts_as_keras_applications_but_for_biases(depth: int) -> None:
    import keras

    model = getattr(keras.applications, f"ResNet{depth}")(weights=None)
    convs = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    biases = sum(layer.filters for layer in convs)
    macs = sum(
        math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:3]) for layer in convs
    ) + math.prod(model.layers[-1].kernel.shape)
    spec = ResNetRSSpec.variant(depth, dialect="resnet", resolution=224)
    trainable, frozen, ours = counts(spec)
    assert (trainable + frozen + biases, ours) == (model.count_params(), macs)


@pytest.mark.keras
def test_resnet_computes_what_keras_applications_computes() -> None:
    """Keras's biases are zero and its epsilon is 1.001e-5; otherwise the weights go one to one."""
    import keras

    from rsinspect.keras_model.build import build_model

    shape = (65, 96)
    theirs = keras.applications.ResNet50(
        weights=None, include_top=False, input_shape=(*shape, 3), pooling="avg"
    )
    spec = ResNetRSSpec.variant(
        50,
        dialect="resnet",
        resolution=shape,
        include_top=False,
        pooling="avg",
        bn_epsilon=1.001e-5,
    )
    network = resnet_rs(spec)
    ours = build_model(network)
    by_name = {layer.name: layer for layer in theirs.layers}
    random = np.random.default_rng(0)
    for layer in theirs.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([random.uniform(0.5, 1.5, w.shape) for w in layer.weights])
    for layer in network.graph:
        if isinstance(layer.op, ops.Conv2D) or layer.op.kind == "BatchNorm":
            source = by_name[_keras_applications_name(layer.path)]
            target = ours.get_layer(network.names[layer.path])
            target.set_weights(source.get_weights()[: len(target.weights)])
    images = random.normal(size=(2, *shape, 3)).astype("float32")
    expected = np.asarray(theirs(images))
    assert np.abs(np.asarray(ours(images)) - expected).max() < 1e-4 * np.abs(expected).max()


def _keras_applications_name(path: str) -> str:
    """``c2/block0/conv2`` -> ``conv2_block1_2_conv``."""
    parts = path.split("/")
    if parts[0] == "stem":
        return {"conv1": "conv1_conv", "bn1": "conv1_bn"}[parts[1]]
    stage, block, rest = parts[0][1:], int(parts[1][5:]) + 1, parts[2:]
    number, kind = ("0", rest[1]) if rest[0] == "shortcut" else (rest[0][-1], rest[0][:-1])
    return f"conv{stage}_block{block}_{number}_{kind}"


@pytest.mark.parametrize(
    ("depth", "millions"),
    [(50, 35.7), (101, 63.7), (152, 86.8), (200, 93.4), (270, 130.1), (350, 164.3)],
)
def test_tf_models_counts_what_its_readme_prints(depth: int, millions: float) -> None:
    # tensorflow/models, official/vision/README.md, "Params (M)" of ResNet-RS
    trainable, frozen, _ = counts(ResNetRSSpec.variant(depth, dialect="tf-models"))
    assert round((trainable + frozen) / 1e6, 1) == millions


def test_tf_models_pads_same_pools_every_projection_and_swishes() -> None:
    spec = ResNetRSSpec.variant(101, dialect="tf-models")
    graph = build_graph(spec)
    keras_params = counts(ResNetRSSpec.variant(101))[0]
    assert counts(spec)[0] == keras_params + 2049  # one class more: 2048 weights and a bias
    assert not any(isinstance(layer.op, ops.ZeroPad2D) for layer in graph)
    assert graph.layer("c2/block0/shortcut/pool").op == ops.AvgPool2D(2, 1)
    assert graph.layer("stem/act1").op == graph.layer("c5/block2/out").op
    assert spec.activation == "swish"
    reduce = graph.layer("c4/block3/se/reduce").op
    assert isinstance(reduce, ops.Conv2D)
    assert reduce.activation == "relu"


def test_the_ancestors_end_their_stem_in_a_max_pool_and_have_no_se() -> None:
    for dialect in ("resnet", "resnet-d"):
        graph = build_graph(ResNetRSSpec.variant(50, dialect=dialect, resolution=224))
        assert graph.layer("stem/pool").op == ops.MaxPool2D(3, 2, "valid")
        assert graph.layer("c2/block2/out").shape[:2] == (56, 56)
        assert not any("/se/" in layer.path for layer in graph)


def drop_path(graph: LayerGraph) -> dict[str, float]:
    """Rate of each block that has one."""
    structure = structure_of(graph)
    return {
        structure.group_of(layer.path).path: layer.op.rate
        for layer in graph
        if isinstance(layer.op, ops.DropPath)
    }


def test_timms_drop_path_grows_from_block_to_block() -> None:
    spec = ResNetRSSpec.variant(50, dialect="timm")
    assert drop_path(build_graph(spec)) == {}
    rates = drop_path(build_graph(spec.replace(drop_path_rate=0.15)))
    assert len(rates) == 15  # none in the first of 16
    assert list(rates.values()) == pytest.approx([0.01 * i for i in range(1, 16)])


def test_a_layout_of_ones_own_has_the_defaults_of_its_dialect() -> None:
    assert ResNetRSSpec.layout((1, 1), dialect="tf-models").classes == 1001
    assert ResNetRSSpec.layout((1, 1), dialect="resnet", se_ratio=0.25).se_ratio == 0.25
    assert ResNetRSSpec.layout((3, 4, 6, 3), dialect="resnet-d").name == "resnet-d-3-4-6-3"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_title_says_what_the_dialect_would_not_make_one_expect(dialect: str) -> None:
    plain = ResNetRSSpec.variant(50, dialect=dialect)
    assert " SE" not in plain.title
    other = plain.replace(se_ratio=0.0 if plain.se_ratio else 0.25)
    assert (" - SE" if plain.se_ratio else " + SE") in other.title


@pytest.mark.keras
@pytest.mark.parametrize("dialect", ["tf-models", "timm", "resnet", "resnet-d"])
def test_a_model_of_a_dialect_is_what_its_summary_counts(dialect: str) -> None:
    import rsinspect

    model = rsinspect.ResNetRS(50, weights=None, dialect=dialect, input_shape=(64, 64, 3))
    spec = ResNetRSSpec.variant(50, dialect=dialect)
    assert model.count_params() == sum(counts(spec)[:2])
    assert model.output_shape == (None, spec.classes)
    squeezed = rsinspect.ResNetRS(
        50, weights=None, dialect=dialect, input_shape=(64, 64, 3), se_ratio=0.5, classes=7
    )
    assert squeezed.output_shape == (None, 7)
    assert any("se_reduce" in layer.name for layer in squeezed.layers)


@pytest.mark.slow
@pytest.mark.parametrize("maker", ["ResNetRS", "ResNetRS350"])
def test_every_default_of_a_dialect_is_an_argument_that_stands_unless_it_is_given(
    maker: str,
) -> None:
    import rsinspect
    from rsinspect.keras_model.applications import _ARGUMENTS

    parameters = inspect.signature(getattr(rsinspect, maker)).parameters
    fields = {name for dialect in DIALECTS.values() for name, _ in dialect.defaults}
    assert {_ARGUMENTS.get(name, name) for name in fields} <= set(parameters)
    small: dict[str, Any] = {
        "weights": None, "input_shape": (32, 32, 3), "dialect": "timm",
        "block_args": [{"input_filters": 8, "num_repeats": 1}],
    }  # fmt: skip
    make = getattr(rsinspect, maker)
    depth = (350,) if maker == "ResNetRS" else ()
    plain, asked = make(*depth, **small), make(*depth, **small, bn_momentum=0.99, dropout_rate=0.4)
    names = [layer.name for layer in plain.layers]
    assert "top_dropout" not in names
    assert plain.get_layer("stem_1_stem_batch_norm_1").momentum == 0.9
    assert asked.get_layer("stem_1_stem_batch_norm_1").momentum == 0.99
    assert asked.get_layer("top_dropout").rate == 0.4
