"""Energy: read where the machine tells it without being root, and null with a reason elsewhere."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rsinspect.base.errors import InvalidMeasurement
from rsinspect.profiling import machine
from rsinspect.profiling.energy import ZONES, energy_meter
from rsinspect.profiling.gate import Usage, between
from rsinspect.profiling.notes import notes
from rsinspect.profiling.record import document
from rsinspect.profiling.record.energy import Energy
from rsinspect.profiling.statistics import Sampling
from rsinspect.tradeoffs.axes import AXES
from rsinspect.tradeoffs.measurements import measured
from tests.test_pareto import a_run, network_at


def zone(root: Path, number: str, name: str, joules: float) -> Path:
    folder = root / ZONES / f"intel-rapl:{number}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "name").write_text(f"{name}\n")
    (folder / "max_energy_range_uj").write_text("999999999\n")
    (folder / "energy_uj").write_text(f"{round(joules * 1e6)}\n")
    return folder / "energy_uj"


def test_packages_and_their_memory_add_up_and_counters_may_begin_again(tmp_path: Path) -> None:
    first = zone(tmp_path, "0", "package-0", 990.0)
    zone(tmp_path, "0:0", "core", 500.0)  # is part of the package
    memory = zone(tmp_path, "0:1", "dram", 10.0)
    zone(tmp_path, "1", "psys", 7.0)
    meter, reason = energy_meter("cpu", tmp_path)
    assert meter is not None
    assert reason is None
    assert "package-0, dram" in meter.source
    assert meter.read() == 0
    memory.write_text("12500000\n")
    assert meter.read() == 2.5
    first.write_text("5000000\n")  # from 990 J over 999.999999 to 5
    assert meter.read() == pytest.approx(2.5 + 15.0)


def test_a_machine_without_counters_says_so(tmp_path: Path) -> None:
    assert energy_meter("cpu", tmp_path) == (
        None, f"no counter of RAPL is in /{ZONES}; virtual machines have none"
    )  # fmt: skip


def test_a_counter_for_root_alone_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone(tmp_path, "0", "package-0", 1.0)
    read_text = Path.read_text

    def as_somebody(path: Path, *args: Any, **more: Any) -> str:
        if path.name == "energy_uj":
            raise PermissionError(13, "Permission denied", str(path))
        return read_text(path, *args, **more)

    monkeypatch.setattr(Path, "read_text", as_somebody)
    meter, reason = energy_meter("cpu", tmp_path)
    assert meter is None
    assert reason == f"root alone may read /{ZONES}/intel-rapl:0/energy_uj"


class NVMLError(Exception):
    pass


def nvml(millijoules: dict[int, int]) -> Any:
    """NVIDIA's module, of a machine with these boards."""

    def handle(number: int) -> int:
        if number not in millijoules:
            raise NVMLError("Invalid Argument")
        return number

    return SimpleNamespace(
        NVMLError=NVMLError,
        nvmlInit=lambda: None,
        nvmlDeviceGetHandleByIndex=handle,
        nvmlDeviceGetTotalEnergyConsumption=lambda handle: millijoules[handle],
    )


def test_a_gpu_is_asked_through_nvml(monkeypatch: pytest.MonkeyPatch) -> None:
    boards = {0: 5_000, 1: 7_500}
    monkeypatch.setitem(sys.modules, "pynvml", nvml(boards))
    meter, _ = energy_meter("gpu:1")
    assert meter is not None
    assert meter.read() == 7.5
    boards[1] += 250
    assert meter.read() == 7.75
    assert energy_meter("gpu:2") == (None, "NVML does not tell: Invalid Argument")
    monkeypatch.setitem(sys.modules, "pynvml", None)
    _, reason = energy_meter("gpu")
    assert reason is not None
    assert "not installed" in reason


def test_a_window_has_the_joules_between_its_ends() -> None:
    before, after = Usage(0.0, 1.0, 1.0, None, 100.0), Usage(1.0, 2.0, 2.0, None, 130.0)
    assert between(before, after, 2).energy_j == 30
    assert between(before, replace(after, energy_j=None), 2).energy_j is None


def test_the_probe_reads_the_counter() -> None:
    probe, _ = machine.probe(lambda: 12.0)
    assert probe().energy_j == 12
    assert machine.probe()[0]().energy_j is None


ENERGY = Energy(source="RAPL: package-0, whoever used it", samples_j=(2.0, 4.0) * 6)


def test_a_run_keeps_its_energy_and_says_it() -> None:
    run = replace(a_run(network_at("50@160"), 0.1), energy=ENERGY)
    written = document.to_json(run)
    assert document.from_json(written).energy == ENERGY
    assert written["energy"]["mean_j"] == 3.0
    assert written["energy"]["ci_low"] < 3.0 < written["energy"]["ci_high"]
    assert any(note.startswith("Energy: 3 J a batch (95 % CI 2.") for note in notes(run))
    del written["energy"]
    assert document.from_json(written).energy is None  # as in files of before
    with pytest.raises(InvalidMeasurement, match="one sample of energy per round"):
        replace(run, energy=replace(ENERGY, samples_j=(1.0,)))


def test_the_mean_is_of_the_rounds_that_count_and_its_interval_of_their_bursts() -> None:
    sampling = Sampling((0,) * 6, (0, 0, 1, 1, 2, 2), (True, True, True, True, True, False))
    energy = Energy(source="s", samples_j=(1.0, 3.0, 2.0, 4.0, 5.0, 99.0))
    assert energy.mean_j(sampling) == 3.0
    low, high = energy.interval(sampling) or (0.0, 0.0)
    assert low < 3.0 < high
    assert energy.interval(Sampling((0,) * 6, (0,) * 6, (True,) * 6)) is None


def test_accuracy_can_be_weighed_against_energy() -> None:
    runs = [
        replace(a_run(network_at(name), 0.1), energy=replace(ENERGY, samples_j=(joules,) * 12))
        for name, joules in (("50@160", 2.0), ("101@160", 5.0))
    ]
    found = measured(AXES["energy"], "paper", runs, {}, {})
    assert [point.value for point in found.points] == [2.0, 5.0]
