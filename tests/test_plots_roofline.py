"""The roofline: bubbles where segments are, roofs that can be told apart, names for all."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from rsinspect.base.errors import InvalidMeasurement, UnknownPicture
from rsinspect.plots.bounds import bubbles_of, roofs_apart
from rsinspect.plots.roofline import roofline_figure, roofline_plot
from rsinspect.profiling.record.run import ProfileRun
from tests.plotted import CPU, GPU, a_run, words_of


def test_a_roofline_needs_roofs() -> None:
    with pytest.raises(UnknownPicture, match="the run has no roofs") as refusal:
        roofline_plot(a_run(roofs=None), "svg", "paper")
    assert refusal.value.hint == "measure with roofs=True"


def test_a_roofline_needs_a_segment_to_set_against_them() -> None:
    run = replace(a_run(roofs=None), roofs=CPU)
    with pytest.raises(UnknownPicture, match="no segment to set against"):
        roofline_plot(run, "svg", "paper")


def test_a_point_is_what_was_computed_by_what_moved_and_how_long_it_took() -> None:
    run = a_run(level="stage")
    stem = bubbles_of(run)[0]
    segment = run.segments[0]
    assert segment.bound is not None
    assert stem.intensity == pytest.approx(2 * 9 * 10**8 / (4 * 10**7))
    assert stem.rate == pytest.approx(2 * 9 * 10**8 / segment.latency.median)
    assert stem.attainable == pytest.approx(segment.bound.attainable_flops_per_s)
    assert [bubble.row.name for bubble in bubbles_of(run)] == [
        "stem",
        "c2",
        "c3",
        "c4",
        "c5",
        "head",
    ]


def test_every_point_is_named_and_steps_are_said_to_be_missing() -> None:
    run = a_run(depth=420, mode="train")
    words = words_of(roofline_figure(run, "paper"))
    for bubble in bubbles_of(run):
        assert any(word.startswith(f"{bubble.row.name} ") for word in words)
    assert "Not shown, no arithmetic, traffic or time: loss, optimizer, call." in words


@pytest.mark.slow
def test_names_that_find_no_place_are_counted() -> None:
    run = a_run(depth=420, distinct=True)
    words = words_of(roofline_figure(run, "paper"))
    named = sum(bool(re.fullmatch(r"\S+ <?[\d.]+ %", word)) for word in words)
    missing = len(bubbles_of(run)) - named
    assert missing > 0
    assert f"Without a name for want of room: {missing}." in words


def test_roofs_too_near_each_other_share_a_line_that_tells_both_rates() -> None:
    levels = [(roof.level, roof.bytes_per_s) for roof in CPU.bandwidth]
    assert [roof.names for roof in roofs_apart(levels, 1.1)] == [("L2",), ("L3",), ("DRAM",)]
    assert roofs_apart(levels, 1.1)[1].label("B/s") == "L3 60.0 GB/s"
    near = roofs_apart(levels, 3)
    assert [roof.label("B/s") for roof in near] == ["L2 200 GB/s", "L3, DRAM 23.0 G to 60.0 GB/s"]


def test_all_of_many_roofs_are_named() -> None:
    words = words_of(roofline_figure(a_run(roofs=GPU), "paper"))
    assert not any("want of room" in word for word in words)
    told = " ".join(word for word in words if word.endswith("B/s"))
    assert told.count("TB/s") > 1
    assert "1 MiB" in told
    assert "256 MiB" in told


def test_roofs_and_ridges_are_labelled() -> None:
    words = words_of(roofline_figure(a_run(level="stage"), "paper"))
    assert {"conv 3x3 320 GFLOP/s", "matmul, conv 1x1 250 GFLOP/s"} <= set(words)
    assert {"L2 200 GB/s", "L3 60.0 GB/s", "DRAM 23.0 GB/s"} <= set(words)
    assert {"1.6", "5.33", "13.9"} <= set(words)


def with_bound(run: ProfileRun, **changes: Any) -> ProfileRun:
    """The same run with other bounds of its first segment."""
    stem = run.segments[0]
    assert stem.bound is not None
    stem = replace(stem, bound=replace(stem.bound, **changes))
    return replace(run, segments=(stem, *run.segments[1:]))


@pytest.mark.parametrize("what", ["flops", "bytes", "floor_s"])
def test_a_segment_with_a_number_of_zero_is_said_to_be_missing(what: str) -> None:
    run = with_bound(a_run(level="stage"), **{what: 0})
    words = words_of(roofline_figure(run, "paper"))
    assert "Not shown, no arithmetic, traffic or time: stem, call." in words


@pytest.mark.parametrize(
    ("what", "value"),
    [("flops", 10**99), ("bytes", 10**99), ("seconds", 1e-300), ("seconds", 1e300)],
)  # fmt: skip
def test_a_segment_beyond_the_axes_is_refused(what: str, value: float) -> None:
    run = with_bound(a_run(level="stage"), **{what: value})
    with pytest.raises(InvalidMeasurement, match=r"stem: .* cannot be drawn"):
        roofline_plot(run, "svg", "paper")


def test_a_roof_beyond_the_axes_is_refused() -> None:
    compute = (replace(CPU.compute[0], flops_per_s=1e300),)
    run = a_run(level="stage", roofs=replace(CPU, compute=compute))
    with pytest.raises(InvalidMeasurement, match=r"matmul: 1e\+300 cannot be drawn"):
        roofline_plot(run, "svg", "paper")
