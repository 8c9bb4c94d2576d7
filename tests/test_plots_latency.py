"""The latency plot says what was measured, segment by segment."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from rsinspect.base.errors import InvalidMeasurement
from rsinspect.plots.latency import latency_figure, latency_plot
from rsinspect.plots.roofline import roofline_figure, roofline_plot
from rsinspect.profiling.notes import closure_line
from rsinspect.profiling.record.run import ProfileRun
from rsinspect.profiling.statistics import Latency
from tests.plotted import a_run, outside, overlaps, words_of


def test_the_header_names_model_conditions_and_the_whole() -> None:
    run = a_run()
    words = words_of(latency_figure(run, "paper"))
    assert words[0] == "ResNet-RS-50 @ 160×160"
    assert words[1] == run.conditions
    assert words[2].startswith("End to end ")
    assert "95 % CI" in words[2]


def test_the_closure_sentence_is_at_the_foot() -> None:
    run = a_run()
    words = words_of(latency_figure(run, "paper"))
    lines = [line for line in reversed(words[3:]) if line in closure_line(run)]
    assert closure_line(run) in " ".join(lines)


def test_segments_stand_in_the_order_of_the_network_with_their_share() -> None:
    run = a_run(level="stage")
    words = words_of(latency_figure(run, "paper"))
    paths = [segment.path for segment in run.segments]
    assert [word for word in words if word in paths] == paths
    shares = [word for word in words if re.fullmatch(r"<?\d+\.\d %", word)]
    assert len(shares) == len(paths)


def test_forward_and_backward_are_stacked_in_their_proportion() -> None:
    from matplotlib.patches import Rectangle

    figure = latency_figure(a_run(level="stage", mode="train"), "paper")
    assert {"forward", "backward"} <= set(words_of(figure))
    drawn = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    bars = [(bar.get_x(), bar.get_width()) for bar in drawn if bar.get_height() == 14]
    (_, back), (start, ahead) = bars[:2]
    assert bars[0][0] == pytest.approx(start + ahead)
    assert ahead / (ahead + back) == pytest.approx(0.25)
    assert "backward" not in words_of(latency_figure(a_run(), "paper"))


def test_the_floor_is_explained_only_where_it_is_known() -> None:
    key = "least time the roofs allow"
    assert key in words_of(latency_figure(a_run(), "paper"))
    assert key not in words_of(latency_figure(a_run(roofs=None), "paper"))


def test_rounds_that_are_left_out_for_brevity_are_owned_up_to() -> None:
    assert "a round" in words_of(latency_figure(a_run(), "paper"))
    many = latency_figure(a_run(depth=50, rounds=600), "paper")
    assert "one round in 3" in words_of(many)


def test_a_run_of_few_rounds_has_no_interval_and_says_so() -> None:
    run = a_run(level="stage", rounds=4)
    assert words_of(latency_figure(run, "paper")).count("too few") == len(run.segments)


@pytest.mark.parametrize(
    ("scale", "unit"), [(1e-4, "µs for a batch of 8"), (1, "ms for a batch of 8"),
                        (1e3, "s for a batch of 8")],
)  # fmt: skip
def test_the_axis_has_the_unit_that_suits(scale: float, unit: str) -> None:
    run = a_run(level="stage", roofs=None)
    segments = tuple(
        replace(s, latency=Latency(tuple(scale * x for x in s.latency.samples), s.latency.sampling))
        for s in run.segments
    )
    run = replace(run, segments=segments)
    assert unit in words_of(latency_figure(run, "paper"))


def timed(run: ProfileRun, factor: float) -> ProfileRun:
    """The same run with all times of the network multiplied."""

    def scaled(latency: Latency) -> Latency:
        return Latency(tuple(factor * sample for sample in latency.samples), latency.sampling)

    segments = tuple(replace(each, latency=scaled(each.latency)) for each in run.segments)
    whole = scaled(run.end_to_end.latency)
    return replace(run, segments=segments, end_to_end=replace(run.end_to_end, latency=whole))


@pytest.mark.parametrize("draw", [latency_plot, roofline_plot])
@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (0.0, "the whole network took no time"),
        (5e-300, "the whole network took no time"),
    ],
)
def test_times_that_no_axis_shows_are_refused(draw: Any, factor: float, words: str) -> None:
    with pytest.raises(InvalidMeasurement, match=re.escape(words)):
        draw(timed(a_run(level="stage"), factor), "svg", "paper")


@pytest.mark.parametrize("draw", [latency_figure, roofline_figure])
@pytest.mark.parametrize("factor", [1e-6, 1e8])
def test_very_short_and_very_long_times_are_drawn(draw: Any, factor: float) -> None:
    figure = draw(timed(a_run(level="stage"), factor), "paper")
    assert overlaps(figure) == []
    assert outside(figure) == []


def test_a_segment_that_took_no_time_has_a_row_like_any_other() -> None:
    run = a_run(level="stage")
    nothing = Latency((0.0,) * run.rounds.count, run.rounds.sampling)
    segments = (replace(run.segments[0], latency=nothing), *run.segments[1:])
    run = replace(run, segments=segments)
    words = words_of(latency_figure(run, "paper"))
    assert words.count("0.0 %") == 1
    assert "0 s" in words


def test_a_very_long_name_of_a_backend_is_cut() -> None:
    figure = latency_figure(replace(a_run(level="stage"), backend="x" * 3_000), "paper")
    assert any(word.startswith("xxx") and word.endswith("…") for word in words_of(figure))
    assert outside(figure) == []
