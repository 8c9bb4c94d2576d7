"""Rows of a plot: a segment each, or identical neighbours together."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from rsinspect.plots.latency import latency_figure
from rsinspect.plots.rows import rows_of
from tests.plotted import a_run, words_of


def test_few_segments_have_a_row_each() -> None:
    run = a_run(depth=50)
    assert [row.name for row in rows_of(run)] == [segment.path for segment in run.segments]


def test_identical_neighbours_share_a_row_where_there_are_many() -> None:
    names = [row.name for row in rows_of(a_run(depth=420))]
    assert names == [
        "stem", "c2/block0", "c2/block1-3", "c3/block0", "c3/block1-43", "c4/block0",
        "c4/block1-86", "c5/block0", "c5/block1-3", "head", "call",
    ]  # fmt: skip


def test_blocks_of_different_counts_are_never_folded() -> None:
    run = a_run(distinct=True)
    assert len(rows_of(run, most=0)) == len(run.segments)


def test_a_folded_row_has_the_mean_of_its_blocks_and_all_of_their_share() -> None:
    run = a_run(depth=420)
    rows = {row.name: row for row in rows_of(run)}
    row = rows["c4/block1-86"]
    medians = [segment.latency.median for segment in row.segments]
    assert row.median == pytest.approx(sum(medians) / 86)
    assert sum(row.share(run.closure.sum_s) for row in rows.values()) == pytest.approx(1)
    words = words_of(latency_figure(run, "paper"))
    assert any(re.fullmatch(r"86 × \d\.\d\d ms", word) for word in words)


def test_the_interval_of_a_folded_row_is_that_of_the_mean() -> None:
    one = rows_of(a_run(depth=420))[1]
    twins = type(one)((one.segments[0], replace(one.segments[0], path="c2/block1")), one.stage)
    assert one.interval is not None
    assert twins.interval is not None
    assert twins.interval == pytest.approx(one.interval)
    assert twins.interval[0] < twins.median < twins.interval[1]


@pytest.mark.parametrize("level", ["stage", "block"])
@pytest.mark.parametrize("most", [0, 100])
def test_rows_follow_from_the_wiring_and_not_from_names(level: str, most: int) -> None:
    run = a_run(depth=420, level=level)
    scrambled = replace(
        run,
        segments=tuple(
            replace(segment, path=f"/{index * 7919 % 1000}/x y{index}")
            for index, segment in enumerate(run.segments)
        ),
    )
    rows, others = rows_of(run, most), rows_of(scrambled, most)
    assert [(row.repeats, row.stage) for row in rows] == [(r.repeats, r.stage) for r in others]


def test_the_stem_the_head_and_the_steps_have_colours_of_their_own() -> None:
    roles = [row.role for row in rows_of(a_run(level="stage", mode="train"))]
    assert roles == ["stem", *["stage"] * 4, "head", *["plain"] * 3]


def test_a_run_without_a_classifier_has_no_head() -> None:
    run = a_run(level="stage")
    run = replace(run, segments=run.segments[:5])
    assert [row.role for row in rows_of(run)] == ["stem", *["stage"] * 4]


def test_segments_that_do_not_fit_the_layout_are_stages_of_their_own() -> None:
    run = a_run(level="stage")
    run = replace(run, segments=run.segments[:2])
    rows = rows_of(run, most=0)
    assert [row.stage.number for row in rows] == [0, 1]
    assert {row.role for row in rows} == {"stage"}
