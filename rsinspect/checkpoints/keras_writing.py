"""Weight files in the layouts of Keras 2 and Keras 3, written with h5py alone.

HDF5 makes them in memory: where a disk has no room for them it ends the process (SIGSEGV or an
abort at close, HDF5 1.14).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

_MOST_ATTRIBUTE_BYTES = 64512
"""What HDF5 takes as one attribute; Keras 2 cuts longer lists of names into numbered pieces."""

_BLOCK_BYTES = 2**24
"""By which the memory of a file grows."""

_KERAS_2 = "2.15.0"
"""The last Keras 2: a reader takes a file that names no version for one of Keras 1."""


class LayerArrays(NamedTuple):
    """A layer with the arrays of its weights.

    Attributes:
        name: Of the layer.
        place: Its group in a file of Keras 3: ``layers/conv2d_3``.
        arrays: By the name of the weight, in Keras's order.
    """

    name: str
    place: str
    arrays: dict[str, Any]


@contextmanager
def _written(path: Path) -> Iterator[Any]:
    """Open a new file of HDF5, whose content is at its path at the end.

    Raises:
        OSError: If it cannot be written.
    """
    import h5py

    with h5py.File(path.name, "x", "core", backing_store=False, block_size=_BLOCK_BYTES) as file:
        yield file
        file.flush()
        content = file.id.get_file_image()
    with path.open("xb") as target:
        target.write(content)


def write_keras_2(path: Path, layers: Iterable[LayerArrays]) -> None:
    """Write a file of weights as Keras 2's ``save_weights`` does.

    Args:
        path: Of a file that is not there.
        layers: In the order of the model; each is asked for when its turn comes.
    """
    import numpy as np

    names = []
    with _written(path) as file:
        file.attrs["backend"] = np.bytes_("tensorflow")
        file.attrs["keras_version"] = np.bytes_(_KERAS_2)
        for layer in layers:
            group = file.create_group(layer.name)
            weights = {f"{layer.name}/{weight}:0": array for weight, array in layer.arrays.items()}
            group.attrs["weight_names"] = np.array([*weights], "S")
            for weight, array in weights.items():
                group.create_dataset(weight, data=array)
            names.append(layer.name)
        _set_names(file, np.array(names, "S"))


def _set_names(file: Any, names: Any) -> None:
    """Keep the names of the layers as an attribute, in pieces where they are too long for one."""
    most = max(1, _MOST_ATTRIBUTE_BYTES // names.itemsize)
    if len(names) <= most:
        file.attrs["layer_names"] = names
        return
    for piece, start in enumerate(range(0, len(names), most)):
        file.attrs[f"layer_names{piece}"] = names[start : start + most]


def write_keras_3(path: Path, layers: Iterable[LayerArrays]) -> None:
    """Write a file of weights as Keras 3's ``save_weights`` does.

    Args:
        path: Of a file that is not there.
        layers: In any order; each is asked for when its turn comes.
    """
    with _written(path) as file:
        file.create_group("vars")  # the model's own, without which Keras 3.5 loads nothing
        for layer in layers:
            group = file.create_group(f"{layer.place}/vars")
            group.attrs["name"] = layer.name
            for number, array in enumerate(layer.arrays.values()):
                group.create_dataset(str(number), data=array)
