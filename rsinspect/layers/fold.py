"""Which repeats are alike, and in what, decided by what they are and not by what they are called.

Two groups (blocks) are identical when their layers, one by one, have the same ops with the same
configuration, the same shapes and the same connections. They are identical in inference when they
differ in the rates of dropout and drop path alone, and of one form when they differ in widths too,
which grow from each to the next in a DenseNet. Every repeat has weights of its own, unless its
layers say that they share another's; folding says that blocks are alike, never that they share
anything.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal, NamedTuple

from rsinspect.layers import ops
from rsinspect.layers.cost import Cost, layers_cost
from rsinspect.layers.graph import LayerGraph
from rsinspect.layers.structure import Group, Stage, structure_of

Likeness = Literal["identical", "inference", "growing", "form"]
"""In what neighbours are alike: in everything; in all but rates of dropout and drop path; in ops,
kernels, strides and connections, but not in widths (so that neither cost nor shape repeats), each
wider than the one before; likewise, with widths that only differ."""

IN_WORDS: dict[Likeness, str] = {
    "identical": "identical",
    "inference": "identical but for drop rates",
    "growing": "of one form, growing width",
    "form": "of one form, other widths",
}
"""What is said of blocks in a list."""


class Run(NamedTuple):
    """Neighbouring groups that are alike.

    Attributes:
        groups: The groups, in order; at least one.
        likeness: In what they are alike. Only where that is not the form alone does the first stand
            for the others.
    """

    groups: tuple[Group, ...]
    likeness: Likeness = "form"

    @property
    def first(self) -> Group:
        """Return the first block, which stands for all where they are identical."""
        return self.groups[0]

    @property
    def repeats(self) -> int:
        """Count the blocks."""
        return len(self.groups)

    @property
    def is_uniform(self) -> bool:
        """Tell whether the cost and the shapes of one block are those of each."""
        return self.likeness in ("identical", "inference") or len(self.groups) == 1

    @property
    def shares(self) -> bool:
        """Tell whether the blocks use weights of earlier layers."""
        return any(layer.shares is not None for layer in self.first.layers)

    def cost(self, graph: LayerGraph) -> Cost:
        """Add up the cost of all blocks, for one image."""
        if self.is_uniform:
            return layers_cost(graph, self.first.layers) * self.repeats
        return Cost.total(layers_cost(graph, group.layers) for group in self.groups)

    @property
    def span(self) -> str:
        """Write the path of the first, to the number of the last: ``c4/block1-22``.

        >>> Run((Group("c4/block1", ()), Group("c4/block2", ()))).span
        'c4/block1-2'
        """
        return span([group.path for group in self.groups])

    @property
    def paths(self) -> tuple[str, ...]:
        """List the paths of all blocks."""
        return tuple(group.path for group in self.groups)


def span(paths: Sequence[str]) -> str:
    """Call some neighbours by one name: the first's, to the number of the last.

    >>> span(["c4/block1", "c4/block2"]), span(["stem"]), span(["left", "right"])
    ('c4/block1-2', 'stem', 'left to right')
    >>> span(["block2b", "block2c", "block2d"])
    'block2b-d'
    """
    if len(paths) == 1:
        return paths[0]
    parts = [re.fullmatch(r"(.*?)(\d+|(?<=\d)[a-z])", path) for path in (paths[0], paths[-1])]
    if parts[0] is None or parts[1] is None or parts[0][1] != parts[1][1]:
        return f"{paths[0]} to {paths[-1]}"
    return f"{paths[0]}-{parts[1][2]}"


def _whole(op: ops.Op) -> ops.Op:
    return op


@lru_cache(maxsize=4096)
def without_rate(op: ops.Op) -> ops.Op:
    """Set the rate of a dropout or drop path to zero: it makes no difference in inference."""
    return op._replace(rate=0.0) if isinstance(op, ops.Dropout | ops.DropPath) else op


_WIDTHS = frozenset(
    ("in_channels", "filters", "channels", "units", "groups", "slopes", "shape", "rate", "scale",
     "mean", "variance", "adapted", "weights", "constants")
)  # fmt: skip
"""Fields of an op that are no part of its form."""


@lru_cache(maxsize=4096)
def _form(op: ops.Op) -> object:
    """Write an op without its widths; a convolution of every channel by itself stays one."""
    depthwise = isinstance(op, ops.Conv2D) and 1 < op.groups == op.in_channels
    fields: Iterable[tuple[str, Any]] = op._asdict().items()
    return depthwise, [value for name, value in fields if name not in _WIDTHS]


def _likeness(
    graph: LayerGraph, group: Group, of: Callable[[ops.Op], object]
) -> tuple[object, ...]:
    """What a group is, whatever it is called: equal for groups that are alike, and no others.

    Ops and shapes in order, and for each input the position of its layer in the group, or the shape
    that is read from outside; which layers are frozen, and which share weights.

    Args:
        graph: Whose group it is.
        group: The group.
        of: What counts of an op.
    """
    layers = group.layers
    position = {layer.path: index for index, layer in enumerate(layers)}
    size = _size if of is _form else _shape
    return (
        group.is_block,
        [of(layer.op) for layer in layers],
        [size(layer.shape) for layer in layers],
        [
            [position[path] if path in position else size(graph.layer(path).shape) for path in x[2]]
            for x in layers
        ],
        [
            (x.shares and position.get(x.shares, "outside"), x.frozen)
            for x in layers
            if x.shares is not None or x.frozen
        ],
    )


def _shape(shape: ops.TensorShape) -> tuple[int, ...]:
    return shape


def _size(shape: ops.TensorShape) -> tuple[int, ...]:
    return shape[:-1]


def fold(graph: LayerGraph, groups: Iterable[Group]) -> tuple[Run, ...]:
    """Group neighbours that are alike, first those that are identical.

    >>> from rsinspect.networks.resnet_rs import build_graph
    >>> from rsinspect.networks.spec import ResNetRSSpec
    >>> graph = build_graph(ResNetRSSpec.variant(101))
    >>> c4 = structure_of(graph).stage("c4")
    >>> [run.span for run in fold(graph, c4.groups)]
    ['c4/block0', 'c4/block1-22']
    """
    runs = repeats_of(graph, groups)
    return tuple(_joined(graph, runs, "form", _form)) if len(runs) > 1 else runs


def repeats_of(graph: LayerGraph, groups: Iterable[Group]) -> tuple[Run, ...]:
    """Group neighbours that are identical, in inference at least, and no others."""
    runs = [Run((group,), "identical") for group in groups]
    if len(runs) > 1:
        runs = _joined(graph, runs, "identical", _whole)
    if len(runs) > 1:
        runs = _joined(graph, runs, "inference", without_rate)
    return tuple(runs)


def _joined(
    graph: LayerGraph, runs: Sequence[Run], likeness: Likeness, of: Callable[[ops.Op], object]
) -> list[Run]:
    """Join neighbouring runs that are alike in one respect.

    Those of one form leave runs of several identical blocks as they are, which say more.
    """
    joined: list[Run] = []
    before: tuple[object, ...] | None = None
    for run in runs:
        stays = likeness == "form" and run.repeats >= _TELLING
        what = None if stays else _likeness(graph, run.first, of)
        if what is not None and what == before:
            groups = joined[-1].groups + run.groups
            joined[-1] = Run(
                groups, "growing" if likeness == "form" and _grow(groups) else likeness
            )
        else:
            joined.append(run)
        before = what
    return joined


_TELLING = 3
"""So many identical blocks are worth a row of their own."""


def _grow(groups: Sequence[Group]) -> bool:
    """Tell whether each group has more channels than the one before."""
    widths = [group.layers[-1].shape.channels for group in groups]
    return all(before < after for before, after in pairwise(widths))


class FoldedStage(NamedTuple):
    """A stage with its identical neighbours together.

    Attributes:
        stage: The stage.
        runs: Its blocks, folded; a stage without blocks is one run.
    """

    stage: Stage
    runs: tuple[Run, ...]

    def cost(self, graph: LayerGraph) -> Cost:
        """Add up the cost of the whole stage, for one image."""
        return Cost.total(run.cost(graph) for run in self.runs)


def fold_stages(graph: LayerGraph) -> tuple[FoldedStage, ...]:
    """List every stage in order, with its blocks folded."""
    return graph.derived(_fold_stages)


def _fold_stages(graph: LayerGraph) -> tuple[FoldedStage, ...]:
    return tuple(
        FoldedStage(stage, fold(graph, stage.groups)) for stage in structure_of(graph).stages
    )


def unfold(runs: Iterable[Run]) -> tuple[Group, ...]:
    """List all groups again, in order."""
    return tuple(group for run in runs for group in run.groups)


def whole_cost(graph: LayerGraph) -> Cost:
    """Compute the cost of a whole graph, for one image; once per graph, run by run."""
    return graph.derived(_whole_cost)


def _whole_cost(graph: LayerGraph) -> Cost:
    return Cost.total(folded.cost(graph) for folded in fold_stages(graph))
