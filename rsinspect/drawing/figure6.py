"""The paper's Figure 6: the stage table beside the blocks and the squeeze-and-excitation module.

Everything is read from the layer graph: which groups there are, which block downsamples, what its
shortcut does, where SE sits. The text of the printed figure's cells is not available here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, assert_never

from rsinspect.base.units import count, dimensions
from rsinspect.drawing.scene import Direction, Edge, Grid, GridRow, Node, Panel, Scene
from rsinspect.drawing.tree import (
    Tree,
    branch_ops,
    gate_widths,
    gate_words,
    layout_in_words,
    short,
    shortcut_ops,
    title,
)
from rsinspect.layers import ops
from rsinspect.layers.blocks import Block, Gate
from rsinspect.layers.cost import Cost, layers_cost
from rsinspect.layers.fold import FoldedStage, fold_stages
from rsinspect.layers.graph import Layer
from rsinspect.layers.question import Question
from rsinspect.layers.structure import Group, Stage
from rsinspect.layers.wording import describe
from rsinspect.networks.network import Network

_KINDS = {
    "downsampling": "Downsampling block",
    "projection": "Projection block",
    "identity": "Identity block",
}


def scene(network: Network, *, direction: Direction, question: Question) -> Scene:
    """Draw the figure of one network."""
    tree = Tree(network.graph, question=question)
    stages = fold_stages(network.graph)
    shown = _typical_blocks(tree, stages)
    panels = [Panel(name="stages", title="Stages", grid=_grid(tree, stages))]
    panels += [_block(tree, block) for block in shown]
    gated = next((block for block in reversed(shown) if block.gates), None)
    if gated is not None:
        panels.append(_squeeze_and_excitation(tree, gated, gated.gates[0]))
    return Scene(
        name=network.name,
        view="figure6",
        title=title(network, tree),
        description=(
            f"The architecture of {network.title}, after Figure 6 of the ResNet-RS paper. A table "
            f"of its stages with output sizes, convolutions, params and FLOPs: "
            f"{layout_in_words(network)}. Beside it "
            f"diagrams: {', '.join(panel.title for panel in panels[1:])}."
        ),
        caption=(
            "After Figure 6 of Bello et al. 2021; derived from the layer graph. /2: stride 2; "
            f"{repeats_in_words(tree, stages)}. "
            f"FLOPs ({question.convention}), per image: {question.legend}."
        ),
        direction=direction,
        panels=tuple(panels),
        question=question,
    )


def _typical_blocks(tree: Tree, stages: tuple[FoldedStage, ...]) -> list[Block]:
    """Choose a block of each kind, of the second stage if it has one; a projection is left out
    where a downsampling block shows it."""
    kinds: dict[str, Block] = {}
    second = [stage.path for stage, _ in stages if stage.has_blocks][1:2]
    for _, runs in stages:
        for run in runs:
            if run.first.is_block:
                block = tree.structure.block(run.first)
                if block.kind not in kinds or run.first.stage in second:
                    kinds[block.kind] = block
    if "downsampling" in kinds:
        kinds.pop("projection", None)
    return [kinds[kind] for kind in _KINDS if kind in kinds]


def repeats_in_words(tree: Tree, stages: tuple[FoldedStage, ...]) -> str:
    """Say what ``× N`` counts, and what is so of the first and of the other blocks of a stage."""
    blocks = [stage for stage in stages if stage.stage.has_blocks]
    words = "× N: blocks of the stage"
    if blocks and all(tree.structure.block(stage.groups[0]).shortcut for stage, _ in blocks):
        words += ", the first with a projection shortcut"
    rests = [stage.groups[1:] for stage, _ in blocks if len(stage.groups) > 1]
    if not rests:
        return words
    alike = "identical in op, configuration and shape"
    if any(len(runs) > 2 for _, runs in blocks):
        alike = "not all identical"
    elif any(run.likeness == "inference" for _, runs in blocks for run in runs):
        alike = "identical but for drop path"
    return f"{words}, the others {alike}, each with weights of its own"


def _grid(tree: Tree, stages: tuple[FoldedStage, ...]) -> Grid:
    rows: list[GridRow] = []
    for folded in stages:
        if folded.stage.has_blocks:
            rows.append(_stage_row(tree, folded))
        else:
            rows += _plain_rows(tree, folded.stage)
    return Grid(
        heads=("Block group", "Output size", "Convolution layout", "Blocks",
               "Shortcut of first block", "Params", "FLOPs"),
        rows=tuple(rows),
    )  # fmt: skip


def _costs(tree: Tree, cost: Cost) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Write the cells of params and FLOPs."""
    flops = tree.share(cost).text.replace(" FLOPs", "") if tree.question.flops(cost) else "0"
    return (count(cost.params),), (flops,)


