"""Scene to LaTeX: TikZ diagrams beside booktabs tables, compiled by any pdflatex.

``tikz_diagram`` lays the diagrams out; here are the document, its tables and its legend.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator

from rsinspect.base.latex import escape, fill
from rsinspect.drawing.grids import printed
from rsinspect.drawing.scene import (
    EDGE_WORDS,
    EdgeKind,
    Grid,
    Heat,
    Legend,
    Panel,
    Scene,
)
from rsinspect.drawing.strokes import STROKES, Stroke
from rsinspect.drawing.theme import theme_named
from rsinspect.drawing.tikz_diagram import Diagram, Palette, breadth_cm, cm


def tikz(scene: Scene, *, theme: str = "paper", standalone: bool = True) -> str:
    """Write the scene as LaTeX source.

    Args:
        scene: What to show; edges between the nodes that are shown, not a deep one.
        theme: Name of a theme.
        standalone: A document of its own, or only what stands between ``% begin picture`` and
            ``% end picture``, with title and caption as comments, to paste into a paper.

    Raises:
        InvalidChoice: If there is no such theme.
    """
    palette = Palette(theme_named(theme))
    panels = [
        {
            "name": _comment(panel.name),
            "title": escape(panel.title),
            "lines": list(_panel(panel, scene, palette)),
        }
        for panel in scene.panels
    ]
    across = scene.direction == "TB"
    alignment = "@{\\hspace{9mm}}".join("l" * len(panels)) if across else "l"
    wrap = _comment if not standalone else escape
    return fill(
        "figure.tex",
        standalone=standalone,
        paper=palette.theme.paper[1:],
        ink=palette.theme.ink[1:],
        title=_wrapped(scene.title, wrap),
        caption=_wrapped(scene.caption, wrap),
        description=_wrapped(scene.description, _comment),
        panels=panels,
        alignment=alignment,
        alignment_count=len(panels) if across else 1,
        separator=" &" if across else r" \\ \noalign{\vskip 6mm}",
        legend=list(_legend(scene, palette)),
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


def _panel(panel: Panel, scene: Scene, palette: Palette) -> Iterator[str]:
    if panel.grid is not None:
        yield from _table(panel.grid, scene.legend, palette)
        return
    yield "\\begin{tikzpicture}[rs]"
    yield from Diagram(panel, scene.direction, palette).lines()
    yield "\\end{tikzpicture}"


def _table(grid: Grid, legend: Legend | None, palette: Palette) -> Iterator[str]:
    """Write a table; a row takes as many lines as its longest cell."""
    table = printed(grid, legend)
    sides = "".join("r" if column.number else "l" for column in table.columns)
    heads = (f"\\textbf{{{escape(' '.join(column.head))}}}" for column in table.columns)
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


def _legend(scene: Scene, palette: Palette) -> Iterator[str]:
    """Explain the lines and the colours."""
    if not scene.edge_kinds and scene.legend is None:
        return
    yield "\\begin{tikzpicture}[rs]"
    x = 0.0
    kinds: tuple[EdgeKind, ...] = ("flow", *scene.edge_kinds) if scene.edge_kinds else ()
    for kind in kinds:
        text = EDGE_WORDS[kind]
        yield f"\\draw[rs {kind}] ({cm(x)}, 0) -- +(0.9, 0);"
        yield f"\\node[anchor=west] at ({cm(x + 0.95)}, 0) {{{escape(text)}}};"
        x += 1.7 + breadth_cm([text])
    if scene.legend is not None:
        yield from _scale(scene.legend, palette, -0.65 if kinds else 0.0)
    yield "\\end{tikzpicture}"


def _scale(legend: Legend, palette: Palette, y: float) -> Iterator[str]:
    """Write the heat scale in steps, with the values of its ends."""
    low, steps = 0.25 + breadth_cm([legend.low]), 24
    yield f"\\node[anchor=west] at (-0.12, {cm(y)}) {{{escape(legend.low)}}};"
    for step in range(steps):
        heat = Heat(level=step / (steps - 1), text="", value=0.0)
        fill, x = palette.fill("plain", heat), low + 0.15 * step
        corner = f"({cm(x)}, {cm(y - 0.14)})"
        yield f"\\fill[{fill}, sharp corners] {corner} rectangle +(0.16, 0.28);"
    words = f"{legend.high}: {legend.title}"
    end = f"({cm(low + 0.15 * steps + 0.1)}, {cm(y)})"
    yield f"\\node[anchor=west] at {end} {{{escape(words)}}};"
