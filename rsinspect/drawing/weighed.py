"""What the weights in a file are like, as facts about the parts of a picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rsinspect.base.words import plural
from rsinspect.drawing.scene import Fact, GridRow, Node

if TYPE_CHECKING:
    from rsinspect.networks.network import Network
    from rsinspect.weights.layer_weights import LayerWeights
    from rsinspect.weights.statistics import Statistics


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """The weights of a network in a file, for pictures of it.

    Attributes:
        weights: By layer.
        layers: Paths of the layers of each stage and block.
    """

    weights: LayerWeights
    layers: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, weights: LayerWeights, network: Network) -> Weighed:
        """Make it for pictures of a network."""
        layers: dict[str, tuple[str, ...]] = {}
        for stage in network.structure.stages:
            layers[stage.path] = tuple(layer.path for layer in stage.layers)
            for group in stage.groups:
                layers.setdefault(group.path, tuple(layer.path for layer in group.layers))
        return cls(weights=weights, layers=layers)

    def facts_of(self, item: Node | GridRow) -> tuple[Fact, ...]:
        """List what is known of the weights of an item; nothing where it has none."""
        numbers = self.weights.of(self._layers_of(item.paths or (item.path,)))
        return () if numbers is None else tuple(_facts(numbers))

    def _layers_of(self, paths: Iterable[str]) -> Iterable[str]:
        return (layer for path in paths for layer in self.layers.get(path, (path,)))


def _facts(numbers: Statistics) -> Iterable[Fact]:
    if numbers.deviation is not None and numbers.mean is not None:
        text = f"weights {numbers.mean:.2g} ± {numbers.deviation:.3g}"
        yield Fact(key="weight_std", value=numbers.deviation, text=text)
    if numbers.least is not None and numbers.greatest is not None:
        most = max(-numbers.least, numbers.greatest)
        text = f"from {numbers.least:.3g} to {numbers.greatest:.3g}"
        yield Fact(key="weight_max", value=most, text=text)
    if numbers.dead is not None:
        text = plural(numbers.dead, "dead channel")
        yield Fact(key="dead_channels", value=numbers.dead, text=text)
    if bad := numbers.nans + numbers.infinities:
        yield Fact(key="bad_numbers", value=bad, text=f"{bad} NaN or infinite")
