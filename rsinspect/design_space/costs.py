"""What many networks cost, by array arithmetic on exact integers.

Nothing about the wiring is known here. For a width, one small graph is built at three sizes and
each of its layers is asked through ``layers.cost`` what it counts: a quadratic in the side of
the map that the layer works on. That gives, for any resolution, the cost of the stem, of each
stage's first block, of each further block (they are all alike) and of the head; and a network is a
sum of these, linear in the numbers of blocks. The peak of the activation memory is the largest of
the moments of ``layers.liveness``, each of them a quadratic as well; a stage of one block has no
moments of a second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from rsinspect.base.errors import InvalidSpec
from rsinspect.layers import ops
from rsinspect.layers.cost import convention_weights, layer_cost
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.liveness import liveness
from rsinspect.layers.shapes import ceil_div
from rsinspect.layers.structure import structure_of
from rsinspect.networks.resnet_rs import build_graph
from rsinspect.networks.spec import ResNetRSSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

COUNTS = ("params", "trainable_params", "macs", "flops", "outputs")
"""What is counted; ``outputs`` are the elements of all layers' outputs."""

LARGEST = 2**63 - 1
_LEVELS = 10  # sides are halved at most once by each stride: stem 2, stages 7


class _Poly(NamedTuple):
    """Coefficients over the basis (side ** 2, side, 1) of each level, flattened."""

    terms: tuple[int, ...]

    def __add__(self, other: _Poly) -> _Poly:  # type: ignore[override]  # adds
        return _Poly(tuple(a + b for a, b in zip(self.terms, other.terms, strict=True)))

    def at(self, sides: Sequence[int]) -> int:
        """Evaluate the polynomial at those sides of the levels."""
        return sum(
            self.terms[3 * k] * s * s + self.terms[3 * k + 1] * s + self.terms[3 * k + 2]
            for k, s in enumerate(sides)
        )


ZERO = _Poly((0,) * (3 * _LEVELS))


def sides_of(resolution: int) -> tuple[int, ...]:
    """List the sides of the map after 0, 1, 2 ... halvings, rounded up.

    >>> sides_of(225)[:4]
    (225, 113, 57, 29)
    """
    sides = [resolution]
    while len(sides) < _LEVELS:
        sides.append(ceil_div(sides[-1], 2))
    return tuple(sides)


_SCALES = (1, 2, 3)
_UNIT = 2**_LEVELS


