"""Where a graph may be cut, and its segments between the cuts.

A cut is a position in the order of layers at which exactly one tensor is alive: everything after it
can be computed from that tensor alone. It is found by liveness, not kept in a table. What a network
is given is alive from the beginning and what it gives to the end; so only the first segment has
several inputs, and only the last several outputs. Where a stage or block ends at another position,
or has weights that a later one uses again, it stands in one segment with the next: a network
without a cut inside is one segment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rsinspect.layers.cost import Cost, layers_cost, weight_shapes
from rsinspect.layers.cuts import cut_positions
from rsinspect.layers.fold import span
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.structure import Group, structure_of

Level = Literal["stage", "block"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Neighbouring layers between two cuts.

    Attributes:
        path: What the segment is called: a stage (``stem``, ``c4``), a block (``c4/block3``), or
            the first and last of several.
        level: Whether it is of stages or of blocks.
        inputs: Path of the layer whose output it reads; those of the network's inputs for the first
            segment.
        outputs: Path of the layer whose output it hands on; those of the network's outputs for the
            last segment.
        layers: Its layers, in order.
    """

    path: str
    level: Level
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
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
    structure = structure_of(graph)
    groups = (
        [Group(stage.path, stage.layers) for stage in structure.stages]
        if level == "stage"
        else list(structure.groups)
    )
    if structure.stages[0].role == "input" and len(groups) > 1:
        prepared, first, *rest = groups
        groups = [Group(first.path, prepared.layers + first.layers), *rest]
    ends = graph.derived(_segment_ends)
    parts: list[Segment] = []
    inputs = tuple(layer.path for layer in graph.inputs)
    joined: list[Group] = []
    count = 0
    for group in groups:
        joined.append(group)
        count += len(group.layers)
        output = group.layers[-1].path
        is_last = count == len(graph)
        if ends.get(output) != count and not is_last:
            continue
        outputs = graph.outputs if is_last else (output,)
        parts.append(
            Segment(
                path=span([each.path for each in joined]),
                level=level,
                inputs=inputs,
                outputs=outputs,
                layers=_in_order(graph, joined),
            )
        )
        inputs, joined = outputs, []
    return tuple(parts)


def _in_order(graph: LayerGraph, groups: Sequence[Group]) -> tuple[Layer, ...]:
    """List the layers of neighbours as the graph has them."""
    if len(groups) == 1:
        return groups[0].layers
    inside = {layer.path for group in groups for layer in group.layers}
    return tuple(layer for layer in graph if layer.path in inside)


def _segment_ends(graph: LayerGraph) -> dict[str, int]:
    """Find the layers after which a segment may end, and count the layers until then.

    Their output alone is to be read, no input of the network is still to come and no output is
    kept, and nothing after them uses weights of a layer before.
    """
    position = {layer.path: index for index, layer in enumerate(graph.layers)}
    read_until, shared_until = [0] * len(graph), [0] * len(graph)
    for index, layer in enumerate(graph.layers):
        for path in layer.inputs:
            read_until[position[path]] = index
        if layer.shares is not None and weight_shapes(layer.op):
            shared_until[position[layer.shares]] = index
    first = max(position[layer.path] for layer in graph.inputs)
    last = min(position[path] for path in graph.outputs)
    ends: dict[str, int] = {}
    busy_until = 0
    for index, layer in enumerate(graph.layers[:last]):
        busy_until = max(busy_until, shared_until[index])
        if index > first and busy_until <= index:
            ends[layer.path] = index + 1
        busy_until = max(busy_until, read_until[index])
    return ends
