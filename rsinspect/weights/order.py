"""The order in which Keras lists the layers with weights, worked out from the graph alone.

Keras walks a model from its outputs along *first* inputs, recursing, and lists layers of equal
depth in the order of that walk; weight files are read in that order. So it matters in which order
an addition is given its inputs. An identity shortcut comes first, which keeps the walk shallow
enough for depth 420 at Python's default recursion limit; a projection comes last, as in Keras 2:
with the projection first the published files of depths 50, 101 and 152 do not fit, because
``c2/block0/shortcut/conv`` comes before ``c2/block0/se/expand``.
"""

from __future__ import annotations

from rsinspect.layers import ops
from rsinspect.layers.cost import weight_shapes
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.structure import structure_of

_TURN = {"identity": 0, "flow": 1, "gate": 1, "projection": 2}
"""What an addition is given first, by what comes in."""


def call_order(graph: LayerGraph, layer: Layer) -> tuple[str, ...]:
    """Order the inputs of a layer as Keras is given them (see the top of this file)."""
    if not isinstance(layer.op, ops.Add):
        return layer.inputs
    structure = structure_of(graph)
    positions = sorted(
        range(len(layer.inputs)), key=lambda index: _TURN[structure.carries(layer, index)]
    )
    return tuple(layer.inputs[index] for index in positions)


def weight_order(graph: LayerGraph) -> tuple[Layer, ...]:
    """Order the layers with weights as Keras lists them in the built model.

    That is the order of ``.h5`` files: by longest distance from the outputs, farthest first, and at
    equal distance by Keras's walk. Layers that no output needs are in no model, and left out.

    >>> from rsinspect.networks.resnet_rs import build_graph
    >>> from rsinspect.networks.spec import ResNetRSSpec
    >>> order = [layer.path for layer in weight_order(build_graph(ResNetRSSpec.variant(50)))]
    >>> order[14:17]
    ['c2/block0/se/reduce', 'c2/block0/se/expand', 'c2/block0/shortcut/conv']
    """
    turn: dict[str, int] = {}
    ahead = list(reversed(graph.outputs))
    while ahead:
        path = ahead.pop()
        if path not in turn:
            turn[path] = len(turn)
            ahead.extend(reversed(call_order(graph, graph.layer(path))))
    distance = dict.fromkeys(turn, 0)
    for layer in reversed(graph.layers):
        if layer.path in turn:
            for path in layer.inputs:
                distance[path] = max(distance[path], distance[layer.path] + 1)
    return tuple(
        sorted(
            (layer for layer in graph if layer.path in turn and weight_shapes(layer.op)),
            key=lambda layer: (-distance[layer.path], turn[layer.path]),
        )
    )
