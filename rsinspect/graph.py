"""The waist of the house: which layer follows which, with shapes, frozen.

A ``LayerGraph`` is a tuple of ``Layer`` in the order a forward pass may run them. Every layer has
a path that is its identity everywhere (``c4/block22/conv2``), an op that says what it is, the paths
of its inputs and its output shape. Shapes leave the batch out. Nothing here knows about ResNet-RS,
about costs or about Keras.

Ops are a closed union of small records; whoever reads them matches on them and ends in
``assert_never``, so a new op shows every place that has to think about it. They are named tuples
because those are made in an eighth of the time of a frozen dataclass and every command pays for
that (as long as their annotations are types, not strings: no ``from __future__`` here); ``kind``
keeps apart two ops that have the same numbers.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, NamedTuple, assert_never

from rsinspect.errors import GraphError, ShapeMismatch, UnknownPath

SCHEMA = "rsinspect.graph/1"
"""Version of the graph's JSON. 1: first."""


class TensorShape(tuple[int, ...]):
    """A shape without the batch: (height, width, channels), or (channels,) after global pooling.

    >>> shape = TensorShape(80, 60, 32)
    >>> str(shape), shape.height, shape.channels, shape.elements
    ('80x60x32', 80, 32, 153600)
    """

    __slots__ = ()

    def __new__(cls, *dims: int) -> "TensorShape":
        """A shape of those dimensions."""
        return super().__new__(cls, dims)

    @property
    def height(self) -> int:
        """Rows; 1 for a vector."""
        return self[0] if len(self) == 3 else 1

    @property
    def width(self) -> int:
        """Columns; 1 for a vector."""
        return self[1] if len(self) == 3 else 1

    @property
    def channels(self) -> int:
        """Channels, the last dimension."""
        return self[-1]

    @property
    def elements(self) -> int:
        """How many numbers, for one image."""
        product = 1
        for dim in self:
            product *= dim
        return product

    def __str__(self) -> str:
        return "x".join(map(str, self))


class Input(NamedTuple):
    """The image."""

    shape: TensorShape
    kind: Literal["Input"] = "Input"


class Rescaling(NamedTuple):
    """Multiplication by one constant."""

    scale: float
    kind: Literal["Rescaling"] = "Rescaling"


class Normalization(NamedTuple):
    """Subtraction of a constant mean and division by a constant deviation, per channel."""

    mean: tuple[float, ...]
    variance: tuple[float, ...]
    kind: Literal["Normalization"] = "Normalization"


class ZeroPad2D(NamedTuple):
    """``padding`` rows and columns of zeros on every side."""

    padding: int
    kind: Literal["ZeroPad2D"] = "ZeroPad2D"


class Conv2D(NamedTuple):
    """A square convolution; ``activation`` is fused, as the reference writes SE."""

    kernel: int
    in_channels: int
    filters: int
    stride: int = 1
    padding: Literal["same", "valid"] = "same"
    use_bias: bool = False
    activation: str | None = None
    kind: Literal["Conv2D"] = "Conv2D"


class BatchNorm(NamedTuple):
    """Batch normalisation over the channels, with scale and offset."""

    channels: int
    momentum: float
    epsilon: float
    kind: Literal["BatchNorm"] = "BatchNorm"


class Activation(NamedTuple):
    """An elementwise nonlinearity."""

    function: str
    kind: Literal["Activation"] = "Activation"


class AvgPool2D(NamedTuple):
    """Average over ``size`` x ``size`` windows, SAME padding."""

    size: int
    stride: int
    kind: Literal["AvgPool2D"] = "AvgPool2D"


class MaxPool2D(NamedTuple):
    """Maximum over ``size`` x ``size`` windows."""

    size: int
    stride: int
    padding: Literal["same", "valid"] = "same"
    kind: Literal["MaxPool2D"] = "MaxPool2D"


class GlobalAvgPool(NamedTuple):
    """Average over the whole map: (height, width, channels) to (channels,)."""

    kind: Literal["GlobalAvgPool"] = "GlobalAvgPool"


class GlobalMaxPool(NamedTuple):
    """Maximum over the whole map: (height, width, channels) to (channels,)."""

    kind: Literal["GlobalMaxPool"] = "GlobalMaxPool"


class Reshape(NamedTuple):
    """Another view of the same numbers."""

    shape: TensorShape
    kind: Literal["Reshape"] = "Reshape"


class Multiply(NamedTuple):
    """The first input scaled by the second, one factor per channel."""

    kind: Literal["Multiply"] = "Multiply"


class DropPath(NamedTuple):
    """Stochastic depth: in training the whole branch is dropped with probability ``rate``."""

    rate: float
    kind: Literal["DropPath"] = "DropPath"

    @property
    def survival_probability(self) -> float:
        """Probability that the branch is kept."""
        return 1 - self.rate


class Add(NamedTuple):
    """Elementwise sum; in a residual block the shortcut is the first input."""

    kind: Literal["Add"] = "Add"


