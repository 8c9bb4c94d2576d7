"""What the time of a measurement goes into, with a clock, a network and a framework made up."""

import gc
import math
from contextlib import nullcontext
from functools import cache
from itertools import product
from typing import Any, NamedTuple, cast

import pytest

from rsinspect.profiling import course, rounds
from rsinspect.profiling.budget import SUMMING_UP_S, TRACE_COST, Budget, Estimate
from rsinspect.profiling.course import Course, Hands
from rsinspect.profiling.distinct import Distinct, distinct_blocks
from rsinspect.profiling.protocol import (
    Estimated,
    Message,
    NotAvailable,
    Phase,
    Ready,
    RoofsMeasured,
    TimeLeft,
    Traced,
)
from rsinspect.profiling.record.prediction import Prediction
from rsinspect.profiling.request import ProfileRequest
from rsinspect.profiling.rounds import Finished, Instrumented, Round
from rsinspect.profiling.statistics import Latency, Sampling
from tests.networks import network_of
from tests.test_profiling_rounds import FakeMachine

NETWORK = network_of(50)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of measurements: of one network, and nobody collects the garbage of all tests."""
    monkeypatch.setattr(course, "distinct_blocks", cache(distinct_blocks))
    monkeypatch.setattr(rounds, "garbage_collection_off", nullcontext)
    monkeypatch.setattr(gc, "collect", lambda: 0)


class Framework(NamedTuple):
    """What one takes, in seconds, beside the passes."""

    import_s: float
    build_s: float
    compile_s: float
    carries_total: bool = True


FRAMEWORKS = {
    "tensorflow": Framework(4.0, 3.0, 2.0),
    "jax": Framework(3.0, 12.0, 0.0),  # it compiles while it builds
    "torch": Framework(3.0, 2.0, 0.5),
    "xla": Framework(4.0, 3.0, 6.0, carries_total=False),
}


class Told(list[Any]):
    """What a worker said."""

    def __call__(self, message: Message) -> None:
        self.append(message)

    def memory(self) -> None: ...


class Made:
    """A network whose passes take as long as they are told to; one part, and entering it."""

    method = "made up"
    parts = (("stem", "forward"), ("call", "whole"))

    def __init__(self, machine: FakeMachine, framework: Framework, pass_s: float) -> None:
        self.machine = machine
        self.pass_s = pass_s
        self.compile_s = framework.compile_s
        self.carries_total = framework.carries_total
        self.compiled: set[str] = set()
        self.calls = 0

    def _call(self, which: str) -> float:
        self.calls += 1
        before_ns = self.machine()
        if which not in self.compiled:
            self.compiled.add(which)
            self.machine.work(self.compile_s)
        self.machine.work(self.pass_s)
        return (self.machine() - before_ns) / 1e9

    def end_to_end(self) -> object:
        return self._call("plain")

    def instrumented(self) -> Instrumented:
        wall_s = self._call("instrumented")
        return Instrumented(wall_s=wall_s, parts_s=(self.pass_s, wall_s - self.pass_s))


class Lab:
    """A subject that moves the clock on."""

    def __init__(self, machine: FakeMachine, framework: Framework, pass_s: float) -> None:
        self.machine = machine
        self.framework = framework
        self.made = Made(machine, framework, pass_s)
        self.guess = 1.0
        self.ready_at_s = math.nan

    def probe(self, distinct: Distinct) -> "Lab":
        self.machine.work(0.3 * (self.framework.build_s + self.framework.compile_s))
        self.sampled_s, self.is_enough = 0.0, False
        self.begun_s = self.machine() / 1e9
        return self

    def sample(self, most_s: float) -> None:
        one_s = self.made.pass_s / 14  # sixteen images of 128, of half of the blocks
        for _ in range(max(1, int(most_s / one_s))):
            self.machine.work(one_s)
            self.sampled_s += one_s
        self.is_enough = self.sampled_s >= 12 * one_s

    @property
    def estimate(self) -> Estimate:
        made = self.made
        return Estimate(
            batch=128, ready_s=self.framework.build_s, pass_s=self.guess * made.pass_s,
            begun_s=self.begun_s, compile_s=made.compile_s, pairs=not made.carries_total,
        )  # fmt: skip

    @property
    def prediction(self) -> Prediction:
        return Prediction(parts=(), end_to_end_s=self.estimate.pass_s, rounds=3, ready_s=9.0)

    def build(self) -> Any:
        self.ready_at_s = self.machine() / 1e9
        self.machine.work(self.framework.build_s)
        return self.made

    def ready(self, *, compared: bool) -> Ready:
        return cast(Ready, "ready" + " and compared" * compared)

    def trace(self, passes: int, *, alone: bool) -> Traced | NotAvailable:
        self.machine.work(passes * TRACE_COST * self.made.pass_s)
        return cast(Traced, "traced")

    def roofs(self, max_time_s: float) -> RoofsMeasured | NotAvailable:
        self.machine.work(max_time_s)
        return cast(RoofsMeasured, "roofs")


class Outcome(NamedTuple):
    """What came of a measurement.

    Attributes:
        fit: Passes that fit between building and the end, those that compile among them.
        rounds: That count.
        told: Everything the worker said.
        left_s: Of the budget at its end.
        lab: What was measured.
    """

    fit: float
    rounds: list[Round]
    told: Told
    left_s: float
    lab: Lab

    @property
    def passes(self) -> int:
        """Count the passes that were measured."""
        return sum(2 if one.total_of == "plain" else 1 for one in self.rounds)

    @property
    def has_interval(self) -> bool:
        """Tell whether the total has an interval."""
        if not self.rounds:
            return False
        bursts = tuple(one.burst for one in self.rounds)
        sampling = Sampling((0,) * len(bursts), bursts, (True,) * len(bursts))
        return (
            Latency(tuple(one.end_to_end_s for one in self.rounds), sampling).interval is not None
        )


def measured(
    framework: str, pass_s: float, budget_s: float, *, guess: float = 1.0, **asked: Any
) -> Outcome:
    """Run the course of a measurement."""
    machine = FakeMachine()
    budget = Budget.starting(budget_s, lambda: machine() / 1e9)
    costs = FRAMEWORKS[framework]
    machine.work(costs.import_s)
    lab, told = Lab(machine, costs, pass_s), Told()
    lab.guess = guess
    given: dict[str, Any] = {"network": NETWORK, "batch": 128, "max_time_s": budget_s}
    request = ProfileRequest(**given | asked)
    hands = Hands(clock=machine, sleep=machine.sleep, probe=machine.probe, processors=2)
    Course(request, budget, lab, hands, told).run()
    beside_s = SUMMING_UP_S + costs.build_s + costs.compile_s * (1 if costs.carries_total else 2)
    if request.traces:
        beside_s += TRACE_COST * budget.traced(pass_s) * pass_s
    fit = (budget_s - lab.ready_at_s - beside_s) / pass_s
    taken = [one for one in told if isinstance(one, Round)]
    kinds = ("plain", "instrumented", "first")
    kind = next((k for k in kinds if any(one.total_of == k for one in taken)), "first")
    return Outcome(fit, [x for x in taken if x.total_of == kind], told, budget.left_s, lab)


PASSES_S = (1.0, 2.0, 4.0, 6.0, 10.6, 15.0, 20.0, 40.0)
BUDGETS_S = (20.0, 30.0, 60.0, 90.0, 120.0, 300.0)
ONE_PROGRAM = [name for name, framework in FRAMEWORKS.items() if framework.carries_total]


@pytest.mark.parametrize("framework", ONE_PROGRAM)
@pytest.mark.parametrize("roofs", [True, False])
@pytest.mark.parametrize("trace", [True, False])
@pytest.mark.parametrize("known", ["predicted", "estimated", "unknown"])
def test_the_time_goes_into_passes(framework: str, roofs: bool, trace: bool, known: str) -> None:
    """Four are measured whenever six fit, and there is an interval whenever eight do.

    Compiling calls count among those that fit; a trace was asked for, and has its time before.
    """
    seen = set()
    asked = {
        "roofs": roofs, "trace": trace, "predict": known == "predicted",
        "batch": 4 if known == "unknown" else 128,
    }  # fmt: skip
    for pass_s, budget_s in product(PASSES_S, BUDGETS_S):
        found = measured(framework, pass_s, budget_s, **asked)
        assert found.passes >= 4 or not found.fit >= 6, (pass_s, budget_s, found.fit)
        assert found.has_interval or not found.fit >= 8, (pass_s, budget_s, found.fit)
        assert found.passes >= 1 or not found.fit >= 1.01, (pass_s, budget_s, found.fit)
        seen.add(min(9, math.floor(found.fit)) if found.fit >= 0 else -1)
    assert min(seen) < 2 < max(seen), "the law has something to say"
    assert seen & {6, 7, 8}


@pytest.mark.parametrize("guess", [0.8, 1.25])
@pytest.mark.parametrize("framework", ONE_PROGRAM)
def test_a_wrong_estimate_costs_no_interval(framework: str, guess: float) -> None:
    for pass_s, budget_s in product(PASSES_S, BUDGETS_S):
        found = measured(framework, pass_s, budget_s, guess=guess)
        assert found.passes >= 4 or not found.fit >= 6, (pass_s, budget_s, found.fit)
        assert found.has_interval or not found.fit >= 8, (pass_s, budget_s, found.fit)


def test_where_parts_and_whole_take_passes_of_their_own_a_round_is_two() -> None:
    for pass_s, budget_s in product(PASSES_S, BUDGETS_S):
        found = measured("xla", pass_s, budget_s)
        assert found.passes >= 4 or not found.fit >= 6, (pass_s, budget_s, found.fit)
        assert found.has_interval or not found.fit >= 14, (pass_s, budget_s, found.fit)
        assert {one.total_of for one in found.rounds} <= {"plain"}


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_time_is_kept(framework: str) -> None:
    for pass_s, budget_s in product(PASSES_S, BUDGETS_S):
        found = measured(framework, pass_s, budget_s)
        if found.fit >= 2:
            assert found.left_s >= 0, (pass_s, budget_s)


def test_what_is_short_is_measured_in_pairs() -> None:
    found = measured("tensorflow", 0.2, 60.0)
    assert {one.total_of for one in found.rounds} == {"plain"}
    assert "ready and compared" in found.told
    assert "roofs" in found.told


def test_a_pass_of_ten_seconds_is_not_spent_on_warming_up() -> None:
    """With pairs a minute holds two compiling calls, a round of warm-up and one that counts."""
    found = measured("tensorflow", 10.6, 60.0)
    assert found.passes == 3
    assert found.lab.made.calls == 4
    assert found.lab.made.compiled == {"instrumented"}
    (finished,) = (one for one in found.told if isinstance(one, Finished))
    assert finished.steady


def test_the_only_pass_is_the_one_that_compiled() -> None:
    found = measured("tensorflow", 40.0, 60.0)
    (only,) = found.rounds
    assert only.total_of == "first"
    assert only.end_to_end_s == 40.0, "without what compiling took"
    assert only.parts_s == (40.0, 0.0)


def test_nothing_is_begun_that_cannot_fit() -> None:
    found = measured("tensorflow", 40.0, 30.0)
    assert found.lab.made.calls == 0
    assert isinstance(found.told[-1], Finished)
    assert any(isinstance(one, Prediction) for one in found.told)


def test_pairs_are_taken_where_an_unknown_network_turns_out_to_be_quick(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first call says nothing of a pass where it compiles layer by layer."""
    monkeypatch.setitem(FRAMEWORKS, "slow to compile", Framework(3.0, 0.0, 30.0))
    monkeypatch.setattr(Instrumented, "without_entry", property(lambda self: self))
    found = measured("slow to compile", 1.0, 120.0, predict=False, batch=4)
    assert {one.total_of for one in found.rounds} == {"plain"}
    assert found.has_interval


