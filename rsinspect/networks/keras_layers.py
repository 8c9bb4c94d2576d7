"""Which op a class of Keras layer is: a closed table, looked up by name, nothing imported.

A reader takes the layer's settings and the shapes it reads and raises ``Unfit`` where a setting is
one that the op has no place for.
"""

from __future__ import annotations

from collections.abc import Callable

from rsinspect.layers import ops
from rsinspect.layers.ops import Op, TensorShape
from rsinspect.networks.keras_settings import Settings, Unfit, is_number

Shapes = tuple[TensorShape, ...]
Reader = Callable[[Settings, Shapes], Op]


def layer_op(class_name: str, settings: Settings, inputs: Shapes) -> Op:
    """Say what a layer of one of Keras's own classes does.

    Raises:
        Unfit: If no op does that.
    """
    if class_name not in _READERS:
        raise Unfit(class_name)
    return _READERS[class_name](settings, inputs)


def _one(inputs: Shapes) -> TensorShape:
    if len(inputs) != 1:
        raise Unfit("inputs")
    return inputs[0]


def _conv(settings: Settings, inputs: Shapes) -> Op:
    settings.refuse_adapted()
    return ops.Conv2D(
        kernel=settings.sides("kernel_size"),
        in_channels=_one(inputs).channels,
        filters=settings.count("filters"),
        stride=settings.sides("strides", 1),
        padding=settings.padding(),
        use_bias=settings.flag("use_bias"),
        activation=settings.activation(),
        groups=settings.count("groups", 1),
        dilation=settings.sides("dilation_rate", 1),
    )


def _depthwise(settings: Settings, inputs: Shapes) -> Op:
    return ops.DepthwiseConv2D(
        kernel=settings.sides("kernel_size"),
        channels=_one(inputs).channels,
        multiplier=settings.count("depth_multiplier", 1),
        stride=settings.sides("strides", 1),
        padding=settings.padding(),
        use_bias=settings.flag("use_bias"),
        activation=settings.activation(),
        dilation=settings.sides("dilation_rate", 1),
    )


def _separable(settings: Settings, inputs: Shapes) -> Op:
    return ops.SeparableConv2D(
        kernel=settings.sides("kernel_size"),
        in_channels=_one(inputs).channels,
        filters=settings.count("filters"),
        multiplier=settings.count("depth_multiplier", 1),
        stride=settings.sides("strides", 1),
        padding=settings.padding(),
        use_bias=settings.flag("use_bias"),
        activation=settings.activation(),
        dilation=settings.sides("dilation_rate", 1),
    )


def _transposed(settings: Settings, inputs: Shapes) -> Op:
    more = settings.get("output_padding")
    if more is not None:
        pair = [more, more] if type(more) is int else list(more)
        if len(pair) != 2 or not all(type(side) is int and 0 <= side < 1000 for side in pair):
            raise Unfit("output_padding")
        more = ops.sides(*pair)
    return ops.Conv2DTranspose(
        kernel=settings.sides("kernel_size"),
        in_channels=_one(inputs).channels,
        filters=settings.count("filters"),
        stride=settings.sides("strides", 1),
        padding=settings.padding(),
        use_bias=settings.flag("use_bias"),
        activation=settings.activation(),
        output_padding=more,
        dilation=settings.sides("dilation_rate", 1),
    )


def _dense(settings: Settings, inputs: Shapes) -> Op:
    settings.refuse_adapted()
    return ops.Dense(
        _one(inputs).channels,
        settings.count("units"),
        settings.activation(),
        settings.flag("use_bias"),
    )


def _batch_norm(settings: Settings, inputs: Shapes) -> Op:
    settings.refuse("renorm", "virtual_batch_size", "adjustment")
    settings.last_axis(_one(inputs))
    return ops.BatchNorm(
        channels=inputs[0].channels,
        momentum=settings.number("momentum", 0.99, high=1),
        epsilon=settings.number("epsilon", 1e-3, high=1e9),
        scale=settings.flag("scale"),
        center=settings.flag("center"),
    )


def _layer_norm(settings: Settings, inputs: Shapes) -> Op:
    settings.refuse("rms_scaling")
    settings.last_axis(_one(inputs))
    return ops.LayerNorm(
        channels=inputs[0].channels,
        epsilon=settings.number("epsilon", 1e-3, high=1e9),
        scale=settings.flag("scale"),
        center=settings.flag("center"),
    )


def _layer_scale(settings: Settings, inputs: Shapes) -> Op:
    if settings.count("projection_dim") != _one(inputs).channels:
        raise Unfit("projection_dim")
    return ops.ChannelScale(inputs[0].channels)


