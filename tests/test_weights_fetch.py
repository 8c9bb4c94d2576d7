"""Published weight files are fetched whole or not at all, whatever happens on the way."""

from __future__ import annotations

import base64
import contextlib
import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from rsinspect import paper
from rsinspect.base.errors import RsInspectError, WeightsUnavailable
from rsinspect.weights import fetch, published
from rsinspect.weights.fetch import fetch_published
from rsinspect.weights.listing import here
from rsinspect.weights.published import (
    cache_folder,
    file_named,
    places,
    published_files,
)
from tests.conftest import Cli, python
from tests.mirrors import NOTOP, md5_of, mirror_of, publish, serving, stop, url_of
from tests.processes import PATIENCE_S
from tests.schemas import complaints

CONTENT = bytes(range(256)) * 4096
"""What the published file is here: a mebibyte."""


@pytest.fixture
def published_file(tmp_path: Path) -> Path:
    """The published file of depth 50 without classifier, in a folder of its own."""
    path = tmp_path / "mirror" / NOTOP
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def mirror(published_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """A server with that file; Keras's cache in an empty folder; the md5 table true of the file."""
    publish(monkeypatch, {NOTOP: md5_of(published_file)})
    with mirror_of(published_file.parent, monkeypatch, tmp_path / "home") as server:
        yield server
    published_files.cache_clear()


def cached() -> dict[str, bytes]:
    """What the cache holds."""
    folder = cache_folder()
    return {f.name: f.read_bytes() for f in folder.iterdir()} if folder.is_dir() else {}


def test_a_damaged_file_in_the_cache_is_fetched_again(mirror: Any, published_file: Path) -> None:
    cache_folder().mkdir(parents=True)
    (cache_folder() / NOTOP).write_bytes(b"half a file")
    path = fetch_published(NOTOP)
    assert path == cache_folder() / NOTOP
    assert path.read_bytes() == published_file.read_bytes()


def test_a_file_with_another_md5_is_refused_and_not_kept(
    mirror: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(monkeypatch, {NOTOP: "0" * 32})
    with pytest.raises(WeightsUnavailable, match=f"{NOTOP} with md5 {'0' * 32} was expected"):
        fetch_published(NOTOP)
    assert cached() == {}


def test_a_file_the_server_lacks_is_named_with_md5_url_and_place(mirror: Any) -> None:
    with pytest.raises(WeightsUnavailable, match="HTTP 404") as caught:
        fetch_published("resnet-rs-50-i160.h5")
    table = paper.published_weights()
    name = "resnet-rs-50-i160.h5"
    for part in (name, table.md5[name], f"http://127.0.0.1:{mirror.server_port}/{name}"):
        assert part in caught.value.message
    assert "\n" not in caught.value.message
    assert str(cache_folder() / name) in str(caught.value.hint)
    assert caught.value.exit_code == 3
    assert cached() == {}


def test_a_server_that_never_answers_is_given_up(
    mirror: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        monkeypatch.setenv("RSINSPECT_WEIGHTS_URL", url)
        monkeypatch.setattr(fetch, "TIMEOUT_S", 0.3)
        with pytest.raises(WeightsUnavailable, match="timed out"):
            fetch_published(NOTOP)
    assert socket.getdefaulttimeout() is None


@pytest.mark.parametrize(
    ("mirror_url", "message"),
    [
        ("/somewhere", "is not in /somewhere"),
        ("~/nowhere", r"is not in /.*/nowhere"),
        ("file:///some%20where", "is not in /some where"),
        ("s3://bucket/x", "is s3://bucket/x; nothing is fetched by s3"),
        ("http://[::1", "is no URL"),
        ("http://:0/", "could not be fetched from http://:0/"),
    ],
)
def test_a_mirror_that_has_nothing_is_our_error(
    mirror: Any, monkeypatch: pytest.MonkeyPatch, mirror_url: str, message: str
) -> None:
    monkeypatch.setenv("RSINSPECT_WEIGHTS_URL", mirror_url)
    with pytest.raises(WeightsUnavailable, match=message) as caught:
        fetch_published(NOTOP)
    assert "\n" not in str(caught.value)
    assert "set RSINSPECT_WEIGHTS_URL to the folder" in str(caught.value.hint)


def test_without_a_mirror_the_published_place_is_asked(
    mirror: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RSINSPECT_WEIGHTS_URL")
    with pytest.raises(WeightsUnavailable, match=f"from http://127.0.0.1:9/{NOTOP}"):
        fetch_published(NOTOP)


@pytest.mark.parametrize("form", ["path", "url"])
def test_a_mirror_may_be_a_folder_of_this_machine(
    mirror: Any, monkeypatch: pytest.MonkeyPatch, published_file: Path, tmp_path: Path, form: str
) -> None:
    folder = tmp_path / "a b"
    folder.mkdir()
    place = Path(shutil.copy(published_file, folder))
    monkeypatch.setenv("RSINSPECT_WEIGHTS_URL", folder.as_uri() if form == "url" else str(folder))
    assert fetch_published(NOTOP) == place  # where it lies: no second copy
    place.write_bytes(b"half")
    with pytest.raises(WeightsUnavailable, match=f"{NOTOP} with md5 .* was expected in .*a b"):
        fetch_published(NOTOP)


def test_a_cached_file_stays_until_a_better_one_is_there(
    mirror: Any, monkeypatch: pytest.MonkeyPatch, published_file: Path
) -> None:
    cached = cache_folder() / NOTOP
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"of another release")
    url = os.environ["RSINSPECT_WEIGHTS_URL"]
    for wrong in (url + "nowhere", "http://127.0.0.1:9"):
        monkeypatch.setenv("RSINSPECT_WEIGHTS_URL", wrong)
        with pytest.raises(WeightsUnavailable):
            fetch_published(NOTOP)
    monkeypatch.setenv("RSINSPECT_WEIGHTS_URL", url)
    publish(monkeypatch, {NOTOP: "0" * 32})
    with pytest.raises(WeightsUnavailable, match="what came has md5"):
        fetch_published(NOTOP)
    assert [(f.name, f.read_bytes()) for f in cached.parent.iterdir()] == [
        (NOTOP, b"of another release")
    ]
    publish(monkeypatch, {NOTOP: md5_of(published_file)})
    assert fetch_published(NOTOP).read_bytes() == published_file.read_bytes()


def test_what_a_killed_download_left_is_removed_and_a_living_one_is_not(mirror: Any) -> None:
    folder = cache_folder()
    folder.mkdir(parents=True)
    dead, living = folder / f"{NOTOP}.1.part", folder / f"{NOTOP}.2.part"
    for part in (dead, living):
        part.write_bytes(b"half")
    old = time.time() - fetch.DEADLINE_S - 60
    os.utime(dead, (old, old))
    fetch_published(NOTOP)
    assert sorted(folder.iterdir()) == [folder / NOTOP, living]


def test_a_download_has_a_deadline_and_a_password_goes_to_the_server_alone(
    mirror: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"127.0.0.1:{server.server_port}"
    for user in ("", "me:s3cr%40t@"):
        monkeypatch.setenv("RSINSPECT_WEIGHTS_URL", f"http://{user}{address}/w?token=s3cret")
        monkeypatch.setattr(fetch, "DEADLINE_S", 0.2)
        reason = r"came in 0\.2 s, and not the last" if user else "HTTP 401"
        with pytest.raises(WeightsUnavailable, match=reason) as caught:
            fetch_published(NOTOP)
        said = str(caught.value) + "".join(capsys.readouterr())
        assert f"http://{address}/w" in said
        assert "s3cr" not in said
        assert cached() == {}
    assert _Server.asked == [None, f"Basic {base64.b64encode(b'me:s3cr@t').decode()}"]
    monkeypatch.setattr(fetch, "DEADLINE_S", 60)
    monkeypatch.setattr(fetch, "MOST_BYTES", 5)
    with pytest.raises(WeightsUnavailable, match="it does not end"):
        fetch_published(NOTOP)
    server.shutdown()
    server.server_close()


def test_a_connection_that_ends_early_is_no_file(
    mirror: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as short:

        def answer() -> None:
            connection, _ = short.accept()
            connection.recv(4096)
            connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        monkeypatch.setenv("RSINSPECT_WEIGHTS_URL", f"http://127.0.0.1:{short.getsockname()[1]}")
        with pytest.raises(WeightsUnavailable, match="ended after 4 of 100 bytes"):
            fetch_published(NOTOP)
        thread.join()
    assert cached() == {}


class _Server(http.server.BaseHTTPRequestHandler):
    """Asks for a password, and then sends a byte now and then without end."""

    asked: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        self.asked.append(self.headers["Authorization"])
        if self.headers["Authorization"] is None:
            self.send_error(401)
            return
        self.send_response(200)
        self.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(2000):
                self.wfile.write(b".")
                time.sleep(0.01)

    def log_message(self, *_: Any) -> None:
        pass


# What goes wrong while it is written


def program(code: str, mirror: Any, **environment: Any) -> Any:
    """Run code that fetches, in a process of its own that knows the md5 of the file."""
    known = json.dumps({NOTOP: paper.published_weights().md5[NOTOP]})
    before = f"""
import json, os, sys
from rsinspect import paper
table = paper.published_weights()
table.md5.update(json.loads({known!r}))
from rsinspect.base.errors import WeightsUnavailable
from rsinspect.weights import fetch, published
import http.client, encodings.idna
def fetched():
    try:
        print(fetch.fetch_published({NOTOP!r}))
    except WeightsUnavailable as exc:
        print(exc)
"""
    return python(before + code, RSINSPECT_WEIGHTS_URL=url_of(mirror), **environment)


def test_a_full_disk_leaves_the_cache_as_it_was(mirror: Any) -> None:
    cached_file = cache_folder() / NOTOP
    cached_file.parent.mkdir(parents=True)
    cached_file.write_bytes(b"of another release")
    limit = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
fetched()
"""
    said = program(limit, mirror).stdout
    assert said.startswith(f"{cached_file} cannot be written: File too large (make room there")
    assert cached() == {NOTOP: b"of another release"}


def test_a_download_that_would_fill_the_disk_does_not_begin(
    mirror: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def usage(_: Path) -> Any:
        return shutil._ntuple_diskusage(10**9, 10**9 - 1000, 1000)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    with pytest.raises(WeightsUnavailable, match=r"takes 1\.00 MiB, and .* has 0\.98 KiB left"):
        fetch_published(NOTOP)
    assert cached() == {}


@pytest.mark.parametrize("readable", [True, False], ids=["read-only", "closed"])
def test_a_cache_nobody_may_write_to_stays_and_another_place_is_used(
    mirror: Any, readable: bool
) -> None:
    """As a user who is not root, whom no file is read-only for."""
    with tempfile.TemporaryDirectory() as place:
        home, spare = Path(place, "home"), Path(place, "spare")
        cached_file = home / "models" / NOTOP
        cached_file.parent.mkdir(parents=True)
        cached_file.write_bytes(b"of another release")
        spare.mkdir()
        spare.chmod(0o777)
        Path(place).chmod(0o755)
        for folder in (cached_file.parent, home):
            folder.chmod(0o555 if readable else 0)
        said = program(
            "os.getuid() or os.setuid(65534)\nfetched()",
            mirror,
            KERAS_HOME=str(home),
            TMPDIR=str(spare),
        )
        place_used = spare / ".keras" / "models" / NOTOP
        assert said.stdout.strip() == str(place_used), said.stderr
        assert place_used.read_bytes() == CONTENT
        for folder in (home, cached_file.parent):
            folder.chmod(0o755)
        assert [f.name for f in cached_file.parent.iterdir()] == [NOTOP]
        assert cached_file.read_bytes() == b"of another release"


class _Half(http.server.BaseHTTPRequestHandler):
    """Sends half of a file, and the rest when it is told to."""

    go_on: ClassVar[threading.Event]

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(CONTENT[: len(CONTENT) // 2])
            self.wfile.flush()
            self.go_on.wait(PATIENCE_S)
            self.wfile.write(CONTENT[len(CONTENT) // 2 :])

    def log_message(self, *_: Any) -> None:
        pass


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)]
)
def test_an_interrupted_download_leaves_the_cache_as_it_was_and_begins_anew(
    mirror: Any, number: signal.Signals, code: int
) -> None:
    cached_file = cache_folder() / NOTOP
    cached_file.parent.mkdir(parents=True)
    cached_file.write_bytes(b"of another release")
    _Half.go_on = threading.Event()
    with serving(_Half) as server:
        command = [sys.executable, "-m", "rsinspect", "weights", "fetch", NOTOP]
        process = subprocess.Popen(
            [*command, "--base-url", url_of(server)], stderr=subprocess.PIPE, text=True
        )
        while not any(f.stat().st_size for f in cached_file.parent.glob("*.part")):
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(number)
        said = process.communicate(timeout=PATIENCE_S)[1]
        _Half.go_on.set()
    assert process.returncode == code
    assert "Traceback" not in said
    left = cached()
    assert left.pop(NOTOP) == b"of another release"
    assert bool(left) == (number == signal.SIGKILL)
    assert fetch_published(NOTOP).read_bytes() == CONTENT


def test_what_is_told_of_a_download_adds_up(mirror: Any) -> None:
    told: list[tuple[int, int | None]] = []
    fetch_published(NOTOP, watch=lambda came, size: told.append((came, size)))
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert told == sorted(told)


# Where they lie


@pytest.mark.parametrize("home", ["$HOME/.keras", "$TMPDIR/.keras"])
def test_a_file_that_keras_2_has_fetched_is_found(
    mirror: Any, published_file: Path, monkeypatch: pytest.MonkeyPatch, home: str, tmp_path: Path
) -> None:
    monkeypatch.setattr(published, "_spare", lambda: iter([tmp_path / "spare" / ".keras"]))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "spare"))
    place = Path(os.path.expandvars(home)) / "models" / NOTOP
    assert place in places(NOTOP)
    place.parent.mkdir(parents=True)
    shutil.copy(published_file, place)
    stop(mirror)
    assert fetch_published(NOTOP) == place
    assert cached() == {}


def test_all_published_files_are_known_by_name_and_by_network() -> None:
    files = published_files()
    assert {file.name: file.md5 for file in files} == paper.published_weights().md5
    assert len(files) == 22
    for file in files:
        text = f"{file.depth}@{file.resolution}"
        assert file_named(text, include_top=file.include_top) == file_named(file.name) == file
    sizes = {(file.depth, file.include_top): file.params for file in files}
    assert sizes[101, True] == 63_724_296
    assert sizes[101, True] - sizes[101, False] == 2048 * 1000 + 1000
    assert file_named("ResNetRS152").resolution == 256


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("resnet-rs-50-i161.h5", "no file 'resnet-rs-50-i161.h5' was published", "i160"),
        ("152@200", "no ImageNet weights of size '200'", "imagenet-i192"),
        ("300", "no ImageNet weights are published for resnet-rs-300", "50, 101"),
        ("101:article", "not of article", "keras"),
        ("50@160x192", "no ImageNet weights of size 160×192", "square"),
        ("EfficientNetB0", "EfficientNetB0", ""),
    ],
)
def test_what_was_not_published_is_refused(text: str, message: str, hint: str) -> None:
    with pytest.raises(RsInspectError, match=message) as caught:
        file_named(text)
    assert hint in str(caught.value.hint)
    assert caught.value.exit_code == 2


def test_the_list_says_what_is_here_and_takes_no_part_for_the_whole(
    mirror: Any, published_file: Path
) -> None:
    file = file_named(NOTOP)
    assert here(file).state == "absent"
    place = cache_folder() / NOTOP
    place.parent.mkdir(parents=True)
    place.write_bytes(CONTENT)
    assert here(file) == ("incomplete", place, len(CONTENT))
    with place.open("wb") as sparse:
        sparse.truncate(file.weights_bytes + 1)
    assert here(file).state == "present"
    assert here(file, verify=True).state == "other"
    small = file._replace(params=1)
    shutil.copy(published_file, place)
    assert here(small, verify=True).state == "verified"


def test_the_list_is_a_table_and_a_document(mirror: Any, cli: Cli) -> None:
    assert cli("weights", "list").err == ""
    document = json.loads(cli("weights", "list", "--format", "json").out)
    assert document["schema"] == "rsinspect.weights_list/1"
    assert len(document["rows"]) == 22
    row = next(row for row in document["rows"] if row["file"] == "resnet-rs-101-i192.h5")
    assert row["params"] == 63_724_296
    assert (row["state"], row["path"], row["top1"]) == ("absent", None, 81.3)
    assert row["url"].endswith("/resnet-rs-101-i192.h5")


def test_files_are_fetched_on_the_command_line(
    mirror: Any, cli: Cli, published_file: Path, tmp_path: Path
) -> None:
    first = cli("weights", "fetch", "50", "--no-top")
    assert first.code == 0
    assert NOTOP in first.out
    assert first.err == f"Downloading {url_of(mirror)}{NOTOP}\n"
    stop(mirror)
    again = cli("weights", "fetch", NOTOP, "--format", "json")
    assert (again.code, again.err) == (0, "")
    document = json.loads(again.out)
    assert complaints(document) == []
    (row,) = document["rows"]
    assert (row["was_here"], row["file_bytes"]) == (True, len(CONTENT))
    assert Path(row["path"]).read_bytes() == CONTENT
    Path(row["path"]).unlink()
    missing = cli("weights", "fetch", "--all", "--base-url", tmp_path / "mirror")
    assert missing.code == 3
    assert "resnet-rs-50-i160.h5 (md5" in missing.err
    assert cli("weights", "fetch", "50", "--no-top", "--base-url", "s3://x").err.startswith(
        "error: --base-url is s3://x; nothing is fetched by s3\n"
    )


@pytest.mark.parametrize("arguments", [(), ("50", "--all"), ("51",)])
def test_a_fetch_of_nothing_is_refused(cli: Cli, arguments: tuple[str, ...]) -> None:
    outcome = cli("weights", "fetch", *arguments)
    assert outcome.code == 2
    assert outcome.err.startswith("error: ")
    assert "hint: " in outcome.err
