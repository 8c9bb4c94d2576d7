"""What each code base calls the weights, against what its own code has called them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from rsinspect.base.errors import InvalidChoice, WeightsError
from rsinspect.layers.cost import weight_shapes
from rsinspect.layers.graph import LayerGraph
from rsinspect.networks.network import Network, from_graph
from rsinspect.weights.naming import (
    CONVENTIONS,
    TensorPlace,
    assigned,
    convention_of,
    place_of,
    tensors,
    weights_of,
)
from tests.networks import network_of

RECORDED: dict[str, Any] = json.loads(
    (Path(__file__).parent / "data" / "tensor_names.json").read_text(encoding="utf-8")
)
DEPTHS = (50, 101, 152, 200, 270, 350, 420)


def keras_shape(network: Network, place: TensorPlace) -> tuple[int, ...]:
    op = network.graph.layer(place.path).op
    return weight_shapes(op)[weights_of(op).index(place.weight)]


def named(network: Network, convention: str) -> dict[str, tuple[int, ...]]:
    return {
        name: place.stored_shape(keras_shape(network, place))
        for name, place in tensors(network, convention).items()
    }


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("convention", RECORDED)
def test_names_shapes_and_order_are_those_that_the_original_code_gives(
    depth: int, convention: str
) -> None:
    lines = []
    for name, shape in named(network_of(depth), convention).items():
        lines.append(f"{name} {shape}\n")
        if name.endswith(".running_var"):  # PyTorch's own counter, of no weight
            lines.append(f"{name.replace('running_var', 'num_batches_tracked')} ()\n")
    recorded = RECORDED[convention]["depths"][str(depth)]
    assert len(lines) == recorded["tensors"]
    assert hashlib.sha256("".join(lines).encode()).hexdigest() == recorded["sha256"]


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("dialect", ["keras", "article", "timm", "tf-models"])
def test_every_weight_has_one_name_and_every_name_one_weight(convention: str, dialect: str) -> None:
    for top in (True, False):
        network = network_of(50, dialect=dialect, include_top=top)
        names = tensors(network, convention)
        assert {(place.path, place.weight) for place in names.values()} == {
            (layer.path, weight)
            for layer in network.graph
            if weight_shapes(layer.op)
            for weight in weights_of(layer.op)
        }
        assert convention_of(names) == convention
        for name, place in names.items():
            shape = keras_shape(network, place)
            assert place.keras_shape(place.stored_shape(shape)) == shape
            assert place_of(name, convention) in (
                (place,) if convention in ("keras-2", "timm") else (None,)
            )


def test_the_tables_refuse_what_they_have_no_name_for() -> None:
    pad = list(network_of(50).graph)[:7]
    odd = LayerGraph("odd", (*pad[:-1], pad[-1]._replace(path="stem/bn9", op=pad[-2].op)))
    with pytest.raises(WeightsError, match="timm's convention has no name for stem/bn9 of odd"):
        tensors(from_graph(odd), "timm")
    with pytest.raises(InvalidChoice, match="convention"):
        tensors(network_of(50), "kears-2")


def test_all_tensors_of_a_state_dict_are_accounted_for() -> None:
    network = network_of(50)
    names = [*tensors(network, "timm")]
    there = [f"module.{name}" for name in names if name != "conv1.3.weight"]
    there += ["module.bn1.num_batches_tracked", "epoch", "other.conv1.0.weight"]
    found = assigned(there, network, "timm")
    assert [*found.found] == [f"module.{name}" for name in names if name != "conv1.3.weight"]
    assert [*found.missing] == ["module.conv1.3.weight"]
    assert found.besides == {
        "module.bn1.num_batches_tracked": "PyTorch's count of batches",
        "epoch": "no part of resnet-rs-50",
        "other.conv1.0.weight": "no part of resnet-rs-50",
    }


def test_of_two_copies_of_a_network_the_moving_average_is_taken() -> None:
    network = network_of(50)
    names = [*tensors(network, "timm")]
    there = [f"{part}.{name}" for part in ("state_dict", "state_dict_ema") for name in names]
    found = assigned(there, network, "timm")
    assert {name.partition(".")[0] for name in found.found} == {"state_dict_ema"}
    assert len(found.found) == len(found.besides) == len(names)


@pytest.mark.parametrize("averaged", [True, False])
def test_of_a_checkpoint_the_moving_averages_are_taken_or_the_weights(averaged: bool) -> None:
    network = network_of(50)
    names = [*tensors(network, "tpu")]
    average = [f"{name}/ExponentialMovingAverage" for name in names]
    slots = [f"{name}/Momentum" for name in names if "moving" not in name]
    found = assigned([*names, *average, *slots, "global_step"], network, "tpu", averaged=averaged)
    assert [*found.found] == (average if averaged else names)
    assert not found.missing
    assert set(found.besides) == {*(names if averaged else average), *slots, "global_step"}
    assert found.besides["conv2d/kernel/Momentum"] == "the optimizer's"
