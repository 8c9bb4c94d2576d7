"""The members of a zip archive (``.keras``, ``.npz``, PyTorch's): read in place, never extracted.

Keras and PyTorch store their members as they are, so a member that grows when it is unpacked is
none of their making. Names, links, duplicates and encryption are looked at before the first member
is read; extracting archives has cost Keras CVE-2025-12060, -12638, CVE-2026-11816, -12482 and
-12479, and reading them whole the bombs of CVE-2026-0897.
"""

from __future__ import annotations

import contextlib
import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from rsinspect.base.errors import RsInspectError, WeightsError
from rsinspect.base.text import showable
from rsinspect.base.units import binary_bytes
from rsinspect.checkpoints.hazards import Hazard
from rsinspect.checkpoints.layout import MOST_SAID, one_line, said

WEIGHTS = "model.weights.h5"
CONFIG = "config.json"
MOST_EXPANSION = 100
"""Times that weights may grow when they are unpacked: Keras's own limit. They hardly shrink."""

SMALL_BYTES = 1 << 24  # an archive of less than 16 MiB unpacked harms nobody
_PIECE_BYTES = 1 << 20
_MOST_READ_AT_ONCE = 1 << 23  # a list of some 80,000 members; Keras writes three or four

_DAMAGED = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, struct.error, EOFError,
    NotImplementedError, ValueError, RuntimeError, IndexError,
)  # fmt: skip
"""What zipfile raises on an archive that is damaged, encrypted or of a kind of its own."""

EMPTY = b"PK\x05\x06" + bytes(18)
"""All of an archive without members, as ``numpy.savez`` of no arrays writes it."""

_KINDS = {"Keras": ".keras archive", "NumPy": ".npz archive"}
"""What the archives of a writer are called."""


class _Bounded(io.BufferedReader):
    """A file whose list of members nobody reads if it is long; zipfile reads it in one go.

    Attributes:
        is_listed: Whether the list has been read; members are read as they are asked for.
    """

    is_listed = False

    def read(self, size: int | None = -1, /) -> bytes:
        if self.is_listed:
            return super().read(size)
        most = _MOST_READ_AT_ONCE + 1
        content = super().read(most if size is None or size < 0 else min(size, most))
        if len(content) == most:
            raise zipfile.BadZipFile("its list of members is longer than any that is written")
        return content


class Archive:
    """An archive that is open, its list of members looked at.

    Attributes:
        path: Of the file.
        name: The path as messages say it.
        writer: Who writes such archives.
    """

    def __init__(self, file: zipfile.ZipFile, path: Path, writer: str) -> None:
        self._file = file
        self.path = path
        self.name = said(path)
        self.writer = writer

    def __contains__(self, member: str) -> bool:
        return member in self._file.NameToInfo

    @property
    def members(self) -> dict[str, int]:
        """List the members, each with the bytes that it takes in the file."""
        return {info.filename: info.compress_size for info in self._file.infolist()}

    @property
    def sizes(self) -> dict[str, int]:
        """List the members, each with the bytes that it has when it is unpacked."""
        return {info.filename: info.file_size for info in self._file.infolist()}

    def content(self, member: str, most_bytes: int) -> bytes:
        """Read a member whole.

        Raises:
            WeightsError: If it is missing or would be larger than that.
        """
        info = self._info(member)
        if info.file_size > most_bytes:
            raise WeightsError(
                f"{self.name}: {member} would grow from {info.compress_size} to {info.file_size} "
                f"bytes, more than any that {self.writer} writes"
            )
        content = io.BytesIO()
        self._pour(info, content)
        return content.getvalue()

    @contextlib.contextmanager
    def stream(self, member: str) -> Iterator[IO[bytes]]:
        """Open a member of numbers; its checksum is verified where it is read to its end.

        Raises:
            WeightsError: If it is missing, grows more than numbers can, or is damaged.
        """
        info = self._info(member)
        self._require_numbers(info)
        with refusing_damage(self.name, self.writer), self._file.open(info) as packed:
            yield packed

    def hazards(self, floor_bytes: int = SMALL_BYTES) -> tuple[Hazard, ...]:
        """Find what the list of members says that no honest archive would; none of them is read.

        Args:
            floor_bytes: What may come out of it, however little it is packed.
        """
        members = self._file.infolist()
        found = [*_odd_members(self._file)]
        for member in members:
            if member.flag_bits & 1:
                found.append(Hazard("unread", _shown(member), "a member that is encrypted"))
            if member.file_size > max(floor_bytes, MOST_EXPANSION * member.compress_size):
                kind = "archive-bomb" if member.filename in (WEIGHTS, CONFIG) else "asset-bomb"
                what = _growth("a member that grows", member.compress_size, member.file_size)
                found.append(Hazard(kind, _shown(member), what))
        whole = sum(member.file_size for member in members)
        packed = sum(member.compress_size for member in members)
        is_many = whole > max(4 * floor_bytes, MOST_EXPANSION * packed)
        if not any("bomb" in each.kind for each in found) and (is_many or packed > self._size()):
            what = _growth("members that together grow", self._size(), whole)
            found.append(Hazard("asset-bomb", "", what))
        return tuple(found)

    def _size(self) -> int:
        assert self._file.fp is not None  # it is open
        return self._file.fp.seek(0, io.SEEK_END)

    def copy(self, member: str, target: IO[bytes]) -> None:
        """Copy a member into an open file; its checksum is verified on the way.

        Raises:
            WeightsError: If it is missing, or grows more than weights can.
        """
        info = self._info(member)
        self._require_numbers(info)
        self._pour(info, target)

    def _require_numbers(self, info: zipfile.ZipInfo) -> None:
        """Refuse a member that grows more than weights can."""
        if info.file_size > max(SMALL_BYTES, MOST_EXPANSION * info.compress_size):
            raise WeightsError(
                f"{self.name} would grow from {info.compress_size} to {info.file_size} bytes; "
                f"weights do not shrink more than {MOST_EXPANSION} times"
            )

    def _pour(self, info: zipfile.ZipInfo, target: IO[bytes]) -> None:
        """Copy a member; no more comes out than it says, and zipfile checks that it is all."""
        for piece in self._pieces(info):
            target.write(piece)
        target.flush()

    def _pieces(self, info: zipfile.ZipInfo) -> Iterator[bytes]:
        """Read a member piece by piece."""
        with refusing_damage(self.name, self.writer), self._file.open(info) as packed:
            while piece := packed.read(_PIECE_BYTES):
                yield piece

    def _info(self, member: str) -> zipfile.ZipInfo:
        if member not in self:
            raise WeightsError(f"{self.name} has no {member} inside")
        info = self._file.getinfo(member)
        if info.flag_bits & 1:
            raise WeightsError(
                f"{self.name}: {member} is encrypted", f"{self.writer} encrypts nothing"
            )
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise WeightsError(
                f"{self.name} is compressed in a way that {self.writer} does not write",
                "store or deflate what is inside",
            )
        return info


