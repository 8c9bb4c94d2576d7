from __future__ import annotations

import csv
import io
import itertools
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st

from rsinspect import paper
from rsinspect.base.errors import InvalidChoice, InvalidSpec, UnknownVariant
from rsinspect.cli import application
from rsinspect.differences.pairs import Comparison, FieldChange, compare
from rsinspect.differences.report import diff_answer
from rsinspect.differences.wording import change_in_words, conclusion, places_in_words
from rsinspect.drawing.comparison import comparison, marks
from rsinspect.drawing.scene import Node, Panel
from rsinspect.layers import ops
from rsinspect.layers.cost import Cost, layers_cost
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.ops import TensorShape
from rsinspect.layers.shapes import infer_shape
from rsinspect.networks import named
from rsinspect.networks.dialects import DIALECTS
from rsinspect.networks.grammar import parse_resolution
from rsinspect.networks.network import Network, from_graph, resnet_rs
from rsinspect.networks.resnet_rs import build_graph
from rsinspect.networks.spec import ResNetRSSpec
from tests.conftest import Cli
from tests.networks import layout_of, saved
from tests.strategies import scrambled, sizes, specs

laws = settings(max_examples=40, deadline=None)

MIRROR = {"added": "removed", "removed": "added"}


def models(a: str, b: str, resolution: str | None = None) -> tuple[Network, Network]:
    size = None if resolution is None else parse_resolution(resolution)
    one, two = named.compared(a, b, resolution=size).networks
    return one, two


def compared(a: str, b: str) -> Comparison:
    one, two = models(a, b)
    return compare(one.graph, two.graph)


def blocks(found: Comparison, status: str) -> list[str]:
    return [block.path for block in found.blocks if block.status == status]


# laws


@laws
@given(specs)
def test_a_network_does_not_differ_from_itself(spec: ResNetRSSpec) -> None:
    found = compare(build_graph(spec), build_graph(spec))
    assert {pair.status for pair in found.layers} == {"same"}
    assert {stage.status for stage in found.stages} == {"same"}
    assert found.changes == ()
    assert found.cost_a == found.cost_b


@laws
@given(specs, specs)
def test_the_way_back_undoes_the_way_there(a: ResNetRSSpec, b: ResNetRSSpec) -> None:
    there = compare(build_graph(a), build_graph(b))
    back = {pair.path: pair for pair in compare(build_graph(b), build_graph(a)).layers}
    assert len(back) == len(there.layers)
    for pair in there.layers:
        mirrored = back[pair.path]
        assert mirrored.status == MIRROR.get(pair.status, pair.status)
        assert mirrored.changes == tuple(FieldChange(c.field, c.b, c.a) for c in pair.changes)


@laws
@given(specs, specs)
def test_every_path_of_either_is_accounted_for_once(a: ResNetRSSpec, b: ResNetRSSpec) -> None:
    one, two = build_graph(a), build_graph(b)
    found = compare(one, two)
    assert Counter(pair.path for pair in found.layers) == Counter(
        {layer.path for layer in (*one, *two)}
    )
    for pair in found.layers:
        assert (pair.a is None) == (pair.path not in {layer.path for layer in one})
        assert (pair.b is None) == (pair.path not in {layer.path for layer in two})
        if pair.a is not None and pair.b is not None:
            assert bool(pair.changes) == (pair.status != "same")
    in_changes = Counter(layer.path for change in found.changes for layer in change.layers)
    in_blocks = Counter(
        layer.path
        for block in found.blocks
        if block.status in ("added", "removed")
        for layer in block.layers
    )
    differing = Counter(pair.path for pair in found.layers if pair.status != "same")
    assert in_changes + in_blocks == differing


@laws
@given(specs, specs)
def test_stages_add_up_to_the_difference_of_the_wholes(a: ResNetRSSpec, b: ResNetRSSpec) -> None:
    one, two = build_graph(a), build_graph(b)
    document = diff_answer(resnet_rs(a), resnet_rs(b)).document
    cost_a, cost_b = layers_cost(one, one), layers_cost(two, two)
    for key in ("params", "trainable_params", "macs"):
        wanted = getattr(cost_b, key) - getattr(cost_a, key)
        assert document["totals_delta"][key] == wanted
        assert sum(stage["delta"][key] for stage in document["stages"]) == wanted
    found = compare(one, two)
    assert Cost.total(stage.cost_b for stage in found.stages) == cost_b


@laws
@given(specs, sizes)
def test_another_image_alone_is_no_change(spec: ResNetRSSpec, size: tuple[int, int]) -> None:
    other = build_graph(spec.replace(resolution=size))
    found = compare(build_graph(spec), other)
    assert {pair.status for pair in found.layers} == {"same"}


