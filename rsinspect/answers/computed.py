"""What rsinspect computes for a network of the paper, to stand beside what is printed of it."""

from __future__ import annotations

from collections.abc import Mapping

from rsinspect.answers.table import Column, Value
from rsinspect.layers.question import Question
from rsinspect.networks.network import Network

PRINTED_UNITS = {"params": ("params_M", 1e6), "flops": ("flops_B", 1e9)}
"""The printed column of a computed figure, and its unit."""


def computed(network: Network, question: Question) -> dict[str, Value]:
    """Compute the figures that the paper prints of a network.

    >>> from rsinspect.networks.named import network
    >>> computed(network("50"), Question())["macs"]
    2278629376
    """
    cost = network.cost
    return {
        "params": cost.params,
        "trainable_params": cost.trainable_params,
        "macs": cost.macs,
        "flops": question.flops(cost),
    }


def ratios(figures: Mapping[str, Value], printed: Mapping[str, Value]) -> dict[str, Value]:
    """Divide computed figures by those printed of them, where there are any.

    >>> ratios({"params": 36_000_000}, {"params_M": 36})
    {'params_ratio': 1.0}
    """
    return {
        f"{key}_ratio": value / stated / unit
        for key, (name, unit) in PRINTED_UNITS.items()
        if isinstance(value := figures.get(key), int)
        and isinstance(stated := printed.get(name), int | float)
    }


def computed_columns(question: Question) -> tuple[Column, Column]:
    """Make the columns of computed params and FLOPs."""
    return (
        Column("params", "Params", "count"),
        Column("flops", f"FLOPs\n({question.convention})", "count"),
    )
