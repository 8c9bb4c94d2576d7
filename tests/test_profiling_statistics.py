"""The interval covers what it says, and warm-up ends when it should."""

import json
import os
import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from rsinspect.base.errors import InvalidMeasurement
from rsinspect.profiling.statistics import (
    WARM_UP_AT_MOST,
    Latency,
    Sampling,
    interval_of_excess,
    is_steady,
    t_quantile,
    warm_up_over,
)


def test_summary_of_known_samples() -> None:
    latency = Latency.of([5.0, 1.0, 3.0, 2.0, 4.0])
    assert (latency.median, latency.minimum) == (3.0, 1.0)
    assert latency.quartiles == (2.0, 4.0)
    assert latency.spread == pytest.approx(2 / 3)
    assert (latency.interval, latency.ci_low, latency.half_width) == (None, None, None)
    assert latency.samples == (5.0, 1.0, 3.0, 2.0, 4.0)


def test_one_sample_has_a_median_and_no_spread() -> None:
    latency = Latency((0.2,))
    assert (latency.median, latency.quartiles, latency.spread) == (0.2, (0.2, 0.2), 0.0)


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        ((), "a latency needs at least one sample"),
        ((-1.0,), "-1.0 is no time in seconds; a sample is 0 or more"),
        ((float("nan"),), "nan is no time in seconds; a sample is 0 or more"),
        ((1.0, float("inf")), "inf is no time in seconds; a sample is 0 or more"),
    ],
)
def test_what_is_no_time_is_refused(samples: tuple[float, ...], said: str) -> None:
    with pytest.raises(InvalidMeasurement, match=f"^{said}$"):
        Latency(samples)


def test_only_samples_that_count_are_summed_up() -> None:
    sampling = Sampling((0,) * 4, (0, 0, 1, 1), (True, False, True, True))
    latency = Latency((1.0, 99.0, 2.0, 3.0), sampling)
    assert latency.kept == (1.0, 2.0, 3.0)
    assert (latency.median, latency.minimum) == (2.0, 1.0)


@pytest.mark.parametrize(
    ("process", "burst", "kept", "said"),
    [
        ((0,), (0, 1), (True, True), "process, burst and kept of the rounds differ in length"),
        ((0, 0), (0, 0), (False, False), "a latency needs at least one sample that counts"),
    ],
    ids=["lengths", "nothing counts"],
)
def test_rounds_that_cannot_be_are_refused(
    process: tuple[int, ...], burst: tuple[int, ...], kept: tuple[bool, ...], said: str
) -> None:
    with pytest.raises(InvalidMeasurement, match=f"^{said}$"):
        Sampling(process, burst, kept)


def test_samples_and_rounds_are_as_many() -> None:
    with pytest.raises(InvalidMeasurement, match="3 samples of 2 rounds"):
        Latency((1.0, 2.0, 3.0), Sampling.independent(2))


def test_half_width_is_a_share_of_the_median() -> None:
    latency = Latency((9.0, 10.0, 10.0, 10.0, 10.0, 11.0))
    assert latency.ci_low is not None
    assert latency.ci_high is not None
    assert latency.half_width == pytest.approx((latency.ci_high - latency.ci_low) / 2 / 10)


def test_the_interval_is_the_same_every_time() -> None:
    samples = tuple(random.Random(3).gauss(10, 1) for _ in range(30))
    assert Latency(samples).interval == Latency(tuple(x for x in samples)).interval


@pytest.mark.parametrize("count", [6, 9, 20, 45])
@pytest.mark.parametrize(
    ("draw", "median"),
    [
        (lambda rng: rng.gauss(10, 1), 10.0),
        (lambda rng: rng.lognormvariate(0, 1), 1.0),  # skewed, as latencies are
    ],
    ids=["normal", "lognormal"],
)
def test_interval_covers_the_median_of_independent_samples(
    count: int, draw: Callable[[random.Random], float], median: float
) -> None:
    rng = random.Random(count)
    covered = 0
    for _ in range(300):
        interval = Latency.of(draw(rng) for _ in range(count)).interval
        assert interval is not None
        covered += interval[0] <= median <= interval[1]
    assert covered >= 0.92 * 300


