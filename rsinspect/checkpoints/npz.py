"""NumPy's ``.npz`` files: a zip archive with an ``.npy`` file for each array.

An array of Python objects is a pickle, which nobody should run: it is listed, as ``object``, and
not read.
"""

from __future__ import annotations

import contextlib
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from rsinspect.base.errors import WeightsError
from rsinspect.base.text import showable
from rsinspect.checkpoints.archive import archive_at
from rsinspect.checkpoints.layout import MOST_SAID, reading, said
from rsinspect.checkpoints.raw import DTYPES, dtype_named, guarded, slabs
from rsinspect.checkpoints.tensors import StoredTensor, TensorFile

_ENDING = ".npy"


class Header(NamedTuple):
    """What stands before the numbers of an array.

    Attributes:
        shape: Of the array.
        is_fortran: Whether the first axis is the fastest.
        dtype: NumPy's.
    """

    shape: tuple[int, ...]
    is_fortran: bool
    dtype: Any


@contextlib.contextmanager
def npz_file(path: Path) -> Iterator[TensorFile]:
    """Open an ``.npz`` file, as ``tensor_file`` does."""
    name = said(path)
    with archive_at(path, "NumPy") as archive:
        tensors: dict[str, StoredTensor] = {}
        for member, size in archive.members.items():
            if member.endswith(_ENDING):
                own = member.removesuffix(_ENDING)
                with archive.stream(member) as stream, reading(name):
                    header = header_of(stream)
                dtype = "object" if header.dtype.hasobject else str(header.dtype.newbyteorder("="))
                tensors[own] = StoredTensor(own, header.shape, dtype, size)

        def read(own: str) -> Iterator[Any]:
            with archive.stream(f"{own}{_ENDING}") as stream:
                header = header_of(stream)
                if tensors[own].dtype not in DTYPES:
                    raise WeightsError(
                        f"{name}: {showable(own, MOST_SAID)} holds {tensors[own].dtype}, "
                        "which is no kind of number"
                    )
                if header.is_fortran:
                    whole = slabs(stream, header.shape[::-1], header.dtype)
                    yield _joined(whole).T
                else:
                    yield from slabs(stream, header.shape, header.dtype)

        yield TensorFile(
            path, "npz", tensors, {}, lambda own: guarded(read(own), lambda: reading(name))
        )


def header_of(stream: IO[bytes]) -> Header:
    """Read what stands before the numbers; NumPy's reader of it evaluates literals alone.

    Raises:
        ValueError: If it is damaged, or of a format with named fields.
    """
    from numpy.lib import format as npy

    version = npy.read_magic(stream)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"an array of NumPy's format {version}, which has named fields")
    try:
        shape, is_fortran, dtype = readers[version](stream)
    except (
        SyntaxError,
        RecursionError,
        tokenize.TokenError,
    ) as exc:  # as it reads that of Python 2
        raise ValueError("the head of an array is no description of one") from exc
    if dtype == "V2":  # two bytes without a type: NumPy has no name for bfloat16
        dtype = dtype_named("bfloat16")
    return Header(shape, is_fortran, dtype)


def _joined(parts: Iterator[Any]) -> Any:
    import numpy as np

    return np.concatenate([*parts])
