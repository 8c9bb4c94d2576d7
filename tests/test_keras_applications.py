"""The drop-in: Keras 2's names and arguments, Keras 3's models."""

from __future__ import annotations

import inspect
import pydoc
from pathlib import Path
from typing import Any, cast

import keras
import numpy as np
import pytest
from tf_keras.src.applications import resnet_rs as original_module

import rsinspect
from rsinspect.base.errors import (
    InvalidChoice,
    InvalidSpec,
    ModelBuildError,
    UnknownVariant,
    WeightsError,
)
from rsinspect.keras_model import applications
from rsinspect.keras_model.applications import ResNetRS
from rsinspect.networks.network import Network
from tests.keras_oracles import RATES, images

pytestmark = pytest.mark.keras

TINY = [{"input_filters": 8, "num_repeats": 1}, {"input_filters": 16, "num_repeats": 2}]


def tiny(**arguments: Any) -> Any:
    fields: dict[str, Any] = {
        "depth": 50, "block_args": TINY, "weights": None, "input_shape": (32, 32, 3), "classes": 5,
    }  # fmt: skip
    return ResNetRS(**(fields | arguments))


DEPTHS = [f"ResNetRS{depth}" for depth in RATES]


@pytest.mark.parametrize("name", ["ResNetRS", *DEPTHS])
def test_arguments_order_and_defaults_are_those_of_keras_2(name: str) -> None:
    def plain(function: Any) -> dict[str, Any]:
        parameters = inspect.signature(function).parameters.values()
        return {p.name: p.default for p in parameters if p.kind is not p.KEYWORD_ONLY}

    ours, theirs = plain(getattr(rsinspect, name)), plain(getattr(original_module, name))
    assert list(ours) == list(theirs)
    mended = {"bn_momentum": 0.99} if name == "ResNetRS" else {}
    assert ours == theirs | mended


def test_what_keras_2_lacks_comes_by_keyword_only() -> None:
    parameters = inspect.signature(ResNetRS).parameters.values()
    extra = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
    assert extra == {"dialect": "keras", "width": 1.0, "name": None, "data_format": None}


@pytest.mark.parametrize("name", DEPTHS)
def test_a_depth_takes_every_argument_of_the_general_function(name: str) -> None:
    general = inspect.signature(ResNetRS).parameters
    signature = inspect.signature(getattr(rsinspect, name))
    assert set(signature.parameters) == set(general) - {"depth"}
    own = {"dropout_rate", "drop_connect_rate", "model_name"}
    for parameter in signature.parameters.values():
        assert parameter.annotation == general[parameter.name].annotation
        assert parameter.name in own or parameter.default == general[parameter.name].default
    depth = int(name.removeprefix("ResNetRS"))
    rates = tuple(signature.parameters[rate].default for rate in sorted(own)[1::-1])
    assert rates == RATES[depth]
    assert "bn_momentum: 'float' = 0.99" in pydoc.render_doc(getattr(rsinspect, name))


def test_every_keyword_of_a_depth_reaches_the_model() -> None:
    model = rsinspect.ResNetRS50(
        weights=None, input_shape=(32, 32, 3), block_args=TINY, bn_momentum=0.9, bn_epsilon=1e-3,
        activation="swish", se_ratio=0.5, dropout_rate=0.3, drop_connect_rate=0.4, width=2.0,
        dialect="article", name="mine",
    )  # fmt: skip
    norm = model.get_layer("stem_stem_batch_norm_1")
    assert (norm.momentum, norm.epsilon, norm.gamma.shape) == (0.9, 1e-3, (64,))
    assert model.get_layer("BlockGroup2__block_0__se_se_reduce").filters == 32
    assert model.get_layer("top_dropout").rate == 0.3
    assert model.get_layer("BlockGroup3__block_0__drop").rate == pytest.approx(0.4)
    assert model.get_layer("stem_stem_act_1").activation is keras.activations.silu
    assert model.name == "mine"


def test_a_depth_is_named_as_the_network_it_is() -> None:
    def name(**arguments: Any) -> str:
        fields: dict[str, Any] = {"weights": None, "input_shape": (32, 32, 3), "width": 0.125}
        return str(rsinspect.ResNetRS50(**(fields | arguments)).name)

    assert name() == "resnet-rs-50-w0.125"
    assert name(model_name="a") == "a"
    assert name(model_name="a", name="b") == "b"
    assert tiny(name="c").name == "c"


