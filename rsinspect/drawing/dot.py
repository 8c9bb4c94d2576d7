"""Scene to DOT, with the graphviz package doing the quoting.

Closed nodes are HTML-like tables, so that a card can carry a coloured head, parts and a footer; ops
are plain shapes; open nodes are clusters. Panels, and the columns of a long diagram, are connected
components of their own that Graphviz packs into an array, so each is laid out alone: time grows
with the number of columns and not faster. An edge from one column to the next is drawn in two
halves, each with a connector that names the other end.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import graphviz

from rsinspect.base.text import visible
from rsinspect.drawing.choices import FONT
from rsinspect.drawing.columns import CARDS, Column, columns, in_line
from rsinspect.drawing.dot_labels import Labels, escaped
from rsinspect.drawing.scene import (
    EDGE_WORDS,
    Edge,
    EdgeKind,
    Node,
    Panel,
    Role,
    Scene,
)
from rsinspect.drawing.theme import LIGHT, Theme, text_on
from rsinspect.drawing.wording import footer_beside_heat

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
LINES: dict[EdgeKind, dict[str, str]] = {
    "flow": {"penwidth": "1.2", "weight": "12"},
    "identity": {"penwidth": "2.2", "weight": "1"},
    "projection": {"penwidth": "1.8", "weight": "2", "style": "dashed"},
    "gate": {"penwidth": "1.6", "weight": "1", "style": "dotted"},
}
"""Lines by kind."""


def dot(scene: Scene, *, theme: Theme = LIGHT, font: str = FONT, dpi: int | None = None) -> str:
    """Write the scene as DOT source.

    Args:
        scene: What to show.
        theme: Its colours.
        font: Family of all text.
        dpi: Dots per inch of a raster picture; None for vector formats.
    """
    return visible(_Drawing(scene, theme, font).source(dpi))


class _Drawing(Labels):
    def __init__(self, scene: Scene, theme: Theme, font: str) -> None:
        super().__init__(scene, theme)
        self.font = font
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
        """Draw a panel; return the number of its columns."""
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
        """Draw a diagram; return the number of its columns."""
        laid_out = columns(panel, self.scene.direction)
        column_of = {path: i for i, column in enumerate(laid_out) for path in column.shown()}
        numbered = list(enumerate(laid_out))
        for index, column in numbered if self.down else reversed(numbered):
            if len(laid_out) == 1 and not framed:
                self.column(picture, panel, column, index, column_of)
                continue
            with picture.subgraph(name=f"cluster_{panel.name}_{index}") as inside:
                title = panel.title if index == 0 else ""
                inside.attr(
                    label=f"<<B>{escaped(title)}</B>>" if title else "",
                    peripheries="0",
                    fontcolor=self.theme.ink,
                    fontsize="12",
                    margin="6",
                    tooltip=panel.title or " ",
                )
                self.column(inside, panel, column, index, column_of)
        return len(laid_out)

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
        """Describe a node at the top of the file and name it in its cluster.

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
        """Return the path, with the panel's name before it where two panels share paths."""
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

    def op(self, picture: graphviz.Digraph, name: str, node: Node) -> None:
        """Draw a layer: shape, colour and text each say what it is."""
        fill = self.theme.fills[node.role]
        ink, muted = self.theme.ink, self.theme.ink
        if node.heat:
            fill = self.theme.heat_at(node.heat.level)
            ink = muted = text_on(fill)
        sign = SIGNS.get(node.role, "")
        title = f"{sign} {node.title}" if sign else node.title
        lines = [f'<FONT COLOR="{ink}">{escaped(title)}</FONT>']
        heat = node.heat.text if node.heat and node.heat.value else ""
        aside = " · ".join(filter(None, (node.aside, footer_beside_heat(node))))
        small = [*node.lines, aside, heat]
        if node.mark:
            small.append(node.mark)
        lines += [
            f'<FONT POINT-SIZE="9" COLOR="{muted}">{escaped(line)}</FONT>' for line in small if line
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
