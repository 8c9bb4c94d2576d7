"""What is in a file of any format that its loader would act on: found part by part, nothing loaded.

HDF5           links, storage, sizes; the configurations of the model and of its training
.keras         its members; the configuration; the HDF5 file inside
.npz, .npy     pickled objects, sizes
PyTorch        what its pickles import; programs beside them
.safetensors   nothing can hide in it; its head must be what it says
TF checkpoint  numbers and names alone
"""

from __future__ import annotations

import io
import math
import re
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from rsinspect.base.errors import WeightsError
from rsinspect.base.files import scratch_file
from rsinspect.base.text import showable
from rsinspect.base.units import binary_bytes
from rsinspect.base.words import names_in_words
from rsinspect.checkpoints.archive import (
    CONFIG,
    EMPTY,
    SMALL_BYTES,
    Archive,
    archive_at,
    is_archive,
)
from rsinspect.checkpoints.config_hazards import hazards_of
from rsinspect.checkpoints.hazards import Form, Hazard
from rsinspect.checkpoints.layout import (
    ARCHIVE,
    HDF5_SIGNATURE,
    MOST_SAID,
    file_opened,
    is_file,
    reading,
    said,
    start_of,
)
from rsinspect.checkpoints.pickle_imports import UNKNOWN, imports_of
from rsinspect.checkpoints.pickled import Global

_ZIP = b"PK\x03\x04"
_NPY = b"\x93NUMPY"
_TAR = (257, b"ustar")
_CHECKPOINT = struct.pack("<Q", 0xDB4775248B80FB57)  # how an index of TensorFlow's ends
_PICKLES = (".pth", ".pt", ".pkl", ".pickle", ".bin", ".ckpt", ".th")

_KNOWN_MEMBERS = (CONFIG, ".h5", ".npy", ".pkl")

_MOST_CONFIG_BYTES = 1 << 26
_MOST_PICKLE_BYTES = 1 << 26
_ARRAY_FLOOR_BYTES = 1 << 28

_TENSORS = frozenset({
    "_codecs.encode", "collections.OrderedDict", "collections.Counter", "builtins.set",
    "__builtin__.set", "builtins.complex", "builtins.bytearray", "torch.Size", "torch.Tensor",
    "torch.device", "torch.nn.parameter.Parameter", "torch.storage.TypedStorage",
    "torch.storage.UntypedStorage", "torch.storage._UntypedStorage", "torch._utils._rebuild_tensor",
    "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v3",
    "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state",
    "torch._utils._rebuild_qtensor", "torch._utils._rebuild_sparse_tensor",
    "torch._utils._rebuild_meta_tensor_no_storage", "torch.serialization._get_layout",
})  # fmt: skip
"""What torch's weights-only loader allows; beside these, its types of numbers and of storage."""

_NUMBERS = re.compile(r"(bfloat|float|complex|q?u?int|bits)\d\w*|bool|\w+(Storage|Tensor)")
_SETTINGS = frozenset({
    "argparse.Namespace", "pathlib.PosixPath", "pathlib.Path", "pathlib.WindowsPath",
    "datetime.datetime", "datetime.date", "datetime.timedelta", "numpy.dtype", "numpy.ndarray",
    "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct",
    "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar",
    "collections.defaultdict", "builtins.dict", "builtins.list", "builtins.int", "builtins.float",
    "builtins.str", "builtins.tuple", "builtins.object", "copyreg._reconstructor",
    "__builtin__.object", "copy_reg._reconstructor",
})  # fmt: skip
"""What training scripts keep beside tensors: values that do nothing when they are made."""

Hazards = Iterator[Hazard]


def scanned(path: Path) -> tuple[Form, tuple[Hazard, ...]]:
    """Find what a file would do to its loader.

    Raises:
        WeightsError: If there is no such file.
    """
    if not is_file(path):
        return "other", tuple(_folder(path))
    form, scan = _reader(path)
    hazards = list(_without_end(scan(path), said(path)))
    if _is_two(path, form, scan):
        hazards.append(Hazard("two-files-in-one", "", "an archive and another file at once"))
    return form, tuple(hazards)


def _without_end(hazards: Hazards, name: str) -> Hazards:
    """List hazards until a file is no longer what it seems, and say so.

    Args:
        hazards: Found one after the other.
        name: Of the file, which need not be said again.
    """
    try:
        yield from hazards
    except (WeightsError, MemoryError, RecursionError, OSError) as exc:
        message = exc.message if isinstance(exc, WeightsError) else type(exc).__name__
        message = showable(message.replace(name, "it"), MOST_SAID)
        yield Hazard("unread", "", f"not all of it can be read: {message}")


