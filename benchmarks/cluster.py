"""What a cell costs beside its measurement: ``python -m benchmarks.cluster [NODES...]``.

Cells that measure nothing, on Ray clusters of several nodes that are all on this machine, and by
the driver's scheduling alone on nodes that are nothing at all. Times depend on the machine, which
all nodes share: read how they grow. Memory is what the processes of the nodes have for themselves,
with their part of what they share (Pss).
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import rsinspect
from rsinspect.base.units import binary_bytes, grouped
from rsinspect.profiling.request import Settings
from rsinspect.sweeps.cells import Cell
from rsinspect.sweeps.cluster import Greeting, Node
from rsinspect.sweeps.execution import Outcome
from rsinspect.sweeps.ray_cluster import ray_cluster
from rsinspect.sweeps.scheduling import ClusterExecutor

NODES = (1, 2, 5, 10, 20, 50)
CELLS = (100, 1_000, 10_000)
SMALL = {"object_store_memory": 80 * 2**20}
SPARE_BYTES = 4 * 2**30
"""What is left to others: a node that would take of it is not started."""


def cells(number: int) -> list[Cell]:
    """Make cells that differ in their repeat."""
    settings = Settings(batch=1)
    return [
        Cell(model="50", settings=settings, fingerprint="f", repeat=repeat)
        for repeat in range(number)
    ]


def nothing(cell: Cell) -> Outcome:
    """Carry a cell out by measuring nothing."""
    return Outcome(key=cell.key, kind="done", document={})


class Instant:
    """Nodes that are nothing: each cell has ended as soon as somebody looks."""

    def __init__(self, number: int) -> None:
        self.all = [Node(id=str(node), name=str(node)) for node in range(number)]
        self.results: dict[int, Outcome | Greeting] = {}
        self.number = 0

    def nodes(self) -> Sequence[Node]:
        """List them."""
        return self.all

    def _begin(self, result: Outcome | Greeting) -> int:
        self.number += 1
        self.results[self.number] = result
        return self.number

    def greet(self, node: Node) -> int:
        """Let a node say its version."""
        return self._begin(Greeting(versions={"rsinspect": rsinspect.__version__}))

    def start(self, node: Node, cell: Cell) -> int:
        """End a cell."""
        return self._begin(nothing(cell))

    def finished(self, tasks: Collection[int], timeout_s: float) -> Sequence[int]:
        """List all that were begun."""
        return tuple(tasks)

    def result(self, task: int) -> Outcome | Greeting:
        """Return how one ended."""
        return self.results.pop(task)

    def give_up(self, task: int) -> None:
        """Forget one."""
        self.results.pop(task)


def driver_alone(nodes: int, number: int) -> float:
    """Return the processor time of the driver for one cell, in seconds."""
    listed = cells(number)
    executor = ClusterExecutor(Instant(nodes), rsinspect.__version__)
    begun = time.process_time()
    assert sum(1 for _ in executor.outcomes(listed)) == number
    return (time.process_time() - begun) / number


def on_ray(address: str, numbers: Sequence[int]) -> tuple[float, list[float]]:
    """Return the time until the first outcome, and of a cell from each number to the next."""
    listed = cells(numbers[-1])
    with ray_cluster(address, work=nothing) as connected:
        executor = ClusterExecutor(connected, rsinspect.__version__)
        begun = time.perf_counter()
        came = [time.perf_counter() for _ in executor.outcomes(listed)]
    spans = zip((0, *numbers), numbers, strict=False)  # the next hundreds, thousands
    return came[0] - begun, [
        (came[until - 1] - came[since]) / (until - 1 - since) for since, until in spans
    ]


def own_bytes(folder: str) -> int:
    """Add up the memory of a cluster's processes: of those that name its folder, or say ray::."""
    total = 0
    for process in Path("/proc").iterdir():
        if not process.name.isdecimal():
            continue
        try:
            command = (process / "cmdline").read_bytes()
            if folder.encode() not in command and not command.startswith(b"ray::"):
                continue
            rolled = (process / "smaps_rollup").read_text()
        except OSError:
            continue
        total += 1024 * sum(
            int(line.split()[1]) for line in rolled.splitlines() if line.startswith("Pss:")
        )
    return total


def available_bytes() -> int:
    """Read what the system says is available."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    line = next(line for line in lines if line.startswith("MemAvailable"))
    return int(line.split()[1]) * 1024


def main() -> None:
    """Print both tables."""
    from ray import __version__
    from ray.cluster_utils import Cluster

    wanted = tuple(map(int, sys.argv[1:])) or NODES
    print(f"Python {platform.python_version()}, Ray {__version__}, {os.cpu_count()} processors\n")
    print("| nodes that are nothing | cells | driver, per cell |\n| ---: | ---: | ---: |")
    for nodes in (1, 10, 50):
        for number in CELLS:
            took = min(driver_alone(nodes, number) for _ in range(3))
            print(f"| {nodes} | {grouped(number)} | {took * 1e6:.0f} us |", flush=True)
    print(
        "\n| nodes of Ray | memory of a node | first outcome | a cell to the 100th "
        "| to the 1,000th | to the 10,000th |"
    )
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    Path("/tmp/ray").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as folder:
        head: dict[str, Any] = {"num_cpus": 0, "include_dashboard": False, "temp_dir": folder}
        cluster = Cluster(True, head_node_args=head | SMALL)
        try:
            began_with = own_bytes(folder)
            each = 0
            for many in wanted:
                missing = many - len(cluster.worker_nodes)
                if available_bytes() - missing * each < SPARE_BYTES:
                    print(f"\nnot run: {many} nodes, of {binary_bytes(each)} each")
                    break
                for _ in range(missing):
                    cluster.add_node(num_cpus=1, node_name=f"n{len(cluster.worker_nodes)}", **SMALL)
                first, further = on_ray(cluster.address, CELLS)
                each = (own_bytes(folder) - began_with) // many
                times = " | ".join(f"{seconds * 1e3:.2f} ms" for seconds in further)
                print(f"| {many} | {binary_bytes(each)} | {first:.1f} s | {times} |", flush=True)
        finally:
            cluster.shutdown()


if __name__ == "__main__":
    main()