class Dropout(NamedTuple):
    """In training each number is dropped with probability ``rate``."""

    rate: float
    kind: Literal["Dropout"] = "Dropout"


class Dense(NamedTuple):
    """A fully connected layer with bias."""

    in_channels: int
    units: int
    activation: str | None = None
    kind: Literal["Dense"] = "Dense"


Op = (
    Input | Rescaling | Normalization | ZeroPad2D | Conv2D | BatchNorm | Activation | AvgPool2D
    | MaxPool2D | GlobalAvgPool | GlobalMaxPool | Reshape | Multiply | DropPath | Add | Dropout
    | Dense
)  # fmt: skip

_OPS: dict[str, type[Any]] = {op.__name__: op for op in Op.__args__}


def ceil_div(value: int, divisor: int) -> int:
    """``value / divisor``, rounded up."""
    return -(-value // divisor)


@lru_cache(maxsize=4096)
def infer_shape(op: Op, inputs: tuple[TensorShape, ...]) -> TensorShape:
    """Output shape of ``op`` on inputs of those shapes.

    Raises:
        ShapeMismatch: If the op does not fit the inputs.

    >>> conv = Conv2D(kernel=3, stride=2, in_channels=3, filters=32, padding="valid")
    >>> str(infer_shape(conv, (TensorShape(162, 162, 3),)))
    '80x80x32'
    """
    arity = 0 if isinstance(op, Input) else 2 if isinstance(op, Multiply | Add) else 1
    if len(inputs) != arity:
        raise ShapeMismatch(f"{type(op).__name__} takes {arity} inputs, not {len(inputs)}")
    match op:
        case Input(shape) | Reshape(shape):
            if inputs and inputs[0].elements != shape.elements:
                raise ShapeMismatch(f"cannot view {inputs[0]} as {shape}")
            return shape
        case Rescaling() | Activation() | DropPath() | Dropout():
            return inputs[0]
        case Normalization(mean):
            _same_channels(op, inputs[0], len(mean))
            return inputs[0]
        case BatchNorm():
            _same_channels(op, inputs[0], op.channels)
            return inputs[0]
        case ZeroPad2D(padding):
            height, width, channels = inputs[0]
            return TensorShape(height + 2 * padding, width + 2 * padding, channels)
        case Conv2D():
            _same_channels(op, inputs[0], op.in_channels)
            height, width, _ = inputs[0]
            if op.padding == "valid":
                height, width = height - op.kernel + 1, width - op.kernel + 1
            return TensorShape(ceil_div(height, op.stride), ceil_div(width, op.stride), op.filters)
        case MaxPool2D(size, stride, "valid"):
            height, width, channels = inputs[0]
            height, width = height - size + 1, width - size + 1
            return TensorShape(ceil_div(height, stride), ceil_div(width, stride), channels)
        case AvgPool2D(_, stride) | MaxPool2D(_, stride):
            height, width, channels = inputs[0]
            return TensorShape(ceil_div(height, stride), ceil_div(width, stride), channels)
        case GlobalAvgPool() | GlobalMaxPool():
            return TensorShape(inputs[0].channels)
        case Multiply():
            if inputs[0].channels != inputs[1].channels:
                raise ShapeMismatch(f"cannot scale {inputs[0]} by {inputs[1]}")
            return inputs[0]
        case Add():
            if inputs[0] != inputs[1]:
                raise ShapeMismatch(f"cannot add {inputs[0]} and {inputs[1]}")
            return inputs[0]
        case Dense():
            _same_channels(op, inputs[0], op.in_channels)
            return TensorShape(op.units)
        case _:
            assert_never(op)


def _same_channels(op: Op, shape: TensorShape, channels: int) -> None:
    if shape.channels != channels:
        raise ShapeMismatch(
            f"{type(op).__name__} expects {channels} channels, not {shape.channels}"
        )


class Layer(NamedTuple):
    """One layer: its path, what it does, what it reads, what comes out.

    Attributes:
        path: Identity, such as ``c4/block22/conv2``.
        op: What it does.
        inputs: Paths it reads, in the op's order.
        shape: Output shape, without the batch.
    """

    path: str
    op: Op
    inputs: tuple[str, ...]
    shape: TensorShape

    @property
    def group(self) -> str:
        """The block it belongs to (``c4/block22``), or its stage where there are no blocks."""
        return group_of(self.path)

    @property
    def stage(self) -> str:
        """The stage it belongs to."""
        return self.path.split("/", 1)[0]


_GROUP = re.compile(r"[^/]+/block\d+(?=/|$)|[^/]+")


def group_of(path: str) -> str:
    """Block of a path (``c4/block22``), or its stage (``stem``) where there are no blocks.

    >>> group_of("c4/block22/se/reduce"), group_of("stem/conv1")
    ('c4/block22', 'stem')
    """
    match = _GROUP.match(path)
    if match is None:
        raise GraphError(f"{path!r} is not a path")
    return match[0]


class Group(NamedTuple):
    """Layers that stand together: a block, or a stage without blocks."""

    path: str
    layers: tuple[Layer, ...]


@dataclass(frozen=True, slots=True)
class LayerGraph:
    """A whole network.

    Attributes:
        name: Of the network.
        layers: In an order a forward pass may run them.

    Raises:
        GraphError: If a path occurs twice or a layer reads one that does not come before it.
        ShapeMismatch: If a shape does not follow from the inputs; the message names the path.
    """

    name: str
    layers: tuple[Layer, ...]
    _index: dict[str, Layer] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        index: dict[str, Layer] = {}
        for layer in self.layers:
            path, op, inputs, shape = layer
            if path in index:
                raise GraphError(f"the path {path} occurs twice")
            try:
                shapes = tuple([index[name].shape for name in inputs])
            except KeyError as exc:
                raise GraphError(f"{path} reads {exc.args[0]}, which comes later") from exc
            try:
                expected = infer_shape(op, shapes)
            except ShapeMismatch as exc:
                raise ShapeMismatch(f"{path}: {exc.message}") from exc
            if expected is not shape and expected != shape:
                raise ShapeMismatch(f"{path}: shape {shape}, expected {expected}")
            index[path] = layer
        if not index:
            raise GraphError("a graph needs at least one layer")
        object.__setattr__(self, "_index", index)

    def layer(self, path: str) -> Layer:
        """The layer of that path.

        Raises:
            UnknownPath: If there is none.
        """
        try:
            return self._index[path]
        except KeyError:
            raise self.unknown(path) from None

    def unknown(self, path: str) -> UnknownPath:
        """The error for a path that is not in the graph, with the nearest ones that are."""
        import difflib  # only on the way to an error

        known = dict.fromkeys((*self.stages, *(g.path for g in self.groups()), *self._index))
        close = difflib.get_close_matches(path, known, n=3, cutoff=0.5)
        return UnknownPath(
            f"{self.name} has no {path!r}",
            f"near it: {', '.join(close)}" if close else f"stages: {', '.join(self.stages)}",
        )

    @property
    def output(self) -> Layer:
        """The last layer."""
        return self.layers[-1]

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the stages, in order: input, stem, c2, ..., head."""
        return tuple(dict.fromkeys(group.path.split("/", 1)[0] for group in self.groups()))

    def groups(self, stage: str | None = None) -> tuple[Group, ...]:
        """Blocks (and stages without blocks) in order, of one stage or of the whole graph."""
        found: dict[str, list[Layer]] = {}
        path, inside = "", "/"
        for layer in self.layers:
            if not layer.path.startswith(inside):
                path = group_of(layer.path)
                inside = f"{path}/"
            found.setdefault(path, []).append(layer)
        return tuple(
            Group(path, tuple(layers))
            for path, layers in found.items()
            if stage is None or path.split("/", 1)[0] == stage
        )

    def within(self, path: str) -> tuple[Layer, ...]:
        """Layers of a stage, a block or one layer.

        Raises:
            UnknownPath: If nothing has that path.
        """
        if path in self._index:
            return (self._index[path],)
        found = tuple(layer for layer in self.layers if layer.path.startswith(f"{path}/"))
        if not found:
            raise self.unknown(path)
        return found

    def input_shapes(self, layer: Layer) -> tuple[TensorShape, ...]:
        """Shapes a layer reads."""
        return tuple([self._index[path].shape for path in layer.inputs])

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)

    def __len__(self) -> int:
        return len(self.layers)


def to_json(graph: LayerGraph) -> dict[str, Any]:
    """The graph as plain JSON values; ``from_json`` gives the same graph back."""
    return {
        "schema": SCHEMA,
        "name": graph.name,
        "layers": [
            {
                "path": layer.path,
                "op": layer.op.kind,
                "config": {k: v for k, v in layer.op._asdict().items() if k != "kind"},
                "inputs": list(layer.inputs),
                "shape": list(layer.shape),
            }
            for layer in graph.layers
        ],
    }


def from_json(document: dict[str, Any]) -> LayerGraph:
    """A graph from what ``to_json`` gave.

    Raises:
        GraphError: If the document is of another schema or incomplete.
    """
    if document.get("schema") != SCHEMA:
        raise GraphError(f"schema {document.get('schema')!r} is not {SCHEMA}")
    try:
        return LayerGraph(
            document["name"],
            tuple(
                Layer(
                    row["path"],
                    _op_from_json(row["op"], row["config"]),
                    tuple(row["inputs"]),
                    TensorShape(*row["shape"]),
                )
                for row in document["layers"]
            ),
        )
    except (KeyError, TypeError, ValueError) as exc:
        raise GraphError(f"the graph document is damaged: {exc}") from exc


def _op_from_json(name: str, config: dict[str, Any]) -> Op:
    values = {
        key: (TensorShape(*value) if key == "shape" else tuple(value))
        if isinstance(value, list | tuple)
        else value
        for key, value in config.items()
    }
    op: Op = _OPS[name](**values)
    return op
