"""The layer graph as JSON and back, and its fingerprint: what it is, whatever it is called."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rsinspect.base.errors import GraphError
from rsinspect.layers import ops
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.ops import Op

if TYPE_CHECKING:
    from rsinspect.layers.batch_norm import Folding

SCHEMA = "rsinspect.graph/1"
"""Version of the graph's JSON. 1: first; ``outputs``, the last layer if left out, joined later."""

COLUMNS = "rsinspect.graph/2"
"""The same graph as columns (``layers.columns``). 2: first."""

FINGERPRINT = "g1"
"""Version of the fingerprint, its first characters. It changes with the rule, never silently."""

_SAME_FUNCTION = {"silu": "swish", "hard_silu": "hard_swish"}
"""Two names of one nonlinearity: Keras writes ``silu`` where ``swish`` was asked for."""


def to_json(graph: LayerGraph) -> dict[str, Any]:
    """Write the graph as plain JSON values; ``from_json`` gives the same graph back."""
    return {
        "schema": SCHEMA,
        "name": graph.name,
        "outputs": list(graph.outputs),
        "layers": [
            {
                "path": layer.path,
                "op": layer.op.kind,
                "config": config_of(layer.op),
                "inputs": list(layer.inputs),
                "shape": list(layer.shape),
                **({"shares": layer.shares} if layer.shares is not None else {}),
                **({"frozen": True} if layer.frozen else {}),
            }
            for layer in graph.layers
        ],
    }


def folding_to_json(folding: Folding) -> dict[str, Any]:
    """Write what was folded into what as plain JSON values; ``records.folding_of`` reads it."""
    return {
        "folds": [fold._asdict() | {"op": config_of(fold.op)} for fold in folding.folds],
        "kept": [kept._asdict() for kept in folding.kept],
    }


def config_of(op: Op) -> dict[str, Any]:
    """Write the fields of an op as plain JSON values."""
    return {key: _plain(value) for key, value in op._asdict().items() if key != "kind"}


def _plain(value: Any) -> Any:
    """Write a field of an op as JSON has it: lists for tuples."""
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def from_json(document: dict[str, Any]) -> LayerGraph:
    """Read the graph that ``to_json`` wrote, or ``columns.to_columns``.

    Raises:
        GraphError: If the document is of another schema, incomplete or damaged.
    """
    from rsinspect.base.codec import Damaged  # a published name reads no document
    from rsinspect.layers.records import graph_of

    if not isinstance(document, dict):
        raise GraphError("a graph document is a JSON object")
    try:
        if document.get("schema") == COLUMNS:
            from rsinspect.layers.columns import to_rows

            document = to_rows(document)
        if document.get("schema") != SCHEMA:
            raise GraphError(f"schema {document.get('schema')!a:.60} is not {SCHEMA}")
        return graph_of(document)
    except Damaged as exc:
        raise GraphError(f"the document is damaged: {exc}") from exc


def fingerprint(graph: LayerGraph) -> str:
    """Identify a network by its wiring, ops, configuration and shapes, whatever the names.

    Equal for two graphs that differ only in paths, in the order of their layers, or in the order
    of the inputs of a sum or product; different for any other difference, training rates included.
    The same on every machine and in every release: a field that an op gains later is left out
    where it has its default, and of two names of one nonlinearity (``silu``, ``swish``) one counts.

    The rule, version ``g1``: each layer is a SHA-256 of its op, its non-default fields, its shape
    and the digests of what it reads (sorted where order does not matter), of the layer whose
    weights it shares and whether it is frozen, where it does and is; then of that and the
    sorted digests of its readers, from the end to the start. The fingerprint is the SHA-256 of all
    of these, sorted, and of the outputs' in order, cut to 128 bits.

    >>> from rsinspect.networks.resnet_rs import build_graph
    >>> from rsinspect.networks.spec import ResNetRSSpec
    >>> fingerprint(build_graph(ResNetRSSpec.variant(50)))
    'g1:f22e63fabeb0db4b7d91851c0fed87a4'
    """
    return graph.derived(_fingerprint)


def digests(graph: LayerGraph) -> dict[str, bytes]:
    """Identify each layer by what it is and where it stands in the wiring, by path.

    Layers of two graphs have one digest where a graph and all names in it cannot tell them apart.
    """
    return graph.derived(_digests)


def _digests(graph: LayerGraph) -> dict[str, bytes]:
    made: dict[str, bytes] = {}
    readers: dict[str, list[tuple[int, str]]] = {layer.path: [] for layer in graph}
    for layer in graph:
        read: Iterable[bytes] = [made[path] for path in layer.inputs]
        ordered = not isinstance(layer.op, ops.COMMUTATIVE)
        if not ordered:
            read = sorted(read)
        if layer.shares is not None:
            read = (*read, b"shares", made[layer.shares])
        if layer.frozen:
            read = (*read, b"frozen")
        made[layer.path] = _digest(_canonical(layer), *read)
        for position, path in enumerate(layer.inputs):
            readers[path].append((position if ordered else 0, layer.path))
    whole: dict[str, bytes] = {}
    for layer in reversed(graph.layers):
        uses = sorted(b"%d:" % position + whole[path] for position, path in readers[layer.path])
        whole[layer.path] = _digest(made[layer.path], *uses)
    return whole


def _fingerprint(graph: LayerGraph) -> str:
    whole = digests(graph)
    outputs = [whole[path] for path in graph.outputs]
    return f"{FINGERPRINT}:{_digest(*sorted(whole.values()), b'outputs', *outputs).hex()[:32]}"


def _canonical(layer: Layer) -> bytes:
    """Write a layer's op and shape, not its names, as bytes that stay the same across releases."""
    op = layer.op
    defaults = type(op)._field_defaults
    config = {
        key: one_function(value) if key in ("activation", "function") else value
        for key, value in op._asdict().items()
        if key != "kind" and (key not in defaults or value != defaults[key])
    }
    return _json([op.kind, config, layer.shape]).encode()


def one_function(name: Any) -> Any:
    """Write a nonlinearity by one of its names.

    >>> one_function("silu"), one_function("relu")
    ('swish', 'relu')
    """
    return _SAME_FUNCTION.get(name, name)


def _json(value: object) -> str:
    import json  # as for the digests

    return json.dumps(value, sort_keys=True)


def _digest(*parts: bytes) -> bytes:
    """Digest several strings, each with its length before it."""
    import hashlib  # OpenSSL takes milliseconds to load; a table for people needs no fingerprint

    digest = hashlib.sha256()
    for part in parts:
        digest.update(b"%d:" % len(part))
        digest.update(part)
    return digest.digest()
