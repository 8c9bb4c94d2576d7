"""The layer graph as a tree of nodes: stages, blocks, layers, open or closed, folded or not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import assert_never

from rsinspect.base.units import binary_bytes, count, percent
from rsinspect.base.words import plural
from rsinspect.drawing.scene import Edge, EdgeKind, Fact, Mark, Node, Part, Role
from rsinspect.layers import ops
from rsinspect.layers.cost import Cost, layers_cost, op_cost
from rsinspect.layers.fold import Run, fold_stages
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.ops import TensorShape
from rsinspect.layers.structure import Group
from rsinspect.layers.wording import describe
from rsinspect.networks.network import Network
from rsinspect.networks.spec import MAX_BLOCKS

CONVENTION = "paper"
"""What a FLOP is in pictures, unless asked otherwise."""

STAGE_ROLES: dict[str, Role] = {"input": "input", "stem": "stem", "head": "head"}
"""What a stage is to the picture; all others are stages of blocks."""


class Tree:
    """Makes the nodes and edges of one graph.

    Args:
        graph: What to show.
        convention: What a FLOP is.
        opened: Paths of stages and blocks that show what is inside.
        unfolded: Stages whose identical blocks are shown one by one, or such blocks.
        everything: Show every layer of every block.
        deep: Give closed nodes their children too.
        marks: What a comparison found, by path of block or layer.
    """

    def __init__(
        self,
        graph: LayerGraph,
        *,
        convention: str = CONVENTION,
        opened: frozenset[str] = frozenset(),
        unfolded: frozenset[str] = frozenset(),
        everything: bool = False,
        deep: bool = False,
        marks: Mapping[str, Mark] | None = None,
    ) -> None:
        self.graph = graph
        self.convention = convention
        self.opened = opened
        self.unfolded = unfolded
        self.everything = everything
        self.deep = deep
        self.marks = marks or {}
        self.whole = layers_cost(graph, graph)
        self.shown_as: dict[str, str] = {}  # layer -> the node that stands for it
        self._facts: dict[object, tuple[Fact, ...]] = {}

    def nodes(self) -> tuple[Node, ...]:
        """Every stage, in the order of the forward pass."""
        return tuple(self._stage(stage.path, runs) for stage, runs in fold_stages(self.graph))

    def edges(self) -> tuple[Edge, ...]:
        """Between the nodes that show no children, or between all layers of a deep tree.

        To be asked after ``nodes``.
        """
        shown_as = {} if self.deep else self.shown_as
        found: dict[tuple[str, str], Edge] = {}
        for layer in self.graph:
            head = shown_as.get(layer.path, layer.path)
            for position, source in enumerate(layer.inputs):
                tail = shown_as.get(source, source)
                if tail == head or (tail, head) in found:
                    continue
                lifted = head != layer.path
                found[tail, head] = Edge(
                    tail=tail,
                    head=head,
                    kind="flow" if lifted else edge_kind(layer, position),
                    label=str(self.graph.layer(source).shape),
                )
        return tuple(found.values())

    def facts(self, cost: Cost, output: TensorShape) -> tuple[Fact, ...]:
        """What is known about layers of that cost, for one image, float32."""
        key = (cost, output)
        if (known := self._facts.get(key)) is None:
            flops = cost.flops(self.convention)
            facts = [
                Fact(key="output_shape", value=str(output), text=f"output {output}"),
                Fact(key="params", value=cost.params, text=f"{count(cost.params)} params"),
                Fact(key="macs", value=cost.macs, text=f"{count(cost.macs)} MACs"),
                Fact(key="flops", value=flops, text=f"{count(flops)} FLOPs ({self.convention})"),
                Fact(
                    key="activation_bytes",
                    value=cost.activation_bytes(),
                    text=f"{binary_bytes(cost.activation_bytes())} of outputs",
                ),
            ]
            if (intensity := cost.intensity(self.convention)) is not None:
                facts.append(
                    Fact(key="intensity", value=intensity, text=f"{intensity:.3g} FLOPs per byte")
                )
            known = self._facts[key] = tuple(facts)
        return known

    def _stage(self, stage: str, runs: tuple[Run, ...]) -> Node:
        blocks = "/" in runs[0].first.path
        is_open = self.everything or stage in self.opened
        children: tuple[Node, ...] = ()
        if is_open or self.deep:
            children = self._blocks(stage, runs) if blocks else self._layers(runs[0].first)
        if not is_open:
            self._stand_for(stage, runs)
        cost = Cost.total(layers_cost(self.graph, run.first.layers) * run.repeats for run in runs)
        last = runs[-1].groups[-1].layers[-1]
        return Node(
            path=stage,
            title=stage,
            aside=str(last.shape),
            role=STAGE_ROLES.get(stage, "stage"),
            parts=tuple(self._part(run) for run in runs),
            footer=self._footer(cost),
            facts=self.facts(cost, last.shape),
            mark=self.marks.get(stage),
            children=children,
            open=is_open,
        )

    def _blocks(self, stage: str, runs: tuple[Run, ...]) -> tuple[Node, ...]:
        shown_apart = self.opened | self.unfolded
        apart = self.everything or stage in self.unfolded
        found: list[Node] = []
        for run in runs:
            rest: list[Group] = []
            for group in run.groups:
                if apart or group.path in shown_apart:
                    found += self._run(rest)
                    found += self._run([group])
                    rest = []
                elif rest and self.marks.get(rest[0].path) != self.marks.get(group.path):
                    found += self._run(rest)
                    rest = [group]
                else:
                    rest.append(group)
            found += self._run(rest)
        return tuple(found)

    def _run(self, groups: list[Group]) -> list[Node]:
        """One node for identical blocks; none for none."""
        if not groups:
            return []
        run = Run(tuple(groups))
        first = run.first
        is_open = self.everything or first.path in self.opened
        children: tuple[Node, ...] = ()
        if is_open or self.deep:
            if run.repeats == 1:
                children = self._layers(first)
            else:
                children = tuple(node for group in groups for node in self._run([group]))
        path = first.path if run.repeats == 1 else run.span
        if not is_open:
            self._stand_for(path, (run,))
        part = self._part(run)
        cost = layers_cost(self.graph, first.layers) * run.repeats
        output = first.layers[-1].shape
        return [
            Node(
                path=path,
                title=part.title,
                aside=str(output),
                role="block",
                repeats=run.repeats,
                lines=part.lines,
                footer=self._footer(cost),
                facts=self.facts(cost, output),
                mark=self.marks.get(first.path),
                children=children,
                open=is_open,
            )
        ]

    def _layers(self, group: Group) -> tuple[Node, ...]:
        return tuple(self.layer(layer) for layer in group.layers)

    def layer(self, layer: Layer) -> Node:
        """One layer as a node."""
        cost = op_cost(layer.op, self.graph.input_shapes(layer), layer.shape)
        return Node(
            path=layer.path,
            title=describe(layer.op),
            aside=str(layer.shape),
            role=layer_role(layer),
            footer=f"{count(cost.params)} params" if cost.params else "",
            facts=self.facts(cost, layer.shape),
            mark=self.marks.get(layer.path),
        )

    def _stand_for(self, path: str, runs: tuple[Run, ...]) -> None:
        for run in runs:
            for group in run.groups:
                for layer in group.layers:
                    self.shown_as[layer.path] = path

    def _footer(self, cost: Cost) -> str:
        flops, params = cost.flops(self.convention), cost.params
        if not params:
            return ""
        share = percent(flops / self.whole.flops(self.convention))
        return f"{count(params)} params, {count(flops)} FLOPs ({share})"

    def _part(self, run: Run) -> Part:
        group = run.first
        if "/" not in group.path:
            return Part(path=group.path, title="", lines=plain_lines(group))
        number = run.span.rpartition("/block")[2]
        kind = block_kind(self.graph, group)
        return Part(
            path=group.path,
            title=f"{kind} block{'s' if run.repeats > 1 else ''} {number}",
            repeats=run.repeats,
            lines=block_lines(group),
        )


def layout_in_words(network: Network) -> str:
    """Say how many blocks each stage has."""
    return ", ".join(
        f"{stage.path} has {plural(len(stage.groups), 'block')}"
        for stage in network.structure.stages
        if stage.has_blocks
    )


def edge_kind(layer: Layer, position: int) -> EdgeKind:
    """What the edge into the layer's input ``position`` carries."""
    source = layer.inputs[position]
    if "/shortcut/" in layer.path or "/shortcut/" in source:
        return "projection"
    if isinstance(layer.op, ops.Add):
        return "identity" if position == 0 else "flow"
    if "/se/" in layer.path and not (isinstance(layer.op, ops.Multiply) and position == 0):
        return "gate"
    return "flow"


