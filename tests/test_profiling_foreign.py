"""Networks that are no ResNet-RS are built, cut, trained and measured like one."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from rsinspect.api.networks import network
from rsinspect.base.errors import DeviceUnavailable, InvalidMeasurement, WeightsError
from rsinspect.layers import ops
from rsinspect.layers.cost import layer_cost
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.kernels import kernels, step_macs
from rsinspect.layers.map_layout import LAYOUTS
from rsinspect.layers.ops import TensorShape
from rsinspect.layers.partition import segments
from rsinspect.layers.shapes import infer_shape
from rsinspect.networks.network import Network, from_graph, resnet_rs
from rsinspect.networks.spec import ResNetRSSpec
from rsinspect.plots.latency import latency_plot
from rsinspect.profiling.answer import preview, profile_answer
from rsinspect.profiling.distinct import distinct_blocks
from rsinspect.profiling.parent import profile
from rsinspect.profiling.record.document import from_json, to_json
from rsinspect.profiling.request import ProfileRequest
from rsinspect.profiling.statistics import Latency
from tests import foreign
from tests.conftest import python
from tests.networks import SAVED, saved
from tests.runs import run_of
from tests.test_profiling_worker import BRIEF, installed

FROZEN = {"conv", "bn"}


def many_kinds() -> Network:
    """Two images through one tower, depthwise, SE, groups, transposed, a mask and a number."""
    layers: list[Layer] = []
    shapes: dict[str, TensorShape] = {}

    def add(path: str, op: ops.Op, *inputs: str, shares: str | None = None) -> str:
        shape = (
            op.shape
            if isinstance(op, ops.Input)
            else infer_shape(op, tuple(shapes[name] for name in inputs))
        )
        layers.append(Layer(path, op, inputs, shape, shares, path in FROZEN))
        shapes[path] = shape
        return path

    left = add("left", ops.Input(TensorShape(16, 16, 3)))
    right = add("right", ops.Input(TensorShape(16, 16, 3)))
    tower = ops.Conv2D(3, 3, 4, use_bias=True, activation="relu")
    one = add("tower/conv", tower, add("flip", ops.Augmentation("RandomFlip"), left))
    other = add("tower.2/conv", tower, right, shares="tower/conv")
    x = add("join", ops.Concatenate(), one, other)
    x = add("bn", ops.BatchNorm(8, 0.9, 1e-3), add("conv", ops.Conv2D(3, 8, 8, 2), x))
    for block in ("a", "b"):
        y = add(f"{block}_act", ops.ReLU(6.0), add(f"{block}_dw", ops.DepthwiseConv2D(3, 8), x))
        gate = ops.Conv2D(1, 8, 8, use_bias=True, activation="sigmoid")
        z = add(f"{block}_gate", gate, add(f"{block}_pool", ops.GlobalAvgPool(True), y))
        y = add(f"{block}_scale", ops.Multiply(), y, z)
        y = add(f"{block}_pw", ops.Conv2D(1, 8, 8, groups=2), y)
        x = add(f"{block}_add", ops.Add(), x, y)
    x = add("up", ops.Conv2DTranspose(2, 8, 4, 2, "valid", True), x)
    mask = ops.Conv2D(1, 4, 3, use_bias=True, activation="softmax")
    outputs = add("mask", mask, x), add("number", ops.Dense(4, 1), add("p", ops.GlobalAvgPool(), x))
    return from_graph(LayerGraph("many_kinds", tuple(layers), outputs))


NETWORK = many_kinds()
RESNET_RS = resnet_rs(
    ResNetRSSpec(
        blocks=(1, 2), width=0.25, resolution=(32, 32), classes=10, drop_path_rate=0.0,
        dropout_rate=0.0,
    )
)  # fmt: skip


def test_a_network_is_cut_between_its_inputs_and_its_outputs() -> None:
    parts = segments(NETWORK.graph, "block")
    assert parts[0].inputs == ("left", "right")
    assert parts[-1].outputs == ("mask", "number")
    assert [path for part in parts[:-1] for path in part.outputs] == ["bn", "a_add", "b_add", "up"]


@pytest.mark.keras
@pytest.mark.parametrize(
    ("backend", "mode", "layout"),
    [
        pytest.param(
            backend, mode, layout,
            marks=pytest.mark.skipif(not installed(backend), reason=f"no {backend} is installed"),
        )
        for backend, mode, layout in (
            ("tensorflow", "forward", "channels_first"), ("tensorflow", "train", "channels_last"),
            ("jax", "train", "channels_first"),
            ("torch", "forward", "channels_first"), ("torch", "train", "channels_last"),
        )
    ],
)  # fmt: skip
def test_any_network_is_measured(backend: str, mode: Any, layout: Any) -> None:
    request = ProfileRequest(
        network=NETWORK, batch=2, mode=mode, level="layer", backend=backend, layout=layout,
        roofs=False, **BRIEF,
    )  # fmt: skip
    run = profile(request)
    parts = {s.path: s for s in run.segments if s.level != "step"}
    assert list(parts) == [part.path for part in segments(NETWORK.graph, "block")]
    assert run.closure.same_output
    assert (run.closure.output_max_abs or 0) > 0
    assert run.weights == "fresh"
    assert run.model.depth is None
    assert run.model.fingerprint == NETWORK.fingerprint
    if mode == "train":
        assert run.loss == "cross-entropy of classes, mean magnitude of the outputs that are none"
        assert all(part.backward and part.backward.median > 0 for part in parts.values())
    assert run.trace is not None
    traced = {layer.path for layer in run.trace.layers}
    assert traced >= {"tower/conv", "conv", "a_dw", "a_gate", "b_pw", "up", "a_pw"}
    assert from_json(json.loads(json.dumps(to_json(run)))) == run


@pytest.mark.keras
@pytest.mark.skipif(not installed("tensorflow"), reason="tensorflow is not installed")
def test_any_step_of_any_network_in_any_layout_learns_what_the_others_learn() -> None:
    """With and without stamps, channels last and first: the same weights, images, labels."""
    code = """
