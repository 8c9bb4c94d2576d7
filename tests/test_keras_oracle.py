"""Against networks nobody here wrote: Keras 2's original, the article's, other backends."""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import tf_keras
from tf_keras.src.applications import resnet_rs as original_module

import rsinspect
from rsinspect.keras_model.applications import ResNetRS
from tests.keras_oracles import (
    ODD,
    PARAMS,
    SHARED,
    article,
    images,
    original,
    randomise,
)

pytestmark = pytest.mark.keras

TOLERANCE = 1e-5
UNNAMED = (tf_keras.layers.InputLayer, tf_keras.layers.ZeroPadding2D, tf_keras.layers.Add)


class Reference(NamedTuple):
    """Keras 2's own model with its weight file, and what it predicts of ``images(*ODD)``."""

    model: Any
    path: Path
    predicts: Any


@pytest.fixture(scope="module")
def reference_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Reference]:
    """Makes each reference once."""

    @functools.cache
    def make(depth: int, **head: Any) -> Reference:
        model, path = original(depth, **head), tmp_path_factory.mktemp("keras-2") / "reference.h5"
        model.save_weights(path)
        return Reference(model, path, np.asarray(model(images(*ODD))))

    return make


@pytest.mark.parametrize(
    ("depth", "head"), [(50, {}), (50, {"include_top": False}), (101, {})], ids=str
)
def test_predictions_and_counts_equal_keras_2_on_its_own_weight_file(
    depth: int, head: dict[str, Any], reference_of: Callable[..., Reference]
) -> None:
    """Other heads are in ``test_keras_applications``."""
    reference, path, expected = reference_of(depth, **head)
    batch = images(*ODD)
    assert 0.01 < np.abs(expected).max() < 20  # so that an absolute 1e-5 says something
    assert np.abs(expected[0] - expected[1]).max() > 0.001  # and the images are told apart
    model = getattr(rsinspect, f"ResNetRS{depth}")(weights=path, input_shape=ODD, **head)
    _equal(model(batch), expected)
    assert model.count_params() == reference.count_params()
    if not head:
        trainable = sum(int(np.prod(w.shape)) for w in reference.trainable_weights)
        assert (trainable, model.count_params() - trainable) == PARAMS[depth]
    model.set_weights([0 * weight for weight in model.get_weights()])
    model.load_weights(path)  # Keras's own way, without us
    _equal(model(batch), expected)


def _equal(found: Any, expected: Any) -> None:
    difference = np.abs(np.asarray(found) - expected).max()
    print(f"largest difference {difference:.1e} of {np.abs(expected).max():.3g}")
    assert difference <= TOLERANCE


@pytest.mark.parametrize("drop_connect_rate", [0.0, 0.2])
def test_layers_are_those_of_keras_2_by_name_order_of_weights_and_settings(
    drop_connect_rate: float,
) -> None:
    tf_keras.backend.clear_session()
    reference = original_module.ResNetRS(50, ODD, weights=None, drop_connect_rate=drop_connect_rate)
    model = ResNetRS(50, ODD, weights=None, drop_connect_rate=drop_connect_rate, bn_momentum=0.0)
    named = {layer.name for layer in reference.layers if not isinstance(layer, UNNAMED)}
    ours = {layer.name: layer for layer in model.layers}
    assert named <= set(ours)
    assert len(ours) == len(reference.layers)
    weighted = [layer.name for layer in reference.layers if layer.weights]
    assert [layer.name for layer in model.layers if layer.weights] == weighted
    for layer in reference.layers:
        if layer.name not in named:
            continue
        theirs, mine = layer.get_config(), ours[layer.name].get_config()
        for key in (
            "filters", "kernel_size", "strides", "padding", "data_format", "activation", "use_bias",
            "momentum", "epsilon", "center", "scale", "pool_size", "target_shape", "rate",
            "noise_shape", "units", "mean", "variance", "offset",
        ):  # fmt: skip
            if key in theirs and key in mine:
                assert _plain(theirs[key]) == _plain(mine[key]), (layer.name, key)
        if "kernel_initializer" in theirs:
            wanted, made = theirs["kernel_initializer"], mine["kernel_initializer"]
            assert made["class_name"] == wanted["class_name"], layer.name
            assert wanted["config"].items() <= made["config"].items(), layer.name


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | list | tuple):
        return [_plain(v) for v in np.asarray(value, dtype=object).ravel()]
    return pytest.approx(value) if isinstance(value, float) else value


