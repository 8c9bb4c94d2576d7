"""Where a graph may be cut, and its segments between the cuts.

A cut is a position in the order of layers at which exactly one tensor is alive: everything after it
can be computed from that tensor alone. It is found by liveness, not kept in a table, so that a
wiring is never cut wrongly: stages or blocks with no such position between them are one segment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rsinspect.layers.cost import Cost, layers_cost
from rsinspect.layers.cuts import cut_positions
from rsinspect.layers.fold import span
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.structure import Group, structure_of

Level = Literal["stage", "block"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Neighbouring layers between two cuts.

    Attributes:
        path: What the segment is called: a stage (``stem``, ``c4``) or a block (``c4/block3``).
        level: Whether it is a stage or a block.
        input: Path of the layer whose output it reads; of the image for the first segment.
        output: Path of the layer whose output it hands on.
        layers: Its layers, in order.
    """

    path: str
    level: Level
    input: str
    output: str
    layers: tuple[Layer, ...]

    def cost(self, graph: LayerGraph) -> Cost:
        """Add up the cost of its layers, for one image."""
        return layers_cost(graph, self.layers)


def cuts(graph: LayerGraph) -> tuple[str, ...]:
    """List the paths of all layers after which exactly one tensor is alive, their own output.

    >>> from rsinspect.networks.resnet_rs import build_graph
    >>> from rsinspect.networks.spec import ResNetRSSpec
    >>> cuts(build_graph(ResNetRSSpec.variant(50)))[-5:]
    ('c5/block2/add', 'c5/block2/out', 'head/avg_pool', 'head/dropout', 'head/classifier')
    """
    return tuple(graph.layers[position].path for position in cut_positions(graph.layers))


def segments(graph: LayerGraph, level: Level) -> tuple[Segment, ...]:
    """Cut the graph, in order, at its stages or at its blocks.

    Preprocessing joins the stem, and a graph without head layers has no ``head`` segment. At level
    ``block`` the stem and the head, which have no blocks, are one segment each. Worked out once per
    graph and level.

    Raises:
        GraphError: If the graph does not begin with one image.

    >>> from rsinspect.networks.resnet_rs import build_graph
    >>> from rsinspect.networks.spec import ResNetRSSpec
    >>> graph = build_graph(ResNetRSSpec.variant(50))
    >>> [segment.path for segment in segments(graph, "stage")]
    ['stem', 'c2', 'c3', 'c4', 'c5', 'head']
    """
    return graph.derived(_stages if level == "stage" else _blocks)


def _stages(graph: LayerGraph) -> tuple[Segment, ...]:
    return _segments(graph, "stage")


def _blocks(graph: LayerGraph) -> tuple[Segment, ...]:
    return _segments(graph, "block")


def _segments(graph: LayerGraph, level: Level) -> tuple[Segment, ...]:
    source = graph.image
    structure = structure_of(graph)
    groups = (
        [Group(stage.path, stage.layers) for stage in structure.stages]
        if level == "stage"
        else list(structure.groups)
    )
    if structure.stages[0].role == "input" and len(groups) > 1:
        prepared, first, *rest = groups
        groups = [Group(first.path, prepared.layers + first.layers), *rest]
    allowed = frozenset(cuts(graph))
    parts: list[Segment] = []
    waiting: list[Group] = []  # that no cut separates yet
    entry = source.path
    for group in groups:
        waiting.append(group)
        output = group.layers[-1].path
        if output in allowed:
            parts.append(_segment(graph, waiting, level, entry))
            waiting, entry = [], output
    if waiting:
        parts.append(_segment(graph, waiting, level, entry))
    return tuple(parts)


def _segment(graph: LayerGraph, groups: list[Group], level: Level, entry: str) -> Segment:
    """Make one segment of neighbours, called by the first and the last."""
    inside = {layer.path for group in groups for layer in group.layers}
    return Segment(
        path=span([group.path for group in groups]),
        level=level,
        input=entry,
        output=groups[-1].layers[-1].path,
        layers=groups[0].layers
        if len(groups) == 1
        else tuple(layer for layer in graph if layer.path in inside),
    )
