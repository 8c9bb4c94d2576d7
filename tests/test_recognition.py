"""A ResNet-RS is known by its wiring: other names, frozen parts or another head do not hide it."""

from __future__ import annotations

import random
from typing import Any

import pytest

from rsinspect.answers.summary import SummaryOptions, summary_answer
from rsinspect.layers import ops
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.ops import TensorShape
from rsinspect.layers.shapes import infer_shape
from rsinspect.networks.dialects import DIALECTS
from rsinspect.networks.network import from_graph
from rsinspect.networks.recognition import Recognition, recognised
from tests.networks import layout_of, network_of


def scrambled(graph: LayerGraph, seed: int = 1) -> LayerGraph:
    """The same graph with names that mean nothing, and the inputs of sums the other way round."""
    numbers = list(range(len(graph)))
    random.Random(seed).shuffle(numbers)
    names = {layer.path: f"x{number}" for layer, number in zip(graph, numbers, strict=True)}
    layers = tuple(
        layer._replace(
            path=names[layer.path],
            inputs=tuple(names[path] for path in layer.inputs)[
                :: -1 if isinstance(layer.op, ops.COMMUTATIVE) else 1
            ],
        )
        for layer in graph
    )
    return LayerGraph("mine", layers, tuple(names[path] for path in graph.outputs))


def changed(graph: LayerGraph, path: str, op: ops.Op) -> LayerGraph:
    """The graph with another op in one place, shapes worked out again."""
    shapes: dict[str, TensorShape] = {}
    layers = []
    for layer in graph:
        new = op if layer.path == path else layer.op
        shapes[layer.path] = infer_shape(new, tuple(shapes[name] for name in layer.inputs))
        layers.append(layer._replace(op=new, shape=shapes[layer.path]))
    return LayerGraph(graph.name, tuple(layers), graph.outputs)


def with_head(graph: LayerGraph, *head: ops.Op) -> LayerGraph:
    """The graph with those layers after its last one."""
    layers = list(graph.layers)
    for number, op in enumerate(head):
        shape = infer_shape(op, (layers[-1].shape,))
        layers.append(Layer(f"mine{number}", op, (layers[-1].path,), shape))
    return LayerGraph(graph.name, tuple(layers))


def found(graph: LayerGraph) -> Recognition:
    known = recognised(graph)
    assert known is not None
    return known


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"include_top": False},
        {"include_top": False, "pooling": "max"},
        {"classes": 7, "resolution": (64, 96), "classifier_activation": "linear"},
        {"width": 1.5, "drop_path_rate": 0.2, "dropout_rate": 0.3},
        {"activation": "gelu", "se_ratio": 0.1, "channels": 1},
    ],
)
def test_a_network_is_recognised_whatever_its_layers_are_called(
    dialect: str, settings: dict[str, Any]
) -> None:
    spec = network_of(50, dialect=dialect, **settings).spec
    assert spec is not None
    known = found(scrambled(network_of(50, dialect=dialect, **settings).graph))
    assert (known.departs, known.part) == (None, None)
    told = known.spec
    assert (told.depth, told.blocks, told.filters) == (50, spec.blocks, spec.filters)
    for field in (
        "resolution", "channels", "width", "se_ratio", "activation", "drop_path_rate",
        "include_top", "pooling", "preprocessing", "bn_epsilon", "bn_momentum",
    ):  # fmt: skip
        assert getattr(told, field) == getattr(spec, field), field
    if spec.include_top:
        assert (told.classes, told.dropout_rate) == (spec.classes, spec.dropout_rate)
        assert told.classifier_activation == spec.classifier_activation
    if dialect != "timm":  # which is wired as the keras dialect is
        assert told.dialect == spec.dialect


def test_rates_that_grow_from_block_to_block_tell_timm_s_dialect() -> None:
    known = found(scrambled(network_of(50, dialect="timm", drop_path_rate=0.1).graph))
    assert known.spec.dialect.name == "timm"


def test_a_layout_of_one_s_own_is_named_by_its_blocks() -> None:
    known = found(scrambled(layout_of(2, 1, 3, filters=(32, 80, 96)).graph))
    assert known.name == "ResNet-RS-2-1-3"
    assert known.spec.filters == (32, 80, 96)


def test_another_head_is_named_by_its_first_layer() -> None:
    body = network_of(101, include_top=False).graph
    graph = with_head(
        body, ops.GlobalAvgPool(), ops.Dense(2048, 64, "relu"), ops.Dropout(0.3), ops.Dense(64, 2)
    )
    known = found(scrambled(graph))
    names = dict(zip((layer.path for layer in scrambled(graph)), graph, strict=True))
    assert names[known.departs or ""].path == "mine1"
    assert known.part == "head"
    assert known.sentence().startswith(
        "Recognised by its wiring: ResNet-RS-101 with another head, from x"
    )


