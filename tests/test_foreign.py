"""Networks that people have, from both forms of file and live: counted as Keras counts them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from rsinspect.base.errors import RsInspectError
from rsinspect.layers import ops
from rsinspect.networks.keras_live import from_keras_model
from rsinspect.networks.named import network
from tests.foreign import KERAS2, NETWORKS, OPEN, keras2_files, subclassed

pytestmark = pytest.mark.keras

OPAQUE = {
    "text_model": {"Embedding", "Bidirectional", "MultiHeadAttention", "GlobalAveragePooling1D"},
    "with_lambda": {"Lambda"},
    "signals": {"Conv1D", "MaxPooling1D", "LSTM", "GlobalMaxPooling1D"},
    "volumes": {"Conv3D", "GroupNormalization", "GlobalAveragePooling3D"},
    "raw_ops": {"Square", "Matmul", "Sum", "GetItem"},
}
"""Classes that no op describes; of all other networks every layer is counted."""


def trained(model: Any) -> int:
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_is_the_same_from_every_door(name: str, tmp_path: Path) -> None:
    model = NETWORKS[name]()
    live = from_keras_model(model)
    assert live.cost.params == model.count_params()
    assert live.cost.trainable_params == trained(model)
    assert live.cost.unweighed == 0
    outputs = [tuple(output.shape[1:]) for output in model.outputs]
    assert [tuple(live.graph.layer(path).shape) for path in live.graph.outputs] == outputs
    opaque = {x.op.class_name for x in live.graph if isinstance(x.op, ops.Opaque)}
    assert opaque == OPAQUE.get(name, set())
    assert (live.cost.uncounted > 0) == (name in OPAQUE)
    for suffix in (".keras", ".h5"):
        path = tmp_path / f"{name}{suffix}"
        model.save(path)
        read = network(str(path))
        assert read.graph == live.graph, suffix
        assert read.names == live.names, suffix


@pytest.mark.parametrize(("name", "size"), [("open_sides", (64, 48)), ("open_text_model", (24, 1))])
def test_open_sides_are_closed_by_a_resolution(
    name: str, size: tuple[int, int], tmp_path: Path
) -> None:
    OPEN[name]().save(path := tmp_path / f"{name}.keras")
    with pytest.raises(RsInspectError):
        network(str(path))
    closed = {"open_sides": "unet", "open_text_model": "text_model"}[name]
    read, expected = network(str(path), resolution=size), from_keras_model(NETWORKS[closed]())
    assert read.cost == expected.cost


def test_a_subclassed_model_has_no_graph_and_is_told_so(tmp_path: Path) -> None:
    subclassed().save(path := tmp_path / "mine.keras")
    with pytest.raises(RsInspectError, match=r"no layers|no graph|subclassed"):
        network(str(path))


@pytest.mark.slow
def test_files_of_keras_2_count_as_keras_2_does(tmp_path: Path) -> None:
    names = ("MobileNetV2", "MobileNetV3Small")
    for file in keras2_files(tmp_path, names):
        read = network(str(file.path))
        assert (read.cost.params, read.cost.trainable_params) == (file.params, file.trainable)
        assert len(read.graph) == file.layers
        assert tuple(read.graph.output.shape) == file.output
    assert set(names) < set(KERAS2)
