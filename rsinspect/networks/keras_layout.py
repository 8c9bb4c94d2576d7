"""What a Keras configuration of channels first says, said for channels last.

Maps in such a model are (channels, height, width); a graph has them as (height, width, channels). A
tensor of the model is therefore a tensor of the graph and whether it lies the other way there.
Layers that turn a map round are then no layers of the graph. A layer that would not do the same to
the graph's map, such as a dense layer over the width, reads it turned round by a layer of its own.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from rsinspect.base.errors import GraphError
from rsinspect.layers.map_layout import (
    ALONG_THE_LAST,
    CHANNELS_FIRST,
    CHANNELS_LAST,
    TURNED,
    axis_last,
    is_map,
    order_last,
)
from rsinspect.layers.ops import TensorShape
from rsinspect.networks.keras_calls import Call, Entry, Model
from rsinspect.networks.keras_layers import IDENTITIES
from rsinspect.networks.keras_ops import ELEMENTWISE, name_in_keras

POINTWISE = frozenset((
    *ELEMENTWISE - {"Softmax", "LogSoftmax"}, *IDENTITIES, "Activation", "ReLU", "LeakyReLU", "ELU",
    "Dropout", "StochasticDepth", "Rescaling", "Average", "Relu", "Relu6", "Tanh", "Silu", "Gelu",
    "Selu", "Softplus", "HardSilu", "LeakyRelu", "CustomScaleLayer", "ScaledAdd", "Arithmetic",
))  # fmt: skip
"""Layers and functions that do the same to a map whichever way it lies."""

_ALONG_AN_AXIS = frozenset((
    "BatchNormalization", "BatchNormalizationV1", "SyncBatchNormalization", "LayerNormalization",
    "Softmax", "Normalization", "Concatenate", "Mean", "Max", "ChannelScale",
))  # fmt: skip
_PER_CHANNEL = ("scale", "offset", "mean", "variance")
_TURNS = ("Permute", "Transpose")


class Value(NamedTuple):
    """A tensor of a model: that of a layer of the graph, a map perhaps with the channels first."""

    path: str
    first: bool = False


def says_first(entry: Entry) -> bool:
    """Tell whether a layer, or a function as it is called, has the data format channels_first."""
    settings = (entry.config, *(call.keywords for call in entry.calls))
    return any(each.get("data_format") == CHANNELS_FIRST for each in settings)


def begins_first(model: Model, name: str) -> bool:
    """Tell whether an input of a model that has channels first somewhere has them so.

    The layers that read it are followed until one says; where none does it has.
    """
    readers: dict[str, list[Entry]] = {}
    for entry in model.entries:
        for call in entry.calls:
            for tensor in call.tensors():
                readers.setdefault(tensor.layer, []).append(entry)
    seen, ahead = {name}, [name]
    while ahead:
        for entry in readers.get(ahead.pop(0), ()):
            said = _says(entry)
            if said is not None:
                return said
            if entry.name not in seen:
                seen.add(entry.name)
                ahead.append(entry.name)
    return True


def _says(entry: Entry) -> bool | None:
    """Say whether a layer reads maps with the channels first; None where it does not tell."""
    if entry.is_model:
        return True
    if entry.class_name in _TURNS:
        return next((order == TURNED[CHANNELS_LAST] for order in _orders(entry)), None)
    if entry.class_name.startswith("BatchNormalization"):
        return entry.config.get("axis") in (1, [1])
    data_format = entry.config.get("data_format")
    if entry.class_name in POINTWISE or data_format is None:
        return None
    return bool(data_format == CHANNELS_FIRST)


def _orders(entry: Entry) -> Iterator[tuple[int, ...]]:
    for call in (*entry.calls, Call((), {})):
        order = order_of(entry, call)
        if order:
            yield order


def order_of(entry: Entry, call: Call) -> tuple[int, ...]:
    """Read to which order a layer or function brings the axes of a map; nothing if it does not."""
    order: Any = entry.config.get("dims")
    if entry.class_name == "Transpose":
        axes = call.keywords.get("axes", entry.config.get("axes"))
        order = axes[1:] if isinstance(axes, list | tuple) and list(axes[:1]) == [0] else None
    if entry.class_name not in _TURNS or not isinstance(order, list | tuple):
        return ()
    return tuple(order) if sorted(map(str, order)) == ["1", "2", "3"] else ()


def turns_round(entry: Entry, call: Call, first: bool) -> bool:
    """Tell whether a layer does nothing but turn round a map that lies in that way."""
    return order_of(entry, call) == TURNED[CHANNELS_LAST if first else CHANNELS_FIRST]


def reads_first(
    entry: Entry, call: Call, firsts: Sequence[bool], shapes: Sequence[TensorShape]
) -> bool:
    """Tell whether a layer is to be read as one on maps with the channels first.

    Args:
        entry: The layer.
        call: What it is called on.
        firsts: Whether each input lies so.
        shapes: Of the inputs in the graph.

    Raises:
        GraphError: If it has that data format on what is no map, as a convolution over time has.
    """
    name, config = entry.class_name, entry.config
    if not entry.is_keras or not shapes:
        return False
    if name == "Reshape":
        sides = config.get("target_shape")
        to_point = isinstance(sides, list | tuple) and list(sides[1:]) == [1, 1]
        return to_point and (not is_map(shapes[0]) or (firsts[0] and shapes[0][:2] == (1, 1)))
    data_format = call.keywords.get("data_format", config.get("data_format"))
    if data_format == CHANNELS_FIRST and name not in POINTWISE:
        if not is_map(shapes[0]) and name != "Flatten":
            raise GraphError(
                f"{entry.name:.80} has the data format channels_first, which is read of maps alone",
                "convert the model to channels_last",
            )
        return True
    if not any(firsts) or len(set(map(len, shapes))) > 1:
        return False
    if name in _TURNS:
        return bool(order_of(entry, call))
    if config.get("activation") in ALONG_THE_LAST:
        return False
    if name in _ALONG_AN_AXIS or name == "Pad":
        return True
    return name_in_keras(name, config) in POINTWISE


def said_for_last(entry: Entry, call: Call) -> tuple[Entry, Call]:
    """Say of a layer on maps with the channels first what it is on the graph's."""
    turned = copy.copy(entry)
    turned.config = _settings(entry, entry.config)
    return turned, Call(call.arguments, _settings(entry, call.keywords))


