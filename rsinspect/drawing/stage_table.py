"""The table of a network's stages: what stands in a row, and where a stage has several.

A stage is one row where its blocks are alike, or all but the first; else it has a row for each
form of block in a row. Blocks of one form have the same ops and the same wiring; how wide they are
may differ, and the row then says from where to where.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby
from typing import assert_never

from rsinspect.base.words import plural
from rsinspect.drawing.contents import (
    CONVOLUTIONS,
    block_lines,
    branch_ops,
    gate_words,
    is_chain,
    short,
)
from rsinspect.drawing.roles import shown
from rsinspect.drawing.scene import Grid, GridRow
from rsinspect.drawing.tree import Tree
from rsinspect.layers import ops
from rsinspect.layers.blocks import Block
from rsinspect.layers.cost import Cost, layers_cost
from rsinspect.layers.fold import FoldedStage
from rsinspect.layers.graph import Layer
from rsinspect.layers.structure import Group, Stage
from rsinspect.layers.wording import describe

Form = tuple[object, ...]
"""Ops, windows, strides and wiring of a block, its widths left out."""


def form(group: Group, *, strides: bool = True) -> Form:
    """Say what a block is but for its widths: equal for blocks that one diagram can show.

    Args:
        group: The block.
        strides: Whether blocks that differ in a stride, and in the padding for it, differ.
    """
    position: dict[str, int] = {}
    parts: list[object] = []
    for layer in group.layers:
        read = tuple(position.get(path, -1) for path in layer.inputs)
        if _passes(layer.op):
            position[layer.path] = read[0]
            continue
        position[layer.path] = len(parts)
        op = layer.op
        windows = [getattr(op, key, None) for key in ("kernel", "size", "function", "class_name")]
        parts.append((op.kind, *windows, strides and getattr(op, "stride", None), read))
    return tuple(parts)


def _passes(op: ops.Op) -> bool:
    """Tell whether a layer is left out of a form: it works in training alone, or only moves."""
    return shown(op) == "within" or isinstance(op, ops.DropPath | ops.Dropout)


def grid(tree: Tree, stages: tuple[FoldedStage, ...]) -> Grid:
    """Make the table of stages."""
    rows: list[GridRow] = []
    for folded in stages:
        if not folded.stage.has_blocks:
            rows += _plain_rows(tree, folded.stage)
            continue
        alike = parts(folded.stage)
        if len(alike) == 1:
            rows.append(_stage_row(tree, folded.stage, folded.stage.groups))
        else:
            rows += [_part_row(tree, folded.stage, part, n) for n, part in enumerate(alike)]
    return Grid(
        heads=("Block group", "Output size", "Convolution layout", "Blocks",
               "Shortcut of first block", "Params", "FLOPs"),
        rows=tuple(rows),
    )  # fmt: skip


def parts(stage: Stage) -> list[tuple[Group, ...]]:
    """Cut a stage where the form of its blocks changes; not where only its first block differs."""
    alike = [tuple(groups) for _, groups in groupby(stage.groups, key=form)]
    return [stage.groups] if len(alike) == 2 and len(alike[0]) == 1 else alike


def varies(stage: Stage) -> bool:
    """Tell whether blocks of a stage, but for the first, differ in width."""
    widths = {tuple(layer.shape[-1:] for layer in group.layers) for group in stage.groups[1:]}
    return len(widths) > 1 and len({form(group) for group in stage.groups[1:]}) == 1


def _costs(tree: Tree, cost: Cost) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Write the cells of params and FLOPs."""
    params = next(fact for fact in tree.facts(cost, ops.TensorShape()) if fact.key == "params")
    flops = tree.share(cost)
    words = flops.text.replace(" FLOPs", "") if flops.value or cost.uncounted else "0"
    return (params.text.replace(" params", ""),), (words,)


