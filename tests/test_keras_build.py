"""The graph becomes a Keras model, layer for layer."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest

from rsinspect.base.errors import GraphError, ModelBuildError
from rsinspect.keras_model.build import build_model
from rsinspect.layers import ops
from rsinspect.layers.cost import weight_shapes
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.ops import TensorShape
from rsinspect.networks.dialects import DIALECTS
from rsinspect.networks.network import Network, from_graph, resnet_rs
from rsinspect.networks.spec import ResNetRSSpec
from rsinspect.weights.order import weight_order
from tests.keras_oracles import PARAMS, images, network
from tests.networks import layout_of, network_of
from tests.reconciliation import ReconciliationError, reconcile

pytestmark = pytest.mark.keras


def _small(**changes: Any) -> Network:
    fields: dict[str, Any] = {"blocks": (2, 2), "resolution": (64, 64), "classes": 10}
    return resnet_rs(ResNetRSSpec(**(fields | changes)))


def _changed(network: Network, path: str, **changes: Any) -> Network:
    """The network with one layer replaced, whatever the layers after it make of that."""
    broken = object.__new__(LayerGraph)
    layers = tuple(x._replace(**changes) if x.path == path else x for x in network.graph.layers)
    index = {layer.path: layer for layer in layers}
    fields = {"name": network.name, "layers": layers, "outputs": network.graph.outputs}
    for field, value in (fields | {"_index": index, "_derived": {}}).items():
        object.__setattr__(broken, field, value)
    return dataclasses.replace(network, graph=broken)


@pytest.fixture(autouse=True)
def _free_memory() -> Iterator[None]:
    yield
    keras.backend.clear_session()


LONG = (1, 12, 1, 1)
"""Blocks of a network with more than ten in a stage, which the names of deep ones tell."""


@pytest.mark.parametrize(
    ("depth", "dialect"),
    [
        *((depth, "keras") for depth in (50, 101, 152, 200)),
        *((depth, dialect) for dialect in DIALECTS if dialect != "keras" for depth in (50, None)),
    ],
)
def test_graph_and_keras_model_agree_layer_by_layer(depth: int | None, dialect: str) -> None:
    """Depth 420 is below; between it and 200 are more of the same blocks."""
    changes: dict[str, Any] = {"resolution": (64, 32), "dialect": dialect}
    if depth is None:
        net = layout_of(*LONG, width=0.25, drop_path_rate=0.1, **changes)
    else:
        net = network_of(depth, **changes)
    model = build_model(net, kernels=keras.ops.zeros)  # which are made faster than random ones
    reconcile(net, model)
    cost = net.cost
    trainable = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    assert (trainable, model.count_params()) == (cost.trainable_params, cost.params)
    if dialect == "keras" and depth:  # of the others: test_cost
        assert (trainable, model.count_params() - trainable) == PARAMS[depth]
    order = [layer.name for layer in model.layers if layer.weights]
    assert order == [net.names[layer.path] for layer in weight_order(net.graph)]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"se_ratio": 0},
        {"drop_path_rate": 0.2},
        {"se_ratio": 0, "drop_path_rate": 0.2},
        {"se_ratio": 1.0, "include_top": False},
        {"blocks": (1, 1, 1, 1, 1)},
        {"blocks": (3,), "dialect": DIALECTS["article"]},
        {"dialect": DIALECTS["paper-prose"], "se_ratio": 0},
    ],
    ids=str,
)
def test_weight_order_foretells_the_order_of_keras(changes: dict[str, Any]) -> None:
    net = _small(**changes)
    model = build_model(net)
    order = [layer.name for layer in model.layers if layer.weights]
    assert order == [net.names[layer.path] for layer in weight_order(net.graph)]
    assert len(order) == sum(1 for layer in net.graph if weight_shapes(layer.op))


@pytest.fixture(scope="module")
def small() -> Network:
    return _small()


@pytest.fixture
def small_model(small: Network) -> Any:
    return build_model(small)


def test_reconcile_names_the_first_layer_whose_output_differs(small_model: Any) -> None:
    other = _small(resolution=(96, 64))
    with pytest.raises(ReconciliationError, match=r"^input/image: output 96×64×3 in the graph"):
        reconcile(other, small_model)


@pytest.mark.parametrize("path", ["stem/conv2", "c2/block1/conv2", "c3/block0/shortcut/conv"])
def test_reconcile_names_the_first_layer_whose_weights_differ(
    small: Network, small_model: Any, path: str
) -> None:
    op = small.graph.layer(path).op
    assert isinstance(op, ops.Conv2D)
    other = _changed(small, path, op=op._replace(use_bias=True))
    with pytest.raises(ReconciliationError, match=rf"^{path}: weights "):
        reconcile(other, small_model)


def test_reconcile_names_the_first_of_two_differences_in_graph_order(
    small: Network, small_model: Any
) -> None:
    other = _changed(small, "c3/block1/out", shape=TensorShape(1, 1, 1))
    other = _changed(other, "c2/block0/add", shape=TensorShape(2, 2, 2))
    with pytest.raises(ReconciliationError, match=r"^c2/block0/add: output 2×2×2"):
        reconcile(other, small_model)


def test_reconcile_names_a_layer_that_the_model_lacks(small_model: Any) -> None:
    with_drop = _small(drop_path_rate=0.1)
    with pytest.raises(ReconciliationError, match=r"^c2/block0/drop: the Keras model has no layer"):
        reconcile(with_drop, small_model)


def test_reconcile_names_a_layer_that_the_graph_lacks(small: Network) -> None:
    model = build_model(_small(drop_path_rate=0.1))
    with pytest.raises(ReconciliationError, match="BlockGroup2__block_0__drop"):
        reconcile(small, model)


def test_reconcile_compares_totals(
    small: Network, small_model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    reconcile(small, small_model)
    monkeypatch.setattr(small_model, "count_params", lambda: 1)
    with pytest.raises(ReconciliationError, match="1 in the Keras model"):
        reconcile(small, small_model)


def test_a_model_for_any_image_size_reconciles_and_equals_the_fixed_one(
    small: Network, small_model: Any
) -> None:
    free = build_model(small, spatial=(None, None))
    reconcile(small, free)
    free.set_weights(small_model.get_weights())
    batch = images(64, 64, 3)
    np.testing.assert_allclose(free(batch), small_model(batch), atol=1e-6)
    assert free(images(97, 65, 3)).shape == (2, 10)


def test_a_dropped_branch_is_dropped_whole_and_kept_branches_are_scaled() -> None:
    net = _small(drop_path_rate=0.75)
    (rate,) = {x.op.rate for x in net.structure.within("c3") if isinstance(x.op, ops.DropPath)}
    drop = build_model(net).get_layer("BlockGroup3__block_0__drop")
    batch = np.ones((64, 4, 4, 8), "float32")
    dropped = np.asarray(drop(batch, training=True)).reshape(64, -1)
    assert np.all(dropped == dropped[:, :1])
    assert {0.0, round(1 / (1 - rate), 3)} == {round(float(v), 3) for v in dropped[:, 0]}
    np.testing.assert_array_equal(drop(batch, training=False), batch)


@pytest.mark.slow
def test_depth_420_builds_as_its_graph_says_saves_and_loads_at_the_default_recursion_limit(
    tmp_path: Any,
) -> None:
    program = """
