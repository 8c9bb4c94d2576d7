"""HTML-like labels of DOT: headings, cards, heads of open nodes, tables."""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import replace

from rsinspect.drawing.arrangement import TITLE_PT, Arrangement, height_pt, placed
from rsinspect.drawing.columns import CARDS
from rsinspect.drawing.grids import Column, printed
from rsinspect.drawing.metrics import broken, width_pt
from rsinspect.drawing.scene import (
    EDGE_WORDS,
    Direction,
    Grid,
    GridRow,
    Legend,
    Node,
    Part,
    Scene,
)
from rsinspect.drawing.strokes import STROKES
from rsinspect.drawing.theme import Theme, text_on
from rsinspect.drawing.wording import rest_of_footer, titled

CARD_PT = 460
"""Width of a closed stage whose kinds of blocks stand side by side, in points."""

FRAME_PT = 11
"""From the frame of an open stage to the blocks in it, in points."""

ROOM_PT: dict[Direction, float] = {"TB": 480, "LR": 790}
FIGURE_ROOM_PT = 780
"""Points across that title and caption take above a picture, and above one of several panels."""

KEY_PT = 230
"""Width of a key that stands beside diagrams, in points."""

HEAD_PT = 250
"""Of an open node's head that tells its heat: half of it stands left of the arrow that enters."""

MOST_STRETCHED = 1.7
"""How much taller than it need be a table is made to stand as tall as the diagrams beside it."""

WHOLE_PIXELS = 1.08
"""How much wider a line of small type can be where Graphviz measures it: in whole pixels."""

STEPS = 7
"""Of the scale of heat."""


_ALIKE = str.maketrans({"<": "‹", ">": "›", "\\": "⧵", ":": "∶"})


def named(text: str) -> str:
    """Write a text as a name of DOT; what has a meaning there becomes a sign like it.

    The graphviz package takes ``<...>`` for HTML, what follows a colon for a port, and a backslash
    at the end for one that its caller has escaped something with.

    >>> named("<b> [URL=x]; <i>"), named("layer:0"), named("c4/block1")
    ('‹b› [URL=x]; ‹i›', 'layer∶0', 'c4/block1')
    """
    return text.translate(_ALIKE)


def escaped(text: str) -> str:
    """Escape text for an HTML-like label, including Graphviz's own backslashes.

    Graphviz takes no element without text, so none is a blank.
    """
    return html.escape(text).replace("\\", "\\\\") or " "


