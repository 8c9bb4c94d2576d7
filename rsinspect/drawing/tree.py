"""The layer graph as a tree of nodes: stages, blocks, layers, open or closed, folded or not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from rsinspect.base.units import binary_bytes, count, percent
from rsinspect.base.words import plural, spans
from rsinspect.drawing.contents import run_lines
from rsinspect.drawing.roles import fused, kind_of, layer_role, shortcut_of
from rsinspect.drawing.scene import Edge, Fact, Lane, Mark, Node, Part
from rsinspect.layers import ops
from rsinspect.layers.cost import Cost, layer_cost, layers_cost, weight_shapes
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
                _params(cost),
                _counted("macs", cost.macs, "MACs", cost.uncounted),
                _counted("flops", flops, f"FLOPs ({question.convention})", cost.uncounted),
                Fact(
                    key="activation_bytes",
                    value=stored,
                    text=f"{binary_bytes(stored)} of outputs",
                ),
            ]
            if not cost.uncounted and (intensity := question.intensity(cost)) is not None:
                facts.append(
                    Fact(key="intensity", value=intensity, text=f"{intensity:.3g} FLOPs per byte")
                )
            known = self._facts[key] = tuple(facts)
        return known

    def share(self, cost: Cost) -> Fact:
        """Say how many FLOPs that is, and how much of the whole network."""
        fact = _counted("flops", self.question.flops(cost), "FLOPs", cost.uncounted)
        whole = self.question.flops(self.whole)
        if not whole or self.whole.uncounted:
            return fact
        return replace(fact, text=f"{fact.text} ({percent(self.question.flops(cost) / whole)})")

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
            costs=self._costs(cost, stage.layers),
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
                likeness=likeness,
                shares=part.shares,
                shortcut=part.shortcut,
                lines=part.lines,
                costs=self._costs(cost, first.layers),
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
            lines=self._lines(layer),
            costs=(_params(cost),) if cost.params or cost.unweighed else (),
            facts=self.facts(cost, layer.shape),
            mark=self.marks.get(layer.path),
        )

    def _lines(self, layer: Layer) -> tuple[str, ...]:
        """Say what else there is to a layer: its nonlinearity, whose weights, which output."""
        lines = [words] if (words := fused(layer.op)) else []
        if layer.shares is not None and weighs(layer.op):
            lines.append(f"{NOTES[0]}{layer.shares}")
        if isinstance(layer.op, ops.Input) and len(self.graph.inputs) > 1:
            lines.append(layer.path)
        outputs = self.graph.outputs
        if layer.path in outputs and len(outputs) > 1:
            lines.append(f"{NOTES[1]}{outputs.index(layer.path) + 1} of {len(outputs)}")
        return tuple(lines)

    def _stand_for(self, path: str, runs: tuple[Run, ...]) -> None:
        for run in runs:
            for group in run.groups:
                for layer in group.layers:
                    self.shown_as[layer.path] = path

    def _costs(self, cost: Cost, layers: Iterable[Layer]) -> tuple[Fact, ...]:
        if shares(layers):
            return (Fact(key="params", value=0, text="shared weights"), self.share(cost))
        if not (cost.params or cost.unweighed or cost.uncounted):
            return ()
        return (_params(cost), self.share(cost))

    def _part(self, run: Run) -> Part:
        group = run.first
        lines = run_lines(self.structure, run.groups)
        if group.number is None:
            home = self.structure.stage(group.stage)
            between = home is not None and home.has_blocks
            name = group.path.removeprefix(f"{group.stage}/") if between else ""
            return Part(
                paths=run.paths, name=name, lines=lines, likeness=run.likeness, shares=run.shares
            )
        block = self.structure.block(group)
        numbers = spans([group.number for group in run.groups if group.number is not None])
        return Part(
            paths=run.paths,
            kind=kind_of(block),
            name=f"block{'s' if run.repeats > 1 else ''} {numbers}",
            lines=lines,
            likeness=run.likeness,
            shares=run.shares,
            shortcut=shortcut_of(block),
        )


def shares(layers: Iterable[Layer]) -> bool:
    """Tell whether all of some layers that have weights use those of earlier ones."""
    weighing = [layer for layer in layers if weighs(layer.op)]
    return bool(weighing) and all(layer.shares is not None for layer in weighing)


def weighs(op: ops.Op) -> bool:
    """Tell whether a layer has weights, or may have."""
    return isinstance(op, ops.Opaque) or bool(weight_shapes(op))


def _params(cost: Cost) -> Fact:
    return _counted("params", cost.params, "params", cost.unweighed)


def _counted(key: str, value: int, unit: str, unknown: int) -> Fact:
    """Say a count; of some layers it may be unknown."""
    if not unknown:
        return Fact(key=key, value=value, text=f"{count(value)} {unit}")
    if not value:
        return Fact(key=key, value=0, text=f"unknown {unit}", known="none")
    return Fact(key=key, value=value, text=f"at least {count(value)} {unit}", known="part")


NOTES = ("weights of ", "output ")
"""How lines of a layer begin that are no part of what it does."""

MOST_SAID = 12
"""Stages whose blocks are counted in a description."""


def title(network: Network, tree: Tree) -> str:
    """Give name, size and cost of the network in one line."""
    flops = _counted("flops", tree.question.flops(tree.whole), "FLOPs", tree.whole.uncounted)
    return f"{network.title}: {_params(tree.whole).text}, {flops.text} per {network.example}"


def layout_in_words(network: Network) -> str:
    """Say how many blocks each stage has."""
    stages = [stage for stage in network.structure.stages if stage.has_blocks]
    return ", ".join(
        f"{stage.path} has {plural(len(stage.groups), 'block')}" for stage in stages[:MOST_SAID]
    ) + (f" and {len(stages) - MOST_SAID} more have some" if len(stages) > MOST_SAID else "")
