"""Ways of running a network, and contests of them, with a fake clock and workers of a few lines."""

import gc
import random
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from rsinspect.base.errors import InvalidMeasurement, MeasurementError
from rsinspect.networks.network import resnet_rs
from rsinspect.networks.spec import ResNetRSSpec
from rsinspect.profiling.choices import BACKENDS, Mode
from rsinspect.profiling.contest import batch_within
from rsinspect.profiling.fastest import fastest
from rsinspect.profiling.heats import (
    BURSTS_AT_LEAST,
    BURSTS_AT_MOST,
    Bout,
    Heats,
    compared,
    verdict_of,
)
from rsinspect.profiling.protocol import Entered, Event
from rsinspect.profiling.ranking import headline, ranking_answer
from rsinspect.profiling.record.contest import Contest
from rsinspect.profiling.request import JIT, ProfileRequest, Settings
from rsinspect.profiling.rounds import MOST_ROUNDS
from rsinspect.profiling.ways import STEPS, Way, steps
from tests.conftest import Cli
from tests.schemas import complaints
from tests.test_profiling_parent import PRELUDE, MakeWorker, time_that_is_up
from tests.test_profiling_rounds import FakeMachine
from tests.test_profiling_worker import BRIEF, installed

NETWORK = resnet_rs(ResNetRSSpec(blocks=(1, 1, 1, 1), width=0.25, resolution=(32, 32)))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody collects the garbage of all tests at each of thousands of samples."""
    monkeypatch.setattr(gc, "collect", lambda: 0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_each_step_is_a_request_that_can_be_made_and_compiles_last(backend: str) -> None:
    start = ProfileRequest(network=NETWORK, batch=8, backend=backend)
    for step in STEPS[backend]:
        way = Way.of(start).after(step)
        assert Way.of(way.request(start)) == way
        assert way.changes(Way.of(start)).items() <= step.items()
        assert way.words(Way.of(start), backend)
    if len(JIT[backend]) > 1:
        assert "jit" in STEPS[backend][-1]


def test_choices_that_were_made_are_kept() -> None:
    free = steps(Settings(batch=8))
    assert [set(step) for step in free] == [
        {"fold_batch_norm"}, {"fused_batch_norm"}, {"layout"}, {"jit"},
    ]  # fmt: skip
    assert [set(step) for step in steps(Settings(batch=8, jit=False))] == [
        {"fold_batch_norm"}, {"fused_batch_norm"}, {"layout"},
    ]  # fmt: skip
    assert {"fold_batch_norm"} not in map(set, steps(Settings(batch=8, mode="train")))
    kept = Settings(batch=8, backend="torch", memory_format="contiguous")
    assert not any("memory_format" in step for step in steps(kept))
    assert steps(Settings(batch=8), ["layout"]) == ({"layout": "channels_first"},)


def test_conditions_name_every_choice_that_departs_from_its_default() -> None:
    plain = Settings(batch=8).conditions(8)
    assert plain == "forward, batch 8, float32, tensorflow on cpu"
    for step in STEPS["tensorflow"]:
        if step != {"fold_batch_norm": True}:  # which the network's own title says
            assert Settings(batch=8, **step).conditions(8) != plain, step
    said = Settings(batch=8, jit=True, fused_batch_norm=True).conditions(8)
    assert said == "forward, batch 8, float32, tensorflow with XLA on cpu, batch norm fused"


def test_where_all_norms_are_folded_none_is_fused() -> None:
    request = ProfileRequest(network=NETWORK, batch=8)
    fused = {"fused_batch_norm": True}
    start = Way.of(request)
    assert not start.after(fused).is_idle(fused, request)
    assert start.after({"fold_batch_norm": True} | fused).is_idle(fused, request)


def heats(machine: FakeMachine, most_rounds: int = MOST_ROUNDS) -> Heats:
    return Heats(
        clock=machine, probe=machine.probe, processors=machine.processors,
        order=random.Random(0), on_bout=lambda _: None, most_rounds=most_rounds,
    )  # fmt: skip


def ways(
    machine: FakeMachine, *passes_s: float, spread: float = 0.01
) -> dict[int, Callable[[], None]]:
    chance = random.Random(1)

    def way(pass_s: float) -> Callable[[], None]:
        return lambda: machine.work(pass_s * (1 + spread * chance.random()))

    return {number: way(pass_s) for number, pass_s in enumerate(passes_s)}


@pytest.mark.parametrize(
    ("challenger_s", "verdict"), [(0.08, "faster"), (0.11, "slower"), (0.1, "undecided")]
)
def test_a_heat_tells_which_is_faster_and_no_more(challenger_s: float, verdict: str) -> None:
    machine = FakeMachine()
    race = heats(machine)
    assert race.challenge(ways(machine, 0.1, challenger_s), 0, 1, 600.0) == verdict
    assert BURSTS_AT_LEAST <= race.bursts <= BURSTS_AT_MOST


def test_a_neighbour_slows_all_alike() -> None:
    machine = FakeMachine()
    machine.neighbour = lambda now_s: 0.5 if int(now_s) % 3 else 0.1
    race = heats(machine)
    assert race.challenge(ways(machine, 1.1, 1.0), 0, 1, 600.0) != "slower"
    found = compared(race.bouts, 1, 0)
    assert found is not None
    assert verdict_of(found) in ("faster", "undecided")


@pytest.mark.parametrize(("challenger_s", "bursts"), [(0.3, 1), (0.13, 2)])
def test_a_challenger_far_behind_is_out_early(challenger_s: float, bursts: int) -> None:
    machine = FakeMachine()
    race = heats(machine)
    assert race.challenge(ways(machine, 0.1, challenger_s), 0, 1, 600.0) == "slower"
    assert race.bursts == bursts


def test_a_heat_ends_with_its_time_or_its_rounds_but_has_one_burst() -> None:
    machine = FakeMachine()
    race = heats(machine)
    assert race.challenge(ways(machine, 2.0, 2.1), 0, 1, 9.0) == "undecided"
    assert machine.now_ns <= 13e9  # the first burst discards a call of each
    race = heats(machine, most_rounds=1)
    race.challenge(ways(machine, 2.0, 2.1), 0, 1, 1000.0)
    assert len(race.bouts) == 1


def test_a_ratio_is_confirmed_until_it_is_precise() -> None:
    machine = FakeMachine()
    race = heats(machine)
    assert race.confirm(ways(machine, 0.1, 0.08), 1, 0, 600.0)
    found = compared(race.bouts, 1, 0)
    assert found is not None
    assert found.ratio == pytest.approx(0.8, rel=0.02)
    assert found.interval is not None
    assert found.interval[0] < 0.8 < found.interval[1]


def test_ways_of_different_heats_are_compared_in_the_rounds_of_both() -> None:
    machine = FakeMachine()
    race = heats(machine)
    calls = ways(machine, 0.1, 0.08, 0.3)
    race.challenge({0: calls[0], 1: calls[1]}, 0, 1, 600.0)
    before = len(race.bouts)
    race.challenge(calls, 1, 2, 600.0)
    found = compared(race.bouts, 2, 0)
    assert found is not None
    assert len(found.latency.samples) == len(race.bouts) - before
    assert compared([], 2, 0) is None
    with pytest.raises(ValueError, match="not in"):
        Bout(
            burst=0, ways=(0,), seconds=(1.0,), capacity_s=1.0, foreign_s=None, clock_share=None
        ).of(2)


def test_the_batch_is_halved_until_all_ways_can_be_compared() -> None:
    assert batch_within(20.0, 0.05, 128, 3) == 4
    assert batch_within(1e6, 0.05, 128, 3) == 128
    assert batch_within(0.0, 0.05, 128, 3) == 1


CONTEST = """
def entered(number, batch=batch, **choices):
    way = {"jit": False, "layout": "channels_last", "memory_format": None, "fold_batch_norm": False}
    say("entered", number=number, way=way | choices, batch=batch)
