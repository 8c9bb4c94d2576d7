from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from rsinspect.base.errors import InvalidChoice
from rsinspect.drawing.choices import THEME_NAMES
from rsinspect.drawing.comparison import comparison
from rsinspect.drawing.overlay import overlay
from rsinspect.drawing.page import page
from rsinspect.drawing.scene import Fact, Node, Scene
from rsinspect.drawing.theme import DARK, LIGHT
from rsinspect.drawing.views import view
from rsinspect.networks.resnet_rs import build_graph
from rsinspect.networks.spec import ResNetRSSpec
from tests.boxes import draw_all, face
from tests.conftest import python
from tests.networks import network_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser import Open

pytest_plugins = ("tests.browser",)

STAGES = ["input", "stem", "c2", "c3", "c4", "c5", "head"]


@cache
def scene(depth: int = 101, name: str = "stages", **options: Any) -> Scene:
    return view(network_of(depth), name, deep=name != "figure6", **options)


@cache
def hot(name: str = "stages") -> Scene:
    return overlay(scene(name=name), "flops")


@pytest.fixture
def hostile() -> Scene:
    """A network of one stage, named to break out of whatever it is written into."""
    name = "</script><img src=x onerror=alert(1)>\u2028'\"&amp;"
    (panel,) = scene(50).panels
    cost = Fact(key="params", value=1, text=name)
    stage = Node(path=name, title=name, role="stage", aside=name, lines=(name,), costs=(cost,))
    return replace(
        scene(50),
        title=name,
        description=name,
        caption=name,
        panels=(replace(panel, title=name, nodes=(stage,), edges=(), graph=None),),
    )


def island(html: str) -> dict[str, Any]:
    (text,) = re.findall(r'<script type="application/json" class="scene">(.*?)</script>', html)
    document: dict[str, Any] = json.loads(text)
    return document


def nodes_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    def inside(nodes: list[dict[str, Any]], box: str = "") -> list[dict[str, Any]]:
        found = []
        for node in nodes:
            path = node.get("path", f"{box}/{node.get('step')}")
            found += [node | {"path": path}, *inside(node.get("children", []), path)]
        return found

    return [node for panel in document["panels"] for node in inside(panel["nodes"])]


def test_the_page_holds_every_node_edge_and_fact_of_the_scene() -> None:
    document = island(page(scene()))
    nodes = nodes_of(document)
    (panel,) = scene().panels
    looks = [document["known"][node["known"]]["look"] for node in nodes]
    assert [(look["title"], look.get("aside", ""), look["role"]) for look in looks] == [
        (node.title, node.aside, node.role) for node in panel.walk()
    ]
    assert [node["path"] for node in nodes] == [node.path for node in panel.walk()]
    assert [document["known"][node["known"]]["facts"] for node in nodes] == [
        [[f.key, f.value, f.text] for f in node.facts] for node in panel.walk()
    ]
    walk = list(panel.walk())
    edges = [
        (walk[tail].path, walk[head].path, *(said or ["flow"]))
        for edge in document["panels"][0]["edges"]
        for tail, head, *said in [edge if isinstance(edge, list) else [edge, edge + 1]]
    ]
    assert edges == [(edge.tail, edge.head, edge.kind) for edge in panel.edges]
    assert {edge.tail: edge.label for edge in panel.edges}.items() <= {
        (node.path, node.aside) for node in walk
    }


def test_what_a_view_opens_is_open_in_the_page() -> None:
    nodes = nodes_of(island(page(scene(name="blocks", expand=("c4/block1",)))))
    assert [node["path"] for node in nodes if node.get("open")] == [
        "c2", "c3", "c4", "c4/block1", "c5",
    ]  # fmt: skip


@pytest.mark.parametrize("theme", THEME_NAMES)
def test_the_page_refers_to_nothing_outside_itself(theme: str) -> None:
    html = page(hot(), theme=theme)
    assert "://" not in html
    assert not re.search(r"@import|(?<![.\w])(?:src|srcset|action|poster)=", html)
    assert set(re.findall(r'\bhref="([^"]*)"', html)) == {"data:,"}
    assert "default-src 'none'" in html


def test_no_name_ends_the_element_it_is_in(hostile: Scene) -> None:
    html = page(hostile)
    assert html.count("</script>") == page(scene(50)).count("</script>") == 2
    assert "<img" not in html
    assert island(html)["known"][0]["look"]["title"] == hostile.title
    (text,) = re.findall(r'class="scene">(.*)', html)
    assert "\u2028" not in text


