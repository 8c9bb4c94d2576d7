"""The formula behind a number, with the numbers of a layer, a block or a stage put in."""

from __future__ import annotations

from typing import NamedTuple

from rsinspect.answers.table import Answer, Column, Table, Value
from rsinspect.layers import ops
from rsinspect.layers.cost import Cost, convention_weights, layer_cost, layers_cost, weight_shapes
from rsinspect.layers.graph import LayerGraph
from rsinspect.layers.ops import TensorShape
from rsinspect.layers.structure import structure_of
from rsinspect.layers.wording import describe
from rsinspect.networks.network import Network


class Formula(NamedTuple):
    """How one number of a layer comes about.

    Attributes:
        quantity: What is counted.
        formula: In words of the field.
        numbers: The same with this layer's numbers; it evaluates to ``value``.
        value: The result.
    """

    quantity: str
    formula: str
    numbers: str
    value: int


def explain(graph: LayerGraph, path: str, convention: str) -> tuple[Formula, ...]:
    """The formulas behind a row of the summary: a layer's own, or the sum over a block or stage.

    Raises:
        UnknownPath: If nothing has that path.
    """
    layers = structure_of(graph).within(path)
    if len(layers) > 1:
        return _explain_group(graph, path, convention)
    layer = layers[0]
    cost = layer_cost(graph, layer)
    lines = [
        line
        for line in (
            _explain_params(layer.op, cost),
            _explain_macs(layer.op, layer.shape, cost),
            _explain_flops(cost, convention),
        )
        if line is not None
    ]
    dims = "*".join(map(str, layer.shape))
    if cost.outputs:
        lines.append(Formula("outputs", "H*W*C", dims, cost.outputs))
    return tuple(lines)


def _explain_params(op: ops.Op, cost: Cost) -> Formula | None:
    shapes = weight_shapes(op)
    if not shapes:
        return None
    formula = {
        ops.Conv2D: "k^2*in*filters" + (" + filters" if len(shapes) == 2 else ""),
        ops.BatchNorm: "scale + offset + mean + variance",
        ops.Dense: "in*units + units",
    }[type(op)]
    numbers = " + ".join("*".join(map(str, shape)) for shape in shapes)
    return Formula("params", formula, numbers, cost.params)


def _explain_macs(op: ops.Op, shape: TensorShape, cost: Cost) -> Formula | None:
    match op:
        case ops.Conv2D():
            factors = [shape.height, shape.width, op.kernel, op.kernel, op.in_channels, op.filters]
            formula = "H*W*k^2*in*filters"
        case ops.Dense():
            factors, formula = [op.in_channels, op.units], "in*units"
        case _:
            return None
    return Formula("MACs", formula, "*".join(map(str, factors)), cost.macs)


_COUNTED = {
    "macs": "MACs", "bias_adds": "biases", "normed": "normalised", "activated": "activated",
    "averaged": "averaged", "pooled": "pooled", "scaled": "scaled", "added": "added",
    "preprocessed": "preprocessing",
}  # fmt: skip


def _explain_flops(cost: Cost, convention: str) -> Formula | None:
    terms = [
        (weight, name)
        for name, weight in convention_weights(convention).items()
        if getattr(cost, name)
    ]
    if not terms:
        return None
    return Formula(
        f"FLOPs ({convention})",
        " + ".join(f"{weight}*{_COUNTED[name]}" for weight, name in terms),
        " + ".join(f"{weight}*{getattr(cost, name)}" for weight, name in terms),
        cost.flops(convention),
    )


def _explain_group(graph: LayerGraph, path: str, convention: str) -> tuple[Formula, ...]:
    """A stage as the sum of its blocks, a block as the sum of its layers."""
    parts: list[Cost] = []
    if (stage := structure_of(graph).stage(path)) is not None:
        parts = [layers_cost(graph, group.layers) for group in stage.groups]
    if len(parts) < 2:
        parts = [layer_cost(graph, layer) for layer in structure_of(graph).within(path)]
    lines = []
    for quantity, values in (
        ("params", [part.params for part in parts]),
        ("MACs", [part.macs for part in parts]),
        (f"FLOPs ({convention})", [part.flops(convention) for part in parts]),
        ("outputs", [part.outputs for part in parts]),
    ):
        lines.append(Formula(quantity, "sum of parts", _run_lengths(values), sum(values)))
    return tuple(lines)


def _run_lengths(values: list[int]) -> str:
    """``5 + 2*7`` for 5, 7, 7: equal neighbours counted, zeros left out."""
    runs: list[list[int]] = []
    for value in values:
        if value and runs and runs[-1][0] == value:
            runs[-1][1] += 1
        elif value:
            runs.append([value, 1])
    return " + ".join(f"{n}*{v}" if n > 1 else str(v) for v, n in runs) or "0"


def explain_answer(network: Network, paths: tuple[str, ...], convention: str) -> Answer:
    """The formulas of chosen stages, blocks or layers of one network.

    Raises:
        UnknownPath: If a path does not exist.
        InvalidQuestion: If the convention is unknown.
    """
    graph = network.graph
    rows: list[dict[str, Value]] = []
    notes = []
    documents = []
    for path in paths:
        formulas = explain(graph, path, convention)
        layers = structure_of(graph).within(path)
        what = describe(layers[0].op) if len(layers) == 1 else f"{len(layers)} layers"
        reads = ", ".join(map(str, graph.input_shapes(layers[0]))) or "nothing"
        notes.append(f"{path}: {what}, {reads} -> {layers[-1].shape}.")
        documents.append({"path": path, "formulas": [line._asdict() for line in formulas]})
        for index, line in enumerate(formulas):
            rows.append(
                {
                    "path": "" if index else path,
                    "quantity": line.quantity,
                    "formula": f"{line.formula}\n= {line.numbers}",
                    "value": line.value,
                }
            )
    return Answer(
        Table(
            title=f"{network.title}  formulas, for one image",
            columns=(
                Column("path", "Path"),
                Column("quantity", "Quantity"),
                Column("formula", "Formula", wraps=True),
                Column("value", "Value", "integer"),
            ),
            rows=tuple(rows),
            notes=(*notes, "H, W, C: height, width and channels of the output; k: kernel side."),
        ),
        lambda: {
            "schema": "rsinspect.explain/1",
            "model": network.document(),
            "convention": convention,
            "explanations": documents,
        },
    )
