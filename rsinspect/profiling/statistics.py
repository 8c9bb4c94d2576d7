"""Samples and what they say; no idea what is timed.

Samples that follow each other in one process are alike: neighbours come and go, clocks drift. An
interval that takes them for independent is too narrow: 95 % intervals of 20 consecutive calls
covered the median of a series of 400 in 51 % of all cases. So rounds are taken in *bursts* spread
over the time there is, the interval resamples whole bursts (whole processes first, where there are
several), and its percentiles are widened for their small number as Hesterberg (2015, "What Teachers
Should Know About the Bootstrap", section 3) does. On that recorded series intervals of ten to
thirty bursts covered the median in 98 to 100 % of all cases where the bursts lay in the whole of
its 54 s, and in 73 to 87 % where they lay in half of it: nothing measured in half a minute knows
what the next half will be like. It stays a statement about the minutes that were measured, and with
one process about that process: another has other addresses and other neighbours.

A round in which other programs used the machine, or the clock was low, does not count (``kept``).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from rsinspect.base.errors import InvalidMeasurement

NOMINAL_COVERAGE = 0.95
FEWEST_FOR_INTERVAL = 6
"""Rounds that count; of fewer the extremes themselves are not known."""
FEWEST_BURSTS = 3
FEWEST_FOR_SIGNED_RANKS = 6
"""Values; of fewer, no interval of signed ranks is of 95 %."""
MOST_FOR_SIGNED_RANKS = 400
RESAMPLES = 1000

WARM_UP_AT_LEAST = 3
WARM_UP_AT_MOST = 10
WARM_UP_TOLERANCE = 0.05

_T_975 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
"""97.5 % quantile of Student's t for 1 to 30 degrees of freedom (NIST e-Handbook, 1.3.6.7.2)."""
NORMAL_975 = 1.96


@dataclass(frozen=True, slots=True)
class Sampling:
    """How rounds were taken: three tuples of the same length, one value per round.

    Attributes:
        process: Number of the process that ran it.
        burst: Number of the burst in that process.
        kept: Whether it counts.

    Raises:
        InvalidMeasurement: If the tuples differ in length or nothing counts.
    """

    process: tuple[int, ...]
    burst: tuple[int, ...]
    kept: tuple[bool, ...]

    def __post_init__(self) -> None:
        if not len(self.process) == len(self.burst) == len(self.kept):
            raise InvalidMeasurement("process, burst and kept of the rounds differ in length")
        if not any(self.kept):
            raise InvalidMeasurement("a latency needs at least one sample that counts")

    @classmethod
    def independent(cls, count: int) -> Sampling:
        """Make a sampling of independent rounds, all of which count."""
        return cls((0,) * count, tuple(range(count)), (True,) * count)

    def clusters(self) -> tuple[tuple[tuple[int, ...], ...], ...]:
        """List the positions of the rounds that count, per process and burst.

        >>> Sampling((0, 0, 0, 1), (0, 0, 1, 0), (True, True, False, True)).clusters()
        (((0, 1),), ((3,),))
        """
        found: dict[int, dict[int, list[int]]] = {}
        for position, (process, burst) in enumerate(zip(self.process, self.burst, strict=True)):
            if self.kept[position]:
                found.setdefault(process, {}).setdefault(burst, []).append(position)
        return tuple(tuple(map(tuple, bursts.values())) for bursts in found.values())


