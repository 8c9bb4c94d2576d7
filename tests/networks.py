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


@cache
def saved(name: str) -> Network:
    """The network of a configuration that Keras wrote, in ``tests/data``."""
    packed = Path(__file__).parent / "data" / f"{name}.json.gz"
    return from_keras_config(json.loads(gzip.decompress(packed.read_bytes())))
