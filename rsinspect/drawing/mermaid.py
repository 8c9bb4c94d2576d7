"""Scene to a Mermaid flowchart, as GitHub, GitLab and editors show it inside Markdown.

Mermaid lays the picture out itself, so nothing here has a position. Text stands in quoted labels in
which every character with a meaning of its own is an entity code. Where the theme is ``auto``, what
lies on the page itself (titles, arrows of data) keeps the colour of the reader's page; every node
has a fill and a text colour of its own and reads on light and dark pages alike.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable
from itertools import pairwise

from rsinspect.drawing.choices import AUTO
from rsinspect.drawing.scene import (
    EDGE_WORDS,
    Direction,
    Edge,
    EdgeKind,
    Grid,
    GridRow,
    Heat,
    Legend,
    Mark,
    Node,
    Panel,
    Role,
    Scene,
)
from rsinspect.drawing.strokes import STROKES
from rsinspect.drawing.theme import Theme, text_on, theme_named
from rsinspect.drawing.wording import cost_lines, titled, unsaid

MAX_TEXT, MAX_EDGES = 50_000, 500
"""What Mermaid draws unless configured otherwise. Source: its configuration schema, 11."""

FLOW: dict[Direction, str] = {"TB": "TD", "LR": "LR"}
ARROWS: dict[EdgeKind, str] = {
    "flow": "-->", "identity": "==>", "projection": "-.->", "gate": "-.->",
}  # fmt: skip
SHAPES: dict[Role, tuple[str, str]] = {
    "input": ("([", "])"),
    "activation": ("(", ")"),
    "add": ("{{", "}}"),
    "join": ("{{", "}}"),
    "scale": ("{{", "}}"),
}
"""Brackets of a node; all other roles are boxes."""

_PLAIN = re.compile(r"[^\w ,.:/()+%@=→×·-]|_")
_UNSAFE = re.compile(r"[^A-Ya-z0-9/-]|-(?![A-Za-z0-9])", re.ASCII)


def mermaid(scene: Scene, *, theme: str = AUTO) -> str:
    """Write the scene as Mermaid source.

    A scene of several panels has a frame around each. A picture that is larger than Mermaid draws
    by default says so in a comment; layer by layer, Mermaid 11 lays out the networks up to depth
    200 and runs out of stack on deeper ones. The background is the page's, whatever the theme.

    Args:
        scene: What to show; edges between the nodes that are shown, not a deep one.
        theme: Name of a theme, or ``auto``.

    Raises:
        InvalidChoice: If there is no such theme.
    """
    chart = _Chart(theme_named(theme), framed=len(scene.panels) > 1, own=theme != AUTO)
    for number, panel in reversed(list(enumerate(scene.panels, start=1))):
        # the last one declared comes to stand first
        chart.panel(panel, f"p{number}_" if chart.framed else "", scene.direction)
    if scene.legend is not None:
        chart.legend(scene.legend)
    body = [
        f"flowchart {FLOW[scene.direction]}",
        f"  accTitle: {_line(scene.title)}",
        f"  accDescr: {_line(scene.description)}",
        *chart.lines,
        *chart.styles(),
    ]
    head = ["---", f"title: {_yaml(scene.title)}", "config:"]
    head += ["  flowchart:", "    wrappingWidth: 640"]
    head += ["    subGraphTitleMargin:", "      top: 8", "      bottom: 16"]
    if theme != AUTO:
        head += ["  theme: base", "  themeVariables:"]
        head += [f"    {key}: {_yaml(value)}" for key, value in _variables(chart.theme).items()]
    notes = [f"%% {line}" for line in textwrap.wrap(_comment(scene.caption), 96)]
    size = sum(len(line) + 1 for line in (*notes, *body))
    if size > MAX_TEXT or len(chart.edges) > MAX_EDGES:
        limits = f"maxTextSize {MAX_TEXT}, maxEdges {MAX_EDGES}"
        notes = [
            f"%% {size} characters, {len(chart.edges)} edges: more than Mermaid draws by default",
            f"%% ({limits}). Raise both in mermaid.initialize, or draw a smaller view.",
            *notes,
        ]
    return "\n".join([*head, "---", *notes, *body]) + "\n"


def identifier(path: str) -> str:
    """Turn a path into a Mermaid id, different for every path.

    >>> identifier("c4/block1-2"), identifier("c4_x")
    ('c4_block1-2', 'c4Z5fZx')
    """
    return _UNSAFE.sub(lambda found: f"Z{ord(found[0]):x}Z", path).replace("/", "_")


def path_of(identifier: str) -> str:
    """Recover the path from its ``identifier``.

    >>> path_of("c4_block1-2"), path_of("c4Z5fZx")
    ('c4/block1-2', 'c4_x')
    """
    path = identifier.replace("_", "/")
    return re.sub("Z([0-9a-f]+)Z", lambda found: chr(int(found[1], 16)), path)


def label(text: str) -> str:
    """Escape text for a quoted label.

    >>> label('x "y" <b>')
    'x #34;y#34; #60;b#62;'
    """
    return _PLAIN.sub(lambda found: f"#{ord(found[0])};", text)


class _Chart:
    """The lines of a flowchart, and which nodes and edges get which style."""

    def __init__(self, theme: Theme, *, framed: bool, own: bool) -> None:
        self.theme = theme
        self.framed = framed
        self.own = own  # arrows in the theme's colour, not in the page's
        self.lines: list[str] = []
        self.edges: list[EdgeKind | None] = []
        self.fills: dict[str, str] = {}  # class -> fill
        self.marked: dict[Mark, list[str]] = {}
        self.frames: dict[str, list[str]] = {}  # class -> subgraphs

    def panel(self, panel: Panel, prefix: str, direction: Direction) -> None:
        depth = 1
        if self.framed:
            self.frame(prefix.rstrip("_"), panel.title or panel.name, "card", depth)
            self.lines.append(f"    direction {FLOW[direction]}")
            depth += 1
        if panel.grid is not None:
            self.grid(panel.grid, prefix, depth)
        for node in panel.nodes:
            self.node(node, prefix, depth)
        self.join(panel.edges, prefix, depth)
        if self.framed:
            self.lines.append("  end")

    def frame(self, name: str, title: str, style: str, depth: int) -> None:
        self.lines.append(f'{"  " * depth}subgraph {name}["{label(title)}"]')
        self.frames.setdefault(style, []).append(name)

    def node(self, node: Node, prefix: str, depth: int) -> None:
        name = prefix + identifier(node.path)
        if node.mark:
            self.marked.setdefault(node.mark, []).append(name)
        if node.open and node.children:
            words = [titled(node), node.aside, node.mark or "", *cost_lines(node)]
            self.frame(name, " · ".join(word for word in words if word), f"in-{node.role}", depth)
            for child in node.children:
                self.node(child, prefix, depth + 1)
            self.lines.append(f"{'  ' * depth}end")
            return
        left, right = SHAPES.get(node.role, ("[", "]"))
        style = self.style(node.role, node.heat)
        text = "<br/>".join(_words(node))
        self.lines.append(f'{"  " * depth}{name}{left}"{text}"{right}:::{style}')

    def style(self, role: Role, heat: Heat | None) -> str:
        """Return the class of a role, or of a heat."""
        if heat is None:
            self.fills[role] = self.theme.fills[role]
            return role
        colour = self.theme.heat_of(heat)
        self.fills[f"heat-{colour[1:]}"] = colour
        return f"heat-{colour[1:]}"

    def grid(self, grid: Grid, prefix: str, depth: int) -> None:
        """Write rows as boxes under each other, on invisible links."""
        indent = "  " * depth
        names = []
        for row in grid.rows:
            names.append(prefix + identifier(row.path))
            text = "<br/>".join(_cells(grid, row))
            self.lines.append(f'{indent}{names[-1]}["{text}"]:::{self.style(row.role, row.heat)}')
        for upper, lower in pairwise(names):
            self.lines.append(f"{indent}{upper} ~~~ {lower}")
            self.edges.append(None)

    def join(self, edges: Iterable[Edge], prefix: str, depth: int) -> None:
        """Write edges, each kind of path named where it begins."""
        named = {(edge.head, edge.kind) for edge in edges}
        for edge in edges:
            tail, head = prefix + identifier(edge.tail), prefix + identifier(edge.head)
            first = edge.kind != "flow" and (edge.tail, edge.kind) not in named
            words = f'|"{EDGE_WORDS[edge.kind]}"|' if first else ""
            self.lines.append(f"{'  ' * depth}{tail} {ARROWS[edge.kind]}{words} {head}")
            self.edges.append(edge.kind)

    def legend(self, legend: Legend) -> None:
        """Write the ends of the heat scale, in a frame that names the quantity."""
        self.frame("legend", legend.title, "card", 1)
        for name, level, text in (("low", 0.0, legend.low), ("high", 1.0, legend.high)):
            style = self.style("plain", legend.heat(level))
            self.lines.append(f'    legend_{name}["{label(text)}"]:::{style}')
        self.lines.append("    legend_low ~~~ legend_high")
        self.edges.append(None)
        if legend.unknown:
            style = self.style("plain", Heat(level=0.0, text="", value=0.0, known="none"))
            self.lines.append(f'    legend_unknown["{label(legend.unknown)}"]:::{style}')
        self.lines.append("  end")

    def styles(self) -> list[str]:
        """Write classes, and the look of each kind of edge."""
        theme = self.theme
        lines = [
            f"  classDef {name} fill:{fill},stroke:{theme.line},color:{text_on(fill)}"
            for name, fill in self.fills.items()
        ]
        for style, frames in self.frames.items():
            look = f"fill:{theme.card},color:{theme.ink}" if self.own else "fill:transparent"
            lines.append(f"  classDef {style} {look},stroke:{theme.line}")
            lines.append(f"  class {','.join(frames)} {style}")
        for mark, names in self.marked.items():
            dashes = ",stroke-dasharray:6 4" if mark == "removed" else ""
            lines.append(f"  classDef {mark} stroke:{theme.marks[mark]},stroke-width:3px{dashes}")
            lines.append(f"  class {','.join(names)} {mark}")
        for kind, stroke in STROKES.items():
            numbers = [str(i) for i, found in enumerate(self.edges) if found == kind]
            if numbers and (kind != "flow" or self.own):
                colour = theme.edges[kind]
                look = f"stroke:{colour},stroke-width:{1.25 * stroke.width:g}px"
                if stroke.dashes:
                    look += f",stroke-dasharray:{' '.join(f'{d:g}' for d in stroke.dashes_pt())}"
                lines.append(f"  linkStyle {','.join(numbers)} {look}")
        return lines


def _words(node: Node) -> list[str]:
    """List the lines of a node that shows no children."""
    lines = [f"<b>{label(titled(node))}</b>" + (f" · {label(node.aside)}" if node.aside else "")]
    if node.mark:
        lines.append(f"<i>{node.mark}</i>")
    for part in node.parts:
        if part.title:
            lines.append(f"<b>{label(titled(part))}</b>")
        lines += map(label, part.lines)
    if not node.parts:
        lines += map(label, node.lines)
    return [*lines, *(f"<i>{label(text)}</i>" for text in cost_lines(node))]


def _cells(grid: Grid, row: GridRow) -> list[str]:
    """Write a row of a grid: its first cell, then each other cell after its column's head."""
    lines = [f"<b>{label(' '.join(row.cells[0]))}</b>"]
    for head, cell in zip(grid.heads[1:], row.cells[1:], strict=True):
        if cell:
            lines.append(f"<i>{label(head)}</i>: {label(' · '.join(cell))}")
    heat = unsaid(row)
    return [*lines, f"<i>{label(heat)}</i>"] if heat else lines


def _comment(text: str) -> str:
    return " ".join(text.replace("{", "(").split())  # %%{ would begin a directive


def _line(text: str) -> str:
    """Clean text so that it ends no statement and begins no directive."""
    return " ".join(re.sub(r"[#;{}<>\"`\\]", lambda found: f"#{ord(found[0])};", text).split())


def _yaml(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("<", "\\u003c")


def _variables(theme: Theme) -> dict[str, str]:
    """Set Mermaid's base theme, for what lies on the page itself."""
    return {
        "background": theme.paper,
        "primaryColor": theme.card,
        "primaryTextColor": theme.ink,
        "primaryBorderColor": theme.line,
        "lineColor": theme.edges["flow"],
        "textColor": theme.ink,
        "titleColor": theme.ink,
        "edgeLabelBackground": theme.paper,
    }
