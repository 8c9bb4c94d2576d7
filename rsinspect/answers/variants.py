"""The published networks: what rsinspect computes beside what Table 7 prints."""

from __future__ import annotations

from typing import Any

from rsinspect import paper
from rsinspect.answers.table import Answer, Column, Table, Value
from rsinspect.layers.cost import LEGEND, convention_weights, layers_cost
from rsinspect.layers.liveness import peak_activation
from rsinspect.networks.network import resnet_rs
from rsinspect.networks.resnet_rs import build_graph
from rsinspect.networks.spec import ResNetRSSpec

_PRINTED = (
    "params_M", "flops_B", "top1", "checkpoint_top1", "v100_latency_s", "tpuv3_latency_ms",
)  # fmt: skip


def variants_answer(*, convention: str = "paper", every: bool = False) -> Answer:
    """The published networks: what rsinspect computes beside what Table 7 prints.

    Args:
        convention: What a FLOP is in the computed column.
        every: Whether to add the layouts of the scaling study, at 224.
    """
    convention_weights(convention)
    entries: list[tuple[ResNetRSSpec, paper.Table7Row | None]] = [
        (ResNetRSSpec.variant(row.depth, resolution=row.resolution), row) for row in paper.table7()
    ]
    if every:
        entries += [
            (ResNetRSSpec.variant(v.depth), None)
            for v in paper.variants().values()
            if not v.published
        ]
    rows: list[dict[str, Value]] = []
    documents: list[dict[str, Any]] = []
    for spec, printed in entries:
        graph = build_graph(spec)
        cost = layers_cost(graph, graph)
        peak = peak_activation(graph)
        computed = {
            "params": cost.params,
            "trainable_params": cost.trainable_params,
            "macs": cost.macs,
            "flops": cost.flops(convention),
            "activation_bytes": cost.activation_bytes(),
            "peak_activation_bytes": peak.bytes(),
            "layers": len(graph),
        }
        row: dict[str, Value] = {
            "model": f"{spec.depth}@{spec.resolution[0]}",
            "blocks": ",".join(map(str, spec.blocks)),
            **computed,
        }
        for key in _PRINTED:
            row[key] = None if printed is None else getattr(printed, key)
        rows.append(row)
        documents.append(
            {
                "model": resnet_rs(spec).document(),
                "computed": computed,
                "printed": None
                if printed is None
                else {key: getattr(printed, key) for key in _PRINTED},
            }
        )
    return Answer(
        Table(
            title="ResNet-RS: computed, and as printed in Table 7",
            columns=(
                Column("model", "Model"),
                Column("blocks", "Blocks"),
                Column("params", "Params", "count"),
                Column("flops", f"FLOPs\n({convention})", "count"),
                Column("peak_activation_bytes", "Peak\nact.", "bytes"),
                Column("params_M", "Params\nM *", "number"),
                Column("flops_B", "FLOPs\nB *", "number"),
                Column("top1", "Top-1\n% *", "number"),
                Column("v100_latency_s", "V100\ns *", "number"),
            ),
            rows=tuple(rows),
            notes=(
                "* printed in the paper's Table 7; the other numbers are computed here. V100: one "
                "training step of 128 images, float32.",
                f"FLOPs ({convention}): {LEGEND[convention]}.",
                "Peak act.: most activation memory alive at once in inference, batch 1, float32.",
            ),
        ),
        lambda: {
            "schema": "rsinspect.variants/1",
            "convention": convention,
            "batch": 1,
            "dtype": "float32",
            "rows": documents,
        },
    )
