"""``.safetensors`` files, by the format's own library: a header in JSON, then numbers."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rsinspect.base.errors import WeightsError
from rsinspect.checkpoints.layout import one_line, said
from rsinspect.checkpoints.raw import dtype_named, rows_at_once
from rsinspect.checkpoints.tensors import StoredTensor, TensorFile

_DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16",
    "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8",
    "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip
"""Kinds of numbers that the library gives to NumPy, by the format's names."""


@contextlib.contextmanager
def safetensors_file(path: Path) -> Iterator[TensorFile]:
    """Open a ``.safetensors`` file, as ``tensor_file`` does."""
    from safetensors import SafetensorError, safe_open

    name = said(path)
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(safe_open(path, framework="numpy"))
            tensors = {own: _stored(file, own) for own in file.offset_keys()}
            facts = {str(key): str(value) for key, value in (file.metadata() or {}).items()}
        except (SafetensorError, OSError, ValueError, OverflowError, MemoryError) as exc:
            raise WeightsError(
                f"{name} is damaged, or no .safetensors file: {one_line(exc)}",
                "fetch or save it again",
            ) from exc

        def slabs(own: str) -> Iterator[Any]:
            tensor = tensors[own]
            if tensor.dtype not in _DTYPES.values():
                raise WeightsError(f"{name}: {own} holds {tensor.dtype}, which is not read")
            if not tensor.shape or not math.prod(tensor.shape):
                yield file.get_tensor(own)
                return
            rows = rows_at_once(tensor.shape, dtype_named(tensor.dtype).itemsize)
            for start in range(0, tensor.shape[0], rows):
                yield file.get_slice(own)[start : min(start + rows, tensor.shape[0])]

        yield TensorFile(path, "safetensors", tensors, facts, slabs)


def _stored(file: Any, own: str) -> StoredTensor:
    part = file.get_slice(own)
    written, shape = part.get_dtype(), tuple(map(int, part.get_shape()))
    bits = int(found[0]) if (found := re.search(r"\d+", written)) else 8
    dtype = _DTYPES.get(written, written.lower())
    return StoredTensor(own, shape, dtype, math.prod(shape) * bits // 8)
