"""The small network of the distinct blocks."""

import re
from itertools import pairwise

import pytest

from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.partition import segments
from rsinspect.networks.dialects import DIALECTS
from rsinspect.networks.network import Network, from_graph, resnet_rs
from rsinspect.profiling.distinct import distinct_blocks
from tests.networks import layout_of, network_of


def small_of(network: Network) -> Network:
    distinct = distinct_blocks(network)
    assert distinct is not None
    return distinct.network


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_distinct_blocks_are_those_of_the_network_with_two_blocks_a_stage(dialect: str) -> None:
    whole = network_of(152, dialect=dialect)
    assert whole.spec is not None
    few = resnet_rs(whole.spec.replace(blocks=(2, 2, 2, 2)))
    assert small_of(whole).fingerprint == few.fingerprint
    assert dict(small_of(whole).names) == dict(few.names)


def test_blocks_that_differ_in_their_drop_rate_alone_count_as_one() -> None:
    distinct = distinct_blocks(network_of(200, dialect="timm", drop_path_rate=0.2))
    assert distinct is not None
    assert distinct.network.blocks == (2, 2, 2, 2)
    assert distinct.repeats["c4/block1"] == 35


def test_every_segment_of_the_whole_network_is_stood_for_once() -> None:
    whole = network_of(420)
    distinct = distinct_blocks(whole)
    assert distinct is not None
    small = distinct.network.graph
    assert [layer for part in distinct.segments for layer in part.layers] == list(small)
    assert list(distinct.repeats) == [part.path for part in distinct.segments]
    assert sum(distinct.repeats.values()) == len(segments(whole.graph, "block"))
    for before, after in pairwise(distinct.segments):
        assert after.inputs == before.outputs


def test_a_network_without_repeats_has_no_smaller_one() -> None:
    assert distinct_blocks(layout_of(2, 2)) is None


def test_names_do_not_matter() -> None:
    graph = network_of(101).graph
    scrambled = {layer.path: f"layer_{number}" for number, layer in enumerate(graph)}
    layers = tuple(
        Layer(scrambled[x.path], x.op, tuple(scrambled[i] for i in x.inputs), x.shape)
        for x in graph
    )
    other = distinct_blocks(from_graph(LayerGraph("scrambled", layers)))
    assert other is not None
    assert other.network.fingerprint == small_of(network_of(101)).fingerprint
    assert other.repeats["c4/block1"] == 22
    assert all(re.fullmatch(r"layer_\d+", layer.path) for layer in other.network.graph)
