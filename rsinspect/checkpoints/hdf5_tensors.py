"""The tensors of a file of Keras's: HDF5, or an archive with such a file inside."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rsinspect.base.errors import WeightsError
from rsinspect.checkpoints.boundary import attribute, opened
from rsinspect.checkpoints.layout import HDF5_SIGNATURE, WHOLE_MODEL, reading, said, start_of
from rsinspect.checkpoints.raw import rows_at_once
from rsinspect.checkpoints.tensors import Format, StoredTensor, TensorFile

_FACTS = ("keras_version", "backend")


@contextlib.contextmanager
def keras_file(path: Path) -> Iterator[TensorFile]:
    """Open a file of Keras's, as ``tensor_file`` does."""
    name = said(path)
    with opened(path) as (file, datasets):
        format = _format(path, file)
        places = {place.removeprefix(f"{WHOLE_MODEL}/"): place for place in datasets}
        with reading(name):
            tensors = {own: _stored(own, datasets[place]) for own, place in places.items()}
        facts = {
            key: value.decode(errors="replace")
            for key in _FACTS
            for owner in (file, file.get(WHOLE_MODEL))
            if owner is not None and (value := attribute(owner, key, name)) is not None
        }

        def slabs(own: str) -> Iterator[Any]:
            return _slabs(datasets[places[own]], own, name)

        yield TensorFile(path, format, tensors, facts, slabs)


def _format(path: Path, file: Any) -> Format:
    if start_of(path) != HDF5_SIGNATURE:
        return "keras-archive"
    is_old = WHOLE_MODEL in file or "layer_names" in file.attrs or "layer_names0" in file.attrs
    return "keras-2-h5" if is_old else "keras-3-weights"


def _stored(name: str, dataset: Any) -> StoredTensor:
    dtype = "bfloat16" if dataset.dtype == "V2" else str(dataset.dtype)
    return StoredTensor(
        name, tuple(map(int, dataset.shape or ())), dtype, int(dataset.id.get_storage_size())
    )


def _slabs(dataset: Any, own: str, name: str) -> Iterator[Any]:
    """Read an array; two bytes without a type are bfloat16, which HDF5 has no name for."""
    import ml_dtypes

    is_bfloat16 = dataset.dtype == "V2"
    if dataset.shape is None or (dataset.dtype.kind not in "fiub" and not is_bfloat16):
        raise WeightsError(f"{name}: {own} holds {dataset.dtype}, which is no kind of number")
    rows = rows_at_once(dataset.shape, dataset.dtype.itemsize)
    for start in range(0, max(1, *dataset.shape[:1]), rows) if dataset.shape else (None,):
        with reading(name):
            slab = dataset[()] if start is None else dataset[start : start + rows]
            slab = slab.view(ml_dtypes.bfloat16) if is_bfloat16 else slab
        yield slab