@laws
@given(specs, st.sampled_from([0.0, 0.2]), st.sampled_from([0.0, 0.4]))
def test_regularisation_is_not_structure(spec: ResNetRSSpec, path: float, drop: float) -> None:
    other = spec.replace(drop_path_rate=path, dropout_rate=drop, bn_momentum=0.5)
    found = compare(build_graph(spec), build_graph(other))
    assert {pair.status for pair in found.layers} == {"same", "training_only"}
    assert marks(found)[0].keys() <= {pair.path for pair in found.layers}
    assert "(training only)" in conclusion(resnet_rs(spec), resnet_rs(other), found)


@pytest.mark.parametrize(
    ("a", "b"), [("152", "200"), ("50", "420"), ("420", "101:article"), ("101", "101:paper-prose")]
)
def test_layers_gained_less_layers_lost_is_the_difference_in_length(a: str, b: str) -> None:
    one, two = (network.graph for network in models(a, b))
    pairs = compare(one, two).layers
    gained, lost = (sum(pair[side] is None for pair in pairs) for side in (1, 2))
    assert gained - lost == len(two) - len(one)


@pytest.mark.parametrize(("a", "b"), [(50, 101), (152, 200), (200, 152), (270, 420)])
def test_params_differ_as_keras_counts_them(a: int, b: int) -> None:
    """Keras's own counts: keras-team/tf-keras @dd0a7237 (tests/test_cost.py has the same)."""
    trainable = {
        50: 35_691_912, 101: 63_618_696, 152: 86_621_576, 200: 93_209_992,
        270: 129_861_448, 420: 191_891_656,
    }  # fmt: skip
    delta = diff_answer(*models(str(a), str(b))).document["totals_delta"]
    assert delta["trainable_params"] == trainable[b] - trainable[a]


# known pairs


def test_152_to_200_is_sixteen_identical_blocks_in_c3_and_nothing_else() -> None:
    found = compared("152", "200")
    assert blocks(found, "added") == [f"c3/block{n}" for n in range(8, 24)]
    assert blocks(found, "removed") == blocks(found, "changed") == []
    structural = [pair for pair in found.layers if pair.status not in ("same", "training_only")]
    assert {pair.status for pair in structural} == {"added"}
    assert {pair.path.rsplit("/", 1)[0].split("/se")[0] for pair in structural} == set(
        blocks(found, "added")
    )
    (only,) = found.changes
    assert only.training_only
    assert only.names == ("drop",)
    assert len(only.layers) == 3 + 8 + 36 + 3
    sentence = conclusion(*models("152", "200"), found)
    assert sentence == (
        "ResNet-RS-152 -> ResNet-RS-200: +16 identical blocks in c3, nothing else but drop path "
        "(training only); +6.61 M params (+7.6 %), +4.57 G MACs (+29.4 %) at 256×256."
    )


def test_resolutions_that_differ_are_named_and_change_no_structure() -> None:
    one, two = models("152@224", "200@256")
    found = compare(one.graph, two.graph)
    assert found.image == (256, 256)
    assert [s.path for s in found.stages if s.status not in ("same", "training_only")] == ["c3"]
    assert blocks(found, "added") == blocks(compared("152", "200"), "added")
    sentence = conclusion(one, two, found)
    assert "MACs 11.9 G at 224×224 -> 20.1 G at 256×256" in sentence
    assert "ResNet-RS-152 @ 224×224 -> ResNet-RS-200 @ 256×256" in sentence
    assert any("224×224 and 256×256" in note for note in diff_answer(one, two).table.notes)


def test_the_article_lacks_se_biases_and_three_norms() -> None:
    found = compared("101", "101:article")
    changed = [pair for pair in found.layers if pair.status == "changed"]
    assert {pair.path.split("/", 2)[2] for pair in changed} == {"se/reduce", "se/expand"}
    assert len(changed) == 2 * 33
    assert {pair.changes for pair in changed} == {(FieldChange("use_bias", True, False),)}
    assert [pair.path for pair in found.layers if pair.status == "removed"] == [
        "input/rescaling",
        "input/normalization",
        "c3/block0/shortcut/bn",
        "c4/block0/shortcut/bn",
        "c5/block0/shortcut/bn",
    ]
    words = [change_in_words(change, found) for change in found.changes]
    assert words == [
        "use_bias True -> False in se/reduce, se/expand of c2-c5 (66 layers)",
        "shortcut/bn (batch norm) removed from c3-c5/block0 (3 layers)",
        "rescaling, normalization removed from input (2 layers)",
    ]