class Labels:
    """Writes the labels of a scene in the colours of a theme and the type of an arrangement."""

    def __init__(self, scene: Scene, theme: Theme, arranged: Arrangement) -> None:
        self.scene = scene
        self.theme = theme
        self.arranged = arranged
        self.type = arranged.type
        self.down = scene.direction == "TB"
        shown = [n for panel in scene.panels for n in panel.walk(deep=False) if not n.open]
        self.split = arranged.across and any(len(node.parts) > 1 for node in shown)
        inside = [n for n in shown if n.role == "block"]
        outside = [n for n in shown if n.role != "block" and is_card(n)]
        self.inner = max(map(self.natural_pt, inside), default=0.0)
        self.outer = max(map(self.natural_pt, outside), default=0.0)
        if inside:
            self.outer = max(self.outer, self.inner + 2 * self.arranged.gap(FRAME_PT))

    def natural_pt(self, node: Node) -> float:
        """Measure the widest line of a card, with its margins."""
        text, small = self.type.text, self.type.small
        margins = 2 * self.padding + 4
        wide = width_pt(f"{titled(node)}{node.aside}", text, bold=True) + 2.5 * text
        wide = max(wide, width_pt(rest_of_footer(node), small))
        parts = [
            max(
                width_pt(f"{part.title}  × {part.repeats}" * bool(part.title), text, bold=True),
                *(width_pt(line, text) for line in part.lines),
                0.0,
            )
            for part in node.parts or (Part(paths=(node.path,), lines=node.lines),)
        ]
        across = sum(parts) + margins * (len(parts) - 1)
        return max(wide, across if self.split else max(parts)) + margins

    @property
    def padding(self) -> int:
        """Return the points around the text of a cell."""
        return 2 if self.arranged.dense else 5

    def border(self, node: Node) -> str:
        """Choose the colour of a border: the mark's, where there is one."""
        return self.theme.marks[node.mark] if node.mark else self.theme.line

    @property
    def room(self) -> float:
        """Return the points that title and caption may take across."""
        several = len(self.scene.panels) > 1
        wide = FIGURE_ROOM_PT if several else ROOM_PT[self.scene.direction]
        return (self.arranged.room_pt or wide) / WHOLE_PIXELS

    def heading(self, *, key: bool = True) -> str:
        """Break the title, and caption and keys, into lines no wider than the picture."""
        bold, title = self.theme.ink, self.scene.title
        room = self.room if self.arranged.room_pt else 1.5 * self.room
        lines = [
            f'<FONT POINT-SIZE="{self.type.title:g}" COLOR="{bold}"><B>{escaped(line)}</B></FONT>'
            for line in broken(title, room, self.type.title, bold=True)
        ]
        if key:
            lines += self.caption(self.room)
            lines += self.keys(beside=True)
        below = [] if self.arranged.dense else [" "]
        return self.lines([*lines, *below], align="CENTER") if lines else ""

    def key(self) -> str:
        """Write caption and keys as a block of their own."""
        room = self.arranged.pt(KEY_PT)
        return self.lines([*self.keys(beside=False), " ", *self.caption(room)])

    def caption(self, room: float) -> list[str]:
        """Break the caption into lines of that many points."""
        return [self.muted(line) for line in broken(self.scene.caption, room, self.type.small)]

    def keys(self, *, beside: bool) -> list[str]:
        """Explain lines, marks and colours, each kind in a line of its own or side by side."""
        theme, small = self.theme, f"{self.type.small:g}"
        signs = [
            f'<FONT POINT-SIZE="{small}" COLOR="{theme.edges[kind]}">{STROKES[kind].sample}</FONT>'
            f" {self.muted(EDGE_WORDS[kind])}"
            for kind in self.scene.edge_kinds
        ]
        signs += [
            f'<FONT POINT-SIZE="{small}" COLOR="{theme.marks[mark]}"><B>▐ {mark}</B></FONT> '
            f"{self.muted(self.scene.mark_words[mark])}"
            for mark in self.scene.marks
        ]
        words = [EDGE_WORDS[kind] for kind in self.scene.edge_kinds]
        words += [f"{mark} {self.scene.mark_words[mark]}" for mark in self.scene.marks]
        wide = sum(width_pt(text, self.type.small) + 40 for text in words)
        lines = [" &#160; ".join(signs)] if beside and signs and wide <= self.room else signs
        if self.scene.legend:
            lines += [" ", *self.legend(self.scene.legend)]
        return lines

    def legend(self, legend: Legend) -> list[str]:
        """Write the scale of heat between its ends, and what it is of."""
        small = f"{self.type.small:g}"
        room = self.room - width_pt(f"{legend.low}  {legend.high}", self.type.small)
        wide = "█" * min(3, max(1, int(room / (STEPS * self.type.small))))
        colours = [self.theme.heat_of(legend.heat(i / (STEPS - 1))) for i in range(STEPS)]
        scale = "".join(
            f'<FONT POINT-SIZE="{small}" COLOR="{colour}">{wide}</FONT>' for colour in colours
        )
        words = broken(legend.title, self.room, self.type.small)
        return [
            *map(self.muted, words),
            f"{self.muted(legend.low)} {scale} {self.muted(legend.high)}",
            *self.unknown(legend),
        ]

    def unknown(self, legend: Legend) -> list[str]:
        """Explain the colour of what nobody knows, where something has it."""
        if not legend.unknown:
            return []
        small = f"{self.type.small:g}"
        chip = f'<FONT POINT-SIZE="{small}" COLOR="{self.theme.unknown}">███</FONT>'
        return [f"{chip} {self.muted(legend.unknown)}"]

    def lines(
        self, lines: list[str], *, align: str = "LEFT", aside: str = "", width: int = 0
    ) -> str:
        """Write lines as an evenly spaced, borderless table; ``aside`` ends one."""
        rows = [f'<TD ALIGN="{align}" COLSPAN="2">{line}</TD>' for line in lines]
        if aside:
            rows[0] = f'<TD ALIGN="{align}">{lines[0]}</TD><TD ALIGN="RIGHT">{aside}</TD>'
        body = "".join(f"<TR>{row}</TR>" for row in rows)
        size = f' WIDTH="{width}"' if width else ""
        padding = 0 if self.arranged.dense else 1
        return (
            f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="{padding}"{size}>'
            f"{body}</TABLE>"
        )

    def muted(self, text: str) -> str:
        """Write small text in the muted colour."""
        size = f"{self.type.small:g}"
        return f'<FONT POINT-SIZE="{size}" COLOR="{self.theme.muted}">{escaped(text)}</FONT>'

    def open_head(self, node: Node, again: str) -> str:
        """Write the head of an open node: title, path, heat and mark."""
        words = f"<B>{escaped(node.title)}</B>"
        if again:
            words += self.muted(" continued")
        where = f"{node.path} · {node.aside}" if node.role == "block" else node.aside
        dense = self.arranged.dense  # the left half is as wide as a line may be: an arrow enters
        one = dense and not again
        lines = [f"{words} {self.muted(where)}"] if one else [words, self.muted(where)]
        if node.heat:
            chip = f'<FONT COLOR="{self.theme.heat_of(node.heat)}">█</FONT> '
            value, _, share = node.heat.text.partition(" (")
            two = share and (dense or (node.heat.scale == "change" and self.down))
            told = [value, share.rstrip(")")] if two else [node.heat.text]
            lines += [chip + self.muted(told[0]), *map(self.muted, told[1:])]
        if node.mark:
            lines.append(f'<FONT COLOR="{self.border(node)}"><B>{node.mark}</B></FONT>')
        return self.lines(lines, width=HEAD_PT if node.heat and self.down and not dense else 0)

    def card(self, node: Node) -> str:
        """Write a closed node: head, parts (side by side where the picture runs down), footer."""
        theme = self.theme
        head = theme.heat_of(node.heat) if node.heat else theme.fills[node.role]
        ink = text_on(head) if node.heat else theme.ink
        across = self.down and self.split and len(node.parts) > 1
        span = 2 * (len(node.parts) if across else 1)
        width = f' WIDTH="{self.card_pt(node)}"' if self.down else ""
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
        if across:  # as many lines in each: the rows of a shorter one would be spread
            most = max(len(part.lines) for part in parts)
            parts = tuple(
                replace(part, lines=part.lines + ("",) * (most - len(part.lines))) for part in parts
            )
        cells = [self.part(part, span=2 if across else span) for part in parts if part.lines]
        rows += [f"<TR>{''.join(cells)}</TR>"] if across else [f"<TR>{cell}</TR>" for cell in cells]
        if footer := rest_of_footer(node):
            rows.append(
                f'<TR><TD COLSPAN="{span}" ALIGN="LEFT" SIDES="LRB">{self.muted(footer)}</TD></TR>'
            )
        return (
            f'<TABLE BORDER="{2 if node.mark else 0}" CELLBORDER="1" CELLSPACING="0" '
            f'CELLPADDING="{self.padding}" COLOR="{self.border(node)}" BGCOLOR="{theme.card}">'
            f"{''.join(rows)}</TABLE>"
        )

    def card_pt(self, node: Node) -> int:
        """Choose the width of a card, the same for all that stand in line."""
        least = self.arranged.pt(CARD_PT) if self.split else 0.0
        return round(max(least, self.inner if node.role == "block" else self.outer))

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
        theme, found = self.theme, printed(grid, self.scene.legend, narrow=self.arranged.narrow)
        cells = "".join(
            f'<TD ALIGN="{_side(column)}" SIDES="TB" BGCOLOR="{theme.fills["input"]}">'
            f"<B>{'<BR/>'.join(map(escaped, column.head))}</B></TD>"
            for column in found.columns
        )
        rows = [f"<TR>{cells}</TR>"]
        for row, texts in zip(grid.rows, found.rows, strict=True):
            cells = "".join(
                self.grid_cell(row, index, column, lines)
                for index, (column, lines) in enumerate(zip(found.columns, texts, strict=True))
            )
            rows.append(f"<TR>{cells}</TR>")
        table = (
            f'<TABLE BORDER="0" CELLBORDER="1" CELLSPACING="0" CELLPADDING="{self.padding}" '
            f'COLOR="{theme.line}" BGCOLOR="{theme.card}">{"".join(rows)}</TABLE>'
        )
        if self.arranged.beside != "columns" or not self.down:
            return table
        return (  # its rows share what the cell around it has more than they need
            '<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0"><TR>'
            f'<TD HEIGHT="{self.beside_pt()}">{table}</TD></TR></TABLE>'
        )

    def beside_pt(self) -> int:
        """Estimate how tall the diagrams beside a table are; it is stretched to that."""
        (table, *_), *columns = placed(self.scene.panels, "columns", self.arranged.aspect)
        heights = [sum(height_pt(panel) - TITLE_PT for (panel,) in column) for column in columns]
        most = MOST_STRETCHED * height_pt(table[0])
        return round(self.arranged.gap(min(most, max(heights, default=0.0))))

    def grid_cell(self, row: GridRow, index: int, column: Column, lines: Iterable[str]) -> str:
        """Write a cell: the first bold on its role's colour, a share small below its number."""
        theme, side = self.theme, _side(column)
        fill, ink, aside = "", theme.ink, theme.muted
        if column.heated and row.heat is not None:
            fill = theme.heat_of(row.heat)
            ink = aside = text_on(fill)
        elif index == 0:
            fill = theme.fills[row.role]
            aside = theme.ink
        first, *others = [escaped(line) for line in lines] or [" "]
        words = [f"<B>{first}</B>" if index == 0 else f'<FONT COLOR="{ink}">{first}</FONT>']
        for line in others:
            small = column.number
            size = f' POINT-SIZE="{self.type.small:g}"' if small else ""
            colour = aside if small or index == 0 else ink
            words.append(f'<FONT{size} COLOR="{colour}">{line}</FONT>')
        body = "".join(f'{line}<BR ALIGN="{side}"/>' for line in words)
        colour = f' BGCOLOR="{fill}"' if fill else ""
        return f'<TD ALIGN="{side}" BALIGN="{side}" SIDES="B"{colour}>{body}</TD>'


def is_card(node: Node) -> bool:
    """Tell whether a node is shown as a card, not as an op."""
    return bool(node.parts) or node.role in CARDS


def _side(column: Column) -> str:
    return "RIGHT" if column.number else "LEFT"
