"""What is known of Keras's layers that no op describes: shapes that come out, shapes of weights.

A configuration of Keras 3 tells the shape of every tensor that a later layer reads, a file the
shapes of all weights. These rules serve where neither does: the last layer of a model, Keras 2's
configurations, inputs of open length.
"""

from __future__ import annotations

from collections.abc import Callable

from rsinspect.layers.ops import TensorShape
from rsinspect.layers.shapes import ceil_div
from rsinspect.networks.keras_settings import Settings, Unfit, is_side

Shapes = tuple[TensorShape, ...]
Rule = Callable[[Settings, Shapes], Shapes]
Weights = tuple[tuple[int, ...], ...]


def opaque_shapes(class_name: str, settings: Settings, inputs: Shapes) -> Shapes:
    """Infer the shapes that come out of a layer that no op describes.

    Raises:
        Unfit: If that is not known.
    """
    if class_name not in _SHAPES or not inputs:
        raise Unfit(class_name)
    return _SHAPES[class_name](settings, inputs)


def opaque_weights(class_name: str, settings: Settings, inputs: Shapes) -> Weights | None:
    """Infer the shapes of the weights of a layer that no op describes; None if not known."""
    if class_name in WEIGHTLESS:
        return ()
    if class_name not in _WEIGHTS or not inputs:
        return None
    try:
        return _WEIGHTS[class_name](settings, inputs)
    except Unfit:
        return None


def _same(settings: Settings, inputs: Shapes) -> Shapes:
    return inputs[:1]


def _embedding(settings: Settings, inputs: Shapes) -> Shapes:
    return (TensorShape(*inputs[0], settings.count("output_dim")),)


def _embedding_weights(settings: Settings, inputs: Shapes) -> Weights:
    settings.refuse_adapted()
    return ((settings.count("input_dim"), settings.count("output_dim")),)


def _recurrent(states: int) -> Rule:
    def rule(settings: Settings, inputs: Shapes) -> Shapes:
        if len(inputs[0]) != 2:
            raise Unfit("inputs")
        units = settings.count("units")
        whole = settings.flag("return_sequences", False)
        out = TensorShape(inputs[0][0], units) if whole else TensorShape(units)
        more = (TensorShape(units),) * states if settings.has("return_state") else ()
        return (out, *more)

    return rule


def _recurrent_weights(gates: int) -> Callable[[Settings, Shapes], Weights]:
    def rule(settings: Settings, inputs: Shapes) -> Weights:
        units = settings.count("units")
        wide = gates * units
        kernels = ((inputs[0].channels, wide), (units, wide))
        if not settings.flag("use_bias"):
            return kernels
        twice = gates == 3 and settings.flag("reset_after")
        return (*kernels, (2, wide) if twice else (wide,))

    return rule


def _bidirectional(settings: Settings, inputs: Shapes) -> Shapes:
    out, *states = opaque_shapes(*_inner(settings, "layer"), inputs)
    mode = settings.get("merge_mode", "concat")
    if mode is None:
        return (out, out, *states, *states)
    if mode == "concat":
        out = TensorShape(*out[:-1], 2 * out.channels)
    return (out, *states, *states)


def _bidirectional_weights(settings: Settings, inputs: Shapes) -> Weights:
    backward = "backward_layer" if settings.has("backward_layer") else "layer"
    one = opaque_weights(*_inner(settings, "layer"), inputs)
    other = opaque_weights(*_inner(settings, backward), inputs)
    if one is None or other is None:
        raise Unfit("layer")
    return one + other


def _inner(settings: Settings, key: str) -> tuple[str, Settings]:
    """Return class and settings of a layer in a wrapper."""
    layer = settings.get(key)
    if not isinstance(layer, dict) or not isinstance(layer.get("config"), dict):
        raise Unfit(key)
    if layer.get("class_name") not in ("LSTM", "GRU", "SimpleRNN"):
        raise Unfit(key)
    return str(layer.get("class_name")), Settings(layer["config"])


def _attention(settings: Settings, inputs: Shapes) -> Shapes:
    """Infer what multi-head attention gives: its query's shape, or another last axis."""
    last = settings.get("output_shape")
    if last is not None:
        sides = last if isinstance(last, list | tuple) else [last]
        if not all(map(is_side, sides)):
            raise Unfit("output_shape")
        return (TensorShape(*inputs[0][:-1], *sides),)
    return inputs[:1]


