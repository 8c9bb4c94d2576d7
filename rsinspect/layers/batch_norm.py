"""Batch norm folded away for inference: what becomes part of which layer, and what has to stay.

In inference a batch norm multiplies each channel by a constant and adds another. A convolution or
dense layer can do both with its own kernel and bias: the one whose output the norm reads, or else
the one that reads the norm. That is exact, up to rounding, under these rules alone:

* The layer before is read by the norm and by nothing else, and has no activation inside. Dropout,
  which does nothing in inference, may stand between, and so may a concatenation along the channels,
  whose parts each take their own.
* Every layer behind reads the norm without padding: zeros around the map are no zeros of the norm.
  For the same reason a norm behind zero padding stays.
* A layer that is used again with the same weights takes the norm in every use, or in none; a norm
  that is used again is folded in every use, or in none.
* A norm that takes the statistics of each batch, in inference too, is no such product.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from rsinspect.base.words import plural
from rsinspect.layers import ops
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.kernels import Weighted
from rsinspect.layers.wording import describe

End = Literal["output", "input"]
_ENDS: tuple[End, ...] = ("output", "input")


class Fold(NamedTuple):
    """A batch norm that becomes part of a layer.

    Attributes:
        norm: Path of the norm, the first of those that share its weights.
        into: Path of the layer, likewise.
        op: What the norm was.
        end: Of the layer: whether the norm scaled its output, or its input.
        first: Which channel of the norm is the first of the layer's; others follow.
    """

    norm: str
    into: str
    op: ops.BatchNorm
    end: End = "output"
    first: int = 0


class Kept(NamedTuple):
    """A batch norm that stays, and why."""

    path: str
    why: str


class Folding(NamedTuple):
    """What was folded into what.

    Attributes:
        folds: In the order in which they are to be applied to weights.
        kept: Norms that stay.
    """

    folds: tuple[Fold, ...]
    kept: tuple[Kept, ...] = ()

    @property
    def norms(self) -> tuple[str, ...]:
        """List the paths of the norms that were folded."""
        return tuple(dict.fromkeys(fold.norm for fold in self.folds))

    def document(self) -> dict[str, Any]:
        """Write it as plain JSON values, for people who read a document."""
        return {"folded": len(self.norms), "kept": [kept._asdict() for kept in self.kept]}

    def sentence(self) -> str:
        """Say how many were folded, how many stay, and why.

        >>> Folding((), (Kept("bn", "between add and relu"),)).sentence()
        'No batch norm folded; 1 stays: between add and relu.'
        """
        if not self.folds and not self.kept:
            return "No batch norm folded: there is none."
        number = len(self.norms)
        folded = f"{plural(number, 'batch norm') if number else 'No batch norm'} folded"
        reasons = Counter(kept.why for kept in self.kept).most_common()
        if not reasons:
            return f"{folded}, none stays."
        count = f"{len(self.kept)} {'stays' if len(self.kept) == 1 else 'stay'}"
        if len(reasons) == 1:
            return f"{folded}; {count}: {reasons[0][0]}."
        said = [f"{times} {why}" for why, times in reasons[:_MOST_REASONS]]
        if rest := sum(times for _, times in reasons[_MOST_REASONS:]):
            said.append(f"{rest} for other reasons")
        return f"{folded}; {count}: {', '.join(said)}."


_MOST_REASONS = 3


class Folded(NamedTuple):
    """A graph without the batch norms that could be folded, and what became of them."""

    graph: LayerGraph
    folding: Folding


def fold_batch_norm(graph: LayerGraph) -> Folded:
    """Fold each batch norm that can be folded exactly; all other layers keep their paths.

    >>> from rsinspect.networks.resnet_rs import build_graph
    >>> from rsinspect.networks.spec import ResNetRSSpec
    >>> graph, folding = fold_batch_norm(build_graph(ResNetRSSpec.variant(50)))
    >>> len(folding.norms), folding.folds[0].norm, folding.folds[0].into
    (56, 'stem/bn1', 'stem/conv1')
    """
    return graph.derived(_folded)


def _folded(graph: LayerGraph) -> Folded:
    rewriting = _Rewriting(graph)
    for end in _ENDS:
        while rewriting.fold(end):
            pass
    return Folded(rewriting.graph(), Folding(tuple(rewriting.folds), tuple(rewriting.kept())))


class _Unfit(Exception):
    """Says what stands in the way of a fold."""


Target = tuple[str, int]
"""Path of a layer that takes a norm, and the channel of the norm that is its first."""


class _Rewriting:
    """A graph on its way to fewer layers.

    Attributes:
        folds: So far.
    """

    def __init__(self, graph: LayerGraph) -> None:
        self._name = graph.name
        self._layers = {layer.path: layer for layer in graph}
        self._outputs = list(graph.outputs)
        self._owner: dict[str, str] = {}  # the first of those that share weights
        self._uses: dict[str, list[str]] = {}
        for layer in graph:
            owner = layer.path if layer.shares is None else self._owner[layer.shares]
            self._owner[layer.path] = owner
            self._uses.setdefault(owner, []).append(layer.path)
        self._readers: dict[str, list[str]] = {}
        self.folds: list[Fold] = []

    def graph(self) -> LayerGraph:
        """Make the graph."""
        return LayerGraph(self._name, tuple(self._layers.values()), tuple(self._outputs))

    def fold(self, end: End) -> bool:
        """Fold what can be folded at one end of layers; tells whether anything was."""
        self._note_readers()
        folds: dict[Fold, None] = {}  # once, however often its layers are used
        for norm, targets in self._agreed(end).items():
            layer = self._layers[norm]
            assert isinstance(layer.op, ops.BatchNorm)
            for path, first in targets:
                folds[Fold(self._owner[norm], self._owner[path], layer.op, end, first)] = None
                self._give_bias(path)
            self._remove(layer)
        self.folds += folds
        return bool(folds)

    def kept(self) -> Iterator[Kept]:
        """List the norms that stay, and why."""
        self._note_readers()
        for path, layer in self._layers.items():
            op = layer.op
            if isinstance(op, ops.Opaque) and op.class_name.startswith("BatchNormalization"):
                yield Kept(path, "not over the last axis, or of another kind")
            elif isinstance(op, ops.BatchNorm):
                yield Kept(path, self._why(path, op))

    def _why(self, path: str, op: ops.BatchNorm) -> str:
        if op.in_training:
            return "called with training=True"
        said = []
        for end in _ENDS:
            try:
                self._targets(path, end)
            except _Unfit as exc:
                said.append(str(exc))
            else:
                return "it, or a layer beside it, is used again in another way"
        return f"between {' and '.join(said)}"

    def _note_readers(self) -> None:
        self._readers = {path: [] for path in self._layers}
        for path, layer in self._layers.items():
            for source in layer.inputs:
                self._readers[source].append(path)

    def _give_bias(self, path: str) -> None:
        layer = self._layers[path]
        assert isinstance(layer.op, Weighted)
        self._layers[path] = layer._replace(op=layer.op._replace(use_bias=True))

    def _remove(self, norm: Layer) -> None:
        """Let what reads a norm read what the norm reads."""
        source = self._layers[norm.path].inputs[0]
        for path in self._readers[norm.path]:
            layer = self._layers[path]
            inputs = tuple(source if each == norm.path else each for each in layer.inputs)
            self._layers[path] = layer._replace(inputs=inputs)
        self._outputs = [source if path == norm.path else path for path in self._outputs]
        del self._layers[norm.path]

    def _agreed(self, end: End) -> dict[str, list[Target]]:
        """Find what can take each norm; layers that are used again do alike in every use."""
        found: dict[str, list[Target]] = {}
        for path, layer in self._layers.items():
            if isinstance(layer.op, ops.BatchNorm) and not layer.op.in_training:
                try:
                    found[path] = self._targets(path, end)
                except _Unfit:
                    continue
        while True:
            taken = {
                path: (self._owner[norm], first)
                for norm, targets in found.items()
                for path, first in targets
            }
            uneven = [
                norm
                for norm, targets in found.items()
                if not found.keys() >= {*self._uses[self._owner[norm]]}
                or any(
                    len({taken.get(use) for use in self._uses[self._owner[path]]}) > 1
                    for path, _ in targets
                )
            ]
            if not uneven:
                return found
            for norm in uneven:
                del found[norm]

    def _targets(self, norm: str, end: End) -> list[Target]:
        if end == "output":
            return self._before(self._layers[norm].inputs[0], 0)
        return self._behind(norm)

    def _before(self, path: str, first: int) -> list[Target]:
        """Find what gives a tensor, from a channel of the norm on.

        Raises:
            _Unfit: If that cannot take a norm.
        """
        layer = self._layers[path]
        op = layer.op
        alone = len(self._readers[path]) == 1 and path not in self._outputs
        if isinstance(op, Weighted):
            if not alone:
                raise _Unfit("a layer that others read too")
            if op.activation not in (None, "linear"):
                raise _Unfit(f"a layer with {op.activation} inside")
            return [(path, first)]
        if alone and _passes(op):
            return self._before(layer.inputs[0], first)
        if alone and isinstance(op, ops.Concatenate) and op.axis in (-1, len(layer.shape) - 1):
            parts = []
            for each in layer.inputs:
                parts += self._before(each, first)
                first += self._layers[each].shape.channels
            return parts
        raise _Unfit(_noun(op))

    def _behind(self, path: str) -> list[Target]:
        """Find all that reads a tensor.

        Raises:
            _Unfit: If one of them cannot take a norm.
        """
        if path in self._outputs or not self._readers[path]:
            raise _Unfit("the output")
        targets: list[Target] = []
        for reader in self._readers[path]:
            op = self._layers[reader].op
            if _passes(op):
                targets += self._behind(reader)
            elif isinstance(op, ops.Dense) or (isinstance(op, _FORWARD) and not _pads(op)):
                targets.append((reader, 0))
            else:
                raise _Unfit(_noun(op))
        return targets


_FORWARD = (ops.Conv2D, ops.DepthwiseConv2D, ops.SeparableConv2D)


def _passes(op: ops.Op) -> bool:
    """Tell whether an op gives in inference what it is given."""
    return op == ops.Activation("linear") or (isinstance(op, ops.Dropout) and not op.in_training)


def _pads(op: ops.Conv2D | ops.DepthwiseConv2D | ops.SeparableConv2D) -> bool:
    """Tell whether a convolution may read zeros around its map."""
    return op.padding == "same" and ops.pair(op.kernel) != (1, 1)


def _noun(op: ops.Op) -> str:
    """Name what stands beside a norm: one word for all of a kind, so that they are counted as one.

    >>> _noun(ops.ZeroPad2D(1)), _noun(ops.Activation("relu"))
    ('zero padding', 'relu')
    """
    if isinstance(op, _FORWARD):
        return "a convolution that pads"
    return _NOUNS.get(type(op)) or describe(op)


_NOUNS: dict[type, str] = {
    ops.Input: "the input",
    ops.ZeroPad2D: "zero padding",
    ops.Conv2DTranspose: "a transposed convolution",
}
