"""The published networks: what rsinspect computes beside what Table 7 prints."""

from __future__ import annotations

from typing import Any, NamedTuple

from rsinspect import paper
from rsinspect.answers.computed import computed, computed_columns
from rsinspect.answers.table import Answer, Column, Table, Value
from rsinspect.layers.liveness import peak_activation
from rsinspect.layers.question import Question
from rsinspect.networks.network import Network, resnet_rs
from rsinspect.networks.spec import ResNetRSSpec

SCHEMA = "rsinspect.variants/1"
PRINTED = (
    "params_M", "flops_B", "top1", "checkpoint_top1", "v100_latency_s", "tpuv3_latency_ms",
)  # fmt: skip
"""Columns of Table 7 that stand beside the computed ones."""


class _Variant(NamedTuple):
    """A published network, and its row of Table 7 where it has one."""

    network: Network
    row: paper.Table7Row | None

    def computed(self, question: Question) -> dict[str, Value]:
        graph = self.network.graph
        peak = peak_activation(graph)
        return computed(self.network, question) | {
            "activation_bytes": question.activation_bytes(self.network.cost),
            "peak_activation_bytes": peak.bytes(batch=question.batch, dtype=question.dtype),
            "layers": len(graph),
        }

    @property
    def printed(self) -> dict[str, Value] | None:
        return None if self.row is None else {key: getattr(self.row, key) for key in PRINTED}

    @property
    def name(self) -> str:
        assert self.network.spec is not None
        return f"{self.network.spec.depth}@{self.network.spec.resolution[0]}"


def _variants(every: bool) -> tuple[_Variant, ...]:
    published = [
        _Variant(resnet_rs(ResNetRSSpec.variant(row.depth, resolution=row.resolution)), row)
        for row in paper.table7()
    ]
    study = [v for v in paper.variants().values() if every and not v.published]
    return (*published, *(_Variant(resnet_rs(ResNetRSSpec.variant(v.depth)), None) for v in study))


def variants_answer(question: Question | None = None, *, every: bool = False) -> Answer:
    """List the published networks, computed figures beside those of Table 7.

    Args:
        question: What a FLOP is, and for which batch and dtype bytes are.
        every: Whether to add the layouts of the scaling study, at 224.
    """
    question = question or Question()
    variants = _variants(every)
    figures = [variant.computed(question) for variant in variants]
    params, flops = computed_columns(question)
    rows: list[dict[str, Value]] = [
        {
            "model": variant.name,
            "blocks": ",".join(map(str, variant.network.blocks)),
            **figure,
            **(variant.printed or dict.fromkeys(PRINTED)),
        }
        for variant, figure in zip(variants, figures, strict=True)
    ]
    table = Table(
        title="ResNet-RS: computed, and as printed in Table 7",
        columns=(
            Column("model", "Model"),
            Column("blocks", "Blocks"),
            params,
            flops,
            Column("peak_activation_bytes", "Peak\nact.", "bytes"),
            Column("params_M", "Params\nM *", "number"),
            Column("flops_B", "FLOPs\nB *", "number"),
            Column("top1", "Top-1\n% *", "number", decimals=1),
            Column("v100_latency_s", "V100\ns *", "number", decimals=2),
        ),
        rows=tuple(rows),
        notes=(
            "* printed in the paper's Table 7; V100: a training step of 128 images, float32.",
            f"Peak act.: in inference, batch {question.batch}, {question.dtype}.",
            f"FLOPs ({question.convention}), for one image: {question.legend}.",
            "Params, FLOPs and Peak act., the most activation memory alive at once, are computed "
            "here.",
        ),
        name="variants",
    )
    return Answer(table, lambda: _document(variants, figures, question))


def _document(
    variants: tuple[_Variant, ...], figures: list[dict[str, Value]], question: Question
) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "convention": question.convention,
        "batch": question.batch,
        "dtype": question.dtype,
        "rows": [
            {"model": v.network.document(), "computed": figure, "printed": v.printed}
            for v, figure in zip(variants, figures, strict=True)
        ],
    }
