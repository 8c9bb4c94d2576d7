"""The door to weight files: what Keras would never write is refused before anything is read.

An HDF5 file can name other files whose bytes come back as if they were its own: by external
storage, by virtual datasets, by external links; a soft link may run in circles, a filter loads a
plug-in or inflates a few bytes to gigabytes. A ``.keras`` archive can do the last as well. Keras
writes none of these, so none is followed: whoever hands a weight file around cannot make it read
anything else. (Keras was mended for them one by one: CVE-2026-1669, -9335, -12480, -0897.)

Nothing is unpacked to a place with a name, and Keras's own loader is never called.

HDF5 itself can be crashed by damage in the heap in which groups of many members may lie since 1.8:
1.14.6 frees what it never reserved. Keras writes none, and none is read here; what is in one, a
process of its own tells, which may crash.
"""

from __future__ import annotations

import contextlib
import json
import math
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any

import h5py

from rsinspect.base.errors import WeightsError
from rsinspect.base.files import scratch_file
from rsinspect.base.process import OutOfTime, run
from rsinspect.base.text import showable
from rsinspect.checkpoints.archive import WEIGHTS, archive_at
from rsinspect.checkpoints.hazards import Hazard
from rsinspect.checkpoints.layout import (
    ARCHIVE,
    HDF5_SIGNATURE,
    MOST_SAID,
    layout_of,
    reading,
    said,
    start_of,
)

_MOST_NESTED = 64  # a model in a model has two groups more
_MOST_ITEMS = 100_000  # groups and arrays; the largest of keras.applications has some 6,000
_MOST_EMPTY_BYTES = 1 << 32
_MOST_EXPANSION = 1000
"""Times that an array above 4 GiB may be larger than what is stored of it: Keras's own limits."""
_MOST_ATTRIBUTE_BYTES = 1 << 26
_HEAP = 1 << 2
"""Of the messages of a group: that its members may lie in a heap, as before 1.8 none did."""

_LONGEST_WALK_S = 60.0
_LAST_FILTER_OF_HDF5 = 255  # higher numbers are the plug-ins of others

Datasets = dict[str, Any]
"""The datasets of an HDF5 file by their path, none of them read."""


@contextlib.contextmanager
def opened(path: Path) -> Iterator[tuple[Any, Datasets]]:
    """Open the HDF5 file at a path, or inside the archive there, and list what is in it.

    Everything in it is looked at, and nothing followed, before the first array can be read.

    Raises:
        WeightsError: If there is no such file, it is not of its layout, it is damaged, or it
            points at anything outside itself.
    """
    name, layout, start = said(path), layout_of(path), start_of(path)
    with contextlib.ExitStack() as stack:
        with reading(name):
            source: IO[bytes] | Path = path
            if layout == ARCHIVE and start != HDF5_SIGNATURE:
                source = stack.enter_context(_member(path, WEIGHTS))
            elif start != HDF5_SIGNATURE:
                raise WeightsError(
                    f"{name} is {'empty' if not start else 'not an HDF5 file'}",
                    "fetch or save it again; a page saved in its place is a common cause",
                )
            file = stack.enter_context(hdf5_file(source))
            datasets = _datasets(file, name)
        yield file, datasets


def _member(
    path: Path, member: str, *, trusting: bool = False
) -> AbstractContextManager[IO[bytes]]:
    """Copy a member of an archive into a temporary file.

    Raises:
        NoTemporaryDirectory: If there is no room for it.
        WeightsError: If it is missing or damaged.
    """

    def copy(target: IO[bytes]) -> None:
        with archive_at(path, trusting=trusting) as archive:
            archive.copy(member, target)

    return scratch_file(copy)


def hdf5_file(source: IO[bytes] | Path) -> Any:
    """Open an HDF5 file of which nothing is read yet."""
    return h5py.File(source, "r")


def attribute(owner: Any, key: str, name: str) -> bytes | None:
    """Read a text that is an attribute, as bytes; None where there is none.

    Args:
        owner: A file, group or array of h5py's.
        key: Of the attribute.
        name: Of the file, for messages.

    Raises:
        WeightsError: If it is no text, or claims to be larger than any that Keras writes.
    """
    with reading(name):
        if key not in owner.attrs:
            return None
        kept = owner.attrs.get_id(key)
        if kept.shape != () or kept.get_storage_size() > _MOST_ATTRIBUTE_BYTES:
            raise _foreign(name, key, "not one text")
        value = owner.attrs[key]
        if isinstance(value, str):
            return value.encode(errors="surrogateescape")  # as h5py has decoded it
        if not isinstance(value, bytes):
            raise _foreign(name, key, "not one text")
        return value


