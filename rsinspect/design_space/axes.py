"""Axes of the design space: what people write, the paper's grids, and layouts by a rule."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from rsinspect import paper
from rsinspect.base import limits
from rsinspect.base.errors import InvalidSpec, check_choice
from rsinspect.base.units import grouped
from rsinspect.base.words import Option, advice, quoted, shown
from rsinspect.networks.grammar import parse_blocks
from rsinspect.networks.spec import MAX_BLOCKS

MOST_VALUES = 1_000_000  # of one axis
PRESETS = {"figure2": 2, "figure3": 3}
"""Grids of the paper by name, and the number of the figure that has each."""

STAGES = ("c2", "c3", "c4", "c5")
AXES = ("depth", "blocks", *STAGES, "width", "resolution")


class Layout(NamedTuple):
    """A block layout and, where it has one, the depth that names it."""

    depth: int | None
    blocks: tuple[int, ...]


def grown_layout(depth: int) -> tuple[int, ...]:
    """Grow a layout for any depth above 200, as the paper grows them.

    c2 and c5 have 4 blocks, as in 270, 350 and 420; of the others a third is in c3 and two thirds
    in c4. The number of all blocks is that of the classical count, depth = 3 blocks + 2. It gives
    350 and 420 exactly; 270, published with (4, 29, 53, 4), would be (4, 27, 54, 4).

    Raises:
        InvalidSpec: If the depth is not above 200 or too many blocks follow.

    >>> grown_layout(350), grown_layout(420), grown_layout(500)
    ((4, 36, 72, 4), (4, 44, 87, 4), (4, 53, 105, 4))
    """
    if depth <= 200:
        raise InvalidSpec(
            f"the layout rule starts above 200, not at {shown(depth)}",
            advice(
                "up to 200 the layouts are 50, 101, 152 and 200; or give {}",
                Option("axis", "blocks=3,4,6,3"),
            ),
        )
    blocks = round((depth - 2) / 3)
    if blocks > MAX_BLOCKS:
        raise InvalidSpec(
            f"depth {shown(depth)} has too many blocks; at most {MAX_BLOCKS} are built"
        )
    third = round((blocks - 8) / 3)
    return 4, third, blocks - 8 - third, 4


def parse_axis(text: str) -> tuple[str, tuple[Any, ...]]:
    """Read ``width=0.5:2:0.25`` or ``depth=50,101`` as a name and its values.

    A range has both ends and, of whole numbers, a step of 1 by default. Layouts of ``blocks`` are
    kept apart by ``;``.

    Raises:
        InvalidSpec: If the text is neither, or a value is out of range.
        InvalidChoice: If there is no such axis.

    >>> parse_axis("width=0.5:1:0.25")
    ('width', (0.5, 0.75, 1.0))
    >>> parse_axis("blocks=3,4,6,3;1,1,1,1")
    ('blocks', ((3, 4, 6, 3), (1, 1, 1, 1)))
    """
    name, equals, body = text.partition("=")
    name = name.strip()
    if not equals or not body.strip():
        raise InvalidSpec(
            f"{quoted(text)} is not an axis", "write depth=50,101 or width=0.5:2:0.25"
        )
    check_choice("axis", name, AXES)
    if name == "blocks":
        return name, tuple(parse_blocks(part) for part in body.split(";"))
    values = dict.fromkeys(v for part in body.split(",") for v in _values(name, part.strip(), text))
    return name, tuple(values)


def axis(name: str, values: object) -> tuple[Any, ...]:
    """Check the values of an axis that were given as such, and not as text.

    Args:
        name: One of AXES.
        values: Depths, widths, resolutions or numbers of blocks; of ``blocks``, layouts.

    Raises:
        InvalidSpec: If they are no list, or one of them is no number of that kind.

    >>> axis("width", [0.5, 1]), axis("blocks", [[3, 4], (1, 1)])
    ((0.5, 1), ((3, 4), (1, 1)))
    """
    if not isinstance(values, Iterable) or isinstance(values, str | bytes | Mapping):
        raise InvalidSpec(f"the axis {name} is {shown(values)}; it must be a list of values")
    listed = tuple(itertools.islice(values, MOST_VALUES))
    if name == "blocks":
        return tuple(_layout_of(layout) for layout in listed)
    limit = {"width": limits.WIDTH, "resolution": limits.RESOLUTION}.get(name, limits.DEPTH)
    for value in listed:
        limit.check(value, InvalidSpec)
    return listed


def _layout_of(layout: object) -> tuple[int, ...]:
    if not isinstance(layout, list | tuple) or not layout:
        raise InvalidSpec(f"{shown(layout)} is not a block layout", "such as (3, 4, 23, 3)")
    for stage, blocks in zip(STAGES, layout, strict=False):
        limits.BLOCKS.check(blocks, InvalidSpec, of=stage)
    return tuple(layout)


def _values(name: str, part: str, text: str) -> Iterator[Any]:
    whole, said = name != "width", quoted(text)
    number = r"-?\d{1,9}" if whole else r"-?\d{1,9}(?:\.\d{1,9})?"
    match = re.fullmatch(rf"({number})(?::({number})(?::({number}))?)?", part)
    if match is None:
        kind = "whole numbers" if whole else "numbers"
        raise InvalidSpec(f"{said} is not an axis", f"write {kind}: {name}=1,2 or {name}=1:9:2")
    start, stop, step = (None if v is None else float(v) for v in match.groups())
    assert start is not None
    if stop is None:
        stop = start
    if step is None:
        if not whole and stop != start:
            raise InvalidSpec(f"{said} has no step", f"write {name}={match[1]}:{match[2]}:0.25")
        step = 1.0
    if step <= 0 or stop < start:
        raise InvalidSpec(f"{said} is an empty range", "write start:stop:step, rising")
    count = math.floor((stop - start) / step + 1e-9) + 1
    if count > MOST_VALUES:
        raise InvalidSpec(
            f"{said} has {grouped(count)} values; an axis has at most {grouped(MOST_VALUES)}"
        )
    for i in range(count):
        value = start + i * step
        yield int(value) if whole else round(value, 9)


def preset_axes(name: str) -> dict[str, tuple[Any, ...]]:
    """List the axes of a grid of the paper; depth 26, whose layout nobody states, is left out.

    Raises:
        InvalidChoice: If there is no such preset.
    """
    check_choice("preset", name, PRESETS)
    figure = paper.figure(PRESETS[name])
    return {
        "depth": tuple(d for d in figure["depths"] if d in paper.variants()),
        "width": tuple(figure["widths"]),
        "resolution": tuple(figure["resolutions"]),
    }