def _attention_weights(settings: Settings, inputs: Shapes) -> Weights:
    settings.refuse("output_shape", "use_gate")
    heads, key = settings.count("num_heads"), settings.count("key_dim")
    value = settings.count("value_dim", key)
    query = inputs[0].channels
    values = inputs[min(1, len(inputs) - 1)].channels
    keys = inputs[2].channels if len(inputs) > 2 else values
    projections = [
        ((query, heads, key), (heads, key)),
        ((keys, heads, key), (heads, key)),
        ((values, heads, value), (heads, value)),
        ((heads, value, query), (query,)),
    ]
    kept = 2 if settings.flag("use_bias") else 1
    return tuple(shape for projection in projections for shape in projection[:kept])


def _dot_attention(settings: Settings, inputs: Shapes) -> Shapes:
    return (TensorShape(*inputs[0][:-1], inputs[min(1, len(inputs) - 1)].channels),)


def _dot_attention_weights(settings: Settings, inputs: Shapes) -> Weights:
    settings.refuse("use_scale")
    if settings.get("score_mode", "dot") != "dot":
        raise Unfit("score_mode")
    return ()


def _windows(settings: Settings, inputs: Shapes, size: str, axes: int, channels: int) -> Shapes:
    """Infer the shape behind a window that moves over one axis or three."""
    *sides, _ = inputs[0]
    if len(sides) != axes:
        raise Unfit("inputs")
    windows, steps = _each(settings, size, axes), _each(settings, "strides", axes, size)
    dilations = _each(settings, "dilation_rate", axes)
    padding = str(settings.get("padding", "valid")).lower()
    out = []
    for side, window, step, dilation in zip(sides, windows, steps, dilations, strict=True):
        places = side - (window - 1) * dilation if padding == "valid" else side
        out.append(ceil_div(places, step))
    if min(out) < 1 or padding not in ("valid", "same", "causal"):
        raise Unfit(size)
    return (TensorShape(*out, channels),)


def _each(settings: Settings, key: str, axes: int, default: str = "") -> list[int]:
    """Read a number per axis."""
    value = settings.get(key)
    if value is None:
        value = settings.get(default) or 1
    numbers = [value] * axes if type(value) is int else value
    if not isinstance(numbers, list | tuple) or len(numbers) != axes:
        raise Unfit(key)
    if not all(type(each) is int and each >= 1 for each in numbers):
        raise Unfit(key)
    return list(numbers)


def _conv(axes: int) -> Rule:
    return lambda settings, inputs: _windows(
        settings, inputs, "kernel_size", axes, settings.count("filters")
    )


