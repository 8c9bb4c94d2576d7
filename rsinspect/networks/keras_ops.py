"""Which op a function in a Keras graph is: ``keras.ops`` of Keras 3, TensorFlow's of Keras 2.

``x * 2`` or ``ops.mean(x, axis=[1, 2])`` on the tensors of a model become nodes of its graph, with
no layer around them. Where no op describes one it is opaque, without weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from rsinspect.layers import ops
from rsinspect.layers.ops import Op, TensorShape
from rsinspect.layers.shapes import broadcast
from rsinspect.networks.keras_calls import Call, Tensor
from rsinspect.networks.keras_layers import axis_of
from rsinspect.networks.keras_settings import Settings, Unfit, is_number

Shapes = tuple[TensorShape, ...]

TENSORFLOW = ("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer", "ClassMethod", "InstanceMethod",
              "InstanceProperty")  # fmt: skip
"""Layers that Keras 2 makes of a TensorFlow function on a tensor of a model."""

_TENSORFLOW_NAMES = {
    "__operators__.add": "Add", "math.add": "Add", "add": "Add", "math.add_n": "Add",
    "math.subtract": "Subtract", "subtract": "Subtract", "math.multiply": "Multiply",
    "multiply": "Multiply", "math.truediv": "TrueDivide", "math.divide": "TrueDivide",
    "math.pow": "Power", "math.maximum": "Maximum", "math.minimum": "Minimum",
    "nn.relu": "Relu", "nn.relu6": "Relu6", "math.sigmoid": "Sigmoid", "nn.sigmoid": "Sigmoid",
    "math.tanh": "Tanh", "nn.tanh": "Tanh", "nn.silu": "Silu", "nn.swish": "Silu",
    "nn.gelu": "Gelu", "nn.softmax": "Softmax", "nn.elu": "Elu", "nn.selu": "Selu",
    "nn.leaky_relu": "LeakyRelu", "math.softplus": "Softplus", "concat": "Concatenate",
    "math.reduce_mean": "Mean", "math.reduce_max": "Max", "identity": "Identity",
    "cast": "Cast", "reshape": "Reshape", "math.negative": "Negative",
    "math.exp": "Exp", "math.log": "Log", "math.sqrt": "Sqrt", "math.square": "Square",
    "math.abs": "Absolute", "clip_by_value": "Clip", "stop_gradient": "StopGradient",
}  # fmt: skip
"""Of TensorFlow's functions, those that Keras has too."""

ELEMENTWISE = frozenset((
    "Abs", "Absolute", "BitwiseAnd", "Cast", "Ceil", "Clip", "Cos", "Equal", "Erf", "Exp", "Expm1",
    "Floor", "FloorDivide", "Greater", "GreaterEqual", "HardSigmoid", "Identity", "Isnan", "Less",
    "LessEqual", "Log", "Log1p", "LogSigmoid", "LogSoftmax", "LogicalAnd", "LogicalNot",
    "LogicalOr", "Mod", "Negative", "NotEqual", "Normalize", "OnesLike", "Reciprocal", "Round",
    "Rsqrt", "Sigmoid", "Sign", "Sin", "Softsign", "Sqrt", "Square", "StopGradient", "Tan", "Where",
    "ZerosLike", "Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Power", "Maximum",
    "Minimum", "Softmax",
))  # fmt: skip
"""Functions that give what all their tensors have in common, number by number."""


class Operation(NamedTuple):
    """A call of a function.

    Attributes:
        name: As ``keras.ops`` has its class: ``Mean``.
        operands: What it is called with by position; tensors and anything else.
        settings: What it is called with by name, and what its configuration says.
        inputs: Shapes of the tensors.
    """

    name: str
    operands: Sequence[Any]
    settings: Settings
    inputs: Shapes


