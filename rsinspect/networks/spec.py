"""What makes one ResNet-RS differ from another: a few numbers, frozen and checked.

A spec that exists is a spec that can be built: every range is checked on construction and a
violation raises ``InvalidSpec`` with the value, the range and a hint. The limits are generous
(seven times the blocks of the deepest published network) and exist so that a slip of the keyboard
is refused instead of hanging.

A *dialect* is a code base's reading of the paper, as wiring fields of the spec; DIALECTS has them.
"""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from rsinspect import paper
from rsinspect.base import limits
from rsinspect.base.errors import InvalidSpec, UnknownVariant, check_choice
from rsinspect.base.text import is_showable
from rsinspect.base.units import dimensions
from rsinspect.base.words import Option, advice, shown
from rsinspect.networks.dialects import DIALECTS, Dialect, dialect_named, written_name

MAX_BLOCKS = limits.BLOCKS.high
MAX_STAGES = 8
MAX_CHANNELS = limits.FILTERS.high
NEAR = 0.05  # a depth this close to one of the paper's is a slip of the keyboard
CHANNEL_DIVISOR = 8
EXPANSION = 4  # a block is 4 times as wide at its end as inside (He et al. 2015)

ACTIVATIONS = (
    "relu", "swish", "silu", "gelu", "elu", "selu", "leaky_relu", "relu6", "mish", "tanh",
    "sigmoid", "softplus", "hard_swish", "hard_silu", "softmax", "linear",
)  # fmt: skip
CUSTOM_ACTIVATION = "custom:"
"""Prefix of an activation that is a Python function: described by name, counted like any other."""

Pooling = Literal["avg", "max"]
POOLINGS: tuple[Pooling, ...] = ("avg", "max")


def round_channels(channels: int, width: float) -> int:
    """Scale channels by a width: nearest multiple of 8, never below 90 % of the product.

    The rule of MobileNetV2's reference code, without its minimum of 8: a product that rounds to
    zero stays zero and is refused by the spec.

    >>> round_channels(64, 0.25), round_channels(32, 1.1), round_channels(64, 0.01)
    (16, 32, 0)
    """
    if width == 1:
        return channels
    wanted = channels * width
    rounded = int(wanted + CHANNEL_DIVISOR / 2) // CHANNEL_DIVISOR * CHANNEL_DIVISOR
    if rounded and rounded < 0.9 * wanted:
        rounded += CHANNEL_DIVISOR
    return rounded


def _require(holds: bool, message: str, hint: str | None = None) -> None:
    if not holds:
        raise InvalidSpec(message, hint)


