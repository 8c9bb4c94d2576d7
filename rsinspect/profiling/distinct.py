"""The small network of a network's distinct blocks, from which the latency of the whole follows.

Each run of identical blocks keeps its first block, which reads what the run read and hands on to
whoever read the run. Blocks count as identical here when they differ in the rates of dropout and
drop path alone, because a rate costs no time.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from rsinspect.layers import ops
from rsinspect.layers.fold import Run, repeats_of, without_rate
from rsinspect.layers.graph import LayerGraph
from rsinspect.layers.partition import Segment, segments
from rsinspect.layers.structure import Group
from rsinspect.networks.network import Network
from rsinspect.profiling.choices import Mode

PROBE_BATCH = 16
"""Images are timed that many at a time at most: an image of 128 takes as long within 1 % (RS-50 on
TensorFlow, two cores; within 4 % of one of 8), and a pass says early what others will take."""


class Distinct(NamedTuple):
    """A network of the distinct blocks of another.

    Attributes:
        network: The small one.
        segments: Its own, called as they are in the whole network.
        repeats: How many of the whole network's each stands for, by path.
    """

    network: Network
    segments: tuple[Segment, ...]
    repeats: dict[str, int]


def distinct_blocks(network: Network) -> Distinct | None:
    """Keep one block of each run of identical ones; None where no run is longer than one.

    >>> from rsinspect.networks.named import network
    >>> small = distinct_blocks(network("101"))
    >>> small.network.blocks, small.repeats["c4/block1"]
    ((2, 2, 2, 2), 22)
    """
    whole = network.graph
    parts = {part.path: part for part in segments(whole, "block")}
    *groups, last_group = (Group(part.path, part.layers) for part in parts.values())
    runs = (
        repeats_of(whole, [*groups, last_group])
        if len(whole.outputs) == 1
        else (*repeats_of(whole, groups), Run((last_group,)))  # which hands on what no other does
    )
    kept: list[Segment] = []
    repeats: dict[str, int] = {}
    hands_on: dict[str, str] = {}  # output of a dropped block -> output of the one that stands in
    for run in runs:
        first, last = parts[run.first.path], parts[run.groups[-1].path]
        hands_on |= dict(zip(last.outputs, first.outputs, strict=True))
        layers = tuple(
            layer._replace(inputs=tuple(hands_on.get(path, path) for path in layer.inputs))
            for layer in first.layers
        )
        inputs = kept[-1].outputs if kept else first.inputs
        kept.append(replace(first, inputs=inputs, layers=layers))
        repeats[first.path] = run.repeats
    if len(kept) == len(parts):
        return None
    layers = tuple(layer for part in kept for layer in part.layers)
    graph = LayerGraph(network.name, layers, kept[-1].outputs)
    names = {layer.path: network.names[layer.path] for layer in layers}
    return Distinct(replace(network, graph=graph, names=names, spec=None), tuple(kept), repeats)


def small_network(network: Network) -> Distinct:
    """Keep one block of each run of identical ones; all blocks where none is like another."""
    found = distinct_blocks(network)
    if found is not None:
        return found
    parts = segments(network.graph, "block")
    return Distinct(replace(network, spec=None), parts, {part.path: 1 for part in parts})


def timed_as(distinct: Distinct, mode: Mode) -> object:
    """Tell what of a small network makes a difference to how long it takes.

    Equal for those of ResNet-RS-101 and 50 at one size, which have the same distinct blocks. In
    inference dropout and drop path hand on what they are given, wherever they stand.
    """
    skipped = (ops.Dropout, ops.DropPath) if mode == "forward" else ()
    return tuple(
        (layer.path, without_rate(layer.op), layer.shape, layer.shares, layer.frozen)
        for layer in distinct.network.graph
        if not isinstance(layer.op, skipped)
    )
