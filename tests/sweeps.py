"""Sweeps that measure nothing: made-up points, and executors that only say what they did."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rsinspect.networks.named import network
from rsinspect.networks.network import resnet_rs
from rsinspect.networks.spec import ResNetRSSpec
from rsinspect.profiling.record.document import to_json
from rsinspect.profiling.record.run import Segment
from rsinspect.profiling.request import Settings
from rsinspect.profiling.statistics import Latency
from rsinspect.sweeps.cells import Cell
from rsinspect.sweeps.driver import Driver, Order
from rsinspect.sweeps.execution import Outcome
from rsinspect.sweeps.local_executor import LocalExecutor
from rsinspect.sweeps.plan import Plan, Point
from tests.runs import run_of

NETWORK = network("50@32")


def point_of(batch: int) -> Point:
    return Point(
        model="50@32", resolution=None, title=NETWORK.title, fingerprint=NETWORK.fingerprint,
        settings=Settings(batch=batch, max_time_s=10.0, strict_batch=True),
        needed_bytes=10**9, macs=10**6,
    )  # fmt: skip


def plan_of(*batches: int, seed: int = 0) -> Plan:
    """A plan of one network at several batches."""
    return Plan(points=tuple(map(point_of, batches)), seed=seed)


def document_of(batch: int = 1, samples_s: Iterable[float] = (0.1,) * 6, n: int = 0) -> Any:
    """A run's document; another one for each number."""
    segment = Segment(path="stem", level="stage", latency=Latency.of(samples_s))
    return to_json(run_of([segment], network=NETWORK, batch=batch, wall_s=10.0 + n))


@dataclass
class Fake:
    """Carries cells out by a function, and remembers which."""

    outcome: Callable[[Cell, int], Outcome] = lambda cell, n: Outcome(
        key=cell.key, kind="done", document=document_of(cell.settings.batch, n=n)
    )
    keys: list[str] = field(default_factory=list)

    def outcomes(self, cells: Iterable[Cell]) -> Iterator[Outcome]:
        for cell in cells:
            self.keys.append(cell.key)
            yield self.outcome(cell, len(self.keys))


PROGRAM = """
import json, sys, time
place, log = sys.argv[1:3]
key = sys.argv[sys.argv.index("--batch") + 1]
saved = sys.argv[sys.argv.index("--save") + 1]
document = json.load(open(place))
document["wall_s"] = time.time() % 1e6  # of every run another
with open(log, "a") as file: file.write(key + "\\n")
with open(saved, "w") as file: json.dump(document, file)
"""
"""Stands for ``rsinspect``: notes which batch was to be measured, and writes a run."""


def drive(db: str, document: str, log: str, batches: int, repeats: int) -> None:
    """Carry a sweep out with a program that measures nothing; the whole of a process."""
    program = (sys.executable, "-c", PROGRAM, document, log)
    plan = plan_of(*range(1, batches + 1))
    executor = LocalExecutor(program=program, place=Path(f"{db}.turn"))
    Driver(Path(db), plan, Order(repeats=repeats)).drive(executor)


def small_network(folder: Path) -> str:
    """Write a network that takes milliseconds; MODEL text of it."""
    spec = ResNetRSSpec.layout((1, 1, 1, 1), width=0.25, resolution=(32, 32))
    made = folder / "small.json"
    resnet_rs(spec).save(made)
    return str(made)
