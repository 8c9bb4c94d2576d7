"""What a picture shows, before any format: cards, their parts, and the edges between them.

A view makes a scene from the graph; a format only lowers it. So a new format never touches a view,
and every format shows the same truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["input", "stem", "stage", "head"]
Direction = Literal["TB", "LR"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One kind of content of a card: a block, or the layers of a stem.

    Attributes:
        path: Of the first block it stands for.
        title: Its name.
        repeats: How many identical ones it stands for.
        lines: What it consists of, in words.
    """

    path: str
    title: str
    repeats: int = 1
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One box: a stage with its parts.

    Attributes:
        path: Of the stage; the stable id in every format.
        title: Its name.
        subtitle: Its output shape.
        role: What colour it takes.
        parts: What is in it, in the order of the forward pass.
        footer: Its costs, in words.
        tooltip: A sentence for whoever points at it.
    """

    path: str
    title: str
    subtitle: str
    role: Role
    parts: tuple[Part, ...] = ()
    footer: str = ""
    tooltip: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """An arrow from card to card.

    Attributes:
        tail: Path it leaves.
        head: Path it enters.
        label: Shape of what flows.
    """

    tail: str
    head: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A whole picture.

    Attributes:
        name: Of the network.
        title: One line.
        description: The picture in a few sentences, for readers who cannot see it.
        caption: What the numbers mean.
        direction: Top to bottom or left to right.
        cards: In the order of the forward pass.
        edges: Between them.
    """

    name: str
    title: str
    description: str
    caption: str
    direction: Direction
    cards: tuple[Card, ...]
    edges: tuple[Edge, ...]
