"""Pictures through Graphviz: DOT, SVG, PNG and PDF, their colours and their text."""

from __future__ import annotations

import itertools
import json
import re
import shutil
from base64 import b64encode
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pydot
import pytest

from rsinspect.base.errors import InvalidChoice, UnknownPicture
from rsinspect.drawing import theme as themes
from rsinspect.drawing.choices import DEEP, EVERY_LAYER, PICTURES, PLOT_THEMES, VIEWS
from rsinspect.drawing.comparison import comparison
from rsinspect.drawing.dot import dot
from rsinspect.drawing.formats import Style, render
from rsinspect.drawing.overlay import overlay
from rsinspect.drawing.scene import Scene
from rsinspect.drawing.theme import THEMES, contrast, luminance, text_on
from rsinspect.drawing.views import view
from rsinspect.layers.graph import LayerGraph
from rsinspect.networks.network import resnet_rs
from rsinspect.networks.resnet_rs import build_graph
from rsinspect.networks.spec import ResNetRSSpec
from tests.conftest import Cli
from tests.networks import EACH, layout_of, network_of

if TYPE_CHECKING:
    from tests.browser import Open

pytest_plugins = ("tests.browser",)

SVG = "{http://www.w3.org/2000/svg}"
XLINK = "{http://www.w3.org/1999/xlink}"
PX_PER_PT = 4 / 3  # of CSS


@pytest.fixture
def no_system_graphviz(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")


def svg(scene: Scene, **style: Any) -> ElementTree.Element:
    return ElementTree.fromstring(render(scene, "svg", Style(**style)))


def size(root: ElementTree.Element) -> tuple[float, float]:
    _, _, width, height = map(float, (root.get("viewBox") or "").split())
    return width, height


def check_accessible(root: ElementTree.Element) -> None:
    """What WAI-ARIA's graphics guide and WCAG ask of a picture, and that it holds no script."""
    assert root.get("role") == "img"
    ids = Counter(element.get("id") for element in root.iter() if element.get("id"))
    assert [name for name, times in ids.items() if times > 1] == []
    by_id = {element.get("id"): element for element in root.iter()}
    named = [by_id[name] for name in (root.get("aria-labelledby") or "").split()]
    assert [element.tag for element in named] == [f"{SVG}title", f"{SVG}desc"]
    assert all((element.text or "").strip() for element in named)
    assert root[0].tag == f"{SVG}title"
    for element in root.iter():
        assert element.tag not in (f"{SVG}script", f"{SVG}foreignObject", f"{SVG}image")
        assert not any(name.lower().startswith("on") for name in element.attrib)
        assert element.get("href") is None
        assert element.get(f"{XLINK}href") is None
        if element.get("class") in ("node", "edge"):
            assert element.find(f"{SVG}title") is not None


@pytest.mark.slow
@pytest.mark.usefixtures("no_system_graphviz")
@pytest.mark.parametrize(("depth", "dialect"), EACH)
def test_every_view_of_every_network_renders_without_a_system_graphviz(
    depth: int, dialect: str
) -> None:
    network = network_of(depth, dialect=dialect)
    for name in VIEWS:
        scene = view(network, name)
        root = svg(scene)
        check_accessible(root)
        assert max(size(root)) * PX_PER_PT < 20_000
        ids = {element.get("id") for element in root.iter()}
        wanted = {node.path for panel in scene.panels for node in panel.walk(deep=False)}
        wanted |= {f"{e.tail}->{e.head}" for panel in scene.panels for e in panel.edges}
        assert wanted <= ids


@pytest.mark.skipif(shutil.which("dot") is None, reason="no Graphviz program on the PATH")
@pytest.mark.parametrize("name", VIEWS)
def test_the_systems_graphviz_draws_the_same_nodes(name: str) -> None:
    scene = view(network_of(50), name)
    ours, theirs = svg(scene), svg(scene, renderer="system")
    check_accessible(theirs)
    assert {e.get("id") for e in ours.iter(f"{SVG}g") if e.get("class") == "node"} == {
        e.get("id") for e in theirs.iter(f"{SVG}g") if e.get("class") == "node"
    }


@pytest.mark.parametrize("direction", ["TB", "LR"])
@pytest.mark.parametrize("name", ["figure6", "stages"])
def test_a_figure_fits_a_page_at_every_depth(name: str, direction: Any) -> None:
    sizes = [
        size(svg(view(network_of(depth), name, direction=direction))) for depth in (50, 101, 420)
    ]
    assert all(0.5 <= width / height <= 2.05 for width, height in sizes)
    assert sizes[0] == pytest.approx(sizes[2], rel=0.15)  # 420 has drop path in its blocks


@pytest.mark.parametrize("name", ["figure6", "stages", "blocks"])
def test_the_dot_source_is_as_reviewed(golden: Callable[[str, str], None], name: str) -> None:
    golden(f"{name}-101.dot", dot(view(network_of(101), name)))


def structure(root: ElementTree.Element) -> list[str]:
    """What a picture is made of, without where it stands."""
    return [
        " ".join(
            filter(
                None, (e.tag.removeprefix(SVG), e.get("class"), e.get("id"), (e.text or "").strip())
            )
        )
        for e in root.iter()
        if e.tag in (f"{SVG}g", f"{SVG}text", f"{SVG}title", f"{SVG}desc")
    ]


@pytest.mark.parametrize("name", ["figure6", "stages"])
def test_the_svg_holds_what_was_reviewed(name: str, request: pytest.FixtureRequest) -> None:
    root = svg(view(network_of(101), name))
    path = Path(__file__).parent / "goldens" / f"{name}-101.svg"
    if request.config.getoption("--update-goldens"):
        path.write_bytes(render(view(network_of(101), name), "svg"))
    assert structure(root) == structure(ElementTree.parse(path).getroot())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["stages", "blocks", "layers"])
