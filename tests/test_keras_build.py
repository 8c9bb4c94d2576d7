"""The graph becomes a Keras model, layer for layer."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest

from rsinspect import paper
from rsinspect.base.errors import ModelBuildError, ReconciliationError
from rsinspect.keras_model.build import build_model, reconcile, weight_order
from rsinspect.layers import ops
from rsinspect.layers.cost import Cost, layers_cost, weight_shapes
from rsinspect.layers.graph import LayerGraph
from rsinspect.layers.ops import TensorShape
from rsinspect.layers.structure import structure_of
from rsinspect.networks.dialects import DIALECTS
from rsinspect.networks.keras_names import keras_name
from rsinspect.networks.resnet_rs import build_graph
from rsinspect.networks.spec import ResNetRSSpec
from tests.keras_oracles import PARAMS, images, network

pytestmark = pytest.mark.keras

KERAS = DIALECTS["keras"]


def _small(**changes: Any) -> ResNetRSSpec:
    fields: dict[str, Any] = {"blocks": (2, 2), "resolution": (64, 64), "classes": 10}
    return ResNetRSSpec(**(fields | changes))


def _changed(graph: LayerGraph, path: str, **changes: Any) -> LayerGraph:
    """The graph with one layer replaced, whatever the layers after it make of that."""
    broken = object.__new__(LayerGraph)
    layers = tuple(x._replace(**changes) if x.path == path else x for x in graph.layers)
    object.__setattr__(broken, "name", graph.name)
    object.__setattr__(broken, "layers", layers)
    return broken


@pytest.fixture(autouse=True)
def _free_memory() -> Iterator[None]:
    yield
    keras.backend.clear_session()


DEEP = 200


@pytest.mark.parametrize(
    ("depth", "dialect"),
    [
        pytest.param(depth, dialect, marks=[pytest.mark.slow] * (depth > DEEP))
        for dialect in DIALECTS
        for depth in (paper.variants() if dialect in ("keras", "article") else (50, 152, 270))
    ],
)
def test_graph_and_keras_model_agree_layer_by_layer_at_every_depth(
    depth: int, dialect: str
) -> None:
    width = 1.0 if dialect == "keras" or depth <= DEEP else 0.25  # narrow ones build faster
    spec = ResNetRSSpec.variant(depth, resolution=(64, 32), dialect=dialect, width=width)
    graph = build_graph(spec)
    model = build_model(graph, spec.dialect)
    reconcile(graph, spec.dialect, model)
    cost: Cost = layers_cost(graph, graph)
    trainable = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    assert (trainable, model.count_params()) == (cost.trainable_params, cost.params)
    if dialect == "keras" and depth in PARAMS:
        assert (trainable, model.count_params() - trainable) == PARAMS[depth]
    order = [layer.name for layer in model.layers if layer.weights]
    assert order == [keras_name(layer.path, spec.dialect) for layer in weight_order(graph)]


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
    spec = _small(**changes)
    graph = build_graph(spec)
    model = build_model(graph, spec.dialect)
    order = [layer.name for layer in model.layers if layer.weights]
    assert order == [keras_name(layer.path, spec.dialect) for layer in weight_order(graph)]
    assert len(order) == sum(1 for layer in graph if weight_shapes(layer.op))


@pytest.fixture(scope="module")
def small_graph() -> LayerGraph:
    return build_graph(_small())


@pytest.fixture
def small_model(small_graph: LayerGraph) -> Any:
    return build_model(small_graph, KERAS)


def test_reconcile_names_the_first_layer_whose_output_differs(small_model: Any) -> None:
    other = build_graph(_small(resolution=(96, 64)))
    with pytest.raises(ReconciliationError, match=r"^input/image: output 96x64x3 in the graph"):
        reconcile(other, KERAS, small_model)


@pytest.mark.parametrize("path", ["stem/conv2", "c2/block1/conv2", "c3/block0/shortcut/conv"])
def test_reconcile_names_the_first_layer_whose_weights_differ(
    small_graph: LayerGraph, small_model: Any, path: str
) -> None:
    op = small_graph.layer(path).op
    assert isinstance(op, ops.Conv2D)
    other = _changed(small_graph, path, op=op._replace(use_bias=True))
    with pytest.raises(ReconciliationError, match=rf"^{path}: weights "):
        reconcile(other, KERAS, small_model)


def test_reconcile_names_the_first_of_two_differences_in_graph_order(
    small_graph: LayerGraph, small_model: Any
) -> None:
    other = _changed(small_graph, "c3/block1/out", shape=TensorShape(1, 1, 1))
    other = _changed(other, "c2/block0/add", shape=TensorShape(2, 2, 2))
    with pytest.raises(ReconciliationError, match=r"^c2/block0/add: output 2x2x2"):
        reconcile(other, KERAS, small_model)


def test_reconcile_names_a_layer_that_the_model_lacks(small_model: Any) -> None:
    with_drop = build_graph(_small(drop_path_rate=0.1))
    with pytest.raises(ReconciliationError, match=r"^c2/block0/drop: the Keras model has no layer"):
        reconcile(with_drop, KERAS, small_model)


def test_reconcile_names_a_layer_that_the_graph_lacks(small_graph: LayerGraph) -> None:
    spec = _small(drop_path_rate=0.1)
    model = build_model(build_graph(spec), KERAS)
    with pytest.raises(ReconciliationError, match="BlockGroup2__block_0__drop"):
        reconcile(small_graph, KERAS, model)


def test_reconcile_compares_totals(
    small_graph: LayerGraph, small_model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    reconcile(small_graph, KERAS, small_model)
    monkeypatch.setattr(small_model, "count_params", lambda: 1)
    with pytest.raises(ReconciliationError, match="1 in the Keras model"):
        reconcile(small_graph, KERAS, small_model)


def test_a_model_for_any_image_size_reconciles_and_equals_the_fixed_one(
    small_graph: LayerGraph, small_model: Any
) -> None:
    free = build_model(small_graph, KERAS, spatial=(None, None))
    reconcile(small_graph, KERAS, free)
    free.set_weights(small_model.get_weights())
    batch = images(64, 64, 3)
    np.testing.assert_allclose(free(batch), small_model(batch), atol=1e-6)
    assert free(images(97, 65, 3)).shape == (2, 10)


def test_a_dropped_branch_is_dropped_whole_and_kept_branches_are_scaled() -> None:
    graph = build_graph(_small(drop_path_rate=0.75))
    (rate,) = {
        x.op.rate for x in structure_of(graph).within("c3") if isinstance(x.op, ops.DropPath)
    }
    drop = build_model(graph, KERAS).get_layer("BlockGroup3__block_0__drop")
    batch = np.ones((64, 4, 4, 8), "float32")
    dropped = np.asarray(drop(batch, training=True)).reshape(64, -1)
    assert np.all(dropped == dropped[:, :1])
    assert {0.0, round(1 / (1 - rate), 3)} == {round(float(v), 3) for v in dropped[:, 0]}
    np.testing.assert_array_equal(drop(batch, training=False), batch)


@pytest.mark.slow
def test_depth_420_builds_saves_and_loads_at_the_default_recursion_limit(tmp_path: Any) -> None:
    program = """
