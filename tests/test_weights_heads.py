"""A network comes out of a file whatever head it has there, and whatever it lies in."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from safetensors.numpy import load_file

import rsinspect
from rsinspect.base.errors import WeightsError
from rsinspect.keras_model.applications import ResNetRS
from rsinspect.networks.spec import ResNetRSSpec
from tests.keras_oracles import images

pytestmark = [pytest.mark.keras, pytest.mark.slow]

ENDINGS = (".keras", ".h5", ".weights.h5")
TINY = [{"input_filters": 8, "num_repeats": 1}]
BARE = {"include_top": False, "pooling": "avg"}


def tiny(**arguments: Any) -> Any:
    fields: dict[str, Any] = {
        "depth": 50, "block_args": TINY, "weights": None, "input_shape": (32, 32, 3), "classes": 5,
    }  # fmt: skip
    return ResNetRS(**(fields | arguments))


def other_classes(base: Any) -> Any:
    model = tiny()
    for ours, theirs in zip(model.layers, base.layers, strict=False):
        ours.set_weights(theirs.get_weights())
    return model


def dense_stack(base: Any) -> Any:
    hidden = keras.layers.Dense(6, "relu", name="hidden")(base.output)
    return keras.Model(base.input, keras.layers.Dense(3, "softmax")(hidden))


def sequential(base: Any) -> Any:
    return keras.Sequential([keras.Input((32, 32, 3)), base, keras.layers.Dense(3)])


def frozen_norms(base: Any) -> Any:
    """As the guides have it: batch norms stay as they are, so that nothing is in one order."""
    for layer in base.layers:
        layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)
    return sequential(base)


def nested_after_others(base: Any) -> Any:
    """A model of one's own: grey images made coloured, the network as a layer, two heads."""
    image = keras.Input((32, 32, 1))
    colour = keras.layers.Conv2D(3, 1, name="colour")(image)
    features = base(keras.layers.BatchNormalization()(colour), training=False)
    return keras.Model(
        image, [keras.layers.Dense(3, name="kind")(features), keras.layers.Dense(2)(features)]
    )


def trained(model: Any) -> Any:
    """With the optimizer's state in the file, as after ``fit``."""
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    return model


MODELS: dict[Callable[[Any], Any], str] = {
    other_classes: r"predictions \(32×5, 5\)",
    dense_stack: r"(?=.*hidden \(32×6, 6\))(?=.*dense\w* \(6×3, 3\)).*",
    sequential: r"dense\w* \(32×3, 3\)",
    frozen_norms: r"dense\w* \(32×3, 3\)",
    nested_after_others: r"(?=.*colour \(1×1×1×3, 3\))(?=.*kind \(32×3, 3\)).*",
}
"""Models made of a base, and what of them is no part of the base."""


@pytest.fixture(scope="module")
def base() -> Any:
    """A network whose every weight is another."""
    model = tiny(**BARE)
    rng = np.random.default_rng(5)
    model.set_weights([rng.uniform(0.2, 1.5, w.shape) for w in model.get_weights()])
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            layer.set_weights([w * rng.normal(0, 0.1, w.shape) for w in layer.get_weights()])
    return model


def saved(model: Any, path: Path) -> Path:
    model.save_weights(path) if path.name.endswith(".weights.h5") else model.save(path)
    return path


