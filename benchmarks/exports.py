"""What each exported file says beside Keras: ``python benchmarks/exports.py [MODEL ...]``.

Exports networks in every format that each backend of Keras can write, and prints a row for each
file: how far its outputs are from Keras's on a photograph and three random images, for how many of
them the five likeliest classes are the same, and its size. What is not installed is said and
skipped; no time is shown, as this is no measurement of speed.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import rsinspect
from rsinspect.base.errors import RsInspectError
from rsinspect.exports.formats import BACKENDS, FORMATS, PRECISIONS, Format
from rsinspect.exports.parent import check_packages

NETWORKS = ("50@96", "152@64")


def main() -> None:
    """Export each network on each backend, and the first in every precision."""
    print("| network | Keras on | precision | file | difference | same top-5 | MB | opened by |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
    names = sys.argv[1:] or NETWORKS
    for name in names:
        for backend in BACKENDS:
            _show(name, backend, "float32")
    for precision in PRECISIONS[1:]:
        _show(names[0], "tensorflow", precision)


def _show(name: str, backend: str, precision: str) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        files = [
            Path(scratch, f"net{format.suffix}")
            for format in FORMATS.values()
            if precision in format.precisions and _can(format, backend)
        ]
        try:
            result = rsinspect.export(name, files, backend=backend, precision=precision)
        except RsInspectError as exc:
            print(f"| {name} | {backend} | {precision} | {exc.message.splitlines()[0]} |||||")
            return
    for file, row in zip(result.to_json()["files"], result.rows, strict=True):
        suffix = file["path"].rpartition("net")[2]
        print(
            f"| {name} | {backend} | {precision} | {suffix} "
            f"| {file['comparison']['relative_difference']:.1e} | {row['top5']} "
            f"| {file['bytes'] / 1e6:.1f} | {row['runtime']} |",
            flush=True,
        )


def _can(format: Format, backend: str) -> bool:
    """Tell whether a backend writes a format here; say what is missing where it would."""
    maker = format.makers.get(backend)
    if maker is None or maker.trouble is not None:
        return False
    try:
        check_packages(format, backend)
    except RsInspectError as exc:
        print(exc, file=sys.stderr)
        return False
    return True


if __name__ == "__main__":
    main()
