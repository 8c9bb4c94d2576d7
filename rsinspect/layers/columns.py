"""The layer graph as columns: what many layers share stands once, a layer by its place.

A tenth of the size of ``layers.document``, and of the same content. Any program can read it:

    {"schema": "rsinspect.graph/2", "name": ..., "outputs": [place of a layer, ...],
     "ops": [{"op": "Conv2D", "config": {...}}, ...], "shapes": [[height, width, channels], ...],
     "boxes": ["c2/block0/", ...], "names": ["conv1", ...],
     "layers": {"box": [place in boxes], "name": [place in names], "op": [place in ops],
                "shape": [place in shapes], "inputs": [[how far before it is what it reads], ...]},
     "shares": {path: path of the layer whose weights it has}, "frozen": [path, ...]}

The path of a layer is its box and its name, one behind the other; in ``inputs`` 1 is the layer
before.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

from msgspec import Meta

from rsinspect.base import codec
from rsinspect.base.codec import Damaged
from rsinspect.base.quantities import Count
from rsinspect.layers import document
from rsinspect.layers.graph import LayerGraph

T = TypeVar("T", bound=Hashable)

_MOST = Meta(max_length=50_000)
"""Layers of a graph that is read (``records.MOST_LAYERS``)."""


def to_columns(graph: LayerGraph) -> dict[str, Any]:
    """Write the graph as columns of plain JSON values; ``to_rows`` reads them."""
    ops = {repr(layer.op): layer.op for layer in graph}  # 1 and 1.0 are equal, and told apart
    shapes = dict.fromkeys(layer.shape for layer in graph)
    of_op, of_shape = _places(ops), _places(shapes)
    parts = [_parts(layer.path) for layer in graph]
    of_box, of_name = _places(box for box, _ in parts), _places(name for _, name in parts)
    of_path = _places(layer.path for layer in graph)
    return {
        "schema": document.COLUMNS,
        "name": graph.name,
        "outputs": [of_path[path] for path in graph.outputs],
        "ops": [{"op": op.kind, "config": document.config_of(op)} for op in ops.values()],
        "shapes": [list(shape) for shape in shapes],
        "boxes": list(of_box),
        "names": list(of_name),
        "layers": {
            "box": [of_box[box] for box, _ in parts],
            "name": [of_name[name] for _, name in parts],
            "op": [of_op[repr(layer.op)] for layer in graph],
            "shape": [of_shape[layer.shape] for layer in graph],
            "inputs": [
                [at - of_path[path] for path in layer.inputs] for at, layer in enumerate(graph)
            ],
        },
        "shares": {layer.path: layer.shares for layer in graph if layer.shares is not None},
        "frozen": [layer.path for layer in graph if layer.frozen],
    }


def _places(values: Iterable[T]) -> dict[T, int]:
    """Number values in the order in which they first come."""
    return {value: place for place, value in enumerate(dict.fromkeys(values))}


def _parts(path: str) -> tuple[str, str]:
    """Divide a path into what a layer is in and its name there."""
    box, slash, name = path.rpartition("/")
    return box + slash, name


@dataclass(frozen=True, slots=True)
class _Op:
    op: str
    config: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Layers:
    box: Annotated[tuple[Count, ...], _MOST]
    name: Annotated[tuple[Count, ...], _MOST]
    op: Annotated[tuple[Count, ...], _MOST]
    shape: Annotated[tuple[Count, ...], _MOST]
    inputs: Annotated[tuple[tuple[Count, ...], ...], _MOST]


@dataclass(frozen=True, slots=True)
class _Columns:
    name: str
    outputs: tuple[Count, ...]
    ops: tuple[_Op, ...]
    shapes: tuple[list[Any], ...]
    boxes: tuple[str, ...]
    names: tuple[str, ...]
    layers: _Layers
    shares: dict[str, str] = field(default_factory=dict)
    frozen: tuple[str, ...] = ()


def to_rows(columns: object) -> dict[str, Any]:
    """Write what ``to_columns`` wrote as ``document.to_json`` writes the same graph.

    Raises:
        Damaged: If a column is missing, shorter than another, or names a place that is not there.
    """
    read = codec.from_json(columns, _Columns, "graph")
    layers, frozen = read.layers, set(read.frozen)
    try:
        paths = [
            read.boxes[box] + read.names[name]
            for box, name in zip(layers.box, layers.name, strict=True)
        ]
        rows = [
            {
                "path": path,
                "op": read.ops[op].op,
                "config": read.ops[op].config,
                "inputs": [paths[_before(at, far)] for far in inputs],
                "shape": read.shapes[shape],
                **({"shares": read.shares[path]} if path in read.shares else {}),
                **({"frozen": True} if path in frozen else {}),
            }
            for at, (path, op, shape, inputs) in enumerate(
                zip(paths, layers.op, layers.shape, layers.inputs, strict=True)
            )
        ]
        outputs = [paths[place] for place in read.outputs]
    except IndexError:
        raise Damaged("the graph names a place beyond the end of a column") from None
    except ValueError:
        raise Damaged("the columns of the graph have different lengths") from None
    return {"schema": document.SCHEMA, "name": read.name, "outputs": outputs, "layers": rows}


def _before(place: int, far: int) -> int:
    """Find the place of a layer that stands before another.

    Raises:
        IndexError: If there is none.
    """
    if far > place:
        raise IndexError
    return place - far
