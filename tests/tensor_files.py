"""Files with tensors as values: names and shapes, and no file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rsinspect.checkpoints.tensors import Format, StoredTensor, TensorFile
from rsinspect.layers.cost import weight_shapes
from rsinspect.networks.network import Network
from rsinspect.weights.naming import tensors

Shapes = dict[str, tuple[int, ...]]

FORMATS: dict[str, Format] = {
    "keras-2": "npz", "keras-3": "keras-3-weights", "timm": "safetensors",
    "tpu": "tf1-checkpoint",
}  # fmt: skip
"""In which the conventions are found."""


def shapes_of(network: Network, convention: str) -> Shapes:
    """Names and shapes of a ResNet-RS's tensors as a code base has them."""
    shapes: Shapes = {}
    left = {layer.path: list(weight_shapes(layer.op)) for layer in network.graph}
    for name, place in tensors(network, convention).items():
        shapes[name] = place.stored_shape(left[place.path].pop(0))
    return shapes


def tensor_file_of(
    shapes: Mapping[str, tuple[int, ...]],
    format: Format = "safetensors",
    name: str = "nowhere.safetensors",
) -> TensorFile:
    """A file of tensors of such names and shapes; none of them can be read."""

    def read(name: str) -> Any:
        raise AssertionError(f"{name} is read")

    stored = {
        name: StoredTensor(name, tuple(shape), "float32", 4) for name, shape in shapes.items()
    }
    return TensorFile(Path(name), format, stored, {}, read)