def drifting(rng: random.Random, bursts: int, size: int) -> tuple[Latency, Latency]:
    """Bursts that are each off by something of their own; told, and not told, that they are."""
    samples = []
    for _ in range(bursts):
        off = rng.gauss(0, 1)
        samples += [10 + off + rng.gauss(0, 0.2) for _ in range(size)]
    burst = tuple(number for number in range(bursts) for _ in range(size))
    told = Sampling((0,) * len(samples), burst, (True,) * len(samples))
    return Latency(tuple(samples), told), Latency(tuple(samples))


def test_bursts_that_differ_are_covered_only_if_they_are_known_as_bursts() -> None:
    rng = random.Random(5)
    told = untold = 0
    for _ in range(200):
        one, other = drifting(rng, 10, 4)
        assert one.interval is not None
        assert other.interval is not None
        told += one.interval[0] <= 10 <= one.interval[1]
        untold += other.interval[0] <= 10 <= other.interval[1]
    assert told >= 180
    assert untold < 160, "this test could not fail"


def test_processes_that_differ_are_resampled_as_a_whole() -> None:
    rng = random.Random(6)
    covered = 0
    for _ in range(200):
        samples: list[float] = []
        for _process in range(4):
            off = rng.gauss(0, 1)
            samples += [10 + off + rng.gauss(0, 0.3) for _ in range(8)]
        process = tuple(number for number in range(4) for _ in range(8))
        sampling = Sampling(process, tuple(range(8)) * 4, (True,) * 32)
        interval = Latency(tuple(samples), sampling).interval
        assert interval is not None
        covered += interval[0] <= 10 <= interval[1]
    assert covered >= 180


def test_parts_and_whole_are_resampled_together() -> None:
    """What makes a round slow makes its parts slow: the gap is known better than either."""
    rng = random.Random(7)
    whole, first, second = [], [], []
    for _ in range(24):
        speed = rng.lognormvariate(0, 0.2)
        whole.append(3.0 * speed)
        first.append(1.0 * speed)
        second.append(2.0 * speed * rng.gauss(1, 0.001))
    parts = [Latency(tuple(first)), Latency(tuple(second))]
    found = interval_of_excess(parts, Latency(tuple(whole)))
    assert found is not None
    assert -0.01 < found[0] <= 0 <= found[1] < 0.01
    half_width = Latency(tuple(whole)).half_width
    assert half_width is not None
    assert half_width > 0.03


def test_quantiles_of_student_s_t_fall_towards_the_normal_s() -> None:
    found = [t_quantile(degrees) for degrees in range(1, 40)]
    assert all(before >= after for before, after in pairwise(found))
    assert (found[0], found[-1]) == (12.706, 1.96)


SHARED = Path(os.environ.get("RSINSPECT_SHARED") or Path(__file__).parents[2] / "shared")
A_A = SHARED / "reference/aa_trace.json"


@pytest.mark.skipif(not A_A.is_file(), reason="RSINSPECT_SHARED names no folder with aa_trace.json")
def test_intervals_of_a_recorded_series_cover_its_median() -> None:
    """400 calls of one network, 54 s; twenty bursts of two spread over it, at every offset."""
    document = json.loads(A_A.read_text())
    series, quiet = document["w"], [share <= 0.03 for share in document["fo"]]
    truth = Latency.of(x for x, ok in zip(series, quiet, strict=True) if ok).median
    rng = random.Random(0)
    covered = 0
    for _ in range(100):
        positions, bursts = [], []
        for burst in range(20):
            start = burst * 20 + rng.randrange(18)
            positions += [start, start + 1]
            bursts += [burst, burst]
        sampling = Sampling((0,) * 40, tuple(bursts), tuple(quiet[p] for p in positions))
        interval = Latency(tuple(series[p] for p in positions), sampling).interval
        assert interval is not None
        covered += interval[0] <= truth <= interval[1]
    assert covered >= 90


def test_warm_up_needs_three_samples_and_two_that_agree() -> None:
    assert not is_steady([1.0, 1.0])
    assert not is_steady([9.0, 1.2, 1.0])
    assert is_steady([9.0, 1.2, 1.0, 1.04])
    assert is_steady([9.0, 1.0, 0.96])
    assert not warm_up_over([9.0, 2.0])
    assert warm_up_over([float(2**i) for i in range(WARM_UP_AT_MOST)])