@pytest.mark.parametrize("function", [ResNetRS, rsinspect.ResNetRS50])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bn_momentm": 0.9}, r"\(\) has no argument 'bn_momentm': did you mean bn_momentum\?"),
        ({"num_classes": 3}, "has no argument 'num_classes': did you mean classes"),
        ({"xyz": 3}, r"has no argument 'xyz': one of .*\bclasses\b"),
    ],
    ids=str,
)
def test_an_unknown_keyword_is_a_type_error_that_helps(
    function: Any, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        function(50, **arguments)


def test_too_many_arguments_are_a_type_error_that_names_the_function() -> None:
    with pytest.raises(TypeError, match=r"ResNetRS50\(\): too many positional arguments"):
        cast("Any", rsinspect.ResNetRS50)(*[None] * 9)
    with pytest.raises(TypeError, match=r"ResNetRS\(\): missing a required argument: 'depth'"):
        cast("Any", ResNetRS)()


@pytest.mark.parametrize("depth", RATES)
def test_each_depth_has_the_rates_keras_2_gives_it(
    depth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}
    monkeypatch.setattr(applications, "ResNetRS", lambda depth, **kw: asked.update(kw, depth=depth))
    getattr(applications, f"ResNetRS{depth}")(False, None, 7, (64, 64, 3), None, "max", None, False)
    assert asked == {
        "depth": depth, "model_name": None,
        "dropout_rate": RATES[depth][0], "drop_connect_rate": RATES[depth][1],
        "include_top": False, "weights": None, "classes": 7, "input_shape": (64, 64, 3),
        "input_tensor": None, "pooling": "max", "classifier_activation": None,
        "include_preprocessing": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "input_shape", "output_shape"),
    [
        ({"input_shape": None}, (None, 224, 224, 3), (None, 5)),
        ({"input_shape": None, "include_top": False}, (None, None, None, 3), (None,) * 3 + (64,)),
        ({"input_shape": (33, 50, 3), "include_top": False}, (None, 33, 50, 3), (None, 5, 7, 64)),
        ({"include_top": False, "pooling": "avg"}, (None, 32, 32, 3), (None, 64)),
        ({"include_top": False, "pooling": "max"}, (None, 32, 32, 3), (None, 64)),
        ({"input_shape": (None, None, 3)}, (None, None, None, 3), (None, 5)),
        ({"input_shape": [None, 40, 1]}, (None, None, 40, 1), (None, 5)),
        ({"input_shape": (np.int64(64), 64, 6)}, (None, 64, 64, 6), (None, 5)),
    ],
    ids=str,
)
def test_shapes_follow_from_the_arguments(
    arguments: dict[str, Any], input_shape: tuple[Any, ...], output_shape: tuple[Any, ...]
) -> None:
    model = tiny(**arguments)
    assert (model.input_shape, model.output_shape) == (input_shape, output_shape)


def test_features_are_pooled_by_their_mean_or_their_maximum() -> None:
    bare, batch = tiny(include_top=False), images(32, 32, 3)
    for pooling, pool in (("avg", np.mean), ("max", np.max)):
        pooled = tiny(include_top=False, pooling=pooling)
        pooled.set_weights(bare.get_weights())
        expected = pool(np.asarray(bare(batch)), axis=(1, 2))
        np.testing.assert_allclose(pooled(batch), expected, atol=1e-5)


def test_a_model_for_any_size_takes_any_size() -> None:
    model = tiny(include_top=False, input_shape=None)
    assert model(images(97, 65, 3)).shape == (2, 13, 9, 64)
    assert model(images(32, 64, 3)).shape == (2, 4, 8, 64)


def test_an_input_tensor_becomes_the_input_of_the_model() -> None:
    image = keras.Input((32, 32, 3), name="camera")
    model = tiny(input_tensor=image, input_shape=None)
    assert model.inputs == [image]
    other = tiny()
    other.set_weights(model.get_weights())
    batch = images(32, 32, 3)
    np.testing.assert_allclose(model(batch), other(batch), atol=1e-6)


def test_layers_before_an_input_tensor_belong_to_the_model() -> None:
    image = keras.Input((64, 64, 3))
    model = tiny(input_tensor=keras.layers.AveragePooling2D(2)(image), input_shape=None)
    assert model.input_shape == (None, 64, 64, 3)
    assert model.layers[1].name.startswith("average_pooling2d")
    assert model(images(64, 64, 3)).shape == (2, 5)


def test_two_models_can_share_one_input_tensor() -> None:
    image = keras.Input((32, 32, 3))
    one, two = tiny(input_tensor=image), tiny(input_tensor=image)
    assert one.inputs == two.inputs
    assert not np.allclose(one(images(32, 32, 3)), two(images(32, 32, 3)))


def test_without_a_classifier_activation_there_are_logits() -> None:
    logits, softmax = tiny(classifier_activation=None), tiny()
    softmax.set_weights(logits.get_weights())
    batch = images(32, 32, 3)
    np.testing.assert_allclose(keras.ops.softmax(logits(batch)), softmax(batch), atol=1e-6)
    assert abs(float(keras.ops.sum(logits(batch))) - 2) > 1e-3


