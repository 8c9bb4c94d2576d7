"""The Keras layer of each op.

Only public Keras layers are used, and two small ones of ours for what Keras keeps private.
Initialisers are Keras 2's: He with fan-out, truncated, for every convolution, SE included, and
Glorot uniform for the classifier (tf_keras 2.21, applications/resnet_rs.py).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, assert_never

from rsinspect.base.errors import ModelBuildError
from rsinspect.keras_model.backend import keras
from rsinspect.layers import ops
from rsinspect.layers.map_layout import (
    CHANNELS_FIRST,
    CHANNELS_LAST,
    Layout,
    axis_first,
    lying,
    order_first,
)
from rsinspect.networks.spec import CUSTOM_ACTIVATION

Functions = Mapping[str, Callable[..., Any]]
"""Python functions behind activations that are named ``custom:...``."""


@keras.saving.register_keras_serializable(package="rsinspect")
class ChannelScale(keras.layers.Layer):  # type: ignore[misc]
    """Multiplication by a learnt factor per channel; ``axis`` is that of the channels."""

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def build(self, shape: Any) -> None:
        """Make the factors, (channels,), ones at first."""
        channels = shape[self.axis]
        self.scale = self.add_weight(name="gamma", shape=(channels,), initializer="ones")

    def call(self, x: Any) -> Any:
        """Multiply a tensor by the factors, along its channels."""
        behind = len(x.shape) - 1 - self.axis % len(x.shape)
        return x * keras.ops.reshape(self.scale, (-1, *(1,) * behind))

    def get_config(self) -> dict[str, Any]:
        """Give the axis beside what every layer has."""
        return {**super().get_config(), "axis": self.axis}


@keras.saving.register_keras_serializable(package="rsinspect")
class ScaledAdd(keras.layers.Layer):  # type: ignore[misc]
    """The first input plus the second times a constant."""

    def __init__(self, scale: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, inputs: Any) -> Any:
        """Add two tensors of one shape."""
        return inputs[0] + inputs[1] * self.scale

    def get_config(self) -> dict[str, Any]:
        """Give the constant beside what every layer has."""
        return {**super().get_config(), "scale": self.scale}


@keras.saving.register_keras_serializable(package="rsinspect")
class Arithmetic(keras.layers.Layer):  # type: ignore[misc]
    """Arithmetic with a constant."""

    def __init__(self, function: str, value: float, reverse: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.function, self.value, self.reverse = function, value, reverse

    def call(self, x: Any) -> Any:
        """Compute number by number."""
        functions = {
            "add": operator.add, "subtract": operator.sub, "multiply": operator.mul,
            "divide": operator.truediv, "power": operator.pow,
        }  # fmt: skip
        compute = functions[self.function]
        return compute(self.value, x) if self.reverse else compute(x, self.value)

    def get_config(self) -> dict[str, Any]:
        """Give the constant and what is done with it, beside what every layer has."""
        own = {"function": self.function, "value": self.value, "reverse": self.reverse}
        return {**super().get_config(), **own}


def _function(name: str | None, functions: Functions) -> Any:
    """Give Keras's argument for an activation of the graph: a name or a function."""
    if name is None or not name.startswith(CUSTOM_ACTIVATION):
        return name
    if name not in functions:
        raise ModelBuildError(
            f"the graph has the activation {name!r}, but no function was given for it",
            f"pass functions={{{name!r}: ...}}",
        )
    return functions[name]


def _conv_initializer() -> Any:
    return keras.initializers.VarianceScaling(
        scale=2.0, mode="fan_out", distribution="truncated_normal"
    )


