"""How many times as long one takes as another, with an interval: of samples in turns, or apart.

*In turns.* Bursts run both in random order. If it made no difference which of the two ran, each
burst's ratio would lie above or below 1 by the toss that decided the order, whatever else the
machine did; so Wilcoxon's signed ranks of the logarithms have their exact distribution on a busy
machine too. The ratio is the median of all means of two bursts (Hodges and Lehmann, 1963,
"Estimates of Location Based on Rank Tests"), its interval lies between the order statistics of
those means that the test would not refuse at 5 %. All rounds count: there is nothing to gate.

*Apart.* Two runs of different minutes share nothing. The logarithm of each median has an error from
its own bursts, and one that no number of bursts shows: another process has other addresses and
other neighbours. The latter is estimated from the processes of a run where there are three or more,
is never taken for less than ``BETWEEN_PROCESSES``, and shrinks only with more processes.

Two copies of one network in one process differ by where they lie in memory: ``BETWEEN_COPIES``.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from rsinspect.profiling.statistics import NORMAL_975, Latency, Sampling

FEWEST_BURSTS = 6
"""Of fewer, no interval of signed ranks is of 95 %."""

BETWEEN_COPIES = 0.0
"""Standard deviation of the logarithm of the ratio of two copies of one network in one process."""

BETWEEN_PROCESSES = 0.021
"""Standard deviation of the logarithm of the median among processes, beyond what bursts show: of
eight fresh processes the medians varied by 2.8 %, of which their own samples explain 1.8 %."""

FEWEST_PROCESSES = 3
"""Their medians say how much processes differ."""


class Ratio(NamedTuple):
    """How many times as long B takes as A.

    Attributes:
        value: The ratio.
        low: Lower end of its 95 % interval; None with too few samples.
        high: Upper end, likewise.
    """

    value: float
    low: float | None = None
    high: float | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Return both ends; None where there is no interval."""
        return None if self.low is None or self.high is None else (self.low, self.high)

    @property
    def half_width(self) -> float:
        """Return half the interval; infinite where there is none."""
        return math.inf if self.low is None or self.high is None else (self.high - self.low) / 2

    def times(self, factor: float) -> Ratio:
        """Return the ratio and its interval times a factor."""
        ends = (None if end is None else end * factor for end in (self.low, self.high))
        return Ratio(self.value * factor, *ends)


def ratio_in_turns(a: Latency, b: Latency) -> Ratio | None:
    """Compare samples that were taken in turns, burst by burst; None where one took no time.

    Args:
        a: Of A; bursts are told by their sampling.
        b: Of B; bursts of the same process and number are those it took turns in.
    """
    own, others = _bursts(a), _bursts(b)
    both = [key for key in own if key in others]
    pairs = [(statistics.median(own[key]), statistics.median(others[key])) for key in both]
    if not pairs or any(x <= 0 or y <= 0 for x, y in pairs):
        return None
    processes = len({process for process, _ in both})
    logs = [math.log(y / x) for x, y in pairs]
    middle, ends = signed_ranks(logs)
    return _ratio(middle, ends, BETWEEN_COPIES / math.sqrt(processes))


def ratio_of_groups(a: Latency, b: Latency) -> Ratio | None:
    """Compare samples of two runs; None where one took no time."""
    if a.median <= 0 or b.median <= 0:
        return None
    middle = math.log(b.median / a.median)
    errors = [_log_error(latency) for latency in (a, b)]
    if any(error is None for error in errors):
        return Ratio(math.exp(middle))
    half = NORMAL_975 * math.hypot(*(error or 0.0 for error in errors))
    return _ratio(middle, (middle - half, middle + half), 0.0)


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
    if len(numbers) < FEWEST_BURSTS:
        return middle, None
    first = _refused(len(numbers))
    return middle, (float(means[first]), float(means[-1 - first]))


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


def _ratio(middle: float, ends: tuple[float, float] | None, error: float) -> Ratio:
    """Make a ratio of logarithms; an error that samples do not show widens its interval."""
    if ends is None:
        return Ratio(math.exp(middle))
    low = math.hypot(middle - ends[0], NORMAL_975 * error)
    high = math.hypot(ends[1] - middle, NORMAL_975 * error)
    return Ratio(math.exp(middle), math.exp(middle - low), math.exp(middle + high))


def _bursts(latency: Latency) -> dict[tuple[int, int], list[float]]:
    """Sort all samples by process and burst."""
    sampling = latency.sampling or Sampling.independent(len(latency.samples))
    found: dict[tuple[int, int], list[float]] = {}
    for key, sample in zip(
        zip(sampling.process, sampling.burst, strict=True), latency.samples, strict=True
    ):
        found.setdefault(key, []).append(sample)
    return found


def _log_error(latency: Latency) -> float | None:
    """Estimate the standard error of a median's logarithm; None with too few samples."""
    sampling = latency.sampling or Sampling.independent(len(latency.samples))
    by_process: dict[int, list[float]] = {}
    for process, sample, kept in zip(sampling.process, latency.samples, sampling.kept, strict=True):
        if kept:
            by_process.setdefault(process, []).append(sample)
    count = len(by_process)
    between = BETWEEN_PROCESSES
    if count >= FEWEST_PROCESSES:
        medians = [statistics.median(samples) for samples in by_process.values()]
        if min(medians) > 0:
            between = max(between, statistics.stdev(map(math.log, medians)))
    interval = _as_of_one_process(latency, sampling).interval
    if interval is None:
        return None
    within = (interval[1] - interval[0]) / 2 / NORMAL_975 / latency.median
    return math.hypot(within, between / math.sqrt(count))


def _as_of_one_process(latency: Latency, sampling: Sampling) -> Latency:
    """Take bursts of several processes for bursts of one."""
    numbers: dict[tuple[int, int], int] = {}
    keys = zip(sampling.process, sampling.burst, strict=True)
    bursts = tuple(numbers.setdefault(key, len(numbers)) for key in keys)
    return Latency(latency.samples, Sampling((0,) * len(bursts), bursts, sampling.kept))
