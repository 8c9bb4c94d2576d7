"""What timm publishes of networks that keras.applications has too, and the same counted here.

timm's GMACs are fvcore's count: a multiply-add of convolutions and products, and two per element of
a batch norm (the convention ``timm``). Its activations are the outputs of convolutions and dense
layers. Both are printed with two decimals.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

from rsinspect.layers import ops
from rsinspect.layers.graph import LayerGraph
from rsinspect.networks.network import Network


class Published(NamedTuple):
    """A row of timm's results."""

    name: str
    timm: str
    size: int
    params_M: float
    gmacs: float
    macts: float


def _published() -> dict[str, Published]:
    lines = (Path(__file__).parent / "data" / "timm.csv").read_text(encoding="utf-8").splitlines()
    rows = csv.DictReader(line for line in lines if not line.startswith("#"))
    return {
        row["name"]: Published(
            row["name"], row["timm"], int(row["size"]),
            *(float(row[key]) for key in ("params_M", "gmacs", "macts")),
        )
        for row in rows
    }  # fmt: skip


PUBLISHED = _published()
"""Every row, by Keras's name of the network."""

UNSCALED_M = {"InceptionV3": 0.017216, "InceptionResNetV2": 0.030272}
"""Millions of batch-norm factors that timm trains, and Keras leaves out (``scale=False``)."""

LATER_STRIDE_MACS = 3 * 3 * 25_690_112
"""ResNet v1: Keras's stride is in the first 1x1 of a stage, as in the paper, timm's in the 3x3.

The 1x1 of three stages then works on four times the places: 3 x 256x128 MACs at 28x28, likewise
512x256 at 14x14 and 1024x512 at 7x7."""

LATER_STRIDE_ELEMENTS = 3 * (128 * 28**2 + 256 * 14**2 + 512 * 7**2)
"""Likewise, elements that it puts out."""


def activations(graph: LayerGraph) -> int:
    """Count the outputs of convolutions and dense layers."""
    count = 0
    for layer in graph:
        match layer.op:
            case ops.Conv2D() | ops.DepthwiseConv2D() | ops.Dense():
                count += layer.shape.elements
            case ops.SeparableConv2D(in_channels=channels, multiplier=times, filters=filters):
                places = layer.shape.elements // filters
                count += places * (filters + channels * times)  # both of its convolutions
    return count


def check(network: Network, published: Published) -> None:
    """Compare a network at timm's size with what timm prints, the known differences added."""
    cost, name = network.cost, published.name
    assert network.resolution == (published.size, published.size)
    work, outputs = cost.flops("timm"), activations(network.graph)
    params = cost.trainable_params / 1e6 + UNSCALED_M.get(name, 0)
    if name in ("ResNet50", "ResNet101", "ResNet152"):
        work += LATER_STRIDE_MACS + 2 * LATER_STRIDE_ELEMENTS
        outputs += LATER_STRIDE_ELEMENTS
        # a bias before each batch norm, which timm's do not have
        params -= sum(x.shape.channels for x in network.graph if isinstance(x.op, ops.Conv2D)) / 1e6
    assert round(params, 2) == published.params_M, (name, params)
    assert round(work / 1e9, 2) == published.gmacs, (name, work)
    assert round(outputs / 1e6, 2) == published.macts, (name, outputs)
