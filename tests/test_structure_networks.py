"""Stages, blocks and folded rows of other networks than ResNets, from their configurations."""

from __future__ import annotations

from itertools import pairwise

import pytest

from rsinspect.answers.rows import LEVELS, Level, summary_rows
from rsinspect.answers.summary import SummaryOptions, summary_answer
from rsinspect.layers.cost import Cost, layers_cost
from rsinspect.layers.fold import fold_stages, whole_cost
from rsinspect.layers.graph import LayerGraph
from rsinspect.layers.liveness import liveness, peak_activation
from rsinspect.layers.partition import cuts, segments
from rsinspect.layers.structure import structure_of
from tests.networks import SAVED, saved

TWO_ALIVE = {"NASNetMobile", "unet", "residual_unet", "retina"}
"""Networks whose cells or halves hand on more than one tensor."""


def labels(name: str) -> list[str]:
    return [row.label for row in summary_rows(saved(name).graph, "block")]


def test_a_resnet_has_the_papers_stages_under_the_names_in_the_file() -> None:
    assert saved("ResNet152").blocks == (3, 8, 36, 3)
    assert labels("ResNet152") == [
        "input", "stem", "conv2/block1", "conv2/block2-3", "conv3/block1", "conv3/block2-8",
        "conv4/block1", "conv4/block2-36", "conv5/block1", "conv5/block2-3", "head",
    ]  # fmt: skip


def test_the_first_block_of_a_stage_of_an_efficientnet_is_found_in_the_chain() -> None:
    assert saved("EfficientNetV2L").blocks == (4, 7, 7, 10, 19, 25, 7)
    assert labels("EfficientNetV2L")[2:9] == [
        "block1a", "block1b-d", "block2a", "block2b-g", "block3a", "block3b-g", "block4a",
    ]  # fmt: skip
    assert [stage.path for stage in saved("EfficientNetV2L").structure.stages][2:-1] == [
        f"block{number}" for number in range(1, 8)
    ]


def test_the_blocks_of_a_densenet_have_one_form_and_grow() -> None:
    network = saved("DenseNet121")
    assert network.blocks == (6, 12, 24, 16)
    assert labels("DenseNet121")[2:6] == [
        "conv2/block1-6", "conv2/transition", "conv3/block1-12", "conv3/transition",
    ]  # fmt: skip
    (run,) = [run for stage in fold_stages(network.graph) for run in stage.runs if run.repeats > 20]
    assert run.likeness == "growing"
    each = [layers_cost(network.graph, group.layers) for group in run.groups]
    assert run.cost(network.graph) == Cost.total(each) != each[0] * len(each)


def test_inception_and_nasnet_make_a_stage_where_the_resolution_changes() -> None:
    assert labels("InceptionV3")[2:-1] == [
        "c2/mixed0-2", "c3/mixed3", "c3/mixed4-7", "c4/mixed8", "c4/mixed9-10",
    ]  # fmt: skip
    assert labels("NASNetMobile")[2:-1] == [
        "c2/reduction_stem_1", "c3/reduction_stem_2", "c3/normal_0", "c3/normal_1-3",
        "c4/reduction_4", "c4/normal_5", "c4/normal_6-8",
        "c5/reduction_8", "c5/normal_9", "c5/normal_10-12",
    ]  # fmt: skip
    assert labels("Xception")[2:-1] == [
        "c2/block2", "c3/block3", "c4/block4", "c4/block5-12", "c5/block13", "c6/block14",
    ]  # fmt: skip


def test_a_chain_has_a_stage_for_each_resolution() -> None:
    stages = saved("VGG16").structure.stages
    assert [stage.path for stage in stages] == [
        "input", "block1", "block2", "block3", "block4", "block5", "head",
    ]  # fmt: skip
    assert [str(stage.layers[-1].shape) for stage in stages[1:3]] == ["112×112×64", "56×56×128"]
    assert saved("MobileNetV2").blocks == (1, 2, 3, 4, 3, 3, 1)
    assert [stage.path for stage in saved("ConvNeXtTiny").structure.stages][2:-1] == [
        "stage_0", "stage_1", "stage_2", "stage_3",
    ]  # fmt: skip


def test_a_unet_goes_down_and_up_in_stages() -> None:
    heights = [stage.layers[0].shape.height for stage in saved("unet").structure.stages[1:-1]]
    lowest = heights.index(min(heights))
    assert heights[:lowest] == sorted(heights[:lowest], reverse=True)
    assert heights[lowest:] == sorted(heights[lowest:])
    assert len(set(heights)) == 4


def test_blocks_stand_in_the_stages_of_a_residual_unet_and_of_a_detector() -> None:
    assert saved("residual_unet").blocks == (2, 2, 2, 2, 1, 2, 2, 2, 2)
    assert labels("residual_unet")[2] == "c2/block0-1"
    assert saved("retina").blocks == (3, 4, 6)  # what feeds the heads is theirs
    assert labels("retina")[-2:] == ["conv4/block2-6", "head"]


def test_attention_and_what_follows_it_are_one_block_of_a_transformer() -> None:
    assert labels("vit") == ["input", "stem", "c2/block0-11", "head"]
    assert labels("bert") == ["input", "stem", "c2/block0-5", "head"]


def test_a_shared_tower_stands_twice_and_counts_once() -> None:
    rows = {row.label: row for row in summary_rows(saved("siamese").graph, "stage")}
    assert list(rows) == ["input", "tower", "tower.2", "head"]
    assert (rows["tower.2"].shares, rows["tower.2"].cost.params) == ("tower", 0)
    assert rows["tower.2"].cost.macs == rows["tower"].cost.macs > 0
    assert "Shares weights: tower.2 with tower; params count once." in remarks("siamese", "stage")


