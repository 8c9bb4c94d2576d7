"""What several networks cost, each beside the first of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rsinspect.answers.table import Answer, Column, Table, Value
from rsinspect.base.words import names_in_words
from rsinspect.layers.liveness import peak_activation
from rsinspect.layers.question import Question
from rsinspect.networks.network import Network

SCHEMA = "rsinspect.totals/1"

_COMPARED = ("params", "flops", "activation_bytes", "peak_activation_bytes")
"""Figures that stand beside those of the first network, as a percentage more or less."""


def totals_answer(networks: Sequence[Network], question: Question) -> Answer:
    """Tabulate what each network costs, and how much more or less that is than the first's.

    Args:
        networks: The first is what the others are compared with.
        question: What a FLOP is; batch and dtype of bytes.

    >>> from rsinspect.networks.named import network
    >>> answer = totals_answer([network("152@256"), network("200@256")], Question())
    >>> [row["params_more_percent"] for row in answer.table.rows]
    ['', 7.6]
    """
    whole = [_figures(network, question) for network in networks]
    partly = [network.title for network in networks if network.cost.uncounted]
    rows: list[dict[str, Value]] = [
        {"network": network.title, **figures, **_more(whole[0], figures, first=not number)}
        for number, (network, figures) in enumerate(zip(networks, whole, strict=True))
    ]
    notes = [
        f"+ %: more than {networks[0].title} has.",
        f"FLOPs ({question.convention}), for one {networks[0].example}: {question.legend}.",
        f"Activations: all layer outputs; Peak act.: the most alive at once in inference; batch "
        f"{question.batch}, {question.dtype}.",
    ]
    if partly:
        notes.append(
            f"{names_in_words(partly)}: at least so much, as no op describes some layers; FLOPs "
            "and activations are compared by what is known."
        )
    table = Table(
        title="What each costs",
        columns=(
            Column("network", "Network", wraps=True),
            Column("layers", "Layers", "integer"),
            Column("params", "Params", "count"),
            Column("params_more_percent", "Params\n+ %", "number", decimals=1),
            Column("flops", f"FLOPs\n({question.convention})", "count"),
            Column("flops_more_percent", "FLOPs\n+ %", "number", decimals=1),
            Column("activation_bytes", "Activations", "bytes"),
            Column("activation_bytes_more_percent", "Activations\n+ %", "number", decimals=1),
            Column("peak_activation_bytes", "Peak\nact.", "bytes"),
            Column("peak_activation_bytes_more_percent", "Peak act.\n+ %", "number", decimals=1),
        ),
        rows=tuple(rows),
        notes=tuple(notes),
        name=f"totals-{'-'.join(network.title for network in networks)}",
    )

    def document() -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "convention": question.convention,
            "batch": question.batch,
            "dtype": question.dtype,
            "rows": [
                {key: value if value != "" else None for key, value in row.items()} for row in rows
            ],
        }

    return Answer(table, document)


def _figures(network: Network, question: Question) -> dict[str, int]:
    cost, peak = network.cost, peak_activation(network.graph)
    return {
        "layers": len(network.graph),
        "params": cost.params,
        "flops": question.flops(cost),
        "activation_bytes": question.activation_bytes(cost),
        "peak_activation_bytes": peak.bytes(batch=question.batch, dtype=question.dtype),
    }


def _more(one: dict[str, int], other: dict[str, int], *, first: bool) -> dict[str, Value]:
    """Say by how many per cent the other's figures are more; nothing of the first itself."""

    def percent(key: str) -> Value:
        if first:
            return ""
        return round(100 * (other[key] / one[key] - 1), 1) if one[key] else None

    return {f"{key}_more_percent": percent(key) for key in _COMPARED}
