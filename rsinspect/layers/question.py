"""What is asked of a network besides its description: what a FLOP is, how many images, which dtype.

A graph leaves all three out, so that one graph answers every question.
"""

from __future__ import annotations

from dataclasses import dataclass

from rsinspect.base import limits
from rsinspect.base.errors import InvalidQuestion, check_choice
from rsinspect.base.units import ITEM_BYTES
from rsinspect.layers.cost import CONVENTIONS, LEGEND, Cost


@dataclass(frozen=True, slots=True)
class Question:
    """A convention, a batch size and a dtype, checked once.

    Attributes:
        convention: What a FLOP is: a name of ``CONVENTIONS``.
        batch: Images, for bytes of activations, bytes moved and intensity.
        dtype: Data type of activations and weights: a name of ``ITEM_BYTES``.

    Raises:
        InvalidChoice: If the convention or the dtype is unknown.
        InvalidQuestion: If the batch is no sensible whole number (``limits.BATCH``).

    >>> Question("timm", batch=8).flops(Cost(macs=10, normed=1))
    12
    """

    convention: str = "paper"
    batch: int = 1
    dtype: str = "float32"

    def __post_init__(self) -> None:
        check_choice("convention", self.convention, CONVENTIONS)
        check_choice("dtype", self.dtype, ITEM_BYTES)
        limits.BATCH.check(self.batch, InvalidQuestion)

    @property
    def item_bytes(self) -> int:
        """Return the bytes of one number."""
        return ITEM_BYTES[self.dtype]

    @property
    def legend(self) -> str:
        """Define a FLOP."""
        return LEGEND[self.convention]

    def flops(self, cost: Cost) -> int:
        """Count operations for one image."""
        return cost.flops(self.convention)

    def activation_bytes(self, cost: Cost) -> int:
        """Add up all layer outputs, in bytes, for the batch."""
        return cost.activation_bytes(batch=self.batch, dtype=self.dtype)

    def weight_bytes(self, cost: Cost) -> int:
        """Convert all parameters to bytes."""
        return cost.weight_bytes(self.dtype)

    def bytes_moved(self, cost: Cost) -> int:
        """Count bytes of inputs read, outputs written and weights read once, for the batch."""
        return cost.bytes_moved(batch=self.batch, dtype=self.dtype)

    def intensity(self, cost: Cost) -> float | None:
        """Divide FLOPs by bytes moved; None where nothing moves."""
        return cost.intensity(self.convention, batch=self.batch, dtype=self.dtype)
