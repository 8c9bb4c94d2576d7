"""Heat: a scene coloured by a quantity of the graph, or by a measured latency.

Values are written in the nodes with their share of the whole. Colours run over two decades of a
logarithm, up to the largest value in the picture, as the legend says: in a network, one stage has
most of everything, and on an even scale all others would have the colour of nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from rsinspect.base.errors import UnknownPicture, check_choice
from rsinspect.base.text import showable
from rsinspect.base.units import binary_bytes, count, grouped, percent, seconds
from rsinspect.base.words import Option, advice, plural
from rsinspect.drawing.choices import OF_WEIGHTS, QUANTITIES
from rsinspect.drawing.scene import Fact, Grid, GridRow, Heat, Known, Legend, Node, Panel, Scene
from rsinspect.layers.cost import LEGEND

if TYPE_CHECKING:
    from rsinspect.drawing.weighed import Weighed

WHOLE_STAGE = ", all its rows"
DECADES = 2
"""That the colours run over; what is smaller has the coldest."""

_KEYS = {"activations": "activation_bytes", "latency": "latency_s"}
_NO_SUMS = ("intensity", "weight_std", "weight_max")
"""Quantities of which no part has a share."""

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Latencies of parts of the network.

    Attributes:
        latency_s: Seconds for one batch, by path of stage, block or layer.
        conditions: Batch, precision, backend and device.
        interval_s: Gives the 95 % interval of parts together, in seconds; None where that is not
            known.
        sum_s: Seconds of all that was measured, also of what belongs to no part of the network:
            what shares are of. None: of the parts shown.
    """

    latency_s: Mapping[str, float]
    conditions: str
    interval_s: Callable[[Sequence[str]], Interval | None] = field(
        default=lambda paths: None, repr=False, compare=False
    )
    sum_s: float | None = None

    def latency_of(self, item: Node | GridRow) -> float | None:
        """Give the seconds of an item: measured, or the sum of its blocks if all were.

        >>> run = Measured(latency_s={"c2/block0": 3.0, "c2/block1": 2.0}, conditions="")
        >>> blocks = ("c2/block0", "c2/block1")
        >>> run.latency_of(Node(path="c2", title="", role="stage", paths=blocks))
        5.0
        >>> run.latency_of(Node(path="c2/block0/conv1", title="", role="conv"))
        """
        parts = self._parts_of(item)
        return sum(self.latency_s[path] for path in parts) if parts else None

    def interval_of(self, item: Node | GridRow) -> Interval | None:
        """Give the interval of an item's latency, in seconds; None where it is not known."""
        parts = self._parts_of(item)
        return self.interval_s(parts) if parts else None

    def _parts_of(self, item: Node | GridRow) -> tuple[str, ...]:
        """List what was measured of an item: itself, or all its blocks; else nothing."""
        if item.path in self.latency_s:
            return (item.path,)
        return item.paths if all(path in self.latency_s for path in item.paths) else ()


def check_quantity(name: str, measured: bool, weighed: bool = False) -> None:
    """Refuse an unknown quantity, a latency that nobody measured, and weights of no file.

    Raises:
        InvalidChoice: If there is no quantity of that name.
        UnknownPicture: If it is the latency and there is none, or about weights and no file is
            read; the hint says how to get it.
    """
    check_choice("quantity", name, QUANTITIES)
    if name == "latency" and not measured:
        raise UnknownPicture(
            "a latency is measured, not computed",
            advice("profile the network, save the run and pass it as {}", Option("profile")),
        )
    if name in OF_WEIGHTS and not weighed:
        raise UnknownPicture(
            f"{name} is about the weights in a file, and no file is named",
            advice("name it: {}", Option("weights", "my.h5")),
        )


def _is_there(name: str, scene: Scene) -> bool:
    """Tell whether a scene has what a quantity is of."""
    if name == "latency":
        return scene.measured is not None
    return name not in OF_WEIGHTS or scene.weighed is not None


def quantities_of(scene: Scene) -> tuple[str, ...]:
    """List the quantities that a scene can be coloured by."""
    return tuple(name for name in QUANTITIES if _is_there(name, scene))


