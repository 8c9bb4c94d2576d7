"""Networks that tests are about."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

from rsinspect.networks.keras_config import from_keras_config
from rsinspect.networks.network import Network, resnet_rs
from rsinspect.networks.spec import ResNetRSSpec


def network_of(depth: int, **changes: Any) -> Network:
    """A published network."""
    return resnet_rs(ResNetRSSpec.variant(depth, **changes))


def layout_of(*blocks: int, **changes: Any) -> Network:
    """A network of another block layout."""
    return resnet_rs(ResNetRSSpec.layout(blocks, **changes))


DATA = Path(__file__).parent / "data"
SAVED = sorted(path.name.partition(".")[0] for path in DATA.glob("*.json.gz"))
"""Configurations that Keras wrote."""


def configuration(name: str) -> bytes:
    """The text of a configuration."""
    return gzip.decompress((DATA / f"{name}.json.gz").read_bytes())


@cache
def saved(name: str, resolution: tuple[int, int] | None = None) -> Network:
    """The network of a configuration; of images of 224 by 224 where it takes any."""
    size = resolution or ((224, 224) if name == "MobileNetV3Small" else None)
    return from_keras_config(json.loads(configuration(name)), resolution=size)
