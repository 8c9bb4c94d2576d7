"""Rounds in which others used the machine do not count, and the record says on what grounds."""

import random
from pathlib import Path
from statistics import median

import pytest

from rsinspect.profiling import machine
from rsinspect.profiling.gate import FEWEST_KEPT, Usage, Window, between, gate, joined

QUIET, BUSY, UNKNOWN = Window(2.0, 0.01), Window(2.0, 0.5), Window(2.0, None)


def test_quiet_rounds_all_count() -> None:
    found = gate([QUIET] * 10, range(10))
    assert (found.kept, found.verdict) == ((True,) * 10, "all")
    assert found.foreign_share == (0.005,) * 10


def test_busy_rounds_do_not_count() -> None:
    found = gate([QUIET, BUSY] * 10, range(20))
    assert (found.kept, found.verdict) == ((True, False) * 10, "gated")


def test_where_nothing_passes_the_quietest_rounds_have_to_do() -> None:
    windows = [Window(2.0, 0.1 + number / 100) for number in range(20)]
    found = gate(windows, range(20))
    assert found.verdict == "quietest"
    assert found.kept == (True,) * FEWEST_KEPT + (False,) * (20 - FEWEST_KEPT)


def test_few_rounds_are_all_kept_only_if_they_pass() -> None:
    assert gate([QUIET] * 3, range(3)).verdict == "all"
    found = gate([QUIET, QUIET, BUSY], range(3))
    assert (found.verdict, found.kept) == ("quietest", (True, True, True))


def test_a_system_that_does_not_tell_is_believed_and_said_not_to_tell() -> None:
    found = gate([UNKNOWN] * 10, range(10))
    assert (found.kept, found.verdict) == ((True,) * 10, "unknown")


def test_a_round_too_short_for_the_tick_is_judged_with_its_burst() -> None:
    """One tick of 10 ms is a quarter of a round of 20 ms on two processors, and nothing at all."""
    tick, none = Window(0.04, 0.01), Window(0.04, 0.0)
    found = gate([tick, *[none] * 19] * 10, [n // 20 for n in range(200)])
    assert found.verdict == "all"
    assert found.foreign_share == pytest.approx([0.0125] * 200)
    busy = gate([tick, none] * 100, [n // 20 for n in range(200)])
    assert busy.verdict == "quietest"


def test_a_low_clock_does_not_count() -> None:
    low = Window(2.0, 0.0, clock_share=0.6)
    full = Window(2.0, 0.0, clock_share=0.98)
    assert gate([low, *[full] * 9], range(10)).kept == (False, *[True] * 9)


def test_differences_of_readings() -> None:
    found = between(Usage(10.0, 100.0, 5.0, 0.5), Usage(12.0, 104.0, 8.5, 0.9), 2)
    assert found == Window(4.0, 0.5, 0.9)
    assert between(Usage(0.0, 0.0, 0.0), Usage(1.0, 1.0, 1.5), 2).foreign_s == 0.0
    assert between(Usage(0.0, None, 0.0), Usage(1.0, 1.0, 0.5), 2).foreign_share is None
    assert joined([QUIET, UNKNOWN]).foreign_s is None


def test_a_bursty_neighbour_does_not_move_the_median() -> None:
    """It takes 20 % of the machine and makes the samples it falls on a third slower."""
    rng = random.Random(0)
    samples, windows = [], []
    for number in range(80):
        busy = number % 5 in (0, 1, 2)
        share = rng.uniform(0.2, 0.45) if busy else rng.uniform(0.0, 0.02)
        samples.append((0.2 + rng.gauss(0, 0.002)) / (1 - share))
        windows.append(Window(0.8, 0.8 * share))
    kept = gate(windows, range(80)).kept
    gated = median(s for s, ok in zip(samples, kept, strict=True) if ok)
    assert abs(gated / 0.2 - 1) < 0.02
    assert median(samples) / 0.2 - 1 > 0.1, "this test could not fail"


def test_what_the_processors_did_is_read_per_processor(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/stat").write_text(
        "cpu  99 99 99 99 99 99 99 99 0 0\n"
        "cpu0 10 1 2 500 30 3 4 5 0 0\n"
        "cpu1 20 0 0 500 30 0 0 0 0 0\n"
        "intr 12\n"
    )
    ticks = machine.CLOCK_TICKS_PER_S
    assert machine.busy_s({0}, tmp_path) == 25 / ticks
    assert machine.busy_s(None, tmp_path) == 45 / ticks
    assert machine.busy_s({7}, tmp_path) is None
    assert machine.busy_s(None, tmp_path / "none") is None


def test_the_clock_is_a_share_of_the_highest(tmp_path: Path) -> None:
    folder = tmp_path / "sys/devices/system/cpu/cpu0/cpufreq"
    folder.mkdir(parents=True)
    (folder / "scaling_cur_freq").write_text("1500000\n")
    assert machine.clock_share(tmp_path) is None
    (folder / "cpuinfo_max_freq").write_text("3000000\n")
    assert machine.clock_share(tmp_path) == 0.5


def test_this_machine_can_be_read() -> None:
    first = machine.usage(machine.processors_allowed())
    second = machine.usage(machine.processors_allowed())
    assert second.wall_s >= first.wall_s
    assert second.own_s >= first.own_s