def test_a_graph_with_two_outputs_departs_in_its_head() -> None:
    graph = network_of(50).graph
    two = LayerGraph(graph.name, graph.layers, (*graph.outputs, "c4/block2/out"))
    assert found(two).part == "head"


def test_augmentation_and_frozen_stages_do_not_hide_it() -> None:
    graph = network_of(50, classes=5).graph
    image, *others = graph.layers
    flip = Layer("flip", ops.Augmentation("RandomFlip"), (image.path,), image.shape)
    layers = [
        layer._replace(
            inputs=tuple("flip" if path == image.path else path for path in layer.inputs),
            frozen=layer.path.startswith(("stem", "c2")),
        )
        for layer in others
    ]
    known = found(scrambled(LayerGraph("tuned", (image, flip, *layers))))
    assert known.departs is None
    assert known.sentence() == (
        "Recognised by its wiring: ResNet-RS-50, 5 classes; frozen: stem, c2."
    )


def test_another_preprocessing_is_named() -> None:
    known = found(changed(network_of(50).graph, "input/rescaling", ops.Rescaling(1 / 127.5, -1.0)))
    assert (known.departs, known.part) == ("input/rescaling", "preprocessing")


@pytest.mark.parametrize(
    ("path", "op"),
    [
        ("c4/block2/act1", ops.Activation("swish")),
        ("c5/block0/bn2", ops.BatchNorm(512, 0.0, 1e-3)),
        ("c4/block3/se/reduce", ops.Conv2D(1, 1024, 256, use_bias=True, activation="tanh")),
    ],
)
def test_a_body_that_departs_is_named_up_to_there(path: str, op: ops.Op) -> None:
    known = found(changed(network_of(50).graph, path, op))
    assert (known.departs, known.part) == (path, "body")
    assert known.sentence() == f"By its wiring a ResNet-RS-50 as far as {path}, where it departs."


def test_blocks_that_share_weights_are_no_resnet_rs_s() -> None:
    layers = tuple(
        layer._replace(shares="c4/block1/conv2") if layer.path == "c4/block2/conv2" else layer
        for layer in network_of(50).graph
    )
    known = found(LayerGraph("tied", layers))
    assert (known.departs, known.part) == ("c4/block2/conv2", "body")


def test_a_network_that_is_mostly_another_is_not_named() -> None:
    assert recognised(changed(network_of(50).graph, "stem/act1", ops.Activation("gelu"))) is None


def test_the_document_of_a_recognised_network_says_what_it_is() -> None:
    network = from_graph(scrambled(network_of(50, classes=9).graph))
    document = network.document()
    assert (document["depth"], document["blocks"], document["dialect"], document["classes"]) == (
        50, [3, 4, 6, 3], "keras", 9,
    )  # fmt: skip
    assert document["source"] == "graph"
    assert document["recognised"] == {
        "name": "resnet-rs-50", "dialect": "keras", "departs_at": None, "departs_in": None,
        "frozen": [], "batch_norm_folded": False,
    }  # fmt: skip
    lead = summary_answer(network, SummaryOptions()).table.lead
    assert lead == ("Recognised by its wiring: ResNet-RS-50, 9 classes.",)
    assert summary_answer(network_of(50), SummaryOptions()).table.lead == ()
    assert network_of(50).document()["recognised"] is None


@pytest.mark.keras
def test_a_fine_tuned_model_is_recognised_through_its_nesting() -> None:
    import keras
    from keras import layers

    import rsinspect
    from rsinspect.keras_model.build import build_model

    base = build_model(layout_of(2, 1, 1, include_top=False, resolution=(64, 64)))
    base.trainable = False
    image = keras.Input((64, 64, 3))
    x = base(layers.RandomFlip()(image))
    x = layers.Dense(32, activation="relu", name="mine")(layers.GlobalAveragePooling2D()(x))
    network = rsinspect.network(keras.Model(image, layers.Dense(4)(x), name="tuned"))
    known = network.recognised
    assert known is not None
    assert known.sentence() == (
        "Recognised by its wiring: ResNet-RS-2-1-1 with another head, from mine on; "
        "frozen: stem, c2, c3, c4."
    )


@pytest.mark.keras
def test_other_networks_are_not_named() -> None:
    import keras

    from rsinspect.networks.keras_live import from_keras_model

    for name in ("ResNet50", "MobileNetV2"):
        model = getattr(keras.applications, name)(weights=None, input_shape=(64, 64, 3))
        assert from_keras_model(model).recognised is None, name
