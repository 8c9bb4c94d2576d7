"""The small network of a network's distinct blocks, from which the latency of the whole follows.

Each run of identical blocks keeps its first block, which reads what the run read and hands on to
whoever read the run. Blocks count as identical here when they differ in the rates of dropout and
drop path alone, because a rate costs no time.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple, assert_never

from rsinspect.layers import ops
from rsinspect.layers.fold import fold_stages
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.structure import structure_of
from rsinspect.networks.network import Network


class Distinct(NamedTuple):
    """A network of the distinct blocks of another.

    Attributes:
        network: The small one.
        stands_for: By path of a group of the small one: path of the group it is in the whole
            network, and how many of its blocks it stands for.
    """

    network: Network
    stands_for: dict[str, tuple[str, int]]


def distinct_blocks(network: Network) -> Distinct | None:
    """Keep one block of each run of identical ones; None where no run is longer than one.

    >>> from rsinspect.networks.named import network
    >>> small = distinct_blocks(network("101"))
    >>> small.network.blocks, small.stands_for["c4/block1"]
    ((2, 2, 2, 2), ('c4/block1', 22))
    """
    kept: list[tuple[str, int]] = []
    dropped: set[str] = set()
    hands_on: dict[str, str] = {}  # output of a dropped block -> output of the one that stands in
    for stage in fold_stages(_without_rates(network.graph)):
        for run in stage.runs:
            if not run.is_uniform:
                kept += [(path, 1) for path in run.paths]
                continue
            kept.append((run.first.path, run.repeats))
            for group in run.groups[1:]:
                dropped.update(layer.path for layer in group.layers)
                hands_on[group.layers[-1].path] = run.first.layers[-1].path
    if not dropped:
        return None
    layers = tuple(
        layer._replace(inputs=tuple(hands_on.get(path, path) for path in layer.inputs))
        for layer in network.graph
        if layer.path not in dropped
    )
    outputs = tuple(hands_on.get(path, path) for path in network.graph.outputs)
    graph = LayerGraph(network.name, layers, outputs)
    names = {layer.path: network.names[layer.path] for layer in layers}
    groups = structure_of(graph).groups
    return Distinct(
        replace(network, graph=graph, names=names, spec=None),
        {group.path: original for group, original in zip(groups, kept, strict=True)},
    )


def _without_rates(graph: LayerGraph) -> LayerGraph:
    """Set all rates of dropout and drop path to zero."""
    return LayerGraph(
        graph.name, tuple(layer._replace(op=_without_rate(layer)) for layer in graph), graph.outputs
    )


def _without_rate(layer: Layer) -> ops.Op:
    match layer.op:
        case ops.Dropout() | ops.DropPath() as op:
            return op._replace(rate=0.0)
        case (
            ops.Input() | ops.Rescaling() | ops.Normalization() | ops.ZeroPad2D() | ops.Crop2D()
            | ops.Conv2D() | ops.DepthwiseConv2D() | ops.SeparableConv2D() | ops.Conv2DTranspose()
            | ops.BatchNorm() | ops.LayerNorm() | ops.ChannelScale() | ops.Activation()
            | ops.ReLU() | ops.PReLU() | ops.AvgPool2D() | ops.MaxPool2D() | ops.GlobalAvgPool()
            | ops.GlobalMaxPool() | ops.UpSampling2D() | ops.Reshape() | ops.Flatten()
            | ops.Permute() | ops.Multiply() | ops.Add() | ops.ScaledAdd() | ops.Merge()
            | ops.Concatenate() | ops.Arithmetic() | ops.Augmentation() | ops.Dense()
            | ops.Opaque() | ops.Pick()
        ) as op:  # fmt: skip
            return op
        case _:
            assert_never(layer.op)
