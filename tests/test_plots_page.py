"""Plots of a run in any theme and format: no text covers another, the same run, the same bytes."""

from __future__ import annotations

import re
from io import BytesIO
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest

from rsinspect.base.errors import InvalidChoice
from rsinspect.drawing.choices import PLOTS
from rsinspect.drawing.theme import THEMES, contrast
from rsinspect.plots.latency import latency_figure, latency_plot
from rsinspect.plots.page import WIDTH, check_plot
from rsinspect.plots.roofline import roofline_figure, roofline_plot
from tests.conftest import python
from tests.plotted import AWKWARD, RUNS, a_run, outside, overlaps, texts_of

if TYPE_CHECKING:
    from tests.browser import Open

pytest_plugins = ("tests.browser",)


def test_an_unknown_format_is_refused_with_those_there_are() -> None:
    with pytest.raises(InvalidChoice, match="unknown format 'gif'") as refusal:
        check_plot("gif", "paper")
    assert refusal.value.hint == "one of svg, pdf, png"


@pytest.mark.parametrize("draw", [latency_plot, roofline_plot])
def test_an_unknown_theme_is_refused_with_the_nearest(draw: Any) -> None:
    with pytest.raises(InvalidChoice, match="unknown theme 'drak'") as refusal:
        draw(a_run(), "svg", "drak")
    assert refusal.value.hint == "did you mean dark?"


@pytest.mark.parametrize("draw", [latency_plot, roofline_plot])
def test_the_margins_of_a_bitmap_are_empty(draw: Any) -> None:
    from matplotlib.image import imread

    pixels = imread(BytesIO(draw(a_run(depth=420, mode="train"), "png", "paper")))
    width = pixels.shape[1]
    assert width == 2 * WIDTH
    margins = pixels[:, :36], pixels[:, -36:], pixels[:30], pixels[-16:]
    assert all((margin == 1).all() for margin in margins)
    assert not (pixels[:, 36:-36] == 1).all()


@pytest.mark.filterwarnings("ignore:Glyph .* missing")
@pytest.mark.parametrize("draw", [latency_figure, roofline_figure])
@pytest.mark.parametrize("case", RUNS)
@pytest.mark.slow
def test_no_text_covers_another_or_leaves_the_page(case: str, draw: Any) -> None:
    figure = draw(a_run(**RUNS[case]), "paper")
    assert len(texts_of(figure)) > 15
    assert overlaps(figure) == []
    assert outside(figure) == []


def test_the_check_of_overlaps_can_fail() -> None:
    figure = roofline_figure(a_run(level="stage"), "paper")
    title = texts_of(figure)[0]
    rising = next(text for text in texts_of(figure) if text.get_rotation())
    title.set_position(rising.get_position())
    assert overlaps(figure) == [(title.get_text(), rising.get_text())]
    rising.set_position((-5, 10))
    assert outside(figure) == [rising.get_text()]


def test_a_rotated_text_is_checked_where_it_stands() -> None:
    figure = roofline_figure(a_run(level="stage"), "paper")
    rising = next(text for text in texts_of(figure) if text.get_rotation())
    level = texts_of(figure)[0]
    x, y = rising.get_position()
    level.set_text("L")
    level.set_position((x + 50, y - 1))  # below the slope, within the upright box around it
    assert 20 < rising.get_rotation() < 80
    assert rising.get_window_extent().overlaps(level.get_window_extent())
    assert overlaps(figure) == []


@pytest.mark.parametrize("format", PLOTS.names)
@pytest.mark.parametrize("draw", [latency_plot, roofline_plot])
@pytest.mark.slow
def test_the_same_run_gives_the_same_bytes_whatever_matplotlibs_settings(
    draw: Any, format: str
) -> None:
    import matplotlib

    first = draw(a_run(level="stage"), format, "paper")
    assert first.startswith({"svg": b"<?xml", "pdf": b"%PDF", "png": b"\x89PNG"}[format])
    with matplotlib.rc_context({"font.size": 30, "path.sketch": (1.0, 90.0, 2.0)}):
        assert draw(a_run(level="stage"), format, "paper") == first
    for trace in (b"CreationDate", b"dc:date", b"Software", b"http://pypi", b"Matplotlib v"):
        assert trace not in first


