"""Lines and branches that the tests run, by room: ``python -m benchmarks.covered``.

Reads what ``python -m coverage run -m pytest`` has left, of every process that it started; what is
left out is in pyproject.toml, with the reason.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath
from typing import Any

COUNTS = ("num_statements", "missing_lines", "num_branches", "missing_branches")
"""Of a file, as coverage names them in its JSON."""


def by_room(files: Mapping[str, Any]) -> dict[str, Counter[str]]:
    """Add the files of each room up.

    Args:
        files: Of a report of coverage as JSON, by path from the folder that the package is in.
    """
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for path, file in files.items():
        _, *inside = PurePath(path).parts
        room = f"{inside[0]}/" if len(inside) > 1 else "beside them"
        found[room] += Counter({name: file["summary"][name] for name in COUNTS})
    return dict(sorted(found.items()))


def share(whole: int, missing: int) -> str:
    """Write which share of something was run."""
    return f"{100 * (1 - missing / whole):.1f} %" if whole else "–"


def table(rooms: Mapping[str, Counter[str]]) -> Iterable[str]:
    """Yield the lines of a table, rooms by name and all of them last."""
    yield "| room | lines | run | branches | taken |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for room, counts in {**rooms, "**all**": sum(rooms.values(), Counter[str]())}.items():
        lines, unrun, branches, untaken = (counts[name] for name in COUNTS)
        cells = (room, lines, share(lines, unrun), branches, share(branches, untaken))
        yield f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    """Combine what all processes left, and print the table."""
    from coverage import Coverage

    coverage = Coverage()
    coverage.combine(strict=False, keep=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "report.json")
        coverage.json_report(outfile=str(path))
        print(*table(by_room(json.loads(path.read_text())["files"])), sep="\n")


if __name__ == "__main__":
    main()
