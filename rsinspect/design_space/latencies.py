"""What networks of a space take, as an estimate knows it: tables by width and resolution.

Who estimates stands above; a search needs no more than these numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

COLUMNS = ("latency_s", "latency_low_s", "latency_high_s")
"""What is known of a point where latencies are estimated: the estimate and its 95 % interval."""
QUANTILE = 1.96


class Latencies(NamedTuple):
    """Seconds of one batch, for each width and resolution of a space.

    Attributes:
        base: Of a network with one block a stage: (widths, resolutions).
        more: What one more block of each stage adds: (widths, resolutions, stages).
        covariance: Of those 1 + stages numbers, in square seconds: (widths, resolutions, 1 +
            stages, 1 + stages).
        process: What a process is faster or slower than another, one standard deviation, as a
            share.
        how: From what it is known, in words.
    """

    base: Floats
    more: Floats
    covariance: Floats
    process: float
    how: str

    def of(self, width: Floats, side: Floats, blocks: Floats) -> dict[str, Floats]:
        """Estimate some points.

        Args:
            width: Number of each point's width among those of the space.
            side: Likewise of its resolution.
            blocks: Of each stage: (points, stages).

        Returns:
            By name of COLUMNS, a value a point.
        """
        import numpy as np

        times = np.concatenate([np.ones((len(blocks), 1)), blocks - 1.0], axis=1)
        seconds = self.base[width, side].copy()
        square = self.covariance[width, side, 0, 0].copy()
        for one in range(1, times.shape[1]):
            seconds += times[:, one] * self.more[width, side, one - 1]
            square += times[:, one] ** 2 * self.covariance[width, side, one, one]
            for other in range(one):
                both = times[:, one] * times[:, other]
                square += 2 * both * self.covariance[width, side, one, other]
        spread = np.exp(QUANTILE * np.sqrt(square / seconds**2 + self.process**2))
        return dict(zip(COLUMNS, (seconds, seconds / spread, seconds * spread), strict=True))
