"""Every op against Keras: shapes, weights, params, numbers; work against counters and by trial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from rsinspect.keras_model.build import build_model
from rsinspect.layers import ops
from rsinspect.layers.cost import op_cost, weight_shapes
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.kernels import kernels
from rsinspect.layers.receptive_field import receptive_fields
from rsinspect.layers.shapes import infer_shape
from rsinspect.networks.keras_config import from_keras_config
from rsinspect.networks.network import from_graph
from tests.counters import tensorflow_terms
from tests.keras_cases import CASES, CONVOLUTIONS, Case, paddings, pairs, steps
from tests.reconciliation import reconcile

pytestmark = pytest.mark.keras

few = settings(
    max_examples=8,
    phases=[Phase.explicit, Phase.generate],  # a smaller case is found slowly and says no more
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)

Cases = Mapping[str, Case]


def model_of(cases: Cases) -> Any:
    """Keras's model of one layer for each case, side by side, every weight another number."""
    import keras
    import numpy as np

    keras.backend.clear_session()
    inputs, outputs = [], []
    for name, case in cases.items():
        own = [keras.Input(tuple(x), name=f"{name}_in{i}") for i, x in enumerate(case.inputs)]
        inputs += own
        outputs.append(case.call(keras, own))
    model = keras.Model(inputs, outputs)
    rng = np.random.default_rng(7)
    model.set_weights([rng.uniform(0.5, 1.5, weight.shape) for weight in model.weights])
    return model


def graph_of(cases: Cases) -> LayerGraph:
    """The same as a graph of ops written by hand."""
    layers: list[Layer] = []
    for name, case in cases.items():
        paths = tuple(f"{name}_in{place}" for place in range(len(case.inputs)))
        layers += [
            Layer(path, ops.Input(shape), (), shape)
            for path, shape in zip(paths, case.inputs, strict=True)
        ]
        layers.append(Layer(name, case.op, paths, infer_shape(case.op, case.inputs)))
    return LayerGraph("cases", tuple(layers), tuple(cases))


@few
@given(st.fixed_dictionaries(CASES))
def test_ops_are_what_keras_does(cases: Cases) -> None:
    import numpy as np

    model, graph = model_of(cases), graph_of(cases)
    for (name, case), output in zip(cases.items(), model.outputs, strict=True):
        made = output._keras_history.operation
        weights = getattr(made, "weights", [])
        cost = op_cost(case.op, case.inputs, graph.layer(name).shape)
        assert tuple(output.shape[1:]) == tuple(graph.layer(name).shape), case
        assert [tuple(weight.shape) for weight in weights] == list(weight_shapes(case.op)), case
        trained = sum(int(np.prod(x.shape)) for x in getattr(made, "trainable_weights", []))
        assert trained == cost.trainable_params, case
        assert sum(int(np.prod(x.shape)) for x in weights) == cost.params, case
    read = from_keras_config(model.get_config()).graph
    assert [read.layer(path).op for path in read.outputs] == [case.op for case in cases.values()]

    rng = np.random.default_rng(8)
    batch = [
        rng.normal(size=(2, *shape)).astype("float32")
        for case in cases.values()
        for shape in case.inputs
    ]
    rebuilt = build_model(from_graph(graph))
    by_kind = iter(model.outputs)
    for name in cases:  # weights layer by layer: the two models may list them in another order
        made = next(by_kind)._keras_history.operation
        if getattr(made, "weights", []):
            rebuilt.get_layer(name).set_weights(made.get_weights())
    for (name, case), ours, theirs in zip(
        cases.items(), rebuilt(batch, training=False), model(batch, training=False), strict=True
    ):
        np.testing.assert_allclose(
            np.asarray(ours), np.asarray(theirs), rtol=1e-4, atol=1e-5, err_msg=f"{name}: {case}"
        )


@settings(few, max_examples=4)
@given(st.fixed_dictionaries(CASES))
def test_ops_compute_the_same_with_channels_first(cases: Cases) -> None:
    """Weights are the same arrays; maps go in and come out turned round."""
    import keras
    import numpy as np

    keras.backend.clear_session()
    network = from_graph(graph_of(cases))
    last, first = build_model(network), build_model(network, layout="channels_first")
    reconcile(network, first, "channels_first")
    read, expected = (from_keras_config(model.get_config()).graph for model in (first, last))
    assert [(layer.op, layer.shape) for layer in read] == [
        (layer.op, layer.shape) for layer in expected
    ]
    rng = np.random.default_rng(9)
    for layer in last.layers:
        if layer.weights:
            layer.set_weights([rng.uniform(0.5, 1.5, weight.shape) for weight in layer.weights])
            first.get_layer(layer.name).set_weights(layer.get_weights())
    batch = [rng.normal(size=(2, *x.shape[1:])).astype("float32") for x in last.inputs]
    turned = [np.moveaxis(x, -1, 1) if x.ndim == 4 else x for x in batch]
    for (name, case), ours, theirs in zip(
        cases.items(), last(batch, training=False), first(turned, training=False), strict=True
    ):
        theirs = np.asarray(theirs)
        theirs = np.moveaxis(theirs, 1, -1) if theirs.ndim == 4 else theirs
        np.testing.assert_allclose(
            theirs, np.asarray(ours), rtol=1e-4, atol=1e-5, err_msg=f"{name}: {case}"
        )