def test_the_papers_prose_has_a_shorter_stem_and_halves_in_c2() -> None:
    found = compared("152", "152:paper-prose")
    by_status = {
        status: [pair.path for pair in found.layers if pair.status == status]
        for status in ("added", "removed", "changed")
    }
    assert by_status == {
        "added": ["c2/block0/pad2", "c2/block0/shortcut/pool"],
        "removed": ["stem/pad4", "stem/conv4", "stem/bn4", "stem/act4"],
        "changed": [f"c2/block0/{name}" for name in ("conv1", "bn1", "act1", "conv2")],
    }
    fields = {
        pair.path: {change.field: (change.a, change.b) for change in pair.changes}
        for pair in found.layers
        if pair.status == "changed"
    }
    assert fields["c2/block0/conv2"] == {"stride": (1, 2), "padding": ("same", "valid")}
    assert fields["c2/block0/bn1"] == {"output_shape": ((64, 64, 64), (128, 128, 64))}
    assert [s.path for s in found.stages if s.status != "same"] == ["stem", "c2"]


def test_a_dropout_layer_of_a_new_block_is_new_and_no_regularisation() -> None:
    found = compared("152", "200")
    by_path = {pair.path: pair.status for pair in found.layers}
    assert by_path["c3/block8/drop"] == "added"
    assert by_path["c3/block7/drop"] == "training_only"


def chain(*layers_: tuple[str, ops.Op, tuple[str, ...]]) -> LayerGraph:
    layers = [Layer("input/image", ops.Input(TensorShape(8, 8, 4)), (), TensorShape(8, 8, 4))]
    shapes = {"input/image": layers[0].shape}
    for path, op, inputs in layers_:
        shape = infer_shape(op, tuple(shapes[name] for name in inputs))
        shapes[path] = shape
        layers.append(Layer(path, op, inputs, shape))
    return LayerGraph("by hand", tuple(layers))


def test_other_wiring_and_another_op_are_found() -> None:
    conv, relu = ops.Conv2D(kernel=3, in_channels=4, filters=4), ops.Activation("relu")
    one = chain(
        ("stem/conv1", conv, ("input/image",)),
        ("stem/act1", relu, ("stem/conv1",)),
        ("stem/add", ops.Add(), ("stem/conv1", "stem/act1")),
        ("stem/last", relu, ("stem/add",)),
    )
    two = chain(
        ("stem/conv1", conv, ("input/image",)),
        ("stem/act1", relu, ("stem/conv1",)),
        ("stem/add", ops.Add(), ("stem/act1", "input/image")),
        ("stem/last", conv, ("stem/add",)),
    )
    changed = {pair.path: pair.changes for pair in compare(one, two).layers if pair.changes}
    assert changed == {
        "stem/add": (
            FieldChange("inputs", ("stem/conv1", "stem/act1"), ("stem/act1", "input/image")),
        ),
        "stem/last": (FieldChange("op", "relu", "conv 3×3, 4"),),
    }


def test_a_sum_the_other_way_round_is_the_same_sum() -> None:
    conv = ops.Conv2D(kernel=3, in_channels=4, filters=4)
    one, two = (
        chain(("stem/conv1", conv, ("input/image",)), ("stem/add", ops.Add(), inputs))
        for inputs in (("stem/conv1", "input/image"), ("input/image", "stem/conv1"))
    )
    assert not any(pair.changes for pair in compare(one, two).layers)


def test_of_layers_that_cannot_have_the_larger_image_the_widths_are_compared() -> None:
    def pooled(side: int) -> LayerGraph:
        image, flat = TensorShape(side, side, 1), TensorShape(1, 1, side * side)
        return LayerGraph(
            "by hand",
            (
                Layer("input/image", ops.Input(image), (), image),
                Layer("head/view", ops.Reshape(flat), ("input/image",), flat),
                Layer("head/pool", ops.GlobalAvgPool(), ("head/view",), TensorShape(side * side)),
            ),
        )

    found = compare(pooled(4), pooled(5))
    assert found.image is None
    assert {pair.path: [c.field for c in pair.changes] for pair in found.layers} == {
        "input/image": [],
        "head/view": ["output_shape"],
        "head/pool": ["output_shape"],
    }


