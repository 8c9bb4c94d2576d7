"""The parts a network falls into for an estimate: its distinct blocks, and what each asks for.

A part is told by its *work*, counts that take time on any machine, and by its *place*, where it
stands among other parts: parts that are near each other run alike, whatever the counts say.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from rsinspect.layers import ops
from rsinspect.layers.cost import layer_cost
from rsinspect.layers.fold import repeats_of
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.partition import segments
from rsinspect.layers.structure import Group

WORK = ("launches", "pointwise_macs", "spatial_macs", "grouped_macs", "moved", "weights")
"""Layers that compute something; MACs of dense layers and 1x1 convolutions, of larger kernels and
of convolutions in groups; elements read and written by every layer on its own; params."""

PER_BATCH = (True, False, False, False, False, True)
"""Which work is there once for a batch, and not for each of its images."""

PLACE = ("pixels", "channels", "shrinks", "spatial", "grouped")
"""Logarithms of the map's area (of the whole batch), of the mean width that the MACs stand for and
of how much smaller the map becomes; shares of the MACs in larger kernels and in groups."""


class Part(NamedTuple):
    """A block, or a stem or head, of one image.

    Attributes:
        path: Of the first such part of its network.
        work: One count for each of WORK.
        place: One number for each of PLACE.
        repeats: How many such parts its network has.
        paths: Of all of them.
    """

    path: str
    work: tuple[float, ...]
    place: tuple[float, ...]
    repeats: int = 1
    paths: tuple[str, ...] = ()


def parts_of(graph: LayerGraph) -> tuple[Part, ...]:
    """List the distinct parts of a graph that take time, in order; worked out once per graph.

    >>> from rsinspect.networks.named import network
    >>> [(part.path, part.repeats) for part in parts_of(network("50").graph)][:3]
    [('stem', 1), ('c2/block0', 1), ('c2/block1', 2)]
    """
    return graph.derived(_parts)


def _parts(graph: LayerGraph) -> tuple[Part, ...]:
    groups = [Group(part.path, part.layers) for part in segments(graph, "block")]
    return tuple(
        part._replace(paths=run.paths, repeats=run.repeats)
        for run in repeats_of(graph, groups)
        for part in [_part(graph, run.first)]
        if any(part.work)
    )


def _part(graph: LayerGraph, group: Group) -> Part:
    work = [0.0] * len(WORK)
    for layer in group.layers:
        for kind, count in _asked(graph, layer):
            work[WORK.index(kind)] += count
    return Part(group.path, tuple(work), _place(graph, group, work))


def _asked(graph: LayerGraph, layer: Layer) -> Iterator[tuple[str, int]]:
    """List the work of a layer."""
    cost = layer_cost(graph, layer)
    if cost.outputs and not isinstance(layer.op, ops.Input):
        yield "launches", 1
        yield "moved", cost.read + cost.outputs
        yield "weights", cost.params
    yield _macs_of(layer.op), cost.macs


def _macs_of(op: ops.Op) -> str:
    """Tell of which kind the MACs of an op are; those of a product of matrices are pointwise."""
    grouped = isinstance(op, ops.Conv2D) and op.groups > 1
    if grouped or isinstance(op, ops.DepthwiseConv2D | ops.SeparableConv2D):
        return "grouped_macs"
    if isinstance(op, ops.Conv2D | ops.Conv2DTranspose) and ops.pair(op.kernel) != (1, 1):
        return "spatial_macs"
    return "pointwise_macs"


def _place(graph: LayerGraph, group: Group, work: list[float]) -> tuple[float, ...]:
    inside = {layer.path for layer in group.layers}
    entries = [
        graph.layer(path).shape
        for layer in group.layers
        for path in layer.inputs
        if path not in inside
    ] or [layer.shape for layer in group.layers if not layer.inputs]
    before = max((math.prod(shape[:-1]) for shape in entries if shape), default=1)
    after = math.prod(group.layers[-1].shape[:-1]) or 1
    macs = sum(work[1:4])
    area = max(after, 1)
    return (
        math.log(area),
        math.log(max(macs / area, 1.0)) / 2,
        math.log(before / area),
        work[2] / macs if macs else 0.0,
        work[3] / macs if macs else 0.0,
    )