def test_another_reader_of_dot_sees_the_same_nodes(name: str) -> None:
    """pydot parses the source without Graphviz."""
    scene = view(layout_of(1, 3, 2, 1), name)
    graphs = pydot.graph_from_dot_data(dot(scene))
    assert graphs is not None
    found: set[str] = set()
    edges: set[str] = set()

    def walk(graph: pydot.Dot | pydot.Subgraph) -> None:
        found.update(n.get_name().strip('"') for n in graph.get_nodes())
        edges.update(str(e.get("id")).strip('"') for e in graph.get_edges())
        for inside in graph.get_subgraphs():
            walk(inside)

    walk(graphs[0])
    (panel,) = scene.panels
    shown = {n.path for n in panel.walk(deep=False) if not n.open}
    assert shown <= found
    assert {f"{e.tail}->{e.head}" for e in panel.edges} <= edges


def test_a_name_cannot_break_out_of_its_label() -> None:
    spec = ResNetRSSpec(blocks=(1, 2), activation='custom:<b>"&\\N{x}')
    for name in VIEWS:
        root = svg(view(resnet_rs(spec), name))
        assert ('<b>"&\\N{x}' in "".join(root.itertext())) == (name in ("figure6", "layers"))
        assert not list(root.iter(f"{SVG}b"))


def test_two_networks_with_the_same_paths_have_ids_of_their_own() -> None:
    root = svg(
        comparison(
            network_of(101),
            network_of(101, dialect="article"),
        )
    )
    check_accessible(root)
    ids = {element.get("id") for element in root.iter()}
    assert {"a/c4/block0", "b/c4/block0"} <= ids
    assert "changed" in "".join(root.itertext())


