"""Two networks side by side, with what only one of them has and what differs marked.

Both are drawn by the view that draws one network. A block is marked by its structure: what differs
in training alone is marked on its layers and nowhere else. Runs of identical blocks end where the
marks do, and closed nodes say in words what is new, gone or changed inside them: nothing hangs on
colour.

The two panels are named ``a`` and ``b`` and have the same paths; formats whose ids must differ put
the panel's name before the path.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from rsinspect.base.errors import UnknownPicture
from rsinspect.differences.pairs import BlockPair, Comparison, LayerPair, StagePair, Status, compare
from rsinspect.differences.wording import conclusion, names_in_words, places_in_words
from rsinspect.drawing.scene import Direction, Mark, Node, Panel, Part, Scene
from rsinspect.drawing.tree import CONVENTION
from rsinspect.drawing.views import caption, check_view, diagram
from rsinspect.networks.network import Network

VIEWS = ("stages", "blocks", "layers")
"""Views that two networks can be compared in."""

_MARKS: dict[Status, Mark] = {"added": "added", "removed": "removed", "changed": "changed"}
_LEGEND = (
    "Added: only the second has it. Removed: only the first has it. Changed: both have it, not "
    "alike or with such parts inside."
)

Words = Mapping[str, tuple[str, ...]]
"""What has become of each block, in words."""


def comparison(
    a: Network,
    b: Network,
    *,
    view: str = "blocks",
    direction: Direction = "TB",
    convention: str = CONVENTION,
    deep: bool = False,
) -> Scene:
    """A scene of two panels, first a, then b, with what differs marked.

    Args:
        a: The one.
        b: The other.
        view: One of VIEWS.
        direction: Of the data: top to bottom or left to right.
        convention: What a FLOP is.
        deep: Whether closed nodes have their children too, and edges run between layers.

    Raises:
        UnknownPicture: If the view or direction is unknown or shows no network as a whole.
        InvalidQuestion: If the convention is unknown.

    >>> from rsinspect.networks.named import networks
    >>> scene = comparison(*networks("152", "200"))
    >>> [(node.path, node.mark) for node in scene.panels[1].walk() if node.mark]
    [('c3', 'changed'), ('c3/block8-23', 'added')]
    """
    check_view(view, direction)
    if view not in VIEWS:
        raise UnknownPicture(f"the {view} view does not compare two networks", ", ".join(VIEWS))
    found = compare(a.graph, b.graph)
    one, two = marks(found)
    words = {block.path: _words_of(block) for block in found.blocks}
    panels = tuple(
        _panel(
            name,
            network,
            diagram(network, view, convention=convention, deep=deep, marks=marked)[0],
            words,
        )
        for name, network, marked in (("a", a, one), ("b", b, two))
    )
    sentence = conclusion(a, b, found)
    trains = any(layer.status == "training_only" for layer in found.layers)
    legend = f"{sentence} {_LEGEND}"
    if trains and (deep or view == "layers"):
        legend += " Layers that work in training alone are marked; their blocks are not."
    nodes = [node for panel in panels for node in panel.walk(deep=False)]
    folded = any(node.repeats > 1 for node in nodes) or any(
        part.repeats > 1 for node in nodes if not node.open for part in node.parts
    )
    return Scene(
        name=f"{a.name}-to-{b.name}",
        view=view,
        title=f"{a.title} → {b.title}",
        description=f"Two networks: first {a.title}, then {b.title}. {_differences(found)}",
        caption=f"{legend} {caption(convention, folded=folded)}",
        direction=direction,
        panels=panels,
    )


def marks(found: Comparison) -> tuple[dict[str, Mark], dict[str, Mark]]:
    """What to mark in a and in b, by path of stage, block or layer."""
    parts: list[StagePair | BlockPair | LayerPair] = [*found.stages, *found.blocks, *found.layers]
    marked = {part.path: _MARKS[part.status] for part in parts if part.status in _MARKS}
    for layer in found.layers:
        if layer.status == "training_only":
            marked[layer.path] = (
                "added" if layer.a is None else "removed" if layer.b is None else "changed"
            )
    return (
        {path: mark for path, mark in marked.items() if mark != "added"},
        {path: mark for path, mark in marked.items() if mark != "removed"},
    )


def _differences(found: Comparison) -> str:
    """Which blocks are added, removed and changed, a sentence each."""
    sentences = []
    for status in _MARKS:
        paths = [block.path for block in found.blocks if block.status == status]
        if paths:
            sentences.append(f"{status.capitalize()}: {places_in_words(paths)}.")
    return " ".join(sentences) or "No block is added, removed or changed."


def _panel(name: str, network: Network, panel: Panel, words: Words) -> Panel:
    nodes = tuple(_node(node, words) for node in panel.nodes)
    return replace(panel, name=name, title=network.title, nodes=nodes)


def _node(node: Node, words: Words) -> Node:
    """A closed node with what has changed inside it among its lines."""
    children = tuple(_node(child, words) for child in node.children)
    if node.role == "block":
        lines = () if node.open or node.mark != "changed" else _lines(node.path, words)
        return replace(node, lines=(*node.lines, *lines), children=children)
    parts = tuple(
        replace(part, lines=(*part.lines, *_lines(_span(part), words))) for part in node.parts
    )
    return replace(node, parts=parts, children=children)


def _span(part: Part) -> str:
    """Path of all blocks of a part: ``c3/block1-23``."""
    stage, _, first = part.path.partition("/block")
    if part.repeats == 1:
        return part.path
    return f"{stage}/block{first}-{int(first) + part.repeats - 1}"


def _lines(span: str, words: Words) -> tuple[str, ...]:
    """What has become of a run of blocks, where it has not become of all: of which."""
    stage, _, numbers = span.partition("/block")
    if not numbers:
        return words.get(span, ())
    first, _, last = numbers.partition("-")
    paths = [f"{stage}/block{n}" for n in range(int(first), int(last or first) + 1)]
    by_line: dict[str, list[str]] = {}
    for path in paths:
        for line in words.get(path, ()):
            by_line.setdefault(line, []).append(path)
    return tuple(
        line if len(found) == len(paths) else f"{_blocks(found)} {line}"
        for line, found in by_line.items()
    )


def _blocks(paths: list[str]) -> str:
    """``blocks 8-23``, of blocks of one stage."""
    numbers = places_in_words(paths).partition("/block")[2]
    return f"block{'s' if len(paths) > 1 else ''} {numbers}"


def _words_of(block: BlockPair) -> tuple[str, ...]:
    """What has become of a block, a line for each kind of change inside it."""
    if block.status in ("added", "removed"):
        return (block.status,)
    lines: dict[str, list[str]] = {}
    for layer in block.layers:
        if layer.status not in _MARKS:
            continue
        fields = [change.field.replace("output_", "") for change in layer.changes]
        if len(fields) > 1 and fields[-1] == "shape":  # it follows from the others
            fields.pop()
        head = f"changed: {', '.join(fields)} of" if fields else f"{layer.status}:"
        lines.setdefault(head, []).append(layer.path.removeprefix(f"{block.path}/"))
    return tuple(f"{head} {names_in_words(names, 3)}" for head, names in lines.items())