@pytest.mark.parametrize(
    ("paths", "whole", "words"),
    [
        ([], None, ""),
        (["c2/block0", "c4/block0"], None, "c2/block0, c4/block0"),
        (["stem", "c3/block0", "c4/block0", "c5/block1", "c5/block2"], None,
         "stem, c3-c4/block0, c5/block1-2"),
        (["c3/block0", "c3/block2", "c3/block3"], None, "c3/block0,2-3"),
        (["c2/block0", "c2/block1", "c3/block0"], {"c2": 2, "c3": 2}, "c2, c3/block0"),
        (["c2/block0", "c3/block0", "c3/block1"], {"c2": 1, "c3": 2}, "c2-c3"),
        (["input", "stem", "head"], None, "input, stem, head"),
    ],
)  # fmt: skip
def test_places_are_named_in_few_words(
    paths: list[str], whole: dict[str, int] | None, words: str
) -> None:
    both = compared("101", "101")
    groups = {block.path: block.group for block in both.blocks}
    assert places_in_words([groups[path] for path in paths], both, whole) == words


def test_stages_follow_each_other_whatever_they_are_called() -> None:
    network = scrambled(layout_of(1, 1, 1, resolution=(32, 32)))
    both = compare(network.graph, network.graph)
    groups = [block.group for block in both.blocks if block.group.is_block]
    assert places_in_words(groups, both) == "c2-c4/block0"


# names of models


@pytest.mark.parametrize(
    ("a", "b", "resolution", "sizes"),
    [
        ("152", "200", None, (256, 256)),
        ("50", "101", None, (192, 192)),
        ("152@224", "200", None, (224, 256)),
        ("101", "101@224", None, (192, 224)),
        ("50", "101@160", None, (160, 160)),
        ("resnet50", "50", None, (224, 224)),
        ("152@192", "200@256", None, (192, 256)),
        ("50", "420", "224", (224, 224)),
        ("50@224", "420", "224", (224, 224)),
    ],
)
def test_both_have_one_resolution_unless_a_name_gives_its_own(
    a: str, b: str, resolution: str | None, sizes: tuple[int, int]
) -> None:
    assert (
        tuple(made.resolution[0] for made in models(a, b, resolution) if made.resolution) == sizes
    )


@pytest.mark.parametrize(
    ("a", "b", "resolution", "error"),
    [
        ("151", "200", None, UnknownVariant),
        ("152", "two hundred", None, UnknownVariant),
        ("101", "101:artcle", None, InvalidChoice),
        ("101:", "101", None, InvalidChoice),
        ("101:article:keras", "101", None, UnknownVariant),
        ("101@224", "101", "192", InvalidSpec),
        ("101", "152", "small", InvalidSpec),
        ("101@16", "152", None, InvalidSpec),
    ],
)
def test_what_names_no_two_models_is_refused(
    a: str, b: str, resolution: str | None, error: type[Exception]
) -> None:
    with pytest.raises(error):
        models(a, b, resolution)


# the picture


def shown(panel: Panel) -> dict[str, Node]:
    return {node.path: node for node in panel.walk(deep=False)}


def test_runs_end_where_the_marks_do() -> None:
    scene = comparison(*models("152", "200"))
    left, right = map(shown, scene.panels)
    assert (right["c3/block8-23"].mark, right["c3/block8-23"].repeats) == ("added", 16)
    assert right["c3/block1-7"].mark is None
    assert right["c3"].mark == "changed"
    assert {path for path, node in left.items() if node.mark} == {"c3"}
    assert [panel.title for panel in scene.panels] == [
        "ResNet-RS-152 @ 256×256",
        "ResNet-RS-200 @ 256×256",
    ]
    assert {panel.name for panel in scene.panels} == {"a", "b"}
    assert "Added: c3/block8-23." in scene.description
    assert "nothing else" in scene.caption


def test_a_closed_stage_says_in_words_which_blocks_are_new() -> None:
    scene = comparison(*models("200", "152"), view="stages")
    left, right = map(shown, scene.panels)
    assert (left["c3"].mark, right["c3"].mark) == ("changed", "changed")
    assert left["c3"].parts[1].lines[-1] == "blocks 8-23 removed"
    assert not any("removed" in line for part in right["c3"].parts for line in part.lines)


def test_a_changed_block_says_in_words_what_is_different_inside() -> None:
    left, right = map(shown, comparison(*models("152", "152:paper-prose")).panels)
    for panel in (left, right):
        assert panel["c2/block0"].lines[-3:] == (
            "changed: shape of conv1, bn1, act1",
            "added: pad2, shortcut/pool",
            "changed: stride, padding of conv2",
        )
        assert panel["stem"].parts[0].lines[-1] == "removed: pad4, conv4, bn4, act4"
        assert not any("changed" in line for line in panel["c2/block1-2"].lines)


