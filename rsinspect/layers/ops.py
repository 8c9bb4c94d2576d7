"""What a layer can do: shapes and a closed set of small records.

Ops are named tuples, because a graph of two thousand layers has to be built in milliseconds and
a named tuple compares, hashes and unpacks at the speed of a tuple (as long as its annotations are
types, not strings: no ``from __future__`` here); ``kind`` keeps apart two ops that have the same
numbers.
"""

from typing import Any, Literal, NamedTuple

from rsinspect.base.units import dimensions


class TensorShape(tuple[int, ...]):
    """A shape without the batch: (height, width, channels), or (channels,) after global pooling.

    >>> shape = TensorShape(80, 60, 32)
    >>> str(shape), shape.height, shape.channels, shape.elements
    ('80×60×32', 80, 32, 153600)
    """

    __slots__ = ()

    def __new__(cls, *dims: int) -> "TensorShape":
        """Make a shape of those dimensions."""
        return super().__new__(cls, dims)

    @property
    def height(self) -> int:
        """Count rows; 1 for a vector."""
        return self[0] if len(self) == 3 else 1

    @property
    def width(self) -> int:
        """Count columns; 1 for a vector."""
        return self[1] if len(self) == 3 else 1

    @property
    def channels(self) -> int:
        """Count channels, the last dimension."""
        return self[-1]

    @property
    def elements(self) -> int:
        """Count numbers, for one image."""
        product = 1
        for dim in self:
            product *= dim
        return product

    def __str__(self) -> str:
        return dimensions(self)


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
        """Return the probability of keeping the branch."""
        return 1 - self.rate


class Add(NamedTuple):
    """Elementwise sum of two inputs or more; the builder gives it the shortcut first."""

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

OPS: dict[str, type[Any]] = {op.__name__: op for op in Op.__args__}
"""Every op by its name."""

COMMUTATIVE = (Add, Multiply)
"""Ops whose inputs have no order: a sum is the same sum either way round."""
