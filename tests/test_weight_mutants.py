"""No file of weights, however changed, ends an inspection in anything but an answer or one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from rsinspect.checkpoints.safety import verdict
from tests import hostile_weights, weight_mutants


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
