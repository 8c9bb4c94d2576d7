"""The design space: every point equals the graph built for it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsinspect import paper
from rsinspect.base.errors import InvalidSpec
from rsinspect.design_space.advice import advice_answer
from rsinspect.design_space.answer import scale_chart
from rsinspect.design_space.axes import (
    PRESETS,
    Layout,
    grown_layout,
    parse_axis,
    preset_axes,
)
from rsinspect.design_space.objectives import DEFAULT_OBJECTIVES, front, parse_objectives
from rsinspect.design_space.points import COLUMNS, Points, chunks
from rsinspect.design_space.search import MOST_SAMPLED, Bounds, Found, Search
from rsinspect.design_space.space import Space
from rsinspect.layers.cost import CONVENTIONS, layers_cost
from rsinspect.layers.liveness import peak_activation
from rsinspect.layers.question import Question
from rsinspect.networks.dialects import DIALECTS
from rsinspect.networks.resnet_rs import build_graph
from tests.conftest import Cli

DEFAULT = parse_objectives(DEFAULT_OBJECTIVES)


def of_graph(space: Space, point: int, convention: str, batch: int = 1) -> dict[str, int]:
    graph = build_graph(space.spec(point))
    cost = layers_cost(graph, graph)
    return {
        "params": cost.params,
        "trainable_params": cost.trainable_params,
        "macs": cost.macs,
        "flops": cost.flops(convention),
        "activation_bytes": cost.activation_bytes(batch=batch),
        "peak_activation_bytes": peak_activation(graph).bytes(batch=batch),
    }


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(
    layouts=st.integers(1, 6).flatmap(
        lambda n: st.lists(
            st.tuples(*[st.integers(1, 5)] * n), min_size=1, max_size=3, unique=True
        )
    ),
    widths=st.lists(st.sampled_from([0.25, 0.5, 1.0, 1.1, 1.5, 2.0]), min_size=1, max_size=2,
                    unique=True),
    resolutions=st.lists(st.integers(32, 400), min_size=1, max_size=3, unique=True),
    dialect=st.sampled_from(list(DIALECTS)),
    convention=st.sampled_from(list(CONVENTIONS)),
    batch=st.sampled_from([1, 3, 128]),
)  # fmt: skip
def test_every_point_costs_what_the_graph_built_for_it_costs(
    layouts: list[tuple[int, ...]], widths: list[float], resolutions: list[int], dialect: str,
    convention: str, batch: int,
) -> None:  # fmt: skip
    space = Space(
        layouts=tuple(Layout(None, blocks) for blocks in layouts),
        widths=tuple(widths),
        resolutions=tuple(resolutions),
        dialect=dialect,
    )
    points = 0
    for part in chunks(space, Question(convention, batch), chunk=4):
        for row, point in enumerate(part.index.tolist()):
            expected = of_graph(space, point, convention, batch)
            assert {name: int(part.costs[name][row]) for name in COLUMNS} == expected
            points += 1
    assert points == space.size == len(layouts) * len(widths) * len(resolutions)


def test_eight_stages_and_large_images_are_exact_too() -> None:
    space = Space(
        layouts=(Layout(None, (1, 2) * 4),), widths=(0.25,), resolutions=(511, 1024, 2048)
    )
    (part,) = chunks(space)
    for row in range(3):
        found = {name: int(part.costs[name][row]) for name in COLUMNS}
        assert found == of_graph(space, row, "paper")


def test_the_published_networks_cost_what_table_7_prints() -> None:
    space = Space.of({})
    (part,) = chunks(space)
    flops = {
        (space.point(i)[0].depth, space.point(i)[2]): value
        for i, value in zip(part.index.tolist(), part.costs["flops"].tolist(), strict=True)
    }
    for row in paper.table7():
        digits = 1 if row.flops_B < 10 else 0
        assert round(flops[row.depth, row.resolution] / 1e9, digits) == row.flops_B


def found_by(space: Space, *, chunk: int = 1_000_000, **options: Any) -> Found:
    return Search(space=space, **options).run(chunk=chunk)


GRID = Space.of(
    {"c3": (1, 3, 9), "c4": (1, 7, 20), "width": (0.5, 1.0, 2.0), "resolution": (64, 96, 225)}
)


def value_of(points: Points, name: str, i: int) -> float:
    layout, width, side = points.space.point(int(points.index[i]))
    axes = {"blocks": sum(layout.blocks), "width": width, "resolution": side}
    return axes[name] if name in axes else int(points.costs[name][i])


@pytest.mark.parametrize(
    "objectives",
    [
        DEFAULT_OBJECTIVES,
        "min:params,min:peak_activation_bytes",
        "max:macs,max:params",
        "min:macs,max:activation_bytes",
        "max:resolution,min:flops",
        "max:width,max:blocks",
        "min:width,max:params",
        "max:params,min:flops,max:resolution",
        "max:resolution,max:params,min:peak_activation_bytes",
        "min:macs,min:params,max:activation_bytes",
        "max:width,max:blocks,min:resolution",
    ],
)
@pytest.mark.parametrize("chunk", [7, 1000])
def test_the_front_is_that_of_brute_force(objectives: str, chunk: int) -> None:
    chosen = parse_objectives(objectives)
    found = found_by(GRID, objectives=chosen, chunk=chunk)
    values = [
        tuple(value_of(found.points, o.column, i) * (1 if o.largest else -1) for o in chosen)
        for i in range(GRID.size)
    ]
    for mine, on_front in zip(values, found.pareto.tolist(), strict=True):
        beaten = any(
            all(a >= b for a, b in zip(other, mine, strict=True)) and other != mine
            for other in values
        )
        assert on_front == (not beaten)
    assert len(found.front) == sum(found.pareto.tolist())


def test_equal_points_are_on_the_front_together() -> None:
    (part,) = chunks(Space(layouts=(Layout(None, (1, 1)), Layout(None, (1, 1)))))
    assert front(part, DEFAULT).tolist() == [True, True]


def test_bounds_hold_and_chunks_do_not_matter() -> None:
    bounds = Bounds({"params": 10e6}, {"flops": 5e9, "peak_activation_bytes": 4 * 2**20})
    one = found_by(GRID, bounds=bounds, chunk=5, sort="-params")
    other = found_by(GRID, bounds=bounds, sort="-params")
    assert one.points.index.tolist() == other.points.index.tolist()
    assert 0 < one.feasible < GRID.size
    costs = one.points.costs
    assert (costs["params"] >= 10e6).all()
    assert (costs["flops"] <= 5e9).all()
    assert (costs["peak_activation_bytes"] <= 4 * 2**20).all()
    assert (np.diff(costs["params"]) <= 0).all()


def test_top_and_front_keep_what_sorting_everything_would() -> None:
    everything = found_by(GRID, sort="macs")
    top = found_by(GRID, sort="macs", limit=9, chunk=4)
    assert top.points.index.tolist() == everything.points.index[:9].tolist()
    ends = found_by(GRID, sort="macs", only_front=True, chunk=4)
    assert ends.points.index.tolist() == everything.points.index[everything.pareto].tolist()


def test_axes_sort_too_and_every_size_of_the_space_has_points_in_the_sample() -> None:
    found = found_by(GRID, sort="-width", limit=1)
    assert [found.points.space.point(i)[1] for i in found.points.index.tolist()] == [2.0]
    assert len(found.front) > 1
    assert len(found.sample) == GRID.size
    large = Space.of({"c3": tuple(range(1, 51)), "c4": tuple(range(1, 51)), "width": (0.5, 1.0),
                      "resolution": (64, 96, 128, 160)})  # fmt: skip
    some = found_by(large, only_front=True, chunk=3000).sample
    assert 0.95 * MOST_SAMPLED < len(some) < 1.05 * MOST_SAMPLED
    for name in ("width", "resolution"):
        _, counts = np.unique(some.quantity(name), return_counts=True)
        assert counts.min() > 0.9 * len(some) / len(counts)


def test_the_layout_rule_is_near_the_published_layouts() -> None:
    assert grown_layout(350) == paper.variants()[350].blocks
    assert grown_layout(420) == paper.variants()[420].blocks
    for depth in (270, 300):
        pairs = zip(grown_layout(depth), paper.variants()[depth].blocks, strict=True)
        assert max(abs(a - b) for a, b in pairs) <= 7
    with pytest.raises(InvalidSpec, match="above 200"):
        grown_layout(200)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_the_papers_grid_without_depth_26(name: str, cli: Cli) -> None:
    axes = preset_axes(name)
    assert 26 not in axes["depth"]
    outcome = cli("scale", "--preset", name, "--format", "json")
    rows = json.loads(outcome.out)["rows"]
    assert len(rows) == {"figure2": 6 * 5 * 5, "figure3": 4 * 3 * 4}[name]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("depth=50,101", (50, 101)),
        ("width=0.5:2:0.5", (0.5, 1.0, 1.5, 2.0)),
        ("width=0.1:0.3:0.1", (0.1, 0.2, 0.3)),
        ("resolution=128:160:16", (128, 144, 160)),
        ("c3=4:6", (4, 5, 6)),
        ("c3=4:6,6,9", (4, 5, 6, 9)),
        ("blocks=1,2;3,4", ((1, 2), (3, 4))),
    ],
)
def test_an_axis_is_read(text: str, values: tuple[Any, ...]) -> None:
    assert parse_axis(text) == (text.partition("=")[0], values)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-a", "depth"), "not an axis"),
        (("-a", "depth="), "not an axis"),
        (("-a", "deep=50"), "did you mean depth"),
        (("-a", "width=1:2"), "no step"),
        (("-a", "width=2:1:0.5"), "empty range"),
        (("-a", "resolution=1.5"), "whole numbers"),
        (("-a", "resolution=16"), "from 32 to 16 384 pixels"),
        (("-a", "resolution=32:16384", "-a", "c3=1:90", "-a", "c4=1:90"), "use larger steps"),
        (("-a", "width=0.01"), "zero channels"),
        (("-a", "depth=500"), "--layout-rule"),
        (("-a", "depth=150", "--layout-rule"), "above 200"),
        (("-a", "depth=50", "-a", "c3=1:3"), "use one of them"),
        (("-a", "blocks=1,2;1,2,3"), "different numbers of stages"),
        (("--preset", "figure4"), "did you mean figure"),
        (("--objective", "max:params"), "not two or three objectives"),
        (("--objective", "max:params,min:flops,min:params"), "not two or three objectives"),
        (("--objective", "max:params,min:flops,min:macs,max:width"), "two or three"),
        (("--objective", "best:params,min:flops"), "not an objective"),
        (("--objective", "max:accuracy,min:flops"), "unknown quantity"),
        (("--sort", "latency"), "unknown quantity"),
        (("--max-flops", "10X"), "not a quantity"),
        (("--max-flops", "-1"), "not a quantity"),
        (("--batch", "0"), "from 1 to"),
        (("--batch", str(10**14)), "from 1 to"),
        (("-a", "width=32", "-a", "resolution=16384", "--batch", str(10**9)), "2^63"),
        (("--limit", "0"), "from 1 to"),
        (("--convention", "macs"), "unknown convention"),
        (("--dtype", "float8"), "unknown dtype"),
        (("--dialect", "kers"), "did you mean keras"),
        (("--format", "parquet"), "-o NAME.parquet"),
        (("--format", "xml"), "unknown format"),
        (("--plot", "x.gif"), "gif"),
        (("--advise", "--epochs", "0"), "epochs"),
    ],
)  # fmt: skip
def test_bad_input_gets_one_clear_line(
    arguments: tuple[str, ...], words: str, cli: Cli, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    outcome = cli("scale", *arguments)
    assert outcome.code == 2, outcome.err
    assert words in outcome.err
    assert len(outcome.err.splitlines()) <= 2
    assert not outcome.out
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("limits", "hint"),
    [
        (("--max-flops", "10"), "the least FLOPs of a point: 4.56 G; the limit is 10"),
        (("--max-peak-activation", "1KiB"), "peak activation bytes of a point: 3.52 MiB"),
        (("--min-params", "1G", "--max-params", "1M"), "the most params of a point: 192 M"),
        (("--max-flops", "5G", "--min-params", "150M"), "not all at once"),
    ],
)
def test_limits_that_no_point_keeps_are_refused_with_the_nearest(
    limits: tuple[str, ...], hint: str, cli: Cli
) -> None:
    for format in ("table", "json", "csv"):
        outcome = cli("scale", *limits, "-f", format)
        assert (outcome.code, outcome.out) == (2, "")
        assert "no point fits: none of 35 is within the limits" in outcome.err
        assert hint in outcome.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-a", "width=0.5:30:0.001"), "29 501 widths; at most 200"),
        (("-a", "c2=1:100", "-a", "c3=1:100", "-a", "c4=1:100", "-a", "c5=1:100"), "000 000 lay"),
        (("-a", "resolution=32:16384", "-a", "width=1,2"), "32 706 pairs of width and resolution"),
        (("-a", "c2=1:90", "-a", "c3=1:90", "-a", "c4=1:90", "-a", "resolution=32:64"), "points;"),
    ],
)  # fmt: skip
def test_a_space_that_would_take_minutes_or_gigabytes_is_refused_at_once(
    arguments: tuple[str, ...], words: str, cli: Cli
) -> None:
    outcome = cli("scale", *arguments)
    assert outcome.code == 2
    assert words in outcome.err


def test_more_rows_than_memory_is_wanted_for_are_not_written(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rsinspect.design_space.answer.MOST_WRITTEN", 30)
    for format in ("json", "yaml", "csv"):
        outcome = cli("scale", "-f", format)
        assert (outcome.code, outcome.out) == (2, "")
        assert "35 points would be written; at most 30 are" in outcome.err
        assert "--limit 30, --pareto or limits" in outcome.err
        assert cli("scale", "-f", format, "--limit", 30).code == 0


def test_the_document_has_its_keys_and_says_what_was_asked(cli: Cli) -> None:
    found = json.loads(cli("scale", "-a", "depth=50,101", "--max-flops", "20G", "-f", "json").out)
    assert found["schema"] == "rsinspect.scale/1"
    assert set(found["rows"][0]) >= {
        "depth", "blocks", "width", "resolution", "params", "macs", "flops", "activation_bytes",
        "peak_activation_bytes", "pareto",
    }  # fmt: skip
    assert found["constraints"] == {"max_flops": 20e9}
    assert found["axes"]["depth"] == [50, 101]
    assert found["rows"][0]["blocks"] == [3, 4, 6, 3]


def test_csv_has_every_point_and_parquet_the_same(cli: Cli, tmp_path: Path) -> None:
    arguments = ("scale", "-a", "c4=1:50", "-a", "width=0.5,1")
    rows = list(csv.DictReader(io.StringIO(cli(*arguments, "-f", "csv").out)))
    assert len(rows) == 100
    assert rows[0]["blocks"] == "3,4,1,3"
    parquet = pytest.importorskip("pyarrow.parquet")
    made = tmp_path / "points.parquet"
    assert cli(*arguments, "-o", made).code == 0
    table = parquet.read_table(made).to_pylist()
    assert [row["macs"] for row in table] == [int(row["macs"]) for row in rows]
    assert table[0]["blocks"] == [3, 4, 1, 3]


def test_a_long_table_shows_its_beginning_and_says_so(cli: Cli) -> None:
    outcome = cli("scale", "-a", "c4=1:80")
    assert "The first 40 are shown" in outcome.out
    assert max(map(len, outcome.out.splitlines())) <= 80
    assert "The first" not in cli("scale", "-a", "c4=1:80", "--limit", "60").out


def test_a_plot_has_the_front(cli: Cli, tmp_path: Path) -> None:
    made = tmp_path / "front.svg"
    assert cli("scale", "-a", "width=0.5:2:0.25", "-a", "depth=50,101", "--plot", made).code == 0
    text = made.read_text(encoding="utf-8")
    assert "Design space of ResNet-RS" in text
    assert "101 ×2 @224" in text
    again = tmp_path / "again.svg"
    line = ("scale", "-a", "width=0.5:2:0.25", "-a", "depth=50,101", "--pareto", "--limit", "1")
    assert cli(*line, "--plot", again).code == 0
    assert again.read_text(encoding="utf-8") == text  # rows left out of the table stay in the plot


def test_a_third_objective_of_few_values_gives_a_line_for_each() -> None:
    for text, names in (
        ("max:params,min:flops", ["Pareto front"]),
        ("max:params,min:flops,max:width", [f"Pareto front, width {w}" for w in ("2", "1", "0.5")]),
        ("max:params,min:flops,min:macs", ["Pareto front, min:macs too"]),
    ):
        chosen = parse_objectives(text)
        found = found_by(GRID, objectives=chosen)
        chart = scale_chart(found)
        fronts = [series for series in chart.facets[0].series if not series.faint]
        assert [series.name for series in fronts] == names
        assert sum(len(series.points) for series in fronts) == len(found.front)


@pytest.mark.parametrize(
    ("epochs", "strategy"),
    [(350, "scale depth"), (400, "scale depth"), (10, "scale width"), (5, "scale width"),
     (100, "depends on the resolution"), (50, "not studied"), (200, "not studied")],
)  # fmt: skip
def test_advice_is_the_papers_and_says_where_it_did_not_measure(epochs: int, strategy: str) -> None:
    found = advice_answer(epochs).document
    assert found["strategy"] == strategy
    if epochs not in (10, 100, 350):
        assert str(epochs) in found["why"] or "nothing between" in found["why"]
    assert any("no accuracy is predicted" in note for note in found["notes"])


def test_the_points_that_advice_quotes_bear_it_out() -> None:
    assert all(row["difference"] > 0 for row in advice_answer(350).document["rows"])
    assert all(row["difference"] < 0 for row in advice_answer(10).document["rows"])
