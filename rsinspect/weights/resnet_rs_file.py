"""The weights of a ResNet-RS in a file of any format: which tensor is which.

Files of Keras are matched with the network as ``fitting`` does, whatever head it has there and
whatever it lies in; other files by the names that a code base gives (``naming``). Every tensor of
the file is told: a weight, or why it is none.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rsinspect.base.errors import WeightsError
from rsinspect.base.units import dimensions
from rsinspect.base.words import Option, advice, names_in_words
from rsinspect.checkpoints.boundary import opened
from rsinspect.checkpoints.contents import StoredLayer, contents_of
from rsinspect.checkpoints.layout import said
from rsinspect.checkpoints.tensor_file import tensor_file
from rsinspect.checkpoints.tensors import StoredTensor, TensorFile
from rsinspect.layers.cost import weight_shapes
from rsinspect.networks.network import Network, resnet_rs
from rsinspect.weights.by_name import shapes_of
from rsinspect.weights.fitting import fit
from rsinspect.weights.naming import (
    Assigned,
    TensorPlace,
    assigned,
    convention_of,
    weights_of,
)

HEAD = "head/classifier"
_NOT_WANTED = "the classifier, which was not asked for"


class ResNetRSFile(NamedTuple):
    """The weights of a network in a file that is open.

    Attributes:
        file: Where they are.
        network: Whose they are, with the classifier that the file has, or without.
        assigned: Which tensor is which.
    """

    file: TensorFile
    network: Network
    assigned: Assigned

    def weights(self) -> Iterator[tuple[str, TensorPlace, StoredTensor]]:
        """List the weights: the name in the file, the place, and the tensor, not read."""
        for name, place in self.assigned.found.items():
            yield name, place, self.file.tensors[name]

    def read(self, name: str) -> Any:
        """Read a weight, its axes as Keras has them."""
        return self.assigned.found[name].keras(self.file.read(name))


@contextlib.contextmanager
def resnet_rs_file(
    path: Path, network: Network, *, include_top: bool = True, averaged: bool = True
) -> Iterator[ResNetRSFile]:
    """Open a file and find the weights of a network in it, good while the context lasts.

    Args:
        path: Of the file.
        network: A ResNet-RS; how many classes it has, the file says.
        include_top: Whether the classifier is wanted, where the file has one.
        averaged: As in ``naming.assigned``.

    Raises:
        WeightsError: If the file is damaged, or does not have the body of that network.
    """
    network = _resnet_rs(network)
    with tensor_file(path) as file:
        if file.is_keras:
            found, network = _in_keras(path, file, network, include_top)
        else:
            found, network = _by_name(path, file, network, include_top, averaged)
        _require_shapes(path, file, network, found)
        yield ResNetRSFile(file, network, found)


def _resnet_rs(network: Network) -> Network:
    """Make the ResNet-RS that a network is, whatever its layers are called and its head is.

    Raises:
        WeightsError: If it is none.
    """
    if network.spec is not None:
        return network
    known = network.recognised
    if known is None or known.folded or known.part == "body":
        raise WeightsError(
            f"{network.name} is no ResNet-RS", "other networks have no names in other code bases"
        )
    return resnet_rs(known.spec)


def with_classes(network: Network, classes: int | None) -> Network:
    """Give a network a classifier of so many classes, or none."""
    assert network.spec is not None
    spec = network.spec
    if classes is None:
        return resnet_rs(spec.replace(include_top=False, pooling=None))
    return resnet_rs(spec.replace(include_top=True, classes=classes, pooling=None))


def _by_name(
    path: Path, file: TensorFile, network: Network, include_top: bool, averaged: bool
) -> tuple[Assigned, Network]:
    """Find the weights by the names of a code base."""
    convention = convention_of(file.tensors)
    if convention is None:
        raise WeightsError(
            f"{said(path)} has no tensor with a name that Keras, timm or the TPU code gives",
            f"its first: {names_in_words([*file.tensors][:3])}" if file.tensors else None,
        )
    found = assigned(file.tensors, with_classes(network, 1), convention, averaged=averaged)
    head = {place.weight: name for name, place in found.found.items() if place.path == HEAD}
    if include_top and "kernel" in head:
        shape = found.found[head["kernel"]].keras_shape(file.tensors[head["kernel"]].shape)
        return found, with_classes(network, shape[-1])
    kept = {name: place for name, place in found.found.items() if place.path != HEAD}
    missing = {name: place for name, place in found.missing.items() if place.path != HEAD}
    besides = {**found.besides, **dict.fromkeys(head.values(), _NOT_WANTED)}
    return Assigned(convention, kept, missing, besides), with_classes(network, None)


def _in_keras(
    path: Path, file: TensorFile, network: Network, include_top: bool
) -> tuple[Assigned, Network]:
    """Find the weights in a file of Keras's, as layers of the network or of one around it."""
    features, _ = weight_shapes(with_classes(network, 1).graph.layer(HEAD).op)[0]
    with opened(path) as (inside, datasets):
        contents = contents_of(path, inside, datasets)
        body = fit(path, contents, with_classes(network, None))
        stored = dict(body.stored)
        head = _classifier(body.left_out, features)
        classes = None
        if head is not None and include_top:
            stored[HEAD], classes = head, head.shapes[0][1]
        names = {id(layer): layer.names for layer in contents}
    network = with_classes(network, classes)
    found = {
        name: TensorPlace(layer.path, weight)
        for layer in network.graph
        if layer.path in stored
        for name, weight in zip(names[id(stored[layer.path])], weights_of(layer.op), strict=True)
    }
    besides = {name: _no_weight(name, network) for name in file.tensors if name not in found}
    if head is not None and not include_top:
        besides |= dict.fromkeys(names[id(head)], _NOT_WANTED)
    convention = "keras-2" if file.format == "keras-2-h5" else "keras-3"
    return Assigned(convention, found, {}, besides), network


