"""Which network to deploy: bounds, the pick, and how sure, from latencies that are given."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import rsinspect
from rsinspect.base.errors import InvalidQuestion
from rsinspect.layers.question import Question
from rsinspect.networks.network import Network, resnet_rs
from rsinspect.networks.spec import ResNetRSSpec
from rsinspect.profiling.record.prediction import PredictedPart, Prediction
from rsinspect.profiling.record.run import ProfileRun, Segment
from rsinspect.profiling.request import ProfileRequest, Settings
from rsinspect.profiling.statistics import Latency
from rsinspect.profiling.survey import Survey
from rsinspect.tradeoffs import choose as choosing
from rsinspect.tradeoffs.choice import Bounds, Choice, bounds_of
from rsinspect.tradeoffs.choice_answer import choice_answer, headline
from rsinspect.tradeoffs.choose import choose, in_order_of_use, verified
from rsinspect.tradeoffs.networks import networks_of
from rsinspect.tradeoffs.pareto import Candidate, candidates
from tests.conftest import Cli
from tests.networks import network_of
from tests.runs import ENVIRONMENT, run_of
from tests.schemas import complaints

RESNET_RS = {"50@160": 78.8, "101@160": 80.3, "101@192": 81.2, "152@192": 82.0, "152@224": 82.8}
"""Accuracy by MODEL text."""
LATENCIES_S = {"50@160": 0.05, "101@160": 0.1, "101@192": 0.14, "152@192": 0.2, "152@224": 0.27}


def latency_run(network: Network, seconds: float) -> ProfileRun:
    """A run of a network, each pass of which took that long."""
    samples = (seconds,) * 8
    whole = Segment(path="stem", level="stage", latency=Latency(samples))
    return run_of([whole], network=network, batch=1, whole=samples)


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only those of ResNet-RS are considered, which nothing has to be built for."""

    def few(source: str, own: Mapping[str, float]) -> tuple[Candidate, ...]:
        return tuple(each for each in candidates(source, own) if each.name in RESNET_RS or own)

    monkeypatch.setattr(choosing, "candidates", few)


def surveyor(
    latencies_s: Mapping[str, float] = LATENCIES_S, half_width: float = 0.05
) -> Callable[..., Survey]:
    """Times networks as they are given; a size that is not is left out."""

    def survey(networks: Sequence[Network], settings: Settings, **_: Any) -> Survey:
        predictions = [_prediction(latencies_s.get(_name(each)), half_width) for each in networks]
        return Survey(
            predictions=tuple(predictions),
            runs=(latency_run(network_of(50, resolution=(160, 160)), 0.05),),
            setup_s=tuple(0.0 if each is None else 4.0 for each in predictions),
            batch=1,
            requested_batch=settings.batch,
            environment=ENVIRONMENT,
            started_at="2026-01-01T00:00:00+00:00",
            wall_s=40.0,
        )

    return survey


def _name(network: Network) -> str:
    return f"{network.name.rpartition('-')[2]}@{(network.resolution or (0, 0))[0]}"


def _prediction(seconds: float | None, half_width: float) -> Prediction | None:
    if seconds is None:
        return None
    return Prediction(
        parts=(PredictedPart(path="stem", repeats=1, latency_s=seconds),),
        end_to_end_s=seconds,
        end_to_end_interval=(seconds / (1 + half_width), seconds * (1 + half_width)),
        rounds=8,
        ready_s=20.0,
        batch=1,
    )


def chosen(
    *, latencies_s: Mapping[str, float] = LATENCIES_S, half_width: float = 0.05, **bounds: Any
) -> Choice:
    return choose(
        bounds_of(**bounds), Settings(batch=1), surveyor=surveyor(latencies_s, half_width)
    )


def picked(**bounds: Any) -> str | None:
    pick = chosen(**bounds).pick
    return None if pick is None else pick.candidate.name


def test_the_most_accurate_within_a_latency_is_picked() -> None:
    assert picked(max_latency="300ms") == "152@224"
    assert picked(max_latency="250ms") == "152@192"
    assert picked(max_latency=0.1) == "101@160"
    assert picked(max_latency="10ms") is None


def test_the_fastest_of_an_accuracy_is_picked() -> None:
    assert picked(min_top1=81) == "101@192"
    assert picked(min_top1=81, max_latency="1s") == "152@224"  # the most accurate that is in time
    slow = LATENCIES_S | {"101@192": 0.3}
    assert picked(min_top1=81, latencies_s=slow) == "152@192"


@pytest.mark.parametrize(
    ("bounds", "pick"),
    [
        ({"max_params": "50M"}, "50@160"),
        ({"max_flops": "10G"}, "101@160"),
        ({"max_memory": "250MB"}, "50@160"),
        ({"max_memory": "250MiB", "max_latency": "120ms"}, "101@160"),
        ({"max_params": "70M", "min_top1": 80}, "101@160"),
    ],
)
def test_what_is_counted_bounds_too(bounds: dict[str, Any], pick: str) -> None:
    assert picked(**bounds) == pick


