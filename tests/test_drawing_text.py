"""Scenes as Mermaid, as TikZ and as characters: nothing is lost and nothing breaks out."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from rsinspect.base.errors import InvalidChoice
from rsinspect.base.latex import escape
from rsinspect.drawing.choices import VIEWS
from rsinspect.drawing.mermaid import MAX_EDGES, identifier, label, mermaid, path_of
from rsinspect.drawing.overlay import overlay
from rsinspect.drawing.scene import Node, Scene
from rsinspect.drawing.terminal import terminal
from rsinspect.drawing.theme import THEMES
from rsinspect.drawing.tikz import tikz
from rsinspect.drawing.tikz_words import name
from rsinspect.drawing.views import view
from rsinspect.layers import ops
from rsinspect.layers.graph import LayerGraph
from rsinspect.networks.network import from_graph, resnet_rs
from rsinspect.networks.spec import ResNetRSSpec
from tests.conftest import python
from tests.networks import EACH, layout_of, network_of

NASTY = "q\"]<>&%$#_{}~^\\`'*|[1. é層 %%{init} end"
Golden = Callable[[str, str], None]


def variant(depth: int) -> ResNetRSSpec:
    return ResNetRSSpec.variant(depth)


def shown(scene: Scene) -> list[tuple[int, Node]]:
    """Nodes that are drawn, each with the number of its panel."""
    return [
        (number, node)
        for number, panel in enumerate(scene.panels, start=1)
        for node in panel.walk(deep=False)
    ]


def nasty(picture: str) -> Scene:
    activation = f"custom:{NASTY}"
    spec = ResNetRSSpec(blocks=(1, 1), activation=activation, classifier_activation=activation)
    return view(resnet_rs(spec), picture)


def compared() -> Scene:
    """A scene with one mark of each kind, on closed nodes and on an open one."""
    scene = view(network_of(50), "blocks")
    (panel,) = scene.panels
    stem, c2 = panel.nodes[1:3]
    blocks = (replace(c2.children[0], mark="removed"), replace(c2.children[1], mark="added"))
    marked = (replace(stem, mark="changed"), replace(c2, mark="changed", children=blocks))
    nodes = (panel.nodes[0], *marked, *panel.nodes[3:])
    return replace(scene, panels=(replace(panel, nodes=nodes),))


# All three


@pytest.mark.slow
@pytest.mark.parametrize(("depth", "dialect"), EACH)
@pytest.mark.parametrize("picture", VIEWS)
def test_every_format_has_every_node_of_every_view(picture: str, depth: int, dialect: str) -> None:
    scene = view(network_of(depth, dialect=dialect), picture)
    framed = len(scene.panels) > 1
    declared = set(re.findall(r"^ +(?:subgraph )?([\w-]+)[\[({]", mermaid(scene), re.MULTILINE))
    assert {
        f"p{number}_" * framed + identifier(node.path) for number, node in shown(scene)
    } <= declared
    document = tikz(scene)
    closed = [node for _, node in shown(scene) if not node.open]
    assert Counter(re.findall(r"\(([\w/-]+)\) at \(", document.replace("{turn", ""))) >= Counter(
        name(node.path) for node in closed
    )
    words = " ".join(terminal(scene, width=200, colour=False).split())
    for title, times in Counter(" ".join(node.title.split()) for _, node in shown(scene)).items():
        assert words.count(title) >= times


@pytest.mark.parametrize("lower", [mermaid, tikz, terminal])
@pytest.mark.parametrize("picture", VIEWS)
def test_the_same_scene_gives_the_same_text(lower: Callable[[Scene], str], picture: str) -> None:
    first = lower(view(network_of(50), picture))
    assert first == lower(view(network_of(50), picture))
    assert first.endswith("\n")


@pytest.mark.parametrize("picture", ["stages", "figure6", "layers"])
def test_heat_is_written_with_its_legend(picture: str) -> None:
    scene = overlay(view(network_of(50), picture), "params")
    assert scene.legend is not None
    document = tikz(scene)
    assert escape(f"{scene.legend.high}: {scene.legend.title}") in document
    plain = terminal(scene, colour=False, width=120)
    assert f"{scene.legend.title}: {scene.legend.low} to ██████████ " in plain
    chart = mermaid(scene)
    assert f'subgraph legend["{label(scene.legend.title)}"]' in chart
    hot = re.findall(r"classDef (heat-\w+) fill:#(\w+),\S+,color:#(\w+)", chart)
    assert len(hot) > 3
    assert all(chart.count(f":::{kind}") for kind, _, _ in hot)
    assert {text for _, _, text in hot} == {"000000", "fffffe"}  # black on pale, white on dark


def test_what_a_comparison_found_is_said_in_words() -> None:
    scene = compared()
    for text in (tikz(scene), terminal(scene, colour=False)):
        for title in ("stem (changed)", "c2 (changed)", "projection block 0 (removed)"):
            assert title in text
    assert "- projection block 0 (removed)" in terminal(scene, colour=False)
    assert "× 2 (added)" in terminal(scene, colour=False)
    chart = mermaid(scene)
    assert "class stem,c2 changed" in chart
    assert "class c2_block0 removed" in chart
    assert "<i>added</i>" in chart


def test_an_unknown_theme_is_refused() -> None:
    scene = view(network_of(50), "stages")
    for lower in (mermaid, tikz):
        with pytest.raises(InvalidChoice, match="unknown theme"):
            lower(scene, theme="neon")


def test_importing_the_formats_loads_nothing_heavy() -> None:
    code = (
        "import sys, rsinspect.drawing.mermaid, rsinspect.drawing.tikz, rsinspect.drawing.terminal;"
        "print([m for m in ('rich', 'jinja2', 'numpy', 'matplotlib') if m in sys.modules])"
    )
    result = python(code)
    assert result.stdout.strip() == "[]", result.stderr


# Mermaid


def test_the_stages_as_mermaid_are_as_reviewed(golden: Golden) -> None:
    golden("stages-101.mmd", mermaid(view(network_of(101), "stages"), theme="paper"))


def test_the_blocks_as_mermaid_are_as_reviewed(golden: Golden) -> None:
    golden("blocks-50.mmd", mermaid(view(network_of(50), "blocks"), theme="paper"))


@given(st.text())
def test_a_mermaid_id_tells_the_path(path: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]*", identifier(path))
    assert path_of(identifier(path)) == path


@pytest.mark.parametrize("theme", ["auto", *THEMES])
@pytest.mark.parametrize("picture", ["figure6", "layers"])
def test_no_name_leaves_its_mermaid_label(picture: str, theme: str) -> None:
    chart = mermaid(nasty(picture), theme=theme)
    assert label(NASTY) in chart
    body = chart.split("flowchart ")[1]
    for line in body.splitlines():
        assert line.count('"') in (0, 2)
        if "accDescr" not in line:
            assert not re.search(r"<(?!/?[bi]>|br/>)", line.replace("<--", ""))
    assert "%%{" not in chart
    assert body.count("subgraph ") == len(re.findall(r"^ +end$", body, re.MULTILINE))


def test_mermaid_has_the_edges_of_the_scene_in_its_order() -> None:
    scene = view(network_of(50), "layers")
    chart = mermaid(scene)
    found = re.findall(
        r"^ +([\w-]+) (-->|==>|-\.->)(?:\|\"(.*)\"\|)? ([\w-]+)$", chart, re.MULTILINE
    )
    (panel,) = scene.panels
    assert [(path_of(tail), path_of(head)) for tail, _, _, head in found] == [
        (edge.tail, edge.head) for edge in panel.edges
    ]
    blocks = sum(variant(50).blocks)
    named = Counter(words for _, _, words, _ in found)
    assert named["SE gate"] == blocks
    assert named["projection shortcut"] + named["identity shortcut"] == blocks
    for kind in ("identity", "projection", "gate"):
        numbers = [n for n, edge in enumerate(panel.edges) if edge.kind == kind]
        assert f"linkStyle {','.join(map(str, numbers))} stroke:" in chart


def test_a_picture_that_is_too_large_for_mermaid_says_so() -> None:
    assert "more than Mermaid draws" not in mermaid(view(network_of(420), "blocks"))
    assert f"maxEdges {MAX_EDGES}" in mermaid(view(network_of(152), "layers"))


def test_mermaid_follows_the_page_unless_a_theme_is_asked_for() -> None:
    scene = view(network_of(50), "blocks")
    assert "themeVariables" not in mermaid(scene)
    assert 'background: "#14181d"' in mermaid(scene, theme="dark")


# TikZ


def test_the_figure_as_tikz_is_as_reviewed(golden: Golden) -> None:
    golden("figure6-101.figure.tex", tikz(view(network_of(101), "figure6")))


def test_the_stages_as_tikz_are_as_reviewed(golden: Golden) -> None:
    golden("stages-101.figure.tex", tikz(view(network_of(101), "stages")))


@given(st.text(), st.text())
def test_no_two_paths_are_one_tikz_node(one: str, other: str) -> None:
    assert re.fullmatch(r"[\w/-]*", name(one), re.ASCII)
    assert (name(one) == name(other)) == (one == other)


@given(st.text())
def test_escaped_text_is_harmless_to_latex(text: str) -> None:
    escaped = escape(text)
    assert escaped.isprintable()
    bare = re.sub(r"\\[{}$&#%_]", "", escaped)  # a character behind its backslash
    bare = re.sub(r"\$(\\[a-z]+|-)\$", "", bare)
    assert not re.search(r"[$&#%_^~]", bare)
    assert bare.count("{") == bare.count("}")


@pytest.mark.parametrize("direction", ["TB", "LR"])
@pytest.mark.parametrize("picture", VIEWS)
def test_tikz_uses_only_nodes_and_colours_it_defines(picture: str, direction: str) -> None:
    scene = view(network_of(152), picture, direction="LR" if direction == "LR" else "TB")
    document = tikz(overlay(scene, "flops"))
    defined = set(re.findall(r"\\definecolor\{([\w-]+)\}", document))
    used = re.findall(r"(?:=|fill\[|color\{|textcolor\{|colorbox\{)(rs-[\w-]+)", document)
    assert set(used) <= defined
    nodes = set(re.findall(r"(?:\]|coordinate) \(([^()]+)\) at", document))
    paths = "\n".join(line for line in document.splitlines() if line.startswith("\\draw[rs "))
    ends = re.findall(r"\(([A-Za-z][\w/-]*)(?:\.[a-z]+)?\)", paths)
    assert ends
    assert set(ends) <= nodes
    edges = sum(len(panel.edges) for panel in scene.panels)
    drawn = re.findall(
        r"^\\draw\[rs (?:flow|identity|projection|gate)\] \((?!.*\+\()", document, re.M
    )
    assert len(drawn) == edges


def test_the_picture_can_be_pasted() -> None:
    scene = view(network_of(50), "figure6")
    whole, part = tikz(scene), tikz(scene, standalone=False)
    between = re.compile("^% begin picture\n(.*)^% end picture$", re.MULTILINE | re.DOTALL)
    (one,), (other,) = between.findall(whole), between.findall(part)
    assert one == other
    assert "documentclass" not in part
    assert all(
        line.startswith("%") or not line for line in part.split("% begin picture")[0].splitlines()
    )


def latex_is_missing() -> str:
    """Why nothing can be compiled here; empty if it can."""
    if shutil.which("pdflatex") is None:
        return "pdflatex is not installed"
    for file in ("standalone.cls", "tikz.sty", "booktabs.sty"):
        found = subprocess.run(["kpsewhich", file], capture_output=True, check=False)
        if found.returncode:
            return f"LaTeX has no {file} here"
    return ""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "scene"),
    [
        ("figure", lambda: view(network_of(101), "figure6")),
        (
            "prose",
            lambda: view(network_of(50, dialect="paper-prose"), "figure6"),
        ),
        ("article", lambda: view(network_of(50, dialect="article"), "blocks")),
        (
            "heat",
            lambda: overlay(view(network_of(101), "figure6"), "flops"),
        ),
        (
            "across",
            lambda: view(network_of(50), "blocks", direction="LR", expand=("c3/block0",)),
        ),
        ("marks", compared),
        ("names", lambda: nasty("layers")),
        ("cells", lambda: nasty("figure6")),
        ("deepest", lambda: view(network_of(420), "layers")),
    ],
)
def test_pdflatex_compiles_it(case: str, scene: Callable[[], Scene], tmp_path: Path) -> None:
    if reason := latex_is_missing():
        pytest.skip(reason)
    (tmp_path / "figure.tex").write_text(tikz(scene()), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "figure.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=300, check=False)
    log = done.stdout.decode(errors="replace")
    assert done.returncode == 0, log[-2000:]
    assert "Overfull \\hbox" not in log
    assert "Missing character" not in log
    assert (tmp_path / "figure.pdf").read_bytes().startswith(b"%PDF-")


# Characters


def test_the_stages_on_a_terminal_are_as_reviewed(golden: Golden) -> None:
    golden("stages-101.drawing.txt", terminal(view(network_of(101), "stages"), colour=False))


def test_the_figure_on_a_terminal_is_as_reviewed(golden: Golden) -> None:
    golden("figure6-101.drawing.txt", terminal(view(network_of(101), "figure6"), colour=False))


def test_the_layers_on_a_terminal_are_as_reviewed(golden: Golden) -> None:
    golden("layers-50.drawing.txt", terminal(view(network_of(50), "layers"), colour=False))


@pytest.mark.slow
@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
@pytest.mark.parametrize("picture", VIEWS)
def test_no_line_is_wider_than_the_page_and_no_word_is_lost(
    picture: str, width: int, ascii_only: bool
) -> None:
    scene = overlay(view(network_of(50), picture), "macs")
    text = terminal(scene, width=width, colour=False, ascii_only=ascii_only)
    lines = text.split("\n")
    assert all(len(line) <= width for line in lines)
    assert all(line == line.rstrip() for line in lines)
    assert "…" not in text
    assert "\x1b" not in text
    assert text.isascii() == ascii_only
    wide = terminal(scene, width=400, colour=False, ascii_only=ascii_only)
    found, wanted = (Counter(re.findall(r"[\w.,]+", drawn)) for drawn in (text, wide))
    for panel in scene.panels:  # on narrow pages a head stands at each cell, not over the column
        for head in panel.grid.heads if panel.grid else ():
            wanted -= Counter(head.split())
    assert found >= wanted


@pytest.mark.parametrize("picture", VIEWS)
def test_colour_adds_nothing_but_colour(picture: str) -> None:
    scene = overlay(view(network_of(50), picture), "flops")
    coloured, plain = terminal(scene), terminal(scene, colour=False)
    assert "\x1b[" in coloured
    stripped = Text.from_ansi(coloured).plain
    assert [line.rstrip() for line in stripped.splitlines()] == plain.splitlines()


def test_every_shortcut_and_gate_leaves_its_lane_and_comes_back() -> None:
    drawn = terminal(view(network_of(50), "layers"), colour=False)
    blocks = sum(variant(50).blocks)
    assert drawn.count("╮") == drawn.count("╯") == 2 * blocks
    assert drawn.count("SE gate") == blocks
    assert drawn.count("projection shortcut") == len(variant(50).blocks)
    layers = [node for _, node in shown(view(network_of(50), "layers")) if not node.open]
    assert drawn.count("●") == len(layers)


def test_a_name_cannot_move_the_cursor() -> None:
    odd = ops.Activation("custom:a\x1b[2Jb")
    graph = layout_of(1).graph
    layers = tuple(x._replace(op=odd) if x.op.kind == "Activation" else x for x in graph)
    scene = view(from_graph(LayerGraph("odd", layers, graph.outputs)), "layers")
    assert "\x1b" not in terminal(scene, colour=False)
    assert "a\\x1b[2Jb" in terminal(scene, colour=False)


def test_names_are_written_as_they_are() -> None:
    assert NASTY in terminal(nasty("layers"), colour=False, width=120)
    spoken = NASTY.encode("ascii", "backslashreplace").decode()
    assert spoken in terminal(nasty("layers"), colour=False, width=140, ascii_only=True)
