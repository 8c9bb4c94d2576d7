"""The layer graph as a tree of nodes: stages, blocks, layers, open or closed, folded or not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import assert_never

from rsinspect.base.units import binary_bytes, count, percent
from rsinspect.base.words import plural, spans
from rsinspect.drawing.scene import Edge, Fact, Lane, Mark, Node, Part, Role
from rsinspect.layers import ops
from rsinspect.layers.cost import Cost, layer_cost, layers_cost
from rsinspect.layers.fold import FoldedStage, Likeness, Run, fold_stages
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.ops import TensorShape
from rsinspect.layers.question import Question
from rsinspect.layers.structure import Group, structure_of
from rsinspect.layers.wording import describe
from rsinspect.networks.network import Network


class Tree:
    """Makes the nodes and edges of one graph.

    Args:
        graph: What to show.
        question: What a FLOP is; batch and dtype of bytes.
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
        question: Question,
        opened: frozenset[str] = frozenset(),
        unfolded: frozenset[str] = frozenset(),
        everything: bool = False,
        deep: bool = False,
        marks: Mapping[str, Mark] | None = None,
    ) -> None:
        self.graph = graph
        self.structure = structure_of(graph)
        self.question = question
        self.opened = opened
        self.unfolded = unfolded
        self.everything = everything
        self.deep = deep
        self.marks = marks or {}
        self.whole = layers_cost(graph, graph)
        self.shown_as: dict[str, str] = {}  # layer -> the node that stands for it
        self._facts: dict[object, tuple[Fact, ...]] = {}

    def nodes(self) -> tuple[Node, ...]:
        """List every stage, in the order of the forward pass."""
        return tuple(map(self._stage, fold_stages(self.graph)))

    def edges(self) -> tuple[Edge, ...]:
        """Connect the nodes that show no children, or all layers of a deep tree.

        To be called after ``nodes``.
        """
        shown_as = {} if self.deep else self.shown_as
        edges: dict[tuple[str, str], Edge] = {}
        for layer in self.graph:
            head = shown_as.get(layer.path, layer.path)
            for position, source in enumerate(layer.inputs):
                tail = shown_as.get(source, source)
                if tail == head or (tail, head) in edges:
                    continue
                lifted = head != layer.path
                edges[tail, head] = Edge(
                    tail=tail,
                    head=head,
                    kind="flow" if lifted else self.structure.carries(layer, position),
                    label=str(self.graph.layer(source).shape),
                )
        return tuple(edges.values())

    def facts(self, cost: Cost, output: TensorShape) -> tuple[Fact, ...]:
        """List what is known about layers of that cost, with that output."""
        key = (cost, output)
        if (known := self._facts.get(key)) is None:
            question = self.question
            flops, stored = question.flops(cost), question.activation_bytes(cost)
            facts = [
                Fact(key="output_shape", value=str(output), text=f"output {output}"),
                Fact(key="params", value=cost.params, text=f"{count(cost.params)} params"),
                Fact(key="macs", value=cost.macs, text=f"{count(cost.macs)} MACs"),
                Fact(
                    key="flops", value=flops, text=f"{count(flops)} FLOPs ({question.convention})"
                ),
                Fact(
                    key="activation_bytes",
                    value=stored,
                    text=f"{binary_bytes(stored)} of outputs",
                ),
            ]
            if (intensity := question.intensity(cost)) is not None:
                facts.append(
                    Fact(key="intensity", value=intensity, text=f"{intensity:.3g} FLOPs per byte")
                )
            known = self._facts[key] = tuple(facts)
        return known

    def share(self, cost: Cost) -> Fact:
        """Say how many FLOPs that is, and how much of the whole network."""
        flops = self.question.flops(cost)
        part = percent(flops / whole) if (whole := self.question.flops(self.whole)) else ""
        return Fact(
            key="flops", value=flops, text=f"{count(flops)} FLOPs" + (f" ({part})" if part else "")
        )

    def _stage(self, folded: FoldedStage) -> Node:
        stage, runs = folded
        is_open = self.everything or stage.path in self.opened
        children: tuple[Node, ...] = ()
        if is_open or self.deep:
            children = self._blocks(folded) if stage.has_blocks else self._layers(runs[0].first)
        if not is_open:
            self._stand_for(stage.path, runs)
        cost = folded.cost(self.graph)
        last = runs[-1].groups[-1].layers[-1]
        return Node(
            path=stage.path,
            title=stage.path,
            aside=str(last.shape),
            role=stage.role,
            paths=tuple(group.path for group in stage.groups),
            parts=tuple(map(self._part, runs)),
            costs=self._costs(cost),
            facts=self.facts(cost, last.shape),
            mark=self.marks.get(stage.path),
            children=children,
            open=is_open,
        )

    def _blocks(self, folded: FoldedStage) -> tuple[Node, ...]:
        shown_apart = self.opened | self.unfolded
        apart = self.everything or folded.stage.path in self.unfolded
        nodes: list[Node] = []
        for run in folded.runs:
            rest: list[Group] = []
            for group in run.groups:
                if apart or group.path in shown_apart:
                    nodes += self._run(rest, run.likeness)
                    nodes += self._run([group], run.likeness)
                    rest = []
                elif rest and self.marks.get(rest[0].path) != self.marks.get(group.path):
                    nodes += self._run(rest, run.likeness)
                    rest = [group]
                else:
                    rest.append(group)
            nodes += self._run(rest, run.likeness)
        return tuple(nodes)

    def _run(self, groups: list[Group], likeness: Likeness) -> list[Node]:
        """Make one node for blocks that are alike; none for none."""
        if not groups:
            return []
        run = Run(tuple(groups), likeness)
        first = run.first
        is_open = self.everything or first.path in self.opened
        children: tuple[Node, ...] = ()
        if is_open or self.deep:
            if run.repeats == 1:
                children = self._layers(first)
            else:
                children = tuple(node for group in groups for node in self._run([group], likeness))
        path = run.span
        if not is_open:
            self._stand_for(path, (run,))
        part = self._part(run)
        cost = run.cost(self.graph)
        output = groups[-1].layers[-1].shape
        return [
            Node(
                path=path,
                title=part.title,
                aside=str(output),
                role="block",
                paths=run.paths,
                repeats=run.repeats,
                lines=part.lines,
                costs=self._costs(cost),
                facts=self.facts(cost, output),
                mark=self.marks.get(first.path),
                children=children,
                open=is_open,
            )
        ]

    def _layers(self, group: Group) -> tuple[Node, ...]:
        return tuple(self.layer(layer) for layer in group.layers)

    def layer(self, layer: Layer) -> Node:
        """Make the node of one layer."""
        gated = self.structure.gate_at(layer.path) is not None
        lane: Lane = "gate" if gated else self.structure.part(layer.path)
        cost = layer_cost(self.graph, layer)
        return Node(
            path=layer.path,
            title=describe(layer.op),
            aside=str(layer.shape),
            role=layer_role(layer.op, lane),
            lane=lane,
            costs=(_params(cost),) if cost.params else (),
            facts=self.facts(cost, layer.shape),
            mark=self.marks.get(layer.path),
        )

    def _stand_for(self, path: str, runs: tuple[Run, ...]) -> None:
        for run in runs:
            for group in run.groups:
                for layer in group.layers:
                    self.shown_as[layer.path] = path

    def _costs(self, cost: Cost) -> tuple[Fact, ...]:
        return (_params(cost), self.share(cost)) if cost.params else ()

    def _part(self, run: Run) -> Part:
        group = run.first
        if group.number is None:
            return Part(paths=run.paths, lines=self._plain_lines(group))
        numbers = spans([group.number for group in run.groups if group.number is not None])
        return Part(
            paths=run.paths,
            kind=self.structure.block(group).kind,
            name=f"block{'s' if run.repeats > 1 else ''} {numbers}",
            lines=self._block_lines(group),
        )

    def _block_lines(self, group: Group) -> tuple[str, ...]:
        """Say what residual branch, gates and shortcut of a block consist of, a line each."""
        block = self.structure.block(group)
        lines = [" → ".join(map(short, branch_ops(block.branch)))]
        lines += filter(None, (gate_words(gate.layers) for gate in block.gates))
        if block.addition is not None:
            joined = " → ".join(map(short, shortcut_ops(block.shortcut)))
            lines.append(f"shortcut: {joined or 'identity'}")
        return tuple(lines)

    def _plain_lines(self, group: Group) -> tuple[str, ...]:
        """List the layers of a stem, head or input that a reader of the paper would list."""
        stage = self.structure.stage(group.stage)
        everything = stage is not None and stage.role == "input"
        shown = [
            short(layer.op) for layer in group.layers if everything or isinstance(layer.op, LISTED)
        ]
        return (" → ".join(shown),)


