"""All 40 networks of keras.applications, live and from both forms of file, as Keras counts them.

Each is built once. Those of more than ``LARGEST`` params, whose files would be of up to 1.4 GB,
are saved with their configuration alone: no layer of theirs needs to be looked up in the weights.
"""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import keras
import pytest
from keras.src.legacy.saving import json_utils, saving_utils

from rsinspect.networks import applications
from rsinspect.networks.keras_live import from_keras_model
from rsinspect.networks.named import network
from tests import timm

pytestmark = [pytest.mark.keras, pytest.mark.slow]

NAMES = [
    name
    for name, made in sorted(vars(keras.applications).items())
    if name[0].isupper() and callable(made)
]
LARGEST = 15_000_000


@pytest.fixture(autouse=True)
def _zeros(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Weights of zeros, which are made ten times faster than random ones."""

    def zeros(self: object, shape: Any, dtype: Any = None, **_: Any) -> Any:
        return keras.ops.zeros(shape, dtype)

    monkeypatch.setattr(keras.initializers.VarianceScaling, "__call__", zeros)
    monkeypatch.setattr(keras.initializers.TruncatedNormal, "__call__", zeros)
    yield
    keras.backend.clear_session()


def saved(model: Any, path: Path) -> Path:
    """Save a model, or its configuration in the same places where it is large."""
    if model.count_params() <= LARGEST:
        model.save(path)
    elif path.suffix == ".keras":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("metadata.json", f'{{"keras_version": "{keras.__version__}"}}')
            archive.writestr("config.json", model.to_json())
    else:
        with h5py.File(path, "w") as file:
            for key, value in saving_utils.model_metadata(model).items():
                file.attrs[key] = json.dumps(value, default=json_utils.get_json_type)
    return path


def keras_shapes(model: Any, around: str = "") -> Iterator[tuple[str, tuple[int | None, ...]]]:
    """Name and output shape of each layer and raw operation, those of models inside included."""
    for layer in getattr(model, "operations", model.layers):
        if isinstance(layer, keras.Model):
            yield from keras_shapes(layer, f"{around}{layer.name}/")
        elif not (around and isinstance(layer, keras.layers.InputLayer)):
            yield f"{around}{layer.name}", tuple(layer.output.shape[1:])


def test_there_are_forty() -> None:
    assert len(NAMES) >= 40


@pytest.mark.parametrize("name", NAMES)
def test_a_network_reads_as_keras_counts_it(name: str, tmp_path: Path) -> None:
    model = getattr(keras.applications, name)(weights=None)
    size = (224, 224) if None in model.input_shape[1:] else None
    assert model.input_shape[1:3] in ((None, None), applications.Named(name).own_size)
    live = from_keras_model(model, size)

    trainable = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    assert live.cost.params == model.count_params()
    assert live.cost.trainable_params == trainable
    assert (live.cost.uncounted, live.cost.unweighed) == (0, 0)
    if name in timm.PUBLISHED:
        timm.check(live, timm.PUBLISHED[name])

    shapes = {live.names[layer.path]: layer.shape for layer in live.graph}
    expected = dict(keras_shapes(model))
    assert shapes.keys() == expected.keys()
    for layer, shape in expected.items():
        assert len(shape) == len(shapes[layer]), layer
        known = zip(shape, shapes[layer], strict=True)
        assert all(side in (None, inferred) for side, inferred in known), layer

    for suffix in (".keras", ".h5"):
        path = saved(model, tmp_path / f"{name}{suffix}")
        read = network(str(path), resolution=size)
        path.unlink()
        assert read.graph == live.graph
        assert read.names == live.names
