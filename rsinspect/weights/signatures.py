"""Other networks by what their files consist of: how many arrays of each shape, without head.

The table is made by ``benchmarks/signatures.py`` from the networks of ``keras.applications`` and of
timm's ``resnet`` module themselves. What shapes cannot tell apart shares an entry.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

SCHEMA = "rsinspect.signatures/1"
"""Version of the table's JSON. 1: first."""

Shape = tuple[int, ...]
Arrays = Counter[Shape]
"""How many arrays of each shape there are, axes as Keras has them."""


class Signature(NamedTuple):
    """What networks that nobody can tell apart by shapes consist of.

    Attributes:
        names: Of the networks: ``keras.applications.VGG16``, ``timm.resnet50``.
        body: Its arrays without a classifier.
    """

    names: tuple[str, ...]
    body: Arrays


@cache
def signatures() -> tuple[Signature, ...]:
    """List all that are known.

    >>> sum(len(signature.names) for signature in signatures()) > 100
    True
    """
    document = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    return tuple(
        Signature(tuple(row["names"]), _arrays(row["body"])) for row in document["networks"]
    )


def _arrays(counts: Mapping[str, int]) -> Arrays:
    return Counter({tuple(map(int, shape.split("x"))): n for shape, n in counts.items()})


def turned(shape: Shape) -> Shape:
    """Turn the shape of one of PyTorch's arrays into Keras's: (height, width, in, out), (in, out).

    >>> turned((64, 3, 7, 7)), turned((1000, 2048)), turned((64,))
    ((7, 7, 3, 64), (2048, 1000), (64,))
    """
    return (*shape[2:], *shape[1::-1]) if len(shape) > 1 else shape


def plain(arrays: Iterable[Shape]) -> Arrays:
    """Count arrays by shape, scalars left out."""
    return Counter(shape for shape in arrays if shape)
