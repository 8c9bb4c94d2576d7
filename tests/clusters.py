"""A cluster made of nothing, with a clock of its own, on which anything can befall a node."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rsinspect.profiling.request import Settings
from rsinspect.sweeps.cells import Cell
from rsinspect.sweeps.cluster import Greeting, Loss, Node
from rsinspect.sweeps.execution import Outcome

VERSION = "1.0"


def some_cells(number: int, *, device: str = "cpu", place: str | None = None) -> list[Cell]:
    """Make cells that differ in their repeat."""
    cell = Cell(model="50", settings=Settings(batch=1, device=device), fingerprint="f", place=place)
    return [replace(cell, repeat=repeat) for repeat in range(number)]


@dataclass(slots=True)
class _Started:
    node: Node
    cell: Cell | None
    ends_s: float
    loss: Loss | None = None


@dataclass(slots=True)
class FakeCluster:
    """Carries every cell out in a second of its clock; the tests let nodes come and go."""

    alive: dict[str, Node]
    now_s: float = 0.0
    versions: dict[str, dict[str, str]] = field(default_factory=dict)
    losses: dict[str, Loss] = field(default_factory=dict)
    """By the key of a cell: how each start of it ends."""
    niceness: int = 0
    document: Callable[[Cell], dict[str, Any]] = lambda _: {}
    on_second: Callable[[FakeCluster], None] = lambda _: None
    tasks: dict[int, _Started] = field(default_factory=dict)
    begun: list[tuple[str, str]] = field(default_factory=list)
    """Node and key of every start."""
    done: list[str] = field(default_factory=list)
    most_at_once: dict[str, int] = field(default_factory=dict)
    given_up: int = 0

    @classmethod
    def of(cls, *nodes: Node) -> FakeCluster:
        return cls({node.id: node for node in nodes})

    def clock(self) -> float:
        return self.now_s

    def nodes(self) -> Sequence[Node]:
        return list(self.alive.values())

    def greet(self, node: Node) -> int:
        return self._start(_Started(node, None, self.now_s))

    def start(self, node: Node, cell: Cell) -> int:
        self.begun.append((node.id, cell.key))
        task = self._start(_Started(node, cell, self.now_s + 1, self.losses.get(cell.key)))
        there = [one for one in self.tasks.values() if one.node is node and one.cell is not None]
        self.most_at_once[node.id] = max(self.most_at_once.get(node.id, 0), len(there))
        on_cpu = [one for one in there if one.cell and one.cell.settings.on_cpu]
        assert not on_cpu or len(there) == 1, "something was measured beside the processors"
        return task

    def _start(self, started: _Started) -> int:
        number = len(self.begun) * 2 + len(self.tasks) + 10**6 * len(self.alive)
        while number in self.tasks:
            number += 1
        self.tasks[number] = started
        return number

    def kill(self, identity: str) -> None:
        """Let a node be gone: what it was doing ends with it."""
        node = self.alive.pop(identity)
        for started in self.tasks.values():
            if started.node is node:
                started.loss = Loss(what="node", reason="was lost")
                started.ends_s = self.now_s

    def finished(self, tasks: Collection[int], timeout_s: float) -> Sequence[int]:
        def ended() -> list[int]:
            return [task for task in tasks if self.tasks[task].ends_s <= self.now_s]

        if not ended():
            self.now_s += timeout_s
            self.on_second(self)
        return ended()

    def result(self, task: int) -> Outcome | Greeting | Loss:
        started = self.tasks.pop(task)
        if started.loss is not None:
            return started.loss
        if started.cell is None:
            versions = self.versions.get(started.node.name, {"rsinspect": VERSION})
            return Greeting(versions=versions, niceness=self.niceness)
        self.done.append(started.cell.key)
        document = {"node": started.node.name} | self.document(started.cell)
        return Outcome(key=started.cell.key, kind="done", document=document)

    def give_up(self, task: int) -> None:
        self.given_up += 1
        self.tasks.pop(task)


def keys(cells: Iterable[Cell] | Iterable[Outcome]) -> list[str]:
    """List keys in order."""
    return sorted(one.key for one in cells)
