"""The paper's Figure 6: the stage table beside the blocks and the squeeze-and-excitation module.

Everything is read from the layer graph: which groups there are, which block downsamples, what its
shortcut does, where SE sits. Any other network has the same page: its stages beside a diagram of
each form of block it has. The text of the printed figure's cells is not available here.
"""

from __future__ import annotations

from collections import Counter

from rsinspect.base.words import plural
from rsinspect.drawing.block_diagram import block_diagram, gate_diagram
from rsinspect.drawing.scene import Direction, Panel, Scene
from rsinspect.drawing.stage_table import Form, form, grid, parts, varies
from rsinspect.drawing.tree import Tree, example, layout_in_words, title
from rsinspect.layers import ops
from rsinspect.layers.blocks import Block
from rsinspect.layers.cost import layers_cost
from rsinspect.layers.fold import FoldedStage, fold_stages
from rsinspect.layers.question import Question
from rsinspect.layers.structure import Group
from rsinspect.networks.network import Network

MOST_DIAGRAMS = 6
"""Forms of blocks that are drawn, the most expensive ones; what is left out is said."""


def scene(network: Network, *, direction: Direction, question: Question) -> Scene:
    """Draw the figure of one network."""
    tree = Tree(network.graph, question=question)
    stages = fold_stages(network.graph)
    forms = _typical_blocks(tree)
    shown = _dearest(tree, forms)
    panels = [Panel(name="stages", title="Stages", grid=grid(tree, stages))]
    panels += [block_diagram(tree, block) for block in shown]
    gated = next((block for block in reversed(shown) if block.gates), None)
    if gated is not None:
        panels.append(gate_diagram(tree, gated, gated.gates[0]))
    left_out = len(forms) - len(shown)
    more = f"{plural(left_out, 'more form')} of block not drawn. " if left_out else ""
    beside = [panel.title for panel in panels[1:]]
    return Scene(
        name=network.name,
        view="figure6",
        title=title(network, tree),
        description=(
            f"The architecture of {network.title}, after Figure 6 of the ResNet-RS paper. "
            "A table of its stages with output sizes, convolutions, params and FLOPs"
            f"{': ' * bool(layout := layout_in_words(network))}{layout}."
            + (f" Beside it diagrams: {', '.join(beside)}." if beside else "")
        ),
        caption=(
            f"After Figure 6 of Bello et al. 2021; derived from the layer graph. /2: stride 2"
            f"{repeats_in_words(tree, stages)}. {more}"
            f"FLOPs ({question.convention}), per {example(network)}: {question.legend}."
        ),
        direction=direction,
        panels=tuple(panels),
        question=question,
        example=example(network),
    )


def _typical_blocks(tree: Tree) -> list[Block]:
    """Choose a block of each form, in order: one that downsamples before others, then one of the
    second stage. A projection is left out where a downsampling block shows one."""
    structure = tree.structure
    stages = [stage for stage in structure.stages if stage.has_blocks]
    second = stages[1].path if len(stages) > 1 else ""
    found: dict[Form, Block] = {}
    for stage in stages:
        for group in stage.groups:
            block, key = structure.block(group), form(group, strides=False)
            before = found.get(key)
            if before is None or _typical(block, second) > _typical(before, second):
                found[key] = block
    halving = any(b.kind == "downsampling" and b.shortcut for b in found.values())
    chosen = [b for b in found.values() if not (halving and b.kind == "projection")]
    order = {group.path: number for number, group in enumerate(structure.groups)}
    return sorted(chosen, key=lambda block: order[block.group.path])


def _typical(block: Block, second: str) -> tuple[bool, bool]:
    return block.kind == "downsampling", block.group.stage == second


def _dearest(tree: Tree, blocks: list[Block]) -> list[Block]:
    """Choose the blocks that are drawn: those whose form costs most in all."""
    spent: Counter[Form] = Counter()
    for group in tree.structure.groups:
        if group.is_block:
            cost = layers_cost(tree.graph, group.layers)
            spent[form(group, strides=False)] += tree.question.flops(cost) + 1
    dear = sorted(blocks, key=lambda block: -spent[form(block.group, strides=False)])
    kept = {block.group.path for block in dear[:MOST_DIAGRAMS]}
    return [block for block in blocks if block.group.path in kept]


def repeats_in_words(tree: Tree, stages: tuple[FoldedStage, ...]) -> str:
    """Say what ``× N`` counts, and what is so of the first and of the other blocks of a stage."""
    blocks = [stage for stage in stages if stage.stage.has_blocks]
    if not any(len(stage.groups) > 1 for stage, _ in blocks):
        return ""
    if any(len(parts(stage)) > 1 or varies(stage) for stage, _ in blocks):
        return (
            "; × N: neighbouring blocks of one form, whose widths and training rates may differ "
            "(64–96: from 64 to 96)"
        )
    words = "; × N: blocks of the stage"
    if all(tree.structure.block(stage.groups[0]).shortcut for stage, _ in blocks):
        words += ", the first with a projection shortcut"
    rests = [stage.groups[1:] for stage, _ in blocks if len(stage.groups) > 1]
    exact = all(len(runs[-1].groups) >= len(stage.groups) - 1 for stage, runs in blocks)
    same = all(len({_without_drop_path(group) for group in rest}) == 1 for rest in rests)
    alike = "identical but for drop path" if same else "not all identical"
    if exact:
        alike = "identical in op, configuration and shape"
    own = all(layer.shares is None for rest in rests for group in rest for layer in group.layers)
    return f"{words}, the others {alike}{', each with weights of its own' * own}"


def _without_drop_path(group: Group) -> tuple[tuple[ops.Op, tuple[int, ...]], ...]:
    """Give what a block does in inference."""
    return tuple((x.op, x.shape) for x in group.layers if not isinstance(x.op, ops.DropPath))
