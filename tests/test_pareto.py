"""Accuracy against cost: what is dominated, how sure that is, and the paper's claim."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rsinspect import paper
from rsinspect.base.errors import InvalidMeasurement, InvalidQuestion
from rsinspect.networks.named import network
from rsinspect.networks.network import Network, folded
from rsinspect.profiling.answer import profile_answer
from rsinspect.profiling.record.model import Model
from rsinspect.profiling.record.run import ProfileRun, Segment
from rsinspect.profiling.request import Settings
from rsinspect.profiling.statistics import Latency
from rsinspect.runs.store import open_store
from rsinspect.sweeps.cells import Cell
from rsinspect.sweeps.execution import Outcome
from rsinspect.tradeoffs.axes import AXES
from rsinspect.tradeoffs.domination import Contender, dominations
from rsinspect.tradeoffs.measurements import measured, published_name
from rsinspect.tradeoffs.pareto import Pareto
from rsinspect.tradeoffs.pareto_answer import claim_answer, document, pareto_answer
from rsinspect.tradeoffs.quantity import Quantity
from rsinspect.tradeoffs.unmeasured import measured_into, unmeasured
from rsinspect.tradeoffs.weighing import parse_point, weigh
from tests.conftest import Cli
from tests.networks import network_of
from tests.runs import run_of


def spread(value: float, factor: float) -> Quantity:
    return Quantity(value, (value / factor, value * factor))


def test_exact_costs_give_the_front_of_the_definition() -> None:
    points = [(80.0, 2.0), (81.0, 1.0), (81.0, 1.5), (84.0, 9.0), (84.0, 9.0), (70.0, 0.5)]
    found = dominations([Contender(top1, Quantity.exact(cost)) for top1, cost in points])
    for (top1, cost), domination in zip(points, found, strict=True):
        beaten = any(
            other >= top1 and less <= cost and (other, less) != (top1, cost)
            for other, less in points
        )
        assert (domination.verdict == "dominated") == beaten
        assert domination.probability in (0, 1)
        assert (domination.by is not None) == beaten


def test_the_probability_is_that_of_drawing_all_costs() -> None:
    points = [
        Contender(80.0, spread(1.0, 1.2)),
        Contender(81.0, spread(1.05, 1.1)),
        Contender(82.0, spread(1.1, 1.3)),
        Contender(79.0, spread(0.2, 1.1)),
    ]
    draw = random.Random(0)
    rounds = 20_000
    beaten = [0] * len(points)
    for _ in range(rounds):
        costs = [
            point.cost.value * 2.718281828459045 ** draw.gauss(0, point.cost.deviation or 0.0)
            for point in points
        ]
        for at, point in enumerate(points):
            beaten[at] += any(
                costs[other] < costs[at]
                for other, rival in enumerate(points)
                if other != at and rival.top1 >= point.top1
            )
    for share, domination in zip(beaten, dominations(points), strict=True):
        assert domination.probability == pytest.approx(share / rounds, abs=0.02)


def test_a_cost_without_an_interval_is_unclear_unless_nothing_is_as_accurate() -> None:
    unknown = Quantity(1.0, None)
    best, worse = dominations([Contender(84.0, unknown), Contender(80.0, unknown)])
    assert (best.verdict, worse.verdict) == ("front", "unclear")


def test_one_that_surely_dominates_is_enough_whatever_others_cost() -> None:
    points = [Contender(80.0, spread(2.0, 1.1)), Contender(81.0, spread(1.0, 1.1)),
              Contender(82.0, Quantity(1.9, None))]  # fmt: skip
    assert dominations(points)[0].verdict == "dominated"


def test_intervals_that_overlap_are_unclear() -> None:
    found = dominations([Contender(80.0, spread(1.0, 1.3)), Contender(80.0, spread(1.05, 1.3))])
    assert [domination.verdict for domination in found] == ["unclear", "unclear"]
    assert found[0].probability + found[1].probability == pytest.approx(1, abs=0.01)


def network_at(model: str, **changes: Any) -> Network:
    depth, side = map(int, model.split("@"))
    return network_of(depth, resolution=(side, side), **changes)


def a_run(network: Network, seconds: float, **changes: Any) -> ProfileRun:
    """A run of twelve samples about a latency."""
    samples = tuple(seconds * (1 + 0.002 * ((7 * number) % 12 - 5.5)) for number in range(12))
    return run_of(
        (Segment(path="stem", level="stage", latency=Latency.of(samples)),),
        network=network,
        **changes,
    )


def named(run: ProfileRun, name: str, side: int) -> ProfileRun:
    """A run as one of a network of keras.applications looks."""
    model = Model(name=name, depth=None, blocks=None, resolution=(side, side), dialect=None)
    return replace(run, model=model, network=None)


SMALL = network_at("50@160")


def weighed(runs: list[ProfileRun], **own: float) -> Pareto:
    return measured(AXES["latency"], "paper", runs, own, {})


def test_runs_of_one_network_count_as_its_processes() -> None:
    once = weighed([a_run(SMALL, 0.1)])
    twice = weighed([a_run(SMALL, 0.1), a_run(SMALL, 0.1)])
    (one,), (both,) = once.points, twice.points
    assert (one.costed.runs, both.costed.runs) == (1, 2)
    assert one.interval is not None
    assert both.interval is not None
    assert both.interval[1] - both.interval[0] < one.interval[1] - one.interval[0]


def test_the_conditions_that_most_networks_share_are_shown_and_the_others_counted() -> None:
    other = network_at("101@160")
    runs = [a_run(SMALL, 0.1), a_run(other, 0.2), a_run(SMALL, 9.0, batch=64)]
    found = weighed(runs)
    assert {point.candidate.name: point.costed.runs for point in found.points} == {
        "50@160": 1, "101@160": 1,
    }  # fmt: skip
    assert "batch 8" in found.conditions
    assert sum(found.left_out.values()) == 1
    assert "152@224" in found.missing


def test_only_the_published_network_has_the_published_accuracy() -> None:
    def name(network: Network) -> str | None:
        return published_name(Model.of(network), network)

    assert name(SMALL) == name(network_at("50@160", dialect="timm")) == "50@160"
    assert name(folded(SMALL)) == "50@160"
    for changes in (
        {"classes": 10}, {"width": 0.5}, {"se_ratio": 0.0}, {"include_top": False},
        {"activation": "swish"}, {"dialect": "article"},
    ):  # fmt: skip
        assert name(network_at("50@160", **changes)) is None, changes
    assert name(network_of(50, resolution=(160, 192))) is None


def test_a_network_whose_accuracy_nobody_gave_is_named() -> None:
    stranger = a_run(network_at("50@160", width=0.5), 0.05)
    found = weighed([a_run(SMALL, 0.1), stranger])
    assert found.without_accuracy == (stranger.title,)
    with pytest.raises(InvalidMeasurement, match="no run of a network whose accuracy"):
        weighed([stranger])


def test_a_point_of_ones_own_is_found_by_its_network() -> None:
    mine = network_at("50@160", width=0.5)
    runs = [a_run(SMALL, 0.1), a_run(mine, 0.05)]
    found = measured(AXES["latency"], "paper", runs, {"mine": 79.0}, {"mine": mine.fingerprint})
    point = found.points[-1]
    assert (point.candidate.name, point.candidate.family) == ("mine", "yours")
    assert found.points[0].domination.verdict == "dominated"
    assert found.points[0].domination.by == 1


def test_throughput_turns_latency_round_and_leaves_who_dominates() -> None:
    runs = [a_run(SMALL, 0.1, batch=8), a_run(network_at("101@160"), 0.09, batch=8)]
    by_latency = weighed(runs)
    by_throughput = measured(AXES["throughput"], "paper", runs, {}, {})
    for one, other in zip(by_latency.points, by_throughput.points, strict=True):
        assert other.value == pytest.approx(8 / one.value)
        assert other.domination.verdict == one.domination.verdict
        assert other.interval is not None
        assert other.interval[0] < other.value < other.interval[1]


def test_energy_that_no_run_tells_is_refused() -> None:
    with pytest.raises(InvalidMeasurement, match="energy"):
        measured(AXES["energy"], "paper", [a_run(SMALL, 0.1)], {}, {})


def test_the_claim_is_held_to_the_pairs_of_which_both_were_measured() -> None:
    rival = named(a_run(SMALL, 0.3), "efficientnetb2", 260)
    found = weighed([a_run(network_at("101@160"), 0.2), rival])
    (speed_up,) = found.speed_ups
    assert (speed_up.printed.model, speed_up.printed.rival) == ("101@160", "EfficientNetB2@260")
    assert speed_up.measured.value == pytest.approx(1.5)
    assert speed_up.measured.low is not None
    assert speed_up.measured.high is not None
    assert speed_up.measured.low < 1.5 < speed_up.measured.high
    table = claim_answer(found).table
    assert [row["ratio"] for row in table.rows] == [pytest.approx(1.5)]
    assert any("152@224 and EfficientNetB4@380" in str(note) for note in table.notes)


def test_the_document_says_what_the_table_says() -> None:
    found = weighed([a_run(SMALL, 0.1), a_run(network_at("101@160"), 0.09)])
    written = json.loads(json.dumps(document(found)))
    assert written["schema"] == "rsinspect.pareto/1"
    rows = {row["model"]: row for row in pareto_answer(found).table.rows}
    for point in written["points"]:
        assert rows[point["model"]]["latency_s"] == point["latency_s"]
        assert point["ci_low"] < point["latency_s"] < point["ci_high"]
    assert written["points"][0]["dominated_by"] == "101@160"


def test_runs_come_from_the_store_by_default_or_are_named(tmp_path: Path) -> None:
    db, file = tmp_path / "runs.db", tmp_path / "mine.json"
    with open_store(db, write=True) as store:
        store.add(profile_answer(a_run(SMALL, 0.1)).make_document(), tags=("first",))
        store.add(profile_answer(a_run(network_at("101@160"), 0.2)).make_document())
    file.write_text(
        json.dumps(profile_answer(a_run(network_at("50@160", width=0.5), 0.05)).document)
    )
    found = weigh(db=db)
    assert [point.candidate.name for point in found.points] == ["50@160", "101@160"]
    one = weigh(runs=["first"], db=db, own={str(file): 70.0})
    assert [point.candidate.name for point in one.points] == ["50@160", str(file)]


def test_flops_are_counted_and_need_no_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours = tuple(row for row in paper.accuracies("paper") if row.family == "ResNet-RS")
    monkeypatch.setattr(paper, "accuracies", lambda source: ours)
    found = weigh("flops", own={"50@160:article": 78.0})
    assert found.points[0].value == SMALL.cost.flops("paper")
    assert found.points[-1].costed.how == "counted"
    assert not found.missing


@pytest.mark.parametrize("text", ["50", "=80", "50=", "50=abc", "50=101", "50=-1", "50=nan"])
def test_a_point_without_an_accuracy_is_refused(text: str) -> None:
    with pytest.raises(InvalidQuestion, match="no network with its accuracy"):
        parse_point(text)


class NoTimeFor:
    """An executor that measures at once, and never one network."""

    def __init__(self, model: str) -> None:
        self.model = model

    def outcomes(self, cells: Iterable[Cell]) -> Iterator[Outcome]:
        for cell in cells:
            if cell.model == self.model:
                yield Outcome(key=cell.key, kind="timeout", reason="no time")
            else:
                run = profile_answer(a_run(network(cell.model), 0.1)).make_document()
                yield Outcome(key=cell.key, kind="done", document=run)


@pytest.fixture
def _two_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two accuracies, of networks that need no Keras."""
    two = tuple(row for row in paper.accuracies("paper") if row.model in ("50@160", "101@160"))
    monkeypatch.setattr(paper, "accuracies", lambda source: two)


