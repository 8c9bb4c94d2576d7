"""Which batch norms can be folded into which layers, on graphs worked out by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

import rsinspect
from rsinspect.base.errors import GraphError
from rsinspect.layers import ops
from rsinspect.layers.batch_norm import Fold, Folding, fold_batch_norm
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.ops import Op, TensorShape
from rsinspect.layers.shapes import infer_shape
from rsinspect.layers.structure import structure_of
from rsinspect.networks.dialects import DIALECTS
from rsinspect.networks.named import network
from rsinspect.networks.network import at_size, folded, from_graph, network_from_json
from tests.conftest import Cli
from tests.networks import SAVED, saved

IMAGE = TensorShape(8, 8, 4)
CONV = ops.Conv2D(3, 4, 4)
POINT = ops.Conv2D(1, 4, 4)
NORM = ops.BatchNorm(4, 0.99, 1e-3)
RELU = ops.Activation("relu")
DENSE = ops.Dense(4, 3)


def graph_of(*layers: tuple[str, Op, str], outputs: str = "", shares: str = "") -> LayerGraph:
    """A graph from ``x``: path, op and what it reads, in words; ``b=a`` where b shares a's."""
    made = {"x": Layer("x", ops.Input(IMAGE), (), IMAGE)}
    owners = dict(pair.split("=") for pair in shares.split())
    for path, op, reads in layers:
        inputs = tuple(reads.split())
        shape = infer_shape(op, tuple(made[each].shape for each in inputs))
        made[path] = Layer(path, op, inputs, shape, owners.get(path))
    return LayerGraph("small", tuple(made.values()), tuple(outputs.split()))


def became(graph: LayerGraph) -> tuple[list[str], list[str], dict[str, str]]:
    """The layers that are left, what was folded into what, and what stays for which reason."""
    small, folding = fold_batch_norm(graph)
    folds = [f"{fold.norm}>{fold.into}" for fold in folding.folds]
    return [layer.path for layer in small][1:], folds, dict(folding.kept)


@pytest.mark.parametrize(
    "op",
    [
        CONV,
        ops.Conv2D(3, 4, 4, stride=2, padding="valid", groups=2, use_bias=True),
        ops.DepthwiseConv2D(3, 4),
        ops.SeparableConv2D(3, 4, 4),
        ops.Conv2DTranspose(2, 4, 4, stride=2),
        ops.Dense(4, 4, activation="linear", use_bias=False),
    ],
    ids=lambda op: op.kind,
)
def test_a_norm_becomes_a_bias_of_the_layer_before(op: Op) -> None:
    graph = graph_of(("a", op, "x"), ("n", NORM, "a"), ("r", RELU, "n"))
    small, folding = fold_batch_norm(graph)
    assert folding == Folding((Fold("n", "a", NORM),))
    assert small.layer("a").op == op._replace(use_bias=True)  # type: ignore[call-arg]
    assert small.layer("r").inputs == ("a",)
    assert len(small) == 3


def test_norms_that_follow_each_other_are_folded_one_after_the_other() -> None:
    graph = graph_of(("a", CONV, "x"), ("n", NORM, "a"), ("m", NORM, "n"), outputs="m")
    assert became(graph) == (["a"], ["n>a", "m>a"], {})
    assert fold_batch_norm(graph).graph.outputs == ("a",)


def test_nothing_that_is_idle_in_inference_stands_in_the_way() -> None:
    between = (("d", ops.Dropout(0.1), "a"), ("l", ops.Activation("linear"), "d"))
    graph = graph_of(("a", CONV, "x"), *between, ("n", NORM, "l"))
    assert became(graph) == (["a", "d", "l"], ["n>a"], {})


def test_each_part_of_a_concatenation_takes_its_own_channels() -> None:
    small = ops.Conv2D(1, 4, 2)
    graph = graph_of(
        ("a", small, "x"), ("b", small, "x"), ("c", ops.Concatenate(), "a b"), ("n", NORM, "c")
    )
    assert became(graph)[:2] == (["a", "b", "c"], ["n>a", "n>b"])
    assert [fold.first for fold in fold_batch_norm(graph).folding.folds] == [0, 2]
    partly = graph_of(("a", small, "x"), ("c", ops.Concatenate(), "a x"), ("n", _wide(6), "c"))
    assert became(partly)[2] == {"n": "between the input and the output"}


def _wide(channels: int) -> ops.BatchNorm:
    return NORM._replace(channels=channels)


