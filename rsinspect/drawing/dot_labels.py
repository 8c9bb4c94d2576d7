"""HTML-like labels of DOT: headings, cards, heads of open nodes, tables."""

from __future__ import annotations

import html
import textwrap

from rsinspect.drawing.scene import (
    EDGE_WORDS,
    Direction,
    EdgeKind,
    Grid,
    GridRow,
    Legend,
    Node,
    Part,
    Scene,
)
from rsinspect.drawing.theme import Theme, text_on

CARD_WIDTH = 460
CAPTION_WIDTH: dict[Direction, int] = {"TB": 92, "LR": 150}
FIGURE_WIDTH = 190
HEAD_WIDTH = 250
"""Of an open node's head that tells its heat: half of it stands left of the arrow that enters."""

COLUMN_HEADS = {
    "params": "Params", "flops": "FLOPs", "macs": "MACs", "activation_bytes": "Activations",
    "intensity": "Intensity", "latency_s": "Latency",
}  # fmt: skip
"""Head of the coloured column of a grid."""

SAMPLES: dict[EdgeKind, str] = {"identity": "━━━", "projection": "━ ━", "gate": "• • •"}
"""How the key writes the lines of each kind."""


def escaped(text: str) -> str:
    """Escape text for an HTML-like label, including Graphviz's own backslashes.

    Graphviz takes no element without text, so none is a blank.
    """
    return html.escape(text).replace("\\", "\\\\") or " "


