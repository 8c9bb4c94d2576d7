"""Intervals of few samples, worked out by hand or by going through all there is."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest

from rsinspect.profiling import statistics as ours
from rsinspect.profiling.statistics import (
    RESAMPLES,
    Latency,
    Sampling,
    interval_of_excess,
    interval_of_sum,
    is_steady,
    middle_of_signs,
    signed_ranks,
    t_quantile,
    warm_up_over,
)


def bursts(*groups: Sequence[float], process: Sequence[int] = ()) -> Latency:
    """Samples in bursts, all of one process or each of the process that is named."""
    burst = [number for number, group in enumerate(groups) for _ in group]
    of = [process[number] if process else 0 for number in burst]
    samples = tuple(sample for group in groups for sample in group)
    return Latency(samples, Sampling(tuple(of), tuple(burst), (True,) * len(burst)))


def test_few_bursts_have_the_interval_of_student_s_t() -> None:
    latency = bursts((10.0, 12.0), (20.0, 22.0), (30.0, 32.0))
    half = 4.303 * 10 / math.sqrt(3)  # medians 11, 21, 31; of all 21
    assert latency.interval == pytest.approx((0.0, 21 + half))
    assert bursts((100.0, 102.0), (110.0, 112.0), (120.0, 122.0)).interval == pytest.approx(
        (111 - half, 111 + half)
    )
    assert bursts((1.0,) * 3, (2.0,) * 3).interval is None
    assert bursts((1.0,), (2.0,), (3.0, 4.0)).interval is None
    uneven = bursts((1.0,), (1.0,), (1.0,), (1.0, 6.0))
    assert uneven.interval is None
    more = bursts((10.0,), (10.0,), (10.0,), (10.0, 10.0, 60.0))
    assert more.interval == pytest.approx((10.0, 10.0))


def test_two_processes_are_enough_and_their_bursts_are_not_counted() -> None:
    latency = bursts((100.0,) * 2, (100.0,) * 2, (104.0,) * 4, process=(0, 0, 1))
    half = 12.706 * math.sqrt(8) / math.sqrt(2)
    assert latency.interval == pytest.approx((102 - half, 102 + half))


def test_rounds_that_do_not_count_are_no_part_of_an_interval() -> None:
    sampling = Sampling((0,) * 8, (0, 0, 1, 1, 2, 2, 3, 3), (True,) * 6 + (False,) * 2)
    latency = Latency((1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 99.0, 99.0), sampling)
    assert latency.interval == bursts((1.0, 1.0), (2.0, 2.0), (3.0, 3.0)).interval
    few = Sampling((0,) * 6, (0, 1, 2, 3, 4, 5), (True,) * 5 + (False,))
    assert Latency((1.0,) * 6, few).interval is None


@pytest.mark.parametrize("process", [(0,) * 9, (0, 0, 0, 1, 1, 1, 2, 2, 2)])
def test_resamples_draw_whole_bursts_within_processes_that_are_drawn(
    process: tuple[int, ...],
) -> None:
    burst = (0, 0, 1, 0, 0, 1, 0, 0, 1) if len(set(process)) > 1 else (0, 0, 0, 1, 1, 1, 2, 2, 2)
    sampling = Sampling(process, burst, (True,) * 9)
    drawn = ours._resampled(sampling)
    assert drawn.shape == (RESAMPLES, 9)
    clusters = sampling.clusters()
    times = np.stack(
        [sum(drawn[:, unit[0]] for unit in units) / len(units) for units in clusters], axis=1
    )
    for units in clusters:
        for unit in units:
            assert (drawn[:, list(unit)] == drawn[:, unit[:1]]).all()
    assert (times.sum(axis=1) == len(clusters)).all()
    assert times.mean() == 1
    assert drawn.mean(axis=0) == pytest.approx(1, abs=0.1)
    assert drawn.std() > 0.5
    assert (drawn == ours._resampled.__wrapped__(sampling)).all()  # the same every time


def test_a_median_of_a_resample_is_that_of_its_samples_repeated() -> None:
    samples = (5.0, 1.0, 4.0, 1.0, 9.0, 2.0, 6.0)
    drawn = ours._resampled(Sampling.independent(7))
    found = ours._medians(samples, drawn)
    for counts, median in zip(drawn[:50], found[:50], strict=True):
        assert median == statistics.median(np.repeat(samples, counts))


def test_of_many_bursts_the_interval_is_of_resamples_widened() -> None:
    samples = tuple(float(number * number) for number in range(10))
    medians = ours._medians(samples, ours._resampled(Sampling.independent(10)))
    low = statistics.NormalDist().cdf(-2.262 * math.sqrt(10 / 9))
    assert low == pytest.approx(0.00856, abs=1e-5)  # of the normal distribution: 0.025
    assert Latency(samples).interval == pytest.approx(tuple(np.quantile(medians, [low, 1 - low])))
    told = bursts(
        *([float((37 * at % 50) ** 2) for at in range(n, n + 5)] for n in range(0, 50, 5))
    )
    assert told.sampling is not None
    medians = ours._medians(told.samples, ours._resampled(told.sampling))
    widened = [
        tuple(np.quantile(medians, [tail, 1 - tail]))
        for t in (2.262, 2.306, 2.201)  # of nine, of eight and of eleven degrees of freedom
        for tail in [statistics.NormalDist().cdf(-t * math.sqrt(10 / 9))]
    ]
    assert told.interval == pytest.approx(widened[0])
    assert len(set(widened)) == 3, "this test could not fail"
    six = Latency((1.0, 2.0, 3.0, 4.0, 5.0, 6.0))  # the fewest that are resampled
    assert six.interval == pytest.approx((1.0, 6.0))


def test_a_sum_of_parts_that_go_together_is_as_sure_as_each() -> None:
    samples = (10.0, 12.0, 11.0, 14.0, 13.0, 17.0, 16.0)
    one, double = Latency(samples), Latency(tuple(2 * sample for sample in samples))
    assert one.interval is not None
    assert interval_of_sum([one]) == one.interval
    assert interval_of_sum([one, double]) == pytest.approx(tuple(3 * end for end in one.interval))
    assert interval_of_sum([Latency((1.0, 2.0))] * 2) is None
    steep = Latency(
        (0.0, 0.0, 0.0, 0.0, 50.0, 100.0), Sampling((0,) * 6, (0, 0, 1, 1, 2, 2), (True,) * 6)
    )
    assert interval_of_sum([steep, steep]) == (0.0, pytest.approx(2 * steep.interval[1]))  # type: ignore[index]


def test_what_parts_leave_of_a_whole_is_a_share_of_it() -> None:
    samples = (10.0, 12.0, 11.0, 14.0, 13.0, 17.0, 16.0)
    whole, half = Latency(samples), Latency(tuple(sample / 2 for sample in samples))
    assert interval_of_excess([half, half], whole) == pytest.approx((0, 0))
    assert interval_of_excess([half], whole) == pytest.approx((-0.5, -0.5))
    assert interval_of_excess([whole, half], whole) == pytest.approx((0.5, 0.5))
    told = bursts((10.0, 11.0), (12.0, 12.0), (13.0, 14.0))
    apart = interval_of_excess([Latency((10.0,) * 6)], told)
    assert apart is not None
    ends = [10 / median for median in (10.5, 12.0, 13.5)]
    spread = 4.303 * statistics.stdev(ends) / math.sqrt(3)
    assert apart == pytest.approx((10 / 12 - 1 - spread, 10 / 12 - 1 + spread))


@pytest.mark.parametrize("count", range(6, 13))
def test_signed_ranks_leave_out_what_all_tosses_do(count: int) -> None:
    """All 2**n tosses of n coins, with the sum of the ranks that fell on one side."""
    sums = sorted(
        sum(rank for rank, side in enumerate(toss, 1) if side)
        for toss in product((0, 1), repeat=count)
    )
    most = 0.025 * 2**count
    refused = max(
        (total for total in range(sums[-1]) if sum(s <= total for s in sums) <= most), default=0
    )
    values = [float(2**number) for number in range(count)]
    means = sorted((a + b) / 2 for n, a in enumerate(values) for b in values[n:])
    middle, ends = signed_ranks(values)
    assert middle == statistics.median(means)
    assert ends == (means[refused], means[-1 - refused])


def test_signed_ranks_of_many_values_are_by_the_normal_distribution() -> None:
    """Of 50 exactly 434, as Wilcoxon's tables have it; beyond by the normal one."""
    assert [ours._refused(count) for count in (50, 51, 100)] == [434, 453, 1954]
    assert signed_ranks([1.0, 3.0]) == (2.0, None)
    assert signed_ranks([1.0, 2.0, 3.0, 4.0, 5.0])[1] is None


