"""The layer graph as JSON, and back."""

from __future__ import annotations

from typing import Any

from rsinspect.base.errors import GraphError
from rsinspect.layers import ops
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.ops import TensorShape

SCHEMA = "rsinspect.graph/1"
"""Version of the graph's JSON. 1: first."""


def to_json(graph: LayerGraph) -> dict[str, Any]:
    """The graph as plain JSON values; ``from_json`` gives the same graph back."""
    return {
        "schema": SCHEMA,
        "name": graph.name,
        "layers": [
            {
                "path": layer.path,
                "op": layer.op.kind,
                "config": {k: v for k, v in layer.op._asdict().items() if k != "kind"},
                "inputs": list(layer.inputs),
                "shape": list(layer.shape),
            }
            for layer in graph.layers
        ],
    }


def from_json(document: dict[str, Any]) -> LayerGraph:
    """A graph from what ``to_json`` gave.

    Raises:
        GraphError: If the document is of another schema or incomplete.
    """
    if document.get("schema") != SCHEMA:
        raise GraphError(f"schema {document.get('schema')!r} is not {SCHEMA}")
    try:
        return LayerGraph(
            document["name"],
            tuple(
                Layer(
                    row["path"],
                    _op_from_json(row["op"], row["config"]),
                    tuple(row["inputs"]),
                    TensorShape(*row["shape"]),
                )
                for row in document["layers"]
            ),
        )
    except (KeyError, TypeError, ValueError) as exc:
        raise GraphError(f"the graph document is damaged: {exc}") from exc


def _op_from_json(name: str, config: dict[str, Any]) -> ops.Op:
    values = {
        key: (TensorShape(*value) if key == "shape" else tuple(value))
        if isinstance(value, list | tuple)
        else value
        for key, value in config.items()
    }
    op: ops.Op = ops.OPS[name](**values)
    return op