def test_the_page_is_the_same_in_another_process() -> None:
    code = (
        "import hashlib, sys; from rsinspect.drawing.page import page;"
        "assert 'jinja2' not in sys.modules;"
        "from rsinspect.drawing.views import view;"
        "from rsinspect.networks.named import network;"
        "html = page(view(network('50'), 'stages', deep=True));"
        "print(hashlib.sha256(html.encode()).hexdigest())"
    )
    one, other = (python(code, PYTHONHASHSEED=seed) for seed in ("1", "2"))
    assert one.returncode == 0, one.stderr
    assert one.stdout == other.stdout


def test_the_largest_network_is_below_a_megabyte() -> None:
    assert len(page(scene(420)).encode()) < 1_000_000


def test_only_an_automatic_page_follows_the_reader() -> None:
    assert "prefers-color-scheme: dark" in page(scene())
    for theme in THEME_NAMES[1:]:
        html = page(scene(), theme=theme)
        assert "@media screen and (prefers-color-scheme: dark)" not in html
        assert '<button type="button" data-do="scheme">' not in html


def test_an_unknown_theme_is_refused() -> None:
    with pytest.raises(InvalidChoice, match="darkk"):
        page(scene(), theme="darkk")


def test_a_scale_stands_only_where_something_is_coloured() -> None:
    assert '<span class="legend" hidden>' in page(scene())
    assert "7.63 G FLOPs" in page(hot()).split('<span class="legend">')[1].split("</p>")[0]


def test_a_comparison_says_what_its_borders_mean() -> None:
    html = page(comparison(network_of(152), network_of(200), view="stages", deep=True))
    key = html.split('<ul class="key"')[1].split("</ul>")[0]
    assert "added: only the second has it" in key  # inside closed stages
    assert "changed: both have it" in key
    assert "removed" not in key
    assert "changed" not in page(scene()).split('<ul class="key"')[1].split("</ul>")[0]


def test_a_page_without_a_title_has_the_name_of_its_network() -> None:
    html = page(replace(scene(), title="", caption=""))
    assert "<title>resnet-rs-101</title>" in html
    assert "<h1>" not in html
    assert "<p></p>" not in html


def test_the_table_of_the_figure_is_a_table() -> None:
    html = page(hot("figure6"))
    table = html.split("<tbody>")[1].split("</tbody>")[0]
    assert table.count("<tr>") == 8
    assert table.count('scope="row"') == 8
    assert "SE 1024 → 256 → 1024" in table
    assert "7.63 G FLOPs (63.5 %)" in table


# ---- in a browser

OVERFLOWING = """() => [...document.querySelectorAll(
    ".part, .face, .top, .line, .cost, .warmth, .port, .grid td, .grid th")]
  .filter((el) => el.scrollWidth > el.clientWidth + 1 || el.scrollHeight > el.clientHeight + 1)
  .map((el) => el.className + ": " + el.textContent)"""

UNREADABLE = """() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const linear = (part) =>
    part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const behind = (el) => {
    for (; el; el = el.parentElement) {
      const colour = parts(getComputedStyle(el).backgroundColor);
      if (colour.length === 3) return colour;
    }
    throw new Error("nothing behind");
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
  let seen = 0;
  while (walker.nextNode()) {
    const el = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !el.checkVisibility() || el.closest("svg")) continue;
    seen++;
    const pair = [luminance(parts(getComputedStyle(el).color)), luminance(behind(el))];
    const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    if (ratio < 4.5) found.push(`${ratio.toFixed(2)} ${el.className}: ${el.textContent}`);
  }
  if (seen < 30) throw new Error("no text");
  return found;
}"""


def path_shown(shown: Page) -> str:
    return shown.locator(".chosen code").inner_text()


@pytest.mark.slow
def test_a_stage_opens_and_closes_at_a_click(open_page: Open) -> None:
    shown = open_page(page(scene()))
    assert shown.locator(".part").count() == len(STAGES)
    assert shown.locator(".body > .wires path").count() == len(STAGES) - 1
    c4 = face(shown, "c4")
    assert c4.get_attribute("aria-expanded") == "false"
    c4.click()
    assert face(shown, "c4").get_attribute("aria-expanded") == "true"
    assert face(shown, "identity blocks 1-22").is_visible()
    assert path_shown(shown) == "c4"
    assert "38 251 264" in shown.locator(".chosen").inner_text().replace("\u202f", " ")
    face(shown, "c4").click()
    assert shown.locator(".part").count() == len(STAGES)


