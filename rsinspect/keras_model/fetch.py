"""Fetching published weight files: once, into Keras's own cache, under Keras's progress bar.

Each is compared with the md5 that ``paper`` has before it takes its place, so that a file in the
cache is only ever replaced by a better one, and a download that fails leaves nothing behind.
Keras's own ``get_file`` downloads over the file that is there and deletes it when that fails, waits
for ever, and takes no password.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import os
import secrets
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import IO, Any

from rsinspect import paper
from rsinspect.base.errors import WeightsUnavailable
from rsinspect.base.text import showable
from rsinspect.checkpoints.layout import one_line
from rsinspect.keras_model.backend import keras
from rsinspect.networks.kept import keras_home
from rsinspect.weights.published import cache_folder

MIRROR_VARIABLE = "RSINSPECT_WEIGHTS_URL"
"""Environment variable with the folder, or its URL, to take published files from instead."""

TIMEOUT_S = 30.0
"""Silence after which a download is given up."""

DEADLINE_S = 2 * 3600.0
"""Time after which a download is given up, however it trickles: 770 MB at 110 kB/s."""

MOST_BYTES = 1 << 30
"""Size that no published file has; the largest is of 770 MB."""

_PIECE_BYTES = 1 << 20


def fetch_published(name: str) -> Path:
    """Get a published file from the cache, from a folder or, once, from the network.

    Its md5 is verified wherever it comes from.

    Args:
        name: One of ``paper.published_weights().md5``.

    Returns:
        The file in ``cache_folder``, the one in Keras's cache where that is read-only, or the one
        in the folder that ``RSINSPECT_WEIGHTS_URL`` names, where it lies.

    Raises:
        WeightsUnavailable: If it is not here and cannot be fetched, or is not what was published;
            the hint names the place to put it. Nothing is left behind, and what was in the cache
            stays.
    """
    published = paper.published_weights()
    md5 = published.md5[name]
    target = cache_folder() / name
    for place in dict.fromkeys((target, keras_home() / "models" / name)):
        if _md5(place) == md5:
            return place
    mirror = os.environ.get(MIRROR_VARIABLE) or published.base_url
    hint = (
        f"put the file at {target}, or set {MIRROR_VARIABLE} to the folder, or the http(s) URL of "
        "one, that has it"
    )
    try:
        scheme = urllib.parse.urlsplit(mirror).scheme if "://" in mirror else "file"
    except ValueError as exc:
        raise WeightsUnavailable(f"{MIRROR_VARIABLE} is no URL: {one_line(exc)}", hint) from exc
    if scheme == "file":
        return _from_folder(mirror, name, md5, hint)
    if scheme not in ("http", "https"):
        raise WeightsUnavailable(
            f"{MIRROR_VARIABLE} is {_public(mirror)}; nothing is fetched by {showable(scheme)}",
            hint,
        )
    url = f"{mirror.rstrip('/')}/{name}"
    try:
        return _downloaded(url, target, md5, hint)
    except WeightsUnavailable:
        raise
    except (OSError, http.client.HTTPException, ValueError) as exc:
        raise WeightsUnavailable(
            f"{name} (md5 {md5}) could not be fetched from {_public(url)}: {_reason(exc)}",
            hint,
        ) from exc


def _from_folder(mirror: str, name: str, md5: str, hint: str) -> Path:
    """Find the file in a folder of this machine, named as a path or as a ``file:`` URL."""
    if "://" in mirror:
        mirror = urllib.request.url2pathname(urllib.parse.urlsplit(mirror).path)
    place = Path(mirror).expanduser() / name
    found = _md5(place)
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


def _downloaded(url: str, target: Path, md5: str, hint: str) -> Path:
    """Download beside the target, verify, and only then put it in its place."""
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(target)
    part = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
    try:
        with _answer(url) as answer, part.open("xb") as file:
            print(f"Downloading {_public(url)}", file=sys.stderr)
            _copy(answer, file)
        arrived = _md5(part)
        if arrived != md5:
            raise WeightsUnavailable(
                f"{target.name} with md5 {md5} was expected from {_public(url)}; what came has md5 "
                f"{arrived}",
                hint,
            )
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target


def _answer(url: str) -> Any:
    """Ask a server; a name and password in the URL are sent to it, and to no other one."""
    split = urllib.parse.urlsplit(url)
    request = urllib.request.Request(
        split._replace(netloc=split.netloc.rpartition("@")[2]).geturl()
    )
    if split.username is not None:
        pair = (
            f"{urllib.parse.unquote(split.username)}:{urllib.parse.unquote(split.password or '')}"
        )
        token = base64.b64encode(pair.encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {token}")
    return urllib.request.urlopen(request, timeout=TIMEOUT_S)


def _copy(answer: Any, file: IO[bytes]) -> None:
    """Copy what a server sends, under Keras's progress bar on stderr."""
    size = int(answer.headers.get("Content-Length") or 0)
    deadline = time.monotonic() + DEADLINE_S
    bar = keras.utils.Progbar(size or None)
    came = 0
    while piece := answer.read1(_PIECE_BYTES):
        file.write(piece)
        came += len(piece)
        with contextlib.redirect_stdout(sys.stderr):
            bar.update(came)
        if came > MOST_BYTES:
            raise OSError("it does not end: no published file is that large")
        if time.monotonic() > deadline:
            raise TimeoutError(f"{came} bytes came in {DEADLINE_S:g} s, and not the last")
    if size and came != size:
        raise OSError(f"the connection ended after {came} of {size} bytes")


def _remove_abandoned(target: Path) -> None:
    """Remove what killed downloads left: parts so old that none can still be under way."""
    for part in target.parent.glob(f"{target.name}.*.part"):
        with contextlib.suppress(OSError):
            if time.time() - part.stat().st_mtime > DEADLINE_S:
                part.unlink()


def _md5(path: Path) -> str | None:
    """Digest a file; None where there is none that can be read."""
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    except OSError:
        return None


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
