"""No file of weights, however changed, ends an inspection in anything but an answer or one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import pytest

from rsinspect.checkpoints.safety import verdict
from tests import hostile_weights, weight_mutants
from tests.keras_files import keras_file
from tests.mutants import fault


@pytest.mark.parametrize("format", weight_mutants.ENDINGS)
def test_a_changed_file_is_judged_rightly_or_refused_in_one_line(
    format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    assert [one for one in weight_mutants.tried(0, 10, format, tmp_path) if one[1]] == []


def test_the_judges_of_the_mutants_see_what_they_are_for(tmp_path: Path) -> None:
    """Else the test above could not find a verdict wrong."""
    path, other = tmp_path / "file.pth", tmp_path / "other.h5"
    hostile_weights.PICKLES["a call"].make(path, other)
    assert weight_mutants.imports_beyond_tensors(path) == ["posix.mkdir"]
    hostile_weights.KERAS["a link in a heap"].make(path, other)
    assert weight_mutants.ways_out(path) == ["g_out"]


def test_mutants_have_verdicts_of_every_level(tmp_path: Path) -> None:
    levels = set()
    for format in ("torch", "h5", "npz"):
        for path, _ in weight_mutants.tried(1, 15, format, tmp_path):
            levels.add(verdict(path).level)
    assert levels == {"danger", "unknown", "caution", "safe"}


# ---- what was found


@pytest.mark.parametrize("layers", [["conv"], {"conv": 1}, [{"config": "conv"}], [None]])
def test_layers_that_are_none_are_passed_over(tmp_path: Path, layers: Any) -> None:
    config = {"class_name": "Functional", "config": {"name": "odd", "layers": layers}}
    path = keras_file(tmp_path / "odd.keras", config, {"layers/conv2d/vars/0": (3, 3, 3, 4)})
    assert fault(["weights", "inspect", str(path), "-f", "json"]) is None


def test_a_kind_of_number_that_nothing_can_hold_is_refused(tmp_path: Path) -> None:
    kind = h5py.h5t.IEEE_F32LE.copy()
    kind.set_ebias(1_000_000)
    path = tmp_path / "odd.weights.h5"
    with h5py.File(path, "w") as file:
        space = h5py.h5s.create_simple((3,))
        h5py.h5d.create(file.create_group("layers/conv2d/vars").id, b"0", kind, space)
    assert fault(["weights", "inspect", str(path), "-f", "json"]) is None
