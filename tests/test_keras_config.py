"""A live Keras model becomes a network through its configuration, and is the same network."""

from __future__ import annotations

from typing import Any

import pytest

from rsinspect.base.errors import GraphError
from rsinspect.networks.keras_config import from_keras_config
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


def test_a_model_for_any_image_needs_a_resolution() -> None:
    import rsinspect

    model = rsinspect.ResNetRS50(weights=None, include_top=False)
    with pytest.raises(GraphError, match="takes images of any size") as caught:
        from_keras_config(model.get_config())
    assert caught.value.hint == "give resolution=224"
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


def test_what_no_op_describes_is_refused_by_name(keras: Any) -> None:
    layers = keras.layers
    for layer, what in (
        (layers.Conv2D(4, (1, 7), name="wide"), r"wide: kernel_size \(1, 7\) with unequal sides"),
        (layers.DepthwiseConv2D(3, name="deep"), "deep: a layer of class DepthwiseConv2D"),
        (
            layers.BatchNormalization(scale=False, name="norm"),
            "norm: BatchNormalization with scale",
        ),
        (layers.AveragePooling2D(2, name="pool"), "pool: AveragePooling2D with padding valid"),
        (layers.Conv2D(6, 1, groups=3, name="groups"), "groups: Conv2D with groups 3"),
    ):
        with pytest.raises(GraphError, match=what):
            from_keras_config(small(keras, layer).get_config())


def test_a_sum_of_three_is_read_and_built_again(keras: Any) -> None:
    from rsinspect.keras_model.build import build_model, reconcile

    image = keras.Input((32, 32, 3), name="image")
    ways = [keras.layers.Conv2D(3, side, padding="same", name=f"k{side}")(image) for side in (1, 3)]
    total = keras.layers.Add(name="sum")([ways[0], image, ways[1]])
    read = from_keras_config(keras.Model(image, total, name="three").get_config())
    assert read.graph.layer("sum").inputs == ("k1", "image", "k3")
    model = build_model(read)
    reconcile(read, model)
    assert from_keras_config(model.get_config()).fingerprint == read.fingerprint


def test_a_product_of_three_is_refused(keras: Any) -> None:
    image = keras.Input((32, 32, 3), name="image")
    product = keras.layers.Multiply(name="product")([image] * 3)
    with pytest.raises(GraphError, match="product: Multiply of 3 inputs"):
        from_keras_config(keras.Model(image, product).get_config())


def test_a_layer_used_twice_is_refused(keras: Any) -> None:
    conv = keras.layers.Conv2D(3, 3, padding="same", name="twice")
    with pytest.raises(GraphError, match="twice: a layer used 2 times"):
        from_keras_config(small(keras, conv, conv).get_config())


@pytest.mark.parametrize(
    "config", [{}, {"name": "x"}, {"name": "x", "layers": []}, {"name": "x", "layers": [{}]}]
)
def test_what_is_no_configuration_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(GraphError):
        from_keras_config(config)


def test_a_hostile_configuration_imports_nothing() -> None:
    row = {
        "module": "os",
        "class_name": "system",
        "config": {"name": "x", "command": "touch /tmp/owned"},
        "name": "x",
        "inbound_nodes": [],
    }
    with pytest.raises(GraphError, match="a layer of class system"):
        from_keras_config({"name": "evil", "layers": [row], "output_layers": [["x", 0, 0]]})
