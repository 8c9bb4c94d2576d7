"""Odd contents and odd places, which any reader may be given whatever it is that it reads."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import socket
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

from tests.fuzz.readers import FILES, Reader
from tests.mutants import Ended

MIB = 2**20


def _archive(*members: tuple[str, int], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive with members of so many zeros."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method, compresslevel=1) as archive:
        for name, size in members:
            with archive.open(name, "w", force_zip64=True) as member:
                for _ in range(max(1, size // MIB)):
                    member.write(bytes(min(size, MIB)))
    return content.getvalue()


def _png_bomb() -> bytes:
    """A picture of 60,000 by 60,000, all of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(MIB))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _npy(shape: str) -> bytes:
    head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head


CONTENTS: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "one byte": lambda: b"{",
    "zeros": lambda: bytes(4096),
    "all bytes": lambda: bytes(range(256)) * 16,
    "half a letter": lambda: b'{"a": "\xc3"}',
    "half a pair": lambda: b'{"schema": "\\ud800", "class_name": "\\udfff"}',
    "a mark of bytes before": lambda: b'\xef\xbb\xbf{"class_name": "Functional"}',
    "UTF-16": lambda: '{"class_name": "Functional"}'.encode("utf-16"),
    "lists in lists": lambda: b"[" * 200_000 + b"]" * 200_000,
    "objects in objects": lambda: b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "almost too deep": lambda: (
        b'{"schema":"rsinspect.compare/1","a":%s}' % (b"[" * 400 + b"]" * 400)
    ),
    "a number of 100,000 digits": lambda: b'{"schema": ' + b"9" * 100_000 + b"}",
    "a number of TOML of 100,000 digits": lambda: b"[sweep]\nrepeats = " + b"9" * 100_000,
    "no numbers": lambda: b'{"schema": NaN, "a": Infinity, "b": -Infinity, "c": 1e999}',
    "a key twice": lambda: b'{"schema": 1, "schema": 2, "schema": 3}',
    "a million values": lambda: b"[" + b"0," * MIB + b"0]",
    "six million values": lambda: b"[" + b"0," * (6 * MIB) + b"0]",
    "64 MiB of spaces": lambda: b" " * (64 * MIB),
    "a text of 32 MiB": lambda: b'{"schema": "' + b"x" * (32 * MIB) + b'"}',
    "a million lines": lambda: b"a = 1\n" * MIB,
    "a key of a million parts": lambda: b"a." * (MIB // 2 - 9) + b"a = 1",
    "tables in tables": lambda: b"a = " + b"{a=" * 20_000 + b"1" + b"}" * 20_000,
    "brackets of Python": lambda: b"x = " + b"(" * 100_000 + b")" * 100_000,
    "minus signs of Python": lambda: b"x = " + b"-" * 200_000 + b"1",
    "a page without an end": lambda: b'<script id="rsinspect">' * 100_000,
    "a page of marks": lambda: b'<script id="rsinspect"' + b" x" * MIB,
    "a packed bomb": lambda: gzip.compress(bytes(256 * MIB), 1),
    "an archive bomb": lambda: _archive(
        ("config.json", 128 * MIB), ("model.weights.h5", 128 * MIB), ("a/data.pkl", 128 * MIB),
    ),
    "30,000 members": lambda: _archive(*((f"{n}.npy", 1) for n in range(30_000)), method=0),
    "a picture of 3.6 billion pixels": _png_bomb,
    "an array of 10^15 numbers": lambda: _npy("(1000000000000000,)"),
    "a head of 2^62 bytes": lambda: struct.pack("<Q", 2**62) + b'{"a": 1}',
    "a head that is deep": lambda: struct.pack("<Q", 200_000) + b"[" * 200_000,
    "a pickle": lambda: b"\x80\x02cos\nmkdir\nX\x05\x00\x00\x00ownedq\x01\x85R.",
    "a pickle without an end": lambda: b"\x80\x02" + b"(" * 500_000,
    "the head of HDF5": lambda: b"\x89HDF\r\n\x1a\n" + bytes(range(256)) * 9,
    "the head of SQLite": lambda: b"SQLite format 3\0" + bytes(range(256)) * 32,
    "the head of an archive": lambda: b"PK\x03\x04" + bytes(range(256)) * 9,
    "an empty archive": lambda: b"PK\x05\x06" + bytes(18),
}  # fmt: skip


@cache
def odd_content(name: str) -> bytes:
    """Make one, once."""
    return CONTENTS[name]()


# ---- places


def _folder(path: Path) -> None:
    path.mkdir()
    (path / "inside.json").write_text("{}")
    (path / "model.ckpt.index").write_bytes(b"x")


def _socket(path: Path) -> None:
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as one:
        one.bind(str(path))


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**31 + 1)


def _behind_a_file(path: Path) -> str:
    path.write_text("{}")
    return f"{path}/below{path.suffix}"


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