def _conv_weights(axes: int) -> Callable[[Settings, Shapes], Weights]:
    def rule(settings: Settings, inputs: Shapes) -> Weights:
        settings.refuse_adapted()
        filters, groups = settings.count("filters"), settings.count("groups", 1)
        sides = _each(settings, "kernel_size", axes)
        kernel = (*sides, inputs[0].channels // groups, filters)
        return (kernel, (filters,)) if settings.flag("use_bias") else (kernel,)

    return rule


def _pool(axes: int) -> Rule:
    return lambda settings, inputs: _windows(
        settings, inputs, "pool_size", axes, inputs[0].channels
    )


def _global_pool(settings: Settings, inputs: Shapes) -> Shapes:
    ones = (1,) * (len(inputs[0]) - 1) if settings.has("keepdims") else ()
    return (TensorShape(*ones, inputs[0].channels),)


def _sized(settings: Settings, inputs: Shapes) -> Shapes:
    return (TensorShape(settings.count("height"), settings.count("width"), inputs[0].channels),)


def _repeated(settings: Settings, inputs: Shapes) -> Shapes:
    return (TensorShape(settings.count("n"), *inputs[0]),)


def _bordered(sign: int, key: str) -> Rule:
    """Make the rule of a border put on, or cut off, along one axis."""

    def rule(settings: Settings, inputs: Shapes) -> Shapes:
        value = settings.get(key, 1)
        pair = [value, value] if type(value) is int else value
        if not isinstance(pair, list | tuple) or len(pair) != 2 or len(inputs[0]) != 2:
            raise Unfit(key)
        if not all(type(side) is int and 0 <= side < 2**24 for side in pair):
            raise Unfit(key)
        return (TensorShape(inputs[0][0] + sign * sum(pair), inputs[0][1]),)

    return rule


def _enlarged(settings: Settings, inputs: Shapes) -> Shapes:
    if len(inputs[0]) != 2:
        raise Unfit("inputs")
    return (TensorShape(inputs[0][0] * settings.count("size", 2), inputs[0][1]),)


def _told(settings: Settings, inputs: Shapes) -> Shapes:
    """Read the shape that a function of somebody's Python was given with."""
    sides = settings.get("output_shape")
    if not isinstance(sides, list | tuple) or not all(map(is_side, sides)):
        raise Unfit("output_shape")
    return (TensorShape(*sides),)


def _channels(number: int) -> Callable[[Settings, Shapes], Weights]:
    """Make the rule of a normalisation with that many weights per channel."""
    return lambda settings, inputs: (
        ((inputs[0].channels,),)
        * (sum(settings.flag(key) for key in ("scale", "center")) if number == 2 else number)
    )


_SHAPES: dict[str, Rule] = {
    "Embedding": _embedding,
    "LSTM": _recurrent(2), "CuDNNLSTM": _recurrent(2),
    "GRU": _recurrent(1), "CuDNNGRU": _recurrent(1),
    "SimpleRNN": _recurrent(1),
    "Bidirectional": _bidirectional,
    "MultiHeadAttention": _attention,
    "GroupedQueryAttention": _same,
    "Attention": _dot_attention, "AdditiveAttention": _dot_attention,
    "Conv1D": _conv(1), "Conv3D": _conv(3), "Convolution1D": _conv(1),
    "MaxPooling1D": _pool(1), "AveragePooling1D": _pool(1),
    "MaxPooling3D": _pool(3), "AveragePooling3D": _pool(3),
    "GlobalAveragePooling1D": _global_pool, "GlobalMaxPooling1D": _global_pool,
    "GlobalAveragePooling3D": _global_pool, "GlobalMaxPooling3D": _global_pool,
    "GlobalAveragePooling2D": _global_pool, "GlobalMaxPooling2D": _global_pool,
    "Resizing": _sized, "CenterCrop": _sized, "RandomCrop": _sized,
    "RepeatVector": _repeated,
    "Lambda": _told,
    "ZeroPadding1D": _bordered(1, "padding"), "Cropping1D": _bordered(-1, "cropping"),
    "UpSampling1D": _enlarged,
    **dict.fromkeys((
        "Activation", "AutoContrast", "BatchNormalization", "ELU", "Equalization", "Masking",
        "GroupNormalization", "LayerNormalization", "Normalization", "RMSNormalization", "Softmax",
        "Solarization", "ThresholdedReLU", "UnitNormalization", "LeakyReLU", "ReLU", "PReLU",
        "Rescaling", "Dropout",
    ), _same),
}  # fmt: skip
"""Shapes that come out of a class of layer."""

_WEIGHTS: dict[str, Callable[[Settings, Shapes], Weights]] = {
    "Embedding": _embedding_weights,
    "LSTM": _recurrent_weights(4),
    "GRU": _recurrent_weights(3),
    "SimpleRNN": _recurrent_weights(1),
    "Bidirectional": _bidirectional_weights,
    "MultiHeadAttention": _attention_weights,
    "Attention": _dot_attention_weights,
    "Conv1D": _conv_weights(1),
    "Conv3D": _conv_weights(3),
    "GroupNormalization": _channels(2),
}
"""Shapes of the weights of a class of layer, trained ones all."""

WEIGHTLESS = frozenset((
    "Activation", "AutoContrast", "AveragePooling1D", "AveragePooling3D", "CenterCrop",
    "Cropping1D", "Cropping3D", "Dot", "ELU", "Equalization", "GlobalAveragePooling1D",
    "GlobalAveragePooling3D", "GlobalMaxPooling1D", "GlobalMaxPooling3D", "Lambda",
    "Masking", "MaxPooling1D", "MaxPooling3D", "RandomCrop", "RepeatVector", "Resizing", "Softmax",
    "Solarization", "ThresholdedReLU", "UnitNormalization", "UpSampling1D", "UpSampling3D",
    "ZeroPadding1D", "ZeroPadding3D",
))  # fmt: skip
"""Layers without weights, whatever their settings."""
