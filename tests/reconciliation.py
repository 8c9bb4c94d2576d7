"""Whether a network and a Keras model are the same, layer by layer, then in total."""

from __future__ import annotations

from typing import Any

from rsinspect.base.units import dimensions
from rsinspect.keras_model.backend import keras
from rsinspect.keras_model.build import keras_names
from rsinspect.layers import ops
from rsinspect.layers.cost import layer_cost, weight_shapes
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.map_layout import CHANNELS_FIRST, CHANNELS_LAST, TURNED, Layout, lying
from rsinspect.networks.network import Network


class ReconciliationError(AssertionError):
    """Graph and Keras model disagree; the message names the first path that differs."""


def reconcile(network: Network, model: keras.Model, layout: Layout = CHANNELS_LAST) -> None:
    """Check that network and Keras model are the same, layer by layer, then in total.

    Compared are the layers themselves, by path, their output shapes (where the model's are open,
    such as the height of a model for any image, they agree with all) and the shapes of their
    weights; then trainable and non-trainable params.

    Args:
        network: One side.
        model: The other side, with the network's names for its layers.
        layout: The model's: with channels first its maps may lie either way, and it may have
            layers that do nothing but turn them round.

    Raises:
        ReconciliationError: At the first path of the graph, in its order, that differs; then at
            the first layer of the model that the graph lacks; then if a total differs.
    """
    by_name = {layer.name: layer for layer in model.layers}
    one_image = len(network.graph.inputs) == len(model.inputs) == 1
    names = keras_names(network)
    for layer in network.graph:
        if layer.shares is not None and weight_shapes(layer.op):
            continue
        name = names[layer.path]
        found = by_name.pop(name, None)
        if found is None and isinstance(layer.op, ops.Input) and one_image:
            found = by_name.pop(model.inputs[0]._keras_history.operation.name, None)
        if found is None:
            raise ReconciliationError(f"{layer.path}: the Keras model has no layer {name}")
        _same_layer(layer, found, layout)
    extra = next((name for name, x in by_name.items() if not _turns(x, layout)), None)
    if extra is not None:
        raise ReconciliationError(f"the Keras model has a layer the graph lacks: {extra}")
    _same_totals(network.graph, model)


def _turns(layer: Any, layout: Layout) -> bool:
    """Tell whether a layer of a model of channels first does nothing but turn a map round."""
    turns = layout == CHANNELS_FIRST and isinstance(layer, keras.layers.Permute)
    return turns and tuple(layer.dims) in TURNED.values()


def _same_layer(layer: Layer, found: Any, layout: Layout) -> None:
    shape = tuple(found.output.shape[1:])
    if not any(_agree(shape, lying(layer.shape, each)) for each in (CHANNELS_LAST, layout)):
        raise ReconciliationError(
            f"{layer.path}: output {layer.shape} in the graph, "
            f"{dimensions(shape)} in the Keras model"
        )
    expected = weight_shapes(layer.op)
    weights = tuple(tuple(weight.shape) for weight in found.weights)
    if weights != expected:
        raise ReconciliationError(
            f"{layer.path}: weights {_shapes(expected)} in the graph, "
            f"{_shapes(weights)} in the Keras model"
        )


def _shapes(shapes: tuple[tuple[int, ...], ...]) -> str:
    return ", ".join(dimensions(shape) for shape in shapes) or "none"


def _same_totals(graph: LayerGraph, model: keras.Model) -> None:
    costs = [layer_cost(graph, layer) for layer in graph]
    # A layer frozen by its user counts as non-trainable in Keras; the sum stays.
    expected = sum(cost.params for cost in costs)
    counted = model.count_params()
    if counted != expected:
        raise ReconciliationError(
            f"{graph.name}: {expected} params in the graph, {counted} in the Keras model"
        )


def _agree(shape: tuple[int | None, ...], expected: tuple[int, ...]) -> bool:
    """Tell whether a Keras shape is the graph's, wherever Keras knows it."""
    return len(shape) == len(expected) and all(
        known in (None, side) for known, side in zip(shape, expected, strict=True)
    )