import sys
assert sys.getrecursionlimit() == 1000
import keras, numpy as np, rsinspect
model = rsinspect.ResNetRS(420, (32, 32, 3), weights=None, width=0.125)
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
    assert int(done.stdout) == len(network(420))


def test_a_network_too_deep_for_python_is_refused_with_a_remedy(
    small_graph: LayerGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_deep(*_: Any, **__: Any) -> None:
        raise RecursionError

    monkeypatch.setattr("rsinspect.keras_model.build.keras.Model", too_deep)
    with pytest.raises(ModelBuildError, match="too deep") as caught:
        build_model(small_graph, KERAS)
    assert "setrecursionlimit" in str(caught.value.hint)


def test_channels_first_is_refused_with_the_call_that_helps(small_graph: LayerGraph) -> None:
    keras.config.set_image_data_format("channels_first")
    try:
        with pytest.raises(ModelBuildError, match="channels_first") as caught:
            build_model(small_graph, KERAS)
    finally:
        keras.config.set_image_data_format("channels_last")
    assert "set_image_data_format" in str(caught.value.hint)
    assert isinstance(caught.value, ValueError)


def test_a_custom_activation_needs_its_function() -> None:
    graph = build_graph(_small(activation="custom:cube"))
    with pytest.raises(ModelBuildError, match="custom:cube"):
        build_model(graph, KERAS)
    model = build_model(graph, KERAS, functions={"custom:cube": lambda x: x**3})
    assert float(model.get_layer("stem_1_stem_act_1")(np.full((1, 1), 2.0))[0, 0]) == 8


def test_an_activation_that_keras_does_not_know_is_refused_by_path(small_graph: LayerGraph) -> None:
    other = _changed(small_graph, "stem/act1", op=ops.Activation("no-such"))
    with pytest.raises(ModelBuildError, match=r"^Keras cannot build stem/act1: "):
        build_model(other, KERAS)


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
    small_graph: LayerGraph, image: Any, message: str
) -> None:
    with pytest.raises(ModelBuildError, match=message):
        build_model(small_graph, KERAS, image=image)


def test_a_model_built_on_a_tensor_begins_where_the_tensor_does(small_graph: LayerGraph) -> None:
    source = keras.Input((128, 128, 3), name="camera")
    model = build_model(small_graph, KERAS, image=keras.layers.AveragePooling2D(2)(source))
    assert model.inputs[0] is source
    assert model.output_shape == (None, 10)


def test_a_model_name_that_keras_refuses_is_our_error(small_graph: LayerGraph) -> None:
    with pytest.raises(ModelBuildError, match="Keras cannot build resnet-rs-2-2"):
        build_model(small_graph, KERAS, name="a/b")