def with_latency(scene: Scene, measured: Measured) -> Scene:
    """Add a measured latency to the facts of each item that has one."""

    def facts_of(item: Node | GridRow) -> tuple[Fact, ...]:
        if (value := measured.latency_of(item)) is None:
            return ()
        text = f"{seconds(value)} measured"
        if interval := measured.interval_of(item):
            text += f" (95 %: {seconds(interval[0])} to {seconds(interval[1])})"
        return (Fact(key="latency_s", value=value, text=text, interval=interval),)

    return replace(_with_facts(scene, facts_of), measured=measured)


def with_weights(scene: Scene, weighed: Weighed) -> Scene:
    """Add what the weights in a file are like to the facts of each item that has some."""
    return replace(_with_facts(scene, weighed.facts_of), weighed=weighed)


def _with_known(scene: Scene, measured: Measured | None, weighed: Weighed | None) -> Scene:
    """Add latencies and weights to a scene, where they are given."""
    scene = scene if measured is None else with_latency(scene, measured)
    return scene if weighed is None else with_weights(scene, weighed)


def _with_facts(scene: Scene, facts_of: Callable[[Node | GridRow], tuple[Fact, ...]]) -> Scene:
    """Add facts to each item."""

    def known(item: Node | GridRow, *, whole: bool = False) -> tuple[Fact, ...]:
        added = facts_of(item)
        if whole:
            added = tuple(
                replace(fact, text=f"{fact.text}{WHOLE_STAGE}", whole=True) for fact in added
            )
        return (*item.facts, *added)

    def row(old: GridRow, rows: tuple[GridRow, ...]) -> GridRow:
        """Add the facts of a row; of a stage of several rows, known whole, to the first."""
        several = sum(row.stage == old.stage for row in rows) > 1
        return replace(old, facts=known(old, whole=several))

    def node(old: Node) -> Node:
        return replace(old, facts=known(old), children=tuple(map(node, old.children)))

    def panel(old: Panel) -> Panel:
        grid = old.grid and Grid(
            heads=old.grid.heads,
            rows=tuple(row(each, old.grid.rows) for each in old.grid.rows),
        )
        return replace(old, nodes=tuple(map(node, old.nodes)), grid=grid)

    return replace(scene, panels=tuple(map(panel, scene.panels)))


def overlay(
    scene: Scene,
    quantity: str,
    *,
    measured: Measured | None = None,
    weighed: Weighed | None = None,
) -> Scene:
    """Colour the scene by a quantity, and add a legend.

    Where a picture has grids, their rows are coloured and the diagrams beside them are not: these
    show one block, the rows whole stages.

    Args:
        scene: What to colour.
        quantity: One of QUANTITIES.
        measured: Latencies to add to what is known; they stay with the scene.
        weighed: Likewise, weights in a file.

    Raises:
        InvalidChoice: If the quantity is unknown.
        UnknownPicture: If it is the latency, or about weights, and there are none.
    """
    scene = _with_known(scene, measured, weighed)
    check_quantity(quantity, scene.measured is not None, scene.weighed is not None)
    key = _KEYS.get(quantity, quantity)
    grids = [panel.grid for panel in scene.panels if panel.grid is not None]
    outermost: list[list[Node | GridRow]] = [list(grid.rows) for grid in grids]
    shown: list[Node | GridRow] = [row for rows in outermost for row in rows]
    if not grids:
        outermost = [list(panel.nodes) for panel in scene.panels]
        shown = [node for panel in scene.panels for node in panel.walk()]
    beside = [node for panel in scene.beside for node in panel.walk()]
    values = [_value(item, key) for item in (*shown, *beside)]
    hottest = max((value for value in values if value is not None), default=0)
    whole = max(sum(_value(item, key) or 0 for item in items) for items in outermost)
    if quantity == "latency" and scene.measured is not None:
        whole = scene.measured.sum_s or whole

    complete = all(_known(item, key) == "whole" for items in outermost for item in items)
    shared = whole if complete and quantity not in _NO_SUMS else 0

    def heat(item: Node | GridRow) -> Heat | None:
        return _heat(item, quantity, hottest, shared)

    def node(old: Node) -> Node:
        return replace(old, heat=heat(old), children=tuple(map(node, old.children)))

    def panel(old: Panel) -> Panel:
        if not grids:
            return replace(old, nodes=tuple(map(node, old.nodes)))
        if old.grid is None:
            return old
        rows = tuple(replace(row, heat=heat(row)) for row in old.grid.rows)
        return replace(old, grid=replace(old.grid, rows=rows))

    return replace(
        scene,
        panels=tuple(map(panel, scene.panels)),
        legend=Legend(
            key=key,
            title=f"{_legend(quantity, scene)}; logarithmic",
            low=f"≤ {_words(quantity, hottest / 10**DECADES)}",
            high=_words(quantity, hottest),
            unknown="unknown" if any(_known(item, key) == "none" for item in shown) else "",
        ),
    )


