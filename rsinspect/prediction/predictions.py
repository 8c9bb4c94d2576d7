"""What a network said of photographs: numbers for each class, and the likeliest of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rsinspect.base.limits import Limit
from rsinspect.base.words import Wording
from rsinspect.images.photograph import Photograph
from rsinspect.images.preprocessing import Preprocessing
from rsinspect.networks.network import Network
from rsinspect.prediction.labels import Labels
from rsinspect.prediction.reading import Reading

TOP = Limit("the number of classes to show", 1, 100_000)


@dataclass(frozen=True, slots=True)
class Guess:
    """A class that a network finds likely.

    Attributes:
        index: Of the class.
        share: Its probability, or its score.
        name: What it is called, where that is known.
        wordnet: WordNet's identifier, likewise.
    """

    index: int
    share: float
    name: str | None
    wordnet: str | None

    @property
    def called(self) -> str:
        """Name the class in any case."""
        return self.name if self.name is not None else f"class {self.index}"


class Seen(NamedTuple):
    """What a network said of one photograph.

    Attributes:
        photograph: It.
        guesses: The likeliest classes, the likeliest first.
    """

    photograph: Photograph
    guesses: tuple[Guess, ...]


class Predictions(NamedTuple):
    """What a network said of photographs.

    Attributes:
        network: It.
        reading: How its numbers are read.
        preprocessing: What was done to the photographs.
        weights: Where its weights come from, in words.
        labels: What classes are called.
        seen: Of each photograph.
        notes: What else is to be said.
        backend: Of Keras, that ran it.
    """

    network: Network
    reading: Reading
    preprocessing: Preprocessing
    weights: str
    labels: Labels
    seen: tuple[Seen, ...]
    notes: tuple[str | Wording, ...] = ()
    backend: str | None = None


def guesses(
    numbers: Sequence[float], reading: Reading, labels: Labels, limit: int
) -> tuple[Guess, ...]:
    """Choose the likeliest classes.

    Args:
        numbers: What the network gives, one for each class.
        reading: What they mean.
        labels: What classes are called.
        limit: How many.
    """
    shares = softmax(numbers) if reading.meaning == "logit" else list(numbers)
    order = sorted(range(len(shares)), key=lambda index: (-_finite(shares[index]), index))
    return tuple(
        Guess(
            index,
            shares[index],
            None if labels.names is None else labels.names[index],
            (labels.wordnet[index] or None) if labels.wordnet is not None else None,
        )
        for index in order[:limit]
    )


def _finite(value: float) -> float:
    return -math.inf if math.isnan(value) else value


def softmax(numbers: Sequence[float]) -> list[float]:
    """Make shares of one of logits.

    >>> [round(share, 3) for share in softmax([0.0, math.log(3)])]
    [0.25, 0.75]
    """
    most = max(map(_finite, numbers))
    powers = [math.exp(number - most) for number in numbers]
    return [power / sum(powers) for power in powers]
