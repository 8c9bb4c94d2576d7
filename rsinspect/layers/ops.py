"""What a layer can do: shapes and a closed set of small records.

Ops are named tuples, because a graph of two thousand layers has to be built in milliseconds and
a named tuple compares, hashes and unpacks at the speed of a tuple (as long as its annotations are
types, not strings: no ``from __future__`` here); ``kind`` keeps apart two ops that have the same
numbers.
"""

from typing import Any, Literal, NamedTuple

from rsinspect.base.units import dimensions


class TensorShape(tuple[int, ...]):
    """A shape without the batch: (height, width, channels) of a map, (channels,) of a vector.

    It may have any number of dimensions; the last is called channels.

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
        """Count rows; 1 for what is no map."""
        return self[0] if len(self) == 3 else 1

    @property
    def width(self) -> int:
        """Count columns; 1 for what is no map."""
        return self[1] if len(self) == 3 else 1

    @property
    def channels(self) -> int:
        """Count channels, the last dimension; 1 for a single number."""
        return self[-1] if self else 1

    @property
    def elements(self) -> int:
        """Count the numbers of a tensor of this shape."""
        product = 1
        for dim in self:
            product *= dim
        return product

    def __str__(self) -> str:
        return dimensions(self)


Sides = int | tuple[int, int]
"""Height and width of a window or a step; one number where they are alike (``sides``)."""

Borders = int | tuple[tuple[int, int], tuple[int, int]]
"""Rows (top, bottom) and columns (left, right); one number where all are alike (``borders``)."""

Padding = Literal["same", "valid"]


def sides(height: int, width: int) -> Sides:
    """Write a pair of sides as an op has it: one number where they are alike.

    >>> sides(3, 3), sides(1, 7)
    (3, (1, 7))
    """
    return height if height == width else (height, width)


def pair(sides: Sides) -> tuple[int, int]:
    """Read height and width.

    >>> pair(3), pair((1, 7))
    ((3, 3), (1, 7))
    """
    return (sides, sides) if isinstance(sides, int) else sides


def borders(rows: tuple[int, int], columns: tuple[int, int]) -> Borders:
    """Write rows and columns around a map as an op has them: one number where all are alike.

    >>> borders((1, 1), (1, 1)), borders((0, 1), (0, 1))
    (1, ((0, 1), (0, 1)))
    """
    return rows[0] if len({*rows, *columns}) == 1 else (rows, columns)


def around(borders: Borders) -> tuple[tuple[int, int], tuple[int, int]]:
    """Read rows (top, bottom) and columns (left, right).

    >>> around(1)
    ((1, 1), (1, 1))
    """
    return ((borders, borders),) * 2 if isinstance(borders, int) else borders


class Input(NamedTuple):
    """What a network is given: an image, or any other tensor."""

    shape: TensorShape
    kind: Literal["Input"] = "Input"


class Rescaling(NamedTuple):
    """Multiplication by a constant, or one per channel, then addition of another."""

    scale: float | tuple[float, ...]
    offset: float | tuple[float, ...] = 0.0
    kind: Literal["Rescaling"] = "Rescaling"


class Normalization(NamedTuple):
    """Subtraction of a mean and division by a deviation, per channel.

    They are constants, or, for ``adapted`` channels, weights that were computed from data.
    """

    mean: tuple[float, ...]
    variance: tuple[float, ...]
    adapted: int = 0
    kind: Literal["Normalization"] = "Normalization"


class ZeroPad2D(NamedTuple):
    """Rows and columns of zeros around a map."""

    padding: Borders
    kind: Literal["ZeroPad2D"] = "ZeroPad2D"


class Crop2D(NamedTuple):
    """Rows and columns cut from the border of a map."""

    cropping: Borders
    kind: Literal["Crop2D"] = "Crop2D"


class Conv2D(NamedTuple):
    """A convolution; ``activation`` is fused, as the reference writes SE."""

    kernel: Sides
    in_channels: int
    filters: int
    stride: Sides = 1
    padding: Padding = "same"
    use_bias: bool = False
    activation: str | None = None
    groups: int = 1
    dilation: Sides = 1
    kind: Literal["Conv2D"] = "Conv2D"


class DepthwiseConv2D(NamedTuple):
    """A convolution of every channel by itself, ``multiplier`` filters each."""

    kernel: Sides
    channels: int
    multiplier: int = 1
    stride: Sides = 1
    padding: Padding = "same"
    use_bias: bool = False
    activation: str | None = None
    dilation: Sides = 1
    kind: Literal["DepthwiseConv2D"] = "DepthwiseConv2D"


class SeparableConv2D(NamedTuple):
    """A depthwise convolution and a 1x1 convolution after it, in one layer."""

    kernel: Sides
    in_channels: int
    filters: int
    multiplier: int = 1
    stride: Sides = 1
    padding: Padding = "same"
    use_bias: bool = False
    activation: str | None = None
    dilation: Sides = 1
    kind: Literal["SeparableConv2D"] = "SeparableConv2D"


class Conv2DTranspose(NamedTuple):
    """A transposed convolution: the gradient of a convolution, used to enlarge a map."""

    kernel: Sides
    in_channels: int
    filters: int
    stride: Sides = 1
    padding: Padding = "same"
    use_bias: bool = False
    activation: str | None = None
    output_padding: Sides | None = None
    dilation: Sides = 1
    kind: Literal["Conv2DTranspose"] = "Conv2DTranspose"


class BatchNorm(NamedTuple):
    """Batch normalisation over the channels; ``scale`` and ``center`` are learnt factors."""

    channels: int
    momentum: float
    epsilon: float
    scale: bool = True
    center: bool = True
    in_training: bool = False  # called with training=True: by the batch's statistics, always
    kind: Literal["BatchNorm"] = "BatchNorm"


class LayerNorm(NamedTuple):
    """Normalisation of each position over its channels (Ba et al. 2016, arXiv 1607.06450)."""

    channels: int
    epsilon: float
    scale: bool = True
    center: bool = True
    kind: Literal["LayerNorm"] = "LayerNorm"


class ChannelScale(NamedTuple):
    """Multiplication by a learnt factor per channel: LayerScale (Touvron et al. 2021)."""

    channels: int
    kind: Literal["ChannelScale"] = "ChannelScale"


class Activation(NamedTuple):
    """An elementwise nonlinearity."""

    function: str
    kind: Literal["Activation"] = "Activation"


class ReLU(NamedTuple):
    """A rectifier with limits: ``min(max_value, x)`` above ``threshold``, a slope below it."""

    max_value: float | None = None
    negative_slope: float = 0.0
    threshold: float = 0.0
    kind: Literal["ReLU"] = "ReLU"


class PReLU(NamedTuple):
    """A rectifier with learnt slopes; ``slopes`` is their shape, 1 where an axis shares one."""

    slopes: tuple[int, ...]
    kind: Literal["PReLU"] = "PReLU"


class AvgPool2D(NamedTuple):
    """Average over windows; zeros of SAME padding do not count."""

    size: Sides
    stride: Sides
    padding: Padding = "same"
    kind: Literal["AvgPool2D"] = "AvgPool2D"


class MaxPool2D(NamedTuple):
    """Maximum over windows."""

    size: Sides
    stride: Sides
    padding: Padding = "same"
    kind: Literal["MaxPool2D"] = "MaxPool2D"


class GlobalAvgPool(NamedTuple):
    """Average over the whole map: to (channels,), or to (1, 1, channels) with ``keepdims``."""

    keepdims: bool = False
    kind: Literal["GlobalAvgPool"] = "GlobalAvgPool"


class GlobalMaxPool(NamedTuple):
    """Maximum over the whole map: to (channels,), or to (1, 1, channels) with ``keepdims``."""

    keepdims: bool = False
    kind: Literal["GlobalMaxPool"] = "GlobalMaxPool"


class UpSampling2D(NamedTuple):
    """Enlargement of a map by whole factors."""

    size: Sides
    interpolation: str = "nearest"
    kind: Literal["UpSampling2D"] = "UpSampling2D"


class Reshape(NamedTuple):
    """Another view of the same numbers; one side of ``shape`` may be -1, what is left."""

    shape: TensorShape
    kind: Literal["Reshape"] = "Reshape"


class Flatten(NamedTuple):
    """All numbers as a vector."""

    kind: Literal["Flatten"] = "Flatten"


class Permute(NamedTuple):
    """Axes in another order: ``order`` counts them from 1, the batch left out, as Keras does."""

    order: tuple[int, ...]
    kind: Literal["Permute"] = "Permute"


class Multiply(NamedTuple):
    """The product of two inputs or more; of the first by one factor per channel in a gate."""

    kind: Literal["Multiply"] = "Multiply"


class DropPath(NamedTuple):
    """Stochastic depth: in training the whole branch is dropped with probability ``rate``."""

    rate: float
    kind: Literal["DropPath"] = "DropPath"


class Add(NamedTuple):
    """Elementwise sum of two inputs or more; the builder gives it the shortcut first."""

    kind: Literal["Add"] = "Add"


class ScaledAdd(NamedTuple):
    """The first input plus the second times a constant (Szegedy et al. 2016, arXiv 1602.07261)."""

    scale: float
    kind: Literal["ScaledAdd"] = "ScaledAdd"


class Merge(NamedTuple):
    """Another elementwise function of two inputs or more; a difference has two."""

    function: Literal["subtract", "average", "maximum", "minimum"]
    kind: Literal["Merge"] = "Merge"


class Concatenate(NamedTuple):
    """Inputs one after the other along an axis; -1 is the last, 0 the first after the batch."""

    axis: int = -1
    kind: Literal["Concatenate"] = "Concatenate"


class Arithmetic(NamedTuple):
    """Arithmetic with a constant; ``reverse`` where the constant is the first operand."""

    function: Literal["add", "subtract", "multiply", "divide", "power"]
    value: float
    reverse: bool = False
    kind: Literal["Arithmetic"] = "Arithmetic"


class Dropout(NamedTuple):
    """In training each number is dropped with probability ``rate``."""

    rate: float
    in_training: bool = False  # called with training=True: it drops numbers in inference too
    kind: Literal["Dropout"] = "Dropout"


class Augmentation(NamedTuple):
    """Noise or another random change of its input, in training alone.

    ``class_name`` is Keras's: ``RandomFlip``, ``GaussianNoise``.
    """

    class_name: str
    kind: Literal["Augmentation"] = "Augmentation"


class Dense(NamedTuple):
    """A fully connected layer over the last axis."""

    in_channels: int
    units: int
    activation: str | None = None
    use_bias: bool = True
    kind: Literal["Dense"] = "Dense"


class Opaque(NamedTuple):
    """A layer that no op describes: its params are counted where known, its cost is unknown.

    Attributes:
        class_name: What it is called where it comes from: ``LSTM``.
        shape: Of its (first) output, as it was told.
        weights: Shapes of its weights; None where they are not known.
        constants: How many of them, the last ones, are not trainable.
    """

    class_name: str
    shape: TensorShape
    weights: tuple[tuple[int, ...], ...] | None = None
    constants: int = 0
    kind: Literal["Opaque"] = "Opaque"


class Pick(NamedTuple):
    """Another output of an opaque layer: number ``position``, counted from 0."""

    position: int
    shape: TensorShape
    kind: Literal["Pick"] = "Pick"


Op = (
    Input | Rescaling | Normalization | ZeroPad2D | Crop2D | Conv2D | DepthwiseConv2D
    | SeparableConv2D | Conv2DTranspose | BatchNorm | LayerNorm | ChannelScale | Activation | ReLU
    | PReLU | AvgPool2D | MaxPool2D | GlobalAvgPool | GlobalMaxPool | UpSampling2D | Reshape
    | Flatten | Permute | Multiply | DropPath | Add | ScaledAdd | Merge | Concatenate | Arithmetic
    | Dropout | Augmentation | Dense | Opaque | Pick
)  # fmt: skip

OPS: dict[str, type[Any]] = {op.__name__: op for op in Op.__args__}
"""Every op by its name."""

Convolution = Conv2D | DepthwiseConv2D | SeparableConv2D | Conv2DTranspose
CONVOLUTIONS = (Conv2D, DepthwiseConv2D, SeparableConv2D, Conv2DTranspose)
"""Every kind of convolution."""

Windowed = Conv2D | DepthwiseConv2D | SeparableConv2D | AvgPool2D | MaxPool2D
"""Ops that move a window over a map, and whose step makes it smaller."""

Weightless = (
    Input | Rescaling | ZeroPad2D | Crop2D | Activation | ReLU | AvgPool2D | MaxPool2D
    | GlobalAvgPool | GlobalMaxPool | UpSampling2D | Reshape | Flatten | Permute | Multiply
    | DropPath | Add | ScaledAdd | Merge | Concatenate | Arithmetic | Dropout | Augmentation | Pick
)  # fmt: skip
"""Ops that never have weights."""

IN_TRAINING = (DropPath, Dropout, Augmentation)
"""Ops that do something in training alone."""

COMMUTATIVE = (Add, Multiply)
"""Ops whose inputs have no order: a sum is the same sum either way round."""
