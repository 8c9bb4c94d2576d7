from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pydot
import pytest

from rsinspect import paper
from rsinspect.drawing import engine
from rsinspect.drawing.dot import HEAD, INK, MUTED, PAPER, dot
from rsinspect.drawing.views import stages
from rsinspect.errors import GraphvizNotFound, RenderError
from rsinspect.spec import DIALECTS, ResNetRSSpec
from tests.conftest import Cli

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def no_system_graphviz(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")


def test_the_dot_source_is_as_reviewed(golden: Callable[[str, str], None]) -> None:
    golden("stages-101.dot", dot(stages(ResNetRSSpec.variant(101))))


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("depth", paper.variants())
def test_every_depth_and_dialect_is_seven_cards_in_a_row(depth: int, dialect: str) -> None:
    scene = stages(ResNetRSSpec.variant(depth, dialect=dialect))
    names = ["input", "stem", "c2", "c3", "c4", "c5", "head"]
    assert [card.path for card in scene.cards] == names
    assert [(edge.tail, edge.head) for edge in scene.edges] == list(pairwise(names))
    repeats = [part.repeats for card in scene.cards for part in card.parts if part.title]
    assert sum(repeats) == sum(paper.variants()[depth].blocks)


def test_another_reader_of_dot_sees_the_same_graph() -> None:
    """pydot parses the source without Graphviz."""
    graphs = pydot.graph_from_dot_data(dot(stages(ResNetRSSpec.variant(50))))
    assert graphs is not None
    (graph,) = graphs
    edges = [(edge.get_source(), edge.get_destination()) for edge in graph.get_edges()]
    assert edges == list(pairwise(("input", "stem", "c2", "c3", "c4", "c5", "head")))


@pytest.mark.usefixtures("no_system_graphviz")
def test_an_svg_needs_no_system_graphviz_and_says_what_it_shows(cli: Cli, tmp_path: Path) -> None:
    target = tmp_path / "rs101.svg"
    assert cli("graph", 101, "-o", target).code == 0
    root = ElementTree.parse(target).getroot()
    assert root.get("role") == "img"
    labels = (root.get("aria-labelledby") or "").split()
    by_id = {element.get("id"): element for element in root.iter() if element.get("id")}
    assert [by_id[label].tag for label in labels] == [f"{SVG}title", f"{SVG}desc"]
    assert "c4 has 23 blocks" in (by_id["desc"].text or "")
    assert {"stem", "c4", "head", "c3->c4"} <= set(by_id)
    words = "".join(text for text in root.itertext())
    assert "× 22" in words
    assert "12x12x1024" in words
    assert not list(root.iter(f"{SVG}script"))


@pytest.mark.usefixtures("no_system_graphviz")
def test_the_same_command_gives_the_same_bytes(tmp_path: Path) -> None:
    scene = stages(ResNetRSSpec.variant(50))
    for format in engine.FORMATS:
        assert engine.draw(scene, format) == engine.draw(scene, format)


@pytest.mark.usefixtures("no_system_graphviz")
def test_png_and_pdf_are_what_they_say(cli: Cli, tmp_path: Path) -> None:
    assert cli("graph", 50, "-o", tmp_path / "a.png").code == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG\r\n")
    assert cli("graph", 50, "-o", tmp_path / "a.pdf", "--direction", "LR").code == 0
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF-")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pdf", "a.png"]


def test_the_figure_is_a_page_for_the_shallowest_and_the_deepest() -> None:
    sizes = []
    for depth in (50, 420):
        root = ElementTree.fromstring(engine.draw(stages(ResNetRSSpec.variant(depth)), "svg"))
        _, _, width, height = map(float, (root.get("viewBox") or "").split())
        sizes.append((width, height))
        assert 0.5 <= width / height <= 2
    assert sizes[0][1] == pytest.approx(sizes[1][1], rel=0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_text_stands_out_by_the_web_guidelines() -> None:
    assert all(contrast(INK, colour) >= 4.5 for colour in HEAD.values())
    assert contrast(MUTED, PAPER) >= 4.5
    assert contrast(PAPER, PAPER) == 1


def test_without_any_engine_the_missing_thing_is_named(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    outcome = cli("graph", 50, "-o", tmp_path / "a.svg")
    assert outcome.code == 3
    assert "pip install pygraphviz" in outcome.err
    assert list(tmp_path.iterdir()) == []
    assert cli("graph", 50, "-o", tmp_path / "a.dot").code == 0
    with pytest.raises(GraphvizNotFound):
        engine.available()


def test_where_pygraphviz_has_no_wheel_the_systems_dot_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program called dot that answers as Graphviz's does, with the bundled engine behind it."""
    program = tmp_path / "dot"
    layout = Path(engine.__file__).with_name("layout.py")
    program.write_text(
        f"#!{sys.executable}\nimport os, sys\nassert sys.argv[1] in ('-Tsvg', '-Tpng')\n"
        f"os.execv(sys.executable, [sys.executable, {str(layout)!r}, sys.argv[1][2:]])\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "pygraphviz" else find(name)
    )
    scene = stages(ResNetRSSpec.variant(50))
    assert engine.available() == "system"
    assert "resnet-rs-50" in engine.draw(scene, "svg").decode()
    assert engine.draw(scene, "png").startswith(b"\x89PNG")


def test_a_raster_picture_is_fine_enough_for_a_screen() -> None:
    picture = engine.draw(stages(ResNetRSSpec.variant(50)), "png")
    width = int.from_bytes(picture[16:20], "big")
    root = ElementTree.fromstring(engine.draw(stages(ResNetRSSpec.variant(50)), "svg"))
    points = float((root.get("viewBox") or "").split()[2])
    assert width == pytest.approx(points / 72 * engine.PNG_DPI, rel=0.02)


def fake_layout(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    run = engine._output_of

    def instead(
        command: list[str], source: bytes, environment: dict[str, str], timeout_s: float
    ) -> bytes:
        return run([sys.executable, "-c", code], source, environment, timeout_s)

    monkeypatch.setattr(engine, "_output_of", instead)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import os; os.kill(os.getpid(), 11)", "ended with code -11"),
        ("import sys; sys.exit('syntax error in line 3')", "syntax error in line 3"),
        ("pass", "no message"),
    ],
)
def test_a_crashing_engine_is_one_line_and_leaves_no_file(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, words: str
) -> None:
    fake_layout(monkeypatch, code)
    outcome = cli("graph", 50, "-o", tmp_path / "a.svg")
    assert outcome.code == 1
    assert words in outcome.err
    assert len(outcome.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_hanging_engine_is_killed_with_its_children(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pid = tmp_path / "pid"
    code = (
        "import subprocess, sys, time;"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        f"open({str(pid)!r}, 'w').write(str(p.pid)); time.sleep(60)"
    )
    fake_layout(monkeypatch, code)
    with pytest.raises(RenderError, match="did not finish within"):
        engine.draw(stages(ResNetRSSpec.variant(50)), "svg", timeout_s=6)
    status = Path(f"/proc/{pid.read_text()}/stat")
    assert not status.exists() or status.read_text().split()[2] == "Z"
