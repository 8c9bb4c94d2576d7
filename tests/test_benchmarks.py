"""What a table of ratios is made of, from samples that were recorded: nothing here is timed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parent.parent / "benchmarks"))

import comparisons
import covered
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


def pair_of(seed: int, slowdown: float = 1.05) -> comparisons.Pair:
    """Samples of two copies that are alike, and of the second made slower."""
    numbers = np.random.default_rng(seed)

    def sampled(factor: float) -> dict[str, object]:
        a, b = (numbers.normal(0.004, 0.0002, 60) for _ in range(2))
        return {"a_s": [*a], "b_s": [*(factor * b)], "burst": [*range(60)], "foreign": 0.1}

    return {"process": seed // 5, "load": 1.0, "same": sampled(1.0), "slower": sampled(slowdown)}


def test_a_report_counts_alarms_what_was_found_and_what_was_covered() -> None:
    pytest.importorskip("scipy")
    found = comparisons.report([pair_of(seed, slowdown=1.2) for seed in range(10)])
    assert found["pairs"] == 10
    assert found["processes"] == 2
    assert found["tests"]["rsinspect"]["found"] == 10
    assert found["tests"]["rsinspect"]["false_alarms"] <= 2
    assert found["covered"]["same"] >= 8
    assert found["covered"]["slower"] == 0  # it is 20 %, not 5 %
    assert "10 of 10" in comparisons.sentence(found)


def test_lines_that_ran_are_added_up_by_room() -> None:
    def file(lines: int, unrun: int, branches: int, untaken: int) -> dict[str, object]:
        counts = (lines, unrun, branches, untaken)
        return {"summary": dict(zip(covered.COUNTS, counts, strict=True))}

    files = {
        "rsinspect/render/data.py": file(10, 1, 4, 1),
        "rsinspect/render/html.py": file(30, 0, 0, 0),
        "rsinspect/render/new/a.py": file(10, 9, 4, 3),
        "rsinspect/__init__.py": file(5, 0, 0, 0),
    }
    assert list(covered.table(covered.by_room(files)))[2:] == [
        "| beside them | 5 | 100.0 % | 0 | – |",
        "| render/ | 50 | 80.0 % | 8 | 50.0 % |",
        "| **all** | 55 | 81.8 % | 8 | 50.0 % |",
    ]


SOME = """
import json, sys
from pathlib import Path
folder, seed, _, pairs = sys.argv[1:]
for number in range(int(pairs)):
    with (Path(folder) / f"{int(seed):04d}.jsonl").open("a") as lines:
        lines.write(json.dumps({"process": int(seed)}) + "\\n")
    print(number, flush=True)
    if int(seed) == FAILS:
        with (Path(folder) / f"{int(seed):04d}.jsonl").open("a") as lines:
            lines.write('{"process": ')
        sys.exit("no more")
"""


def test_recording_goes_on_where_a_process_failed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "pairs"

    def some(fails: int) -> list[str]:
        return [sys.executable, "-c", SOME.replace("FAILS", str(fails))]

    with pytest.raises(SystemExit, match="no more"):
        comparisons.record(folder, 12, some(fails=1))
    assert len(comparisons.load(folder)) == 6
    assert "6 of 12 pairs; " in capsys.readouterr().err
    comparisons.record(folder, 12, some(fails=-1))
    assert [pair["process"] for pair in comparisons.load(folder)] == [0] * 5 + [1] + [2] * 5 + [3]


def test_what_was_recorded_before_an_interrupt_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "0000.jsonl").write_text('{"process": 0}\n')

    def interrupted(command: object) -> list[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr(comparisons, "_lines", interrupted)
    with pytest.raises(SystemExit, match="1 of 5 pairs are kept; the same command goes on"):
        comparisons.record(tmp_path, 5)
