"""PyTorch's files: state dicts and checkpoints, as ``torch.save`` writes them, without PyTorch.

Two forms are read, told apart by their first bytes:

    since 1.6    a zip archive: ``<name>/data.pkl`` beside a member for each storage
    before       pickles one after the other, then the storages; timm's published files

The pickle is described and not run (``checkpoints.pickled``): in what it would call, tensors are
found by the functions of ``torch._utils`` that would make them (``_rebuild_tensor_v2`` and its
like), and their numbers are read from the storages. PyTorch's own guarded loader is not needed; it
has run code in its time (CVE-2025-32434, before 2.6).
"""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any, NamedTuple

from rsinspect.base.errors import WeightsError
from rsinspect.checkpoints.archive import archive_at
from rsinspect.checkpoints.layout import reading, said, start_of
from rsinspect.checkpoints.pickled import Call, Damaged, Described, Global, Persistent, described
from rsinspect.checkpoints.raw import dtype_named, guarded, slabs
from rsinspect.checkpoints.tensors import StoredTensor, TensorFile

MOST_PICKLE_BYTES = 1 << 25
_MOST_NESTED = 32
_MOST_ELEMENTS = 1 << 48
_CONTAINERS = (Call, dict, list, tuple)

_DTYPES = {
    "Float": "float32", "Double": "float64", "Half": "float16", "BFloat16": "bfloat16",
    "Long": "int64", "Int": "int32", "Short": "int16", "Char": "int8", "Byte": "uint8",
    "Bool": "bool", "ComplexFloat": "complex64", "ComplexDouble": "complex128",
    "Untyped": "uint8", "QInt8": "int8", "QUInt8": "uint8", "QInt32": "int32",
}  # fmt: skip
"""Of a storage, by its class without ``Storage``."""

_REBUILT = ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3")
_WRAPPERS = ("_rebuild_parameter", "_rebuild_parameter_with_state")
"""Functions of ``torch._utils`` that make a tensor of a storage, and a parameter of a tensor."""


class _Storage(NamedTuple):
    """Numbers that a pickle leaves to its loader.

    Attributes:
        key: Of the storage.
        dtype: Of its elements.
        elements: How many it has.
    """

    key: str
    dtype: str
    elements: int


class _Tensor(NamedTuple):
    """A tensor as a pickle describes it: a window on a storage.

    Attributes:
        storage: Where its numbers are.
        dtype: Of the tensor.
        offset: Of its first element.
        shape: Of the tensor.
        stride: Elements from one to the next along each axis.
    """

    storage: _Storage
    dtype: str
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def elements(self) -> int:
        """Count its elements."""
        return math.prod(self.shape)

    @property
    def is_in_a_row(self) -> bool:
        """Tell whether its elements lie in a row, the last axis fastest."""
        expected = 1
        for size, step in zip(reversed(self.shape), reversed(self.stride), strict=True):
            if size != 1 and step != expected:
                return False
            expected *= size
        return True

    @property
    def span(self) -> int:
        """Count the elements of the storage from its start to the tensor's last one."""
        if not self.elements:
            return 0
        steps = zip(self.shape, self.stride, strict=True)
        return self.offset + 1 + sum((size - 1) * step for size, step in steps)


class _Source(NamedTuple):
    """A file that is open.

    Attributes:
        pickle: What its pickle would make.
        is_little: Whether its numbers are little-endian.
        sizes: Bytes of each storage, by key.
        open: Opens a storage at its first byte.
        facts: What else it says.
    """

    pickle: Described
    is_little: bool
    sizes: dict[str, int]
    open: Callable[[str], AbstractContextManager[IO[bytes]]]
    facts: dict[str, str]