@dataclass(frozen=True, slots=True)
class Latency:
    """Samples of one quantity, in seconds, and their summary.

    Median, quartiles, minimum and interval are of the samples that count.

    Attributes:
        samples: In the order they were taken; at least one, each a time of 0 s or more.
        sampling: How they were taken; None for independent samples that all count.

    Raises:
        InvalidMeasurement: If there is no sample that counts, or one is not a time.

    >>> latency = Latency((3.0, 1.0, 2.0, 5.0, 4.0, 6.0))
    >>> latency.median, latency.minimum
    (3.5, 1.0)
    """

    samples: tuple[float, ...]
    sampling: Sampling | None = None

    def __post_init__(self) -> None:
        if not self.samples:
            raise InvalidMeasurement("a latency needs at least one sample")
        for sample in self.samples:
            if not (math.isfinite(sample) and sample >= 0):
                raise InvalidMeasurement(f"{sample} is no time in seconds; a sample is 0 or more")
        if self.sampling is not None and len(self.sampling.kept) != len(self.samples):
            raise InvalidMeasurement(
                f"there are {len(self.samples)} samples of {len(self.sampling.kept)} rounds"
            )

    @classmethod
    def of(cls, samples: Iterable[float]) -> Latency:
        """Summarise independent samples, in seconds."""
        return cls(tuple(samples))

    @classmethod
    def pooled(cls, latencies: Sequence[Latency]) -> Latency:
        """Join several measurements of one quantity, each as processes of its own.

        >>> Latency.pooled([Latency.of([1.0, 2.0]), Latency.of([3.0])]).sampling.process
        (0, 0, 1)
        """
        if len(latencies) == 1:
            return latencies[0]
        process: list[int] = []
        burst: list[int] = []
        kept: list[bool] = []
        for latency in latencies:
            before = max(process, default=-1) + 1
            sampling = latency.sampling or Sampling.independent(len(latency.samples))
            process += [before + number for number in sampling.process]
            burst += sampling.burst
            kept += sampling.kept
        samples = tuple(sample for latency in latencies for sample in latency.samples)
        return cls(samples, Sampling(tuple(process), tuple(burst), tuple(kept)))

    @property
    def kept(self) -> tuple[float, ...]:
        """Return the samples that count."""
        if self.sampling is None:
            return self.samples
        return tuple(
            sample for sample, kept in zip(self.samples, self.sampling.kept, strict=True) if kept
        )

    @property
    def median(self) -> float:
        """Compute the median; the mean of the middle two where the number of samples is even."""
        return statistics.median(self.kept)

    @property
    def interval(self) -> tuple[float, float] | None:
        """Compute the 95 % interval of the median; None with too few rounds or bursts."""
        sampling = self.sampling or Sampling.independent(len(self.samples))
        return _interval_of_median(self.samples, sampling)

    @property
    def ci_low(self) -> float | None:
        """Return the lower end of the interval, or None."""
        return None if self.interval is None else self.interval[0]

    @property
    def ci_high(self) -> float | None:
        """Return the upper end of the interval, or None."""
        return None if self.interval is None else self.interval[1]

    @property
    def half_width(self) -> float | None:
        """Express half the interval as a share of the median; None without an interval."""
        if self.interval is None or not self.median:
            return None
        low, high = self.interval
        return (high - low) / 2 / self.median

    @property
    def quartiles(self) -> tuple[float, float]:
        """Compute the quartiles: a quarter of the samples lies below, a quarter above."""
        kept = self.kept
        if len(kept) == 1:
            return kept[0], kept[0]
        first, _, third = statistics.quantiles(kept, n=4, method="inclusive")
        return first, third

    @property
    def spread(self) -> float:
        """Express the distance between the quartiles as a share of the median."""
        first, third = self.quartiles
        return (third - first) / self.median if self.median else 0.0

    @property
    def minimum(self) -> float:
        """Return the fastest sample that counts."""
        return min(self.kept)


def t_quantile(degrees: int) -> float:
    """Look up the 97.5 % quantile of Student's t; the normal one beyond 30 degrees of freedom.

    >>> t_quantile(9), t_quantile(31)
    (2.262, 1.96)
    """
    return _T_975[degrees - 1] if degrees <= len(_T_975) else NORMAL_975


def _units(sampling: Sampling) -> tuple[tuple[int, ...], ...]:
    """List the positions of the rounds that count, per process, or per burst of one process."""
    clusters = sampling.clusters()
    if len(clusters) == 1:
        return clusters[0]
    return tuple(tuple(p for burst in bursts for p in burst) for bursts in clusters)