def _row(
    tree: Tree,
    stage: Stage,
    groups: Sequence[Group],
    title: str,
    layout: Sequence[str],
    shortcut: Sequence[str],
) -> GridRow:
    cost = Cost.total(layers_cost(tree.graph, group.layers) for group in groups)
    shape = groups[0].layers[-1].shape
    first = groups[0] is stage.groups[0]
    whole = len(groups) == len(stage.groups)
    repeats = "" if len(groups) == 1 else f"× {len(groups)}"
    return GridRow(
        path=stage.path if first else groups[0].path,
        role="stage",
        cells=((title,), (_size(tree, shape),), tuple(layout),
               (repeats or "× 1" * whole,), tuple(shortcut), *_costs(tree, cost)),
        stage=stage.path,
        paths=tuple(group.path for group in (stage.groups if whole else groups)),
        costs=(tree.share(cost),),
        facts=tree.facts(cost, shape),
    )  # fmt: skip


def _stage_row(tree: Tree, stage: Stage, groups: Sequence[Group]) -> GridRow:
    """Make the row of a stage whose blocks are alike, or all but the first."""
    first = tree.structure.block(groups[0])
    last = tree.structure.block(groups[-1])
    if (first.addition is None and len(groups) == 1) or not is_chain(tree.structure, last):
        alike = groups if form(groups[0]) == form(groups[-1]) else groups[1:]
        return _row(tree, stage, groups, stage.path, _layout(tree, alike), ())
    layout = [short(op) for op in branch_ops(last.branch)]
    layout += filter(None, (gate_words(gate.layers) for gate in last.gates or first.gates))
    for op in branch_ops(first.branch):
        if isinstance(op, CONVOLUTIONS) and op.stride != 1:
            layout.append(f"first block: {short(op).partition(',')[0]}")
    return _row(tree, stage, groups, stage.path, layout, _shortcut(first))


def _shortcut(block: Block) -> list[str]:
    """List what is done in a shortcut."""
    if block.addition is None:
        return ["none"]
    shortcut = [short(op) for op in branch_ops(block.shortcut)] or ["identity"]
    if any(isinstance(layer.op, ops.BatchNorm) for layer in block.shortcut):
        shortcut.append("batch norm")
    return shortcut


def _part_row(tree: Tree, stage: Stage, groups: Sequence[Group], number: int) -> GridRow:
    """Make a row of the neighbouring blocks of one form in a stage."""
    title = f"{stage.path}, continued" if number else stage.path
    return _row(tree, stage, groups, title, _layout(tree, groups), ())


def _layout(tree: Tree, groups: Sequence[Group]) -> list[str]:
    """Write what blocks of one form consist of; of widths that differ, the least and largest."""
    lines = [block_lines(tree.structure, group) for group in groups]
    if len({len(each) for each in lines}) > 1:
        return list(lines[-1])
    return [_ranged(each) for each in zip(*lines, strict=True)]


def _ranged(lines: Sequence[str]) -> str:
    """Write lines that differ in numbers as one.

    >>> _ranged(["1×1, 64", "1×1, 96", "1×1, 80"])
    '1×1, 64–96'
    """
    found = [re.findall(r"\d+", line) for line in lines]
    if len({len(each) for each in found}) > 1:
        return lines[-1]
    numbers = iter([sorted(set(map(int, each))) for each in zip(*found, strict=True)])

    def spanned(_: re.Match[str]) -> str:
        values = next(numbers)
        return f"{values[0]}–{values[-1]}" if len(values) > 1 else str(values[0])

    return re.sub(r"\d+", spanned, lines[0])


def _size(tree: Tree, shape: ops.TensorShape) -> str:
    if len(shape) == 3 or (len(shape) == 1 and tree.graph.resolution is not None):
        return f"{shape.height}×{shape.width}"
    return str(shape)


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
                    (_size(tree, shape),),
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
            shape = layer.shape
            image = len(shape) == 3
            return f"image, {plural(shape.channels, 'channel')}" if image else f"input, {shape}"
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
