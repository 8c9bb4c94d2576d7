"""The paper's tables beside what rsinspect computes."""

from __future__ import annotations

import io
import itertools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from rsinspect import paper
from rsinspect.answers.figures import figure_answer, figure_chart, table_chart
from rsinspect.answers.printed import table_answer
from rsinspect.answers.table import Column, Table
from rsinspect.base.errors import InvalidQuestion
from rsinspect.networks import keras_process
from rsinspect.networks.keras_cache import CACHE_VARIABLE
from rsinspect.render.console import print_table
from tests.conftest import Cli
from tests.fake_keras import FakeKeras
from tests.networks import EFFICIENTNETS, keep

NUMBERS = paper.PRINTED_TABLES


def document(number: int) -> dict[str, Any]:
    return table_answer(number).document


def as_printed(value: float, printed: float) -> float:
    """The value to as many figures as the print has."""
    return round(value, 1) if printed < 10 and printed != int(printed) else round(value)


@pytest.mark.parametrize(("strong", "bold"), [(frozenset({"c2"}), True), (frozenset(), False)])
def test_a_row_stands_out_where_the_table_says_so(strong: frozenset[str], bold: bool) -> None:
    table = Table("t", (Column("path", "Path"),), ({"path": "c2"},), strong=strong)
    buffer = io.StringIO()
    print_table(table, Console(file=buffer, force_terminal=True, color_system="standard"))
    assert ("\x1b[1mc2" in buffer.getvalue()) is bold


def test_table_7_agrees_with_print_in_params_and_flops_for_all_11_networks() -> None:
    rows = [row for row in document(7)["rows"] if row["computed"]]
    assert len(rows) == 11
    for row in rows:
        printed, computed = row["printed"], row["computed"]
        assert as_printed(computed["params"] / 1e6, printed["params_M"]) == printed["params_M"]
        assert as_printed(computed["flops"] / 1e9, printed["flops_B"]) == printed["flops_B"]


TORCHVISION = {
    "EfficientNet-B0": (5_288_548, 0.4), "EfficientNet-B1": (7_794_184, 0.7),
    "EfficientNet-B2": (9_109_994, None), "EfficientNet-B3": (12_233_232, 1.8),
    "EfficientNet-B4": (19_341_616, 4.4), "EfficientNet-B5": (30_389_784, 10.3),
    "EfficientNet-B6": (43_040_704, 19.1), "EfficientNet-B7": (66_347_960, 37.7),
}  # fmt: skip
"""num_params and _ops (in units of 10^9) of its weights; those of B2 are at another size."""
TAN_AND_LE = dict(zip(TORCHVISION, (0.39, 0.70, 1.0, 1.8, 4.2, 9.9, 19, 37), strict=True))