class TestThemes:
    @pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
    def test_text_stands_out_by_the_web_guidelines(self, theme: themes.Theme) -> None:
        for fill in (theme.paper, theme.card, *theme.fills.values()):
            assert contrast(theme.ink, fill) >= 4.5
        for fill in (theme.paper, theme.card):
            assert contrast(theme.muted, fill) >= 4.5
            assert all(contrast(mark, fill) >= 4.5 for mark in theme.marks.values())
        for level in range(101):
            fill = theme.heat_at(level / 100)
            assert contrast(text_on(fill), fill) >= 4.5

    @pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
    def test_lines_stand_out_from_the_paper(self, theme: themes.Theme) -> None:
        assert all(contrast(colour, theme.paper) >= 3 for colour in theme.edges.values())

    @pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
    def test_heat_is_told_apart_in_grey(self, theme: themes.Theme) -> None:
        steps = [luminance(theme.heat_at(level / 20)) for level in range(21)]
        assert steps in (sorted(steps), sorted(steps, reverse=True))

    def test_print_has_no_colour(self) -> None:
        theme = THEMES["print"]
        for colour in (*theme.fills.values(), *theme.edges.values(), *theme.heat, theme.ink):
            assert colour[1:3] == colour[3:5] == colour[5:7]

    def test_every_light_colour_has_one_dark_one(self) -> None:
        light, dark = themes.LIGHT, themes.DARK
        pairs = themes.darkening()
        assert pairs[light.ink] == dark.ink
        assert all(pairs[light.fills[role]] == dark.fills[role] for role in light.fills)
        assert all(pairs[light.edges[kind]] == dark.edges[kind] for kind in light.edges)
        assert pairs[light.paper] == dark.paper
        assert pairs[light.card] == dark.card
        assert not set(light.heat) & set(pairs)
        assert not {themes.BLACK, themes.WHITE} & set(pairs)

    def test_known_contrasts(self) -> None:
        """Source: the examples of WCAG's understanding document: black on white, #777 on white."""
        assert contrast("#000000", "#ffffff") == pytest.approx(21)
        assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)
        assert contrast("#ffffff", "#ffffff") == 1

    @pytest.mark.parametrize("name", THEMES)
    def test_a_picture_has_only_its_themes_colours(self, name: str) -> None:
        theme = THEMES[name]
        scene = overlay(view(network_of(50), "blocks"), "flops")
        text = render(scene, "svg", Style(theme=name)).decode()
        allowed = {theme.paper, theme.card, theme.ink, theme.muted, theme.line, themes.BLACK}
        allowed |= {themes.WHITE, *theme.fills.values(), *theme.edges.values()}
        heats = {node.heat.level for node in scene.panels[0].walk() if node.heat}
        allowed |= {theme.heat_at(level) for level in heats}
        allowed |= {theme.heat_at(step / 6) for step in range(7)}
        assert set(re.findall(r'"(#[0-9a-f]{6})"', text)) <= allowed

    def test_auto_repaints_itself_on_dark_pages_and_the_others_do_not(self) -> None:
        scene = view(network_of(50), "stages")
        rule = "prefers-color-scheme: dark"
        assert rule in render(scene, "svg").decode()
        for name in THEMES:
            assert rule not in render(scene, "svg", Style(theme=name)).decode()


@pytest.mark.slow
@pytest.mark.usefixtures("no_system_graphviz")
def test_the_same_command_gives_the_same_bytes() -> None:
    for format in PICTURES.names:
        for name in ("layers",) if format in EVERY_LAYER else VIEWS:
            scenes = (view(network_of(50), name, deep=format in DEEP) for _ in range(2))
            one, other = (render(scene, format, Style(dpi=40)) for scene in scenes)
            assert one == other
            assert one


@pytest.mark.usefixtures("no_system_graphviz")
def test_files_are_what_their_names_say(cli: Cli, tmp_path: Path) -> None:
    marks = {
        "a.svg": b"<?xml", "a.png": b"\x89PNG\r\n", "a.pdf": b"%PDF-", "a.dot": b"digraph",
        "a.gv": b"digraph", "a.html": b"<!doctype html>", "a.mmd": b"flowchart",
        "a.tex": b"\\documentclass", "a.txt": b"ResNet-RS-50", "a.me.json": b'"graphs"',
        "a.netron.json": b"netron:attachment",
    }  # fmt: skip
    for name, mark in marks.items():
        outcome = cli("graph", 50, "-o", tmp_path / name)
        assert outcome.code == 0, name
        assert outcome.err.startswith(f"wrote {tmp_path / name}")
        assert mark.lower() in (tmp_path / name).read_bytes()[:4000].lower(), name
    beside = sorted(path.name for path in tmp_path.iterdir() if path.name not in marks)
    assert "a.flops.node_data.json" in beside
    json.loads((tmp_path / "a.flops.node_data.json").read_text())


def test_a_pdf_has_its_fonts_inside() -> None:
    content = render(view(network_of(50)), "pdf")
    assert b"/FontFile" in content
    assert b"DejaVu" in content


def test_every_font_on_offer_draws() -> None:
    from rsinspect.drawing.choices import FONTS

    scene = view(network_of(50), "stages")
    widths = set()
    for font in FONTS:
        root = svg(scene, font=font)
        assert any((e.get("font-family") or "").startswith(font) for e in root.iter(f"{SVG}text"))
        widths.add(size(svg(view(network_of(50)), font=font))[0])
    assert len(widths) == len(FONTS)


def test_a_raster_picture_has_the_resolution_asked_for() -> None:
    scene = view(network_of(50), "stages")
    points = size(svg(scene))[0]
    for dpi in (50, 192):
        picture = render(scene, "png", Style(dpi=dpi))
        width = int.from_bytes(picture[16:20], "big")
        assert width == pytest.approx(points / 72 * dpi, rel=0.02)


@pytest.mark.parametrize(
    "style", [{"theme": "lihgt"}, {"font": "Comic Sans"}, {"renderer": "pipe"}, {"dpi": 0},
              {"dpi": 10**6}],
)  # fmt: skip
def test_an_unknown_style_is_refused(style: dict[str, Any]) -> None:
    with pytest.raises((InvalidChoice, UnknownPicture)):
        Style(**style)