def layer_role(layer: Layer) -> Role:
    """What a layer is to the picture."""
    match layer.op:
        case ops.Input():
            return "input"
        case ops.Conv2D():
            return "gate" if "/se/" in layer.path else "conv"
        case ops.Dense():
            return "dense"
        case ops.BatchNorm():
            return "norm"
        case ops.Activation():
            return "activation"
        case ops.GlobalAvgPool() if "/se/" in layer.path:
            return "gate"
        case ops.AvgPool2D() | ops.MaxPool2D() | ops.GlobalAvgPool() | ops.GlobalMaxPool():
            return "pool"
        case ops.Add():
            return "add"
        case ops.Multiply():
            return "scale"
        case (
            ops.Rescaling()
            | ops.Normalization()
            | ops.ZeroPad2D()
            | ops.Reshape()
            | ops.DropPath()
            | ops.Dropout()
        ):
            return "plain"
        case _:
            assert_never(layer.op)


def block_input(graph: LayerGraph, group: Group) -> Layer:
    """The layer whose output enters the block."""
    inside = {layer.path for layer in group.layers}
    return next(
        graph.layer(path) for layer in group.layers for path in layer.inputs if path not in inside
    )


def block_kind(graph: LayerGraph, group: Group) -> str:
    """``downsampling`` where the block halves the map, ``projection`` or ``identity`` otherwise."""
    first, size = block_input(graph, group).shape, group.layers[-1].shape
    if (first.height, first.width) != (size.height, size.width):
        return "downsampling"
    return "projection" if any("/shortcut/" in layer.path for layer in group.layers) else "identity"


