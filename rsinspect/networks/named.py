"""A network from what a person types: MODEL text, a resolution, a layout."""

import re

from rsinspect import paper
from rsinspect.base.errors import InvalidSpec, UnknownVariant

_MODEL = re.compile(r"(?:resnet-?)?(?:rs-?)?(\d+)(?:(?:@|-i)(\d+(?:x\d+)?))?")


def parse_resolution(text: str) -> tuple[int, int]:
    """``224`` or ``224x288`` (height x width) as (height, width).

    Raises:
        InvalidSpec: If the text is neither.

    >>> parse_resolution("224"), parse_resolution("160x192")
    ((224, 224), (160, 192))
    """
    sides = text.lower().split("x")
    if len(sides) > 2 or not all(re.fullmatch(r"-?\d{1,9}", side) for side in sides):
        raise InvalidSpec(
            f"{text!r} is not a resolution", "write one side, 224, or height x width, 160x192"
        )
    return int(sides[0]), int(sides[-1])


def parse_blocks(text: str) -> tuple[int, ...]:
    """``3,4,23,3`` as a block layout.

    Raises:
        InvalidSpec: If the text is not a list of whole numbers.

    >>> parse_blocks("3,4,23,3")
    (3, 4, 23, 3)
    """
    parts = text.split(",")
    if not all(re.fullmatch(r"\s*-?\d{1,9}\s*", part) for part in parts):
        raise InvalidSpec(f"{text!r} is not a block layout", "write whole numbers: 3,4,23,3")
    return tuple(map(int, parts))


def parse_model(text: str) -> tuple[int, tuple[int, int] | None]:
    """A depth and, where the text gives one, a resolution.

    Args:
        text: A depth (``270``), a depth at a resolution (``152@224``, ``152@160x192``) or a
            published name (``resnet-rs-152-i224``, ``resnet-rs-152``).

    Raises:
        UnknownVariant: If the text is none of these.

    >>> parse_model("152@224"), parse_model("resnet-rs-50")
    ((152, (224, 224)), (50, None))
    """
    match = _MODEL.fullmatch(text.strip().lower())
    if match is None or len(match[1]) > 9:
        import difflib

        names = [f"resnet-rs-{depth}" for depth in paper.variants()]
        raise UnknownVariant(
            f"{text!r} is not a model",
            "write a depth (270), a depth at a resolution (152@224) or a name "
            f"({difflib.get_close_matches(text, names, n=1, cutoff=0.0)[0]})",
        )
    return int(match[1]), None if match[2] is None else parse_resolution(match[2])