def test_words_for_some_blocks_of_a_run_name_the_blocks() -> None:
    spec = ResNetRSSpec(blocks=(4,), se_ratio=0)
    scene = comparison(resnet_rs(ResNetRSSpec(blocks=(2,))), resnet_rs(spec), view="stages")
    lines = shown(scene.panels[1])["c2"].parts[1].lines
    assert lines[-2:] == (
        "block 1 removed: se/squeeze, se/reshape, se/reduce and 2 more",
        "blocks 2-3 added",
    )


def test_every_layer_that_differs_is_marked_on_the_side_that_has_it() -> None:
    one, two = models("50", "50:article")
    left, right = map(shown, comparison(one, two, view="layers").panels)
    assert left["c3/block0/shortcut/bn"].mark == "removed"
    assert "c3/block0/shortcut/bn" not in right
    assert left["c2/block0/se/reduce"].mark == right["c2/block0/se/reduce"].mark == "changed"
    assert left["c2/block0/conv1"].mark is None
    assert right["c2/block0"].mark == right["c2"].mark == "changed"


def test_a_difference_in_training_alone_marks_layers_and_no_block() -> None:
    spec = ResNetRSSpec(blocks=(1, 2))
    other = spec.replace(drop_path_rate=0.1, dropout_rate=0.4)
    right = shown(comparison(resnet_rs(spec), resnet_rs(other), view="layers").panels[1])
    marked = {path: node.mark for path, node in right.items() if node.mark}
    assert marked == {
        "c2/block0/drop": "added",
        "c3/block0/drop": "added",
        "c3/block1/drop": "added",
        "head/dropout": "changed",
    }


