"""A file with tensors of any format: what is in it, and each tensor when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

Format = Literal[
    "keras-2-h5", "keras-3-weights", "keras-archive", "safetensors", "npz", "torch",
    "tf1-checkpoint",
]  # fmt: skip


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
        slabs: Reads a tensor by its name in pieces along its first axis, NumPy arrays of 16 MiB or
            one row, in the file's own layout; one piece where there is no such axis.
    """

    path: Path
    format: Format
    tensors: Mapping[str, StoredTensor]
    facts: Mapping[str, str]
    slabs: Callable[[str], Iterator[Any]]

    @property
    def is_keras(self) -> bool:
        """Tell whether it is a file of Keras's, of any version."""
        return self.format.startswith("keras")

    def read(self, name: str) -> Any:
        """Read a tensor whole, as a NumPy array in the file's own layout.

        Raises:
            WeightsError: If its numbers are damaged, or no kind of number.
        """
        import numpy as np

        first, *more = self.slabs(name)
        return np.concatenate((first, *more)) if more else first
