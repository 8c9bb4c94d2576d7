"""What a call costs beside an empty command: ``python benchmarks/startup.py``.

Runs ``rsinspect summary 420`` and others, help and completion among them, and imports of what
rsinspect depends on, in turn with a Typer command that prints an empty Rich table, and prints the
ratios of CPU and wall time pair by pair. Ratios inside one run hold on a machine whose speed
drifts; the absolute times do not.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

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
PROGRAM = (str(Path(sys.executable).with_name("rsinspect")),)


class Spent(NamedTuple):
    """Seconds of one run, child processes included."""

    cpu: float
    wall: float


def spent(command: list[str]) -> Spent:
    """What one run takes."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        command,
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=tempfile.gettempdir(),
    )
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(done.stderr.decode(errors="replace"))
    return Spent(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, wall)


def compare(
    name: str, command: list[str], other: list[str], *, than: str = "empty", rounds: int = ROUNDS
) -> None:
    """Print the ratios of ``command`` to ``other``, which is called ``than``, run in turn."""
    spent(command), spent(other)  # fill the bytecode and file caches
    pairs = [(spent(command), spent(other)) for _ in range(rounds)]
    for kind in Spent._fields:
        both = [(getattr(mine, kind), getattr(theirs, kind)) for mine, theirs in pairs]
        ratios = sorted(mine / theirs for mine, theirs in both)
        print(
            f"{name:24} {kind:4} {1e3 * statistics.median(mine for mine, _ in both):6.0f} ms, "
            f"{than} {1e3 * statistics.median(theirs for _, theirs in both):4.0f} ms, ratio "
            f"{statistics.median(ratios):.2f} ({ratios[len(ratios) // 4]:.2f} .. "
            f"{ratios[3 * len(ratios) // 4]:.2f}, quartiles of {rounds})",
            flush=True,
        )


def prepare(scratch: str) -> list[str]:
    """The empty command, written to ``scratch``."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has its bytecode
    script = Path(scratch) / "empty.py"
    script.write_text(EMPTY)
    return [sys.executable, str(script)]


LINES = (
    "summary 420", "summary 50", "variants", "graph 420 -o -", "--help", "summary --help", "doctor",
)  # fmt: skip
ASKED = "rsinspect\nsummary\n--le"
"""A line as bash has it when somebody presses Tab."""

DEPENDENCIES = (
    "typer", "rich.table", "msgspec", "yaml", "jinja2", "graphviz", "h5py", "matplotlib.figure",
    "keras",
)  # fmt: skip
"""What is imported of each; keras brings TensorFlow."""


def main() -> None:
    """Compare the light commands, then what a dependency takes to import."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as scratch:
        empty = prepare(scratch)
        for line in LINES:
            compare(line, [*PROGRAM, *line.split()], empty, rounds=rounds)
        shell = ["env", "_RSINSPECT_COMPLETE=complete_bash", f"COMP_WORDS={ASKED}", "COMP_CWORD=2"]
        compare("summary --le<Tab>", [*shell, *PROGRAM], empty, rounds=rounds)
        for name in DEPENDENCIES:
            code = [sys.executable, "-c", f"import {name}"]
            compare(f"import {name}", code, empty, rounds=min(rounds, 3))


if __name__ == "__main__":
    main()
