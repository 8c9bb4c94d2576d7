"""Which tensor of a file is which weight of a network, of any network, as far as that goes.

Several readings are tried: the names that code bases give the weights of a ResNet-RS (``naming``),
Keras's own names of layers, and in files of Keras 3 that have no names the number among the layers
of a class. The one is taken that finds most weights in their shapes. Nothing is refused: what is
missing, of another shape, or there besides is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from rsinspect.base.errors import WeightsError
from rsinspect.checkpoints.boundary import opened
from rsinspect.checkpoints.contents import contents_of
from rsinspect.checkpoints.tensors import TensorFile
from rsinspect.layers import ops
from rsinspect.layers.cost import weight_shapes
from rsinspect.layers.graph import Layer
from rsinspect.networks.network import Network, resnet_rs
from rsinspect.weights.by_name import weights_by_name
from rsinspect.weights.fitting import class_name_of, plain_name
from rsinspect.weights.naming import CONVENTIONS, assigned
from rsinspect.weights.order import weight_order
from rsinspect.weights.signatures import Shape
from rsinspect.weights.witnesses import is_state


class Placed(NamedTuple):
    """A weight of a network, and the tensor that it is.

    Attributes:
        path: Of the layer.
        weight: Of the layer: ``kernel``, ``gamma``.
        shape: That it has in the network; axes as Keras has them.
        tensor: Its name in the file; None where the file has none.
        stored: Shape of the tensor, likewise.
    """

    path: str
    weight: str
    shape: Shape
    tensor: str | None = None
    stored: Shape | None = None

    @property
    def fits(self) -> bool:
        """Tell whether the file has it in its shape."""
        return self.stored == self.shape


class Placement(NamedTuple):
    """All weights of a network and all tensors of a file, each once.

    Attributes:
        by: How they were told: ``timm's names``.
        weights: Of the network.
        extra: Tensors that are none of its weights, with their shapes in the file.
        state: Names of tensors that are nobody's weights, but state of training.
    """

    by: str
    weights: tuple[Placed, ...]
    extra: Mapping[str, Shape]
    state: tuple[str, ...]

    @property
    def missing(self) -> tuple[Placed, ...]:
        """List the weights that the file does not have."""
        return tuple(each for each in self.weights if each.tensor is None)

    @property
    def misshaped(self) -> tuple[Placed, ...]:
        """List the weights that the file has in another shape."""
        return tuple(each for each in self.weights if each.tensor is not None and not each.fits)

    @property
    def fits(self) -> bool:
        """Tell whether file and network have the same weights, and no others."""
        return not self.extra and all(each.fits for each in self.weights)

    @property
    def found(self) -> int:
        """Count the weights that are there in their shapes."""
        return sum(each.fits for each in self.weights)


Tensors = Mapping[tuple[str, str], tuple[str, Shape]]
"""A tensor and its shape as Keras would have it, by path and weight."""


class Reading(NamedTuple):
    """What somebody who reads the names of a file in one way finds.

    Attributes:
        by: That way.
        network: Whose weights are found: the one in question, or one that is the same.
        tensors: Which are found.
    """

    by: str
    network: Network
    tensors: Tensors


def placed(file: TensorFile, network: Network) -> Placement:
    """Find the weights of a network among the tensors of a file.

    Args:
        file: Of any format.
        network: Of any kind.

    Raises:
        WeightsError: If the file is damaged.
    """
    readings = [*_by_convention(file, network), *_by_layer(file, network)]
    made = [_placement(file, reading) for reading in readings]
    return max(
        made or [_placement(file, Reading("nothing", network, {}))],
        key=lambda each: (each.found, sum(one.tensor is not None for one in each.weights)),
    )


def _weighed(network: Network) -> Iterator[Layer]:
    """List the layers that have weights of their own."""
    return (each for each in network.graph if each.shares is None and weight_shapes(each.op))


def _placement(file: TensorFile, reading: Reading) -> Placement:
    weights = tuple(
        Placed(layer.path, weight, shape, *reading.tensors.get((layer.path, weight), ()))
        for layer in _weighed(reading.network)
        for weight, shape in weights_by_name(layer.op).items()
    )
    taken = {each.tensor for each in weights if each.tensor is not None}
    copied = {_within(name) for name in taken} - {None}
    others = {name: each.shape for name, each in file.tensors.items() if name not in taken}
    state = {name: is_state(name) or _within(name) in copied for name in others}
    extra = {name: shape for name, shape in others.items() if not state[name]}
    return Placement(reading.by, weights, extra, tuple(name for name in state if state[name]))


_COPIES = re.compile(r"(?:model_)?(?:state_dict|model|ema)(?:_ema)?[./]")
"""What a training loop calls the network and the moving average of its weights."""


def _within(name: str) -> str | None:
    """Tell a name without what a training loop calls its copy; None where it is in none."""
    match = _COPIES.match(name)
    return None if match is None else name[match.end() :]


def _by_convention(file: TensorFile, network: Network) -> Iterator[Reading]:
    """Read a file as each code base would have written it."""
    known = network.recognised
    if known is None or known.part is not None or known.folded:
        return
    if network.spec is None:
        network = resnet_rs(known.spec)
    for name, convention in CONVENTIONS.items():
        try:
            found = assigned(file.tensors, network, name).found
        except WeightsError:
            continue  # it has no name for a layer
        tensors: Tensors = {
            (place.path, str(place.weight)): (tensor, place.keras_shape(shape))
            for tensor, place in found.items()
            if len(shape := file.tensors[tensor].shape) == len(place.transform or shape)
        }
        yield Reading(f"{convention.whose} names", network, tensors)


def _by_layer(file: TensorFile, network: Network) -> Iterator[Reading]:
    """Read a file of Keras's: by names of layers, and by their order."""
    layers = _layers_of(file)
    containers: dict[str, list[_Stored]] = {"": layers}
    for layer in layers:
        containers.setdefault(layer.container or " ", []).append(layer)
    orders = (tuple(_weighed(network)), weight_order(network.graph))
    for inside in containers.values():
        named = {plain_name(each.name): each for each in inside if each.name}
        pairs = [
            (layer, named[name])
            for layer in orders[0]
            if (name := plain_name(network.names[layer.path].rpartition("/")[2])) in named
        ]
        yield Reading("Keras's names of layers", network, _tensors(pairs))
        for order in orders:
            yield Reading("the order of layers", network, _tensors(_in_order(order, inside)))


