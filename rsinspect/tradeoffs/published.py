"""The published networks, by what they cost: counted here, or as the paper prints it.

No framework is asked: a ResNet-RS is made here and counted, and an EfficientNet has what Table 7
prints of it, which is in the paper's convention.
"""

from __future__ import annotations

from collections.abc import Mapping

from rsinspect import paper
from rsinspect.layers.question import Question
from rsinspect.networks import applications
from rsinspect.networks.named import network
from rsinspect.networks.network import Network
from rsinspect.tradeoffs.axes import Axis
from rsinspect.tradeoffs.pareto import Costed, Pareto, candidates, counted_under, placed
from rsinspect.tradeoffs.quantity import Quantity

STEP = Axis("step", "step_s", "a training step of 128 images on TPUv3", "Step\nTPUv3", "seconds")
"""What the paper weighs accuracy against; printed, and neither counted nor measured here."""

_PRINTED = {
    "params": ("params_M", 1e6),
    "flops": ("flops_B", 1e9),
    "step": ("tpuv3_latency_ms", 1e-3),
}
"""Column of Table 7 and its unit, by name of the axis."""


def among_published(
    axis: Axis, source: str, networks: Mapping[str, Network], question: Question
) -> Pareto:
    """Weigh published accuracy against what the published networks cost.

    Args:
        axis: FLOPs, params or STEP.
        source: Who published the accuracies: a name of ``paper.ACCURACY_SOURCES``.
        networks: Some that are here already, by the candidate that each is.
        question: What a FLOP is; printed ones are the paper's.
    """
    wanted = candidates(source, {})
    costs = {
        name: cost
        for name in dict.fromkeys(each.name for each in wanted)
        if (cost := _cost(axis, name, networks.get(name), question))
    }
    points, missing = placed(axis, wanted, costs)
    conditions = (
        "as the paper prints it, bfloat16"
        if axis.counted is None
        else counted_under(axis, question)
    )
    return Pareto(axis=axis, source=source, points=points, conditions=conditions, missing=missing)


def _cost(axis: Axis, name: str, known: Network | None, question: Question) -> Costed | None:
    """Count what a network costs that is here or made at once; read what is printed of others."""
    if axis.counted is not None and (known or applications.named_in(name) is None):
        exact = axis.counted(known or network(name), question)
        return Costed(Quantity.exact(exact), "counted")
    column, unit = _PRINTED[axis.name]
    for row in paper.printed_table(7).rows:
        if paper.model_text(row) == name:
            return Costed(Quantity.exact(row[column] * unit), "printed")
    return None
