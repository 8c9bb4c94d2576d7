"""The tensors of a file of Keras's: HDF5, or an archive with such a file inside."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rsinspect.base.errors import WeightsError
from rsinspect.checkpoints.boundary import Datasets, attribute, opened, reading
from rsinspect.checkpoints.layout import HDF5_SIGNATURE, said, start_of
from rsinspect.checkpoints.tensors import Format, StoredTensor, TensorFile

_FACTS = ("keras_version", "backend")
_MODEL = "model_weights/"  # where Keras 2's layout keeps the weights of a whole model


@contextlib.contextmanager
def keras_file(path: Path) -> Iterator[TensorFile]:
    """Open a file of Keras's, as ``tensor_file`` does."""
    name = said(path)
    with opened(path) as (file, datasets):
        format = _format(path, file)
        places = {place.removeprefix(_MODEL): place for place in datasets}
        tensors = {own: _stored(own, datasets[place]) for own, place in places.items()}
        facts = {
            key: value.decode(errors="replace")
            for key in _FACTS
            for owner in (file, file.get(_MODEL.rstrip("/")))
            if owner is not None and (value := attribute(owner, key, name)) is not None
        }
        yield TensorFile(
            path, format, tensors, facts, lambda own: _read(datasets, places, own, name)
        )


def _format(path: Path, file: Any) -> Format:
    if start_of(path) != HDF5_SIGNATURE:
        return "keras-archive"
    is_old = "model_weights" in file or "layer_names" in file.attrs or "layer_names0" in file.attrs
    return "keras-2-h5" if is_old else "keras-3-weights"


def _stored(name: str, dataset: Any) -> StoredTensor:
    dtype = "bfloat16" if dataset.dtype == "V2" else str(dataset.dtype)
    return StoredTensor(
        name, tuple(map(int, dataset.shape or ())), dtype, int(dataset.id.get_storage_size())
    )


def _read(datasets: Datasets, places: dict[str, str], own: str, name: str) -> Any:
    """Read an array; two bytes without a type are bfloat16, which HDF5 has no name for."""
    import ml_dtypes

    with reading(name):
        dataset = datasets[places[own]]
        if dataset.dtype == "V2":
            return dataset[()].view(ml_dtypes.bfloat16)
        if dataset.dtype.kind not in "fiub":
            raise WeightsError(f"{name}: {own} holds {dataset.dtype}, which is no kind of number")
        return dataset[()]
