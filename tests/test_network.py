"""The value at every door, its identity, and the text that names it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rsinspect.base.errors import GraphError, InvalidChoice, InvalidSpec, SpecError
from rsinspect.networks.grammar import Named, parse_model
from rsinspect.networks.named import compared, network
from rsinspect.networks.network import from_graph, network_from_json, resnet_rs
from rsinspect.networks.spec import ResNetRSSpec
from tests.conftest import Cli
from tests.networks import layout_of, network_of


def test_the_same_text_makes_the_same_network() -> None:
    assert network("152@224").fingerprint == network("resnet-rs-152-i224").fingerprint
    assert network("152@224").fingerprint != network("152").fingerprint


def test_one_grammar_names_depth_resolution_dialect_and_gate() -> None:
    assert parse_model("50@160x192:article") == Named(50, (160, 192), "article")
    assert parse_model("200:resnet+se") == Named(200, None, "resnet", True)
    assert parse_model("50-se").se is False
    assert str(parse_model("50@160x192:article-se")) == "50@160x192:article-se"


def test_text_and_arguments_that_disagree_are_refused() -> None:
    with pytest.raises(InvalidSpec, match="the resolution 192 disagree"):
        parse_model("50@160").spec(resolution=(192, 192))
    with pytest.raises(InvalidSpec, match="the dialect timm disagree"):
        parse_model("50:article").spec(dialect="timm")
    with pytest.raises(InvalidSpec, match="SE ratio"):
        parse_model("50-se").spec(se_ratio=0.25)


@pytest.mark.parametrize("text", ["", "x\ny", "50:", "50:nobody", "9" * 40, "50@", "50+es"])
def test_text_that_names_nothing_is_refused(text: str) -> None:
    with pytest.raises((SpecError, InvalidChoice)):
        network(text)


def test_a_network_written_to_a_file_is_a_model(tmp_path: Path) -> None:
    path = tmp_path / "small.json"
    layout_of(1, 2, dialect="timm").save(path)
    read = network(str(path))
    assert read.fingerprint == layout_of(1, 2, dialect="timm").fingerprint
    assert read.names["c3/block1/conv2"] == "BlockGroup3__block_1__conv_2"
    assert read.document()["depth"] is None
    assert [made.title for made in compared(str(path), "50").networks] == [
        read.title,
        "ResNet-RS-50 @ 160×160",
    ]


def test_a_network_is_shown_by_its_title() -> None:
    assert repr(network_of(420)) == "Network(title='ResNet-RS-420 @ 320×320')"


def test_a_network_is_saved_as_json_alone(tmp_path: Path) -> None:
    with pytest.raises(InvalidChoice, match=r"did you mean \.json"):
        layout_of(1).save(tmp_path / "small.jsn")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"schema": "rsinspect.graph/1"}', "[" * 9999])
def test_a_file_that_holds_no_network_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(content)
    with pytest.raises(InvalidSpec):
        network(str(path))


def test_a_file_that_is_not_there_is_refused() -> None:
    with pytest.raises(InvalidSpec, match="cannot be read"):
        network("nowhere.json")


def test_a_bare_graph_is_a_network_without_a_spec() -> None:
    bare = from_graph(network_of(50).graph)
    assert bare.title == "resnet-rs-50 @ 160×160"
    document = bare.document()
    assert (bare.spec, document["source"]) == (None, "graph")
    assert document["fingerprint"] == network_of(50).fingerprint
    assert "/" not in "".join(bare.names.values())


def test_a_damaged_document_is_refused_by_name() -> None:
    document = layout_of(1).to_json()
    del document["names"]["c2/block0/add"]
    with pytest.raises(GraphError, match="c2/block0/add has no name"):
        network_from_json(document)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("101", "ResNet-RS-101 @ 192×192"),
        ("101@160x192:article", "ResNet-RS-101 @ 160×192 (article)"),
        ("50@224:resnet", "ResNet-50 @ 224×224"),
        ("50@224:resnet-d+se", "ResNet-50-D + SE @ 224×224"),
    ],
)
def test_a_title_is_written_as_in_the_literature_and_a_name_as_before(
    text: str, title: str
) -> None:
    made = network(text)
    assert made.title == title
    assert made.document()["name"] in ("resnet-rs-101", "resnet-50", "resnet-d-50")
    assert made.document()["resolution"] == list(made.resolution or ())


def test_a_layout_of_ones_own_is_titled_likewise() -> None:
    made = resnet_rs(ResNetRSSpec.layout((2, 2), width=0.5))
    assert (made.title, made.name) == ("ResNet-RS-2-2 ×0.5 @ 224×224", "resnet-rs-2-2-w0.5")


def test_data_keeps_the_letter_x_and_people_get_a_multiplication_sign(cli: Cli) -> None:
    for format, sign in (("csv", "160x160x3"), ("table", "160×160×3"), ("markdown", "160×160×3")):
        assert sign in cli("summary", "50", "-f", format).out
    assert "×" not in cli("summary", "50", "--level", "layer", "-f", "csv").out
    rows = json.loads(cli("summary", "50", "--level", "layer", "-f", "json").out)["rows"]
    assert {"conv 3x3/2, 32", "conv 1x1, 64"} <= {row["op"] for row in rows}


@pytest.mark.parametrize("command", ["summary 50", "diff 50 101"])
def test_a_terminal_without_the_sign_shows_the_letter(command: str) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "rsinspect", *command.split()],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=True,
    )
    assert b"ResNet-RS-50 @ 1" in shown.stdout
    assert b"60x160" in shown.stdout or b"192x192" in shown.stdout
