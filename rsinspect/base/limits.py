"""Numbers that people give: what is sensible of each, and one line for what is not.

The limits are generous; they exist so that a slip of the keyboard is refused at the door instead
of hanging or overflowing behind it. A number that passed needs no second look.
"""

from __future__ import annotations

from typing import NamedTuple

from rsinspect.base.errors import RsInspectError
from rsinspect.base.units import grouped
from rsinspect.base.words import Option, Wording, advice, shown


class Limit(NamedTuple):
    """What a number may be.

    Attributes:
        what: What it counts: ``the number of classes``.
        low: The least; not itself allowed where ``above``.
        high: The most; not itself allowed where ``below``.
        whole: Whether it is a whole number.
        above: Whether it must be more than ``low``.
        below: Whether it must be less than ``high``.
        unit: Of the limits.
        option: The argument, where ``what`` is best said by its name.
    """

    what: str
    low: float
    high: float
    whole: bool = True
    above: bool = False
    below: bool = False
    unit: str = ""
    option: str = ""

    def allows(self, value: object) -> bool:
        """Tell whether a value is a number of that kind, within the limits."""
        kind = int if self.whole else int | float
        if not isinstance(value, kind) or isinstance(value, bool) or value != value:
            return False
        low = value > self.low if self.above else value >= self.low
        high = value < self.high if self.below else value <= self.high
        return low and high

    def check(
        self,
        value: object,
        error: type[RsInspectError],
        *,
        of: str = "",
        hint: str | Wording | None = None,
    ) -> None:
        """Refuse a value that is not allowed.

        Args:
            value: What was given.
            error: What to raise.
            of: Whose number it is: ``c3``.
            hint: The remedy.

        Raises:
            RsInspectError: ``error``, in one line.

        >>> CLASSES.check(10**400, ValueError)
        Traceback (most recent call last):
        ValueError: ('the number of classes is a number of 401 digits; it must be a whole number \
from 1 to 10 000 000', None)
        """
        if self.allows(value):
            return
        said = f"is {shown(value)}; it must be {self}"
        if self.option:
            raise error(advice("{} {}", Option(self.option), said), hint)
        raise error(f"{self.what}{of and f' {of}'} {said}", hint)

    def __str__(self) -> str:
        low, high = _number(self.low), _number(self.high)
        words = f"from {low} to {high}"
        if self.above:
            words = f"above {low} and at most {high}"
        elif self.below:
            words = f"at least {low} and below {high}"
        return f"{'a whole number ' if self.whole else ''}{words} {self.unit}".rstrip()


def _number(value: float) -> str:
    return grouped(int(value)) if value == int(value) and abs(value) < 1e15 else f"{value:g}"


DEPTH = Limit("the depth", 1, 1_000_000)
BLOCKS = Limit("the number of blocks in", 1, 1_000)
RESOLUTION = Limit("a side of the resolution", 32, 16_384, unit="pixels")
"""Five halvings; the reference refuses less as well."""
SIDE = Limit("a side of the resolution", 1, 16_384)
"""Of any network: images may be small, and texts have a length."""
FILTERS = Limit("the filter count of", 1, 65_536)
IMAGE_CHANNELS = Limit("the number of image channels", 1, 65_536)
CLASSES = Limit("the number of classes", 1, 10_000_000)
WIDTH = Limit("the width multiplier", 0, 64, whole=False, above=True)
SE_RATIO = Limit("the SE ratio", 0, 1, whole=False)
DROP_PATH_RATE = Limit("the drop-path rate", 0, 1, whole=False, below=True)
DROPOUT_RATE = Limit("the dropout rate", 0, 1, whole=False, below=True)
BN_MOMENTUM = Limit("the batch-norm momentum", 0, 1, whole=False)
BN_EPSILON = Limit("the batch-norm epsilon", 0, 1, whole=False, above=True)

BATCH = Limit("the batch", 1, 1_000_000_000, unit="images")
"""Of bytes that are computed: more images than anybody has."""
MEASURED_BATCH = Limit("the batch", 1, 65_536, unit="images")
MAX_TIME = Limit("the time budget", 0, 86_400, whole=False, above=True, unit="s")
THREADS = Limit("the number of threads", 1, 1_024)
PROCESSES = Limit("the number of processes", 1, 100)
ROUNDS = Limit("the number of rounds", 1, 1_000)
SEED = Limit("the seed", 0, 2**32 - 1)

ROWS = Limit("the number of rows", 1, 1_000_000_000, option="limit")
DPI = Limit("the number of dots per inch", 1, 2_400)
IMAGES = Limit("the number of images", 1, 1_000_000_000_000)
EPOCHS = Limit("the number of epochs", 1, 100_000)
COST = Limit("a limit", 0, 1e24, whole=False)
"""Of FLOPs, params or bytes that a search keeps to."""
