"""The records of a graph's JSON, by which it is read: what an op or a shape in a file can be.

Loaded when a file is read and not before: a published name needs none of it.
"""

from __future__ import annotations

import typing
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from rsinspect.base import codec
from rsinspect.base.errors import GraphError
from rsinspect.base.quantities import Finite, Name, Ratio, Share, Side, Text
from rsinspect.layers import ops
from rsinspect.layers.batch_norm import End, Fold, Folding, Kept
from rsinspect.layers.cost import weight_shapes
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.kernels import Weighted
from rsinspect.layers.ops import Op, TensorShape

MOST_LAYERS = 50_000
"""A thousand blocks, the most that are built, are 14,000."""

MOST_AXES = 8
"""Of a tensor, the batch left out."""

Shape = Annotated[tuple[Side, ...], Meta(max_length=MOST_AXES)]
View = Annotated[tuple[Annotated[int, Meta(ge=-1, le=2**24)], ...], Meta(max_length=MOST_AXES)]
Border = Annotated[int, Meta(ge=0, le=2**24)]
_TWO = Meta(min_length=2, max_length=2)
"""Said of a tuple of any length, because msgspec 0.22 crashes on ``Side | tuple[Side, Side]``."""
Sides = Side | Annotated[tuple[Side, ...], _TWO]
Ends = Annotated[tuple[Border, ...], _TWO]
Borders = Border | Annotated[tuple[Ends, ...], _TWO]
Weights = Annotated[tuple[Shape, ...], Meta(max_length=10_000)]
Inputs = Annotated[tuple[Name, ...], Meta(max_length=1000)]


@dataclass(frozen=True, slots=True)
class LayerRecord:
    """A layer as it is written."""

    path: Name
    op: str
    config: dict[str, Any]
    inputs: Inputs
    shape: Shape
    shares: Name | None = None
    frozen: bool = False


@dataclass(frozen=True, slots=True)
class GraphRecord:
    """A graph as it is written; ``outputs`` joined later."""

    name: Name
    layers: Annotated[tuple[LayerRecord, ...], Meta(min_length=1, max_length=MOST_LAYERS)]
    outputs: Annotated[tuple[Name, ...], Meta(max_length=MOST_LAYERS)] = ()


@dataclass(frozen=True, slots=True)
class FoldRecord:
    """A batch norm that became part of a layer, as it is written."""

    norm: Name
    into: Name
    op: dict[str, Any]
    end: End = "output"
    first: Border = 0


@dataclass(frozen=True, slots=True)
class KeptRecord:
    """A batch norm that stays, as it is written."""

    path: Name
    why: Text


@dataclass(frozen=True, slots=True)
class FoldingRecord:
    """What was folded into what, as it is written."""

    folds: Annotated[tuple[FoldRecord, ...], Meta(max_length=MOST_LAYERS)]
    kept: Annotated[tuple[KeptRecord, ...], Meta(max_length=MOST_LAYERS)]


_BOUNDED: dict[Any, Any] = {
    int: Side,
    float: Finite,
    float | None: Finite | None,
    str | None: Name | None,
    str: Name,
    TensorShape: Shape,
    ops.Sides: Sides,
    ops.Sides | None: Border | Ends | None,
    ops.Borders: Borders,
    float | tuple[float, ...]: Finite | tuple[Finite, ...],
    tuple[float, ...]: tuple[Finite, ...],
    tuple[int, ...]: Shape,
    tuple[tuple[int, ...], ...] | None: Weights | None,
}
"""What a field of an op can be, by its type."""

_NARROWER: dict[str, Any] = {
    "momentum": Share,
    "rate": Share,
    "epsilon": Ratio,
    "variance": tuple[Ratio, ...],
    "adapted": Border,
    "constants": Border,
    "position": Border,
    "axis": Annotated[int, Meta(ge=-MOST_AXES, le=MOST_AXES)],
    "Reshape.shape": View,
}
"""Likewise, by its name, where the type does not say it."""