class _Stored(NamedTuple):
    """A layer with weights, as a file of Keras's has it.

    Attributes:
        container: The model around it.
        name: What Keras called it; empty where the file does not say.
        kind: Its class and its number among those of its class; None in files of Keras 2.
        tensors: Names and shapes of its arrays, in order.
    """

    container: str
    name: str
    kind: tuple[str, int] | None
    tensors: tuple[tuple[str, Shape], ...]


def _layers_of(file: TensorFile) -> list[_Stored]:
    """List the layers with weights of a file of Keras's; none of other files."""
    if not file.is_keras:
        return []
    with opened(file.path) as (hdf5, datasets):
        contents = contents_of(file.path, hdf5, datasets)
        return [
            _Stored(
                each.container,
                each.name,
                each.kind,
                tuple(zip(each.names, each.shapes, strict=True)),
            )
            for each in contents
        ]


def _tensors(pairs: Iterable[tuple[Layer, _Stored]]) -> Tensors:
    return {
        (layer.path, weight): tensor
        for layer, stored in pairs
        for weight, tensor in zip(weights_by_name(layer.op), stored.tensors, strict=False)
    }


def _in_order(order: Iterable[Layer], inside: Sequence[_Stored]) -> Iterator[tuple[Layer, _Stored]]:
    """Pair layers by their number, of their class where the file tells classes apart."""
    left: dict[str, list[_Stored]] = {}
    for stored in sorted(inside, key=lambda each: each.kind or ()):  # without kinds, as it is
        left.setdefault(stored.kind[0] if stored.kind else "", []).append(stored)
    numbered = "" not in left
    turns = {kind: iter(layers) for kind, layers in left.items()}
    for layer in order:
        if isinstance(layer.op, ops.Opaque):
            continue
        kind = class_name_of(layer.op) if numbered else ""
        stored_or_none = next(turns.get(kind, iter(())), None)
        if stored_or_none is not None:
            yield layer, stored_or_none