@contextlib.contextmanager
def archive_at(path: Path, writer: str = "Keras", *, trusting: bool = False) -> Iterator[Archive]:
    """Open the archive at a path and look at its list of members; none of them is read.

    Args:
        path: Of the archive.
        writer: Who writes such archives, for messages: ``Keras``, ``NumPy``, ``PyTorch``.
        trusting: Whether odd members are let be, for somebody who asks for its ``hazards``.

    Raises:
        WeightsError: If it is damaged, or has a member that nobody would have written.
    """
    name = said(path)
    with contextlib.ExitStack() as stack:
        with refusing_damage(name, writer):
            raw = stack.enter_context(_Bounded(io.FileIO(path)))
            file = stack.enter_context(zipfile.ZipFile(raw))
            raw.is_listed = True
            for hazard in () if trusting else _odd_members(file):
                raise WeightsError(
                    f"{name} is no archive that {writer} wrote: it has {hazard.what}, "
                    f"{hazard.where}",
                    "do not trust it; nothing of it was read",
                )
        yield Archive(file, path, writer)


@contextlib.contextmanager
def refusing_damage(name: str, writer: str) -> Iterator[None]:
    """Put into our words what zipfile raises on an archive that is not what it seems.

    Raises:
        WeightsError: In its place.
    """
    try:
        yield
    except RsInspectError:
        raise
    except OSError as exc:
        raise WeightsError(f"{name} cannot be read: {one_line(exc)}") from exc
    except _DAMAGED as exc:
        kind = _KINDS.get(writer, f"archive of {writer}'s")
        raise WeightsError(
            f"{name} is damaged, or no {kind}: {one_line(exc)}", "save it again"
        ) from exc


def is_archive(path: Path) -> bool:
    """Tell whether a file ends as an archive does, whatever it begins with."""
    try:
        with path.open("rb") as file:
            return zipfile.is_zipfile(file)
    except OSError:
        return False


def _odd_members(file: zipfile.ZipFile) -> Iterator[Hazard]:
    """List members that leave the archive, are links, or are there twice."""
    for member in file.infolist():
        place = PurePosixPath(member.filename.replace("\\", "/"))
        if (
            place.is_absolute()
            or ".." in place.parts
            or (place.parts[:1] and ":" in place.parts[0])
        ):
            yield Hazard("member-outside", _shown(member), "a member that lies outside of it")
        elif stat.S_ISLNK(member.external_attr >> 16):
            yield Hazard("member-link", _shown(member), "a member that is a link")
        elif file.NameToInfo[member.filename] is not member:
            yield Hazard("member-twice", _shown(member), "a member that is there twice")


def _growth(who: str, before: int, after: int) -> str:
    return f"{who} from {binary_bytes(before)} to {binary_bytes(after)}"


def _shown(member: zipfile.ZipInfo) -> str:
    return showable(member.filename, MOST_SAID)
