"""What is in photographs: which network is asked, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rsinspect import paper
from rsinspect.base.errors import InvalidPrediction, SpecError, WeightsError
from rsinspect.base.text import showable
from rsinspect.base.words import Option, advice
from rsinspect.checkpoints.tensor_file import tensor_file
from rsinspect.images.photograph import Photograph
from rsinspect.images.preprocessing import Preprocessing, preprocessing
from rsinspect.networks.named import is_file, network
from rsinspect.networks.network import Network, at_size
from rsinspect.prediction.labels import labels_for
from rsinspect.prediction.predictions import TOP, Predictions, Seen, guesses
from rsinspect.prediction.process import Ran, run
from rsinspect.prediction.reading import Reading, reading_of
from rsinspect.weights.chosen import Weights
from rsinspect.weights.identity import identified
from rsinspect.weights.published import is_published

DEFAULT_MODEL = "50"
"""Whose weights are the smallest to fetch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """How photographs are looked at.

    Attributes:
        crop_ratio: As in ``images.preprocessing``; None for the default.
        interpolation: Likewise.
        scaling: Likewise; None for what suits the network.
        labels: A file with the names of classes.
        limit: How many classes to show.

    Raises:
        InvalidPrediction: If that number is none.
    """

    crop_ratio: float | None = None
    interpolation: str = "bicubic"
    scaling: str | None = None
    labels: Path | None = None
    limit: int = 5

    def __post_init__(self) -> None:
        TOP.check(self.limit, InvalidPrediction)

    def reading(self, network: Network) -> tuple[Reading, Preprocessing]:
        """Tell how a network is read, and what is done to photographs for it.

        Raises:
            RsInspectError: If it is of another kind, or a choice is none there is.
        """
        reading = reading_of(network, self.scaling)
        return reading, preprocessing(
            reading.resolution,
            crop_ratio=self.crop_ratio,
            interpolation=self.interpolation,
            scaling=reading.scaling,
        )


def network_for(weights: str | None, size: tuple[int, int] | None = None) -> Network:
    """Make the network that is asked where none is named.

    Args:
        weights: A file that holds a whole network, or the weights of a ResNet-RS; the name of
            published weights, or None.
        size: Height and width; by default the network's own, or the largest that its depth was
            published at.

    Raises:
        RsInspectError: If the file holds none.
    """
    if weights is None or is_published(weights):
        return network(DEFAULT_MODEL, resolution=size)
    try:
        if is_file(weights):
            return network(weights, resolution=size)
    except (SpecError, WeightsError):  # it holds weights alone
        pass
    with tensor_file(Path(weights).expanduser()) as file:
        identity = identified(file)
    found = identity.network
    if found is None:
        raise InvalidPrediction(
            f"{showable(weights)} does not say which network it is of",
            advice("name it: {}", Option("model", "101@192")),
        )
    if found.spec is not None and not found.spec.include_top:
        raise InvalidPrediction(
            f"{showable(weights)} has no classifier of a ResNet-RS: {identity.sentence()}",
            "give weights that have one, or a whole model: .keras or .h5",
        )
    if size is None and identity.image_size is None and identity.spec is not None:
        variant = paper.variants().get(identity.spec.depth or 0)
        if variant is not None and variant.published:
            size = (variant.resolutions[-1],) * 2
    return at_size(found, size)


def predict(
    network: Network,
    weights: Weights,
    photographs: Sequence[Photograph],
    choices: Choices,
    ran: Callable[[Preprocessing], Ran] | None = None,
) -> Predictions:
    """Ask a network what is in photographs.

    Args:
        network: From one image in colour to a number for each class.
        weights: Its.
        photographs: One or more.
        choices: How they are looked at.
        ran: Runs the network, where it is a live one; by default Keras does in a process of its
            own.

    Raises:
        RsInspectError: If that cannot be done.
    """
    if not photographs:
        raise InvalidPrediction("there is no photograph", "give the path of one")
    reading, chosen = choices.reading(network)
    labels = labels_for(reading.classes, choices.labels)
    result = (
        run(network, weights.path, photographs, chosen, own=weights.own)
        if ran is None
        else ran(chosen)
    )
    if any(len(row) != reading.classes for row in result.rows):
        raise WeightsError(f"{network.name} gave another number of classes than it has")
    return Predictions(
        network=network,
        reading=reading,
        preprocessing=chosen,
        weights=weights.said,
        labels=labels,
        seen=tuple(
            Seen(photograph, guesses(row, reading, labels, choices.limit))
            for photograph, row in zip(photographs, result.rows, strict=True)
        ),
        backend=result.backend,
    )
