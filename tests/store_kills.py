"""Programs that write to a store and are killed at any moment: nothing that was kept is lost.

    python -m tests.store_kills 500

Each round forks a process that carries out the cells of a sweep one by one, and says of each when
it is kept; it is killed after some of them, in the middle of the next. Then the store is looked at.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

from rsinspect.runs.integrity import findings
from rsinspect.runs.store import open_store
from tests.runs import kept_run

PLAN = {"schema": "rsinspect.sweep/1", "models": ["50"]}
CELLS = 100


def write(path: Path, said: int, number: int) -> None:
    """Carry out cells until the end comes; say of each when it is kept."""
    with open_store(path, write=True) as store:
        sweep = store.begin_sweep(PLAN | {"number": number}, [str(key) for key in range(CELLS)])
        for key in range(CELLS):
            if key % 5 == 4:
                store.finish_cell(sweep, str(key), None, "as every fifth")
            else:
                store.finish_cell(sweep, str(key), kept_run(1 + key, measured_s=float(number)))
            os.write(said, b".")


def killed(path: Path, number: int, dice: random.Random) -> int:
    """Kill a writer some time after it has kept a few cells; count those it said it had."""
    reads, says = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reads)
        try:
            write(path, says, number)
        finally:
            os._exit(0)
    os.close(says)
    kept, wanted = 0, dice.randrange(4)
    while kept < wanted:
        kept += len(os.read(reads, 1))
    time.sleep(dice.random() * 0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while more := os.read(reads, 4096):
        kept += len(more)
    os.close(reads)
    return kept


def faults(path: Path, number: int, kept: int) -> list[str]:
    """List what is wrong with the store after a round."""
    with open_store(path, write=True) as store:
        sweep = store.begin_sweep(PLAN | {"number": number})
        ended = [cell for cell in store.cells(sweep) if cell.state != "waiting"]
        runs = len(store)
        done = sum(each.done for each in store.sweeps())
    wrong = [line for finding in findings(path) for line in finding.wrong]
    if len(ended) not in (kept, kept + 1):
        wrong.append(f"{kept} cells were kept, {len(ended)} are")
    if any((cell.run is None) != (cell.state == "failed") for cell in ended):
        wrong.append("a cell is done without a run, or failed with one")
    if runs != done:
        wrong.append(f"{runs} runs of {done} cells")
    return wrong


def main(rounds: int, seed: int = 0) -> int:
    """Kill as many writers, and say what is wrong afterwards."""
    dice = random.Random(seed)
    total = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "runs.db"
        for number in range(rounds):
            kept = killed(path, number, dice)
            total += kept
            if not path.exists():
                continue
            if wrong := faults(path, number, kept):
                print(f"round {number}: {wrong}")
                return 1
    print(f"{rounds} writers killed, {total} cells kept, none lost")
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100))
