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
    assert found == Window(4.0, 0.5, 0.9, 3.5)
    assert between(Usage(0.0, 0.0, 0.0), Usage(1.0, 1.0, 1.5), 2).foreign_s == 0.0
    assert between(Usage(0.0, None, 0.0), Usage(1.0, 1.0, 0.5), 2).foreign_share is None
    assert joined([QUIET, UNKNOWN]).foreign_s is None


RECORDED = {
    "forward": [
        (0.2254, 0.4166), (0.2240, 0.4134), (0.2398, 0.4163), (0.2331, 0.4056), (0.2237, 0.4063),
        (0.2316, 0.4118), (0.3114, 0.5591), (0.2294, 0.4094), (0.3159, 0.5742), (0.3111, 0.5664),
        (0.3163, 0.5724),
    ],
    "train": [
        (0.5332, 0.9627), (0.5685, 1.0432), (0.5143, 0.9609), (0.7206, 1.2783), (0.6517, 1.2028),
        (0.5195, 0.9661), (0.5125, 0.9603), (0.5105, 0.9595),
    ],
}  # fmt: skip
"""Passes of RS-101 (wall, processor time) on a virtual machine of two cores, half a minute; no
other program ran on it."""


@pytest.mark.parametrize("mode", RECORDED)
def test_processors_that_another_machine_slows_down_are_told_by_the_time_they_need(
    mode: str,
) -> None:
    walls, owns = zip(*RECORDED[mode], strict=True)
    windows = [Window(2 * wall, 0.0, None, own) for wall, own in RECORDED[mode]]
    found = gate(windows, range(len(walls)), fewest=3)
    slow = [wall > 1.2 * min(walls) for wall in walls]
    assert any(slow)
    assert [not kept for kept in found.kept] == slow
    assert max(owns) > 1.3 * min(owns)


def test_where_processors_are_always_slow_all_rounds_count() -> None:
    fast, slow = Window(2.0, 0.0, None, 1.0), Window(2.0, 0.0, None, 1.4)
    assert gate([slow] * 9 + [fast], range(10)).verdict == "all"
    assert gate([slow], range(1)).verdict == "all"
    assert gate([slow] * 6 + [fast] * 3, range(9)).verdict == "all", "three would be too few"


def test_the_little_a_pass_needs_beside_another_program_makes_no_quiet_one_slow() -> None:
    """One that waits for a processor does not spin."""
    beside, quiet = Window(2.0, 1.0, None, 0.23), Window(2.0, 0.0, None, 0.305)
    assert gate([beside, quiet] * 20, range(40)).kept == (False, True) * 20


def test_processor_time_of_short_rounds_is_that_of_their_burst() -> None:
    """One of 20 ms scatters by more than that of twenty."""
    one, other = Window(0.04, 0.0, None, 0.01), Window(0.04, 0.0, None, 0.03)
    assert gate([one, other] * 20, [n // 10 for n in range(40)]).verdict == "all"


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