def _normalization(settings: Settings, inputs: Shapes) -> Op:
    settings.refuse("invert")
    shape = _one(inputs)
    settings.last_axis(shape)
    mean, variance = settings.get("mean"), settings.get("variance")
    if mean is None and variance is None:
        return ops.Normalization((), (), shape.channels)
    means = settings.numbers("mean", shape.channels)
    variances = settings.numbers("variance", shape.channels)
    means, variances = (
        value if isinstance(value, tuple) else (value,) * shape.channels
        for value in (means, variances)
    )
    if min(variances) < 0:
        raise Unfit("variance")
    return ops.Normalization(means, variances)


def _rescaling(settings: Settings, inputs: Shapes) -> Op:
    channels = _one(inputs).channels
    return ops.Rescaling(
        settings.numbers("scale", channels), settings.numbers("offset", channels, 0.0)
    )


def _relu(settings: Settings, inputs: Shapes) -> Op:
    limit = settings.get("max_value")
    slope = settings.get("negative_slope") or 0.0
    threshold = settings.get("threshold") or 0.0
    if not all(value is None or is_number(value) for value in (limit, slope, threshold)):
        raise Unfit("max_value")
    plain = limit is None and slope == threshold == 0
    if plain:
        return ops.Activation("relu")
    return ops.ReLU(None if limit is None else float(limit), float(slope), float(threshold))


def _leaky_relu(settings: Settings, inputs: Shapes) -> Op:
    return ops.ReLU(negative_slope=settings.number("negative_slope", settings.get("alpha", 0.3)))


def _prelu(settings: Settings, inputs: Shapes) -> Op:
    shared = settings.get("shared_axes") or ()
    shape = _one(inputs)
    if not isinstance(shared, list | tuple):
        raise Unfit("shared_axes")
    return ops.PReLU(tuple(1 if axis in shared else side for axis, side in enumerate(shape, 1)))


def _elu(settings: Settings, inputs: Shapes) -> Op:
    if settings.get("alpha", 1) != 1:
        raise Unfit("alpha")
    return ops.Activation("elu")


def _softmax(settings: Settings, inputs: Shapes) -> Op:
    settings.last_axis(_one(inputs))
    return ops.Activation("softmax")


def _pool(op: type[ops.AvgPool2D | ops.MaxPool2D]) -> Reader:
    def read(settings: Settings, inputs: Shapes) -> Op:
        size = settings.sides("pool_size", 2)
        stride = settings.sides("strides") if settings.get("strides") is not None else size
        return op(size, stride, settings.padding())

    return read


def _global_pool(op: type[ops.GlobalAvgPool | ops.GlobalMaxPool]) -> Reader:
    return lambda settings, inputs: op(settings.flag("keepdims", False))


def _upsampling(settings: Settings, inputs: Shapes) -> Op:
    interpolation = settings.get("interpolation", "nearest")
    if interpolation not in ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"):
        raise Unfit("interpolation")
    return ops.UpSampling2D(settings.sides("size", 2), interpolation)


def _reshape(settings: Settings, inputs: Shapes) -> Op:
    sides = settings.get("target_shape")
    if not isinstance(sides, list | tuple) or not all(type(side) is int for side in sides):
        raise Unfit("target_shape")
    if sum(side == -1 for side in sides) > 1 or any(side < 1 and side != -1 for side in sides):
        raise Unfit("target_shape")
    return ops.Reshape(TensorShape(*sides))


def _permute(settings: Settings, inputs: Shapes) -> Op:
    order = settings.get("dims")
    if not isinstance(order, list | tuple) or not all(type(axis) is int for axis in order):
        raise Unfit("dims")
    return ops.Permute(tuple(order))


def _dropout(settings: Settings, inputs: Shapes) -> Op:
    rate, noise = settings.number("rate", high=1), settings.get("noise_shape")
    if noise is None:
        return ops.Dropout(rate)
    if isinstance(noise, list | tuple) and list(noise[1:]) == [1] * len(_one(inputs)):
        return ops.DropPath(rate)
    return ops.Augmentation("Dropout")


def _concatenate(settings: Settings, inputs: Shapes) -> Op:
    if not inputs:
        raise Unfit("inputs")
    return ops.Concatenate(axis_of(settings.get("axis", -1), len(inputs[0])))


def axis_of(axis: object, rank: int) -> int:
    """Number an axis as an op does: -1 is the last, 0 the first after the batch.

    Raises:
        Unfit: If it is the batch's, or none.
    """
    if type(axis) is not int:
        raise Unfit("axis")
    place = axis - 1 if axis > 0 else axis + rank if axis < 0 else -1
    if not 0 <= place < rank:
        raise Unfit("axis")
    return -1 if place == rank - 1 else place


