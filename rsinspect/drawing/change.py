"""A scene coloured by how much slower or faster each part became.

What the interval does not tell from no change has the colour of none, whatever its ratio; signs
stand in the text, so that nothing hangs on colour. Colours run over equal factors to both sides, up
to the largest change that is shown.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from rsinspect.base.units import changed_by
from rsinspect.drawing.scene import Fact, Heat, Legend, Node, Panel, Scene

KEY = "latency_ratio"
_LEAST = 1.05
"""The factor that the ends of the colours stand for at least: a change of nothing looks small."""


class Change(NamedTuple):
    """How many times as long a part of the second takes as the same part of the first.

    Attributes:
        ratio: The best guess.
        interval: Within which it lies in 95 %; None with too few samples.
    """

    ratio: float
    interval: tuple[float, float] | None

    @property
    def is_shown(self) -> bool:
        """Tell whether the interval leaves no change out."""
        return self.interval is not None and not self.interval[0] <= 1 <= self.interval[1]

    @property
    def text(self) -> str:
        """Write the change, then its interval.

        >>> Change(1.123, (1.08, 1.16)).text, Change(0.98, None).text
        ('+12.3 % (+8.0 to +16.0 %)', '−2.0 % (interval unknown)')
        """
        if self.interval is None:
            return f"{changed_by(self.ratio)} (interval unknown)"
        low, high = map(changed_by, self.interval)
        if high.endswith("%"):
            low = low.removesuffix(" %")
        return f"{changed_by(self.ratio)} ({low} to {high})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Changes of the parts of a scene.

    Attributes:
        parts: By name of the panel, then by path of the node.
        conditions: Of both measurements, and how they were compared.
    """

    parts: Mapping[str, Mapping[str, Change]]
    conditions: str


def changes_of(
    scene: Scene, change_of: Callable[[Node], Change | None], conditions: str
) -> Changes:
    """Collect the changes of the nodes of a scene.

    Args:
        scene: Whose nodes.
        change_of: Tells that of a node; None where it was not measured in both.
        conditions: Of both measurements.
    """
    parts: dict[str, dict[str, Change]] = {}
    for panel in scene.panels:
        found = parts.setdefault(panel.name, {})
        for node in panel.walk():
            if (change := change_of(node)) is not None:
                found[node.path] = change
    return Changes(parts=parts, conditions=conditions)


def with_changes(scene: Scene, changes: Changes) -> Scene:
    """Colour the scene by changes, and add a legend."""
    shown = [
        change
        for panel in scene.panels
        for node in panel.walk()
        if (change := changes.parts[panel.name].get(node.path)) is not None and change.is_shown
    ]
    most = max([abs(math.log(change.ratio)) for change in shown], default=0.0)
    most = max(most, math.log(_LEAST))

    def node(old: Node, parts: Mapping[str, Change]) -> Node:
        children = tuple(node(child, parts) for child in old.children)
        if (change := parts.get(old.path)) is None:
            return replace(old, heat=None, children=children)
        part = math.log(change.ratio) / most if change.is_shown else 0.0
        heat = Heat(
            key=KEY,
            level=min(1.0, max(0.0, (1 + part) / 2)),
            part=min(1.0, abs(part)),
            text=change.text,
            value=change.ratio,
            scale="change",
        )
        facts = old.facts
        if all(fact.key != KEY for fact in facts):
            words = f"{change.text} change of latency"
            facts = (*facts, Fact(key=KEY, value=change.ratio, text=words))
        return replace(old, heat=heat, facts=facts, children=children)

    def panel(old: Panel) -> Panel:
        parts = changes.parts[old.name]
        return replace(old, nodes=tuple(node(each, parts) for each in old.nodes))

    return replace(
        scene,
        panels=tuple(map(panel, scene.panels)),
        changes=changes,
        legend=Legend(
            key=KEY,
            title=f"change of latency and its 95 % interval ({changes.conditions}); the colour of "
            "the middle: no change shown",
            low=changed_by(math.exp(-most)),
            high=changed_by(math.exp(most)),
            scale="change",
        ),
    )