def branch_convs(group: Group) -> tuple[ops.Conv2D, ...]:
    """Convolutions of a block's residual branch."""
    return tuple(
        layer.op
        for layer in group.layers
        if isinstance(layer.op, ops.Conv2D) and layer.path.count("/") == 2
    )


def se_convs(group: Group) -> tuple[ops.Conv2D, ...]:
    """Reduce and expand of a block's squeeze-and-excitation; empty where there is none."""
    return tuple(
        layer.op
        for layer in group.layers
        if isinstance(layer.op, ops.Conv2D) and "/se/" in layer.path
    )


def shortcut_ops(group: Group) -> tuple[ops.Conv2D | ops.AvgPool2D, ...]:
    """Pool and convolution of a block's projection shortcut; empty for the identity."""
    return tuple(
        layer.op
        for layer in group.layers
        if "/shortcut/" in layer.path and isinstance(layer.op, ops.Conv2D | ops.AvgPool2D)
    )


def short(op: ops.Conv2D | ops.AvgPool2D) -> str:
    """An op of a block in as few words as will do.

    >>> short(ops.Conv2D(kernel=3, stride=2, in_channels=64, filters=128))
    '3x3/2, 128'
    """
    return describe(op).removeprefix("conv ")


def block_lines(group: Group) -> tuple[str, ...]:
    """Residual branch, SE and shortcut of a block, a line each."""
    lines = [" → ".join(map(short, branch_convs(group)))]
    if gates := se_convs(group):
        reduce, expand = gates
        lines.append(f"SE {reduce.in_channels} → {reduce.filters} → {expand.filters}")
    if any(isinstance(layer.op, ops.Add) for layer in group.layers):
        joined = " → ".join(map(short, shortcut_ops(group)))
        lines.append(f"shortcut: {joined or 'identity'}")
    return tuple(lines)


def plain_lines(group: Group) -> tuple[str, ...]:
    """The layers of a stem, head or input that a reader of the paper would list."""
    shown = [
        describe(layer.op)
        for layer in group.layers
        if isinstance(
            layer.op,
            ops.Conv2D
            | ops.MaxPool2D
            | ops.Dense
            | ops.Dropout
            | ops.GlobalAvgPool
            | ops.GlobalMaxPool,
        )
        or layer.path.startswith("input/")
    ]
    return (" → ".join(text.removeprefix("conv ") for text in shown),)


def enclosing(paths: frozenset[str]) -> frozenset[str]:
    """Those blocks and stages, and the stages around them.

    >>> sorted(enclosing(frozenset({"c4/block1/conv2", "stem"})))
    ['c4', 'c4/block1', 'stem']
    """
    groups = {"/".join(path.split("/")[: 2 if "/block" in path else 1]) for path in paths}
    return frozenset(groups | {group.split("/", 1)[0] for group in groups})


_SPAN = re.compile(r"([^/]+)/block(\d{1,9})-(\d{1,9})")


def blocks_of_run(path: str) -> tuple[str, ...]:
    """The blocks that the path of a run stands for; nothing for any other path.

    >>> blocks_of_run("c4/block1-3"), blocks_of_run("c4/block1")
    (('c4/block1', 'c4/block2', 'c4/block3'), ())
    """
    match = _SPAN.fullmatch(path)
    if match is None:
        return ()
    first, last = int(match[2]), min(int(match[3]), int(match[2]) + MAX_BLOCKS)
    return tuple(f"{match[1]}/block{number}" for number in range(first, last + 1))
