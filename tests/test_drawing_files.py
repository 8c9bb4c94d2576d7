"""Pictures of texts that no file may hold, and what a picture's file says of itself."""

from __future__ import annotations

import re
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

import pytest

from rsinspect.base.cells import column_widths
from rsinspect.base.errors import PictureTooLarge, UnknownFormat
from rsinspect.drawing.choices import PICTURES, PLOTS
from rsinspect.drawing.formats import Style, render, webp
from rsinspect.drawing.scene import Edge, Fact, Grid, GridRow, Node, Panel, Part, Scene
from rsinspect.layers.question import Question

UNSEEN = {
    "control characters": "a\x00b\x07c\x1b[31m",
    "nothing": "",
    "half a character": "a\ud800b",
    "no character": "a\uffffb",
    "a vertical tab": "\x0b",
    "line breaks": "a\nb\r\tc",
}


def scene_named(text: str) -> Scene:
    """A scene in which every text is that one, or ends with it."""
    fact = Fact(key="params", value=1, text=text)
    stage = Node(
        path=f"c2{text}", title=text, role="stage", aside=text, costs=(fact,), facts=(fact,),
        parts=(Part(paths=("a",), name=text, lines=(text,)),),
    )  # fmt: skip
    conv = Node(path=f"c3{text}", title=text, role="conv", lines=(text,), aside=text)
    edge = Edge(tail=stage.path, head=conv.path, label=text)
    row = GridRow(path=f"r{text}", role="stage", cells=((text,), (text,)))
    return Scene(
        name=text, view="stages", title=text, description=text, caption=text, direction="TB",
        question=Question(),
        panels=(
            Panel(name=f"p{text}", title=text, nodes=(stage, conv), edges=(edge,)),
            Panel(name=f"g{text}", title=text, grid=Grid(heads=("A", text), rows=(row,))),
        ),
    )  # fmt: skip


@pytest.mark.parametrize("case", UNSEEN)
def test_a_text_that_no_file_may_hold_is_shown_as_far_as_it_can_be(case: str) -> None:
    scene = scene_named(UNSEEN[case])
    for format in ("svg", "png", "pdf", "dot", "tikz", "mermaid", "html", "txt"):
        assert render(scene, format, Style(dpi=48))
    ElementTree.fromstring(render(scene, "svg"))


def test_a_pdf_is_named_after_its_picture() -> None:
    scene = replace(scene_named("x"), title="Größe ✓ (1)")
    pdf = render(scene, "pdf")
    assert "\ufeffGröße ✓ (1)".encode("utf-16-be").hex().encode() in pdf
    assert pdf == render(scene, "pdf")
    table = int(re.findall(rb"startxref\s+(\d+)", pdf)[-1])
    number, place = re.fullmatch(  # type: ignore[union-attr]
        rb"xref\n(\d+) 1\n(\d{10}) 00000 n \ntrailer.*", pdf[table:], re.DOTALL
    ).groups()
    assert pdf[int(place) :].startswith(number + b" 0 obj")
    assert b"/Info %s 0 R" % number in pdf[table:]


def test_a_webp_has_the_pixels_of_the_png() -> None:
    from PIL import Image

    png, webp = (Image.open(BytesIO(render(scene_named("x"), f))) for f in ("png", "webp"))
    assert webp.format == "WEBP"
    assert png.convert("RGB").tobytes() == webp.convert("RGB").tobytes()


def test_a_jpeg_is_refused_with_what_to_name_it() -> None:
    for formats in (PICTURES, PLOTS):
        with pytest.raises(UnknownFormat, match=r"cannot be written as '\.jpg'") as caught:
            formats.of(Path("figure.jpg"))
        assert caught.value.hint == "JPEG blurs letters and lines: name it .png, or .svg or .pdf"


def test_a_webp_has_fewer_pixels_than_a_png_may_have() -> None:
    header = bytes(16) + (20_000).to_bytes(4, "big") + (100).to_bytes(4, "big")
    with pytest.raises(PictureTooLarge, match="the limit is 16 383 px") as caught:
        webp(header)
    assert "png" in (caught.value.hint or "")


def test_the_columns_of_a_table_with_a_long_text_are_chosen_in_few_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each column narrows from the width of the table, not from that of its text."""
    from rsinspect.base import cells

    folded: list[int] = []
    fold = cells.folded

    def counted(line: str, width: int) -> list[str]:
        folded.append(width)
        return fold(line, width)

    monkeypatch.setattr(cells, "folded", counted)
    rows = [[["Name"], ["Params"]], [["x y " * 3000], ["38.3 M"]]]
    widths = column_widths(rows, 80, 2)
    assert widths is not None
    assert sum(widths) == 78
    assert len(folded) < 100