PLACES: dict[str, Callable[[Path], str | None]] = {
    "missing": lambda _: None,
    "a folder": _folder,
    "a link to nothing": lambda path: path.symlink_to("nothing-there"),
    "a link to itself": _loop,
    "a link to endless zeros": lambda path: path.symlink_to("/dev/zero"),
    "a link to noise": lambda path: path.symlink_to("/dev/urandom"),
    "a link to the null device": lambda path: path.symlink_to("/dev/null"),
    "a link to what is said here": lambda path: path.symlink_to("/proc/self/mem"),
    "a pipe that nobody writes to": os.mkfifo,
    "a socket": _socket,
    "2 GiB of nothing": _sparse,
    "behind a file": _behind_a_file,
    "a name of 300 letters": lambda path: "x" * 300 + "".join(path.suffixes),
    "a name with a line break": lambda path: f"a\nb\x1b[31m{''.join(path.suffixes)}",
    "a name with a NUL": lambda path: f"a\0b{''.join(path.suffixes)}",
    "a name that is no UTF-8": lambda path: f"a\udcff{''.join(path.suffixes)}",
    "the home of nobody": lambda path: f"~nosuchuser/{path.name}",
}
"""Make something at a path; another path where that is what is given."""

TEXTS_OF_NOTHING_SENSIBLE = (
    "", " ", "-", "--", "\0", "\n", "\x1b[2J", "\udcff", "\ud800", "½", "٣", "日本語👨‍👩‍👧",
    "\u202e", "nan", "inf", "-inf", "1e400", "-0", "0x10", "1_000", "9" * 400, "9" * 100_000,
    "x" * 100_000, "," * 100_000, "1," * 50_000, "(" * 50_000, "[" * 50_000, "*" * 5_000 + "x",
    "a*" * 5_000, "../" * 5_000, "50@" + "9" * 5_000, "50:" + "+se" * 20_000, "=" * 1_000,
    "{}", "x" * 5_000 + ":y", "x" * 300 + ".h5", "y" * 250,
    "%s%n", "$(x)", "`x`", "'; DROP TABLE run; --", "\\", "C:\\x", "~", "~nosuchuser", "/dev/zero",
    "1/0", "0/0", "1:2:0", "1:9999999999:1", "0:1e300:1e-300", "1-9999999999", "a-b-c", "@", ":",
    "#",
    ".", "..", "/", "//x", "x:y:z", "run:", "latest~1", "2026-13-99", "9999-12-31T23:59:59+23:59",
    "0001-01-01T00:00:00-23:59", "1e30s", "9999999999d",
)  # fmt: skip


def changing(reader: Reader, opened: int, into: bytes | None) -> Reader:
    """Make a reader under which its file is another when it is opened so often.

    Args:
        reader: The reader; it has to be called in a process that ends.
        opened: How often, the last included.
        into: What the file holds from then on; None where it is gone.
    """

    def call(given: str) -> Ended:
        times = [0]

        def watch(event: str, arguments: tuple[Any, ...]) -> None:
            if event != "open" or not str(arguments[0]).endswith(given):
                return
            times[0] += 1
            if times[0] == opened:
                os.unlink(given)  # noqa: PTH108  # a Path would be slow at every event
                if into is not None:
                    Path("another").write_bytes(into)
                    os.rename("another", given)  # noqa: PTH104

        sys.addaudithook(watch)
        return reader.call(given)

    return reader._replace(call=call)


CHANGES: tuple[tuple[int, bytes | None], ...] = tuple(
    (opened, into) for opened in (2, 3) for into in (None, b"", b'{"a": [1]}\n' * 50)
)
"""When a file changes under its reader, and into what."""


def cases_of(reader: Reader) -> Iterator[tuple[str, Callable[[Path], str]]]:
    """List what a reader is tried with: a name, and what makes it in a folder and says its path."""
    if not reader.ending:
        for number, text in enumerate(TEXTS_OF_NOTHING_SENSIBLE):
            yield f"text {number}: {text[:12]!r}", partial(_said, text)
        return
    for name in CONTENTS:
        yield name, partial(_odd, reader, name)
    for name in PLACES:
        yield name, partial(_placed, reader, name)
    for other in {each.ending: each for each in FILES}.values():
        if other.ending != reader.ending:
            yield f"what {other.name} reads", partial(_other, reader, other)


def _said(text: str, _: Path) -> str:
    return text


def _odd(reader: Reader, name: str, folder: Path) -> str:
    return _written(reader, folder, odd_content(name))


def _other(reader: Reader, other: Reader, folder: Path) -> str:
    return _written(reader, folder, other.seeds()[0])


def _placed(reader: Reader, name: str, folder: Path) -> str:
    path = folder / f"given{reader.ending}"
    another = PLACES[name](path)
    return another.replace(f"{folder}/", "") if isinstance(another, str) else path.name


def _written(reader: Reader, folder: Path, content: bytes) -> str:
    path = folder / f"given{reader.ending}"
    path.write_bytes(content)
    for ending, beside in reader.beside.items():
        (folder / f"given{ending}").write_bytes(beside)
    return path.name


def written(reader: Reader, folder: Path, content: bytes) -> str:
    """Put content where a reader is to find it; for a text, the text itself."""
    if not reader.ending:
        return content.decode(errors="surrogatepass")
    return _written(reader, folder, content)
