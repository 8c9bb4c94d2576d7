"""Laws that hold for every network, tried on networks nobody thought of."""

from __future__ import annotations

import json

from hypothesis import given, settings

from rsinspect.answers.rows import LEVELS, summary_rows
from rsinspect.layers.cost import Cost, layers_cost
from rsinspect.layers.document import from_json, to_json
from rsinspect.layers.fold import fold, unfold
from rsinspect.layers.liveness import Peak, liveness, peak_activation
from rsinspect.layers.structure import structure_of
from rsinspect.networks.keras_names import keras_name, layer_path
from rsinspect.networks.resnet_rs import build_graph
from rsinspect.networks.spec import ResNetRSSpec, round_channels
from tests.strategies import sizes, specs

laws = settings(max_examples=60, deadline=None)


@laws
@given(specs)
def test_rows_add_up_to_the_whole_at_every_level_folded_or_not(spec: ResNetRSSpec) -> None:
    graph = build_graph(spec)
    whole = layers_cost(graph, graph)
    for level in LEVELS:
        for folded in (True, False):
            rows = summary_rows(graph, level, folded=folded)
            assert Cost.total(row.cost for row in rows) == whole


@laws
@given(specs)
def test_unfolding_gives_every_block_back(spec: ResNetRSSpec) -> None:
    graph = build_graph(spec)
    runs = fold(graph, structure_of(graph).groups)
    assert unfold(runs) == structure_of(graph).groups
    folded = Cost.total(layers_cost(graph, run.first.layers) * run.repeats for run in runs)
    assert folded == layers_cost(graph, graph)


@laws
@given(specs)
def test_json_is_the_identity(spec: ResNetRSSpec) -> None:
    graph = build_graph(spec)
    assert from_json(json.loads(json.dumps(to_json(graph)))) == graph


@laws
@given(specs, sizes)
def test_params_do_not_depend_on_the_resolution(
    spec: ResNetRSSpec, resolution: tuple[int, int]
) -> None:
    one, other = build_graph(spec), build_graph(spec.replace(resolution=resolution))
    assert layers_cost(one, one).params == layers_cost(other, other).params


@laws
@given(specs)
def test_doubling_a_side_divisible_by_32_makes_four_times_the_convolutions(
    spec: ResNetRSSpec,
) -> None:
    def spatial(side: int) -> int:
        graph = build_graph(spec.replace(resolution=(side, side)))
        layers = [
            layer
            for layer in graph
            if "/se/" not in layer.path and not layer.path.startswith("head/")
        ]
        return layers_cost(graph, layers).macs

    if len(spec.blocks) <= 4:
        assert spatial(128) == 4 * spatial(64)


@laws
@given(specs)
def test_macs_equal_the_closed_form(spec: ResNetRSSpec) -> None:
    """Worked from the spec alone, without the graph's layers."""
    height, width_px = spec.resolution
    total, before = 0, spec.channels
    for base, stride in zip(spec.dialect.stem_filters, spec.dialect.stem_strides, strict=True):
        filters = round_channels(base, spec.width)
        height, width_px = -(-height // stride), -(-width_px // stride)
        total += height * width_px * spec.dialect.stem_kernel**2 * before * filters
        before = filters
    if spec.dialect.stem_pool:
        height, width_px = -(-height // 2), -(-width_px // 2)
    for index, (base, blocks) in enumerate(zip(spec.filters, spec.blocks, strict=True)):
        f = round_channels(base, spec.width)
        stride = spec.dialect.first_stage_stride if index == 0 else 2
        entry = height * width_px
        height, width_px = -(-height // stride), -(-width_px // stride)
        area = height * width_px
        total += (entry if spec.dialect.strided_conv == 2 else area) * before * f
        total += area * (9 * f * f + f * 4 * f + before * 4 * f)
        total += (blocks - 1) * area * (4 * f * f + 9 * f * f + f * 4 * f)
        if spec.se_ratio:
            total += blocks * 2 * 4 * f * max(1, int(4 * f * spec.se_ratio))
        before = 4 * f
    if spec.include_top:
        total += before * spec.classes
    graph = build_graph(spec)
    assert layers_cost(graph, graph).macs == total


@laws
@given(specs)
def test_the_peak_is_between_the_largest_tensor_and_the_sum_of_all(spec: ResNetRSSpec) -> None:
    graph = build_graph(spec)
    peak = peak_activation(graph).elements
    assert max(layer.shape.elements for layer in graph) <= peak
    assert peak <= layers_cost(graph, graph).outputs


@laws
@given(specs)
def test_keras_names_are_unique_and_lead_back(spec: ResNetRSSpec) -> None:
    paths = [layer.path for layer in build_graph(spec)]
    names = [keras_name(path, spec.dialect) for path in paths]
    assert len(set(names)) == len(names)
    assert [layer_path(name, spec.dialect) for name in names] == paths


@laws
@given(specs)
def test_the_peak_is_that_of_every_layer_run_one_by_one(spec: ResNetRSSpec) -> None:
    graph = build_graph(spec)
    totals = {path: sum(alive.values()) for path, alive in liveness(graph)}
    path = max(totals, key=lambda name: totals[name])
    assert peak_activation(graph) == Peak(totals[path], path)
