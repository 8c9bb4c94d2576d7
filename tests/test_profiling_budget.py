"""The time of a whole measurement, with a clock that nobody has to wait for."""

import math

import pytest

from rsinspect.base.flags import flag
from rsinspect.profiling.answer import announcement, outlook
from rsinspect.profiling.budget import (
    GRACE_S,
    ROOFS_S,
    SUMMING_UP_S,
    TRACE_COST,
    Budget,
    Estimate,
    Wanted,
    has_roofs,
)
from rsinspect.profiling.request import ProfileRequest
from rsinspect.profiling.statistics import FEWEST_FOR_INTERVAL
from tests.networks import network_of


class Clock:
    """Stands still until it is told."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_everything_goes_by_one_clock(clock: Clock) -> None:
    budget = Budget.starting(60.0, clock)
    clock.now_s += 12.5
    assert (budget.left_s, budget.elapsed_s) == (47.5, 12.5)
    clock.now_s += 50.0
    assert (budget.left_s, budget.elapsed_s) == (-2.5, 62.5)
    assert GRACE_S > 0


def test_processes_share_what_is_left(clock: Clock) -> None:
    whole = Budget.starting(90.0, clock)
    first = whole.first_of(3)
    assert first.left_s == 30.0
    clock.now_s += 40.0  # it took longer
    assert whole.first_of(2).left_s == 25.0
    clock.now_s += 20.0  # the second took less
    assert whole.first_of(1).left_s == whole.left_s == 30.0


def test_a_trace_has_its_time_unless_it_is_that_of_the_only_pass(clock: Clock) -> None:
    budget = Budget.starting(60.0, clock)
    assert budget.measuring_s(1.0, trace=False) == 60.0 - SUMMING_UP_S
    assert budget.measuring_s(1.0, trace=True) == 60.0 - SUMMING_UP_S - 3 * TRACE_COST
    assert budget.measuring_s(20.0, trace=True) == 60.0 - SUMMING_UP_S - 20.0 * TRACE_COST
    assert budget.measuring_s(30.0, trace=True) == 60.0 - SUMMING_UP_S


@pytest.mark.parametrize("count", range(8))
@pytest.mark.parametrize("fit", range(1, 12))
def test_roofs_cost_neither_the_interval_nor_the_first_passes(count: int, fit: int) -> None:
    """Where they have their time, as much can be had beside them as matters."""
    with_roofs = count + math.floor((4.0 * fit - ROOFS_S) / 4.0)
    if has_roofs(count, 4.0, 4.0 * fit, ROOFS_S):
        assert with_roofs >= min(4, count + fit)
        assert with_roofs >= 6 or count + fit < 6
    else:
        assert 4.0 * fit < ROOFS_S or with_roofs < 4 or with_roofs < 6 <= count + fit


def test_a_short_budget_has_short_roofs_and_a_short_prediction(clock: Clock) -> None:
    short, long = Budget.starting(10.0, clock), Budget.starting(300.0, clock)
    assert short.roofs_s < long.roofs_s
    assert short.prediction_s < long.prediction_s


def test_what_cannot_fit_is_known_from_a_few_images() -> None:
    slow = Estimate(batch=128, ready_s=8.0, pass_s=23.0, begun_s=15.0)
    assert not slow.may_fit(26.9)
    assert slow.may_fit(27.0), "half of building, and a pass"
    assert slow.wanted(60.0) == Wanted(batch=16, time_s=230)
    apart = slow._replace(pairs=True)
    assert not apart.may_fit(95.9)
    assert apart.may_fit(96.0), "two that compile, and one each"
    assert apart.wanted(60.0) == Wanted(batch=8, time_s=440)


@pytest.mark.parametrize("pass_s", [0.01, 0.5, 2.0, 10.0, 100.0])
def test_what_is_advised_has_its_interval(pass_s: float) -> None:
    estimate = Estimate(batch=128, ready_s=5.0, pass_s=pass_s, begun_s=10.0)
    wanted = estimate.wanted(60.0)
    before_s = estimate.begun_s + estimate.ready_s + SUMMING_UP_S

    def needed_s(batch: int) -> float:
        return before_s + (1 + FEWEST_FOR_INTERVAL) * pass_s * batch / 128

    assert needed_s(128) <= wanted.time_s
    if wanted.batch is not None:
        assert needed_s(wanted.batch) <= 60.0


def test_each_of_several_processes_needs_as_much() -> None:
    estimate = Estimate(batch=128, ready_s=5.0, pass_s=1.0, begun_s=10.0)
    assert estimate.wanted(60.0).batch == 128
    assert estimate.wanted(40.0, processes=2).batch == 64
    assert estimate.wanted(60.0, processes=2).time_s == 2 * estimate.wanted(60.0).time_s


def test_where_no_batch_fits_only_more_time_is_advised() -> None:
    hopeless = Estimate(batch=4, ready_s=50.0, pass_s=30.0, begun_s=20.0)
    wanted = hopeless.wanted(60.0)
    assert wanted.batch is None
    assert wanted.advice.worded(flag) == f"an interval needs --max-time {wanted.time_s}"


def test_a_user_learns_early_that_the_time_does_not_do() -> None:
    slow = Estimate(batch=128, ready_s=8.0, pass_s=23.0, begun_s=15.0)
    words = outlook(slow._replace(pass_s=46.0), 60.0)
    assert words is not None
    assert words.worded(flag) == (
        "a pass of 128 images takes about 46.0 s here: 60 s are too short for a measurement; "
        "an interval needs --batch 8, or --max-time 440"
    )
    few = outlook(slow, 60.0)
    assert few is not None
    assert "too short for an interval" in str(few)
    assert outlook(slow._replace(pass_s=0.5), 60.0) is None


def test_the_first_line_says_what_is_done_and_how_long_it_takes() -> None:
    request = ProfileRequest(network=network_of(50), batch=128)
    assert announcement(request) == (
        "ResNet-RS-50 @ 160×160, forward, batch 128, float32, tensorflow on cpu; "
        "at most 60 s, start-up included"
    )
