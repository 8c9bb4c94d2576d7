"""Fetching published weight files: once, into Keras's own cache.

Each is compared with the md5 that ``paper`` has before it takes its place, so that a file in the
cache is only ever replaced by a better one, and a download that fails leaves nothing behind.
Keras's own ``get_file`` downloads over the file that is there and deletes it when that fails, waits
for ever, and takes no password. A download that was interrupted begins anew: what a server sends
later need not go on where it stopped.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import os
import secrets
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from rsinspect import paper
from rsinspect.base.errors import WeightsUnavailable
from rsinspect.base.talk import say
from rsinspect.base.text import showable
from rsinspect.base.units import binary_bytes
from rsinspect.base.words import Option, advice
from rsinspect.checkpoints.layout import one_line
from rsinspect.weights.published import cache_folder, md5_of, places

MIRROR_VARIABLE = "RSINSPECT_WEIGHTS_URL"
"""Environment variable with the folder, or its URL, to take published files from instead."""

TIMEOUT_S = 30.0
"""Silence after which a download is given up."""

DEADLINE_S = 2 * 3600.0
"""Time after which a download is given up, however it trickles: 770 MB at 110 kB/s."""

MOST_BYTES = 1 << 30
"""Size that no published file has; the largest is of 770 MB."""

_PIECE_BYTES = 1 << 20

Watch = Callable[[int, int | None], object]
"""Told of a download as it comes: bytes that have, and of the whole, where the server says."""


class _Mirror(NamedTuple):
    """Where files come from.

    Attributes:
        place: A folder, or the URL of one.
        scheme: Of the URL; ``file`` for a folder.
    """

    place: str
    scheme: str


def fetch_published(name: str, *, base_url: str | None = None, watch: Watch | None = None) -> Path:
    """Get a published file from the cache, from a folder or, once, from the network.

    Its md5 is verified wherever it comes from.

    Args:
        name: One of ``paper.published_weights().md5``.
        base_url: The folder, or the http(s) URL of one, to take it from; by default what
            ``RSINSPECT_WEIGHTS_URL`` names, or else where Keras's files were published.
        watch: Told how far a download is.

    Returns:
        The file in ``cache_folder``, or where Keras 2 has put it, or in the folder that it comes
        from, where it lies.

    Raises:
        WeightsUnavailable: If it is not here and cannot be fetched, or is not what was published;
            the hint names the place to put it. Nothing is left behind, and what was in the cache
            stays.
    """
    md5 = paper.published_weights().md5[name]
    here = verified_here(name)
    if here is not None:
        return here
    target = cache_folder() / name
    hint = (
        f"put the file at {target}, or set {MIRROR_VARIABLE} to the folder, or the http(s) URL of "
        "one, that has it"
    )
    mirror = _mirror(base_url, hint)
    if mirror.scheme == "file":
        return _from_folder(mirror.place, name, md5, hint)
    url = f"{mirror.place.rstrip('/')}/{name}"
    try:
        return _downloaded(url, target, md5, hint, watch)
    except WeightsUnavailable:
        raise
    except (OSError, http.client.HTTPException, ValueError) as exc:
        raise WeightsUnavailable(
            f"{name} (md5 {md5}) could not be fetched from {_public(url)}: {_reason(exc)}",
            hint,
        ) from exc


def verified_here(name: str) -> Path | None:
    """Find a published file on this machine, whole and as it was published; None for none."""
    md5 = paper.published_weights().md5[name]
    return next((place for place in places(name) if md5_of(place) == md5), None)


def _mirror(base_url: str | None, hint: str) -> _Mirror:
    """Choose where files come from.

    Raises:
        WeightsUnavailable: If it is neither a folder nor a URL that files are fetched by.
    """
    called: Option | str = MIRROR_VARIABLE if base_url is None else Option("base_url")
    place = base_url or os.environ.get(MIRROR_VARIABLE) or paper.published_weights().base_url
    try:
        scheme = urllib.parse.urlsplit(place).scheme if "://" in place else "file"
    except ValueError as exc:
        raise WeightsUnavailable(advice("{} is no URL: {}", called, one_line(exc)), hint) from exc
    if scheme not in ("file", "http", "https"):
        message = advice(
            "{} is {}; nothing is fetched by {}", called, _public(place), showable(scheme)
        )
        raise WeightsUnavailable(message, hint)
    return _Mirror(place, scheme)


def _from_folder(mirror: str, name: str, md5: str, hint: str) -> Path:
    """Find the file in a folder of this machine, named as a path or as a ``file:`` URL."""
    if "://" in mirror:
        mirror = urllib.request.url2pathname(urllib.parse.urlsplit(mirror).path)
    place = Path(mirror).expanduser() / name
    found = md5_of(place)
    if found == md5:
        return place
    if found is None:
        raise WeightsUnavailable(
            f"{name} (md5 {md5}) is not in {showable(str(place.parent))}", hint
        )
    raise WeightsUnavailable(
        f"{name} with md5 {md5} was expected in {showable(str(place.parent))}; there it has md5 "
        f"{found}",
        hint,
    )


def _downloaded(url: str, target: Path, md5: str, hint: str, watch: Watch | None) -> Path:
    """Download beside the target, verify, and only then put it in its place."""
    part = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
    try:
        with _answer(url) as answer:
            say(f"Downloading {_public(url)}")
            with _keeping(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                _remove_abandoned(target)
            size = int(answer.headers.get("Content-Length") or 0) or None
            _require_room(target, size)
            with _keeping(target), part.open("xb") as file:
                _copy(answer, size, file, watch)
        arrived = md5_of(part)
        if arrived != md5:
            raise WeightsUnavailable(
                f"{target.name} with md5 {md5} was expected from {_public(url)}; what came has md5 "
                f"{arrived}",
                hint,
            )
        with _keeping(target):
            part.replace(target)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    return target


@contextlib.contextmanager
def _keeping(target: Path) -> Iterator[None]:
    """Say of a disk that takes no file what is the matter with it, and not with the network."""
    try:
        yield
    except _Broken as exc:
        raise exc.error from exc
    except OSError as exc:
        raise WeightsUnavailable(
            f"{target} cannot be written: {exc.strerror or one_line(exc)}", _MORE_ROOM
        ) from exc


_MORE_ROOM = "make room there, or set KERAS_HOME to a folder that has it and that you may write to"


class _Broken(Exception):
    """What went wrong with a connection, while a file was written.

    Args:
        error: As the connection said it.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


