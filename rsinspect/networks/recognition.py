"""Which ResNet-RS a network is, whatever its layers are called, and where it departs from one.

The numbers that show in its wiring (``clues``) make a spec for each dialect whose stem it has; that
spec's own graph is then compared with it, layer by layer, in what they compute: two layers are the
same if they do the same to the same. Names, the order of layers, training rates and frozen weights
do not count, and layers that act in training alone are passed over. Nothing is called a ResNet-RS
whose blocks are not those of one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

from rsinspect import paper
from rsinspect.base.errors import RsInspectError
from rsinspect.base.words import plural
from rsinspect.layers import ops
from rsinspect.layers.cost import weight_shapes
from rsinspect.layers.document import one_function
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.ops import Op
from rsinspect.networks.clues import Clues, clues_in
from rsinspect.networks.dialects import DIALECTS, Dialect
from rsinspect.networks.resnet_rs import IMAGENET_VARIANCE, build_graph
from rsinspect.networks.spec import EXPANSION, ResNetRSSpec, round_channels
from rsinspect.paper import IMAGENET_MEAN

Part = Literal["preprocessing", "body", "head"]

LEAST_ALIKE = 0.5
"""Share of the layers of a body that has to be as in a ResNet-RS for the network to be named so."""


class Recognition(NamedTuple):
    """Which ResNet-RS a network is.

    Attributes:
        spec: Its numbers; of a network that departs, those of the one that it departs from.
        departs: Path of the first layer that is another; None where all are the same.
        part: Where that is.
        frozen: Stages whose weights are all kept from training, ``head`` among them.
        folded: Whether its batch norms are folded.
    """

    spec: ResNetRSSpec
    departs: str | None = None
    part: Part | None = None
    frozen: tuple[str, ...] = ()
    folded: bool = False

    @property
    def name(self) -> str:
        """Return what the literature calls it, and whose wiring it is where that is not Keras's."""
        folded = ", batch norm folded" if self.folded else ""
        return self.spec.title.replace(f" @ {self.spec.size}", "") + folded

    def sentence(self) -> str:
        """Say what the network is.

        >>> Recognition(ResNetRSSpec.variant(101), frozen=("stem", "c2")).sentence()
        'Recognised by its wiring: ResNet-RS-101, 1000 classes; frozen: stem, c2.'
        """
        frozen = f"; frozen: {', '.join(self.frozen)}" if self.frozen else ""
        if self.part == "body":
            return f"By its wiring a {self.name} as far as {self.departs}, where it departs."
        if self.part is not None:
            return (
                f"Recognised by its wiring: {self.name} with another {self.part}, "
                f"from {self.departs} on{frozen}."
            )
        spec = self.spec
        top = plural(spec.classes, "class") if spec.include_top else "without top"
        return f"Recognised by its wiring: {self.name}, {top}{frozen}."

    def document(self) -> dict[str, Any]:
        """Write it as plain JSON values."""
        return {
            "name": self.spec.name,
            "dialect": self.spec.dialect.name,
            "departs_at": self.departs,
            "departs_in": self.part,
            "frozen": list(self.frozen),
            "batch_norm_folded": self.folded,
        }


def recognised(graph: LayerGraph) -> Recognition | None:
    """Recognise a ResNet-RS in a graph; None where there is none.

    >>> from rsinspect.networks.network import resnet_rs
    >>> found = recognised(resnet_rs(ResNetRSSpec.variant(101)).graph)
    >>> found.spec.title, found.departs
    ('ResNet-RS-101 @ 192×192', None)
    """
    clues = clues_in(graph)
    if clues is None:
        return None
    best: _Comparison | None = None
    for dialect in DIALECTS.values():
        spec = _body_spec(clues, dialect)
        if spec is None:
            continue
        comparison = _Comparison(graph, clues, spec)
        if best is None or comparison.alike > best.alike:
            best = comparison
        if comparison.whole:
            break
    if best is None or best.alike < LEAST_ALIKE:
        return None
    return best.recognition()


def _body_spec(clues: Clues, dialect: Dialect) -> ResNetRSSpec | None:
    """Make the spec of a body, from stem to last block; None where it is not of that dialect."""
    width = clues.width(dialect)
    if width is None:
        return None
    last = clues.blocks[-1]
    spec = body_spec(clues.stages(), width, last.hidden, dialect)
    if spec is None:
        return None
    height, across, channels = clues.before[-1].shape
    changes: dict[str, Any] = {
        "resolution": (height, across), "channels": channels, "activation": last.activation,
    }  # fmt: skip
    if last.norm is not None:  # a folded one has no numbers left
        changes |= {"bn_momentum": last.norm.momentum, "bn_epsilon": last.norm.epsilon}
    try:
        return spec.replace(**changes)
    except RsInspectError:
        return None  # no ResNet-RS has such numbers