def test_it_is_told_how_long_it_will_take_and_kept_up_to_date() -> None:
    found = measured("tensorflow", 10.6, 60.0)
    told = [one for one in found.told if isinstance(one, TimeLeft)]
    assert {one.passes for one in told} == {3}
    assert len(told) > 4
    took_s = 60.0 - found.left_s
    begun_s = next(one.estimate.begun_s for one in found.told if isinstance(one, Estimated))
    assert begun_s + told[0].left_s == pytest.approx(took_s, rel=0.1)
    assert [one.left_s for one in told] == sorted((one.left_s for one in told), reverse=True)


def test_a_trace_of_long_passes_is_of_one() -> None:
    long, short = measured("tensorflow", 6.0, 90.0, trace=True), measured("jax", 0.1, 60.0)
    assert "traced" in long.told
    assert Phase("tracing") not in short.told
    assert Budget.starting(90.0).traced(6.0) == 1
    assert Budget.starting(60.0).traced(0.1) == 3


# ---- what the time is spent on before the whole network is built


class Guess:
    """A probe whose samples come to these passes, one after the other."""

    def __init__(self, machine: FakeMachine, passes_s: list[float], *, enough: bool) -> None:
        self.machine = machine
        self.passes_s = iter(passes_s)
        self.enough = enough
        self.is_enough = False
        self.sampled_s: list[float] = []

    def sample(self, most_s: float) -> None:
        self.machine.work(max(0.1, most_s))
        self.sampled_s.append(most_s)
        self.pass_s = next(self.passes_s)
        self.is_enough = self.enough

    @property
    def estimate(self) -> Estimate:
        return Estimate(batch=128, ready_s=5.0, pass_s=self.pass_s, begun_s=18.0)

    @property
    def prediction(self) -> Prediction:
        return Prediction(parts=(), end_to_end_s=self.pass_s, rounds=3, ready_s=18.0)


