"""The paper's Figure 6: the stage table beside the blocks and the squeeze-and-excitation module.

Everything is read from the layer graph: which groups there are, which block downsamples, what its
shortcut does, where SE sits. Any other network has the same page: its stages beside a diagram of
each form of block it has. The text of the printed figure's cells is not available here.
"""

from __future__ import annotations

from dataclasses import replace

from rsinspect.base.words import plural
from rsinspect.drawing.block_diagram import block_diagram, gate_diagram
from rsinspect.drawing.forms import dearest, parts, typical_blocks, varies
from rsinspect.drawing.scene import Direction, Panel, Scene
from rsinspect.drawing.stage_table import grid
from rsinspect.drawing.tree import Tree, layout_in_words, title
from rsinspect.layers.blocks import take_apart
from rsinspect.layers.fold import FoldedStage, fold_stages
from rsinspect.layers.question import Question
from rsinspect.layers.structure import Group
from rsinspect.networks.network import Network

FEW, MOST_DRAWN = 2, 40
"""Diagrams that a figure always has, of so many layers; of more, some are left out where there is
no room. Also layers of a network that is drawn whole."""


def scene(network: Network, *, direction: Direction, question: Question) -> Scene:
    """Draw the figure of one network."""
    tree = Tree(network.graph, question=question)
    stages = fold_stages(network.graph)
    forms = typical_blocks(tree)
    dear = dearest(tree, forms)
    shown = [block for block, _ in dear]
    many = len(shown) > FEW or sum(len(block.group.layers) for block in shown) > MOST_DRAWN
    panels = [Panel(name="stages", title="Stages", grid=grid(tree, stages))]
    panels += [
        replace(block_diagram(tree, block), worth=cost if many else None) for block, cost in dear
    ]
    panels += _unfolded(tree)
    gated = next((block for block in reversed(shown) if block.gates), None)
    if gated is not None:
        module = gate_diagram(tree, gated, gated.gates[0])
        panels.append(replace(module, worth=0 if many else None))
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
            f"FLOPs ({question.convention}), per {network.example}: {question.legend}."
        ),
        direction=direction,
        panels=tuple(panels),
        question=question,
        example=network.example,
    )


def repeats_in_words(tree: Tree, stages: tuple[FoldedStage, ...]) -> str:
    """Say what ``× N`` counts, and what is so of the first and of the other blocks of a stage."""
    blocks = [stage for stage in stages if stage.stage.has_blocks]
    if not any(len(stage.groups) > 1 for stage, _ in blocks):
        return ""
    if any(len(parts(tree.structure, stage)) > 1 or varies(stage) for stage, _ in blocks):
        return (
            "; × N: neighbouring blocks of one form, whose widths and training rates may differ "
            "(64–96: from 64 to 96)"
        )
    words = "; × N: blocks of the stage"
    if all(tree.structure.block(stage.groups[0]).shortcut for stage, _ in blocks):
        words += ", the first with a projection shortcut"
    rests = [(stage.groups[1:], runs[-1]) for stage, runs in blocks if len(stage.groups) > 1]
    alike = {run.likeness if len(run.groups) >= len(rest) else "form" for rest, run in rests}
    said = "not all identical"
    if alike == {"identical"}:
        said = "identical in op, configuration and shape"
    elif alike <= {"identical", "inference"}:
        said = "identical but for drop path"
    own = all(layer.shares is None for layer in tree.graph)
    return f"{words}, the others {said}{', each with weights of its own' * own}"


def _unfolded(tree: Tree) -> list[Panel]:
    """Draw how a network without blocks is wired, if it is no chain.

    A small one layer by layer, a large one stage by stage.
    """
    structure = tree.structure
    if any(stage.has_blocks for stage in structure.stages):
        return []
    if all(len(layer.inputs) < 2 for layer in tree.graph) and len(tree.graph.inputs) == 1:
        return []
    if len(tree.graph) <= MOST_DRAWN:
        whole = take_apart(tree.graph, Group(tree.graph.name, tree.graph.layers))
        return [replace(block_diagram(tree, whole), title="All layers")]
    nodes = tuple(replace(node, parts=(), costs=()) for node in tree.nodes())
    return [Panel(name="wiring", title="How the stages are wired", nodes=nodes, edges=tree.edges())]