import sys
assert sys.getrecursionlimit() == 1000
import keras, numpy as np, rsinspect
from rsinspect.weights.order import weight_order
from tests.networks import network_of
from tests.reconciliation import reconcile
model = rsinspect.ResNetRS(420, (32, 32, 3), weights=None, width=0.125)
net = network_of(420, resolution=32, width=0.125)
reconcile(net, model)
order = [layer.name for layer in model.layers if layer.weights]
assert order == [net.names[layer.path] for layer in weight_order(net.graph)]
model.save(sys.argv[1])
loaded = keras.models.load_model(sys.argv[1])
images = np.random.default_rng(0).uniform(0, 255, (1, 32, 32, 3))
np.testing.assert_allclose(loaded(images), model(images), atol=1e-6)
assert sys.getrecursionlimit() == 1000
print(len(loaded.layers))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "model.keras")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == len(network(420).graph)


def test_a_network_too_deep_for_python_is_refused_with_a_remedy(
    small: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_deep(*_: Any, **__: Any) -> None:
        raise RecursionError

    monkeypatch.setattr("rsinspect.keras_model.build.keras.Model", too_deep)
    with pytest.raises(ModelBuildError, match="too deep") as caught:
        build_model(small)
    assert "setrecursionlimit" in str(caught.value.hint)


def test_a_model_of_channels_first_has_the_same_weights_and_outputs(
    small: Network, small_model: Any, tmp_path: Any
) -> None:
    first = build_model(small, layout="channels_first")
    reconcile(small, first, "channels_first")
    assert first.input_shape == (None, 3, 64, 64)
    assert [layer.name for layer in first.layers] == [layer.name for layer in small_model.layers]
    assert [w.path for w in first.weights] == [w.path for w in small_model.weights]
    small_model.save_weights(tmp_path / "w.weights.h5")
    first.load_weights(tmp_path / "w.weights.h5")
    batch = images(64, 64, 3)
    expected = small_model(batch)
    np.testing.assert_allclose(first(np.moveaxis(batch, -1, 1)), expected, atol=1e-5)
    with pytest.raises(ReconciliationError, match=r"^input/image: output 64×64×3"):
        reconcile(small, first)


def test_what_has_no_form_for_channels_first_is_turned_round() -> None:
    """A vector becomes a map, a dense layer reads its last axis, and an output lies as promised."""
    shape = TensorShape(4, 4, 3)
    layers = (
        Layer("numbers", ops.Input(TensorShape(48)), (), TensorShape(48)),
        Layer("map", ops.Reshape(shape), ("numbers",), shape),
        Layer("conv", ops.Conv2D(3, 3, 3), ("map",), shape),
        Layer("dense", ops.Dense(3, 3), ("conv",), shape),
        Layer("add", ops.Add(), ("conv", "dense"), shape),
        Layer("again", ops.Dense(3, 3), ("dense",), shape, shares="dense"),
    )
    net = from_graph(LayerGraph("turned", layers, ("add", "again")))
    last, first = build_model(net), build_model(net, layout="channels_first")
    reconcile(net, first, "channels_first")
    first.set_weights(last.get_weights())
    turned = [layer.name for layer in first.layers if layer.name not in net.names.values()]
    assert sorted(turned) == [
        "again_channels_first", "conv_channels_last", "dense_channels_first", "map_channels_first"
    ]  # fmt: skip
    numbers = np.random.default_rng(3).normal(size=(2, 48)).astype("float32")
    for ours, theirs in zip(last(numbers), first(numbers), strict=True):
        np.testing.assert_allclose(np.moveaxis(theirs, 1, -1), ours, atol=1e-6)


def test_a_bias_is_added_to_channels_though_the_width_is_as_many() -> None:
    """Keras on TensorFlow adds it along the width then."""
    shape = TensorShape(5, 4, 4)
    conv = ops.Conv2D(3, 4, 4, use_bias=True)
    layers = (
        Layer("image", ops.Input(shape), (), shape),
        Layer("conv", conv, ("image",), shape),
    )
    net = from_graph(LayerGraph("square", layers))
    last, first = build_model(net), build_model(net, layout="channels_first")
    weights = [np.random.default_rng(4).normal(size=w.shape) for w in last.weights]
    for model in (last, first):
        model.set_weights(weights)
    batch = images(5, 4, 4)
    np.testing.assert_allclose(
        np.moveaxis(first(np.moveaxis(batch, -1, 1)), 1, -1), last(batch), rtol=1e-4, atol=1e-3
    )


def test_a_custom_activation_needs_its_function() -> None:
    net = _small(activation="custom:cube")
    with pytest.raises(ModelBuildError, match="custom:cube"):
        build_model(net)
    model = build_model(net, functions={"custom:cube": lambda x: x**3})
    assert float(model.get_layer("stem_1_stem_act_1")(np.full((1, 1), 2.0))[0, 0]) == 8


def test_an_activation_that_keras_does_not_know_is_refused_by_path(small: Network) -> None:
    other = _changed(small, "stem/act1", op=ops.Activation("no-such"))
    with pytest.raises(ModelBuildError, match=r"^Keras cannot build stem/act1: "):
        build_model(other)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((1, 64, 64, 3)), "is a ndarray, not a Keras tensor"),
        (keras.Input((64, 64, 1)), "has shape"),
        (keras.Input((64,)), "has shape"),
    ],
    ids=["array", "grey", "vector"],
)
def test_only_a_keras_tensor_that_fits_can_be_built_on(
    small: Network, image: Any, message: str
) -> None:
    with pytest.raises(ModelBuildError, match=message):
        build_model(small, image=image)


