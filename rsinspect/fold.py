"""Which repeats are identical, decided by what they are and not by what they are called.

Two groups (blocks) are identical when their layers have the same ops with the same configuration,
the same shapes and the same connections. Every repeat has weights of its own: folding says that the
blocks are alike, never that they share anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rsinspect.graph import Group, LayerGraph, Op, TensorShape

Signature = tuple[tuple[Op, tuple[int | TensorShape, ...], TensorShape], ...]


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring groups that are identical.

    Attributes:
        groups: The groups, in order; at least one.
    """

    groups: tuple[Group, ...]

    @property
    def first(self) -> Group:
        """The one that stands for all."""
        return self.groups[0]

    @property
    def repeats(self) -> int:
        """How many there are."""
        return len(self.groups)

    @property
    def span(self) -> str:
        """Path of the first, to the number of the last: ``c4/block1-22``.

        >>> Run((Group("c4/block1", ()), Group("c4/block2", ()))).span
        'c4/block1-2'
        """
        if self.repeats == 1:
            return self.first.path
        return f"{self.first.path}-{self.groups[-1].path.rpartition('block')[2]}"


def signature(graph: LayerGraph, group: Group) -> Signature:
    """What a group is: per layer its op, where its inputs come from, and its shape.

    An input from inside the group is its position there; one from outside is its shape.
    """
    position = {layer.path: index for index, layer in enumerate(group.layers)}
    return tuple(
        [
            (
                layer.op,
                tuple(
                    [
                        position[path] if path in position else graph.layer(path).shape
                        for path in layer.inputs
                    ]
                ),
                layer.shape,
            )
            for layer in group.layers
        ]
    )


def fold(graph: LayerGraph, groups: Iterable[Group]) -> tuple[Run, ...]:
    """Identical neighbours together.

    >>> from rsinspect.resnet_rs import build_graph
    >>> from rsinspect.spec import ResNetRSSpec
    >>> graph = build_graph(ResNetRSSpec.variant(101))
    >>> [run.span for run in fold(graph, graph.groups("c4"))]
    ['c4/block0', 'c4/block1-22']
    """
    runs: list[list[Group]] = []
    previous: Signature | None = None
    for group in groups:
        current = signature(graph, group)
        if current == previous:
            runs[-1].append(group)
        else:
            runs.append([group])
        previous = current
    return tuple(Run(tuple(run)) for run in runs)


def unfold(runs: Iterable[Run]) -> tuple[Group, ...]:
    """All groups again, in order."""
    return tuple(group for run in runs for group in run.groups)
