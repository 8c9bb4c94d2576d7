"""Batch norms in one op of TensorFlow's: the same numbers, the same files."""

import warnings
from typing import Any

import numpy as np
import pytest

from rsinspect.base.errors import ModelBuildError

pytestmark = pytest.mark.keras

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")


def small(seed: int = 0) -> Any:
    """A model with a norm of maps, one without scale in a model inside, and one of vectors."""
    layers = keras.layers
    inside = keras.Sequential(
        [keras.Input((8, 8, 4)), layers.BatchNormalization(scale=False, name="inner")]
    )
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, padding="same", use_bias=False)(image)
    x = layers.BatchNormalization(epsilon=1e-5, momentum=0.9, name="norm")(x)
    x = inside(layers.ReLU()(x))
    x = layers.Dense(5)(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(image, layers.BatchNormalization(name="vector")(x))
    random = np.random.default_rng(seed)
    model.set_weights([random.uniform(0.5, 1.5, w.shape) for w in model.get_weights()])
    return model


IMAGES = np.random.default_rng(1).normal(size=(6, 8, 8, 3)).astype("float32")


def stepped(model: Any) -> tuple[Any, list[Any]]:
    """Outputs in training and gradients; moving statistics are updated by it."""
    with tf.GradientTape() as tape:
        outputs = model(IMAGES, training=True)
        loss = tf.reduce_mean(tf.square(outputs))
    return outputs, tape.gradient(loss, [v.value for v in model.trainable_variables])


def test_outputs_gradients_and_statistics_stay() -> None:
    from rsinspect import fuse_batch_norm

    plain, fused = small(), small()
    assert fuse_batch_norm(fused) is fused
    norms = [fused.get_layer("norm"), fused.layers[4].get_layer("inner")]
    assert all("call" in vars(norm) for norm in norms)
    assert "call" not in vars(fused.get_layer("vector"))
    np.testing.assert_allclose(fused(IMAGES), plain(IMAGES), rtol=1e-5, atol=1e-5)
    (one, gradients), (other, expected) = stepped(fused), stepped(plain)
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    for gradient, right in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(gradient, right, rtol=1e-3, atol=1e-5)
    for weight, right in zip(fused.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(weight, right, rtol=1e-5, atol=1e-6)


def test_what_is_saved_is_the_model_as_it_was() -> None:
    from rsinspect import fuse_batch_norm

    plain = small()
    before = plain.to_json()
    assert fuse_batch_norm(fuse_batch_norm(plain)).to_json() == before


def test_where_nothing_can_be_fused_it_is_said() -> None:
    from rsinspect import FoldingWarning, fuse_batch_norm

    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.BatchNormalization()], name="of_vectors"
    )
    with pytest.warns(FoldingWarning, match="of_vectors has no batch norm that one op computes"):
        assert fuse_batch_norm(model) is model
    with warnings.catch_warnings():
        warnings.simplefilter("error", FoldingWarning)
        fuse_batch_norm(fuse_batch_norm(small()))


def test_a_frozen_norm_keeps_its_statistics() -> None:
    from rsinspect import fuse_batch_norm

    model = fuse_batch_norm(small())
    model.get_layer("norm").trainable = False
    before = model.get_layer("norm").get_weights()
    model(IMAGES, training=True)
    np.testing.assert_array_equal(model.get_layer("norm").get_weights(), before)


def test_it_is_fitted_as_any() -> None:
    from rsinspect import fuse_batch_norm

    model = fuse_batch_norm(small())
    model.compile("sgd", "mse")
    before = model.get_layer("norm").get_weights()
    model.fit(IMAGES, np.zeros((6, 5), "float32"), batch_size=3, verbose=0)
    after = model.get_layer("norm").get_weights()
    assert all(np.isfinite(w).all() for w in after)
    assert not np.allclose(before[2], after[2])


def test_a_model_that_was_run_before_is_fused_too() -> None:
    from rsinspect import fuse_batch_norm

    model = small()
    model.compile("sgd", "mse", jit_compile=False)
    model.predict(IMAGES, verbose=0)
    model.fit(IMAGES, np.zeros((6, 5), "float32"), verbose=0)
    before = model.predict(IMAGES, verbose=0)
    called: list[bool] = []
    fuse_batch_norm(model)
    norm = model.get_layer("norm")
    fused = norm.call

    def call(*args: Any, **more: Any) -> Any:
        called.append(True)
        return fused(*args, **more)

    norm.call = call
    np.testing.assert_allclose(model.predict(IMAGES, verbose=0), before, rtol=1e-5, atol=1e-5)
    assert called
    called.clear()
    model.fit(IMAGES, np.zeros((6, 5), "float32"), verbose=0)
    assert called


def test_what_is_no_model_is_refused() -> None:
    from rsinspect import fuse_batch_norm

    with pytest.raises(ModelBuildError, match="a str is no model of Keras 3") as why:
        fuse_batch_norm("50")
    assert "ResNetRS50()" in str(why.value.hint)

    class Model:
        """As another Keras has it."""

    with pytest.raises(ModelBuildError, match="Model is no model of Keras 3") as why:
        fuse_batch_norm(Model())
    assert "load_model" in str(why.value.hint)
