"""Scene to LaTeX: TikZ diagrams beside booktabs tables, compiled by any pdflatex.

``tikz_diagram`` lays the diagrams out; here are the document, its tables and its legend.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator

from rsinspect.base.latex import escape, fill
from rsinspect.drawing.scene import (
    EDGE_WORDS,
    Direction,
    EdgeKind,
    Grid,
    Heat,
    Legend,
    Panel,
    Scene,
)
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
            "lines": list(_panel(panel, scene.direction, palette)),
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
        colours=palette.colours,  # last: every colour above is in it now
    )


def _comment(text: str) -> str:
    """Write a LaTeX comment of one line."""
    return " ".join(text.split())


def _wrapped(text: str, lower: Callable[[str], str]) -> list[str]:
    return [lower(line) for line in textwrap.wrap(text, 96)]


def _panel(panel: Panel, direction: Direction, palette: Palette) -> Iterator[str]:
    if panel.grid is not None:
        yield from _table(panel.grid, palette)
        return
    yield "\\begin{tikzpicture}[rs]"
    yield from Diagram(panel, direction, palette).lines()
    yield "\\end{tikzpicture}"


def _table(grid: Grid, palette: Palette) -> Iterator[str]:
    """Write a table; a row takes as many lines as its longest cell."""
    hot = any(row.heat for row in grid.rows)
    count = len(grid.heads) + hot
    yield f"\\begin{{tabular}}[t]{{@{{}}{'l' * count}@{{}}}}"
    yield "\\toprule"
    yield (
        " & ".join([*(f"\\textbf{{{escape(head)}}}" for head in grid.heads), *[""] * hot]) + "\\\\"
    )
    yield "\\midrule"
    for number, row in enumerate(grid.rows):
        if number:
            yield "\\addlinespace[1.2mm]"
        fill = palette.fill(row.role, None)
        for line in range(max(len(cell) for cell in row.cells)):
            cells = [escape(cell[line]) if line < len(cell) else "" for cell in row.cells]
            if line == 0:
                cells[0] = f"\\colorbox{{{fill}}}{{\\textbf{{{cells[0]}}}}}"
            if hot:
                text = (row.heat.text if row.heat else "") * (line == 0)
                chip = f"\\colorbox{{{palette.fill(row.role, row.heat)}}}"
                chip += f"{{\\textcolor{{{palette.text(row.heat)}}}{{{escape(text)}}}}}"
                cells.append(chip if text else "")
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
