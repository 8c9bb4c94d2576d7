"""A page of a graph with all of a large network open: little is drawn, nothing is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rsinspect.drawing.page import page
from rsinspect.drawing.views import view
from tests.boxes import draw_all, face
from tests.networks import made, network_of, saved

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser import Open

pytest_plugins = ("tests.browser",)
pytestmark = pytest.mark.slow

SHOWN = """() => {
  const shapes = [...document.querySelectorAll(".shade:not(.found)")];
  return document.querySelectorAll(".op").length +
    shapes.reduce((sum, shape) => sum + shape.getAttribute("d").match(/M/g).length, 0);
}"""
"""Layers that are drawn, or stand in a sketch."""

SIZE = "(el => [el.offsetWidth, el.offsetHeight])(document.querySelector('.canvas'))"


def kinds(shown: Page, scope: str) -> list[str]:
    """List the kinds of the shortcuts beside closed blocks, and of those of a stage."""
    found: list[str] = shown.locator(f"{scope} > .wires > .edge:not(.flow)").evaluate_all(
        "all => all.map((edge) => edge.classList[1])"
    )
    return found


def test_all_of_the_largest_network_is_there_and_little_of_it_drawn(open_page: Open) -> None:
    network = network_of(420)
    shown = open_page(page(view(network, "stages", deep=True)))
    shown.locator("[data-do=expand]").click()
    count = len(network.graph)
    assert shown.evaluate(SHOWN) == count
    assert shown.locator(".op").count() < count / 10
    size = shown.evaluate(SIZE)
    assert shown.locator(".sketched .edge.identity").count() > 100
    shown.keyboard.press("f")  # of what is tiny there are sketches only
    shown.wait_for_function("() => document.querySelectorAll('.part.op').length < 60")
    assert shown.evaluate(SHOWN) == count
    draw_all(shown)
    assert shown.locator(".op").count() == count
    assert shown.locator(".sketched").count() == 0
    assert shown.evaluate(SIZE) == size


def test_a_sketch_is_filled_for_whoever_comes_near(open_page: Open) -> None:
    shown = open_page(page(view(network_of(101), "stages", deep=True)))
    shown.locator("[data-do=expand]").click()
    body = shown.locator("[aria-label='inside c4/block20']")
    assert body.get_attribute("class") == "body sketched"
    shown.locator(".query").fill("se/reduce")
    assert body.locator(".found").count() == 1
    face(shown, "identity block 20").focus()
    shown.keyboard.press("ArrowDown")
    assert shown.evaluate("document.activeElement.querySelector('.chip').textContent") == "conv1"
    assert body.locator(".op").count() > 10
    assert body.locator(".hit").count() == 1
    shown.locator("select.quantity").select_option("flops")
    assert body.locator(".op").count() > 10  # what is chosen stays
    heats = "[style*='--heat-']"
    assert shown.locator(f".sketched .shade{heats}").count() > 10
    shown.keyboard.press("Home")
    shown.wait_for_function(
        "() => !document.querySelector(\"[aria-label='inside c4/block20'] .op\")"
    )


def test_shortcuts_are_seen_at_every_level(open_page: Open) -> None:
    shown = open_page(page(view(network_of(101), "stages", deep=True)))
    pieces = shown.locator(".piece .around .edge")
    assert pieces.evaluate_all("all => all.map((edge) => edge.classList[1])") == [
        "projection", "identity",
    ] * 4  # fmt: skip
    face(shown, "c4").click()
    assert kinds(shown, "[aria-label='inside c4']") == ["projection", "identity"]
    face(shown, "identity blocks 1-22").click()
    assert kinds(shown, "[aria-label='inside c4/block1-22']") == ["identity"] * 22


def test_blocks_that_are_alike_say_in_what_and_can_be_opened_as_one(open_page: Open) -> None:
    html = page(view(network_of(101), "stages", deep=True))
    shown = open_page(html)
    face(shown, "c4").click()
    words = "22 identical blocks, each with weights of its own"
    blocks = face(shown, "identity blocks 1-22")
    assert words in blocks.inner_text()
    blocks.click()
    way = shown.locator(".way")
    assert shown.locator(".ways").inner_text().startswith(words)
    assert way.get_attribute("aria-pressed") == "false"
    way.click()
    assert shown.locator(".way").get_attribute("aria-pressed") == "true"
    inside = shown.locator("[aria-label='inside c4/block1-22']")
    assert inside.locator(".block").count() == 1
    assert face(shown, "identity block 1").locator(".chip").inner_text() == "1 of 22"
    assert inside.locator("> .wires > .edge").count() == 2  # in, and out
    fragment = shown.evaluate("location.hash.slice(1)")
    assert fragment.endswith("one=c4/block1-22")
    again = open_page(html, fragment=f"#{fragment}")
    assert again.locator("[aria-label='inside c4/block1-22'] .block").count() == 1
    shown.go_back()
    shown.wait_for_function("() => document.querySelectorAll('.block').length > 20")
    shown.go_forward()
    shown.wait_for_function("() => document.querySelectorAll('.block').length < 20")
    shown.locator(".query").fill("c4/block9/conv2")  # which one for all does not show
    shown.keyboard.press("Enter")
    shown.wait_for_function(
        "() => document.querySelector('.selected .chip')?.textContent === 'conv2'"
    )
    assert inside.locator("> .column > .block").count() == 22


@pytest.mark.parametrize("skips", [False, True])
def test_a_thousand_layers_that_nobody_would_draw(open_page: Open, skips: bool) -> None:
    network = made(1000, skips=skips)
    shown = open_page(page(view(network, "stages", deep=True)))
    shown.locator("[data-do=expand]").click()
    assert shown.evaluate(SHOWN) == len(network.graph)
    width, height = shown.evaluate(SIZE)
    assert skips or 0.2 < width / height < 5  # 47 stages stand below each other
    draw_all(shown)
    assert shown.locator(".op").count() == len(network.graph)


def test_blocks_that_grow_say_so(open_page: Open) -> None:
    shown = open_page(page(view(saved("DenseNet121"), "stages", deep=True)))
    face(shown, "conv2").click()
    assert "6 blocks of one form, growing width" in shown.locator(".alike").first.inner_text()
