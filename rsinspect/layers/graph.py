"""The layer graph: the one description everything else reads.

A layer has a path (its identity), an op (what it does and with which numbers), the paths it reads
and the shape that comes out. Shapes leave the batch out: batch size and dtype belong to questions
asked of a graph, not to the graph. Many may read a graph, makers of networks make it, nobody
changes it. A path is a label and no more: what belongs together is told by the wiring
(``layers.structure``).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar, cast

from rsinspect.base.errors import GraphError, ShapeMismatch, UnknownPath
from rsinspect.base.text import LONGEST_NAME, is_showable, showable
from rsinspect.base.words import quoted
from rsinspect.layers import ops
from rsinspect.layers.ops import Op, TensorShape
from rsinspect.layers.shapes import infer_shape

T = TypeVar("T")


class Layer(NamedTuple):
    """One layer: its path, what it does, what it reads, what comes out.

    Attributes:
        path: Identity, such as ``c4/block22/conv2``.
        op: What it does.
        inputs: Paths it reads, in the op's order.
        shape: Output shape, without the batch.
        shares: Path of the earlier layer whose weights it uses, where it is used once more.
        frozen: Whether its weights are kept from training.
    """

    path: str
    op: Op
    inputs: tuple[str, ...]
    shape: TensorShape
    shares: str | None = None
    frozen: bool = False


@dataclass(frozen=True, slots=True)
class LayerGraph:
    """A whole network.

    Attributes:
        name: Of the network.
        layers: In an order a forward pass may run them.
        outputs: Paths of what comes out; the last layer unless said otherwise.

    Raises:
        GraphError: If a path occurs twice, a layer reads one that does not come before it, an
            output is no layer, or a name cannot be shown (``base.text``).
        ShapeMismatch: If a shape does not follow from the inputs; the message names the path.
    """

    name: str
    layers: tuple[Layer, ...]
    outputs: tuple[str, ...] = ()
    _index: dict[str, Layer] = field(init=False, repr=False, compare=False)
    _derived: dict[Any, Any] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        index: dict[str, Layer] = {}
        for layer in self.layers:
            path, op, inputs, shape, shares, _ = layer
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
            if shares is not None and (shares not in index or not alike(index[shares].op, op)):
                raise GraphError(f"{path} cannot use the weights of {shares}")
            index[path] = layer
        if not index:
            raise GraphError("a graph needs at least one layer")
        if not self.outputs:
            object.__setattr__(self, "outputs", (self.layers[-1].path,))
        for path in self.outputs:
            if path not in index:
                raise GraphError(f"the output {path} is no layer of the graph")
        names = (self.name, *index)
        if not is_showable("".join(names)) or max(map(len, names)) > LONGEST_NAME:
            raise GraphError(_unshowable(names))
        object.__setattr__(self, "_index", index)
        object.__setattr__(self, "_derived", {})

    def layer(self, path: str) -> Layer:
        """Look up the layer of that path.

        Raises:
            UnknownPath: If there is none.
        """
        try:
            return self._index[path]
        except KeyError:
            raise UnknownPath(f"{self.name} has no layer {path!r}") from None

    def __contains__(self, path: object) -> bool:
        return path in self._index

    @property
    def inputs(self) -> tuple[Layer, ...]:
        """List the input layers, in order."""
        return tuple(layer for layer in self.layers if isinstance(layer.op, ops.Input))

    @property
    def image(self) -> Layer:
        """Return the only input.

        Raises:
            GraphError: If the network has none, or several.
        """
        inputs = self.inputs
        if len(inputs) != 1:
            raise GraphError(f"{self.name} does not take one image: it has {len(inputs)} inputs")
        return inputs[0]

    @property
    def resolution(self) -> tuple[int, int] | None:
        """Return height and width of the image; None where the network does not take one image."""
        inputs = self.inputs
        if len(inputs) != 1 or len(inputs[0].shape) != 3:
            return None
        return inputs[0].shape.height, inputs[0].shape.width

    @property
    def output(self) -> Layer:
        """Return the only output.

        Raises:
            GraphError: If the network has several.
        """
        if len(self.outputs) != 1:
            raise GraphError(f"{self.name} has {len(self.outputs)} outputs, not one")
        return self._index[self.outputs[0]]

    def input_shapes(self, layer: Layer) -> tuple[TensorShape, ...]:
        """List the shapes a layer reads."""
        return tuple([self._index[path].shape for path in layer.inputs])

    def derived(self, make: "Callable[[LayerGraph], T]") -> T:
        """Apply a function to this graph; its result is computed once and kept with the graph."""
        if make not in self._derived:
            self._derived[make] = make(self)
        return cast("T", self._derived[make])

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)

    def __len__(self) -> int:
        return len(self.layers)


def alike(one: Op, other: Op) -> bool:
    """Tell whether two ops can use the same weights: the same op, told of other shapes or not.

    It may be called with ``training=True`` in one place alone.
    """
    if isinstance(one, ops.Opaque) and isinstance(other, ops.Opaque):
        return one._replace(shape=other.shape) == other
    if isinstance(one, ops.BatchNorm) and isinstance(other, ops.BatchNorm):
        return one._replace(in_training=other.in_training) == other
    return one == other


def _unshowable(names: tuple[str, ...]) -> str:
    """Say which of the names cannot be shown, and why."""
    for name in names:
        if not is_showable(name):
            return f"the name {showable(name, 80)!r} has characters that cannot be shown"
    return f"the name {quoted(max(names, key=len))} is longer than {LONGEST_NAME} characters"