def test_the_rows_of_efficientnet_are_computed_and_their_differences_explained(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    keep(tmp_path, *EFFICIENTNETS)  # as Keras said what they are once
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    monkeypatch.setattr(keras_process, "COMMAND", (sys.executable, "-c", "exit(3)"))
    rows = [
        row for row in table_answer(7, others=True).document["rows"] if row["model"] in TORCHVISION
    ]
    assert len(rows) == 8
    for row in rows:
        found, printed = row["computed"], row["printed"]
        trainable, macs = TORCHVISION[row["model"]]
        assert found["trainable_params"] == trainable
        assert macs in (None, round(found["macs"] / 1e9, 1))
        assert 0 < found["flops"] - 2 * found["macs"] < 0.0035 * found["flops"]  # average pools
        of_print = found["params"] if row["model"].endswith("B2") else trainable
        assert round(of_print / 1e6, 1 if of_print < 1e7 else None) == printed["params_M"]
        assert abs(2 * TAN_AND_LE[row["model"]] - printed["flops_B"]) < 0.21  # of rounding
        assert 0.96 < row["computed"]["flops_ratio"] < 1.05


def test_other_rows_are_computed_on_request(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    process = FakeKeras(monkeypatch, tmp_path)
    plain = cli("table", 7, "--notes", "full")
    assert "--computed computes EfficientNet's rows too." in plain.out
    assert process.asked == []
    page = cli("table", 7, "--computed", "--notes", "full").out
    (line,) = [line for line in page.splitlines() if line.startswith("ENet-B4")]
    assert line.split()[1] == "380"
    assert "–" not in line.split()[-3:]
    assert "twice the multiply-adds that its own paper" in " ".join(page.split())
    assert len(process.asked) == 1
    assert "computes EfficientNet" not in page
    assert "ENet-B7" in cli("table", 3, "--computed").out
    assert cli("table", 2, "--computed").out == cli("table", 2).out
    assert len(process.asked) == 1


def test_table_3_agrees_with_table_7_and_with_what_is_computed() -> None:
    seventh = {(r["model"], r["printed"]["resolution"]): r["printed"] for r in document(7)["rows"]}
    for row in document(3)["rows"]:
        printed = row["printed"]
        same = seventh[row["model"], printed["resolution"]]
        assert (printed["params_M"], printed["flops_B"]) == (same["params_M"], same["flops_B"])
        assert printed["v100_latency_s"] == pytest.approx(same["v100_latency_s"], abs=0.05)
        if row["computed"]:
            assert round(row["computed"]["flops"] / 1e9) == printed["flops_B"]


def test_table_1_adds_up_and_its_last_network_is_resnet_rs_200() -> None:
    rows = document(1)["rows"]
    for before, row in itertools.pairwise(rows):
        step = row["printed"]["top1"] - before["printed"]["top1"]
        assert step == pytest.approx(row["printed"]["delta"])
    assert rows[0]["dialect"] == "resnet"
    assert rows[0]["computed"]["params"] == 64_849_832
    assert rows[-1]["computed"]["params"] == 93_386_248
    assert len({row["computed"]["macs"] for row in rows}) == 3  # the base, + SE, + ResNet-D


def test_table_11_counts_blocks_and_the_layers_that_name_the_networks() -> None:
    depths = {
        r["model"]: r["reported"]["classic_depth"] for r in document(11)["rows"] if r["computed"]
    }
    assert depths["ResNet-RS-152"] == 152
    assert depths["ResNet-RS-420"] == 419
    first = document(11)["rows"][0]
    assert first["model"] == "ResNet-RS-26"
    assert first["computed"] is None
    assert set(first["printed"].values()) == {None}


@pytest.mark.parametrize(
    ("number", "model", "words"),
    [
        (7, "ResNet-RS-152", ["82.8", "82.2", "82.9"]),
        (8, "ResNet-RS-101", ["10", "15", "TF Model Garden"]),
        (8, "ResNet-RS-350", ["0.25", "0.4", "Keras"]),
    ],
)
def test_a_disagreement_is_footnoted_with_its_source(
    number: int, model: str, words: list[str]
) -> None:
    found = document(number)
    keys = [key for row in found["rows"] if row["model"] == model for key in row["notes"]]
    notes = [found["notes"][key] for key in keys]
    assert any(all(word in note["text"] for word in words) for note in notes)
    assert all(note["source"] for note in notes)


def test_the_schedule_is_said_to_differ() -> None:
    (note,) = [n for n in table_answer(8).table.notes if "cosine" in n]
    assert "30, 60 and 80" in note
    assert "tensorflow/tpu" in note


@pytest.mark.parametrize("number", [5, 9])
def test_a_table_nobody_has_says_where_it_would_be(number: int, cli: Cli) -> None:
    outcome = cli("table", number)
    assert outcome.code == 0
    assert "not available" in outcome.out
    assert f"Table {number}" in outcome.out
    assert document(number)["rows"] == []


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("form", ["table", "json", "yaml", "csv", "markdown", "latex"])
def test_every_table_comes_in_every_format(number: int, form: str, cli: Cli) -> None:
    outcome = cli("table", number, "--format", form)
    assert outcome.code == 0, outcome.err
    assert outcome.out.strip()
    if form == "json":
        found = json.loads(outcome.out)
        assert (found["schema"], found["table"]) == ("rsinspect.table/1", number)
    if form == "table":
        assert max(map(len, outcome.out.splitlines())) <= 80


def test_the_page_of_table_7(cli: Cli, golden: Callable[[str, str], None]) -> None:
    golden("table-7.txt", cli("table", 7).out)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("table", 13), "no table 13"),
        (("table", 0), "no table 0"),
        (("table", 7, "--convention", "macs"), "unknown convention"),
        (("table", 7, "--format", "xml"), "unknown format"),
        (("table", 3, "--plot", "x.svg"), "table 3 is not a curve"),
        (("table", 7, "--plot", "x.svg", "--x", "time"), "unknown axis"),
        (("figure", 6), "rsinspect graph 101"),
        (("figure", 2, "--plot", "x.svg"), "not available"),
    ],
)
def test_bad_input_gets_one_line_and_leaves_nothing(
    arguments: tuple[object, ...], words: str, cli: Cli, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    outcome = cli(*arguments)
    assert outcome.code == 2
    assert words in outcome.err
    assert len(outcome.err.splitlines()) <= 2
    assert not outcome.out
    assert not list(tmp_path.iterdir())


def test_figure_2_costs_its_whole_grid_but_for_depth_26() -> None:
    rows = figure_answer(2).document["rows"]
    assert len(rows) == 5 * 7 * 5
    assert {row["depth"] for row in rows if row["flops"] is None} == {26}
    largest = max(row["flops"] or 0 for row in rows)
    assert 1e11 < largest < 1e12  # the figure's axis ends at 4e11


def test_figure_3_has_the_digitised_points_with_their_cost_and_says_so(cli: Cli) -> None:
    found = figure_answer(3).document
    assert len(found["rows"]) == 84
    assert found["confidence"] == "derived"
    assert all(row["flops"] for row in found["rows"])
    assert "digitised" in cli("figure", 3).out


def test_the_curves_of_table_7_rise_and_have_all_19_points() -> None:
    (panel,) = table_chart(7).facets
    rs, efficient = panel.series
    assert (len(rs.points), len(efficient.points)) == (11, 8)
    for series in panel.series:
        assert [p.x for p in series.points] == sorted(p.x for p in series.points)
    assert {p.label for p in rs.points} >= {"RS-50@160", "RS-420@320"}
    assert table_chart(7, x="flops").facets[0].series[0].points[0].x == 4.6e9


def test_figure_3_is_drawn_by_training_length_and_marked_as_digitised() -> None:
    chart = figure_chart(3)
    assert [panel.title for panel in chart.facets] == ["10 epochs", "100 epochs", "350 epochs"]
    assert sum(len(s.points) for panel in chart.facets for s in panel.series) == 81
    assert "digitised" in chart.subtitle
    with pytest.raises(InvalidQuestion, match="not available"):
        figure_chart(2)
