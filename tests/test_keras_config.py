"""A live Keras model becomes a network through its configuration, and is the same network."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from rsinspect.base.errors import GraphError, InvalidSpec
from rsinspect.layers.document import from_json, to_json
from rsinspect.networks.keras_config import from_keras_config
from rsinspect.networks.keras_live import from_keras_model
from rsinspect.networks.network import Network
from rsinspect.profiling.answer import preview
from rsinspect.profiling.request import ProfileRequest
from tests import foreign
from tests.networks import layout_of, network_of

pytestmark = pytest.mark.keras


@pytest.fixture(scope="module")
def keras() -> Any:
    import keras as module

    return module


def small(keras: Any, *layers: Any, side: int = 32) -> Any:
    """A functional model of an image and some layers in a row."""
    image = keras.Input((side, side, 3), name="image")
    tensor = image
    for layer in layers:
        tensor = layer(tensor)
    return keras.Model(image, tensor, name="small")


@pytest.mark.parametrize("dialect", ["keras", "article", "tf-models", "timm", "resnet", "resnet-d"])
def test_a_model_built_here_reads_back_as_the_same_network(dialect: str) -> None:
    from rsinspect.keras_model.build import build_model

    network = layout_of(2, 1, 2, dialect=dialect, resolution=(64, 96), drop_path_rate=0.1)
    read = from_keras_config(build_model(network).get_config())
    assert read.fingerprint == network.fingerprint
    assert set(read.names.items()) == set(network.names.items())
    assert [stage.path for stage in read.structure.stages] == [
        stage.path for stage in network.structure.stages
    ]


def test_the_published_network_reads_back_as_itself() -> None:
    import rsinspect

    model = rsinspect.ResNetRS50(weights=None, input_shape=(160, 160, 3))
    read = from_keras_config(model.get_config())
    assert read.fingerprint == network_of(50, bn_momentum=0.99).fingerprint
    assert read.title == "resnet-rs-50 @ 160×160"
    assert read.spec is None


def test_the_original_of_keras_2_reads_as_the_same_network() -> None:
    from tf_keras.applications import resnet_rs

    model = resnet_rs.ResNetRS50(weights=None, input_shape=(160, 160, 3))
    read = from_keras_config(model.get_config())
    ours = network_of(50)
    assert read.cost == ours.cost
    assert read.blocks == (3, 4, 6, 3)
    assert read.recognised is not None
    assert (read.recognised.spec.title, read.recognised.departs) == (ours.title, None)


def test_a_model_for_any_image_needs_a_resolution() -> None:
    import rsinspect

    model = rsinspect.ResNetRS50(weights=None, include_top=False)
    with pytest.raises(GraphError, match="takes images of any size") as caught:
        from_keras_config(model.get_config())
    assert caught.value.hint == "give rsinspect.network(model, resolution=224)"
    read = from_keras_config(model.get_config(), resolution=(160, 160))
    assert read.fingerprint == network_of(50, include_top=False, bn_momentum=0.99).fingerprint


def test_a_sequential_model_is_a_chain(keras: Any) -> None:
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3), keras.layers.ReLU()], name="chain"
    )
    read = from_keras_config(model.get_config())
    assert read.cost.params == model.count_params()
    assert [layer.inputs for layer in read.graph][1:] == [
        (layer.path,) for layer in read.graph.layers[:-1]
    ]


def facts_of(model: Any) -> tuple[int, int, list[tuple[int, ...]]]:
    """What Keras counts: params, trainable ones, shapes of the outputs."""
    trainable = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    return model.count_params(), trainable, [tuple(out.shape[1:]) for out in model.outputs]


def read_facts(read: Network) -> tuple[int, int, list[tuple[int, ...]]]:
    cost = read.cost
    shapes = [tuple(read.graph.layer(path).shape) for path in read.graph.outputs]
    return cost.params, cost.trainable_params, shapes


@pytest.mark.parametrize("name", foreign.NETWORKS)
def test_params_and_outputs_are_those_keras_counts(name: str) -> None:
    model = foreign.NETWORKS[name]()
    live = from_keras_model(model)
    assert read_facts(live) == facts_of(model)
    assert live.cost.unweighed == 0
    assert from_json(to_json(live.graph)) == live.graph
    told = from_keras_config(json.loads(model.to_json()))
    assert told.fingerprint == live.fingerprint
    assert told.names == live.names


@pytest.mark.parametrize("name", foreign.OPEN)
def test_open_sides_are_closed_by_the_resolution(name: str) -> None:
    model = foreign.OPEN[name]()
    with pytest.raises(GraphError, match=r"takes (images|tensors) of any (size|length)"):
        from_keras_model(model)
    read = from_keras_model(model, (64, 64))
    assert read_facts(read)[:2] == facts_of(model)[:2]
    assert read.cost.unweighed == 0


def test_a_closed_model_is_read_at_another_size_where_it_takes_one() -> None:
    model = foreign.unet((64, 48, 3))
    assert from_keras_model(model, (32, 96)).fingerprint == (
        from_keras_model(foreign.unet((32, 96, 3))).fingerprint
    )
    with pytest.raises(InvalidSpec, match=r"box .Dense. is for one size alone"):
        from_keras_model(foreign.two_outputs(), (64, 64))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["MobileNetV3Small", "EfficientNetB0", "ConvNeXtTiny"])
def test_networks_of_keras_2_read_as_keras_2_counts_them(name: str) -> None:
    import tf_keras

    model = getattr(tf_keras.applications, name)(weights=None, input_shape=(64, 64, 3))
    read = from_keras_model(model)
    assert read_facts(read) == facts_of(model)
    assert read.cost.uncounted == 0


def test_a_setting_without_a_place_in_an_op_makes_the_layer_opaque(keras: Any) -> None:
    layers = keras.layers
    for layer in (
        layers.BatchNormalization(axis=1, name="rows"),
        layers.Softmax(axis=1, name="rows"),
        layers.Conv2D(4, 3, activation=layers.PReLU(), name="slopes"),
        layers.LayerNormalization(axis=(1, 2), name="rows"),
    ):
        model = small(keras, layer, layers.Conv2D(2, 1, name="after"))
        read = from_keras_model(model)
        assert read.graph.layer(layer.name).op.kind == "Opaque"
        assert read.cost.uncounted == 1
        assert read_facts(read) == facts_of(model)


def test_an_activation_is_named_however_it_is_given(keras: Any) -> None:
    def twice(x: Any) -> Any:
        return 2 * x

    layers = keras.layers
    for given, name in (
        ("gelu", "gelu"),
        (layers.ReLU(), "relu"),
        (layers.ReLU(6.0), "relu6"),
        (layers.LeakyReLU(), "custom:LeakyReLU"),
        (twice, "custom:twice"),
        (None, None),
    ):
        read = from_keras_model(small(keras, layers.Conv2D(4, 3, activation=given, name="conv")))
        assert getattr(read.graph.layer("conv").op, "activation", "") == name


def test_a_sum_of_three_is_read_and_built_again(keras: Any) -> None:
    from rsinspect.keras_model.build import build_model
    from tests.reconciliation import reconcile

    image = keras.Input((32, 32, 3), name="image")
    ways = [keras.layers.Conv2D(3, side, padding="same", name=f"k{side}")(image) for side in (1, 3)]
    total = keras.layers.Add(name="sum")([ways[0], image, ways[1]])
    read = from_keras_config(keras.Model(image, total, name="three").get_config())
    assert read.graph.layer("sum").inputs == ("k1", "image", "k3")
    model = build_model(read)
    reconcile(read, model)
    assert from_keras_config(model.get_config()).fingerprint == read.fingerprint


def test_a_precision_lower_than_float32_is_read_of_the_layers_and_said(keras: Any) -> None:
    layers = keras.layers
    plain, mixed = (
        from_keras_model(small(keras, layers.Conv2D(4, 3, dtype=policy, name="conv")))
        for policy in ("float32", "mixed_bfloat16")
    )
    assert (plain.precision, mixed.precision) == (None, "bfloat16")
    said = "Measured in float32; where the network comes from, it computes in bfloat16."
    assert preview(ProfileRequest(network=mixed, batch=1)).endswith(f" {said}")
    assert "Measured" not in preview(ProfileRequest(network=mixed, batch=1, precision="bfloat16"))
    assert "Measured" not in preview(ProfileRequest(network=plain, batch=1))
