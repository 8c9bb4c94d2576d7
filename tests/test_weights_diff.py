"""Two weight files compared: what changed, what was frozen, and what one alone has."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import rsinspect
from rsinspect.base.errors import InvalidQuestion, WeightsError
from rsinspect.networks.network import Network, resnet_rs
from rsinspect.networks.spec import ResNetRSSpec
from rsinspect.weights.change import Change, change_of
from tests.conftest import Cli
from tests.torch_files import write_torch
from tests.weight_files import as_keras, as_timm, fine_tuned, weights_for

SPEC = ResNetRSSpec.layout((1, 1, 1, 1), resolution=(32, 32), width=0.25, classes=10)


def network(classes: int = 10) -> Network:
    return resnet_rs(SPEC.replace(classes=classes))


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """A network in a file with timm's names."""
    return as_timm(tmp_path / "a.pth", network(), weights_for(network()))


def test_numbers_are_compared_as_numpy_does_however_many_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    one = rng.standard_normal((40, 7)).astype("float32")
    two = one.copy()
    two[3:9] += rng.standard_normal((6, 7)).astype("float32")
    a, b = one.astype("float64").ravel(), two.astype("float64").ravel()
    for at_once in (1 << 20, 13):
        monkeypatch.setattr("rsinspect.weights.change._AT_ONCE", at_once)
        found = change_of(one, two)
        assert (found.elements, found.changed, found.uncompared) == (280, 42, 0)
        assert found.largest == np.abs(b - a).max()
        assert found.relative == pytest.approx(np.linalg.norm(b - a) / np.linalg.norm(a))
        assert found.cosine == pytest.approx(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
        assert not found.is_frozen


def test_what_cannot_be_compared_is_counted() -> None:
    one = np.array([1.0, np.nan, np.nan, np.inf, 2.0])
    found = change_of(one, np.array([1.0, np.nan, 5.0, np.inf, 4.0]))
    assert (found.changed, found.uncompared, found.largest) == (2, 3, 2.0)
    assert change_of(one, one).is_frozen
    assert change_of(one, one).cosine == 1.0
    nothing = change_of(np.zeros(3), np.zeros(3))
    assert (nothing.relative, nothing.cosine) == (0.0, None)
    assert change_of(np.zeros(3), np.ones(3)).relative is None
    assert nothing + Change() == nothing


def test_a_file_of_keras_is_compared_with_timms_weight_by_weight(
    cli: Cli, before: Path, tmp_path: Path
) -> None:
    same = as_keras(tmp_path / "b.weights.h5", network(), weights_for(network()))
    found = rsinspect.diff_weights(before, same)
    assert found.conclusion.startswith("all ")
    assert found.conclusion.endswith("tensors equal, and no others")
    assert [row["name"] for row in found.rows] == ["stem", "c2", "c3", "c4", "c5", "head"]
    assert {row["relative"] for row in found.rows} == {0.0}
    assert {row["cosine"] for row in found.rows} == {1.0}
    changed = weights_for(network())
    changed["c3/block0/conv2", "kernel"][0, 0, 0, 0] += 1
    other = as_keras(tmp_path / "c.weights.h5", network(), changed)
    outcome = cli("weights", "diff", str(before), str(other), "--level", "tensor", "-s", "changed")
    assert outcome.code == 0
    assert "1 of" in outcome.out.splitlines()[0]
    assert "Changed most, by its norm: c3/block0/conv2/kernel" in outcome.out
    document = json.loads(cli("weights", "diff", str(before), str(other), "-f", "json").out)
    assert document["schema"] == "rsinspect.weights_diff/1"
    (one,) = [tensor for tensor in document["tensors"] if not tensor["frozen"]]
    assert (one["in_a"], one["in_b"]) == ("layer2.0.conv2.weight", "layers/conv2d_11/vars/0")
    assert (one["changed"], one["largest_change"]) == (1, pytest.approx(1))
    assert document["totals"]["frozen_tensors"] == len(document["tensors"]) - 1


def test_fine_tuning_is_told_from_what_was_frozen(cli: Cli, tmp_path: Path) -> None:
    """Frozen stages whose norms ran in training mode, trained ones, and a head of other classes."""
    before, after = fine_tuned(tmp_path)
    outcome = cli("weights", "diff", str(before), str(after))
    text = " ".join(outcome.out.split())
    assert outcome.code == 0
    assert "Only the statistics of batch norms changed in c4:" in text
    shapes = "head/classifier/kernel (512×1000, 512×5)"
    assert f"Of different shapes, not compared: {shapes}" in text
    found = rsinspect.diff_weights(before, after)
    frozen = {row["name"]: row["frozen"] == row["tensors"] for row in found.rows}
    assert frozen == {"stem": True, "c2": True, "c3": True, "c4": False, "c5": False}
    assert max(map(len, outcome.out.splitlines())) <= 80


def test_files_of_other_networks_are_compared_by_names(tmp_path: Path) -> None:
    one = {"fc.weight": np.eye(3, dtype="float32"), "old": np.zeros(2, "float32")}
    two = {"fc.weight": 2 * np.eye(3, dtype="float32"), "new": np.zeros(2, "float32")}
    a, b = write_torch(tmp_path / "a.pth", one), write_torch(tmp_path / "b.pth", two)
    found = rsinspect.diff_weights(a, b)
    (row,) = found.rows
    assert (row["name"], row["relative"], row["cosine"]) == ("kernels", 1.0, 1.0)
    assert (found.found.a.alone, found.found.b.alone) == (("old",), ("new",))
    with pytest.raises(InvalidQuestion, match="stages are known of a ResNet-RS alone"):
        rsinspect.diff_weights(a, b, level="stage")
    c = write_torch(tmp_path / "c.pth", {"other": np.zeros(2, "float32")})
    with pytest.raises(WeightsError, match="no tensor in common: fc"):
        rsinspect.diff_weights(a, c)
