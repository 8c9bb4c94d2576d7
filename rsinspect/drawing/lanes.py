"""Diagrams for terminals: boxes, brackets, and paths as lanes.

Lanes are drawn as ``git log --graph`` draws branches. A shortcut or an SE gate leaves its lane with
its name beside it and joins again where it is added or multiplied.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from rsinspect.drawing.letters import BAR_WIDTH, STYLES, Letters, breadth
from rsinspect.drawing.scene import EDGE_WORDS, Edge, EdgeKind, Mark, Node, Panel
from rsinspect.drawing.wording import cost_lines, rest_of_footer, titled

if TYPE_CHECKING:
    from rich.text import Text

KIND_STYLES: dict[EdgeKind, str] = {
    "flow": "", "identity": "cyan", "projection": "yellow", "gate": "magenta",
}  # fmt: skip
MARKS: dict[Mark, tuple[str, str]] = {
    "added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow"),
}  # fmt: skip


@dataclass(slots=True)
class _Row:
    """Lanes, and what stands beside them once it is known how much room there is."""

    level: int
    lanes: Text
    later: Text  # the lanes beside further lines
    body: Callable[[int], list[Text]]
    aligned: bool = False  # text in the column of all layers, not close to the lanes
    boxed: bool = False


class Diagram:
    """The rows of a panel: one node after the other, and the lanes between them."""

    def __init__(self, page: Letters, panel: Panel) -> None:
        self.page = page
        self.glyphs = page.glyphs
        self.leaving: dict[str, list[Edge]] = {}
        for edge in panel.edges:
            self.leaving.setdefault(edge.tail, []).append(edge)
        shown = [n for n in panel.walk(deep=False) if not (n.open and n.children)]
        self.cards = [node for node in shown if _is_card(node)]
        self.ops = [node for node in shown if not _is_card(node)]
        self.columns = tuple(
            max((page.text(words).cell_len for words in column), default=0)
            for column in (
                [self._title(op).plain for op in self.ops],
                [op.aside for op in self.ops],
                [op.heat.text for op in self.ops if op.heat],
                [op.footer for op in self.ops],
            )
        )
        self.widest = max((breadth(self._content(card, 0)) for card in self.cards), default=0)
        self.lanes: list[Edge | None] = []
        self.forks: list[tuple[int, Edge]] = []  # paths that leave a lane before the next node
        self.rows: list[_Row] = []
        self.brackets: list[tuple[int, int, int]] = []  # first row, last row, level
        self.depth = max((_depth(node) for node in panel.nodes), default=0)
        for node in panel.nodes:
            self._node(node, 0)

    def lines(self, width: int) -> list[Text]:
        """Draw all rows, no line wider than that."""
        pad = 2 * self.depth + (2 if self.cards else 0)
        column = max((row.lanes.cell_len for row in self.rows if row.aligned), default=0) + 2
        prefixes: list[list[str]] = []
        lines: list[Text] = []
        spans = []
        for row in self.rows:
            left = 2 * row.level if row.boxed and not row.lanes.cell_len else pad
            taken = column if row.aligned else row.lanes.cell_len + 2 * bool(row.lanes.cell_len)
            spans.append(len(lines))
            for number, text in enumerate(row.body(width - left - taken) or [self.page.text()]):
                line = (row.later if number else row.lanes).copy()
                line.append(" " * (taken - line.cell_len))
                prefixes.append([" "] * left)
                lines.append(line.append_text(text))
        spans.append(len(lines))
        top, side, end = ",|`" if self.glyphs.ascii else "╭│╰"
        for first, last, level in self.brackets:
            for number in range(spans[first], spans[last + 1]):
                prefixes[number][2 * level] = side
            prefixes[spans[first]][2 * level] = top
            prefixes[spans[last + 1] - 1][2 * level] = end
        return [
            self.page.text("".join(prefix), "dim").append_text(line)
            for prefix, line in zip(prefixes, lines, strict=True)
        ]

    def _node(self, node: Node, level: int) -> None:
        if node.open and node.children:
            if any(self.lanes):
                self._row(level, self._drawn())
            first = len(self.rows)
            self._row(level, self._drawn(), lambda width: self._heading(node, width))
            for child in node.children:
                self._node(child, level + 1)
            self.brackets.append((first, len(self.rows) - 1, level))
            return
        lane = self._arrive(node.path, level, boxed=_is_card(node))
        others = [edge if number != lane else None for number, edge in enumerate(self.lanes)]
        if _is_card(node):
            beside = self._drawn(others) if any(others) else self.page.text()
            self.rows.append(
                _Row(level, beside, beside, lambda width: self._box(node, width), boxed=True)
            )
            self._depart(node.path, lane)
        else:
            drawn = self._drawn(others, at={lane: (self.glyphs.node, "bold")})
            self._depart(node.path, lane)
            self.rows.append(
                _Row(level, drawn, self._drawn(), lambda width: self._op(node, width), True)
            )

    # Lanes: each carries an edge from its tail to its head.

    def _arrive(self, path: str, level: int, *, boxed: bool) -> int:
        """Let paths part and join before a node; return its lane."""
        for source, edge in self.forks:
            lane = self._free()
            label = EDGE_WORDS[edge.kind]
            style = KIND_STYLES[edge.kind]
            self.lanes[lane] = edge
            drawn = self._bent(source, lane, edge.kind, joins=False)
            self._row(level, drawn, partial(self._words, label, style), True)
        self.forks = []
        entering = [n for n, edge in enumerate(self.lanes) if edge and edge.head == path]
        entering.sort(key=lambda n: (self._kind(n) != "flow", n))
        if not entering:
            return self._free()
        lane, *joining = entering
        for joined in joining:
            drawn = self._bent(lane, joined, self._kind(joined), joins=True)
            self.lanes[joined] = None
            self._row(level, drawn)
        if boxed:
            arrow = {lane: (self.glyphs.arrow, KIND_STYLES[self._kind(lane)])}
            self._row(level, self._drawn(at=arrow))
        return lane

    def _depart(self, path: str, lane: int) -> None:
        """Carry the data on in the node's lane, and let other paths part before the next node."""
        leaving = sorted(self.leaving.get(path, []), key=lambda edge: edge.kind != "flow")
        self.lanes[lane] = leaving[0] if leaving else None
        self.forks += [(lane, edge) for edge in leaving[1:]]

    def _free(self) -> int:
        if None not in self.lanes:
            self.lanes.append(None)
        return self.lanes.index(None)

    def _kind(self, lane: int) -> EdgeKind:
        edge = self.lanes[lane]
        return edge.kind if edge else "flow"

    def _drawn(
        self,
        lanes: list[Edge | None] | None = None,
        *,
        at: dict[int, tuple[str, str]] | None = None,
        line: range = range(0),
        style: str = "",
    ) -> Text:
        """Draw the lanes in one line, with some characters in place of them and a line across."""
        lanes = self.lanes if lanes is None else lanes
        at = at or {}
        used = [n for n, edge in enumerate(lanes) if edge] + list(at)
        text = self.page.text()
        for number in range(max(used, default=-1) + 1):
            if number:
                text.append(*((self.glyphs.across, style) if number in line else (" ", "")))
            edge = lanes[number] if number < len(lanes) else None
            if number in at:
                text.append(*at[number])
            elif edge and number in line:
                text.append(self.glyphs.cross, style)
            elif edge:
                text.append(self.glyphs.lane[edge.kind], KIND_STYLES[edge.kind])
            else:
                text.append(*((self.glyphs.across, style) if number in line else (" ", "")))
        return text

    def _bent(self, lane: int, target: int, kind: EdgeKind, *, joins: bool) -> Text:
        """Draw a line between two lanes: ``target`` parts from ``lane``, or joins it."""
        glyphs, style = self.glyphs, KIND_STYLES[kind]
        right = target > lane
        corners = (
            (glyphs.end_right, glyphs.end_left)
            if joins
            else (glyphs.begin_right, glyphs.begin_left)
        )
        at = {
            lane: (
                glyphs.leave_right if right else glyphs.leave_left,
                KIND_STYLES[self._kind(lane)],
            ),
            target: (corners[0] if right else corners[1], style),
        }
        return self._drawn(
            at=at, line=range(min(lane, target) + 1, max(lane, target) + 1), style=style
        )

    # Words beside the lanes.

    def _row(
        self,
        level: int,
        lanes: Text,
        body: Callable[[int], list[Text]] | None = None,
        aligned: bool = False,
    ) -> None:
        later = self._drawn()
        self.rows.append(_Row(level, lanes, later, body or (lambda width: []), aligned))

    def _words(self, words: str, style: str, width: int) -> list[Text]:
        return self.page.wrap(self.page.text(words, f"italic {style}"), width)

    def _title(self, node: Node) -> Text:
        words = titled(node)
        if node.mark is None:
            return self.page.text(words)
        sign, style = MARKS[node.mark]
        return self.page.text(f"{sign} {words} ({node.mark})", style)

    def _heading(self, node: Node, width: int) -> list[Text]:
        text = self._title(node)
        text.stylize("bold")
        for words in (node.aside, *cost_lines(node)):
            if words:
                text.append_text(self.page.text(f"  {words}", "dim"))
        return self.page.wrap(text, width)

    def _op(self, node: Node, width: int) -> list[Text]:
        """Write title, shape, heat and costs in columns; overlong ones go below the title."""
        page = self.page
        title, aside, heat, footer = self.columns
        bar = BAR_WIDTH if title + aside + heat + BAR_WIDTH + 5 <= width else 0
        hot = heat > 0
        widths = [title, aside, *([heat + bar + bool(bar)] if hot else []), footer]
        cells = [self._title(node), page.text(node.aside, "dim")]
        if hot:
            cells.append(page.heat(node.heat, bar) if node.heat else page.text())
        cells.append(page.text(rest_of_footer(node), "dim"))
        line, column, below = page.text(), 0, []
        for cell, wide in zip(cells, widths, strict=True):
            if column + wide <= width:
                line.append(" " * (column - line.cell_len))
                line.append_text(cell)
                column += wide + 2
            elif cell.cell_len:
                column = width
                below.append(page.text("  ").append_text(cell))
        more = [page.text(f"  {words}", "dim") for words in node.lines]
        return page.wrapped([line, *more, *below], width)

    def _box(self, node: Node, width: int) -> list[Text]:
        """Draw a closed stage or block, as wide as the widest of them."""
        page = self.page
        inner = min(self.widest, width - 4)
        corners = "++++-|" if self.glyphs.ascii else "╭╮╰╯─│"
        style = STYLES.get(node.role, "yellow")
        if node.mark:
            style = MARKS[node.mark][1]
        edge = page.text(corners[5], style)
        lines = [page.text(corners[0] + corners[4] * (inner + 2) + corners[1], style)]
        for line in page.wrapped(self._content(node, inner), inner):
            line.append(" " * (inner - line.cell_len))
            lines.append(
                edge.copy().append(" ", "").append_text(line).append(" ").append_text(edge)
            )
        lines.append(page.text(corners[2] + corners[4] * (inner + 2) + corners[3], style))
        return lines

    def _content(self, node: Node, width: int) -> list[Text]:
        """List the lines of a box; what stands at their right ends there where the width allows."""
        page = self.page
        title = self._title(node)
        title.stylize("bold")
        lines = [self._spread(title, page.text(node.aside, "bold"), width)]
        for part in node.parts:
            if part.title:
                repeats = page.text(f"× {part.repeats}" if part.repeats > 1 else "")
                lines.append(self._spread(page.text(part.title), repeats, width))
            indent = "  " if part.title else ""
            lines += [page.text(f"{indent}{words}", "dim" * bool(indent)) for words in part.lines]
        if not node.parts:
            lines += [page.text(words) for words in node.lines]
        if footer := rest_of_footer(node):
            lines.append(page.text(footer))
        if node.heat is not None:
            lines.append(page.heat(node.heat, BAR_WIDTH))
        return lines

    def _spread(self, left: Text, right: Text, width: int) -> Text:
        if not right.cell_len:
            return left
        gap = max(2, width - left.cell_len - right.cell_len)
        return left.append(" " * gap).append_text(right)


def _is_card(node: Node) -> bool:
    return bool(node.parts) or node.role in ("stem", "stage", "head", "block")


def _depth(node: Node) -> int:
    if not (node.open and node.children):
        return 0
    return 1 + max(_depth(child) for child in node.children)
