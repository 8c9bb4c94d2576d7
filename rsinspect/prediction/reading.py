"""How a network is read: what it takes of a photograph, and what its numbers mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

from rsinspect.base.errors import InvalidPrediction
from rsinspect.base.words import Option, Wording, advice
from rsinspect.layers import ops
from rsinspect.layers.cost import weight_shapes
from rsinspect.layers.graph import LayerGraph
from rsinspect.networks import applications
from rsinspect.networks.network import Network

Meaning = Literal["probability", "score", "logit"]
"""Of a number per class: a share of one, a probability of each class by itself or whatever the
network gives, or what a softmax makes shares of."""

MODES: Mapping[str, str] = {
    "convnext": "none",
    "densenet": "torch",
    "efficientnet": "none",
    "efficientnet_v2": "none",
    "inception_resnet_v2": "tf",
    "inception_v3": "tf",
    "mobilenet": "tf",
    "mobilenet_v2": "tf",
    "mobilenet_v3": "none",
    "nasnet": "tf",
    "resnet": "caffe",
    "resnet_v2": "tf",
    "vgg": "caffe",
    "xception": "tf",
}
"""How the networks of each family of ``keras.applications`` want pixels scaled: what the family's
``preprocess_input`` does in Keras 3.15."""


class Reading(NamedTuple):
    """How a network is read.

    Attributes:
        resolution: Height and width of its image.
        scaling: How it wants pixels scaled: one of ``images.preprocessing.SCALINGS``.
        because: How that is known, a sentence.
        classes: How many numbers it gives for an image.
        meaning: Of each.
    """

    resolution: tuple[int, int]
    scaling: str
    because: str | Wording
    classes: int
    meaning: Meaning


def reading_of(network: Network, scaling: str | None = None) -> Reading:
    """Tell how a network is read.

    Args:
        network: From one image in colour to a number for each class.
        scaling: What whoever knows better says.

    Raises:
        InvalidPrediction: If it is another kind of network.
    """
    resolution, graph = network.resolution, network.graph
    if resolution is None or graph.inputs[0].shape.channels != 3:
        raise InvalidPrediction(
            f"{network.name} takes {network.size}, not one image in colour",
            "call the model itself, in Python",
        )
    for layer in graph:
        if isinstance(layer.op, ops.Opaque):
            raise InvalidPrediction(
                f"{layer.path} is a layer of class {layer.op.class_name}, which is not known here: "
                "the network cannot be built to be run",
                "call the model itself, in Python",
            )
    if len(graph.outputs) != 1 or len(graph.layer(graph.outputs[0]).shape) != 1:
        shapes = ", ".join(str(graph.layer(path).shape) for path in graph.outputs)
        raise InvalidPrediction(
            f"{network.name} ends in {shapes}, not in a number for each class",
            "give a network with a classifier",
        )
    (output,) = graph.outputs
    chosen, because = (scaling, "as asked for") if scaling else scaling_of(network)
    last = graph.layer(output)
    return Reading(resolution, chosen, because, last.shape[-1], _meaning(graph, output))


def scaling_of(network: Network) -> tuple[str, str | Wording]:
    """Tell how a network wants pixels scaled, and how that is known."""
    first = next((x.path for x in network.graph if weight_shapes(x.op)), None)
    for layer in network.graph:
        if isinstance(layer.op, ops.Rescaling | ops.Normalization):
            return "none", "the network scales them itself"
        if layer.path == first:
            break
    known = network.recognised
    if known is not None and known.part in (None, "head", "preprocessing"):
        return "torch", "as ResNet-RS was trained; its preprocessing is not in this network"
    plain = re.sub(r"[\s._-]", "", network.name.lower())
    names = [name for name in applications.names() if plain.startswith(name.lower())]
    if plain.startswith("nasnet"):
        names.append("NASNetMobile")
    if names:
        family = applications.family_named(max(names, key=len))
        assert family is not None
        return MODES[family], f"as Keras's {applications.FAMILIES[family].title} wants them"
    return "none", advice(
        "a guess: nothing in the network says how it was trained, and {} chooses",
        Option("scaling"),
    )


def _meaning(graph: LayerGraph, path: str) -> Meaning:
    """Tell what the numbers of an output are, by the layer that they come from."""
    op = graph.layer(path).op
    if isinstance(op, ops.Activation):
        return "probability" if op.function == "softmax" else "score"
    if isinstance(op, ops.Dense | ops.Conv2D) and op.activation == "softmax":
        return "probability"
    if isinstance(op, ops.Dense) and op.activation in (None, "linear") and op.units > 1:
        return "logit"
    return "score"
