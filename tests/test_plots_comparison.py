"""Pictures of a comparison: ratios with their intervals, and diagrams coloured by change."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import rsinspect
from rsinspect.answers.table import Answer, Column, Table
from rsinspect.api.comparison_results import Comparison as ComparisonResult
from rsinspect.base.errors import (
    InvalidChoice,
    PictureTooLarge,
    RsInspectError,
    UnknownPicture,
)
from rsinspect.comparisons.comparison import Comparison, Side
from rsinspect.drawing.choices import COMPARED_VIEWS, PICTURES, PLOTS
from rsinspect.drawing.formats import render
from rsinspect.drawing.scene import Node, Scene
from rsinspect.drawing.size import parse_size
from rsinspect.drawing.theme import THEMES, contrast, text_on
from rsinspect.networks.named import network
from rsinspect.plots.comparison import comparison_figure, comparison_plot
from rsinspect.plots.overlay import compared
from rsinspect.plots.sheet import Sheet
from rsinspect.profiling.record.document import to_json
from tests.compared import SMALL, a_comparison, a_run
from tests.conftest import Cli
from tests.networks import layout_of, network_of
from tests.plotted import AWKWARD, outside, overlaps, words_of

DEEPER = layout_of(1, 2, 5, 1, width=0.25, resolution=(64, 64))
SLOWER = {"stem": 1.2, "c3/block1": 0.8, "c4/block0": 1.5}


def of_two_levels() -> Comparison:
    a, b = a_run(level="stage"), a_run(seed=1)
    return Comparison(a=Side(reference="a", run=a), b=Side(reference="b", run=b), how="groups")


COMPARISONS: dict[str, Comparison] = {
    "blocks": a_comparison(SLOWER),
    "stages": a_comparison({"c3": 1.3}, level="stage"),
    "apart": a_comparison(SLOWER, how="groups", noise=0.2),
    "another network": a_comparison(networks=(SMALL, DEEPER)),
    "a part of next to no time": a_comparison({"call": 50.0}),
    "three times as long": a_comparison(dict.fromkeys(("stem", "c4/block1", "c4/block2"), 3.0)),
    "networks of other parts": a_comparison(
        networks=(network("EfficientNetB0@64"), SMALL), level="stage"
    ),
    "an awkward name": a_comparison(SLOWER, names=(AWKWARD, AWKWARD)),
    "stages of one, blocks of the other": of_two_levels(),
}


@pytest.mark.parametrize("size", [None, "84mm"])
@pytest.mark.parametrize("name", COMPARISONS)
def test_no_text_of_the_plot_covers_another_or_leaves_the_page(name: str, size: str | None) -> None:
    sheet = Sheet(None if size is None else parse_size(size))
    figure = comparison_figure(COMPARISONS[name], "light", sheet)
    assert overlaps(figure) == []
    assert outside(figure) == []


@pytest.mark.slow
def test_a_deep_network_has_a_row_for_its_identical_blocks() -> None:
    deep = network_of(420)
    figure = comparison_figure(a_comparison(networks=(deep, deep)), "light")
    assert overlaps(figure) == []
    assert outside(figure) == []
    assert any(text.startswith("c4/block") and "-" in text for text in words_of(figure))
    assert figure.get_figheight() < 10


@pytest.mark.parametrize(
    ("format", "theme"),
    [*((format, "dark") for format in PLOTS.names if format != "svg"),
     *(("svg", theme) for theme in THEMES)],
)  # fmt: skip
def test_every_format_and_theme_is_drawn_and_twice_alike(format: Any, theme: str) -> None:
    once = comparison_plot(COMPARISONS["stages"], format, theme)
    assert once == comparison_plot(COMPARISONS["stages"], format, theme)
    assert once.startswith({"svg": b"<?xml", "pdf": b"%PDF", "png": b"\x89PNG"}[format])


def test_each_part_stands_with_its_change_its_interval_and_what_came_of_the_whole() -> None:
    found = COMPARISONS["blocks"]
    words = words_of(comparison_figure(found, "light"))
    assert {"whole network", "stem", "c3/block1", "head", "call"} <= set(words)
    (part,) = (part for part in found.parts if part.path == "c3/block1")
    assert part.ratio is not None
    assert f"−{100 * (1 - part.ratio.value):.1f} %" in words
    assert any("B is slower: +" in text for text in words)
    assert {"slower", "faster", "no change shown", "95 % interval"} <= set(words)


def test_the_foot_names_what_only_one_of_them_has() -> None:
    words = " ".join(words_of(comparison_figure(COMPARISONS["another network"], "light")))
    assert "Only in B: c4/block3, c4/block4," in words


def marks(figure: Any) -> list[str]:
    return [str(line.get_marker()) for line in figure.axes[0].lines]


def test_a_part_that_takes_no_time_does_not_press_the_others_together() -> None:
    figure = comparison_figure(COMPARISONS["a part of next to no time"], "light")
    assert ">" in marks(figure)
    assert any(re.fullmatch(r"\+\d+ %", text) for text in words_of(figure))  # of the axis
    assert ">" not in marks(comparison_figure(COMPARISONS["blocks"], "light"))


def test_too_many_rows_for_a_slide_are_refused_with_a_size_that_does() -> None:
    wide = a_comparison(networks=(network_of(50),) * 2)
    with pytest.raises(PictureTooLarge, match="rows do not fit 160x100mm"):
        comparison_figure(wide, "light", Sheet(parse_size("160x100mm")))


def nodes(scene: Scene) -> dict[str, Node]:
    return {node.path: node for panel in scene.panels for node in panel.walk()}


def test_a_diagram_is_coloured_by_what_the_intervals_show() -> None:
    scene = compared(COMPARISONS["blocks"])
    assert len(scene.panels) == 1
    heats = {path: node.heat for path, node in nodes(scene).items() if node.heat}
    assert heats["stem"].level > 0.5 > heats["c3/block1"].level
    assert heats["c5/block0"].level == 0.5
    assert heats["c4/block0"].level == 1.0
    assert heats["c4/block0"].text.startswith("+5")
    assert heats["c3/block1"].text.startswith("−")
    assert all(heat.scale == "change" for heat in heats.values())


def test_a_stage_counts_the_blocks_that_only_one_of_the_two_has() -> None:
    found = COMPARISONS["another network"]
    scene = compared(found)
    assert len(scene.panels) == 2
    in_a, in_b = ({node.path: node for node in panel.walk()} for panel in scene.panels)
    assert in_a["c4"].heat is not None
    assert in_a["c4"].heat == in_b["c4"].heat
    assert in_a["c4"].heat.value == pytest.approx(5 / 3, rel=0.1)
    (added,) = (node for node in in_b.values() if node.mark == "added")
    assert added.heat is None


@pytest.mark.parametrize("format", PICTURES.names)
def test_every_format_of_a_diagram_says_the_change(format: str) -> None:
    deep = format in ("html", "me.json", "netron.json")
    scene = compared(COMPARISONS["blocks"], name="layers" if "json" in format else "blocks",
                     deep=deep)  # fmt: skip
    content = render(scene, format)
    if format in ("svg", "dot", "txt", "mermaid", "html"):
        (stem,) = (node.heat for node in nodes(scene).values() if node.path == "stem")
        assert stem is not None
        assert stem.text.partition(" (")[0] in content.decode()
    elif format == "me.json":
        assert "latency_ratio" in json.dumps(json.loads(content))
    assert content


def test_a_page_can_be_coloured_by_other_quantities_too() -> None:
    page = render(compared(COMPARISONS["blocks"], deep=True), "html").decode()
    assert "--heat-change-40:" in page
    assert '<option value="change" selected>change of latency</option>' in page
    assert '<option value="params">' in page


@pytest.mark.parametrize("view", COMPARED_VIEWS)
def test_every_view_is_coloured(view: str) -> None:
    assert any(node.heat for node in nodes(compared(COMPARISONS["blocks"], name=view)).values())


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(InvalidChoice, match="view of two runs"):
        compared(COMPARISONS["blocks"], name="figure6")
    found = COMPARISONS["blocks"]
    old = replace(found, a=replace(found.a, run=replace(found.a.run, network=None)))
    with pytest.raises(UnknownPicture, match="does not hold its network"):
        compared(old)


@pytest.mark.parametrize("theme", THEMES.values(), ids=str)
def test_changes_can_be_told_apart_and_read(theme: Any) -> None:
    colours = [theme.heat_at(level / 20, "change") for level in range(21)]
    assert all(contrast(text_on(colour), colour) >= 4.5 for colour in colours)
    assert min(contrast(colours[end], colours[10]) for end in (0, 20)) >= 2
    if theme.name != "print":
        assert len({colours[0], colours[10], colours[20]}) == 3


def test_the_ends_of_the_colours_are_equally_far_from_no_change() -> None:
    legend = compared(COMPARISONS["blocks"]).legend
    assert legend is not None
    low, high = (float(end.rstrip(" %").replace("−", "-")) for end in (legend.low, legend.high))
    assert math.log(1 + low / 100) == pytest.approx(-math.log(1 + high / 100), abs=0.01)


def result(name: str = "blocks") -> ComparisonResult:
    table = Table(title="compared", columns=(Column("path", "Part"),), rows=({"path": "stem"},))
    return ComparisonResult(Answer(table, dict), COMPARISONS[name])


def test_a_notebook_draws_and_saves_both_pictures(tmp_path: Path) -> None:
    found = result()
    assert (found.verdict, found.ratio > 1) == ("slower", True)
    assert found.interval is not None
    found.plot("dark", size="84mm").save(tmp_path / "ratios.pdf")
    assert "whole network" in found.plot().to_svg()
    found.save(tmp_path / "diagram.svg")
    assert "change of latency" in (tmp_path / "diagram.svg").read_text()
    found.save(tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_text().startswith("path")
    assert found.graph("stages").title.endswith("before → after")


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    """Files of the two runs of a comparison."""
    paths = []
    for side in (COMPARISONS["apart"].a, COMPARISONS["apart"].b):
        paths.append(tmp_path / f"{side.reference}.json")
        paths[-1].write_text(json.dumps(to_json(side.run)))
    return paths


def test_the_command_draws_a_diagram_and_ratios(cli: Cli, tmp_path: Path, runs: list[Path]) -> None:
    page, plot = tmp_path / "d.html", tmp_path / "r.svg"
    outcome = cli("compare", *runs, "--graph", "--view", "stages", "-o", page, "--plot", plot)
    assert outcome.code == 0, outcome.err
    assert "change of latency" in page.read_text()
    assert "whole network" in plot.read_text()
    small = tmp_path / "d.svg"
    outcome = cli("compare", *runs, "--graph", "-o", small, "--size", "174mm", "--theme", "dark")
    assert outcome.code == 0, outcome.err
    assert 'width="174mm"' in small.read_text()
    outcome = cli("compare", *runs, "--graph")
    assert outcome.code == 0
    assert "change of latency" in " ".join(outcome.out.split())
    for wrong in (("-o", "d.jpg"), ("--view", "figure6")):
        assert cli("compare", *runs, "--graph", *wrong).code == 2


def test_a_notebook_compares_runs(runs: list[Path]) -> None:
    found = rsinspect.compare(rsinspect.load_run(runs[0]), runs[1])
    assert found.record.how == "groups"
    assert found.ratio == pytest.approx(COMPARISONS["apart"].ratio.value)
    with pytest.raises(RsInspectError):
        rsinspect.compare(runs[0], "no-such-run-or-model")