def prepared(number, diff=1e-6):
    say("prepared", number=number, ready_s=2.0, output_max_abs_diff=diff, output_max_abs=0.5)
def bouts(seconds, count=8, first=0):
    for burst in range(first, first + count):
        drift = 1 + 0.01 * (burst % 3)
        say("bout", burst=burst, ways=list(seconds), seconds=[s * drift for s in seconds.values()],
            capacity_s=2.4, foreign_s=0.0, clock_share=None)
def begin():
    entered(0)
    prepared(0, 0.0)
    ready(0)
def folded():
    entered(1, fold_batch_norm=True)
    prepared(1)
    bouts({0: 0.5, 1: 0.4})
    say("judged", number=1, verdict="faster")
"""


@pytest.fixture
def worker(tmp_path: Path) -> MakeWorker:
    """A worker command that runs ``body`` after the preludes."""

    def make(body: str) -> tuple[str, ...]:
        script = tmp_path / "worker.py"
        script.write_text(PRELUDE + CONTEST + textwrap.dedent(body))
        return (sys.executable, "-S", str(script))

    return make


def contest(
    command: tuple[str, ...], batch: int = 8, up_at: Callable[[Event], bool] | None = None
) -> Contest:
    """A contest of a worker; where ``up_at`` is given, the time is up at such an event."""
    request = ProfileRequest(network=NETWORK, batch=batch)
    budget, hear = time_that_is_up(60.0, up_at or (lambda _: False))
    return fastest(
        request, worker=command, available_bytes=lambda: None, budget=budget, on_event=hear
    )


def enters(number: int) -> Callable[[Event], bool]:
    return lambda event: isinstance(event, Entered) and event.number == number


WHOLE = """
    begin()
    folded()
    entered(2, fold_batch_norm=True, layout="channels_first")
    say("out", number=2, why="failed", reason="no such kernel")
    entered(3, fold_batch_norm=True, jit=True)
    prepared(3)
    bouts({0: 0.5, 1: 0.4, 3: 0.6}, first=8)
    say("judged", number=3, verdict="slower")
    finished()
