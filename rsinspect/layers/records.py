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
from rsinspect.base.quantities import Finite, Name, Ratio, Share, Side
from rsinspect.layers import ops
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.ops import Op, TensorShape

MOST_LAYERS = 50_000
"""A thousand blocks, the most that are built, are 14,000."""

Shape = Annotated[tuple[Side, ...], Meta(min_length=1, max_length=4)]
Inputs = Annotated[tuple[Name, ...], Meta(max_length=64)]


@dataclass(frozen=True, slots=True)
class LayerRecord:
    """A layer as it is written."""

    path: Name
    op: str
    config: dict[str, Any]
    inputs: Inputs
    shape: Shape


@dataclass(frozen=True, slots=True)
class GraphRecord:
    """A graph as it is written; ``outputs`` joined later."""

    name: Name
    layers: Annotated[tuple[LayerRecord, ...], Meta(min_length=1, max_length=MOST_LAYERS)]
    outputs: Annotated[tuple[Name, ...], Meta(max_length=MOST_LAYERS)] = ()


_BOUNDED: dict[Any, Any] = {
    int: Side,
    float: Finite,
    str | None: Name | None,
    str: Name,
    TensorShape: Shape,
    tuple[float, ...]: tuple[Finite, ...],
}
"""What a field of an op can be, by its type."""

_NARROWER: dict[str, Any] = {
    "padding": Annotated[int, Meta(ge=0, le=2**24)],
    "momentum": Share,
    "rate": Share,
    "epsilon": Ratio,
    "variance": tuple[Ratio, ...],
}
"""Likewise, by its name, where the type does not say it."""


def _record(op: type[Any]) -> type[msgspec.Struct]:
    """Make the record of an op's numbers."""
    hints, defaults = typing.get_type_hints(op), op._field_defaults
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    for name in op._fields:
        if name == "kind":
            continue
        kind = hints[name]
        if kind in _BOUNDED:
            kind = _NARROWER.get(name, _BOUNDED[kind])
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
            Layer(layer.path, _op(layer, number), layer.inputs, TensorShape(*layer.shape))
            for number, layer in enumerate(read.layers)
        ),
        read.outputs,
    )


def _op(layer: LayerRecord, number: int) -> Op:
    where = f"graph.layers[{number}]"
    if layer.op not in _RECORDS:
        raise codec.Damaged(f"{where}.op is an unknown name {codec.brief(layer.op)}")
    record = codec.from_json(layer.config, _RECORDS[layer.op], f"{where}.config")
    values = {
        name: TensorShape(*value) if name == "shape" else value
        for name, value in msgspec.structs.asdict(record).items()
    }
    op: Op = ops.OPS[layer.op](**values)
    return op
