"""TensorFlow's checkpoints, of version 2 of their format: an index beside files of numbers.

    model.ckpt-312.index                  which tensors there are, and where: a sorted table
    model.ckpt-312.data-00000-of-00001    their numbers, one tensor after the other
    checkpoint                            which of several in a folder is the last

The TPU code's published networks are such files, of TensorFlow 1. They are read without TensorFlow:
the index is a table (``checkpoints.sorted_table``) of protocol buffers
(tensorflow/core/protobuf/tensor_bundle.proto). Checksums of the index are verified, those of the
numbers are not: that takes a minute for what is read in a second.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from rsinspect.base.errors import WeightsError
from rsinspect.base.sources import Unreadable, content_of
from rsinspect.base.text import showable
from rsinspect.base.words import names_in_words
from rsinspect.checkpoints.layout import MOST_SAID, file_opened, reading, said
from rsinspect.checkpoints.raw import DTYPES, dtype_named, guarded, slabs
from rsinspect.checkpoints.sorted_table import entries, varint
from rsinspect.checkpoints.tensors import StoredTensor, TensorFile

INDEX = ".index"
_LAST = "checkpoint"
_MOST_INDEX_BYTES = 1 << 26
_MOST_SHARDS = 100_000
_SLICE = b"\0"
"""Begins the key of a part of a tensor that is kept in slices; the whole has an entry too."""
_DATA = re.compile(r"(?P<prefix>.+)\.data-\d{5}-of-\d{5}")
_NAMED = re.compile(r'^model_checkpoint_path: "(?:[^"]*[/\\])?([^"/\\]+)"', re.M)
"""The last checkpoint, by its name alone: its folder is where it was once saved."""

_KINDS = {
    1: "float32", 2: "float64", 3: "int32", 4: "uint8", 5: "int16", 6: "int8", 7: "string",
    8: "complex64", 9: "int64", 10: "bool", 14: "bfloat16", 17: "uint16", 18: "complex128",
    19: "float16", 20: "resource", 21: "variant", 22: "uint32", 23: "uint64",
    24: "float8_e5m2", 25: "float8_e4m3fn",
}  # fmt: skip
"""tensorflow/core/framework/types.proto."""


class _Entry(NamedTuple):
    """Where a tensor is.

    Attributes:
        dtype: NumPy's name, or what TensorFlow calls it.
        shape: Of the tensor.
        shard: Number of the file.
        offset: Of its first byte there.
        size: Its bytes.
        is_sliced: Whether it is kept in slices, as other entries.
    """

    dtype: str
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    is_sliced: bool


def index_at(path: Path) -> Path:
    """Find the index of a checkpoint by its prefix, one of its files, or the folder it is in.

    Raises:
        WeightsError: If a folder has none, or several of which none is said to be the last.
    """
    if not path.is_dir():
        match = _DATA.fullmatch(path.name)
        beside = path.with_name(f"{match['prefix'] if match else path.name}{INDEX}")
        with contextlib.suppress(OSError):  # its own name may be as long as names can be
            return beside if beside.is_file() else path
        return path
    found = sorted(path.glob(f"*{INDEX}"))
    with contextlib.suppress(Unreadable):
        about = content_of(path / _LAST, 1 << 16).decode(errors="replace")
        last = match[1] + INDEX if (match := _NAMED.search(about)) else None
        found = [one for one in found if one.name == last] or found
    if len(found) != 1:
        names = names_in_words([showable(one.name, 80) for one in found])
        raise WeightsError(
            f"{said(path)} is a folder with {len(found)} checkpoints of TensorFlow",
            f"name the one you mean: {names}" if found else "name a file with weights",
        )
    return found[0]


@contextlib.contextmanager
def checkpoint_file(path: Path) -> Iterator[TensorFile]:
    """Open a checkpoint by its index, as ``tensor_file`` does.

    Slots of optimizers and other numbers that were saved are tensors as the weights are. Texts
    (``string``) are listed and not read.
    """
    name = said(path)
    with reading(name):
        try:
            content = content_of(path, _MOST_INDEX_BYTES)
        except Unreadable as exc:
            raise WeightsError(f"{name} cannot be read: {exc}") from exc
        (header, about), *rest = entries(content)
        if header:
            raise ValueError("its first entry does not say what it is")
        shards, is_little = _header(about)
        found = {key.decode(): _entry(value) for key, value in rest if not key.startswith(_SLICE)}
    _check(found, path, shards)

    def read(own: str) -> Iterator[Any]:
        entry = found[own]
        if _kind(entry) not in DTYPES:
            raise WeightsError(f"{name}: {own} holds {_kind(entry)}, which is not read")
        with file_opened(_shard(path, entry.shard, shards)) as file:
            file.seek(entry.offset)
            dtype = dtype_named(entry.dtype).newbyteorder("<" if is_little else ">")
            yield from slabs(file, entry.shape, dtype)

    tensors = {
        own: StoredTensor(own, entry.shape, _kind(entry), entry.size)
        for own, entry in found.items()
    }
    yield TensorFile(
        path,
        "tf1-checkpoint",
        tensors,
        {"shards": str(shards)},
        lambda own: guarded(read(own), lambda: reading(name)),
    )


def _kind(entry: _Entry) -> str:
    return f"{entry.dtype} in slices" if entry.is_sliced else entry.dtype


def _shard(index: Path, number: int, shards: int) -> Path:
    return index.with_name(f"{index.name.removesuffix(INDEX)}.data-{number:05d}-of-{shards:05d}")


def _check(found: Mapping[str, _Entry], path: Path, shards: int) -> None:
    """Refuse tensors whose numbers are not there."""
    sizes: dict[int, int] = {}
    for own, entry in found.items():
        if entry.shard not in sizes:
            data = _shard(path, entry.shard, shards)
            if not data.is_file():
                raise WeightsError(
                    f"{said(path)} is half of a checkpoint: {said(data)} is missing",
                    "keep the index and the data in one folder",
                )
            sizes[entry.shard] = data.stat().st_size
        is_whole = _kind(entry) not in DTYPES or entry.size == (
            math.prod(entry.shape) * dtype_named(entry.dtype).itemsize
        )
        if entry.offset + entry.size > sizes[entry.shard] or not is_whole:
            raise WeightsError(
                f"{said(path)} is damaged: {showable(own, MOST_SAID)} is larger than what is kept "
                "of it",
                "fetch or save it again",
            )


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """List the fields of a protocol buffer, by their numbers."""
    at = 0
    while at < len(message):
        tag, at = varint(message, at)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, at = varint(message, at)
            yield number, value
            continue
        if kind == 2:
            length, at = varint(message, at)
        else:
            length = {1: 8, 5: 4}[kind]
        if at + length > len(message):
            raise ValueError("it has a field that ends behind its message")
        yield number, message[at : at + length]
        at += length


def _header(message: bytes) -> tuple[int, bool]:
    """Read how many files of numbers there are, and whether they are little-endian."""
    fields = dict(_fields(message))
    shards = fields.get(1, 1)
    if not isinstance(shards, int) or not 0 < shards < _MOST_SHARDS:
        raise ValueError("it has an impossible number of files")
    return shards, fields.get(2, 0) == 0


def _entry(message: bytes) -> _Entry:
    """Read where a tensor is."""
    fields = dict(_fields(message))

    def number(field: int) -> int:
        value = fields.get(field, 0)
        if not isinstance(value, int) or value >= 1 << 63:
            raise ValueError("it has text or a negative number where a size should be")
        return value

    kind, shape = number(1), fields.get(2, b"")
    if not isinstance(shape, bytes):
        raise ValueError("it has a number where a shape should be")
    dimensions = []
    for field, dimension in _fields(shape):
        if field == 2 and isinstance(dimension, bytes):
            size = dict(_fields(dimension)).get(1, 0)
            if not isinstance(size, int) or size >= 1 << 48:
                raise ValueError("it has a dimension of no size")
            dimensions.append(size)
    dtype = _KINDS.get(kind, f"kind {kind}")
    return _Entry(dtype, tuple(dimensions), number(3), number(4), number(5), 7 in fields)
