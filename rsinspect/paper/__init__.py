"""Printed facts and their sources, as data.

``variants.json`` holds the block layouts (Table 11), the regularisation Keras ships with each depth
and the rows of Table 7; ``weights.json`` the published weight files. Each names its source. What is
not known is null there and None here; nothing is filled in.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple


class Variant(NamedTuple):
    """One depth of the paper.

    Attributes:
        depth: The number in the name.
        blocks: Bottleneck blocks in c2, c3, c4, c5 (Table 11).
        drop_path_rate: Rate of the last stage as Keras ships it, None where it is not known.
        dropout_rate: Rate before the classifier as Keras ships it, None where it is not known.
        resolutions: Square image sizes with published weights, smallest first; empty for the
            layouts of the scaling study.
    """

    depth: int
    blocks: tuple[int, ...]
    drop_path_rate: float | None
    dropout_rate: float | None
    resolutions: tuple[int, ...]

    @property
    def published(self) -> bool:
        """Whether weights were released for this depth."""
        return bool(self.resolutions)


class Table7Row(NamedTuple):
    """One ResNet-RS row of Table 7, as printed.

    Attributes:
        depth: Network depth.
        resolution: Side of the square image.
        params_M: Parameters, in millions.
        flops_B: FLOPs per image, in billions.
        v100_latency_s: Training step of 128 images on a V100, float32, seconds.
        tpuv3_latency_ms: Training step of 128 images on TPUv3, bfloat16, milliseconds.
        top1: ImageNet validation accuracy, per cent.
        checkpoint_top1: The released checkpoint evaluated again by sebastian-sz, per cent.
    """

    depth: int
    resolution: int
    params_M: float
    flops_B: float
    v100_latency_s: float
    tpuv3_latency_ms: float
    top1: float
    checkpoint_top1: float


class PublishedWeights(NamedTuple):
    """Where the published weight files are, and the md5 of each."""

    base_url: str
    md5: dict[str, str]


def _data(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(
        Path(__file__).with_name(name).read_text(encoding="utf-8")
    )
    return document


@cache
def variants() -> dict[int, Variant]:
    """The paper's depths, by depth, shallowest first.

    >>> variants()[152].blocks
    (3, 8, 36, 3)
    """
    found = [
        Variant(
            depth=row["depth"],
            blocks=tuple(row["blocks"]),
            drop_path_rate=row["drop_path_rate"],
            dropout_rate=row["dropout_rate"],
            resolutions=tuple(row["resolutions"]),
        )
        for row in _data("variants.json")["depths"]
    ]
    return {variant.depth: variant for variant in sorted(found, key=lambda v: v.depth)}


@cache
def table7() -> tuple[Table7Row, ...]:
    """The 11 ResNet-RS rows of Table 7, in the paper's order of cost.

    >>> [row.flops_B for row in table7()][:3]
    [4.6, 8.4, 12]
    """
    return tuple(Table7Row(**row) for row in _data("variants.json")["table7"])


@cache
def published_weights() -> PublishedWeights:
    """The 22 published weight files.

    >>> len(published_weights().md5)
    22
    """
    document = _data("weights.json")
    return PublishedWeights(base_url=document["base_url"], md5=document["md5"])
