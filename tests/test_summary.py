from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rsinspect.answers.explain import explain, explain_answer
from rsinspect.answers.rows import LEVELS, summary_rows
from rsinspect.answers.summary import SummaryOptions, column_keys, summary_answer
from rsinspect.layers import ops
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.ops import TensorShape
from rsinspect.layers.question import Question
from rsinspect.layers.structure import structure_of
from rsinspect.networks.network import from_graph
from rsinspect.networks.resnet_rs import build_graph
from rsinspect.networks.spec import ResNetRSSpec
from tests.conftest import Cli
from tests.networks import network_of, saved


def rows_of(cli: Cli, *arguments: object) -> list[dict[str, str]]:
    outcome = cli("summary", *arguments, "--format", "csv")
    assert outcome.code == 0, outcome.err
    return list(csv.DictReader(io.StringIO(outcome.out)))


def document_of(cli: Cli, *arguments: object) -> dict[str, object]:
    outcome = cli("summary", *arguments, "--format", "json")
    assert outcome.code == 0, outcome.err
    document: dict[str, object] = json.loads(outcome.out)
    return document


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("summary-101.txt", ["101"]),
        ("summary-101-block.txt", ["101", "--level", "block"]),
        ("summary-50-layer.txt", ["50", "--level", "layer"]),
        ("summary-50-all-columns.txt", ["50", "--columns", "all"]),
        ("summary-50-explain.txt", ["50", "-e", "c4/block0/conv2", "-e", "c4"]),
        ("summary-152.md", ["152@224", "--format", "markdown"]),
        ("summary-152.tex", ["152@224", "--format", "latex"]),
    ],
)
def test_the_pages_are_as_reviewed(
    cli: Cli, golden: Callable[[str, str], None], name: str, arguments: list[str]
) -> None:
    golden(name, cli("summary", *arguments).out)


@pytest.mark.parametrize("level", ["stage", "block", "layer"])
@pytest.mark.parametrize("depth", [50, 420])
def test_no_line_is_wider_than_the_page_and_nothing_is_cut(
    cli: Cli, depth: int, level: str
) -> None:
    page = cli("summary", depth, "--level", level).out
    assert max(map(len, page.splitlines())) <= 80
    assert "…" not in page


def test_every_column_fits_an_80_column_page_in_bands(cli: Cli) -> None:
    page = cli("summary", 420, "--level", "block", "--columns", "all").out
    assert max(map(len, page.splitlines())) <= 80
    assert page.count("c4/block1-86") >= 3


