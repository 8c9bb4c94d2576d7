"""The diagram of one block as papers draw it: norm and activation under their convolution."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from rsinspect.base.units import dimensions
from rsinspect.drawing.contents import gate_widths
from rsinspect.drawing.roles import KINDS, kind_of, shown
from rsinspect.drawing.scene import Edge, Node, Panel
from rsinspect.drawing.tree import NOTES, Tree
from rsinspect.layers import ops
from rsinspect.layers.blocks import Block, Gate
from rsinspect.layers.cost import Cost, layers_cost
from rsinspect.layers.graph import Layer
from rsinspect.layers.structure import Group
from rsinspect.layers.wording import describe


def _sources(tree: Tree, group: Group) -> list[Layer]:
    """List the layers outside a block that it reads."""
    inside = {layer.path for layer in group.layers}
    read = (path for layer in group.layers for path in layer.inputs if path not in inside)
    return [tree.graph.layer(path) for path in dict.fromkeys(read)]


def block_diagram(tree: Tree, block: Block) -> Panel:
    """Draw one block as papers do: norm and activation under their convolution."""
    graph, group = tree.graph, block.group
    sources = _sources(tree, group)
    read = Counter(path for layer in graph for path in dict.fromkeys(layer.inputs))
    nodes = [
        Node(path=source.path, title="block input", aside=str(source.shape), role="input",
             lines=(source.path,) if len(sources) > 1 else (),
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
        how = shown(layer.op)
        alone = bool(layer.inputs) and read[layer.inputs[0]] == 1
        if how == "under" and before is not None and before not in outside and alone:
            shown_as[layer.path] = before
            nodes = [_with(n, describe(layer.op)) if n.path == before else n for n in nodes]
        elif how == "within" and before is not None:
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
        title=f"{KINDS[kind_of(block)]}, here {group.path}",
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
        title="squeeze-and-excitation" if _squeezes(gate) else "gate",
        lines=(widths,) if widths else (),
        aside=str(gate.scale.shape),
        role="gate",
        facts=tree.facts(layers_cost(tree.graph, layers), gate.scale.shape),
    )


def _squeezes(gate: Gate) -> bool:
    """Tell whether a gate looks at the whole map, and not at each place by itself."""
    pools = ops.GlobalAvgPool | ops.GlobalMaxPool
    return any(isinstance(layer.op, pools) for layer in gate.layers)


def _with(node: Node, word: str) -> Node:
    """Add one more word of what a node consists of, before what is noted of it."""
    notes = tuple(line for line in node.lines if line.startswith(NOTES))
    words = [line for line in node.lines if not line.startswith(NOTES)]
    return replace(node, lines=(" · ".join((*words, word)), *notes))


def gate_diagram(tree: Tree, block: Block, gate: Gate) -> Panel:
    """Draw the first gate of a block, layer by layer."""
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
        if isinstance(layer.op, ops.Conv2D) and not layer.op.activation:
            node = _with(node, "linear")
        nodes.append(node)
        edges += [
            Edge(tail=shown_as[name], head=layer.path, kind=tree.structure.carries(layer, position),
                 label=str(graph.layer(name).shape))
            for position, name in enumerate(layer.inputs)
        ]  # fmt: skip
    return Panel(
        name=path,
        title="Squeeze-and-excitation module" if _squeezes(gate) else "Gate",
        below=True,
        nodes=tuple(nodes),
        edges=tuple(edges),
    )


def _source_words(tree: Tree, source: Layer) -> str:
    """Describe what a gate scales: norm and activation by the convolution that they follow."""
    words, before = [describe(source.op)], source
    while shown(before.op) == "under" and before.inputs:
        before = tree.graph.layer(before.inputs[0])
        if isinstance(before.op, ops.CONVOLUTIONS):
            kernel = dimensions(ops.pair(before.op.kernel))
            last = f"{'last' if isinstance(before.op, ops.Conv2D) else 'depthwise'} {kernel}"
            return ", ".join([last, *words])
        words.insert(0, describe(before.op))
    return words[-1]
