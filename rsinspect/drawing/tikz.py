"""Scene to LaTeX: TikZ diagrams beside booktabs tables, compiled by any pdflatex.

``tikz_diagram`` lays the diagrams out; here are the document, its tables and its legend.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from rsinspect.base.errors import PictureTooLarge
from rsinspect.base.latex import escape, fill
from rsinspect.base.words import Option, advice
from rsinspect.drawing.fit import PAGE_PT
from rsinspect.drawing.grids import printed
from rsinspect.drawing.palette import Palette
from rsinspect.drawing.scene import (
    EDGE_WORDS,
    EdgeKind,
    Grid,
    Heat,
    Legend,
    Node,
    Panel,
    Scene,
)
from rsinspect.drawing.size import Size
from rsinspect.drawing.strokes import STROKES, Stroke
from rsinspect.drawing.theme import theme_named
from rsinspect.drawing.tikz_diagram import Diagram
from rsinspect.drawing.tikz_words import CM_PER_LINE, breadth_cm, cm
from rsinspect.drawing.wording import condensed

GAP_MM, SIZED_GAP_MM = 9, 5
"""Between panels beside each other: of a picture of any size, of one for a place."""

PT_PER_CM = 72 / 2.54

FEW, WIDE_CM = 4, 42.0
"""Panels that stand beside each other in any case; of more, how wide they are together."""


def tikz(
    scene: Scene, *, theme: str = "paper", standalone: bool = True, size: Size | None = None
) -> str:
    """Write the scene as LaTeX source.

    Args:
        scene: What to show; edges between the nodes that are shown, not a deep one.
        theme: Name of a theme.
        standalone: A document of its own, or only what stands between ``% begin picture`` and
            ``% end picture``, with title and caption as comments, to paste into a paper.
        size: Of the place it is for; all type is 8 points then too.

    Raises:
        InvalidChoice: If there is no such theme.
        PictureTooLarge: If a panel is wider than the place.
    """
    palette = Palette(theme_named(theme))
    if size is not None and scene.view == "figure6":
        scene = _condensed(scene)
    placed = _as_it_comes(scene, palette) if size is None else _fitted(scene, size, palette)
    rows = [
        [
            {
                "name": _comment(panel.name),
                "title": escape(panel.title),
                "lines": list(_panel(panel, scene, palette, placed)),
            }
            for panel in row
        ]
        for row in placed.rows
    ]
    wrap = _comment if not standalone else escape
    return fill(
        "figure.tex",
        standalone=standalone,
        paper=palette.theme.paper[1:],
        ink=palette.theme.ink[1:],
        title=_wrapped(scene.title, wrap),
        caption=_wrapped(scene.caption, wrap),
        description=_wrapped(scene.description, _comment),
        rows=rows,
        gap=GAP_MM if size is None else SIZED_GAP_MM,
        page=None if size is None else _page(size),
        legend=list(_legend(scene, palette, placed.width_cm)),
        strokes={
            kind: {
                "pt": f"{0.6 * stroke.width:.2g}",
                "dashes": _dashes(stroke),
                "tip": "1.6" if kind == "flow" else "2",
            }
            for kind, stroke in STROKES.items()
        },
        colours=palette.colours,  # last: every colour above is in it now
    )


def _dashes(stroke: Stroke) -> str:
    """Write a dash pattern as TikZ takes it; nothing for a whole line."""
    if not stroke.dashes:
        return ""
    on, off = (0.6 * stroke.width * part for part in stroke.dashes)
    return f"dash pattern=on {on:.2g}pt off {off:.2g}pt, "


def _comment(text: str) -> str:
    """Write a LaTeX comment of one line."""
    return " ".join(text.split())


def _wrapped(text: str, lower: Callable[[str], str]) -> list[str]:
    return [lower(line) for line in textwrap.wrap(text, 96)]


def _condensed(scene: Scene) -> Scene:
    """Leave out of a figure what papers leave out; shapes have a line of their own."""

    def short(node: Node) -> Node:
        node = condensed(node, narrow=True)
        return replace(node, aside="", lines=(*node.lines, *filter(None, (node.aside,))))

    panels = (replace(p, nodes=tuple(map(short, p.nodes))) for p in scene.panels)
    return replace(scene, panels=tuple(panels))


class _Placed(NamedTuple):
    """Which panels stand beside each other.

    Attributes:
        rows: From top to bottom.
        narrow: Whether tables have short lines.
        columns: Into how many columns a long diagram is cut; None: as many as make it a page.
        width_cm: Of the place, if it is known.
    """

    rows: list[list[Panel]]
    narrow: bool = False
    columns: int | None = None
    width_cm: float | None = None


def _as_it_comes(scene: Scene, palette: Palette) -> _Placed:
    if scene.direction == "TB":
        if len(scene.panels) <= FEW:
            return _Placed([list(scene.panels)])
        widths = [_extent_cm(panel, scene, palette, _Placed([]))[0] for panel in scene.panels]
        return _Placed(_rows(scene.panels, widths, max(WIDE_CM, *widths)))
    return _Placed([[panel] for panel in scene.panels])


def _fitted(scene: Scene, size: Size, palette: Palette) -> _Placed:
    """Place panels beside each other as far as the width allows, the least tall way there is.

    Raises:
        PictureTooLarge: If a panel is wider than that, or all of it taller than the place.
    """
    room, tall = size.width_pt / PT_PER_CM - 0.3, (size.height_pt or PAGE_PT) / PT_PER_CM
    fits, least = [], math.inf
    for narrow in (False, True):
        for columns in (None, *range(1, 9)):
            placed = _Placed([], narrow, columns, room)
            extents = [_extent_cm(panel, scene, palette, placed) for panel in scene.panels]
            widest = max(width for width, _ in extents)
            least = min(least, widest)
            if widest <= room:
                rows = _rows(scene.panels, [width for width, _ in extents], room)
                heights = {p.name: high for p, (_, high) in zip(scene.panels, extents, strict=True)}
                height = sum(max(heights[panel.name] for panel in row) + 1.2 for row in rows)
                height += 2.2 + CM_PER_LINE * math.ceil(breadth_cm([scene.caption]) / room)
                fits.append((height * (1.05 if size.height_pt else 1), placed._replace(rows=rows)))
    lowest = min(fits, key=lambda pair: pair[0], default=None)
    if lowest is not None and lowest[0] <= tall:
        return lowest[1]
    raise PictureTooLarge(
        f"the view {scene.view} of {scene.name} as TikZ does not fit {size.text} in type of 8 pt",
        advice("{} would do", Option("size", f"{math.ceil(10 * least)}mm"))
        if lowest is None
        else advice(
            "it is {} mm tall there; a wider place would do, or {}",
            str(round(10 * lowest[0])),
            Option("caption", False),
        ),
    )


def _rows(panels: Iterable[Panel], widths: list[float], room: float) -> list[list[Panel]]:
    rows: list[list[Panel]] = []
    left = 0.0
    for panel, width in zip(panels, widths, strict=True):
        if not rows or width + SIZED_GAP_MM / 10 > left:
            rows.append([])
            left = room + SIZED_GAP_MM / 10
        rows[-1].append(panel)
        left -= width + SIZED_GAP_MM / 10
    return rows


def _extent_cm(
    panel: Panel, scene: Scene, palette: Palette, placed: _Placed
) -> tuple[float, float]:
    """Estimate width and height of a panel."""
    if panel.grid is None:
        diagram = Diagram(panel, scene.direction, palette, placed.columns)
        return diagram.width_cm, diagram.height_cm
    table = printed(panel.grid, scene.legend, narrow=placed.narrow)
    columns = [
        breadth_cm([*column.head, *(line for row in table.rows for line in row[index])])
        for index, column in enumerate(table.columns)
    ]
    lines = sum(max(map(len, row)) for row in table.rows) + 2
    boxes = 0.15 * 2 * len(table.rows)  # around what is coloured
    height = CM_PER_LINE * lines + 0.12 * len(table.rows) + boxes
    return sum(columns) + 0.43 * len(columns), height


def _page(size: Size) -> tuple[str, str]:
    """Write width and height within the margin in TeX's points, of which an inch has 72.27."""
    lengths = (size.width_pt, size.height_pt)
    width, height = ("" if pt is None else f"{pt * 72.27 / 72 - 4:.2f}" for pt in lengths)
    return width, height


