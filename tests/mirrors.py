"""Places to fetch published weight files from, on this machine: a server and what is true of it."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import http.server
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from rsinspect import paper
from rsinspect.weights.published import published_files

NOTOP = "resnet-rs-50-i160_notop.h5"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@contextlib.contextmanager
def serving(handler: Any) -> Iterator[http.server.ThreadingHTTPServer]:
    """A server that runs as long as the context lasts."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        stop(server)
        thread.join()


def stop(server: http.server.ThreadingHTTPServer) -> None:
    """End a server; again does no harm."""
    server.shutdown()
    server.server_close()


def url_of(server: http.server.ThreadingHTTPServer) -> str:
    """Where a server answers."""
    return f"http://127.0.0.1:{server.server_port}/"


@contextlib.contextmanager
def mirror_of(
    folder: Path, monkeypatch: pytest.MonkeyPatch, home: Path
) -> Iterator[http.server.ThreadingHTTPServer]:
    """A server with the files of a folder, and Keras's cache in an empty one."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with serving(handler) as server:
        monkeypatch.setenv("KERAS_HOME", str(home))
        monkeypatch.setenv("HOME", str(home.parent))
        monkeypatch.setenv("RSINSPECT_WEIGHTS_URL", url_of(server))
        monkeypatch.setenv("no_proxy", "*")
        yield server


def publish(monkeypatch: pytest.MonkeyPatch, md5: Mapping[str, str]) -> None:
    """Make other files the published ones; without a mirror nothing answers."""
    real = paper.published_weights()
    table = real._replace(base_url="http://127.0.0.1:9/", md5={**real.md5, **md5})
    monkeypatch.setattr(paper, "published_weights", lambda: table)
    published_files.cache_clear()


def md5_of(path: Path) -> str:
    """Digest a file."""
    return hashlib.md5(path.read_bytes()).hexdigest()
