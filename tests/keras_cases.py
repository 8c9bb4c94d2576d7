"""One op at settings nobody thought of, and the same said to Keras: what the two must agree on.

A strategy draws numbers and writes both sides from them: the op by hand, and what Keras is told.
Keras is imported when a case is built, not here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy, composite

from rsinspect.layers import ops
from rsinspect.layers.ops import TensorShape

Draw = Callable[[SearchStrategy[Any]], Any]


class Case(NamedTuple):
    """An op, what it reads, and the call of Keras that does the same.

    Attributes:
        op: Written by hand.
        inputs: Shapes it reads.
        call: Makes the layer and calls it on Keras tensors, given the module ``keras``.
    """

    op: ops.Op
    inputs: tuple[TensorShape, ...]
    call: Callable[[Any, list[Any]], Any]


def layer(op: ops.Op, inputs: tuple[TensorShape, ...], name: str, **settings: Any) -> Case:
    """Make the case of a layer in ``keras.layers``."""

    def call(keras: Any, tensors: list[Any]) -> Any:
        made = getattr(keras.layers, name)(**settings)
        return made(tensors[0] if len(tensors) == 1 else tensors)

    return Case(op, inputs, call)


small = st.integers(1, 4)
pairs = st.tuples(small, small)
activations = st.sampled_from([None, "relu", "gelu", "sigmoid"])
paddings = st.sampled_from(["same", "valid"])
maps = st.builds(TensorShape, st.integers(10, 16), st.integers(10, 16), small)
shapes = st.lists(st.integers(1, 6), min_size=1, max_size=4).map(lambda dims: TensorShape(*dims))
floats = st.sampled_from([-1.5, -0.25, 0.5, 2.0])


@composite
def steps(
    draw: Draw, *, alike: bool = False, most: int = 4
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Stride and dilation; Keras takes one of the two."""
    side = st.integers(1, most)
    pair = draw(side.map(lambda side: (side, side)) if alike else st.tuples(side, side))
    return ((1, 1), pair) if draw(st.booleans()) and max(pair) < 4 else (pair, (1, 1))


def _numbers(kernel: Any, stride: Any, dilation: Any) -> dict[str, Any]:
    """Say the geometry of a window as an op has it."""
    return {
        "kernel": ops.sides(*kernel), "stride": ops.sides(*stride), "dilation": ops.sides(*dilation)
    }  # fmt: skip


@composite
def convolution(draw: Draw) -> Case:
    groups, shape = draw(small), draw(maps)
    shape = TensorShape(*shape[:2], groups * shape.channels)
    kernel, (stride, dilation) = draw(pairs), draw(steps())
    common = {"use_bias": draw(st.booleans()), "activation": draw(activations)}
    common |= {"filters": groups * draw(small), "padding": draw(paddings), "groups": groups}
    op = ops.Conv2D(in_channels=shape.channels, **_numbers(kernel, stride, dilation), **common)
    more = {"kernel_size": kernel, "strides": stride, "dilation_rate": dilation}
    return layer(op, (shape,), "Conv2D", **more, **common)


@composite
def depthwise(draw: Draw) -> Case:
    shape, kernel, (stride, dilation) = draw(maps), draw(pairs), draw(steps(alike=True))
    common = {"use_bias": draw(st.booleans()), "activation": draw(activations)}
    common |= {"padding": draw(paddings)}
    times = draw(small)
    op = ops.DepthwiseConv2D(
        channels=shape.channels, multiplier=times, **_numbers(kernel, stride, dilation), **common
    )
    more = {"kernel_size": kernel, "strides": stride, "dilation_rate": dilation}
    return layer(op, (shape,), "DepthwiseConv2D", depth_multiplier=times, **more, **common)


@composite
def separable(draw: Draw) -> Case:
    shape, kernel, (stride, dilation) = draw(maps), draw(pairs), draw(steps(alike=True))
    common = {"use_bias": draw(st.booleans()), "activation": draw(activations)}
    common |= {"padding": draw(paddings), "filters": draw(small)}
    times = draw(small)
    op = ops.SeparableConv2D(
        in_channels=shape.channels, multiplier=times, **_numbers(kernel, stride, dilation), **common
    )
    more = {"kernel_size": kernel, "strides": stride, "dilation_rate": dilation}
    return layer(op, (shape,), "SeparableConv2D", depth_multiplier=times, **more, **common)


@composite
def transposed(draw: Draw) -> Case:
    shape, kernel, stride = draw(maps), draw(pairs), draw(pairs)
    common = {"use_bias": draw(st.booleans()), "activation": draw(activations)}
    common |= {"padding": draw(paddings), "filters": draw(small)}
    wider = st.just((min(stride) - 1, min(stride) - 1))  # TensorFlow runs it for odd kernels alone
    extra = draw(st.none() | wider if kernel[0] % 2 and kernel[1] % 2 else st.none())
    op = ops.Conv2DTranspose(
        in_channels=shape.channels,
        output_padding=None if extra is None else ops.sides(*extra),
        **_numbers(kernel, stride, (1, 1)),
        **common,
    )
    more = {"kernel_size": kernel, "strides": stride, "output_padding": extra}
    return layer(op, (shape,), "Conv2DTranspose", **more, **common)


