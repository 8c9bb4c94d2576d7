"""What a reader does with a page, in a real browser: nothing is lost, all can be undone."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest

from rsinspect.drawing.choices import COMPUTED
from rsinspect.drawing.comparison import comparison
from rsinspect.drawing.overlay import Measured, overlay, with_latency
from rsinspect.drawing.page import page
from rsinspect.drawing.scene import Node, Scene
from rsinspect.drawing.theme import DARK, LIGHT
from rsinspect.drawing.views import view
from tests.boxes import draw_all, face
from tests.browser import DESKTOP, PHONE
from tests.networks import network_of, saved

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser import Open

pytest_plugins = ("tests.browser",)
pytestmark = pytest.mark.slow


SEEN = """(kind) => {
  const view = document.querySelector(".view"), frame = view.getBoundingClientRect();
  return [...document.querySelectorAll(kind)].filter((el) => {
    const box = el.getBoundingClientRect();
    const x = Math.min(box.right, frame.left + view.clientWidth) - Math.max(box.left, frame.left);
    const y = Math.min(box.bottom, frame.top + view.clientHeight) - Math.max(box.top, frame.top);
    return x >= Math.min(20, box.width) && y >= Math.min(10, box.height) && x > 0 && y > 0;
  }).length;
}"""


SPOTS = ".op > .face, .closed > .face, .open > .face .name"
"""What a reader knows a part by."""


@cache
def scene(depth: int = 101, name: str = "stages") -> Scene:
    return view(network_of(depth), name, deep=name != "figure6")


def press(shown: Page, button: str) -> None:
    shown.locator(f"[data-do={button}]").click()


def fragment(shown: Page) -> str:
    said: str = shown.evaluate("location.hash.slice(1)")
    return said


def until_seen(shown: Page, kind: str = ".face", *, count: str = "> 0") -> None:
    """Wait until something of a kind is in view; just one, where ``count`` is ``=== 1``."""
    shown.wait_for_function(f"(kind) => ({SEEN})(kind) {count}", arg=kind)


def until_said(shown: Page, words: str) -> None:
    """Wait until the address says something, whatever it says is open."""
    shown.wait_for_function(
        "words => location.hash.slice(1).split('&open')[0] === words", arg=words
    )


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_something_is_in_view_however_large_all_is(open_page: Open, screen: dict[str, Any]) -> None:
    shown = open_page(page(scene(420)), **screen)
    press(shown, "expand")
    until_seen(shown, ".op")
    for button in ("fit", "actual"):
        press(shown, button)
        until_seen(shown, SPOTS)


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_something_is_in_view_after_every_button(open_page: Open, screen: dict[str, Any]) -> None:
    shown = open_page(page(scene()), **screen)
    press(shown, "expand")
    until_seen(shown, ".op")
    for button in ("larger", "larger", "larger", "smaller", "fit", "actual", "smaller"):
        press(shown, button)
        until_seen(shown, SPOTS)
    shown.locator(".query").fill("head/classifier")
    shown.keyboard.press("Enter")
    until_seen(shown, ".hit", count="=== 1")
    shown.locator("select.quantity").select_option("params")
    until_seen(shown, ".selected", count="=== 1")
    press(shown, "collapse")
    until_seen(shown, ".selected .name")
    for title in ("c4", "c2"):
        for _ in range(2):  # open, and close
            face(shown, title).click()
            until_seen(shown, ".selected > .face .name")
    press(shown, "expand")
    until_seen(shown, ".op")
    shown.go_back()
    until_seen(shown)


def test_a_hit_comes_into_view_where_things_may_move(open_page: Open) -> None:
    shown = open_page(page(scene()), reduced_motion="no-preference", **DESKTOP)
    for path in ("c5/block2/conv3", "stem/conv2", "stem/bn2"):
        shown.locator(".query").fill(path)
        shown.keyboard.press("Enter")
        shown.wait_for_function(f"() => ({SEEN})('.selected > .face') === 1")
        assert shown.locator(".chosen code").inner_text() == path


def test_what_was_clicked_stays_where_it_was(open_page: Open) -> None:
    shown = open_page(page(scene()), **DESKTOP)
    c3 = face(shown, "c3")
    before = c3.bounding_box()
    c3.click()
    after = face(shown, "c3").bounding_box()
    assert before is not None
    assert after is not None
    middle = [box["x"] + box["width"] / 2 for box in (before, after)]
    assert middle[0] == pytest.approx(middle[1], abs=1)
    assert after["y"] <= before["y"]


def test_the_name_of_a_wide_box_is_where_it_is_seen(open_page: Open) -> None:
    shown = open_page(page(scene()), **DESKTOP)
    press(shown, "expand")
    shown.locator(".view").evaluate("el => el.scrollBy(600, 0)")
    shown.wait_for_function(
        """() => {
          const { left, top, right, bottom } =
            document.querySelector(".view").getBoundingClientRect();
          const wide = [...document.querySelectorAll(".open > .face")].filter((face) => {
            const box = face.getBoundingClientRect();
            return box.left < left && box.right > right && box.top < bottom && box.bottom > top;
          });
          return wide.length > 0 && wide.every((face) => {
            const name = face.querySelector(".name").getBoundingClientRect();
            return name.left > left && name.right < right;
          });
        }"""
    )


def test_nothing_of_an_open_stage_is_cut_off(open_page: Open) -> None:
    shown = open_page(page(scene()), **DESKTOP)
    for title in ("c4", "identity blocks 1-22"):
        face(shown, title).click()
        outside = shown.evaluate(
            """() => {
              const { left, right } = document.querySelector(".view").getBoundingClientRect();
              return [...document.querySelectorAll("[aria-label='inside c4'] .part")]
                .map((el) => el.getBoundingClientRect())
                .filter((box) => box.left < left || box.right > right).length;
            }"""
        )
        assert outside == 0, title
    face(shown, "identity blocks 1-22").click()
    assert shown.locator(".actual").inner_text() == "100 %"


def test_the_details_cover_nothing_that_was_clicked(open_page: Open) -> None:
    shown = open_page(page(scene()), **PHONE)
    assert not shown.locator(".about").is_visible()
    last = face(shown, "c5")
    last.tap()
    assert shown.locator(".chosen").is_visible()
    until_seen(shown, ".selected > .face", count="=== 1")
    press(shown, "fold")
    assert not shown.locator(".chosen").is_visible()
    wide = shown.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390


def test_quantities_are_those_of_the_pictures(open_page: Open) -> None:
    measured = Measured(latency_s={"stem": 0.02, "c4": 0.06}, conditions="batch 8")
    shown = open_page(page(with_latency(scene(), measured)))
    names = [each.get_attribute("value") for each in shown.locator(".quantity option").all()]
    assert names == ["", *COMPUTED, "latency"]
    for name in (*COMPUTED, "latency"):
        shown.locator("select.quantity").select_option(name)
        there = overlay(scene(), name, measured=measured)
        assert shown.locator(".warmth").all_inner_texts() == [
            node.heat.text for node in there.panels[0].nodes if node.heat
        ]
        assert there.legend is not None
        assert shown.locator(".legend").inner_text().split("\n") == [
            there.legend.low, there.legend.high, there.legend.title,
        ]  # fmt: skip
    shown.locator("select.quantity").select_option("")
    assert shown.locator(".warmth").count() == 0
    assert not shown.locator(".legend").is_visible()
    assert "latency" not in page(scene()).split('class="quantity"')[1].split("</select>")[0]


def test_a_box_says_no_number_twice(open_page: Open) -> None:
    shown = open_page(page(overlay(scene(), "flops")))
    assert face(shown, "c4").inner_text().count("7.63 G FLOPs") == 1
    shown.locator("select.quantity").select_option("params")
    words = face(shown, "c4").inner_text()
    assert words.count("38.3 M params") == words.count("7.63 G FLOPs") == 1


def test_the_table_of_the_figure_changes_its_colours(open_page: Open) -> None:
    shown = open_page(page(scene(name="figure6")))
    assert not shown.locator("td.heat").first.is_visible()
    shown.locator("select.quantity").select_option("macs")
    grid = overlay(scene(name="figure6"), "macs").panels[0].grid
    assert grid is not None
    assert shown.locator("td.heat").all_inner_texts() == [
        row.heat.text for row in grid.rows if row.heat
    ]
    assert shown.locator("th.heat").inner_text() == "MACs"


def test_the_address_holds_what_is_open_chosen_and_coloured(open_page: Open) -> None:
    html = page(scene())
    shown = open_page(html)
    face(shown, "c4").click()
    face(shown, "identity blocks 1-22").click()
    shown.locator("select.quantity").select_option("activations")
    assert fragment(shown) == "c4/block1-22&color=activations&open=c4/block1-22"
    other = open_page(html, fragment=f"#{fragment(shown)}")
    for each in (shown, other):
        assert each.locator(".chosen code").inner_text() == "c4/block1-22"
        assert each.locator(".quantity").input_value() == "activations"
        assert each.locator(".face[aria-expanded=true]").count() == 2
        assert face(each, "identity block 22").count() == 1
    assert fragment(other) == fragment(shown)
    press(shown, "expand")
    assert fragment(shown).endswith("&open=*")


def test_back_undoes_what_was_opened_found_and_coloured(open_page: Open) -> None:
    shown = open_page(page(scene()), **DESKTOP)
    face(shown, "c4").click()
    shown.locator("select.quantity").select_option("macs")
    shown.locator(".query").fill("c5/block1/conv2")
    shown.keyboard.press("Enter")
    press(shown, "collapse")
    steps = ("c5/block1/conv2&color=macs", "c4&color=macs", "c4&open=c4", "")
    for said in steps:
        shown.go_back()
        until_said(shown, said.partition("&open")[0])
        until_seen(shown)
    assert shown.locator(".face[aria-expanded=true]").count() == 0
    assert shown.locator(".quantity").input_value() == ""
    shown.go_forward()
    shown.wait_for_function("() => location.hash.includes('open=c4')")
    assert face(shown, "c4").get_attribute("aria-expanded") == "true"


def test_the_second_of_two_panels_has_addresses_too(open_page: Open) -> None:
    two = comparison(network_of(152), network_of(200), view="stages", deep=True)
    shown = open_page(page(two), fragment="#b:c3/block1-7&open=b:c3")
    stages = shown.locator(".face", has=shown.locator(".name:text-is('c3')"))
    opened = [each.get_attribute("aria-expanded") for each in stages.all()]
    assert opened == ["false", "true"]
    assert shown.locator(".chosen code").inner_text() == "c3/block1-7"


def downloaded(shown: Page, button: str, folder: Path) -> Path:
    shown.locator(".save summary").click()
    with shown.expect_download() as download:
        press(shown, button)
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_the_drawing_is_saved_as_svg_of_its_own(open_page: Open, tmp_path: Path) -> None:
    shown = open_page(page(scene()), color_scheme="dark", **DESKTOP)
    face(shown, "c4").click()
    shown.locator("select.quantity").select_option("flops")
    path = downloaded(shown, "svg", tmp_path)
    assert path.name == "resnet-rs-101-stages-flops.svg"
    written = path.read_text(encoding="utf-8")
    assert "rgb(20, 24, 29)" in written
    assert tuple(int(DARK.paper[i : i + 2], 16) for i in (1, 3, 5)) == (20, 24, 29)
    assert written.count("://") == 1  # the name of the format
    svg = ElementTree.fromstring(written)
    texts = [" ".join(text.itertext()) for text in svg.findall(".//{*}text")]
    assert svg.findtext("{*}title") == texts[0] == scene().title
    shows = shown.locator(".diagram .name, .diagram .shape, .diagram .line, .diagram .warmth")
    assert set(filter(None, shows.all_text_contents())) - set(texts) == {
        "identity blocks 1-2× 2", "identity blocks 1-3× 3",
    }  # fmt: skip
    legend = shown.locator(".legend").inner_text().split("\n")
    assert set(legend) <= set(texts)
    width, height = float(svg.get("width", 0)), float(svg.get("height", 0))
    for text in svg.findall(".//{*}text"):
        x, y, length = (float(text.get(key, 0)) for key in ("x", "y", "textLength"))
        assert 0 <= x <= x + length <= width
        assert 0 < y < height
    arrows = sum(len(group) for group in svg.findall(".//{*}g"))
    assert arrows == shown.locator(".wires path").count()


def test_the_drawing_is_saved_as_pixels(open_page: Open, tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    shown = open_page(page(scene(50)), color_scheme="dark", **DESKTOP)
    path = downloaded(shown, "png", tmp_path)
    assert path.name == "resnet-rs-50-stages.png"
    dark = image.open(BytesIO(path.read_bytes())).convert("RGB")
    shown.locator(".save summary").click()
    shown.locator(".light").check()
    shown.locator(".save summary").click()
    vector = downloaded(shown, "svg", tmp_path)
    tab = shown.context.new_page()
    tab.set_viewport_size({"width": dark.width // 2, "height": dark.height // 2})
    tab.goto(vector.as_uri())
    light = image.open(BytesIO(tab.screenshot())).convert("RGB")
    tab.close()
    assert (light.width * 2, light.height * 2) == dark.size
    for drawn, theme in ((dark, DARK), (light, LIGHT)):
        assert drawn.getpixel((1, 1)) == tuple(int(theme.paper[i : i + 2], 16) for i in (1, 3, 5))
        assert len(drawn.getcolors(1 << 24)) > 50
    assert shown.locator("html").get_attribute("data-theme") is None


def test_any_name_can_be_saved_and_linked_to(open_page: Open, tmp_path: Path) -> None:
    name = "../</text>\x01\"'&\u2028 \N{HEAVY BLACK HEART}"
    (panel,) = scene(50).panels
    stage = Node(path=name, title=name, role="stage", lines=(name,))
    panel = replace(panel, nodes=(stage,), edges=(), graph=None)
    html = page(replace(scene(50), name=name, title=name, caption=name, panels=(panel,)))
    shown = open_page(html)
    shown.locator(".face").click()
    path = downloaded(shown, "svg", tmp_path)
    assert path.name == "text-stages.svg"
    svg = ElementTree.fromstring(path.read_text(encoding="utf-8"))
    assert any("</text>\ufffd" in (text.text or "") for text in svg.findall(".//{*}text"))
    again = open_page(html, fragment=f"#{fragment(shown)}")
    assert again.locator(".selected").count() == 1


def test_the_map_shows_and_moves_what_is_seen(open_page: Open) -> None:
    shown = open_page(page(scene()), **DESKTOP)
    little = shown.locator(".minimap")
    assert little.get_attribute("aria-hidden") == "true"
    press(shown, "fit")
    little.wait_for(state="hidden")
    press(shown, "expand")
    press(shown, "actual")
    little.wait_for(state="visible")
    box = little.bounding_box()
    assert box is not None
    shown.mouse.move(box["x"] + box["width"] / 2, box["y"] + 4)
    shown.mouse.down()
    shown.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=3)
    shown.mouse.up()
    shown.wait_for_function(
        "() => (el => [(el.scrollLeft + el.clientWidth / 2) / el.scrollWidth, "
        "(el.scrollTop + el.clientHeight / 2) / el.scrollHeight]"
        ".every((part) => Math.abs(part - 0.5) < 0.02))(document.querySelector('.view'))"
    )
    shown.wait_for_function(
        "y => { const { top, height } = document.querySelector('.minimap i')"
        ".getBoundingClientRect(); return Math.abs(top + height / 2 - y) < 3; }",
        arg=box["y"] + box["height"] / 2,
    )
    frame = shown.locator(".minimap i").bounding_box()
    assert frame is not None
    assert frame["x"] + frame["width"] / 2 == pytest.approx(box["x"] + box["width"] / 2, abs=3)
    assert frame["y"] + frame["height"] / 2 == pytest.approx(box["y"] + box["height"] / 2, abs=3)
    shown.keyboard.press("Shift+ArrowDown")
    shown.wait_for_function(  # the frame follows when the browser tells that it has moved
        "y => document.querySelector('.minimap i').getBoundingClientRect().y > y", arg=frame["y"]
    )


def test_two_graphs_on_a_page_know_nothing_of_each_other(open_page: Open) -> None:
    html = page(scene(50), scene(101))
    assert html.count("<!DOCTYPE") == 1
    shown = open_page(html, **DESKTOP)
    one, other = shown.locator(".viewer").all()
    other.locator("select.quantity").select_option("flops")
    other.locator("[data-do=expand]").click()
    draw_all(shown)
    assert one.locator(".op, .warmth").count() == 0
    assert other.locator(".op").count() == len(network_of(101).graph)
    one.locator(".face").nth(2).click()
    assert fragment(shown) == "c2&open=c2;&color=flops&open=*"
    shown.go_back()
    one.locator(".face[aria-expanded=true]").wait_for(state="detached")
    assert other.locator(".op").count() > 0
    again = open_page(html, fragment="#c2&open=c2;&color=flops")
    assert again.locator(".viewer").first.locator(".face[aria-expanded=true]").count() == 1
    assert again.locator(".viewer").last.locator(".warmth").count() > 0


def test_an_address_that_says_nonsense_harms_nothing(open_page: Open) -> None:
    nonsense = "#%E0%A4%A&color=beauty&open=c9,,%,c4&x;;;&open"
    shown = open_page(page(scene(50)), fragment=nonsense)
    assert shown.locator(".face[aria-expanded=true]").count() == 1
    assert shown.locator(".warmth").count() == 0


CROSSED = """() => {
  const named = (el) => el.querySelector(":scope > .face").title.split("\\n")[0];
  const crossed = [];
  for (const body of document.querySelectorAll(".body")) {
    const boxes = [...body.querySelectorAll(":scope > .part, :scope > .column > .part")];
    for (const wire of body.querySelectorAll(":scope > .wires > .edge")) {
      const ends = [0, wire.getTotalLength()];
      for (let at = 14; at < ends[1] - 14; at += 6) {
        const spot = wire.getPointAtLength(at).matrixTransform(wire.getScreenCTM());
        for (const box of boxes) {
          const { left, right, top, bottom } = box.getBoundingClientRect();
          if (spot.x > left + 3 && spot.x < right - 3 && spot.y > top + 3 && spot.y < bottom - 3)
            crossed.push(named(box));
        }
      }
    }
  }
  return crossed;
}"""


@pytest.mark.parametrize("name", ["unet", "siamese", "MobileNetV2", "DenseNet121"])
def test_no_arrow_of_another_network_runs_through_a_box(open_page: Open, name: str) -> None:
    shown = open_page(page(view(saved(name), "stages", deep=True)))
    assert shown.evaluate(CROSSED) == []
    press(shown, "expand")
    draw_all(shown)
    assert shown.evaluate(CROSSED) == []


def test_a_thousand_layers_are_in_view_after_every_button(open_page: Open) -> None:
    shown = open_page(page(view(saved("EfficientNetV2L"), "stages", deep=True)))
    buttons = [
        "expand",
        "larger",
        "larger",
        "smaller",
        "actual",
        "collapse",
        "expand",
        "fit",
        "actual",
        "collapse",
        "fit",
    ]
    for button in buttons:
        press(shown, button)
        until_seen(shown, ".part")
    assert shown.locator(".part").count() < 1000
