"""The interval covers what it says, and warm-up ends when it should."""

import random
from collections.abc import Callable

import pytest

from rsinspect.errors import InvalidMeasurement
from rsinspect.profiling.rounds import MOST_ROUNDS, PRECISE_ROUNDS, Progress, Rounds, measure
from rsinspect.profiling.statistics import (
    WARM_UP_AT_MOST,
    Latency,
    interval_rank,
    is_steady,
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


@pytest.mark.parametrize("samples", [(), (0.0,), (-1.0,), (float("nan"),), (1.0, float("inf"))])
def test_what_is_no_time_is_refused(samples: tuple[float, ...]) -> None:
    with pytest.raises(InvalidMeasurement):
        Latency(samples)


@pytest.mark.parametrize(
    ("count", "rank"),
    # Table of order-statistic intervals of the median at 95 %, e.g. Conover, Practical
    # Nonparametric Statistics, from the binomial distribution with p = 1/2.
    [(1, None), (5, None), (6, 1), (8, 1), (9, 2), (12, 3), (15, 4), (20, 6), (30, 10), (50, 18)],
)
def test_rank_of_the_interval(count: int, rank: int | None) -> None:
    assert interval_rank(count) == rank


def test_half_width_is_a_share_of_the_median() -> None:
    latency = Latency((9.0, 10.0, 10.0, 10.0, 10.0, 11.0))
    assert (latency.ci_low, latency.ci_high) == (9.0, 11.0)
    assert latency.half_width == pytest.approx(0.1)


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
    for _ in range(1000):
        interval = Latency.of(draw(rng) for _ in range(count)).interval
        assert interval is not None
        covered += interval[0] <= median <= interval[1]
    assert covered >= 930


def test_warm_up_needs_three_samples_and_two_that_agree() -> None:
    assert not is_steady([1.0, 1.0])
    assert not is_steady([9.0, 1.2, 1.0])
    assert is_steady([9.0, 1.2, 1.0, 1.04])
    assert is_steady([9.0, 1.0, 0.96])
    assert not warm_up_over([9.0, 2.0])
    assert warm_up_over([float(2**i) for i in range(WARM_UP_AT_MOST)])


class FakeClock:
    """A clock that only work moves on."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns

    def work(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)


def run(
    clock: FakeClock,
    whole: Callable[[object], object],
    segments: list[Callable[[int], int]],
    *,
    max_time_s: float,
    first_calls_s: float = 1.0,
) -> tuple[Rounds, list[Progress]]:
    told: list[Progress] = []
    rounds = measure(
        whole, segments, 0, first_calls_s=first_calls_s, max_time_s=max_time_s, clock=clock,
        order=random.Random(0), on_progress=told.append,
    )  # fmt: skip
    return rounds, told


def network(
    clock: FakeClock, whole_s: float, *segments_s: float
) -> tuple[Callable[[object], object], list[Callable[[int], int]]]:
    def whole(batch: object) -> object:
        clock.work(whole_s)
        return batch

    def segment(index: int, cost: float) -> Callable[[int], int]:
        def forward(value: int) -> int:
            assert value == index, "each segment takes what the one before returned"
            clock.work(cost)
            return value + 1

        return forward

    return whole, [segment(index, cost) for index, cost in enumerate(segments_s)]


class Held:
    """Something a call leaves behind in a cycle, as Keras on PyTorch leaves its activations."""

    alive = 0

    def __init__(self) -> None:
        self.me = self
        Held.alive += 1

    def __del__(self) -> None:
        Held.alive -= 1


def test_what_a_call_leaves_behind_is_collected_between_samples_not_within() -> None:
    clock = FakeClock()
    seen: list[int] = []

    def whole(batch: object) -> object:
        seen.append(Held.alive)
        for _ in range(5):
            Held()
        clock.work(1)
        assert Held.alive >= 5, "collected in the middle of a sample"
        return batch

    run(clock, whole, network(clock, 1, 1)[1], max_time_s=20)
    assert len(seen) > 3
    assert set(seen) == {0}


def test_each_segment_is_billed_its_own_time() -> None:
    clock = FakeClock()
    rounds, _ = run(clock, *network(clock, 0.034, 0.005, 0.01, 0.02), max_time_s=60)
    assert set(rounds.end_to_end) == {0.034}
    assert [set(samples) for samples in rounds.segments] == [{0.005}, {0.01}, {0.02}]


def test_constant_samples_stop_as_soon_as_they_are_precise() -> None:
    clock = FakeClock()
    rounds, told = run(clock, *network(clock, 0.03, 0.01, 0.02), max_time_s=60)
    assert rounds.stopped_because == "precise"
    assert len(rounds.end_to_end) == PRECISE_ROUNDS
    assert rounds.steady
    assert rounds.warm_up == pytest.approx((1.0, 0.06, 0.06))
    assert [(p.phase, p.round) for p in told[:3]] == [
        ("warm-up", 1), ("warm-up", 2), ("measuring", 1),
    ]  # fmt: skip
    assert all(p.elapsed_s + p.remaining_s == pytest.approx(60) for p in told)


def test_no_round_is_begun_that_would_pass_the_budget() -> None:
    clock = FakeClock()
    rounds, _ = run(clock, *network(clock, 3.0, 1.0, 2.0), max_time_s=60, first_calls_s=9.0)
    assert rounds.stopped_because == "time"
    assert len(rounds.end_to_end) == 8  # after two rounds of warm-up, 6 s each
    assert rounds.elapsed_s == pytest.approx(60)


def test_one_round_is_measured_whatever_the_budget() -> None:
    clock = FakeClock()
    rounds, told = run(clock, *network(clock, 30.0, 10.0, 20.0), max_time_s=5)
    assert len(rounds.end_to_end) == 1
    assert rounds.stopped_because == "time"
    assert not rounds.steady
    assert told[-1].remaining_s == 0


def test_noisy_samples_end_with_the_most_rounds() -> None:
    clock = FakeClock()
    noise = random.Random(1)

    def whole(batch: object) -> object:
        clock.work(noise.uniform(0.001, 0.1))
        return batch

    rounds, _ = run(clock, whole, network(clock, 0, 0.01)[1], max_time_s=3600)
    assert rounds.stopped_because == "rounds"
    assert len(rounds.end_to_end) == MOST_ROUNDS
    assert len(rounds.warm_up) <= WARM_UP_AT_MOST


def test_both_orders_occur_within_a_run() -> None:
    clock = FakeClock()
    calls: list[str] = []

    def whole(batch: object) -> object:
        calls.append("whole")
        clock.work(1)
        return batch

    def segment(value: int) -> int:
        calls.append("chain")
        clock.work(1)
        return value

    run(clock, whole, [segment], max_time_s=100)
    firsts = {calls[index] for index in range(0, len(calls), 2)}
    assert firsts == {"whole", "chain"}