def _require_room(target: Path, size: int | None) -> None:
    """Refuse a download that would fill the disk, before it begins.

    Raises:
        WeightsUnavailable: If there is less room than the server says that it takes.
    """
    free = shutil.disk_usage(target.parent).free
    if size is not None and MOST_BYTES >= size > free:
        raise WeightsUnavailable(
            f"{target.name} takes {binary_bytes(size)}, and {target.parent} has "
            f"{binary_bytes(free)} left",
            _MORE_ROOM,
        )


def _answer(url: str) -> Any:
    """Ask a server; a name and password in the URL are sent to it, and to no other one."""
    split = urllib.parse.urlsplit(url)
    request = urllib.request.Request(  # noqa: S310  # its scheme is checked
        split._replace(netloc=split.netloc.rpartition("@")[2]).geturl()
    )
    if split.username is not None:
        pair = (
            f"{urllib.parse.unquote(split.username)}:{urllib.parse.unquote(split.password or '')}"
        )
        token = base64.b64encode(pair.encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {token}")
    return urllib.request.urlopen(request, timeout=TIMEOUT_S)  # noqa: S310  # its scheme is checked


def _copy(answer: Any, size: int | None, file: IO[bytes], watch: Watch | None) -> None:
    """Copy what a server sends.

    Raises:
        _Broken: If it does not send all of it, or too much, or too slowly.
        OSError: If it cannot be written.
    """
    deadline = time.monotonic() + DEADLINE_S
    came = 0
    while piece := _read(answer):
        file.write(piece)
        came += len(piece)
        if watch is not None:
            watch(came, size)
        if came > MOST_BYTES:
            raise _Broken(OSError("it does not end: no published file is that large"))
        if time.monotonic() > deadline:
            late = f"{came} bytes came in {DEADLINE_S:g} s, and not the last"
            raise _Broken(TimeoutError(late))
    if size and came != size:
        raise _Broken(OSError(f"the connection ended after {came} of {size} bytes"))


def _read(answer: Any) -> bytes:
    """Read a piece of what a server sends; none at its end."""
    try:
        return bytes(answer.read1(_PIECE_BYTES))
    except (OSError, http.client.HTTPException, ValueError) as exc:
        raise _Broken(exc) from exc


def _remove_abandoned(target: Path) -> None:
    """Remove what killed downloads left: parts so old that none can still be under way."""
    for part in target.parent.glob(f"{target.name}.*.part"):
        with contextlib.suppress(OSError):
            if time.time() - part.stat().st_mtime > DEADLINE_S:
                part.unlink()


def _public(url: str) -> str:
    """Write a URL without the name and password in it, nor what follows its path."""
    split = urllib.parse.urlsplit(url)
    return showable(
        split._replace(netloc=split.netloc.rpartition("@")[2], query="", fragment="").geturl()
    )


def _reason(exc: Exception) -> str:
    """Say in one line why a download failed."""
    if isinstance(exc, urllib.error.HTTPError):
        return f"HTTP {exc.code} {one_line(exc.reason)}"
    if isinstance(exc, urllib.error.URLError):
        return one_line(exc.reason)
    return one_line(exc)