def body_spec(
    stages: Sequence[tuple[int, int]], width: float, hidden: int, dialect: Dialect
) -> ResNetRSSpec | None:
    """Make the spec of a body from its numbers; None where no ResNet-RS has such ones.

    Args:
        stages: Blocks and inner width of each stage.
        width: Multiplier of all filters.
        hidden: Inner width of the last block's squeeze-and-excitation; 0 for none.
        dialect: Whose wiring.

    >>> body_spec(((1, 16), (2, 32)), 0.25, 32, DIALECTS["keras"]).name
    'resnet-rs-1-2-w0.25'
    """
    numbers, inner = zip(*stages, strict=True)
    usual = tuple(64 << stage for stage in range(len(numbers)))
    as_usual = all(round_channels(u, width) == f for u, f in zip(usual, inner, strict=True))
    filters = usual if as_usual else tuple(round(f / width) for f in inner)
    depths = {known.blocks: depth for depth, known in paper.variants().items()}
    try:
        return ResNetRSSpec(
            blocks=numbers,
            depth=depths.get(numbers) if as_usual else None,
            width=int(width) if width == int(width) else width,
            filters=filters,
            se_ratio=_ratio(hidden, EXPANSION * inner[-1]),
            dropout_rate=0.0,
            include_top=False,
            preprocessing=False,
            dialect=dialect,
        )
    except RsInspectError:
        return None


def _ratio(hidden: int, channels: int) -> float:
    """Return the roundest ratio of squeeze-and-excitation that gives a hidden width."""
    if not hidden:
        return 0.0
    exact = (hidden + 0.5) / channels
    rounded = (round(value, digits) for digits in (2, 3) for value in (hidden / channels, exact))
    fitting = (ratio for ratio in (0.25, *rounded) if int(channels * ratio) == hidden)
    return next(fitting, exact)


