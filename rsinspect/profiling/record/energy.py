"""The energy of passes, as a counter of the machine told it."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass

from rsinspect.base.quantities import Ratio, Text
from rsinspect.profiling.statistics import FEWEST_BURSTS, Sampling, t_quantile


@dataclass(frozen=True, slots=True, kw_only=True)
class Energy:
    """Joules of a pass in each round.

    Counters move in steps: the mean is of use where a sample is not.

    Attributes:
        source: Which counters, in words.
        samples_j: One per round, in their order.
    """

    source: Text
    samples_j: tuple[Ratio, ...]

    def mean_j(self, sampling: Sampling) -> float:
        """Compute the mean of the rounds that count."""
        kept = zip(self.samples_j, sampling.kept, strict=True)
        return statistics.fmean(sample for sample, counts in kept if counts)

    def interval(self, sampling: Sampling) -> tuple[float, float] | None:
        """Compute the 95 % interval of the mean, by Student's t of the bursts; None of too few."""
        bursts = [positions for of in sampling.clusters() for positions in of]
        if len(bursts) < FEWEST_BURSTS:
            return None
        means = [statistics.fmean(self.samples_j[each] for each in burst) for burst in bursts]
        error = statistics.stdev(means) / math.sqrt(len(means))
        middle, half = self.mean_j(sampling), t_quantile(len(means) - 1) * error
        return max(0.0, middle - half), middle + half