def keras_layer(
    op: ops.Op,
    name: str,
    functions: Functions,
    kernels: Any = None,
    layout: Layout = CHANNELS_LAST,
) -> Any:
    """Make the Keras layer that does what an op says.

    It is long because it is one match over all ops, an entry each.

    Args:
        op: What is to be done.
        name: Of the layer.
        functions: What ``custom:`` activations call.
        kernels: Initialiser of convolutions and dense layers; by default Keras 2's.
        layout: How the maps lie that it reads and gives. Of a layer that ``tensors`` reads
            with channels last, or that has no maps around it, it is channels_last.

    Raises:
        ModelBuildError: If no Keras layer does that, or an activation has no function.
    """
    layers = keras.layers
    channels = 1 if layout == CHANNELS_FIRST else -1
    match op:
        case ops.Input():
            raise ModelBuildError("an input is no layer to call")
        case ops.Rescaling(scale, offset):
            return layers.Rescaling(_along(scale, layout), _along(offset, layout), name=name)
        case ops.Normalization(mean, variance, adapted):
            if adapted:
                return layers.Normalization(axis=channels, name=name)
            return layers.Normalization(
                axis=channels, mean=list(mean), variance=list(variance), name=name
            )
        case ops.ZeroPad2D(padding):
            return layers.ZeroPadding2D(padding, data_format=layout, name=name)
        case ops.Crop2D(cropping):
            return layers.Cropping2D(cropping, data_format=layout, name=name)
        case ops.Conv2D():
            return layers.Conv2D(
                op.filters,
                groups=op.groups,
                kernel_initializer=kernels or _conv_initializer(),
                **_convolution(op, name, functions, layout),
            )
        case ops.DepthwiseConv2D():
            return layers.DepthwiseConv2D(
                depth_multiplier=op.multiplier,
                depthwise_initializer=kernels or _conv_initializer(),
                **_convolution(op, name, functions, layout),
            )
        case ops.SeparableConv2D():
            return layers.SeparableConv2D(
                op.filters,
                depth_multiplier=op.multiplier,
                depthwise_initializer=kernels or _conv_initializer(),
                pointwise_initializer=kernels or _conv_initializer(),
                **_convolution(op, name, functions, layout),
            )
        case ops.Conv2DTranspose():
            return layers.Conv2DTranspose(
                op.filters,
                output_padding=op.output_padding,
                kernel_initializer=kernels or _conv_initializer(),
                **_convolution(op, name, functions, layout),
            )
        case ops.BatchNorm():
            return layers.BatchNormalization(
                axis=channels, momentum=op.momentum, epsilon=op.epsilon, scale=op.scale,
                center=op.center, name=name,
            )  # fmt: skip
        case ops.LayerNorm():
            return layers.LayerNormalization(
                axis=channels, epsilon=op.epsilon, scale=op.scale, center=op.center, name=name
            )
        case ops.ChannelScale():
            return ChannelScale(channels, name=name)
        case ops.Activation("softmax") if layout == CHANNELS_FIRST:
            return layers.Softmax(axis=channels, name=name)
        case ops.Activation(function):
            return layers.Activation(_function(function, functions), name=name)
        case ops.ReLU(top, slope, threshold):
            return layers.ReLU(top, slope, threshold, name=name)
        case ops.PReLU(slopes):
            shared = [axis + 1 for axis, side in enumerate(slopes) if side == 1]
            return layers.PReLU(shared_axes=shared or None, name=name)
        case ops.AvgPool2D(size, stride, padding):
            return layers.AveragePooling2D(
                size, stride, padding=padding, data_format=layout, name=name
            )
        case ops.MaxPool2D(size, stride, padding):
            return layers.MaxPooling2D(size, stride, padding=padding, data_format=layout, name=name)
        case ops.GlobalAvgPool(keepdims):
            return layers.GlobalAveragePooling2D(data_format=layout, keepdims=keepdims, name=name)
        case ops.GlobalMaxPool(keepdims):
            return layers.GlobalMaxPooling2D(data_format=layout, keepdims=keepdims, name=name)
        case ops.UpSampling2D(size, interpolation):
            return layers.UpSampling2D(
                size, data_format=layout, interpolation=interpolation, name=name
            )
        case ops.Reshape(shape):
            return layers.Reshape(lying(shape, layout), name=name)
        case ops.Flatten():
            return layers.Flatten(data_format=layout, name=name)
        case ops.Permute(order):
            turned = order_first(order) if layout == CHANNELS_FIRST else order
            return layers.Permute(turned, name=name)
        case ops.Multiply():
            return layers.Multiply(name=name)
        case ops.DropPath(rate):
            return layers.Dropout(rate, noise_shape=(None, 1, 1, 1), name=name)
        case ops.Add():
            return layers.Add(name=name)
        case ops.ScaledAdd(scale):
            return ScaledAdd(scale, name=name)
        case ops.Merge(function):
            return getattr(layers, function.capitalize())(name=name)
        case ops.Concatenate(axis):
            axis = axis if axis < 0 else axis + 1
            axis = axis_first(axis) if layout == CHANNELS_FIRST else axis
            return layers.Concatenate(axis, name=name)
        case ops.Arithmetic(function, value, reverse):
            return Arithmetic(function, value, reverse, name=name)
        case ops.Dropout(rate):
            return layers.Dropout(rate, name=name)
        case ops.Augmentation():  # nothing in inference; its settings are not in the graph
            return layers.Identity(name=name)
        case ops.Dense():
            return layers.Dense(
                op.units,
                activation=_function(op.activation, functions),
                use_bias=op.use_bias,
                kernel_initializer=kernels or "glorot_uniform",
                name=name,
            )
        case ops.Opaque(class_name) | ops.Pick(kind=class_name):
            raise ModelBuildError(f"{name}: a layer of class {class_name} cannot be built here")
        case _:
            assert_never(op)


def _along(constant: float | tuple[float, ...], layout: Layout) -> Any:
    """Write numbers, one per channel, so that they meet the channels of a map."""
    if not isinstance(constant, tuple):
        return constant
    return [[[each]] for each in constant] if layout == CHANNELS_FIRST else list(constant)


def _convolution(
    op: ops.Conv2D | ops.DepthwiseConv2D | ops.SeparableConv2D | ops.Conv2DTranspose,
    name: str,
    functions: Functions,
    layout: Layout,
) -> dict[str, Any]:
    """Collect the arguments that all convolutions have."""
    return {
        "kernel_size": op.kernel,
        "strides": op.stride,
        "padding": op.padding,
        "data_format": layout,
        "dilation_rate": op.dilation,
        "activation": _function(op.activation, functions),
        "use_bias": op.use_bias,
        "name": name,
    }