def _scaled_add(settings: Settings, inputs: Shapes) -> Op:
    return ops.ScaledAdd(settings.number("scale"))


def _channel_scale(settings: Settings, inputs: Shapes) -> Op:
    settings.last_axis(_one(inputs))
    return ops.ChannelScale(inputs[0].channels)


def _arithmetic(settings: Settings, inputs: Shapes) -> Op:
    function = settings.get("function")
    if function not in ("add", "subtract", "multiply", "divide", "power"):
        raise Unfit("function")
    return ops.Arithmetic(function, settings.number("value"), settings.flag("reverse", False))


def _time_distributed(settings: Settings, inputs: Shapes) -> Op:
    """Read a wrapped layer that does the same at every step anyway."""
    inner = settings.get("layer")
    if not isinstance(inner, dict) or not isinstance(inner.get("config"), dict):
        raise Unfit("layer")
    if inner.get("class_name") not in ("Dense", "Activation", "ReLU", "LeakyReLU", "Dropout"):
        raise Unfit("layer")
    return layer_op(inner["class_name"], Settings(inner["config"]), inputs)


def _augmentation(class_name: str) -> Reader:
    return lambda settings, inputs: ops.Augmentation(class_name)


IDENTITIES = (
    "ActivityRegularization", "AlphaDropout", "GaussianDropout", "GaussianNoise", "Identity",
    "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D",
    "AugMix", "CutMix", "MixUp", "RandAugment",
    "RandomBrightness", "RandomColorDegeneration", "RandomColorJitter", "RandomContrast",
    "RandomElasticTransform", "RandomErasing", "RandomFlip", "RandomGaussianBlur",
    "RandomGrayscale", "RandomHue", "RandomInvert", "RandomPerspective", "RandomPosterization",
    "RandomRotation", "RandomSaturation", "RandomSharpness", "RandomShear", "RandomTranslation",
    "RandomZoom",
)  # fmt: skip
"""Layers that give in inference what they are given, or a random change of it in training."""

_READERS: dict[str, Reader] = {
    "Conv2D": _conv,
    "Convolution2D": _conv,
    "DepthwiseConv2D": _depthwise,
    "SeparableConv2D": _separable,
    "SeparableConvolution2D": _separable,
    "Conv2DTranspose": _transposed,
    "Convolution2DTranspose": _transposed,
    "BatchNormalization": _batch_norm,
    "BatchNormalizationV1": _batch_norm,
    "SyncBatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm,
    "LayerScale": _layer_scale,
    "Normalization": _normalization,
    "Rescaling": _rescaling,
    "Activation": lambda settings, inputs: ops.Activation(settings.activation() or "linear"),
    "ReLU": _relu,
    "LeakyReLU": _leaky_relu,
    "PReLU": _prelu,
    "ELU": _elu,
    "Softmax": _softmax,
    "Dense": _dense,
    "Dropout": _dropout,
    "StochasticDepth": lambda settings, inputs: ops.DropPath(settings.number("rate", high=1)),
    "ZeroPadding2D": lambda settings, inputs: ops.ZeroPad2D(settings.borders("padding")),
    "Cropping2D": lambda settings, inputs: ops.Crop2D(settings.borders("cropping")),
    "AveragePooling2D": _pool(ops.AvgPool2D),
    "MaxPooling2D": _pool(ops.MaxPool2D),
    "GlobalAveragePooling2D": _global_pool(ops.GlobalAvgPool),
    "GlobalMaxPooling2D": _global_pool(ops.GlobalMaxPool),
    "UpSampling2D": _upsampling,
    "Reshape": _reshape,
    "Flatten": lambda settings, inputs: ops.Flatten(),
    "Permute": _permute,
    "Add": lambda settings, inputs: ops.Add(),
    "Subtract": lambda settings, inputs: ops.Merge("subtract"),
    "Multiply": lambda settings, inputs: ops.Multiply(),
    "Average": lambda settings, inputs: ops.Merge("average"),
    "Maximum": lambda settings, inputs: ops.Merge("maximum"),
    "Minimum": lambda settings, inputs: ops.Merge("minimum"),
    "Concatenate": _concatenate,
    "CustomScaleLayer": _scaled_add,
    "ScaledAdd": _scaled_add,  # these are ours: keras_model.keras_layers
    "ChannelScale": _channel_scale,
    "Arithmetic": _arithmetic,
    "TimeDistributed": _time_distributed,
    **{name: _augmentation(name) for name in IDENTITIES},
}
"""Which op a class of Keras layer is."""