needs_article = pytest.mark.skipif(
    not (SHARED / "reference" / "article.txt").is_file(),
    reason="the article's text is not on this machine (RSINSPECT_SHARED names its folder)",
)


@pytest.fixture(scope="module")
def article_101() -> Any:
    tf_keras.backend.clear_session()
    model = article()["ResNetRS101"](input_shape=ODD)
    randomise(model)
    return model


@needs_article
def test_the_article_dialect_counts_what_the_article_builds(article_101: Any) -> None:
    model = ResNetRS(101, ODD, weights=None, drop_connect_rate=0.0, dialect="article")
    for network in (article_101, model):
        trainable = sum(int(np.prod(w.shape)) for w in network.trainable_weights)
        assert (network.count_params(), trainable) == (63_669_320, 63_570_888)
    named = {layer.name for layer in article_101.layers if not isinstance(layer, UNNAMED)}
    assert named <= {layer.name for layer in model.layers}
    assert len(model.layers) == len(article_101.layers)


@needs_article
def test_the_article_dialect_predicts_what_the_article_predicts(
    article_101: Any, tmp_path: Path
) -> None:
    article_101.save_weights(path := tmp_path / "article.h5")
    batch = (images(*ODD) - 120) / 60
    expected = np.asarray(article_101(batch))
    assert np.abs(expected[0] - expected[1]).max() > 0.001
    model = ResNetRS(101, ODD, weights=path, drop_connect_rate=0.0, dialect="article")
    _equal(model(batch), expected)


STAGES = [{"input_filters": 64 * 2**i, "num_repeats": n} for i, n in enumerate((1, 2, 1, 1))]
"""Of a network with every kind of block: JAX compiles each block there is."""

ON_ANOTHER_BACKEND = """
import json, sys
import keras, numpy as np, rsinspect
assert keras.backend.backend() == sys.argv[1]
fresh = keras.initializers.VarianceScaling  # JAX compiles a function for each shape that is drawn
fresh.__call__ = lambda self, shape, dtype=None: keras.ops.zeros(shape, dtype)
stages = {"block_args": json.loads(sys.argv[6])}
model = rsinspect.ResNetRS(50, (97, 65, 3), weights=sys.argv[2], **stages)
batch = np.load(sys.argv[3])
outputs = model.predict(batch, verbose=0)
np.save(sys.argv[4], outputs)
model.save(sys.argv[5])
first = {"input_shape": (3, 97, 65), "data_format": "channels_first"}
model = rsinspect.ResNetRS(50, weights=sys.argv[5], **first, **stages)
turned = model.predict(np.ascontiguousarray(np.moveaxis(batch, -1, 1)), verbose=0)
np.testing.assert_allclose(turned, outputs, atol=1e-5)
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_another_backend_builds_loads_and_agrees(backend: str, tmp_path: Path) -> None:
    if backend == "torch" and importlib.util.find_spec("torch") is None:
        pytest.skip("torch is an optional extra and is not installed")
    reference = original_module.ResNetRS(50, ODD, weights=None, block_args=STAGES)
    randomise(reference)
    reference.save_weights(path := tmp_path / "reference.h5")
    batch = images(*ODD)
    expected = np.asarray(reference(batch))
    assert np.abs(expected[0] - expected[1]).max() > 0.001
    np.save(tmp_path / "batch.npy", batch)
    files = [str(tmp_path / name) for name in ("batch.npy", "out.npy", "model.keras")]
    done = subprocess.run(
        [sys.executable, "-c", ON_ANOTHER_BACKEND, backend, str(path), *files, json.dumps(STAGES)],
        env=os.environ | {"KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    ours = np.asarray(ResNetRS(50, ODD, weights=path, block_args=STAGES)(batch))
    found = np.load(tmp_path / "out.npy")
    print(f"largest difference {np.abs(found - ours).max():.1e}")
    assert np.abs(found - ours).max() <= 1e-4
    assert np.abs(found - expected).max() <= 1e-4
    there_and_back = ResNetRS(50, ODD, weights=tmp_path / "model.keras", block_args=STAGES)
    np.testing.assert_array_equal(there_and_back(batch), ours)


def test_a_backend_nobody_has_is_reported_as_ours() -> None:
    program = "import rsinspect; rsinspect.ResNetRS50(weights=None)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"KERAS_BACKEND": "abacus"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "BackendUnavailable: Keras cannot use its backend: " in done.stderr
