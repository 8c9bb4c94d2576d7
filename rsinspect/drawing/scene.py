"""What a picture shows, before any format: panels of nodes and edges, or of a grid of cells.

A view makes a scene from the graph; a format only lowers it. So a new format never touches a view,
and every format shows the same truth. Colours, fonts and positions are the formats' own; what a
node *is* (its role), how hot it is and what has changed about it stand here.

Nodes are a tree: a network's stages hold blocks and blocks hold layers. An *open* node shows its
children inside it, a closed one describes what it consists of. A *deep* scene has the children
of closed nodes too, for formats whose readers can open them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from rsinspect.layers.fold import Likeness
from rsinspect.layers.question import Question

if TYPE_CHECKING:
    from rsinspect.drawing.change import Changes
    from rsinspect.drawing.overlay import Measured
    from rsinspect.drawing.weighed import Weighed
    from rsinspect.layers.graph import LayerGraph

Role = Literal[
    "input", "stem", "stage", "head", "block",
    "conv", "dense", "norm", "activation", "pool", "gate", "add", "join", "scale", "plain",
]  # fmt: skip
"""What a node is: a part of the network (first row), or an op (second row)."""

Lane = Literal["trunk", "branch", "shortcut", "gate"]
"""Where a layer stands: outside blocks, in a residual branch, in a shortcut or in a gate."""

EdgeKind = Literal["flow", "identity", "projection", "gate"]
"""What an edge carries: the data, a shortcut of either kind, or the factors of an SE gate."""

Known = Literal["whole", "part", "none"]
"""How much of a value is known: a layer that no op describes has costs that nobody knows."""

Scale = Literal["amount", "change"]
"""What colours run over: from nothing to the most, or from less over the same to more."""

Mark = Literal["added", "removed", "changed"]
Direction = Literal["TB", "LR"]

EDGE_WORDS: dict[EdgeKind, str] = {
    "flow": "data",
    "identity": "identity shortcut",
    "projection": "projection shortcut",
    "gate": "SE gate",
}
MARK_WORDS: dict[Mark, str] = {
    "added": "only the second has it",
    "removed": "only the first has it",
    "changed": "both have it, not alike or with such parts inside",
}
SEVERAL_MARK_WORDS: dict[Mark, str] = {
    "added": "the first has it not",
    "removed": "only the first has it",
    "changed": "not alike in the first and another, or with such parts inside",
}
"""What marks mean where several networks are compared with the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something known about a node.

    Attributes:
        key: Its name, as in JSON documents (``params``, ``activation_bytes``).
        value: Exact.
        text: The value for people, with its unit.
        whole: Whether it is of a whole stage, where the item shows the first row of it only.
        interval: Where the value is with 95 % certainty, if it was measured and that is known.
        known: How much of it is known; of a part of it, the value is at least that.
    """

    key: str
    value: int | float | str
    text: str
    whole: bool = False
    interval: tuple[float, float] | None = None
    known: Known = "whole"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heat:
    """How much of the coloured quantity a node has.

    Attributes:
        key: Of the quantity, as of a fact.
        level: 0 for the coldest colour, 1 for the hottest; of a change, 0.5 is none.
        text: Value and share, as written in the node.
        value: Exact, in the unit of the legend's quantity.
        part: Of the largest value in the picture, 0 to 1: the length of a bar.
        share: Of the whole network; None where it has none, and where that is not known.
        known: How much of the value is known; where none is, it has a colour of its own.
        scale: What its colour is one of.
    """

    level: float
    text: str
    value: float
    key: str = ""
    part: float = 0.0
    share: float | None = None
    known: Known = "whole"
    scale: Scale = "amount"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One kind of content of a closed node: a run of like blocks, or the layers of a stem.

    Attributes:
        paths: Of the blocks it stands for, or of the stage whose layers it has.
        kind: Of its blocks: ``identity``; empty where it is no block.
        name: Of its blocks: ``blocks 1-22``; empty where it is no block.
        lines: Description of what it consists of.
        likeness: In what the blocks that it stands for are alike.
        shares: Whether they use weights of earlier layers.
        shortcut: What leads around a block, where something does.
    """

    paths: tuple[str, ...]
    kind: str = ""
    name: str = ""
    lines: tuple[str, ...] = ()
    likeness: Likeness = "identical"
    shares: bool = False
    shortcut: EdgeKind | None = None

    @property
    def title(self) -> str:
        """Return kind and name in one.

        >>> Part(paths=("c4/block0",), kind="downsampling", name="block 0").title
        'downsampling block 0'
        """
        return f"{self.kind} {self.name}".strip()

    @property
    def repeats(self) -> int:
        """Count the blocks it stands for."""
        return len(self.paths)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A stage, a block (or a run of blocks that are alike) or a layer.

    Attributes:
        path: Of what it stands for; the stable id in every format.
        title: Its name.
        aside: Output shape.
        role: What it is; decides colour and shape.
        paths: Of the blocks (and stages without blocks) it stands for; none for a layer.
        lane: Where a layer stands in its block.
        repeats: How many it stands for that are alike.
        likeness: In what they are alike.
        shares: Whether they use weights of earlier layers.
        shortcut: What leads around a block, where something does.
        lines: Description of what it consists of.
        parts: The same for a closed stage, block by block.
        costs: What its footer says.
        facts: All that is known about it, for tooltips and attributes.
        heat: Its share of the coloured quantity, if one is shown.
        mark: What a comparison found.
        children: What is inside, in the order of the forward pass.
        open: Whether the children are shown.
    """

    path: str
    title: str
    role: Role
    aside: str = ""
    paths: tuple[str, ...] = ()
    lane: Lane = "trunk"
    repeats: int = 1
    likeness: Likeness = "identical"
    shares: bool = False
    shortcut: EdgeKind | None = None
    lines: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    costs: tuple[Fact, ...] = ()
    facts: tuple[Fact, ...] = ()
    heat: Heat | None = None
    mark: Mark | None = None
    children: tuple[Node, ...] = ()
    open: bool = False

    @property
    def footer(self) -> str:
        """Write the node's costs."""
        return ", ".join(fact.text for fact in self.costs)

    @property
    def tooltip(self) -> str:
        """Write one line for a pointer: path, shape and costs.

        >>> Node(path="c2", title="c2", role="stage", facts=(
        ...     Fact(key="params", value=1, text="1 params"),)).tooltip
        'c2: 1 params'
        """
        return f"{self.path}: {', '.join(fact.text for fact in self.facts)}".removesuffix(": ")

    def walk(self, *, deep: bool = True) -> Iterator[Node]:
        """Yield this node and all inside it; without ``deep``, only what is shown."""
        yield self
        if deep or self.open:
            for child in self.children:
                yield from child.walk(deep=deep)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """An arrow from node to node.

    Attributes:
        tail: Path it leaves.
        head: Path it enters.
        kind: What it carries.
        label: Shape of what flows.
    """

    tail: str
    head: str
    kind: EdgeKind = "flow"
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GridRow:
    """One row of a grid.

    Attributes:
        path: Of what it describes; empty for none.
        role: Of what it describes.
        cells: Lines of each cell.
        stage: Path of its stage; a stage may have several rows.
        paths: As of a node; none for a stage's further rows.
        costs: What its cells say of its share of the network.
        facts: As of a node.
        heat: As of a node.
    """

    path: str
    role: Role
    cells: tuple[tuple[str, ...], ...]
    stage: str = ""
    paths: tuple[str, ...] = ()
    costs: tuple[Fact, ...] = ()
    facts: tuple[Fact, ...] = ()
    heat: Heat | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A table in a picture.

    Attributes:
        heads: Of the columns.
        rows: Below them.
    """

    heads: tuple[str, ...]
    rows: tuple[GridRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One drawing of the picture: a diagram or a grid.

    Attributes:
        name: Its id.
        title: What it shows, or empty.
        nodes: The diagram's outermost nodes, in the order of the forward pass.
        edges: Between nodes that show no children; in a deep scene between layers.
        grid: The table, in place of a diagram.
        below: Whether it stands under the panel before it, not beside.
        worth: What is shown by it costs so much in all; None for what no picture goes without.
        names: What the user's own file calls the layers, by path, where all of them are there.
        graph: What its nodes are of, likewise.
    """

    name: str
    title: str = ""
    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    grid: Grid | None = None
    below: bool = False
    worth: float | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    graph: LayerGraph | None = field(default=None, repr=False)

    def walk(self, *, deep: bool = True) -> Iterator[Node]:
        """Yield all nodes; without ``deep``, only what is shown."""
        for node in self.nodes:
            yield from node.walk(deep=deep)

    @property
    def folded(self) -> frozenset[Likeness]:
        """List in what the blocks are alike of which one thing that is shown stands for several."""
        shown = [node for node in self.walk(deep=False) if not node.open]
        several: list[Node | Part] = [node for node in shown if node.repeats > 1]
        several += [part for node in shown for part in node.parts if part.repeats > 1]
        return frozenset(each.likeness for each in several)