def test_a_model_built_on_a_tensor_begins_where_the_tensor_does(small: Network) -> None:
    source = keras.Input((128, 128, 3), name="camera")
    model = build_model(small, image=keras.layers.AveragePooling2D(2)(source))
    assert model.inputs[0] is source
    assert model.output_shape == (None, 10)


def test_a_model_name_that_keras_refuses_is_our_error(small: Network) -> None:
    with pytest.raises(ModelBuildError, match="Keras cannot build resnet-rs-2-2"):
        build_model(small, name="a/b")


def test_a_network_of_two_images_and_two_outputs_is_built() -> None:
    shape = TensorShape(8, 8, 4)
    conv = ops.Conv2D(3, 4, 4)
    graph = LayerGraph(
        "forked",
        (
            Layer("left", ops.Input(shape), (), shape),
            Layer("right", ops.Input(shape), (), shape),
            Layer("conv", conv, ("right",), shape),
            Layer("again", conv, ("conv",), shape),
            Layer("sum", ops.Add(), ("left", "again"), shape),
            Layer("pool", ops.GlobalAvgPool(), ("sum",), TensorShape(4)),
            Layer("logits", ops.Dense(4, 2), ("pool",), TensorShape(2)),
        ),
        ("sum", "logits"),
    )
    net = from_graph(graph)
    model = build_model(net)
    reconcile(net, model)
    assert model.output_shape == [(None, 8, 8, 4), (None, 2)]
    order = [layer.name for layer in model.layers if layer.weights]
    assert order == [net.names[layer.path] for layer in weight_order(graph)]
    left, right = np.ones((1, 8, 8, 4), "float32"), np.zeros((1, 8, 8, 4), "float32")
    np.testing.assert_array_equal(model([left, right])[0], left)
    with pytest.raises(GraphError, match="2 inputs"):
        build_model(net, image=keras.Input((8, 8, 4)))


def test_kernels_are_drawn_by_whom_they_are_asked_of() -> None:
    shapes: list[tuple[int, ...]] = []

    def draw(shape: tuple[int, ...], dtype: str | None = None) -> object:
        shapes.append(tuple(shape))
        return keras.ops.zeros(shape, dtype)

    model = build_model(_small(), kernels=draw)
    kernels = [w for w in model.trainable_weights if w.name == "kernel"]
    assert shapes == [tuple(kernel.shape) for kernel in kernels]
    assert not any(np.any(keras.ops.convert_to_numpy(kernel)) for kernel in kernels)
