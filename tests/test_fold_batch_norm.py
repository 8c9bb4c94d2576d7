"""Live Keras models with batch norm folded, against what they gave before."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pytest
import tf_keras
from keras import layers
from keras.src.applications import densenet
from tf_keras.src.applications import resnet_rs as original_module

import rsinspect
from rsinspect.base.errors import FoldingWarning, ModelBuildError, WeightsError
from rsinspect.keras_model.build import built
from rsinspect.keras_model.fold_batch_norm import fold_batch_norm
from rsinspect.keras_model.folded_weights import Norm, folded_weights
from rsinspect.keras_model.load import load_own
from rsinspect.layers import ops
from rsinspect.layers.batch_norm import Fold
from rsinspect.networks.network import folded
from rsinspect.profiling.backends.workload import workload
from rsinspect.profiling.budget import Budget
from rsinspect.profiling.request import (
    OwnWeights,
    ProfileRequest,
    request_from_json,
    request_to_json,
)
from tests import foreign
from tests.keras_oracles import ODD, images, randomise

pytestmark = pytest.mark.keras

TOLERANCE = 1e-5
"""Relative to the largest output: rounding of float32 and no more."""

SMALL = [{"input_filters": 16, "num_repeats": 1}, {"input_filters": 24, "num_repeats": 2}]


def randomised(model: Any, seed: int = 5) -> Any:
    """Give every weight a value of its own; variances stay positive, factors about one."""
    rng = np.random.default_rng(seed)
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            for weight in layer.weights:
                factor = weight.name in ("gamma", "moving_variance")
                low, high = (0.5, 1.5) if factor else (-0.3, 0.3)
                weight.assign(rng.uniform(low, high, weight.shape))
        elif hasattr(layer, "bias") and layer.bias is not None:
            layer.bias.assign(rng.normal(0, 0.1, layer.bias.shape))
    return model


def calibrated(model: Any, batch: Any) -> Any:
    """Give every norm the statistics of a batch, as training does."""
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model(batch, training=True)
    return model


def outputs(model: Any, batch: Any) -> list[Any]:
    found = model(batch, training=False)
    found = list(found.values()) if isinstance(found, dict) else found
    return [np.asarray(each) for each in (found if isinstance(found, list | tuple) else [found])]


def norms_of(model: Any) -> int:
    kinds = keras.layers.BatchNormalization
    return sum(isinstance(layer, kinds) for layer in model._flatten_layers())


def check(model: Any, batch: Any, *, left: int = 0, tolerance: float = TOLERANCE) -> Any:
    """Fold a model and compare it with itself before; returns the folded one."""
    expected = outputs(model, batch)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if left else "error", FoldingWarning)
        made = fold_batch_norm(model)
    assert norms_of(made) == left
    for before, after in zip(expected, outputs(made, batch), strict=True):
        assert np.abs(before).max() > 1e-3
        assert np.abs(before - after).max() <= tolerance * np.abs(before).max()
    for before, again in zip(expected, outputs(model, batch), strict=True):
        np.testing.assert_array_equal(before, again)
    return made


def pixels(*shape: int) -> Any:
    return np.random.default_rng(1).random((3, *shape), "float32")


BEHIND: dict[str, Callable[[], Any]] = {
    "Conv2D": lambda: layers.Conv2D(6, 3, use_bias=False),
    "grouped, strided, biased": lambda: layers.Conv2D(6, 3, 2, padding="same", groups=2),
    "DepthwiseConv2D": lambda: layers.DepthwiseConv2D(3, depth_multiplier=2),
    "SeparableConv2D": lambda: layers.SeparableConv2D(6, 3, depth_multiplier=2, use_bias=False),
    "Conv2DTranspose": lambda: layers.Conv2DTranspose(6, 3, 2),
    "Dense": lambda: layers.Dense(6, use_bias=False),
}
AHEAD: dict[str, Callable[[], Any]] = {
    "Conv2D": lambda: layers.Conv2D(6, 3, activation="relu"),
    "grouped 1x1, same": lambda: layers.Conv2D(6, 1, 2, padding="same", groups=2, use_bias=False),
    "DepthwiseConv2D": lambda: layers.DepthwiseConv2D(3, depth_multiplier=2, use_bias=False),
    "SeparableConv2D": lambda: layers.SeparableConv2D(6, 3, depth_multiplier=2),
    "Dense": lambda: layers.Dense(6, activation="relu"),
}


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("kind", BEHIND)
def test_a_norm_behind_a_layer_becomes_part_of_it(kind: str, scale: bool) -> None:
    norm = layers.BatchNormalization(scale=scale, center=not scale, epsilon=0.1)
    parts = [keras.Input((9, 8, 4)), BEHIND[kind](), norm, layers.ReLU()]
    check(randomised(keras.Sequential(parts)), pixels(9, 8, 4))


@pytest.mark.parametrize("kind", AHEAD)
def test_a_norm_before_a_layer_becomes_part_of_it(kind: str) -> None:
    parts = [layers.BatchNormalization(), layers.Dropout(0.5), AHEAD[kind]()]
    check(randomised(keras.Sequential([keras.Input((9, 8, 4)), *parts])), pixels(9, 8, 4))


def test_norms_in_a_row_and_behind_a_concatenation_go_to_their_own_channels() -> None:
    image = keras.Input((8, 8, 4))
    parts = [layers.Conv2D(width, 1, use_bias=False)(image) for width in (2, 3)]
    x = layers.BatchNormalization()(layers.Concatenate()(parts))
    check(randomised(keras.Model(image, layers.BatchNormalization()(x))), pixels(8, 8, 4))


def test_a_model_of_channels_first_is_folded_as_well() -> None:
    """Its graph has the channels last; TensorFlow runs such a convolution on few CPUs."""
    image = keras.Input((4, 8, 8))
    x = layers.Conv2D(5, 3, use_bias=False, data_format="channels_first")(image)
    x = layers.ReLU()(layers.BatchNormalization(axis=1)(x))
    model = randomised(keras.Model(image, x))
    made = fold_batch_norm(model)
    assert norms_of(made) == 0
    kernel, _ = made.layers[1].get_weights()
    gamma, _, _, variance = model.layers[2].get_weights()
    expected = model.layers[1].get_weights()[0] * gamma / np.sqrt(variance + 1e-3)
    np.testing.assert_allclose(kernel, expected, rtol=1e-6)
    assert made.output_shape == model.output_shape


def test_models_inside_a_model_stay_there_and_lose_their_norms() -> None:
    inner = keras.Sequential(
        [keras.Input((8, 8, 4)), layers.Conv2D(4, 3), layers.BatchNormalization(name="bn")],
        name="inner",
    )
    image = keras.Input((8, 8, 4))
    tower = keras.Model(image, layers.Conv2D(4, 1, name="last")(inner(image)), name="tower")
    twice = layers.Subtract()([tower(image), tower(layers.ReLU()(image))])
    model = randomised(keras.Model(image, layers.Dense(3)(twice)))
    made = check(model, pixels(8, 8, 4))
    assert [layer.name for layer in made.get_layer("tower").get_layer("inner").layers] == [
        model.get_layer("tower").get_layer("inner").layers[0].name
    ]


def test_a_norm_outside_goes_into_the_last_layer_of_a_model_inside() -> None:
    image = keras.Input((8, 8, 4))
    tower = keras.Model(image, layers.Conv2D(4, 1, name="last")(image), name="tower")
    model = randomised(keras.Model(image, layers.BatchNormalization(name="bn")(tower(image))))
    check(model, pixels(8, 8, 4))


@pytest.mark.parametrize("shared_norm", [True, False])
def test_a_layer_that_stands_in_two_models_takes_one_norm_or_none(shared_norm: bool) -> None:
    conv, norm = layers.Conv2D(4, 1, use_bias=False), layers.BatchNormalization()
    image = keras.Input((8, 8, 4))
    towers = [
        keras.Model(image, layers.ReLU()((norm if shared_norm else other)(conv(image))), name=name)
        for name, other in (("one", norm), ("two", layers.BatchNormalization()))
    ]
    model = randomised(keras.Model(image, layers.Add()([tower(image) for tower in towers])))
    check(model, pixels(8, 8, 4), left=0 if shared_norm else 2)


def test_a_norm_that_is_once_called_in_training_stays() -> None:
    conv, norm = layers.Conv2D(4, 1), layers.BatchNormalization()
    image = keras.Input((8, 8, 4))
    inner = keras.Model(image, norm(conv(image)), name="inner")
    both = layers.Add()([inner(image), inner(layers.ReLU()(image), training=True)])
    model = randomised(keras.Model(image, both))
    assert rsinspect.network(model).cost.uncounted == 0
    check(model, pixels(8, 8, 4), left=1)


@keras.saving.register_keras_serializable("tests")
class Doubled(layers.Layer):  # type: ignore[misc]
    """A layer of somebody's own, which no op describes."""

    def call(self, x: Any) -> Any:
        return 2 * x


