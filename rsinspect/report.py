"""Tables as values: columns, rows, totals and notes, without a word on how they look.

A ``Table`` holds exact values. Renderers (``rsinspect.render``) turn them into text and never add
numbers up. Here too are the words for an op, the same in every table and diagram.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, assert_never

from rsinspect.graph import (
    Activation,
    Add,
    AvgPool2D,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    DropPath,
    GlobalAvgPool,
    GlobalMaxPool,
    Input,
    MaxPool2D,
    Multiply,
    Normalization,
    Op,
    Rescaling,
    Reshape,
    ZeroPad2D,
)
from rsinspect.spec import ResNetRSSpec

Kind = Literal[
    "text", "integer", "count", "bytes", "number", "tenths", "share", "percent", "seconds"
]
Value = str | int | float | None


class Column(NamedTuple):
    """One column.

    Attributes:
        key: Its name in options, CSV and JSON.
        head: What stands above it; a line break separates quantity and convention.
        kind: What its values are; decides alignment and formatting. A ``share`` has a bar, a
            ``percent`` has none; ``tenths`` always has one decimal, as accuracies are printed.
        wraps: Whether a value may be broken over lines where there is little room.
    """

    key: str
    head: str
    kind: Kind = "text"
    wraps: bool = False


class Table(NamedTuple):
    """A table of exact values.

    Attributes:
        title: One line.
        columns: What to show, in order.
        rows: One mapping from column key to value per row; None is "not available".
        totals: Rows below the line.
        notes: Legend and remarks, a line each.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[dict[str, Value], ...]
    totals: tuple[dict[str, Value], ...] = ()
    notes: tuple[str, ...] = ()


class Report(NamedTuple):
    """One answer.

    Attributes:
        table: For people.
        make_document: Gives the JSON document, for programs; worked out only when asked for.
    """

    table: Table
    make_document: Callable[[], dict[str, Any]]

    @property
    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return self.make_document()


def describe(op: Op) -> str:
    """An op in the field's few words.

    >>> describe(Conv2D(kernel=3, stride=2, in_channels=64, filters=128))
    'conv 3x3/2, 128'
    """
    match op:
        case Input():
            return "input"
        case Rescaling():
            return "rescaling"
        case Normalization():
            return "normalization"
        case ZeroPad2D(padding):
            return f"zero pad {padding}"
        case Conv2D():
            stride = "" if op.stride == 1 else f"/{op.stride}"
            return f"conv {op.kernel}x{op.kernel}{stride}, {op.filters}"
        case BatchNorm():
            return "batch norm"
        case Activation(function):
            return function.removeprefix("custom:")
        case AvgPool2D(size, stride):
            return f"avg pool {size}x{size}/{stride}"
        case MaxPool2D(size, stride):
            return f"max pool {size}x{size}/{stride}"
        case GlobalAvgPool():
            return "global avg pool"
        case GlobalMaxPool():
            return "global max pool"
        case Reshape():
            return "reshape"
        case Multiply():
            return "scale"
        case DropPath(rate):
            return f"drop path {rate:g}"
        case Add():
            return "add"
        case Dropout(rate):
            return f"dropout {rate:g}"
        case Dense():
            return f"dense {op.units}"
        case _:
            assert_never(op)


def model_document(spec: ResNetRSSpec) -> dict[str, Any]:
    """The ``model`` object of every JSON document."""
    return {
        "name": spec.name,
        "depth": spec.depth,
        "blocks": list(spec.blocks),
        "resolution": list(spec.resolution),
        "dialect": spec.dialect.name,
        "width": spec.width,
        "channels": spec.channels,
        "classes": spec.classes if spec.include_top else None,
    }
