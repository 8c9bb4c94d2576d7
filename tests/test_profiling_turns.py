"""Two networks in turns, with a fake clock and workers of a few lines."""

import gc
import math
import random
import signal
from dataclasses import replace
from statistics import median
from types import SimpleNamespace
from typing import Any, cast

import pytest

from rsinspect.base.errors import InvalidMeasurement, MeasurementError
from rsinspect.comparisons.comparison import Comparison
from rsinspect.comparisons.live import ComparisonInterrupted, compare_now
from rsinspect.profiling import pair
from rsinspect.profiling.budget import Budget
from rsinspect.profiling.gate import Usage
from rsinspect.profiling.memory import needed_memory
from rsinspect.profiling.protocol import Estimated, Event
from rsinspect.profiling.request import (
    Beside,
    ProfileRequest,
    request_from_json,
    request_to_json,
)
from rsinspect.profiling.rounds import Finished, Instrumented, Round, RoundDone
from rsinspect.profiling.statistics import middle_of_signs, signed_ranks
from rsinspect.profiling.turns import AT_LEAST_S, Runs, Turns
from tests.networks import network_of
from tests.test_profiling_parent import MakeWorker, time_that_is_up, worker
from tests.test_profiling_rounds import FakeMachine, network

__all__ = ["worker"]  # a fixture

ONE, OTHER = network_of(50), network_of(101)
REQUEST = ProfileRequest(network=ONE, batch=8, beside=Beside(network=OTHER))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody collects the garbage of all tests at each of thousands of samples."""
    monkeypatch.setattr(gc, "collect", lambda: 0)


def in_turns(
    machine: FakeMachine, a_s: float, b_s: float, *, max_time_s: float = 60.0, seed: int = 0
) -> tuple[Finished, list[tuple[Round, Round]]]:
    chance = random.Random(seed)

    def runs(pass_s: float) -> Runs:
        def noisy() -> None:
            machine.work(pass_s * chance.uniform(0.95, 1.05))

        return Runs(noisy, network(machine, pass_s, pass_s / 2, pass_s / 2)[1])

    taken: list[tuple[Round, Round]] = []
    turns = Turns(
        (runs(a_s), runs(b_s)), max_time_s=max_time_s, most_rounds=1000, clock=machine,
        probe=machine.probe, processors=machine.processors, order=random.Random(seed),
        on_rounds=lambda *rounds: taken.append(rounds), on_progress=lambda _: None,
    )  # fmt: skip
    return turns.measure(), taken


def ratio(taken: list[tuple[Round, Round]]) -> float:
    return math.exp(
        middle_of_signs([math.log(b.end_to_end_s / a.end_to_end_s) for a, b in taken])[0]
    )


def test_rounds_of_both_tell_their_ratio_whatever_a_neighbour_does() -> None:
    machine = FakeMachine()
    machine.neighbour = lambda now_s: 0.7 if int(now_s * 3) % 5 < 2 else 0.0
    finished, taken = in_turns(machine, 0.010, 0.0105)
    assert ratio(taken) == pytest.approx(1.05, rel=0.01)
    assert [a.burst for a, _ in taken] == [b.burst for _, b in taken]
    assert finished.stopped_because == "precise"


def test_it_ends_when_the_ratio_is_precise_but_not_in_a_moment() -> None:
    machine = FakeMachine()
    finished, taken = in_turns(machine, 0.020, 0.020)
    assert finished.stopped_because == "precise"
    assert AT_LEAST_S <= finished.elapsed_s < 30
    assert len({a.burst for a, _ in taken}) >= 6


def test_it_ends_within_its_time_and_keeps_every_round() -> None:
    finished, taken = in_turns(FakeMachine(), 1.0, 1.1, max_time_s=30.0)
    assert finished.stopped_because == "time"
    assert finished.elapsed_s <= 30.0
    assert 4 <= len(taken) <= 8


def test_each_goes_first_as_often() -> None:
    machine = FakeMachine()
    first: list[int] = []

    def runs(side: int) -> Runs:
        def call() -> None:
            first.append(side)
            machine.work(0.01)

        return Runs(call, network(machine, 0.01, 0.01)[1])

    Turns(
        (runs(0), runs(1)), max_time_s=20.0, most_rounds=400, clock=machine,
        probe=lambda: Usage(machine.now_ns / 1e9, None, 0.0), processors=2,
        order=random.Random(1), on_rounds=lambda *_: None, on_progress=lambda _: None,
    ).until_precise(0.05)  # fmt: skip
    pairs = list(zip(first[::2], first[1::2], strict=True))
    assert all(set(pair) == {0, 1} for pair in pairs)
    assert 0.35 < median([sum(pair[0] for pair in pairs) / len(pairs)]) < 0.65


def test_many_values_are_judged_by_medians_of_neighbours() -> None:
    numbers = random.Random(0)
    values = [numbers.gauss(0.05, 1) for _ in range(2000)]
    middle, ends = middle_of_signs(values)
    assert ends is not None
    assert ends[0] < 0.05 < ends[1]
    assert ends[1] - ends[0] < 0.2
    assert middle_of_signs(values[:300]) == signed_ranks(values[:300])
    assert middle == pytest.approx(0.05, abs=0.1)


def test_a_request_of_two_goes_to_the_worker_whole_and_needs_the_memory_of_both() -> None:
    read, _ = request_from_json(request_to_json(REQUEST, Budget.starting(60)))
    assert read.other is not None
    assert read.other.network.fingerprint == OTHER.fingerprint
    assert read.network.fingerprint == ONE.fingerprint
    one, other = needed_memory(replace(REQUEST, beside=None)), needed_memory(read.other)
    both = needed_memory(REQUEST)
    assert both.working_bytes == 2 * one.working_bytes + other.working_bytes
    assert both.framework_bytes == one.framework_bytes


BOTH = """
def turn(side): say("turn", side=side)
def both(count=8, ratio=2.0):
    for side in (0, 1):
        turn(side)
        ready()
    for number in range(count):
        for side in (0, 1):
            turn(side)
            time_s = 0.6 * (ratio if side else 1)
            say("round", burst=number, at_s=number, end_to_end_s=time_s, instrumented_s=time_s,
                parts_s=[time_s / 6] * 6, capacity_s=2.4, foreign_s=0.0, clock_share=None)