def hdf5_hazards(file: Any, path: Path, member: str = "") -> tuple[Hazard, ...]:
    """Find what in an open HDF5 file points outside it, or claims to be what it is not.

    Args:
        file: That is open.
        path: Of it, or of the archive that it is in.
        member: Its name in that archive.
    """
    found = tuple(item for _, item in _looked_over(file) if isinstance(item, Hazard))
    if not any(hazard.kind == "new-group" for hazard in found):
        return found
    code = f"import sys; from {__name__} import tell_hazards; tell_hazards(*sys.argv[1:])"
    command = (sys.executable, "-P", "-c", code, str(path), member)
    try:
        ended = run(command, timeout_s=_LONGEST_WALK_S)
    except OutOfTime:
        return (Hazard("unread", "", "a file whose groups take too long to list"),)
    if ended.code:  # whether it crashes depends on what lay in memory
        return (Hazard("crash", "", "a group with damage on which the HDF5 library can crash"),)
    return tuple(Hazard(*each) for each in json.loads(ended.output))


def tell_hazards(path: str, member: str) -> None:
    """Print the hazards of an HDF5 file, or crash where the library does: a process of its own."""
    with contextlib.ExitStack() as stack:
        source: IO[bytes] | Path = Path(path)
        if member:
            source = stack.enter_context(_member(Path(path), member, trusting=True))
        file = stack.enter_context(hdf5_file(source))
        looked = _looked_over(file, every_group=True)
        print(json.dumps([item for _, item in looked if isinstance(item, Hazard)]))


def _datasets(file: Any, name: str) -> Datasets:
    """List all datasets without reading one, and refuse whatever lies outside the file.

    Raises:
        WeightsError: With the path of the first thing that Keras would not have written.
    """
    found: Datasets = {}
    for place, item in _looked_over(file):
        if isinstance(item, Hazard):
            raise _foreign(name, item.where, item.what)
        found[place] = item
    return found


def _looked_over(file: Any, *, every_group: bool = False) -> Iterator[tuple[str, Any]]:
    """List all datasets by their path, none of them read, and what Keras would not have written.

    Args:
        file: That is open.
        every_group: Whether groups that can crash HDF5 are listed too.
    """
    groups: set[int] = set()
    count = 0
    ahead: list[tuple[str, Any]] = [("", file.id)]
    while ahead:  # on h5py's lower level, which takes a third of the time
        path, group = ahead.pop()
        info = h5py.h5o.get_info(group)
        if info.addr in groups:
            yield path, _hazard("odd-item", path, "a group that is there twice")
            continue
        groups.add(info.addr)
        if info.meta_size.obj.heap_size and info.hdr.mesg.present & _HEAP and not every_group:
            yield path, _hazard("new-group", path, "a group of a form that Keras does not write")
            continue
        for child in group:
            place = f"{path}/{child.decode(errors='surrogateescape')}".lstrip("/")
            count += 1
            if count > _MOST_ITEMS:
                what = f"one of more than {_MOST_ITEMS} groups and arrays"
                yield place, _hazard("unread", place, what)
                return
            link = group.links.get_info(child).type
            if link == h5py.h5l.TYPE_SOFT:
                yield place, _hazard("inner-link", place, "a link to another place")
                continue
            if link != h5py.h5l.TYPE_HARD:
                what = "a link to another place, in another file"
                yield place, _hazard("external-link", place, what)
                continue
            item = h5py.h5o.open(group, child)
            if isinstance(item, h5py.h5g.GroupID):
                if place.count("/") >= _MOST_NESTED:
                    what = "a group inside more groups than Keras nests"
                    yield place, _hazard("unread", place, what)
                    continue
                ahead.append((place, item))
            elif isinstance(item, h5py.h5d.DatasetID):
                oddity = _oddity(item, place)
                yield place, oddity or h5py.Dataset(item)
            else:
                yield place, _hazard("odd-item", place, "neither a group nor an array")


def _oddity(dataset: Any, place: str) -> Hazard | None:
    """Find out whether the numbers of a dataset are kept outside the file, packed, or not there."""
    properties = dataset.get_create_plist()
    if properties.get_layout() == h5py.h5d.VIRTUAL:
        return _hazard("virtual-array", place, "an array pieced together from other files")
    if properties.get_external_count():
        return _hazard("external-storage", place, "an array kept in another file")
    declared = math.prod(dataset.shape or ()) * dataset.get_type().get_size()
    if declared > _MOST_EMPTY_BYTES and declared > _MOST_EXPANSION * dataset.get_storage_size():
        what = f"an array of {declared} bytes, which are not there"
        return _hazard("shape-bomb", place, what)
    filters = [properties.get_filter(n)[0] for n in range(properties.get_nfilters())]
    if any(number > _LAST_FILTER_OF_HDF5 for number in filters):
        return _hazard("plug-in", place, f"a compressed array, which needs filter {max(filters)}")
    if filters:
        return _hazard("compressed-array", place, "a compressed array")
    return None


def _hazard(kind: str, place: str, what: str) -> Hazard:
    return Hazard(kind, showable(place or "/", MOST_SAID), what)


def _foreign(name: str, place: str, what: str) -> WeightsError:
    return WeightsError(
        f"{name} is no file that Keras wrote: {showable(place, MOST_SAID)} is {what}",
        "do not trust it; nothing of it was read",
    )
