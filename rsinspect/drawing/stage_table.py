"""The table of a network's stages: what stands in a row, and where a stage has several.

A stage is one row where its blocks are alike, or all but the first; else it has a row for each
form of block in a row. Blocks of one form have the same ops and the same wiring; how wide they are
may differ, and the row then says from where to where.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import assert_never

from rsinspect.base.words import plural
from rsinspect.drawing.contents import (
    branch_ops,
    gate_words,
    in_line,
    is_chain,
    plain_lines,
    run_lines,
    short,
)
from rsinspect.drawing.forms import form, parts
from rsinspect.drawing.scene import Grid, GridRow
from rsinspect.drawing.tree import Tree, shares
from rsinspect.layers import ops
from rsinspect.layers.blocks import Block
from rsinspect.layers.cost import Cost, layers_cost
from rsinspect.layers.fold import FoldedStage, span
from rsinspect.layers.graph import Layer
from rsinspect.layers.structure import Group, Stage
from rsinspect.layers.wording import describe

Cell = tuple[str, ...]
"""Lines of a cell."""


def grid(tree: Tree, stages: tuple[FoldedStage, ...]) -> Grid:
    """Make the table of stages."""
    rows: list[GridRow] = []
    for folded in stages:
        if not folded.stage.has_blocks:
            rows += _plain_rows(tree, folded.stage)
            continue
        alike = parts(tree.structure, folded.stage)
        if len(alike) == 1:
            rows.append(_stage_row(tree, folded.stage, folded.stage.groups))
        else:
            rows += [_part_row(tree, folded.stage, part) for part in alike]
    return Grid(
        heads=("Block group", "Output size", "Convolution layout", "Blocks",
               "Shortcut of first block", "Params", "FLOPs"),
        rows=tuple(rows),
    )  # fmt: skip


def _costs(tree: Tree, cost: Cost, layers: Iterable[Layer]) -> tuple[Cell, Cell]:
    """Write the cells of params and FLOPs."""
    params = next(fact for fact in tree.facts(cost, ops.TensorShape()) if fact.key == "params")
    flops = tree.share(cost)
    words = flops.text.replace(" FLOPs", "") if flops.value or cost.uncounted else "0"
    shared = "shared" if shares(layers) else params.text.replace(" params", "")
    return (shared,), (words,)


def _row(
    tree: Tree,
    stage: Stage,
    groups: Sequence[Group],
    title: str,
    layout: Sequence[str],
    shortcut: Sequence[str],
) -> GridRow:
    layers = [layer for group in groups for layer in group.layers]
    cost = layers_cost(tree.graph, layers)
    shape = groups[0].layers[-1].shape
    first = groups[0] is stage.groups[0]
    whole = len(groups) == len(stage.groups)
    repeats = "" if len(groups) == 1 else f"× {len(groups)}"
    return GridRow(
        path=stage.path if first else groups[0].path,
        role="stage",
        cells=((title,), (_size(tree, shape),), tuple(layout),
               (repeats or "× 1" * whole,), tuple(shortcut), *_costs(tree, cost, layers)),
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
        return _row(tree, stage, groups, stage.path, run_lines(tree.structure, alike), ())
    layout = [short(op) for op in branch_ops(last.branch)]
    layout += filter(None, (gate_words(gate.layers) for gate in last.gates or first.gates))
    for op in branch_ops(first.branch):
        if isinstance(op, ops.CONVOLUTIONS) and op.stride != 1:
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


def _part_row(tree: Tree, stage: Stage, groups: Sequence[Group]) -> GridRow:
    """Make a row of the neighbouring blocks of one form in a stage."""
    title = span([group.path for group in groups])
    return _row(tree, stage, groups, title, run_lines(tree.structure, groups), ())


def _size(tree: Tree, shape: ops.TensorShape) -> str:
    if len(shape) == 3 or (len(shape) == 1 and tree.graph.resolution is not None):
        return f"{shape.height}×{shape.width}"
    return str(shape)


def _plain_rows(tree: Tree, stage: Stage) -> list[GridRow]:
    """Make rows of the input, stem or head: a row ends where the resolution changes."""
    parts: list[list[Layer]] = []
    for layer in stage.layers:
        strides = isinstance(layer.op, ops.Windowed) and layer.op.stride != 1
        pads = isinstance(layer.op, ops.ZeroPad2D)
        if not parts or pads or (strides and not isinstance(parts[-1][-1].op, ops.ZeroPad2D)):
            parts.append([])
        parts[-1].append(layer)
    whole = stage.groups[0]
    tallied = stage.role != "input" and not in_line(tree.structure, whole)
    if tallied:
        parts = [list(whole.layers)]
    rows = []
    for index, part in enumerate(parts):
        shape = part[-1].shape
        lines = [words for layer in part if (words := _plain_words(layer))]
        if tallied:
            lines = list(plain_lines(tree.structure, whole))
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
                    *_costs(tree, cost, part),
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
            ops.MaxPool2D() | ops.AvgPool2D() | ops.GlobalAvgPool() | ops.GlobalMaxPool()
            | ops.Dropout() | ops.Concatenate() | ops.UpSampling2D() | ops.Opaque() | ops.Add()
            | ops.ScaledAdd() | ops.Merge()
        ):  # fmt: skip
            return describe(layer.op)
        case (
            ops.BatchNorm() | ops.LayerNorm() | ops.ChannelScale() | ops.Activation() | ops.ReLU()
            | ops.PReLU() | ops.ZeroPad2D() | ops.Crop2D() | ops.Reshape() | ops.Flatten()
            | ops.Permute() | ops.Multiply() | ops.DropPath() | ops.Arithmetic() | ops.Pick()
            | ops.Augmentation()
        ):  # fmt: skip
            return ""
        case _:
            assert_never(layer.op)