def _settings(entry: Entry, settings: Mapping[str, Any]) -> dict[str, Any]:
    name, turned = entry.class_name, dict(settings)
    if turned.get("data_format") == CHANNELS_FIRST:
        turned["data_format"] = CHANNELS_LAST
    if name in _ALONG_AN_AXIS:
        default = None if entry.is_operation else -1
        axis = turned.get("axis", default)
        if axis is not None:
            turned["axis"] = _axis(axis)
    for key in _PER_CHANNEL:
        if isinstance(turned.get(key), list | tuple):
            turned[key] = list(_numbers(turned[key]))
    if name == "Reshape" and "target_shape" in turned:
        channels, *sides = turned["target_shape"]
        turned["target_shape"] = [*sides, channels]
    if name == "Permute" and "dims" in turned:
        turned["dims"] = list(order_last(turned["dims"]))
    axes = turned.get("axes")
    if name == "Transpose" and isinstance(axes, list | tuple) and len(axes) == 4:
        turned["axes"] = [0, *order_last(axes[1:])]
    width = turned.get("pad_width")
    if name == "Pad" and isinstance(width, list | tuple) and len(width) == 4:
        turned["pad_width"] = [width[0], width[2], width[3], width[1]]
    return turned


def _axis(axis: Any) -> Any:
    if isinstance(axis, list | tuple):
        return [_axis(each) for each in axis]
    if type(axis) is not int or not -4 < axis < 4:
        return axis
    return axis_last(axis)


def _numbers(value: Any) -> Iterator[Any]:
    """List the numbers in lists of lists, in their order."""
    if isinstance(value, list | tuple):
        for each in value:
            yield from _numbers(each)
    else:
        yield value


def told_for_last(shape: Any) -> Any:
    """Write the shape of a map with the channels first, batch included, as the graph has it."""
    if isinstance(shape, list | tuple) and len(shape) == 4:
        return [shape[0], shape[2], shape[3], shape[1]]
    return shape
