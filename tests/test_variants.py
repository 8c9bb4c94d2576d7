from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rsinspect import paper
from rsinspect.networks.applications import FAMILIES, names
from tests.conftest import Cli
from tests.fake_keras import FakeKeras


def test_the_page_is_as_reviewed(cli: Cli, golden: Callable[[str, str], None]) -> None:
    page = cli("variants").out
    assert max(map(len, page.splitlines())) <= 80
    golden("variants.txt", page)


def test_computed_and_printed_stand_apart(cli: Cli) -> None:
    document = json.loads(cli("variants", "--format", "json").out)
    assert document["schema"] == "rsinspect.variants/1"
    assert len(document["rows"]) == 11
    for row, printed in zip(document["rows"], paper.table7(), strict=True):
        assert row["printed"]["flops_B"] == printed.flops_B
        assert row["computed"]["params"] // 10**6 in (printed.params_M, printed.params_M - 1)


def test_the_scaling_study_joins_on_request_without_printed_figures(cli: Cli) -> None:
    rows = json.loads(cli("variants", "--all", "--format", "json").out)["rows"]
    assert [row["model"]["depth"] for row in rows[11:]] == [300, 400]
    assert all(row["printed"] is None for row in rows[11:])
    (line,) = [a for a in cli("variants", "--all").out.splitlines() if a.startswith("300@224")]
    assert line.split()[-4:] == ["–"] * 4


def test_a_family_of_keras_applications_is_built_by_one_process(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    process = FakeKeras(monkeypatch, tmp_path)
    found = cli("variants", "--family", "EfficientNet")
    assert (found.code, found.err.splitlines()[1]) == (0, "1 of 8: EfficientNetB0 @ 224×224")
    assert process.asked == [list(names("efficientnet"))]
    assert max(map(len, found.out.splitlines())) <= 80
    (line,) = [line for line in found.out.splitlines() if line.startswith("EfficientNetB7@600")]
    assert line.split()[-4:] == ["66", "74", "84.7", "29.90"]  # as printed in Table 7
    again = cli("variants", "--family", "efficientnet", "-f", "json")
    rows = json.loads(again.out)["rows"]
    assert (again.err, len(process.asked)) == ("", 1)
    assert [row["model"]["resolution"][0] for row in rows] == [
        *FAMILIES["efficientnet"].sizes.values()
    ]
    assert [row["computed"]["params"] for row in rows] == [4 * len("EfficientNetB0")] * 8


def test_all_of_keras_applications_are_listed(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    process = FakeKeras(monkeypatch, tmp_path)
    rows = json.loads(cli("variants", "--family", "all", "-f", "json", "-q").out)["rows"]
    assert len(rows) == len(process.asked[0]) == len(names()) == 40
    assert "Keras ResNet50@224" in cli("variants", "--family", "resnet").out  # He et al.'s is ours
    assert len(process.asked) == 1


def test_the_list_of_families_needs_no_keras(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    process = FakeKeras(monkeypatch, tmp_path)
    page = cli("variants", "--family", "list").out
    assert all(family in page for family in FAMILIES)
    assert max(map(len, page.splitlines())) <= 80
    document = json.loads(cli("variants", "--family", "list", "-f", "json").out)
    assert document["schema"] == "rsinspect.families/1"
    assert sum(len(row["networks"]) for row in document["rows"]) == 40
    assert process.asked == []


@pytest.mark.parametrize(
    ("line", "said"),
    [("--family eficientnet", "did you mean efficientnet?"), ("--family vgg --all", "--all is of")],
)
def test_no_such_family_is_refused(cli: Cli, line: str, said: str) -> None:
    outcome = cli("variants", *line.split())
    assert (outcome.code, outcome.out) == (2, "")
    assert said in outcome.err
