"""A network as rows of one level: its stages, its blocks or its layers, with what they cost.

Identical neighbours share a row and its numbers are those of all of them, so rows always add up to
the whole, folded or not.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from rsinspect.layers.cost import Cost, layer_cost
from rsinspect.layers.fold import FoldedStage, Run, fold_stages, span, unfold
from rsinspect.layers.graph import LayerGraph
from rsinspect.layers.ops import TensorShape
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
        runs: Sizes of the runs of identical blocks in a stage: 1 and 22.
        repeats: How many identical parts the row stands for; its cost is that of all.
        output: Shape of (each) output, without the batch; None for a total.
        cost: Of all repeats, for one image.
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


def summary_rows(graph: LayerGraph, level: Level, *, folded: bool = True) -> tuple[SummaryRow, ...]:
    """Lay a graph out as rows of one level.

    >>> from rsinspect.networks.named import network
    >>> [row.label for row in summary_rows(network("50").graph, "block")][2:4]
    ['c2/block0', 'c2/block1-2']
    """
    return tuple(_rows(graph, level, folded))


def total_row(label: str, cost: Cost) -> SummaryRow:
    """Write a sum as a row; what does not add up (output, repeats, fields) is blank."""
    return SummaryRow(
        path=label, last="", label=label, kind="", op="", group="", runs=(), repeats=1,
        output=None, cost=cost,
    )  # fmt: skip


def _rows(graph: LayerGraph, level: Level, folded: bool) -> Iterator[SummaryRow]:
    for stage in fold_stages(graph):
        if level == "stage":
            yield _stage_row(graph, stage)
            continue
        runs = stage.runs
        shown = runs if folded else tuple(Run((group,)) for group in unfold(runs))
        for run in shown:
            if level == "block":
                yield _block_row(graph, run)
            else:
                for position in range(len(run.first.layers)):
                    yield _layer_row(graph, run, position)


def _stage_row(graph: LayerGraph, folded: FoldedStage) -> SummaryRow:
    stage, runs = folded.stage.path, folded.runs
    last = runs[-1].groups[-1].layers[-1]
    return SummaryRow(
        path=stage,
        last=last.path,
        label=stage,
        kind="stage",
        op="",
        group=stage,
        runs=tuple(run.repeats for run in runs) if folded.stage.has_blocks else (),
        repeats=1,
        output=last.shape,
        cost=folded.cost(graph),
    )


def _block_row(graph: LayerGraph, run: Run) -> SummaryRow:
    last = run.groups[-1].layers[-1]
    return SummaryRow(
        path=run.first.path,
        last=last.path,
        label=run.span,
        kind="block" if run.first.is_block else "stage",
        op="",
        group=run.span,
        runs=(),
        repeats=run.repeats,
        output=last.shape,
        cost=run.cost(graph),
    )


def _layer_row(graph: LayerGraph, run: Run, position: int) -> SummaryRow:
    layer = run.first.layers[position]
    return SummaryRow(
        path=layer.path,
        last=run.groups[-1].layers[position].path,
        label=_layer_label(run, position),
        kind=layer.op.kind,
        op=describe(layer.op),
        group=run.span,
        runs=(),
        repeats=run.repeats,
        output=layer.shape,
        cost=layer_cost(graph, layer) * run.repeats,
    )


def _layer_label(run: Run, position: int) -> str:
    """Write the path of a layer, or of its repeats in a run: ``c4/block1-22/conv1``."""
    paths = [group.layers[position].path for group in run.groups]
    tails = {path.removeprefix(group.path) for path, group in zip(paths, run.groups, strict=True)}
    if len(paths) > 1 and len(tails) == 1:  # all are named after their blocks
        return run.span + tails.pop()
    return span(paths)
