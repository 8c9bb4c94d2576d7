"""Rounds, with a fake clock, a fake network and a fake neighbour."""

import random
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from rsinspect.profiling.gate import Usage
from rsinspect.profiling.rounds import (
    BURSTS,
    MOST_ROUNDS,
    ROUNDS_IN_BURST,
    SPREAD_S,
    Finished,
    Instrumented,
    Round,
    RoundDone,
    Session,
    is_precise,
)
from rsinspect.profiling.statistics import FEWEST_FOR_INTERVAL, WARM_UP_AT_MOST


class FakeMachine:
    """A clock that only work and sleep move on, and the processor time that work takes."""

    def __init__(self, processors: int = 2) -> None:
        self.now_ns = 0
        self.own_s = 0.0
        self.foreign_s = 0.0
        self.slept_s = 0.0
        self.processors = processors
        self.neighbour: Callable[[float], float] = lambda _: 0.0

    def __call__(self) -> int:
        return self.now_ns

    def work(self, seconds: float) -> None:
        """With a neighbour that takes a share of the machine, work takes longer."""
        share = self.neighbour(self.now_ns / 1e9)
        taken = seconds / (1 - share)
        self.now_ns += round(taken * 1e9)
        self.own_s += seconds * self.processors
        self.foreign_s += taken * share * self.processors

    def sleep(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)
        self.slept_s += seconds

    def probe(self) -> Usage:
        return Usage(self.now_ns / 1e9, self.own_s + self.foreign_s, self.own_s)


def run(
    machine: FakeMachine,
    whole: Callable[[], object],
    parts: Callable[[], Instrumented],
    *,
    max_time_s: float,
    first_calls_s: float = 1.0,
    most_rounds: int = MOST_ROUNDS,
) -> tuple[Finished, list[Round], list[RoundDone]]:
    rounds: list[Round] = []
    told: list[RoundDone] = []
    session = Session(
        whole, parts, max_time_s=max_time_s, clock=machine, sleep=machine.sleep,
        probe=machine.probe, processors=machine.processors, order=random.Random(0),
        on_round=rounds.append, on_progress=told.append, most_rounds=most_rounds,
    )  # fmt: skip
    return session.measure(first_calls_s), rounds, told


def network(
    machine: FakeMachine, whole_s: float, *parts_s: float
) -> tuple[Callable[[], object], Callable[[], Instrumented]]:
    def parts() -> Instrumented:
        marks = [machine.now_ns]
        for cost in parts_s:
            machine.work(cost)
            marks.append(machine.now_ns)
        spent = [(b - a) / 1e9 for a, b in pairwise(marks)]
        return Instrumented(wall_s=sum(spent), parts_s=tuple(spent))

    return lambda: machine.work(whole_s), parts


class Held:
    """Something a call leaves behind in a cycle, as Keras on PyTorch leaves its activations."""

    alive = 0

    def __init__(self) -> None:
        self.me = self
        Held.alive += 1

    def __del__(self) -> None:
        Held.alive -= 1


def test_what_a_call_leaves_behind_is_collected_between_samples_not_within() -> None:
    machine = FakeMachine()
    seen: list[int] = []

    def whole() -> None:
        seen.append(Held.alive)
        for _ in range(5):
            Held()
        machine.work(1)
        assert Held.alive >= 5, "collected in the middle of a sample"

    run(machine, whole, network(machine, 1, 1)[1], max_time_s=20)
    assert len(seen) > 3
    assert set(seen) == {0}


def test_each_part_is_billed_its_own_time() -> None:
    machine = FakeMachine()
    _, rounds, _ = run(machine, *network(machine, 0.034, 0.005, 0.01, 0.02), max_time_s=60)
    assert {r.end_to_end_s for r in rounds} == {0.034}
    assert [set(samples) for samples in zip(*(r.parts_s for r in rounds), strict=True)] == [
        {0.005}, {0.01}, {0.02},
    ]  # fmt: skip


