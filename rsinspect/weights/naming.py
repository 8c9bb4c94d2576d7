"""What each code base calls the weights of a ResNet-RS: tables that are read both ways.

A *convention* is a table of layers (which path is which name), a table of weights (what a kernel is
called, and how its axes lie) and, where layers are numbered, the order in which they are counted:

    keras-2   ``predictions/predictions/kernel:0``; files of Keras 2, a group per layer, by name
    keras-3   ``layers/conv2d_5/vars/0``; files of Keras 3, by class, in the order of the model
    timm      ``layer1.0.conv1.weight``; state dicts of PyTorch
    tpu       ``conv2d_5/kernel``; TensorFlow 1 checkpoints, by class, in the order of creation

Sources: Keras 2's applications/resnet_rs.py; Keras 3's saving_lib.py; timm's models/resnet.py;
tensorflow/tpu @7dc921f8, models/official/resnet/resnet_model.py (a projection is made before the
branch beside it) and resnet_main.py (the moving averages of weights, which are those evaluated).

Kernels lie as Keras has them, (height, width, in, out) and (in, out), in all but PyTorch, whose are
(out, in, height, width) and (out, in).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from rsinspect.base.errors import UnknownPath, WeightsError, check_choice
from rsinspect.layers import ops
from rsinspect.layers.cost import weight_shapes
from rsinspect.layers.graph import Layer
from rsinspect.layers.ops import Op
from rsinspect.networks.dialects import DIALECTS
from rsinspect.networks.keras_names import layer_path
from rsinspect.networks.network import Network
from rsinspect.weights.order import weight_order

Weight = Literal["kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance"]
Kind = Literal["conv", "dense", "norm"]
"""Of a layer of a ResNet-RS that has weights."""


class TensorPlace(NamedTuple):
    """Which weight of a network a tensor of a file is, and how its axes lie there.

    Attributes:
        path: Of the layer.
        weight: Of the layer.
        transform: The axes of Keras's array in the order in which the file has them; empty where
            they lie as Keras has them.
    """

    path: str
    weight: Weight
    transform: tuple[int, ...] = ()

    def stored_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Turn a shape of Keras's into the file's."""
        return tuple(shape[axis] for axis in self.transform) if self.transform else shape

    def stored(self, array: Any) -> Any:
        """Turn an array of Keras's into the file's."""
        return array.transpose(self.transform) if self.transform else array

    def keras_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Turn a shape of the file's into Keras's."""
        return tuple(shape[axis] for axis in self._back()) if self.transform else shape

    def keras(self, array: Any) -> Any:
        """Turn an array of the file's into Keras's."""
        return array.transpose(self._back()) if self.transform else array

    def _back(self) -> tuple[int, ...]:
        return tuple(self.transform.index(axis) for axis in range(len(self.transform)))


class Convention(NamedTuple):
    """What a code base calls the layers of a ResNet-RS and their weights.

    Attributes:
        name: As it is chosen.
        whose: Whose it is, in words.
        weights: What is added to a layer's name for each weight, by the layer's kind, and how its
            axes lie (``TensorPlace.transform``). In Keras's order.
        names: Names the layers with weights of a network, in the convention's order.
        path: Tells the path of a layer by its name alone; None for a name that is no layer's.
    """

    name: str
    whose: str
    weights: Mapping[Kind, Mapping[Weight, tuple[str, tuple[int, ...]]]]
    names: Callable[[Network], Iterator[tuple[Layer, str]]]
    path: Callable[[str], str | None]


def _as_keras(template: str) -> dict[Kind, dict[Weight, tuple[str, tuple[int, ...]]]]:
    """Call weights what Keras does, their axes as Keras has them."""
    kernel: tuple[Weight, ...] = ("kernel", "bias")
    norm: tuple[Weight, ...] = ("gamma", "beta", "moving_mean", "moving_variance")
    by_kind: dict[Kind, tuple[Weight, ...]] = {"conv": kernel, "dense": kernel, "norm": norm}
    return {
        kind: {
            weight: (template.format(weight, number=number), ())
            for number, weight in enumerate(weights)
        }
        for kind, weights in by_kind.items()
    }


_IN_TORCH: dict[Kind, dict[Weight, tuple[str, tuple[int, ...]]]] = {
    "conv": {"kernel": (".weight", (3, 2, 0, 1)), "bias": (".bias", ())},
    "dense": {"kernel": (".weight", (1, 0)), "bias": (".bias", ())},
    "norm": {
        "gamma": (".weight", ()),
        "beta": (".bias", ()),
        "moving_mean": (".running_mean", ()),
        "moving_variance": (".running_var", ()),
    },
}

_TIMM_FIXED = {
    "stem/conv1": "conv1.0", "stem/bn1": "conv1.1",
    "stem/conv2": "conv1.3", "stem/bn2": "conv1.4",
    "stem/conv3": "conv1.6", "stem/bn3": "bn1",
    "stem/conv4": "maxpool.0", "stem/bn4": "maxpool.1",
    "head/classifier": "fc",
}  # fmt: skip
_TIMM_IN_BLOCK = {
    "conv1": "conv1", "bn1": "bn1", "conv2": "conv2", "bn2": "bn2", "conv3": "conv3", "bn3": "bn3",
    "se/reduce": "se.fc1", "se/expand": "se.fc2",
    "shortcut/conv": "downsample.1", "shortcut/bn": "downsample.2",
}  # fmt: skip
_BLOCK = re.compile(r"c(\d+)/block(\d+)/(.+)")
_TIMM_BLOCK = re.compile(r"layer(\d+)\.(\d+)\.(.+)")
_FIRST_STAGE = 2  # c2 is layer1
_PATH_OF_TIMM = {name: path for path, name in _TIMM_FIXED.items()}
_PATH_IN_TIMM_BLOCK = {name: path for path, name in _TIMM_IN_BLOCK.items()}


def _timm_names(network: Network) -> Iterator[tuple[Layer, str]]:
    for layer in network.graph:
        if not weight_shapes(layer.op):
            continue
        if match := _BLOCK.fullmatch(layer.path):
            stage, block, inside = int(match[1]) - _FIRST_STAGE + 1, match[2], match[3]
            yield layer, f"layer{stage}.{block}.{_TIMM_IN_BLOCK[inside]}"
        else:
            yield layer, _TIMM_FIXED[layer.path]


def _timm_path(name: str) -> str | None:
    if (match := _TIMM_BLOCK.fullmatch(name)) and match[3] in _PATH_IN_TIMM_BLOCK:
        stage = int(match[1]) + _FIRST_STAGE - 1
        return f"c{stage}/block{match[2]}/{_PATH_IN_TIMM_BLOCK[match[3]]}"
    return _PATH_OF_TIMM.get(name)


def _keras_2_names(network: Network) -> Iterator[tuple[Layer, str]]:
    for layer in weight_order(network.graph):
        name = network.names[layer.path]
        yield layer, f"{name}/{name}"


def _keras_2_path(name: str) -> str | None:
    own = name.rpartition("/")[2]
    plain = re.sub(r"^stem_\d+_", "stem_1_", own)  # Keras 2 numbers the stems of a process
    for dialect in (DIALECTS["keras"], DIALECTS["article"]):
        try:
            return layer_path(plain, dialect)
        except UnknownPath:
            continue
    return None


_CLASSES: Mapping[Kind, str] = {
    "conv": "conv2d", "dense": "dense", "norm": "batch_normalization",
}  # fmt: skip


def _numbered(layers: Iterable[Layer], template: str) -> Iterator[tuple[Layer, str]]:
    """Name layers by their class, the second of a class with the number 1."""
    seen: Counter[str] = Counter()
    for layer in layers:
        name = _CLASSES[kind_of(layer.op)]
        number = seen[name]
        seen[name] += 1
        yield layer, template.format(f"{name}_{number}" if number else name)


def _keras_3_names(network: Network) -> Iterator[tuple[Layer, str]]:
    return _numbered(weight_order(network.graph), "layers/{}")


def _tpu_names(network: Network) -> Iterator[tuple[Layer, str]]:
    return _numbered(_as_created(network), "{}")


def _as_created(network: Network) -> Iterator[Layer]:
    """Order layers as the TPU code creates them: the projection, then the branch beside it."""
    blocks: dict[str, list[Layer]] = {}
    for layer in network.graph:
        if weight_shapes(layer.op):
            match = _BLOCK.fullmatch(layer.path)
            place = f"c{match[1]}/block{match[2]}" if match else layer.path
            blocks.setdefault(place, []).append(layer)
    for layers in blocks.values():
        yield from sorted(layers, key=lambda layer: "/shortcut/" not in layer.path)


def _unnamed(name: str) -> None:
    """Tell nothing: a number says which layer it is only together with all others."""


CONVENTIONS: Mapping[str, Convention] = {
    convention.name: convention
    for convention in (
        Convention("keras-2", "Keras 2's", _as_keras("/{}:0"), _keras_2_names, _keras_2_path),
        Convention("keras-3", "Keras 3's", _as_keras("/vars/{number}"), _keras_3_names, _unnamed),
        Convention("timm", "timm's", _IN_TORCH, _timm_names, _timm_path),
        Convention("tpu", "the TPU code's", _as_keras("/{}"), _tpu_names, _unnamed),
    )
}


_KINDS: Mapping[type[Op], Kind] = {ops.Conv2D: "conv", ops.Dense: "dense", ops.BatchNorm: "norm"}


def kind_of(op: Op) -> Kind:
    """Tell the kind of a layer with weights.

    Raises:
        WeightsError: If no ResNet-RS has such a layer.
    """
    kind = _KINDS.get(type(op))
    if kind is None:
        raise WeightsError(f"a {op.kind} layer has no name in any other code base")
    return kind


def weights_of(op: Op) -> tuple[Weight, ...]:
    """List the weights of a layer, in Keras's order.

    Raises:
        WeightsError: As ``kind_of`` says.
    """
    kind = kind_of(op)
    names: tuple[Weight, ...] = ("kernel", "bias")
    if isinstance(op, ops.BatchNorm):
        own: tuple[tuple[Weight, bool], ...] = (("gamma", op.scale), ("beta", op.center))
        names = (*(name for name, there in own if there), "moving_mean", "moving_variance")
    elif kind != "norm":
        names = names[: len(weight_shapes(op))]
    return names


def tensors(network: Network, convention: str) -> dict[str, TensorPlace]:
    """Name the tensors that a network has in a convention.

    Args:
        network: A ResNet-RS.
        convention: A name of ``CONVENTIONS``.

    Returns:
        Which weight each is, by its name, in the convention's order.

    Raises:
        InvalidChoice: If there is no such convention.
        WeightsError: If it has no name for a layer of the network.

    >>> from rsinspect.networks.network import resnet_rs
    >>> from rsinspect.networks.spec import ResNetRSSpec
    >>> names = tensors(resnet_rs(ResNetRSSpec.variant(50)), "timm")
    >>> len(names), names["layer1.0.downsample.1.weight"]
    (346, TensorPlace(path='c2/block0/shortcut/conv', weight='kernel', transform=(3, 2, 0, 1)))
    """
    check_choice("convention", convention, CONVENTIONS)
    table = CONVENTIONS[convention]
    named: dict[str, TensorPlace] = {}
    try:
        for layer, name in table.names(network):
            weights = table.weights[kind_of(layer.op)]
            for weight in weights_of(layer.op):
                added, transform = weights[weight]
                named[name + added] = TensorPlace(layer.path, weight, transform)
    except KeyError as exc:
        raise WeightsError(
            f"{table.whose} convention has no name for {exc.args[0]} of {network.name}"
        ) from exc
    return named


def place_of(name: str, convention: str) -> TensorPlace | None:
    """Tell which weight a tensor is by its name alone; None where that does not say.

    A name with a number alone (``keras-3``, ``tpu``) never does: ask ``tensors`` of a network.

    >>> place_of("layer3.22.se.fc1.bias", "timm")
    TensorPlace(path='c4/block22/se/reduce', weight='bias', transform=())
    >>> block = "BlockGroup2__block_0_batch_norm_1"
    >>> place_of(f"{block}/{block}/gamma:0", "keras-2").path
    'c2/block0/bn1'
    """
    check_choice("convention", convention, CONVENTIONS)
    table = CONVENTIONS[convention]
    for kind, weights in table.weights.items():
        for weight, (added, transform) in weights.items():
            path = table.path(name.removesuffix(added)) if name.endswith(added) else None
            if path is not None and _kind_at(path) == kind:
                return TensorPlace(path, weight, transform)
    return None


def _kind_at(path: str) -> Kind:
    """Tell the kind of a layer with weights by its path."""
    last = path.rpartition("/")[2]
    return "norm" if last.startswith("bn") else "dense" if last == "classifier" else "conv"


class Assigned(NamedTuple):
    """Which tensors of a file are which weights of a network; each of both sides is here once.

    Attributes:
        convention: The file's.
        found: Which weight a tensor is, by its name in the file, in the order of the convention.
        missing: Weights that the file does not have, by the name that they would have.
        besides: Why a tensor is no weight of the network, by its name.
    """

    convention: str
    found: Mapping[str, TensorPlace]
    missing: Mapping[str, TensorPlace]
    besides: Mapping[str, str]


_AVERAGE = "/ExponentialMovingAverage"
_AVERAGED = "last weights, whose moving averages are taken"
_LAST = "moving averages, as the last weights are taken"
_NO_WEIGHTS = (
    (re.compile(r"(.*\.)?num_batches_tracked"), "PyTorch's count of batches"),
    (re.compile(r"(.*/)?global_step"), "the step of training"),
    (re.compile(r".*/Momentum(_\d+)?"), "the optimizer's"),
    (re.compile(rf".*{_AVERAGE}"), "a moving average"),
)
"""What other tensors there are beside weights, by their names."""


def assigned(
    names: Iterable[str], network: Network, convention: str, *, averaged: bool = True
) -> Assigned:
    """Find the weights of a network among the tensors of a file, by their names.

    All names may begin with what a training loop puts before them: ``module.``, ``state_dict.``.
    Where the network is there several times, the moving average is taken, as timm does.

    Args:
        names: Of all tensors of the file.
        network: What they are of.
        convention: A name of ``CONVENTIONS``.
        averaged: Whether the moving average of a weight is taken where a TensorFlow 1 checkpoint
            has both: that is what the published accuracies were measured with.

    Raises:
        InvalidChoice: If there is no such convention.
        WeightsError: If it has no name for a layer of the network.
    """
    there = dict.fromkeys(names)
    wanted = tensors(network, convention)
    before = _before(there, wanted)
    found: dict[str, TensorPlace] = {}
    missing: dict[str, TensorPlace] = {}
    besides: dict[str, str] = {}
    for name, place in wanted.items():
        kept = [one for one in (f"{before}{name}{_AVERAGE}", f"{before}{name}") if one in there]
        if not kept:
            missing[f"{before}{name}"] = place
            continue
        taken = kept[0 if averaged else -1]
        found[taken] = place
        if other := [one for one in kept if one != taken]:
            besides[other[0]] = _AVERAGED if averaged else _LAST
    for name in there:
        if name not in found and name not in besides:
            why = next((why for of, why in _NO_WEIGHTS if of.fullmatch(name)), None)
            besides[name] = why or f"no part of {network.name}"
    return Assigned(convention, found, missing, besides)


def _before(there: Collection[str], wanted: Collection[str]) -> str:
    """Tell what the names of a file begin with: with what most of the wanted ones are there."""
    first = next(iter(wanted))
    each = {name.removesuffix(first) for name in there if name.endswith(first)} | {""}
    return max(
        sorted(before for before in each if not before[-1:].isalnum()),
        key=lambda before: (
            sum(f"{before}{name}" in there for name in wanted), "ema" in before, -len(before)
        ),
    )  # fmt: skip


_SIGNS = {
    "keras-2": re.compile(r"/(kernel|bias|gamma|beta|moving_mean|moving_variance):0$"),
    "keras-3": re.compile(r"(^|/)vars/\d+$"),
    "timm": re.compile(r"(^|\W)layer\d\.\d+\.(conv\d|bn\d|se\.fc\d|downsample\.\d)\.\w+$"),
    "tpu": re.compile(r"^(conv2d|batch_normalization|dense)(_\d+)?/(k|b|gamma|moving)"),
}  # fmt: skip
"""What a name looks like."""


def convention_of(names: Iterable[str]) -> str | None:
    """Tell which convention most names of a file follow; None where none follows any.

    >>> convention_of(["module.layer1.0.conv1.weight", "module.layer1.0.bn1.weight"])
    'timm'
    """
    signs = Counter(
        convention
        for name in names
        for convention, pattern in _SIGNS.items()
        if pattern.search(name)
    )
    return max(signs, key=lambda convention: signs[convention], default=None)