def _panel(panel: Panel, scene: Scene, palette: Palette, placed: _Placed) -> Iterator[str]:
    if panel.grid is not None:
        yield from _table(panel.grid, scene.legend, palette, placed.narrow)
        return
    yield "\\begin{tikzpicture}[rs]"
    yield from Diagram(panel, scene.direction, palette, placed.columns).lines()
    yield "\\end{tikzpicture}"


def _table(
    grid: Grid, legend: Legend | None, palette: Palette, narrow: bool = False
) -> Iterator[str]:
    """Write a table; a row takes as many lines as its longest cell."""
    table = printed(grid, legend, narrow=narrow)
    sides = "".join("r" if column.number else "l" for column in table.columns)
    heads = (f"\\textbf{{{escape(' '.join(column.head))}}}" for column in table.columns)
    yield "\\setlength{\\fboxsep}{1.5pt}%"
    yield f"\\begin{{tabular}}[t]{{@{{}}{sides}@{{}}}}"
    yield "\\toprule"
    yield " & ".join(heads) + "\\\\"
    yield "\\midrule"
    for number, (row, texts) in enumerate(zip(grid.rows, table.rows, strict=True)):
        if number:
            yield "\\addlinespace[1.2mm]"
        fill = palette.fill(row.role, None)
        for line in range(max(map(len, texts))):
            cells = [escape(text[line]) if line < len(text) else "" for text in texts]
            if line == 0:
                cells[0] = f"\\colorbox{{{fill}}}{{\\textbf{{{cells[0]}}}}}"
            for index, column in enumerate(table.columns):
                if column.heated and cells[index]:
                    box = f"\\colorbox{{{palette.fill(row.role, row.heat)}}}"
                    ink = palette.text(row.heat)
                    cells[index] = f"{box}{{\\textcolor{{{ink}}}{{\\strut {cells[index]}}}}}"
            yield " & ".join(cells) + "\\\\"
    yield "\\bottomrule"
    yield "\\end{tabular}"


