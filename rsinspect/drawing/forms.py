"""Forms of blocks: what is alike but for its widths, and which blocks of a network are drawn."""

from __future__ import annotations

from collections import Counter
from itertools import groupby

from rsinspect.drawing.contents import is_chain
from rsinspect.drawing.roles import shown
from rsinspect.drawing.tree import Tree
from rsinspect.layers import ops
from rsinspect.layers.blocks import Block
from rsinspect.layers.cost import layers_cost
from rsinspect.layers.graph import Layer
from rsinspect.layers.structure import Group, Stage, Structure

MOST_DIAGRAMS, MOST_LAYERS = 6, 120
"""Forms of blocks that are drawn, and layers in all; the most expensive forms come first."""

Form = tuple[int, ...]
"""Ops, windows, strides and wiring of a block, its widths left out; hashed, in no order."""


def form(group: Group, *, strides: bool = True) -> Form:
    """Say what a block is but for its widths: equal for blocks that one diagram can show.

    Args:
        group: The block.
        strides: Whether blocks that differ in a stride, and in the padding for it, differ.
    """
    known: dict[str, int] = {}  # layer -> what it is and all it is computed from, hashed
    parts: list[int] = []
    for layer in group.layers:
        op = layer.op
        read = [known.get(path, 0) for path in layer.inputs]
        if _passes(op):
            known[layer.path] = read[0]
            continue
        if isinstance(op, ops.COMMUTATIVE):
            read.sort()
        windows = [getattr(op, key, None) for key in ("kernel", "size", "function", "class_name")]
        what = (op.kind, *windows, strides and getattr(op, "stride", None), *read)
        known[layer.path] = hash(what)
        parts.append(known[layer.path])
    return tuple(sorted(parts))


def _passes(op: ops.Op) -> bool:
    """Tell whether a layer is left out of a form: it works in training alone, or only moves."""
    return shown(op) == "within" or isinstance(op, ops.DropPath | ops.Dropout)


def parts(structure: Structure, stage: Stage) -> list[tuple[Group, ...]]:
    """Cut a stage where the form of its blocks changes; not where only its first block differs."""
    alike = [tuple(groups) for _, groups in groupby(stage.groups, key=form)]
    first = len(alike) == 2 and len(alike[0]) == 1 and stage.groups == stage.blocks
    if first and is_chain(structure, structure.block(stage.groups[-1])):
        return [stage.groups]
    return alike


def varies(stage: Stage) -> bool:
    """Tell whether blocks of a stage, but for the first, differ in width."""
    widths = {tuple(layer.shape[-1:] for layer in group.layers) for group in stage.groups[1:]}
    return len(widths) > 1


def typical_blocks(tree: Tree) -> list[Block]:
    """Choose a block of each form, in order: one that downsamples before others, then one of the
    second stage. A projection is left out where a downsampling block shows one."""
    structure = tree.structure
    stages = [stage for stage in structure.stages if stage.has_blocks]
    second = stages[1].path if len(stages) > 1 else ""
    found: dict[Form, Block] = {}
    for stage in stages:
        for group in stage.blocks:
            block, key = structure.block(group), form(group, strides=False)
            before = found.get(key)
            if before is None or _typical(block, second) > _typical(before, second):
                found[key] = block
    halving = any(b.kind == "downsampling" and _weighs(b.shortcut) for b in found.values())
    chosen = [b for b in found.values() if not (halving and b.kind == "projection")]
    order = {group.path: number for number, group in enumerate(structure.groups)}
    return sorted(chosen, key=lambda block: order[block.group.path])


def _weighs(shortcut: tuple[Layer, ...]) -> bool:
    """Tell whether a shortcut is a convolution, and no mere pool."""
    return any(isinstance(layer.op, ops.CONVOLUTIONS) for layer in shortcut)


def _typical(block: Block, second: str) -> tuple[bool, bool]:
    return block.kind == "downsampling", block.group.stage == second


def dearest(tree: Tree, blocks: list[Block]) -> list[tuple[Block, int]]:
    """Choose the blocks that are drawn: those whose form costs most; say how much that is."""
    spent: Counter[Form] = Counter()
    for group in tree.structure.groups:
        if group.is_block:
            cost = layers_cost(tree.graph, group.layers)
            spent[form(group, strides=False)] += tree.question.flops(cost) + 1
    dear = sorted(blocks, key=lambda block: -spent[form(block.group, strides=False)])
    kept: list[str] = []
    room = MOST_LAYERS
    for block in dear[:MOST_DIAGRAMS]:
        room -= len(form(block.group))
        if room < 0 and kept:
            break
        kept.append(block.group.path)
    chosen = (block for block in blocks if block.group.path in kept)
    return [(block, spent[form(block.group, strides=False)]) for block in chosen]