def _heat(item: Node | GridRow, quantity: str, hottest: float, whole: float) -> Heat | None:
    """Tell how much an item has of a quantity, and its share of the whole where that is not 0."""
    key = _KEYS.get(quantity, quantity)
    fact = next((fact for fact in item.facts if fact.key == key), None)
    if fact is not None and fact.known == "none":
        return Heat(key=key, level=0.0, text="unknown", value=0.0, known="none")
    value = None if fact is None else _number(fact)
    if fact is None or value is None:
        return None
    text, share = _words(quantity, value), None
    if fact.known == "part":
        text = f"at least {text}"
    elif whole:
        share = value / whole
        text += f" ({percent(share)})"
    if fact.whole:
        text += WHOLE_STAGE
    part = min(1.0, value / hottest) if hottest else 0.0
    return Heat(
        key=key,
        level=level_of(part),
        part=part,
        share=share,
        text=text,
        value=value,
        known=fact.known,
    )


def level_of(part: float) -> float:
    """Place a share of the largest value on the scale of colours.

    >>> [level_of(part) for part in (0, 0.001, 0.1, 1)]
    [0.0, 0.0, 0.5, 1.0]
    """
    return max(0.0, 1 + math.log10(part) / DECADES) if part > 0 else 0.0


def _value(item: Node | GridRow, key: str) -> float | None:
    return next((_number(fact) for fact in item.facts if fact.key == key), None)


def _number(fact: Fact) -> float | None:
    """Read a value; None of a text, and of what nobody knows."""
    return None if isinstance(fact.value, str) or fact.known == "none" else fact.value


def _known(item: Node | GridRow, key: str) -> Known:
    return next((fact.known for fact in item.facts if fact.key == key), "whole")


def _words(quantity: str, value: float) -> str:
    match quantity:
        case "activations":
            return binary_bytes(int(value))
        case "latency":
            return seconds(value) if value else "0 s"
        case "intensity":
            return f"{value:.3g} FLOPs/B"
        case "macs":
            return f"{count(int(value))} MACs"
        case "flops":
            return f"{count(int(value))} FLOPs"
        case "weight_std":
            return f"± {value:.3g}"
        case "weight_max":
            return f"{value:.3g}"
        case "dead_channels":
            return plural(int(value), "dead channel")
        case _:
            return f"{count(int(value))} params"


_OF_WEIGHTS = {
    "weight_std": "standard deviation of trained weights",
    "weight_max": "largest magnitude of trained weights",
    "dead_channels": "dead channels (a kernel all zero, a gamma next to it)",
}


def _legend(quantity: str, scene: Scene) -> str:
    question, measured, example = scene.question, scene.measured, scene.example
    if quantity in OF_WEIGHTS and scene.weighed is not None:
        file = showable(scene.weighed.weights.path.name)
        return f"{_OF_WEIGHTS[quantity]} in {file}"
    images = f"one {example}" if question.batch == 1 else plural(question.batch, example)
    match quantity:
        case "latency":
            return f"measured latency of one batch ({measured.conditions if measured else ''})"
        case "params":
            return "params, trainable or not"
        case "macs":
            return f"MACs per {example}: {LEGEND['mac']}"
        case "flops":
            return f"FLOPs per {example} ({question.convention})"
        case "activations":
            return f"all layer outputs, {images}, {question.dtype}"
        case _:
            return (
                f"arithmetic intensity, FLOPs ({question.convention}) per byte moved, {images}, "
                f"{question.dtype}, nothing fused"
            )


def total(nodes: Iterable[Node], key: str) -> str | None:
    """Write the sum of one fact's values with every digit; None where no node has it.

    Where a part of it is unknown, the sum is the least that it can be.
    """
    nodes = tuple(nodes)
    values = numbers(nodes, key)
    least = "" if all(_known(node, key) == "whole" for node in nodes) else "at least "
    return f"{least}{grouped(int(sum(values.values())))}" if values else None


def numbers(nodes: Iterable[Node], key: str) -> dict[str, float]:
    """Collect one fact's values, by path of node; nodes without it are left out."""
    return {node.path: value for node in nodes if (value := _value(node, key)) is not None}
