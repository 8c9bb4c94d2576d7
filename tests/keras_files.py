"""Files as Keras writes them, made of plain values: no test of a reader needs Keras to make one."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def row(
    class_name: str,
    name: str,
    reads: str | None = None,
    module: str | None = "keras.layers",
    shape: list[int | None] | None = None,
    **config: Any,
) -> Row:
    """A layer of a functional model, reading one other, of which it may tell the shape."""
    tensor = {
        "class_name": "__keras_tensor__",
        "config": {"shape": shape, "dtype": "float32", "keras_history": [reads, 0, 0]},
    }
    return {
        "module": module,
        "class_name": class_name,
        "config": {"name": name, "trainable": True, "dtype": "float32", **config},
        "registered_name": None,
        "name": name,
        "inbound_nodes": [{"args": [tensor], "kwargs": {}}] if reads else [],
    }


def image(name: str = "image", side: int | None = 8) -> Row:
    return row("InputLayer", name, batch_shape=[None, side, side, 3], sparse=False)


def conv(name: str, reads: str, filters: int = 4, **config: Any) -> Row:
    """A convolution with all that Keras writes of one."""
    return row(
        "Conv2D", name, reads,
        **{
            "filters": filters, "kernel_size": [3, 3], "strides": [1, 1], "padding": "same",
            "data_format": "channels_last", "dilation_rate": [1, 1], "groups": 1,
            "activation": "linear", "use_bias": True, **config,
        },
    )  # fmt: skip


def functional(*rows: Row, name: str = "small") -> Row:
    """The configuration of a functional model of layers in a row."""
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": {
            "name": name,
            "trainable": True,
            "layers": list(rows),
            "input_layers": [[rows[0]["name"], 0, 0]] if rows else [],
            "output_layers": [[rows[-1]["name"], 0, 0]] if rows else [],
        },
        "registered_name": "Functional",
        "build_config": {"input_shape": None},
    }


def small(**more: Any) -> Row:
    """An image and two convolutions."""
    return functional(image(), conv("one", "image"), conv("two", "one", filters=5), **more)


def keras_file(
    path: Path,
    config: object = None,
    weights: Mapping[str, tuple[int, ...]] | None = None,
    method: int = zipfile.ZIP_STORED,
) -> Path:
    """A ``.keras`` archive.

    Args:
        path: Of the file.
        config: Of the model, or text as it is; the small one by default.
        weights: Shapes of arrays in the weight file; by default it holds no HDF5.
        method: To store or deflate.
    """
    text = config if isinstance(config, str | bytes) else json.dumps(config or small())
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("metadata.json", '{"keras_version": "3.15.1"}')
        archive.writestr("config.json", text)
        archive.writestr("model.weights.h5", b"" if weights is None else hdf5(path, weights))
    return path


def hdf5(beside: Path, weights: Mapping[str, tuple[int, ...]]) -> bytes:
    """A weight file of arrays of those shapes."""
    import h5py

    path = beside.with_suffix(".weights.tmp")
    with h5py.File(path, "w") as file:
        for place, shape in weights.items():
            file.create_dataset(place, shape, "float32")
    content = path.read_bytes()
    path.unlink()
    return content


def h5_file(path: Path, config: object = None) -> Path:
    """An ``.h5`` file of a whole model, its weights left out."""
    import h5py

    text = config if isinstance(config, str) else json.dumps(config or small())
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = text
        file.create_group("model_weights")
    return path
