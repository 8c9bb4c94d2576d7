"""Scene to DOT, with the graphviz package doing the quoting.

Closed nodes are HTML-like tables, so that a card can carry a coloured head, parts and a footer; ops
are plain shapes; open nodes are clusters. Panels, and the columns of a long diagram, are connected
components of their own that Graphviz packs into an array, so each is laid out alone: time grows
with the number of columns and not faster. An edge from one column to the next is drawn in two
halves, each with a connector that names the other end.
"""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise

import graphviz

from rsinspect.base.text import visible
from rsinspect.drawing.arrangement import AS_IT_COMES, Arrangement, Row, placed
from rsinspect.drawing.choices import FONT
from rsinspect.drawing.columns import Column, alongside, columns, in_line
from rsinspect.drawing.dot_labels import Labels, escaped, is_card, named
from rsinspect.drawing.metrics import broken
from rsinspect.drawing.scene import (
    EDGE_WORDS,
    Edge,
    EdgeKind,
    Node,
    Panel,
    Role,
    Scene,
)
from rsinspect.drawing.strokes import STROKES
from rsinspect.drawing.theme import LIGHT, Theme, text_on
from rsinspect.drawing.wording import condensed, rest_of_footer

SHAPES: dict[Role, dict[str, str]] = {
    "input": {"shape": "box", "style": "filled,rounded"},
    "conv": {"shape": "box", "style": "filled"},
    "dense": {"shape": "box", "style": "filled", "peripheries": "2"},
    "norm": {"shape": "box", "style": "filled,rounded"},
    "activation": {"shape": "box", "style": "filled,rounded", "peripheries": "2"},
    "pool": {"shape": "invtrapezium", "style": "filled"},
    "gate": {"shape": "hexagon", "style": "filled"},
    "add": {"shape": "ellipse", "style": "filled"},
    "join": {"shape": "ellipse", "style": "filled"},
    "scale": {"shape": "ellipse", "style": "filled"},
    "plain": {"shape": "box", "style": "filled,dashed"},
}
"""How an op looks besides its colour."""

NARROW: dict[Role, dict[str, str]] = {
    "gate": {"shape": "octagon", "style": "filled"},
    "pool": {"shape": "box", "style": "filled"},
}
"""How some ops look where room is short."""

SLANTED = ("pool", "gate")
"""Shapes whose slanted sides are margin enough."""

PANEL_ROOM_PT = 130.0
"""For the title of a diagram that stands beside another one below a narrow table."""

SIGNS: dict[Role, str] = {"add": "+", "scale": "×"}
WEIGHTS: dict[EdgeKind, str] = {"flow": "12", "identity": "1", "projection": "2", "gate": "1"}
"""How straight an edge is by kind."""


def dot(
    scene: Scene,
    *,
    theme: Theme = LIGHT,
    font: str = FONT,
    dpi: int | None = None,
    arranged: Arrangement = AS_IT_COMES,
    viewport: str = "",
) -> str:
    """Write the scene as DOT source.

    Args:
        scene: What to show.
        theme: Its colours.
        font: Family of all text.
        dpi: Dots per inch of a raster picture; None for vector formats.
        arranged: Sizes of type, and what stands beside what.
        viewport: Page and zoom, as Graphviz takes them; none for as large as it comes.
    """
    return visible(_Drawing(scene, theme, font, arranged).source(dpi, viewport))


