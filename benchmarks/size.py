"""What an installation brings: ``python benchmarks/size.py``.

A row for each dependency that pyproject.toml declares: how many packages come with it and with none
of those above it, what their files take on disk, and what they take where each is dropped and all
others stay. Read from the metadata of the Python that runs this; nothing is downloaded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib import metadata
from pathlib import Path

from rsinspect.base.units import grouped

PACKAGE = "rsinspect"


@cache
def needs(package: str) -> tuple[str, ...]:
    """Packages that one asks for whatever its extras, and that are here."""
    lines = metadata.requires(package) or []
    names = [re.match(r"[\w.-]+", line) for line in lines if "extra ==" not in line]
    return tuple(name[0] for name in names if name is not None and is_here(name[0]))


def is_here(package: str) -> bool:
    """Whether a package is installed."""
    try:
        metadata.distribution(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def brought(packages: Iterable[str]) -> set[str]:
    """All that come with these, themselves among them, by one spelling of each name."""
    found: set[str] = set()
    left = list(packages)
    while left:
        name = re.sub(r"[-_.]+", "-", left.pop()).lower()
        if name not in found:
            found.add(name)
            left += needs(name)
    return found


@cache
def size(package: str) -> int:
    """Bytes of a package's files, compiled ones aside."""
    files = (Path(str(file.locate())) for file in metadata.files(package) or [])
    return sum(file.stat().st_size for file in files if file.suffix != ".pyc" and file.is_file())


def main() -> None:
    """Print the table."""
    declared = needs(PACKAGE)
    whole = brought(declared)
    total = sum(map(size, whole))
    print("| dependency | its own MB | with what it alone brings | of all |")
    print("| --- | ---: | ---: | ---: |")
    for name in sorted(declared, key=lambda name: -size(name)):
        alone = whole - brought(each for each in declared if each != name)
        megabytes = sum(map(size, alone)) / 1e6
        print(
            f"| {name} | {grouped(round(size(name) / 1e6))} | {grouped(round(megabytes))} "
            f"({len(alone)}) | {100e6 * megabytes / total:.1f} % |"
        )
    print(f"\n{len(whole)} packages, {grouped(round(total / 1e6))} MB")


if __name__ == "__main__":
    main()