def _reader(path: Path) -> tuple[Form, Callable[[Path], Hazards]]:
    """Tell by the bytes of a file how it is read."""
    start = start_of(path)
    if start == HDF5_SIGNATURE:
        return "hdf5", _hdf5
    if start.startswith(_ZIP):
        return "archive", _archive
    if start.startswith(_NPY):
        return "other", _npy
    with file_opened(path) as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(max(0, size - len(_CHECKPOINT)))
        if file.read() == _CHECKPOINT:
            return "other", _checkpoint
        file.seek(_TAR[0])
        if file.read(len(_TAR[1])) == _TAR[1]:
            return "other", _tar
        file.seek(len(start))
        if file.read(1) == b"{":  # after the length of its head
            return "other", _safetensors
    if start.startswith(b"\x80") or path.suffix.lower() in _PICKLES:
        return "other", _pickle
    if start.lstrip().startswith((b"{", b"[")):
        return "config", _json
    return _by_search(path)


def _by_search(path: Path) -> tuple[Form, Callable[[Path], Hazards]]:
    """Look for an archive or an HDF5 file behind other bytes."""
    import h5py

    if h5py.is_hdf5(path):
        return "hdf5", _hdf5
    return ("archive", _archive) if is_archive(path) else ("other", _no_format)


def _is_two(path: Path, form: Form, scan: object) -> bool:
    """Tell whether another reader would see another file."""
    import h5py

    if scan is _no_format:
        return False
    if form == "archive":
        start = start_of(path, len(EMPTY) + 1)
        return bool(h5py.is_hdf5(path)) or not (start.startswith(_ZIP) or start == EMPTY)
    return is_archive(path) or (form == "hdf5" and start_of(path) != HDF5_SIGNATURE)


def _folder(path: Path) -> Hazards:
    """Judge a folder, or the common start of the names of a checkpoint's files."""
    if (path / "saved_model.pb").is_file():
        yield Hazard("saved-model", "", "a SavedModel, which is a program of TensorFlow's")
        return
    from rsinspect.checkpoints.tensor_file import tensor_file

    with tensor_file(path):
        return


def _no_format(path: Path) -> Hazards:
    yield Hazard("unread", "", "a file of no format that is known here")


# ---- Keras


def _hdf5(path: Path) -> Hazards:
    from rsinspect.checkpoints.boundary import attribute, hdf5_file, hdf5_hazards

    name = said(path)
    with reading(name), hdf5_file(path) as file:
        found = hdf5_hazards(file, path)
        yield from found
        if any(each.kind == "crash" for each in found):
            return
        for key in ("model_config", "training_config"):
            content = attribute(file, key, name)
            if content is not None:
                yield from _config(content, key)


def _archive(path: Path) -> Hazards:
    """Judge an archive, whoever is to read it: each member by its name."""
    writer = {ARCHIVE: "Keras", ".npz": "NumPy"}.get(path.suffix.lower(), "PyTorch")
    with archive_at(path, writer, trusting=True) as archive:
        names = tuple(archive.members)
        if names and not any(name.endswith(_KNOWN_MEMBERS) for name in names):
            yield Hazard("unread", "", "an archive of no format that is known here")
        is_of_keras = any(name.endswith((CONFIG, ".h5")) for name in names)
        found = archive.hazards(SMALL_BYTES if is_of_keras else _ARRAY_FLOOR_BYTES)
        yield from found
        left_out = {each.where for each in found if "bomb" in each.kind or each.kind == "unread"}
        if programs := [name for name in names if "/code/" in name]:
            where = showable(names_in_words(programs, 1), MOST_SAID)
            yield Hazard("program", where, "a program of TorchScript")
        for member in names:
            where = showable(member, MOST_SAID)
            if where not in left_out:
                yield from _member(archive, member, where)


def _member(archive: Archive, member: str, where: str) -> Hazards:
    """Judge a member of an archive; numbers and texts act on nobody."""
    match PurePosixPath(member).suffix:
        case ".json" if member == CONFIG:
            yield from _config(archive.content(member, _MOST_CONFIG_BYTES), member)
        case ".h5":
            for hazard in _without_end(_inner_hdf5(archive, member), archive.name):
                yield hazard._replace(where=f"{where}: {hazard.where}".removesuffix(": "))
        case ".npy":
            with archive.stream(member) as stream:
                is_array = stream.read(len(_NPY)) == _NPY
            with archive.stream(member) as stream:  # NumPy gives others as they are
                yield from _array(stream, archive.sizes[member], where) if is_array else ()
        case ".pkl" | ".pickle":
            content = archive.content(member, _MOST_PICKLE_BYTES)
            yield from _pickled(io.BytesIO(content), where, "pickled-import")
        case ".so" | ".dll" | ".dylib":
            yield Hazard("machine-code", where, "compiled code")
        case ".pt" | ".pth" | ".bin" | ".npz" | ".keras" | ".zip":
            yield Hazard("unread", where, "a file inside, which was not looked at")


