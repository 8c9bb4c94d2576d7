"""A file with tensors of any format: what is in it, and each tensor when it is asked for.

Which format that is, its first bytes tell; the end of its name only where they do not.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from rsinspect.base.errors import WeightsError
from rsinspect.checkpoints.layout import HDF5_SIGNATURE, said, start_of

Format = Literal[
    "keras-2-h5", "keras-3-weights", "keras-archive", "safetensors", "npz", "torch",
    "tf1-checkpoint",
]  # fmt: skip

_ZIP = b"PK\x03\x04"


class StoredTensor(NamedTuple):
    """A tensor as a file has it, not read.

    Attributes:
        name: As the format writes it: ``layers/conv2d_3/vars/0``, ``layer1.0.conv1.weight``.
        shape: Of the tensor; empty for a scalar.
        dtype: NumPy's name of its type, or ``bfloat16``.
        stored_bytes: How many bytes of the file are its own.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    stored_bytes: int


class TensorFile(NamedTuple):
    """A file that is open.

    Attributes:
        path: Of the file.
        format: Which it has.
        tensors: By name, in the order of the file.
        facts: What else the file says of itself: ``keras_version``, ``backend``.
        read: Reads a tensor by its name, as a NumPy array in the file's own layout.
    """

    path: Path
    format: Format
    tensors: Mapping[str, StoredTensor]
    facts: Mapping[str, str]
    read: Callable[[str], Any]


@contextlib.contextmanager
def tensor_file(path: Path) -> Iterator[TensorFile]:
    """Open a file with tensors, good while the context lasts.

    Raises:
        WeightsError: If there is no such file, it is of no known format, it is damaged, or it
            points at anything outside itself.
    """
    start = start_of(path)
    if start == HDF5_SIGNATURE or (start.startswith(_ZIP) and path.suffix.lower() == ".keras"):
        from rsinspect.checkpoints.hdf5_tensors import keras_file

        with keras_file(path) as file:
            yield file
        return
    raise WeightsError(
        f"{said(path)!r} is not a weight file that can be read",
        "there are .h5, .weights.h5 and .keras files",
    )
