"""The arrays of a layer by its name, from the file of the model that it belongs to.

Where each lies is told by ``checkpoints.shapes``. The file is opened by ``boundary``, so that
nothing outside it is read, and no array before it is asked for.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rsinspect.checkpoints.boundary import Datasets, opened
from rsinspect.checkpoints.config import Config, saved_model
from rsinspect.checkpoints.contents import contents_of
from rsinspect.checkpoints.layout import WHOLE_MODEL
from rsinspect.checkpoints.shapes import places

Arrays = tuple[Any, ...]
"""Of a layer, in Keras's order: datasets of h5py, not read."""

Lookup = Callable[[tuple[str, ...]], Arrays]
"""The arrays of a layer by its name, after those of the models around it; empty for none."""


@contextlib.contextmanager
def arrays_in(path: Path) -> Iterator[Lookup]:
    """Open a file that holds a model and its weights, and make the lookup of its arrays.

    Args:
        path: Of a ``.keras``, ``.h5`` or ``.hdf5`` file.

    Raises:
        WeightsError: If there is no such file, it is damaged or points at anything outside
            itself, or it holds no model.
    """
    config = saved_model(path).config
    with opened(path) as (file, datasets):
        if WHOLE_MODEL in file:
            yield _by_name(path, file, datasets)
        else:
            yield _by_place(config, datasets)


def _by_name(path: Path, file: Any, datasets: Datasets) -> Lookup:
    """Find layers in a file of Keras 2's layout: by the outermost model around, and the name."""
    found = {
        (layer.container, layer.name): layer.arrays for layer in contents_of(path, file, datasets)
    }

    def arrays(names: tuple[str, ...]) -> Arrays:
        outer = names[0] if len(names) > 1 else ""
        alone = ("", names[0])  # a model of which one layer has weights looks like a layer
        return found.get((outer, names[-1])) or found.get(alone, ())

    return arrays


def _by_place(config: Config, datasets: Datasets) -> Lookup:
    """Find layers in a file of Keras 3's layout."""
    known = places(config)

    def arrays(names: tuple[str, ...]) -> Arrays:
        for place in known(names):
            found: list[Any] = []
            while (at := f"{place}/vars/{len(found)}") in datasets:
                found.append(datasets[at])
            if found:
                return tuple(found)
        return ()

    return arrays