@dataclass(frozen=True, slots=True, kw_only=True)
class Legend:
    """What the colours of an overlay mean.

    Attributes:
        key: The coloured quantity: ``params``, ``latency``.
        title: Quantity, unit and convention.
        low: What has the coldest colour, in words.
        high: The hottest.
        unknown: What the colour of the unknown means, where something has it.
        scale: What the colours run over.
    """

    key: str
    title: str
    low: str
    high: str
    unknown: str = ""
    scale: Scale = "amount"

    def heat(self, level: float) -> Heat:
        """Make a heat of the scale, for a sample of its colour."""
        return Heat(level=level, text="", value=level, part=1.0, key=self.key, scale=self.scale)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A whole picture.

    Attributes:
        name: Of the network.
        view: Which view made it.
        title: One line.
        description: The picture in a few sentences, for readers who cannot see it.
        caption: What the numbers mean.
        direction: Top to bottom or left to right.
        panels: Side by side.
        question: What its FLOPs are; the batch and dtype of its bytes.
        measured: The latencies among its facts, if a run is known.
        weighed: The weights among its facts, if a file is.
        changes: The changes of latency among its facts, if two runs are compared.
        legend: Of the overlay, if there is one.
        example: What the network is given at a time: an image, or any other example.
        mark_words: What its marks mean.
        beside: Panels of other pictures that stand beside it, so that colours mean the same in all.
    """

    name: str
    view: str
    title: str
    description: str
    caption: str
    direction: Direction
    panels: tuple[Panel, ...]
    question: Question
    measured: Measured | None = None
    weighed: Weighed | None = None
    changes: Changes | None = None
    legend: Legend | None = None
    example: str = "image"
    mark_words: Mapping[Mark, str] = field(default_factory=lambda: MARK_WORDS)
    beside: tuple[Panel, ...] = ()

    @property
    def marks(self) -> tuple[Mark, ...]:
        """List the marks that are shown, in the order of MARK_WORDS."""
        shown = {node.mark for panel in self.panels for node in panel.walk(deep=False)}
        return tuple(mark for mark in MARK_WORDS if mark in shown)

    @property
    def edge_kinds(self) -> tuple[EdgeKind, ...]:
        """List the kinds of edges besides data, in the order of EDGE_WORDS."""
        shown = {edge.kind for panel in self.panels for edge in panel.edges}
        return tuple(kind for kind in EDGE_WORDS if kind in shown and kind != "flow")
