"""Graph to scene: what each view shows. The folded stages are the first one."""

from __future__ import annotations

from itertools import pairwise

from rsinspect.cost import Cost, layers_cost
from rsinspect.drawing.scene import Card, Direction, Edge, Part, Role, Scene
from rsinspect.errors import UnknownPicture
from rsinspect.fold import Run, fold_stages
from rsinspect.graph import (
    Add,
    AvgPool2D,
    Conv2D,
    Dense,
    Dropout,
    GlobalAvgPool,
    GlobalMaxPool,
    Group,
    Layer,
    LayerGraph,
)
from rsinspect.report import describe
from rsinspect.resnet_rs import build_graph
from rsinspect.spec import ResNetRSSpec, near
from rsinspect.units import count, percent

VIEWS = ("stages",)
CONVENTION = "paper"
ROLES: dict[str, Role] = {"input": "input", "stem": "stem", "head": "head"}
"""What a stage is to the picture; all others are stages of blocks."""


def view(spec: ResNetRSSpec, name: str = "stages", *, direction: Direction = "TB") -> Scene:
    """The scene of a view.

    Raises:
        UnknownPicture: If there is no such view or direction.
    """
    if name not in VIEWS:
        raise UnknownPicture(f"unknown view {name!r}", near(name, list(VIEWS)))
    if direction not in ("TB", "LR"):
        raise UnknownPicture(f"unknown direction {direction!r}", "TB or LR")
    return stages(spec, direction=direction)


def stages(spec: ResNetRSSpec, *, direction: Direction = "TB") -> Scene:
    """One card per stage; identical blocks are one part with a count."""
    graph = build_graph(spec)
    whole = layers_cost(graph, graph)
    cards = tuple(_card(graph, stage, runs, whole) for stage, runs in fold_stages(graph).items())
    edges = tuple(
        Edge(tail=tail.path, head=head.path, label=tail.subtitle) for tail, head in pairwise(cards)
    )
    flops = whole.flops(CONVENTION)
    layout = ", ".join(
        f"{stage} has {blocks} blocks"
        for stage, blocks in zip(spec.stages, spec.blocks, strict=True)
    )
    return Scene(
        name=spec.name,
        title=f"{spec.title}: {count(whole.params)} params, {count(flops)} FLOPs per image",
        description=(
            f"{spec.title}, from image to output: "
            f"{', '.join(card.title for card in cards)}. {layout}. "
            "Repeated blocks are identical and have weights of their own."
        ),
        caption=(
            "Derived from the layer graph. FLOPs: 2 per multiply-add plus global pooling, per "
            "image. Repeats are identical in op, configuration and shape; each has its own weights."
        ),
        direction=direction,
        cards=cards,
        edges=edges,
    )


def _card(graph: LayerGraph, stage: str, runs: tuple[Run, ...], whole: Cost) -> Card:
    cost = Cost.total(layers_cost(graph, run.first.layers) * run.repeats for run in runs)
    last = runs[-1].groups[-1].layers[-1]
    flops, params = cost.flops(CONVENTION), cost.params
    footer = ""
    if params:
        share = percent(flops / whole.flops(CONVENTION))
        footer = f"{count(params)} params, {count(flops)} FLOPs ({share})"
    return Card(
        path=stage,
        title=stage,
        subtitle=str(last.shape),
        role=ROLES.get(stage, "stage"),
        parts=tuple(_part(graph, run) for run in runs),
        footer=footer,
        tooltip=f"{stage}: output {last.shape}, {count(params)} params, {count(flops)} FLOPs",
    )


def _part(graph: LayerGraph, run: Run) -> Part:
    group = run.first
    if "/" not in group.path:
        return Part(path=group.path, title="", lines=_plain_lines(group))
    first = _block_input(graph, group)
    size = group.layers[-1].shape
    halves = (first.shape.height, first.shape.width) != (size.height, size.width)
    projection = any("/shortcut/" in layer.path for layer in group.layers)
    kind = "downsampling" if halves else "projection" if projection else "identity"
    number = run.span.rpartition("/block")[2]
    return Part(
        path=group.path,
        title=f"{kind} block{'s' if run.repeats > 1 else ''} {number}",
        repeats=run.repeats,
        lines=_block_lines(group),
    )


def _block_input(graph: LayerGraph, group: Group) -> Layer:
    """The layer whose output enters the block."""
    inside = {layer.path for layer in group.layers}
    return next(
        graph.layer(path) for layer in group.layers for path in layer.inputs if path not in inside
    )


def _block_lines(group: Group) -> tuple[str, ...]:
    """Residual branch, SE and shortcut of a block, a line each."""
    convs = [
        layer.op
        for layer in group.layers
        if isinstance(layer.op, Conv2D) and layer.path.count("/") == 2
    ]
    lines = [" → ".join(_short(op) for op in convs)]
    gates = [
        layer.op for layer in group.layers if isinstance(layer.op, Conv2D) and "/se/" in layer.path
    ]
    if gates:
        reduce, expand = gates
        lines.append(f"SE {reduce.in_channels} → {reduce.filters} → {expand.filters}")
    shortcut = [
        layer.op
        for layer in group.layers
        if "/shortcut/" in layer.path and isinstance(layer.op, Conv2D | AvgPool2D)
    ]
    joined = " → ".join(_short(op) if isinstance(op, Conv2D) else describe(op) for op in shortcut)
    if any(isinstance(layer.op, Add) for layer in group.layers):
        lines.append(f"shortcut: {joined or 'identity'}")
    return tuple(lines)


def _short(op: Conv2D) -> str:
    return describe(op).removeprefix("conv ")


def _plain_lines(group: Group) -> tuple[str, ...]:
    """The layers of a stem, head or input that a reader of the paper would list."""
    shown = [
        describe(layer.op)
        for layer in group.layers
        if isinstance(layer.op, Conv2D | Dense | Dropout | GlobalAvgPool | GlobalMaxPool)
        or layer.path.startswith("input/")
    ]
    return (" → ".join(text.removeprefix("conv ") for text in shown),)
