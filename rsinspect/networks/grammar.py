"""MODEL text as a value: NAME[@SIZE][:DIALECT][+se|-se], the name in anybody's spelling.

    270    152@224    ResNetRS101    keras.applications.ResNetRS50    resnetrs420.tf_in1k
    resnet50    ResNet-50-D @ 224×224    101:article    200:resnet+se

A name says which network: ``resnet50`` is He et al.'s, never ResNet-RS-50. What names none of ours
is refused in one line by ``strangers``.
"""

import re
from typing import Any, NamedTuple

from rsinspect.base.errors import InvalidSpec
from rsinspect.base.units import dimensions, typed
from rsinspect.base.words import quoted
from rsinspect.networks.dialects import dialect_named
from rsinspect.networks.spec import ResNetRSSpec

SE_RATIO = 0.25
"""Of ``+se``: the paper's."""

RESNET_DEPTHS = (50, 101, 152, 200)
"""Depths of ResNets of bottleneck blocks: 50, 101 and 152 of He et al. 2015 (arXiv 1512.03385, its
Table 1); 200 of He et al. 2016 (arXiv 1603.05027), where Bello et al.'s Table 1 begins."""

TIMM_WEIGHTS = ".tf_in1k"
"""What timm adds to the name of its published ResNet-RS: ImageNet weights of the TPU code."""

_MODEL = re.compile(
    r"""
    (?P<library>(?:(?:tf|tensorflow)\.)?(?:tf_)?keras\.(?:src\.)?applications\.
        (?:resnet(?:_rs)?\.)?|rsinspect\.|(?:hf[-_]hub:)?timm/)?
    (?:(?:resnet[\s_-]*)?(?P<rs>rs)|(?P<resnet>resnet)(?:[\s_-]*(?P<early_d>d))?)?[\s_-]*
    (?P<depth>\d+)(?:[\s_-]*(?P<late_d>d))?(?P<tag>\.\w+)?
    (?:\s*(?P<early_se>[+-]\s*se))?
    (?:(?:\s*@\s*|[\s_-]*i)(?P<size>\d+(?:\s*[x×]\s*\d+)?))?
    (?:\s*:\s*(?P<dialect>[a-z0-9_-]*?)|\s*\((?P<bracket>[a-z0-9_-]+)\))?
    (?:\s*(?P<late_se>[+-]\s*se))?
    """,
    re.VERBOSE | re.ASCII,
)


class Named(NamedTuple):
    """What MODEL text says of a network.

    Attributes:
        depth: The number in its name.
        resolution: Height and width; None where the text names none.
        dialect: Name of the dialect; None where the text names none.
        se: Whether squeeze-and-excitation is put in or taken out; None for the dialect's own.
    """

    depth: int
    resolution: tuple[int, int] | None = None
    dialect: str | None = None
    se: bool | None = None

    def spec(
        self,
        *,
        resolution: tuple[int, int] | None = None,
        dialect: str | None = None,
        **changes: Any,
    ) -> ResNetRSSpec:
        """Make the spec, with what the text leaves open taken from the arguments.

        Raises:
            SpecError: If the depth is unknown, a number is out of its range, or text and
                arguments disagree.
            InvalidChoice: If the dialect is unknown.
        """
        for what, ours, given in (
            ("resolution", self.resolution, resolution),
            ("dialect", self.dialect, dialect),
        ):
            if ours is not None and given is not None and ours != given:
                raise InvalidSpec(
                    f"{self} and the {what} {_text(given)} disagree", "give one of them"
                )
        if self.se is not None:
            if changes.get("se_ratio") is not None:
                raise InvalidSpec(f"{self} and an SE ratio disagree", "give one of them")
            changes["se_ratio"] = SE_RATIO if self.se else 0.0
        return ResNetRSSpec.variant(
            self.depth,
            resolution=self.resolution or resolution,
            dialect=self.dialect or dialect or "keras",
            **changes,
        )

    def __str__(self) -> str:
        at = "" if self.resolution is None else f"@{_text(self.resolution)}"
        dialect = "" if self.dialect is None else f":{self.dialect}"
        return f"{self.depth}{at}{dialect}{ {None: '', True: '+se', False: '-se'}[self.se] }"


def _text(value: tuple[int, int] | str) -> str:
    """Write a resolution or a dialect: one side where both are alike."""
    if isinstance(value, str):
        return value
    return str(value[0]) if value[0] == value[1] else typed(dimensions(value))


