"""Accuracy against cost as a picture."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import rsinspect
from rsinspect.answers.chart import Chart
from rsinspect.drawing.size import parse_size
from rsinspect.plots.chart import chart_figure
from rsinspect.plots.sheet import Sheet
from rsinspect.profiling.answer import profile_answer
from rsinspect.tradeoffs.axes import AXES
from rsinspect.tradeoffs.pareto import Costed, Pareto, candidates, placed
from rsinspect.tradeoffs.pareto_chart import pareto_chart
from rsinspect.tradeoffs.quantity import Quantity
from tests.conftest import Cli
from tests.plotted import outside, overlaps, words_of
from tests.test_pareto import a_run, network_at


def weighed(
    x: str = "latency", share: float = 0.02, own: Mapping[str, float] | None = None
) -> Pareto:
    """Networks cost as much as their accuracy suggests, each known within a share of it."""
    wanted = candidates("paper", own or {})
    axis, costs = AXES[x], {}
    for place, each in enumerate(wanted):
        cost = 1.9 ** (each.top1 - 77) * (1 + 0.3 * (place % 3)) / 100
        low, high = cost * (1 - share), cost * (1 + share)
        quantity = Quantity(cost, (low, high))
        costs[each.name] = Costed(quantity.inverse() if axis.more_is_better else quantity,
                                  "measured", 1)  # fmt: skip
    points, missing = placed(axis, wanted if own else wanted[:-1], costs)
    return Pareto(axis=axis, source="paper", points=points, missing=missing,
                  conditions="forward, batch 1, float32, tensorflow on cpu", machine="a machine",
                  without_accuracy=("my.keras",), left_out={"batch 8": 3})  # fmt: skip


def looks(chart: Chart) -> dict[str, str]:
    return {point.label: point.look for point in chart.points}


def test_families_are_lines_and_somebodys_own_are_not() -> None:
    chart = pareto_chart(weighed(own={"nets/mine.keras": 83.0}))
    lines = {series.name: series.line for series in chart.series.values()}
    assert lines == {"ResNet-RS": "solid", "EfficientNet": "solid", "yours": "none"}
    assert "mine.keras" in looks(chart)


def test_a_mark_looks_as_sure_as_it_is() -> None:
    found = weighed(share=0.2)
    expected = {"front": "full", "unclear": "hollow", "dominated": "pale"}
    chart = pareto_chart(found)
    assert looks(chart) == {
        point.candidate.label: expected[point.domination.verdict] for point in found.points
    }
    assert set(looks(chart).values()) == set(expected.values())
    assert [look for look, _ in chart.looks] == ["full", "hollow", "pale"]
    sure = pareto_chart(weighed(share=0.0))
    assert "hollow" not in looks(sure).values()
    assert all(point.x_ends is None for point in sure.points)


def test_the_foot_says_where_numbers_are_from_and_what_is_not_shown() -> None:
    notes = " ".join(pareto_chart(weighed()).notes)
    assert "arXiv 2103.07579, Table 7" in notes
    assert "Measured, of unknown accuracy: my.keras." in notes
    assert "Left out, under other conditions: 3 runs." in notes


def test_nothing_covers_anything() -> None:
    for x in AXES:
        for size in (None, "84mm", "16:9"):
            sheet = Sheet(None if size is None else parse_size(size))
            figure = chart_figure(pareto_chart(weighed(x, own={"mine": 83.0})), "light", sheet)
            assert overlaps(figure) == []
            assert outside(figure) == []
            assert {"ResNet-RS", "EfficientNet", "yours", "on the front"} <= set(words_of(figure))


def files_of_runs(folder: Path) -> list[str]:
    paths = []
    for name, seconds in (("50@160", 0.1), ("101@160", 0.2), ("101@192", 0.15)):
        path = folder / f"{name}.json"
        run = a_run(network_at(name), seconds)
        path.write_text(json.dumps(profile_answer(run).make_document()))
        paths.append(str(path))
    return paths


def test_the_command_draws_for_a_place_beside_its_table_or_instead(
    cli: Cli, tmp_path: Path
) -> None:
    runs, plot = files_of_runs(tmp_path), tmp_path / "front.svg"
    outcome = cli("pareto", *runs, "--plot", plot, "--size", "84mm", "--title", "Ours")
    assert outcome.code == 0, outcome.err
    assert "Dominated by" in outcome.out
    assert 'width="84mm"' in plot.read_text()
    assert "Ours" in plot.read_text()
    outcome = cli("pareto", *runs, "-o", tmp_path / "front.png", "--theme", "dark")
    assert outcome.code == 0, outcome.err
    assert not outcome.out
    assert (tmp_path / "front.png").read_bytes().startswith(b"\x89PNG")
    outcome = cli("pareto", *runs, "--plot", tmp_path / "front.jpg")
    assert outcome.code == 2
    assert not (tmp_path / "front.jpg").exists()


def test_a_notebook_has_the_same(tmp_path: Path) -> None:
    found = rsinspect.pareto(runs=files_of_runs(tmp_path))
    assert found.front == ("50@160", "101@192")
    assert "101@160" in repr(found)
    found.save(tmp_path / "front.pdf")
    assert (tmp_path / "front.pdf").read_bytes().startswith(b"%PDF")
    assert "ResNet-RS" in found.plot("dark").to_svg()
    assert found.claim.rows == []