def operation(class_name: str, config: Mapping[str, Any], call: Call, inputs: Shapes) -> Operation:
    """Describe a call of a function, whichever Keras wrote it."""
    settings = {**config, **call.keywords}
    name = name_in_keras(class_name, config)
    operands: list[Any] = []
    for operand in call.arguments:
        operands.extend(operand if _are_tensors(operand) else [operand])
    operands += [settings[key] for key in ("x1", "x2", "y") if key in call.keywords]
    return Operation(name, operands, Settings(settings), inputs)


def name_in_keras(class_name: str, config: Mapping[str, Any]) -> str:
    """Name a layer or a function as Keras 3 does."""
    if class_name not in TENSORFLOW:
        return class_name
    function = str(config.get("function", ""))
    return _TENSORFLOW_NAMES.get(function, function)


def _are_tensors(operand: Any) -> bool:
    return isinstance(operand, list) and any(isinstance(each, Tensor) for each in operand)


def operation_op(call: Operation) -> Op:
    """Say what a function does.

    Raises:
        Unfit: If no op does that.
    """
    if call.name not in _READERS:
        raise Unfit(call.name)
    return _READERS[call.name](call)


def _only(call: Operation) -> TensorShape:
    """Return the shape of the only tensor."""
    if len(call.inputs) != 1:
        raise Unfit("inputs")
    return call.inputs[0]


_Function = Literal["add", "subtract", "multiply", "divide", "power"]


def _arithmetic(function: _Function, merged: Op | None) -> Callable[[Operation], Op]:
    """Read arithmetic of two tensors, or of one and a constant."""

    def read(call: Operation) -> Op:
        operands = call.operands
        if merged is not None and len(call.inputs) >= 2 and len(operands) == len(call.inputs):
            return merged
        if len(call.inputs) != 1 or len(operands) != 2:
            raise Unfit("operands")
        reverse = isinstance(operands[1], Tensor)
        value = operands[0] if reverse else operands[1]
        if not is_number(value):
            raise Unfit("operands")
        swapped = reverse and function not in ("add", "multiply")
        return ops.Arithmetic(function, float(value), swapped)

    return read


def _merged(function: Literal["maximum", "minimum"]) -> Callable[[Operation], Op]:
    def read(call: Operation) -> Op:
        if len(call.inputs) < 2 or len(call.operands) != len(call.inputs):
            raise Unfit("operands")
        return ops.Merge(function)

    return read


def _activation(function: str) -> Callable[[Operation], Op]:
    def read(call: Operation) -> Op:
        _only(call)
        return ops.Activation(function)

    return read


def _softmax(call: Operation) -> Op:
    call.settings.last_axis(_only(call))
    return ops.Activation("softmax")


def _leaky_relu(call: Operation) -> Op:
    slope = call.settings.get("alpha", 0.2)
    return ops.ReLU(negative_slope=call.settings.number("negative_slope", slope))


def _clip(call: Operation) -> Op:
    low, high = call.settings.get("x_min"), call.settings.get("x_max")
    if low != 0 or not is_number(high):
        raise Unfit("x_min")
    return ops.ReLU(max_value=float(high))


def _global_pool(op: type[ops.GlobalAvgPool | ops.GlobalMaxPool]) -> Callable[[Operation], Op]:
    """Read a mean or maximum over height and width."""

    def read(call: Operation) -> Op:
        axes, rank = call.settings.get("axis"), len(_only(call))
        if rank != 3 or not isinstance(axes, list | tuple):
            raise Unfit("axis")
        if sorted(axis_of(axis, rank) for axis in axes) != [0, 1]:
            raise Unfit("axis")
        return op(call.settings.flag("keepdims", False))

    return read


def _concatenate(call: Operation) -> Op:
    if len(call.operands) != len(call.inputs):
        raise Unfit("operands")
    return ops.Concatenate(axis_of(call.settings.get("axis", 0), len(call.inputs[0])))


def _reshape(call: Operation) -> Op:
    sides = call.settings.get("newshape", call.settings.get("shape"))
    if not isinstance(sides, list | tuple) or not all(type(side) is int for side in sides):
        raise Unfit("newshape")
    if not sides or sides[0] != -1 or min(sides[1:], default=1) < 1:
        raise Unfit("newshape")
    _only(call)
    return ops.Reshape(TensorShape(*sides[1:]))