def estimated(
    passes_s: list[float], *, enough: bool = False, **asked: Any
) -> tuple[Estimate | None, Told, Budget, Guess]:
    """What is said of a probe that samples these passes."""
    machine = FakeMachine()
    budget = Budget.starting(60.0, lambda: machine() / 1e9)
    machine.work(15.0)
    guess, told = Guess(machine, passes_s, enough=enough), Told()
    lab = Lab(machine, FRAMEWORKS["tensorflow"], 1.0)
    lab.probe = lambda _: guess  # type: ignore[method-assign, assignment, return-value]
    given: dict[str, Any] = {"network": NETWORK, "batch": 128}
    hands = Hands(clock=machine, sleep=machine.sleep, probe=machine.probe, processors=2)
    course = Course(ProfileRequest(**given | asked), budget, lab, hands, told)
    return course.estimate(), told, budget, guess


def predictions(told: Told) -> list[float]:
    """What was predicted, one after the other."""
    return [one.end_to_end_s for one in told if isinstance(one, Prediction)]


def test_a_busy_moment_is_waited_out_before_it_is_given_up() -> None:
    found, told, budget, _ = estimated([50.0, 45.0, 2.0])
    assert found is not None
    assert found.pass_s == 2.0
    assert predictions(told) == [50.0, 45.0, 2.0]
    assert budget.left_s > 30