LISTED = (
    ops.Conv2D, ops.MaxPool2D, ops.Dense, ops.Dropout, ops.GlobalAvgPool, ops.GlobalMaxPool,
)  # fmt: skip
"""Ops of a stem or head that a reader of the paper would list."""


def _params(cost: Cost) -> Fact:
    return Fact(key="params", value=cost.params, text=f"{count(cost.params)} params")


def title(network: Network, tree: Tree) -> str:
    """Give name, size and cost of the network in one line."""
    flops = tree.question.flops(tree.whole)
    return f"{network.title}: {count(tree.whole.params)} params, {count(flops)} FLOPs per image"


def layout_in_words(network: Network) -> str:
    """Say how many blocks each stage has."""
    return ", ".join(
        f"{stage.path} has {plural(len(stage.groups), 'block')}"
        for stage in network.structure.stages
        if stage.has_blocks
    )


def layer_role(op: ops.Op, lane: Lane) -> Role:
    """Decide what a layer is to the picture."""
    match op:
        case ops.Input():
            return "input"
        case (
            ops.Conv2D() | ops.DepthwiseConv2D() | ops.SeparableConv2D() | ops.Conv2DTranspose()
        ):  # fmt: skip
            return "gate" if lane == "gate" else "conv"
        case ops.Dense():
            return "gate" if lane == "gate" else "dense"
        case ops.BatchNorm() | ops.LayerNorm():
            return "norm"
        case ops.Activation() | ops.ReLU() | ops.PReLU():
            return "activation"
        case ops.GlobalAvgPool() if lane == "gate":
            return "gate"
        case ops.AvgPool2D() | ops.MaxPool2D() | ops.GlobalAvgPool() | ops.GlobalMaxPool():
            return "pool"
        case ops.Add() | ops.ScaledAdd() | ops.Merge() | ops.Concatenate():
            return "add"
        case ops.Multiply() | ops.ChannelScale():
            return "scale"
        case (
            ops.Rescaling() | ops.Normalization() | ops.ZeroPad2D() | ops.Crop2D() | ops.Reshape()
            | ops.Flatten() | ops.Permute() | ops.UpSampling2D() | ops.DropPath() | ops.Dropout()
            | ops.Augmentation() | ops.Arithmetic() | ops.Opaque() | ops.Pick()
        ):  # fmt: skip
            return "plain"
        case _:
            assert_never(op)