def _transpose(call: Operation) -> Op:
    axes = call.settings.get("axes")
    if not isinstance(axes, list | tuple) or not all(type(axis) is int for axis in axes):
        raise Unfit("axes")
    if axes[:1] not in ([0], (0,)):
        raise Unfit("axes")
    _only(call)
    return ops.Permute(tuple(axes[1:]))


def _pad(call: Operation) -> Op:
    width = call.settings.get("pad_width")
    if call.settings.get("mode", "constant") != "constant" or len(_only(call)) != 3:
        raise Unfit("mode")
    if call.settings.has("constant_values") and call.settings.get("constant_values") != 0:
        raise Unfit("constant_values")
    if not isinstance(width, list | tuple) or len(width) != 4:
        raise Unfit("pad_width")
    if list(width[0]) != [0, 0] or list(width[3]) != [0, 0]:
        raise Unfit("pad_width")
    return ops.ZeroPad2D(Settings({"padding": width[1:3]}).borders("padding"))


def _pool(op: type[ops.AvgPool2D | ops.MaxPool2D]) -> Callable[[Operation], Op]:
    def read(call: Operation) -> Op:
        if len(_only(call)) != 3 or call.settings.get("data_format") == "channels_first":
            raise Unfit("data_format")
        size = call.settings.sides("pool_size")
        given = call.settings.get("strides")
        return op(size, size if given is None else call.settings.sides("strides"),
                  call.settings.padding())  # fmt: skip

    return read


def _identity(call: Operation) -> Op:
    _only(call)
    return ops.Augmentation("Identity")


_READERS: dict[str, Callable[[Operation], Op]] = {
    "Add": _arithmetic("add", ops.Add()),
    "Subtract": _arithmetic("subtract", ops.Merge("subtract")),
    "Multiply": _arithmetic("multiply", ops.Multiply()),
    "TrueDivide": _arithmetic("divide", None),
    "Divide": _arithmetic("divide", None),
    "Power": _arithmetic("power", None),
    "Maximum": _merged("maximum"),
    "Minimum": _merged("minimum"),
    "Relu": _activation("relu"),
    "Relu6": _activation("relu6"),
    "Sigmoid": _activation("sigmoid"),
    "Tanh": _activation("tanh"),
    "Silu": _activation("silu"),
    "Gelu": _activation("gelu"),
    "Selu": _activation("selu"),
    "Softplus": _activation("softplus"),
    "HardSigmoid": _activation("hard_sigmoid"),
    "HardSilu": _activation("hard_silu"),
    "Softmax": _softmax,
    "LeakyRelu": _leaky_relu,
    "Clip": _clip,
    "Mean": _global_pool(ops.GlobalAvgPool),
    "Max": _global_pool(ops.GlobalMaxPool),
    "Concatenate": _concatenate,
    "Reshape": _reshape,
    "Transpose": _transpose,
    "Pad": _pad,
    "AveragePool": _pool(ops.AvgPool2D),
    "MaxPool": _pool(ops.MaxPool2D),
    "Identity": _identity,
    "StopGradient": _identity,
}
"""Which op a function of ``keras.ops`` is."""


def operation_shapes(call: Operation) -> Shapes:
    """Infer the shapes that come out of a function that no op describes.

    Raises:
        Unfit: If that is not known.
        ShapeMismatch: If its tensors do not fit together.
    """
    if not call.inputs:
        raise Unfit("inputs")
    if call.name in ELEMENTWISE:
        return (broadcast(ops.Add(), call.inputs),)
    if call.name not in _SHAPES:
        raise Unfit(call.name)
    outputs = _SHAPES[call.name](call, [None, *call.inputs[0]])
    if any(sides[:1] not in ([], [None]) or None in sides[1:] for sides in outputs):
        raise Unfit("the batch")
    return tuple([TensorShape(*sides[1:]) for sides in outputs])


