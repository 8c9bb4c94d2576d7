"""The paper's Figure 6: the stage table beside the blocks and the squeeze-and-excitation module.

Everything is read from the layer graph: which groups there are, which block downsamples, what its
shortcut does, where SE sits. The text of the printed figure's cells is not available here.
"""

from __future__ import annotations

from dataclasses import replace

from rsinspect.base.units import count, percent
from rsinspect.drawing.scene import (
    Direction,
    Edge,
    EdgeKind,
    Grid,
    GridRow,
    Node,
    Panel,
    Scene,
)
from rsinspect.drawing.tree import (
    STAGE_ROLES,
    Tree,
    block_input,
    block_kind,
    branch_convs,
    edge_kind,
    layout_in_words,
    se_convs,
    short,
    shortcut_ops,
)
from rsinspect.layers import ops
from rsinspect.layers.cost import LEGEND, Cost, layers_cost
from rsinspect.layers.fold import Run, fold_stages
from rsinspect.layers.graph import Layer
from rsinspect.layers.structure import Group
from rsinspect.layers.wording import describe
from rsinspect.networks.network import Network


def scene(network: Network, *, direction: Direction, convention: str) -> Scene:
    """The figure of one tree."""
    graph = network.graph
    tree = Tree(graph, convention=convention)
    stages = {stage.path: runs for stage, runs in fold_stages(graph)}
    kinds: dict[str, Group] = {}  # the block that best stands for its kind: not the first stage's
    second = [stage.path for stage in network.structure.stages if stage.has_blocks][1:2]
    for runs in stages.values():
        for run in runs:
            if run.first.is_block:
                kind = block_kind(graph, run.first)
                if kind not in kinds or run.first.stage in second:
                    kinds[kind] = run.first
    shown = [
        kinds[kind]
        for kind in ("downsampling", "projection", "identity")
        if kind in kinds and (kind != "projection" or "downsampling" not in kinds)
    ]
    panels = [Panel(name="stages", title="Stages", grid=_grid(tree, stages))]
    panels += [_block(tree, group) for group in shown]
    gated = next((group for group in reversed(shown) if se_convs(group)), None)
    if gated is not None:
        panels.append(_squeeze_and_excitation(tree, gated))
    flops = tree.whole.flops(convention)
    layout = layout_in_words(network)
    return Scene(
        name=network.name,
        view="figure6",
        title=f"{network.title}: {count(tree.whole.params)} params, {count(flops)} FLOPs per image",
        description=(
            f"The architecture of {network.title}, after Figure 6 of the ResNet-RS paper. A table "
            f"of its stages with output sizes, convolutions, params and FLOPs: {layout}. Beside it "
            f"diagrams: {', '.join(panel.title for panel in panels[1:])}."
        ),
        caption=(
            "After Figure 6 of Bello et al. 2021; derived from the layer graph. /2: stride 2; × N: "
            "blocks of the stage, the first with a projection shortcut, the others identical "
            "in op, configuration and shape, each with weights of its own. "
            f"FLOPs ({convention}), per image: {LEGEND[convention]}."
        ),
        direction=direction,
        panels=tuple(panels),
    )


def _grid(tree: Tree, stages: dict[str, tuple[Run, ...]]) -> Grid:
    rows: list[GridRow] = []
    for stage, runs in stages.items():
        if runs[0].first.is_block:
            rows.append(_stage_row(tree, stage, runs))
        else:
            rows += _plain_rows(tree, stage, runs[0].first)
    return Grid(
        heads=("Block group", "Output size", "Convolution layout", "Blocks",
               "Shortcut of first block", "Params", "FLOPs"),
        rows=tuple(rows),
    )  # fmt: skip


def _costs(tree: Tree, cost: Cost) -> tuple[tuple[str, ...], tuple[str, ...]]:
    flops = cost.flops(tree.convention)
    share = percent(flops / tree.whole.flops(tree.convention))
    words = f"{count(flops)} ({share})" if flops else "0"
    return (count(cost.params),), (words,)


def _stage_row(tree: Tree, stage: str, runs: tuple[Run, ...]) -> GridRow:
    first = runs[0].first
    cost = Cost.total(layers_cost(tree.graph, run.first.layers) * run.repeats for run in runs)
    shape = first.layers[-1].shape
    blocks = sum(run.repeats for run in runs)
    convs = branch_convs(runs[-1].first)
    strided = [conv for conv in branch_convs(first) if conv.stride > 1]
    layout = [short(conv) for conv in convs]
    if se_convs(first):
        reduce, expand = se_convs(first)
        layout.append(f"SE {reduce.in_channels} → {reduce.filters} → {expand.filters}")
    for conv in strided:
        layout.append(f"first block: {conv.kernel}x{conv.kernel}/{conv.stride}")
    shortcut = [short(op) for op in shortcut_ops(first)] or ["identity"]
    if any("/shortcut/bn" in layer.path for layer in first.layers):
        shortcut.append("batch norm")
    return GridRow(
        path=stage,
        role="stage",
        cells=((stage,), (f"{shape.height}x{shape.width}",), tuple(layout), (f"× {blocks}",),
               tuple(shortcut), *_costs(tree, cost)),
        facts=tree.facts(cost, shape),
    )  # fmt: skip