def test_activations_may_be_functions_and_names_that_only_keras_knows() -> None:
    model = tiny(activation=lambda x: -x, classifier_activation=lambda x: 0 * x + 4)
    assert float(model.get_layer("stem_1_stem_act_1")(np.ones((1, 1)))[0, 0]) == -1
    assert np.all(np.asarray(model(images(32, 32, 3))) == 4)
    assert tiny(activation=keras.activations.gelu).get_layer("stem_1_stem_act_1").activation is (
        keras.activations.gelu
    )
    named = tiny(activation="exponential").get_layer("stem_1_stem_act_1")
    assert float(named(np.zeros((1, 1)))[0, 0]) == 1


def test_the_numbers_given_reach_the_layers() -> None:
    model = tiny(
        bn_momentum=0.9, bn_epsilon=1e-3, se_ratio=0.5, dropout_rate=0.3, drop_connect_rate=0.3,
        activation="swish", model_name="mine", width=2.0, include_preprocessing=False,
    )  # fmt: skip
    norm = model.get_layer("BlockGroup3__block_1_batch_norm_1")
    assert (norm.momentum, norm.epsilon, norm.gamma.shape) == (0.9, 1e-3, (32,))
    assert model.get_layer("BlockGroup2__block_0__se_se_reduce").filters == 32
    assert model.get_layer("top_dropout").rate == 0.3
    rates = [model.get_layer(f"BlockGroup{i}__block_0__drop").rate for i in (2, 3)]
    assert rates == pytest.approx([0.2, 0.3])
    assert model.get_layer("stem_1_stem_act_2").activation is keras.activations.silu
    assert model.name == "mine"
    assert not any(layer.name in ("rescaling", "normalization") for layer in model.layers)


@pytest.mark.parametrize("name", ["ResNetRS", *DEPTHS])
def test_batch_norm_is_fit_for_training_by_default_and_the_docs_say_what_keras_2_had(
    name: str,
) -> None:
    function = getattr(rsinspect, name)
    assert inspect.signature(function).parameters["bn_momentum"].default == 0.99
    assert "0.99" in function.__doc__
    assert "Keras 2 had 0.0" in function.__doc__


def test_the_momentum_given_is_the_momentum_built() -> None:
    for given, built in (({}, 0.99), ({"bn_momentum": 0.0}, 0.0), ({"dialect": "timm"}, 0.9)):
        momenta = {
            layer.momentum
            for layer in tiny(**given).layers
            if isinstance(layer, keras.layers.BatchNormalization)
        }
        assert momenta == {built}


def test_momentum_makes_no_difference_in_inference() -> None:
    one, other = tiny(), tiny(bn_momentum=0.0)
    other.set_weights(one.get_weights())
    batch = images(32, 32, 3)
    np.testing.assert_array_equal(one(batch), other(batch))


def test_a_model_differs_from_the_keras_dialect_in_training_alone() -> None:
    model = rsinspect.ResNetRS50(weights=None, input_shape=(64, 64, 3))
    conclusion = rsinspect.diff("50@64", model).conclusion
    assert "the same but for batch-norm momentum (training only)" in conclusion


