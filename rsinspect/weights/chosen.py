"""The weights that a network gets: its own, a file's, or published ones."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from rsinspect import paper
from rsinspect.base.errors import WeightsError
from rsinspect.base.text import showable
from rsinspect.base.words import Option, advice
from rsinspect.checkpoints.tensor_file import tensor_file
from rsinspect.networks.network import Network
from rsinspect.weights.fetch import Watch, fetch_published
from rsinspect.weights.fitting import check
from rsinspect.weights.published import is_published, published_name
from rsinspect.weights.resnet_rs_file import resnet_rs_file


class Weights(NamedTuple):
    """Where a network has its weights from.

    Attributes:
        path: The file.
        own: Whether the network was read from it.
        said: What they are, in words.
    """

    path: Path
    own: bool
    said: str


LIVE = Weights(Path(), True, "of the model as it is")
"""Those of a model that is in memory."""


def weights_for(network: Network, weights: str | None, watch: Watch | None = None) -> Weights:
    """Find the weights of a network, on this machine or, once, on the network.

    Args:
        network: What they are for.
        weights: ``imagenet``, ``imagenet-i224`` or the path of a file; by default those of the file
            that the network was read from, or else the published ones of its size, or of its
            depth's largest.
        watch: Told how far a download is.

    Raises:
        WeightsError: If there is no such file, it is of another network, or none are known of it;
            ``WeightsUnavailable`` if they were published and cannot be fetched.
    """
    own = network.weights
    if weights is None and own is not None:
        return Weights(own, True, f"of {showable(own.name)}")
    if weights is None or is_published(weights):
        if network.spec is None:
            raise WeightsError(
                f"no weights of {network.name} are known here",
                advice("give a file of them with {}", Option("weights", "my.weights.h5")),
            )
        chosen = weights or _published_for(network)
        name = published_name(chosen, network.spec)
        return Weights(fetch_published(name, watch=watch), False, f"published as {name}")
    path = Path(weights).expanduser()
    same = own is not None and path.absolute() == own.absolute()
    if not same:
        _check(path, network)
    return Weights(path, same, f"of {showable(path.name)}")


def _check(path: Path, network: Network) -> None:
    """Refuse weights of another network before a framework is started.

    Raises:
        WeightsError: If there is no such file, or it is of another network.
    """
    with tensor_file(path) as file:
        is_keras = file.is_keras
    if is_keras:
        check(path, network)
    else:
        with resnet_rs_file(path, network):
            pass


def _published_for(network: Network) -> str:
    """Name the published weights that suit a network: those of its size, where there are."""
    assert network.spec is not None
    height, width = network.spec.resolution
    variant = paper.variants().get(network.spec.depth or 0)
    has_own = variant is not None and height == width and height in variant.resolutions
    return f"imagenet-i{height}" if has_own else "imagenet"