import os
os.environ["KERAS_BACKEND"] = "tensorflow"
import keras, numpy as np
from rsinspect.profiling.backends import tensorflow as backend
from rsinspect.profiling.backends.workload import as_array, as_in_graph, workload
from rsinspect.profiling.request import ProfileRequest
from tests.test_profiling_foreign import FROZEN, NETWORK, RESNET_RS

def check(network, *ways):
    trained, made = [], []
    for way, layout in ways:
        keras.utils.set_random_seed(1)
        work = workload(ProfileRequest(network=network, batch=4, mode="train", level="block",
                                       layout=layout))
        assert work.model.inputs[0].shape[1] == (3 if layout == "channels_first" else SIDE)
        made.append(as_array(as_in_graph(work, work.model(work.images))))
        np.testing.assert_allclose(made[-1], made[0], rtol=1e-4, atol=1e-6)
        before = {path: layer.get_weights() for path, layer in work.layers.items()}
        getattr(backend.instrument(work), way)()
        after = {path: layer.get_weights() for path, layer in work.layers.items()}
        trained.append(after)
        for path, arrays in after.items():
            moved = any(np.abs(a - b).max() > 0 for a, b in zip(arrays, before[path]))
            assert moved == (bool(arrays) and path not in FROZEN), path
    for path, plain in trained[0].items():
        for another in trained[1:]:
            for one, other in zip(plain, another[path], strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)

