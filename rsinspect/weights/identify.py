"""Which network a weight file belongs to: the one it is meant for, or else a known one.

A file is compared with the graph, array by array, before a model is built, so a wrong file is
refused in milliseconds with a clear message: which network it holds, not which tensor failed first.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path
from typing import assert_never

from rsinspect import paper
from rsinspect.base.errors import WeightsError
from rsinspect.base.units import dimensions
from rsinspect.layers import ops
from rsinspect.layers.cost import weight_shapes
from rsinspect.layers.graph import Layer
from rsinspect.layers.ops import Op
from rsinspect.networks.dialects import DIALECTS
from rsinspect.networks.network import Network
from rsinspect.networks.resnet_rs import build_graph
from rsinspect.networks.spec import ResNetRSSpec
from rsinspect.weights.contents import KERAS_2, Contents, Shapes, layout_of, read_contents
from rsinspect.weights.order import weight_order

Expected = list[tuple[Layer, str | None, Shapes]]
"""Layers with weights in file order, the name each must have there (None for any), and shapes."""


def check(path: Path, network: Network) -> None:
    """Refuse a weight file that is damaged or belongs to another network.

    Args:
        path: The file.
        network: What it is meant for.

    Raises:
        WeightsError: With the first layer that differs and, where the file is recognised, a hint
            at the network it holds.
    """
    expected = _expected(path, network)
    contents = read_contents(path)
    if _first_difference(expected, contents) is None and len(expected) == len(contents):
        return
    message = f"{path} does not fit {network.name}: {_difference(expected, contents)}"
    raise WeightsError(message, recognised(contents))


def _expected(path: Path, network: Network) -> Expected:
    layers = weight_order(network.graph)
    if layout_of(path) in KERAS_2:
        return [(layer, None, weight_shapes(layer.op)) for layer in layers]
    seen: Counter[str] = Counter()
    expected: Expected = []
    for layer in layers:
        kind = _class_name(layer.op)
        name = f"{kind}_{seen[kind]}" if seen[kind] else kind
        seen[kind] += 1
        expected.append((layer, name, weight_shapes(layer.op)))
    return expected


def _class_name(op: Op) -> str:
    """Name a layer as Keras 3 files do, before the running number: by its class."""
    match op:
        case ops.Conv2D():
            return "conv2d"
        case ops.BatchNorm():
            return "batch_normalization"
        case ops.Dense():
            return "dense"
        case (
            ops.Input() | ops.Rescaling() | ops.Normalization() | ops.ZeroPad2D()
            | ops.Activation() | ops.AvgPool2D() | ops.MaxPool2D() | ops.GlobalAvgPool()
            | ops.GlobalMaxPool() | ops.Reshape() | ops.Multiply() | ops.DropPath() | ops.Add()
            | ops.Dropout()
        ):  # fmt: skip
            raise ValueError(f"a {op.kind} layer has no weights")
        case _:
            assert_never(op)


def _first_difference(
    expected: Expected, contents: Contents
) -> tuple[Layer, Shapes, Shapes] | None:
    """Find the first layer whose arrays differ: it, its shapes, the file's (empty for none)."""
    named = dict(contents)
    for number, (layer, name, ours) in enumerate(expected):
        if name is None:
            theirs = contents[number][1] if number < len(contents) else ()
        else:
            theirs = named.get(name, ())
        if theirs != ours:
            return layer, ours, theirs
    return None


def _difference(expected: Expected, contents: Contents) -> str:
    if len(expected) != len(contents):
        return f"it has {len(contents)} layers with weights, the network {len(expected)}"
    different = _first_difference(expected, contents)
    assert different is not None
    layer, ours, theirs = different
    return f"at {layer.path} the network has {_text(ours)}, the file {_text(theirs)}"


def _text(shapes: Shapes) -> str:
    return ", ".join(dimensions(shape) or "a scalar" for shape in shapes) or "nothing"


@cache
def _known_bodies() -> tuple[tuple[ResNetRSSpec, Counter[tuple[int, ...]]], ...]:
    """Count the weights of every published depth in every dialect, without a classifier."""
    specs = [
        ResNetRSSpec.variant(depth, dialect=dialect, include_top=False)
        for dialect in DIALECTS
        for depth in paper.variants()
    ]
    return tuple(
        (spec, Counter(shape for layer in build_graph(spec) for shape in weight_shapes(layer.op)))
        for spec in specs
    )


def recognised(contents: Contents) -> str | None:
    """Name the network that the arrays of a file belong to, as a hint; None for an unknown one."""
    arrays = Counter(shape for _, shapes in contents for shape in shapes)
    for spec, body in _known_bodies():
        if body - arrays:
            continue
        head = sorted((arrays - body).elements(), key=len)
        dialect = "" if spec.dialect.name == "keras" else f" of the {spec.dialect.name} dialect"
        if not head:
            return f"the file is a {spec.name} without top{dialect}"
        if len(head) == 2 and len(head[0]) == 1 and len(head[1]) == 2:
            return f"the file is a {spec.name} with {head[0][0]} classes{dialect}"
    return None
