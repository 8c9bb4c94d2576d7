"""A figure for a place: it is as large as the place, and its type can be read there."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from rsinspect.base.errors import PictureTooLarge, UnknownPicture
from rsinspect.drawing import metrics
from rsinspect.drawing.comparison import comparison
from rsinspect.drawing.engine import font_directory
from rsinspect.drawing.formats import Style, render
from rsinspect.drawing.overlay import overlay
from rsinspect.drawing.scene import Scene
from rsinspect.drawing.size import POINTS, parse_size
from rsinspect.drawing.views import view
from tests.conftest import Cli
from tests.networks import network_of

LEAST_PT = 8.0


def figure(name: str, depth: int = 101) -> Scene:
    return view(network_of(depth), name)


def points(length: str) -> float:
    found = re.fullmatch(r"([\d.]+)([a-z]+)", length)
    assert found is not None
    return float(found[1]) * POINTS[found[2]]


def drawn(scene: Scene, size: str, **style: object) -> tuple[float, float, float]:
    """Width and height of an SVG, and its smallest type, all in points where it is printed."""
    sized = Style(size=parse_size(size), **style)  # type: ignore[arg-type]
    root = ElementTree.fromstring(render(scene, "svg", sized))
    _, _, across, _ = map(float, (root.get("viewBox") or "").split())
    width, height = points(root.get("width") or ""), points(root.get("height") or "")
    graph = next(root.iter("{http://www.w3.org/2000/svg}g"))
    zoom = re.match(r"scale\(([\d.]+)", graph.get("transform") or "")
    assert zoom is not None
    types = [
        float(text.get("font-size") or 0) for text in root.iter("{http://www.w3.org/2000/svg}text")
    ]
    return width, height, min(types) * float(zoom[1]) * width / across


@pytest.mark.parametrize(
    ("name", "size"),
    [("figure6", "174mm"), ("figure6", "16:9"), ("stages", "84mm"), ("blocks", "1280x720")],
)
def test_a_figure_fills_its_place_in_type_that_can_be_read(name: str, size: str) -> None:
    width, height, smallest = drawn(figure(name), size)
    place = parse_size(size)
    assert width == pytest.approx(place.width_pt, abs=0.05)
    assert smallest >= LEAST_PT
    if place.height_pt is None:
        assert height <= 842.1  # a sheet of A4
    else:
        assert height == pytest.approx(place.height_pt, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("size", ["174mm", "16:9"])
@pytest.mark.parametrize("dialect", ["article", "resnet"])
def test_the_figure_of_every_dialect_fits(dialect: str, size: str) -> None:
    scene = overlay(view(network_of(420, dialect=dialect)), "flops")
    assert drawn(scene, size)[2] >= LEAST_PT


def test_a_comparison_fits_a_page() -> None:
    scene = comparison(network_of(152), network_of(200), view="stages")
    assert drawn(scene, "174mm")[2] >= LEAST_PT


def test_what_cannot_be_read_is_refused_with_what_would_do() -> None:
    with pytest.raises(PictureTooLarge, match="does not fit 84mm with type of 8 pt") as caught:
        drawn(figure("layers"), "84mm")
    assert "view='blocks' shows less" in (caught.value.hint or "")
    with pytest.raises(PictureTooLarge) as caught:
        drawn(figure("stages"), "6cm")
    enough = re.search(r"size='([^']+)' would do", caught.value.hint or "")
    assert enough is not None
    assert drawn(figure("stages"), enough[1])[2] >= LEAST_PT


def test_every_format_has_the_size() -> None:
    scene = figure("stages")
    pdf = render(scene, "pdf", Style(size=parse_size("174mm")))
    (box,) = re.findall(rb"/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+)", pdf)
    assert float(box[0]) == pytest.approx(174 / 25.4 * 72, abs=1)
    png = render(scene, "png", Style(size=parse_size("1280x720"), dpi=300))
    assert (int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")) == (1280, 720)
    with pytest.raises(UnknownPicture, match="as large as its reader shows it") as caught:
        render(scene, "html", Style(size=parse_size("84mm")))
    assert "save('figure.svg')" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "text", ["", "84", "84 furlongs", "0mm", "1mm", "16:0", "9999in", "x", "٣mm"]
)
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(UnknownPicture) as caught:
        parse_size(text)
    assert "16:9" in (caught.value.hint or "")


def test_a_title_and_a_caption_are_the_authors_choice(cli: Cli, tmp_path: Path) -> None:
    scene = figure("stages", 50)
    for format in ("svg", "dot", "tikz", "txt", "mermaid"):
        text = render(scene, format, Style(title="Our baseline", caption=False)).decode()
        assert "Our baseline" in text
        assert "Derived from the layer graph" not in text
    words = ("--title", "", "--no-caption", "--view", "stages")
    assert cli("graph", 50, *words, "-o", tmp_path / "a.svg").code == 0
    svg = (tmp_path / "a.svg").read_text()
    assert "params, 4.56 G FLOPs per image" not in svg.partition("</desc>")[2]


def test_the_widths_of_letters_are_those_of_the_font() -> None:
    from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

    for file, bold in (("DejaVuSans", False), ("DejaVuSans-Bold", True)):
        font = TTFont(str(font_directory() / f"{file}.ttf"))
        names, advances = font.getBestCmap(), font["hmtx"]
        for sign in map(chr, range(32, 127)):
            assert metrics.width_pt(sign, 2048, bold=bold) == advances[names[ord(sign)]][0]


@pytest.mark.parametrize("quantity", ["flops", "params"])
@pytest.mark.parametrize("name", ["figure6", "blocks"])
def test_a_value_is_printed_once_and_the_legend_ends_at_the_largest(
    name: str, quantity: str
) -> None:
    scene = overlay(figure(name), quantity)
    words = re.findall(r">([^<>]+)</text>", render(scene, "svg").decode())
    largest = "7.63 G" if quantity == "flops" else "38.3 M"
    assert scene.legend is not None
    assert scene.legend.high.startswith(largest)
    said = [text for text in words if text.startswith(largest)]
    assert len(said) == 2, said  # at its stage and in the legend
    assert any("logarithmic" in text for text in words)


def test_an_edge_is_as_dashed_in_every_format() -> None:
    scene = figure("figure6")
    paths = ElementTree.fromstring(render(scene, "svg")).iter("{http://www.w3.org/2000/svg}path")
    dashes = {path.get("stroke"): bool(path.get("stroke-dasharray")) for path in paths}
    from rsinspect.drawing.theme import LIGHT

    expected = {"flow": False, "identity": False, "projection": True, "gate": True}
    assert {kind: dashes[LIGHT.edges[kind]] for kind in LIGHT.edges} == expected
    tex = render(scene, "tikz").decode()
    chart = render(replace(scene, direction="LR"), "mermaid").decode()
    html = render(scene, "html").decode()
    for kind, dashed in expected.items():
        assert ("dash pattern" in re.findall(rf"rs {kind}/\.style=(.*)", tex)[0]) == dashed
        style = re.findall(rf"linkStyle \S+ stroke:{LIGHT.edges[kind]}\S*", chart)  # type: ignore[index]
        assert all(("dasharray" in line) == dashed for line in style)
        css = re.findall(rf"\.edge\.{kind}\s*{{[^}}]*?stroke-dasharray:\s*(.*?)[;}}]", html)
        assert (css != ["none"]) == dashed


def test_stages_of_a_comparison_stand_at_the_same_height() -> None:
    scene = comparison(network_of(50), network_of(101))
    root = ElementTree.fromstring(render(scene, "svg"))
    tops: dict[str, float] = {}
    for group in root.iter("{http://www.w3.org/2000/svg}g"):
        ys = [
            float(pair.partition(",")[2])
            for polygon in group.iter("{http://www.w3.org/2000/svg}polygon")
            for pair in (polygon.get("points") or "").split()
        ]
        if ys and (name := group.get("id") or "")[:2] in ("a/", "b/"):
            tops[name] = min(ys)
    shared = [name[2:] for name in tops if name[0] == "a" and f"b{name[1:]}" in tops]
    assert len(shared) >= 10
    for name in shared:
        assert tops[f"a/{name}"] == pytest.approx(tops[f"b/{name}"], abs=0.5), name
    words = "".join(root.itertext())
    assert "added" in words
    assert "only the second has it" in words


@pytest.mark.parametrize("name", ["figure6", "stages"])
def test_a_latex_picture_has_the_width_of_the_place(name: str, tmp_path: Path) -> None:
    if shutil.which("pdflatex") is None:
        pytest.skip("no pdflatex here")
    text = render(overlay(figure(name), "flops"), "tikz", Style(size=parse_size("174mm")))
    (tmp_path / "a.tex").write_bytes(text)
    plain = "\\pdfobjcompresslevel=0\\input{a.tex}"
    command = ["pdflatex", "-jobname=a", "-interaction=nonstopmode", "-halt-on-error", plain]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull \\hbox" not in done.stdout
    pdf = (tmp_path / "a.pdf").read_bytes()
    (box,) = re.findall(rb"/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+)", pdf)
    assert float(box[0]) == pytest.approx(174 / 25.4 * 72, abs=0.1)
    assert float(box[1]) <= 842
    fonts = {float(size) for size in re.findall(rb"/BaseFont ?/\w+\+CM\D+(\d+)", pdf)}
    assert min(fonts) >= 8


def test_a_latex_picture_that_does_not_fit_is_refused() -> None:
    with pytest.raises(PictureTooLarge, match="as TikZ does not fit 84mm") as caught:
        render(figure("figure6"), "tikz", Style(size=parse_size("84mm")))
    assert caught.value.hint


def test_python_takes_a_size_and_still_shows_a_picture_in_a_terminal() -> None:
    import rsinspect

    picture = rsinspect.graph("50", "stages", size="84mm", title="Ours", caption=False)
    assert 'width="84mm"' in picture.to_svg()
    assert repr(picture).startswith("Ours")


def test_a_page_of_any_size_has_no_margin_but_its_own() -> None:
    scene = figure("stages")
    svg, pdf = (render(scene, format) for format in ("svg", "pdf"))
    (box,) = re.findall(rb"/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+)", pdf)
    assert f'width="{round(float(box[0]))}pt"' in svg.decode()
