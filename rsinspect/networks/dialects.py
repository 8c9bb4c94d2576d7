"""Whose wiring: each code base's reading of the paper, and the network's ancestors."""

from typing import Any, Literal, NamedTuple

from rsinspect.base.errors import check_choice

ShortcutNorm = Literal["always", "unpooled"]
ShortcutPool = Literal["strided", "always", "never"]
Padding = Literal["explicit", "same"]
DropPathRule = Literal["stage", "block"]


class Dialect(NamedTuple):
    """One code base's reading of the paper, or an ancestor of its network, as wiring.

    Attributes:
        name: What ``--dialect`` calls it.
        summary: What sets it apart, in one line.
        family: First part of the names of its networks.
        written: Their names as the literature writes them; ``{}`` is the depth or the layout.
        resolution: Image side of its networks where nobody names one; None for the largest that the
            ResNet-RS of that depth was published at.
        defaults: Fields of the spec that the code base sets otherwise than the ``keras`` dialect,
            for every depth. ``ResNetRSSpec.variant`` and ``layout`` start from them.
        stem_filters: Widths of the stem's convolutions, before the width multiplier.
        stem_strides: Their strides.
        stem_kernel: Their kernel size.
        stem_pool: Whether a 3x3 max pool of stride 2 ends the stem.
        padding: Whether strided convolutions and max pools pad ``explicit``ly, alike on all sides,
            or ``same``, TensorFlow's way, which on an even side pads the far edge alone.
        strided_conv: Which convolution of a residual branch strides: 1 (the first 1x1) or 2.
        first_stage_stride: Stride of c2's first block.
        shortcut_pool: Which projection shortcuts begin with a 2x2 average pool: those that
            ``strided``, ``always`` (with the block's stride, 1 in c2), or ``never``, the 1x1
            convolution striding instead.
        shortcut_norm: Whether projection shortcuts end in batch norm ``always`` or only where they
            do not pool (``unpooled``).
        se_bias: Whether the two SE convolutions have biases.
        drop_path_rule: Whether the drop-path rate grows from stage to stage or from block to block
            (``ResNetRSSpec.block_drop_path_rates``).
        preprocessing: Whether the model can begin with rescaling and mean/std normalisation.
        stem_name: First part of the reference layer names of the stem.
    """

    name: str
    summary: str
    family: str = "resnet-rs"
    written: str = "ResNet-RS-{}"
    resolution: int | None = None
    defaults: tuple[tuple[str, Any], ...] = ()
    stem_filters: tuple[int, ...] = (32, 32, 64, 64)
    stem_strides: tuple[int, ...] = (2, 1, 1, 2)
    stem_kernel: int = 3
    stem_pool: bool = False
    padding: Padding = "explicit"
    strided_conv: int = 2
    first_stage_stride: int = 1
    shortcut_pool: ShortcutPool = "strided"
    shortcut_norm: ShortcutNorm = "always"
    se_bias: bool = True
    drop_path_rule: DropPathRule = "stage"
    preprocessing: bool = True
    stem_name: str = "stem_1"


_ANCESTOR = (
    ("se_ratio", 0.0), ("drop_path_rate", 0.0), ("dropout_rate", 0.0), ("bn_momentum", 0.9),
)  # fmt: skip

_ANCESTORS_SIDE = 224  # He et al. 2015, 3.4: crops of 224x224; He et al. 2018, 2.1: likewise

DIALECTS = {
    dialect.name: dialect
    for dialect in (
        Dialect(
            name="keras",
            summary="Keras 2's applications.resnet_rs, equal to the TPU code of the checkpoints",
        ),
        Dialect(
            name="paper-prose",
            summary="the paper's text: no fourth stem convolution, c2 halves the resolution",
            stem_filters=(32, 32, 64),
            stem_strides=(2, 1, 1),
            first_stage_stride=2,
        ),
        Dialect(
            name="article",
            summary="a re-implementation: no batch norm on pooled shortcuts, no SE biases",
            shortcut_norm="unpooled",
            se_bias=False,
            preprocessing=False,
            stem_name="stem",
        ),
        Dialect(
            name="tf-models",
            summary="TF Model Garden: swish, 1001 classes, SAME padding, pooled projections",
            defaults=(("activation", "swish"), ("classes", 1001)),
            padding="same",
            shortcut_pool="always",
            preprocessing=False,
        ),
        Dialect(
            name="timm",
            summary="timm: no regularisation by default, drop path by block, no preprocessing",
            defaults=(("bn_momentum", 0.9), ("drop_path_rate", 0.0), ("dropout_rate", 0.0)),
            drop_path_rule="block",
            preprocessing=False,
        ),
        Dialect(
            name="resnet",
            summary="He et al. 2015: 7x7 stem, max pool, stride in 1x1 convolutions, no SE",
            family="resnet",
            written="ResNet-{}",
            resolution=_ANCESTORS_SIDE,
            defaults=_ANCESTOR,
            stem_filters=(64,),
            stem_strides=(2,),
            stem_kernel=7,
            stem_pool=True,
            strided_conv=1,
            shortcut_pool="never",
            preprocessing=False,
        ),
        Dialect(
            name="resnet-d",
            summary="He et al. 2018, ResNet-D: 3x3 stem, max pool, pooled shortcuts, no SE",
            family="resnet-d",
            written="ResNet-{}-D",
            resolution=_ANCESTORS_SIDE,
            defaults=_ANCESTOR,
            stem_filters=(32, 32, 64),
            stem_strides=(2, 1, 1),
            stem_pool=True,
            preprocessing=False,
        ),
    )
}


def written_name(
    dialect: Dialect, depth: int | None, blocks: tuple[int, ...], width: float = 1.0
) -> str:
    """Name a network as the literature writes it.

    Args:
        dialect: Whose wiring.
        depth: The number in its name; None for a layout of one's own, named by its blocks.
        blocks: Per stage.
        width: Factor of all filters.

    >>> written_name(DIALECTS["keras"], 101, (3, 4, 23, 3))
    'ResNet-RS-101'
    >>> written_name(DIALECTS["resnet-d"], None, (2, 2), 0.5)
    'ResNet-2-2-D ×0.5'
    """
    name = dialect.written.format("-".join(map(str, blocks)) if depth is None else depth)
    return name if width == 1 else f"{name} ×{width:g}"


def dialect_named(name: str) -> Dialect:
    """Look a dialect up by its name.

    Raises:
        InvalidChoice: If there is none.
    """
    check_choice("dialect", name, DIALECTS)
    return DIALECTS[name]
