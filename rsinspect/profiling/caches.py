"""The caches of this machine, and the working sets that show how fast each of them is.

Working sets begin at half of the level-2 caches together, so that the second lies beyond them, and
grow threefold up to four times the last cache, or WORKING_SET_LIMIT. One per cache would do if
caches were as large as they say: where virtual machines share a level-3 cache of 480 MiB, half of
it is as slow as DRAM, and 8 to 100 MiB are twice as fast. Where the system does not tell the caches
of the device, as on a GPU, the sweep begins at 512 KiB and levels are named by size.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from rsinspect.base.units import binary_bytes
from rsinspect.profiling import machine

WORKING_SET_LIMIT = 512 * 2**20
"""On a GPU the framework may hold a second copy of it: 1 GiB."""
FIRST_WORKING_SET = 512 * 2**10


def caches(root: Path = machine.ROOT) -> tuple[tuple[str, int], ...]:
    """Read level and bytes of the caches beyond the first, all allowed processors together.

    Empty where the system does not tell.
    """
    sizes: dict[tuple[int, str], int] = {}
    for cpu in machine.processors():
        for index in sorted((root / f"sys/devices/system/cpu/cpu{cpu}/cache").glob("index*")):
            try:
                level, size, kind, shared = (
                    (index / name).read_text(encoding="utf-8").strip()
                    for name in ("level", "size", "type", "shared_cpu_list")
                )
            except OSError:
                continue
            units = re.fullmatch(r"(\d+)([KM])", size)
            if units and level.isdigit() and int(level) > 1 and kind != "Instruction":
                factor = {"K": 2**10, "M": 2**20}[units[2]]
                sizes[int(level), shared] = int(units[1]) * factor
    levels = sorted({level for level, _ in sizes})
    return tuple(
        (f"L{level}", sum(size for (of, _), size in sizes.items() if of == level))
        for level in levels
    )


def working_sets(known: Sequence[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    """List level and bytes of the working sets to measure, growing threefold.

    >>> working_sets([("L2", 4 * 2**20), ("L3", 32 * 2**20)])
    (('L2', 2097152), ('L3', 6291456), ('L3', 18874368), ('DRAM', 56623104), ('DRAM', 134217728))
    """
    size = known[0][1] // 2 if known else FIRST_WORKING_SET
    last = min(WORKING_SET_LIMIT, 4 * known[-1][1]) if known else WORKING_SET_LIMIT
    sizes = [min(size, last)]
    while sizes[-1] < last:
        sizes.append(3 * sizes[-1] if 6 * sizes[-1] <= last else last)
    return tuple((_level(size, known), size) for size in sizes)


def _level(size: int, known: Sequence[tuple[str, int]]) -> str:
    if not known:
        return binary_bytes(size)
    return next((level for level, holds in known if size <= holds), "DRAM")