@pytest.mark.usefixtures("_two_known")
def test_what_has_no_run_is_measured_and_kept_once(tmp_path: Path) -> None:
    db, settings = tmp_path / "runs.db", Settings(batch=8)
    asked = unmeasured("paper", {"50@160:article": 78.0}, db, settings)
    assert sorted(cell.model for cell in asked) == ["101@160", "50@160", "50@160:article"]

    became = {
        cell.model: outcome.kind for cell, outcome in measured_into(db, asked, NoTimeFor("101@160"))
    }
    assert became == {"101@160": "timeout", "50@160": "done", "50@160:article": "done"}
    left = unmeasured("paper", {"50@160:article": 78.0}, db, settings)
    assert [cell.model for cell in left] == ["101@160"]
    assert len(unmeasured("paper", {}, db, Settings(batch=1))) == 2
    found = weigh(db=db, own={"50@160:article": 78.0})
    assert [point.candidate.name for point in found.points] == ["50@160", "50@160:article"]


@pytest.mark.parametrize("words", [("--x", "flops"), ("latest",)])
def test_nothing_is_measured_that_is_not_looked_at(
    cli: Cli, tmp_path: Path, words: tuple[str, ...]
) -> None:
    outcome = cli("pareto", "--measure", "--db", tmp_path / "runs.db", *words)
    assert outcome.code == 2
    assert "--measure has no use" in outcome.err


@pytest.mark.usefixtures("_two_known")
def test_the_command_shows_the_store_and_names_what_is_missing(cli: Cli, tmp_path: Path) -> None:
    db = tmp_path / "runs.db"
    assert "--record" in cli("pareto", "--db", db).err
    with open_store(db, write=True) as store:
        store.add(profile_answer(a_run(SMALL, 0.1)).make_document())
    outcome = cli("pareto", "--db", db, "--batch", "8", "--notes", "full")
    assert outcome.code == 0
    assert "On the front, most likely: 50@160." in outcome.out
    assert "101@160; --measure does it" in outcome.out
    assert cli("pareto", "--db", db, "--batch", "3").code == 2
    assert json.loads(cli("pareto", "--db", db, "-f", "json").out)["points"][0]["runs"] == 1
