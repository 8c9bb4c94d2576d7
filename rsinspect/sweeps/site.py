"""Where cells are carried out: on this machine, or on the nodes of a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import rsinspect
from rsinspect.base.errors import ClusterUnavailable, InvalidMeasurement
from rsinspect.base.words import Option, advice, quoted
from rsinspect.sweeps.execution import Executor
from rsinspect.sweeps.local_executor import local_executor

Places = tuple[str | None, ...]
ANYWHERE: Places = (None,)
"""Each cell on whichever node is free."""


class Ready(NamedTuple):
    """Somebody who carries cells out.

    Attributes:
        executor: Who.
        places: Nodes on each of which everything is to be measured.
    """

    executor: Executor
    places: Places


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where cells are carried out.

    Attributes:
        ray: Address of a Ray cluster (``ray_cluster``); None for this machine, without Ray.
        per_node: Measure everything on each node.
        labels: What a node must have, as ``key=value``.

    Raises:
        InvalidMeasurement: If nodes are chosen without a cluster, or a label is none.
    """

    ray: str | None = None
    per_node: bool = False
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.ray is None and (self.per_node or self.labels):
            chosen = Option("per_node", True) if self.per_node else Option("node_label")
            raise InvalidMeasurement(
                advice("{} is about the nodes of a cluster, and none is named", chosen),
                advice("name one: {}", Option("ray", "auto")),
            )
        self.selector  # noqa: B018  (refuses what is no label)

    @property
    def selector(self) -> dict[str, str]:
        """Read the labels."""
        return dict(map(_label, self.labels))

    @contextmanager
    def ready(
        self, tell: Callable[[str], object], kept: Sequence[str | None] = ANYWHERE
    ) -> Iterator[Ready]:
        """Have cells carried out there, for as long as it is used.

        Args:
            tell: Called with what somebody may want to know meanwhile, a line each.
            kept: Nodes of a sweep that goes on.

        Raises:
            ClusterUnavailable: If the cluster does not answer, or has no node that can measure.
            InvalidMeasurement: If that is no address; if the sweep is one of a cluster's nodes, and
                this is none.
        """
        if self.ray is None:
            if tuple(kept) != ANYWHERE:
                raise InvalidMeasurement(
                    "the sweep is of the nodes of a cluster",
                    advice("name it: {}", Option("ray", "auto")),
                )
            yield Ready(local_executor(tell), ANYWHERE)
            return
        from rsinspect.sweeps.ray_cluster import ray_cluster
        from rsinspect.sweeps.scheduling import ClusterExecutor

        with ray_cluster(self.ray, labels=self.selector) as cluster:
            executor = ClusterExecutor(cluster, rsinspect.__version__, tell=tell)
            places = executor.places()
            if not places:
                raise ClusterUnavailable(
                    "no node of the cluster can measure: none has processors, or the labels",
                    advice("choose other nodes with {}", Option("node_label")),
                )
            named = () if tuple(kept) == ANYWHERE else kept
            more = places if self.per_node else ()
            yield Ready(executor, tuple(dict.fromkeys((*named, *more))) or ANYWHERE)


def _label(text: str) -> tuple[str, str]:
    """Read a label.

    >>> _label("ray.io/accelerator-type=L4")
    ('ray.io/accelerator-type', 'L4')
    """
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise InvalidMeasurement(
            f"{quoted(text)} is no label of a node", "such as ray.io/accelerator-type=L4"
        )
    return name, value
