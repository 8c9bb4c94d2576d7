"""The verdict of a file: what loading it would do, by which releases, and nothing is loaded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rsinspect.checkpoints.hazards import known
from rsinspect.checkpoints.safety import LEVELS, SAFE, Verdict, verdict
from tests import hostile, keras_files


def judged(path: Path, keras: str | None = "3.15.1") -> Verdict:
    """The verdict where that release of Keras is installed, and nothing else."""
    return verdict(path, {"keras": keras}.get)


def test_what_keras_writes_is_safe(tmp_path: Path) -> None:
    for path in (
        keras_files.keras_file(tmp_path / "my.keras", hostile.OPAQUE, {hostile.PLACE: (3, 4)}),
        keras_files.h5_file(tmp_path / "my.h5"),
    ):
        assert judged(path).level == SAFE
        assert judged(path).document()["findings"] == []


@pytest.mark.parametrize(
    ("release", "ending", "affected"),
    [
        ("3.15.1", ".h5", False),
        ("3.11.2", ".h5", True),
        ("3.14.1", ".keras", True),
        ("3.12.3", ".keras", False),
        ("2.12.0", ".keras", True),
        (None, ".keras", None),
        ("made here", ".keras", True),
    ],
)
def test_a_lambda_is_a_danger_whether_or_not_the_installed_keras_is_affected(
    tmp_path: Path, release: str | None, ending: str, affected: bool | None
) -> None:
    path = tmp_path / f"my{ending}"
    make = keras_files.h5_file if ending == ".h5" else keras_files.keras_file
    found = judged(make(path, hostile.CARRIERS["Lambda"][0]), release)
    assert found.level == "danger"
    (finding,) = found.findings
    assert finding.where == "mine"
    assert finding.installed_affected is affected
    assert ("CVE-2025-9905" in finding.cves) is (ending == ".h5")


def test_a_verdict_is_json(tmp_path: Path) -> None:
    path = keras_files.h5_file(tmp_path / "my.h5", hostile.CARRIERS["Lambda"][0])
    document = json.loads(json.dumps(judged(path).document()))
    assert document["level"] == "danger"
    (finding,) = document["findings"]
    assert finding["installed"] == {"keras": {"version": "3.15.1", "affected": False}}
    keras, tf_keras = finding["affected"].split("; ")
    assert keras == "keras before 3.12.3, 3.13.0 to before 3.15.0"
    assert tf_keras == "tf-keras, every release"


def test_every_kind_names_vulnerabilities_that_are_known_and_each_is_named() -> None:
    facts = known()
    named = {name for kind in facts.kinds.values() for name in kind.known}
    assert named == set(facts.vulnerabilities)
    assert {kind.level for kind in facts.kinds.values()} == set(LEVELS)
    for name, each in facts.vulnerabilities.items():
        assert each.source.startswith("https://")
        assert each.affected
        assert name.startswith(("CVE-", "keras#"))
