"""What a call costs beside an empty command: ``python benchmarks/startup.py``.

Runs ``rsinspect summary 420`` (and others) in turn with a Typer command that prints an empty Rich
table, and prints the ratios of CPU time pair by pair. Ratios inside one run hold on a machine whose
speed drifts; the absolute times do not.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

EMPTY = """
import typer
from rich.console import Console
from rich.table import Table
app = typer.Typer()
@app.command()
def main(count: int = 1) -> None:
    table = Table("a", "b")
    table.add_row("1", "2")
    Console().print(table)
app()
"""
ROUNDS = 21


def cpu_s(command: list[str]) -> float:
    """User and system CPU seconds of one run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=tempfile.gettempdir())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def compare(name: str, command: list[str], empty: list[str]) -> None:
    """Print the ratio of ``command`` to ``empty``, run in turn."""
    cpu_s(command), cpu_s(empty)  # fill the bytecode and file caches
    pairs = [(cpu_s(command), cpu_s(empty)) for _ in range(ROUNDS)]
    ratios = sorted(mine / theirs for mine, theirs in pairs)
    print(
        f"{name:28} {1e3 * statistics.median(mine for mine, _ in pairs):5.0f} ms, empty "
        f"{1e3 * statistics.median(theirs for _, theirs in pairs):4.0f} ms, ratio "
        f"{statistics.median(ratios):.2f} ({ratios[len(ratios) // 4]:.2f} .. "
        f"{ratios[3 * len(ratios) // 4]:.2f}, quartiles of {ROUNDS})"
    )


def main() -> None:
    """Compare the light commands."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has its bytecode
    program = [str(Path(sys.executable).with_name("rsinspect"))]
    with tempfile.TemporaryDirectory() as scratch:
        script = Path(scratch) / "empty.py"
        script.write_text(EMPTY)
        empty = [sys.executable, str(script)]
        for line in ("summary 420", "summary 50", "variants", "graph 420 -o -"):
            compare(line, [*program, *line.split()], empty)


if __name__ == "__main__":
    main()
