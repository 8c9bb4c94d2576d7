"""The formula behind a number, with the numbers of a layer, a block or a stage put in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, assert_never

from rsinspect.answers.table import Answer, Column, Table, Value
from rsinspect.base.words import plural
from rsinspect.layers import ops
from rsinspect.layers.cost import CONVENTIONS, Cost, layer_cost, layers_cost, weight_shapes
from rsinspect.layers.graph import LayerGraph
from rsinspect.layers.ops import TensorShape
from rsinspect.layers.question import Question
from rsinspect.layers.structure import structure_of
from rsinspect.layers.wording import describe
from rsinspect.networks.network import Network


class Formula(NamedTuple):
    """How one number of a layer comes about.

    Attributes:
        quantity: What is counted.
        formula: In words of the field.
        numbers: The same with this layer's numbers; it evaluates to ``value``.
        value: The result; None where it is unknown, and ``numbers`` are then none.
    """

    quantity: str
    formula: str
    numbers: str
    value: int | None


def explain(graph: LayerGraph, path: str, question: Question) -> tuple[Formula, ...]:
    """Give the formulas behind a row of the summary: a layer's own, or the sum of a group's.

    Raises:
        UnknownPath: If nothing has that path.

    >>> from rsinspect.networks.named import network
    >>> explain(network("50").graph, "stem/conv1", Question())[0].numbers
    '3*3*3*32'
    """
    layers = structure_of(graph).within(path)
    if len(layers) > 1:
        return _explain_group(graph, path, question)
    layer = layers[0]
    cost = layer_cost(graph, layer)
    lines = list(_explain_op(layer.op, layer.shape, cost))
    if layer.shares is not None:
        shared = Formula("params", f"the weights of {layer.shares}", "0", 0)
        lines = [shared if line.quantity == "params" else line for line in lines]
    lines += _explain_flops(cost, question)
    if cost.uncounted:
        lines.append(Formula("FLOPs", f"no formula here for {describe(layer.op)}", "", None))
    if cost.outputs:
        lines.append(Formula("outputs", "H*W*C", _product(layer.shape), cost.outputs))
    return tuple(lines)


def _product(factors: Iterable[int]) -> str:
    return "*".join(map(str, factors))


def _explain_op(op: ops.Op, shape: TensorShape, cost: Cost) -> Iterator[Formula]:
    """Write the formulas of an op's params and MACs, where it has any."""
    if isinstance(op, ops.Weightless):
        return
    weights = " + ".join(_product(shape) or "1" for shape in weight_shapes(op))
    match op:
        case ops.Conv2D():
            height, width = ops.pair(op.kernel)
            side = "k^2" if height == width else "kh*kw"
            bias = " + filters" if op.use_bias else ""
            inside = "in" if op.groups == 1 else "in/groups"
            yield Formula("params", f"{side}*{inside}*filters{bias}", weights, cost.params)
            numbers = _product(
                (shape.height, shape.width, height, width, op.in_channels // op.groups, op.filters)
            )
            yield Formula("MACs", f"H*W*{side}*{inside}*filters", numbers, cost.macs)
        case ops.DepthwiseConv2D():
            bias = " + C" if op.use_bias else ""
            yield Formula("params", f"kh*kw*in*multiplier{bias}", weights, cost.params)
            factors = (*shape[:2], *ops.pair(op.kernel), op.channels, op.multiplier)
            yield Formula("MACs", "H*W*kh*kw*in*multiplier", _product(factors), cost.macs)
        case ops.SeparableConv2D():
            bias = " + filters" if op.use_bias else ""
            words = f"kh*kw*in*multiplier + in*multiplier*filters{bias}"
            yield Formula("params", words, weights, cost.params)
            between = op.in_channels * op.multiplier
            depthwise = _product((*shape[:2], *ops.pair(op.kernel), between))
            pointwise = _product((*shape[:2], between, op.filters))
            words = "H*W*kh*kw*in*multiplier + H*W*in*multiplier*filters"
            yield Formula("MACs", words, f"{depthwise} + {pointwise}", cost.macs)
        case ops.Conv2DTranspose():
            bias = " + filters" if op.use_bias else ""
            yield Formula("params", f"kh*kw*filters*in{bias}", weights, cost.params)
            kernel = (*ops.pair(op.kernel), op.filters, op.in_channels)
            read = cost.read // op.in_channels
            words = "positions read*kh*kw*filters*in"
            yield Formula("MACs", words, _product((read, *kernel)), cost.macs)
        case ops.BatchNorm(_, _, _, scale, center):
            learnt = ("scale",) * scale + ("offset",) * center
            yield Formula("params", " + ".join((*learnt, "mean", "variance")), weights, cost.params)
        case ops.Dense():
            bias = " + units" if op.use_bias else ""
            yield Formula("params", f"in*units{bias}", weights, cost.params)
            places = shape[:-1]
            words = "positions*in*units" if places else "in*units"
            yield Formula("MACs", words, _product((*places, op.in_channels, op.units)), cost.macs)
        case ops.LayerNorm() | ops.ChannelScale() | ops.PReLU() | ops.Normalization():
            if weights:
                yield Formula("params", "one per channel, each", weights, cost.params)
        case ops.Opaque():
            if weights:
                yield Formula("params", "its weights", weights, cost.params)
        case _:
            assert_never(op)


_COUNTED = {
    "macs": "MACs", "bias_adds": "biases", "normed": "normalised", "activated": "activated",
    "averaged": "averaged", "pooled": "pooled", "scaled": "scaled", "added": "added",
    "preprocessed": "preprocessing", "layer_norm_ops": "layer norm",
}  # fmt: skip


def _explain_flops(cost: Cost, question: Question) -> Iterator[Formula]:
    terms = [
        (weight, name)
        for name, weight in CONVENTIONS[question.convention].items()
        if getattr(cost, name)
    ]
    if terms:
        yield Formula(
            f"FLOPs ({question.convention})",
            " + ".join(f"{weight}*{_COUNTED[name]}" for weight, name in terms),
            " + ".join(f"{weight}*{getattr(cost, name)}" for weight, name in terms),
            question.flops(cost),
        )


def _explain_group(graph: LayerGraph, path: str, question: Question) -> tuple[Formula, ...]:
    """Explain a stage as the sum of its blocks, a block as the sum of its layers."""
    structure = structure_of(graph)
    stage = structure.stage(path)
    groups = stage.groups if stage is not None else structure.run(path)
    if len(groups) > 1:
        parts = [layers_cost(graph, group.layers) for group in groups]
    else:
        parts = [layer_cost(graph, layer) for layer in structure.within(path)]
    uncounted, unweighed = any(x.uncounted for x in parts), any(x.unweighed for x in parts)
    return tuple(
        _sum(quantity, values, unknown)
        for quantity, values, unknown in (
            ("params", [part.params for part in parts], unweighed),
            ("MACs", [part.macs for part in parts], uncounted),
            (f"FLOPs ({question.convention})", [question.flops(x) for x in parts], uncounted),
            ("outputs", [part.outputs for part in parts], False),
        )
    )


def _sum(quantity: str, values: list[int], unknown: bool) -> Formula:
    if not unknown:
        return Formula(quantity, "sum of parts", _run_lengths(values), sum(values))
    if not any(values):
        return Formula(quantity, "not known of any part", "", None)
    return Formula(quantity, "at least: sum of known parts", _run_lengths(values), sum(values))


def _run_lengths(values: list[int]) -> str:
    """Write 5, 7, 7 as ``5 + 2*7``: equal neighbours counted, zeros left out."""
    runs: list[list[int]] = []
    for value in values:
        if value and runs and runs[-1][0] == value:
            runs[-1][1] += 1
        elif value:
            runs.append([value, 1])
    return " + ".join(f"{n}*{v}" if n > 1 else str(v) for v, n in runs) or "0"


def explain_answer(network: Network, paths: tuple[str, ...], question: Question) -> Answer:
    """Show the formulas of chosen stages, blocks or layers of one network.

    Raises:
        UnknownPath: If a path does not exist.
    """
    graph = network.graph
    rows: list[dict[str, Value]] = []
    notes = []
    documents = []
    for path in paths:
        formulas = explain(graph, path, question)
        layers = structure_of(graph).within(path)
        what = describe(layers[0].op) if len(layers) == 1 else plural(len(layers), "layer")
        reads = ", ".join(map(str, graph.input_shapes(layers[0]))) or "nothing"
        notes.append(f"{path}: {what}, {reads} → {layers[-1].shape}.")
        documents.append({"path": path, "formulas": [line._asdict() for line in formulas]})
        for index, line in enumerate(formulas):
            rows.append(
                {
                    "path": "" if index else path,
                    "quantity": line.quantity,
                    "formula": line.formula + f"\n= {line.numbers}" * bool(line.numbers),
                    "value": line.value,
                }
            )
    return Answer(
        Table(
            title=f"{network.title}  formulas, for one {network.example}",
            columns=(
                Column("path", "Path"),
                Column("quantity", "Quantity"),
                Column("formula", "Formula", "formula", wraps=True),
                Column("value", "Value", "integer"),
            ),
            rows=tuple(rows),
            strong=frozenset(path for path in paths if structure_of(graph).stage(path)),
            name=f"formulas-{network.title}",
            notes=(*notes, "H, W, C: height, width and channels of the output; k: kernel side."),
        ),
        lambda: {
            "schema": "rsinspect.explain/1",
            "model": network.document(),
            "convention": question.convention,
            "explanations": documents,
        },
    )