@pytest.mark.parametrize("view", ["stages", "blocks", "layers"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_network_beside_itself_has_no_marks(view: str, dialect: str) -> None:
    spec = ResNetRSSpec.variant(50, dialect=dialect)
    scene = comparison(resnet_rs(spec), resnet_rs(spec), view=view, deep=True)
    assert not [node.path for panel in scene.panels for node in panel.walk() if node.mark]
    assert scene.panels[0].nodes == scene.panels[1].nodes
    assert "no difference" in scene.caption


def test_a_view_without_whole_networks_is_refused() -> None:
    one, two = models("50", "101")
    for view in ("figure6", "stagse"):
        with pytest.raises(InvalidChoice):
            comparison(one, two, view=view)
    with pytest.raises(InvalidChoice):
        comparison(one, two, direction="up")


# the command


@pytest.mark.parametrize(
    ("a", "b"), [("152", "200"), ("101", "101:article"), ("152@224", "152@256:paper-prose")]
)
def test_the_page_is_as_reviewed(
    a: str, b: str, cli: Cli, golden: Callable[[str, str], None]
) -> None:
    outcome = cli("diff", a, b)
    assert (outcome.code, outcome.err) == (0, "")
    assert max(map(len, outcome.out.splitlines())) <= 80
    name = f"diff-{a}-{b}".replace("@", "-i").replace(":", "-")
    golden(f"{name}.txt", outcome.out)


def test_the_document_is_as_reviewed(cli: Cli, golden: Callable[[str, str], None]) -> None:
    text = cli("diff", 50, "50:article", "-f", "json").out
    document = json.loads(text)
    assert document["schema"] == "rsinspect.diff/1"
    assert (document["a"]["dialect"], document["b"]["dialect"]) == ("keras", "article")
    golden("diff-50-50-article.json", text)


def test_the_columns_of_a_row_and_its_document_agree(cli: Cli) -> None:
    rows = csv.DictReader(io.StringIO(cli("diff", 50, 101, "-f", "csv").out))
    stages = json.loads(cli("diff", 50, 101, "-f", "json").out)["stages"]
    for row, stage in zip(rows, stages, strict=True):
        assert row["path"] == stage["path"]
        assert int(row["added"]) == stage["layers"]["added"]
        assert int(row["params_delta"]) == stage["delta"]["params"]
        assert int(row["macs_delta"]) == stage["delta"]["macs"]


def test_the_same_model_twice_is_an_answer(cli: Cli) -> None:
    outcome = cli("diff", 101, "resnet-rs-101")
    assert outcome.code == 0
    assert "no difference" in outcome.out
    document = json.loads(cli("diff", 101, 101, "-f", "json").out)
    assert document["changes"] == []
    assert document["totals_delta"] == {"params": 0, "trainable_params": 0, "macs": 0}


@pytest.mark.parametrize("format", ["csv", "markdown", "latex"])
def test_other_formats_are_there(format: str, cli: Cli) -> None:
    outcome = cli("diff", 50, 101, "--format", format)
    assert outcome.code == 0
    assert "c4" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["151", "152"], "unknown depth 151"),
        (["101", "101:artcle"], "did you mean article?"),
        (["101@224", "101", "-r", "192"], "disagree"),
        (["101", "152", "-f", "svgz"], "unknown format 'svgz'"),
        (["101", "152", "--graph", "-o", "a.jpeg"], "cannot be written as '.jpeg'"),
        (["101", "152", "--graph", "-o", "a.svg", "--view", "figure6"], "figure6"),
        (["101"], "name B"),
    ],
)
def test_bad_input_is_one_line_and_a_hint(
    arguments: list[str], words: str, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = cli("diff", *arguments)
    assert outcome.code == 2
    assert outcome.out == ""
    lines = outcome.err.splitlines()
    assert [line.split(":")[0] for line in lines] == ["error", "hint"]
    assert words in outcome.err
    assert not list(tmp_path.iterdir())


def test_a_picture_shows_both_with_ids_of_their_own(cli: Cli, tmp_path: Path) -> None:
    target = tmp_path / "two.dot"
    assert cli("diff", 152, 200, "--graph", "-o", target).code == 0
    source = target.read_text(encoding="utf-8")
    for name in ("a/c3/block1-7", "b/c3/block1-7", "b/c3/block8-23"):
        assert source.count(f'id="{name}"') == 1
    assert source.count("<B>added</B>") == 1
    again = tmp_path / "again.dot"
    assert cli("diff", 152, 200, "--graph", "-o", again).code == 0
    assert again.read_bytes() == target.read_bytes()


def test_every_published_pair_of_neighbours_has_a_conclusion() -> None:
    depths = sorted(paper.variants())
    for a, b in itertools.pairwise(depths):
        sentence = conclusion(*models(str(a), str(b)), compared(str(a), str(b)))
        assert "nothing else" in sentence
        assert sentence.count("\n") == 0


def test_help_names_the_choice_of_resolution(cli: Cli) -> None:
    words = " ".join(cli("diff", "--help").out.replace("│", " ").split())
    assert "where no name has one, the largest of their own for all" in words
    assert isinstance(application.application(["diff"]), typer.Typer)


def test_table_1s_architecture_steps_are_a_chain(cli: Cli) -> None:
    found = json.loads(cli("diff", "200:resnet", "200:resnet+se", "200", "-f", "json").out)
    assert found["schema"] == "rsinspect.diff-chain/1"
    assert [n["name"] for n in found["networks"]] == ["resnet-200", "resnet-200", "resnet-rs-200"]
    squeeze, resnet_d = found["steps"]
    # SE: two 1x1 convolutions with biases between 4f and f channels in every block
    blocks = dict(zip((64, 128, 256, 512), (3, 24, 36, 3), strict=True))
    params = sum(n * (2 * 4 * f * f + f + 4 * f) for f, n in blocks.items())
    assert squeeze["totals_delta"]["params"] == params
    assert squeeze["totals_delta"]["macs"] == sum(n * 8 * f * f for f, n in blocks.items())
    # ResNet-D and the fourth stem convolution: three 3x3 convolutions more, one 7x7 less, 3 norms
    stem = 9 * (3 * 32 + 32 * 32 + 32 * 64 + 64 * 64) - 49 * 3 * 64 + 4 * (32 + 32 + 64)
    assert resnet_d["totals_delta"]["params"] == stem
    total = squeeze["totals_delta"]["macs"] + resnet_d["totals_delta"]["macs"]
    assert found["totals_delta"]["macs"] == total


def test_a_chain_reads_at_80_columns_and_tells_every_step(cli: Cli) -> None:
    outcome = cli("diff", "200:resnet", "200:resnet+se", "200")
    assert outcome.code == 0
    assert max(map(len, outcome.out.splitlines())) <= 80
    assert outcome.out.count("ResNet-200 + SE → ResNet-RS-200:") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("50", "50:resnet+ce"), "is not a model"),
        (("50", "101", "152", "--graph", "-o", "x.svg"), "two sides"),
        (("50", "101@224", "152", "-r", "160"), "disagree"),
        (("50",), "diff compares two networks; '50' is one"),
    ],
)
def test_a_chain_that_cannot_be_gets_one_line(
    arguments: tuple[str, ...], words: str, cli: Cli
) -> None:
    outcome = cli("diff", *arguments)
    assert outcome.code == 2
    assert words in outcome.err


# networks under other names