def test_in_a_pipe_a_wide_table_stays_in_one_piece(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS")
    from rsinspect.cli.app import run

    monkeypatch.setattr("sys.stdout", buffer := io.StringIO())
    assert run(["summary", "420", "--level", "block", "--columns", "all"]) == 0
    lines = buffer.getvalue().splitlines()
    assert sum(line.startswith("c4/block1-86 ") for line in lines) == 1


def test_json_has_the_keys_others_rely_on(cli: Cli) -> None:
    document = document_of(cli, 101)
    assert document["schema"] == "rsinspect.summary/1"
    assert document["convention"] == "paper"
    model, totals, rows = document["model"], document["totals"], document["rows"]
    assert isinstance(model, dict)
    assert {"name", "depth", "blocks", "resolution", "dialect"} <= set(model)
    assert isinstance(totals, dict)
    assert totals["params"] == 63_724_296
    assert totals["trainable_params"] == 63_618_696
    assert totals["non_trainable_params"] == 105_600
    assert totals["macs"] == 6_012_157_952
    assert totals["layers"] == 529
    assert {"flops", "activation_bytes", "peak_activation_bytes"} <= set(totals)
    assert isinstance(rows, list)
    expected = {"path", "kind", "level", "repeats", "output_shape", "params", "trainable_params",
                "macs", "flops", "activation_bytes"}  # fmt: skip
    assert all(expected <= set(row) for row in rows)


@pytest.mark.parametrize("level", ["stage", "block", "layer"])
@pytest.mark.parametrize("fold", ["--fold", "--no-fold"])
def test_json_rows_add_up_to_the_totals(cli: Cli, level: str, fold: str) -> None:
    document = document_of(cli, 152, "--level", level, fold, "--batch", 3)
    rows, totals = document["rows"], document["totals"]
    assert isinstance(rows, list)
    assert isinstance(totals, dict)
    for key in ("params", "trainable_params", "macs", "flops", "activation_bytes", "bytes_moved"):
        assert sum(row[key] for row in rows) == totals[key]
    parts = sum(row["repeats"] for row in rows)
    assert parts == {"stage": 7, "block": 53, "layer": 784}[level]


def test_csv_has_every_column_and_exact_numbers(cli: Cli) -> None:
    rows = rows_of(cli, 101)
    assert tuple(rows[0]) == column_keys()
    assert rows[4]["path"] == "c4"
    assert rows[4]["params"] == "38251264"
    assert rows[-1]["receptive_field"] == ""


def test_rows_are_filtered_sorted_and_cut(cli: Cli) -> None:
    rows = rows_of(cli, 50, "-l", "layer", "--filter", "Conv2D", "--sort", "params", "--limit", 3)
    params = [int(row["params"]) for row in rows]
    assert len(rows) == 3
    assert params == sorted(params, reverse=True)
    assert all(row["kind"] == "Conv2D" for row in rows)
    paths = [row["path"] for row in rows_of(cli, 50, "-l", "block", "--filter", "c4/*")]
    assert paths == ["c4/block0", "c4/block1-5"]


def test_what_is_shown_is_summed_beside_the_whole(cli: Cli) -> None:
    page = cli("summary", 50, "--limit", 2, "--sort", "params").out
    assert "shown" in page
    assert "total" in page


def test_bytes_scale_with_batch_and_dtype(cli: Cli) -> None:
    one = document_of(cli, 50)["totals"]
    eight = document_of(cli, 50, "--batch", 8, "--dtype", "float16")["totals"]
    assert isinstance(one, dict)
    assert isinstance(eight, dict)
    assert eight["activation_bytes"] == 4 * one["activation_bytes"]
    assert eight["peak_activation_bytes"] == 4 * one["peak_activation_bytes"]
    assert 2 * eight["weight_bytes"] == one["weight_bytes"]
    assert eight["macs"] == one["macs"]


def test_the_column_head_names_the_convention(cli: Cli) -> None:
    for convention in ("paper", "timm", "full"):
        page = cli("summary", 50, "--convention", convention).out
        assert f"({convention})" in page
    assert "FLOPs (" not in cli("summary", 50, "--convention", "mac").out


@pytest.fixture(scope="module")
def graph() -> LayerGraph:
    return build_graph(ResNetRSSpec.variant(101))


@pytest.mark.parametrize("convention", ["mac", "paper", "timm", "full"])
def test_every_formula_evaluates_to_its_number(graph: LayerGraph, convention: str) -> None:
    paths = [
        *(s.path for s in structure_of(graph).stages),
        *(g.path for g in structure_of(graph).groups),
        *(a.path for a in graph),
    ]
    seen = 0
    for path in paths:
        for line in explain(graph, path, Question(convention)):
            assert eval(line.numbers) == line.value, (path, line)
            seen += 1
    assert seen > 1000


def test_explaining_shows_formula_and_numbers(cli: Cli) -> None:
    page = cli("summary", "101", "--explain", "c4/block0/conv2").out
    assert "H*W*k^2*in*filters" in page
    assert "12*12*3*3*256*256" in page
    assert "84 934 656" in page


@pytest.mark.parametrize(
    ("arguments", "columns", "words"),
    [
        (["101", "-e", "c4/block0/conv2"], 4, "k^2*in*filters = 3*3*256*256"),
        (["101", "--columns", "all"], 20, "<0.1 %"),
    ],
)
def test_a_markdown_reader_sees_what_the_console_shows(
    cli: Cli, arguments: list[str], columns: int, words: str
) -> None:
    from markdown_it import MarkdownIt

    page = cli("summary", *arguments, "--format", "markdown").out
    tokens = MarkdownIt("commonmark").enable("table").parse(page)
    assert sum(token.type == "th_open" for token in tokens) == columns
    assert not any(child.type == "em_open" for t in tokens for child in t.children or ())
    cells = ["".join(c.content for c in token.children or ()) for token in tokens]
    assert words in cells


def test_a_summary_can_go_to_a_file(cli: Cli, tmp_path: Path) -> None:
    target = tmp_path / "rs50.json"
    outcome = cli("summary", 50, "--format", "json", "-o", target)
    assert (outcome.code, outcome.out) == (0, "")
    assert json.loads(target.read_text())["totals"]["params"] == 35_745_288
    assert [path.name for path in tmp_path.iterdir()] == ["rs50.json"]


def test_a_network_without_a_spec_is_summarised_and_explained() -> None:
    stem = ops.Conv2D(kernel=3, in_channels=3, filters=8, stride=2)
    shape = TensorShape(32, 32, 3)
    half = TensorShape(16, 16, 8)
    graph = LayerGraph(
        "tiny",
        (
            Layer("photo", ops.Input(shape), (), shape),
            Layer("first", stem, ("photo",), half),
            Layer("pool", ops.GlobalAvgPool(), ("first",), TensorShape(8)),
        ),
    )
    tiny = from_graph(graph)
    for level in LEVELS:
        result = summary_answer(tiny, SummaryOptions(level=level))
        assert result.table.title == "tiny @ 32×32"
        assert result.document["totals"]["params"] == 3 * 3 * 3 * 8
    model = result.document["model"]
    assert (model["depth"], model["blocks"], model["dialect"]) == (None, None, None)
    formulas = explain_answer(tiny, ("first",), Question()).table.rows
    assert formulas[0]["formula"] == "k^2*in*filters\n= 3*3*3*8"


def test_labels_of_layers_do_not_depend_on_how_blocks_are_called() -> None:
    """Scrambled names give the same rows, each with the name of its own layer."""
    network = network_of(50)
    paths = {layer.path: f"x{index}" for index, layer in enumerate(network.graph)}
    scrambled = LayerGraph(
        "scrambled",
        tuple(
            layer._replace(path=paths[layer.path], inputs=tuple(paths[p] for p in layer.inputs))
            for layer in network.graph
        ),
    )
    named = summary_rows(network.graph, "layer")
    rows = summary_rows(scrambled, "layer")
    assert [(row.cost, row.repeats, row.op) for row in rows] == [
        (row.cost, row.repeats, row.op) for row in named
    ]
    assert [row.path for row in rows] == [paths[row.path] for row in named]
    assert [row.last for row in rows] == [paths[row.last] for row in named]


def test_several_inputs_and_outputs_are_named() -> None:
    lead = summary_answer(saved("siamese"), SummaryOptions()).table.lead
    graph = saved("siamese").graph
    said = ", ".join(f"{layer.path} {layer.shape}" for layer in graph.inputs)
    assert f"{len(graph.inputs)} inputs: {said}." in lead
    assert not summary_answer(saved("MobileNetV2"), SummaryOptions()).table.lead
