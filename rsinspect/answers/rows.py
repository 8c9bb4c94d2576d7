"""A network as rows of one level: its stages, its blocks or its layers, with what they cost.

Identical neighbours share a row and its numbers are those of all of them, so rows always add up to
the whole, folded or not.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from rsinspect.layers.cost import Cost, layer_cost, weight_shapes
from rsinspect.layers.fold import FoldedStage, Likeness, Run, fold_stages, unfold
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.ops import TensorShape
from rsinspect.layers.structure import structure_of
from rsinspect.layers.wording import describe

Level = Literal["stage", "block", "layer"]
LEVELS: tuple[Level, ...] = ("stage", "block", "layer")


class SummaryRow(NamedTuple):
    """One row of a summary: a stage, a block or a layer, or a run of identical ones.

    Attributes:
        path: Of the (first) part.
        last: Path of the layer that ends the (last) part.
        label: The path for people: a run shows its span, ``c4/block1-22``.
        kind: ``stage``, ``block``, or the op of a layer.
        op: The layer's op in words; empty above layers.
        group: What people call the run of blocks, or the stage, that the row is in.
        runs: Sizes of the runs of blocks that are alike in a stage: 1 and 22.
        repeats: How many parts that are alike the row stands for; its cost is that of all.
        output: Shape of the (last) output, without the batch; None for a total.
        cost: Of all repeats, for one image.
        likeness: In what the blocks of each of ``runs``, or the parts of the row, are alike.
        shares: Path of the stage, block or layer whose weights it uses, where it is used once more.
        layers: All that it stands for.
    """

    path: str
    last: str
    label: str
    kind: str
    op: str
    group: str
    runs: tuple[int, ...]
    repeats: int
    output: TensorShape | None
    cost: Cost
    likeness: tuple[Likeness, ...] = ()
    shares: str = ""
    layers: tuple[Layer, ...] = ()


def summary_rows(graph: LayerGraph, level: Level, *, folded: bool = True) -> tuple[SummaryRow, ...]:
    """Lay a graph out as rows of one level.

    >>> from rsinspect.networks.named import network
    >>> [row.label for row in summary_rows(network("50").graph, "block")][2:4]
    ['c2/block0', 'c2/block1-2']
    """
    return tuple(_rows(graph, level, folded))


def total_row(label: str, cost: Cost, layers: tuple[Layer, ...] = ()) -> SummaryRow:
    """Write a sum as a row; what does not add up (output, repeats, fields) is blank."""
    return SummaryRow(
        path=label, last="", label=label, kind="", op="", group="", runs=(), repeats=1,
        output=None, cost=cost, layers=layers,
    )  # fmt: skip


def _rows(graph: LayerGraph, level: Level, folded: bool) -> Iterator[SummaryRow]:
    for stage in fold_stages(graph):
        if level == "stage":
            yield _stage_row(graph, stage)
            continue
        runs = stage.runs
        shown = runs if folded else tuple(Run((group,), "identical") for group in unfold(runs))
        for run in shown:
            if level == "block":
                yield _block_row(graph, run)
            else:
                for position in range(len(run.first.layers)):
                    yield _layer_row(graph, run, position)


def _stage_row(graph: LayerGraph, folded: FoldedStage) -> SummaryRow:
    stage, runs = folded.stage.path, folded.runs
    blocks = [run for run in runs if run.first.is_block]
    last = runs[-1].groups[-1].layers[-1]
    return SummaryRow(
        path=stage,
        last=last.path,
        label=stage,
        kind="stage",
        op="",
        group=stage,
        runs=tuple(run.repeats for run in blocks),
        repeats=1,
        output=last.shape,
        cost=folded.cost(graph),
        likeness=tuple(run.likeness for run in blocks),
        shares=_shared(graph, folded.stage.layers, "stage"),
        layers=tuple(folded.stage.layers),
    )


def _block_row(graph: LayerGraph, run: Run) -> SummaryRow:
    stage = run.first.stage
    last = run.groups[-1].layers[-1]
    return SummaryRow(
        path=run.first.path,
        last=last.path,
        label=run.span,
        kind="block" if run.first.is_block else "stage" if run.first.path == stage else "part",
        op="",
        group=run.span,
        runs=(),
        repeats=run.repeats,
        output=last.shape,
        cost=run.cost(graph),
        likeness=(run.likeness,),
        shares=_shared(graph, run.first.layers, "block"),
        layers=tuple([layer for group in run.groups for layer in group.layers]),
    )


def _layer_row(graph: LayerGraph, run: Run, position: int) -> SummaryRow:
    layers = [group.layers[position] for group in run.groups]
    layer, last = layers[0], layers[-1]
    costs = [layer_cost(graph, each) for each in (layers if not run.is_uniform else layers[:1])]
    return SummaryRow(
        path=layer.path,
        last=last.path,
        label=_layer_label(run, position),
        kind=layer.op.kind,
        op=between([describe(each.op) for each in layers]),
        group=run.span,
        runs=(),
        repeats=run.repeats,
        output=last.shape,
        cost=Cost.total(costs) if not run.is_uniform else costs[0] * run.repeats,
        likeness=(run.likeness,),
        shares=layer.shares or "",
        layers=tuple(layers),
    )


def between(texts: Sequence[str]) -> str:
    """Write several descriptions as one: their common words, and the range of the last number.

    >>> between(["drop path 0.1", "drop path 0.2"]), between(["conv 1×1, 64", "conv 1×1, 64"])
    ('drop path 0.1–0.2', 'conv 1×1, 64')
    >>> between(["conv 1×1, 64", "conv 3×3, 64"])
    'conv 1×1, 64 to conv 3×3, 64'
    """
    if len(set(texts)) == 1:
        return texts[0]
    ends = [re.fullmatch(r"(.*?)(\d+(?:\.\d+)?)", text) for text in texts]
    if all(ends) and len({end[1] for end in ends if end}) == 1:
        numbers = sorted((end[2] for end in ends if end), key=float)
        return f"{ends[0][1] if ends[0] else ''}{numbers[0]}–{numbers[-1]}"
    return f"{texts[0]} to {texts[-1]}"


def _layer_label(run: Run, position: int) -> str:
    """Write the path of a layer, or of its repeats in a run: ``c4/block1-22/conv1``."""
    names = {group.name_of(group.layers[position].path) for group in run.groups}
    path = run.first.layers[position].path
    if run.repeats == 1:
        return path
    return f"{run.span}/{names.pop() if len(names) == 1 else run.first.name_of(path)}"


def _shared(graph: LayerGraph, layers: Sequence[Layer], level: Level) -> str:
    """Find whose weights all layers use that have any; nothing where they have their own."""
    sources = {layer.shares for layer in layers if layer.shares is not None}
    if not sources or any(x.shares is None and weight_shapes(x.op) for x in layers):
        return ""
    structure = structure_of(graph)
    groups = [structure.group_of(path) for path in sources]
    homes = {group.stage if level == "stage" else group.path for group in groups}
    return homes.pop() if len(homes) == 1 else ""
