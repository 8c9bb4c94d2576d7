"""Axes, points, constraints and the front of the design space.

A space is every combination of a block layout, a width multiplier and a resolution. Points are
numbered, layouts slowest, and evaluated a chunk at a time, so that ten million of them need the
memory of those that are kept.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

from rsinspect import paper
from rsinspect.base.errors import InvalidQuestion, InvalidSpec
from rsinspect.base.units import ITEM_BYTES
from rsinspect.base.words import near
from rsinspect.design_space.costs import Tables, tables, width_costs
from rsinspect.networks.named import parse_blocks
from rsinspect.networks.spec import MAX_BLOCKS, MAX_RESOLUTION, MIN_RESOLUTION, ResNetRSSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

CHUNK = 1_000_000
MOST_POINTS = 100_000_000
MOST_VALUES = 1_000_000  # of one axis
COLUMNS = (
    "params",
    "trainable_params",
    "macs",
    "flops",
    "activation_bytes",
    "peak_activation_bytes",
)
"""What is computed for each point."""

QUANTITIES = (*COLUMNS, "blocks", "width", "resolution")
"""What objectives and sorting may name; ``blocks`` is the number of all blocks."""

MOST_SAMPLED = 2000
"""Points of the sample that a chart shows behind the front."""

PRESETS = ("figure2", "figure3")
STAGES = ("c2", "c3", "c4", "c5")
AXES = ("depth", "blocks", *STAGES, "width", "resolution")


class Layout(NamedTuple):
    """A block layout and, where it has one, the depth that names it."""

    depth: int | None
    blocks: tuple[int, ...]


def grown_layout(depth: int) -> tuple[int, ...]:
    """A layout for any depth above 200, grown as the paper grows them.

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
            f"the layout rule starts above 200, not at {depth}",
            "up to 200 the layouts are 50, 101, 152 and 200; or give --axis blocks=3,4,6,3",
        )
    blocks = round((depth - 2) / 3)
    if blocks > MAX_BLOCKS:
        raise InvalidSpec(f"depth {depth} has {blocks} blocks; at most {MAX_BLOCKS} are built")
    third = round((blocks - 8) / 3)
    return 4, third, blocks - 8 - third, 4


def parse_axis(text: str) -> tuple[str, tuple[Any, ...]]:
    """``width=0.5:2:0.25`` or ``depth=50,101`` as a name and its values.

    A range has both ends and, of whole numbers, a step of 1 by default. Layouts of ``blocks`` are
    kept apart by ``;``.

    Raises:
        InvalidSpec: If the text is neither, or a value is out of range.

    >>> parse_axis("width=0.5:1:0.25")
    ('width', (0.5, 0.75, 1.0))
    >>> parse_axis("blocks=3,4,6,3;1,1,1,1")
    ('blocks', ((3, 4, 6, 3), (1, 1, 1, 1)))
    """
    name, equals, body = text.partition("=")
    name = name.strip()
    if not equals or not body.strip():
        raise InvalidSpec(f"{text!r} is not an axis", "write depth=50,101 or width=0.5:2:0.25")
    if name not in AXES:
        raise InvalidSpec(f"unknown axis {name!r}", near(name, list(AXES)))
    if name == "blocks":
        return name, tuple(parse_blocks(part) for part in body.split(";"))
    values = dict.fromkeys(v for part in body.split(",") for v in _values(name, part.strip(), text))
    return name, tuple(values)


def _values(name: str, part: str, text: str) -> Iterator[Any]:
    whole = name != "width"
    number = r"-?\d{1,9}" if whole else r"-?\d{1,9}(?:\.\d{1,9})?"
    match = re.fullmatch(rf"({number})(?::({number})(?::({number}))?)?", part)
    if match is None:
        kind = "whole numbers" if whole else "numbers"
        raise InvalidSpec(f"{text!r} is not an axis", f"write {kind}: {name}=1,2 or {name}=1:9:2")
    start, stop, step = (None if v is None else float(v) for v in match.groups())
    assert start is not None
    if stop is None:
        stop = start
    if step is None:
        if not whole and stop != start:
            raise InvalidSpec(f"{text!r} has no step", f"write {name}={match[1]}:{match[2]}:0.25")
        step = 1.0
    if step <= 0 or stop < start:
        raise InvalidSpec(f"{text!r} is an empty range", "write start:stop:step, rising")
    count = math.floor((stop - start) / step + 1e-9) + 1
    if count > MOST_VALUES:
        raise InvalidSpec(f"{text!r} has {count} values; an axis has at most {MOST_VALUES}")
    for i in range(count):
        value = start + i * step
        yield int(value) if whole else round(value, 9)