def test_the_nearest_exceeds_its_worst_bound_least() -> None:
    choice = chosen(max_latency="40ms")
    assert choice.pick is None
    assert choice.nearest.candidate.name == "50@160"
    assert headline(choice).startswith("No network is within 40.0 ms; the nearest is ResNet-RS-50")
    both = chosen(max_latency="60ms", min_top1=82)  # 101@160: 1.7 times as long, 1.1 the errors
    assert both.pick is None
    assert both.nearest.candidate.name == "50@160"


def test_runners_up_have_something_over_the_pick() -> None:
    slow = LATENCIES_S | {"101@192": 0.21}  # less accurate and slower than 152@192
    choice = chosen(max_latency="250ms", latencies_s=slow)
    assert [entry.candidate.name for entry in choice.runners_up] == ["101@160", "50@160"]
    fastest = chosen(min_top1=80)
    assert [entry.candidate.name for entry in fastest.runners_up] == ["101@192", "152@192"]


def test_an_interval_that_holds_the_bound_is_said() -> None:
    choice = chosen(max_latency="200ms")
    assert choice.pick is not None
    assert choice.pick.fit(choice.bounds) == "likely"
    said = " ".join(map(str, choice_answer(choice).table.lead))
    assert "152@192 is likely within it, not surely" in said
    rival = chosen(max_latency="195ms")
    assert rival.pick is not None
    assert rival.pick.candidate.name == "101@192"
    assert [entry.candidate.name for entry in rival.rivals] == ["152@192"]
    said = " ".join(map(str, choice_answer(rival).table.lead))
    assert "152@192 may be within it too" in said
    results = {row["path"]: row["result"] for row in choice_answer(rival).table.rows}
    assert results["152@192"] == "may fit"
    assert results["152@224"] == "too slow"


def test_what_was_not_timed_is_estimated_and_said_to_be() -> None:
    timed = {name: value for name, value in LATENCIES_S.items() if name != "152@224"}
    choice = chosen(max_latency="10s", latencies_s=timed)
    assert choice.pick is not None
    assert (choice.pick.candidate.name, choice.pick.how) == ("152@224", "estimate")
    low, high = choice.pick.latency.interval or (0.0, 0.0)
    assert 0 < low < choice.pick.latency.value < high
    assert choice.pick.extrapolates
    lead = " ".join(map(str, choice_answer(choice).table.lead))
    assert f"beyond what was timed: {choice.pick.extrapolates[0]}" in lead
    notes = " ".join(map(str, choice_answer(choice).table.notes))
    assert "Estimated from the others, as there was no time for their blocks: 152@224" in notes


def test_verifying_measures_picks_until_one_holds() -> None:
    measured_s = {"152@224": 0.4, "152@192": 0.26, "101@192": 0.15}
    asked: list[ProfileRequest] = []

    def profiler(request: ProfileRequest, **_: Any) -> ProfileRun:
        asked.append(request)
        seconds = measured_s[_name(request.network)]
        return latency_run(request.network, seconds)

    found = verified(chosen(max_latency="300ms"), profiler=profiler)
    assert [_name(request.network) for request in asked] == ["152@224", "152@192"]
    assert found.pick is not None
    assert (found.pick.candidate.name, found.pick.how) == ("152@192", "measured")
    assert found.pick.latency.value == pytest.approx(0.26)
    found = verified(chosen(max_latency="250ms"), profiler=profiler)
    assert found.pick is not None
    assert found.pick.candidate.name == "101@192"
    assert not any("verify" in str(note) for note in choice_answer(found).table.lead)


def test_measuring_the_pick_is_said_to_take_longer_for_a_slower_one() -> None:
    choice = chosen(max_latency="300ms")
    times_s = [choice.verification(entry).time_s for entry in choice.entries]
    assert times_s == sorted(times_s, reverse=True)
    assert 10 <= times_s[-1] < times_s[0] < 120


def test_those_that_may_be_chosen_are_timed_first_and_ends_before_middles() -> None:
    names = list(RESNET_RS)
    known = [Candidate(name, "ResNet-RS", RESNET_RS[name]) for name in names]
    networks = networks_of(names)
    order = in_order_of_use(known, networks, Bounds(max_latency_s=0.2), Question())
    assert [names[x] for x in order] == ["50@160", "152@224", "101@192", "101@160", "152@192"]
    order = in_order_of_use(known, networks, Bounds(max_params=70e6), Question())
    assert {names[x] for x in order[:3]} == {"50@160", "101@160", "101@192"}


def test_nothing_asked_and_nonsense_are_refused() -> None:
    for bounds in ({}, {"min_top1": 101}, {"min_top1": 0}, {"max_latency": "0"}):
        with pytest.raises(InvalidQuestion):
            bounds_of(**bounds)


def test_the_document_says_what_the_table_says() -> None:
    choice = chosen(max_latency="195ms")
    document = json.loads(json.dumps(choice_answer(choice).document))
    assert complaints(document) == []
    assert document["schema"] == "rsinspect.choose/1"
    assert document["bounds"] == {"max_latency_s": 0.195}
    assert (document["pick"], document["may_fit"]) == ("101@192", ["152@192"])
    assert document["runners_up"] == ["101@160", "50@160"]
    rows = {row["model"]: row for row in document["rows"]}
    assert rows["50@160"]["latency_s"]["median"] == 0.05
    assert rows["50@160"]["params"] == network_of(50).cost.params
    assert rows["152@224"]["excess"]["max_latency_s"] == pytest.approx(0.27 / 0.195)
    assert {row["fits"] for row in document["rows"]} == {"yes", "unlikely", "no"}