def test_every_op_has_a_case() -> None:
    tried: set[str] = set()

    @settings(max_examples=60, database=None, derandomize=True, deadline=None)
    @given(st.fixed_dictionaries(CASES))
    def draw(cases: Cases) -> None:
        tried.update(case.op.kind for case in cases.values())

    draw()
    assert set(ops.OPS) - tried == {"Input", "Opaque", "Pick"}


@few
@given(st.fixed_dictionaries(CONVOLUTIONS | {"Dense": CASES["Dense"]}))
def test_multiply_adds_are_half_of_what_tensorflow_counts(cases: Cases) -> None:
    """Grouped convolutions are counted by PyTorch: TensorFlow's profiler does not see them."""
    terms = tensorflow_terms(model_of(cases))
    macs = {
        name: op_cost(case.op, case.inputs, infer_shape(case.op, case.inputs)).macs
        for name, case in cases.items()
    }
    if isinstance(grouped := cases["Conv2D"].op, ops.Conv2D) and grouped.groups > 1:
        macs.pop("Conv2D")
    upwards = cases["Conv2DTranspose"].op
    assert isinstance(upwards, ops.Conv2DTranspose)
    enlarged = macs.pop("Conv2DTranspose")
    if upwards.padding == "same" and upwards.output_padding is None:
        # its formula divides the output by the stride; ours counts every place that is read
        assert terms["Conv2DBackpropInput"] == 2 * enlarged
    seen = sum(terms.get(name, 0) for name in ("Conv2D", "DepthwiseConv2dNative", "MatMul"))
    assert seen == 2 * sum(macs.values())


@few
@given(st.fixed_dictionaries({x: CASES[x] for x in CONVOLUTIONS if x != "SeparableConv2D"}))
def test_ones_through_ones_count_the_taps_outside_the_padding(cases: Cases) -> None:
    """A convolution of ones by ones adds a one per tap that falls on the map."""
    import numpy as np

    plain = {
        name: case._replace(op=case.op._replace(use_bias=False, activation=None))  # type: ignore[call-arg]
        for name, case in cases.items()
    }
    graph = graph_of(plain)
    model = build_model(from_graph(graph))
    model.set_weights([np.ones(weight.shape) for weight in model.weights])
    ones = [np.ones((1, *case.inputs[0]), "float32") for case in plain.values()]
    for name, output in zip(plain, model(ones, training=False), strict=True):
        [kernel] = kernels(graph, [graph.layer(name)], mode="forward")
        assert kernel.macs == round(float(np.asarray(output).sum())), plain[name]


chains = st.lists(
    st.one_of(
        st.builds(
            lambda kernel, steps, padding: ops.Conv2D(
                ops.sides(*kernel), 1, 1, ops.sides(*steps[0]), padding,
                dilation=ops.sides(*steps[1]),
            ),
            pairs, steps(most=2), paddings,
        ),
        st.builds(lambda size: ops.AvgPool2D(ops.sides(*size), 2, "valid"), pairs),
        st.builds(lambda how: ops.UpSampling2D(2, how), st.sampled_from(["nearest", "bilinear"])),
        st.builds(lambda side: ops.Conv2DTranspose(side, 1, 1, stride=2), st.integers(1, 5)),
    ),
    min_size=1,
    max_size=4,
)  # fmt: skip


@few
@given(chains)
def test_a_receptive_field_is_what_an_output_answers_to(chain: list[ops.Op]) -> None:
    """One row of ones at a time, then one column: an output that sees it is not zero."""
    import numpy as np

    side = 160
    image = ops.TensorShape(side, side, 1)
    layers = [Layer("image", ops.Input(image), (), image)]
    for place, op in enumerate(chain):
        shape = infer_shape(op, (layers[-1].shape,))
        layers.append(Layer(f"op{place}", op, (layers[-1].path,), shape))
    graph = LayerGraph("chain", tuple(layers))
    model = build_model(from_graph(graph))
    model.set_weights([np.ones(weight.shape) for weight in model.weights])
    rows = np.broadcast_to(np.eye(side, dtype="float32")[:, :, None, None], (side, side, side, 1))
    longest = 0
    for images in (rows, rows.transpose(0, 2, 1, 3)):
        answers = np.asarray(model(images, training=False))[..., 0] > 0
        answers = np.asarray(answers.any(axis=2 if images is rows else 1))
        for lit in map(np.flatnonzero, answers.T):  # for each output position
            longest = max(longest, int(np.ptp(lit)) + 1 if lit.size else 0)
    found = receptive_fields(graph)[graph.output.path].size
    assert found is not None
    if any(isinstance(op, ops.UpSampling2D | ops.Conv2DTranspose) for op in chain):
        assert abs(found - longest) <= 4  # neighbours differ in what they see
    else:
        assert found == longest