"""


def test_the_fastest_way_is_named_with_what_it_changes(worker: MakeWorker) -> None:
    found = contest(worker(WHOLE))
    assert found.best == 1
    assert found.fastest.changes(found.first) == {"fold_batch_norm": True}
    assert [found.result(n) for n in range(4)] == ["slower", "fastest", "failed", "slower"]
    line = headline(found)
    assert "batch norm folded" in line
    assert "0.80 [0.80, 0.80]" in line
    answer = ranking_answer(found)
    assert str(answer.table.lead[1]) == "To profile it so: fold_batch_norm=True"
    assert [row["path"] for row in answer.table.rows][:2] == ["batch norm folded", "as it is"]
    assert any("no such kernel" in str(note) for note in answer.table.notes)


def test_what_later_rounds_do_not_bear_out_is_not_called_fastest(worker: MakeWorker) -> None:
    body = """
    begin()
    folded()
    entered(2, fold_batch_norm=True, jit=True)
    prepared(2)
    bouts({0: 0.5, 1: 0.4, 2: 0.45}, first=8)
    say("judged", number=2, verdict="slower")
    bouts({0: 0.4, 1: 0.5}, count=16, first=16)
    finished()
    """
    found = contest(worker(body))
    assert (found.best, found.fastest) == (0, found.first)
    assert [found.result(n) for n in range(3)] == ["fastest", "undecided", "undecided"]
    assert "Nothing was shown to be faster" in headline(found)
    rows = {row["path"]: row["result"] for row in ranking_answer(found).table.rows}
    assert rows["as it is"] == "kept"


def test_the_document_has_every_way_and_every_round(worker: MakeWorker) -> None:
    document = ranking_answer(contest(worker(WHOLE))).document
    assert document["schema"] == "rsinspect.fastest/1"
    assert complaints(document) == []
    assert document["fastest"]["changes"] == {"fold_batch_norm": True}
    assert document["fastest"]["ratio"] == pytest.approx(0.8)
    assert [way["result"] for way in document["ways"]] == ["slower", "fastest", "failed", "slower"]
    assert len(document["rounds"]) == 16
    assert document["batch"]["used"] == 8


def test_a_way_that_compiles_too_long_costs_its_own_place_only(worker: MakeWorker) -> None:
    body = "begin()\nfolded()\nentered(2, jit=True)\ntime.sleep(3600)"
    found = contest(worker(body), up_at=enters(2))
    assert found.stopped_because == "time"
    assert [found.result(n) for n in range(3)] == ["slower", "fastest", "time"]
    assert "compiled" in (found.contestants[2].reason or "")


def test_a_way_that_ends_its_worker_is_out_and_the_others_are_compared(worker: MakeWorker) -> None:
    body = """
    begin()
    folded()
    if len(sys.argv) == 1:
        entered(2, fold_batch_norm=True, layout="channels_first")
        die(signal.SIGSEGV)
    way, = map(json.loads, sys.argv[1:])
    assert (way["layout"], way["fold_batch_norm"], way["jit"]) == ("channels_first", True, False)
    finished()
    """
    found = contest(worker(body))
    assert [found.result(n) for n in range(3)] == ["slower", "fastest", "failed"]
    assert found.words(2) == "batch norm folded, channels_first"
    assert "was ended by SIGSEGV" in (found.contestants[2].reason or "")
    assert found.stopped_because == "decided"


def test_where_the_first_way_ends_its_worker_there_is_nothing_to_compare(
    worker: MakeWorker,
) -> None:
    with pytest.raises(MeasurementError, match="was ended by SIGSEGV"):
        contest(worker("entered(0)\ndie(signal.SIGSEGV)"))


def test_a_smaller_batch_is_said(worker: MakeWorker) -> None:
    body = """
    entered(0, 4)
    prepared(0)
    ready(0)
    entered(1, 4, jit=True)
    prepared(1)
    bouts({0: 0.5, 1: 0.4})
    finished()
    """
    found = contest(worker(body), batch=128)
    assert (found.batch.requested, found.batch.used) == (128, 4)
    lead = " ".join(map(str, ranking_answer(found).table.lead))
    assert "Compared at batch 4" in lead
    assert [row["result"] for row in ranking_answer(found).table.rows] == ["undecided", "kept"]
    assert "Nothing was shown to be faster" in lead


@pytest.mark.parametrize(
    ("body", "last", "at"),
    [("entered(0)", 0, "the first way was built"), ("begin()\nentered(1)", 1, "the second way")],
)
def test_where_no_two_were_compared_more_time_is_advised(
    worker: MakeWorker, body: str, last: int, at: str
) -> None:
    with pytest.raises(MeasurementError, match=f"no two ways were compared in 60 s.*{at}") as why:
        contest(worker(f"{body}\ntime.sleep(3600)"), up_at=enters(last))
    assert "max_time_s=180" in str(why.value.hint)


def test_events_tell_what_is_tried(worker: MakeWorker) -> None:
    events: list[Event] = []
    request = ProfileRequest(network=NETWORK, batch=8)
    budget, _ = time_that_is_up(60.0, lambda _: False)
    fastest(
        request, worker=worker(WHOLE), available_bytes=lambda: None, budget=budget,
        on_event=events.append,
    )  # fmt: skip
    assert [e.number for e in events if isinstance(e, Entered)] == [0, 1, 2, 3]


def test_where_nothing_is_left_to_choose_it_is_refused() -> None:
    request = ProfileRequest(network=NETWORK, batch=8, mode="train", jit=True)
    with pytest.raises(InvalidMeasurement, match="nothing is left to choose"):
        fastest(request, among=["jit"], worker=("false",))


@pytest.mark.parametrize(
    "more",
    [("--save", "x.json"), ("--strict",), ("--plot", "x.svg"), ("--level", "block"),
     ("--processes", "3")],
)  # fmt: skip
def test_what_has_no_use_where_ways_are_compared_is_refused(
    cli: Cli, more: tuple[str, ...]
) -> None:
    result = cli("profile", "50", "--fastest", *more)
    assert result.code == 2
    assert "whole passes are compared" in result.err


def test_parts_and_processes_are_refused_from_python_too() -> None:
    for request in (
        ProfileRequest(network=NETWORK, batch=8, level="block"),
        ProfileRequest(network=NETWORK, batch=8, processes=3),
    ):
        with pytest.raises(InvalidMeasurement, match="whole passes are compared"):
            fastest(request, worker=("false",))


@pytest.mark.keras
@pytest.mark.skipif(not installed("tensorflow"), reason="tensorflow is not installed")
@pytest.mark.parametrize(
    ("mode", "among"),
    [("forward", ()), pytest.param("train", ("layout",), marks=pytest.mark.slow)],
)
def test_ways_of_a_real_network_compute_the_same(mode: Mode, among: tuple[str, ...]) -> None:
    request = ProfileRequest(network=NETWORK, batch=2, mode=mode, **BRIEF, precision="float32")
    found = fastest(request, among=among)
    ways = {contestant.way for contestant in found.contestants}
    assert {choice for way in ways for choice in way.changes(found.first)} >= {"layout", *among}
    for contestant in found.contestants:
        assert contestant.why is None, contestant.reason
        assert (contestant.differs_by or 0.0) < 1e-4


def test_an_unknown_layout_is_answered_with_all_that_there_are(cli: Cli) -> None:
    result = cli("profile", "50", "--layout", "nchw")
    assert result.code == 2
    assert "one of channels_last, channels_first, both" in result.err