def _plain_rows(tree: Tree, stage: str, group: Group) -> list[GridRow]:
    """Rows of the input, stem or head: a row ends where the resolution changes."""
    parts: list[list[Layer]] = []
    for layer in group.layers:
        strides = (
            isinstance(layer.op, ops.Conv2D | ops.AvgPool2D | ops.MaxPool2D) and layer.op.stride > 1
        )
        pads = isinstance(layer.op, ops.ZeroPad2D)
        if not parts or pads or (strides and not isinstance(parts[-1][-1].op, ops.ZeroPad2D)):
            parts.append([])
        parts[-1].append(layer)
    rows = []
    for index, part in enumerate(parts):
        shape = part[-1].shape
        lines = [words for layer in part if (words := _plain_words(layer))]
        cost = layers_cost(tree.graph, part)
        name = stage if index == 0 else f"{stage}, continued"
        rows.append(
            GridRow(
                path=stage if index == 0 else part[0].path,
                role=STAGE_ROLES.get(stage, "stage"),
                cells=(
                    (name,),
                    (f"{shape.height}x{shape.width}",),
                    tuple(lines),
                    (),
                    (),
                    *_costs(tree, cost),
                ),
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
        case ops.Conv2D():
            return short(layer.op)
        case ops.Dense(units=units, activation=activation):
            function = f", {describe(ops.Activation(activation))}" if activation else ""
            return f"fully connected, {units}{function}"
        case ops.MaxPool2D() | ops.GlobalAvgPool() | ops.GlobalMaxPool() | ops.Dropout():
            return describe(layer.op)
        case _:
            return ""


def _block(tree: Tree, group: Group) -> Panel:
    """One block as it is drawn in papers: norm and activation under their convolution."""
    graph = tree.graph
    kind = block_kind(graph, group)
    source = block_input(graph, group)
    nodes = [
        Node(path=source.path, title="block input", aside=str(source.shape), role="input",
             facts=tree.facts(Cost(), source.shape))
    ]  # fmt: skip
    shown_as = {source.path: source.path}
    gate: list[Layer] = []
    for layer in group.layers:
        before = shown_as.get(layer.inputs[0])
        match layer.op:
            case _ if "/se/" in layer.path:
                gate.append(layer)
                shown_as[layer.path] = f"{group.path}/se"
                if isinstance(layer.op, ops.Multiply):
                    reduce, expand = se_convs(group)
                    nodes.append(
                        Node(
                            path=f"{group.path}/se",
                            title="squeeze-and-excitation",
                            lines=(f"{reduce.in_channels} → {reduce.filters} → {expand.filters}",),
                            aside=str(layer.shape),
                            role="gate",
                            facts=tree.facts(layers_cost(graph, gate), layer.shape),
                        )
                    )
            case ops.BatchNorm() | ops.Activation() if before is not None and before != source.path:
                shown_as[layer.path] = before
                nodes = [_with(n, describe(layer.op)) if n.path == before else n for n in nodes]
            case ops.ZeroPad2D() | ops.Reshape() if before is not None:
                shown_as[layer.path] = before
            case _:
                shown_as[layer.path] = layer.path
                nodes.append(replace(tree.layer(layer), footer=""))
    edges: dict[tuple[str, str], Edge] = {}
    for layer in group.layers:
        head = shown_as[layer.path]
        for position, name in enumerate(layer.inputs):
            tail = shown_as[name]
            if tail != head:
                carries: EdgeKind = edge_kind(layer, position)
                if carries == "gate":  # the module is one node here
                    carries = "flow"
                edge = Edge(tail=tail, head=head, kind=carries, label=str(graph.layer(name).shape))
                edges.setdefault((tail, head), edge)
    words = {"downsampling": "Downsampling block", "projection": "Projection block"}
    return Panel(
        name=group.path,
        title=f"{words.get(kind, 'Identity block')}, here {group.path}",
        nodes=tuple(nodes),
        edges=tuple(edges.values()),
    )


def _with(node: Node, line: str) -> Node:
    """The node with one more word of what it consists of."""
    return replace(node, lines=(" · ".join((*node.lines, line)),))


def _squeeze_and_excitation(tree: Tree, group: Group) -> Panel:
    graph = tree.graph
    layers = [layer for layer in group.layers if "/se/" in layer.path]
    source = graph.layer(layers[0].inputs[0])
    nodes = [
        Node(path=f"{group.path}/se/input", title="last 1x1, batch norm", aside=str(source.shape),
             role="input", facts=tree.facts(Cost(), source.shape))
    ]  # fmt: skip
    shown_as = {source.path: nodes[0].path}
    edges = []
    for layer in layers:
        if isinstance(layer.op, ops.Reshape):
            shown_as[layer.path] = shown_as[layer.inputs[0]]
            continue
        shown_as[layer.path] = layer.path
        node = replace(tree.layer(layer), footer="")
        if isinstance(layer.op, ops.Conv2D):
            node = _with(node, layer.op.activation or "linear")
        nodes.append(node)
        edges += [
            Edge(tail=shown_as[name], head=layer.path, kind=edge_kind(layer, position),
                 label=str(graph.layer(name).shape))
            for position, name in enumerate(layer.inputs)
        ]  # fmt: skip
    return Panel(
        name=f"{group.path}/se",
        title="Squeeze-and-excitation module",
        below=True,
        nodes=tuple(nodes),
        edges=tuple(edges),
    )
