"""What a network is, whatever it is called: the same in every release, other for any change."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsinspect import paper
from rsinspect.layers import ops
from rsinspect.layers.document import fingerprint
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.ops import TensorShape
from rsinspect.networks.dialects import DIALECTS
from rsinspect.networks.network import resnet_rs
from rsinspect.networks.spec import ResNetRSSpec
from tests.conftest import Cli
from tests.networks import layout_of, network_of


def published() -> dict[str, str]:
    """Fingerprints of all networks of the paper, in every dialect."""
    specs = [
        ResNetRSSpec.variant(variant.depth, resolution=side, dialect=dialect)
        for variant in paper.variants().values()
        for side in variant.resolutions or (224,)
        for dialect in DIALECTS
    ]
    return {
        f"{spec.depth}@{spec.resolution[0]}:{spec.dialect.name}": resnet_rs(spec).fingerprint
        for spec in specs
    }


@pytest.mark.slow
def test_no_published_network_has_another_fingerprint_than_before(
    golden: Callable[[str, str], None],
) -> None:
    golden("fingerprints.json", json.dumps(published(), indent=2) + "\n")


SMALL = layout_of(1, 2, 1, drop_path_rate=0.1, resolution=(64, 64)).graph


def renamed(graph: LayerGraph, names: dict[str, str]) -> LayerGraph:
    return LayerGraph(
        "renamed",
        tuple(
            layer._replace(path=names[layer.path], inputs=tuple(names[p] for p in layer.inputs))
            for layer in graph
        ),
        tuple(names[path] for path in graph.outputs),
    )


@settings(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False))
def test_names_do_not_matter(chance: random.Random) -> None:
    paths = [layer.path for layer in SMALL]
    shuffled = chance.sample(paths, len(paths))
    assert fingerprint(renamed(SMALL, dict(zip(paths, shuffled, strict=True)))) == fingerprint(
        SMALL
    )


def reordered(graph: LayerGraph, chance: random.Random) -> LayerGraph:
    """The same layers in another order in which a forward pass may run them."""
    waiting, done, order = list(graph.layers), set[str](), []
    while waiting:
        ready = [layer for layer in waiting if done.issuperset(layer.inputs)]
        layer = chance.choice(ready)
        waiting.remove(layer)
        done.add(layer.path)
        order.append(layer)
    return LayerGraph(graph.name, tuple(order), graph.outputs)


@settings(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_layers_does_not_matter(chance: random.Random) -> None:
    assert fingerprint(reordered(SMALL, chance)) == fingerprint(SMALL)


def test_the_order_of_the_inputs_of_a_sum_does_not_matter() -> None:
    swapped = LayerGraph(
        SMALL.name,
        tuple(
            layer._replace(inputs=layer.inputs[::-1]) if isinstance(layer.op, ops.Add) else layer
            for layer in SMALL
        ),
    )
    assert swapped.layers != SMALL.layers
    assert fingerprint(swapped) == fingerprint(SMALL)


def test_which_tensors_are_added_does_matter() -> None:
    shape = TensorShape(8, 8, 4)
    conv = ops.Conv2D(kernel=3, in_channels=4, filters=4)
    layers = (
        Layer("image", ops.Input(shape), (), shape),
        Layer("a", conv, ("image",), shape),
        Layer("b", conv, ("a",), shape),
    )
    graphs = [
        LayerGraph("g", (*layers, Layer("sum", ops.Add(), inputs, shape)))
        for inputs in (("image", "b"), ("a", "b"), ("b", "b"))
    ]
    assert len(set(map(fingerprint, graphs))) == 3


CHANGES: dict[str, Any] = {
    "blocks": (3, 4, 6, 4),
    "resolution": (160, 192),
    "channels": 1,
    "classes": 10,
    "width": 0.5,
    "filters": (64, 128, 256, 520),
    "se_ratio": 0.0,
    "drop_path_rate": 0.2,
    "dropout_rate": 0.1,
    "activation": "swish",
    "classifier_activation": "linear",
    "include_top": False,
    "preprocessing": False,
    "bn_momentum": 0.9,
    "bn_epsilon": 1e-3,
    "dialect": DIALECTS["article"],
}
"""A change of every field that says what is built."""


@pytest.mark.parametrize("field", CHANGES)
def test_every_field_of_the_spec_matters(field: str) -> None:
    spec = ResNetRSSpec.variant(50)
    changed = spec.replace(**{field: CHANGES[field]})
    assert resnet_rs(changed).fingerprint != resnet_rs(spec).fingerprint


@pytest.mark.parametrize("pooling", ["avg", "max"])
def test_the_pooling_of_a_network_without_a_classifier_matters(pooling: str) -> None:
    bare = network_of(50, include_top=False)
    assert network_of(50, include_top=False, pooling=pooling).fingerprint != bare.fingerprint


def test_no_field_of_the_spec_was_forgotten() -> None:
    names_alone = {"depth"}
    assert set(CHANGES) | {"pooling"} | names_alone == set(ResNetRSSpec.__dataclass_fields__)
    spec = ResNetRSSpec.variant(50)
    assert resnet_rs(spec.replace(depth=None)).fingerprint == resnet_rs(spec).fingerprint


@pytest.mark.parametrize(
    "options",
    [
        "--se-ratio 0", "--activation swish", "--no-preprocessing", "--no-top", "--classes 10",
        "--channels 1", "--se-ratio 0 --activation swish --no-preprocessing",
    ],
)  # fmt: skip
def test_a_document_says_which_network_it_is_about(cli: Cli, options: str) -> None:
    plain, changed = (
        json.loads(cli("summary", 101, *words, "-f", "json").out)["model"]
        for words in ((), options.split())
    )
    assert plain != changed
    assert plain["fingerprint"] != changed["fingerprint"]
    assert plain["name"] == changed["name"]  # which is why a name is not enough