class Closed(layers.Layer):  # type: ignore[misc]
    """A layer that cannot be made of its configuration."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def call(self, x: Any) -> Any:
        return self.function(x)


def around(layer: Any) -> Any:
    image = keras.Input((8, 8, 4))
    x = layers.BatchNormalization()(layers.Conv2D(4, 3)(layer(image)))
    return randomised(keras.Model(image, layers.ReLU()(x)))


def test_what_no_op_describes_is_copied_too() -> None:
    norm = layers.Normalization()
    norm.adapt(pixels(8, 8, 4))
    for layer in (Doubled(), layers.GroupNormalization(2), norm):
        check(around(layer), pixels(8, 8, 4))


def test_a_layer_that_cannot_be_copied_is_refused_by_name() -> None:
    with pytest.raises(ModelBuildError, match="'closed', a Closed, cannot be copied"):
        fold_batch_norm(around(Closed(abs)))


@pytest.mark.parametrize(
    "make",
    [
        foreign.siamese, foreign.nested, foreign.two_outputs, foreign.everything,
        foreign.mixed_precision, foreign.pyramid, foreign.raw_ops, foreign.merges,
        foreign.late_sequential,
    ],
    ids=lambda make: make.__name__,
)  # fmt: skip
def test_models_of_many_kinds_give_what_they_gave(make: Callable[[], Any]) -> None:
    model = randomised(make())
    batches = [pixels(*(side or 32 for side in tensor.shape[1:])) for tensor in model.inputs]
    tolerance = 5e-3 if make is foreign.mixed_precision else TOLERANCE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FoldingWarning)  # some have no norm at all
        made = fold_batch_norm(model)
    assert norms_of(made) == 0
    batch = batches if len(batches) > 1 else batches[0]
    for before, after in zip(outputs(model, batch), outputs(made, batch), strict=True):
        assert np.abs(before - after).max() <= tolerance * np.abs(before).max()


def test_what_stays_is_said_in_a_warning() -> None:
    image = keras.Input((8, 8, 4))
    x = layers.Conv2D(4, 3)(image)
    x = layers.BatchNormalization(name="always")(x, training=True)
    x = layers.BatchNormalization(name="after")(layers.ReLU()(x))
    model = randomised(keras.Model(image, layers.ReLU()(x), name="small"))
    said = "small: No batch norm folded; 2 stay: 1 called with training=True, 1 between relu and"
    with pytest.warns(FoldingWarning, match=said):
        made = fold_batch_norm(model)
    assert norms_of(made) == 2
    np.testing.assert_array_equal(model(pixels(8, 8, 4)), made(pixels(8, 8, 4)))


def test_a_compiled_model_for_images_of_any_size_is_folded() -> None:
    image = keras.Input((None, None, 3), name="picture")
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(4, 3, use_bias=False)(image)))
    model = randomised(keras.Model({"picture": image}, {"made": x}))
    model.compile(loss="mse")
    made = check(model, {"picture": pixels(20, 24, 3)})
    assert made.input_shape == model.input_shape
    assert not made.compiled


def test_a_model_of_keras_2_is_refused_with_what_to_do() -> None:
    tiny = tf_keras.Sequential([tf_keras.layers.Input((4,)), tf_keras.layers.Dense(2)])
    with pytest.raises(ModelBuildError, match=r"no model of Keras 3 \(save it and load it"):
        fold_batch_norm(tiny)


def test_the_folded_model_is_the_folded_graph() -> None:
    model = keras.applications.MobileNetV3Small((64, 64, 3), weights=None, classes=10)
    whole = folded(rsinspect.network(model))
    made = fold_batch_norm(model)
    assert rsinspect.network(made).fingerprint == whole.fingerprint
    assert whole.cost.params == made.count_params()
    check(calibrated(model, 255 * pixels(64, 64, 3)), 255 * pixels(64, 64, 3))


@contextlib.contextmanager
def in_float64() -> Iterator[None]:
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    try:
        yield
    finally:
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy("float32")


def test_exactness_does_not_depend_on_the_rounding_of_float32() -> None:
    """In float64 the two differ by its own rounding: what is folded is the same function."""
    with in_float64():
        model = rsinspect.ResNetRS(50, (32, 32, 3), weights=None, classes=5, block_args=SMALL)
        batch = images(32, 32, 3).astype("float64")
        check(calibrated(randomised(model), batch), batch, tolerance=1e-12)


def test_keras_2_s_own_resnet_rs_gives_the_same_as_the_folded_one(tmp_path: Path) -> None:
    tf_keras.backend.clear_session()
    reference = original_module.ResNetRS(50, ODD, weights=None, classes=5, block_args=SMALL)
    randomise(reference)
    path = tmp_path / "reference.h5"
    reference.save_weights(path)
    expected = np.asarray(reference(images(*ODD)))
    model = rsinspect.ResNetRS(50, ODD, weights=path, classes=5, block_args=SMALL)
    made = fold_batch_norm(model)
    assert norms_of(made) == 0
    found = np.asarray(made(images(*ODD)))
    assert np.abs(found - expected).max() <= TOLERANCE * np.abs(expected).max()


@pytest.mark.parametrize("bias", [True, False])
def test_weights_are_those_that_pytorch_folds(bias: bool) -> None:
    torch = pytest.importorskip("torch")
    fusion = pytest.importorskip("torch.nn.utils.fusion")
    rng = np.random.default_rng(0)
    kernel, own = rng.normal(size=(3, 3, 4, 6)), rng.normal(size=6)
    gamma, beta, mean, variance = (rng.uniform(0.5, 1.5, 6) for _ in range(4))
    theirs = fusion.fuse_conv_bn_weights(
        torch.tensor(kernel.transpose(3, 2, 0, 1)),
        torch.tensor(own) if bias else None,
        *map(torch.tensor, (mean, variance)),
        1e-3,
        *map(torch.tensor, (gamma, beta)),
    )
    norm = Norm(Fold("bn", "conv", ops.BatchNorm(6, 0.99, 1e-3)), (gamma, beta, mean, variance))
    op = ops.Conv2D(3, 4, 6, use_bias=True)
    ours = folded_weights(op, [kernel, own] if bias else [kernel], [norm])
    np.testing.assert_allclose(ours[0].transpose(3, 2, 0, 1), theirs[0].detach(), rtol=1e-12)
    np.testing.assert_allclose(ours[1], theirs[1].detach(), rtol=1e-12)


def test_weights_of_a_file_are_folded_as_they_are_read(tmp_path: Path) -> None:
    model = randomised(foreign.siamese())
    batch = [pixels(32, 32, 3), 1 - pixels(32, 32, 3)]
    for name in ("model.keras", "model.h5"):
        path = tmp_path / name
        model.save(path)
        network = folded(rsinspect.network(path))
        made = built(network)
        load_own(path, network, made.layers)
        (before,), (after,) = outputs(model, batch), outputs(made.model, batch)
        assert np.abs(before - after).max() <= TOLERANCE * np.abs(before).max()


def test_a_folded_network_is_measured_with_the_weights_of_its_file(tmp_path: Path) -> None:
    model = randomised(foreign.siamese())
    path = tmp_path / "model.keras"
    model.save(path)
    network = rsinspect.network(path, fold_batch_norm=True)
    request = ProfileRequest(
        network=network, batch=2, weights=OwnWeights.of(network), fold_batch_norm=True
    )
    told = json.loads(json.dumps(request_to_json(request, Budget.starting(60))))
    work = workload(request_from_json(told)[0])
    assert norms_of(work.model) == 0 < norms_of(model)
    (before,), (after,) = outputs(model, work.images), outputs(work.model, work.images)
    close = 10 * TOLERANCE  # of one number of two images; other weights would be far off
    assert np.abs(before - after).max() <= close * np.abs(before).max()


def test_a_file_that_does_not_fit_the_folded_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    foreign.siamese().save(path)
    network = folded(rsinspect.network(path))
    made = built(network)
    other = foreign.siamese()
    other.get_layer("tower").get_layer("bn1").name = "bn9"
    other.save(path)
    with pytest.raises(WeightsError, match="does not fit the network: at tower/bn1 it has nothing"):
        load_own(path, network, made.layers)


ON_ANOTHER_BACKEND = """
import sys, warnings
import keras, numpy as np, rsinspect
assert keras.backend.backend() == sys.argv[1]
numbers = np.random.default_rng(0)
fresh = keras.initializers.VarianceScaling  # JAX compiles a function for each shape that is drawn
fresh.__call__ = lambda self, shape, dtype=None: numbers.normal(0, 0.1, shape).astype("float32")
block = [{"input_filters": 16, "num_repeats": 1}]
model = rsinspect.ResNetRS(50, (32, 32, 3), weights=None, classes=5, block_args=block)
batch = numbers.random((2, 32, 32, 3), "float32") * 255
for layer in model.layers:
    if isinstance(layer, keras.layers.BatchNormalization):
        layer.set_weights([numbers.uniform(0.5, 1.5, w.shape) for w in layer.weights])
