"""ResNet-RS for Keras 3: what ``keras.applications.resnet_rs`` was in Keras 2.

Same names, same arguments in the same order, the same names of all layers with weights, the same
weight files; on the TensorFlow, JAX and PyTorch backends. Beyond Keras 2: the layouts of depths 300
and 400, a width multiplier, dialects, any image size with a classifier too, and no change of
Python's recursion limit.

One default differs: ``bn_momentum`` is 0.99, where Keras 2 has 0.0. It makes no difference to what
a model predicts as it is loaded. In training, 0.0 makes the moving statistics those of the last
batch alone, so that ``evaluate()`` after ``fit()`` is wrong; Keras merged 0.99 and lost it the
next day (keras-team/keras 16726, commits 738faf75 and e1d39b79, June 2022). The ``keras`` dialect
keeps 0.0, because a dialect says what is in a code base: that is what ``summary``, ``diff`` and
fingerprints describe, and a model built here differs from it in that training-only number.

    >>> from rsinspect import ResNetRS50
    >>> model = ResNetRS50(weights=None, input_shape=(160, 160, 3))
    >>> model.name, model.output_shape, model.count_params()
    ('resnet-rs-50', (None, 1000), 35745288)

Sources: Bello et al. 2021, arXiv 2103.07579; tf_keras 2.21, applications/resnet_rs.py, for the
arguments, their defaults and the rates of each depth.
"""

from __future__ import annotations

import functools
import inspect
import operator
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ParamSpec, Protocol

from rsinspect import paper
from rsinspect.base.errors import InvalidChoice, InvalidSpec, ModelBuildError, check_choice
from rsinspect.base.words import near
from rsinspect.keras_model.backend import keras
from rsinspect.keras_model.build import build_model
from rsinspect.keras_model.load import load, resolved
from rsinspect.layers.map_layout import CHANNELS_FIRST, LAYOUTS, Layout, lying
from rsinspect.networks.dialects import dialect_named
from rsinspect.networks.network import resnet_rs
from rsinspect.networks.spec import ACTIVATIONS, CUSTOM_ACTIVATION, ResNetRSSpec

__all__ = [
    "ResNetRS",
    "ResNetRS50",
    "ResNetRS101",
    "ResNetRS152",
    "ResNetRS200",
    "ResNetRS270",
    "ResNetRS350",
    "ResNetRS420",
    "decode_predictions",
    "preprocess_input",
]

DEFAULT_SIDE = 224
"""Image side with a classifier where no shape is given, as in Keras 2."""

Shape = Sequence[int | None]
Weights = str | os.PathLike[str] | None
ActivationLike = str | Callable[..., Any] | None
BlockArgs = Sequence[Mapping[str, int]]

_ARGUMENTS = {"drop_path_rate": "drop_connect_rate"}
"""Arguments that Keras 2 called otherwise than the fields of a spec, which dialects name."""

P = ParamSpec("P")