def parse_resolution(text: str) -> tuple[int, int]:
    """Read ``224``, ``224x288`` or ``224×288`` (height x width) as (height, width).

    Raises:
        InvalidSpec: If the text is neither.

    >>> parse_resolution("224"), parse_resolution("160x192"), parse_resolution("160×192")
    ((224, 224), (160, 192), (160, 192))
    """
    sides = [side.strip() for side in typed(text.lower()).split("x")]
    if len(sides) > 2 or not all(re.fullmatch(r"-?\d{1,9}", side) for side in sides):
        raise InvalidSpec(
            f"{quoted(text)} is not a resolution",
            "write one side, 224, or height x width, 160x192",
        )
    return int(sides[0]), int(sides[-1])


def parse_blocks(text: str) -> tuple[int, ...]:
    """Read ``3,4,23,3`` as a block layout.

    Raises:
        InvalidSpec: If the text is not a list of whole numbers.

    >>> parse_blocks("3,4,23,3")
    (3, 4, 23, 3)
    """
    parts = text.split(",")
    if not all(re.fullmatch(r"\s*-?\d{1,9}\s*", part) for part in parts):
        raise InvalidSpec(f"{quoted(text)} is not a block layout", "write whole numbers: 3,4,23,3")
    return tuple(map(int, parts))


def parse_model(text: str) -> Named:
    """Read the name of a network.

    Case, spaces, hyphens and underscores do not matter, and the part that names a library may stand
    before it: ``ResNetRS101``, ``resnet_rs_101``, ``keras.applications.ResNetRS101``. A depth alone
    is ResNet-RS. ``resnet50`` is the ``resnet`` dialect (He et al. 2015) and ``resnet50d`` the
    ``resnet-d`` dialect (He et al. 2018). ``resnetrs420.tf_in1k`` is what timm calls the network
    that it publishes, so it is the ``timm`` dialect: the same layers and weights without
    preprocessing and regularisation.

    Args:
        text: A depth (``270``) or a name (``resnet-rs-152``), with a size if it likes (``152@224``,
            ``152 @ 160×192``, ``resnet-rs-152-i224``), a dialect (``101:article``) and
            squeeze-and-excitation put in or taken out (``200:resnet+se``, ``50-se``). Titles of
            networks of ours, ``ResNet-200 + SE @ 256×256``, are such text.

    Raises:
        SpecError: If the text is none of these.
        InvalidChoice: If the dialect is unknown.

    >>> parse_model("152@224"), parse_model("ResNet-50 + SE @ 224×224")
    (Named(depth=152, resolution=(224, 224), dialect=None, se=None), Named(depth=50, resolution=(224, 224), dialect='resnet', se=True))
    """  # noqa: E501  # one example, one line
    named = named_in(text)
    if named is None:
        from rsinspect.networks.strangers import refusal  # only on the way to an error

        raise refusal(text)
    return named


def named_in(text: str) -> Named | None:
    """Read the name of a network as ``parse_model`` does; None where it is none of ours.

    Raises:
        InvalidSpec: If it is one, at a size or in a dialect that contradict it.
        InvalidChoice: If the dialect is unknown.
    """
    match = _MODEL.fullmatch(text.strip().lower())
    return None if match is None else _named(match)


def _named(match: re.Match[str]) -> Named | None:
    """Read what the grammar found; None where it is no network of ours."""
    rs, resnet, depth, tag = match["rs"], match["resnet"], match["depth"], match["tag"]
    is_d = bool(match["early_d"] or match["late_d"])
    of_keras = "keras" in (match["library"] or "")
    of_timm = tag is not None or "timm" in (match["library"] or "")
    if len(depth) > 9 or (match["early_se"] and match["late_se"]):
        return None
    if tag is not None and (tag != TIMM_WEIGHTS or not rs):
        return None
    if resnet and (of_keras or of_timm or int(depth) not in RESNET_DEPTHS):
        return None  # other networks: Keras's have biases, timm's stride elsewhere
    if (is_d and not resnet) or (match["library"] and not (rs or resnet)):
        return None
    implied = ("resnet-d" if is_d else "resnet") if resnet else "timm" if of_timm else None
    written = match["dialect"] if match["dialect"] is not None else match["bracket"]
    dialect = implied if written is None else dialect_named(written).name
    if implied is not None and dialect != implied:
        raise InvalidSpec(
            f"{quoted(match.string)} is of the {implied} dialect, not of {dialect}",
            f"{depth}:{dialect} is the network of that depth in the other dialect",
        )
    se = match["early_se"] or match["late_se"]
    return Named(
        depth=int(depth),
        resolution=None if match["size"] is None else parse_resolution(match["size"]),
        dialect=dialect,
        se=None if se is None else se[0] == "+",
    )