@pytest.mark.parametrize(
    ("layers", "why"),
    [
        ([("n", NORM, "x"), ("r", RELU, "n")], "between the input and relu"),
        ([("a", CONV._replace(activation="relu"), "x"), ("n", NORM, "a"), ("r", RELU, "n")],
         "between a layer with relu inside and relu"),
        ([("a", CONV, "x"), ("n", NORM, "a"), ("s", ops.Add(), "n a")],
         "between a layer that others read too and add"),
        ([("a", CONV, "x"), ("p", ops.ZeroPad2D(1), "a"), ("n", NORM, "p"), ("r", RELU, "n")],
         "between zero padding and relu"),
        ([("n", NORM, "x"), ("p", ops.ZeroPad2D(1), "n"), ("a", CONV, "p")],
         "between the input and zero padding"),
        ([("n", NORM, "x"), ("a", CONV, "n")], "between the input and a convolution that pads"),
        ([("n", NORM, "x"), ("a", ops.Conv2DTranspose(2, 4, 4, padding="valid"), "n")],
         "between the input and a transposed convolution"),
        ([("a", CONV, "x"), ("d", ops.Dropout(0.1, True), "a"), ("n", NORM, "d")],
         "between dropout 0.1 and the output"),
        ([("a", CONV, "x"), ("n", NORM._replace(in_training=True), "a")],
         "called with training=True"),
        ([("a", ops.Opaque("Conv1D", IMAGE), "x"), ("n", NORM, "a")],
         "between Conv1D and the output"),
        ([("a", CONV, "x"), ("n", ops.Opaque("BatchNormalization", IMAGE), "a")],
         "not over the last axis, or of another kind"),
    ],
)  # fmt: skip
def test_what_would_not_be_exact_stays_and_says_why(
    layers: list[tuple[str, Op, str]], why: str
) -> None:
    graph = graph_of(*layers)
    assert became(graph) == ([path for path, _, _ in layers], [], {"n": why})
    assert fold_batch_norm(graph).graph == graph


def test_a_convolution_that_is_an_output_itself_keeps_its_norm() -> None:
    graph = graph_of(("a", CONV, "x"), ("n", NORM, "a"), outputs="a n")
    assert became(graph)[1] == []


@pytest.mark.parametrize(
    "op",
    [
        POINT,
        POINT._replace(stride=2, activation="relu"),
        ops.Conv2D(3, 4, 4, padding="valid"),
        ops.DepthwiseConv2D(3, 4, padding="valid"),
        ops.SeparableConv2D(3, 4, 6, padding="valid"),
        DENSE,
    ],
    ids=str,
)
def test_a_norm_goes_into_the_layers_behind_where_they_do_not_pad(op: Op) -> None:
    graph = graph_of(("n", NORM, "x"), ("d", ops.Dropout(0.5), "n"), ("a", op, "d"))
    small, folding = fold_batch_norm(graph)
    assert folding.folds == (Fold("n", "a", NORM, "input"),)
    assert [layer.path for layer in small] == ["x", "d", "a"]


def test_all_readers_of_a_norm_take_it_or_none() -> None:
    heads = graph_of(("n", NORM, "x"), ("a", DENSE, "n"), ("b", DENSE, "n"), outputs="a b")
    assert became(heads)[1] == ["n>a", "n>b"]
    one = graph_of(("n", NORM, "x"), ("a", DENSE, "n"), ("b", RELU, "n"), outputs="a b")
    assert became(one)[2] == {"n": "between the input and relu"}


def test_norms_before_a_layer_are_applied_from_the_nearest_on() -> None:
    graph = graph_of(("n", NORM, "x"), ("m", NORM, "n"), ("a", DENSE, "m"))
    assert became(graph) == (["a"], ["m>a", "n>a"], {})


AGAIN = "it, or a layer beside it, is used again in another way"
TWICE = (("a", CONV, "x"), ("n", NORM, "a"), ("r", RELU, "n"), ("b", CONV, "r"), ("m", NORM, "b"))


def test_a_layer_that_is_used_twice_takes_one_norm_in_both_uses() -> None:
    assert became(graph_of(*TWICE, shares="b=a m=n")) == (["a", "r", "b"], ["n>a"], {})


@pytest.mark.parametrize("layers", [TWICE, TWICE[:-1]], ids=["two norms", "one norm"])
def test_a_layer_that_is_used_twice_otherwise_takes_none(
    layers: tuple[tuple[str, Op, str]],
) -> None:
    graph = graph_of(*layers, shares="b=a")
    left, folds, kept = became(graph)
    assert (len(left), folds) == (len(layers), [])
    assert set(kept.values()) == {AGAIN}


def test_a_norm_that_is_used_twice_is_folded_in_both_uses_or_in_none() -> None:
    both: list[tuple[str, Op, str]] = [*TWICE[:4], ("m", NORM, "b")]
    assert became(graph_of(*both, shares="m=n"))[:2] == (["a", "r", "b"], ["n>a", "n>b"])
    once: list[tuple[str, Op, str]] = [*TWICE[:3], ("m", NORM, "r"), ("s", RELU, "m")]
    assert became(graph_of(*once, shares="m=n"))[2] == {"n": AGAIN, "m": "between relu and relu"}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("depth", [50, 152])
