"""Charts: what is drawn, what it is called, and that nothing covers anything."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest

from rsinspect.answers.chart import Axis, Chart, Facet, Point, Rule, Series
from rsinspect.answers.figures import figure_chart, table_chart
from rsinspect.base.errors import InvalidChoice, RenderError
from rsinspect.drawing.choices import PLOTS
from rsinspect.drawing.theme import THEMES, contrast
from rsinspect.plots.chart import chart_figure, chart_plot
from rsinspect.plots.page import WIDTH, PlotFormat, own_settings, plot_format
from tests.conftest import Cli
from tests.plotted import words_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

X, Y = Axis("cost", "count", log=True), Axis("worth", "number")


def chart(*series: Series, x: Axis = X, y: Axis = Y, title: str = "A chart") -> Chart:
    return Chart(title, "of something", x, y, (Facet("", series),), ("A note.",))


CLOUD = chart(
    Series("all", tuple(Point(10 ** (i % 40 / 10), i % 97) for i in range(1, 2000)), faint=True),
    Series("front", tuple(Point(10 ** (i / 15), 2 * i, f"50@{i}") for i in range(60)), "dashed"),
)
UNCERTAIN = chart(
    Series(
        "measured",
        (
            Point(1.0, 1.0, "sure", (0.99, 1.01)),
            Point(10.0, 2.0, "may be", (4.0, 40.0), "hollow"),
            Point(30.0, 1.5, "beaten", (25.0, 300.0), "pale"),
        ),
        "solid",
    )
)._replace(looks=(("full", "best"), ("hollow", "perhaps"), ("pale", "beaten by another")))
ABOUT = chart(
    Series("known", (Point(1.0, 1.0, "one"), Point(10.0, 2.0, "ten", look="pale", ringed=True)))
)._replace(
    ringed="this one", rules=(Rule(5.0, "five"), Rule(5.1, "five too")), ruled="worth unknown"
)
CHARTS = {
    "about": ABOUT,
    "uncertain": UNCERTAIN,
    "table 7": table_chart(7),
    "table 7 by flops": table_chart(7, x="flops"),
    "figure 3": figure_chart(3),
    "cloud": CLOUD,
    "one point": chart(Series("one", (Point(5.0, 5.0, "alone"),))),
    "equal values": chart(Series("same", tuple(Point(3.0, 7.0, f"p{i}") for i in range(9)))),
    "no points": chart(Series("none", ())),
    "long names": chart(Series("n" * 400, (Point(1.0, 1.0, "l" * 400),)), title="t" * 400),
    "bytes": chart(
        Series("memory", tuple(Point(2.0**i, 2.0 ** (i + 20)) for i in range(5))),
        y=Axis("Peak", "bytes", log=True),
    ),
}


@pytest.mark.parametrize("name", CHARTS)
def test_no_text_covers_another_or_leaves_the_page(name: str) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = chart_figure(CHARTS[name], "light")
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    height = figure.get_figheight() * 96
    with own_settings():
        boxes = [t.get_window_extent(renderer) for t in figure.axes[0].texts if t.get_text()]
    assert boxes
    for box in boxes:
        assert box.x0 >= 0
        assert box.x1 <= WIDTH
        assert box.y0 >= 0
        assert box.y1 <= height
    for one, other in itertools.combinations(boxes, 2):
        apart = (
            one.x1 <= other.x0 + 1 or other.x1 <= one.x0 + 1
            or one.y1 <= other.y0 + 2 or other.y1 <= one.y0 + 2
        )  # fmt: skip
        assert apart


def texts(content: bytes) -> list[str]:
    root = ElementTree.fromstring(content)
    return ["".join(node.itertext()).strip() for node in root.iter() if node.tag.endswith("}text")]


def test_names_that_find_no_room_are_counted() -> None:
    found = texts(chart_plot(CLOUD, "svg", "light"))
    named = sum(text.startswith("50@") for text in found)
    (left_out,) = [re.search(r"want of room: (\d+)", t) for t in found if "want of room" in t]
    assert left_out is not None
    assert 0 < named == 60 - int(left_out[1])


def test_table_7_names_every_network() -> None:
    found = texts(chart_plot(table_chart(7), "svg", "light"))
    assert {"RS-50@160", "RS-152@224", "B0", "B7"} <= set(found)
    assert "V100 latency of a training step of 128, float32" in found


def test_figure_3_says_on_its_page_that_it_is_digitised() -> None:
    found = " ".join(texts(chart_plot(figure_chart(3), "svg", "light")))
    assert "Figure 3 of Bello et al. 2021, digitised" in found
    for epochs in (10, 100, 350):
        assert f"{epochs} epochs" in found


def test_a_chart_without_points_says_so() -> None:
    assert "no points" in texts(chart_plot(CHARTS["no points"], "svg", "light"))


def test_points_without_a_place_on_a_logarithm_are_counted_and_the_others_keep_their_names() -> (
    None
):
    points = (Point(0.0, 1.0, "zero"), Point(10.0, 2.0, "ten"), Point(-1.0, 3.0, "less"))
    found = texts(chart_plot(chart(Series("s", points)), "svg", "light"))
    assert "ten" in found
    assert not {"zero", "less"} & set(found)
    assert "Not shown, 0 or less on a logarithmic axis: 2." in found


@pytest.mark.parametrize("value", [1e300, -1e300, float("inf"), float("nan")])
@pytest.mark.parametrize("log", [True, False])
def test_values_beyond_any_axis_are_refused(value: float, log: bool) -> None:
    with pytest.raises(RenderError, match="cannot be drawn on the axis cost"):
        chart_figure(chart(Series("s", (Point(value, 1.0),)), x=Axis("cost", log=log)), "light")


def level_lines(figure: Figure) -> list[tuple[float, float]]:
    """Both ends of each line from left to right that is no axis and no grid."""
    lines: list[Any] = [line.get_xydata() for line in figure.axes[0].lines]
    strokes = [line for line in lines if len(line) == 2]
    return [(float(a[0]), float(b[0])) for a, b in strokes if a[1] == b[1]]


def test_an_interval_wider_than_its_mark_is_drawn_and_the_axis_holds_it() -> None:
    wide = chart_figure(UNCERTAIN, "light")
    lengths = sorted(b - a for a, b in level_lines(wide))
    without = UNCERTAIN._replace(facets=(Facet("", (Series("measured", tuple(
        point._replace(x_ends=None) for point in UNCERTAIN.points), "solid"),)),))  # fmt: skip
    plain = sorted(b - a for a, b in level_lines(chart_figure(without, "light")))
    assert len(lengths) == len(plain) + 3  # two intervals, and one in the key
    assert "beaten" in words_of(wide)
    assert max(b for _, b in level_lines(wide)) <= WIDTH


def test_the_key_says_what_the_look_of_a_mark_means() -> None:
    found = texts(chart_plot(UNCERTAIN, "svg", "light"))
    assert {"best", "perhaps", "beaten by another"} <= set(found)
    assert any("95 % interval" in text for text in found)
    assert not any("95 % interval" in text for text in texts(chart_plot(CLOUD, "svg", "light")))


def test_what_a_chart_is_about_is_ringed_and_what_has_no_height_is_a_line() -> None:
    figure = chart_figure(ABOUT, "light")
    assert {"ten", "five", "five too", "this one", "worth unknown"} <= set(words_of(figure))
    lines: list[Any] = [*figure.axes[0].lines]
    (key, ring), (one, ten) = (
        sorted(
            tuple(line.get_xydata()[0]) for line in lines
            if line.get_marker() == "o" and (line.get_markerfacecolor() == "none") is hollow
        )[-2:]
        for hollow in (True, False)
    )  # fmt: skip
    assert ring == ten
    upright = [line.get_xydata() for line in lines if line.get_color() == THEMES["light"].ink]
    (five, more), (sample,) = (
        sorted(ends[0][0] for ends in upright if (abs(ends[0][1] - ends[1][1]) > 100) == long)
        for long in (True, False)
    )
    assert one[0] < five < more < ten[0]
    assert key[1] < ten[1]
    assert sample < more
    plain = chart_figure(ABOUT._replace(rules=(), ringed=""), "light")
    assert not {"five", "this one", "worth unknown"} & set(words_of(plain))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("format", "theme"),
    [*((format, "dark") for format in PLOTS.names if format != "svg"),
     *(("svg", theme) for theme in THEMES)],
)  # fmt: skip
def test_the_same_chart_gives_the_same_bytes(format: PlotFormat, theme: str) -> None:
    one = chart_plot(CHARTS["table 7"], format, theme)
    assert one == chart_plot(CHARTS["table 7"], format, theme)
    assert one.startswith({"svg": b"<?xml", "pdf": b"%PDF", "png": b"\x89PNG"}[format])


@pytest.mark.slow
@pytest.mark.parametrize("theme", THEMES)
def test_lines_and_text_stand_out_from_the_paper(theme: str) -> None:
    content = chart_plot(CHARTS["figure 3"], "svg", theme).decode()
    paper = THEMES[theme].paper
    for colour in set(re.findall(r"stroke: (#[0-9a-f]{6}); stroke-width: 1\.3", content)):
        assert contrast(colour, paper) >= 3  # of graphics. Source: WCAG 2.2
    texts = re.findall(r"<text style=\"[^\"]*fill: (#[0-9a-f]{6})", content)
    assert texts
    assert all(contrast(colour, paper) >= 4.5 for colour in texts)


def test_names_of_anything_are_escaped() -> None:
    odd = chart(Series("<&>\"'", (Point(1.0, 1.0, "$x$ <b>&amp;"),)), title="a\nb <script>")
    content = chart_plot(odd, "svg", "light")
    assert "<script>" not in content.decode()
    assert any("<b>&amp;" in text for text in texts(content))


@pytest.mark.parametrize(("format", "theme"), [("gif", "light"), ("svg", "pink")])
def test_what_cannot_be_drawn_is_refused(format: Any, theme: str) -> None:
    with pytest.raises(InvalidChoice, match=r"gif|pink"):
        chart_plot(CLOUD, format, theme)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("plot.gif", "cannot be written as '.gif'"),
        ("plot", "has no suffix"),
        ("a.svg.txt", "cannot be written as '.txt'"),
    ],
)
def test_a_suffix_that_names_no_format_is_refused(
    name: str, words: str, cli: Cli, tmp_path: Path
) -> None:
    outcome = cli("table", 7, "--plot", tmp_path / name)
    assert outcome.code == 2
    assert words in " ".join(outcome.err.split())
    assert "name it .svg, .pdf, .png" in outcome.err


@pytest.mark.parametrize(("name", "format"), [("plot.SVG", "svg"), ("a.b.png", "png")])
def test_known_suffixes_pass_in_either_case(name: str, format: str) -> None:
    assert plot_format(Path(name)) == format


def test_a_plot_is_written_whole_or_not_at_all(cli: Cli, tmp_path: Path) -> None:
    made = tmp_path / "t7.svg"
    assert cli("table", 7, "--plot", made).code == 0
    assert b"RS-420@320" in made.read_bytes()
    outcome = cli("table", 7, "--plot", tmp_path / "none" / "t7.svg")
    assert outcome.code != 0
    assert not (tmp_path / "none").exists()
