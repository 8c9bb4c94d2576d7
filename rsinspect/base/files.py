"""Files that are written whole or not at all, and the text templates that ship with the package.

A file is written beside its place and then put there, so that whatever happens on the way (a full
disk, Ctrl-C, a kill) leaves the old file or the new one. A link is followed, and an existing file
keeps its mode and its owner. A device or a pipe has no place to be put at and is written into.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from rsinspect.base.errors import NoTemporaryDirectory, OutputNotWritable, RsInspectError

_STREAMS = (stat.S_IFIFO, stat.S_IFCHR)
"""Kinds of files that are written into: pipes, and devices that take a stream."""


def check_writable(path: Path) -> None:
    """Refuse an output path early, before any work is done for it.

    Raises:
        OutputNotWritable: If the path is a directory, a socket or a disk, its directory is missing
            or not writable, or it cannot be the name of a file.
    """
    with _refusing(path):
        target, kind = _target(path)
        if kind == stat.S_IFDIR:
            raise OutputNotWritable(f"{path} is a directory", "name a file in it")
        if kind not in (None, stat.S_IFREG, *_STREAMS):
            raise OutputNotWritable(f"{path} is no file that can be written", "name another file")
        directory = target.parent
        if kind not in _STREAMS and not directory.is_dir():
            raise OutputNotWritable(
                f"the directory {directory} does not exist",
                f"create it first: mkdir -p {directory}",
            )
        touched = (*([target] if kind else []), *([directory] if kind not in _STREAMS else []))
        if not all(os.access(place, os.W_OK) for place in touched):
            raise OutputNotWritable(f"{path} cannot be written", "choose a place you may write to")


def write_whole(path: Path, content: bytes) -> None:
    """Write one file, whole or not at all.

    Raises:
        OutputNotWritable: If the system refuses.
    """
    write_all({path: content})


def write_all(contents: Mapping[Path, bytes]) -> None:
    """Write several files: none is put in its place before all of them are on the disk.

    Raises:
        OutputNotWritable: If two paths are one file, or the system refuses one.
    """
    places = {path: _checked(path) for path in contents}
    check_apart({str(path): path for path in contents})
    written: dict[Path, Path] = {}
    try:
        for path, (target, kind) in places.items():
            if kind not in _STREAMS:
                with _refusing(path):
                    # Short, as the name itself may be as long as names can be; and known before
                    # there is a file, so that whoever ends this process leaves none.
                    written[path] = target.with_name(f".rsinspect-{os.urandom(8).hex()}")
                    _write_beside(written[path], target, contents[path])
        for path, (target, kind) in places.items():
            with _refusing(path):
                if kind in _STREAMS:
                    target.write_bytes(contents[path])
                else:
                    written[path].replace(target)
    finally:
        for temporary in written.values():
            with contextlib.suppress(OSError):
                temporary.unlink()


@contextlib.contextmanager
def placed(path: Path) -> Iterator[Path]:
    """Give a name beside a file's place to write at; what is there at the end becomes the file.

    For content that is too large to be held, or that another library writes. The name has the
    suffixes of the file's own, as some writers go by them. Whatever mode a writer chooses, a new
    file has that of all new files. Nothing is left where writing fails.

    Raises:
        OutputNotWritable: If the system refuses, or the place is a pipe or a device.
    """
    target, kind = _checked(path)
    if kind in _STREAMS:
        raise OutputNotWritable(f"{path} is a pipe or a device", "name a file")
    suffixes = "".join(target.suffixes[-2:])
    temporary = target.with_name(f".rsinspect-{os.urandom(8).hex()}{suffixes}")
    try:
        with _refusing(path):
            temporary.touch()
            mode = stat.S_IMODE(temporary.stat().st_mode)
            temporary.unlink()
            yield temporary
            temporary.chmod(mode)
            _take_mode(temporary, target)
            temporary.replace(target)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


@contextlib.contextmanager
def made_folder(folder: Path) -> Iterator[None]:
    """Make a folder for files that are written meanwhile; one that was made is gone on failure.

    Raises:
        OutputNotWritable: If it cannot be one, or files cannot be written into it.
    """
    is_new = not folder.exists()
    with _refusing(folder):
        if not is_new and not folder.is_dir():
            raise OutputNotWritable(f"{folder} is a file, not a folder", "name another folder")
        if is_new:
            folder.mkdir()
        if not os.access(folder, os.W_OK):
            raise OutputNotWritable(
                f"{folder} cannot be written", "choose a place you may write to"
            )
    try:
        yield
    except BaseException:
        if is_new:
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise


def check_apart(written: Mapping[str, Path], read: Mapping[str, Path] | None = None) -> None:
    """Refuse two names for one file, of which the second would lose what is in the first.

    Args:
        written: Files that will be written, by what to call each.
        read: Files that are read for them, likewise.

    Raises:
        OutputNotWritable: If two are one file; several may go into one pipe or device.
    """
    read = read or {}
    seen: dict[Path, str] = {}
    for called, path in read.items():
        with contextlib.suppress(OSError, ValueError):  # whoever reads it will say so
            seen[_target(path)[0]] = called
    for called, path in written.items():
        with _refusing(path):
            target, kind = _target(path)
        if target in seen and kind not in _STREAMS:
            first = seen[target]
            raise OutputNotWritable(
                f"{path} is read for {first}, and {called} would write over it"
                if first in read
                else f"{first} and {called} are one file, {path}",
                "give each its own name",
            )
        seen[target] = called


def _checked(path: Path) -> tuple[Path, int | None]:
    check_writable(path)
    return _target(path)


def _target(path: Path) -> tuple[Path, int | None]:
    """Follow links to the file itself; tell its kind, None where there is none yet."""
    try:
        kind = stat.S_IFMT(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        kind = None
    return (path if kind in _STREAMS else Path(os.path.realpath(path))), kind


def _write_beside(temporary: Path, target: Path, content: bytes) -> None:
    """Write a new file with the mode and the owner of the one that it is to replace."""
    with temporary.open("xb") as file:
        _take_mode(temporary, target)
        file.write(content)


def _take_mode(temporary: Path, target: Path) -> None:
    """Give a file the mode and the owner of the one that it is to replace."""
    with contextlib.suppress(FileNotFoundError):
        old = target.stat()
        if os.name == "posix":
            if (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
                with contextlib.suppress(PermissionError):
                    os.chown(temporary, old.st_uid, old.st_gid)
            temporary.chmod(stat.S_IMODE(old.st_mode))


@contextlib.contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """Turn what the system says about a path into one line."""
    try:
        yield
    except RsInspectError:
        raise
    except OSError as exc:
        raise OutputNotWritable(
            f"{path} cannot be written: {exc.strerror or exc}", "choose another place or name"
        ) from exc
    except ValueError as exc:  # a NUL, or half a character
        raise OutputNotWritable(f"{str(path)!r:.80} is no name of a file", str(exc)) from exc


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Make a directory for temporary files, which is gone afterwards.

    Raises:
        NoTemporaryDirectory: If there is no place for one, or what is in it cannot be written.
    """
    import tempfile  # only for the few who draw

    try:
        with tempfile.TemporaryDirectory(prefix="rsinspect-") as directory:
            yield Path(directory)
    except OSError as exc:
        raise NoTemporaryDirectory(
            f"temporary files cannot be written: {exc.strerror or exc}",
            "set TMPDIR to a directory that you may write to and that has room",
        ) from exc


def template(name: str) -> str:
    """Read a template: the installed package's copy, or the checkout's ``templates/``."""
    package = Path(__file__).parents[1]
    inside, beside = package / "templates" / name, package.parent / "templates" / name
    return (inside if inside.is_file() else beside).read_text(encoding="utf-8")