def test_a_model_in_a_model_has_its_own_stages_and_is_said_to_be_frozen() -> None:
    assert labels("fine_tuned")[2:5] == ["c2/expanded_conv", "c3/block_1", "c3/block_2"]
    assert "mobilenetv2_0.35_96, frozen: from stem to head." in remarks("fine_tuned", "stage")
    assert "410 208 not trained (frozen layers, statistics)" in remarks("fine_tuned", "stage")


def remarks(name: str, level: Level) -> str:
    return " ".join(map(str, summary_answer(saved(name), SummaryOptions(level=level)).table.notes))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ResNet152", "conv4/block2-36: 35 identical blocks; the numbers are for all of them."),
        ("EfficientNetV2L", "block6b-y: 24 blocks, identical but for drop rates, summed."),
        ("DenseNet121", "conv4/block1-24: 24 blocks of one form, growing width, summed."),
        ("InceptionV3", "c3/mixed4-7: 4 blocks of one form, other widths, summed."),
    ],
)
def test_no_more_is_said_of_repeats_than_is_so(name: str, words: str) -> None:
    said = remarks(name, "block")
    assert words in said
    assert ("dentical" in said) == ("dentical" in words)
    assert ("dentical" in remarks(name, "stage")) == ("dentical" in words)


def test_runs_of_one_form_are_no_identical_runs_to_programs() -> None:
    rows = {row["path"]: row for row in document("DenseNet121")["rows"]}
    assert rows["conv2"]["identical_runs"] == [1] * 6
    assert rows["conv2"]["runs"] == [{"blocks": 6, "alike": "growing"}]
    assert {row["path"]: row for row in document("ResNet152")["rows"]}["conv4"][
        "identical_runs"
    ] == [1, 35]


def document(name: str) -> dict:  # type: ignore[type-arg]
    return summary_answer(saved(name), SummaryOptions()).document


def test_what_is_unknown_is_said_and_never_zero() -> None:
    answer = summary_answer(saved("text_model"), SummaryOptions(level="layer"))
    (row,) = [row for row in answer.table.rows if row["op"] == "MultiHeadAttention"]
    assert row["flops"] is None
    assert answer.table.totals[0]["path"] == "total, at least"
    assert str(answer.table.notes[0]).startswith("a: at least; operations of ")
    document = answer.document
    assert document["totals"]["uncounted_layers"] == saved("text_model").cost.uncounted > 0
    assert document["model"]["depth"] is document["model"]["blocks"] is None


@pytest.mark.parametrize(
    ("name", "most"), [("ResNet152", 25), ("EfficientNetV2L", 40), ("DenseNet121", 12)]
)
def test_a_large_network_is_read_at_a_glance(name: str, most: int) -> None:
    assert len(summary_rows(saved(name).graph, "block")) <= most


# laws


@pytest.mark.parametrize("name", SAVED)
def test_every_layer_is_in_one_group_and_costs_add_up(name: str) -> None:
    graph = saved(name).graph
    structure = structure_of(graph)
    paths = [layer.path for group in structure.groups for layer in group.layers]
    assert sorted(paths) == sorted(layer.path for layer in graph)
    assert len({group.path for group in structure.groups}) == len(structure.groups)
    for level in LEVELS:
        for folded in (True, False):
            rows = summary_rows(graph, level, folded=folded)
            assert Cost.total(row.cost for row in rows) == layers_cost(graph, graph)
    assert whole_cost(graph) == layers_cost(graph, graph)
    for stage in fold_stages(graph):
        for run in stage.runs:
            assert structure.run(run.span) == run.groups


@pytest.mark.parametrize("name", SAVED)
def test_the_peak_is_that_of_a_whole_pass(name: str) -> None:
    graph = saved(name).graph
    assert peak_activation(graph).elements == max(sum(a.values()) for _, a in liveness(graph))


@pytest.mark.parametrize("name", SAVED)
def test_groups_end_where_one_tensor_is_alive(name: str) -> None:
    graph = saved(name).graph
    if len(graph.inputs) > 1 or name in TWO_ALIVE:
        return
    found = {*cuts(graph), graph.layers[-1].path}
    assert [g.path for g in structure_of(graph).groups if g.layers[-1].path not in found] == []


@pytest.mark.parametrize("level", ["stage", "block"])
@pytest.mark.parametrize("name", SAVED)
def test_segments_are_cut_where_one_tensor_is_alive(name: str, level: Level) -> None:
    graph = saved(name).graph
    parts = segments(graph, "stage" if level == "stage" else "block")
    assert tuple(layer for part in parts for layer in part.layers) == graph.layers
    assert {path for part in parts[:-1] for path in part.outputs} <= {*cuts(graph)}
    assert all(after.inputs == before.outputs for before, after in pairwise(parts))


@pytest.mark.parametrize("name", SAVED)
def test_other_names_leave_the_structure_as_it_is(name: str) -> None:
    graph = saved(name).graph
    called = {layer.path: f"x{number * 7919 % 100003}" for number, layer in enumerate(graph)}
    other = LayerGraph(
        "scrambled",
        tuple(
            layer._replace(
                path=called[layer.path],
                inputs=tuple(called[path] for path in layer.inputs),
                shares=layer.shares and called[layer.shares],
            )
            for layer in graph
        ),
        tuple(called[path] for path in graph.outputs),
    )

    def shape(graph: LayerGraph, names: dict[str, str]) -> list[object]:
        return [
            (
                stage.stage.role,
                [
                    (run.likeness, [[names[x.path] for x in g.layers] for g in run.groups])
                    for run in stage.runs
                ],
            )
            for stage in fold_stages(graph)
        ]

    assert shape(other, {path: path for path in called.values()}) == shape(graph, called)
