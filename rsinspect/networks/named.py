"""A network from what a person types: MODEL text, a resolution, a layout.

MODEL text names a published network, at a resolution and in a dialect if it likes, or a file:

    270    152@224    resnet-rs-152-i224    101:article    200:resnet+se    network.json

A maker of networks from another kind of text joins ``_MAKERS``; nothing above needs to know.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from rsinspect import paper
from rsinspect.base.errors import GraphError, InvalidSpec, UnknownVariant
from rsinspect.base.units import dimensions, typed
from rsinspect.layers import document as graph_document
from rsinspect.networks import network as networks_
from rsinspect.networks.dialects import dialect_named
from rsinspect.networks.network import Network, from_graph, network_from_json, resnet_rs
from rsinspect.networks.spec import ResNetRSSpec

SE_RATIO = 0.25
"""Of ``+se``: the paper's."""

_MODEL = re.compile(
    r"(?:resnet-?)?(?:rs-?)?(?P<depth>\d+)(?:(?:@|-i)(?P<size>\d+(?:[x×]\d+)?))?"
    r"(?::(?P<dialect>[a-z0-9_-]*?))?(?P<se>[+-]se)?"
)


class Named(NamedTuple):
    """What MODEL text says of a published network.

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
    sides = typed(text.lower()).split("x")
    if len(sides) > 2 or not all(re.fullmatch(r"-?\d{1,9}", side) for side in sides):
        raise InvalidSpec(
            f"{text!r:.80} is not a resolution", "write one side, 224, or height x width, 160x192"
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
        raise InvalidSpec(f"{text!r:.80} is not a block layout", "write whole numbers: 3,4,23,3")
    return tuple(map(int, parts))


def parse_model(text: str) -> Named:
    """Read the name of a published network.

    Args:
        text: A depth (``270``), a depth at a resolution (``152@224``, ``152@160x192``) or a
            published name (``resnet-rs-152-i224``, ``resnet-rs-152``); each with a dialect
            (``101:article``), or with squeeze-and-excitation put in or taken out
            (``200:resnet+se``, ``50-se``).

    Raises:
        SpecError: If the text is none of these.
        InvalidChoice: If the dialect is unknown.

    >>> parse_model("152@224"), parse_model("200:resnet+se").se
    (Named(depth=152, resolution=(224, 224), dialect=None, se=None), True)
    """
    match = _MODEL.fullmatch(text.strip().lower())
    if match is None or len(match["depth"]) > 9:
        import difflib  # only on the way to an error

        names = [f"resnet-rs-{depth}" for depth in paper.variants()]
        raise UnknownVariant(
            f"{text!r:.80} is not a model",
            "write a depth (270), a depth at a resolution (152@224) or a name "
            f"({difflib.get_close_matches(text[:80], names, n=1, cutoff=0.0)[0]})",
        )
    dialect = match["dialect"]
    return Named(
        depth=int(match["depth"]),
        resolution=None if match["size"] is None else parse_resolution(match["size"]),
        dialect=None if dialect is None else dialect_named(dialect).name,
        se=None if match["se"] is None else match["se"] == "+se",
    )


def _from_document(text: str) -> Network | None:
    """Read a network or layer graph from rsinspect's JSON; None for other text."""
    if not text.endswith(".json"):
        return None
    from rsinspect.base import codec  # a published name needs none
    from rsinspect.base.sources import Unreadable, content_of

    try:
        document = codec.from_text(content_of(Path(text).expanduser()))
    except Unreadable as exc:
        raise InvalidSpec(f"{text} cannot be read: {exc}") from exc
    except RuntimeError as exc:  # ~nobody
        raise InvalidSpec(f"{text} cannot be read: {exc}") from exc
    except codec.Damaged as exc:
        raise InvalidSpec(f"{text} is no JSON document: {exc}") from exc
    try:
        if isinstance(document, dict) and document.get("schema") == graph_document.SCHEMA:
            return from_graph(graph_document.from_json(document))
        return network_from_json(document)
    except GraphError as exc:
        raise InvalidSpec(
            f"{text} holds no network: {exc.message}",
            f"a network is saved as {networks_.SCHEMA}",
        ) from exc


def _published(text: str) -> Network:
    return resnet_rs(parse_model(text).spec())


_MAKERS: tuple[Callable[[str], Network | None], ...] = (_from_document, _published)
"""Who makes a network of MODEL text, in the order in which they are asked."""


def network(text: str) -> Network:
    """Make the network that MODEL text names.

    Args:
        text: A published network (``parse_model``), or the path of a ``.json`` file that holds a
            network of rsinspect's.

    Raises:
        SpecError: If the text names no network.

    >>> network("101@160:article").title
    'ResNet-RS-101 @ 160×160 (article)'
    """
    made = (make(text) for make in _MAKERS)
    return next(one for one in made if one is not None)


def is_file(text: str) -> bool:
    """Tell whether MODEL text is the path of a file, and not a name."""
    return text.endswith(".json")


def networks(*texts: str, resolution: tuple[int, int] | None = None) -> tuple[Network, ...]:
    """Make several networks, at one resolution unless their names say otherwise.

    A model that names no resolution takes the first one named; where none does, all take the
    largest of their published ones, so that costs differ by structure alone.

    Args:
        texts: MODEL text each.
        resolution: Of all.

    Raises:
        SpecError: If a name or resolution is unknown, or the resolution disagrees with one in a
            name.
        InvalidChoice: If a dialect is unknown.

    >>> [made.title for made in networks("50", "101:article")]
    ['ResNet-RS-50 @ 192×192', 'ResNet-RS-101 @ 192×192 (article)']
    """
    named = [None if is_file(text) else parse_model(text) for text in texts]
    sizes = [one.resolution for one in named if one is not None and one.resolution is not None]
    if resolution is None and not sizes:
        sizes = (
            [max(ResNetRSSpec.variant(one.depth).resolution for one in named if one is not None)]
            if any(named)
            else []
        )
    return tuple(
        network(text)
        if one is None
        else resnet_rs(one.spec(resolution=resolution or one.resolution or sizes[0]))
        for text, one in zip(texts, named, strict=True)
    )
