"""Cells over nodes that come and go, on a cluster made of nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsinspect.base.errors import ClusterUnavailable
from rsinspect.sweeps.cells import Cell
from rsinspect.sweeps.cluster import Loss, Node
from rsinspect.sweeps.driver import Driver, Order
from rsinspect.sweeps.execution import Outcome
from rsinspect.sweeps.scheduling import MOST_STARTS, PATIENCE_S, ClusterExecutor
from tests.clusters import VERSION, FakeCluster, keys, some_cells
from tests.sweeps import document_of, plan_of


def node(name: str, gpus: int = 0) -> Node:
    return Node(id=f"id-{name}", name=name, cpus=4, gpus=gpus)


def carried_out(
    cluster: FakeCluster, cells: list[Cell], told: list[str] | None = None
) -> list[Outcome]:
    said: list[str] = [] if told is None else told
    executor = ClusterExecutor(cluster, VERSION, tell=said.append, clock=cluster.clock)
    return list(executor.outcomes(cells))


def test_every_cell_is_carried_out_once_and_one_at_a_time_on_each_node() -> None:
    cluster = FakeCluster.of(node("a"), node("b"), node("c"))
    cells = some_cells(20)
    outcomes = carried_out(cluster, cells)
    assert keys(outcomes) == keys(cells) == sorted(cluster.done)
    assert {outcome.kind for outcome in outcomes} == {"done"}
    assert cluster.most_at_once == {"id-a": 1, "id-b": 1, "id-c": 1}
    assert cluster.now_s == 7  # twenty of a second each, three at a time


def test_each_accelerator_measures_and_nothing_beside_the_processors() -> None:
    cluster = FakeCluster.of(node("a", gpus=4), node("b"))
    outcomes = carried_out(cluster, [*some_cells(8, device="gpu"), *some_cells(3)])
    assert len(outcomes) == 11
    assert cluster.most_at_once["id-a"] == 4
    assert {one for one, key in cluster.begun if key in keys(some_cells(8, device="gpu"))} == {
        "id-a"
    }


def test_cells_are_taken_only_when_there_is_room_for_them() -> None:
    cluster = FakeCluster.of(node("a"), node("b"))
    taken: list[int] = []

    def cells() -> Iterator[Cell]:
        for number, cell in enumerate(some_cells(10)):
            taken.append(number)
            yield cell

    executor = ClusterExecutor(cluster, VERSION, clock=cluster.clock)
    for count, _ in enumerate(executor.outcomes(cells()), start=1):
        assert len(taken) <= count + 2


def test_a_cell_of_a_lost_node_is_measured_again_elsewhere() -> None:
    cluster = FakeCluster.of(node("a"), node("b"))
    told: list[str] = []

    def kill(fake: FakeCluster) -> None:
        if "id-a" in fake.alive and fake.now_s >= 2:
            fake.kill("id-a")

    cluster.on_second = kill
    cells = some_cells(8)
    outcomes = carried_out(cluster, cells, told)
    assert keys(outcomes) == keys(cells) == sorted(cluster.done)
    assert len(cluster.begun) == 9
    assert any("a was lost" in line for line in told)
    assert any("measured again" in line for line in told)


def test_a_task_that_a_lost_node_never_began_is_not_waited_for() -> None:
    cluster = FakeCluster.of(node("a"), node("b"))

    def vanish(fake: FakeCluster) -> None:
        if fake.alive.pop("id-a", None):
            for started in fake.tasks.values():
                if started.node.id == "id-a":
                    started.ends_s = float("inf")

    cluster.on_second = vanish
    cells = some_cells(4)
    assert keys(carried_out(cluster, cells)) == keys(cells)
    assert cluster.given_up == 1


def test_a_node_that_comes_later_takes_part() -> None:
    cluster = FakeCluster.of(node("a"))
    cluster.on_second = lambda fake: fake.alive.update({"id-b": node("b")})
    outcomes = carried_out(cluster, some_cells(10))
    assert {outcome.document["node"] for outcome in outcomes if outcome.document} == {"a", "b"}


def test_a_cell_that_is_lost_each_time_is_given_up_and_stops_nobody() -> None:
    cluster = FakeCluster.of(node("a"))
    cells = some_cells(3)
    cluster.losses[cells[1].key] = Loss(what="worker", reason="lost the worker")
    found = {outcome.key: outcome for outcome in carried_out(cluster, cells)}
    assert found[cells[1].key].kind == "lost"
    assert found[cells[1].key].reason == "lost 3 times, the last as a lost the worker"
    assert [key for _, key in cluster.begun].count(cells[1].key) == MOST_STARTS
    assert {found[cell.key].kind for cell in (cells[0], cells[2])} == {"done"}


@pytest.mark.parametrize("what", ["memory", "task"])
def test_a_death_of_memory_is_no_loss_and_is_not_tried_again(
    what: Literal["memory", "task"],
) -> None:
    cluster = FakeCluster.of(node("a"))
    cells = some_cells(2)
    cluster.losses[cells[0].key] = Loss(what=what, reason="had its memory used up")
    found = {outcome.key: outcome for outcome in carried_out(cluster, cells)}
    assert found[cells[0].key].kind == "crashed"
    assert found[cells[0].key].reason == "a had its memory used up"
    assert len(cluster.begun) == 2


def test_a_node_of_another_version_is_left_out_and_named() -> None:
    cluster = FakeCluster.of(node("a"), node("b"), node("c"))
    cluster.versions = {"b": {"rsinspect": "0.9"}, "c": {"python": "3.11.7"}}
    told: list[str] = []
    outcomes = carried_out(cluster, some_cells(4), told)
    assert {outcome.document["node"] for outcome in outcomes if outcome.document} == {"a"}
    assert "node b has rsinspect 0.9; here it is 1.0" in told
    assert "node c has no rsinspect; here it is 1.0" in told


def test_nodes_that_differ_are_said_to_and_measure_all_the_same() -> None:
    cluster = FakeCluster.of(node("a"), node("b"))
    cluster.versions = {
        "a": {"rsinspect": VERSION, "tensorflow": "2.19.0"},
        "b": {"rsinspect": VERSION, "tensorflow": "2.18.1"},
    }
    told: list[str] = []
    outcomes = carried_out(cluster, some_cells(4), told)
    assert {outcome.document["node"] for outcome in outcomes if outcome.document} == {"a", "b"}
    assert "node b differs from a: tensorflow 2.18.1 instead of 2.19.0" in told


def test_niceness_is_said_once() -> None:
    cluster = FakeCluster.of(node("a"), node("b"))
    cluster.niceness = 15
    told: list[str] = []
    carried_out(cluster, some_cells(2), told)
    assert len([line for line in told if "niceness 15" in line]) == 1


def test_a_cluster_where_nobody_can_measure_is_refused_at_once() -> None:
    cluster = FakeCluster.of(node("a"))
    cluster.versions = {"a": {"rsinspect": "0.9"}}
    with pytest.raises(ClusterUnavailable, match=r"a has rsinspect 0\.9; here it is 1\.0"):
        carried_out(cluster, some_cells(1))
    assert cluster.now_s <= 2


def test_a_cluster_without_nodes_is_waited_for_a_while() -> None:
    cluster = FakeCluster.of()
    with pytest.raises(ClusterUnavailable, match="no node of the cluster"):
        carried_out(cluster, some_cells(1))
    assert PATIENCE_S <= cluster.now_s <= PATIENCE_S + 2


def test_a_cell_that_suits_no_node_is_refused_and_the_others_go_on() -> None:
    cluster = FakeCluster.of(node("a"))
    cells = [*some_cells(1, device="gpu"), *some_cells(3), *some_cells(1, place="z")]
    reasons = {outcome.key: outcome.reason for outcome in carried_out(cluster, cells)}
    assert reasons[cells[0].key] == "no node of the cluster has an accelerator"
    assert reasons[cells[-1].key] == "no node of the name z is there"
    assert sorted(cluster.done) == keys(some_cells(3))


def test_a_number_of_an_accelerator_is_refused() -> None:
    cluster = FakeCluster.of(node("a", gpus=2))
    (outcome,) = carried_out(cluster, some_cells(1, device="gpu:1"))
    assert outcome.kind == "refused"
    assert "without a number" in (outcome.reason or "")


def test_a_cell_of_a_place_is_measured_there() -> None:
    cluster = FakeCluster.of(node("a"), node("b"))
    cells = [cell for place in ("a", "b") for cell in some_cells(3, place=place)]
    outcomes = carried_out(cluster, cells)
    assert len({cell.key for cell in cells}) == 6
    assert all(
        outcome.document and outcome.key.endswith(f"@{outcome.document['node']}")
        for outcome in outcomes
    )


def test_whoever_stops_listening_ends_what_runs() -> None:
    cluster = FakeCluster.of(node("a"), node("b"))
    outcomes = ClusterExecutor(cluster, VERSION, clock=cluster.clock).outcomes(some_cells(10))
    with closing(outcomes):
        next(outcomes)
    assert not cluster.tasks


def test_what_is_least_sure_is_measured_on_though_a_node_had_nothing_to_do(
    tmp_path: Path,
) -> None:
    cluster = FakeCluster.of(node("a"), node("b"))
    runs = iter(range(100))
    cluster.document = lambda cell: document_of(cell.settings.batch, n=next(runs))
    order = Order(repeats=1, time_s=20)
    driver = Driver(tmp_path / "runs.db", plan_of(1), order, clock=cluster.clock)
    driver.drive(ClusterExecutor(cluster, VERSION, clock=cluster.clock))
    assert driver.measured > 10
    assert len(cluster.done) == len(set(cluster.done)) == driver.measured


@given(
    names=st.lists(st.sampled_from("abcdef"), min_size=1, max_size=4, unique=True),
    number=st.integers(0, 25),
    befalls=st.lists(st.tuples(st.integers(1, 12), st.sampled_from("abcdefgh")), max_size=8),
)
@settings(max_examples=80, deadline=None)
def test_whatever_becomes_of_nodes_each_cell_comes_to_one_end(
    names: list[str], number: int, befalls: list[tuple[int, str]]
) -> None:
    cluster = FakeCluster.of(*map(node, names))
    starts: dict[str, int] = {}

    def befall(fake: FakeCluster) -> None:
        for second, name in befalls:
            if second == fake.now_s:
                here = [identity for identity in fake.alive if identity.startswith(f"id-{name}")]
                if here:
                    fake.kill(here[0])
                else:
                    starts[name] = starts.get(name, 0) + 1
                    identity = f"id-{name}{starts[name]}"
                    fake.alive[identity] = Node(id=identity, name=name)

    cluster.on_second = befall
    outcomes: list[Outcome] = []
    try:
        executor = ClusterExecutor(cluster, VERSION, clock=cluster.clock)
        outcomes.extend(executor.outcomes(some_cells(number)))
    except ClusterUnavailable:
        assert not cluster.alive
    else:
        assert keys(outcomes) == keys(some_cells(number))
    assert len(set(keys(outcomes))) == len(outcomes)
    assert len(cluster.done) == len(set(cluster.done))
    assert all(most == 1 for most in cluster.most_at_once.values())
