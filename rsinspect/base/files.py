"""Files that are written whole or not at all, and the text templates that ship with the package.

A file is written beside its place and then put there, so that whatever happens on the way (a full
disk, Ctrl-C, a kill) leaves the old file or the new one. A link is followed, and an existing file
keeps its mode and its owner; other names that it has (hard links) keep the old content. A device or
a pipe has no place to be put at and is written into.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO

from rsinspect.base.errors import (
    NoTemporaryDirectory,
    OutputNotWritable,
    RenderError,
    RsInspectError,
)

_STREAMS = (stat.S_IFIFO, stat.S_IFCHR)
"""Kinds of files that are written into: pipes, and devices that take a stream."""

_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)
_ELSEWHERE = "choose another place or name"


def check_writable(path: Path, *, whole: bool = False) -> None:
    """Refuse an output path early, before any work is done for it.

    Args:
        path: Of the output.
        whole: Whether only a file will do, as what writes it seeks in it.

    Raises:
        OutputNotWritable: If the path is a directory, a socket or a disk, its directory is missing
            or not writable, or it cannot be the name of a file.
    """
    with _refusing(path):
        target, kind = _target(path)
        if whole and kind in _STREAMS:
            raise OutputNotWritable(f"{path} is a pipe or a device", "name a file")
        if kind == stat.S_IFDIR:
            raise OutputNotWritable(f"{path} is a directory", "name a file in it")
        if kind not in (None, stat.S_IFREG, *_STREAMS):
            raise OutputNotWritable(f"{path} is no file that can be written", "name another file")
        directory = target.parent
        if kind not in _STREAMS and not directory.is_dir():
            above = (directory, *directory.parents)
            there = next((place for place in above if place.exists()), directory)
            if there.is_file():
                raise OutputNotWritable(f"{there} is a file, not a directory", "name another place")
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
    """Write several files: all of them, or none.

    Raises:
        OutputNotWritable: If two paths are one file, or the system refuses one.
    """
    places = {path: _checked(path) for path in contents}
    check_apart({str(path): path for path in contents})
    made: dict[Path, Path] = {}
    with contextlib.ExitStack() as folders:
        for path, (_, kind) in places.items():
            if kind not in _STREAMS:
                made[path] = folders.enter_context(beside(path))
                with _refusing(path):
                    made[path].write_bytes(contents[path])
        for path, (target, kind) in places.items():
            if kind in _STREAMS:
                with _refusing(path):
                    target.write_bytes(contents[path])
        put_in_place(made)


@contextlib.contextmanager
def placed(path: Path) -> Iterator[Path]:
    """Name a place to write a file at; what is there at the end becomes the file.

    For content that is too large to be held, or that another library writes: the name is the
    file's own, as some writers go by it. Nothing is left where writing fails.

    Raises:
        OutputNotWritable: If the system refuses, or the place is a pipe or a device.
    """
    check_writable(path, whole=True)
    with beside(path) as made, _refusing(path):
        yield made
        put_in_place({path: made})


@contextlib.contextmanager
def beside(path: Path) -> Iterator[Path]:
    """Name a place to make a file or a folder at, on the disk of its own place.

    It lies in a folder that nobody else can look into; that is gone at the end, with what is in it.

    Raises:
        OutputNotWritable: If the system refuses.
    """
    with contextlib.ExitStack() as until_the_end:
        with _refusing(path):
            target, _ = _target(path)
            folder = until_the_end.enter_context(short_lived(target.parent))
        try:
            yield folder / target.name
        except RenderError:
            raise
        except RsInspectError as exc:  # a framework failed, and its last words say at what
            for why in map(os.strerror, _OF_THE_DISK):
                if why in exc.message:
                    raise OutputNotWritable(f"{path} cannot be written: {why}", _ELSEWHERE) from exc
            raise


@contextlib.contextmanager
def short_lived(place: Path, *, hidden: bool = True) -> Iterator[Path]:
    """Make a folder within another, for this user alone, and remove it at the end.

    Its name is short, as one in it may be as long as names can be, and known before it is there, so
    that whoever ends this process leaves none.
    """
    import shutil  # a command that only shows something does without

    folder = place / f"{'.' * hidden}{_unused_name()}"
    try:
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def takes_files(folder: Path) -> bool:
    """Tell whether something can be put into a folder, by trying: /proc says so, and takes none."""
    try:
        with short_lived(folder):
            return True
    except OSError:
        return False


def _unused_name() -> str:
    return f"rsinspect-{os.urandom(8).hex()}"


def put_in_place(made: Mapping[Path, Path]) -> None:
    """Put files or folders that were made in their places: all of them, or none.

    Whatever mode a writer chose, a new file has that of all new files.

    Args:
        made: By its place, what ``beside`` gave a name beside that or beside another of them.

    Raises:
        OutputNotWritable: If the system refuses one; then each place is as it was before.
    """
    moves: list[tuple[Path, Path, Path]] = []  # for which place, from, to
    with contextlib.ExitStack() as undo:
        for path, new in made.items():
            with _refusing(path):
                target, kind = _target(path)
                old = new.with_name(_unused_name())
                if new.is_dir() and kind is not None:  # it takes the place of no other by itself
                    moves.append((path, target, old))
                if not new.is_dir():
                    _give_mode(new, target)
                if new.is_dir() or (len(made) > 1 and _has_been_kept(target, old)):
                    undo.callback(_bring_back, old, new, target)
            moves.append((path, new, target))
        for path, here, there in moves:
            with _refusing(path):
                here.replace(there)
        undo.pop_all()


def _has_been_kept(target: Path, old: Path) -> bool:
    """Give a file a second name by which it can be brought back; True also where there is none."""
    try:
        os.link(target, old)
    except FileNotFoundError:
        return True
    except OSError as exc:
        if exc.errno in _OF_THE_DISK:
            raise
        return False  # no file has two names there
    return True


def _bring_back(old: Path, new: Path, target: Path) -> None:
    """Make a place what it was before something was put there."""
    with contextlib.suppress(OSError):
        if not new.exists() and not old.is_file():
            target.replace(new)
        if old.is_dir() or not new.exists():
            old.replace(target)


@contextlib.contextmanager
def made_folder(folder: Path) -> Iterator[None]:
    """Make a folder for files that are written meanwhile; one that was made is gone on failure.

    Raises:
        OutputNotWritable: If it cannot be one, or files cannot be written into it.
    """
    is_new = not folder.exists()
    try:
        with _refusing(folder):
            if not is_new and not folder.is_dir():
                raise OutputNotWritable(f"{folder} is a file, not a folder", "name another folder")
            folder.mkdir(exist_ok=True)  # another may have made it just now
            if not os.access(folder, os.W_OK):
                raise OutputNotWritable(
                    f"{folder} cannot be written", "choose a place you may write to"
                )
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


def _give_mode(new: Path, target: Path) -> None:
    """Give a new file the mode and the owner of the one it is to replace, or the usual mode."""
    has = new.stat()
    try:
        old = target.stat()
    except FileNotFoundError:
        like = new.with_name(_unused_name())
        like.touch()
        mode = stat.S_IMODE(like.stat().st_mode)
    else:
        mode = stat.S_IMODE(old.st_mode)
        if os.name == "posix" and (old.st_uid, old.st_gid) != (has.st_uid, has.st_gid):
            with contextlib.suppress(PermissionError):
                os.chown(new, old.st_uid, old.st_gid)
    if os.name == "posix" and stat.S_IMODE(has.st_mode) != mode:
        new.chmod(mode)


@contextlib.contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """Turn what the system says about a path into one line."""
    try:
        yield
    except RsInspectError:
        raise
    except OSError as exc:
        raise OutputNotWritable(
            f"{path} cannot be written: {exc.strerror or exc}", _ELSEWHERE
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

    with temporary(), short_lived(Path(tempfile.gettempdir()), hidden=False) as folder:
        yield folder


@contextlib.contextmanager
def scratch_file(fill: Callable[[IO[bytes]], object]) -> Iterator[IO[bytes]]:
    """Make a temporary file without a name, so that none is ever left.

    Args:
        fill: Writes into it; what the system then refuses is the temporary file's.

    Raises:
        NoTemporaryDirectory: If there is no place for it, or no room.
    """
    import tempfile

    with contextlib.ExitStack() as stack:
        with temporary():
            file = stack.enter_context(tempfile.TemporaryFile())
            fill(file)
            file.seek(0)
        yield file


@contextlib.contextmanager
def temporary() -> Iterator[None]:
    """Turn what the system says about temporary files into one line.

    Raises:
        NoTemporaryDirectory: In its place.
    """
    try:
        yield
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
