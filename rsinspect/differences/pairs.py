"""Pair the layers of two networks, and say of each pair what differs and what that costs.

What stands at the same place in both is a pair (``differences.matching``). A pair is compared in
what it is (op), how it is configured (field by field), what comes out (shape) and what it reads.
Three things would drown a real difference and are kept apart from it:

* Size of the image. Shapes are compared as if both networks had the larger of the two images, so a
  shape counts as changed only where the wiring changes it. Costs stay those of each own image.
* What follows from a layer that only one side has. An input is followed through such layers to the
  nearest that both have: behind sixteen more blocks, c4 reads what it read before.
* Training. Drop path, dropout and the momentum of batch norm are regularisation that differs from
  depth to depth and does nothing in inference, nor does whether a layer is frozen:
  ``training_only``, unless a whole block is new.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, cast

from rsinspect.base.errors import InvalidSpec
from rsinspect.differences.changes import Change, changes_of
from rsinspect.differences.matching import By, Matching, matched, merged
from rsinspect.layers import ops
from rsinspect.layers.cost import Cost, layers_cost
from rsinspect.layers.document import one_function
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.ops import TensorShape
from rsinspect.layers.resize import resized
from rsinspect.layers.stages import is_automatic
from rsinspect.layers.structure import Group
from rsinspect.layers.wording import describe

Status = Literal["same", "added", "removed", "changed", "training_only"]
"""What became of a layer, block or stage on the way from a to b."""

STATUSES: tuple[Status, ...] = ("same", "added", "removed", "changed", "training_only")

Shapes = Mapping[str, TensorShape]
"""Of the output of each layer, by path."""

REGULARISERS = {"DropPath": "drop path", "Dropout": "dropout"}
"""Descriptions of ops that do nothing in inference."""


class FieldChange(NamedTuple):
    """One thing in which a layer differs.

    Attributes:
        field: ``op``, a field of the op (``use_bias``), ``output_shape``, ``inputs``, ``frozen`` or
            ``shares`` (the weights of another layer).
        a: Its value in a.
        b: Its value in b.
    """

    field: str
    a: Any
    b: Any


class LayerPair(NamedTuple):
    """One place in both graphs.

    Attributes:
        path: Of the layer in b, or in a where b has none.
        a: The layer in a, or None.
        b: The layer in b, or None.
        status: What became of it.
        changes: In which fields the two differ; empty where one is missing.
    """

    path: str
    a: Layer | None
    b: Layer | None
    status: Status
    changes: tuple[FieldChange, ...] = ()

    @property
    def telling(self) -> tuple[FieldChange, ...]:
        """List the fields that matter in inference, or all where none does."""
        trains = () if self.b is None else _training_fields(self.b.op)
        return tuple(c for c in self.changes if c.field not in trains) or self.changes


class BlockPair(NamedTuple):
    """A block, or a part of a chain, in both graphs.

    Attributes:
        a: The block in a, or None.
        b: The block in b, or None.
        status: What became of it; ``added`` or ``removed`` only as a whole.
        layers: All layers of either. A layer that stands in different blocks is in b's.
    """

    a: Group | None
    b: Group | None
    status: Status
    layers: tuple[LayerPair, ...]

    @property
    def group(self) -> Group:
        """Return the block in b, or in a where b has none."""
        return cast("Group", self.b or self.a)

    @property
    def path(self) -> str:
        """Return the path of the block in b, or in a where b has none."""
        return self.group.path

    @property
    def path_a(self) -> str | None:
        """Return the path of the block in a, if a has it."""
        return None if self.a is None else self.a.path

    def name_of(self, layer: LayerPair) -> str:
        """Name a layer within the block, without the number that Keras gave it."""
        group = self.a if layer.b is None else self.b
        name = (group or self.group).name_of(layer.path)
        return re.sub(r"_\d+$", "", name) if is_automatic(name.rpartition("/")[2]) else name


class StagePair(NamedTuple):
    """A stage in both graphs.

    Attributes:
        path: Of the stage in b, or in a where b has none.
        path_a: Of the stage in a; None where a has none.
        status: What became of it.
        blocks: All blocks of either; the stage itself where it has none.
        cost_a: Of the stage in a, for one image; zero where it is missing.
        cost_b: Likewise in b.
    """

    path: str
    path_a: str | None
    status: Status
    blocks: tuple[BlockPair, ...]
    cost_a: Cost
    cost_b: Cost

    @property
    def label(self) -> str:
        """Return the path, or both where they are two."""
        return self.path if self.path_a in (None, self.path) else f"{self.path_a} -> {self.path}"

    @property
    def is_counted(self) -> bool:
        """Tell whether the difference in operations is known: what is not counted is the same."""
        return all(
            layer.status == "same"
            or not any(
                side is not None and isinstance(side.op, ops.Opaque) for side in (layer.a, layer.b)
            )
            for layer in self.layers
        )

    @property
    def layers(self) -> tuple[LayerPair, ...]:
        """List all layers of either."""
        return tuple(layer for block in self.blocks for layer in block.layers)

    @property
    def has_blocks(self) -> bool:
        """Tell whether the stage consists of blocks in either graph."""
        return any(block.group.is_block for block in self.blocks)


@dataclass(frozen=True, slots=True)
class Comparison:
    """How b differs from a.

    Attributes:
        a: The one.
        b: The other.
        stages: Every stage of either, in the order of the forward pass. Together their blocks have
            every path of either graph once.
        image: Height and width at which shapes were compared; None where one of the networks does
            not take one image, or none of that size, and shapes were compared as they are.
        by: How places were found: by paths, by the wiring of one network under other names, or by
            likeness.
    """

    a: LayerGraph
    b: LayerGraph
    stages: tuple[StagePair, ...]
    image: tuple[int, int] | None
    by: By = "path"

    @property
    def blocks(self) -> tuple[BlockPair, ...]:
        """List every block (and stage without blocks) of either."""
        return tuple(block for stage in self.stages for block in stage.blocks)

    @property
    def layers(self) -> tuple[LayerPair, ...]:
        """List every layer of either."""
        return tuple(layer for block in self.blocks for layer in block.layers)

    @property
    def counterparts(self) -> int:
        """Count the places that both networks have."""
        return sum(layer.a is not None and layer.b is not None for layer in self.layers)

    @property
    def likeness(self) -> float:
        """Say which part of the smaller network is in the other, what is changed counting half."""
        alike = [layer for layer in self.layers if layer.a is not None and layer.b is not None]
        changed = sum(layer.status == "changed" for layer in alike)
        return (len(alike) - changed / 2) / min(len(self.a), len(self.b))

    @property
    def is_counted(self) -> bool:
        """Tell whether the difference in operations is known."""
        return all(stage.is_counted for stage in self.stages)

    @property
    def cost_a(self) -> Cost:
        """Compute the cost of the whole of a, for one image."""
        return Cost.total(stage.cost_a for stage in self.stages)

    @property
    def cost_b(self) -> Cost:
        """Compute the cost of the whole of b, for one image."""
        return Cost.total(stage.cost_b for stage in self.stages)

    @property
    def changes(self) -> tuple[Change, ...]:
        """List differences inside the blocks of both networks; those of most layers first."""
        return changes_of(self.blocks)


def compare(a: LayerGraph, b: LayerGraph) -> Comparison:
    """Find how b differs from a, layer by layer.

    >>> from rsinspect.networks.resnet_rs import build_graph
    >>> from rsinspect.networks.spec import ResNetRSSpec
    >>> a, b = (build_graph(ResNetRSSpec.variant(depth)) for depth in (152, 200))
    >>> added = [block.path for block in compare(a, b).blocks if block.status == "added"]
    >>> len(added), added[0], added[-1]
    (16, 'c3/block8', 'c3/block23')
    """
    matching = matched(a, b)
    image, shapes = _shapes(a, b)
    stages_b = matching.stages
    stages_a = {other: one for one, other in stages_b.items()}
    stages: dict[tuple[str | None, str | None], list[BlockPair]] = {}
    for block in _Pairs(a, b, matching, shapes).blocks():
        stage = block.group.stage
        both = (stage, stages_b.get(stage)) if block.b is None else (stages_a.get(stage), stage)
        stages.setdefault(both, []).append(block)
    return Comparison(
        a,
        b,
        tuple(
            StagePair(
                path=in_b or in_a or "",
                path_a=in_a,
                status=_status_of([block.status for block in blocks]),
                blocks=tuple(blocks),
                cost_a=_cost(a, (layer.a for block in blocks for layer in block.layers)),
                cost_b=_cost(b, (layer.b for block in blocks for layer in block.layers)),
            )
            for (in_a, in_b), blocks in stages.items()
        ),
        image,
        matching.by,
    )


class _Pairs:
    """Pairs the layers of two graphs; a place is a path in b, or in a where b has nothing there."""

    def __init__(
        self, a: LayerGraph, b: LayerGraph, matching: Matching, shapes: tuple[Shapes, Shapes]
    ) -> None:
        self.a, self.b, self.matching = a, b, matching
        both = matching.layers
        self.place = {x.path: both.get(x.path) or _free(x.path, b) for x in a}
        self.at_a = {place: path for path, place in self.place.items()}
        self.shapes_a, self.shapes_b = shapes
        self.reads_a = _reads(a, self.place, set(both.values()))
        self.reads_b = _reads(b, {layer.path: layer.path for layer in b}, set(both.values()))

    def blocks(self) -> Iterator[BlockPair]:
        """Pair every block of either that has a layer of its own."""
        for one, other in self.matching.groups:
            block = self.block(one, other)
            if block.layers:
                yield block

    def block(self, a: Group | None, b: Group | None) -> BlockPair:
        layers_b = [] if b is None else [layer.path for layer in b.layers]
        here = set(layers_b)
        layers_a = [] if a is None else [self.place[layer.path] for layer in a.layers]
        mine = [place for place in layers_a if place in here or place not in self.b]
        whole = (a is None and not any(place in self.at_a for place in layers_b)) or (
            b is None and not any(place in self.b for place in layers_a)
        )
        layers = tuple(
            self.layer(
                self.a.layer(self.at_a[place]) if place in self.at_a else None,
                self.b.layer(place) if place in self.b else None,
                whole=whole,
            )
            for place in merged(mine, layers_b)
        )
        return BlockPair(a, b, _status_of([layer.status for layer in layers]), layers)

    def layer(self, a: Layer | None, b: Layer | None, *, whole: bool) -> LayerPair:
        """Pair the layers of a place; ``whole`` where all of its block is added or removed."""
        if a is not None and b is not None:
            changes = tuple(self.changes(a, b))
            if not changes:
                return LayerPair(b.path, a, b, "same")
            trains = all(change.field in _training_fields(a.op) for change in changes)
            return LayerPair(b.path, a, b, "training_only" if trains else "changed", changes)
        layer = cast("Layer", a or b)
        if layer.op.kind in REGULARISERS and not whole:
            return LayerPair(layer.path, a, b, "training_only")
        return LayerPair(layer.path, a, b, "added" if a is None else "removed")

    def changes(self, a: Layer, b: Layer) -> Iterator[FieldChange]:
        if a.op.kind != b.op.kind:
            yield FieldChange("op", describe(a.op), describe(b.op))
        elif a.op != b.op:
            for field, value in a.op._asdict().items():
                other = getattr(b.op, field)
                if value != other and not _is_same(field, a.op, b.op):
                    yield FieldChange(field, value, other)
        if self.shapes_a[a.path] != self.shapes_b[b.path]:
            yield FieldChange("output_shape", self.shapes_a[a.path], self.shapes_b[b.path])
        reads_a, reads_b = self.reads_a[a.path], self.reads_b[b.path]
        if isinstance(a.op, ops.COMMUTATIVE):
            reads_a, reads_b = (tuple(sorted(reads, key=sorted)) for reads in (reads_a, reads_b))
        if reads_a != reads_b:
            yield FieldChange("inputs", a.inputs, b.inputs)
        if a.frozen != b.frozen:
            yield FieldChange("frozen", a.frozen, b.frozen)
        if (a.shares and self.place[a.shares]) != b.shares:
            yield FieldChange("shares", a.shares, b.shares)


def _is_same(field: str, a: ops.Op, b: ops.Op) -> bool:
    """Tell whether two values of a field come to the same: two names, or borders of one pixel."""
    match field:
        case "activation" | "function":
            one, other = getattr(a, field), getattr(b, field)
            return isinstance(one, str) and one_function(one) == one_function(other)
        case "padding":
            return getattr(a, "kernel", None) == getattr(b, "kernel", None) == 1
        case _:
            return field == "shape"  # of an image or a view: what comes out is compared


def _free(path: str, graph: LayerGraph) -> str:
    """Make a place of a layer that the other network has not, though a layer of that name."""
    while path in graph:
        path += "'"
    return path


def _training_fields(op: ops.Op) -> tuple[str, ...]:
    """List the fields of a layer that make no difference in inference."""
    return ("rate", "frozen") if op.kind in REGULARISERS else ("momentum", "frozen")


def _status_of(statuses: list[Status]) -> Status:
    """Derive the status of a whole from those of its parts."""
    kinds = set(statuses)
    if len(kinds) == 1:
        return statuses[0]
    return "changed" if kinds - {"same", "training_only"} else "training_only"


def _shapes(a: LayerGraph, b: LayerGraph) -> tuple[tuple[int, int] | None, tuple[Shapes, Shapes]]:
    """Choose the image at which shapes are compared, and list those of both networks at it.

    Where one cannot be had at the larger image, the widths are compared.
    """
    sizes = [size for size in (a.resolution, b.resolution) if size is not None]
    if len(sizes) < 2 or sizes[0] == sizes[1]:
        own = _own_shapes(a), _own_shapes(b)
        return (sizes[0] if len(sizes) == 2 else None), own
    image = max(sizes, key=lambda size: (size[0] * size[1], size))
    try:
        at_image = [g if g.resolution == image else resized(g, image) for g in (a, b)]
    except InvalidSpec:
        return None, (_widths(a), _widths(b))
    return image, (_own_shapes(at_image[0]), _own_shapes(at_image[1]))


def _own_shapes(graph: LayerGraph) -> Shapes:
    return {layer.path: layer.shape for layer in graph}


def _widths(graph: LayerGraph) -> Shapes:
    return {layer.path: TensorShape(layer.shape.channels) for layer in graph}


def _reads(
    graph: LayerGraph, place: Mapping[str, str], both: set[str]
) -> dict[str, tuple[frozenset[str], ...]]:
    """Follow each input of every layer to the nearest layers in both graphs, by their places."""
    followed: dict[str, frozenset[str]] = {}
    reads: dict[str, tuple[frozenset[str], ...]] = {}
    for layer in graph:
        read = reads[layer.path] = tuple([followed[path] for path in layer.inputs])
        own = place[layer.path]
        followed[layer.path] = frozenset((own,)) if own in both else frozenset().union(*read)
    return reads


def _cost(graph: LayerGraph, layers: Iterable[Layer | None]) -> Cost:
    return layers_cost(graph, (layer for layer in layers if layer is not None))
