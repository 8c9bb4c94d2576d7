"""What is in a weight file: names and shapes of its arrays, layer by layer, and the arrays.

Three layouts are read, told apart by the end of the name as Keras does:

    .h5, .hdf5    Keras 2: layers in order, names as attributes; the layout of the published files
    .weights.h5   Keras 3: arrays under ``layers/<class>_<n>/vars/<i>``
    .keras        Keras 3: a zip archive with such a file inside
"""

from __future__ import annotations

import contextlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py

from rsinspect.base.errors import RsInspectError, WeightsError

KERAS_2 = (".h5", ".hdf5")
KERAS_3 = ".weights.h5"
ARCHIVE = ".keras"
INSIDE_ARCHIVE = "model.weights.h5"
_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
DAMAGE = (OSError, KeyError, ValueError, RuntimeError, TypeError, AttributeError)
"""What h5py raises on a file that is not what it seems."""

Shapes = tuple[tuple[int, ...], ...]
Contents = list[tuple[str, Shapes]]
"""Layers with weights as a file has them: name and shapes of the arrays, in the file's order."""


def layout_of(path: Path) -> str:
    """Tell the layout by the ending of the name.

    Raises:
        WeightsError: If it is none of ours.
    """
    for ending in (KERAS_3, ARCHIVE, *KERAS_2):
        if path.name.endswith(ending):
            return ending
    raise WeightsError(
        f"{str(path)!r} is not a weight file that can be read",
        "weights is None, imagenet, imagenet-i<size>, or the path of an .h5, .weights.h5 or "
        ".keras file",
    )


def read_contents(path: Path) -> Contents:
    """Read names and shapes of the arrays in a weight file; the arrays themselves stay on disk.

    Raises:
        WeightsError: If there is no such file, it cannot be read, or it is not of the layout that
            its name says.
    """
    layout = layout_of(path)
    if path.is_dir():
        raise WeightsError(f"{path} is a directory, not a weight file")
    if not path.exists():
        raise WeightsError(f"there is no weight file {path}")
    try:
        with opened(path, layout) as file:
            contents = _keras_2(file) if layout in KERAS_2 else _keras_3(file)
    except RsInspectError:
        raise
    except DAMAGE as exc:
        raise WeightsError(
            f"{path} cannot be read: {one_line(exc)}", "fetch or save it again"
        ) from exc
    if not contents:
        ending = KERAS_3 if layout in KERAS_2 else ".h5"
        raise WeightsError(
            f"{path} holds no weights in the layout of {layout} files",
            f"if it is of the other layout, let its name end in {ending}",
        )
    return contents


@contextlib.contextmanager
def opened(path: Path, layout: str) -> Iterator[Any]:
    """Open the HDF5 file at a path, or inside the archive there."""
    if layout == ARCHIVE:
        with h5py.File(io.BytesIO(_from_archive(path)), "r") as file:
            yield file
        return
    with path.open("rb") as raw:
        start = raw.read(len(_HDF5_SIGNATURE))
    if start != _HDF5_SIGNATURE:
        raise WeightsError(
            f"{path} is {'empty' if not start else 'not an HDF5 file'}",
            "fetch or save it again; a page saved in its place is a common cause",
        )
    with h5py.File(path, "r") as file:
        yield file


def _from_archive(path: Path) -> bytes:
    """Read the weight file inside a ``.keras`` archive; its checksum is verified."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.read(INSIDE_ARCHIVE)
    except KeyError as exc:
        raise WeightsError(f"{path} has no {INSIDE_ARCHIVE} inside") from exc
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError) as exc:
        raise WeightsError(
            f"{path} is damaged, or no .keras archive: {one_line(exc)}", "save it again"
        ) from exc


def _keras_2(file: Any) -> Contents:
    return [
        (name, tuple(tuple(array.shape) for array in arrays))
        for name, arrays in keras_2_arrays(file)
    ]


def keras_2_arrays(file: Any) -> Iterator[tuple[str, list[Any]]]:
    """Yield the layers with weights of a Keras 2 file, of weights alone or of a whole model."""
    group = file.get("model_weights", file)
    for name in _strings(group, "layer_names"):
        names = _strings(group[name], "weight_names")
        if names:
            yield name, [group[name][weight] for weight in names]


def _strings(group: Any, name: str) -> list[str]:
    """Read a list of strings, kept as an attribute or, where it is long, in numbered pieces."""
    if name in group.attrs:
        pieces = [group.attrs[name]]
    else:
        pieces = []
        while f"{name}{len(pieces)}" in group.attrs:
            pieces.append(group.attrs[f"{name}{len(pieces)}"])
    return [text.decode() if isinstance(text, bytes) else str(text) for p in pieces for text in p]


def _keras_3(file: Any) -> Contents:
    """List the layers with weights of a Keras 3 file; random states of dropouts are left out."""
    contents: Contents = []
    for name, group in file["layers"].items() if "layers" in file else ():
        arrays = group.get("vars", {})
        if len(arrays):
            shapes = [tuple(arrays[str(index)].shape) for index in range(len(arrays))]
            contents.append((name, tuple(shapes)))
    return contents


def one_line(value: object) -> str:
    """Say what an exception or a value says, without line breaks."""
    return " ".join(str(value).split()) or type(value).__name__
