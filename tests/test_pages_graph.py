"""The graph of a report in a real browser: found, told, reached and left, with all that is near."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rsinspect.answers.explain import explain
from rsinspect.base.units import seconds
from rsinspect.layers.cost import CONVENTIONS
from rsinspect.layers.question import Question
from rsinspect.networks.network import Network
from rsinspect.pages.html import report_page
from rsinspect.pages.report import Report
from rsinspect.pages.subject import Subject
from rsinspect.profiling.record.run import ProfileRun, Segment
from rsinspect.profiling.statistics import Latency
from rsinspect.weights.layer_weights import layer_weights
from tests.boxes import face
from tests.browser import DESKTOP, PHONE
from tests.networks import layout_of
from tests.runs import run_of
from tests.weight_files import write_keras_3

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser import Open

pytest_plugins = ("tests.browser",)
pytestmark = pytest.mark.slow

BLOCKS = ("c2/block0", "c3/block0", "c3/block1", "c3/block2")


@cache
def network() -> Network:
    return layout_of(1, 3, 1, 1, width=0.25, resolution=(32, 32))


@cache
def run() -> ProfileRun:
    """Eight rounds, a sample of each block in each."""
    return run_of(
        tuple(
            Segment(
                path=path,
                level="block",
                latency=Latency(tuple(0.01 * (at + 1) + 0.0001 * turn for turn in range(8))),
            )
            for at, path in enumerate(BLOCKS)
        ),
        network=network(),
        level="block",
    )


@cache
def html(*keys: str, measured: bool = True, only: tuple[str, ...] = ("graph", "tables")) -> str:
    runs = (run(),) if measured else ()
    subjects = tuple(
        Subject(text="net", network=network(), key=key, runs=runs) for key in keys or ("a",)
    )
    return report_page(Report(subjects=subjects, only=only))


def until(shown: Page, condition: str) -> None:
    shown.wait_for_function(f"() => {condition}")


def values(shown: Page, within: str) -> list[float]:
    found = shown.locator(f".chosen {within} data").all()
    return [float(each.get_attribute("value") or "nan") for each in found]


def test_search_takes_words_shapes_and_expressions_and_lists_its_hits(open_page: Open) -> None:
    shown = open_page(html(), **DESKTOP)
    paths = [layer.path for layer in network().graph]
    for query, hits in (
        (r"/block\d\/conv2$/", [each for each in paths if each[0] == "c" and "/conv2" in each]),
        ("c3/block1 batch norm", [f"c3/block1/bn{i}" for i in (1, 2, 3)]),
        ("BlockGroup2__block_0__conv_1", ["c2/block0/conv1"]),
    ):  # fmt: skip
        shown.locator(".query").fill(query)
        until(shown, f"document.querySelectorAll('.listed button').length === {len(hits)}")
        assert shown.locator(".listed code").all_inner_texts() == hits
    sized = str(network().graph.layer("c4/block0/conv1").shape)
    shown.locator(".query").fill(sized.replace("×", "x"))
    assert sum(f"{layer.shape}" == sized for layer in network().graph) <= int(
        shown.locator(".hits").inner_text().split()[0]
    )
    shown.locator(".query").fill("c3/block1/se/reduce")
    until(shown, "document.querySelectorAll('.part.closed.holds').length === 1")  # c3 has it
    shown.locator(".query").fill("/conv(/")
    until(shown, "document.querySelector('.hits').textContent === 'no such pattern'")
    assert shown.locator(".query").get_attribute("aria-invalid") == "true"
    assert not shown.locator(".listed").is_visible()
    shown.locator(".query").fill("/se\\/(reduce|expand)/")
    shown.locator(".listed button").nth(1).click()
    until(shown, "document.querySelector('.hits').textContent.startsWith('2 of')")
    assert shown.locator(".chosen .path code").inner_text() == "c2/block0/se/expand"
    assert shown.locator(".listed [aria-current]").count() == 1
    assert shown.locator(".part.hit").count() > 1
    shown.locator(".query").press("Escape")
    until(shown, "document.querySelector('.listed').hidden")


def test_a_part_tells_all_that_is_known_as_the_commands_do(open_page: Open) -> None:
    path, question = "c3/block1/conv2", Question()
    shown = open_page(html(), fragment=f"#{path}", **DESKTOP)
    until(shown, "document.querySelector('.chosen .why')")
    graph = network().graph
    formulas = explain(graph, path, question)
    assert values(shown, ".why") == [line.value for line in formulas]
    told = shown.locator(".chosen .why").inner_text()
    assert "k² · in · filters" in told.replace("\u2009", " ")
    by_convention = [
        next(
            line.value
            for line in explain(graph, path, Question(convention))
            if line.quantity == f"FLOPs ({convention})"
        )
        for convention in CONVENTIONS
    ]
    assert values(shown, ".other") == by_convention
    words = shown.locator(".chosen").inner_text()
    assert network().names[path] in words
    assert "Reads\nc3/block1/act1" in words
    assert "Is read by\nc3/block1/bn2" in words
    assert "pixels of the image" in words
    facts = shown.locator(".chosen > dl:first-of-type data").all()
    (row,) = (row for row in document_rows() if row["path"] == path)
    exact = [float(each.get_attribute("value") or "nan") for each in facts][:2]
    assert exact == [row["params"] / row["repeats"], row["macs"] / row["repeats"]]


def document_rows() -> list[dict[str, Any]]:
    from rsinspect.answers.summary import SummaryOptions, summary_answer

    rows: list[dict[str, Any]] = summary_answer(network(), SummaryOptions(level="layer")).document[
        "rows"
    ]
    return rows


def test_a_latency_has_its_interval_and_share_and_is_the_first_colour(open_page: Open) -> None:
    shown = open_page(html(), fragment="#c3/block1", **DESKTOP)
    until(shown, "document.querySelector('.chosen h4')")
    assert shown.locator(".quantity").first.input_value() == "latency"
    segment = run().segments[2]
    low, high = segment.latency.interval or (0.0, 0.0)
    assert low < high
    words = shown.locator(".chosen").inner_text()
    assert f"(95 %: {seconds(low)} to {seconds(high)})" in words
    assert f"{100 * run().share(segment):.1f} % of the whole" in words
    values_ = [each.get_attribute("value") for each in shown.locator(".chosen dl data").all()]
    assert str(segment.latency.median) in values_
    plain = open_page(html(measured=False), **DESKTOP)
    assert plain.locator(".quantity").first.input_value() == "flops"
    assert "latency" not in plain.locator(".quantity").first.inner_text()


def test_sections_and_parts_have_addresses_and_back_goes_between(open_page: Open) -> None:
    shown = open_page(html(), fragment="#tables", **DESKTOP)
    assert shown.locator(".selected").count() == 0
    face(shown, "c4").click()
    until(shown, "location.hash.startsWith('#c4')")
    shown.evaluate("location.hash = '#tables'")
    until(shown, "document.querySelectorAll('.selected').length === 1")  # it stays as it is
    shown.go_back()
    until(shown, "location.hash.startsWith('#c4')")
    assert shown.locator(".chosen .path code").inner_text() == "c4"
    shown.evaluate("location.hash = '#c3/block1/conv2'")  # as a link of a table would
    until(shown, "document.querySelector('.chosen .path code').textContent === 'c3/block1/conv2'")
    until(
        shown,
        "(({ top }) => top >= -1 && top < innerHeight / 2)"
        "(document.querySelector('.viewer').getBoundingClientRect())",
    )


NUDGES = """() => {
  globalThis.nudges = 0;
  new MutationObserver(([{ target }]) => { nudges += target.classList.contains("nudged"); })
    .observe(document.querySelector(".viewer"), { attributeFilter: ["class"] });
}"""
"""Counts the hints that a graph is passed by, which do not last."""


def test_the_page_scrolls_past_a_graph_until_it_is_clicked(open_page: Open) -> None:
    shown = open_page(html(), fragment="#graph&open=*", **DESKTOP)
    shown.locator("[data-do=expand]").click()
    shown.locator("[data-do=actual]").click()
    shown.evaluate("document.querySelector('.viewer').scrollIntoView()")
    begin = shown.evaluate("[scrollY, document.querySelector('.view').scrollTop]")
    shown.evaluate(NUDGES)
    shown.mouse.move(500, 400)
    shown.mouse.wheel(0, 120)
    until(shown, f"scrollY > {begin[0]}")
    assert shown.evaluate("document.querySelector('.view').scrollTop") == begin[1]
    until(shown, "nudges > 0")
    shown.locator(".view .face").first.focus()
    until(shown, "document.querySelector('.viewer').classList.contains('awake')")
    before = shown.evaluate("document.querySelector('.view').scrollTop")
    shown.mouse.wheel(0, 120)
    until(shown, f"document.querySelector('.view').scrollTop > {before}")
    shown.locator("#tables > h2").click()
    until(shown, "!document.querySelector('.viewer').classList.contains('awake')")


def test_one_graph_fills_the_window_and_escape_and_back_give_the_page_again(
    open_page: Open,
) -> None:
    shown = open_page(html("a", "b"), **DESKTOP)
    second = shown.locator(".viewer").nth(1)
    filled = "(({ width, height }) => width === innerWidth && height === innerHeight)"
    filled += "(document.querySelectorAll('.viewer')[1].getBoundingClientRect())"
    second.locator("[data-do=whole]").click()
    until(shown, filled)
    until(shown, "location.hash === '#;&whole=1'")
    assert shown.evaluate("document.querySelector('#tables').inert")
    assert shown.evaluate("document.querySelector('.viewer').inert")
    shown.keyboard.press("Escape")
    until(shown, "!document.querySelector('.whole')")
    assert not shown.evaluate("[...document.querySelectorAll('*')].some((el) => el.inert)")
    shown.go_back()
    until(shown, filled)
    shown.go_back()
    until(shown, "!document.querySelector('.whole')")


def test_keys_are_for_the_graph_that_was_touched_alone(open_page: Open) -> None:
    shown = open_page(html("a", "b"), **DESKTOP)
    zooms = "[...document.querySelectorAll('.actual')].map((el) => el.textContent)"
    begin = shown.evaluate(zooms)
    shown.keyboard.press("+")
    shown.keyboard.press("/")
    assert shown.evaluate("document.activeElement === document.body")
    assert shown.evaluate(zooms) == begin
    face(shown, "stem").focus()
    shown.keyboard.press("+")
    until(shown, f"{zooms}[0] !== {begin[0]!r}")
    assert shown.evaluate(zooms)[1] == begin[1]
    shown.locator("#tables > h2").click()
    shown.keyboard.press("/")
    assert not shown.evaluate("document.activeElement.matches('.query')")


def test_fingers_tap_drag_and_pinch(open_page: Open) -> None:
    shown = open_page(html(), fragment="#graph", **PHONE)
    assert shown.evaluate("document.documentElement.scrollWidth") <= 390
    overlaps = """() => {
      const boxes = [...document.querySelectorAll(".colours > *, .key > li")]
        .map((el) => el.getBoundingClientRect()).filter((box) => box.width);
      return boxes.some((a, i) => boxes.slice(i + 1).some((b) =>
        Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 &&
        Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1));
    }"""
    assert not shown.evaluate(overlaps)
    face(shown, "c3").tap()
    until(shown, "document.querySelector('.chosen .path code')?.textContent === 'c3'")
    until(shown, "document.querySelector('.viewer').classList.contains('awake')")
    zoom = "parseInt(document.querySelector('.actual').textContent)"
    begin = shown.evaluate(zoom)
    box = shown.locator(".view").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + 60
    fingers = shown.context.new_cdp_session(shown)

    def touch(kind: str, *spots: tuple[float, float]) -> None:
        points = [{"x": at[0], "y": at[1], "id": i} for i, at in enumerate(spots)]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", (x - 20, y), (x + 20, y))
    for apart in range(25, 80, 5):
        touch("touchMove", (x - apart, y), (x + apart, y))
    touch("touchEnd")
    until(shown, f"{zoom} > 1.5 * {begin}")


def test_a_graph_can_be_read_without_scripts_and_in_forced_colours(open_page: Open) -> None:
    still = open_page(html(), java_script_enabled=False, **PHONE)
    outline = still.locator(".viewer noscript table, .viewer table.grid").first
    assert all(stage.path in outline.inner_text() for stage in network().structure.stages)
    assert not still.locator(".tools").first.is_visible()
    forced = open_page(html(), fragment="#c3", forced_colors="active", **DESKTOP)
    until(forced, "document.querySelector('.selected')")
    style = "getComputedStyle(document.querySelector('.selected > .face')).outlineStyle"
    assert forced.evaluate(style) == "solid"
    fill = "getComputedStyle(document.querySelector('.closed .warmth')).backgroundColor"
    assert forced.evaluate(fill) not in ("rgba(0, 0, 0, 0)", "rgb(0, 0, 0)", "rgb(255, 255, 255)")


def test_weights_in_a_file_are_told_of_each_part_and_can_be_its_colour(
    open_page: Open, tmp_path: Path
) -> None:
    file = write_keras_3(tmp_path / "mine.weights.h5", network())
    weights = layer_weights(file, network())
    subject = Subject(text="net", network=network(), weights=weights)
    page = report_page(Report(subjects=(subject,), only=("graph",)))
    shown = open_page(page, fragment="#c3/block1/conv2&color=weight_std", **DESKTOP)
    until(shown, "document.querySelector('.chosen .why')")
    numbers = weights.of(["c3/block1/conv2"])
    assert numbers is not None
    told = shown.locator(".chosen dl data").all()
    assert str(numbers.deviation) in [each.get_attribute("value") for each in told]
    assert f"± {numbers.deviation:.3g}" in shown.locator(".part.selected .warmth").inner_text()
    legend = shown.locator(".legend .title").inner_text()
    assert "trained weights in mine.weights.h5; logarithmic" in legend
