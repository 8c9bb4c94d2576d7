"""The small network of the distinct blocks."""

import re
from itertools import pairwise

import pytest

from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.partition import segments
from rsinspect.networks.dialects import DIALECTS
from rsinspect.networks.network import Network, from_graph, resnet_rs
from rsinspect.profiling.distinct import Distinct, distinct_blocks
from tests.networks import layout_of, network_of


def small_of(network: Network) -> Network:
    distinct = distinct_blocks(network)
    assert distinct is not None
    return distinct.network


def distinct_of(depth: int) -> Distinct:
    distinct = distinct_blocks(network_of(depth))
    assert distinct is not None
    return distinct


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


def test_several_outputs_are_of_the_last_segment_which_stands_for_itself_alone() -> None:
    graph = network_of(101).graph
    pool, classifier = graph.layer("head/avg_pool"), graph.layer("head/classifier")
    other = classifier._replace(path="head/other", inputs=(pool.path,))
    whole = from_graph(LayerGraph("two", (*graph, other), (*graph.outputs, other.path)))
    distinct = distinct_blocks(whole)
    assert distinct is not None
    assert distinct.network.graph.outputs == whole.graph.outputs
    assert distinct.repeats == distinct_of(101).repeats


def test_a_last_block_with_two_outputs_is_no_other_block() -> None:
    """It is like those before it in everything but what it hands on."""
    graph = network_of(101).graph
    end = next(i for i, layer in enumerate(graph) if layer.path == "c4/block22/out")
    layers = graph.layers[: end + 1]
    whole = from_graph(LayerGraph("cut", layers, ("c4/block22/add", "c4/block22/out")))
    distinct = distinct_blocks(whole)
    assert distinct is not None
    assert distinct.network.graph.outputs == whole.graph.outputs
    assert (distinct.repeats["c4/block1"], distinct.repeats["c4/block22"]) == (21, 1)


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
