"""A design space: every combination of block layouts, width multipliers and resolutions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from rsinspect import paper
from rsinspect.base import limits
from rsinspect.base.errors import InvalidSpec
from rsinspect.base.units import grouped
from rsinspect.base.words import Option, advice, shown
from rsinspect.design_space.axes import STAGES, Layout, grown_layout
from rsinspect.networks.spec import ResNetRSSpec

MOST_POINTS = 10_000_000
"""Ten to twenty seconds of arithmetic, and a gigabyte and a half where all of them are kept."""
MOST_LAYOUTS = 1_000_000
MOST_WIDTHS = 200
"""Each takes three small graphs, ten to twenty milliseconds."""
MOST_SIZES = 20_000
"""Widths times resolutions: of each pair the costs of a stage are worked out on their own."""


def _too_many(number: int, noun: str, most: int) -> InvalidSpec:
    many = noun.replace("pair", "pairs") if noun.startswith("pair") else f"{noun}s"
    return InvalidSpec(
        f"the space has {grouped(number)} {many}; at most {grouped(most)} are evaluated",
        "use larger steps or shorter ranges",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """Every combination of its layouts, widths and resolutions.

    Attributes:
        layouts: Of as many stages each.
        widths: Multipliers.
        resolutions: Sides of square images.
        dialect: Whose wiring.
        blocks: The layouts as an array, a row each.

    Raises:
        InvalidSpec: If an axis is empty, a value cannot be built, layouts differ in their number of
            stages, or there are more points, layouts or widths than can be evaluated at once.
    """

    layouts: tuple[Layout, ...]
    widths: tuple[float, ...] = (1.0,)
    resolutions: tuple[int, ...] = (224,)
    dialect: str = "keras"
    blocks: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        import numpy as np

        for what, values in (
            ("layout", self.layouts), ("width", self.widths), ("resolution", self.resolutions),
        ):  # fmt: skip
            if not values:
                raise InvalidSpec(f"the space has no {what}")
        stages = {len(layout.blocks) for layout in self.layouts}
        if len(stages) > 1:
            raise InvalidSpec("the layouts have different numbers of stages")
        sizes = len(self.widths) * len(self.resolutions)
        for number, noun, most in (
            (len(self.layouts), "layout", MOST_LAYOUTS),
            (len(self.widths), "width", MOST_WIDTHS),
            (sizes, "pair of width and resolution", MOST_SIZES),
            (self.size, "point", MOST_POINTS),
        ):
            if number > most:
                raise _too_many(number, noun, most)
        for side in self.resolutions:
            limits.RESOLUTION.check(side, InvalidSpec)
        for factor in self.widths:
            limits.WIDTH.check(factor, InvalidSpec)
        blocks = np.array([layout.blocks for layout in self.layouts], dtype=np.int64)
        worst = self.layouts[int(blocks.sum(axis=1).argmax())].blocks
        least = self.layouts[int(blocks.min(axis=1).argmin())].blocks
        for layout in (worst, least):
            for width in (min(self.widths), max(self.widths)):
                self.sized(layout, width)
        object.__setattr__(self, "blocks", blocks)

    @classmethod
    def of(
        cls, axes: Mapping[str, tuple[Any, ...]], *, dialect: str = "keras", rule: bool = False
    ) -> Space:
        """Make the space of those axes; without any, the published depths at the published sizes.

        Args:
            axes: By name, one of AXES each; layouts come from ``depth``, from ``blocks`` or from
                the stages ``c2`` to ``c5``, of which a missing one is ResNet-50's.
            dialect: Whose wiring.
            rule: Whether depths that the paper does not have get a layout (``grown_layout``).

        Raises:
            InvalidSpec: If axes contradict each other or a value cannot be built.
        """
        known = paper.variants()
        published = tuple(sorted({side for v in known.values() for side in v.resolutions}))
        return cls(
            layouts=_layouts(axes, rule),
            widths=tuple(axes.get("width", (1.0,))),
            resolutions=tuple(axes.get("resolution", (224,))) if axes else published,
            dialect=dialect,
        )

    @property
    def size(self) -> int:
        """Count the points."""
        return len(self.layouts) * len(self.widths) * len(self.resolutions)

    def sized(self, blocks: tuple[int, ...], width: float) -> ResNetRSSpec:
        """Make a network of its dialect, at its first resolution."""
        side = self.resolutions[0]
        return ResNetRSSpec.layout(
            blocks, dialect=self.dialect, width=width, resolution=(side, side), drop_path_rate=0.0
        )

    def spec(self, point: int) -> ResNetRSSpec:
        """Make the spec of a point."""
        layout, width, side = self.point(point)
        return self.sized(layout.blocks, width).replace(resolution=(side, side), depth=layout.depth)

    def point(self, point: int) -> tuple[Layout, float, int]:
        """Return layout, width and resolution of a point."""
        rest, side = divmod(point, len(self.resolutions))
        layout, width = divmod(rest, len(self.widths))
        return self.layouts[layout], self.widths[width], self.resolutions[side]


def _layouts(axes: Mapping[str, tuple[Any, ...]], rule: bool) -> tuple[Layout, ...]:
    """Make the layouts that the axes give, from ``depth``, ``blocks`` or the stages."""
    kinds = [kind for kind in ("depth", "blocks") if kind in axes]
    if any(stage in axes for stage in STAGES):
        kinds.append("c2 to c5")
    if len(kinds) > 1:
        raise InvalidSpec(f"{' and '.join(kinds)} both give layouts", "use one of them")
    known = paper.variants()
    if "blocks" in axes:
        return tuple(Layout(None, blocks) for blocks in axes["blocks"])
    if "c2 to c5" in kinds:
        stages = [axes.get(s, (n,)) for s, n in zip(STAGES, known[50].blocks, strict=True)]
        if (count := math.prod(map(len, stages))) > MOST_LAYOUTS:
            raise _too_many(count, "layout", MOST_LAYOUTS)
        return tuple(Layout(None, blocks) for blocks in product(*stages))
    published = tuple(depth for depth, variant in known.items() if variant.published)
    return tuple(_layout(depth, rule) for depth in axes.get("depth", published))


def _layout(depth: int, rule: bool) -> Layout:
    known = paper.variants()
    if depth in known:
        return Layout(depth, known[depth].blocks)
    if rule:
        return Layout(depth, grown_layout(depth))
    raise InvalidSpec(
        f"the paper has no layout of depth {shown(depth)}",
        advice(
            f"its depths are {', '.join(map(str, known))}; {{}} grows others",
            Option("layout_rule"),
        ),
    )
