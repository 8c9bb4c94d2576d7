"""Heat: a scene coloured by a quantity of the graph, or by a measured latency.

Values are written in the nodes with their share of the whole; the colour runs linearly from zero to
the largest value shown, so a colour is a number that the legend can state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from rsinspect.base.errors import UnknownPicture
from rsinspect.base.units import binary_bytes, count, percent, seconds
from rsinspect.base.words import near
from rsinspect.drawing.scene import Fact, Grid, GridRow, Heat, Legend, Node, Panel, Scene
from rsinspect.drawing.tree import blocks_of_run
from rsinspect.layers.cost import LEGEND

QUANTITIES = ("params", "macs", "flops", "activations", "intensity", "latency")
WHOLE_STAGE = ", all its rows"
_KEYS = {"activations": "activation_bytes", "latency": "latency_s"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Latencies of parts of the network.

    Attributes:
        latency_s: Seconds for one batch, by path of stage or block.
        conditions: Batch, precision, backend and device, in words.
    """

    latency_s: Mapping[str, float]
    conditions: str

    def latency_of(self, path: str) -> float | None:
        """Seconds of a node: measured, or the sum of the blocks it stands for; None for neither.

        >>> run = Measured(latency_s={"c2/block0": 3.0, "c2/block1": 2.0}, conditions="")
        >>> run.latency_of("c2/block0-1"), run.latency_of("c2"), run.latency_of("c2/block0/conv1")
        (5.0, 5.0, None)
        """
        if path in self.latency_s:
            return self.latency_s[path]
        blocks = blocks_of_run(path)
        if "/" not in path:
            blocks = tuple(known for known in self.latency_s if known.startswith(f"{path}/"))
        if not blocks or not all(block in self.latency_s for block in blocks):
            return None
        return sum(self.latency_s[block] for block in blocks)


def check_quantity(name: str, measured: bool) -> None:
    """Refuse an unknown quantity, and a latency that nobody measured.

    Raises:
        UnknownPicture: With the remedy.
    """
    if name not in QUANTITIES:
        raise UnknownPicture(f"unknown quantity {name!r}", near(name, list(QUANTITIES)))
    if name == "latency" and not measured:
        raise UnknownPicture(
            "a latency is measured, not computed",
            "rsinspect profile MODEL --save run.json, then --profile run.json --color latency",
        )


def with_latency(scene: Scene, measured: Measured) -> Scene:
    """The scene with a measured latency among the facts of each node that has one."""

    def known(path: str, facts: tuple[Fact, ...]) -> tuple[Fact, ...]:
        if (value := measured.latency_of(path)) is None:
            return facts
        return (*facts, Fact(key="latency_s", value=value, text=f"{seconds(value)} measured"))

    def row(old: GridRow, rows: tuple[GridRow, ...]) -> GridRow:
        """A stage of several rows was measured as a whole: its first row says so."""
        facts = known(old.path, old.facts)
        if len(facts) > len(old.facts) and any(r.path.startswith(f"{old.path}/") for r in rows):
            facts = (*facts[:-1], replace(facts[-1], text=f"{facts[-1].text}{WHOLE_STAGE}"))
        return replace(old, facts=facts)

    def node(old: Node) -> Node:
        return replace(
            old, facts=known(old.path, old.facts), children=tuple(map(node, old.children))
        )

    def panel(old: Panel) -> Panel:
        grid = old.grid and Grid(
            heads=old.grid.heads,
            rows=tuple(row(each, old.grid.rows) for each in old.grid.rows),
        )
        return replace(old, nodes=tuple(map(node, old.nodes)), grid=grid)

    return replace(scene, panels=tuple(map(panel, scene.panels)))


def overlay(
    scene: Scene, quantity: str, *, convention: str, measured: Measured | None = None
) -> Scene:
    """The scene coloured by a quantity, with a legend.

    Where a picture has grids, their rows are coloured and the diagrams beside them are not: these
    show one block, the rows whole stages.

    Raises:
        UnknownPicture: If the quantity is unknown or not measured.
    """
    check_quantity(quantity, measured is not None)
    if measured is not None:
        scene = with_latency(scene, measured)
    key = _KEYS.get(quantity, quantity)
    grids = [panel.grid for panel in scene.panels if panel.grid is not None]
    hot: list[Node | GridRow] = [row for grid in grids for row in grid.rows]
    outermost: list[list[Node | GridRow]] = [list(grid.rows) for grid in grids]
    if not grids:
        hot = [each for panel in scene.panels for node in panel.nodes for each in _hot(node, key)]
        outermost = [list(panel.nodes) for panel in scene.panels]
    hottest = max((value for item in hot if (value := _value(item, key)) is not None), default=0)
    whole = max(sum(_value(item, key) or 0 for item in items) for items in outermost)

    def heat(item: Node | GridRow) -> Heat | None:
        value = _value(item, key)
        if value is None:
            return None
        text = _words(quantity, value)
        if quantity != "intensity" and whole:
            text += f" ({percent(value / whole)})"
        if any(fact.text.endswith(WHOLE_STAGE) for fact in item.facts) and quantity == "latency":
            text += WHOLE_STAGE
        return Heat(level=min(1.0, value / hottest) if hottest else 0.0, text=text, value=value)

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
            title=_legend(quantity, convention, measured),
            low=_words(quantity, 0),
            high=_words(quantity, hottest),
        ),
    )


def _hot(node: Node, key: str) -> list[Node]:
    """The innermost nodes shown that have a value: what was measured per stage is a stage's."""
    inside = [each for child in node.children if node.open for each in _hot(child, key)]
    return inside or ([node] if _value(node, key) is not None else [])


def _value(item: Node | GridRow, key: str) -> float | None:
    return next((_number(fact) for fact in item.facts if fact.key == key), None)


def _number(fact: Fact) -> float | None:
    return None if isinstance(fact.value, str) else fact.value


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
        case _:
            return f"{count(int(value))} params"


def _legend(quantity: str, convention: str, measured: Measured | None) -> str:
    match quantity:
        case "latency":
            return f"measured latency of one batch ({measured.conditions if measured else ''})"
        case "params":
            return "params, trainable and batch-norm statistics"
        case "macs":
            return f"MACs per image: {LEGEND['mac']}"
        case "flops":
            return f"FLOPs per image ({convention})"
        case "activations":
            return "all layer outputs, one image, float32"
        case _:
            return (
                f"arithmetic intensity, FLOPs ({convention}) per byte moved, one image, float32, "
                "nothing fused"
            )


def numbers(nodes: Iterable[Node], key: str) -> dict[str, float]:
    """The value of one fact, by path of node; nodes without it are left out."""
    return {node.path: value for node in nodes if (value := _value(node, key)) is not None}