warnings.simplefilter("error", rsinspect.FoldingWarning)
made = rsinspect.fold_batch_norm(model)
assert not any(isinstance(x, keras.layers.BatchNormalization) for x in made.layers)
before, after = (each.predict(batch, verbose=0) for each in (model, made))
print(float(np.abs(before - after).max() / np.abs(before).max()))
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_another_backend_folds_alike(backend: str) -> None:
    pytest.importorskip(backend)
    done = subprocess.run(
        [sys.executable, "-c", ON_ANOTHER_BACKEND, backend],
        env=os.environ | {"KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split()[-1]) <= TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize(("name", "left"), [("EfficientNetB0", 0), ("DenseNet", 12)])
def test_networks_of_keras_give_what_they_gave(name: str, left: int) -> None:
    """On calibrated statistics float32 rounds a DenseNet by 1e-5 itself: there in float64."""
    make = {
        "EfficientNetB0": keras.applications.EfficientNetB0,
        "DenseNet": functools.partial(densenet.DenseNet, (2, 2, 2, 2)),
    }[name]

    def made() -> Any:
        return make(weights=None, input_shape=(64, 64, 3), classes=10, classifier_activation=None)

    batch = images(64, 64, 3, count=8)
    check(randomised(made()), batch, left=left)
    with in_float64():
        check(calibrated(made(), batch.astype("float64")), batch, left=left, tolerance=1e-12)