def _stage_row(tree: Tree, folded: FoldedStage) -> GridRow:
    stage, runs = folded
    first = tree.structure.block(runs[0].first)
    last = tree.structure.block(runs[-1].first)
    cost = folded.cost(tree.graph)
    shape = runs[0].first.layers[-1].shape
    layout = [short(conv) for conv in branch_ops(last.branch)]
    layout += filter(None, (gate_words(gate.layers) for gate in first.gates))
    for conv in branch_ops(first.branch):
        if conv.stride != 1:
            layout.append(f"first block: {short(conv).partition(',')[0]}")
    shortcut = [short(op) for op in shortcut_ops(first.shortcut)] or ["identity"]
    if any(isinstance(layer.op, ops.BatchNorm) for layer in first.shortcut):
        shortcut.append("batch norm")
    return GridRow(
        path=stage.path,
        role="stage",
        cells=((stage.path,), (_size(shape),), tuple(layout), (f"× {len(stage.groups)}",),
               tuple(shortcut), *_costs(tree, cost)),
        stage=stage.path,
        paths=tuple(group.path for group in stage.groups),
        costs=(tree.share(cost),),
        facts=tree.facts(cost, shape),
    )  # fmt: skip


def _size(shape: ops.TensorShape) -> str:
    return f"{shape.height}×{shape.width}"


STRIDED = (
    ops.Conv2D | ops.DepthwiseConv2D | ops.SeparableConv2D | ops.AvgPool2D | ops.MaxPool2D
)  # fmt: skip
"""Ops whose step makes a map smaller."""


def _plain_rows(tree: Tree, stage: Stage) -> list[GridRow]:
    """Make rows of the input, stem or head: a row ends where the resolution changes."""
    parts: list[list[Layer]] = []
    for layer in stage.layers:
        strides = isinstance(layer.op, STRIDED) and layer.op.stride != 1
        pads = isinstance(layer.op, ops.ZeroPad2D)
        if not parts or pads or (strides and not isinstance(parts[-1][-1].op, ops.ZeroPad2D)):
            parts.append([])
        parts[-1].append(layer)
    rows = []
    for index, part in enumerate(parts):
        shape = part[-1].shape
        lines = [words for layer in part if (words := _plain_words(layer))]
        cost = layers_cost(tree.graph, part)
        rows.append(
            GridRow(
                path=stage.path if index == 0 else part[0].path,
                role=stage.role,
                cells=(
                    (stage.path if index == 0 else f"{stage.path}, continued",),
                    (_size(shape),),
                    tuple(lines),
                    (),
                    (),
                    *_costs(tree, cost),
                ),
                stage=stage.path,
                paths=tuple(group.path for group in stage.groups) if index == 0 else (),
                costs=(tree.share(cost),) if tree.question.flops(cost) else (),
                facts=tree.facts(cost, shape),
            )
        )
    return rows


def _plain_words(layer: Layer) -> str:
    match layer.op:
        case ops.Input():
            return f"image, {layer.shape.channels} channels"
        case ops.Rescaling() | ops.Normalization():
            return describe(layer.op)
        case (
            ops.Conv2D() | ops.DepthwiseConv2D() | ops.SeparableConv2D() | ops.Conv2DTranspose()
        ):  # fmt: skip
            return short(layer.op)
        case ops.Dense(units=units, activation=activation):
            function = f", {describe(ops.Activation(activation))}" if activation else ""
            return f"fully connected, {units}{function}"
        case (
            ops.MaxPool2D() | ops.GlobalAvgPool() | ops.GlobalMaxPool() | ops.Dropout()
            | ops.Concatenate() | ops.UpSampling2D() | ops.Opaque()
        ):  # fmt: skip
            return describe(layer.op)
        case (
            ops.BatchNorm() | ops.LayerNorm() | ops.ChannelScale() | ops.Activation() | ops.ReLU()
            | ops.PReLU() | ops.ZeroPad2D() | ops.Crop2D() | ops.AvgPool2D() | ops.Reshape()
            | ops.Flatten() | ops.Permute() | ops.Multiply() | ops.DropPath() | ops.Add()
            | ops.ScaledAdd() | ops.Merge() | ops.Arithmetic() | ops.Augmentation() | ops.Pick()
        ):  # fmt: skip
            return ""
        case _:
            assert_never(layer.op)


Shown = Literal["alone", "under", "within"]
"""How a layer of a block is shown: as a node, as a line under the layer before it, or not."""


def _shown(op: ops.Op) -> Shown:
    """Say how papers show a layer of a block."""
    match op:
        case ops.BatchNorm() | ops.LayerNorm() | ops.Activation() | ops.ReLU() | ops.PReLU():
            return "under"
        case ops.ZeroPad2D() | ops.Crop2D() | ops.Reshape() | ops.Flatten() | ops.Permute():
            return "within"
        case (
            ops.Input() | ops.Rescaling() | ops.Normalization() | ops.Conv2D()
            | ops.DepthwiseConv2D() | ops.SeparableConv2D() | ops.Conv2DTranspose()
            | ops.ChannelScale() | ops.AvgPool2D() | ops.MaxPool2D() | ops.GlobalAvgPool()
            | ops.GlobalMaxPool() | ops.UpSampling2D() | ops.Multiply() | ops.DropPath()
            | ops.Add() | ops.ScaledAdd() | ops.Merge() | ops.Concatenate() | ops.Arithmetic()
            | ops.Dropout() | ops.Augmentation() | ops.Dense() | ops.Opaque() | ops.Pick()
        ):  # fmt: skip
            return "alone"
        case _:
            assert_never(op)


