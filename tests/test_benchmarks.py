"""What a table of ratios is made of, from samples that were recorded: nothing here is timed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parent.parent / "benchmarks"))

import paired
import speed
from rivals import Pass, path_of

from rsinspect.networks.named import network
from rsinspect.profiling.statistics import Latency


def printed(capsys: pytest.CaptureFixture[str]) -> list[paired.Row]:
    """Rows that were handed to the parent process."""
    lines = capsys.readouterr().out.splitlines()
    return [paired.Row(**json.loads(line.removeprefix(paired.ROW))) for line in lines]


def test_a_speed_is_the_rivals_time_over_ours_with_an_interval() -> None:
    ours = Latency.of(0.1 + 0.001 * (each % 3) for each in range(9))
    rival = Latency.of(0.2 + 0.001 * (each % 2) for each in range(9))
    row = paired.Row.of("a", "ours", "theirs", ours, rival, 2e-7)
    assert row.speed == pytest.approx(rival.median / ours.median)
    assert row.speed is not None
    assert row.interval is not None
    low, high = row.interval
    assert low <= row.speed <= high
    within = f"{low:.2f} .. {high:.2f}"
    assert row.cells()[3:] == ("101 ms", "200 ms", "**1.98**", within, "differ by 2e-07")


def test_few_pairs_have_no_interval_and_a_row_without_times_says_why() -> None:
    few = paired.Row.of("a", "ours", "theirs", Latency.of([1.0] * 3), Latency.of([30.0] * 3))
    assert few.interval is None
    assert few.cells()[3:] == ("1 s", "30 s", "**30**", "", "")
    assert paired.Row("a", "", "timm", remark="not installed").cells()[-1] == "not installed"


def test_each_side_has_as_many_turns_and_what_both_return_is_compared(
    capsys: pytest.CaptureFixture[str],
) -> None:
    calls: list[str] = []

    def side(name: str, value: float) -> Pass:
        def call() -> np.ndarray:
            calls.append(name)
            return np.array([value, -2.0])

        return call

    paired.contest("a", {"ours": side("ours", 1.0)}, {"theirs": side("theirs", 1.1)}, rounds=4)
    (row,) = printed(capsys)
    assert {name: calls.count(name) for name in ("ours", "theirs")} == {"ours": 6, "theirs": 6}
    assert row.rounds == 4
    assert row.outputs == pytest.approx(0.05)


def test_a_row_without_its_rival_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(speed, "installed", lambda package: package != "timm")
    speed.run("torch-50-forward", rounds=1)
    assert [row.remark for row in printed(capsys)] == ["timm is not installed"]


def test_every_row_has_its_function_and_what_time_does_not_allow_is_said() -> None:
    assert {function for function, _ in speed.MAKERS.values()} <= set(vars(speed))
    (row,) = speed.rows(["build"], 1, sys.executable, max_time_s=0.0)
    assert row.remark == "not run: the time was up"


def test_modules_of_timm_have_their_places_in_the_network() -> None:
    paths = {layer.path for layer in network("101").graph}
    modules = [
        *("conv1.0", "conv1.1", "conv1.3", "conv1.4", "conv1.6", "bn1", "maxpool.0", "maxpool.1"),
        *(
            f"layer{stage}.0.{name}"
            for stage in (1, 2, 3, 4)
            for name in ("conv1", "bn3", "se.fc1")
        ),
        *("layer1.0.downsample.2", "layer3.0.downsample.1", "layer3.22.se.fc2", "fc"),
    ]
    assert {path_of(module) for module in modules} <= paths
    assert len({path_of(module) for module in modules}) == len(modules)
