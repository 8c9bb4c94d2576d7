"""Models of channels first are read as the network they are with the channels last."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import rsinspect
from rsinspect.base.errors import ModelBuildError
from rsinspect.keras_model.build import build_model
from rsinspect.layers.ops import TensorShape
from rsinspect.networks.keras_live import from_keras_model
from rsinspect.networks.network import Network

pytestmark = pytest.mark.keras

FIRST = {"data_format": "channels_first"}


def equal(model: Any, shape: tuple[int, ...], turned: bool = True) -> Network:
    """Read a model, build what was read with the channels last, compare what the two compute."""
    network = from_keras_model(model)
    rebuilt = build_model(network)
    rng = np.random.default_rng(5)
    for layer in model.layers:
        if layer.weights:
            layer.set_weights([rng.uniform(0.5, 1.5, weight.shape) for weight in layer.weights])
            rebuilt.get_layer(layer.name).set_weights(layer.get_weights())
    batch = rng.normal(size=(2, *shape)).astype("float32")
    expected = np.asarray(model(batch))
    found = np.asarray(rebuilt(np.moveaxis(batch, 1, -1) if turned else batch))
    if expected.ndim == 4:
        found = np.moveaxis(found, -1, 1)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    return network


def kinds(network: Network) -> list[str]:
    return [layer.op.kind for layer in network.graph]


def test_a_network_of_somebody_else_s() -> None:
    layers = keras.layers
    image = x = keras.Input((3, 12, 10))
    x = layers.Rescaling([[[0.5]], [[1.0]], [[2.0]]])(x)
    x = layers.Conv2D(8, 3, strides=2, activation="relu", **FIRST)(
        layers.ZeroPadding2D(1, **FIRST)(x)
    )
    x = layers.BatchNormalization(axis=1)(x)
    y = layers.AveragePooling2D(2, 1, padding="same", **FIRST)(x)
    x = layers.Concatenate(axis=1)([x, keras.ops.pad(y, ((0, 0),) * 4)])
    gate = layers.GlobalAveragePooling2D(keepdims=True, **FIRST)(x)
    gate = layers.Conv2D(16, 1, activation="sigmoid", **FIRST)(gate)
    x = layers.Multiply()([x, gate])
    x = layers.LayerNormalization(axis=1)(x) + 1.5
    vector = layers.Flatten(**FIRST)(layers.MaxPooling2D(2, **FIRST)(x))
    mean = keras.ops.mean(x, axis=[2, 3])
    x = layers.Dense(4)(layers.Concatenate()([vector, mean]))
    network = equal(keras.Model(image, x), (3, 12, 10))
    assert network.graph.image.shape == TensorShape(12, 10, 3)
    assert kinds(network) == [
        "Input", "Rescaling", "ZeroPad2D", "Conv2D", "BatchNorm", "AvgPool2D", "ZeroPad2D",
        "Concatenate", "GlobalAvgPool", "Conv2D", "Multiply", "LayerNorm", "Arithmetic",
        "MaxPool2D", "Flatten", "GlobalAvgPool", "Concatenate", "Dense",
    ]  # fmt: skip


def test_images_that_come_with_channels_last_and_are_turned_round() -> None:
    image = keras.Input((8, 6, 3))
    x = keras.layers.Permute((3, 1, 2))(keras.layers.Rescaling(0.5)(image))
    x = keras.layers.Conv2D(5, 3, **FIRST)(x)  # with 4, as many as the width, Keras itself errs
    x = keras.layers.GlobalMaxPooling2D(**FIRST)(x)
    network = equal(keras.Model(image, x), (8, 6, 3), turned=False)
    assert kinds(network) == ["Input", "Rescaling", "Conv2D", "GlobalMaxPool"]


def test_what_does_something_else_to_a_map_that_lies_otherwise() -> None:
    """A dense layer over the width, a view of a vector as channels first."""
    layers = keras.layers
    numbers = x = keras.Input((96,))
    x = layers.Reshape((4, 6, 4))(x)  # channels, height, width
    x = layers.Conv2DTranspose(5, 3, strides=2, **FIRST)(x)
    x = layers.PReLU(shared_axes=[2, 3])(layers.Dense(7)(x))
    x = layers.Conv2D(2, 1, **FIRST)(layers.Softmax()(x))
    network = equal(keras.Model(numbers, x), (96,), turned=False)
    assert kinds(network) == [
        "Input", "Reshape", "Permute", "Conv2DTranspose", "Permute", "Dense", "PReLU",
        "Activation", "Permute", "Conv2D",
    ]  # fmt: skip


def test_a_model_in_a_model_of_any_size() -> None:
    layers = keras.layers
    convolved = layers.Conv2D(4, 3, **FIRST)
    inner = keras.Sequential(
        [keras.Input((3, None, None)), convolved, layers.BatchNormalization(axis=1)]
    )
    image = keras.Input((3, None, None))
    model = keras.Model(image, layers.GlobalAveragePooling2D(**FIRST)(inner(image)))
    network = from_keras_model(model, (32, 24))
    assert network.graph.image.shape == TensorShape(32, 24, 3)
    assert [layer.shape for layer in network.graph][1:] == [
        TensorShape(30, 22, 4), TensorShape(30, 22, 4), TensorShape(4)
    ]  # fmt: skip


def test_a_resnet_rs_of_channels_first_is_the_resnet_rs(tmp_path: Any) -> None:
    stages = [{"input_filters": 8, "num_repeats": 1}, {"input_filters": 16, "num_repeats": 2}]

    def small(shape: tuple[int, int, int], data_format: str) -> Any:
        return rsinspect.ResNetRS(
            50, shape, block_args=stages, weights=None, data_format=data_format
        )

    first, last = small((3, 64, 32), "channels_first"), small((64, 32, 3), "channels_last")
    first.save(tmp_path / "first.keras")
    read = rsinspect.network(str(tmp_path / "first.keras"))
    assert read.graph.layers == from_keras_model(last).graph.layers
    assert read.title == rsinspect.network(last).title


def test_batch_norms_of_channels_first_are_folded_but_for_a_bias_that_keras_misplaces() -> None:
    stages = [{"input_filters": 8, "num_repeats": 1}, {"input_filters": 16, "num_repeats": 2}]
    model = rsinspect.ResNetRS(
        50, (3, 64, 36), block_args=stages, weights=None, data_format="channels_first", classes=5
    )
    rng = np.random.default_rng(6)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, weight.shape) for weight in layer.weights])
    batch = rng.uniform(0, 255, (2, 3, 64, 36)).astype("float32")
    folded = rsinspect.fold_batch_norm(model)
    assert len(folded.layers) < len(model.layers)
    np.testing.assert_allclose(folded(batch), model(batch), rtol=1e-4)
    wide = keras.Sequential([keras.Input((3, 8, 6)), keras.layers.Conv2D(4, 3, **FIRST),
                             keras.layers.BatchNormalization(axis=1)])  # fmt: skip
    with pytest.raises(ModelBuildError, match="Keras on TensorFlow adds along the width"):
        rsinspect.fold_batch_norm(wide)