def test_one_network_under_other_names_does_not_differ() -> None:
    for network in (resnet_rs(ResNetRSSpec.variant(50)), layout_of(1, 2, include_top=False)):
        found = compare(network.graph, scrambled(network).graph)
        assert found.by == "wiring"
        assert {pair.status for pair in found.layers} == {"same"}
        assert "no difference but in names" in conclusion(network, scrambled(network), found)
        assert marks(found) == ({}, {})
    assert compare(network.graph, network.graph).by == "path"


def test_names_do_not_matter_to_what_differs() -> None:
    for one, two in ((152, 200), (200, 152), (50, 101)):
        a, b = (
            resnet_rs(ResNetRSSpec.variant(depth, resolution=(160, 160))) for depth in (one, two)
        )
        named_, found = compare(a.graph, b.graph), compare(scrambled(a).graph, b.graph)
        assert found.by == "likeness"
        for stage, same in zip(found.stages, named_.stages, strict=True):
            assert (stage.path, stage.status) == (same.path, same.status)
            assert [block.status for block in stage.blocks] == [x.status for x in same.blocks]
            assert (stage.cost_a, stage.cost_b) == (same.cost_a, same.cost_b)
        said, same_ = (
            {change_in_words(c, each) for c in each.changes if c.verb != "removed"}
            for each in (found, named_)  # what is removed has names that nothing else has
        )
        assert said == same_
        assert Counter(x.status for x in found.layers) == Counter(x.status for x in named_.layers)


@settings(max_examples=15, deadline=None)
@given(specs, specs)
def test_every_layer_is_accounted_for_once_whatever_the_names(
    a: ResNetRSSpec, b: ResNetRSSpec
) -> None:
    one, two = scrambled(resnet_rs(a)), resnet_rs(b)
    found = compare(one.graph, two.graph)
    assert {x.a for x in found.layers} - {None} == set(one.graph.layers)
    assert {x.b for x in found.layers} - {None} == set(two.graph.layers)
    assert len(found.layers) == len(one.graph) + len(two.graph) - found.counterparts
    assert found.cost_a == one.cost
    assert found.cost_b == two.cost
    assert conclusion(one, two, found)
    scene = comparison(one, two, view="blocks")
    assert {panel.name for panel in scene.panels} == {"a", "b"}


def chained(*layers_: Layer) -> LayerGraph:
    """A chain, each layer reading the one before it."""
    return LayerGraph("chain", layers_)


def classifier(prefix: str, head: str, units: int, *, frozen: bool = False) -> Network:
    """A little network, and what a user makes of it: in a nest of its own, frozen, a new head."""
    image, small, flat = TensorShape(32, 32, 3), TensorShape(16, 16, 8), TensorShape(8)
    conv = ops.Conv2D(kernel=3, stride=2, in_channels=3, filters=8)
    layers = (
        Layer("input_layer" if prefix else "input_layer_7", ops.Input(image), (), image),
        Layer(f"{prefix}stem_conv", conv, (), small, frozen=frozen),
        Layer(f"{prefix}stem_bn", ops.BatchNorm(8, 0.99, 0.001), (), small, frozen=frozen),
        Layer(f"{prefix}stem_relu", ops.Activation("relu"), (), small),
        Layer(f"{prefix}avg_pool", ops.GlobalAvgPool(), (), flat),
        Layer(head, ops.Dense(8, units), (), TensorShape(units)),
    )
    wired = [layers[0]]
    for layer in layers[1:]:
        wired.append(layer._replace(inputs=(wired[-1].path,)))
    return from_graph(chained(*wired))


def test_a_fine_tuned_network_is_its_base_frozen_in_a_nest_under_a_new_head() -> None:
    base, tuned = classifier("", "predictions", 1000), classifier("base/", "mine", 5, frozen=True)
    found = compare(base.graph, tuned.graph)
    assert found.by == "path"
    assert {pair.path: pair.status for pair in found.layers} == {
        "input_layer": "same",
        "base/stem_conv": "training_only",
        "base/stem_bn": "training_only",
        "base/stem_relu": "same",
        "base/avg_pool": "same",
        "mine": "changed",
    }
    said = conclusion(base, tuned, found)
    assert "units 1000 -> 5" in said
    assert "in training also 2 layers frozen" in said
    assert "trainable params" in said
    back = conclusion(tuned, base, compare(tuned.graph, base.graph))
    assert "2 layers no longer frozen" in back


def opaque_chain(class_name: str) -> Network:
    flat = TensorShape(12, 8)
    unknown = ops.Opaque(class_name, flat, ((8, 8),), 0)
    dense = ops.Dense(8, 8)
    return from_graph(
        chained(
            Layer("tokens", ops.Input(flat), (), flat),
            Layer("mix", unknown, ("tokens",), flat),
            Layer("feed", dense, ("mix",), flat),
        )
    )