def _given(
    function: str, signature: inspect.Signature, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """List the arguments of a call by name, and a dialect's own defaults for those left open.

    Raises:
        TypeError: If the call does not fit the signature; a misspelt name gets the nearest one.
        InvalidChoice: If the dialect is unknown.
    """
    for name in kwargs:
        if name not in signature.parameters:
            raise TypeError(
                f"{function}() has no argument {name!r}: {near(name, signature.parameters)}"
            )
    try:
        given = dict(signature.bind(*args, **kwargs).arguments)
    except TypeError as exc:
        raise TypeError(f"{function}(): {exc}") from None
    for field, value in dialect_named(given.get("dialect", "keras")).defaults:
        given.setdefault(_ARGUMENTS.get(field, field), value)
    return given


def _with_defaults_of_the_dialect(build: Callable[P, keras.Model]) -> Callable[P, keras.Model]:
    """Let a dialect's own defaults stand for arguments that a call leaves open."""
    signature = inspect.signature(build)

    @functools.wraps(build)
    def model(*args: P.args, **kwargs: P.kwargs) -> keras.Model:
        filled: Callable[..., keras.Model] = build
        return filled(**_given(build.__name__, signature, args, kwargs))

    return model


@_with_defaults_of_the_dialect
def ResNetRS(
    depth: int,
    input_shape: Shape | None = None,
    bn_momentum: float = 0.99,
    bn_epsilon: float = 1e-5,
    activation: ActivationLike = "relu",
    se_ratio: float = 0.25,
    dropout_rate: float = 0.25,
    drop_connect_rate: float = 0.2,
    include_top: bool = True,
    block_args: BlockArgs | None = None,
    model_name: str | None = "resnet-rs",
    pooling: str | None = None,
    weights: Weights = "imagenet",
    input_tensor: Any = None,
    classes: int = 1000,
    classifier_activation: ActivationLike = "softmax",
    include_preprocessing: bool = True,
    *,
    dialect: str = "keras",
    width: float = 1.0,
    name: str | None = None,
    data_format: str | None = None,
) -> keras.Model:
    """Build a ResNet-RS as a Keras model, every number open to change.

    It is long because Keras's function has one argument per setting, and each is named twice here.

    Args:
        depth: 50, 101, 152, 200, 270, 350, 420, or 300 and 400, whose layouts were published
            without weights. With ``block_args`` any number: it is then only part of the name.
        input_shape: Image (height, width, channels), or (channels, height, width) where
            ``data_format`` is that, each side at least 32 or None for any. By default 224 by 224
            of 3 channels with a classifier, and any height and width without.
        bn_momentum: Momentum of batch norm's moving statistics. Keras 2 had 0.0, with which they
            are those of the last batch alone: harmless for weights as they are, and wrong after any
            training. With 0.99 they follow some hundreds of steps: for a training from scratch of
            fewer steps, pass 0.9.
        bn_epsilon: Added to batch norm's variance.
        activation: Nonlinearity of stem and blocks, a name or a function. Squeeze-and-excitation
            keeps ReLU and sigmoid.
        se_ratio: Hidden width of squeeze-and-excitation over a block's output channels; 0 for
            none. (Keras 2 also built none at 1.)
        dropout_rate: Probability of the dropout before the classifier.
        drop_connect_rate: Probability that a residual branch of the last stage is dropped in
            training; earlier stages get less.
        include_top: Whether the model ends in a classifier.
        block_args: A stage each, ``{"input_filters": 64, "num_repeats": 3}``, instead of the
            layout of the depth.
        model_name: Name of the model, as Keras 2 calls the argument; None for the network's own.
        pooling: Without a classifier: ``avg`` or ``max`` for a vector, None for the map.
        weights: ``imagenet`` for the published weights of the largest size, ``imagenet-i224`` for
            those of one size, the path of an ``.h5``, ``.weights.h5`` or ``.keras`` file, or None
            for fresh ones. A file may have another head, or hold the network inside a Sequential or
            a larger model: what is not of this network is left out, a classifier that the file does
            not have starts fresh, and a ``WeightsWarning`` says so.
        input_tensor: A Keras tensor to build on, a batch of such images. The model's inputs are
            those it is computed from.
        classes: Outputs of the classifier.
        classifier_activation: What follows the classifier, a name or a function; None for logits.
        include_preprocessing: Whether the model begins by scaling pixels of 0 to 255 to the mean
            and deviation of ImageNet (for 3 channels; for others to 0 to 1). Without it, images
            must come normalised so.
        dialect: Whose wiring: a name of ``dialects.DIALECTS``. Its own defaults stand for arguments
            left open (``dialects.Dialect.defaults``): ``resnet`` has no squeeze-and-excitation and
            no dropout, ``tf-models`` has swish and 1001 classes.
        width: Multiplier of every filter count.
        name: Name of the model, as Keras 3 calls the argument.
        data_format: ``channels_last`` or ``channels_first``: the order of a map's axes, from the
            image on; Keras's setting by default. Names, weights and files are the same in both; on
            PyTorch channels_first saves the copies with which Keras surrounds a convolution. An
            activation that is a function gets maps as they lie.

    Returns:
        A functional model from images, (batch, height, width, channels), to (batch, classes) with
        a classifier, to (batch, 2048) with pooling and to (batch, height / 32, width / 32, 2048)
        with neither, sizes rounded up; with channels_first from (batch, channels, height, width)
        and to (batch, 2048, height / 32, width / 32).

    Raises:
        SpecError: If the network is impossible (also a ValueError, as are the next three).
        InvalidChoice: If an activation, the dialect or the data format has a name that nothing
            has.
        WeightsError: If the weights belong to another network or cannot be had;
            ``WeightsUnavailable`` where a published file is not here and cannot be fetched.
        ModelBuildError: If ``input_tensor`` does not fit.
        TypeError: If there is no such argument; the message names the nearest.

    >>> stages = [{"input_filters": 8, "num_repeats": 1}, {"input_filters": 16, "num_repeats": 2}]
    >>> model = ResNetRS(1, block_args=stages, weights=None, include_top=False)
    >>> model.output_shape
    (None, None, None, 64)
    """
    layout = _layout_of(data_format)
    shape = _image_shape(input_shape, input_tensor, include_top, layout)
    functions: dict[str, Callable[..., Any]] = {}
    fields: dict[str, Any] = {
        "resolution": tuple(DEFAULT_SIDE if side is None else side for side in shape[:2]),
        "channels": shape[2],
        "classes": classes,
        "width": width,
        "se_ratio": se_ratio or 0.0,
        "drop_path_rate": drop_connect_rate or 0.0,
        "dropout_rate": dropout_rate or 0.0,
        "activation": _activation(activation, "activation", functions),
        "classifier_activation": _activation(
            classifier_activation, "classifier_activation", functions
        ),
        "include_top": include_top,
        "pooling": pooling,
        "preprocessing": include_preprocessing,
        "bn_momentum": bn_momentum,
        "bn_epsilon": bn_epsilon,
    }
    if block_args is None:
        spec = ResNetRSSpec.variant(depth, dialect=dialect, **fields)
    else:
        blocks, filters = _layout(block_args)
        spec = ResNetRSSpec(
            blocks=blocks, filters=filters, depth=depth, dialect=dialect_named(dialect), **fields
        )
    network = resnet_rs(spec)
    with resolved(weights, network) as stored:
        model = build_model(
            network,
            name=name or model_name,
            image=input_tensor,
            spatial=(shape[0], shape[1]),
            functions=functions,
            layout=layout,
        )
        if stored is not None:
            load(model, stored, network)
    return model


def _layout_of(data_format: str | None) -> Layout:
    """Read a data format; Keras's setting is the default."""
    chosen: Any = keras.config.image_data_format() if data_format is None else data_format
    check_choice("data_format", chosen, LAYOUTS)
    return LAYOUTS[LAYOUTS.index(chosen)]


def _image_shape(
    input_shape: Shape | None, input_tensor: Any, include_top: bool, layout: Layout
) -> tuple[int | None, int | None, int]:
    """Find height, width (None where any will do) and channels of the image."""
    requested = None if input_shape is None else _checked_shape(input_shape, "input_shape", layout)
    if input_tensor is None:
        if requested is not None:
            return requested
        return (DEFAULT_SIDE, DEFAULT_SIDE, 3) if include_top else (None, None, 3)
    if not keras.utils.is_keras_tensor(input_tensor):
        raise ModelBuildError(
            f"input_tensor is a {type(input_tensor).__name__}, not a Keras tensor",
            f"pass keras.Input(shape={_AXES[layout]}) or what was computed from one",
        )
    given = tuple(input_tensor.shape)[1:]
    actual = _checked_shape(given, "the shape of input_tensor", layout)
    if requested is not None and any(
        ours is not None and theirs is not None and ours != theirs
        for ours, theirs in zip(requested, actual, strict=True)
    ):
        raise InvalidSpec(f"input_shape is {input_shape}, but input_tensor is of shape {given}")
    return actual


_AXES = {
    layout: f"({', '.join(lying(('height', 'width', 'channels'), layout))})" for layout in LAYOUTS
}
"""Names of the axes of an image."""


def _checked_shape(shape: Any, what: str, layout: Layout) -> tuple[int | None, int | None, int]:
    """Read the shape of an image as height, width and channels."""
    try:
        height, width, channels = (None if n is None else operator.index(n) for n in shape)
    except (TypeError, ValueError) as exc:
        raise InvalidSpec(
            f"{what} is {shape}; it must be {_AXES[layout]}",
            f"for example {lying((224, 224, 3), layout)}, or {lying((None, None, 3), layout)} for "
            "images of any size",
        ) from exc
    if layout == CHANNELS_FIRST:
        channels, height, width = height, width, channels
        if width in (1, 3, 4):  # colours: no image is so narrow
            raise InvalidSpec(f"{what} is {shape}; with channels_first it must be {_AXES[layout]}")
    if channels is None:
        raise InvalidSpec(f"{what} is {shape}; the number of channels must be known")
    return height, width, channels


def _activation(
    activation: ActivationLike, argument: str, functions: dict[str, Callable[..., Any]]
) -> str:
    """Name an activation as a spec does; a function is kept aside in ``functions``."""
    if activation is None:
        return "linear"
    if isinstance(activation, str):
        if activation in ACTIVATIONS:
            return activation
        try:
            function = keras.activations.get(activation)
        except ValueError as exc:
            raise InvalidChoice(argument, activation, ACTIVATIONS) from exc
        name = activation
    elif callable(activation):
        function = activation
        name = getattr(activation, "__name__", type(activation).__name__)
        if name in ACTIVATIONS and keras.activations.get(name) is activation:
            return str(name)
    else:
        raise InvalidSpec(f"{argument} is {activation!r}; it must be a name, a function or None")
    key = f"{CUSTOM_ACTIVATION}{name}"
    if functions.get(key, function) is not function:  # two functions of one name, such as lambdas
        key = f"{key} ({argument})"
    functions[key] = function
    return key


def _layout(block_args: BlockArgs) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Read blocks and filters of each stage."""
    try:
        stages = [(stage["num_repeats"], stage["input_filters"]) for stage in block_args]
    except (TypeError, KeyError, IndexError) as exc:
        raise InvalidSpec(
            f"block_args is {block_args!r}; it must be a list of stages",
            'a stage is {"input_filters": 64, "num_repeats": 3}',
        ) from exc
    if not stages:
        raise InvalidSpec(
            "block_args is empty", 'a stage is {"input_filters": 64, "num_repeats": 3}'
        )
    blocks, filters = zip(*stages, strict=True)
    return blocks, filters


class PublishedDepth(Protocol):
    """The signature of the functions of the published depths: Keras 2's, then by keyword the rest.

    The rest is every other argument of ``ResNetRS``.
    """

    def __call__(
        self,
        include_top: bool = True,
        weights: Weights = "imagenet",
        classes: int = 1000,
        input_shape: Shape | None = None,
        input_tensor: Any = None,
        pooling: str | None = None,
        classifier_activation: ActivationLike = "softmax",
        include_preprocessing: bool = True,
        *,
        name: str | None = None,
        bn_momentum: float = 0.99,
        bn_epsilon: float = 1e-5,
        activation: ActivationLike = "relu",
        se_ratio: float = 0.25,
        dropout_rate: float = 0.25,
        drop_connect_rate: float = 0.0,
        block_args: BlockArgs | None = None,
        dialect: str = "keras",
        width: float = 1.0,
        model_name: str | None = None,
        data_format: str | None = None,
    ) -> keras.Model:
        """Build the model."""


def _published(depth: int) -> PublishedDepth:
    """Make the function of one published depth, with the rates that Keras 2 gives it."""
    variant = paper.variants()[depth]
    own = {
        "dropout_rate": variant.dropout_rate or 0.0,
        "drop_connect_rate": variant.drop_path_rate or 0.0,
        "model_name": None,
    }
    shared = inspect.signature(PublishedDepth.__call__)
    signature = shared.replace(
        parameters=[
            parameter.replace(default=own.get(name, parameter.default))
            for name, parameter in shared.parameters.items()
            if name != "self"
        ]
    )

    def build(*args: Any, **kwargs: Any) -> keras.Model:
        return ResNetRS(depth, **(own | _given(f"ResNetRS{depth}", signature, args, kwargs)))

    build.__name__ = build.__qualname__ = f"ResNetRS{depth}"
    build.__signature__ = signature  # type: ignore[attr-defined]  # what help() shows
    sizes = " and ".join(map(str, variant.resolutions))
    build.__doc__ = f"""Build ResNet-RS-{depth}; its ImageNet weights are of image side {sizes}.

    Arguments, shapes and errors are those of ``ResNetRS``. The default of ``bn_momentum`` is 0.99,
    fit for training; Keras 2 had 0.0.
    """
    return build


ResNetRS50 = _published(50)
ResNetRS101 = _published(101)
ResNetRS152 = _published(152)
ResNetRS200 = _published(200)
ResNetRS270 = _published(270)
ResNetRS350 = _published(350)
ResNetRS420 = _published(420)


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Return the images unchanged: a ResNet-RS preprocesses them itself.

    Kept so that code written for other Keras applications runs.

    Args:
        x: Images with pixels of 0 to 255.
        data_format: Not used.

    >>> preprocess_input([0, 255])
    [0, 255]
    """
    return x


def decode_predictions(preds: Any, top: int = 5) -> list[list[tuple[str, str, float]]]:
    """List the ``top`` most probable ImageNet classes of each image, likeliest first.

    Keras's own function, which fetches the list of class names once.

    Args:
        preds: Predictions of a 1000-class model, (batch, 1000).
        top: How many.

    Returns:
        For each image, tuples of WordNet id, name and score.

    Raises:
        ValueError: If ``preds`` is of another shape.
    """
    decoded: list[list[tuple[str, str, float]]] = (
        keras.applications.imagenet_utils.decode_predictions(preds, top=top)
    )
    return decoded