def test_a_table_fits_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    from rsinspect.render.console import table_text

    choice = chosen(max_latency="195ms")
    long = replace(choice.entries[0], candidate=Candidate("EfficientNetB7@600", "x", 84.7))
    text = table_text(choice_answer(replace(choice, entries=(*choice.entries, long))).table, 80)
    assert text.count("Result") == 1  # else it is split in two


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "nothing is asked of the network"),
        (["--max-latency", "soon"], "'soon' is not a length of time"),
        (["--min-top1", "101"], "101 is no accuracy in per cent"),
        (["--max-flops", "5GiB"], "counts bytes"),
        (["--max-latency", "1s", "--family", "vgg"], "unknown family 'vgg'"),
        (["--max-latency", "1s", "--family", "yours"], "no network of yours"),
        (["--max-latency", "1s", "--point", "80"], "'80' is no network with its accuracy"),
        (["--max-latency", "1s", "--point", "a.keras=180"], "no network with its accuracy"),
        (["--max-latency", "1s", "--source", "timn"], "did you mean timm?"),
        (["--max-latency", "1s", "--batch", "0"], "the batch is 0"),
    ],
)
def test_bad_input_is_refused_in_a_line(cli: Cli, arguments: list[str], said: str) -> None:
    outcome = cli("choose", *arguments)
    assert outcome.code == 2
    assert said in outcome.err
    assert outcome.out == ""


def test_the_command_shows_the_pick_and_measures_it_where_asked(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "survey", surveyor())
    monkeypatch.setattr(
        choosing, "profile", lambda request, **_: latency_run(request.network, 0.21)
    )
    outcome = cli("choose", "--max-latency", "250ms")
    assert outcome.code == 0
    assert "Choose ResNet-RS-152 @ 192×192 (82 % top-1, 200 ms [190 to 210 ms]" in outcome.out
    assert "--verify measures it as a whole, in about" in " ".join(outcome.out.split())
    assert re.search(r"152@192 .* pick\n", outcome.out)
    outcome = cli("choose", "--max-latency", "250ms", "--verify", "--notes", "full")
    assert outcome.code == 0
    assert "152 @ 192×192 (82 % top-1, 210 ms" in outcome.out
    assert "Measured as a whole: 152@192." in outcome.out
    assert "measuring ResNet-RS-152" in outcome.err
    outcome = cli("choose", "--max-latency", "10ms")
    assert outcome.code == 1
    assert "No network is within 10.0 ms; the nearest is ResNet-RS-50" in outcome.out
    outcome = cli("choose", "--max-latency", "10ms", "-f", "csv")
    assert outcome.code == 1
    assert outcome.out.startswith("path,top1,latency")
    assert "nothing fits; the nearest is 50@160" in outcome.err


def test_bounds_that_no_network_keeps_to_however_fast_are_told_before_anything_is_timed() -> None:
    def timed(*_: Any, **__: Any) -> Survey:
        raise AssertionError("something was timed")

    for bounds, nearest in (
        ({"min_top1": 99}, "152@224 with 82.8 % top-1"),
        ({"max_latency": "1s", "max_params": "1M"}, "params"),
        ({"max_flops": "1M"}, "FLOPs an image"),
        ({"max_memory": "1MiB"}, "of memory"),
    ):
        with pytest.raises(InvalidQuestion, match="however fast") as refused:
            choose(bounds_of(**bounds), Settings(batch=1), surveyor=timed)
        assert nearest in str(refused.value.hint)


@pytest.mark.keras
@pytest.mark.slow
def test_networks_of_ones_own_are_chosen_from(cli: Cli, tmp_path: Path) -> None:
    models = []
    for blocks in ((1, 2, 1, 1), (1, 1, 1, 1)):
        file = tmp_path / f"net{sum(blocks)}.json"
        resnet_rs(ResNetRSSpec(blocks=blocks, width=0.25, resolution=(32, 32))).save(file)
        models.append(f"{file}={75 + sum(blocks)}")
    points = [word for model in models for word in ("--point", model)]
    outcome = cli(
        "choose", "--max-latency", "1000s", "--family", "yours", *points, "--max-time", "500",
        "-f", "json",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    document = json.loads(outcome.out)
    assert document["pick"] == models[0].partition("=")[0]
    assert {row["latency_from"] for row in document["rows"]} == {"blocks"}
    assert document["timed_networks"] == 2


def test_python_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "survey", surveyor())
    found = rsinspect.choose(max_latency="250ms")
    assert found.pick == "152@192"
    assert found.runners_up == ("101@192", "101@160")
    assert found.nearest == "50@160"
    assert found.conclusion.startswith("Choose ResNet-RS-152 @ 192×192 (82 % top-1, 200 ms")
    assert found.to_json()["pick"] == "152@192"