def test_what_costs_nobody_knows_gives_no_difference_but_where_it_is_the_same() -> None:
    one, two = opaque_chain("LSTM"), opaque_chain("GRU")
    same = diff_answer(one, opaque_chain("LSTM"))
    assert same.table.totals[0]["macs_delta"] == 0
    other = diff_answer(one, two)
    assert other.table.totals[0]["macs_delta"] is None
    assert "MACs at least 768 -> at least 768" in other.document["conclusion"]
    assert other.document["totals"]["a"]["uncounted_layers"] == 1


def test_networks_with_little_in_common_are_not_compared_layer_by_layer() -> None:
    one, two = opaque_chain("LSTM"), scrambled(layout_of(1, 1))
    said = conclusion(one, two, compare(one.graph, two.graph))
    assert "little in common" in said
    assert "MACs at least 768" in said


def test_each_side_of_a_picture_has_the_marks_of_its_own_names() -> None:
    a, b = scrambled(layout_of(1, 1)), layout_of(1, 2)
    found = compare(a.graph, b.graph)
    in_a, in_b = marks(found)
    assert in_b["c3/block1"] == "added"
    assert set(in_a) <= {layer.path for layer in a.graph} | {s.path for s in a.structure.stages}
    scene = comparison(a, b, view="layers")
    shown = [{node.path for node in panel.walk()} for panel in scene.panels]
    assert {layer.path for layer in a.graph} <= shown[0]
    assert {layer.path for layer in b.graph} <= shown[1]


@pytest.mark.keras
def test_a_file_is_compared_with_what_it_was_made_of(cli: Cli, tmp_path: Path) -> None:
    import keras

    base = keras.applications.MobileNetV2((96, 96, 3), weights=None, alpha=0.35)
    body = keras.Model(base.input, base.layers[-2].output, name="body")
    base.save(tmp_path / "base.keras")
    body.trainable = False
    image = keras.Input((96, 96, 3), name="photo")
    tuned = keras.Model(image, keras.layers.Dense(5, name="mine")(body(image)), name="tuned")
    tuned.save(tmp_path / "tuned.keras")
    outcome = cli("diff", tmp_path / "base.keras", tmp_path / "tuned.keras", "-f", "json")
    document = json.loads(outcome.out)
    assert document["paired_by"] == "path"
    assert document["layers"]["added"] == document["layers"]["removed"] == 0
    assert document["layers"]["changed"] == 1
    assert "layers frozen" in document["conclusion"]
    delta = document["totals_delta"]["params"]
    assert delta == tuned.count_params() - base.count_params()


@pytest.mark.parametrize("name", ["MobileNetV2", "siamese", "NASNetMobile", "text_model", "vit"])
def test_a_network_of_any_kind_differs_from_itself_in_names_alone(name: str) -> None:
    network = saved(name)
    for other, word in ((network, "no difference"), (scrambled(network), "but in names")):
        found = compare(network.graph, other.graph)
        assert {pair.status for pair in found.layers} == {"same"}
        assert word in conclusion(network, other, found)


def test_a_network_whose_names_are_all_automatic_differs_in_nothing_from_itself() -> None:
    shape = TensorShape(4)
    layers = (
        Layer("input_layer", ops.Input(shape), (), shape),
        Layer("activation", ops.Activation("relu"), ("input_layer",), shape),
        Layer("activation_1", ops.Activation("relu"), ("input_layer",), shape),
        Layer("add", ops.Add(), ("activation", "activation_1"), shape),
    )
    network = from_graph(LayerGraph("model", layers, ("add",)))
    found = compare(network.graph, network.graph)
    assert (found.by, found.counterparts) == ("path", 4)
    assert "no difference;" in conclusion(network, network, found)


@pytest.mark.parametrize(
    ("one", "two", "words"),
    [
        ("ResNet152", "MobileNetV2", "little in common"),
        ("VGG16", "text_model", "little in common"),
        ("MobileNetV2", "fine_tuned", "104 layers frozen"),
    ],
)
def test_networks_of_any_two_kinds_are_compared(one: str, two: str, words: str) -> None:
    a, b = saved(one), saved(two)
    found = compare(a.graph, b.graph)
    assert words in conclusion(a, b, found)
    assert {x.a for x in found.layers} - {None} == set(a.graph.layers)
    assert {x.b for x in found.layers} - {None} == set(b.graph.layers)