def branch_ops(branch: Iterable[Layer]) -> tuple[ops.Conv2D, ...]:
    """Pick the convolutions of a residual branch."""
    return tuple(layer.op for layer in branch if isinstance(layer.op, ops.Conv2D))


def shortcut_ops(shortcut: Iterable[Layer]) -> tuple[ops.Conv2D | ops.AvgPool2D, ...]:
    """Pick pool and convolution of a projection; nothing for the identity."""
    return tuple(layer.op for layer in shortcut if isinstance(layer.op, ops.Conv2D | ops.AvgPool2D))


def gate_widths(gate: Iterable[Layer]) -> str:
    """Write the channels through a gate, ``256 → 64 → 256``; nothing if it only pools.

    >>> reduce = ops.Conv2D(kernel=1, in_channels=256, filters=64)
    >>> gate_widths([Layer("reduce", reduce, ("pool",), TensorShape(1, 1, 64))])
    '256 → 64'
    """
    widths: list[int] = []
    for layer in gate:
        match layer.op:
            case ops.Conv2D(in_channels=before, filters=after):
                widths += [after] if widths else [before, after]
            case ops.Dense(in_channels=before, units=after):
                widths += [after] if widths else [before, after]
            case (
                ops.Input() | ops.Rescaling() | ops.Normalization() | ops.ZeroPad2D()
                | ops.Crop2D() | ops.DepthwiseConv2D() | ops.SeparableConv2D()
                | ops.Conv2DTranspose() | ops.BatchNorm() | ops.LayerNorm() | ops.ChannelScale()
                | ops.Activation() | ops.ReLU() | ops.PReLU() | ops.AvgPool2D() | ops.MaxPool2D()
                | ops.GlobalAvgPool() | ops.GlobalMaxPool() | ops.UpSampling2D() | ops.Reshape()
                | ops.Flatten() | ops.Permute() | ops.Multiply() | ops.DropPath() | ops.Add()
                | ops.ScaledAdd() | ops.Merge() | ops.Concatenate() | ops.Arithmetic()
                | ops.Dropout() | ops.Augmentation() | ops.Opaque() | ops.Pick()
            ):  # fmt: skip
                pass
            case _:
                assert_never(layer.op)
    return " → ".join(map(str, widths))


def gate_words(gate: Iterable[Layer]) -> str:
    """Say what a gate consists of in a line of a card: ``SE 256 → 64 → 256``."""
    widths = gate_widths(gate)
    return f"SE {widths}" if widths else ""


def short(op: ops.Op) -> str:
    """Describe an op in as few words as will do.

    >>> short(ops.Conv2D(kernel=3, stride=2, in_channels=64, filters=128))
    '3×3/2, 128'
    """
    return describe(op).removeprefix("conv ")
