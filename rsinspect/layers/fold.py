"""Which repeats are identical, decided by what they are and not by what they are called.

Two groups (blocks) are identical when their layers, one by one, have the same ops with the same
configuration, the same shapes and the same connections. Every repeat has weights of its own:
folding says that the blocks are alike, never that they share anything.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rsinspect.layers.cost import Cost, layers_cost
from rsinspect.layers.graph import LayerGraph
from rsinspect.layers.structure import Group, Stage, structure_of


class Run(NamedTuple):
    """Neighbouring groups that are identical.

    Attributes:
        groups: The groups, in order; at least one.
    """

    groups: tuple[Group, ...]

    @property
    def first(self) -> Group:
        """Return the block that stands for all."""
        return self.groups[0]

    @property
    def repeats(self) -> int:
        """Count the blocks."""
        return len(self.groups)

    def cost(self, graph: LayerGraph) -> Cost:
        """Add up the cost of all blocks, for one image."""
        return layers_cost(graph, self.first.layers) * self.repeats

    @property
    def span(self) -> str:
        """Write the path of the first, to the number of the last: ``c4/block1-22``.

        >>> Run((Group("c4/block1", ()), Group("c4/block2", ()))).span
        'c4/block1-2'
        """
        return span([group.path for group in self.groups])

    @property
    def paths(self) -> tuple[str, ...]:
        """List the paths of all blocks."""
        return tuple(group.path for group in self.groups)


def span(paths: Sequence[str]) -> str:
    """Call some neighbours by one name: the first's, to the number of the last.

    >>> span(["c4/block1", "c4/block2"]), span(["stem"]), span(["left", "right"])
    ('c4/block1-2', 'stem', 'left to right')
    """
    if len(paths) == 1:
        return paths[0]
    parts = [re.fullmatch(r"(.*?)(\d+)", path) for path in (paths[0], paths[-1])]
    if parts[0] is None or parts[1] is None or parts[0][1] != parts[1][1]:
        return f"{paths[0]} to {paths[-1]}"
    return f"{paths[0]}-{parts[1][2]}"


def _likeness(graph: LayerGraph, group: Group) -> tuple[object, ...]:
    """What a group is, whatever it is called: equal for identical groups and no others.

    Ops and shapes in order, and for each input the position of its layer in the group, or the shape
    that is read from outside; which layers are frozen, and which share weights.
    """
    layers = group.layers
    position = {layer.path: index for index, layer in enumerate(layers)}
    return (
        [layer.op for layer in layers],
        [layer.shape for layer in layers],
        [
            [position[path] if path in position else graph.layer(path).shape for path in inputs]
            for _, _, inputs, *_ in layers
        ],
        [
            (x.shares and position.get(x.shares, "outside"), x.frozen)
            for x in layers
            if x.shares is not None or x.frozen
        ],
    )


def fold(graph: LayerGraph, groups: Iterable[Group]) -> tuple[Run, ...]:
    """Group identical neighbours.

    >>> from rsinspect.networks.resnet_rs import build_graph
    >>> from rsinspect.networks.spec import ResNetRSSpec
    >>> graph = build_graph(ResNetRSSpec.variant(101))
    >>> c4 = structure_of(graph).stage("c4")
    >>> [run.span for run in fold(graph, c4.groups)]
    ['c4/block0', 'c4/block1-22']
    """
    runs: list[list[Group]] = []
    before: tuple[object, ...] | None = None
    for group in groups:
        likeness = _likeness(graph, group)
        if likeness == before:
            runs[-1].append(group)
        else:
            runs.append([group])
        before = likeness
    return tuple(Run(tuple(run)) for run in runs)


class FoldedStage(NamedTuple):
    """A stage with its identical neighbours together.

    Attributes:
        stage: The stage.
        runs: Its blocks, folded; a stage without blocks is one run.
    """

    stage: Stage
    runs: tuple[Run, ...]

    def cost(self, graph: LayerGraph) -> Cost:
        """Add up the cost of the whole stage, for one image."""
        return Cost.total(run.cost(graph) for run in self.runs)


def fold_stages(graph: LayerGraph) -> tuple[FoldedStage, ...]:
    """List every stage in order, with its blocks folded."""
    return graph.derived(_fold_stages)


def _fold_stages(graph: LayerGraph) -> tuple[FoldedStage, ...]:
    return tuple(
        FoldedStage(stage, fold(graph, stage.groups)) for stage in structure_of(graph).stages
    )


def unfold(runs: Iterable[Run]) -> tuple[Group, ...]:
    """List all groups again, in order."""
    return tuple(group for run in runs for group in run.groups)


def whole_cost(graph: LayerGraph) -> Cost:
    """Compute the cost of a whole graph, for one image; once per graph, run by run."""
    return graph.derived(_whole_cost)


def _whole_cost(graph: LayerGraph) -> Cost:
    return Cost.total(folded.cost(graph) for folded in fold_stages(graph))
