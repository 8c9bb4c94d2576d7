"""Numbers that lie in a file one after the other: read in slabs, so that memory stays small."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import IO, Any

SLAB_BYTES = 1 << 24
"""Read at once, where a tensor has a first axis to be divided by."""


DTYPES = (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    "float16", "float32", "float64", "bfloat16", "complex64", "complex128",
    "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz",
)  # fmt: skip
"""Kinds of numbers that are read, by NumPy's names and by those of ml_dtypes."""


def dtype_named(name: str) -> Any:
    """Find NumPy's dtype of a name; those that NumPy lacks are ml_dtypes'.

    Raises:
        ValueError: If it is none of ``DTYPES``.

    >>> dtype_named("bfloat16").itemsize, dtype_named("float64").itemsize
    (2, 8)
    """
    import ml_dtypes
    import numpy as np

    if name not in DTYPES:
        raise ValueError(f"{name[:80]!r} is no kind of number that is read")
    return np.dtype(getattr(ml_dtypes, name, name))


def rows_at_once(shape: Sequence[int], itemsize: int) -> int:
    """Count the rows along the first axis that make a slab, one at least."""
    return max(1, SLAB_BYTES // max(1, math.prod(shape[1:]) * itemsize))


def slabs(stream: IO[bytes], shape: Sequence[int], dtype: Any) -> Iterator[Any]:
    """Read an array from where a stream stands, slab by slab along its first axis.

    Args:
        stream: Of its numbers, the last axis fastest.
        shape: Of the array.
        dtype: NumPy's, in the byte order of the file.

    Raises:
        ValueError: If there are fewer numbers.
    """
    import numpy as np

    native = dtype.newbyteorder("=")

    def read(part: Sequence[int]) -> Any:
        size = math.prod(part) * dtype.itemsize
        content = stream.read(size)
        if len(content) != size:
            raise ValueError(f"it ends {size - len(content)} bytes before its numbers do")
        return np.frombuffer(content, dtype).reshape(part).astype(native, copy=False)

    if not shape:
        yield read(())
        return
    rows = rows_at_once(shape, dtype.itemsize)
    for start in range(0, max(1, shape[0]), rows):
        yield read((min(rows, shape[0] - start), *shape[1:]))


def guarded(
    slabs: Iterator[Any], guard: Callable[[], AbstractContextManager[None]]
) -> Iterator[Any]:
    """Read each slab inside of a context that puts errors into our words."""
    while True:
        with guard():
            slab = next(slabs, None)
        if slab is None:
            return
        yield slab
