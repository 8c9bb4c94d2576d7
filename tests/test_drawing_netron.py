"""Attachments of Netron: a row for every node it has, with the numbers of the graph."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import rsinspect
from rsinspect.base.errors import UnknownFormat, UnknownPicture
from rsinspect.drawing.comparison import comparison
from rsinspect.drawing.formats import render
from rsinspect.drawing.netron import METRICS, attachment
from rsinspect.drawing.views import view
from rsinspect.layers import ops
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.ops import TensorShape
from rsinspect.networks.network import Network, from_graph
from tests.conftest import Cli
from tests.networks import network_of


def rows(network: Network, container: str = "metrics", kind: str = "node") -> dict[str, Any]:
    """Values of an attachment by name, by target."""
    found: dict[str, Any] = {}
    for row in attachment(view(network, "layers"))[container]:
        if row["kind"] == kind:
            assert row["name"] not in found.setdefault(row["target"], {})
            found[row["target"]][row["name"]] = row["value"]
    return found


def test_every_layer_has_a_row_by_the_name_in_the_users_file() -> None:
    network = network_of(101)
    metrics = rows(network)
    assert set(metrics) == set(network.names.values())
    assert metrics["BlockGroup4__block_22__conv_2"]["parameters"] == 256 * 256 * 9
    assert rows(network, "metadata")["BlockGroup4__block_22__conv_2"] == {
        "op": "conv 3×3, 256",
        "output": "12×12×256",
        "stage": "c4",
        "block": "c4/block22",
        "path": "c4/block22/conv2",
        "costs": "590 k params, 84.9 M MACs, 170 M FLOPs (paper), 144 KiB of outputs, "
        "64 FLOPs per byte",
    }


def test_rows_of_the_layers_add_up_to_those_of_the_model() -> None:
    network = network_of(50)
    whole = rows(network, kind="model")[""]
    for name in METRICS.values():
        assert sum(values[name] for values in rows(network).values()) == whole[name]
    assert (whole["parameters"], whole["MACs"]) == (
        network.cost.params,
        network.cost.macs,
    )
    shown = rows(network, "metadata", "graph")["resnet-rs-50"]
    assert shown["parameters"] == "35 745 288"


def nested() -> Network:
    """Two images through one tower, a nested model; one dense layer used twice."""
    image, flat = TensorShape(8, 8, 3), TensorShape(4)
    conv = ops.Conv2D(kernel=1, in_channels=3, filters=4)
    dense = ops.Dense(in_channels=4, units=4)

    def tower(path: str, source: str, shares: bool) -> tuple[Layer, ...]:
        first = "tower/conv" if shares else None
        return (
            Layer(source, ops.Input(image), (), image),
            Layer(f"{path}/conv", conv, (source,), TensorShape(8, 8, 4), shares=first),
            Layer(f"{path}/pool", ops.GlobalAvgPool(), (f"{path}/conv",), flat),
        )

    layers = (
        *tower("tower", "left", False),
        *tower("tower.2", "right", True),
        Layer("dense", dense, ("tower/pool",), flat),
        Layer("dense.2", dense, ("tower.2/pool",), flat, shares="dense"),
        Layer("sum", ops.Add(), ("dense", "dense.2"), flat),
    )
    names = {layer.path: layer.path.replace(".2", "") for layer in layers}
    return from_graph(LayerGraph("siamese", layers), names)


def test_what_is_used_twice_has_a_row_for_each_use_and_for_what_is_inside() -> None:
    network = nested()
    metrics = rows(network)
    assert set(metrics) == {
        "left", "right", "tower[0]", "tower[1]", "conv", "pool", "dense[0]", "dense[1]", "dense",
        "sum",
    }  # fmt: skip
    params = {target: values["parameters"] for target, values in metrics.items()}
    assert (params["tower[0]"], params["conv"], params["dense[0]"]) == (12, 12, 20)
    assert metrics["tower[0]"]["MACs"] == metrics["tower[1]"]["MACs"] == 768
    assert rows(network, kind="model")[""]["parameters"] == network.cost.params
    assert rows(network, "metadata", "graph")["tower"]["layers"] == "2"


def test_a_layer_of_a_nested_model_is_called_by_both_names() -> None:
    network = nested()
    network = from_graph(LayerGraph("one", network.graph.layers[:3]), network.names)
    assert set(rows(network)) == {"left", "tower", "tower/conv", "tower/pool"}
    assert rows(network)["tower"] == rows(network)["tower/conv"] | {
        "activation bytes": 4 * (8 * 8 * 4 + 4),
        "FLOPs": 2 * 768 + 8 * 8 * 4,
    }


@pytest.mark.parametrize("name", ["figure6", "stages", "blocks"])
def test_a_picture_that_leaves_layers_out_is_refused(name: str) -> None:
    with pytest.raises(UnknownPicture, match="every layer"):
        render(view(network_of(50), name), "netron.json")


def test_two_networks_are_refused() -> None:
    scene = comparison(network_of(50), network_of(101), view="layers")
    with pytest.raises(UnknownPicture, match="of one network"):
        attachment(scene)


def test_the_suffix_names_it_from_either_door(cli: Cli, tmp_path: Path) -> None:
    assert cli("graph", "50", "-o", tmp_path / "a.netron.json").code == 0
    rsinspect.graph("50").save(tmp_path / "b.Netron.json")
    one, other = (
        json.loads((tmp_path / name).read_text()) for name in ("a.netron.json", "b.Netron.json")
    )
    assert one == other
    assert one["signature"] == "netron:attachment"
    assert Counter(row["kind"] for row in one["metrics"])["model"] == len(METRICS)
    with pytest.raises(UnknownFormat, match="cannot be written"):
        rsinspect.graph("50").save(tmp_path / "c.json")
    assert {path.name for path in tmp_path.iterdir()} == {"a.netron.json", "b.Netron.json"}