def test_nothing_but_norms_leaves_a_resnet(depth: int, dialect: str) -> None:
    whole = network(f"{depth}:{dialect}")
    made = folded(whole)
    gone = {layer.path for layer in whole.graph if isinstance(layer.op, ops.BatchNorm)}
    assert made.folding is not None
    assert set(made.folding.norms) == gone
    assert [layer.path for layer in made.graph] == [
        layer.path for layer in whole.graph if layer.path not in gone
    ]
    assert made.cost.macs == whole.cost.macs
    assert made.cost.non_trainable_params == 0
    by_wiring = replace(made, spec=None).recognised
    assert by_wiring is not None
    assert (by_wiring.folded, by_wiring.part) == (True, None)
    assert by_wiring.spec.blocks == whole.blocks


LEFT = {"DenseNet121": 62, "residual_unet": 17}
"""Norms that stay in networks of Keras's and others'; none in those not named."""


@pytest.mark.parametrize("name", ["101", *SAVED])
def test_stages_and_blocks_are_those_of_the_whole_network(name: str) -> None:
    whole = saved(name) if name in SAVED else network(name)
    made = folded(whole)
    assert made.folding is not None
    assert len(made.folding.kept) == LEFT.get(name, 0), made.folding.sentence()
    assert (made.cost.macs, made.cost.normed == 0) == (whole.cost.macs, name not in LEFT)
    gone = set(made.folding.norms)
    for before, after in zip(
        structure_of(whole.graph).groups, structure_of(made.graph).groups, strict=True
    ):
        if name != "fine_tuned":  # where those that are left in the stem have a name in common
            assert before.path == after.path
        kept = [layer.path for layer in before.layers if layer.path in made.graph]
        assert kept == [layer.path for layer in after.layers]
    assert gone.isdisjoint(layer.path for layer in made.graph)


def test_folding_is_said_in_the_title_the_document_and_the_sentence() -> None:
    made = folded(network("50"))
    assert made.title == "ResNet-RS-50 @ 160×160, batch norm folded"
    assert at_size(made, (224, 224)).title == "ResNet-RS-50 @ 224×224, batch norm folded"
    assert folded(made) is made
    assert made.document()["batch_norm"] == {"folded": 56, "kept": []}
    assert made.document()["depth"] == 50
    other = replace(made, spec=None)
    assert at_size(other, (224, 224)).title == "ResNet-RS-50 @ 224×224, batch norm folded"
    assert "ResNet-RS-50, batch norm folded, 1000 classes" in str(other.recognised.sentence())  # type: ignore[union-attr]
    plain = folded(from_graph(graph_of(("r", RELU, "x"))))
    assert plain.title == "small @ 8×8"
    assert plain.folding.sentence() == "No batch norm folded: there is none."  # type: ignore[union-attr]


def test_what_was_folded_outlives_json() -> None:
    made = folded(network("50"))
    text = json.dumps(made.to_json())
    back = network_from_json(json.loads(text))
    assert (back.folding, back.fingerprint, back.title) == (
        made.folding, made.fingerprint, made.title,
    )  # fmt: skip
    for change in ({"into": "stem/act1"}, {"into": "nowhere"}, {"first": 1}, {"end": "input"}):
        damaged = json.loads(text)
        damaged["folding"]["folds"][0] |= change
        with pytest.raises(GraphError, match=r"stem/bn1 cannot have been folded into \S+$"):
            network_from_json(damaged)
    damaged["folding"] = {"folds": [{"norm": "a"}]}
    with pytest.raises(GraphError, match="damaged"):
        network_from_json(damaged)


def test_the_command_line_folds_and_compares_with_itself(cli: Cli) -> None:
    summed = cli("summary", "50", "--fold-batchnorm")
    assert summed.out.startswith("ResNet-RS-50 @ 160×160, batch norm folded  blocks 3, 4, 6, 3")
    assert "56 batch norms folded, none stays." in summed.out
    compared = cli("diff", "50", "--fold-batchnorm", "--format", "json")
    found = json.loads(compared.out)
    assert found["b"]["batch_norm"] == {"folded": 56, "kept": []}
    assert found["totals_delta"]["macs"] == 0
    both = json.loads(cli("diff", "50", "50", "--fold-batchnorm", "--format", "json").out)
    assert both["totals_delta"] == {"params": 0, "trainable_params": 0, "macs": 0}


def test_one_network_is_not_compared_with_nothing(cli: Cli) -> None:
    outcome = cli("diff", "50")
    assert outcome.code == 2
    assert "name B, or compare A with itself: --fold-batchnorm" in outcome.err


def test_python_folds_wherever_it_takes_a_network() -> None:
    made = rsinspect.network("50", fold_batch_norm=True)
    assert made.title.endswith("batch norm folded")
    assert "batch norm folded" in rsinspect.graph("50", "stages", fold_batch_norm=True).title
    summary = rsinspect.summary("50", fold_batch_norm=True).to_json()
    assert summary["totals"]["non_trainable_params"] == 0
    assert rsinspect.diff("50", "50", fold_batch_norm=True).to_json()["b"]["batch_norm"]
