"""The value at every door, its identity, and the text that names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rsinspect.base.errors import GraphError, InvalidChoice, InvalidSpec, SpecError
from rsinspect.networks.named import Named, network, networks, parse_model
from rsinspect.networks.network import from_graph, network_from_json
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
    assert [made.title for made in networks(str(path), "50")] == [
        read.title,
        "resnet-rs-50 @ 160x160",
    ]


def test_a_network_is_shown_by_its_title() -> None:
    assert repr(network_of(420)) == "Network(title='resnet-rs-420 @ 320x320')"


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
    assert bare.title == "resnet-rs-50 @ 160x160"
    document = bare.document()
    assert (document["depth"], document["blocks"], document["dialect"]) == (None, None, None)
    assert document["fingerprint"] == network_of(50).fingerprint
    assert "/" not in "".join(bare.names.values())


def test_a_damaged_document_is_refused_by_name() -> None:
    document = layout_of(1).to_json()
    del document["names"]["c2/block0/add"]
    with pytest.raises(GraphError, match="c2/block0/add has no name"):
        network_from_json(document)
