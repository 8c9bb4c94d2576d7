"""What a cluster is to a sweep: nodes that come and go, and tasks that end in several ways."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from rsinspect.sweeps.cells import Cell
from rsinspect.sweeps.execution import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A machine of a cluster, as it is at the moment.

    Attributes:
        id: Of this start of it: a node that was lost comes back under another.
        name: What it is called whenever it is started.
        cpus: Processors it has, as far as the cluster knows.
        gpus: Accelerators it has.
        measures: How much of the resource ``measure`` it declares; None where it declares none.
        labels: What else is known of it.
    """

    id: str
    name: str
    cpus: float = 1.0
    gpus: int = 0
    measures: float | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def lanes(self) -> int:
        """Count the measurements it can take at a time: one, or one on each accelerator."""
        return max(1, self.gpus)


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """What a node says of itself before it is given a cell.

    Attributes:
        versions: Of Python, this package and the frameworks, as far as they are installed; and
            what its processor is called.
        niceness: Of a measurement there: the higher, the more everything else goes first.
    """

    versions: Mapping[str, str]
    niceness: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """A task that did not come to an end of its own.

    Attributes:
        what: ``node``: the machine is gone; ``worker``: the process that had it died; ``memory``:
            it was ended because the node's memory was used up; ``task``: it could not be run.
        reason: What befell the node, after its name.
    """

    what: Literal["node", "worker", "memory", "task"]
    reason: str


Task = Any
"""Something that was started on a cluster; can be a key of a dictionary."""


class Cluster(Protocol):
    """Starts cells on nodes, and never starts one again by itself."""

    def nodes(self) -> Sequence[Node]:
        """List the nodes that are alive and may measure."""
        ...

    def greet(self, node: Node) -> Task:
        """Ask a node for its versions; it needs nothing that a measurement uses."""
        ...

    def start(self, node: Node, cell: Cell) -> Task:
        """Start a cell on a node, with all that a measurement there is to have to itself."""
        ...

    def finished(self, tasks: Collection[Task], timeout_s: float) -> Sequence[Task]:
        """Wait until a task has ended, or for some time; list those that have."""
        ...

    def result(self, task: Task) -> Outcome | Greeting | Loss:
        """Return what became of a task that has ended."""
        ...

    def give_up(self, task: Task) -> None:
        """End a task that nobody waits for any more."""
        ...