@lru_cache(maxsize=16)
def _resampled(sampling: Sampling) -> Any:
    """Draw resamples: counts of each round, an integer array (resamples, rounds).

    Processes are drawn first where there are several, then bursts within them.
    """
    import numpy as np

    random = np.random.default_rng(0)
    clusters = sampling.clusters()
    even = np.full(len(clusters), 1 / len(clusters))
    processes = random.multinomial(len(clusters), even, size=RESAMPLES)
    drawn = np.zeros((RESAMPLES, len(sampling.kept)), dtype=np.int64)
    for times, bursts in zip(processes.T, clusters, strict=True):
        even = np.full(len(bursts), 1 / len(bursts))
        counts = random.multinomial(times * len(bursts), even)
        for column, positions in zip(counts.T, bursts, strict=True):
            drawn[:, list(positions)] = column[:, None]
    return drawn


def _medians(samples: Sequence[float], drawn: Any) -> Any:
    """Compute the median of each resample."""
    import numpy as np

    values = np.asarray(samples, dtype=np.float64)
    order = np.argsort(values)
    below = np.cumsum(drawn[:, order], axis=1)
    half = below[:, -1:] / 2
    lower = values[order][np.argmax(below >= half, axis=1)]
    upper = values[order][np.argmax(below > half, axis=1)]
    return (lower + upper) / 2


def _median_of(positions: Sequence[int]) -> Callable[[Sequence[float]], float]:
    return lambda samples: statistics.median(samples[position] for position in positions)


Statistic = Callable[[Callable[[Sequence[float]], Any]], Any]
"""A number made of medians: given what takes the median of some samples, it gives the number."""


def _interval(sampling: Sampling, statistic: Statistic) -> tuple[float, float] | None:
    """Compute the 95 % interval of a function of medians; None with too few rounds or units.

    With few units the percentiles of resamples cannot reach beyond the units themselves, and the
    smallest to the largest of five cover the median in 94 % at most: there it is Student's t of the
    units' own numbers.
    """
    units = _units(sampling)
    fewest = FEWEST_BURSTS if len(set(sampling.process)) == 1 else 2
    if sum(sampling.kept) < FEWEST_FOR_INTERVAL or len(units) < fewest:
        return None
    if len(units) < FEWEST_FOR_INTERVAL:
        middle = statistic(_median_of([position for unit in units for position in unit]))
        own = [statistic(_median_of(unit)) for unit in units]
        half = t_quantile(len(units) - 1) * statistics.stdev(own) / math.sqrt(len(units))
        return middle - half, middle + half
    import numpy as np

    drawn = _resampled(sampling)
    values = statistic(lambda samples: _medians(samples, drawn))
    widened = -math.sqrt(len(units) / (len(units) - 1)) * t_quantile(len(units) - 1)
    low = statistics.NormalDist().cdf(widened)
    low, high = np.quantile(values, [low, 1 - low])
    return float(low), float(high)


@lru_cache(maxsize=4096)
def _interval_of_median(
    samples: tuple[float, ...], sampling: Sampling
) -> tuple[float, float] | None:
    interval = _interval(sampling, lambda median: median(samples))
    return None if interval is None else (max(0.0, interval[0]), interval[1])


def interval_of_sum(parts: Sequence[Latency]) -> tuple[float, float] | None:
    """Compute the 95 % interval of the sum of the parts' medians, in seconds.

    The parts are of the same rounds, and each resample draws the same rounds of all of them.

    None with too few rounds or bursts.

    >>> one = Latency((1.0, 2.0, 3.0, 4.0, 5.0, 6.0))
    >>> interval_of_sum([one]) == one.interval
    True
    """
    if len(parts) == 1:
        return parts[0].interval
    sampling = parts[0].sampling or Sampling.independent(len(parts[0].samples))

    def together(median: Callable[[Sequence[float]], Any]) -> Any:
        return sum(median(part.samples) for part in parts)

    interval = _interval(sampling, together)
    return None if interval is None else (max(0.0, interval[0]), interval[1])