class Labels:
    """Writes the labels of a scene in the colours of a theme."""

    def __init__(self, scene: Scene, theme: Theme) -> None:
        self.scene = scene
        self.theme = theme
        self.down = scene.direction == "TB"

    def border(self, node: Node) -> str:
        """Choose the colour of a border: the mark's, where there is one."""
        return self.theme.marks[node.mark] if node.mark else self.theme.line

    def heading(self) -> str:
        """Break title, caption and keys into lines no wider than the picture."""
        scene, theme = self.scene, self.theme
        width = CAPTION_WIDTH[scene.direction]
        if len(scene.panels) > 1:
            width = FIGURE_WIDTH
        lines = [f'<FONT POINT-SIZE="14" COLOR="{theme.ink}"><B>{escaped(scene.title)}</B></FONT>']
        lines += [self.muted(line) for line in textwrap.wrap(scene.caption, width)]
        if kinds := scene.edge_kinds:
            lines.append(
                "   ".join(
                    f'<FONT POINT-SIZE="9.5" COLOR="{theme.edges[kind]}">{SAMPLES[kind]}</FONT> '
                    + self.muted(EDGE_WORDS[kind])
                    for kind in kinds
                )
            )
        if scene.legend:
            lines.append(self.legend(scene.legend))
        return self.lines([*lines, " "], align="CENTER")

    def legend(self, legend: Legend) -> str:
        """Write seven steps of the heat scale between their ends."""
        steps = 7
        scale = "".join(
            f'<FONT POINT-SIZE="11" COLOR="{self.theme.heat_at(i / (steps - 1))}">███</FONT>'
            for i in range(steps)
        )
        return (
            f"{self.muted(legend.title)}:  {self.muted(legend.low)} {scale} "
            f"{self.muted(legend.high)}"
        )

    def lines(
        self, lines: list[str], *, align: str = "LEFT", aside: str = "", width: int = 0
    ) -> str:
        """Write lines as an evenly spaced, borderless table; ``aside`` ends one."""
        rows = [f'<TD ALIGN="{align}" COLSPAN="2">{line}</TD>' for line in lines]
        if aside:
            rows[0] = f'<TD ALIGN="{align}">{lines[0]}</TD><TD ALIGN="RIGHT">{aside}</TD>'
        body = "".join(f"<TR>{row}</TR>" for row in rows)
        size = f' WIDTH="{width}"' if width else ""
        return (
            f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1"{size}>{body}</TABLE>'
        )

    def muted(self, text: str) -> str:
        """Write small text in the muted colour."""
        return f'<FONT POINT-SIZE="9.5" COLOR="{self.theme.muted}">{escaped(text)}</FONT>'

    def open_head(self, node: Node, again: str) -> str:
        """Write the head of an open node: title, path, heat and mark."""
        words = f"<B>{escaped(node.title)}</B>"
        if again:
            words += self.muted(" continued")
        where = f"{node.path} · {node.aside}" if node.role == "block" else node.aside
        lines = [words, self.muted(where)]
        if node.heat:
            chip = self.theme.heat_at(node.heat.level)
            lines.append(f'<FONT COLOR="{chip}">█</FONT> {self.muted(node.heat.text)}')
        if node.mark:
            lines.append(f'<FONT COLOR="{self.border(node)}"><B>{node.mark}</B></FONT>')
        return self.lines(lines, width=HEAD_WIDTH if node.heat and self.down else 0)

    def card(self, node: Node) -> str:
        """Write a closed node: head, parts (side by side where the picture runs down), footer."""
        theme = self.theme
        head = theme.heat_at(node.heat.level) if node.heat else theme.fills[node.role]
        ink = text_on(head) if node.heat else theme.ink
        across = self.down and len(node.parts) > 1
        span = 2 * (len(node.parts) if across else 1)
        wide = self.down and node.parts
        width = f' WIDTH="{CARD_WIDTH}"' if wide else ""
        name = escaped(node.title)
        if node.repeats > 1:
            name += f" × {node.repeats}"
        lines = [f'<FONT COLOR="{ink}"><B>{name}</B></FONT>']
        if node.heat:
            lines.append(f'<FONT COLOR="{ink}">{escaped(node.heat.text)}</FONT>')
        if node.mark:
            lines.append(f'<FONT COLOR="{ink}"><B>{node.mark}</B></FONT>')
        title = self.lines(
            lines, aside=f'<FONT COLOR="{ink}"><B>&nbsp;&nbsp;{escaped(node.aside)}</B></FONT>'
        )
        rows = [f'<TR><TD ALIGN="LEFT" BGCOLOR="{head}" COLSPAN="{span}"{width}>{title}</TD></TR>']
        parts = node.parts or (Part(paths=(node.path,), lines=node.lines),)
        cells = [self.part(part, span=2 if across else span) for part in parts if part.lines]
        rows += [f"<TR>{''.join(cells)}</TR>"] if across else [f"<TR>{cell}</TR>" for cell in cells]
        if node.footer:
            rows.append(
                f'<TR><TD COLSPAN="{span}" ALIGN="LEFT" SIDES="LRB">{self.muted(node.footer)}</TD>'
                "</TR>"
            )
        return (
            f'<TABLE BORDER="{2 if node.mark else 0}" CELLBORDER="1" CELLSPACING="0" '
            f'CELLPADDING="5" COLOR="{self.border(node)}" BGCOLOR="{theme.card}">'
            f"{''.join(rows)}</TABLE>"
        )

    def part(self, part: Part, *, span: int) -> str:
        """Write one part of a card."""
        lines = [escaped(line) for line in part.lines]
        aside = f"<B>× {part.repeats}</B>" if part.repeats > 1 else ""
        if part.title:
            muted = [f'<FONT COLOR="{self.theme.muted}">{line}</FONT>' for line in lines]
            lines = [escaped(part.title), *muted]
        body = self.lines(lines, aside=aside)
        return f'<TD COLSPAN="{span}" ALIGN="LEFT" VALIGN="TOP" SIDES="LRB">{body}</TD>'

    def grid(self, grid: Grid) -> str:
        """Write a table."""
        theme = self.theme
        heads = list(grid.heads)
        heated = None  # the column that is coloured
        if self.scene.legend:
            head = COLUMN_HEADS[self.scene.legend.key]
            if head not in heads:
                heads.append(head)
            heated = heads.index(head)
        cells = "".join(
            f'<TD ALIGN="LEFT" SIDES="TB" BGCOLOR="{theme.fills["input"]}">'
            f"<B>{escaped(head)}</B></TD>"
            for head in heads
        )
        rows = [f"<TR>{cells}</TR>", *(self.grid_row(row, heated) for row in grid.rows)]
        return (
            f'<TABLE BORDER="0" CELLBORDER="1" CELLSPACING="0" CELLPADDING="5" '
            f'COLOR="{theme.line}" BGCOLOR="{theme.card}">{"".join(rows)}</TABLE>'
        )

    def grid_row(self, row: GridRow, heated: int | None) -> str:
        """Write a row of a table, with the heat in its column."""
        cells = []
        for index, lines in enumerate(row.cells):
            if index == heated:
                continue
            text = [escaped(line) for line in lines] or [" "]
            fill = ""
            if index == 0:
                text = [f"<B>{line}</B>" for line in text]
                fill = f' BGCOLOR="{self.theme.fills[row.role]}"'
            body = "".join(f'{line}<BR ALIGN="LEFT"/>' for line in text)
            cells.append(f'<TD ALIGN="LEFT" BALIGN="LEFT" SIDES="B"{fill}>{body}</TD>')
        if heated is not None:
            cells.insert(heated, self.heat_cell(row))
        return f"<TR>{''.join(cells)}</TR>"

    def heat_cell(self, row: GridRow) -> str:
        """Write the coloured cell of a row."""
        if row.heat is None:
            return '<TD SIDES="B"> </TD>'
        fill = self.theme.heat_at(row.heat.level)
        words = f'<FONT COLOR="{text_on(fill)}">{escaped(row.heat.text)}</FONT>'
        return f'<TD ALIGN="LEFT" SIDES="B" BGCOLOR="{fill}">{words}</TD>'
