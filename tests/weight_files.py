"""Weight files as Keras 2 and Keras 3 write them, made with h5py alone."""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np

from rsinspect.layers.cost import weight_shapes
from rsinspect.networks.network import Network, resnet_rs
from rsinspect.networks.spec import ResNetRSSpec
from rsinspect.weights.naming import tensors, weights_of
from rsinspect.weights.order import weight_order
from tests.torch_files import write_old_torch

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


Weights = Mapping[tuple[str, str], np.ndarray]


def weights_for(made: Network, seed: int = 0) -> dict[tuple[str, str], np.ndarray]:
    """Numbers for all weights of a ResNet-RS, by path and weight, as Keras has them."""
    rng = np.random.default_rng(seed)
    return {
        (layer.path, weight): rng.standard_normal(shape).astype("float32")
        for layer in made.graph
        if weight_shapes(layer.op)
        for weight, shape in zip(weights_of(layer.op), weight_shapes(layer.op), strict=True)
    }


def as_timm(path: Path, made: Network, weights: Weights) -> Path:
    """A state dict with timm's names, in PyTorch's old form."""
    places = tensors(made, "timm")
    arrays = {
        name: place.stored(weights[place.path, place.weight]) for name, place in places.items()
    }
    return write_old_torch(path, arrays)


def as_keras(path: Path, made: Network, weights: Weights) -> Path:
    """A ``.weights.h5`` file of Keras 3."""
    with h5py.File(path, "w") as file:
        for name, place in tensors(made, "keras-3").items():
            file[name] = weights[place.path, place.weight]
            file[name].parent.attrs["name"] = made.names[place.path]
    return path


def fine_tuned(folder: Path) -> tuple[Path, Path]:
    """A small network, and what became of it: stages frozen, c4 but for its statistics.

    Args:
        folder: For ``imagenet.pth``, with timm's names, and ``finetuned.weights.h5``, with Keras's.
    """
    spec = ResNetRSSpec.layout((1, 1, 1, 1), resolution=(64, 64), width=0.25, classes=1000)
    before, after = resnet_rs(spec), resnet_rs(spec.replace(classes=5))
    weights, rng = weights_for(before), np.random.default_rng(1)
    first = as_timm(folder / "imagenet.pth", before, weights)
    for (path, weight), array in weights.items():
        stage = path.partition("/")[0]
        if stage in ("c4", "c5") and weight.startswith("moving"):
            array += 0.1
        if stage == "c5":
            array += rng.standard_normal(array.shape).astype("float32") / 100
    head = {key: a for key, a in weights_for(after, 2).items() if key[0] == "head/classifier"}
    return first, as_keras(folder / "finetuned.weights.h5", after, weights | head)