class _Comparison:
    """A graph beside the body of a ResNet-RS.

    Args:
        graph: Of the network.
        clues: What it shows.
        spec: Of the body.
    """

    def __init__(self, graph: LayerGraph, clues: Clues, spec: ResNetRSSpec) -> None:
        self.graph = graph
        self.clues = clues
        self.spec = spec
        self._folded = clues.blocks[-1].norm is None
        known: dict[Any, int] = {}
        body = build_graph(spec)
        if self._folded:
            from rsinspect.layers.batch_norm import fold_batch_norm  # few networks are folded

            body = fold_batch_norm(body).graph
        self._stage_of = {
            number: path.partition("/")[0]
            for path, number in _numbered(body, body.image.path, known).items()
        }
        self._end = max(self._stage_of)
        self._numbers = _numbered(graph, clues.before[-1].path, known)
        found = self._stage_of.keys() & set(self._numbers.values())
        self.whole = self._end in found
        """Whether all of the body is there."""
        self.alike = 1.0 if self.whole else len(found) / len(self._stage_of)

    def recognition(self) -> Recognition:
        """Say what the network is as a whole."""
        return self._recognition()._replace(folded=self._folded)

    def _recognition(self) -> Recognition:
        before = {layer.path for layer in self.clues.before}
        others = [
            layer
            for layer in self.graph
            if layer.path not in before and self._numbers[layer.path] not in self._stage_of
        ]
        spec, departs = self._with_preprocessing()
        if departs is not None:
            return Recognition(spec, departs, "preprocessing", self._frozen(others))
        if not self.whole:
            return Recognition(spec, others[0].path if others else None, "body")
        head = [layer for layer in others if not isinstance(layer.op, ops.IN_TRAINING)]
        changes, frozen = self._head(head), self._frozen(others)
        if changes is not None:
            try:
                return Recognition(self._trained(spec.replace(**changes)), frozen=frozen)
            except RsInspectError:
                pass  # a classifier that no ResNet-RS has
        return Recognition(spec, self._departing(head), "head", frozen)

    def _with_preprocessing(self) -> tuple[ResNetRSSpec, str | None]:
        """Compare what stands before the stem; gives the path of the first layer that differs."""
        layers = [
            layer
            for layer in self.clues.before[1:]
            if not isinstance(layer.op, ops.IN_TRAINING) and layer.op != _LINEAR
        ]
        if not layers:
            return self.spec, None
        expected: list[Op] = [ops.Rescaling(1 / 255)]
        if self.spec.channels == len(IMAGENET_MEAN):
            expected.append(ops.Normalization(IMAGENET_MEAN, IMAGENET_VARIANCE))
        for layer, op in zip(layers, expected, strict=False):
            if not _close(layer.op, op):
                return self.spec, layer.path
        if len(layers) != len(expected):
            return self.spec, layers[min(len(expected), len(layers) - 1)].path
        return self.spec.replace(preprocessing=True), None

    def _head(self, head: list[Layer]) -> dict[str, Any] | None:
        """Read the head of a ResNet-RS as fields of a spec; None for another one."""
        numbers = [self._end, *(self._numbers[layer.path] for layer in head)]
        if [self._numbers[path] for path in self.graph.outputs] != numbers[-1:]:
            return None
        if head and self._numbers[head[0].inputs[0]] != self._end:
            return None
        match [layer.op for layer in head]:
            case []:
                return {}
            case [ops.GlobalAvgPool(False)]:
                return {"pooling": "avg"}
            case [ops.GlobalMaxPool(False)]:
                return {"pooling": "max"}
            case [ops.GlobalAvgPool(False), ops.Dense(_, classes, activation, True)]:
                return {
                    "include_top": True,
                    "classes": classes,
                    "classifier_activation": activation or "linear",
                }
            case _:
                return None

    def _departing(self, head: list[Layer]) -> str:
        """Find the first layer of another head."""
        for layer in head:
            if not isinstance(layer.op, ops.GlobalAvgPool):
                return layer.path
        return head[0].path if head else self.graph.outputs[0]

    def _trained(self, spec: ResNetRSSpec) -> ResNetRSSpec:
        """Add the rates of training, and take the dialect in whose rule those of the blocks are."""
        dropped = [layer.op.rate for layer in self.graph if isinstance(layer.op, ops.DropPath)]
        dropout = [layer.op.rate for layer in self.graph if isinstance(layer.op, ops.Dropout)]
        spec = spec.replace(
            drop_path_rate=dropped[-1] if dropped else 0.0,
            dropout_rate=dropout[-1] if dropout else 0.0,
        )
        if _rates(spec) != dropped and not spec.preprocessing:
            for dialect in DIALECTS.values():
                body, other = self.spec.replace(dialect=dialect), spec.replace(dialect=dialect)
                if _rates(other) == dropped and _Comparison(self.graph, self.clues, body).whole:
                    return other
        return spec

    def _frozen(self, others: Iterable[Layer]) -> tuple[str, ...]:
        """List the stages whose weights are all kept from training."""
        head = {layer.path for layer in others}
        frozen: dict[str, bool] = {}
        for layer in self.graph:
            if weight_shapes(layer.op):
                number = self._numbers[layer.path]
                stage = "head" if layer.path in head else self._stage_of.get(number, "input")
                frozen[stage] = frozen.get(stage, True) and layer.frozen
        return tuple(stage for stage, whole in frozen.items() if whole)


def _rates(spec: ResNetRSSpec) -> list[float]:
    return [rate for stage in spec.block_drop_path_rates() for rate in stage if rate > 0]


_LINEAR = ops.Activation("linear")


def _numbered(graph: LayerGraph, start: str, known: dict[Any, int]) -> dict[str, int]:
    """Number what the layers of a graph compute from what a first one gives.

    Two layers have the same number if they do the same to what has the same numbers.

    Args:
        graph: Whose layers.
        start: Path of the first one; it counts by its shape alone.
        known: Numbers of what was met before; what is new is added.
    """
    numbers: dict[str, int] = {}
    for layer in graph:
        op: Any = layer.op
        read = [numbers[path] for path in layer.inputs]
        if layer.path == start:
            op, read = None, []
        elif isinstance(op, ops.IN_TRAINING) or op == _LINEAR:
            numbers[layer.path] = read[0]
            continue
        elif isinstance(op, ops.COMMUTATIVE):
            read.sort()
        key = (_in_inference(op), layer.shares is None, layer.shape, *read)
        numbers[layer.path] = known.setdefault(key, len(known))
    return numbers


def _in_inference(op: Any) -> Any:
    """Write an op without what counts in training alone, nonlinearities under one name."""
    if isinstance(op, ops.BatchNorm):
        return op._replace(momentum=0.0)
    if isinstance(op, ops.Activation):
        return op._replace(function=one_function(op.function))
    return op


def _close(op: Op, expected: Op) -> bool:
    """Tell whether two layers of preprocessing have the same constants."""
    if op.kind != expected.kind:
        return False
    one, other = (_constants(each) for each in (op, expected))
    return len(one) == len(other) and all(
        math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-12) for a, b in zip(one, other, strict=True)
    )


def _constants(op: Op) -> list[Any]:
    """List the numbers of an op."""
    found: list[Any] = []
    for value in op[:-1]:
        found += value if isinstance(value, tuple) else [value]
    return found
