"""The examples in the docstrings of the pure modules give what they say."""

from __future__ import annotations

import doctest
import importlib

import pytest

PURE = [
    "base.units", "networks.spec", "layers.ops", "layers.shapes", "layers.graph", "layers.wording",
    "networks.resnet_rs", "networks.named", "networks.dialects", "layers.cost", "layers.fold",
    "networks.keras_names", "layers.partition", "paper", "base.process", "base.latex",
    "differences.pairs", "differences.wording", "differences.report", "render.cells",
    "render.console",
    "render.data", "doctor.report", "drawing.scene", "drawing.tree", "drawing.theme",
    "drawing.formats", "drawing.layout", "drawing.mermaid", "drawing.tikz", "drawing.terminal",
    "drawing.wording", "drawing.comparison", "drawing.overlay", "profiling.statistics",
    "profiling.gate", "profiling.timeline", "profiling.roofline", "profiling.protocol",
    "profiling.memory", "profiling.cautions", "profiling.parent",
    "profiling.report", "profiling.plots",
]  # fmt: skip


@pytest.mark.parametrize("name", PURE)
def test_examples_hold(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"rsinspect.{name}"))
    assert result.failed == 0
    assert result.attempted > 0