def test_of_very_many_values_the_medians_of_neighbours_are_ranked() -> None:
    values = [float(7 * number % 401) for number in range(801)]
    grouped = [statistics.median(values[at : at + 3]) for at in range(0, 801, 3)]
    assert middle_of_signs(values) == signed_ranks(grouped)
    assert middle_of_signs(values[:401]) == signed_ranks(
        [statistics.median(values[at : min(at + 2, 401)]) for at in range(0, 401, 2)]
    )
    assert middle_of_signs(values[:400]) == signed_ranks(values[:400])


def test_processes_of_pooled_measurements_are_numbered_on() -> None:
    one = bursts((1.0, 2.0), (3.0,), process=(0, 1))
    alone = Latency.of([4.0])
    both = Latency.pooled([one, alone, one])
    assert both.samples == (1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 3.0)
    assert both.sampling is not None
    assert both.sampling.process == (0, 0, 1, 2, 3, 3, 4)
    assert both.sampling.burst == (0, 0, 1, 0, 0, 0, 1)
    assert both.sampling.kept == (True,) * 7
    assert Latency.pooled([alone]) is alone


def test_what_takes_no_time_has_no_share_of_it() -> None:
    none = Latency((0.0,) * 6)
    assert (none.half_width, none.spread) == (None, 0.0)
    assert none.interval == (0.0, 0.0)
    assert (none.ci_low, none.ci_high) == (0.0, 0.0)
    few = Latency((1.0, 2.0))
    assert (few.interval, few.ci_low, few.ci_high, few.half_width) == (None,) * 4
    wide = bursts((8.0, 8.0), (10.0, 10.0), (12.0, 12.0))
    assert wide.half_width == pytest.approx(4.303 * 2 / math.sqrt(3) / 10)
    assert wide.ci_low == pytest.approx(10 - 4.303 * 2 / math.sqrt(3))
    assert wide.ci_high == pytest.approx(10 + 4.303 * 2 / math.sqrt(3))
    assert Latency((1.0, 2.0, 3.0, 4.0, 5.0)).spread == pytest.approx(2 / 3)


