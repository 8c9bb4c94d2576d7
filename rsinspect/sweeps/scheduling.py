"""Cells over the nodes of a cluster: one at a time on a node, or on each of its accelerators.

The driver chooses the node of each cell, and starts a cell only where there is room for it: what
has not been started can be lost by nobody. A cell whose node is lost is started again elsewhere, a
few times; one that was ended for lack of memory is not, as it would be again. Nodes may come and go
meanwhile; each is asked for its versions before it gets a cell.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass

from rsinspect.base.errors import ClusterUnavailable
from rsinspect.sweeps.cells import Cell
from rsinspect.sweeps.cluster import Cluster, Greeting, Loss, Node, Task
from rsinspect.sweeps.execution import Outcome

PACKAGE = "rsinspect"
LOOK_EVERY_S = 1.0
"""How often the cluster is asked for its nodes."""
PATIENCE_S = 30.0
"""For a node to come, where there is none, or none that suits a cell."""
MOST_STARTS = 3
"""Of one cell, where all before were lost."""


@dataclass(slots=True, eq=False)
class _Host:
    """A node, and what is known of it.

    Attributes:
        node: As it was when it came.
        free: Lanes on which nothing is measured.
        said: What it said of itself; None until then.
    """

    node: Node
    free: int
    said: Greeting | None = None

    def suits(self, cell: Cell) -> bool:
        """Tell whether it can carry a cell out, now or later."""
        fits = cell.settings.on_cpu or self.node.gpus > 0
        return fits and cell.place in (None, self.node.name)

    def lanes_for(self, cell: Cell) -> int:
        """Count the lanes of a cell: beside a measurement of the processors there is no other."""
        return self.node.lanes if cell.settings.on_cpu else 1

    def has_room(self, cell: Cell) -> bool:
        """Tell whether a cell can be started there."""
        return self.said is not None and self.suits(cell) and self.free >= self.lanes_for(cell)


class ClusterExecutor:
    """Carries cells out on a cluster, once each.

    Args:
        cluster: Which.
        version: Of this package, which each node must have.
        tell: Called with what somebody may want to know of the nodes, a line each.
        clock: Seconds, from anywhere.
    """

    def __init__(
        self,
        cluster: Cluster,
        version: str,
        *,
        tell: Callable[[str], object] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cluster = cluster
        self._version = version
        self._tell = tell
        self._clock = clock
        self._hosts: dict[str, _Host] = {}
        self._left_out: dict[str, str] = {}
        """Nodes that are lost or cannot measure, by id: why."""
        self._running: dict[Task, tuple[_Host, Cell | None]] = {}
        """Tasks by where they are; None for a greeting."""
        self._waiting: deque[Cell] = deque()
        self._starts: Counter[str] = Counter()
        self._looked_s = -float("inf")
        self._changed_s = clock()

    def outcomes(self, cells: Iterable[Cell]) -> Generator[Outcome, None, None]:
        """Carry cells out, and give each outcome as it comes.

        Args:
            cells: Taken one by one, each when there is room for it.

        Raises:
            ClusterUnavailable: If no node is left that can measure, and none comes.
        """
        source = iter(cells)
        try:
            while True:
                yield from self._look()
                more = yield from self._fill(source)
                if not more and not self._waiting and not self._measuring():
                    return
                for task in self._cluster.finished(tuple(self._running), LOOK_EVERY_S):
                    yield from self._settle(task)
        finally:
            for task in self._running:
                self._cluster.give_up(task)
            self._running.clear()

    def places(self) -> tuple[str, ...]:
        """Name the nodes that measure now, in order; those of one name are one place."""
        return tuple(sorted({node.name for node in self._cluster.nodes()}))

    def _measuring(self) -> bool:
        return any(cell is not None for _, cell in self._running.values())

    def _look(self) -> Iterator[Outcome]:
        """Ask for the nodes now and then: greet those that came, let go of those that are gone."""
        now = self._clock()
        if now - self._looked_s < LOOK_EVERY_S:
            return
        self._looked_s = now
        alive = {node.id: node for node in self._cluster.nodes()}
        for host in [host for host in self._hosts.values() if host.node.id not in alive]:
            self._leave_out(host, "is gone from the cluster")
        for task, (host, cell) in list(self._running.items()):
            if self._hosts.get(host.node.id) is not host:  # it may not have begun, nor ever would
                del self._running[task]
                self._cluster.give_up(task)
                yield from self._again(cell, self._left_out[host.node.id])
        for node in alive.values():
            if node.id not in self._hosts and node.id not in self._left_out:
                self._hosts[node.id] = host = _Host(node, node.lanes)
                self._running[self._cluster.greet(node)] = (host, None)
                self._changed_s = now
        if not self._hosts and (self._waited() or (alive and not self._starts)):
            why = "; ".join(self._left_out.values()) or "none has processors, or the labels"
            raise ClusterUnavailable(
                f"no node of the cluster can measure: {why}",
                "what is done is kept; resume when there are nodes that can",
            )

    def _fill(self, source: Iterator[Cell]) -> Generator[Outcome, None, bool]:
        """Start cells wherever there is room; tell whether there may be more of them."""
        for _ in range(len(self._waiting)):
            cell = self._waiting.popleft()
            if self._waited() and not any(host.suits(cell) for host in self._hosts.values()):
                where = "the cluster" if cell.place is None else f"the name {cell.place}"
                has = "is there" if cell.settings.on_cpu else "has an accelerator"
                reason = f"no node of {where} {has}"
                yield Outcome(key=cell.key, kind="refused", reason=reason)
            else:
                self._start_or_keep(cell)
        lanes = sum(host.node.lanes for host in self._hosts.values())
        while len(self._waiting) < lanes and self._some_free():
            new = next(source, None)
            if new is None:
                return False
            if ":" in new.settings.device:
                reason = (
                    "the cluster chooses which accelerator: the device is gpu, without a number"
                )
                yield Outcome(key=new.key, kind="refused", reason=reason)
            else:
                self._start_or_keep(new)
        return True

    def _some_free(self) -> bool:
        return any(host.said is not None and host.free for host in self._hosts.values())

    def _waited(self) -> bool:
        return self._clock() - self._changed_s >= PATIENCE_S

    def _start_or_keep(self, cell: Cell) -> None:
        """Start a cell, on a node without accelerators first if it needs none; or let it wait."""
        free = [host for host in self._hosts.values() if host.has_room(cell)]
        if not free:
            self._waiting.append(cell)
            return
        host = min(free, key=lambda host: (host.node.gpus, -host.free))
        host.free -= host.lanes_for(cell)
        self._starts[cell.key] += 1
        self._running[self._cluster.start(host.node, cell)] = (host, cell)

    def _settle(self, task: Task) -> Iterator[Outcome]:
        """Take in what became of a task."""
        host, cell = self._running.pop(task)
        result = self._cluster.result(task)
        if cell is not None:
            host.free += host.lanes_for(cell)
        what_befell = f"{host.node.name} {result.reason}" if isinstance(result, Loss) else ""
        match result:
            case Greeting():
                self._welcome(host, result)
            case Outcome():
                yield result
            case Loss(what="memory" | "task") if cell is not None:
                yield Outcome(key=cell.key, kind="crashed", reason=what_befell)
            case Loss():
                if result.what == "node" or cell is None:
                    self._leave_out(host, result.reason)
                yield from self._again(cell, what_befell)

    def _again(self, cell: Cell | None, reason: str) -> Iterator[Outcome]:
        """Let a cell that was lost be started again, but not for ever."""
        if cell is None:
            return
        if self._starts[cell.key] < MOST_STARTS:
            self._tell(f"{cell.model} is measured again: {reason}")
            self._waiting.append(cell)
            return
        reason = f"lost {MOST_STARTS} times, the last as {reason}"
        yield Outcome(key=cell.key, kind="lost", reason=reason)

    def _welcome(self, host: _Host, said: Greeting) -> None:
        """Let a node measure, if it has this package as it is here; say in what nodes differ."""
        found = said.versions.get(PACKAGE)
        if found != self._version:
            has = f"no {PACKAGE}" if found is None else f"{PACKAGE} {found}"
            self._leave_out(host, f"has {has}; here it is {self._version}")
            return
        first = next((other for other in self._hosts.values() if other.said is not None), host)
        host.said = said
        if first.said is not None and (differences := _differences(said, first.said)):
            self._tell(f"node {host.node.name} differs from {first.node.name}: {differences}")
        elif first is host and said.niceness > 0:
            self._tell(
                f"measurements on {host.node.name} run at niceness {said.niceness}, after all "
                "other work there; a node that is started with RAY_worker_niceness=0 has none"
            )

    def _leave_out(self, host: _Host, why: str) -> None:
        """Start nothing on a node any more."""
        if self._hosts.pop(host.node.id, None) is not None:
            self._changed_s = self._clock()
            self._tell(f"node {host.node.name} {why}")
        self._left_out.setdefault(host.node.id, f"{host.node.name} {why}")


def _differences(one: Greeting, other: Greeting) -> str:
    """Put into words in what a node differs from another; nothing where it does not."""
    return ", ".join(
        f"{what} {one.versions.get(what, 'none')} instead of {other.versions.get(what, 'none')}"
        for what in sorted({*one.versions, *other.versions})
        if one.versions.get(what) != other.versions.get(what)
    )
