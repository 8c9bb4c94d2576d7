"""A plot for a place: as large as the place, in type of 8 points or more, and no text cut off."""

from __future__ import annotations

import re
from typing import Any

import pytest

from rsinspect.answers.figures import figure_chart, table_chart
from rsinspect.base.errors import PictureTooLarge
from rsinspect.drawing.size import parse_size
from rsinspect.plots.axes import log_ticks
from rsinspect.plots.chart import chart_figure, chart_plot
from rsinspect.plots.comparison import comparison_figure
from rsinspect.plots.latency import latency_figure, latency_plot
from rsinspect.plots.roofline import roofline_figure
from rsinspect.plots.sheet import Sheet
from tests.compared import a_comparison
from tests.conftest import Cli
from tests.plotted import a_run, outside, overlaps, texts_of, words_of

FIGURES: dict[str, Any] = {
    "figure 3": lambda sheet: chart_figure(figure_chart(3), "light", sheet),
    "table 7": lambda sheet: chart_figure(table_chart(7), "light", sheet),
    "latency": lambda sheet: latency_figure(a_run(level="stage", mode="train"), "paper", sheet),
    "comparison": lambda sheet: comparison_figure(a_comparison(level="stage"), "paper", sheet),
    "roofline": lambda sheet: roofline_figure(a_run(level="stage"), "paper", sheet),
}


@pytest.mark.parametrize("size", ["84mm", "16:9", "1280x720"])
@pytest.mark.parametrize("name", FIGURES)
def test_a_plot_fills_its_place_in_type_that_can_be_read(name: str, size: str) -> None:
    place = parse_size(size)
    figure = FIGURES[name](Sheet(place))
    width, height = figure.get_size_inches() * 72
    assert width == pytest.approx(place.width_pt)
    assert place.height_pt is None or height == pytest.approx(place.height_pt)
    assert min(float(text.get_fontsize()) for text in texts_of(figure)) >= 8
    assert overlaps(figure) == []
    assert outside(figure) == []


def test_the_file_says_its_size_in_the_unit_it_was_given_in() -> None:
    svg = chart_plot(table_chart(7), "svg", "light", Sheet(parse_size("84mm"))).decode()
    assert 'width="84mm"' in svg
    png = latency_plot(a_run(), "png", "paper", Sheet(parse_size("1280x720")))
    assert (int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")) == (1280, 720)


def test_title_and_caption_are_the_authors_choice() -> None:
    words = words_of(chart_figure(table_chart(7), "light", Sheet(None, "Ours", caption=False)))
    assert "Ours" in words
    assert not any("Source:" in text for text in words)
    assert "Accuracy against cost: ResNet-RS and EfficientNet" not in words


def test_a_place_too_small_for_a_plot_is_refused_with_one_that_is_not() -> None:
    for size in ("40mm", "120x30mm"):
        with pytest.raises(PictureTooLarge, match="does not fit") as caught:
            FIGURES["table 7"](Sheet(parse_size(size)))
        assert "84mm" in (caught.value.hint or "")


def test_every_end_of_a_line_of_figure_3_has_its_name() -> None:
    words = words_of(FIGURES["figure 3"](Sheet()))
    assert not any("want of room" in text for text in words)


@pytest.mark.parametrize(("low", "high"), [(4e9, 9e9), (3.5e9, 2e10), (6e9, 7.9e9)])
def test_an_axis_of_less_than_a_decade_has_several_named_ticks(low: float, high: float) -> None:
    named = [tick for tick, named in log_ticks(low, high) if named]
    assert len(named) >= min(3, sum(1 for _ in log_ticks(low, high)))


def test_the_commands_take_a_size(cli: Cli, tmp_path: Any) -> None:
    plot = tmp_path / "a.svg"
    assert cli("table", 7, "--plot", plot, "--size", "84mm", "--title", "Ours").code == 0
    assert re.search(r'width="84mm"', plot.read_text())
    outcome = cli("figure", 3, "--plot", plot, "--size", "84")
    assert outcome.code == 2
    assert "'84' is not a size" in outcome.err