def interval_of_excess(parts: Sequence[Latency], whole: Latency) -> tuple[float, float] | None:
    """Compute the 95 % interval of the gap between parts and whole, as a share of the whole.

    Parts and whole are of the same rounds, and each resample draws the same rounds of all of them:
    what made a round slow made its parts slow.

    None with too few rounds or bursts.
    """
    sampling = whole.sampling or Sampling.independent(len(whole.samples))

    def excess(median: Callable[[Sequence[float]], Any]) -> Any:
        return sum(median(part.samples) for part in parts) / median(whole.samples) - 1

    return _interval(sampling, excess)


def signed_ranks(values: Sequence[float]) -> tuple[float, tuple[float, float] | None]:
    """Estimate the middle of values that lie evenly around it, with its 95 % interval.

    The interval is None of fewer than six values.

    >>> signed_ranks([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    (3.5, (1.0, 6.0))
    """
    import numpy as np

    numbers = np.asarray(values, dtype=np.float64)
    rows, columns = np.triu_indices(len(numbers))
    means = np.sort((numbers[rows] + numbers[columns]) / 2)
    middle = float(np.median(means))
    if len(numbers) < FEWEST_FOR_SIGNED_RANKS:
        return middle, None
    first = _refused(len(numbers))
    return middle, (float(means[first]), float(means[-1 - first]))


def middle_of_signs(values: Sequence[float]) -> tuple[float, tuple[float, float] | None]:
    """Estimate as ``signed_ranks``, of many values by the medians of neighbours.

    Neighbours of one sign are more than chance where something comes and goes: the medians of as
    many as leave ``MOST_FOR_SIGNED_RANKS`` groups are fewer, and their pairs can be listed.
    """
    size = -(-len(values) // MOST_FOR_SIGNED_RANKS)
    return signed_ranks(
        [statistics.median(values[at : at + size]) for at in range(0, len(values), size)]
        if size > 1
        else values
    )


def _refused(count: int) -> int:
    """Find the most of the smallest means of two that 97.5 % of all tosses leave out.

    Up to 50 values by the exact distribution of Wilcoxon's signed ranks, beyond by the normal one.

    >>> [_refused(count) for count in (6, 10, 20, 50)]
    [0, 8, 52, 434]
    """
    if count > 50:
        spread = math.sqrt(count * (count + 1) * (2 * count + 1) / 24)
        return max(0, math.floor(count * (count + 1) / 4 - NORMAL_975 * spread))
    ways = [1]
    for rank in range(1, count + 1):
        longer = [*ways, *[0] * rank]
        for total, number in enumerate(ways):
            longer[total + rank] += number
        ways = longer
    below, total = 0, 0
    while below + ways[total] <= 0.025 * 2**count:
        below += ways[total]
        total += 1
    return max(0, total - 1)


def is_steady(samples: Sequence[float], *, tolerance: float = WARM_UP_TOLERANCE) -> bool:
    """Tell whether warm-up is steady: three samples or more, the last two within ``tolerance``.

    The first call compiles, and the second is often slower than the rest.

    >>> is_steady([9.0, 1.2, 1.0]), is_steady([9.0, 1.2, 1.0, 1.02]), is_steady([1.0, 1.0])
    (False, True, False)
    """
    if len(samples) < WARM_UP_AT_LEAST:
        return False
    before, last = samples[-2:]
    return abs(last - before) <= tolerance * min(last, before)


def warm_up_over(samples: Sequence[float]) -> bool:
    """Tell whether warm-up ends here: steady, or not steady after ten samples."""
    return is_steady(samples) or len(samples) >= WARM_UP_AT_MOST