class _Drawing(Labels):
    def __init__(self, scene: Scene, theme: Theme, font: str, arranged: Arrangement) -> None:
        super().__init__(scene, theme, arranged)
        self.font = font
        paths = Counter(node.path for panel in scene.panels for node in panel.walk(deep=False))
        self.shared = any(times > 1 for times in paths.values())

    @property
    def tabled(self) -> bool:
        """Tell whether diagrams stand beside a table: there is room below the last for the key."""
        return any(panel.grid is not None for panel in self.scene.panels)

    def source(self, dpi: int | None, viewport: str) -> str:
        scene, theme, gap = self.scene, self.theme, self.arranged.gap
        picture = self.root = graphviz.Digraph(named(scene.name))
        if dpi is not None:
            picture.attr(dpi=str(dpi))
        if viewport:
            picture.attr(viewport=viewport)
        places: list[list[Row]] = [[(panel,)] for panel in scene.panels]
        if self.down:
            places = placed(scene.panels, self.arranged.beside, self.arranged.aspect)
        apart = self.down and len(places) > 2 and len(places[0][0]) == 1 and self.tabled
        heading = "" if self.arranged.bare else self.heading(key=not apart)
        picture.attr(
            rankdir=scene.direction,
            fontname=self.font,
            fontsize=f"{self.type.text:g}",
            fontcolor=theme.muted,
            label=f"<{heading}>" if heading else "",
            labelloc="t",
            nodesep=f"{gap(0.3):g}",
            ranksep=f"{gap(0.28):g}",
            pad="0.01" if self.arranged.dense else "0.2",
            margin="0",
            bgcolor=theme.paper,
            tooltip=graphviz.escape(scene.title or scene.name),
        )
        picture.attr(
            "node",
            shape="plain",
            fontname=self.font,
            fontsize=f"{self.type.text:g}",
            fontcolor=theme.ink,
        )
        picture.attr("node", color=theme.line)
        picture.attr(
            "edge",
            color=theme.edges["flow"],
            arrowsize=f"{self.arranged.pt(0.7):g}",
            fontname=self.font,
            fontsize=f"{self.type.small:g}",
        )
        blocks = 0
        if len(scene.panels) == 2 and not any(panel.grid for panel in scene.panels):
            self.compared(picture)
            places = []
        for index, place in enumerate(places if self.down else reversed(places)):
            blocks += self.place_rows(picture, index, place, key=apart and index == len(places) - 1)
        across = blocks
        if self.down and places and self.arranged.columns and len(scene.panels) == 1:
            across = min(blocks, self.arranged.columns)
        if blocks > 1:  # an array is turned with the picture: LR stacks it, the last at the top
            picture.attr(pack=f"{gap(24):g}", packmode=f"array_ti{across}")
        text: str = picture.source
        return text

    def place_rows(
        self, picture: graphviz.Digraph, index: int, rows: list[Row], *, key: bool
    ) -> int:
        """Draw panels below each other, the key below them; return the number of columns."""
        if len(rows) == 1 and len(rows[0]) == 1 and not key:
            return self.panel(picture, rows[0][0])
        with picture.subgraph(name=f"cluster_place_{index}") as inside:
            inside.attr(peripheries="0", label="", margin="0")
            for row in rows:
                for panel in row:
                    self.panel(inside, panel)
            for above, under in pairwise(rows):
                for panel in under:
                    self.under(above[0], panel)
            if key:
                self.place(inside, "key", label=f"<{self.key()}>", tooltip="key")
                self.root.edge(self.last(rows[-1][0]), "key", style="invis")
        return 1

    # panels

    def panel(self, picture: graphviz.Digraph, panel: Panel) -> int:
        """Draw a panel; return the number of its columns."""
        if panel.grid is None:
            return self.diagram(picture, panel, framed=len(self.scene.panels) > 1)
        with picture.subgraph(name=f"cluster_{named(panel.name)}") as inside:
            inside.attr(peripheries="0", label="", tooltip=graphviz.escape(panel.title))
            self.place(inside, named(panel.name), label=f"<{self.grid(panel.grid)}>")
        return 1

    def under(self, above: Panel, under: Panel) -> None:
        """Hold two panels together, one under the other."""
        first = self.id(under, under.nodes[0].path) if under.nodes else named(under.name)
        self.root.edge(self.last(above), first, style="invis")

    def last(self, panel: Panel) -> str:
        """Return the id of the last node of a panel, or of its table."""
        return self.id(panel, panel.nodes[-1].path) if panel.nodes else named(panel.name)

    def diagram(self, picture: graphviz.Digraph, panel: Panel, *, framed: bool) -> int:
        """Draw a diagram; return the number of its columns."""
        laid_out = columns(panel, self.scene.direction, self.arranged.columns)
        column_of = _column_of(laid_out)
        numbered = list(enumerate(laid_out))
        for index, column in numbered if self.down else reversed(numbered):
            if len(laid_out) == 1 and not framed:
                self.column(picture, panel, column, index, column_of)
                continue
            with picture.subgraph(name=f"cluster_{named(panel.name)}_{index}") as inside:
                self.frame(inside, panel, panel.title if index == 0 else "")
                self.column(inside, panel, column, index, column_of)
        return len(laid_out)

    def frame(self, inside: graphviz.Digraph, panel: Panel, title: str) -> None:
        """Put the title of a diagram, or of one of its columns, over it; the frame is not seen."""
        inside.attr(
            label=self.panel_title(title),
            peripheries="0",
            fontcolor=self.theme.ink,
            fontsize=f"{self.type.head:g}",
            margin=f"{self.arranged.gap(6):g}",
            tooltip=graphviz.escape(panel.title or " "),
        )

    def compared(self, picture: graphviz.Digraph) -> None:
        """Draw two diagrams beside each other, the same stages at the same height.

        All columns are laid out at once: packed, they would lose their frames.
        """
        tops: list[str] = []
        picture.attr(newrank="true")  # ranks of nodes in two clusters
        panels = self.scene.panels
        cuts = alongside(panels, self.scene.direction, self.arranged.columns)
        column_of = [_column_of(cut) for cut in cuts]
        for index, column in enumerate(zip(*cuts, strict=True)):
            for panel, part, known in zip(panels, column, column_of, strict=True):
                if not part.nodes:
                    continue
                with picture.subgraph(name=f"cluster_{named(panel.name)}_{index}") as inside:
                    title = f"{panel.title}, continued" if index else panel.title
                    self.frame(inside, panel, title)
                    self.column(inside, panel, part, index, known)
            self.align(column)
            tops += [
                self.top(panel, part, known)
                for panel, part, known in zip(panels, column, column_of, strict=True)
                if part.nodes
            ]
        self.level(tops)

    def align(self, column: tuple[Column, ...]) -> None:
        """Hold what has the same path in several panels at the same height, in their order."""
        panels = self.scene.panels
        firsts = [part.firsts() for part in column]
        for key in dict.fromkeys(key for first in firsts for key in first):
            names = [
                self.id(panel, first[key])
                for panel, first in zip(panels, firsts, strict=True)
                if key in first
            ]
            if len(names) == len(panels):
                self.level(names)

    def level(self, names: list[str]) -> None:
        """Hold nodes at the same height, in their order; a picture to the right grows upwards."""
        names = names if self.down else names[::-1]
        with self.root.subgraph() as same:
            same.attr(rank="same")
            for name in names:
                same.node(name)
        for one, other in pairwise(names):
            self.root.edge(one, other, style="invis")

    def top(self, panel: Panel, part: Column, column_of: dict[str, int]) -> str:
        """Return the id of what stands at the top of a column: its first node, or a connector."""
        shown = part.shown()
        index = column_of[shown[0]]
        tails = [e.tail for e in panel.edges if e.head in shown and column_of[e.tail] != index]
        if tails:
            return self.before(panel, tails[0], index, column_of)
        return self.id(panel, shown[0])

    def panel_title(self, title: str) -> str:
        """Write the title of a panel, on two lines where room is short."""
        room = PANEL_ROOM_PT if self.arranged.narrow else math.inf
        lines = broken(title.replace("-and-", "-and- "), room, self.type.head, bold=True)
        words = "<BR/>".join(escaped(line.replace("-and- ", "-and-")) for line in lines)
        return f"<<B>{words or ' '}</B>>" if title else ""

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
        departures: dict[str, dict[int, str]] = {}  # tail -> first head in each other column
        for edge in panel.edges:
            tail, head = column_of[edge.tail], column_of[edge.head]
            if tail == head == index:
                self.edge(panel, edge)
            elif tail == index:
                departures.setdefault(edge.tail, {}).setdefault(head, edge.head)
            elif head == index:
                source = self.before(panel, edge.tail, index, column_of)
                if edge.tail not in arrivals:
                    arrivals.add(edge.tail)
                    self.connector(picture, source, f"from {edge.tail}")
                self.edge(panel, edge, tail=source)
        for path, heads in departures.items():
            name = self.id(panel, path)
            self.connector(picture, f"{name}/next", f"to {', '.join(heads.values())}")
            self.arrow(name, f"{name}/next")

    def before(self, panel: Panel, tail: str, index: int, column_of: dict[str, int]) -> str:
        """Name the connector at which an edge from an earlier column enters a column."""
        name = f"{self.id(panel, tail)}/before"
        return name if index == column_of[tail] + 1 else f"{name}+{index}"

    def place(self, picture: graphviz.Digraph, name: str, **attributes: str) -> None:
        """Describe a node at the top of the file and name it in its cluster.

        Readers that know no subgraphs, such as Netron, then miss frames but no node.
        """
        self.root.node(name, id=name, **attributes)
        if picture is not self.root:
            picture.node(name)

    def connector(self, picture: graphviz.Digraph, name: str, words: str) -> None:
        self.place(
            picture, name, label=graphviz.escape(words), shape="cds", fontcolor=self.theme.muted,
            fontsize=f"{self.type.small:g}", margin="0.12,0.04", height="0.2",
            tooltip=graphviz.escape(words),
        )  # fmt: skip

    def arrow(self, tail: str, head: str) -> None:
        self.root.edge(tail, head, penwidth="1.2", tooltip=f"{tail} -> {head}")

    def id(self, panel: Panel, path: str) -> str:
        """Return the path, with the panel's name before it where two panels share paths."""
        return named(f"{panel.name}/{path}" if self.shared else path)

    def edge(self, panel: Panel, edge: Edge, *, tail: str | None = None) -> None:
        words = EDGE_WORDS[edge.kind]
        tail_id, head_id = self.id(panel, edge.tail), self.id(panel, edge.head)
        stroke = STROKES[edge.kind]
        options = {"penwidth": f"{stroke.width:g}", "weight": WEIGHTS[edge.kind]}
        if stroke.pattern != "solid":
            options["style"] = stroke.pattern
        if edge.kind != "flow":
            options["color"] = self.theme.edges[edge.kind]
        self.root.edge(
            tail or tail_id,
            head_id,
            id=f"{tail_id}->{head_id}",
            tooltip=graphviz.escape(f"{words}, {edge.label}"),
            **options,
        )

    def node(self, picture: graphviz.Digraph, panel: Panel, node: Node, again: str = "") -> None:
        name = self.id(panel, node.path)
        if node.open and node.children:
            with picture.subgraph(name=f"cluster_{name}{again}") as inside:
                inside.attr(
                    label=f"<{self.open_head(node, again)}>",
                    id=name + again,
                    tooltip=graphviz.escape(node.tooltip),
                    style="filled,rounded",
                    peripheries="1",
                    fillcolor=self.theme.card,
                    color=self.border(node),
                    penwidth="2.5" if node.mark else "1",
                    labeljust="l",
                    labelloc="t",
                    fontsize=f"{self.type.text:g}",
                    fontcolor=self.theme.ink,
                    margin=f"{self.arranged.gap(10):g}",
                )
                for child in node.children:
                    self.node(inside, panel, child)
        elif is_card(node):
            self.place(
                picture, name, label=f"<{self.card(node)}>", tooltip=graphviz.escape(node.tooltip)
            )
        else:
            self.op(picture, name, node)

    def op_words(self, node: Node) -> list[str]:
        """List title and lines of a layer; where room is short, without what papers leave out."""
        if self.arranged.dense and self.scene.view == "figure6":
            node = condensed(node, narrow=self.arranged.narrow)
        aside = " · ".join(filter(None, (node.aside, rest_of_footer(node))))
        return [node.title, *node.lines, aside]

    def op(self, picture: graphviz.Digraph, name: str, node: Node) -> None:
        """Draw a layer: shape, colour and text each say what it is."""
        fill = self.theme.fills[node.role]
        ink, muted = self.theme.ink, self.theme.ink
        if node.heat:
            fill = self.theme.heat_of(node.heat)
            ink = muted = text_on(fill)
        sign = SIGNS.get(node.role, "")
        title, *lines = self.op_words(node)
        title = f"{sign} {title}" if sign else title
        heat = (
            node.heat.text if node.heat and (node.heat.value or node.heat.known == "none") else ""
        )
        small = [*lines, heat]
        if node.mark:
            small.append(node.mark)
        words = [f'<FONT COLOR="{ink}">{escaped(title)}</FONT>']
        words += [
            f'<FONT POINT-SIZE="{self.type.small:g}" COLOR="{muted}">{escaped(line)}</FONT>'
            for line in small
            if line
        ]
        self.place(
            picture,
            name,
            label=f"<{self.lines(words, align='CENTER')}>",
            tooltip=graphviz.escape(node.tooltip),
            fillcolor=fill,
            color=self.border(node) if node.mark else self.theme.line,
            penwidth="2.5" if node.mark else "1",
            group="branch" if in_line(node) else "",
            width="0.5" if self.arranged.narrow else f"{self.arranged.pt(1.6):g}",
            height=f"{self.arranged.pt(0.3):g}",
            margin="0.08,0.02" if node.role not in SLANTED else "0,0",
            **(SHAPES | NARROW if self.arranged.narrow else SHAPES)[node.role],
        )


def _column_of(laid_out: tuple[Column, ...]) -> dict[str, int]:
    """Tell the column of each path that is shown."""
    return {path: number for number, column in enumerate(laid_out) for path in column.shown()}