@pytest.mark.slow
def test_a_block_shows_its_shortcut_though_the_source_is_closed(open_page: Open) -> None:
    shown = open_page(page(scene()), fragment="#c4/block5/conv2")
    assert path_shown(shown) == "c4/block5/conv2"
    wires = shown.locator("[aria-label='inside c4/block5'] > .wires")
    kinds = ("identity", "gate", "projection")
    assert [wires.locator(f".{kind}").count() for kind in kinds] == [1, 5, 0]
    styles = {
        tuple(
            wires.locator(f".{kind}").first.evaluate(
                "el => [getComputedStyle(el).stroke, getComputedStyle(el).strokeDasharray]"
            )
        )
        for kind in ("flow", "identity", "gate")
    }
    assert len({stroke for stroke, _ in styles}) == 3
    assert sum(dash == "none" for _, dash in styles) == 2  # data and identity, as in print
    face(shown, "identity block 4").click()
    block = shown.locator("[aria-label='inside c4/block4'] > .wires")
    assert block.locator(".identity").count() == 1


@pytest.mark.slow
def test_arrows_begin_and_end_at_boxes_and_run_through_none(open_page: Open) -> None:
    shown = open_page(page(scene(name="layers")))
    draw_all(shown)
    strays = shown.evaluate(
        """() => [...document.querySelectorAll(".wires")].flatMap((wires) => {
          const boxes = [...wires.parentElement.querySelectorAll(".part, .port")]
            .filter((el) => el.offsetParent === wires.parentElement)
            .map((el) => [el.offsetLeft, el.offsetTop, el.offsetWidth, el.offsetHeight]);
          const within = ({ x, y }, margin) => boxes.some(([left, top, width, height]) =>
            x > left - margin && x < left + width + margin &&
            y > top - margin && y < top + height + margin);
          const stray = (path) => {
            const length = path.getTotalLength();
            const points = Array.from({ length: 41 },
              (_, i) => path.getPointAtLength(i * length / 40));
            return !within(points[0], 2) || !within(points[40], 2) ||
              points.some((point) => within(point, -3));
          };
          return [...wires.children].filter(stray).map((path) => path.getAttribute("d"));
        })"""
    )
    assert strays == []
    assert shown.locator(".wires path").count() > len(build_graph(ResNetRSSpec.variant(101)))


@pytest.mark.slow
def test_search_opens_what_encloses_the_hit_and_shows_it(open_page: Open) -> None:
    shown = open_page(page(scene()))
    shown.keyboard.press("/")
    shown.keyboard.type("c4/block22/conv2")
    assert shown.locator(".hits").inner_text() == "1 hit"
    shown.keyboard.press("Enter")
    assert shown.locator(".hits").inner_text() == "1 of 1"
    assert path_shown(shown) == "c4/block22/conv2"
    shown.wait_for_function("() => location.hash === '#c4/block22/conv2'")
    box = shown.locator(".part.hit").bounding_box()
    frame = shown.locator(".view").bounding_box()
    assert box is not None
    assert frame is not None
    assert frame["x"] <= box["x"]
    assert box["x"] + box["width"] <= frame["x"] + frame["width"]
    assert frame["y"] <= box["y"] <= frame["y"] + frame["height"] - box["height"]
    shown.keyboard.press("Escape")
    assert shown.locator(".query").input_value() == ""
    assert shown.locator(".hit").count() == 0


@pytest.mark.slow
def test_enter_steps_through_the_hits_and_begins_again(open_page: Open) -> None:
    shown = open_page(page(scene(50)))
    shown.locator(".query").fill("c5 avg pool")
    count = int(shown.locator(".hits").inner_text().removesuffix(" hits"))
    seen = []
    for _ in range(count + 1):
        shown.keyboard.press("Enter")
        seen.append(path_shown(shown))
    assert {"c5/block0/shortcut/pool", "c5/block1/se/squeeze"} <= set(seen)
    assert len(set(seen)) == count
    assert seen[-1] == seen[0]
    shown.keyboard.press("Shift+Enter")
    assert path_shown(shown) == seen[-2]
    shown.locator(".query").fill("no such layer")
    assert shown.locator(".hits").inner_text() == "no hits"


