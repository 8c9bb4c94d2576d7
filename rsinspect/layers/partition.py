"""Where a graph may be cut, and its segments between the cuts.

A cut is a position in the order of layers at which exactly one tensor is alive: everything after it
can be computed from that tensor alone. It is found by liveness, not kept in a table, so that a
wiring without such positions is refused instead of cut wrongly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rsinspect.base.errors import GraphError
from rsinspect.layers import ops
from rsinspect.layers.cost import Cost, layers_cost
from rsinspect.layers.graph import Group, Layer, LayerGraph

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
        """Cost of its layers, for one image."""
        return layers_cost(graph, self.layers)


def live_tensors(graph: LayerGraph) -> tuple[frozenset[str], ...]:
    """Per layer, the paths whose outputs are still to be read once it has run.

    The graph's output counts as read at the end.

    >>> from rsinspect.networks.resnet_rs import build_graph
    >>> from rsinspect.networks.spec import ResNetRSSpec
    >>> graph = build_graph(ResNetRSSpec.variant(50))
    >>> position = [layer.path for layer in graph].index("c2/block1/conv1")
    >>> sorted(live_tensors(graph)[position])
    ['c2/block0/out', 'c2/block1/conv1']
    """
    last_read = {graph.output.path: len(graph)}
    for index, layer in enumerate(graph):
        for path in layer.inputs:
            last_read[path] = max(index, last_read.get(path, 0))
    alive: set[str] = set()
    result = []
    for index, layer in enumerate(graph):
        alive.difference_update([path for path in layer.inputs if last_read[path] == index])
        if layer.path in last_read:
            alive.add(layer.path)
        result.append(frozenset(alive))
    return tuple(result)


def cuts(graph: LayerGraph) -> tuple[str, ...]:
    """Paths of all layers after which exactly one tensor is alive, their own output."""
    return tuple(
        layer.path
        for layer, alive in zip(graph, live_tensors(graph), strict=True)
        if alive == {layer.path}
    )


def segments(graph: LayerGraph, level: Level) -> tuple[Segment, ...]:
    """The graph in order, cut at its stages or at its blocks.

    Preprocessing joins the stem, and a graph without head layers has no ``head`` segment. At level
    ``block`` the stem and the head, which have no blocks, are one segment each.

    Raises:
        GraphError: If a boundary is a position at which other tensors are alive as well, or the
            graph does not begin with one image.

    >>> from rsinspect.networks.resnet_rs import build_graph
    >>> from rsinspect.networks.spec import ResNetRSSpec
    >>> graph = build_graph(ResNetRSSpec.variant(50))
    >>> [segment.path for segment in segments(graph, "stage")]
    ['stem', 'c2', 'c3', 'c4', 'c5', 'head']
    """
    images = [layer for layer in graph if isinstance(layer.op, ops.Input)]
    image = graph.layers[0]
    if images != [image]:
        raise GraphError(f"{graph.name} does not begin with one image: it has {len(images)}")
    groups = _with_preprocessing(_contiguous(graph, level), image.stage)
    allowed = frozenset(cuts(graph))
    found: list[Segment] = []
    source = image.path
    for group in groups:
        output = group.layers[-1].path
        if output not in allowed:
            raise GraphError(
                f"{graph.name} cannot be cut after {output}: "
                "other tensors are still to be read there"
            )
        found.append(
            Segment(path=group.path, level=level, input=source, output=output, layers=group.layers)
        )
        source = output
    return tuple(found)


def _contiguous(graph: LayerGraph, level: Level) -> list[Group]:
    """Runs of neighbouring layers of one stage or block; a run that returns is refused."""
    runs: list[tuple[str, list[Layer]]] = []
    for layer in graph:
        name = layer.stage if level == "stage" else layer.group
        if not runs or runs[-1][0] != name:
            if any(name == known for known, _ in runs):
                raise GraphError(f"the layers of {name} do not stand together in {graph.name}")
            runs.append((name, []))
        runs[-1][1].append(layer)
    return [Group(name, tuple(layers)) for name, layers in runs]


def _with_preprocessing(groups: list[Group], name: str) -> list[Group]:
    """The image and its preprocessing as part of the group after them, where there is one."""
    if len(groups) < 2 or groups[0].path != name:
        return groups
    first, second, *rest = groups
    return [Group(second.path, first.layers + second.layers), *rest]
