"""Pair the layers of two networks, and say of each pair what differs and what that costs.

Layers are paired by path, so what has a path in both graphs is the same place in both. A pair is
compared in what it is (op), how it is configured (field by field), what comes out (shape) and what
it reads. Three things would drown a real difference and are kept apart from it:

* Size of the image. Shapes are compared as if both networks had the larger of the two images, so a
  shape counts as changed only where the wiring changes it. Costs stay those of each own image.
* What follows from a layer that only one side has. An input is followed through such layers to the
  nearest that both have: behind sixteen more blocks, c4 reads what it read before.
* Training. Drop path, dropout and the momentum of batch norm are regularisation that differs from
  depth to depth and does nothing in inference: ``training_only``, unless a whole block is new.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, cast

from rsinspect.layers import ops
from rsinspect.layers.cost import Cost, layers_cost
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.ops import TensorShape
from rsinspect.layers.shapes import infer_shape
from rsinspect.layers.structure import Group, structure_of
from rsinspect.layers.wording import describe

Status = Literal["same", "added", "removed", "changed", "training_only"]
"""What became of a layer, block or stage on the way from a to b."""

STATUSES: tuple[Status, ...] = ("same", "added", "removed", "changed", "training_only")

REGULARISERS = {"DropPath": "drop path", "Dropout": "dropout"}
"""Descriptions of ops that do nothing in inference."""


class FieldChange(NamedTuple):
    """One thing in which a layer differs.

    Attributes:
        field: ``op``, a field of the op (``use_bias``), ``output_shape`` or ``inputs``.
        a: Its value in a.
        b: Its value in b.
    """

    field: str
    a: Any
    b: Any


class LayerPair(NamedTuple):
    """One path in both graphs.

    Attributes:
        path: Of the layer.
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


