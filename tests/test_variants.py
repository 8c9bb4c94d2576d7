from __future__ import annotations

import json
from collections.abc import Callable

from rsinspect import paper
from tests.conftest import Cli


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