@pytest.mark.slow
def test_all_of_the_largest_network_can_be_open(open_page: Open) -> None:
    shown = open_page(page(scene(420)))
    shown.locator("[data-do=expand]").click()
    few = shown.locator(".op").count()
    draw_all(shown)
    count = shown.locator(".op").count()
    assert 10 < few < count / 10
    assert count == len(build_graph(ResNetRSSpec.variant(420)))
    width, height = shown.evaluate(
        "(el => [el.offsetWidth, el.offsetHeight])(document.querySelector('.canvas'))"
    )
    assert 0.3 < width / height < 3
    assert shown.evaluate(OVERFLOWING) == []
    shown.locator("[data-do=collapse]").click()
    assert shown.locator(".part").count() == len(STAGES)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "made",
    [
        scene,
        lambda: scene(direction="LR"),
        lambda: scene(name="blocks", expand=("c4/block0",)),
        lambda: scene(50, "layers"),
        hot,
        lambda: hot("layers"),
        lambda: hot("figure6"),
    ],
    ids=["stages", "LR", "blocks", "layers", "hot", "hot layers", "figure6"],
)
def test_text_fits_its_box_and_can_be_read(
    open_page: Open, made: Callable[[], Scene], scheme: str
) -> None:
    shown = open_page(page(made()), color_scheme=scheme)
    assert shown.evaluate(OVERFLOWING) == []
    assert shown.evaluate(UNREADABLE) == []


@pytest.mark.slow
def test_a_name_is_text_and_nothing_more(open_page: Open, hostile: Scene) -> None:
    shown = open_page(page(hostile))
    assert shown.locator("img").count() == 0
    assert shown.locator(".part .name").text_content() == hostile.title
    shown.locator(".face").click()
    assert path_shown(shown).startswith("</script>")
    assert shown.evaluate(OVERFLOWING) == []


@pytest.mark.slow
def test_the_page_is_dark_where_the_reader_is_and_can_be_switched(open_page: Open) -> None:
    shown = open_page(page(scene()), color_scheme="dark")
    paper = "getComputedStyle(document.body).backgroundColor"
    light, dark = (
        "rgb({}, {}, {})".format(*bytes.fromhex(theme.paper[1:])) for theme in (LIGHT, DARK)
    )
    assert shown.evaluate(paper) == dark
    shown.get_by_role("button", name="Light", exact=True).click()
    assert shown.evaluate(paper) == light
    shown.get_by_role("button", name="Dark", exact=True).click()
    assert shown.evaluate(paper) == dark
    shown.emulate_media(media="print")
    assert shown.evaluate(paper) == light


@pytest.mark.slow
def test_the_keyboard_is_enough(open_page: Open) -> None:
    shown = open_page(page(scene()))
    focused = "document.activeElement.querySelector('.name')?.textContent"
    shown.locator(".query").focus()
    while shown.evaluate(focused) != "input":
        shown.keyboard.press("Tab")
    for key, title in (
        ("ArrowDown", "stem"), ("ArrowDown", "c2"), ("ArrowRight", "c2"),
        ("ArrowRight", "projection block 0"), ("Enter", "projection block 0"),
        ("ArrowRight", "conv 1×1, 64"), ("ArrowLeft", "projection block 0"),
        ("Space", "projection block 0"), ("ArrowLeft", "c2"), ("ArrowLeft", "c2"), ("End", "head"),
        ("Home", "input"),
    ):  # fmt: skip
        shown.keyboard.press(key)
        assert shown.evaluate(focused) == title, key
    assert shown.locator(".part").count() == len(STAGES)
    assert path_shown(shown) == "input"
    assert shown.locator(".face[tabindex='0']").count() == 1


@pytest.mark.slow
def test_zoom_has_keys_buttons_and_a_wheel(open_page: Open) -> None:
    shown = open_page(page(scene()))
    zoom = shown.locator(".actual")
    assert zoom.inner_text() == "100 %"
    shown.keyboard.press("+")
    assert zoom.inner_text() == "125 %"
    shown.keyboard.press("-")
    shown.keyboard.press("f")
    shown.wait_for_function(
        "() => (el => el.scrollHeight <= el.clientHeight + 1)(document.querySelector('.view'))"
    )
    shown.keyboard.press("0")
    shown.mouse.move(500, 400)
    shown.keyboard.down("Control")
    shown.mouse.wheel(0, -120)
    shown.keyboard.up("Control")
    shown.wait_for_function("() => parseInt(document.querySelector('.actual').textContent) > 100")


@pytest.mark.slow
def test_a_drag_pans_and_opens_nothing(open_page: Open) -> None:
    shown = open_page(page(scene()))
    shown.mouse.move(520, 600)
    shown.mouse.down()
    shown.mouse.move(520, 400, steps=4)
    shown.mouse.up()
    shown.wait_for_function("() => document.querySelector('.view').scrollTop > 100")
    assert shown.locator(".part").count() == len(STAGES)


@pytest.mark.slow
def test_without_a_script_the_stages_are_a_table(open_page: Open) -> None:
    shown = open_page(page(scene()), java_script_enabled=False)
    assert shown.locator("table.grid tbody th").all_inner_texts() == STAGES
    assert "identity blocks 1-22 × 22" in shown.locator("table.grid").inner_text()
