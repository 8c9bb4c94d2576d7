"""Networks as short documents: the same networks, a tenth of the size, damage told in a line."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from rsinspect.base.errors import GraphError
from rsinspect.networks.compact import to_compact
from rsinspect.networks.network import Network, folded, network_from_json
from tests.networks import SAVED, layout_of, network_of, saved


def read_back(network: Network) -> Network:
    return network_from_json(json.loads(json.dumps(to_compact(network))))


MADE: dict[str, Callable[[], Network]] = {
    "50": lambda: network_of(50),
    "50 of the article": lambda: network_of(50, dialect="article"),
    "50 of timm": lambda: network_of(50, dialect="timm"),
    "50 folded": lambda: folded(network_of(50)),
    "no classifier": lambda: layout_of(1, 2, include_top=False, resolution=(32, 48)),
    **{name: partial(saved, name) for name in SAVED},
}


@pytest.mark.parametrize("name", MADE)
def test_a_short_document_is_the_whole_network(name: str) -> None:
    network = MADE[name]()
    again = read_back(network)
    assert again.to_json() == network.to_json()
    assert again.fingerprint == network.fingerprint


def test_what_many_layers_share_stands_once() -> None:
    network = network_of(420)
    short, whole = (
        len(json.dumps(each, separators=(",", ":")))
        for each in (to_compact(network), network.to_json())
    )
    assert short < whole / 10
    assert to_compact(network)["names"] == {}


def test_a_name_that_no_rule_gives_is_written() -> None:
    network = layout_of(1, 1, resolution=(32, 32))
    other = network_from_json(network.to_json() | {"names": {**network.names, "stem/conv1": "x"}})
    assert to_compact(other)["names"] == {"stem/conv1": "x"}
    assert read_back(other).names["stem/conv1"] == "x"


def test_numbers_that_are_equal_and_written_otherwise_stay_apart() -> None:
    document = layout_of(1, 1, resolution=(32, 32)).to_json()
    pads = [layer for layer in document["graph"]["layers"] if layer["op"] == "BatchNorm"]
    pads[0]["config"]["momentum"], pads[1]["config"]["momentum"] = 0, 0.0
    network = network_from_json(document)
    assert json.dumps(read_back(network).to_json()) == json.dumps(network.to_json())


DAMAGE: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "beyond a column": (lambda d: d["graph"]["layers"]["op"].__setitem__(3, 999), "beyond the end"),
    "before the first": (lambda d: d["graph"]["layers"]["inputs"].__setitem__(3, [4]), "beyond"),
    "itself": (lambda d: d["graph"]["layers"]["inputs"].__setitem__(3, [0]), "comes later|itself"),
    "a later layer": (
        lambda d: d["graph"]["layers"]["inputs"].__setitem__(3, [-2]),
        "-2",
    ),
    "a short column": (lambda d: d["graph"]["layers"]["shape"].pop(), "different lengths"),
    "no column": (lambda d: d["graph"]["layers"].pop("shape"), "has no 'shape'"),
    "no graph": (lambda d: d.pop("graph"), "has no 'graph'"),
    "a rule nobody knows": (lambda d: d.update(named_by="mine"), "named_by is an unknown name"),
    "a rule without names": (lambda d: d["graph"]["names"].__setitem__(3, "x"), "no name"),
    "folding": (lambda d: d.update(folding={"folds": 3}), "damaged"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_told(what: str) -> None:
    document = json.loads(json.dumps(to_compact(layout_of(1, 1, resolution=(32, 32)))))
    damage, message = DAMAGE[what]
    damage(document)
    with pytest.raises(GraphError, match=message):
        network_from_json(document)
