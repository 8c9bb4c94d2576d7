"""The network of whatever a person at a notebook has."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rsinspect.base.errors import InvalidSpec
from rsinspect.base.limits import SIDE
from rsinspect.base.words import shown
from rsinspect.networks.network import Network, at_size, folded, from_graph

Model = Any
"""MODEL text, a depth, a ``Network`` or a ``keras.Model``."""


def network(
    model: Model,
    *,
    resolution: int | tuple[int, int] | None = None,
    fold_batch_norm: bool = False,
) -> Network:
    """Make the network that ``model`` means.

    Args:
        model: MODEL text such as ``"101"``, ``"152@224"``, ``"ResNetRS101"``, ``"resnet50"``,
            ``"101:article"`` or ``"200:resnet+se"`` (``networks.grammar.parse_model``), a network
            of keras.applications, ``"EfficientNetB0@260"``, which Keras builds once in a process
            of its own, code that is run in one, ``"train.py:make_model"``, the path of a file
            with a network (``my.keras``, ``my.h5``, ``config.json``, ``.json``) or the text that
            ``model.to_json()`` gives, a depth as a number, a ``ResNetRSSpec``, a ``LayerGraph``, a
            ``Network``, or a live functional or Sequential ``keras.Model``.
        resolution: Image side or (height, width) to make it at, where its layers can take that;
            its own by default. Text that names another size is refused.
        fold_batch_norm: Whether each batch norm becomes part of the layer beside it, for inference,
            where that is exact; ``folding`` of the network says what became of them. A live model
            is folded, weights and all, by ``rsinspect.fold_batch_norm``.

    Raises:
        SpecError: If text names no network.
        WeightsError: If a file of Keras's is damaged, hostile or holds no model.
        BackendUnavailable: If Keras has to build it, and Keras or its backend is not here.
        ModelBuildError: If Keras or the code that is named makes no such model.
        GraphError: If a Keras model has a layer that a graph does not describe.

    >>> import rsinspect
    >>> rsinspect.network("152@224").title
    'ResNet-RS-152 @ 224×224'
    """
    made = _made(model, sides_of(resolution))
    return folded(made) if fold_batch_norm else made


def _made(model: Model, size: tuple[int, int] | None) -> Network:
    from rsinspect.layers.graph import LayerGraph
    from rsinspect.networks import named
    from rsinspect.networks.network import resnet_rs
    from rsinspect.networks.spec import ResNetRSSpec

    if isinstance(model, bool):
        raise InvalidSpec(f"{model} is not a model", "write a depth, 50, or a name, '152@224'")
    if isinstance(model, int):
        return resnet_rs(ResNetRSSpec.variant(model, resolution=size))
    if isinstance(model, str | Path):
        text = str(model)
        if text.lstrip()[:1] == "{":
            return named.from_text(text.encode(errors="replace"), "the text", size)
        return named.network(text, resolution=size)
    if isinstance(model, Network):
        return at_size(model, size)
    if isinstance(model, LayerGraph):
        return at_size(from_graph(model), size)
    if isinstance(model, ResNetRSSpec):
        return at_size(resnet_rs(model), size)
    return _from_keras(model, size)


def sides_of(resolution: int | Sequence[int] | None) -> tuple[int, int] | None:
    """Make (height, width) of one side or of both.

    Raises:
        InvalidSpec: If it is neither.
    """
    if resolution is None:
        return None
    sides = (resolution, resolution) if isinstance(resolution, int) else resolution
    if not isinstance(sides, list | tuple) or len(sides) != 2:
        raise InvalidSpec(
            f"{shown(resolution)} is not a resolution", "give a side, 224, or (height, width)"
        )
    for side in sides:
        SIDE.check(side, InvalidSpec)
    height, width = sides
    return height, width


def _from_keras(model: Any, resolution: tuple[int, int] | None) -> Network:
    from rsinspect.networks.keras_live import from_keras_model, is_keras_model

    if not is_keras_model(model):
        raise InvalidSpec(
            f"a {type(model).__name__} is not a model",
            "give MODEL text such as '152@224', a rsinspect.Network or a keras.Model",
        )
    return from_keras_model(model, resolution)
