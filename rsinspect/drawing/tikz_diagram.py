"""The diagrams of a LaTeX picture: where nodes, frames and arrows stand, and how they are written.

The layout is a simple grid, made here: along the data a node stands by its longest path from the
input, across it by what enters it: data in the middle, shortcuts on one side, gates on the other.
Sizes are estimated from the number of lines and characters, generously, so frames are plain
rectangles and the picture needs no layout library and no second run. Deep networks wrap into
columns (``columns``), and a line leads from each column to the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rsinspect.base.latex import escape
from rsinspect.drawing.columns import Column, columns
from rsinspect.drawing.palette import Palette
from rsinspect.drawing.scene import Direction, Edge, EdgeKind, Node, Panel, Role
from rsinspect.drawing.tikz_words import (
    BAND_CM,
    CM_PER_LINE,
    breadth_cm,
    card_body,
    card_height,
    card_words,
    cm,
    joined,
    name,
)
from rsinspect.drawing.tracks import levelled, tracked
from rsinspect.drawing.wording import cost_lines, titled

FRAME_CM = 0.3
"""From a frame to what it holds."""

GAP_CM: dict[Direction, float] = {"TB": 0.52, "LR": 0.62}
"""Between two nodes along the data: room for an arrow."""

LANE_CM = 0.45
"""Between two nodes across the data: room for a shortcut to pass."""

RAIL_CM = 0.2
"""Between two paths that pass the same nodes."""

GUTTER_CM = 1.8
"""Between two columns."""

TURN_CM = 0.45
"""From the edge of a column to where the line from the column before splits up."""

CARDS: tuple[Role, ...] = ("stage", "block", "stem", "head")
ROUND: tuple[Role, ...] = ("input", "activation", "add", "join", "scale")
LANES: dict[EdgeKind, int] = {"flow": 0, "identity": -1, "projection": -1, "gate": 1}


@dataclass(slots=True)
class _Box:
    """Where a node stands: its middle and size, along the data and across it, in centimetres."""

    node: Node
    along: float
    across: float
    length: float
    breadth: float
    column: int
    lane: int


@dataclass(slots=True)
class _Frame:
    """The rectangle around an open node."""

    node: Node
    level: int
    start: float
    end: float
    column: int
    continued: bool


class Diagram:
    """Places the nodes of a panel and writes them down."""

    def __init__(
        self, panel: Panel, direction: Direction, palette: Palette, wanted: int | None = None
    ) -> None:
        self.panel = panel
        self.direction = direction
        self.palette = palette
        self.boxes: dict[str, _Box] = {}
        self.frames: list[_Frame] = []
        self.ends: list[float] = []  # length of each column
        self.outer = self.rail = 0.0  # from the middle to the last track; to where shortcuts pass
        self.low = self.high = 0.0  # what is on both sides of the middle
        self._measure()
        for number, column in enumerate(columns(panel, direction, wanted)):
            start = 2 * TURN_CM if number else 0.0
            self.ends.append(self._place(column.nodes, start, number, 0, column))
        self.rails = self._rails()
        if self.rails:
            ends = [self.boxes[path] for pair in self.rails for path in pair]
            cards = [box.breadth / 2 for box in ends if _is_card(box.node)]
            self.rail = max([self.outer, *cards]) + LANE_CM
            self.low = max(self.low, self.rail + RAIL_CM * max(self.rails.values()))
        self.forks: dict[tuple[str, int], float] = {}  # (tail, column) -> where paths part
        for edge in panel.edges:
            head = self.boxes[edge.head]
            fork = head.along - head.length / 2 - GAP_CM[direction] / 2
            key = edge.tail, head.column
            self.forks[key] = min(fork, self.forks.get(key, fork))
        self.lonely = {key for key in self.forks if self._lonely(*key)}
        for path, number in self.lonely:
            box = self.boxes[path]
            self.forks[path, number] = box.along + box.length / 2 + GAP_CM[direction] / 2

    @property
    def spread(self) -> float:
        """Measure a column across the data, with its gutter."""
        title = BAND_CM * (self.direction == "LR")
        return self.low + self.high + self.depth * (2 * FRAME_CM + title) + GUTTER_CM

    @property
    def width_cm(self) -> float:
        """Measure the whole across the page."""
        if self.direction == "LR":
            return max(self.ends, default=0.0)
        return len(self.ends) * self.spread - GUTTER_CM

    @property
    def height_cm(self) -> float:
        """Measure the whole down the page."""
        if self.direction == "TB":
            return max(self.ends, default=0.0)
        return len(self.ends) * self.spread - GUTTER_CM

    def lines(self) -> Iterator[str]:
        """Write the body of a tikzpicture."""
        for frame in self.frames:
            yield from self._frame(frame)
        for box in self.boxes.values():
            yield from self._card(box) if _is_card(box.node) else self._op(box)
        yield from self._connectors()
        for edge in self.panel.edges:
            yield self._edge(edge)

    # Sizes: of all ops and of all cards of the panel, so that they stand in line.

    def _measure(self) -> None:
        shown = [n for n in self.panel.walk(deep=False) if not (n.open and n.children)]
        ops = [node for node in shown if not _is_card(node)]
        cards = [node for node in shown if _is_card(node)]
        self.op_width = 0.35 + breadth_cm(line for node in ops for line in self._op_words(node))
        self.card_width = 0.5 + breadth_cm(line for node in cards for line in card_words(node))
        levels = [level for outer in self.panel.nodes for level in _levels(outer)]
        self.depth = max(levels, default=0)
        if self.depth and cards:
            self.card_width = max(self.card_width, 8.0)  # room for the title of a frame
        heads: dict[str, set[EdgeKind]] = {}
        for edge in self.panel.edges:
            heads.setdefault(edge.head, set()).add(edge.kind)
        self.lane = {
            node.path: LANES[next(iter(kinds))]
            for node in ops
            if len(kinds := heads.get(node.path, set())) == 1
        }
        breadth = self._breadth(ops)
        self.pitch = breadth + 2 * LANE_CM
        self.ranks: dict[str, int] = {}
        self.across: dict[str, float] = {}  # from the middle, in tracks
        aside = self.pitch * max(map(self._track, _chains(self.panel.nodes)), default=0.0)
        self.rail = self.outer = low = high = aside + breadth / 2
        if any(LANES[edge.kind] == -1 for edge in self.panel.edges):
            low += LANE_CM
        self.side = {-1: -aside - self.pitch, 0: 0.0, 1: aside + self.pitch}
        if -1 in self.lane.values():
            low = breadth / 2 - self.side[-1]
        if 1 in self.lane.values():
            high = breadth / 2 + self.side[1]
        card = self._extent(self.card_width, card_height(cards))[1] / 2 if cards else 0.0
        self.low, self.high = max(low, card), max(high, card)

    def _track(self, paths: list[str]) -> float:
        """Put layers on tracks; return how far the last one is from the middle."""
        aside = [path for path in paths if self.lane.get(path)]
        places = tracked(paths, self.panel.edges, aside)
        last = max(place.track for place in places.values()) / 2
        for path, place in places.items():
            self.ranks[path] = place.rank
            self.across[path] = 0.0 if place.alone or path in aside else place.track - last
        return max(last, 0.0)

    def _breadth(self, ops: list[Node]) -> float:
        if not ops:
            return 0.0
        return max(self._extent(self.op_width, self._op_height(node))[1] for node in ops)

    def _extent(self, width: float, height: float) -> tuple[float, float]:
        """Return (along, across) of a box."""
        return (height, width) if self.direction == "TB" else (width, height)

    def _op_words(self, node: Node) -> list[str]:
        title = titled(node) + (f" ({node.mark})" if node.mark else "")
        if self.direction == "TB":
            return [f"{title}  {node.aside}", *node.lines, *cost_lines(node)]
        return [title, *([node.aside] if node.aside else []), *node.lines, *cost_lines(node)]

    def _op_height(self, node: Node) -> float:
        return 0.2 + CM_PER_LINE * len(self._op_words(node))

    # Places: one node after the other; ops between two cards or frames by longest path.

    def _place(
        self, nodes: tuple[Node, ...], start: float, column: int, level: int, part: Column
    ) -> float:
        """Place nodes from ``start`` on; return where they end."""
        gap = GAP_CM[self.direction]
        waiting: list[Node] = []
        for node in nodes:
            if not _is_card(node) and not (node.open and node.children):
                waiting.append(node)
                continue
            start = self._place_ops(waiting, start, column)
            waiting = []
            if node.open and node.children:
                begin = start
                start += FRAME_CM + (BAND_CM if self.direction == "TB" else 0)
                start = self._place(node.children, start, column, level + 1, part) - gap + FRAME_CM
                if self.direction == "LR":
                    start = max(start, begin + 4.6)
                seen = level == 0 and node.path in part.continued
                self.frames.append(_Frame(node, level, begin, start, column, seen))
                start += gap
            else:
                length, breadth = self._extent(self.card_width, card_height([node]))
                self.boxes[node.path] = _Box(
                    node, start + length / 2, 0.0, length, breadth, column, 0
                )
                start += length + gap
        return self._place_ops(waiting, start, column)

    def _place_ops(self, nodes: list[Node], start: float, column: int) -> float:
        gap = GAP_CM[self.direction]
        for rank in sorted({self.ranks[node.path] for node in nodes}):
            here = [node for node in nodes if self.ranks[node.path] == rank]
            sizes = [self._extent(self.op_width, self._op_height(node)) for node in here]
            longest = max(length for length, _ in sizes)
            for node, (length, breadth) in zip(here, sizes, strict=True):
                lane = self.lane.get(node.path, 0)
                across = self.side[lane] + self.across[node.path] * self.pitch
                self.boxes[node.path] = _Box(
                    node, start + longest / 2, across, length, breadth, column, lane
                )
            start += longest + gap
        return start

    # Lowering: (along, across, column) to (x, y), and the sides of a box to anchors.

    def _at(self, along: float, across: float, column: int) -> str:
        across += column * self.spread
        x, y = (across, -along) if self.direction == "TB" else (along, -across)
        return f"({cm(x)}, {cm(y)})"

    def _size(self, length: float, breadth: float) -> str:
        width, height = (breadth, length) if self.direction == "TB" else (length, breadth)
        return f"minimum width={cm(width)}cm, minimum height={cm(height)}cm"

    def _card(self, box: _Box) -> Iterator[str]:
        """Write a band with the title, and under it the parts of the node."""
        node, heat = box.node, box.node.heat
        path, width = name(node.path), self.card_width
        place = f"({path}) at {self._at(box.along, box.across, box.column)}"
        size = self._size(box.length, box.breadth)
        mark = f", rs {node.mark}" if node.mark else ""
        yield f"\\node[rs card, {size}{mark}] {place} {{}};"
        word = f" ({node.mark})" if node.mark else ""
        title = f"\\textbf{{{escape(titled(node) + word)}}}\\hfill {escape(node.aside)}\\strut"
        yield (
            f"\\node[rs band={self.palette.fill(node.role, heat)}, "
            f"text width={cm(width - 0.25)}cm, minimum height={BAND_CM}cm] "
            f"at ({path}.north) {{\\color{{{self.palette.text(heat)}}}{title}}};"
        )
        corner = f"([shift={{(1.3mm, -{BAND_CM + 0.12}cm)}}]{path}.north west)"
        body = "\\\\[1.2mm] ".join(joined(group) for group in card_body(node))
        yield f"\\node[rs text, anchor=north west] at {corner} {{{body}}};"

    def _op(self, box: _Box) -> Iterator[str]:
        node = box.node
        ink = self.palette.text(node.heat)
        muted = ink if node.heat else "rs-muted"
        title, *rest = [f"{titled(node)} ({node.mark})" if node.mark else titled(node), *node.lines]
        words = [f"\\strut {escape(title)}"]
        aside = f"\\textcolor{{{muted}}}{{{escape(node.aside)}}}"
        if self.direction == "TB":
            words[0] += f"\\enspace{aside}"
        elif node.aside:
            words.append(aside)
        words += map(escape, rest)
        words += (f"\\textcolor{{{muted}}}{{{escape(text)}}}" for text in cost_lines(node))
        look = ["rs round"] if node.role in ROUND else []
        look.append(f"rs op={self.palette.fill(node.role, node.heat)}")
        look += [f"text={ink}"] if node.heat else []
        look += [self._size(box.length, box.breadth)] + ([f"rs {node.mark}"] if node.mark else [])
        place = f"({name(node.path)}) at {self._at(box.along, box.across, box.column)}"
        yield f"\\node[{', '.join(look)}] {place} {{{joined(words)}}};"

    def _frame(self, frame: _Frame) -> Iterator[str]:
        """Write the rectangle, its title at the first corner and its costs at the second."""
        node, column = frame.node, frame.column
        low, high = self._sides(frame)
        inside = self.depth - frame.level
        high += inside * FRAME_CM
        low += inside * (FRAME_CM + (BAND_CM if self.direction == "LR" else 0))
        first = self._at(frame.start, -low, column)
        mark = f", rs {node.mark}" if node.mark else ""
        yield f"\\draw[rs frame{mark}] {first} rectangle {self._at(frame.end, high, column)};"
        words = ", continued" if frame.continued else f" ({node.mark})" if node.mark else ""
        aside = f"\\enspace\\textcolor{{rs-muted}}{{{escape(node.aside)}}}"
        title = f"\\textbf{{{escape(titled(node) + words)}}}{aside}"
        second = (
            self._at(frame.start, high, column)
            if self.direction == "TB"
            else self._at(frame.end, -low, column)
        )
        yield f"\\node[anchor=north west] at {first} {{\\strut {title}}};"
        if text := "; ".join(cost_lines(node)):
            muted = f"\\color{{rs-muted}}{escape(text)}"
            yield f"\\node[anchor=north east] at {second} {{\\strut {muted}}};"

    def _sides(self, frame: _Frame) -> tuple[float, float]:
        """Measure a frame's content to both sides; down a page all are equally wide."""
        if self.direction == "TB":
            return self.low, self.high
        paths = {node.path for node in frame.node.walk(deep=False)}
        held = [box for path, box in self.boxes.items() if path in paths]
        low = max(box.breadth / 2 - box.across for box in held)
        high = max(box.breadth / 2 + box.across for box in held)
        rails = {edge.kind for edge in self.panel.edges if edge.head in paths}
        return max(low, self.rail if "identity" in rails else 0), high

    def _edge(self, edge: Edge) -> str:
        tail, head = self.boxes[edge.tail], self.boxes[edge.head]
        lane = LANES[edge.kind]
        if self.direction == "TB":
            begin, end, sides, turns = "north", "south", {1: "east", -1: "west"}, ("-|", "|-")
        else:
            begin, end, sides, turns = "west", "east", {1: "south", -1: "north"}, ("|-", "-|")
        source, target = f"{name(edge.tail)}.{end}", name(edge.head)
        if tail.column != head.column:  # it goes on from where the connector ends
            source = _turn(edge.tail, head.column)
        fork = self._at(self.forks[edge.tail, head.column], tail.across, head.column)
        if (edge.tail, edge.head) in self.rails:
            level = self.rails[edge.tail, edge.head]
            rail = self.high if lane == 1 else -self.rail - level * RAIL_CM
            corner = self._at(head.along, rail, head.column)
            path = f"{fork} {turns[0]} {corner} -- ({target}.{sides[lane or -1]})"
            if (edge.tail, head.column) in self.lonely:
                path = f"({source}) -- {path}"
        elif tail.lane == head.lane == 0 and tail.across != head.across:
            turn = head.along - head.length / 2 - GAP_CM[self.direction] / 2
            corners = [self._at(turn, box.across, head.column) for box in (tail, head)]
            path = f"({source}) -- {' -- '.join(corners)} -- ({target}.{begin})"
        elif tail.lane == head.lane:
            path = f"({source}) -- ({target}.{begin})"
        elif tail.lane == 0:
            path = f"{fork} {turns[0]} ({target}.{begin})"
        else:
            path = f"({source}) {turns[1]} ({target}.{sides[tail.lane]})"
        return f"\\draw[rs {edge.kind}] {path};"

    def _lonely(self, path: str, column: int) -> bool:
        """Tell whether other nodes stand between a node and the first that reads it."""
        tail, fork = self.boxes[path], self.forks[path, column]
        return tail.column == column and any(
            tail.along < box.along < fork and abs(box.across - tail.across) < box.breadth
            for box in self.boxes.values()
            if box.column == column
        )

    def _rails(self) -> dict[tuple[str, str], int]:
        """Choose the paths that pass other nodes at their side, and how far from these."""
        spans: dict[tuple[str, str], tuple[float, float]] = {}
        for edge in self.panel.edges:
            tail, head = self.boxes[edge.tail], self.boxes[edge.head]
            if tail.lane or head.lane or LANES[edge.kind] == 1:
                continue
            column = [box for box in self.boxes.values() if box.column == head.column]
            before = tail.along if tail.column == head.column else 0.0
            passes = tail.across == head.across and any(
                before < box.along < head.along and abs(box.across - head.across) < box.breadth
                for box in column
            )
            if LANES[edge.kind] or passes:
                start = 1000.0 * head.column
                spans[edge.tail, edge.head] = (start + before, start + head.along)
        found = levelled(spans.values())
        return {ends: found[span] for ends, span in spans.items()}

    def _connectors(self) -> Iterator[str]:
        """Draw a line for each tail, from the end of a column to the beginning of another."""
        gutter = self.high + self.depth * FRAME_CM + 0.6
        wraps = {
            (edge.tail, self.boxes[edge.head].column): None
            for edge in self.panel.edges
            if self.boxes[edge.tail].column != self.boxes[edge.head].column
        }
        for tail, column in wraps:
            box, turn = self.boxes[tail], _turn(tail, column)
            low = self.ends[box.column]
            corners = [
                self._at(low, box.across, box.column),
                self._at(low, gutter, box.column),
                self._at(0.0, gutter, box.column),
                self._at(0.0, 0.0, column),
            ]
            out = "south" if self.direction == "TB" else "east"
            yield f"\\coordinate ({turn}) at {self._at(TURN_CM, 0.0, column)};"
            yield f"\\draw[rs flow, -] ({name(tail)}.{out}) -- {' -- '.join(corners)} -- ({turn});"


def _is_card(node: Node) -> bool:
    return node.role in CARDS or bool(node.parts)


def _turn(tail: str, column: int) -> str:
    return f"turn-{column}-{name(tail)}"


def _levels(node: Node) -> Iterator[int]:
    """Count how deep the frames of a node are nested, once for each way down."""
    if not (node.open and node.children):
        yield 0
        return
    for child in node.children:
        yield from (1 + level for level in _levels(child))


def _chains(nodes: Iterable[Node]) -> Iterator[list[str]]:
    """List the layers that stand together: those of each open node."""
    ops = [node.path for node in nodes if not _is_card(node) and not node.open]
    if ops:
        yield ops
    for node in nodes:
        if node.open:
            yield from _chains(node.children)
