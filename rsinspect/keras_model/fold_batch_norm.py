"""A live Keras model with its batch norms folded, for inference.

The model is copied layer by layer from the configurations of its layers, models inside it too, so
that it keeps what no layer graph describes. Which norm goes into which layer is decided by its
graph (``layers.batch_norm``).
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

from rsinspect.base.errors import FoldingWarning, ModelBuildError
from rsinspect.base.words import quoted
from rsinspect.keras_model.backend import keras, require_model
from rsinspect.keras_model.folded_weights import Norm, folded_weights, folds_by_layer
from rsinspect.keras_model.load import assign
from rsinspect.keras_model.tensors import misplaces_bias
from rsinspect.layers import ops
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.kernels import Weighted
from rsinspect.layers.map_layout import CHANNELS_FIRST
from rsinspect.layers.ops import TensorShape
from rsinspect.networks.keras_live import configuration_of
from rsinspect.networks.network import Network, folded

ANY_SIZE = (256, 256)
"""Stands for the size of a model for images of any; which norms can be folded is the same."""


def fold_batch_norm(model: keras.Model) -> keras.Model:
    """Copy a model with each batch norm folded into a convolution or dense layer beside it.

    In inference the copy gives what the model gives, up to rounding, with fewer layers and less
    memory traffic. It is not for training. The model itself stays as it is.

    Args:
        model: Functional or Sequential, with its weights; models may be inside it. It may be
            compiled, the copy is not.

    Returns:
        A model of the same inputs, outputs and layer names, without the norms that were folded.

    Raises:
        ModelBuildError: If this is no Keras 3 model, a layer cannot be copied, or Keras would add
            a bias in the wrong place (channels first on TensorFlow, where maps can be as wide as
            they have channels).
        GraphError: If the model is subclassed, or leaves a shape open.

    Where norms stay, because folding them would not be exact, a ``FoldingWarning`` says how many
    and why: one behind a sum or an activation, one that is called with ``training=True``. Which
    they are is told by ``rsinspect.network(model, fold_batch_norm=True).folding.kept``.

    >>> import keras
    >>> conv = keras.layers.Conv2D(4, 3, use_bias=False, name="conv")
    >>> norm = keras.layers.BatchNormalization()
    >>> model = keras.Sequential([keras.Input((8, 8, 3)), conv, norm])
    >>> [layer.name for layer in fold_batch_norm(model).layers], model.count_params()
    (['conv'], 124)
    """
    require_model(model)
    shapes = [tensor.shape[1:] for tensor in getattr(model, "inputs", None) or ()]
    is_open = any(None in shape for shape in shapes)
    read = configuration_of(model).network(ANY_SIZE if is_open else None)
    network = folded(replace(read, graph=_with_shared_objects(model, read)))
    folding = network.folding
    assert folding is not None
    if folding.kept or not folding.folds:
        warnings.warn(f"{model.name}: {folding.sentence()}", FoldingWarning, stacklevel=2)
    return _Copy(model, network).made()


def _with_shared_objects(model: keras.Model, network: Network) -> LayerGraph:
    """Say in the graph which layers are one object, where the configuration does not tell.

    One layer may stand in two models that are inside the model.
    """
    first: dict[int, str] = {}
    layers = []
    for layer in network.graph:
        if layer.shares is None and isinstance(layer.op, Weighted | ops.BatchNorm):
            owner = first.setdefault(id(_layer(model, network.names[layer.path])), layer.path)
            if owner != layer.path:
                layer = layer._replace(shares=owner)
        layers.append(layer)
    return LayerGraph(network.graph.name, tuple(layers), network.graph.outputs)


class _Copy:
    """A model on its way to a copy of it.

    Args:
        model: What is copied.
        network: What it is when its norms are folded.
    """

    def __init__(self, model: keras.Model, network: Network) -> None:
        self._model = model
        self._copies: dict[int, Any] = {}
        self._originals: list[tuple[Any, Any]] = []  # layer, copy
        folds = folds_by_layer(network.folding)

        def found(path: str) -> keras.Layer:
            return _layer(model, network.names[path])

        self._folded = {
            id(found(path)): (network.graph.layer(path).op, [(x, found(x.norm)) for x in own])
            for path, own in folds.items()
        }
        for path in folds:
            _check_bias(found(path), network.graph.layer(path), model)
        self._gone = {id(norm) for _, norms in self._folded.values() for _, norm in norms}

    def made(self) -> keras.Model:
        """Make the copy, weights and all.

        Raises:
            ModelBuildError: If a layer cannot be copied.
        """
        copy = self._copy(self._model)
        for layer, made in self._originals:
            if id(layer) in self._folded:
                op, folds = self._folded[id(layer)]
                norms = [Norm(fold, norm.get_weights()) for fold, norm in folds]
                assign(made, folded_weights(op, layer.get_weights(), norms))
            elif layer.weights:
                assign(made, layer.get_weights())
        return copy

    def _copy(self, layer: Any) -> Any:
        """Copy a layer, a model or an operation, once."""
        if id(layer) not in self._copies:
            self._copies[id(layer)] = self._copied(layer)
        return self._copies[id(layer)]

    def _copied(self, layer: Any) -> Any:
        if isinstance(layer, keras.Sequential) and layer.built:
            parts = [each for each in layer.layers if id(each) not in self._gone]
            if parts:
                given = layer.inputs[0]
                first = keras.Input(
                    batch_shape=given.shape,
                    dtype=given.dtype,
                    name=given._keras_history.operation.name,
                )
                return keras.Sequential([first, *map(self._copy, parts)], name=layer.name)
        if isinstance(layer, keras.Model) and getattr(layer, "inputs", None):
            return keras.models.clone_model(
                keras.Model(layer.input, layer.output, name=layer.name),  # not compiled
                clone_function=self._copy,
                call_function=self._call,
            )
        if id(layer) in self._gone:
            return layer  # it is not called
        return self._from_config(layer)

    def _from_config(self, layer: Any) -> Any:
        """Make a layer of the configuration of another, with a bias where a norm needs one."""
        try:
            config = layer.get_config()
            if id(layer) in self._folded:
                config["use_bias"] = True
            made = type(layer).from_config(config)
        except (TypeError, ValueError, NotImplementedError, KeyError) as exc:
            raise ModelBuildError(
                f"{quoted(layer.name)}, a {type(layer).__name__}, cannot be copied: its "
                "configuration does not make such a layer again",
                "give its class a get_config() with all arguments of its __init__",
            ) from exc
        if isinstance(layer, keras.Layer):
            self._originals.append((layer, made))
        return made

    def _call(self, layer: Any, *args: Any, **kwargs: Any) -> Any:
        """Call a copy; a norm that is gone gives what it is given."""
        if id(layer) in self._gone:
            return args[0]
        return layer(*args, **kwargs)


def _check_bias(layer: keras.Layer, folded_layer: Layer, model: keras.Model) -> None:
    """Refuse a bias of channels first that Keras would add along the width."""
    if getattr(layer, "data_format", None) != CHANNELS_FIRST:
        return
    op, shape = folded_layer.op, folded_layer.shape
    if any(None in tensor.shape[1:] for tensor in model.inputs):  # some size will be as wide
        shape = TensorShape(shape.height, shape.channels, shape.channels)
    if misplaces_bias(op, shape):
        raise ModelBuildError(
            f"{quoted(layer.name)} would need a bias, which Keras on TensorFlow adds along the "
            "width where a map with the channels first is as wide as it has channels",
            "build the model with channels_last, or fold it on JAX or PyTorch",
        )


def _layer(model: keras.Model, name: str) -> keras.Layer:
    """Look up a layer by its name, after those of the models around it."""
    for part in name.split("/"):
        model = model.get_layer(part)
    return model