class BlockPair(NamedTuple):
    """A block, or a stage without blocks, in both graphs.

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
        """Return the path of the block."""
        return self.group.path


class StagePair(NamedTuple):
    """A stage in both graphs.

    Attributes:
        path: Of the stage.
        status: What became of it.
        blocks: All blocks of either; the stage itself where it has none.
        cost_a: Of the stage in a, for one image; zero where it is missing.
        cost_b: Likewise in b.
    """

    path: str
    status: Status
    blocks: tuple[BlockPair, ...]
    cost_a: Cost
    cost_b: Cost

    @property
    def layers(self) -> tuple[LayerPair, ...]:
        """List all layers of either."""
        return tuple(layer for block in self.blocks for layer in block.layers)

    @property
    def has_blocks(self) -> bool:
        """Tell whether the stage consists of blocks in either graph."""
        return any(block.group.is_block for block in self.blocks)


class Change(NamedTuple):
    """The same difference in several layers of blocks that both networks have.

    Attributes:
        verb: ``added``, ``removed`` or ``changed``.
        training_only: Whether it makes no difference in inference.
        names: The layers' names within their blocks: ``se/reduce``, ``se/expand``.
        places: These blocks.
        layers: The layers.
    """

    verb: Literal["added", "removed", "changed"]
    training_only: bool
    names: tuple[str, ...]
    places: tuple[Group, ...]
    layers: tuple[LayerPair, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """How b differs from a.

    Attributes:
        a: The one.
        b: The other.
        stages: Every stage of either, in the order of the forward pass. Together their blocks have
            every path of either graph once.
        image: Height and width at which shapes were compared; None where one of the networks
            does not take one image, and shapes were compared as they are.
    """

    a: LayerGraph
    b: LayerGraph
    stages: tuple[StagePair, ...]
    image: tuple[int, int] | None

    @property
    def blocks(self) -> tuple[BlockPair, ...]:
        """List every block (and stage without blocks) of either."""
        return tuple(block for stage in self.stages for block in stage.blocks)

    @property
    def layers(self) -> tuple[LayerPair, ...]:
        """List every layer of either."""
        return tuple(layer for block in self.blocks for layer in block.layers)

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
        return _changes(self.blocks)


def compare(a: LayerGraph, b: LayerGraph) -> Comparison:
    """Find how b differs from a, layer by layer.

    Raises:
        ShapeMismatch: If the networks' images differ in size and the layers of one do not fit the
            larger.

    >>> from rsinspect.networks.resnet_rs import build_graph
    >>> from rsinspect.networks.spec import ResNetRSSpec
    >>> a, b = (build_graph(ResNetRSSpec.variant(depth)) for depth in (152, 200))
    >>> added = [block.path for block in compare(a, b).blocks if block.status == "added"]
    >>> len(added), added[0], added[-1]
    (16, 'c3/block8', 'c3/block23')
    """
    sizes = a.resolution, b.resolution
    image = max((x for x in sizes if x), key=lambda size: (size[0] * size[1], size), default=None)
    if None in sizes:
        image = None
    stages: dict[str, list[BlockPair]] = {}
    for block in _Pairs(a, b, image).blocks():
        stages.setdefault(block.group.stage, []).append(block)
    return Comparison(
        a,
        b,
        tuple(
            StagePair(
                path=stage,
                status=_status_of([block.status for block in blocks]),
                blocks=tuple(blocks),
                cost_a=_cost(a, (layer.a for block in blocks for layer in block.layers)),
                cost_b=_cost(b, (layer.b for block in blocks for layer in block.layers)),
            )
            for stage, blocks in stages.items()
        ),
        image,
    )


class _Pairs:
    """Pairs the layers of two graphs."""

    def __init__(self, a: LayerGraph, b: LayerGraph, image: tuple[int, int] | None) -> None:
        self.a, self.b = a, b
        both = {layer.path for layer in a} & {layer.path for layer in b}
        self.shapes_a, self.shapes_b = _shapes(a, image), _shapes(b, image)
        self.reads_a, self.reads_b = _reads(a, both), _reads(b, both)

    def blocks(self) -> Iterator[BlockPair]:
        """Pair every block of either that has a layer of its own."""
        groups_a, groups_b = (
            {group.path: group for group in structure_of(graph).groups}
            for graph in (self.a, self.b)
        )
        for path in _merged(groups_a, groups_b):
            block = self.block(groups_a.get(path), groups_b.get(path))
            if block.layers:
                yield block

    def block(self, a: Group | None, b: Group | None) -> BlockPair:
        layers_b = [] if b is None else [layer.path for layer in b.layers]
        here = set(layers_b)
        layers_a = [] if a is None else [layer.path for layer in a.layers]
        mine = [path for path in layers_a if path in here or path not in self.b]
        whole = (a is None and not any(path in self.a for path in layers_b)) or (
            b is None and not any(path in self.b for path in layers_a)
        )
        layers = tuple(
            self.layer(
                path,
                self.a.layer(path) if path in self.a else None,
                self.b.layer(path) if path in self.b else None,
                whole=whole,
            )
            for path in _merged(mine, layers_b)
        )
        return BlockPair(a, b, _status_of([layer.status for layer in layers]), layers)

    def layer(self, path: str, a: Layer | None, b: Layer | None, *, whole: bool) -> LayerPair:
        """Pair the layers of a path; ``whole`` where all of its block is added or removed."""
        if a is not None and b is not None:
            changes = tuple(self.changes(a, b))
            if not changes:
                return LayerPair(path, a, b, "same")
            trains = all(change.field in _training_fields(a.op) for change in changes)
            return LayerPair(path, a, b, "training_only" if trains else "changed", changes)
        op = cast("Layer", a or b).op
        if op.kind in REGULARISERS and not whole:
            return LayerPair(path, a, b, "training_only")
        return LayerPair(path, a, b, "added" if a is None else "removed")

    def changes(self, a: Layer, b: Layer) -> Iterator[FieldChange]:
        if a.op.kind != b.op.kind:
            yield FieldChange("op", describe(a.op), describe(b.op))
        elif a.op != b.op:
            for field, value in a.op._asdict().items():
                other = getattr(b.op, field)
                if value != other and field != "shape":  # of an image or a view: what comes out
                    yield FieldChange(field, value, other)
        if self.shapes_a[a.path] != self.shapes_b[b.path]:
            yield FieldChange("output_shape", self.shapes_a[a.path], self.shapes_b[b.path])
        reads_a, reads_b = self.reads_a[a.path], self.reads_b[b.path]
        if isinstance(a.op, ops.COMMUTATIVE):
            reads_a, reads_b = (tuple(sorted(reads, key=sorted)) for reads in (reads_a, reads_b))
        if reads_a != reads_b:
            yield FieldChange("inputs", a.inputs, b.inputs)


def _training_fields(op: ops.Op) -> tuple[str, ...]:
    """List the fields of an op that make no difference in inference."""
    return ("rate",) if op.kind in REGULARISERS else ("momentum",)


def _status_of(statuses: list[Status]) -> Status:
    """Derive the status of a whole from those of its parts."""
    kinds = set(statuses)
    if len(kinds) == 1:
        return statuses[0]
    return "changed" if kinds - {"same", "training_only"} else "training_only"


def _shapes(graph: LayerGraph, image: tuple[int, int] | None) -> dict[str, TensorShape]:
    """Infer every layer's output shape on images of that size; None for the graph's own."""
    if image is None or graph.resolution == image:
        return {layer.path: layer.shape for layer in graph}
    shapes: dict[str, TensorShape] = {}
    for layer in graph:
        op = layer.op
        if isinstance(op, ops.Input):
            op = ops.Input(TensorShape(*image, op.shape.channels))
        shapes[layer.path] = infer_shape(op, tuple([shapes[path] for path in layer.inputs]))
    return shapes


def _reads(graph: LayerGraph, both: set[str]) -> dict[str, tuple[frozenset[str], ...]]:
    """Follow each input of every layer to the nearest layers in both graphs."""
    followed: dict[str, frozenset[str]] = {}
    reads: dict[str, tuple[frozenset[str], ...]] = {}
    for layer in graph:
        read = reads[layer.path] = tuple([followed[path] for path in layer.inputs])
        here = layer.path in both
        followed[layer.path] = frozenset((layer.path,)) if here else frozenset().union(*read)
    return reads


def _merged(a: Iterable[str], b: Iterable[str]) -> tuple[str, ...]:
    """Merge names in b's order, with those that b lacks where they stood in a.

    >>> _merged(("pad", "conv", "norm", "add"), ("conv", "drop", "add"))
    ('pad', 'conv', 'norm', 'drop', 'add')
    """
    in_b = dict.fromkeys(b)
    after: dict[str | None, list[str]] = {}  # the name before -> names that b lacks
    before = None
    for name in a:
        if name in in_b:
            before = name
        else:
            after.setdefault(before, []).append(name)
    merged = after.get(None, [])
    for name in in_b:
        merged += [name, *after.get(name, [])]
    return tuple(merged)


def _cost(graph: LayerGraph, layers: Iterable[Layer | None]) -> Cost:
    return layers_cost(graph, (layer for layer in layers if layer is not None))


def _changes(blocks: tuple[BlockPair, ...]) -> tuple[Change, ...]:
    alike: dict[tuple[Any, ...], list[tuple[Group, LayerPair]]] = {}  # one layer in many blocks
    for block in blocks:
        if block.status in ("added", "removed"):
            continue
        for layer in block.layers:
            if layer.status == "same":
                continue
            verb = "added" if layer.a is None else "removed" if layer.b is None else "changed"
            fields = tuple(change.field for change in layer.changes)
            key = (verb, layer.status == "training_only", fields, block.group.name_of(layer.path))
            alike.setdefault(key, []).append((block.group, layer))
    together: dict[tuple[Any, ...], list[tuple[str, list[tuple[Group, LayerPair]]]]] = {}
    for (verb, trains, fields, name), members in alike.items():
        paths = tuple(group.path for group, _ in members)
        together.setdefault((verb, trains, fields, paths), []).append((name, members))
    changes = [
        Change(
            verb=verb,
            training_only=trains,
            names=tuple(name for name, _ in named),
            places=tuple(group for group, _ in named[0][1]),
            layers=tuple(layer for _, members in named for _, layer in members),
        )
        for (verb, trains, _, _), named in together.items()
    ]
    return tuple(sorted(changes, key=lambda change: -len(change.layers)))