@composite
def dense(draw: Draw) -> Case:
    shape = draw(shapes)
    common = {"units": draw(small), "use_bias": draw(st.booleans())}
    common |= {"activation": draw(activations)}
    return layer(ops.Dense(in_channels=shape.channels, **common), (shape,), "Dense", **common)


@composite
def batch_norm(draw: Draw) -> Case:
    shape = draw(shapes)
    common: dict[str, Any] = {"momentum": 0.9, "epsilon": 1e-3}
    common |= {"scale": draw(st.booleans()), "center": draw(st.booleans())}
    op = ops.BatchNorm(shape.channels, **common)
    return layer(op, (shape,), "BatchNormalization", **common)


@composite
def layer_norm(draw: Draw) -> Case:
    shape = draw(shapes)
    common = {"epsilon": 1e-5, "scale": draw(st.booleans()), "center": draw(st.booleans())}
    op = ops.LayerNorm(shape.channels, **common)
    return layer(op, (shape,), "LayerNormalization", **common)


@composite
def normalization(draw: Draw) -> Case:
    shape = draw(shapes)
    if draw(st.booleans()):
        return layer(ops.Normalization((), (), shape.channels), (shape,), "Normalization")
    mean = tuple(0.5 * place for place in range(shape.channels))
    variance = tuple(1.0 + place for place in range(shape.channels))
    op = ops.Normalization(mean, variance)
    return layer(op, (shape,), "Normalization", mean=list(mean), variance=list(variance))


@composite
def rescaling(draw: Draw) -> Case:
    scale, offset = draw(floats), draw(st.just(0.0) | floats)
    return layer(
        ops.Rescaling(scale, offset), (draw(shapes),), "Rescaling", scale=scale, offset=offset
    )


@composite
def bordered(draw: Draw) -> Case:
    rows, columns = draw(pairs), draw(st.tuples(st.integers(0, 3), st.integers(0, 3)))
    border = ops.borders(rows, columns)
    if draw(st.booleans()):
        return layer(ops.ZeroPad2D(border), (draw(maps),), "ZeroPadding2D", padding=(rows, columns))
    return layer(ops.Crop2D(border), (draw(maps),), "Cropping2D", cropping=(rows, columns))


@composite
def pooling(draw: Draw) -> Case:
    size, stride, padding = draw(pairs), draw(pairs), draw(paddings)
    record, name = draw(
        st.sampled_from([(ops.AvgPool2D, "AveragePooling2D"), (ops.MaxPool2D, "MaxPooling2D")])
    )
    return layer(
        record(ops.sides(*size), ops.sides(*stride), padding), (draw(maps),), name,
        pool_size=size, strides=stride, padding=padding,
    )  # fmt: skip


@composite
def global_pooling(draw: Draw) -> Case:
    keep = draw(st.booleans())
    if draw(st.booleans()):
        op, name = ops.GlobalAvgPool(keep), "GlobalAveragePooling2D"
        return layer(op, (draw(maps),), name, keepdims=keep)
    return layer(ops.GlobalMaxPool(keep), (draw(maps),), "GlobalMaxPooling2D", keepdims=keep)


@composite
def upsampling(draw: Draw) -> Case:
    size, how = draw(pairs), draw(st.sampled_from(["nearest", "bilinear", "bicubic"]))
    op = ops.UpSampling2D(ops.sides(*size), how)
    return layer(op, (draw(maps),), "UpSampling2D", size=size, interpolation=how)


@composite
def rectifier(draw: Draw) -> Case:
    top, slope, threshold = (
        draw(st.sampled_from(values)) for values in ((None, 6.0), (0.0, 0.5), (0.0, 0.25))
    )
    limited = (top, slope, threshold) != (None, 0.0, 0.0)
    op = ops.ReLU(top, slope, threshold) if limited else ops.Activation("relu")
    return layer(
        op, (draw(shapes),), "ReLU",
        max_value=top, negative_slope=slope, threshold=threshold,
    )  # fmt: skip


@composite
def parametric_rectifier(draw: Draw) -> Case:
    shape = draw(shapes)
    shared = draw(st.sets(st.integers(1, len(shape))))
    slopes = tuple(1 if axis + 1 in shared else side for axis, side in enumerate(shape))
    return layer(ops.PReLU(slopes), (shape,), "PReLU", shared_axes=sorted(shared) or None)