plain = ("end_to_end", "channels_last"), ("instrumented", "channels_last")
SIDE = 16
check(NETWORK, *plain, ("end_to_end", "channels_first"), ("instrumented", "channels_first"))
SIDE = 32
check(RESNET_RS, *plain)
"""
    done = python(code)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.keras
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize(
    "make", [foreign.unet, foreign.siamese, foreign.two_outputs, foreign.nested, foreign.merges]
)
def test_a_file_is_measured_with_its_own_weights(make: Any, suffix: str, tmp_path: Path) -> None:
    import keras
    import numpy as np

    from rsinspect.keras_model.build import alone, built
    from rsinspect.keras_model.load import load_own
    from tests.reconciliation import reconcile

    model, path = make(), tmp_path / f"model{suffix}"
    random = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(random.uniform(0.1, 0.5, weight.shape))
    model.save(path)
    read = network(str(path))
    assert read.weights == path
    given = {x.name: random.random((2, *x.shape[1:]), np.float32) for x in model.inputs}
    expected = keras.tree.flatten(model(alone([given[x.name] for x in model.inputs])))
    for layout in LAYOUTS:
        ours = built(read, layout=layout)
        load_own(path, read, ours.layers)
        reconcile(read, ours.model, layout)
        axes = (1, -1) if layout == "channels_first" else (1, 1)
        turned = {x: np.moveaxis(y, *axes[::-1]) if y.ndim == 4 else y for x, y in given.items()}
        outputs = ours.model(alone([turned[x.name] for x in ours.model.inputs]))
        for theirs, mine in zip(expected, keras.tree.flatten(outputs), strict=True):
            mine = np.moveaxis(mine, *axes) if len(mine.shape) == 4 else mine
            np.testing.assert_allclose(theirs, mine, rtol=1e-5, atol=1e-5)


@pytest.mark.keras
def test_a_cpu_that_cannot_convolve_channels_first_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    from rsinspect.profiling.backends import tensorflow as backend

    def refuse(*_: Any, **__: Any) -> None:
        raise tf.errors.UnimplementedError(None, None, "NHWC alone")

    backend._check_channels_first(jit=True)
    monkeypatch.setattr(tf.nn, "conv2d", refuse)
    with pytest.raises(DeviceUnavailable, match="channels_first on a CPU with oneDNN alone"):
        backend._check_channels_first(jit=False)


@pytest.mark.keras
def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    from rsinspect.keras_model.build import built
    from rsinspect.keras_model.load import load_own

    path = tmp_path / "other.keras"
    foreign.two_outputs().save(path)
    with pytest.raises(WeightsError, match="at tower/conv it has nothing, the network 3×3×3×4, 4"):
        load_own(path, NETWORK, built(NETWORK).layers)


def of_applications(name: str) -> Any:
    """A network of ``keras.applications``; the long ones with fewer of the same blocks."""
    from keras import Model, applications, layers
    from keras.src.applications import (
        convnext,
        densenet,
        efficientnet,
        inception_resnet_v2,
        nasnet,
        resnet,
    )

    def inception_resnet(input_shape: Any, classes: int, **_: Any) -> Any:
        """One block of each of its three kinds, which have paths of convolutions and a scale."""
        image = layers.Input(input_shape)
        x = inception_resnet_v2.conv2d_bn(image, 32, 3, strides=2, padding="valid")
        for kind in ("block35", "block17", "block8"):
            x = inception_resnet_v2.inception_resnet_block(x, 0.2, kind, block_idx=1)
            x = layers.MaxPooling2D(3, strides=2)(x)
        return Model(image, layers.Dense(classes)(layers.GlobalAveragePooling2D()(x)))

    def stacks(x: Any) -> Any:
        for stage, filters in enumerate((16, 32), start=2):
            x = resnet.stack_residual_blocks_v2(x, filters, 2, name=f"conv{stage}")
        return x

    def xception(**more: Any) -> Any:
        """With the first of eight middle blocks, and without what comes after them."""
        whole = applications.Xception(**more)
        last = whole.get_layer("block6_sepconv1_act").output
        return Model(
            whole.input, layers.Dense(more["classes"])(layers.GlobalAveragePooling2D()(last))
        )

    shorter: dict[str, Callable[..., Any]] = {
        "DenseNet": lambda **more: densenet.DenseNet((2, 2, 2, 2), **more),
        "ConvNeXt": lambda **more: convnext.ConvNeXt(
            (1, 1, 2, 1), (24, 48, 96, 192), **more
        ),
        "NASNet": lambda **more: nasnet.NASNet(
            penultimate_filters=96, num_blocks=1, stem_block_filters=8, skip_reduction=False,
            default_size=96, **more,
        ),
        "EfficientNet": lambda **more: efficientnet.EfficientNet(0.5, 0.5, 96, **more),
        "Xception": xception,
        "ResNetV2": lambda **more: resnet.ResNet(stacks, preact=True, use_bias=True, **more),
        "InceptionResNetV2": inception_resnet,
    }  # fmt: skip
    make = shorter.get(name) or getattr(applications, name)
    return make(weights=None, input_shape=(96, 96, 3), classes=7)


@pytest.mark.keras
@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["ResNetV2", "EfficientNet", "MobileNetV2", "MobileNetV3Small", "DenseNet", "Xception",
     "ConvNeXt", "InceptionResNetV2", "NASNet"],
)  # fmt: skip
def test_networks_of_keras_applications_compute_what_they_compute_in_keras(
    name: str, tmp_path: Path
) -> None:
    """With random weights, by way of a file."""
    import numpy as np

    from rsinspect.keras_model.build import built
    from rsinspect.keras_model.load import load_own
    from tests.reconciliation import reconcile

    random = np.random.default_rng(0)
    model = of_applications(name)
    for weight in model.weights:
        fan_in = max(1, int(np.prod(weight.shape[:-1])))
        values = random.normal(0, 1, weight.shape) / np.sqrt(fan_in)
        weight.assign(np.abs(values) + 0.5 if "variance" in weight.path else values)
    path = tmp_path / "model.keras"
    model.save(path)
    read = network(str(path), resolution=96)
    ours = built(read)
    load_own(path, read, ours.layers)
    reconcile(read, ours.model)
    images = random.random((2, 96, 96, 3), np.float32) * 255
    theirs, mine = np.array(model(images)), np.array(ours.model(images))
    assert theirs.std() > 1e-4
    np.testing.assert_allclose(theirs, mine, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", SAVED)
def test_the_distinct_segments_of_any_network_are_a_network(name: str) -> None:
    whole = saved(name)
    distinct = distinct_blocks(whole)
    parts = segments(whole.graph, "block")
    if distinct is None:
        return
    assert sum(distinct.repeats.values()) == len(parts)
    for before, after in pairwise(distinct.segments):
        assert after.inputs == before.outputs
    small = distinct.network.graph
    macs = sum(distinct.repeats[part.path] * part.cost(small).macs for part in distinct.segments)
    assert macs == whole.cost.macs


@pytest.mark.parametrize("name", ["text_model", "raw_ops"])
def test_a_layer_that_nobody_can_build_is_named(name: str) -> None:
    with pytest.raises(InvalidMeasurement, match=r"is a layer of class (Embedding|Square)"):
        ProfileRequest(network=saved(name), batch=1)


def test_frozen_layers_have_fewer_gradients() -> None:
    graph = NETWORK.graph
    passes = [k.path for k in kernels(graph, graph.layers, mode="train")]
    assert passes.count("gradient of a_dw") == 2  # of its input and of its weights
    assert passes.count("gradient of conv") == 1  # the tower before it learns
    assert passes.count("gradient of tower/conv") == 1  # nothing before it learns

    def times(path: str) -> float:
        layer = graph.layer(path)
        return step_macs(graph, [layer]) / layer_cost(graph, layer).macs

    assert (times("a_dw"), times("conv"), times("tower/conv")) == (3, 2, 3)


def made_up(network: Network, **changes: Any) -> Any:
    """A run with a second for each part."""
    from rsinspect.profiling.record.run import Segment

    parts = segments(network.graph, "block")
    return run_of(
        [
            Segment(
                path=part.path, level="block", latency=Latency((1.0,) * 3),
                forward=Latency((0.4,) * 3), backward=Latency((0.6,) * 3),
                macs=part.cost(network.graph).macs,
            )
            for part in parts
        ],
        network=network, level="block", **changes,
    )  # fmt: skip


def test_the_notes_say_what_is_left_out_and_where_a_network_cannot_be_cut() -> None:
    notes = " ".join(map(str, profile_answer(made_up(NETWORK, mode="train")).table.notes))
    assert "RandomFlip: handed on as it is, here in training too" in notes
    unet = saved("unet")
    notes = " ".join(map(str, profile_answer(made_up(unet, weights="file")).table.notes))
    assert "timed in 2 parts: the network can only be cut where one tensor is alive" in notes
    assert "Weights: the file's own." in notes


@pytest.mark.parametrize("name", ["MobileNetV2", "unet", "NASNetMobile"])
def test_a_run_of_any_network_is_drawn(name: str) -> None:
    drawn = latency_plot(made_up(saved(name)), "svg", "light").decode()
    assert saved(name).title in drawn
    assert segments(saved(name).graph, "block")[0].path in drawn


def test_a_preview_parts_a_small_count_from_its_unit() -> None:
    layers = (
        Layer("x", ops.Input(TensorShape(4)), (), TensorShape(4)),
        Layer("dense", ops.Dense(4, 10), ("x",), TensorShape(10)),
    )
    small = from_graph(LayerGraph("small", layers, ("dense",)))
    said = preview(ProfileRequest(network=small, batch=1, mode="train"))
    assert said.startswith("80 FLOPs per example forward")
