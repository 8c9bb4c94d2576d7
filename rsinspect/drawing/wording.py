"""Words that the formats share: the title of a node, its costs, and no number twice."""

from __future__ import annotations

from dataclasses import replace

from rsinspect.drawing.grids import shortened
from rsinspect.drawing.scene import GridRow, Node, Part, Role
from rsinspect.layers.fold import IN_WORDS


def titled(item: Node | Part) -> str:
    """Give the title, and how many that are alike it stands for.

    >>> titled(Part(paths=("c4/block1", "c4/block2"), kind="identity", name="blocks 1-2"))
    'identity blocks 1-2 × 2'
    """
    return f"{item.title} × {item.repeats}" if item.repeats > 1 else item.title


def alike(item: Node | Part) -> str:
    """Say how many blocks are alike, in what, and if they share weights; nothing of one block.

    >>> alike(Part(paths=("c2/block1", "c2/block2"), likeness="growing"))
    '2 blocks of one form, growing width, each with weights of its own'
    """
    if item.repeats == 1:
        return ""
    words = IN_WORDS[item.likeness]
    own = "" if item.shares else ", each with weights of its own"
    blocks = f"{words} blocks" if item.likeness == "identical" else f"blocks {words}"
    return f"{item.repeats} {blocks}{own}"


def unsaid(item: Node | GridRow) -> str:
    """Give the heat in words, unless the costs beside it say the same.

    >>> from dataclasses import replace
    >>> from rsinspect.drawing.scene import Fact, Heat
    >>> flops = Fact(key="flops", value=10, text="10 FLOPs (5 %)")
    >>> heat = Heat(key="flops", level=1, text="10 FLOPs (5 %)", value=10)
    >>> node = Node(path="c2", title="c2", role="stage", costs=(flops,), heat=heat)
    >>> unsaid(node), unsaid(replace(node, costs=()))
    ('', '10 FLOPs (5 %)')
    """
    heat = item.heat
    if heat is None or any((fact.key, fact.text) == (heat.key, heat.text) for fact in item.costs):
        return ""
    return heat.text


def rest_of_footer(node: Node) -> str:
    """Give the costs that the heat does not say.

    >>> from rsinspect.drawing.scene import Fact, Heat
    >>> params, flops = (Fact(key=k, value=9, text=f"9 {k}") for k in ("params", "flops"))
    >>> heat = Heat(key="flops", level=1, text="9 flops", value=9)
    >>> node = Node(path="c2", title="c2", role="stage", costs=(params, flops), heat=heat)
    >>> rest_of_footer(node)
    '9 params'
    """
    said = node.heat.key if node.heat is not None else None
    return ", ".join(fact.text for fact in node.costs if fact.key != said)


def cost_lines(node: Node) -> tuple[str, ...]:
    """Give heat and footer of a node, without saying a number twice."""
    heat = node.heat.text if node.heat is not None else ""
    return tuple(text for text in (heat, rest_of_footer(node)) if text)


TOLD: tuple[Role, ...] = ("input", "add", "join", "scale", "pool")
"""Layers of a figure whose shape is told where room is short: it changes there."""


def condensed(node: Node, *, narrow: bool) -> Node:
    """Leave out of a layer of a figure what papers leave out.

    >>> conv = Node(path="c", title="conv 1×1, 64", role="conv", aside="56×56×64",
    ...     lines=("batch norm · relu",))
    >>> condensed(conv, narrow=True).lines, condensed(conv, narrow=True).aside
    (('norm · relu',), '')
    """
    title, lines = node.title, node.lines
    if node.role == "gate" and node.lane != "gate" and lines:  # the whole module
        title, *rest = shortened(f"SE {lines[0]}") if narrow else ["SE", *lines]
        lines = tuple(rest)
    if narrow:
        title = title.replace("batch norm", "norm")
        lines = tuple(line.replace("batch norm", "norm") for line in lines)
    if node.role == "add":
        title, lines = ", ".join((title, *lines)), ()
    aside = node.aside if node.role in TOLD else ""
    return replace(node, title=title, lines=lines, aside=aside)
