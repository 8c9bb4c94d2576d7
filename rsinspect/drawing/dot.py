"""Scene to DOT, with the graphviz package doing the quoting.

Closed nodes are HTML-like tables, so that a card can carry a coloured head, parts and a footer; ops
are plain shapes; open nodes are clusters. Panels, and the columns of a long diagram, are connected
components of their own that Graphviz packs into an array, so each is laid out alone: time grows
with the number of columns and not faster. An edge from one column to the next is drawn in two
halves, each with a connector that names the other end.
"""

from __future__ import annotations

import html
import textwrap
from collections import Counter
from itertools import pairwise

import graphviz

from rsinspect.drawing.columns import CARDS, Column, columns, in_line
from rsinspect.drawing.scene import (
    EDGE_WORDS,
    Direction,
    Edge,
    EdgeKind,
    Grid,
    GridRow,
    Legend,
    Node,
    Panel,
    Part,
    Role,
    Scene,
)
from rsinspect.drawing.theme import FONT, LIGHT, Theme, text_on
from rsinspect.drawing.wording import footer_beside_heat

CARD_WIDTH = 460
CAPTION_WIDTH: dict[Direction, int] = {"TB": 92, "LR": 150}
FIGURE_WIDTH = 190
HEAD_WIDTH = 250
"""Of an open node's head that tells its heat: half of it stands left of the arrow that enters."""

SHAPES: dict[Role, dict[str, str]] = {
    "input": {"shape": "box", "style": "filled,rounded"},
    "conv": {"shape": "box", "style": "filled"},
    "dense": {"shape": "box", "style": "filled", "peripheries": "2"},
    "norm": {"shape": "box", "style": "filled,rounded"},
    "activation": {"shape": "box", "style": "filled,rounded", "peripheries": "2"},
    "pool": {"shape": "invtrapezium", "style": "filled"},
    "gate": {"shape": "hexagon", "style": "filled"},
    "add": {"shape": "ellipse", "style": "filled"},
    "scale": {"shape": "ellipse", "style": "filled"},
    "plain": {"shape": "box", "style": "filled,dashed"},
}
"""How an op looks besides its colour."""

SLANTED = ("pool", "gate")
"""Shapes whose slanted sides are margin enough."""

SIGNS: dict[Role, str] = {"add": "+", "scale": "×"}
COLUMN_HEADS = {
    "params": "Params", "flops": "FLOPs", "macs": "MACs", "activation_bytes": "Activations",
    "intensity": "Intensity", "latency_s": "Latency",
}  # fmt: skip
"""Head of the coloured column of a grid."""

LINES: dict[EdgeKind, dict[str, str]] = {
    "flow": {"penwidth": "1.2", "weight": "12"},
    "identity": {"penwidth": "2.2", "weight": "1"},
    "projection": {"penwidth": "1.8", "weight": "2", "style": "dashed"},
    "gate": {"penwidth": "1.6", "weight": "1", "style": "dotted"},
}
SAMPLES: dict[EdgeKind, str] = {"identity": "━━━", "projection": "━ ━", "gate": "• • •"}
"""Lines by kind, and how the key writes them."""


def dot(scene: Scene, *, theme: Theme = LIGHT, font: str = FONT, dpi: int | None = None) -> str:
    """Write the scene as DOT source.

    Args:
        scene: What to show.
        theme: Its colours.
        font: Family of all text.
        dpi: Dots per inch of a raster picture; None for vector formats.
    """
    return _Drawing(scene, theme, font).source(dpi)


def _escaped(text: str) -> str:
    """Text for an HTML-like label, in which Graphviz also reads its own backslash escapes."""
    return html.escape(text).replace("\\", "\\\\")


