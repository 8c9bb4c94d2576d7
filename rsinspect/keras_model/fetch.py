"""Fetching published weight files: once, by Keras's own ``get_file``, into Keras's own cache.

Each is compared with the md5 that ``paper`` has. Nothing is left behind that is not what was
published.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import sys
import urllib.error
from collections.abc import Iterator
from pathlib import Path

from rsinspect import paper
from rsinspect.base.errors import WeightsUnavailable
from rsinspect.keras_model.backend import keras
from rsinspect.weights.contents import one_line
from rsinspect.weights.published import cache_folder, keras_home

MIRROR_VARIABLE = "RSINSPECT_WEIGHTS_URL"
"""Environment variable with the folder URL to fetch published files from instead."""

TIMEOUT_S = 30.0
"""Silence after which a download is given up."""


def fetch_published(name: str) -> Path:
    """Get a published file from the cache or, once, from the network, and verify its md5.

    Args:
        name: One of ``paper.published_weights().md5``.

    Returns:
        The file in ``cache_folder``, or the one in Keras's cache where that is read-only.

    Raises:
        WeightsUnavailable: If it is not here and cannot be fetched, or is not what was published;
            the hint names the place to put it. Nothing is left behind.
    """
    published = paper.published_weights()
    md5 = published.md5[name]
    read_only = keras_home() / "models" / name
    folder = cache_folder()
    target = folder / name
    for place in dict.fromkeys((target, read_only)):
        if _md5(place) == md5:
            return place
    url = f"{(os.environ.get(MIRROR_VARIABLE) or published.base_url).rstrip('/')}/{name}"
    hint = f"put the file at {target}, or set {MIRROR_VARIABLE} to a folder that has it"
    try:
        with _impatient(), contextlib.redirect_stdout(sys.stderr):
            return Path(
                keras.utils.get_file(
                    fname=name,
                    origin=url,
                    cache_dir=str(folder.parent),
                    cache_subdir=folder.name,
                    file_hash=md5,
                    hash_algorithm="md5",
                )
            )
    except Exception as exc:  # Keras wraps failures of the network in a bare Exception
        arrived = _md5(target)
        with contextlib.suppress(OSError):
            target.unlink(missing_ok=True)
        if arrived is not None:
            message = f"{name} with md5 {md5} was expected from {url}; what came has md5 {arrived}"
        else:
            message = f"{name} (md5 {md5}) could not be fetched from {url}: {_reason(exc)}"
        raise WeightsUnavailable(message, hint) from exc


def _md5(path: Path) -> str | None:
    """Digest a file; None where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    except OSError:
        return None


@contextlib.contextmanager
def _impatient() -> Iterator[None]:
    """Give sockets a time limit, which Keras's download leaves open."""
    before = socket.getdefaulttimeout()
    if before is None:
        socket.setdefaulttimeout(TIMEOUT_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _reason(exc: Exception) -> str:
    """Say in one line why a download failed."""
    cause = exc.__context__
    if isinstance(cause, urllib.error.HTTPError):
        return f"HTTP {cause.code} {cause.reason}"
    if isinstance(cause, urllib.error.URLError):
        return one_line(cause.reason)
    return one_line(exc)
