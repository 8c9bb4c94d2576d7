"""How many times as long one takes as another, with an interval: of samples in turns, or apart.

*In turns.* Rounds run both in random order. If it made no difference which of the two ran, each
round's ratio would lie above or below 1 by the toss that decided the order, whatever else the
machine did; so Wilcoxon's signed ranks of the logarithms have their exact distribution on a busy
machine too. The ratio is the median of all means of two rounds (Hodges and Lehmann, 1963,
"Estimates of Location Based on Rank Tests"), its interval lies between the order statistics of
those means that the test would not refuse at 5 %. All rounds count: there is nothing to gate.

*Apart.* Two runs of different minutes share nothing. The logarithm of each median has an error from
its own bursts, and one that no number of bursts shows: another process has other addresses and
other neighbours. The latter is estimated from the processes of a run where there are three or more,
is never taken for less than ``BETWEEN_PROCESSES``, and shrinks only with more processes.

Two copies of one network in one process differ by where they lie in memory: ``BETWEEN_COPIES``.
A part of them differs by more: were each part's error its own, with a variance that falls as the
part grows, those errors add up to that of the whole.
"""

from __future__ import annotations

import math
import statistics
from typing import NamedTuple

from rsinspect.profiling.statistics import NORMAL_975, Latency, Sampling, middle_of_signs

BETWEEN_COPIES = 0.011
"""Standard deviation of the logarithm of the ratio of two copies of one network in one process,
beyond what their rounds show: 0.75 % for each of eight copies in two processes
(``benchmarks/comparisons.py``), with which all twelve comparisons of a process agree."""

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


def ratio_in_turns(a: Latency, b: Latency, share: float = 1.0) -> Ratio | None:
    """Compare samples that were taken in turns, round by round; None where one took no time.

    Args:
        a: Of A; rounds are told by their sampling.
        b: Of B; rounds of the same process, burst and place in it are those it took turns in.
        share: Of the time of the whole network, where the samples are of a part.
    """
    own, others = _rounds(a), _rounds(b)
    both = [key for key in own if key in others]
    if not both or share <= 0 or any(own[key] <= 0 or others[key] <= 0 for key in both):
        return None
    processes = len({process for process, _, _ in both})
    middle, ends = middle_of_signs([math.log(others[key] / own[key]) for key in both])
    if ends is None:
        return Ratio(math.exp(middle))
    unseen = NORMAL_975 * BETWEEN_COPIES / math.sqrt(processes * share)
    low, high = math.hypot(middle - ends[0], unseen), math.hypot(ends[1] - middle, unseen)
    return Ratio(math.exp(middle), math.exp(middle - low), math.exp(middle + high))


def ratio_of_groups(a: Latency, b: Latency) -> Ratio | None:
    """Compare samples of two runs; None where one took no time."""
    if a.median <= 0 or b.median <= 0:
        return None
    middle = math.log(b.median / a.median)
    error_a, error_b = log_error(a), log_error(b)
    if error_a is None or error_b is None:
        return Ratio(math.exp(middle))
    half = NORMAL_975 * math.hypot(error_a, error_b)
    return Ratio(math.exp(middle), math.exp(middle - half), math.exp(middle + half))


def _rounds(latency: Latency) -> dict[tuple[int, int, int], float]:
    """Index all samples by process, burst and place in it."""
    sampling = latency.sampling or Sampling.independent(len(latency.samples))
    found: dict[tuple[int, int, int], float] = {}
    sizes: dict[tuple[int, int], int] = {}
    bursts = zip(sampling.process, sampling.burst, strict=True)
    for burst, sample in zip(bursts, latency.samples, strict=True):
        place = sizes[burst] = sizes.get(burst, -1) + 1
        found[*burst, place] = sample
    return found


def log_error(latency: Latency) -> float | None:
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
