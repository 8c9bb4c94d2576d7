"""Ratios of samples worked out by hand: their middles, and what widens their intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from rsinspect.comparisons.ratio import (
    BETWEEN_COPIES,
    BETWEEN_PROCESSES,
    Ratio,
    log_error,
    ratio_in_turns,
    ratio_of_groups,
)
from rsinspect.profiling.statistics import Latency, Sampling

WIDE = 1.96


def sampled(samples: Sequence[float], process: Sequence[int], burst: Sequence[int]) -> Latency:
    return Latency(tuple(samples), Sampling(tuple(process), tuple(burst), (True,) * len(samples)))


def test_a_ratio_without_an_interval_has_no_end_and_no_width() -> None:
    ratio = Ratio(2.0)
    assert ratio.interval is None
    assert ratio.half_width == math.inf
    assert ratio.times(3) == Ratio(6.0)
    assert Ratio(2.0, 1.0).interval is None
    assert Ratio(2.0, None, 3.0).interval is None
    assert Ratio(2.0, 1.0).half_width == Ratio(2.0, None, 3.0).half_width == math.inf


def test_a_ratio_is_multiplied_with_its_ends() -> None:
    ratio = Ratio(2.0, 1.5, 3.0)
    assert (ratio.interval, ratio.half_width) == ((1.5, 3.0), 0.75)
    assert ratio.times(2) == Ratio(4.0, 3.0, 6.0)


@pytest.mark.parametrize(("processes", "share"), [(1, 1.0), (1, 0.25), (2, 1.0), (2, 0.25)])
def test_copies_widen_an_interval_less_with_processes_and_more_in_a_part(
    processes: int, share: float
) -> None:
    process = [number % processes for number in range(8)]
    burst = [number // processes for number in range(8)]
    a = sampled([1.0] * 8, process, burst)
    found = ratio_in_turns(a, sampled([2.0] * 8, process, burst), share)
    error = WIDE * BETWEEN_COPIES / math.sqrt(processes * share)
    assert found is not None
    assert tuple(found) == pytest.approx((2.0, 2 * math.exp(-error), 2 * math.exp(error)))


def test_what_rounds_show_and_what_copies_hide_add_up_as_errors_do() -> None:
    logs = [-0.3, -0.1, 0.0, 0.1, 0.2, 0.9]  # of six values all means count: the ends are theirs
    rounds = [0] * 6, range(6)
    found = ratio_in_turns(
        sampled([1.0] * 6, *rounds), sampled([math.exp(log) for log in logs], *rounds)
    )
    means = sorted((one + other) / 2 for n, one in enumerate(logs) for other in logs[n:])
    middle = means[10]
    low, high = (math.hypot(end, WIDE * BETWEEN_COPIES) for end in (middle + 0.3, 0.9 - middle))
    assert found is not None
    assert tuple(found) == pytest.approx(
        (math.exp(middle), math.exp(middle - low), math.exp(middle + high))
    )


def test_rounds_are_those_of_the_same_process_burst_and_place() -> None:
    a = sampled([1.0, 2.0, 4.0, 8.0], (0, 0, 0, 1), (0, 0, 1, 0))
    b = sampled([24.0, 3.0, 6.0, 12.0], (1, 0, 0, 0), (0, 0, 0, 1))
    found = ratio_in_turns(a, b)
    assert found is not None
    assert found.value == pytest.approx(3)
    assert found.interval is None  # of four rounds
    late = sampled([5.0], (0,), (7,))
    assert ratio_in_turns(a, late) is None
    partly = sampled([1e9, 3.0], (5, 0), (0, 0))  # a round that has no other is left out
    alone = ratio_in_turns(a, partly)
    assert alone is not None
    assert alone.value == pytest.approx(3)


def test_what_takes_no_time_has_no_ratio() -> None:
    one, none = Latency((1.0, 1.0)), Latency((1.0, 0.0))
    assert ratio_in_turns(one, none) is None
    assert ratio_in_turns(none, one) is None
    assert ratio_in_turns(one, one, 0.0) is None
    assert ratio_in_turns(one, one, 0.01) is not None
    still = Latency((0.0, 0.0))
    assert ratio_of_groups(one, still) is None
    assert ratio_of_groups(still, one) is None


def test_groups_of_few_samples_have_a_ratio_alone() -> None:
    many = Latency((2.0,) * 12)
    assert ratio_of_groups(Latency((1.0, 1.0)), many) == Ratio(2.0)
    assert ratio_of_groups(many, Latency((1.0, 1.0))) == Ratio(0.5)


def test_processes_that_agree_still_may_differ_from_another() -> None:
    a, b = Latency((1.0,) * 12), Latency((3.0,) * 12)
    found = ratio_of_groups(a, b)
    half = WIDE * math.hypot(BETWEEN_PROCESSES, BETWEEN_PROCESSES)
    assert found is not None
    assert tuple(found) == pytest.approx((3.0, 3 * math.exp(-half), 3 * math.exp(half)))


def test_errors_shrink_with_processes_and_grow_with_what_these_differ_by() -> None:
    process = [number for number in range(4) for _ in range(3)]
    burst = [0, 1, 2] * 4
    alike = sampled([1.0] * 12, process, burst)
    assert log_error(alike) == pytest.approx(BETWEEN_PROCESSES / 2)
    medians = [1.0, 1.1, 1.2, 1.3]
    apart = sampled([medians[number] for number in process], process, burst)
    logs = [math.log(median) for median in medians]
    mean = sum(logs) / 4
    between = math.sqrt(sum((log - mean) ** 2 for log in logs) / 3)
    assert apart.sampling is not None
    one = Latency(apart.samples, Sampling((0,) * 12, tuple(range(12)), (True,) * 12))
    assert one.interval is not None
    within = (one.interval[1] - one.interval[0]) / 2 / WIDE / one.median
    assert log_error(apart) == pytest.approx(math.hypot(within, between / 2))


@pytest.mark.parametrize(("processes", "is_told"), [(2, False), (3, True)])
def test_three_processes_say_how_much_processes_differ(processes: int, is_told: bool) -> None:
    process = [number for number in range(processes) for _ in range(6)]
    burst = list(range(6)) * processes
    error = log_error(sampled([1.5**number for number in process], process, burst))
    between = math.log(1.5) if is_told else BETWEEN_PROCESSES
    one = log_error(
        sampled([1.5**number for number in process], [0] * len(process), range(len(process)))
    )
    assert error is not None
    assert one is not None
    within = math.sqrt(one**2 - BETWEEN_PROCESSES**2)
    assert error == pytest.approx(math.hypot(within, between / math.sqrt(processes)))


def test_two_copies_of_one_network_may_differ_by_two_in_a_hundred() -> None:
    rounds = [0] * 8, range(8)
    found = ratio_in_turns(sampled([1.0] * 8, *rounds), sampled([1.0] * 8, *rounds))
    assert found is not None
    assert found.half_width == pytest.approx(0.0216, abs=1e-4)


def test_processes_of_no_time_say_nothing_of_how_much_they_differ() -> None:
    process = [number for number in range(4) for _ in range(3)]
    samples = [0.0 if number == 0 else 1.0 for number in process]
    found = log_error(sampled(samples, process, [0, 1, 2] * 4))
    assert found is not None
    assert math.isfinite(found)


def test_rounds_that_do_not_count_are_no_part_of_a_process() -> None:
    process, burst = [0] * 6 + [1] * 6 + [2] * 6, list(range(6)) * 3
    kept = (True,) * 12 + (False,) * 6
    latency = Latency((1.0,) * 12 + (9.0,) * 6, Sampling(tuple(process), tuple(burst), kept))
    assert log_error(latency) == pytest.approx(BETWEEN_PROCESSES / math.sqrt(2))
