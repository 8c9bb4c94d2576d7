"""Code that used ``keras.applications.ResNetRS*`` under Keras 2 runs with one changed line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest
import tf_keras
from tf_keras.src.applications import resnet_rs as keras_2_module

from rsinspect.weights.published import published_files
from tests.keras_oracles import original
from tests.keras_snippets import SNIPPETS, result_of
from tests.mirrors import NOTOP, md5_of, publish

pytestmark = [pytest.mark.keras, pytest.mark.slow]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A home with a file of random numbers in place of the published one, and its md5."""
    home = tmp_path_factory.mktemp("home")
    models = home / ".keras" / "models"
    models.mkdir(parents=True)
    original(50, include_top=False, input_shape=(64, 64, 3)).save_weights(models / NOTOP)
    return home, md5_of(models / NOTOP)


@pytest.fixture(autouse=True)
def _published(home: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Both Keras 2 and we take the file for the published one, and find it in the cache."""
    folder, digest = home
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("KERAS_HOME", raising=False)
    publish(monkeypatch, {NOTOP: digest})
    monkeypatch.setitem(keras_2_module.WEIGHT_HASHES, NOTOP, digest)
    yield
    published_files.cache_clear()


def test_features_by_the_index_of_a_layer_are_the_same() -> None:
    theirs = result_of("features by index", keras_2_module.__name__, tf_keras)
    ours = result_of("features by index", "rsinspect", keras)
    assert [array.shape[-1] for array in ours] == [256, 512, 1024, 2048]
    for expected, array in zip(theirs, ours, strict=True):
        assert np.abs(expected).max() > 0.1
        np.testing.assert_allclose(array, expected, atol=1e-4 * np.abs(expected).max())


def test_a_model_around_it_is_compiled_and_run() -> None:
    (said,) = result_of("multi-label", "rsinspect", keras)
    assert said.shape == (2, 3)
    assert ((said > 0) & (said < 1)).all()


def test_the_line_that_changes_is_the_import_alone() -> None:
    for snippet in SNIPPETS.values():
        theirs = snippet.program("keras.applications.resnet_rs").splitlines()
        ours = snippet.program("rsinspect").splitlines()
        changed = [pair for pair in zip(theirs, ours, strict=True) if pair[0] != pair[1]]
        assert len(changed) == 1
        assert "import" in changed[0][1]
