"""Files as ``torch.save`` writes them, made of plain arrays: no test of a reader needs PyTorch."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

STORAGES = {
    "float32": "FloatStorage", "float64": "DoubleStorage", "float16": "HalfStorage",
    "bfloat16": "BFloat16Storage", "int64": "LongStorage", "bool": "BoolStorage",
}  # fmt: skip


def text(word: str) -> bytes:
    """An opcode that pushes a text."""
    return b"X" + struct.pack("<I", len(word.encode())) + word.encode()


def number(value: int) -> bytes:
    """An opcode that pushes a number."""
    return b"J" + struct.pack("<i", value)


def sizes(values: tuple[int, ...]) -> bytes:
    """Opcodes that push a tuple of numbers."""
    return b"(" + b"".join(map(number, values)) + b"t"


def tensor(key: str, array: np.ndarray, *, old: bool) -> bytes:
    """Opcodes that call torch._utils._rebuild_tensor_v2 on a storage of its own."""
    steps = tuple(step // array.itemsize for step in array.strides)
    storage = b"(" + text("storage") + b"ctorch\n" + STORAGES[str(array.dtype)].encode() + b"\n"
    storage += text(key) + text("cpu") + number(array.size) + (b"N" if old else b"") + b"tQ"
    hooks = b"ccollections\nOrderedDict\n)R"
    arguments = storage + number(0) + sizes(array.shape) + sizes(steps) + b"\x89" + hooks
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + arguments + b"tR"


def state_dict(arrays: Mapping[str, np.ndarray], *, old: bool = False) -> bytes:
    """Opcodes that make an OrderedDict of tensors, without an end."""
    items = (text(name) + tensor(str(n), a, old=old) for n, (name, a) in enumerate(arrays.items()))
    return b"\x80\x02ccollections\nOrderedDict\n)R(" + b"".join(items) + b"u"


def write_torch(path: Path, arrays: Mapping[str, np.ndarray], pickle: bytes = b"") -> Path:
    """A state dict in the form of PyTorch since 1.6.

    Args:
        path: Of the file.
        arrays: By name.
        pickle: In place of the one that makes a state dict of them.
    """
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle or state_dict(arrays) + b".")
        archive.writestr("archive/byteorder", "little")
        for key, array in enumerate(arrays.values()):
            archive.writestr(f"archive/data/{key}", memory(array))
        archive.writestr("archive/version", "3\n")
    return path


def write_old_torch(path: Path, arrays: Mapping[str, np.ndarray]) -> Path:
    """A state dict in the form before 1.6, as timm's published files are."""
    system = b"\x80\x02}(" + text("protocol_version") + number(1001)
    system += text("little_endian") + b"\x88" + text("type_sizes") + b"}u."
    keys = b"\x80\x02](" + b"".join(text(str(key)) for key in range(len(arrays))) + b"e."
    parts = [
        b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", b"\x80\x02M\xe9\x03.", system,
        state_dict(arrays, old=True) + b".", keys,
    ]  # fmt: skip
    for array in arrays.values():
        parts += [struct.pack("<q", array.size), memory(array)]
    path.write_bytes(b"".join(parts))
    return path


def memory(array: np.ndarray) -> bytes:
    """The numbers of an array as they lie in memory, whichever axis is the fastest."""
    slowest_first = sorted(range(array.ndim), key=lambda axis: -array.strides[axis])
    return array.transpose(slowest_first).tobytes()