def test_bursts_are_spread_over_the_time_and_then_it_ends() -> None:
    machine = FakeMachine()
    finished, rounds, told = run(machine, *network(machine, 0.3, 0.1, 0.2), max_time_s=60)
    assert finished.stopped_because == "precise"
    assert finished.steady
    assert finished.warm_up == pytest.approx((1.0, 0.6, 0.6))
    assert [r.burst for r in rounds] == [b for b in range(BURSTS) for _ in range(ROUNDS_IN_BURST)]
    starts = [r.at_s for r in rounds if r.burst < BURSTS]
    assert starts == pytest.approx([r.burst * SPREAD_S / BURSTS for r in rounds], abs=1e-6)
    assert machine.slept_s > 0
    assert finished.elapsed_s < 60
    assert [p.phase for p in told[:3]] == ["warm-up", "warm-up", "measuring"]
    assert [p.elapsed_s for p in told] == sorted(p.elapsed_s for p in told)


def test_a_short_budget_is_spread_over_too() -> None:
    machine = FakeMachine()
    _, rounds, _ = run(machine, *network(machine, 0.1, 0.1), max_time_s=20)
    assert rounds[-1].at_s > 15


def test_quick_networks_run_more_often_in_a_burst() -> None:
    machine = FakeMachine()
    _, rounds, _ = run(machine, *network(machine, 0.02, 0.02), max_time_s=60)
    sizes = {sum(r.burst == burst for r in rounds) for burst in range(BURSTS)}
    assert sizes == {9}  # of 40 ms: as long as it takes to tell what others used


@pytest.mark.parametrize(("seconds", "calls"), [(0.2, 3), (2.0, 1)])
def test_the_first_call_of_a_burst_is_discarded_unless_calls_are_long(
    seconds: float, calls: int
) -> None:
    machine = FakeMachine()
    order: list[str] = []
    whole, parts = network(machine, seconds, seconds)

    def counted() -> None:
        order.append("whole")
        whole()

    def inside() -> Instrumented:
        order.append("parts")
        return parts()

    _, rounds, _ = run(machine, counted, inside, max_time_s=60)
    runs = "".join(name[0] for name in order[4:]).replace("wp", "w p").replace("pw", "p w").split()
    assert {len(one) for one in runs[1:-1]} <= {calls, 2 * calls}
    assert {name[0] for name in order} == {"w", "p"}
    assert len(rounds) >= 6


def test_no_burst_is_begun_that_would_pass_the_budget() -> None:
    machine = FakeMachine()
    finished, rounds, _ = run(
        machine, *network(machine, 3.0, 1.0, 2.0), max_time_s=60, first_calls_s=6.0
    )
    assert finished.stopped_because == "time"
    assert len(rounds) == 8  # after two rounds of warm-up, 6 s each
    assert finished.elapsed_s == pytest.approx(60)


def test_warm_up_ends_before_it_costs_the_interval() -> None:
    machine = FakeMachine()
    finished, rounds, told = run(
        machine, *network(machine, 3.0, 1.0, 2.0), max_time_s=40, first_calls_s=6.0
    )
    assert finished.warm_up == (6.0,), "the calls that compile have to do"
    assert finished.steady, "by the first two that were measured"
    assert len(rounds) == 6
    assert {progress.phase for progress in told} == {"measuring"}


@pytest.mark.parametrize(("max_time_s", "count"), [(5, 0), (59, 0), (61, 1), (130, 2)])
def test_no_round_is_begun_that_would_pass_the_budget(max_time_s: float, count: int) -> None:
    machine = FakeMachine()
    finished, rounds, _ = run(
        machine, *network(machine, 30.0, 10.0, 20.0), max_time_s=max_time_s, first_calls_s=60
    )
    assert len(rounds) == count
    assert finished.stopped_because == "time"
    assert finished.elapsed_s <= max_time_s