class _Samples(NamedTuple):
    """The same network at three sizes, whose sides are in the ratio of _SCALES at every level."""

    graphs: tuple[LayerGraph, ...]

    @classmethod
    def of(cls, spec: ResNetRSSpec) -> _Samples:
        sides = (scale * _UNIT for scale in _SCALES)
        return cls(tuple(build_graph(spec.replace(resolution=(side, side))) for side in sides))

    def level(self, layer: Layer) -> int | None:
        """Count the halvings of the image before a layer; None for a vector's layers."""
        graph = self.graphs[0]
        maps = [s for s in (layer.shape, *graph.input_shapes(layer)) if len(s) == 3]
        if isinstance(layer.op, ops.ZeroPad2D):
            maps = maps[1:]
        if not maps or maps[0].height == 1:
            maps = [s for s in maps if s.height > 1]
        return (_UNIT // maps[0].height).bit_length() - 1 if maps else None

    def poly(self, layer: Layer, values: Sequence[int]) -> _Poly:
        """Fit the quadratic through a layer's values at the three sizes."""
        level = self.level(layer)
        if level is None:
            level = 0
            if len(set(values)) > 1:
                raise AssertionError(f"{layer.path} depends on the size of no map")
        side = _UNIT >> level
        one, two, three = values
        square = Fraction(three - 2 * two + one, 2)
        linear = two - one - 3 * square
        terms = [0] * len(ZERO.terms)
        found = (square / side**2, linear / side, one - square - linear)
        for index, term in enumerate(found):
            if term.denominator != 1:
                raise AssertionError(f"{layer.path} has no whole coefficient: {term}")
            terms[3 * level + index] = int(term)
        return _Poly(tuple(terms))


class WidthCosts(NamedTuple):
    """What networks of one width cost, at any resolution and for any numbers of blocks.

    Attributes:
        base: Of each count, what there is with one block a stage.
        more: Of each stage and count, what one more block adds.
        moments: Of the liveness scan: the stages that need a second block for it, and what is
            alive.
    """

    base: Mapping[str, _Poly]
    more: tuple[Mapping[str, _Poly], ...]
    moments: tuple[tuple[frozenset[int], _Poly], ...]


def width_costs(spec: ResNetRSSpec, convention: str) -> WidthCosts:
    """Compute costs of the networks that differ from ``spec`` in blocks and resolution alone.

    Args:
        spec: Its blocks only say how many stages there are.
        convention: What a FLOP is.
    """
    stages = len(spec.blocks)
    weights = convention_weights(convention)
    samples = _Samples.of(spec.replace(blocks=(2,) * stages, depth=None))
    base = dict.fromkeys(COUNTS, ZERO)
    more = [dict.fromkeys(COUNTS, ZERO) for _ in range(stages)]
    sizes: dict[str, _Poly] = {}
    seconds = _second_blocks(samples.graphs[0])
    for layers in zip(*samples.graphs, strict=True):
        layer = layers[0]
        costs = [layer_cost(g, each) for g, each in zip(samples.graphs, layers, strict=True)]
        values = {
            "params": [c.params for c in costs],
            "trainable_params": [c.trainable_params for c in costs],
            "macs": [c.macs for c in costs],
            "flops": [sum(w * getattr(c, n) for n, w in weights.items()) for c in costs],
            "outputs": [c.outputs for c in costs],
        }
        second = seconds.get(layer.path)
        target = base if second is None else more[second]
        for name in COUNTS:
            target[name] += samples.poly(layer, values[name])
        sizes[layer.path] = samples.poly(layer, [one.shape.elements for one in layers])
    return WidthCosts(base, tuple(more), _moments(samples.graphs[0], seconds, sizes))


def _second_blocks(graph: LayerGraph) -> dict[str, int]:
    """Map each layer of a second block to the index of its stage, by path."""
    structure = structure_of(graph)
    stages = [stage for stage in structure.stages if stage.has_blocks]
    return {
        layer.path: index
        for index, stage in enumerate(stages)
        for group in stage.groups
        if group.number == 1
        for layer in group.layers
    }


def _moments(
    graph: LayerGraph, seconds: Mapping[str, int], sizes: Mapping[str, _Poly]
) -> tuple[tuple[frozenset[int], _Poly], ...]:
    """List distinct moments, without those that another exceeds at every resolution."""
    found: dict[tuple[frozenset[int], _Poly], None] = {}
    for path, alive in liveness(graph):
        second = seconds.get(path)
        total = ZERO
        for buffer in alive:
            total += sizes[buffer]
        found[frozenset(() if second is None else (second,)), total] = None
    return tuple(
        (needs, poly)
        for needs, poly in found
        if not any(
            other != poly
            and others <= needs
            and all(a <= b for a, b in zip(poly.terms, other.terms, strict=True))
            for others, other in found
        )
    )


class Tables(NamedTuple):
    """Costs of one width at several resolutions, as arrays.

    Attributes:
        base: By count: one value a resolution.
        more: By count: a row a resolution, a column a stage.
        peak: A row a resolution; a column for every set of stages that have a second block, the
            set read as a binary number, c2 lowest. Elements.
    """

    base: Mapping[str, Integers]
    more: Mapping[str, Integers]
    peak: Integers


def tables(costs: WidthCosts, resolutions: Sequence[int], most_blocks: int) -> Tables:
    """Compute the costs at those resolutions.

    Args:
        costs: Of one width.
        resolutions: Sides of square images.
        most_blocks: The largest number of blocks that a stage will have.

    Raises:
        InvalidSpec: If a network would cost more than fits in 64 bits.
    """
    import numpy as np

    stages = len(costs.more)
    base: dict[str, list[int]] = {name: [] for name in COUNTS}
    more: dict[str, list[list[int]]] = {name: [] for name in COUNTS}
    peaks = []
    for resolution in resolutions:
        sides = sides_of(resolution)
        for name in COUNTS:
            base[name].append(costs.base[name].at(sides))
            more[name].append([stage[name].at(sides) for stage in costs.more])
        moments = [(needs, poly.at(sides)) for needs, poly in costs.moments]
        peaks.append(
            [
                max(value for needs, value in moments if all(has >> stage & 1 for stage in needs))
                for has in range(2**stages)
            ]
        )
    for name in COUNTS:
        worst = max(
            (
                one + most_blocks * sum(rest)
                for one, rest in zip(base[name], more[name], strict=True)
            ),
            default=0,
        )
        if worst > LARGEST:
            raise InvalidSpec(
                f"the largest network of this space has more than 2^63 {name}",
                "narrow the axes",
            )
    return Tables(
        {name: np.array(values, dtype=np.int64) for name, values in base.items()},
        {
            name: np.array(values, dtype=np.int64).reshape(-1, stages)
            for name, values in more.items()
        },
        np.array(peaks, dtype=np.int64).reshape(-1, 2**stages),
    )
