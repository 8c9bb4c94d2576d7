"""What is in a weight file: its layers with weights, and their arrays.

Three layouts are read, told apart by the end of the name as Keras does:

    .h5, .hdf5    Keras 2: layers in order, names as attributes; the layout of the published files
    .weights.h5   Keras 3: arrays under ``layers/<class>_<n>/vars/<i>``
    .keras        Keras 3: a zip archive with such a file inside

A network may lie in a file inside another: as a layer of a Sequential, or of a larger model. Layers
are therefore listed by the *container* they are in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from rsinspect.base.errors import WeightsError
from rsinspect.base.text import showable
from rsinspect.base.units import dimensions
from rsinspect.checkpoints.boundary import Datasets
from rsinspect.checkpoints.layout import KERAS_2, KERAS_3, WHOLE_MODEL, layout_of, reading

Shapes = tuple[tuple[int, ...], ...]

_BESIDE_THE_LAYERS = ("optimizer", "optimizer_weights", "seed_generator", "_metrics")
"""Groups with state that belongs to no layer: optimizers, random states, metrics."""

_NUMBERED = re.compile(r"(.*?)(?:_(\d+))?")


class StoredLayer(NamedTuple):
    """A layer with weights, as a file has it.

    Attributes:
        container: What it is in: the path of the model around it.
        name: What Keras called it; empty where the file does not say (Keras before 3.8).
        kind: Its class and its number among those of its class in the container; None in files of
            the Keras 2 layout, whose layers are in order.
        arrays: Its arrays in the file, not read.
    """

    container: str
    name: str
    kind: tuple[str, int] | None
    arrays: tuple[Any, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the arrays, as ``hdf5_tensors`` has them."""
        return tuple(
            array.name.lstrip("/").removeprefix(f"{WHOLE_MODEL}/") for array in self.arrays
        )

    @property
    def shapes(self) -> Shapes:
        """Return the shapes of the arrays."""
        return tuple(tuple(array.shape) for array in self.arrays)

    def __str__(self) -> str:
        name = self.name or "_".join(str(part) for part in self.kind or () if part)
        return f"{showable(name, 80)} ({sizes(self.shapes)})"


Contents = list[StoredLayer]
"""The layers with weights of a file: in the file's order, or by class and number."""


def sizes(shapes: Shapes) -> str:
    """Write shapes in words: ``3×3×3×32, 32``."""
    return ", ".join(dimensions(shape) or "a scalar" for shape in shapes) or "nothing"


def contents_of(path: Path, file: Any, datasets: Datasets) -> Contents:
    """List the layers with weights of an open file (``boundary.opened``).

    Raises:
        WeightsError: If it is damaged, or holds none in the layout that its name says.
    """
    layout, name = layout_of(path), showable(str(path))
    with reading(name):
        layers = _keras_2(file, datasets) if layout in KERAS_2 else _keras_3(file, datasets)
        contents = list(layers)
    if not contents:
        ending = KERAS_3 if layout in KERAS_2 else ".h5"
        raise WeightsError(
            f"{name} holds no weights in the layout of {layout} files",
            f"if it is of the other layout, let its name end in {ending}",
        )
    return contents


def _keras_2(file: Any, datasets: Datasets) -> Iterator[StoredLayer]:
    """List the layers of a Keras 2 file, of weights alone or of a whole model.

    A model inside the model is one layer there, with all weights of its own layers: first those
    that were trainable, then the others. Their names tell which belong together.
    """
    root = f"{WHOLE_MODEL}/" if WHOLE_MODEL in file else ""
    top = file[root] if root else file
    for name in _strings(top, "layer_names"):
        layers: dict[str, list[Any]] = {}
        for weight in _strings(top[name], "weight_names"):
            layers.setdefault(weight.rpartition("/")[0], []).append(
                datasets[f"{root}{name}/{weight}"]
            )
        nested = len(layers) > 1
        for scope, arrays in layers.items():
            inner = scope.rpartition("/")[2] if nested else name
            yield StoredLayer(name if nested else "", inner, None, tuple(arrays))


def _strings(group: Any, name: str) -> list[str]:
    """Read a list of strings, kept as an attribute or, where it is long, in numbered pieces."""
    if name in group.attrs:
        pieces = [group.attrs[name]]
    else:
        pieces = []
        while f"{name}{len(pieces)}" in group.attrs:
            pieces.append(group.attrs[f"{name}{len(pieces)}"])
    return [text.decode() if isinstance(text, bytes) else str(text) for p in pieces for text in p]


def _keras_3(file: Any, datasets: Datasets) -> Iterator[StoredLayer]:
    """List the layers of a Keras 3 file, wherever they are nested."""
    variables: dict[str, dict[int, Any]] = {}
    for place, dataset in datasets.items():
        group, _, index = place.rpartition("/vars/")
        if index.isdecimal() and not any(part in _BESIDE_THE_LAYERS for part in group.split("/")):
            variables.setdefault(group, {})[int(index)] = dataset
    for place, numbered in variables.items():
        container, _, own = place.rpartition("/")
        match = _NUMBERED.fullmatch(own)
        assert match is not None  # it matches everything
        yield StoredLayer(
            container,
            str(file[f"{place}/vars"].attrs.get("name", "")),
            (match[1], int(match[2] or 0)),
            tuple(numbered[index] for index in sorted(numbered)),
        )
