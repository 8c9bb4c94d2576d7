"""Distinct blocks of several networks in turns: by a fake clock, and workers of a few lines."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from rsinspect.base.errors import MeasurementError
from rsinspect.networks.network import Network, resnet_rs
from rsinspect.networks.spec import ResNetRSSpec
from rsinspect.profiling.budget import Budget
from rsinspect.profiling.distinct import small_network, timed_as
from rsinspect.profiling.projection import CALL_LAYERS
from rsinspect.profiling.protocol import Event, Joined
from rsinspect.profiling.request import Settings
from rsinspect.profiling.rotation import ENOUGH_TURNS, FEWEST_TURNS, Entrant, Rotation
from rsinspect.profiling.rounds import Round
from rsinspect.profiling.survey import TIMED_BATCH, Survey, survey
from tests.networks import network_of
from tests.test_profiling_parent import AMPLE_S, MakeWorker, worker  # noqa: F401  # a fixture

NETWORKS = [
    network_of(50, resolution=(160, 160)),
    network_of(152, resolution=(192, 192)),
    network_of(101, resolution=(160, 160)),
    network_of(350, resolution=(256, 256)),
    network_of(152, resolution=(256, 256)),
]
"""Of three sets of blocks: 50 and 101 at 160, 152 at 192, 350 and 152 at 256."""


def test_networks_of_the_same_blocks_share_a_small_one() -> None:
    sets = [timed_as(small_network(network), "forward") for network in NETWORKS]
    assert [sets.index(each) for each in sets] == [0, 1, 0, 3, 3]
    trained = [timed_as(small_network(network), "train") for network in NETWORKS]
    assert trained[3] != trained[4]  # 152 drops no paths


def test_a_network_without_repeats_is_its_own_small_one() -> None:
    network = resnet_rs(ResNetRSSpec(blocks=(1, 1, 1, 1), width=0.25, resolution=(32, 32)))
    small = small_network(network)
    assert small.network.graph == network.graph
    assert set(small.repeats.values()) == {1}


@dataclass
class Machine:
    """A clock that building and passes move."""

    now_s: float = 0.0
    pass_s: Sequence[float] = (0.1, 0.2, 0.4)
    build_s: float = 3.0
    built: list[int] = field(default_factory=list)
    order: list[int] = field(default_factory=list)
    rounds: dict[int, list[Round]] = field(default_factory=dict)

    def clock(self) -> float:
        return self.now_s

    def enter(self, number: int) -> Entrant:
        self.built.append(number)
        self.now_s += self.build_s
        return FakeEntrant(self, number)

    def rotation(self, whole_s: float) -> Rotation:
        small = [small_network(NETWORKS[x]) for x in (0, 1, 3)]
        return Rotation(
            small,
            self.enter,
            budget=Budget.starting(whole_s, self.clock),
            order=random.Random(0),
            on_entered=lambda *_: None,
            on_round=lambda number, one: self.rounds.setdefault(number, []).append(one),
        )


@dataclass
class FakeEntrant:
    machine: Machine
    number: int
    built_s: float = 2.5
    first_s: float = 0.5

    def turn(self, number: int, at_s: float) -> tuple[Round, ...]:
        pass_s = self.machine.pass_s[self.number]
        self.machine.now_s += 3 * pass_s
        self.machine.order.append(self.number)
        one = Round(
            burst=number, at_s=at_s, end_to_end_s=pass_s, instrumented_s=pass_s,
            parts_s=(pass_s,), capacity_s=2 * pass_s, foreign_s=0.0, clock_share=None,
            total_of="instrumented",
        )  # fmt: skip
        return (one, one)


def test_all_have_turns_in_changing_order_until_they_are_known_well() -> None:
    machine = Machine()
    machine.rotation(90.0).run()
    assert machine.built == [0, 1, 2]
    last = [tuple(machine.order[-3 * turn :][:3]) for turn in range(1, 6)]
    assert all(sorted(order) == [0, 1, 2] for order in last)
    assert len(set(last)) > 1
    bursts = {number: {one.burst for one in rounds} for number, rounds in machine.rounds.items()}
    assert len(bursts[2]) >= ENOUGH_TURNS - 3
    assert machine.now_s < 40.0  # it ends before the time is up
    at_s = [one.at_s for one in machine.rounds[0]]
    assert at_s == sorted(at_s)
    assert at_s[-1] - at_s[0] > 15.0  # the first is timed between the others' building too


def test_the_time_that_is_left_is_kept_for_turns() -> None:
    machine = Machine(build_s=10.0)
    machine.rotation(25.0).run()
    assert machine.built == [0, 1]
    assert len({one.burst for one in machine.rounds[1]}) >= FEWEST_TURNS
    assert machine.now_s <= 25.0


def test_a_network_whose_passes_would_leave_the_others_no_time_is_left_out() -> None:
    machine = Machine(pass_s=(2.0, 3.0, 5.0))
    machine.rotation(40.0).run()
    assert machine.built == [0]
    assert machine.now_s <= 40.0


def test_one_network_is_timed_however_little_time_there_is() -> None:
    machine = Machine(pass_s=(50.0, 60.0, 70.0))
    machine.rotation(10.0).run()
    assert machine.built == [0]
    assert machine.rounds[0]


WORKER = """
networks = json.load(open(sys.argv[1]))
parts = ["stem", "c2/block0", "c2/block1", "c3/block0", "c3/block1", "c4/block0", "c4/block1",
         "c5/block0", "c5/block1", "head", "call"]