"""


def compare(command: tuple[str, ...], **options: Any) -> Comparison:
    return compare_now(
        REQUEST, ("50", "101"), worker=command, available_bytes=lambda: None, **options
    )


def test_each_side_is_a_run_and_the_ratio_is_of_both(worker: MakeWorker) -> None:
    found = compare(worker(BOTH + "both(); finished()"))
    assert found.how == "paired"
    assert found.verdict == "slower"
    assert found.ratio.value == 2.0
    assert found.ratio.half_width < 0.05
    assert [side.run.model.depth for side in (found.a, found.b)] == [50, 101]
    assert [part.path for part in found.parts] == ["stem", "c2", "c3", "c4", "c5", "head"]
    assert found.a.run.rounds.count == found.b.run.rounds.count == 8


def test_a_crash_is_one_line_and_nothing_is_compared(worker: MakeWorker) -> None:
    with pytest.raises(MeasurementError, match="the worker crashed at batch 8"):
        compare(worker(BOTH + "both(2); die(signal.SIGSEGV)"))


def test_what_was_measured_when_the_time_is_up_is_compared(worker: MakeWorker) -> None:
    budget, hear = time_that_is_up(60.0, lambda event: isinstance(event, RoundDone))
    body = BOTH + 'both(7); say("progress", phase="measuring", round=7, elapsed_s=1.0)\n'
    found = compare(worker(body + "time.sleep(600)"), budget=budget, on_event=hear)
    assert found.a.run.rounds.count == 7
    assert found.verdict == "slower"


def test_no_round_is_an_error_with_advice(worker: MakeWorker) -> None:
    with pytest.raises(MeasurementError, match="no round of both was measured") as caught:
        compare(worker(BOTH + "both(0); finished()"))
    assert "max_time_s=120" in str(caught.value.hint)


def test_ctrl_c_keeps_what_was_measured(worker: MakeWorker) -> None:
    def interrupt(event: Event) -> None:
        if isinstance(event, RoundDone):
            signal.raise_signal(signal.SIGINT)

    body = BOTH + 'both(7); say("progress", phase="measuring", round=7, elapsed_s=1.0)\n'
    with pytest.raises(ComparisonInterrupted) as caught:
        compare(worker(body + "time.sleep(600)"), on_event=interrupt)
    assert caught.value.comparison is not None
    assert caught.value.comparison.a.run.rounds.count == 7


def test_layers_are_not_compared() -> None:
    with pytest.raises(InvalidMeasurement, match="layers are not compared"):
        compare_now(replace(REQUEST, level="layer"), ("50", "101"))


class FakeRunner:
    """A network of which a pass takes as long as the test says."""

    built = 0
    machine: FakeMachine
    pass_s: float
    carries_total = True
    lazy_s = 0.0

    def __init__(self, request: ProfileRequest, *_: object) -> None:
        self.request = request

    def build(self) -> Any:
        FakeRunner.built += 1
        machine, pass_s = FakeRunner.machine, FakeRunner.pass_s
        machine.work(1.0)
        inside = network(machine, pass_s, pass_s / 2, pass_s / 2, 0.0)[1]
        compiles = [3.0]

        def instrumented() -> Instrumented:
            found = inside()
            if compiles:
                lazy_s = FakeRunner.lazy_s if FakeRunner.built == 1 else 0.0
                machine.work(lazy_s)
                first_s = found.parts_s[0] + lazy_s
                found = replace(found, parts_s=(first_s, *found.parts_s[1:]))
                machine.work(compile_s := compiles.pop())
                return Instrumented(
                    wall_s=sum(found.parts_s) + compile_s,
                    parts_s=(*found.parts_s[:-1], compile_s),
                )
            return found

        return SimpleNamespace(
            end_to_end=lambda: machine.work(pass_s),
            instrumented=instrumented,
            carries_total=FakeRunner.carries_total,
        )

    def ready(self, *, compared: bool) -> str:
        return f"ready, {compared}"


def served(
    monkeypatch: pytest.MonkeyPatch,
    pass_s: float,
    *,
    carries_total: bool = True,
    backend: Any = "tensorflow",
) -> tuple[list[Any], float]:
    """Have the worker measure two within a minute by a fake clock."""
    machine = FakeMachine()
    FakeRunner.machine, FakeRunner.pass_s, FakeRunner.built = machine, pass_s, 0
    monkeypatch.setattr(FakeRunner, "carries_total", carries_total)
    monkeypatch.setattr(pair, "Runner", FakeRunner)
    monkeypatch.setattr(pair, "time", SimpleNamespace(perf_counter_ns=machine))
    hands = SimpleNamespace(probe=machine.probe, processors=machine.processors)
    monkeypatch.setattr(pair, "hands", lambda: hands)
    said: list[Any] = []

    class Emit(list[Any]):
        def __call__(self, message: Any) -> None:
            said.append(message)

        def memory(self) -> None:
            pass

    budget = Budget(whole_s=60.0, ends_s=60.0, clock=lambda: machine.now_ns / 1e9)
    same = replace(REQUEST, beside=Beside(network=ONE), backend=backend)
    emit: Any = Emit()
    pair.serve(same, budget, cast(Any, None), (None, None), emit)
    return said, machine.now_ns / 1e9


@pytest.mark.parametrize(
    ("pass_s", "total_of", "rounds", "built"),
    [(0.05, "plain", 20, 3), (3.0, "instrumented", 6, 3), (12.0, "instrumented", 1, 2)],
)
def test_whatever_a_pass_takes_there_is_an_answer_in_its_time(
    monkeypatch: pytest.MonkeyPatch, pass_s: float, total_of: str, rounds: int, built: int
) -> None:
    said, took_s = served(monkeypatch, pass_s)
    found = [message for message in said if isinstance(message, Round)]
    assert took_s <= 60.0
    assert {one.total_of for one in found} == {total_of}
    assert len(found) >= 2 * rounds
    assert built == FakeRunner.built
    assert isinstance(said[-1], Finished)


@pytest.mark.parametrize(("backend", "lazy_s"), [("tensorflow", 2.5), ("torch", 20.0)])
def test_a_first_call_that_took_long_is_no_long_pass(
    monkeypatch: pytest.MonkeyPatch, backend: Any, lazy_s: float
) -> None:
    monkeypatch.setattr(FakeRunner, "lazy_s", lazy_s)
    said, took_s = served(monkeypatch, 0.05, backend=backend)
    assert took_s <= 60.0
    assert {one.total_of for one in said if isinstance(one, Round)} == {"plain"}
    assert not any(isinstance(message, Estimated) for message in said)


def test_what_does_not_fit_is_said_with_what_would_before_the_time_is_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said, took_s = served(monkeypatch, 25.0)
    assert took_s < 35.0
    assert not any(isinstance(message, Round) for message in said)
    (estimate,) = (one.estimate for one in said if isinstance(one, Estimated))
    assert estimate.both_s == pytest.approx(50.0)
    assert estimate.wanted(60.0).time_s > 400


def test_whole_passes_that_parts_do_not_tell_are_timed_in_pairs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said, took_s = served(monkeypatch, 2.0, carries_total=False)
    assert took_s <= 60.0
    assert {one.total_of for one in said if isinstance(one, Round)} == {"plain"}


def test_no_round_is_an_error_with_what_would_do(worker: MakeWorker) -> None:
    body = BOTH + (
        'say("estimated", estimate=[8, 2.0, 25.0, 30.0, 6.0, False, 25.0]); finished()\n'
    )
    with pytest.raises(MeasurementError, match="no round of both was measured") as caught:
        compare(worker(body))
    assert str(caught.value.hint) == "an interval needs max_time_s=490"
    body = body.replace("25.0", "1.0")  # so it should have fitted
    with pytest.raises(MeasurementError) as caught:
        compare(worker(body))
    assert str(caught.value.hint) == "allow more, such as max_time_s=120"