def test_a_graph_of_the_scene_is_the_graph() -> None:
    """Independent of Graphviz: ids in the picture are the paths of the layers."""
    graph: LayerGraph = build_graph(ResNetRSSpec.variant(50))
    root = svg(view(network_of(50), "layers"))
    nodes = {e.get("id") for e in root.iter(f"{SVG}g") if e.get("class") == "node"}
    connectors = {name for name in nodes if name and name.endswith(("/next", "/before"))}
    assert nodes - connectors == {layer.path for layer in graph}


OVERFLOWS = """() => {
  const trouble = [];
  const inside = (a, b, slack) => a.left >= b.left - slack && a.right <= b.right + slack
    && a.top >= b.top - slack && a.bottom <= b.bottom + slack;
  const scale = document.querySelector('svg').getScreenCTM().a;
  for (const group of document.querySelectorAll('g.node, g.cluster')) {
    const shapes = [...group.querySelectorAll('polygon, ellipse, path')]
      .map(shape => shape.getBoundingClientRect());
    const texts = [...group.querySelectorAll('text')].map(text =>
      [text.textContent.trim(), text.getBoundingClientRect()])
      .filter(([words]) => words.replaceAll("█", ""));
    if (shapes.length) {
      const least = side => Math.min(...shapes.map(shape => shape[side]));
      const most = side => Math.max(...shapes.map(shape => shape[side]));
      const box = {left: least('left'), top: least('top'),
        right: most('right'), bottom: most('bottom')};
      for (const [words, rect] of texts)
        if (!inside(rect, box, 2 * scale)) trouble.push(`${group.id}: ${words} leaves its box`);
    }
    for (const [i, [words, a]] of texts.entries())
      for (const [others, b] of texts.slice(i + 1))
        if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1.5 * scale
            && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 5 * scale)
          trouble.push(`${group.id}: ${words} runs into ${others}`);
  }
  return trouble;
}"""


@pytest.mark.slow
@pytest.mark.parametrize("name", VIEWS)
def test_no_text_leaves_its_box_in_a_browser(open_page: Open, name: str) -> None:
    """With the font that the picture was measured with, and with what a browser has instead."""
    from rsinspect.drawing.engine import font_directory

    faces = "".join(
        f"@font-face {{font-family: 'DejaVu Sans'; font-weight: {weight}; "
        f"src: url(data:font/ttf;base64,{b64encode(file.read_bytes()).decode()})}}"
        for weight, file in (
            ("normal", font_directory() / "DejaVuSans.ttf"),
            ("bold", font_directory() / "DejaVuSans-Bold.ttf"),
        )
    )
    for depth, quantity, direction in itertools.product((50, 152), (None, "flops"), ("TB", "LR")):
        scene = view(network_of(depth), name, direction=direction)
        if quantity:
            scene = overlay(scene, quantity)
        measured = render(scene, "svg").decode().split("?>", 1)[1]
        for faces_there, picture in (
            (faces, measured),
            ("", measured.replace("DejaVu Sans, ", "")),
        ):
            style = f"<style>{faces_there}</style>"
            page = open_page(f"<!doctype html><meta charset=utf-8>{style}{picture}")
            page.evaluate("() => document.fonts.ready")
            assert page.evaluate(OVERFLOWS) == []


@pytest.mark.slow
def test_the_overflow_check_can_fail(open_page: Open) -> None:
    picture = render(view(network_of(50), "stages"), "svg").decode().split("?>", 1)[1]
    wider = picture.replace('font-size="11.00"', 'font-size="21.00"')
    assert wider != picture
    page = open_page(f"<!doctype html><meta charset=utf-8>{wider}")
    assert page.evaluate(OVERFLOWS)


@pytest.mark.slow
def test_a_browser_paints_it_dark_on_dark_pages(open_page: Open) -> None:
    picture = render(view(network_of(50), "stages"), "svg").decode().split("?>", 1)[1]
    colours = []
    for scheme in ("light", "dark"):
        page = open_page(f"<!doctype html><meta charset=utf-8>{picture}", color_scheme=scheme)
        colours.append(
            page.evaluate("() => getComputedStyle(document.querySelector('polygon')).fill")
        )
    assert colours == ["rgb(255, 255, 255)", "rgb(20, 24, 29)"]


def test_the_choices_are_the_themes_there_are() -> None:
    assert tuple(themes.THEMES) == PLOT_THEMES
