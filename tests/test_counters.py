"""Whole networks against three counters of FLOPs nobody here wrote; ``benchmarks/counters.py``
does the same with all forty of keras.applications."""

from __future__ import annotations

import importlib.util

import pytest

from rsinspect.networks.keras_config import from_keras_config
from tests.counters import (
    counted_elsewhere,
    differences,
    expected_by_jax,
    expected_by_tensorflow,
    expected_by_torch,
)

pytestmark = [pytest.mark.keras, pytest.mark.slow]

NAMES = ("MobileNetV3Small", "ConvNeXtTiny")


def test_tensorflow_counts_the_same_in_every_one_of_its_operations() -> None:
    for counted in counted_elsewhere("tensorflow", NAMES):
        graph = from_keras_config(counted.config).graph
        assert differences(expected_by_tensorflow(graph), counted.terms) == {}, counted.name


def test_jax_counts_the_same_within_the_rounding_of_its_float32_sum() -> None:
    for counted in counted_elsewhere("jax", NAMES[:1]):
        graph = from_keras_config(counted.config).graph
        expected = sum(expected_by_jax(graph).values())
        assert counted.terms["flops"] == pytest.approx(expected, rel=1e-6), counted.name


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
def test_torch_counts_two_per_multiply_add_to_the_last_digit() -> None:
    for counted in counted_elsewhere("torch", NAMES):
        graph = from_keras_config(counted.config).graph
        assert differences(expected_by_torch(graph), counted.terms) == {}, counted.name