_GEOMETRY = ("kernel", "stride", "dilation", "size", "padding", "cropping", "output_padding")
"""Fields with sides or borders."""


def _record(op: type[Any]) -> type[msgspec.Struct]:
    """Make the record of an op's numbers."""
    hints, defaults = typing.get_type_hints(op), op._field_defaults
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    for name in op._fields:
        if name == "kind":
            continue
        kind = hints[name]
        if kind in _BOUNDED:
            narrower = _NARROWER.get(f"{op.__name__}.{name}") or _NARROWER.get(name)
            kind = narrower or _BOUNDED[kind]
        fields.append((name, kind, defaults[name]) if name in defaults else (name, kind))
    return msgspec.defstruct(op.__name__, fields, frozen=True, forbid_unknown_fields=True)


_RECORDS = {name: _record(op) for name, op in ops.OPS.items()}


def graph_of(document: object) -> LayerGraph:
    """Make the graph that a document describes.

    Raises:
        Damaged: If a key is missing, or is what it cannot be.
        GraphError: If the layers do not fit together.
    """
    codec.check_numbers(document, "graph")
    read = codec.from_json(document, GraphRecord, "graph")
    return LayerGraph(
        read.name,
        tuple(
            Layer(
                layer.path,
                _op(layer.op, layer.config, f"graph.layers[{number}]"),
                layer.inputs,
                TensorShape(*layer.shape),
                layer.shares,
                layer.frozen,
            )
            for number, layer in enumerate(read.layers)
        ),
        read.outputs,
    )


def folding_of(document: object, graph: LayerGraph) -> Folding:
    """Make what a document says of the folded batch norms of a graph.

    Raises:
        Damaged: If a key is missing, or is what it cannot be.
        GraphError: If the layers that it names are none of the graph's.
    """
    codec.check_numbers(document, "folding")
    read = codec.from_json(document, FoldingRecord, "folding")
    folds = []
    for number, fold in enumerate(read.folds):
        op = _op("BatchNorm", fold.op, f"folding.folds[{number}]")
        assert isinstance(op, ops.BatchNorm)
        if fold.into not in graph or not _takes(graph.layer(fold.into).op, op, fold):
            raise GraphError(f"{fold.norm} cannot have been folded into {fold.into}")
        folds.append(Fold(fold.norm, fold.into, op, fold.end, fold.first))
    return Folding(tuple(folds), tuple(Kept(kept.path, kept.why) for kept in read.kept))


def _takes(into: Op, norm: ops.BatchNorm, fold: FoldRecord) -> bool:
    """Tell whether a norm of so many channels can have become part of a layer."""
    if not isinstance(into, Weighted) or not into.use_bias:
        return False
    if fold.end == "output":
        (outputs,) = weight_shapes(into)[-1]
        return fold.first + outputs <= norm.channels
    inputs = into.channels if isinstance(into, ops.DepthwiseConv2D) else into.in_channels
    return not isinstance(into, ops.Conv2DTranspose) and inputs == norm.channels


def _op(name: str, config: object, where: str) -> Op:
    if name not in _RECORDS:
        raise codec.Damaged(f"{where}.op is an unknown name {codec.brief(name)}")
    record = codec.from_json(config, _RECORDS[name], f"{where}.config")
    values = {
        name: TensorShape(*value)
        if name == "shape"
        else _alike(value)
        if name in _GEOMETRY
        else value
        for name, value in msgspec.structs.asdict(record).items()
    }
    op: Op = ops.OPS[name](**values)
    return op


def _alike(value: Any) -> Any:
    """Write equal sides or borders as the one number that an op has for them."""
    match value:
        case (int() as height, int() as width):
            return ops.sides(height, width)
        case ((int(), int()) as rows, (int(), int()) as columns):
            return ops.borders(rows, columns)
        case _:
            return value