def test_short_of_time_every_round_counts() -> None:
    """Bursts of two with a call discarded before would be two bursts of the five it takes."""
    machine = FakeMachine()
    _, rounds, _ = run(machine, *network(machine, 0.3, 0.1, 0.2), max_time_s=4.3, first_calls_s=0.6)
    assert len(rounds) >= FEWEST_FOR_INTERVAL
    assert len({one.burst for one in rounds}) == len(rounds)


def test_no_more_rounds_are_taken_than_wanted() -> None:
    machine = FakeMachine()
    finished, rounds, _ = run(machine, *network(machine, 2.0, 2.0), max_time_s=600, most_rounds=3)
    assert (finished.stopped_because, len(rounds)) == ("rounds", 3)


def test_rounds_of_warm_up_are_never_handed_on() -> None:
    machine = FakeMachine()
    order: list[str] = []
    whole, parts = network(machine, 2.0, 2.0)
    session = Session(
        whole, parts, max_time_s=60, clock=machine, sleep=machine.sleep, probe=machine.probe,
        processors=2, order=random.Random(0), on_round=lambda _: order.append("round"),
        on_progress=lambda progress: order.append(progress.phase),
        on_warm=lambda: order.append("warm"),
    )  # fmt: skip
    session.measure(4.0)
    before, after = order[: order.index("warm")], order[order.index("warm") :]
    assert set(before) == {"warm-up"}
    assert set(after) == {"warm", "round", "measuring"}


@pytest.mark.slow
def test_noisy_samples_end_with_the_most_rounds() -> None:
    machine = FakeMachine()
    noise = random.Random(1)
    finished, rounds, _ = run(
        machine,
        lambda: machine.work(noise.uniform(0.01, 1.9)),
        network(machine, 0, 0.01)[1],
        max_time_s=36000,
    )
    assert finished.stopped_because == "rounds"
    assert MOST_ROUNDS <= len(rounds) < MOST_ROUNDS + 20
    assert len(finished.warm_up) <= WARM_UP_AT_MOST


def test_both_orders_occur_within_a_run() -> None:
    machine = FakeMachine()
    calls: list[str] = []
    whole, parts = network(machine, 2, 2)

    def counted() -> None:
        calls.append("whole")
        whole()

    def inside() -> Instrumented:
        calls.append("parts")
        return parts()

    run(machine, counted, inside, max_time_s=100)
    assert {calls[index] for index in range(0, len(calls), 2)} == {"whole", "parts"}


def test_a_neighbour_s_time_is_seen_in_the_rounds_it_took_part_in() -> None:
    machine = FakeMachine()
    machine.neighbour = lambda now: 0.2 if int(now) % 2 else 0.0
    _, rounds, _ = run(machine, *network(machine, 0.1, 0.1), max_time_s=60)
    shares = [r.window.foreign_share or 0.0 for r in rounds]
    assert min(shares) == pytest.approx(0, abs=1e-6)
    assert max(shares) == pytest.approx(0.2, abs=1e-6)
    slow = {round(r.end_to_end_s, 3) for r in rounds if (r.window.foreign_share or 0) > 0.19}
    assert 0.125 in slow


def steady_rounds(count: int) -> list[Round]:
    one = Round(
        burst=0, at_s=0.0, end_to_end_s=1.0, instrumented_s=1.0, parts_s=(0.9, 0.01),
        capacity_s=4.0, foreign_s=0.0, clock_share=None,
    )  # fmt: skip
    return [replace(one, burst=number) for number in range(count)]


def test_precise_is_what_is_precise_in_every_part_that_matters() -> None:
    rounds = steady_rounds(20)
    assert is_precise(rounds)
    assert not is_precise(rounds[:4])
    trifle = [replace(r, parts_s=(0.9, 0.003 * (1 + n % 3))) for n, r in enumerate(rounds)]
    assert is_precise(trifle)
    part = [replace(r, parts_s=(0.9 * (1 + n % 3), 0.01)) for n, r in enumerate(rounds)]
    assert not is_precise(part)
