"""Two networks side by side, with what only one of them has and what differs marked.

Both are drawn by the view that draws one network. A block is marked by its structure: what differs
in training alone is marked on its layers and nowhere else. Runs of identical blocks end where the
marks do, and closed nodes say in words what is new, gone or changed inside them: nothing hangs on
colour.

The two panels are named ``a`` and ``b`` and may have the same paths; formats whose ids must differ
put the panel's name before the path.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rsinspect.base.errors import check_choice
from rsinspect.base.words import names_in_words, spans
from rsinspect.differences.pairs import BlockPair, Comparison, StagePair, Status, compare
from rsinspect.differences.wording import arrowed, conclusion, places_in_words
from rsinspect.drawing import views
from rsinspect.drawing.choices import COMPARED_VIEWS
from rsinspect.drawing.scene import (
    MARK_WORDS,
    SEVERAL_MARK_WORDS,
    Mark,
    Node,
    Panel,
    Scene,
)
from rsinspect.drawing.views import (
    DEFAULT_QUESTION,
    caption,
    check_view,
    diagram,
    repeats_in_words,
)
from rsinspect.layers.fold import Likeness
from rsinspect.layers.question import Question
from rsinspect.networks.network import Network

_MARKS: dict[Status, Mark] = {"added": "added", "removed": "removed", "changed": "changed"}
_LEGEND = (
    "Added: only the second has it. Removed: only the first has it. Changed: both have it, not "
    "alike or with such parts inside."
)

Blocks = Mapping[str, BlockPair]
"""What has become of each block, by its path."""


def comparison(
    a: Network,
    b: Network,
    *,
    view: str = "blocks",
    direction: str = "TB",
    question: Question = DEFAULT_QUESTION,
    deep: bool = False,
) -> Scene:
    """Draw two panels, first a, then b, with what differs marked.

    Args:
        a: The one.
        b: The other.
        view: One of COMPARED_VIEWS.
        direction: Of the data: top to bottom or left to right.
        question: What a FLOP is, and the batch and dtype of bytes.
        deep: Whether closed nodes have their children too, and edges run between layers.

    Raises:
        InvalidChoice: If the direction is unknown, or the view is none of COMPARED_VIEWS.

    >>> from rsinspect.networks.named import compared
    >>> scene = comparison(*compared("152", "200").networks)
    >>> [(node.path, node.mark) for node in scene.panels[1].walk() if node.mark]
    [('c3', 'changed'), ('c3/block8-23', 'added')]
    """
    way = check_view("blocks", direction)
    check_choice("view of two networks", view, COMPARED_VIEWS)
    differences = compare(a.graph, b.graph)
    in_a, in_b = marks(differences)
    of_a = {block.a.path: block for block in differences.blocks if block.a is not None}
    of_b = {block.b.path: block for block in differences.blocks if block.b is not None}
    panels = tuple(
        _panel(
            name,
            network,
            diagram(network, view, question=question, deep=deep, marks=marked)[0],
            blocks,
        )
        for name, network, marked, blocks in (("a", a, in_a, of_a), ("b", b, in_b, of_b))
    )
    sentence = arrowed(conclusion(a, b, differences))
    trains = any(layer.status == "training_only" for layer in differences.layers)
    legend = f"{sentence} {_LEGEND}"
    if trains and (deep or view == "layers"):
        legend += " Layers that work in training alone are marked; their blocks are not."
    folded = frozenset[Likeness]().union(*(panel.folded for panel in panels))
    repeats = repeats_in_words(folded, a, b) if folded else ""
    words = _differences(differences)
    return Scene(
        name=f"{a.name}-to-{b.name}",
        view=view,
        title=f"{a.title} → {b.title}",
        description=f"Two networks: first {a.title}, then {b.title}. {words}",
        caption=f"{legend} {caption(question, repeats=repeats)}",
        direction=way,
        panels=panels,
        question=question,
    )


def alongside(
    first: Network, *others: Network, view: str = "stages", question: Question = DEFAULT_QUESTION
) -> tuple[Scene, ...]:
    """Draw each network in a deep scene of its own, with what differs from the first marked.

    What the first of more than two has is marked ``removed`` where none of the others has it, and
    ``changed`` where one of them differs there.

    Raises:
        InvalidChoice: If the view is none of COMPARED_VIEWS.

    >>> from rsinspect.networks.named import network
    >>> one, _, three = alongside(network("152"), network("200"), network("270"))
    >>> [(node.path, node.mark) for node in one.panels[0].nodes if node.mark]
    [('c2', 'changed'), ('c3', 'changed'), ('c4', 'changed'), ('c5', 'changed')]
    """
    check_choice("view of two networks", view, COMPARED_VIEWS)
    found = [compare(first.graph, other.graph) for other in others]
    each = [marks(differences) for differences in found]
    of_first = _common([in_first for in_first, _ in each])
    blocks: list[Blocks] = [
        {block.a.path: block for block in found[0].blocks if block.a} if len(found) == 1 else {},
        *({block.b.path: block for block in one.blocks if block.b} for one in found),
    ]
    scenes = []
    for network, marked, own in zip(
        (first, *others), (of_first, *(in_other for _, in_other in each)), blocks, strict=True
    ):
        scene = views.view(network, view, question=question, deep=True, marks=marked)
        (panel,) = scene.panels
        nodes = tuple(_node(node, own) for node in panel.nodes)
        scenes.append(
            replace(
                scene,
                panels=(replace(panel, nodes=nodes),),
                mark_words=MARK_WORDS if len(found) == 1 else SEVERAL_MARK_WORDS,
            )
        )
    return tuple(scenes)


def _common(each: Sequence[Mapping[str, Mark]]) -> dict[str, Mark]:
    """Join the marks that one network has beside each of several others."""
    paths = dict.fromkeys(path for found in each for path in found)
    return {
        path: "removed" if all(found.get(path) == "removed" for found in each) else "changed"
        for path in paths
    }


def marks(differences: Comparison) -> tuple[dict[str, Mark], dict[str, Mark]]:
    """List what to mark in a and in b, by the path that stage, block or layer has there."""
    in_a: dict[str, Mark] = {}
    in_b: dict[str, Mark] = {}

    def mark(kind: Mark, path_a: str | None, path_b: str | None) -> None:
        if path_a is not None and kind != "added":
            in_a[path_a] = kind
        if path_b is not None and kind != "removed":
            in_b[path_b] = kind

    parts: list[StagePair | BlockPair] = [*differences.stages, *differences.blocks]
    for part in parts:
        if part.status in _MARKS:
            mark(_MARKS[part.status], part.path_a, part.path)
    for layer in differences.layers:
        if layer.status != "same":
            kind: Mark = "added" if layer.a is None else "removed" if layer.b is None else "changed"
            mark(kind, layer.a and layer.a.path, layer.b and layer.b.path)
    return in_a, in_b


def _differences(differences: Comparison) -> str:
    """Say which blocks are added, removed and changed, a sentence each."""
    sentences = []
    for status in _MARKS:
        groups = [block.group for block in differences.blocks if block.status == status]
        if groups:
            sentences.append(f"{status.capitalize()}: {places_in_words(groups, differences)}.")
    return " ".join(sentences) or "No block is added, removed or changed."


def _panel(name: str, network: Network, panel: Panel, blocks: Blocks) -> Panel:
    nodes = tuple(_node(node, blocks) for node in panel.nodes)
    return replace(panel, name=name, title=network.title, nodes=nodes)


def _node(node: Node, blocks: Blocks) -> Node:
    """Add what has changed inside a closed node to its lines."""
    children = tuple(_node(child, blocks) for child in node.children)
    if node.role == "block":
        lines = () if node.open or node.mark != "changed" else _lines(node.paths, blocks)
        return replace(node, lines=(*node.lines, *lines), children=children)
    parts = tuple(
        replace(part, lines=(*part.lines, *_lines(part.paths, blocks))) for part in node.parts
    )
    return replace(node, parts=parts, children=children)


def _lines(paths: tuple[str, ...], blocks: Blocks) -> tuple[str, ...]:
    """Describe what has changed in some blocks, and in which where it is not all of them."""
    by_line: dict[str, list[int]] = {}
    for path in paths:
        if path not in blocks:  # all its layers are elsewhere in the other network
            continue
        for line in _words_of(blocks[path]):
            by_line.setdefault(line, []).append(_number(path, blocks[path]))
    return tuple(
        line
        if len(numbers) == len(paths)
        else f"block{'s' if len(numbers) > 1 else ''} {spans(numbers)} {line}"
        for line, numbers in by_line.items()
    )


def _number(path: str, block: BlockPair) -> int:
    """Look up the number that a block has under a path."""
    group = block.a if block.a is not None and block.a.path == path else block.group
    return group.number or 0


def _words_of(block: BlockPair) -> tuple[str, ...]:
    """Describe what has changed in a block, a line for each kind of change inside it."""
    if block.status in ("added", "removed"):
        return (block.status,)
    lines: dict[str, list[str]] = {}
    for layer in block.layers:
        if layer.status not in _MARKS:
            continue
        fields = [change.field.replace("output_", "") for change in layer.telling]
        if len(fields) > 1 and fields[-1] == "shape":  # it follows from the others
            fields.pop()
        head = f"changed: {', '.join(fields)} of" if fields else f"{layer.status}:"
        lines.setdefault(head, []).append(block.name_of(layer))
    return tuple(f"{head} {names_in_words(names, 3)}" for head, names in lines.items())