def preset_axes(name: str) -> dict[str, tuple[Any, ...]]:
    """Axes of a grid of the paper's scaling study; depth 26, whose layout nobody states, left out.

    Raises:
        InvalidSpec: If there is no such preset.
    """
    if name not in PRESETS:
        raise InvalidSpec(f"unknown preset {name!r}", near(name, list(PRESETS)))
    figure = paper.figure(int(name[-1]))
    return {
        "depth": tuple(d for d in figure["depths"] if d in paper.variants()),
        "width": tuple(figure["widths"]),
        "resolution": tuple(figure["resolutions"]),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """Every combination of its layouts, widths and resolutions.

    Attributes:
        layouts: Of as many stages each.
        widths: Multipliers.
        resolutions: Sides of square images.
        dialect: Whose wiring.

    Raises:
        InvalidSpec: If an axis is empty, a value cannot be built, layouts differ in their number of
            stages, or there are more than MOST_POINTS points.
    """

    layouts: tuple[Layout, ...]
    widths: tuple[float, ...] = (1.0,)
    resolutions: tuple[int, ...] = (224,)
    dialect: str = "keras"
    _blocks: Any = field(init=False, repr=False, compare=False)

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
        if self.size > MOST_POINTS:
            raise InvalidSpec(
                f"the space has {self.size:,} points; at most {MOST_POINTS:,} are evaluated",
                "use larger steps",
            )
        for side in self.resolutions:
            if not MIN_RESOLUTION <= side <= MAX_RESOLUTION:
                raise InvalidSpec(
                    f"resolution {side} is out of range; a side is {MIN_RESOLUTION} to "
                    f"{MAX_RESOLUTION} pixels"
                )
        blocks = np.array([layout.blocks for layout in self.layouts], dtype=np.int64)
        worst = self.layouts[int(blocks.sum(axis=1).argmax())].blocks
        least = self.layouts[int(blocks.min(axis=1).argmin())].blocks
        for layout in (worst, least):
            for width in (min(self.widths), max(self.widths)):
                self._spec(layout, width)
        object.__setattr__(self, "_blocks", blocks)

    @classmethod
    def of(
        cls, axes: Mapping[str, tuple[Any, ...]], *, dialect: str = "keras", rule: bool = False
    ) -> Space:
        """The space of those axes; without any, the published depths at the published sizes.

        Args:
            axes: By name, one of AXES each; layouts come from ``depth``, from ``blocks`` or from
                the stages ``c2`` to ``c5``, of which a missing one is ResNet-50's.
            dialect: Whose wiring.
            rule: Whether depths that the paper does not have get a layout (``grown_layout``).

        Raises:
            InvalidSpec: If axes contradict each other or a value cannot be built.
        """
        kinds = [k for k in ("depth", "blocks") if k in axes]
        if any(stage in axes for stage in STAGES):
            kinds.append("c2 to c5")
        if len(kinds) > 1:
            raise InvalidSpec(f"{' and '.join(kinds)} both give layouts", "use one of them")
        known = paper.variants()
        layouts: list[Layout]
        if "blocks" in axes:
            layouts = [Layout(None, blocks) for blocks in axes["blocks"]]
        elif "depth" in axes or not kinds:
            depths = axes.get("depth", tuple(d for d, v in known.items() if v.published))
            layouts = []
            for depth in depths:
                if depth in known:
                    layouts.append(Layout(depth, known[depth].blocks))
                elif rule:
                    layouts.append(Layout(depth, grown_layout(depth)))
                else:
                    raise InvalidSpec(
                        f"the paper has no layout of depth {depth}",
                        "its depths are "
                        + ", ".join(map(str, known))
                        + "; --layout-rule grows others",
                    )
        else:
            stages = [axes.get(s, (n,)) for s, n in zip(STAGES, known[50].blocks, strict=True)]
            if (count := math.prod(map(len, stages))) > MOST_POINTS:
                raise InvalidSpec(f"c2 to c5 make {count:,} layouts; at most {MOST_POINTS:,}")
            layouts = [Layout(None, blocks) for blocks in product(*stages)]
        if "resolution" in axes or axes:
            sides = axes.get("resolution", (224,))
        else:
            sides = tuple(sorted({s for v in known.values() for s in v.resolutions}))
        return cls(
            layouts=tuple(layouts),
            widths=tuple(axes.get("width", (1.0,))),
            resolutions=tuple(sides),
            dialect=dialect,
        )

    @property
    def size(self) -> int:
        """How many points there are."""
        return len(self.layouts) * len(self.widths) * len(self.resolutions)

    def _spec(self, blocks: tuple[int, ...], width: float) -> ResNetRSSpec:
        side = self.resolutions[0]
        return ResNetRSSpec.layout(
            blocks, dialect=self.dialect, width=width, resolution=(side, side), drop_path_rate=0.0
        )

    def spec(self, point: int) -> ResNetRSSpec:
        """The network of a point."""
        layout, width, side = self.point(point)
        return self._spec(layout.blocks, width).replace(resolution=(side, side), depth=layout.depth)

    def point(self, point: int) -> tuple[Layout, float, int]:
        """Layout, width and resolution of a point."""
        rest, side = divmod(point, len(self.resolutions))
        layout, width = divmod(rest, len(self.widths))
        return self.layouts[layout], self.widths[width], self.resolutions[side]


@dataclass(frozen=True, slots=True)
class Points:
    """Some points of a space, with what they cost.

    Attributes:
        space: Whose points.
        index: Their numbers.
        costs: By name of COLUMNS, a value a point.
    """

    space: Space
    index: Integers
    costs: Mapping[str, Integers]

    def __len__(self) -> int:
        return len(self.index)

    def quantity(self, name: str) -> Any:
        """One of QUANTITIES, a value a point."""
        import numpy as np

        sides, widths = len(self.space.resolutions), len(self.space.widths)
        match name:
            case "blocks":
                return self.space._blocks[self.index // (sides * widths)].sum(axis=1)
            case "width":
                return np.array(self.space.widths)[self.index // sides % widths]
            case "resolution":
                return np.array(self.space.resolutions)[self.index % sides]
            case _:
                return self.costs[name]

    def take(self, which: Any) -> Points:
        """Those of them that an index or a mask picks."""
        return Points(self.space, self.index[which], {k: v[which] for k, v in self.costs.items()})

    def outside(self, others: Points) -> Points:
        """Those of them that are not among others."""
        import numpy as np

        return self.take(~np.isin(self.index, others.index))

    @classmethod
    def joined(cls, parts: Sequence[Points]) -> Points:
        """All of them, at least one part."""
        import numpy as np

        return cls(
            parts[0].space,
            np.concatenate([p.index for p in parts]),
            {k: np.concatenate([p.costs[k] for p in parts]) for k in parts[0].costs},
        )


def chunks(
    space: Space,
    *,
    convention: str = "paper",
    batch: int = 1,
    dtype: str = "float32",
    chunk: int = CHUNK,
) -> Iterator[Points]:
    """All points of a space with their costs, so many at a time.

    Params are of the network, FLOPs and MACs of one image, bytes of ``batch`` images in ``dtype``.

    Raises:
        InvalidSpec: If a number would not fit in 64 bits.
        InvalidQuestion: If the convention or dtype is unknown.
    """
    import numpy as np

    if dtype not in ITEM_BYTES:
        raise InvalidQuestion(f"unknown dtype {dtype!r}", near(dtype, list(ITEM_BYTES)))
    item = ITEM_BYTES[dtype] * batch
    if item > 2**40:
        raise InvalidSpec(f"a batch of {batch} is too large", "at most 2^36 images")
    most = int(space._blocks.max())
    by_width: list[Tables] = []
    for width in space.widths:
        costs = width_costs(space._spec(space.layouts[0].blocks, width), convention)
        by_width.append(tables(costs, space.resolutions, most * item))
    base = {k: np.stack([t.base[k] for t in by_width]) for k in by_width[0].base}
    more = {k: np.stack([t.more[k] for t in by_width]) for k in by_width[0].more}
    peak = np.stack([t.peak for t in by_width])
    bits = 1 << np.arange(space._blocks.shape[1], dtype=np.int64)
    for start in range(0, space.size, chunk):
        index = np.arange(start, min(start + chunk, space.size), dtype=np.int64)
        rest, side = np.divmod(index, len(space.resolutions))
        layout, width_index = np.divmod(rest, len(space.widths))
        blocks = space._blocks[layout]
        found = {}
        for name in base:
            total = base[name][width_index, side]
            rows = more[name][width_index, side]
            for stage in range(blocks.shape[1]):
                total = total + (blocks[:, stage] - 1) * rows[:, stage]
            found[name] = total
        has = ((blocks > 1) * bits).sum(axis=1)
        outputs = found.pop("outputs")
        found["activation_bytes"] = outputs * item
        found["peak_activation_bytes"] = peak[width_index, side, has] * item
        yield Points(space, index, {name: found[name] for name in COLUMNS})


class Objective(NamedTuple):
    """What is better: more or less of one of QUANTITIES."""

    column: str
    largest: bool

    def __str__(self) -> str:
        return f"{'max' if self.largest else 'min'}:{self.column}"


DEFAULT_OBJECTIVES = "max:params,min:flops"


def parse_objectives(text: str) -> tuple[Objective, ...]:
    """``max:params,min:flops`` as two objectives, and so on for three.

    Raises:
        InvalidSpec: If the text is not two or three of them, each of another quantity.
    """
    found = []
    for part in text.split(","):
        way, colon, column = part.strip().partition(":")
        if not colon or way not in ("min", "max"):
            raise InvalidSpec(f"{part.strip()!r} is not an objective", "write max:params,min:flops")
        found.append(Objective(_column(column), way == "max"))
    if len(found) not in (2, 3) or len({objective.column for objective in found}) < len(found):
        raise InvalidSpec(f"{text!r} is not two or three objectives", "write max:params,min:flops")
    return tuple(found)


def _column(name: str) -> str:
    if name not in QUANTITIES:
        raise InvalidSpec(f"unknown quantity {name!r}", near(name, list(QUANTITIES)))
    return name


def front(points: Points, objectives: Sequence[Objective]) -> Any:
    """Mask of the points that none beats: as good in two or three objectives, better in one.

    Of three, the one with the fewest values is taken value by value from the best, and what remains
    is two: those of a value that an earlier value's points do not match in both.
    """
    import numpy as np

    found = np.zeros(len(points), dtype=bool)
    if not len(points):
        return found
    *steps, one, two = sorted(
        (points.quantity(o.column) * (-1 if o.largest else 1) for o in objectives),
        key=lambda values: len(np.unique(values)),
    )  # less is better
    if not steps:
        return _front_of_two(one, two)
    order = np.argsort(steps[0], kind="stable")
    ends = np.flatnonzero(np.diff(steps[0][order])) + 1
    reached_one = reached_two = np.zeros(0, dtype=one.dtype)  # one rises, two falls
    for group in np.split(order, ends):
        group = group[_front_of_two(one[group], two[group])]
        if len(reached_one):
            place = np.searchsorted(reached_one, one[group], side="right") - 1
            group = group[(place < 0) | (reached_two[place] > two[group])]
        found[group] = True
        ones, twos = np.r_[reached_one, one[group]], np.r_[reached_two, two[group]]
        stairs = np.lexsort((twos, ones))
        least = np.minimum.accumulate(twos[stairs])
        stairs = stairs[np.r_[True, least[1:] < least[:-1]]]
        reached_one, reached_two = ones[stairs], twos[stairs]
    return found


def _front_of_two(one: Any, two: Any) -> Any:
    """Mask of the front of two quantities of which less is better."""
    import numpy as np

    order = np.lexsort((two, one))
    first, second = one[order], two[order]
    starts = np.flatnonzero(np.r_[True, first[1:] != first[:-1]])
    group = np.cumsum(np.r_[True, first[1:] != first[:-1]]) - 1
    best = second[starts]  # of each group of equal first objective
    before = np.minimum.accumulate(best)[:-1]  # of the groups that are better in the first
    beaten = np.r_[False, best[1:] >= before]
    mask = np.zeros(len(one), dtype=bool)
    mask[order] = (second == best[group]) & ~beaten[group]
    return mask


class Bounds(NamedTuple):
    """Constraints: least and most of some columns."""

    least: Mapping[str, float]
    most: Mapping[str, float]

    def mask(self, points: Points) -> Any:
        """Which points are within."""
        import numpy as np

        inside = np.ones(len(points), dtype=bool)
        for column, value in self.least.items():
            inside &= points.costs[column] >= value
        for column, value in self.most.items():
            inside &= points.costs[column] <= value
        return inside


class Found(NamedTuple):
    """What a search kept.

    Attributes:
        points: Those kept, sorted.
        pareto: Which of them are on the front of all feasible points.
        evaluated: How many points there are.
        feasible: How many of them are within the bounds.
        front: All points on the front, whether they are kept or not.
        sample: Some feasible points, spread over the whole space; all, if there are few.
    """

    points: Points
    pareto: Any
    evaluated: int
    feasible: int
    front: Points
    sample: Points


def search(
    space: Space,
    *,
    bounds: Bounds,
    objectives: Sequence[Objective],
    only_front: bool = False,
    sort: str | None = None,
    top: int | None = None,
    convention: str = "paper",
    batch: int = 1,
    dtype: str = "float32",
    progress: Callable[[int], None] | None = None,
    chunk: int = CHUNK,
) -> Found:
    """Evaluate a space and keep what was asked for.

    Args:
        space: What to evaluate.
        bounds: Points outside are not feasible.
        objectives: Of the front.
        only_front: Keep the front alone.
        sort: Column to sort by, smallest first; with ``-`` before it largest first. In the order of
            the axes by default.
        top: Keep the first so many.
        convention: What a FLOP is.
        batch: Images, for bytes.
        dtype: Of activations, for bytes.
        progress: Told after each chunk how many points are done.
        chunk: Points at a time.

    Raises:
        InvalidSpec: If ``sort`` names no column or a number would not fit in 64 bits.
    """
    import numpy as np

    key = None if sort is None else (_column(sort.removeprefix("-")), sort.startswith("-"))

    def ordered(points: Points) -> Points:
        if key is None:
            return points.take(slice(0, top))
        values = points.quantity(key[0]) * (-1 if key[1] else 1)
        return points.take(np.argsort(values, kind="stable")[:top])

    best: Points | None = None
    kept: list[Points] = []
    sampled: list[Points] = []
    feasible = done = 0
    for points in chunks(space, convention=convention, batch=batch, dtype=dtype, chunk=chunk):
        done += len(points)
        inside = points.take(bounds.mask(points))
        feasible += len(inside)
        both = inside if best is None else Points.joined([best, inside])
        best = both.take(front(both, objectives))
        sampled.append(inside.take(_sampled(inside.index, space.size)))
        if not only_front:
            kept.append(inside if top is None else ordered(inside))
        if progress is not None:
            progress(done)
    assert best is not None
    result = ordered(best if only_front else Points.joined(kept))
    on_front = np.isin(result.index, best.index)
    return Found(result, on_front, done, feasible, best, Points.joined(sampled))


def _sampled(index: Any, size: int) -> Any:
    """Mask of about MOST_SAMPLED of ``size`` points, by multiples of the golden ratio.

    Every so many-th point would always have the same resolution.
    """
    import numpy as np

    if size <= MOST_SAMPLED:
        return np.ones(len(index), dtype=bool)
    spread = index.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)  # wraps round
    return spread < np.uint64(2**64 * MOST_SAMPLED // size)