@contextlib.contextmanager
def torch_file(path: Path) -> Iterator[TensorFile]:
    """Open a file that ``torch.save`` wrote, as ``tensor_file`` does.

    A tensor is named by the keys on the way to it: ``conv1.0.weight`` in a state dict,
    ``state_dict/conv1.0.weight`` in a checkpoint that has one. Tensors of other kinds (sparse,
    quantised, without numbers) are counted among the facts.
    """
    name = said(path)
    with _source(path) as source:
        with reading(name):
            found: dict[str, _Tensor] = {}
            others = 0
            for own, value in _leaves(source.pickle.value):
                if (tensor := _tensor(value)) is not None:
                    _check(tensor, source.sizes)
                    found[own] = tensor
                else:
                    others += 1
        facts = source.facts | ({"other objects": str(others)} if others else {})
        tensors = {own: _stored(own, tensor) for own, tensor in found.items()}

        def read(own: str) -> Iterator[Any]:
            tensor = found[own]
            with source.open(tensor.storage.key) as stream:
                yield from _numbers(stream, tensor, is_little=source.is_little)

        yield TensorFile(
            path, "torch", tensors, facts, lambda own: guarded(read(own), lambda: reading(name))
        )


def _source(path: Path) -> AbstractContextManager[_Source]:
    return _archive(path) if start_of(path, 2) == b"PK" else _old(path)


@contextlib.contextmanager
def _archive(path: Path) -> Iterator[_Source]:
    """Open a file of PyTorch since 1.6."""
    name = said(path)
    with archive_at(path, "PyTorch") as archive:
        inside = [m for m in archive.members if m.rpartition("/")[2] == "data.pkl"]
        if "config.json" in archive and "model.weights.h5" in archive:
            raise WeightsError(
                f"{name} is a .keras archive by another name", "let its name end in .keras"
            )
        if len(inside) != 1:
            raise WeightsError(
                f"{name} is no file that torch.save wrote: it has {len(inside)} data.pkl inside",
                "save a state dict: torch.save(model.state_dict(), 'my.pth')",
            )
        folder = inside[0].removesuffix("data.pkl")
        order = f"{folder}byteorder"
        is_little = order not in archive or archive.content(order, 16).strip() != b"big"
        content = archive.content(inside[0], MOST_PICKLE_BYTES)
        with reading(name):
            pickle = described(io.BytesIO(content))
        is_script = any(member.startswith(f"{folder}code/") for member in archive.members)
        start = f"{folder}data/"
        yield _Source(
            pickle,
            is_little,
            {
                member.removeprefix(start): size
                for member, size in archive.sizes.items()
                if member.startswith(start)
            },
            lambda key: archive.stream(f"{start}{key}"),
            {"torch_form": "TorchScript" if is_script else "zip"},
        )


@contextlib.contextmanager
def _old(path: Path) -> Iterator[_Source]:
    """Open a file of PyTorch before 1.6: pickles, and behind them each storage with its size."""
    name = said(path)
    with contextlib.ExitStack() as stack:
        with reading(name):
            file = stack.enter_context(path.open("rb"))
            start = io.BytesIO(file.read(MOST_PICKLE_BYTES))
            _, _, system, pickle, keys = (described(start) for _ in range(5))
            places, sizes = _places(file, start.tell(), keys.value, _storages(pickle))
            about = system.value if isinstance(system.value, dict) else {}

        @contextlib.contextmanager
        def open_storage(key: str) -> Iterator[IO[bytes]]:
            file.seek(places[key])
            yield file

        is_little = about.get("little_endian") is not False
        yield _Source(pickle, is_little, sizes, open_storage, {"torch_form": "before 1.6"})


def _storages(pickle: Described) -> dict[str, _Storage]:
    """List the storages that a pickle names, by key."""
    return {found.key: found for found in map(_storage, pickle.left) if found is not None}


def _places(
    file: IO[bytes], at: int, keys: Any, storages: dict[str, _Storage]
) -> tuple[dict[str, int], dict[str, int]]:
    """Find where each storage begins, and how many bytes it has.

    Args:
        file: To look into.
        at: Where the first one is, after the number of its elements.
        keys: Of all storages, in order.
        storages: By key.
    """
    end = file.seek(0, io.SEEK_END)
    places: dict[str, int] = {}
    sizes: dict[str, int] = {}
    for key in keys if isinstance(keys, list) else ():
        if key not in storages:
            raise Damaged("it has a storage of no kind that is known")
        file.seek(at)
        elements = int.from_bytes(file.read(8), "little")
        places[key] = at + 8
        sizes[key] = elements * dtype_named(storages[key].dtype).itemsize
        at += 8 + sizes[key]
        if at > end:
            raise Damaged("it ends before its numbers do")
    return places, sizes