def _legend(scene: Scene, palette: Palette, room_cm: float | None) -> Iterator[str]:
    """Explain the lines, the marks and the colours."""
    kinds: tuple[EdgeKind, ...] = ("flow", *scene.edge_kinds) if scene.edge_kinds else ()
    signs = [(f"\\draw[rs {kind}] {{}} -- +(0.9, 0);", EDGE_WORDS[kind]) for kind in kinds]
    signs += [
        (f"\\draw[rs {mark}] {{}} ++(0.2, -0.12) rectangle +(0.5, 0.24);",
         f"{mark}: {scene.mark_words[mark]}")
        for mark in scene.marks
    ]  # fmt: skip
    if not signs and scene.legend is None:
        return
    yield "\\begin{tikzpicture}[rs]"
    x, y = 0.0, 0.0
    for drawn, text in signs:
        if x and room_cm is not None and x + 1.2 + breadth_cm([text]) > room_cm:
            x, y = 0.0, y - 0.45
        yield drawn.format(f"({cm(x)}, {cm(y)})")
        yield f"\\node[anchor=west] at ({cm(x + 0.95)}, {cm(y)}) {{{escape(text)}}};"
        x += 1.7 + breadth_cm([text])
    if scene.legend is not None:
        yield from _scale(scene.legend, palette, y - 0.65 if signs else 0.0, room_cm)
    yield "\\end{tikzpicture}"


def _scale(legend: Legend, palette: Palette, y: float, room_cm: float | None) -> Iterator[str]:
    """Write the heat scale in steps, with the values of its ends."""
    low, steps = 0.25 + breadth_cm([legend.low]), 24 if room_cm is None else 16
    yield f"\\node[anchor=west] at (-0.12, {cm(y)}) {{{escape(legend.low)}}};"
    for step in range(steps):
        fill, x = palette.fill("plain", legend.heat(step / (steps - 1))), low + 0.15 * step
        corner = f"({cm(x)}, {cm(y - 0.14)})"
        yield f"\\fill[{fill}, sharp corners] {corner} rectangle +(0.16, 0.28);"
    words = f"{legend.high}: {legend.title}"
    if room_cm is not None and low + 0.15 * steps + breadth_cm([words]) > room_cm:
        yield f"\\node[anchor=west] at (-0.12, {cm(y - 0.45)}) {{{escape(legend.title)}}};"
        words = legend.high
    end = f"({cm(low + 0.15 * steps + 0.1)}, {cm(y)})"
    yield f"\\node[anchor=west] at {end} {{{escape(words)}}};"
    if legend.unknown:
        unknown = palette.fill("plain", Heat(level=0.0, text="", value=0.0, known="none"))
        y -= 0.45 if words != legend.high else 0.9
        yield f"\\fill[{unknown}, sharp corners] (0, {cm(y - 0.14)}) rectangle +(0.5, 0.28);"
        yield f"\\node[anchor=west] at (0.55, {cm(y)}) {{{escape(legend.unknown)}}};"
