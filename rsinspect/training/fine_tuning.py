"""How a ResNet-RS with weights is fitted to other images: a new head first, then everything.

The paper has no recipe for it; the numbers are chosen here, near those of Keras's guide to transfer
learning, and each says so.
"""

from __future__ import annotations

from dataclasses import dataclass

from rsinspect.answers.recipe import published
from rsinspect.base import limits
from rsinspect.base.errors import InvalidSpec
from rsinspect.training.recipe import Setting

GUIDE = "keras.io/guides/transfer_learning"
"""Keras's guide to transfer learning."""

_CHOSEN = "chosen here"


@dataclass(frozen=True, slots=True, kw_only=True)
class FineTuning:
    """How a trained ResNet-RS is fitted to other images.

    Attributes:
        depth: Of the network.
        resolution: Side of the square image.
        classes: What the new classifier tells apart.
        batch: Images a step.
        head_epochs: Of the first phase, in which all but the classifier is frozen.
        epochs: Of the second, in which nothing is.

    Raises:
        UnknownVariant: If no weights of that depth and size were published.
        InvalidSpec: If a number is out of its range.

    >>> FineTuning(depth=50, resolution=160).weights
    'imagenet-i160'
    """

    depth: int
    resolution: int
    classes: int = 1000
    batch: int = 32
    head_epochs: int = 2
    epochs: int = 8

    def __post_init__(self) -> None:
        limits.CLASSES.check(self.classes, InvalidSpec)
        limits.BATCH.check(self.batch, InvalidSpec)
        limits.EPOCHS.check(self.head_epochs, InvalidSpec)
        limits.EPOCHS.check(self.epochs, InvalidSpec)
        published(self.depth, self.resolution)

    @property
    def weights(self) -> str:
        """Name the published weights it begins with."""
        return f"imagenet-i{self.resolution}"

    @property
    def settings(self) -> dict[str, Setting]:
        """List the numbers with their sources."""
        numbers = (
            Setting("head_epochs", "epochs of the head alone", self.head_epochs, _CHOSEN),
            Setting("head_learning_rate", "learning rate of the head (Adam)", 1e-3, GUIDE),
            Setting("epochs", "epochs of everything", self.epochs, _CHOSEN),
            Setting(
                "learning_rate",
                "learning rate of everything (Adam, cosine)",
                1e-4,
                f"{_CHOSEN}; the guide: 1e-5, batch norm frozen",
            ),
            Setting(
                "bn_momentum",
                "batch-norm momentum",
                0.99,
                "Keras's default; Keras 2's 0.0 keeps the last batch alone",
            ),
            Setting(
                "dropout_rate", "dropout before the classifier", 0.25, "as published for training"
            ),
            Setting("label_smoothing", "label smoothing", 0.1, "as published for training"),
            Setting("batch", "batch size", self.batch, _CHOSEN),
        )
        return {setting.name: setting for setting in numbers}

    def value(self, name: str) -> float:
        """Look a number up."""
        return float(self.settings[name].value)