@composite
def view(draw: Draw) -> Case:
    shape = draw(shapes)
    kind = draw(st.sampled_from(["Flatten", "Reshape", "Permute"]))
    if kind == "Flatten":
        return layer(ops.Flatten(), (shape,), kind)
    order = tuple(draw(st.permutations(range(1, len(shape) + 1))))
    if kind == "Permute":
        return layer(ops.Permute(order), (shape,), kind, dims=order)
    sides = [shape[axis - 1] for axis in order]
    if draw(st.booleans()):
        sides[draw(st.integers(0, len(sides) - 1))] = -1
    return layer(ops.Reshape(TensorShape(*sides)), (shape,), kind, target_shape=tuple(sides))


@composite
def merging(draw: Draw) -> Case:
    shape, count = draw(shapes), draw(st.integers(2, 4))
    name = draw(st.sampled_from(["Add", "Multiply", "Subtract", "Average", "Maximum", "Minimum"]))
    inputs = [shape] * (2 if name == "Subtract" else count)
    if draw(st.booleans()):  # sides of one meet any side
        ones = draw(st.sets(st.integers(0, len(shape) - 1)))
        inputs[1] = TensorShape(*(1 if axis in ones else side for axis, side in enumerate(shape)))
    if name in ("Add", "Multiply"):
        return layer(ops.OPS[name](), tuple(inputs), name)
    return layer(ops.Merge(name.lower()), tuple(inputs), name)


@composite
def concatenation(draw: Draw) -> Case:
    shape, count = draw(shapes), draw(st.integers(2, 4))
    axis = draw(st.integers(0, len(shape) - 1))
    inputs = []
    for _ in range(count):
        sides = list(shape)
        sides[axis] = draw(small)
        inputs.append(TensorShape(*sides))
    last = axis == len(shape) - 1
    return layer(
        ops.Concatenate(-1 if last else axis), tuple(inputs), "Concatenate",
        axis=-1 if last else axis + 1,
    )  # fmt: skip


@composite
def plain(draw: Draw) -> Case:
    """Layers of which nothing is left in inference, and a nonlinearity by itself."""
    shape = draw(maps)
    case: Case = draw(
        st.sampled_from(
            [
                layer(ops.Dropout(0.25), (shape,), "Dropout", rate=0.25),
                layer(ops.DropPath(0.25), (shape,), "Dropout", rate=0.25,
                      noise_shape=(None, 1, 1, 1)),
                layer(ops.Augmentation("GaussianNoise"), (shape,), "GaussianNoise", stddev=1.0),
                layer(ops.Augmentation("RandomFlip"), (shape,), "RandomFlip", mode="horizontal"),
                layer(ops.Activation("silu"), (shape,), "Activation", activation="silu"),
                layer(ops.Activation("softmax"), (shape,), "Softmax"),
                layer(ops.ReLU(None, 0.25), (shape,), "LeakyReLU", negative_slope=0.25),
            ]
        )
    )  # fmt: skip
    return case


@composite
def arithmetic(draw: Draw) -> Case:
    shape, value, reverse = (
        draw(shapes),
        draw(st.sampled_from([0.5, 2.0, 3.0])),
        draw(st.booleans()),
    )
    function = draw(st.sampled_from(["add", "subtract", "multiply", "divide"]))

    def call(keras: Any, tensors: list[Any]) -> Any:
        compute = getattr(keras.ops, function)
        return compute(value, tensors[0]) if reverse else compute(tensors[0], value)

    ordered = reverse and function in ("subtract", "divide")
    return Case(ops.Arithmetic(function, value, ordered), (shape,), call)


@composite
def channel_scale(draw: Draw) -> Case:
    shape = draw(maps)

    def call(keras: Any, tensors: list[Any]) -> Any:
        from keras.src.applications.convnext import LayerScale

        return LayerScale(1e-2, shape.channels)(tensors[0])

    return Case(ops.ChannelScale(shape.channels), (shape,), call)


@composite
def scaled_add(draw: Draw) -> Case:
    shape, scale = draw(shapes), draw(floats)

    def call(keras: Any, tensors: list[Any]) -> Any:
        from keras.src.applications.inception_resnet_v2 import CustomScaleLayer

        return CustomScaleLayer(scale)(tensors)

    return Case(ops.ScaledAdd(scale), (shape, shape), call)


CONVOLUTIONS = {
    "Conv2D": convolution(), "DepthwiseConv2D": depthwise(), "SeparableConv2D": separable(),
    "Conv2DTranspose": transposed(),
}  # fmt: skip

CASES: dict[str, SearchStrategy[Case]] = CONVOLUTIONS | {
    "Dense": dense(), "BatchNorm": batch_norm(), "LayerNorm": layer_norm(),
    "Normalization": normalization(), "Rescaling": rescaling(), "borders": bordered(),
    "pooling": pooling(), "global_pooling": global_pooling(), "UpSampling2D": upsampling(),
    "ReLU": rectifier(), "PReLU": parametric_rectifier(), "view": view(), "merging": merging(),
    "Concatenate": concatenation(), "plain": plain(), "Arithmetic": arithmetic(),
    "ChannelScale": channel_scale(), "ScaledAdd": scaled_add(),
}  # fmt: skip
"""Every op that Keras has a layer for."""
