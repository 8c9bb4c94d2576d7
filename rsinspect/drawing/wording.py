"""Words that the text formats share: the title of a node, and the heat its costs do not yet say."""

from __future__ import annotations

from collections.abc import Iterable

from rsinspect.drawing.scene import Grid, GridRow, Heat, Node, Part


def titled(item: Node | Part) -> str:
    """The title, and how many identical ones it stands for.

    >>> titled(Part(path="c4/block1", title="identity blocks 1-22", repeats=22))
    'identity blocks 1-22 × 22'
    """
    return f"{item.title} × {item.repeats}" if item.repeats > 1 else item.title


def costs(node: Node) -> tuple[str, ...]:
    """Footer and heat of a node, without saying a number twice."""
    return tuple(text for text in (node.footer, unsaid(node.heat, [node.footer])) if text)


def row_heat(grid: Grid, row: GridRow) -> str:
    """Heat of a row, unless its cells say it."""
    return unsaid(row.heat, [*grid.heads, *(line for cell in row.cells for line in cell)])


def unsaid(heat: Heat | None, said: Iterable[str]) -> str:
    """The heat in words, unless all its words stand in ``said``.

    >>> heat = Heat(level=1, text="7.63 G FLOPs (63.5 %)", value=7.63e9)
    >>> unsaid(heat, ["38.3 M params, 7.63 G FLOPs (63.5 %)"]), unsaid(heat, ["38.3 M params"])
    ('', '7.63 G FLOPs (63.5 %)')
    """
    if heat is None or set(heat.text.split()) <= {word for text in said for word in text.split()}:
        return ""
    return heat.text