def test_a_model_trains() -> None:
    model = tiny(bn_momentum=0.9, drop_connect_rate=0.3)
    loss = "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.Adam(0.01), loss, run_eagerly=True)  # a graph takes its time
    batch, labels = images(32, 32, 3, count=8), np.arange(8) % 5
    history = model.fit(batch, labels, epochs=12, verbose=0).history["loss"]
    assert history[-1] < history[0]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"depth": 51, "block_args": None}, UnknownVariant, "unknown depth 51"),
        ({"input_shape": (31, 32, 3)}, InvalidSpec, "side of the resolution is 31"),
        ({"input_shape": (32, 32)}, InvalidSpec, "input_shape is"),
        ({"input_shape": 224}, InvalidSpec, "input_shape is 224"),
        ({"input_shape": (32.5, 32, 3)}, InvalidSpec, "input_shape is"),
        ({"input_shape": (32, 32, None)}, InvalidSpec, "channels must be known"),
        ({"input_shape": (32, 32, 0)}, InvalidSpec, "image channels is 0"),
        ({"input_tensor": np.zeros((1, 32, 32, 3))}, ModelBuildError, "not a Keras tensor"),
        ({"input_tensor": keras.Input((64, 64, 3))}, InvalidSpec, "but input_tensor is of shape"),
        ({"input_tensor": keras.Input((64,))}, InvalidSpec, "shape of input_tensor"),
        ({"classes": 0}, InvalidSpec, "classes is 0"),
        ({"pooling": "sum"}, InvalidSpec, "pooling 'sum'"),
        ({"activation": "rellu"}, InvalidChoice, "unknown activation 'rellu'"),
        ({"activation": 3}, InvalidSpec, "activation is 3"),
        ({"classifier_activation": "soft"}, InvalidChoice, "unknown classifier_activation 'soft'"),
        ({"se_ratio": 1.5}, InvalidSpec, "SE ratio is 1.5"),
        ({"dropout_rate": 1.0}, InvalidSpec, "dropout rate is 1.0"),
        ({"drop_connect_rate": -0.1}, InvalidSpec, "drop-path rate is -0.1"),
        ({"width": 0.01}, InvalidSpec, "zero channels"),
        ({"dialect": "kears"}, InvalidChoice, "unknown dialect"),
        ({"block_args": []}, InvalidSpec, "block_args is empty"),
        ({"block_args": [{"num_repeats": 3}]}, InvalidSpec, "list of stages"),
        ({"block_args": [(64, 3)]}, InvalidSpec, "list of stages"),
        ({"block_args": [{"input_filters": 64, "num_repeats": 0}]}, InvalidSpec, "blocks in c2"),
        ({"block_args": [{"input_filters": 64, "num_repeats": "3"}]}, InvalidSpec, "blocks in c2"),
        ({"model_name": "a/b"}, ModelBuildError, "Keras cannot build"),
        ({"weights": "imagenet"}, WeightsError, "another network"),
        ({"weights": 3}, WeightsError, "weights is a int"),
    ],
    ids=str,
)
def test_a_wrong_argument_is_a_value_error_that_names_it(
    arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        tiny(**({"classes": 1000} | arguments))
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("suffix", [".keras", ".weights.h5", ".h5"])
def test_a_file_of_one_data_format_fits_the_other(suffix: str, tmp_path: Path) -> None:
    first = tiny(data_format="channels_first", input_shape=(3, 64, 32), include_top=False)
    batch = images(64, 32, 3)
    turned = np.moveaxis(batch, -1, 1)
    path = tmp_path / f"first{suffix}"
    (first.save_weights if suffix == ".weights.h5" else first.save)(path)
    last = tiny(weights=path, input_shape=(64, 32, 3), include_top=False)
    expected = np.asarray(last(batch))
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(np.moveaxis(first(turned), 1, -1), expected, atol=1e-4)
    if suffix == ".keras":
        again = keras.models.load_model(path)
        np.testing.assert_array_equal(again(turned), first(turned))


def test_keras_s_setting_is_the_default_data_format() -> None:
    keras.config.set_image_data_format("channels_first")
    try:
        first = tiny(input_shape=(3, 64, 32), include_top=False)
        image = keras.Input((3, 64, 32))
        on_top = tiny(input_shape=None, input_tensor=keras.layers.ReLU()(image), pooling="avg",
                      include_top=False)  # fmt: skip
        last = tiny(input_shape=(64, 32, 3), data_format="channels_last", include_top=False)
        assert rsinspect.ResNetRS50(weights=None, width=0.125).input_shape == (None, 3, 224, 224)
    finally:
        keras.config.set_image_data_format("channels_last")
    assert first.output_shape == (None, 64, 8, 4)
    assert on_top.output_shape == (None, 64)
    assert last.output_shape == (None, 8, 4, 64)
    with pytest.raises(InvalidChoice, match="unknown data_format 'channel_first'"):
        tiny(data_format="channel_first")
    with pytest.raises(InvalidSpec, match=r"it must be \(channels, height, width\)") as caught:
        tiny(data_format="channels_first", input_shape=(64, 64))
    assert "(3, 224, 224)" in str(caught.value.hint)
    with pytest.raises(InvalidSpec, match=r"with channels_first it must be \(channels, height"):
        tiny(data_format="channels_first", input_shape=(224, 224, 3))


def test_layouts_without_published_weights_can_be_built(monkeypatch: pytest.MonkeyPatch) -> None:
    """What would be built; what that comes to is in ``test_keras_build``."""
    monkeypatch.setattr(applications, "build_model", lambda network, **_: network)
    network = cast("Network", ResNetRS(300, (32, 32, 3), weights=None, include_top=False))
    blocks = [layer for layer in network.graph if layer.path.endswith("/out")]
    assert len(blocks) == 4 + 36 + 54 + 4  # the paper, Appendix E


def test_images_are_preprocessed_inside_the_model() -> None:
    batch = images(4, 4, 3)
    assert rsinspect.preprocess_input(batch) is batch
    assert rsinspect.preprocess_input(batch, "channels_last") is batch


def test_predictions_are_decoded_by_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"\(samples, 1000\)"):
        rsinspect.decode_predictions(np.zeros((1, 5)))
    utilities = keras.applications.imagenet_utils
    monkeypatch.setattr(utilities, "decode_predictions", lambda preds, top: [preds, top])
    assert rsinspect.decode_predictions("preds", top=3) == ["preds", 3]
