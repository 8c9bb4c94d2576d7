"""Scene to DOT, with the graphviz package doing the quoting.

Cards are HTML-like tables, so a card can carry a coloured head, parts and a footer. All sizes come
from one bundled font (``engine``), so the same scene gives the same bytes everywhere.
"""

from __future__ import annotations

import html
import textwrap

import graphviz

from rsinspect.drawing.scene import Card, Direction, Part, Role, Scene

FONT = "DejaVu Sans"
INK = "#1f2933"
MUTED = "#52606d"
LINE = "#9aa5b1"
PAPER = "#ffffff"
CARD_WIDTH = 460
CAPTION_WIDTH: dict[Direction, int] = {"TB": 88, "LR": 150}
HEAD: dict[Role, str] = {
    "input": "#e4e7eb",
    "stem": "#cfe3f5",
    "stage": "#f6dfb5",
    "head": "#d3ead6",
}
"""Head colours: light tints of sky, amber and green that differ in lightness as well as hue."""


def dot(scene: Scene, *, dpi: int | None = None) -> str:
    """The scene as DOT source.

    Args:
        scene: What to show.
        dpi: Dots per inch of a raster picture; None for vector formats.
    """
    picture = graphviz.Digraph(scene.name)
    if dpi is not None:
        picture.attr(dpi=str(dpi))
    picture.attr(
        rankdir=scene.direction,
        fontname=FONT,
        fontsize="11",
        fontcolor=MUTED,
        label=f"<{_heading(scene)}>",
        labelloc="t",
        nodesep="0.3",
        ranksep="0.28",
        pad="0.2",
        bgcolor=PAPER,
        tooltip=scene.title,
    )
    picture.attr("node", shape="plain", fontname=FONT, fontsize="11", fontcolor=INK)
    picture.attr("edge", color=MUTED, arrowsize="0.7", penwidth="1.2", fontname=FONT)
    for card in scene.cards:
        picture.node(
            card.path,
            label=f"<{_table(card, scene.direction)}>",
            id=card.path,
            tooltip=card.tooltip,
        )
    for edge in scene.edges:
        picture.edge(edge.tail, edge.head, id=f"{edge.tail}->{edge.head}", tooltip=edge.label)
    source: str = picture.source
    return source


def _heading(scene: Scene) -> str:
    """Title and caption, broken into lines that are no wider than the picture."""
    lines = [f'<FONT POINT-SIZE="14" COLOR="{INK}"><B>{html.escape(scene.title)}</B></FONT>']
    lines += [_muted(line) for line in textwrap.wrap(scene.caption, CAPTION_WIDTH[scene.direction])]
    return _lines([*lines, " "], align="CENTER")


def _lines(lines: list[str], *, align: str = "LEFT", aside: str = "") -> str:
    """Lines as a borderless table: even spacing whatever their fonts; ``aside`` ends the first."""
    rows = [f'<TD ALIGN="{align}" COLSPAN="2">{line}</TD>' for line in lines]
    if aside:
        rows[0] = f'<TD ALIGN="{align}">{lines[0]}</TD><TD ALIGN="RIGHT">{aside}</TD>'
    body = "".join(f"<TR>{row}</TR>" for row in rows)
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1">{body}</TABLE>'


def _muted(text: str) -> str:
    return f'<FONT POINT-SIZE="9.5" COLOR="{MUTED}">{html.escape(text)}</FONT>'


def _table(card: Card, direction: Direction) -> str:
    """One card: head, parts (side by side where the picture runs down), footer."""
    head = HEAD[card.role]
    across = direction == "TB" and len(card.parts) > 1
    span = 2 * (len(card.parts) if across else 1)
    width = f' WIDTH="{CARD_WIDTH}"' if direction == "TB" else ""
    title = _lines(
        [f"<B>{html.escape(card.title)}</B>"], aside=f"<B>{html.escape(card.subtitle)}</B>"
    )
    rows = [f'<TR><TD ALIGN="LEFT" BGCOLOR="{head}" COLSPAN="{span}"{width}>{title}</TD></TR>']
    cells = [_part(part, span=2 if across else span) for part in card.parts]
    rows += [f"<TR>{''.join(cells)}</TR>"] if across else [f"<TR>{cell}</TR>" for cell in cells]
    if card.footer:
        rows.append(
            f'<TR><TD COLSPAN="{span}" ALIGN="LEFT" SIDES="LRB">{_muted(card.footer)}</TD></TR>'
        )
    return (
        f'<TABLE BORDER="0" CELLBORDER="1" CELLSPACING="0" CELLPADDING="5" COLOR="{LINE}" '
        f'BGCOLOR="{PAPER}">{"".join(rows)}</TABLE>'
    )


def _part(part: Part, *, span: int) -> str:
    lines = [html.escape(line) for line in part.lines]
    aside = f"<B>× {part.repeats}</B>" if part.repeats > 1 else ""
    if part.title:
        muted = [f'<FONT COLOR="{MUTED}">{line}</FONT>' for line in lines]
        lines = [html.escape(part.title), *muted]
    body = _lines(lines, aside=aside)
    return f'<TD COLSPAN="{span}" ALIGN="LEFT" VALIGN="TOP" SIDES="LRB">{body}</TD>'
