from __future__ import annotations

import io
import re
from functools import cache, partial
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from rsinspect.base.errors import RenderError
from rsinspect.drawing.formats import Style, render
from rsinspect.drawing.theme import DARK, LIGHT
from rsinspect.drawing.views import view
from rsinspect.pages.inline_svg import SHAPES, inline_svg
from rsinspect.plots.latency import latency_plot
from rsinspect.plots.roofline import roofline_plot
from rsinspect.plots.sheet import Sheet
from tests.networks import network_of
from tests.plotted import AWKWARD, a_run

if TYPE_CHECKING:
    from PIL.Image import Image

    from tests.browser import Open

pytest_plugins = ("tests.browser",)

PICTURES = ("figure", "latency", "roofline", "awkward")
COLOUR = re.compile(r"#[0-9a-f]{6}")


@cache
def drawn(name: str, theme: str) -> bytes:
    if name == "figure":
        return render(view(network_of(50)), "svg", Style(theme=theme))
    if name == "roofline":
        return roofline_plot(a_run(), "svg", theme)
    run = a_run(level="stage", name=AWKWARD) if name == "awkward" else a_run()
    return latency_plot(run, "svg", theme, Sheet(title=""))


def inline(name: str, theme: str = "auto") -> str:
    return inline_svg(partial(drawn, name), name=name, says=f"{name} of a network", theme=theme)


def words(svg: str | bytes) -> list[str]:
    """Texts of a picture, in order."""
    texts = [each for each in ElementTree.fromstring(svg).iter() if each.tag.endswith("text")]
    return [text for each in texts if (text := "".join(each.itertext()).strip())]


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_loses_no_text_and_brings_shapes_alone(name: str) -> None:
    svg = inline(name)
    assert svg == inline(name)
    assert words(svg) == words(drawn(name, "light"))
    root = ElementTree.fromstring(svg)
    assert {each.tag for each in root.iter()} <= SHAPES | {"svg", "title"}
    assert (root.get("role"), root.get("aria-label")) == ("img", f"{name} of a network")
    assert len(svg) < 0.55 * len(drawn(name, "light"))


@pytest.mark.parametrize("name", PICTURES)
def test_ids_begin_with_the_picture_s_name_and_all_that_is_referred_to_is_there(name: str) -> None:
    svg = inline(name)
    ids = re.findall(r' id="([^"]*)"', svg)
    assert len(set(ids)) == len(ids)
    assert all(each.startswith(f"{name}-") for each in ids)
    assert set(re.findall(r'(?:href="|url\()#([^")]*)', svg)) == set(ids)


@pytest.mark.parametrize("name", PICTURES)
def test_every_colour_of_an_auto_page_is_that_of_both_themes(name: str) -> None:
    svg = inline(name)
    pairs = re.findall(r"light-dark\((#\w{6}),(#\w{6})\)", svg)
    assert {light for light, _ in pairs} == set(COLOUR.findall(drawn(name, "light").decode()))
    assert {dark for _, dark in pairs} == set(COLOUR.findall(drawn(name, "dark").decode()))
    assert (LIGHT.ink, DARK.ink) in pairs
    assert "var(--" not in inline(name, "print")


def test_nothing_of_a_file_can_act_in_the_page_or_style_it() -> None:
    hostile = b"""<svg xmlns="http://www.w3.org/2000/svg" width="9pt" height="9pt" viewBox="0 0 9 9"
    xmlns:xlink="http://www.w3.org/1999/xlink" onload="alert(1)">
    <style>* { display: none }</style><script>alert(1)</script>
    <foreignObject><div xmlns="http://www.w3.org/1999/xhtml">boo</div></foreignObject>
    <a xlink:href="javascript:alert(1)" xlink:title="&lt;b&gt;"><rect width="9" height="9"
       style="fill: url(https://a.example/); background: red" onclick="alert(1)"/></a>
    <image href="https://a.example/x.png" width="1" height="1"/><use xlink:href="x.svg#a"/>
    <text x="1" y="1">&lt;/svg&gt;&lt;script&gt;alert(1)&lt;/script&gt;</text></svg>"""
    svg = inline_svg(lambda theme: hostile, name="odd", says='"><script>\ud800')
    assert not re.search(r"<script|<style|foreign|boo|on\w+=|javascript|a\.example|x\.svg", svg)
    assert "&lt;/svg&gt;&lt;script&gt;" in svg
    assert svg.encode()


def test_two_drawings_that_differ_in_more_than_colours_are_shown_as_the_light_one() -> None:
    def draw(theme: str) -> bytes:
        sides = '<rect width="9" height="9" fill="#ffffff" />' * (1 if theme == "light" else 2)
        return f'<svg width="9px" height="9px">{sides}</svg>'.encode()

    svg = inline_svg(draw, name="odd", says="")
    assert svg.count("<rect") == svg.count("#ffffff") == 1
    assert "light-dark" not in svg


@pytest.mark.parametrize("text", [b"no", b"<svg/>", b'<svg width="9em" height="9px"/>'])
def test_what_is_no_picture_is_refused(text: bytes) -> None:
    with pytest.raises(RenderError, match="what was drawn"):
        inline_svg(lambda theme: text, name="odd", says="")


def body(*pictures: str) -> str:
    style = (
        ":root { color-scheme: light } :root[data-theme=dark] { color-scheme: dark }"
        "body { margin: 0 } div { height: 900px; overflow: hidden } text { white-space: pre }"
    )
    boxes = "".join(f"<div>{picture}</div>" for picture in pictures)
    return f"<!DOCTYPE html><meta charset=utf-8><style>{style}</style>{boxes}"


def test_pictures_of_one_page_look_as_their_files_do_in_both_themes(open_page: Open) -> None:
    pil = pytest.importorskip("PIL.Image")
    chops = pytest.importorskip("PIL.ImageChops")

    def shot(html: str, theme: str) -> list[Image]:
        page = open_page(html)
        page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
        return [
            pil.open(io.BytesIO(each.screenshot())).convert("L")
            for each in page.locator("div").all()
        ]

    shown = {theme: shot(body(*map(inline, PICTURES)), theme) for theme in ("light", "dark")}
    for theme, pictures in shown.items():
        for name, one in zip(PICTURES, pictures, strict=True):
            (other,) = shot(body(drawn(name, theme).decode().partition("?>")[2]), theme)
            assert one.size == other.size
            apart = chops.difference(one, other).histogram()
            assert sum(apart[96:]) <= 0.002 * sum(apart), (name, theme)