def test_what_is_all_there_will_be_is_sampled_until_the_time_is_up() -> None:
    found, _, budget, _ = estimated([50.0] * 100)
    assert found is not None
    assert not found.may_fit(budget.left_s)
    assert 0 < budget.left_s < 60 / 4


def test_enough_is_not_sampled_again() -> None:
    _, told, _, guess = estimated([50.0], enough=True)
    assert predictions(told) == [50.0]
    assert guess.sampled_s == [0.0]


@pytest.mark.parametrize(("pass_s", "costs"), [(0.5, 5.9), (4.8, 0.5), (9.0, 2.9)])
def test_a_prediction_gets_what_costs_no_pass(pass_s: float, costs: float) -> None:
    """Of 60 s, 43.9 are left: 38.9 after building, which eight passes of 4.8 s use up."""
    _, _, _, guess = estimated([pass_s] * 2)
    assert guess.sampled_s == pytest.approx([0.0, costs], abs=0.11)


def test_nothing_is_predicted_unless_somebody_wants_to_know() -> None:
    assert estimated([], predict=False, batch=4)[:2] == (None, [])
    assert estimated([], predict=False, process=1)[:2] == (None, [])
    found, told, _, _ = estimated([5.0], predict=False)
    assert found is not None, "a large batch has to be known to fit"
    assert predictions(told) == []