@pytest.mark.parametrize("make", MODELS)
def test_the_network_comes_out_whatever_head_it_has_and_whatever_it_lies_in(
    tmp_path: Path, base: Any, make: Callable[[Any], Any]
) -> None:
    copy = keras.models.clone_model(base)
    copy.set_weights(base.get_weights())
    model, batch = trained(make(copy)), images(32, 32, 3)
    for ending in ENDINGS:
        path = saved(model, tmp_path / f"mine{ending}")
        with pytest.warns(rsinspect.WeightsWarning, match=MODELS[make]) as told:
            loaded = tiny(weights=path, **BARE)
        np.testing.assert_array_equal(loaded(batch), base(batch))
        (warning,) = told
        assert warning.filename == __file__
        assert "\n" not in str(warning.message)
        assert "fresh" not in str(warning.message)
    with pytest.warns(rsinspect.WeightsWarning, match=MODELS[make]) as told:
        loaded = tiny(weights=path, classes=7)
    assert "head/classifier (7 classes) starts fresh" in str(told[0].message)
    for ours, theirs in zip(loaded.get_weights()[:-2], base.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_network_of_the_same_classes_comes_back_without_a_word(
    tmp_path: Path, base: Any, ending: str
) -> None:
    head = keras.layers.Dense(5, "softmax")(base.output)  # by another name than ours
    path = saved(trained(keras.Model(base.input, head)), tmp_path / f"mine{ending}")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = tiny(weights=path)
    batch = images(32, 32, 3)
    np.testing.assert_allclose(loaded(batch), keras.Model(base.input, head)(batch), atol=1e-6)


@pytest.mark.parametrize("make", [dense_stack, nested_after_others])
def test_files_of_the_first_keras_3_have_no_names(
    tmp_path: Path, base: Any, make: Callable[[Any], Any]
) -> None:
    path = saved(make(base), tmp_path / "mine.weights.h5")
    with h5py.File(path, "r+") as file:
        file.visititems(lambda _, item: item.attrs.pop("name", None) and None)
    with pytest.warns(rsinspect.WeightsWarning, match="left out"):
        loaded = tiny(weights=path, **BARE)
    batch = images(32, 32, 3)
    np.testing.assert_array_equal(loaded(batch), base(batch))


def test_a_file_without_any_head_has_none_to_replace(tmp_path: Path, base: Any) -> None:
    for ending in ENDINGS:
        path = saved(base, tmp_path / f"mine{ending}")
        with pytest.raises(WeightsError, match="it has 18 layers with weights, the network 19"):
            tiny(weights=path)


def test_another_network_is_refused_whatever_head_it_has(tmp_path: Path, base: Any) -> None:
    wide, deep = {"width": 2.0}, {"block_args": [{"input_filters": 8, "num_repeats": 2}]}
    for make in (sequential, dense_stack):
        for ending in ENDINGS:
            path = saved(make(base), tmp_path / f"mine{ending}")
            with pytest.raises(WeightsError, match="at stem/conv1 the network has"):
                tiny(weights=path, **wide, **BARE)
            with pytest.raises(WeightsError, match="layers with weights, the network 26"):
                tiny(weights=path, **deep, **BARE)
    path = saved(sequential(tiny(**deep, **BARE)), tmp_path / "deep.keras")
    with pytest.raises(WeightsError, match=r"c2/block1/.* is not in the network"):
        tiny(weights=path, **BARE)


def test_of_two_networks_in_one_file_none_is_guessed(tmp_path: Path, base: Any) -> None:
    image = keras.Input((32, 32, 3))
    other = tiny(**BARE, name="other")
    path = saved(keras.Model(image, base(image) + other(image)), tmp_path / "two.keras")
    with pytest.raises(WeightsError, match="holds 2 networks that fit") as caught:
        tiny(weights=path, **BARE)
    assert caught.value.hint == "save the one you mean by itself"


@pytest.mark.parametrize("ending", ENDINGS)
def test_weights_in_half_precision_are_loaded(tmp_path: Path, ending: str) -> None:
    keras.config.set_dtype_policy("bfloat16")
    try:
        half = tiny()
    finally:
        keras.config.set_dtype_policy("float32")
    full = tiny(weights=saved(half, tmp_path / f"half{ending}"))
    for ours, theirs in zip(full.get_weights(), half.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, np.asarray(theirs, "float32"))


@pytest.mark.parametrize("make", [sequential, frozen_norms, other_classes])
def test_a_network_is_converted_out_of_whatever_it_lies_in(
    tmp_path: Path, base: Any, make: Callable[[Any], Any]
) -> None:
    copy = keras.models.clone_model(base)
    copy.set_weights(base.get_weights())
    model = trained(make(copy))
    known = ResNetRSSpec(blocks=(1,), filters=(8,), resolution=(32, 32))
    done = []
    for ending in ENDINGS:
        output = tmp_path / f"{ending}.safetensors"
        rsinspect.convert_weights(saved(model, tmp_path / f"mine{ending}"), output, model=known)
        done.append(output.read_bytes())
    assert done[0] == done[1] == done[2]
    state = load_file(output)
    np.testing.assert_array_equal(state["fc.weight"].T, model.layers[-1].get_weights()[0])
    first = base.get_layer("stem_1_stem_conv_1").get_weights()[0]
    np.testing.assert_array_equal(state["conv1.0.weight"], first.transpose(3, 2, 0, 1))
