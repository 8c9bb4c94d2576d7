"""Which reader opens a file with tensors.

Its first bytes tell its format; the end of its name only where they do not.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from rsinspect.base.errors import WeightsError
from rsinspect.checkpoints.archive import EMPTY
from rsinspect.checkpoints.layout import ARCHIVE, HDF5_SIGNATURE, is_file, said, start_of
from rsinspect.checkpoints.tensors import TensorFile

_ZIP = b"PK\x03\x04"
_OLD_TORCH = b"\x80\x02\x8a\x0al\xfc\x9cF"
"""The number that PyTorch's files begin with before 1.6, as a pickle."""
_TORCH = (".pth", ".pt")
_DATA_OF_CHECKPOINT = re.compile(r"\.data-\d{5}-of-\d{5}$")


@contextlib.contextmanager
def tensor_file(path: Path) -> Iterator[TensorFile]:
    """Open a file with tensors, good while the context lasts.

    Raises:
        WeightsError: If there is no such file, it is of no known format, it is damaged, or it
            points at anything outside itself.
    """
    path = file_at(path)
    with _opener(path)(path) as file:
        yield file


def file_at(path: Path) -> Path:
    """Find the index of a checkpoint of TensorFlow's, where its folder or prefix is named.

    Raises:
        WeightsError: If a folder has no checkpoint, or several.
    """
    if is_file(path) and not _DATA_OF_CHECKPOINT.search(path.name):
        return path
    from rsinspect.checkpoints.tf1_checkpoint import index_at

    return index_at(path)


def _opener(path: Path) -> Callable[[Path], AbstractContextManager[TensorFile]]:
    """Choose what opens a file, by its first bytes and then by its name."""
    start, suffix = start_of(path, 16), path.suffix.lower()
    if start.startswith(HDF5_SIGNATURE) or (start.startswith(_ZIP) and suffix == ARCHIVE):
        from rsinspect.checkpoints.hdf5_tensors import keras_file

        return keras_file
    if start.startswith((_ZIP, EMPTY[:16])) and suffix == ".npz":
        from rsinspect.checkpoints.npz import npz_file

        return npz_file
    if start.startswith((_ZIP, _OLD_TORCH)):
        from rsinspect.checkpoints.torch_file import torch_file

        return torch_file
    if start[8:9] == b"{" or suffix == ".safetensors":  # after the length of its header
        from rsinspect.checkpoints.safetensors_file import safetensors_file

        return safetensors_file
    if suffix == ".index":
        from rsinspect.checkpoints.tf1_checkpoint import checkpoint_file

        return checkpoint_file
    if start and suffix in _TORCH:
        raise WeightsError(
            f"{said(path)} is not what torch.save writes for weights",
            "save a state dict: torch.save(model.state_dict(), 'my.pth')",
        )
    raise WeightsError(
        f"{said(path)!r} is {'not a weight file that can be read' if start else 'empty'}",
        "there are .h5, .weights.h5, .keras, .safetensors, .npz and .pth files, and checkpoints of "
        "TensorFlow (.index)",
    )
