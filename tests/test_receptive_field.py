"""Receptive fields against published ones; ``test_ops_keras`` tries them out, number by number."""

from __future__ import annotations

import pytest

from rsinspect.layers.receptive_field import ReceptiveField, receptive_fields
from tests.networks import saved

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