@pytest.mark.parametrize("degrees", range(1, 31))
def test_quantiles_of_student_s_t_leave_out_a_fortieth(degrees: int) -> None:
    """The density added up from 0, where half of it lies behind."""
    end = t_quantile(degrees)
    at = np.linspace(0, end, 20_001)
    scale = math.gamma((degrees + 1) / 2) / math.sqrt(degrees * math.pi) / math.gamma(degrees / 2)
    density = scale * (1 + at**2 / degrees) ** (-(degrees + 1) / 2)
    area = (density.sum() - (density[0] + density[-1]) / 2) * (at[1] - at[0])
    assert 0.5 + area == pytest.approx(0.975, abs=5e-5)


def test_of_many_degrees_of_freedom_the_quantile_is_the_normal_one() -> None:
    assert t_quantile(30) > t_quantile(31) == t_quantile(1000) == 1.96


def test_warm_up_is_steady_within_a_twentieth_of_the_faster_of_two() -> None:
    assert is_steady([9.0, 100.0, 105.0])
    assert not is_steady([9.0, 100.0, 105.5])
    assert is_steady([9.0, 105.0, 100.0])
    assert not is_steady([9.0, 105.5, 100.0])
    assert is_steady([9.0, 1.0, 1.5], tolerance=0.5)
    assert not is_steady([1.0, 1.0])
    slow = [float(2**number) for number in range(10)]
    assert not warm_up_over(slow[:9])
    assert warm_up_over(slow)
    assert warm_up_over([9.0, 1.0, 1.0])
