"""The layer graph: the one description everything else reads.

A layer has a path (its identity), an op (what it does and with which numbers), the paths it reads
and the shape that comes out. Shapes leave the batch out: batch size and dtype belong to questions
asked of a graph, not to the graph. Many may read a graph, makers of networks make it, nobody
changes it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from rsinspect.base.errors import GraphError, ShapeMismatch, UnknownPath
from rsinspect.layers.ops import Op, TensorShape
from rsinspect.layers.shapes import infer_shape


class Layer(NamedTuple):
    """One layer: its path, what it does, what it reads, what comes out.

    Attributes:
        path: Identity, such as ``c4/block22/conv2``.
        op: What it does.
        inputs: Paths it reads, in the op's order.
        shape: Output shape, without the batch.
    """

    path: str
    op: Op
    inputs: tuple[str, ...]
    shape: TensorShape

    @property
    def group(self) -> str:
        """The block it belongs to (``c4/block22``), or its stage where there are no blocks."""
        return group_of(self.path)

    @property
    def stage(self) -> str:
        """The stage it belongs to."""
        return self.path.split("/", 1)[0]


_GROUP = re.compile(r"[^/]+/block\d+(?=/|$)|[^/]+")


def group_of(path: str) -> str:
    """Block of a path (``c4/block22``), or its stage (``stem``) where there are no blocks.

    >>> group_of("c4/block22/se/reduce"), group_of("stem/conv1")
    ('c4/block22', 'stem')
    """
    match = _GROUP.match(path)
    if match is None:
        raise GraphError(f"{path!r} is not a path")
    return match[0]


class Group(NamedTuple):
    """Layers that stand together: a block, or a stage without blocks."""

    path: str
    layers: tuple[Layer, ...]


@dataclass(frozen=True, slots=True)
class LayerGraph:
    """A whole network.

    Attributes:
        name: Of the network.
        layers: In an order a forward pass may run them.

    Raises:
        GraphError: If a path occurs twice or a layer reads one that does not come before it.
        ShapeMismatch: If a shape does not follow from the inputs; the message names the path.
    """

    name: str
    layers: tuple[Layer, ...]
    _index: dict[str, Layer] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        index: dict[str, Layer] = {}
        for layer in self.layers:
            path, op, inputs, shape = layer
            if path in index:
                raise GraphError(f"the path {path} occurs twice")
            try:
                shapes = tuple([index[name].shape for name in inputs])
            except KeyError as exc:
                raise GraphError(f"{path} reads {exc.args[0]}, which comes later") from exc
            try:
                expected = infer_shape(op, shapes)
            except ShapeMismatch as exc:
                raise ShapeMismatch(f"{path}: {exc.message}") from exc
            if expected is not shape and expected != shape:
                raise ShapeMismatch(f"{path}: shape {shape}, expected {expected}")
            index[path] = layer
        if not index:
            raise GraphError("a graph needs at least one layer")
        object.__setattr__(self, "_index", index)

    def layer(self, path: str) -> Layer:
        """The layer of that path.

        Raises:
            UnknownPath: If there is none.
        """
        try:
            return self._index[path]
        except KeyError:
            raise self.unknown(path) from None

    def unknown(self, path: str) -> UnknownPath:
        """The error for a path that is not in the graph, with the nearest ones that are."""
        import difflib  # only on the way to an error

        known = dict.fromkeys((*self.stages, *(g.path for g in self.groups()), *self._index))
        close = difflib.get_close_matches(path, known, n=3, cutoff=0.5)
        return UnknownPath(
            f"{self.name} has no {path!r}",
            f"near it: {', '.join(close)}" if close else f"stages: {', '.join(self.stages)}",
        )

    @property
    def output(self) -> Layer:
        """The last layer."""
        return self.layers[-1]

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the stages, in order: input, stem, c2, ..., head."""
        return tuple(dict.fromkeys(group.path.split("/", 1)[0] for group in self.groups()))

    def groups(self, stage: str | None = None) -> tuple[Group, ...]:
        """Blocks (and stages without blocks) in order, of one stage or of the whole graph."""
        found: dict[str, list[Layer]] = {}
        path, inside = "", "/"
        for layer in self.layers:
            if not layer.path.startswith(inside):
                path = group_of(layer.path)
                inside = f"{path}/"
            found.setdefault(path, []).append(layer)
        return tuple(
            Group(path, tuple(layers))
            for path, layers in found.items()
            if stage is None or path.split("/", 1)[0] == stage
        )

    def within(self, path: str) -> tuple[Layer, ...]:
        """Layers of a stage, a block or one layer.

        Raises:
            UnknownPath: If nothing has that path.
        """
        if path in self._index:
            return (self._index[path],)
        found = tuple(layer for layer in self.layers if layer.path.startswith(f"{path}/"))
        if not found:
            raise self.unknown(path)
        return found

    def input_shapes(self, layer: Layer) -> tuple[TensorShape, ...]:
        """Shapes a layer reads."""
        return tuple([self._index[path].shape for path in layer.inputs])

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)

    def __len__(self) -> int:
        return len(self.layers)