def _classifier(left_out: Sequence[StoredLayer], features: int) -> StoredLayer | None:
    """Find the classifier: the layer of its name, or the only one that is not of the body.

    The first of several layers is none: what follows it would be lost.
    """
    candidates = [layer for layer in left_out if layer.name == "predictions"] or left_out
    fitting = [
        layer
        for layer in candidates
        if len(layer.shapes) == 2 and layer.shapes[0] == (features, *layer.shapes[1])
    ]
    return fitting[0] if len(fitting) == len(candidates) == 1 else None


def _no_weight(name: str, network: Network) -> str:
    """Say why a tensor of a file of Keras's is no weight of the network."""
    first = name.partition("/")[0]
    if first in ("optimizer", "optimizer_weights"):
        return "the optimizer's"
    return "a random state" if "seed_generator" in name else f"no part of {network.name}"


def _require_shapes(path: Path, file: TensorFile, network: Network, found: Assigned) -> None:
    """Refuse a file that lacks a weight or has it in another shape.

    Raises:
        WeightsError: With the first that differs.
    """
    shapes = shapes_of(network)
    hint = advice("name the network whose weights they are: {}", Option("model"))
    if found.missing:
        name, place = next(iter(found.missing.items()))
        raise WeightsError(
            f"{said(path)} does not fit {network.name}: it has no {name}, the {place.weight} of "
            f"{place.path}, and lacks {len(found.missing)} of {len(shapes)} weights",
            hint,
        )
    for name, place in found.found.items():
        theirs = place.keras_shape(tuple(file.tensors[name].shape))
        ours = shapes[place.path, place.weight]
        if theirs != ours:
            raise WeightsError(
                f"{said(path)} does not fit {network.name}: at {place.path} the {place.weight} of "
                f"the file is {dimensions(theirs) or 'a scalar'}, the network's {dimensions(ours)}",
                hint,
            )