@pytest.mark.slow
def test_another_process_gives_the_same_bytes() -> None:
    code = (
        "import hashlib; from rsinspect.plots.latency import latency_plot; "
        "from rsinspect.plots.roofline import roofline_plot; "
        "from tests.plotted import a_run\n"
        "run = a_run(420, mode='train')\n"
        "for draw in (latency_plot, roofline_plot):\n"
        "    print(hashlib.sha256(draw(run, 'svg', 'dark')).hexdigest())"
    )
    outcomes = [python(code, PYTHONHASHSEED=seed) for seed in ("1", "2")]
    assert len(outcomes[0].stdout.split()) == 2, outcomes[0].stderr
    assert outcomes[0].stdout == outcomes[1].stdout


@pytest.mark.parametrize("draw", [latency_plot, roofline_plot])
@pytest.mark.slow
def test_any_name_makes_a_sound_file(draw: Any) -> None:
    run = a_run(level="stage", name=AWKWARD)
    for format in PLOTS.names:
        assert draw(run, format, "paper")
    root = ElementTree.fromstring(draw(run, "svg", "paper"))
    words = ["".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert any(word.startswith("a<b>&\"'$x_{1}$\\frac \ufffd\ufffd\ufffd 層") for word in words)


def test_text_stays_text_in_svg() -> None:
    run = a_run()
    root = ElementTree.fromstring(latency_plot(run, "svg", "paper"))
    words = {"".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {segment.path for segment in run.segments} <= words
    assert root.findtext("{http://www.w3.org/2000/svg}title") == f"Latency of {run.model.title}"


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("draw", [latency_figure, roofline_figure])
def test_each_theme_has_its_paper_and_legible_text(draw: Any, theme: str) -> None:
    from matplotlib.colors import to_hex

    figure = draw(a_run(level="stage"), theme)
    assert to_hex(figure.get_facecolor()) == THEMES[theme].paper
    colours = {to_hex(text.get_color()) for text in texts_of(figure)}
    assert len(colours) > 1
    assert all(contrast(colour, THEMES[theme].paper) >= 4.5 for colour in colours)


def test_nothing_is_loaded_before_something_is_drawn() -> None:
    code = (
        "import sys\n"
        "from rsinspect.plots import chart, latency, page, roofline\n"
        "page.check_plot('svg', 'paper')\n"
        "print([name for name in ('matplotlib', 'numpy', 'keras') if name in sys.modules])"
    )
    outcome = python(code)
    assert outcome.stdout.strip() == "[]", outcome.stderr


@pytest.mark.slow
@pytest.mark.parametrize("family", ["DejaVu Sans", "Verdana"])
def test_in_a_browser_all_text_is_on_the_page(family: str, open_page: Open) -> None:
    picture = roofline_plot(a_run(420), "svg", "paper").decode()
    picture += latency_plot(a_run(420), "svg", "paper").decode().replace("<?xml", "<!-- -->")
    drawings = re.findall(r"<svg.*?</svg>", picture.replace("DejaVu Sans", family), re.DOTALL)
    page = open_page(f"<!doctype html><meta charset=utf-8>{''.join(drawings)}")
    left_over = page.evaluate(
        """() => [...document.querySelectorAll("text")].filter(text => {
            const page = text.ownerSVGElement.getBoundingClientRect();
            const box = text.getBoundingClientRect();
            return box.left < page.left || box.right > page.right
                || box.top < page.top || box.bottom > page.bottom;
        }).map(text => text.textContent)"""
    )
    assert len(drawings) == 2
    assert page.locator("text").count() > 60
    assert left_over == []