def joined(number):
    ready = {"parts": [[path, "forward"] for path in parts], "method": "fake",
             "output_max_abs_diff": None, "output_max_abs": None, "optimizer": None,
             "environment": environment}
    say("joined", number=number, of=len(networks), ready=ready, built_s=2.0, compiled_s=1.0)
def timed(number, burst, part_s):
    one = {"burst": burst, "at_s": 5.0 * burst, "end_to_end_s": part_s * len(parts),
           "instrumented_s": part_s * len(parts), "parts_s": [part_s] * len(parts),
           "capacity_s": 2.0, "foreign_s": 0.0, "clock_share": None,
           "total_of": "instrumented", "own_s": None}
    say("timed", number=number, round=one)
"""


def surveyed(command: tuple[str, ...], events: list[Event] | None = None, batch: int = 1) -> Survey:
    return survey(
        NETWORKS,
        Settings(batch=batch, max_time_s=AMPLE_S),
        on_event=(events if events is not None else []).append,
        worker=command,
        available_bytes=lambda: None,
    )


def parts_of(network: Network) -> float:
    """How many parts of the small network it has: blocks, stem and head, and a longer call."""
    small = small_network(network).network.graph
    call = (CALL_LAYERS + len(network.graph)) / (CALL_LAYERS + len(small))
    return sum(network.blocks) + 2 + call


def test_each_network_is_added_up_from_the_blocks_that_it_shares(worker: MakeWorker) -> None:  # noqa: F811
    events: list[Event] = []
    found = surveyed(
        worker(
            WORKER
            + """
assert len(networks) == 3, len(networks)
for number in range(3):
    joined(number)
for burst in range(6):
    for number in range(3):
        timed(number, burst, 0.001 * (number + 1))
finished()
"""
        ),
        events,
    )
    assert [event.number for event in events if isinstance(event, Joined)] == [0, 1, 2]
    totals = [each.end_to_end_s if each else None for each in found.predictions]
    for network, total, unit in zip(NETWORKS, totals, (1, 2, 1, 3, 3), strict=True):
        assert total == pytest.approx(0.001 * unit * parts_of(network))
    assert all(each and each.end_to_end_interval for each in found.predictions)
    assert [run.network.title for run in found.runs if run.network] == [
        NETWORKS[0].title, NETWORKS[1].title, NETWORKS[4].title,
    ]  # fmt: skip
    assert found.setup_s[2] > found.setup_s[0] > 3.0


def test_what_there_was_no_time_for_is_left_open(worker: MakeWorker) -> None:  # noqa: F811
    found = surveyed(
        worker(WORKER + "joined(1)\ntimed(1, 0, 0.01)\njoined(2)\nfinished()"), batch=32
    )
    assert [each is not None for each in found.predictions] == [False, True, False, False, False]
    assert found.batch == TIMED_BATCH
    assert found.predictions[1] is not None
    images = 32 / TIMED_BATCH
    call = 0.01 * (images - 1) * (parts_of(NETWORKS[1]) - sum(NETWORKS[1].blocks) - 2)
    total_s = images * 0.01 * parts_of(NETWORKS[1]) - call  # which takes as long at any batch
    assert found.predictions[1].end_to_end_s == pytest.approx(total_s)
    assert found.predictions[1].end_to_end_interval is None  # of a single pass


def test_a_survey_in_which_nothing_was_timed_is_refused(worker: MakeWorker) -> None:  # noqa: F811
    with pytest.raises(MeasurementError, match="no network was timed"):
        surveyed(worker(WORKER + "joined(0)\nfinished()"))


def test_a_worker_that_crashes_is_told_in_one_message(worker: MakeWorker) -> None:  # noqa: F811
    with pytest.raises(MeasurementError, match="crashed"):
        surveyed(worker(WORKER + "joined(0)\nsys.exit(5)"))


@pytest.mark.keras
@pytest.mark.slow
def test_real_networks_are_timed_in_turns_in_one_process() -> None:
    small = [
        resnet_rs(ResNetRSSpec(blocks=blocks, width=0.25, resolution=(32, 32)))
        for blocks in ((1, 2, 1, 1), (1, 4, 1, 1), (1, 1, 1, 1))
    ]
    events: list[Event] = []
    found = survey(small, Settings(batch=1, max_time_s=500.0), on_event=events.append)
    assert [event.number for event in events if isinstance(event, Joined)] == [0, 1]
    assert all(found.predictions)
    assert found.predictions[0] is not None
    assert {part.path for part in found.predictions[0].parts} >= {"stem", "c3/block1", "head"}
    assert len(found.runs) == 2
    assert {run.rounds.count for run in found.runs} <= set(range(2, 1000))
