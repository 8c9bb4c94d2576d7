"""What a page is about: a network, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from rsinspect.networks.network import Network
from rsinspect.profiling.record.run import ProfileRun
from rsinspect.weights.layer_weights import LayerWeights


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A network and what is known of it.

    Attributes:
        text: MODEL as it was written, or what the network is called.
        network: The network.
        key: What the parts of a page about it are called: ``a``, ``b`` in the order of the page.
        runs: Measurements of it, the one to show first.
        weights: What its weights in a file are like.
    """

    text: str
    network: Network
    key: str = "a"
    runs: tuple[ProfileRun, ...] = field(default=(), repr=False)
    weights: LayerWeights | None = field(default=None, repr=False)
