"""What a layer of a Keras configuration is: its op, or the shapes that come out of it."""

from __future__ import annotations

from typing import Any

from rsinspect.base.errors import ShapeMismatch
from rsinspect.base.text import showable
from rsinspect.layers.ops import Op, TensorShape
from rsinspect.layers.shapes import infer_shape
from rsinspect.networks.keras_calls import Call, Entry
from rsinspect.networks.keras_layers import Shapes, layer_op
from rsinspect.networks.keras_opaque import opaque_shapes
from rsinspect.networks.keras_ops import TENSORFLOW, operation, operation_op, operation_shapes
from rsinspect.networks.keras_settings import Settings, Unfit, is_side


def described(entry: Entry, call: Call, shapes: Shapes) -> Op:
    """Say which op a layer is.

    Raises:
        Unfit: If none.
    """
    if entry.is_operation or (entry.is_keras and entry.class_name in TENSORFLOW):
        return operation_op(operation(entry.class_name, entry.config, call, shapes))
    if not entry.is_keras:
        raise Unfit(entry.class_name)
    return layer_op(entry.class_name, Settings(entry.config), shapes)


def shapes_by_rule(entry: Entry, call: Call, shapes: Shapes) -> Shapes:
    """Infer the shapes that come out of an opaque layer, where a rule is known."""
    try:
        if entry.is_operation or entry.class_name in TENSORFLOW:
            return operation_shapes(operation(entry.class_name, entry.config, call, shapes))
        if entry.is_keras:
            plain = Settings(entry.config).plain()
            try:
                return opaque_shapes(entry.class_name, plain, shapes)
            except Unfit:
                return (infer_shape(layer_op(entry.class_name, plain, shapes), shapes),)
    except (Unfit, ShapeMismatch):
        pass
    return ()


def class_name_of(entry: Entry) -> str:
    """Name what an opaque layer is."""
    if entry.class_name in TENSORFLOW:
        return showable(f"tf.{entry.config.get('function', entry.class_name)}", 100)
    return showable(entry.class_name, 100)


def agree(told: Any, shape: TensorShape) -> bool:
    """Tell whether a shape is what the configuration tells, batch first, wherever it does."""
    if not isinstance(told, list | tuple) or not told or tuple(told[1:]) == shape:
        return True
    return len(told) - 1 == len(shape) and all(
        side is None or side == known for side, known in zip(told[1:], shape, strict=True)
    )


def closed(told: Any) -> TensorShape | None:
    """Read a shape that the configuration tells, batch first; None where a side is open."""
    if not isinstance(told, list | tuple) or not all(map(is_side, told[1:])):
        return None
    return TensorShape(*told[1:])
