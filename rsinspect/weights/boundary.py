"""The door to weight files: what Keras would never write is refused before anything is read.

An HDF5 file can name other files whose bytes come back as if they were its own: by external
storage, by virtual datasets, by external links; a soft link may run in circles, a filter loads a
plug-in or inflates a few bytes to gigabytes. A ``.keras`` archive can do the last as well. Keras
writes none of these, so none is followed: whoever hands a weight file around cannot make it read
anything else. (Keras was mended for them one by one: CVE-2026-1669, -9335, -12480, -0897.)

Nothing is unpacked to a place with a name, and Keras's own loader is never called.
"""

from __future__ import annotations

import contextlib
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

import h5py

from rsinspect.base.errors import RsInspectError, WeightsError
from rsinspect.base.text import showable

KERAS_2 = (".h5", ".hdf5")
KERAS_3 = ".weights.h5"
ARCHIVE = ".keras"
INSIDE_ARCHIVE = "model.weights.h5"
MOST_EXPANSION = 100
"""Times that an archive may grow when it is unpacked: Keras's own limit. Weights hardly shrink."""

_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_SMALL_BYTES = 1 << 24  # an archive of less than 16 MiB unpacked harms nobody
_PIECE_BYTES = 1 << 20
_MOST_SAID = 400  # letters of a name or of another's error, in ours
_MOST_NESTED = 64  # a model in a model has two groups more

_DAMAGED_ARCHIVE = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, struct.error, EOFError,
    NotImplementedError, ValueError, RuntimeError, IndexError,
)  # fmt: skip
"""What zipfile raises on an archive that is damaged, encrypted or of a kind of its own."""

Datasets = dict[str, Any]
"""The datasets of an HDF5 file by their path, none of them read."""


def layout_of(path: Path) -> str:
    """Tell the layout by the ending of the name.

    Raises:
        WeightsError: If it is none of ours.
    """
    for ending in (KERAS_3, ARCHIVE, *KERAS_2):
        if path.name.endswith(ending):
            return ending
    raise WeightsError(
        f"{showable(str(path), _MOST_SAID)!r} is not a weight file that can be read",
        "weights is None, imagenet, imagenet-i<size>, or the path of an .h5, .weights.h5 or "
        ".keras file",
    )


@contextlib.contextmanager
def opened(path: Path) -> Iterator[tuple[Any, Datasets]]:
    """Open the HDF5 file at a path, or inside the archive there, and list what is in it.

    Everything in it is looked at, and nothing followed, before the first array can be read.

    Raises:
        WeightsError: If there is no such file, it is not of its layout, it is damaged, or it
            points at anything outside itself.
    """
    layout = layout_of(path)
    name = showable(str(path), _MOST_SAID)
    _require_regular(path, name)
    with contextlib.ExitStack() as stack:
        with reading(name):
            source: IO[bytes] | Path = path
            if layout == ARCHIVE:
                source = stack.enter_context(tempfile.TemporaryFile())  # no name, never left
                _unpack(path, name, source)
            else:
                _require_signature(path, name)
            file = stack.enter_context(h5py.File(source, "r"))
            datasets = _datasets(file, name)
        yield file, datasets


@contextlib.contextmanager
def reading(name: str) -> Iterator[None]:
    """Put into our words what h5py raises on a file that is not what it seems.

    Raises:
        WeightsError: In its place.
    """
    try:
        yield
    except RsInspectError:
        raise
    except (OSError, LookupError, ValueError, RuntimeError, TypeError, AttributeError,
            MemoryError) as exc:  # fmt: skip
        raise WeightsError(
            f"{name} cannot be read: {one_line(exc)}", "fetch or save it again"
        ) from exc