def _unknown_depth(depth: object, known: Collection[int]) -> UnknownVariant:
    """Refuse a depth, with the nearest one if it is near, and a layout of that size."""
    start, layout = "a", (3, 4, 23, 3)
    if isinstance(depth, int):
        nearest = min(known, key=lambda other: abs(other - depth))
        start = f"did you mean {nearest}? A" if abs(nearest - depth) <= NEAR * nearest else "a"
        layout = (2, 2, 2, 2) if depth < min(known) else layout
    return UnknownVariant(
        f"unknown depth {shown(depth)}; the paper's are {', '.join(map(str, known))}",
        advice(f"{start} layout of your own: {{}}", Option("blocks", layout)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ResNetRSSpec:
    """One network, in the numbers that set it apart.

    Attributes:
        blocks: Bottleneck blocks per stage, c2 first.
        depth: The number in the name, or None for a layout of one's own.
        resolution: Image (height, width) in pixels.
        channels: Channels of the image.
        classes: Outputs of the classifier.
        width: Multiplier of every filter count, the stem's included (``round_channels``).
        filters: Inner width of each stage's blocks before the multiplier; doubling from 64.
        se_ratio: Hidden width of squeeze-and-excitation over the block's output channels; 0 for
            none. (Keras 2 silently built none at exactly 1; here 1 is a ratio like any other.)
        drop_path_rate: Probability that a residual branch of the last stage is dropped; earlier
            stages get less (``drop_path_rates``).
        dropout_rate: Probability of the dropout before the classifier.
        activation: Nonlinearity of stem and blocks (SE keeps ReLU and sigmoid).
        classifier_activation: Nonlinearity after the classifier.
        include_top: Whether there is a classifier.
        pooling: Without a classifier: global ``avg`` or ``max`` pooling, or None for the map.
        preprocessing: Whether the network begins with its own rescaling and normalisation.
        bn_momentum: Momentum of the moving statistics, a training-only number, as the code base of
            the dialect has it. Keras 2's 0.0 keeps only the last batch, which spoils training; the
            models to train (``keras_model.applications``) are therefore built with 0.99.
        bn_epsilon: Added to the variance.
        dialect: Whose wiring. Its ``defaults`` are not looked at here but by ``variant`` and
            ``layout``.

    Raises:
        InvalidSpec: If a number is out of its range.
        InvalidChoice: If an activation is unknown.

    >>> ResNetRSSpec.variant(152).resolution
    (256, 256)
    """

    blocks: tuple[int, ...]
    depth: int | None = None
    resolution: tuple[int, int] = (224, 224)
    channels: int = 3
    classes: int = 1000
    width: float = 1.0
    filters: tuple[int, ...] = ()
    se_ratio: float = 0.25
    drop_path_rate: float = 0.0
    dropout_rate: float = 0.25
    activation: str = "relu"
    classifier_activation: str = "softmax"
    include_top: bool = True
    pooling: Pooling | None = None
    preprocessing: bool = True
    bn_momentum: float = 0.0
    bn_epsilon: float = 1e-5
    dialect: Dialect = field(default_factory=lambda: DIALECTS["keras"])

    def __post_init__(self) -> None:
        if not self.filters:
            object.__setattr__(self, "filters", tuple(64 << i for i in range(len(self.blocks))))
        if not self.dialect.preprocessing:
            object.__setattr__(self, "preprocessing", False)
        self._check_layout()
        self._check_sizes()
        self._check_rates()

    def _check_layout(self) -> None:
        for what, value in (("blocks", self.blocks), ("filters", self.filters)):
            _require(
                isinstance(value, tuple | list),
                f"the {what} are {shown(value)}; they must be whole numbers, one a stage",
            )
        _require(
            1 <= len(self.blocks) <= MAX_STAGES,
            f"a layout has 1 to {MAX_STAGES} stages, not {len(self.blocks)}",
            "the paper's networks have four, such as 3,4,23,3",
        )
        for stage, blocks in zip(self.stages, self.blocks, strict=True):
            limits.BLOCKS.check(blocks, InvalidSpec, of=stage)
        total = sum(self.blocks)
        _require(
            total <= MAX_BLOCKS,
            f"the layout has {total} blocks; at most {MAX_BLOCKS} are built",
            "resnet-rs-420, the deepest published network, has 139",
        )
        _require(
            len(self.filters) == len(self.blocks),
            f"{len(self.filters)} filter counts for {len(self.blocks)} stages",
        )
        for stage, filters in zip(self.stages, self.filters, strict=True):
            limits.FILTERS.check(filters, InvalidSpec, of=stage)
        limits.WIDTH.check(self.width, InvalidSpec)
        for name, base in (
            *((f"stem convolution {i}", f) for i, f in enumerate(self.dialect.stem_filters, 1)),
            *zip(self.stages, self.filters, strict=True),
        ):
            channels = round_channels(base, self.width)
            _require(
                channels > 0,
                f"width {self.width:g} rounds the {base} filters of {name} to zero channels",
                f"use at least {CHANNEL_DIVISOR / 2 / base:g}",
            )
            _require(
                EXPANSION * channels <= MAX_CHANNELS,
                f"{name} would have {EXPANSION * channels} channels; "
                f"at most {MAX_CHANNELS} are built",
            )

    def _check_sizes(self) -> None:
        _require(
            isinstance(self.resolution, tuple) and len(self.resolution) == 2,
            f"the resolution {shown(self.resolution)} is not height and width",
        )
        for side in self.resolution:
            small = isinstance(side, int) and side < limits.RESOLUTION.low
            hint = "the stages halve the image five times" if small else None
            limits.RESOLUTION.check(side, InvalidSpec, hint=hint)
        limits.IMAGE_CHANNELS.check(self.channels, InvalidSpec)
        limits.CLASSES.check(self.classes, InvalidSpec)

    def _check_rates(self) -> None:
        for limit, rate in (
            (limits.SE_RATIO, self.se_ratio),
            (limits.DROP_PATH_RATE, self.drop_path_rate),
            (limits.DROPOUT_RATE, self.dropout_rate),
            (limits.BN_MOMENTUM, self.bn_momentum),
            (limits.BN_EPSILON, self.bn_epsilon),
        ):
            limit.check(rate, InvalidSpec)
        _require(
            self.pooling in (None, "avg", "max"),
            f"pooling {shown(self.pooling)} is not avg or max",
        )
        for activation in (self.activation, self.classifier_activation):
            _require(is_showable(str(activation)), f"activation {shown(activation)} is no name")
            if not str(activation).startswith(CUSTOM_ACTIVATION):
                check_choice("activation", activation, ACTIVATIONS)

    @classmethod
    def variant(
        cls,
        depth: int,
        *,
        resolution: tuple[int, int] | int | None = None,
        dialect: str = "keras",
        **changes: Any,
    ) -> "ResNetRSSpec":
        """Make the paper's ResNet-RS-``depth``, with Keras's rates or the defaults of the dialect.

        Args:
            depth: 50, 101, 152, 200, 270, 350, 420, or 300 and 400 of the scaling study (whose
                regularisation is not published: no drop path, dropout 0.25).
            resolution: Image side or (height, width); the largest published size of the depth by
                default, 224 for 300 and 400 and where the dialect is an ancestor.
            dialect: Name of a dialect.
            **changes: Any other field of the spec.

        Raises:
            UnknownVariant: If the paper has no such depth.
            InvalidSpec: If a number is out of its range.
            InvalidChoice: If the dialect or an activation is unknown.
        """
        known = paper.variants()
        if depth not in known:
            raise _unknown_depth(depth, known)
        published, chosen = known[depth], dialect_named(dialect)
        if resolution is None:
            resolution = chosen.resolution or (
                published.resolutions[-1] if published.resolutions else 224
            )
        fields: dict[str, Any] = {
            "blocks": published.blocks,
            "depth": depth,
            "resolution": (resolution, resolution) if isinstance(resolution, int) else resolution,
        }
        defaults = dict(chosen.defaults)
        for name in ("drop_path_rate", "dropout_rate"):
            if name not in defaults and (rate := getattr(published, name)) is not None:
                fields[name] = rate
        return cls.layout(dialect=dialect, **(fields | changes))

    @classmethod
    def layout(
        cls, blocks: tuple[int, ...], *, dialect: str = "keras", **changes: Any
    ) -> "ResNetRSSpec":
        """Make a network of another block layout, with the defaults of a dialect.

        Args:
            blocks: Bottleneck blocks per stage, c2 first.
            dialect: Name of a dialect.
            **changes: Any other field of the spec.

        Raises:
            InvalidSpec: If a number is out of its range.
            InvalidChoice: If the dialect or an activation is unknown.

        >>> ResNetRSSpec.layout((3, 4, 6, 3), dialect="resnet").se_ratio
        0.0
        """
        chosen = dialect_named(dialect)
        return cls(**(dict(chosen.defaults) | {"blocks": blocks, "dialect": chosen} | changes))

    def replace(self, **changes: Any) -> "ResNetRSSpec":
        """Change some fields, and check again."""
        return replace(self, **changes)

    @property
    def name(self) -> str:
        """Return the variant's name, for programs; other layouts are named by their blocks.

        >>> ResNetRSSpec.variant(50).name, ResNetRSSpec(blocks=(1, 2), width=0.5).name
        ('resnet-rs-50', 'resnet-rs-1-2-w0.5')
        """
        stem = self.depth if self.depth is not None else "-".join(map(str, self.blocks))
        return f"{self.dialect.family}-{stem}" + ("" if self.width == 1 else f"-w{self.width:g}")

    @property
    def title(self) -> str:
        """Write name, resolution and all that differs from the dialect's defaults.

        >>> ResNetRSSpec.variant(200, dialect="resnet", se_ratio=0.25).title
        'ResNet-200 + SE @ 224×224'
        """
        known = self.dialect.name in ("keras", self.dialect.family)
        dialect = "" if known else f" ({self.dialect.name})"
        expected = dict(self.dialect.defaults).get("se_ratio", 0.25)
        se = "" if (self.se_ratio > 0) == (expected > 0) else " + SE" if self.se_ratio else " - SE"
        name = written_name(self.dialect, self.depth, self.blocks, self.width)
        return f"{name}{se} @ {self.size}{dialect}"

    @property
    def size(self) -> str:
        """Write the resolution as height x width."""
        return dimensions(self.resolution)

    @property
    def stages(self) -> tuple[str, ...]:
        """Name the stages, c2 first."""
        return tuple(f"c{i + 2}" for i in range(len(self.blocks)))

    def drop_path_rates(self) -> tuple[float, ...]:
        """Compute each stage's drop-path rate: ``rate * (i + 2) / (n + 1)`` for i = 0..n-1.

        Source: tensorflow/tpu @7dc921f8, resnet_layers.get_drop_connect_rate; Keras has the same
        rule under the name ``get_survival_probability``.

        >>> [round(r, 3) for r in ResNetRSSpec.variant(200).drop_path_rates()]
        [0.04, 0.06, 0.08, 0.1]
        """
        stages = len(self.blocks)
        return tuple(self.drop_path_rate * (i + 2) / (stages + 1) for i in range(stages))

    def block_drop_path_rates(self) -> tuple[tuple[float, ...], ...]:
        """Compute the drop-path rate of every block, by stage.

        By stage, all blocks of one have its rate (``drop_path_rates``). By block, timm's rule, the
        rate grows linearly over all blocks, from 0 at the first to ``drop_path_rate`` at the last.
        Source: huggingface/pytorch-image-models @aa4b5850, timm/models/resnet.py.

        >>> spec = ResNetRSSpec(blocks=(1, 2), drop_path_rate=0.2, dialect=DIALECTS["timm"])
        >>> spec.block_drop_path_rates()
        ((0.0,), (0.1, 0.2))
        """
        if self.dialect.drop_path_rule == "stage":
            return tuple(
                (rate,) * n for rate, n in zip(self.drop_path_rates(), self.blocks, strict=True)
            )
        last = max(1, sum(self.blocks) - 1)
        rates, start = [], 0
        for blocks in self.blocks:
            rates.append(tuple(self.drop_path_rate * (start + i) / last for i in range(blocks)))
            start += blocks
        return tuple(rates)

    def se_filters(self, filters: int) -> int:
        """Compute the hidden width of SE in a block of inner width ``filters``, output 4x that."""
        return max(1, int(filters * EXPANSION * self.se_ratio))
