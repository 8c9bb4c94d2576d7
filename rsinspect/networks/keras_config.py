"""A network from a Keras model's configuration: plain JSON values, read without Keras.

``model.get_config()`` of a functional or Sequential model tells every layer, its numbers and what
it reads; a ``.keras`` or ``.h5`` file and ``model.to_json()`` hold the same. Nothing from it is
imported or run: a class is looked up by name in a closed table (``keras_layers``, ``keras_ops``).
What no op describes is an opaque layer (``keras_walk``).

A model in a model is inlined: its layers are called ``outer/inner``. What is called once more is
called ``name.2`` and shares the weights of the first. Layers of a ResNet-RS under the reference
names get their paths back (``keras_names``); all others keep their Keras names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rsinspect.base.errors import UnknownPath
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.resize import resized
from rsinspect.networks.dialects import DIALECTS
from rsinspect.networks.keras_calls import Model
from rsinspect.networks.keras_names import layer_path
from rsinspect.networks.keras_settings import lower_precision
from rsinspect.networks.keras_walk import Place, Walk, Weights
from rsinspect.networks.network import Network, from_graph


def from_keras_config(
    config: object,
    *,
    resolution: tuple[int, int] | None = None,
    weights: Weights | None = None,
    outputs: Sequence[object] = (),
) -> Network:
    """Read a network from what ``model.get_config()`` or ``model.to_json()`` gives.

    Args:
        config: Of a functional or Sequential model, as plain JSON values.
        resolution: Height and width to make it at, where its layers can take that; the height
            closes the first open side of an input that is no image. Its own by default.
        weights: Tells the weights of a layer that no op describes.
        outputs: Shapes of the model's outputs, batch first, where they are known.

    Raises:
        GraphError: If the configuration is not that of a functional or Sequential model, is
            damaged, or leaves a shape open.
        InvalidSpec: If a layer is for one size alone, and the resolution is another, or there is
            neither an image nor an open side to have that resolution.
    """
    model = Model(config)
    walk = Walk(resolution, weights)
    told = dict(zip([tensor.key for tensor in model.outputs], outputs, strict=False))
    outputs_read = walk.inline(model, Place(frozen=model.frozen), None, told)
    paths = [value.path for value in outputs_read]
    renamed = _reference_paths(walk.names)
    layers = [_renamed(layer, renamed) for layer in walk.layers] if renamed else walk.layers
    names = {renamed.get(path, path): name for path, name in walk.names.items()}
    graph = LayerGraph(model.name, tuple(layers), tuple([renamed.get(p, p) for p in paths]))
    if resolution is not None:
        sizes = {layer.shape[:2] for layer in graph.inputs if len(layer.shape) == 3}
        if sizes - {resolution} or not (sizes or walk.was_open):
            graph = resized(graph, resolution)
    return replace(from_graph(graph, names), precision=lower_precision(config))


def _reference_paths(names: Mapping[str, str]) -> dict[str, str]:
    """Map paths to the reference's, where the names are those of a ResNet-RS; else nothing."""
    if not any(name.startswith("BlockGroup") for name in names):
        return {}  # names like "normalization" alone do not make a ResNet-RS
    found: dict[str, str] = {}
    for path in names:
        for dialect in (DIALECTS["keras"], DIALECTS["article"]):
            try:
                reference = layer_path(path, dialect)
            except UnknownPath:
                continue
            if reference not in names:
                found[path] = reference
            break
    return found if len(set(found.values())) == len(found) else {}


def _renamed(layer: Layer, renamed: Mapping[str, str]) -> Layer:
    """Call a layer, and what it reads, by other paths."""
    return layer._replace(
        path=renamed.get(layer.path, layer.path),
        inputs=tuple([renamed.get(path, path) for path in layer.inputs]),
        shares=None if layer.shares is None else renamed.get(layer.shares, layer.shares),
    )
