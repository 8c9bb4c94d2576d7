"""Networks that tests are about."""

from __future__ import annotations

from typing import Any

from rsinspect.networks.network import Network, resnet_rs
from rsinspect.networks.spec import ResNetRSSpec


def network_of(depth: int, **changes: Any) -> Network:
    """A published network."""
    return resnet_rs(ResNetRSSpec.variant(depth, **changes))


def layout_of(*blocks: int, **changes: Any) -> Network:
    """A network of another block layout."""
    return resnet_rs(ResNetRSSpec.layout(blocks, **changes))