def _sources(tree: Tree, group: Group) -> list[Layer]:
    """List the layers outside a block that it reads."""
    inside = {layer.path for layer in group.layers}
    read = (path for layer in group.layers for path in layer.inputs if path not in inside)
    return [tree.graph.layer(path) for path in dict.fromkeys(read)]


def _block(tree: Tree, block: Block) -> Panel:
    """Draw one block as papers do: norm and activation under their convolution."""
    graph, group = tree.graph, block.group
    sources = _sources(tree, group)
    nodes = [
        Node(path=source.path, title="block input", aside=str(source.shape), role="input",
             facts=tree.facts(Cost(), source.shape))
        for source in sources
    ]  # fmt: skip
    outside = {source.path for source in sources}
    shown_as = {path: path for path in outside}
    gates = {gate.scale.path: _gate(tree, block, n) for n, gate in enumerate(block.gates)}
    for gate in block.gates:
        node = gates[gate.scale.path]
        shown_as |= {layer.path: node.path for layer in (*gate.layers, gate.scale)}
    for layer in group.layers:
        if layer.path in gates:
            nodes.append(gates[layer.path])
        if layer.path in shown_as:
            continue
        before = shown_as.get(layer.inputs[0]) if layer.inputs else None
        shown = _shown(layer.op)
        if shown == "under" and before is not None and before not in outside:
            shown_as[layer.path] = before
            nodes = [_with(n, describe(layer.op)) if n.path == before else n for n in nodes]
        elif shown == "within" and before is not None:
            shown_as[layer.path] = before
        else:
            shown_as[layer.path] = layer.path
            nodes.append(replace(tree.layer(layer), costs=()))
    edges: dict[tuple[str, str], Edge] = {}
    for layer in group.layers:
        head = shown_as[layer.path]
        for position, name in enumerate(layer.inputs):
            tail = shown_as[name]
            if tail != head:
                carries = tree.structure.carries(layer, position)
                if carries == "gate":  # the module is one node here
                    carries = "flow"
                edge = Edge(tail=tail, head=head, kind=carries, label=str(graph.layer(name).shape))
                edges.setdefault((tail, head), edge)
    return Panel(
        name=group.path,
        title=f"{_KINDS[block.kind]}, here {group.path}",
        nodes=tuple(nodes),
        edges=tuple(edges.values()),
    )


def _gate_path(block: Block, number: int) -> str:
    """Name a gate of a block; layers may be called anything, so this need be none of theirs."""
    return f"{block.group.path}/se{number or ''}"


def _gate(tree: Tree, block: Block, number: int) -> Node:
    """Draw a gate and its multiplication as one node."""
    gate = block.gates[number]
    layers = (*gate.layers, gate.scale)
    widths = gate_widths(gate.layers)
    return Node(
        path=_gate_path(block, number),
        title="squeeze-and-excitation",
        lines=(widths,) if widths else (),
        aside=str(gate.scale.shape),
        role="gate",
        facts=tree.facts(layers_cost(tree.graph, layers), gate.scale.shape),
    )


def _with(node: Node, line: str) -> Node:
    """Add one more word of what a node consists of."""
    return replace(node, lines=(" · ".join((*node.lines, line)),))


def _squeeze_and_excitation(tree: Tree, block: Block, gate: Gate) -> Panel:
    graph, path = tree.graph, _gate_path(block, 0)
    source = graph.layer(gate.scaled)
    nodes = [
        Node(path=f"{path}/input", title=_source_words(tree, source), aside=str(source.shape),
             role="input", lane="gate", facts=tree.facts(Cost(), source.shape))
    ]  # fmt: skip
    shown_as = {source.path: nodes[0].path}
    edges = []
    for layer in (*gate.layers, gate.scale):
        if isinstance(layer.op, ops.Reshape):
            shown_as[layer.path] = shown_as[layer.inputs[0]]
            continue
        shown_as[layer.path] = layer.path
        node = replace(tree.layer(layer), costs=())
        if isinstance(layer.op, ops.Conv2D):
            node = _with(node, layer.op.activation or "linear")
        nodes.append(node)
        edges += [
            Edge(tail=shown_as[name], head=layer.path, kind=tree.structure.carries(layer, position),
                 label=str(graph.layer(name).shape))
            for position, name in enumerate(layer.inputs)
        ]  # fmt: skip
    return Panel(
        name=path,
        title="Squeeze-and-excitation module",
        below=True,
        nodes=tuple(nodes),
        edges=tuple(edges),
    )


def _source_words(tree: Tree, source: Layer) -> str:
    """Describe what a gate scales: a norm by the convolution it follows."""
    before = tree.graph.layer(source.inputs[0]).op if source.inputs else None
    words = describe(source.op)
    if isinstance(source.op, ops.BatchNorm) and isinstance(before, ops.Conv2D):
        words = f"last {dimensions(ops.pair(before.kernel))}, {words}"
    return words