def _require_regular(path: Path, name: str) -> None:
    """Refuse what is no file with bytes in it; opening a pipe would wait for a writer."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as exc:
        raise WeightsError(f"there is no weight file {name}") from exc
    except (OSError, ValueError) as exc:
        raise WeightsError(f"{name} cannot be read: {one_line(exc)}") from exc
    if stat.S_ISDIR(mode):
        raise WeightsError(f"{name} is a directory, not a weight file")
    if not stat.S_ISREG(mode):
        raise WeightsError(f"{name} is a pipe, a socket or a device, not a weight file")


def _require_signature(path: Path, name: str) -> None:
    with path.open("rb") as raw:
        start = raw.read(len(_HDF5_SIGNATURE))
    if start != _HDF5_SIGNATURE:
        raise WeightsError(
            f"{name} is {'empty' if not start else 'not an HDF5 file'}",
            "fetch or save it again; a page saved in its place is a common cause",
        )


def _unpack(path: Path, name: str, target: IO[bytes]) -> None:
    """Copy the weight file out of a ``.keras`` archive; its checksum is verified on the way."""
    try:
        with zipfile.ZipFile(path) as archive:
            for inside in archive.namelist():
                place = PurePosixPath(inside.replace("\\", "/"))
                if place.is_absolute() or ".." in place.parts:
                    raise WeightsError(
                        f"{name} is no archive that Keras wrote: it has a member "
                        f"{showable(inside, _MOST_SAID)}"
                    )
            if INSIDE_ARCHIVE not in archive.namelist():
                raise WeightsError(f"{name} has no {INSIDE_ARCHIVE} inside")
            member = archive.getinfo(INSIDE_ARCHIVE)
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise WeightsError(
                    f"{name} is compressed in a way that Keras does not write",
                    "store or deflate what is inside",
                )
            if member.file_size > max(_SMALL_BYTES, MOST_EXPANSION * member.compress_size):
                raise WeightsError(
                    f"{name} would grow from {member.compress_size} to {member.file_size} bytes; "
                    f"weights do not shrink more than {MOST_EXPANSION} times"
                )
            with archive.open(member) as packed:
                while piece := packed.read(_PIECE_BYTES):
                    target.write(piece)
        target.flush()
        target.seek(0)
    except RsInspectError:
        raise
    except _DAMAGED_ARCHIVE as exc:
        raise WeightsError(
            f"{name} is damaged, or no .keras archive: {one_line(exc)}", "save it again"
        ) from exc


def _datasets(file: Any, name: str) -> Datasets:
    """List all datasets without reading one, and refuse whatever lies outside the file.

    Raises:
        WeightsError: With the path of the first thing that Keras would not have written.
    """
    found: Datasets = {}
    seen: set[int] = set()
    ahead: list[tuple[str, Any]] = [("", file)]
    while ahead:
        path, group = ahead.pop()
        address = h5py.h5o.get_info(group.id).addr
        if address in seen:
            raise _foreign(name, path, "a group that is there twice")
        seen.add(address)
        for child in group:
            place = f"{path}/{child}".lstrip("/")
            link = group.get(child, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise _foreign(name, place, "a link to another place")
            item = group[child]
            if isinstance(item, h5py.Group):
                if place.count("/") >= _MOST_NESTED:
                    raise _foreign(name, place, "a group inside more groups than Keras nests")
                ahead.append((place, item))
            elif isinstance(item, h5py.Dataset):
                _require_own_data(item, name, place)
                found[place] = item
            else:
                raise _foreign(name, place, "neither a group nor an array")
    return found


def _require_own_data(dataset: Any, name: str, place: str) -> None:
    """Refuse a dataset whose numbers are kept outside the file, or packed by a filter."""
    properties = dataset.id.get_create_plist()
    if properties.get_layout() == h5py.h5d.VIRTUAL:
        raise _foreign(name, place, "an array pieced together from other files")
    if properties.get_external_count():
        raise _foreign(name, place, "an array kept in another file")
    if properties.get_nfilters():
        raise _foreign(name, place, "a compressed array")


def _foreign(name: str, place: str, what: str) -> WeightsError:
    return WeightsError(
        f"{name} is no file that Keras wrote: {showable(place, _MOST_SAID)} is {what}",
        "do not trust it; nothing of it was read",
    )


def one_line(value: object) -> str:
    """Say what an exception or a value says, without line breaks."""
    return showable(" ".join(str(value).split()), _MOST_SAID) or type(value).__name__
