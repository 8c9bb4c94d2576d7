"""What stands in the nodes of a LaTeX diagram, and how much room it takes, in centimetres."""

from __future__ import annotations

from collections.abc import Iterable

from rsinspect.base.latex import character, escape
from rsinspect.drawing.scene import Node
from rsinspect.drawing.wording import cost_lines, titled

CM_PER_CHARACTER = 0.152
CM_PER_LINE = 0.36
BAND_CM = 0.55
"""Height of the coloured band at the head of a card, and of the title of a frame."""


def name(path: str) -> str:
    """Turn a path into the name of a TikZ node, different for every path.

    >>> name("c4/block1-2"), name("a.b")
    ('c4/block1-2', 'a_2e_b')
    """
    return "".join(
        c if c.isascii() and (c.isalnum() or c in "/-") else f"_{ord(c):x}_" for c in path
    )


def card_words(node: Node) -> list[str]:
    """List the lines of a card as they are measured."""
    mark = f" ({node.mark})" if node.mark else ""
    lines = [f"{titled(node)}{mark}    {node.aside}"]
    for part in node.parts:
        lines += [titled(part), *(f"  {line}" for line in part.lines)]
    return [*lines, *([] if node.parts else node.lines), *cost_lines(node)]


def card_body(node: Node) -> list[list[str]]:
    """Group the lines of a card below its title."""
    groups = []
    for part in node.parts:
        title = [f"\\textbf{{{escape(titled(part))}}}"] if part.title else []
        groups.append([*title, *map(escape, part.lines)])
    if node.lines and not node.parts:
        groups.append([*map(escape, node.lines)])
    if words := cost_lines(node):
        groups.append([f"\\textcolor{{rs-muted}}{{{escape(text)}}}" for text in words])
    return groups


def card_height(nodes: Iterable[Node]) -> float:
    """Measure the tallest card."""
    return max(
        BAND_CM + 0.2 + sum(CM_PER_LINE * len(group) + 0.12 for group in card_body(node))
        for node in nodes
    )


def joined(lines: list[str]) -> str:
    """Put lines below each other."""
    return "\\\\ ".join(lines)


def breadth_cm(lines: Iterable[str]) -> float:
    """Measure the longest line; a character without a glyph is written as its code point."""
    characters = (
        sum(7 if character(c).startswith("\\texttt{U") else 1 for c in line) for line in lines
    )
    return CM_PER_CHARACTER * max(characters, default=0)


def cm(value: float) -> str:
    """Write a length in centimetres, without needless zeros."""
    return f"{value:.2f}".removesuffix("0").removesuffix(".0")