def _inner_hdf5(archive: Archive, member: str) -> Hazards:
    from rsinspect.checkpoints.boundary import hdf5_file, hdf5_hazards

    def copy(target: IO[bytes]) -> None:
        archive.copy(member, target)

    with reading(archive.name), scratch_file(copy) as target:
        if target.read(1):  # an empty one holds nothing
            target.seek(0)
            with hdf5_file(target) as file:
                yield from hdf5_hazards(file, archive.path, member)


def _json(path: Path) -> Hazards:
    from rsinspect.base.sources import Unreadable, content_of

    try:
        content = content_of(path, _MOST_CONFIG_BYTES)
    except Unreadable as exc:
        raise WeightsError(str(exc)) from exc
    yield from _config(content, "")


def _config(content: bytes, where: str) -> Hazards:
    from rsinspect.base import codec

    try:
        config = codec.from_text(content)
    except codec.Damaged as exc:
        yield Hazard("unread", where, f"a configuration that is no JSON: {exc}")
        return
    for hazard in hazards_of(config, content):
        yield hazard if hazard.where else hazard._replace(where=where)


# ---- NumPy


def _npy(path: Path) -> Hazards:
    with path.open("rb") as file:
        yield from _array(file, path.stat().st_size, "")


def _array(file: IO[bytes], size: int, where: str) -> Hazards:
    """Judge an array by its head, and what is pickled behind it."""
    from rsinspect.checkpoints.npz import header_of

    try:
        head = header_of(file)
    except (ValueError, EOFError, MemoryError, TypeError) as exc:
        yield Hazard("unread", where, f"an array with a damaged head: {showable(str(exc), 80)}")
        return
    if head.dtype.hasobject:
        yield Hazard("object-array", where, "an array of pickled objects, which were not read")
        yield from _pickled(file, where, "pickled-array-import")
        return
    declared = math.prod(head.shape) * head.dtype.itemsize
    if declared > max(_ARRAY_FLOOR_BYTES, size):
        what = f"an array of {binary_bytes(declared)}, which are not there"
        yield Hazard("array-bomb", where, what)


# ---- PyTorch


def _pickle(path: Path) -> Hazards:
    with path.open("rb") as file:
        yield from _pickled(file, "", "pickled-import")


def _pickled(stream: IO[bytes], where: str, kind: str) -> Hazards:
    """Judge pickles by what they import; what is not known to do nothing is taken to run."""
    found = imports_of(stream)
    if UNKNOWN in found.imports:
        yield Hazard("pickled-made-up", where, "a pickle that makes up what it imports")
    foreign = [each for each in found.imports if each != UNKNOWN and not is_of_tensors(each)]
    foreign.sort(key=lambda each: each.module.partition(".")[0] not in sys.stdlib_module_names)
    kinds: dict[str, list[str]] = {}
    for each in foreign:
        harmless = str(each) in _SETTINGS
        kinds.setdefault("pickled-settings" if harmless else kind, []).append(str(each))
    for own, names in kinds.items():
        words = showable(names_in_words(names), MOST_SAID)
        if own == kind or kind == "pickled-import":  # arrays of objects have been said to be such
            yield Hazard(own, where, f"a pickle that imports {words}")
    if found.damage:
        what = f"a pickle that cannot be followed to its end: {showable(found.damage, 80)}"
        yield Hazard("unread", where, what)


def is_of_tensors(each: Global) -> bool:
    """Tell whether PyTorch's weights-only loader imports something too."""
    if str(each) in _TENSORS:
        return True
    return each.module in ("torch", "torch.cuda") and bool(_NUMBERS.fullmatch(each.name))


def _tar(path: Path) -> Hazards:
    yield Hazard("tar", "", "a tar archive, which early releases of PyTorch wrote")


# ---- numbers alone


def _safetensors(path: Path) -> Hazards:
    """Hold a file to its head: the format's own library lets no byte be of no tensor."""
    from rsinspect.checkpoints.safetensors_file import safetensors_file

    with safetensors_file(path):
        yield from ()


def _checkpoint(path: Path) -> Hazards:
    from rsinspect.checkpoints.tf1_checkpoint import checkpoint_file

    with checkpoint_file(path):
        yield from ()