class _Drawing:
    def __init__(self, scene: Scene, theme: Theme, font: str) -> None:
        self.scene = scene
        self.theme = theme
        self.font = font
        self.down = scene.direction == "TB"
        paths = Counter(node.path for panel in scene.panels for node in panel.walk(deep=False))
        self.shared = any(times > 1 for times in paths.values())

    def source(self, dpi: int | None) -> str:
        scene, theme = self.scene, self.theme
        picture = self.root = graphviz.Digraph(scene.name)
        if dpi is not None:
            picture.attr(dpi=str(dpi))
        picture.attr(
            rankdir=scene.direction,
            fontname=self.font,
            fontsize="11",
            fontcolor=theme.muted,
            label=f"<{self.heading()}>",
            labelloc="t",
            nodesep="0.3",
            ranksep="0.28",
            pad="0.2",
            bgcolor=theme.paper,
            tooltip=scene.title,
        )
        picture.attr("node", shape="plain", fontname=self.font, fontsize="11", fontcolor=theme.ink)
        picture.attr("node", color=theme.line)
        picture.attr(
            "edge", color=theme.edges["flow"], arrowsize="0.7", fontname=self.font, fontsize="9"
        )
        places: list[list[Panel]] = []
        for panel in scene.panels:
            if panel.below and places and self.down:
                places[-1].append(panel)
            else:
                places.append([panel])
        blocks = 0
        for index, place in enumerate(places if self.down else reversed(places)):
            if len(place) == 1:
                blocks += self.panel(picture, place[0])
                continue
            with picture.subgraph(name=f"cluster_place_{index}") as inside:
                inside.attr(peripheries="0", label="", margin="0")
                for panel in place:
                    self.panel(inside, panel)
                for above, under in pairwise(place):
                    self.under(above, under)
            blocks += 1
        if blocks > 1:  # an array is turned with the picture: LR stacks it, the last at the top
            picture.attr(pack="24", packmode=f"array_ti{blocks}")
        text: str = picture.source
        return text

    # panels

    def panel(self, picture: graphviz.Digraph, panel: Panel) -> int:
        """Draw a panel; returns of how many columns."""
        if panel.grid is None:
            return self.diagram(picture, panel, framed=len(self.scene.panels) > 1)
        with picture.subgraph(name=f"cluster_{panel.name}") as inside:
            inside.attr(peripheries="0", label="", tooltip=panel.title)
            self.place(inside, panel.name, label=f"<{self.grid(panel.grid)}>")
        return 1

    def under(self, above: Panel, under: Panel) -> None:
        """Hold two diagrams together, one under the other."""
        last, first = above.nodes[-1].path, under.nodes[0].path
        self.root.edge(self.id(above, last), self.id(under, first), style="invis")

    def diagram(self, picture: graphviz.Digraph, panel: Panel, *, framed: bool) -> int:
        """Draw a diagram; returns of how many columns."""
        found = columns(panel, self.scene.direction)
        column_of = {path: i for i, column in enumerate(found) for path in column.shown()}
        numbered = list(enumerate(found))
        for index, column in numbered if self.down else reversed(numbered):
            if len(found) == 1 and not framed:
                self.column(picture, panel, column, index, column_of)
                continue
            with picture.subgraph(name=f"cluster_{panel.name}_{index}") as inside:
                title = panel.title if index == 0 else ""
                inside.attr(
                    label=f"<<B>{_escaped(title)}</B>>" if title else "",
                    peripheries="0",
                    fontcolor=self.theme.ink,
                    fontsize="12",
                    margin="6",
                    tooltip=panel.title or " ",
                )
                self.column(inside, panel, column, index, column_of)
        return len(found)

    def column(
        self,
        picture: graphviz.Digraph,
        panel: Panel,
        column: Column,
        index: int,
        column_of: dict[str, int],
    ) -> None:
        for node in column.nodes:
            again = f"+{index}" if node.path in column.continued else ""
            self.node(picture, panel, node, again)
        arrivals: set[str] = set()
        departures: set[str] = set()
        for edge in panel.edges:
            tail, head = column_of[edge.tail], column_of[edge.head]
            if tail == head == index:
                self.edge(panel, edge)
            elif tail == index and edge.tail not in departures:
                departures.add(edge.tail)
                self.connector(picture, f"{self.id(panel, edge.tail)}/next", f"to {edge.head}")
                self.arrow(self.id(panel, edge.tail), f"{self.id(panel, edge.tail)}/next")
            elif head == index and tail != index:
                source = f"{self.id(panel, edge.tail)}/before"
                if edge.tail not in arrivals:
                    arrivals.add(edge.tail)
                    self.connector(picture, source, f"from {edge.tail}")
                self.edge(panel, edge, tail=source)

    def place(self, picture: graphviz.Digraph, name: str, **attributes: str) -> None:
        """A node, described at the top of the file and named in its cluster.

        Readers that know no subgraphs, such as Netron, then miss frames but no node.
        """
        self.root.node(name, id=name, **attributes)
        if picture is not self.root:
            picture.node(name)

    def connector(self, picture: graphviz.Digraph, name: str, words: str) -> None:
        self.place(
            picture, name, label=words, shape="cds", fontcolor=self.theme.muted, fontsize="9.5",
            margin="0.12,0.04", height="0.25", tooltip=words,
        )  # fmt: skip

    def arrow(self, tail: str, head: str) -> None:
        self.root.edge(tail, head, penwidth="1.2", tooltip=f"{tail} -> {head}")

    def id(self, panel: Panel, path: str) -> str:
        """The path, with the panel's name before it where two panels have the same paths."""
        return f"{panel.name}/{path}" if self.shared else path

    def edge(self, panel: Panel, edge: Edge, *, tail: str | None = None) -> None:
        words = EDGE_WORDS[edge.kind]
        tail_id, head_id = self.id(panel, edge.tail), self.id(panel, edge.head)
        options = dict(LINES[edge.kind])
        if edge.kind != "flow":
            options["color"] = self.theme.edges[edge.kind]
        self.root.edge(
            tail or tail_id,
            head_id,
            id=f"{tail_id}->{head_id}",
            tooltip=f"{words}, {edge.label}",
            **options,
        )

    def node(self, picture: graphviz.Digraph, panel: Panel, node: Node, again: str = "") -> None:
        name = self.id(panel, node.path)
        if node.open and node.children:
            with picture.subgraph(name=f"cluster_{name}{again}") as inside:
                inside.attr(
                    label=f"<{self.open_head(node, again)}>",
                    id=name + again,
                    tooltip=node.tooltip,
                    style="filled,rounded",
                    peripheries="1",
                    fillcolor=self.theme.card,
                    color=self.border(node),
                    penwidth="2.5" if node.mark else "1",
                    labeljust="l",
                    labelloc="t" if self.down else "b",
                    fontsize="11",
                    fontcolor=self.theme.ink,
                    margin="10",
                )
                for child in node.children:
                    self.node(inside, panel, child)
        elif node.parts or node.role in CARDS:
            self.place(picture, name, label=f"<{self.card(node)}>", tooltip=node.tooltip)
        else:
            self.op(picture, name, node)

    def border(self, node: Node) -> str:
        return self.theme.marks[node.mark] if node.mark else self.theme.line

    def op(self, picture: graphviz.Digraph, name: str, node: Node) -> None:
        """A layer: its shape says what it is, as does its colour and its text."""
        fill = self.theme.fills[node.role]
        ink, muted = self.theme.ink, self.theme.ink
        if node.heat:
            fill = self.theme.heat_at(node.heat.level)
            ink = muted = text_on(fill)
        sign = SIGNS.get(node.role, "")
        title = f"{sign} {node.title}" if sign else node.title
        lines = [f'<FONT COLOR="{ink}">{_escaped(title)}</FONT>']
        heat = node.heat.text if node.heat and node.heat.value else ""
        aside = " · ".join(filter(None, (node.aside, footer_beside_heat(node))))
        small = [*node.lines, aside, heat]
        if node.mark:
            small.append(node.mark)
        lines += [
            f'<FONT POINT-SIZE="9" COLOR="{muted}">{_escaped(line)}</FONT>'
            for line in small
            if line
        ]
        self.place(
            picture,
            name,
            label=f"<{self.lines(lines, align='CENTER')}>",
            tooltip=node.tooltip,
            fillcolor=fill,
            color=self.border(node) if node.mark else self.theme.line,
            penwidth="2.5" if node.mark else "1",
            group="branch" if in_line(node) else "",
            width="1.6",
            height="0.3",
            margin="0.08,0.02" if node.role not in SLANTED else "0,0",
            **SHAPES[node.role],
        )

    # text

    def heading(self) -> str:
        """Title, caption and keys, broken into lines that are no wider than the picture."""
        scene, theme = self.scene, self.theme
        width = CAPTION_WIDTH[scene.direction]
        if len(scene.panels) > 1:
            width = FIGURE_WIDTH
        lines = [f'<FONT POINT-SIZE="14" COLOR="{theme.ink}"><B>{_escaped(scene.title)}</B></FONT>']
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
        """Seven steps of the heat scale between their ends."""
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
        """Lines as a borderless table, evenly spaced whatever their fonts; ``aside`` ends one."""
        rows = [f'<TD ALIGN="{align}" COLSPAN="2">{line}</TD>' for line in lines]
        if aside:
            rows[0] = f'<TD ALIGN="{align}">{lines[0]}</TD><TD ALIGN="RIGHT">{aside}</TD>'
        body = "".join(f"<TR>{row}</TR>" for row in rows)
        size = f' WIDTH="{width}"' if width else ""
        return (
            f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1"{size}>{body}</TABLE>'
        )

    def muted(self, text: str) -> str:
        return f'<FONT POINT-SIZE="9.5" COLOR="{self.theme.muted}">{_escaped(text)}</FONT>'

    def open_head(self, node: Node, again: str) -> str:
        words = f"<B>{_escaped(node.title)}</B>"
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

    # cards

    def card(self, node: Node) -> str:
        """A closed node: head, parts (side by side where the picture runs down), footer."""
        theme = self.theme
        head = theme.heat_at(node.heat.level) if node.heat else theme.fills[node.role]
        ink = text_on(head) if node.heat else theme.ink
        across = self.down and len(node.parts) > 1
        span = 2 * (len(node.parts) if across else 1)
        wide = self.down and node.parts
        width = f' WIDTH="{CARD_WIDTH}"' if wide else ""
        name = _escaped(node.title)
        if node.repeats > 1:
            name += f" × {node.repeats}"
        lines = [f'<FONT COLOR="{ink}"><B>{name}</B></FONT>']
        if node.heat:
            lines.append(f'<FONT COLOR="{ink}">{_escaped(node.heat.text)}</FONT>')
        if node.mark:
            lines.append(f'<FONT COLOR="{ink}"><B>{node.mark}</B></FONT>')
        title = self.lines(
            lines, aside=f'<FONT COLOR="{ink}"><B>&nbsp;&nbsp;{_escaped(node.aside)}</B></FONT>'
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
        lines = [_escaped(line) for line in part.lines]
        aside = f"<B>× {part.repeats}</B>" if part.repeats > 1 else ""
        if part.title:
            muted = [f'<FONT COLOR="{self.theme.muted}">{line}</FONT>' for line in lines]
            lines = [_escaped(part.title), *muted]
        body = self.lines(lines, aside=aside)
        return f'<TD COLSPAN="{span}" ALIGN="LEFT" VALIGN="TOP" SIDES="LRB">{body}</TD>'

    # grids

    def grid(self, grid: Grid) -> str:
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
            f"<B>{_escaped(head)}</B></TD>"
            for head in heads
        )
        rows = [f"<TR>{cells}</TR>", *(self.grid_row(row, heated) for row in grid.rows)]
        return (
            f'<TABLE BORDER="0" CELLBORDER="1" CELLSPACING="0" CELLPADDING="5" '
            f'COLOR="{theme.line}" BGCOLOR="{theme.card}">{"".join(rows)}</TABLE>'
        )

    def grid_row(self, row: GridRow, heated: int | None) -> str:
        cells = []
        for index, lines in enumerate(row.cells):
            if index == heated:
                continue
            text = [_escaped(line) for line in lines] or [" "]
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
        if row.heat is None:
            return '<TD SIDES="B"> </TD>'
        fill = self.theme.heat_at(row.heat.level)
        words = f'<FONT COLOR="{text_on(fill)}">{_escaped(row.heat.text)}</FONT>'
        return f'<TD ALIGN="LEFT" SIDES="B" BGCOLOR="{fill}">{words}</TD>'
