"""Receptive fields against published ones; ``test_ops_keras`` tries them out, number by number."""

from __future__ import annotations

import pytest

from rsinspect.layers import ops
from rsinspect.layers.ops import Op, TensorShape
from rsinspect.layers.receptive_field import ReceptiveField, receptive_fields
from tests.networks import saved, wired

LAST_MAP = {
    "VGG16": ("block5_pool", 212),
    "ResNet152": ("conv5_block3_out", 1507),
    "InceptionV3": ("mixed10", 1311),
}
"""Of the last map. Source: Araujo, Norris, Sim 2019, "Computing Receptive Fields of Convolutional
Neural Networks" (doi 10.23915/distill.00021), and its library's table of precomputed fields."""


@pytest.mark.parametrize("name", LAST_MAP)
def test_a_receptive_field_is_the_published_one(name: str) -> None:
    path, size = LAST_MAP[name]
    fields = receptive_fields(saved(name).graph)
    assert fields[path] == ReceptiveField(size, 32)


def field_behind(*chain: Op | tuple[Op, Op]) -> ReceptiveField:
    """What is seen behind some ops, one after the other; of two, side by side, then added."""
    rows: list[tuple[str, Op, tuple[str, ...]]] = []
    source = "image"
    for number, step in enumerate(chain):
        if isinstance(step, Op):
            rows.append((f"op{number}", step, (source,)))
        else:
            pair = (f"left{number}", f"right{number}")
            rows += [(path, op, (source,)) for path, op in zip(pair, step, strict=True)]
            rows.append((f"op{number}", ops.Add(), pair))
        source = f"op{number}"
    return receptive_fields(wired(*rows))[source]


CONV = ops.Conv2D(3, 4, 4)
HALVED = CONV._replace(stride=2)


@pytest.mark.parametrize(
    ("chain", "size", "stride"),
    [
        ((CONV,), 3, 1),
        ((CONV._replace(kernel=(1, 5), stride=(3, 1)),), 5, 3),
        ((CONV._replace(dilation=3),), 7, 1),
        ((HALVED, HALVED), 3 + 2 * 2, 4),
        ((HALVED, ops.AvgPool2D(3, (2, 1)), CONV), 3 + 2 * 2 + 2 * 4, 4),
        ((HALVED, ops.DepthwiseConv2D(5, 4)), 3 + 4 * 2, 2),
        ((ops.Conv2DTranspose(3, 4, 4, stride=2),), 2, None),
        ((HALVED, ops.Conv2DTranspose(4, 4, 4, stride=2)), 3 + 2, 1),
        ((HALVED, ops.Conv2DTranspose(5, 4, 4, stride=2)), 3 + 2 * 2, 1),
        ((HALVED, ops.Conv2DTranspose(3, 4, 4, stride=2, dilation=2)), 3 + 2 * 2, 1),
        ((HALVED, ops.UpSampling2D(2)), 3, 1),
        ((HALVED, ops.UpSampling2D(2, "bilinear")), 3 + 2, 1),
        ((HALVED, ops.UpSampling2D(2, "bicubic")), 3 + 3 * 2, 1),
        ((HALVED, ops.UpSampling2D(4), CONV), 3 + 1, None),  # one more pixel, in quarters
        (((CONV, CONV._replace(kernel=5)),), 5, 1),
        (((CONV._replace(kernel=(7, 1)), CONV._replace(kernel=(1, 3))),), 7, 1),
        ((CONV, (ops.GlobalAvgPool(True), CONV)), None, None),
        ((ops.GlobalAvgPool(True), CONV), None, None),
        ((ops.GlobalAvgPool(True), ops.UpSampling2D(2)), None, None),
    ],
)  # fmt: skip
def test_what_is_seen_behind_an_op(
    chain: tuple[Op | tuple[Op, Op], ...], size: int | None, stride: int | None
) -> None:
    assert field_behind(*chain) == ReceptiveField(size, stride)


def test_a_vector_of_one_number_sees_what_that_number_saw() -> None:
    for side, size in ((1, 1), (2, None)):
        graph = wired(("vector", ops.Flatten(), ("image",)), shape=TensorShape(side, side, 1))
        assert receptive_fields(graph)["vector"].size == size


def test_what_a_gate_scales_by_widens_nothing() -> None:
    graph = wired(
        ("conv", CONV, ("image",)),
        ("pool", ops.GlobalAvgPool(keepdims=True), ("conv",)),
        ("scaled", ops.Multiply(), ("conv", "pool")),
    )
    assert receptive_fields(graph)["scaled"] == ReceptiveField(3, 1)