Sides = list[Any]
"""Of a tensor, batch first, which is None."""


def _axes(call: Operation, rank: int) -> set[int]:
    """Read the axes that a function works on, the batch's included."""
    value = call.settings.get("axis")
    axes = list(range(rank)) if value is None else [value] if type(value) is int else value
    if not isinstance(axes, list | tuple) or not all(type(axis) is int for axis in axes):
        raise Unfit("axis")
    if not all(-rank <= axis < rank for axis in axes):
        raise Unfit("axis")
    return {axis % rank for axis in axes}


def _reduced(call: Operation, sides: Sides) -> list[Sides]:
    axes = _axes(call, len(sides))
    if call.settings.has("keepdims"):
        return [[1 if axis in axes else side for axis, side in enumerate(sides)]]
    return [[side for axis, side in enumerate(sides) if axis not in axes]]


def _squeezed(call: Operation, sides: Sides) -> list[Sides]:
    axes = _axes(call, len(sides)) if call.settings.get("axis") is not None else {
        axis for axis, side in enumerate(sides) if side == 1
    }  # fmt: skip
    return [[side for axis, side in enumerate(sides) if axis not in axes]]


def _expanded(call: Operation, sides: Sides) -> list[Sides]:
    (axis,) = _axes(call, len(sides) + 1) if type(call.settings.get("axis")) is int else (0,)
    return [[*sides[:axis], 1, *sides[axis:]]]


def _split(call: Operation, sides: Sides) -> list[Sides]:
    parts = call.settings.get("indices_or_sections")
    axis = call.settings.get("axis", 0)
    if type(parts) is not int or type(axis) is not int or not 0 < parts <= 1000:
        raise Unfit("indices_or_sections")
    if not -len(sides) <= axis < len(sides) or sides[axis] is None or sides[axis] % parts:
        raise Unfit("axis")
    sides[axis] //= parts
    return [sides] * parts


def _product(call: Operation, sides: Sides) -> list[Sides]:
    """Infer what a product of matrices gives, those before the last two axes alike."""
    if len(call.inputs) != 2 or call.inputs[0][:-2] != call.inputs[1][:-2]:
        raise Unfit("inputs")
    one, other = call.inputs
    if len(one) < 2 or len(other) < 2 or one[-1] != other[-2]:
        raise Unfit("inputs")
    return [[*sides[:-1], other[-1]]]


def _item(call: Operation, sides: Sides) -> list[Sides]:
    """Infer what ``x[:, 1:, 0]`` gives."""
    picks = call.operands[1] if len(call.operands) > 1 else call.settings.get("slice_spec")
    left, out = list(sides), []
    for pick in picks if isinstance(picks, list) else [picks]:
        if not left:
            raise Unfit("slice")
        side = left.pop(0)
        if isinstance(pick, dict):
            bounds = pick.get("config", pick)
            three = [bounds.get(key) for key in ("start", "stop", "step")]
            if not all(bound is None or type(bound) is int for bound in three) or three[2] == 0:
                raise Unfit("slice")
            if side is None and three != [None, None, None]:
                raise Unfit("the batch")
            out.append(side if side is None else len(range(side)[slice(*three)]))
        elif type(pick) is not int or side is None:
            raise Unfit("slice")
    return [out + left]


_SHAPES: dict[str, Callable[[Operation, Sides], list[Sides]]] = {
    **dict.fromkeys(
        ("Sum", "Mean", "Max", "Min", "Prod", "Any", "All", "Var", "Std", "Amax", "Amin", "Argmax",
         "Argmin", "Logsumexp", "CountNonzero", "math.reduce_sum", "math.reduce_min"),
        _reduced,
    ),
    "Matmul": _product,
    "linalg.matmul": _product,
    "Squeeze": _squeezed,
    "ExpandDims": _expanded,
    "Split": _split,
    "GetItem": _item,
    "__operators__.getitem": _item,
}  # fmt: skip
"""Shapes that come out of a function that no op describes."""
