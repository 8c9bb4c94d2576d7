"""What the numbers of each layer are like, read from a file beside its network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from operator import add
from pathlib import Path
from typing import NamedTuple

from rsinspect.base.errors import WeightsError
from rsinspect.base.words import Option, advice, plural
from rsinspect.checkpoints.layout import said
from rsinspect.checkpoints.tensor_file import tensor_file
from rsinspect.checkpoints.tensors import TensorFile
from rsinspect.networks.network import Network
from rsinspect.weights.identity import identified
from rsinspect.weights.placement import Placement, placed
from rsinspect.weights.roles import roles
from rsinspect.weights.statistics import Statistics, statistics_of

_LEAST_FOUND = 0.5
"""Share of a network's tensors that a file has to have for it to be the network's."""

_STATE = ("moving_mean", "moving_variance", "optimizer")


class LayerWeights(NamedTuple):
    """The numbers of a network's layers in a file.

    Attributes:
        path: Of the file.
        by_path: What the trained numbers of a layer are like, by its path; of its moving statistics
            those that are not finite are counted.
        absent: How many tensors of the network the file does not have, or in another shape.
        identity: What a file is that lacks some.
    """

    path: Path
    by_path: Mapping[str, Statistics]
    absent: int = 0
    identity: str = ""

    def of(self, paths: Iterable[str]) -> Statistics | None:
        """Join what is known of some layers; None where none of them has weights."""
        known = [self.by_path[path] for path in paths if path in self.by_path]
        return reduce(add, known) if known else None

    @property
    def notes(self) -> tuple[str, ...]:
        """Say what the numbers are of."""
        lacks = f"the file lacks {plural(self.absent, 'tensor')} of the network."
        return (
            *((f"Not all: {lacks} The file: {self.identity}",) if self.absent else ()),
            f"Weights: kernels, biases, gammas and betas in {said(Path(self.path.name))}.",
        )


def layer_weights(path: Path, network: Network) -> LayerWeights:
    """Read the weights of a network in a file of any format, and look at their numbers.

    Args:
        path: Of the file.
        network: Of any kind.

    Raises:
        WeightsError: If the file is damaged or of another network, or the network's batch norms
            are folded: the file has the weights from before.
    """
    if network.folding is not None:
        raise WeightsError(
            "the weights in a file are those from before batch norms are folded",
            advice("leave {} out", Option("fold_batch_norm", True)),
        )
    with tensor_file(path) as file:
        placement = placed(file, network)
        if placement.found < _LEAST_FOUND * len(placement.weights):
            raise WeightsError(
                f"{said(path)} does not fit {network.name}: it has {placement.found} of its "
                f"{plural(len(placement.weights), 'tensor')}",
                "rsinspect weights inspect says what it is, weights verify what differs",
            )
        absent = len(placement.weights) - placement.found
        identity = identified(file).sentence() if absent else ""
        return LayerWeights(path, _by_path(file, placement), absent, identity)


def _by_path(file: TensorFile, placement: Placement) -> dict[str, Statistics]:
    found: dict[str, Statistics] = {}
    known = roles(file.tensors)
    for each in placement.weights:
        if each.tensor is None or not each.fits:
            continue
        role = known[each.tensor]
        numbers = statistics_of(file.slabs(each.tensor), role)
        if role.kind in _STATE:
            bad = numbers.nans + numbers.infinities
            numbers = Statistics(bad, nans=numbers.nans, infinities=numbers.infinities)
        found[each.path] = found.get(each.path, Statistics()) + numbers
    return found