def _leaves(value: Any) -> Iterator[tuple[str, Any]]:
    """List calls in dictionaries, and in dictionaries in them, by the keys on the way."""
    ahead: list[tuple[tuple[str, ...], Any]] = [((), value)]
    seen: set[int] = set()
    while ahead:
        keys, one = ahead.pop()
        inside = one
        if isinstance(one, Call) and one.items:
            inside = one.items
        elif isinstance(one, Call):
            if _is(one, "collections", "OrderedDict"):
                continue
            yield "/".join(keys), one
        if isinstance(inside, list | tuple):
            inside = dict(enumerate(inside))
        if isinstance(inside, dict) and id(one) not in seen and len(keys) < _MOST_NESTED:
            seen.add(id(one))
            parts = [((*keys, str(key)), part) for key, part in inside.items()]
            ahead.extend(reversed([part for part in parts if isinstance(part[1], _CONTAINERS)]))


def _is(call: Call, module: str, *names: str) -> bool:
    function = call.function
    return isinstance(function, Global) and function.module == module and function.name in names


def _tensor(value: Any) -> _Tensor | None:
    """Read how a tensor would be made; None for what is none, or of a kind that is not read."""
    if not isinstance(value, Call):
        return None
    arguments = value.arguments if isinstance(value.arguments, tuple) else ()
    if _is(value, "torch._utils", *_WRAPPERS):
        return _tensor(arguments[0]) if arguments and arguments[0] is not value else None
    if not _is(value, "torch._utils", *_REBUILT) or len(arguments) < 4:
        return None
    stored, offset, shape, stride = arguments[:4]
    storage = _storage(stored)
    if storage is None or not all(map(_are_sizes, (shape, stride, (offset,)))):
        return None
    if len(shape) != len(stride):
        return None
    dtype = storage.dtype
    if value.function.name == "_rebuild_tensor_v3":
        if len(arguments) < 7 or not isinstance(arguments[6], Global):
            return None
        dtype = arguments[6].name
    return _Tensor(storage, dtype, offset, shape, stride)


def _storage(value: Any) -> _Storage | None:
    """Read what a pickle says of a storage: ('storage', class, key, device, elements, ...)."""
    parts = value.key if isinstance(value, Persistent) else None
    if not isinstance(parts, tuple) or len(parts) < 5 or not isinstance(parts[1], Global):
        return None
    kind, key, elements = parts[1].name.removesuffix("Storage"), parts[2], parts[4]
    if kind not in _DTYPES or not isinstance(key, str) or not _are_sizes((elements,)):
        return None
    return _Storage(key, _DTYPES[kind], elements)


def _are_sizes(numbers: Any) -> bool:
    return isinstance(numbers, tuple) and all(
        type(number) is int and 0 <= number < _MOST_ELEMENTS for number in numbers
    )


def _check(tensor: _Tensor, sizes: dict[str, int]) -> None:
    """Refuse a tensor that reaches beyond its storage."""
    there = sizes.get(tensor.storage.key, 0)
    if tensor.span * dtype_named(tensor.dtype).itemsize > there:
        raise Damaged(
            f"a tensor of shape {tensor.shape} lies in a storage of {there} bytes, which end before"
        )


def _stored(own: str, tensor: _Tensor) -> StoredTensor:
    size = tensor.elements * dtype_named(tensor.dtype).itemsize
    return StoredTensor(own, tensor.shape, tensor.dtype, size)


def _numbers(stream: IO[bytes], tensor: _Tensor, *, is_little: bool) -> Iterator[Any]:
    """Read a tensor from its storage; one whose elements lie in a row, slab by slab."""
    import numpy as np

    dtype = dtype_named(tensor.dtype).newbyteorder("<" if is_little else ">")
    if tensor.is_in_a_row:
        stream.seek(tensor.offset * dtype.itemsize, io.SEEK_CUR)
        yield from slabs(stream, tensor.shape, dtype)
        return
    (row,) = slabs(stream, (1, tensor.span), dtype)
    steps = tuple(step * dtype.itemsize for step in tensor.stride)
    yield np.lib.stride_tricks.as_strided(row[0, tensor.offset :], tensor.shape, steps)
