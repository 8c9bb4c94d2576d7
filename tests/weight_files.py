"""Weight files as Keras 2 and Keras 3 write them, made with h5py alone."""

from __future__ import annotations

import zipfile
from collections import Counter
from pathlib import Path

import h5py
import numpy as np

from rsinspect.layers.cost import weight_shapes
from rsinspect.networks.network import Network
from rsinspect.weights.order import weight_order

CLASSES = {"Conv2D": "conv2d", "BatchNorm": "batch_normalization", "Dense": "dense"}
"""First part of the name of a group, by the kind of an op."""


def write_keras_2(path: Path, network: Network) -> Path:
    """A file in the layout of the published ones, of the right shapes and with no data stored."""
    with h5py.File(path, "w") as file:
        names = []
        for layer in weight_order(network.graph):
            name = network.names[layer.path]
            group = file.create_group(name)
            weights = [f"{name}/weight_{i}:0" for i in range(len(weight_shapes(layer.op)))]
            for weight, shape in zip(weights, weight_shapes(layer.op), strict=True):
                group.create_dataset(weight, shape=shape, dtype="float32", chunks=shape)
            group.attrs["weight_names"] = np.array(weights, "S")
            names.append(name.encode())
        half = len(names) // 2  # long lists lie in pieces, as in the files of depth 420
        file.attrs["layer_names0"] = np.array(names[:half], "S")
        file.attrs["layer_names1"] = np.array(names[half:], "S")
    return path


def write_keras_3(path: Path, network: Network) -> Path:
    """A ``.weights.h5`` file, with numbers in it."""
    rng = np.random.default_rng(0)
    seen: Counter[str] = Counter()
    with h5py.File(path, "w") as file:
        for layer in weight_order(network.graph):
            kind = CLASSES[layer.op.kind]
            number, seen[kind] = seen[kind], seen[kind] + 1
            group = file.create_group(f"layers/{kind}{f'_{number}' if number else ''}/vars")
            group.attrs["name"] = network.names[layer.path]
            for index, shape in enumerate(weight_shapes(layer.op)):
                group[str(index)] = rng.standard_normal(shape, "float32")
    return path


def archived(path: Path, weights: Path, method: int = zipfile.ZIP_STORED) -> Path:
    """A ``.keras`` archive around a weight file."""
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", "{}")
        archive.write(weights, "model.weights.h5")
    return path
