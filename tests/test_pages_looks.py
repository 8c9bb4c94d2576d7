"""The page of a report as a whole: what browsers, readers and strangers' names make of it."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rsinspect.networks.named import network
from rsinspect.networks.network import Network
from rsinspect.pages.html import report_page
from rsinspect.pages.report import Report
from rsinspect.pages.subject import Subject
from tests.keras_files import conv, functional, image, keras_file
from tests.networks import layout_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser import Open

pytest_plugins = ("tests.browser",)

HOSTILE = "</script><img src=x onerror=alert(1)>'\"&amp;\u202eRTL \U0001f600"
"""A name that breaks out of whatever is careless."""


def small() -> Network:
    return layout_of(1, 1, 1, 1, width=0.25, resolution=(32, 32))


@cache
def html(title: str = "", **options: Any) -> str:
    one = replace(small(), title=title) if title else small()
    return report_page(
        Report(subjects=(Subject(text=title or "small", network=one),), title=title, **options)
    )


def test_code_and_styles_stay_small() -> None:
    text = html()
    styles = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    code = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert styles
    assert code
    assert sum(len(part.encode()) for part in (*styles, *code)) < 111_000


def test_a_name_from_a_file_is_text_in_every_section() -> None:
    text = html(HOSTILE)
    assert "<img" not in text
    assert text.count("</script>") == html().count("</script>")
    assert "://" not in re.sub(
        r"<script type=.*?</script>|https?://[^\s\"<]*", "", text, flags=re.DOTALL
    )


@pytest.mark.slow
def test_hostile_files_and_layers_are_shown_and_do_nothing(open_page: Open, tmp_path: Path) -> None:
    layer = HOSTILE.replace("/", ":")
    rows = functional(image(), conv(layer, "image"), conv("'\"><svg onload=alert(2)>", layer))
    file = keras_file(tmp_path / "<img src=x onerror=alert(3)>.keras", rows)
    made = Report(subjects=(Subject(text=str(file), network=network(str(file))),), title=HOSTILE)
    shown = open_page(report_page(made))
    assert shown.locator("img").count() == 0
    assert shown.locator("[onload], [onerror]").count() == 0
    assert "<img src=x onerror=alert(1)>" in shown.locator("h1").inner_text()
    beside = shown.locator(".listing small").first  # is not turned by the name that it follows
    assert beside.evaluate("node => getComputedStyle(node).unicodeBidi") == "isolate"
    shown.locator("[data-do=expand]").click()
    shown.wait_for_function(
        "() => document.querySelector('.diagram').innerHTML.includes('svg onload')"
    )
    assert shown.locator("[onload], [onerror]").count() == 0


@pytest.mark.slow
def test_the_policy_stops_what_somebody_smuggles_in(open_page: Open) -> None:
    smuggled = (
        "<script>document.body.dataset.script = 1</script>"
        "<img alt='' src='data:,' onerror='document.body.dataset.handler = 1'>"
    )
    text = html().replace("</main>", f"{smuggled}</main>")
    policy = re.search(r'<meta http-equiv="Content-Security-Policy"[^>]*>', text)
    assert policy is not None
    done = "[document.body.dataset.script, document.body.dataset.handler]"
    open_to_all = open_page(text.replace(policy[0], ""))
    open_to_all.wait_for_function(f"() => {done}.join() === '1,1'")
    guarded = open_page(text, complains=True)
    guarded.wait_for_load_state("load")
    guarded.wait_for_function(
        "() => document.querySelectorAll('.diagram .part').length > 3"
    )  # ours ran
    assert guarded.evaluate(done) == [None, None]


def serious(page: Page) -> list[str]:
    axe = pytest.importorskip("axe_playwright_python", reason="needs axe-playwright-python (pip)")
    page.evaluate(Path(axe.__file__).with_name("axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
    return [
        f"{rule['id']}: {node['target']} {node['html'][:120]}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"][:3]
    ]


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(open_page: Open, scheme: str) -> None:
    networks = (small(), layout_of(1, 2, 1, 1, width=0.25, resolution=(32, 32)))
    subjects = tuple(
        Subject(text=key, network=each, key=key) for key, each in zip("ab", networks, strict=True)
    )
    page = open_page(report_page(Report(subjects=subjects)), color_scheme=scheme)
    assert page.locator(".tied").count() == 1
    assert serious(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function("() => innerWidth === 390")
    assert serious(page) == []


@pytest.mark.slow
def test_the_contents_follow_what_is_read_and_the_keyboard_skips_them(open_page: Open) -> None:
    shown = open_page(html(), viewport={"width": 1280, "height": 800})
    current = "document.querySelector('.contents [aria-current=location]')?.hash"
    shown.wait_for_function(
        f"() => {current} === '#facts'"
    )  # a function: the policy allows no eval
    shown.keyboard.press("Tab")
    assert shown.evaluate("document.activeElement.className") == "skip"
    shown.keyboard.press("Enter")
    shown.wait_for_function("() => document.activeElement.id === 'content'")
    shown.evaluate("scrollTo({top: document.documentElement.scrollHeight, behavior: 'instant'})")
    shown.wait_for_function(f"() => {current} === '#provenance'")
    wide = "document.documentElement.scrollWidth - innerWidth"
    assert shown.evaluate(wide) <= 0
    shown.set_viewport_size({"width": 390, "height": 844})
    shown.wait_for_function(f"() => {wide} <= 0")
    shown.set_viewport_size({"width": 703, "height": 1000})  # of A4 between its margins
    shown.emulate_media(media="print")
    assert not shown.locator(".contents").is_visible()
    shown.wait_for_function(f"() => {wide} <= 0")  # else Chromium prints all of it smaller


@pytest.mark.slow
def test_without_scripts_all_sections_are_there_to_read(open_page: Open) -> None:
    shown = open_page(html(), java_script_enabled=False)
    sections = shown.locator(".section")
    assert sections.count() == shown.locator(".contents ol a").count() > 4
    for place in range(sections.count()):
        assert len(sections.nth(place).inner_text()) > 40
    assert not shown.get_by_role("button", name="Dark", exact=True).is_visible()
