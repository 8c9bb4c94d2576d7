"""Keras networks of many kinds that nobody made for this tool: what people have in their files.

Every function builds a live ``keras.Model`` with fresh weights, small enough to run in a test.
Keras is imported inside them, so that a test module can name them without loading it; a test that
calls one is marked ``keras``. ``keras2_files`` writes files of Keras 2 in a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

Shape = tuple[int | None, ...]


def unet(shape: Shape = (64, 48, 3), width: int = 8) -> Any:
    """A U-Net (Ronneberger et al. 2015): transposed convolutions, concatenations, three levels."""
    import keras
    from keras import layers

    def twice(x: Any, filters: int) -> Any:
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        return x

    image = keras.Input(shape, name="image")
    x, skips = image, []
    for level in range(3):
        skips.append(twice(x, width << level))
        x = layers.MaxPooling2D()(skips[-1])
    x = twice(x, width << 3)
    for level in (2, 1, 0):
        x = layers.Conv2DTranspose(width << level, 2, strides=2)(x)
        x = twice(layers.Concatenate()([skips[level], x]), width << level)
    return keras.Model(image, layers.Conv2D(1, 1, activation="sigmoid")(x), name="unet")


def siamese() -> Any:
    """Two images through one tower, a nested model whose weights both uses share."""
    import keras
    from keras import layers

    image = keras.Input((32, 32, 3), name="picture")
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False, name="conv1")(image)
    x = layers.BatchNormalization(name="bn1")(x)
    x = layers.ReLU(name="relu1")(x)
    x = layers.Conv2D(16, 3, padding="same", name="conv2")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    tower = keras.Model(image, layers.Dense(10, name="features")(x), name="tower")
    left, right = keras.Input((32, 32, 3), name="left"), keras.Input((32, 32, 3), name="right")
    difference = layers.Subtract(name="difference")([tower(left), tower(right)])
    same = layers.Dense(1, activation="sigmoid", name="same")(difference)
    return keras.Model([left, right], same, name="siamese")


def fine_tuned_mobilenet(size: int = 96) -> Any:
    """MobileNetV2 as Keras's guide to transfer learning uses it: augmentation, a frozen base."""
    import keras
    from keras import layers

    base = keras.applications.MobileNetV2(
        input_shape=(size, size, 3), alpha=0.35, include_top=False, weights=None
    )
    base.trainable = False
    image = keras.Input((size, size, 3), name="photo")
    x = layers.RandomFlip("horizontal")(image)
    x = layers.RandomRotation(0.1)(x)
    x = layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = base(x, training=False)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    return keras.Model(image, layers.Dense(5, name="breeds")(x), name="fine_tuned")


def text_model(length: int | None = 24) -> Any:
    """A classifier of sentences: embedding, bidirectional LSTM, attention, layer norm."""
    import keras
    from keras import layers

    tokens = keras.Input((length,), dtype="int32", name="tokens")
    x = layers.Embedding(500, 16, name="embedding")(tokens)
    x = layers.Bidirectional(layers.LSTM(8, return_sequences=True), name="lstm")(x)
    attended = layers.MultiHeadAttention(num_heads=2, key_dim=8, name="attention")(x, x)
    x = layers.LayerNormalization(name="norm")(layers.Add(name="sum")([x, attended]))
    x = layers.Dense(16, activation="gelu", name="feed")(x)
    x = layers.GlobalAveragePooling1D(name="pool")(x)
    return keras.Model(tokens, layers.Dense(3, activation="softmax", name="mood")(x), name="text")


def open_text_model() -> Any:
    """The same for sentences of any length."""
    return text_model(None)


def two_outputs() -> Any:
    """One trunk, a class and a box."""
    import keras
    from keras import layers

    image = keras.Input((40, 40, 3), name="image")
    x = layers.Conv2D(8, 3, strides=2, activation="relu", name="trunk")(image)
    pooled = layers.GlobalMaxPooling2D(name="pool")(x)
    label = layers.Dense(4, activation="softmax", name="label")(pooled)
    box = layers.Dense(4, name="box")(layers.Flatten(name="flat")(x))
    return keras.Model(image, [label, box], name="detector")


def named_outputs() -> Any:
    """Two inputs and two outputs in dictionaries, which Keras keeps as such."""
    import keras
    from keras import layers

    image, facts = keras.Input((16, 16, 1), name="image"), keras.Input((5,), name="facts")
    x = layers.Concatenate()([layers.Flatten()(layers.MaxPooling2D(4)(image)), facts])
    outputs = {"price": layers.Dense(1)(x), "kind": layers.Dense(3, activation="softmax")(x)}
    return keras.Model({"image": image, "facts": facts}, outputs, name="dictionaries")


def raw_ops() -> Any:
    """Functions of ``keras.ops`` and operators between layers, as MobileNetV3 has them."""
    import keras
    from keras import layers, ops

    image = keras.Input((24, 24, 3), name="image")
    x = layers.Conv2D(8, 3, padding="same", use_bias=False)(2.0 * image / 255.0 - 1.0)
    gate = ops.relu6(x + 3.0) * (1.0 / 6.0)
    x = ops.add(ops.multiply(x, gate), 1.0 - gate)
    x = ops.maximum(ops.relu(x), ops.sigmoid(x))
    x = ops.concatenate([x, ops.silu(x)], axis=-1)
    x = ops.square(ops.mean(x, axis=(1, 2)))
    x = ops.reshape(x, (-1, 4, 4))
    x = ops.transpose(x, (0, 2, 1))
    x = ops.matmul(x, x)
    x = ops.sum(x[:, :, 1:], axis=-1)
    return keras.Model(image, ops.softmax(layers.Dense(6)(x)), name="raw_ops")


def mixed_precision() -> Any:
    """A network made, and saved, under the policy ``mixed_float16``."""
    import keras
    from keras import layers

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        image = keras.Input((32, 32, 3), name="image")
        x = layers.Conv2D(8, 3, use_bias=False)(image)
        x = layers.Activation("relu")(layers.BatchNormalization()(x))
        x = layers.GlobalAveragePooling2D()(x)
        return keras.Model(image, layers.Dense(10, dtype="float32")(x), name="mixed")
    finally:
        keras.config.set_dtype_policy(before)


def everything() -> Any:
    """A Sequential model with every op that has one input, at settings that are not the usual."""
    import keras
    from keras import layers

    return keras.Sequential(
        [
            keras.Input((40, 30, 4), name="image"),
            layers.Rescaling(1 / 255, offset=-0.5),
            layers.Normalization(mean=[0.1, 0.2, 0.3, 0.4], variance=[1.0, 2.0, 3.0, 4.0]),
            layers.ZeroPadding2D(((0, 1), (2, 3))),
            layers.Cropping2D(((1, 0), (0, 2))),
            layers.Conv2D(8, (1, 7), padding="same", activation="gelu"),
            layers.Conv2D(12, (5, 3), strides=(2, 1), groups=4, use_bias=False),
            layers.BatchNormalization(scale=False),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Conv2D(12, 3, dilation_rate=(2, 3), padding="same"),
            layers.BatchNormalization(center=False),
            layers.PReLU(shared_axes=[1, 2]),
            layers.DepthwiseConv2D((3, 5), strides=2, depth_multiplier=2, padding="same"),
            layers.ReLU(max_value=6.0, threshold=0.1),
            layers.SeparableConv2D(10, (3, 2), depth_multiplier=3, activation="relu"),
            layers.SpatialDropout2D(0.1),
            layers.UpSampling2D((2, 3), interpolation="bilinear"),
            layers.Conv2DTranspose(6, (3, 4), strides=(2, 1), padding="same", use_bias=False),
            layers.LayerNormalization(epsilon=1e-4),
            layers.GaussianNoise(0.1),
            layers.AveragePooling2D((2, 3), strides=(3, 2)),
            layers.MaxPooling2D((3, 1), strides=1, padding="same"),
            layers.ELU(),
            layers.Permute((2, 3, 1)),
            layers.Dense(7, use_bias=False),
            layers.PReLU(),
            layers.Reshape((-1, 14)),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(9, activation="softmax"),
        ],
        name="everything",
    )


def merges() -> Any:
    """Every way to merge, of two inputs and of three, and pooling that keeps its axes."""
    import keras
    from keras import layers

    image = keras.Input((12, 12, 6), name="image")
    a, b, c = (layers.Conv2D(6, 1, name=f"branch_{name}")(image) for name in "abc")
    gate = layers.GlobalAveragePooling2D(keepdims=True)(a)
    parts = [
        layers.Add()([a, b, c]),
        layers.Subtract()([a, b]),
        layers.Multiply()([a, b, c]),
        layers.Multiply()([a, layers.Activation("sigmoid")(gate)]),
        layers.Average()([a, b, c]),
        layers.Maximum()([a, b]),
        layers.Minimum()([b, c]),
    ]
    channels = [layers.Concatenate()(parts[:3]), layers.Concatenate(axis=3)(parts[3:6])]
    rows = layers.Concatenate(axis=1)(channels)
    tail = layers.GlobalMaxPooling2D(keepdims=True)(parts[6])
    x = layers.Concatenate()([layers.Flatten()(rows), layers.Flatten()(tail)])
    return keras.Model(image, layers.Dense(2)(x), name="merges")


def pyramid() -> Any:
    """One convolution used on maps of two sizes: a layer that is called twice."""
    import keras
    from keras import layers

    image = keras.Input((32, 32, 3), name="image")
    fine = layers.Conv2D(8, 3, strides=2, padding="same", name="fine")(image)
    coarse = layers.Conv2D(8, 3, strides=2, padding="same", name="coarse")(fine)
    head = layers.Conv2D(5, 3, padding="same", name="head")
    return keras.Model(image, [head(fine), head(coarse)], name="pyramid")


def nested() -> Any:
    """A Sequential model inside one inside a functional one; one of them is frozen."""
    import keras
    from keras import layers

    inner = keras.Sequential(
        [layers.Conv2D(6, 3, name="conv"), layers.ReLU(name="relu")], name="inner"
    )
    outer = keras.Sequential([inner, layers.MaxPooling2D(name="pool")], name="outer")
    frozen = keras.Sequential([layers.Conv2D(6, 1, name="conv")], name="frozen", trainable=False)
    image = keras.Input((20, 20, 3), name="image")
    x = frozen(outer(image))
    return keras.Model(image, layers.Dense(2)(layers.Flatten()(x)), name="nested")


def late_sequential() -> Any:
    """A Sequential model without an input layer, built by being called."""
    import keras
    import numpy as np
    from keras import layers

    model = keras.Sequential([layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(3)], name="late")
    model(np.zeros((1, 10, 10, 1), "float32"))
    return model


def with_lambda() -> Any:
    """A layer of somebody's Python, which a file keeps as bytecode."""
    import keras
    from keras import layers

    image = keras.Input((8, 8, 3), name="image")
    x = layers.Lambda(lambda x: x * 2 + 1, output_shape=(8, 8, 3), name="mine")(image)
    return keras.Model(image, layers.Conv2D(4, 3)(x), name="with_lambda")


def signals() -> Any:
    """One dimension: convolutions, pooling and a recurrent layer with its states (opaque)."""
    import keras
    from keras import layers

    signal = keras.Input((64, 2), name="signal")
    x = layers.Conv1D(8, 5, padding="causal", activation="relu")(signal)
    x = layers.BatchNormalization()(x)
    x = layers.MaxPooling1D(2)(x)
    x = layers.TimeDistributed(layers.Dense(6))(x)
    sequence, state, cell = layers.LSTM(4, return_sequences=True, return_state=True)(x)
    x = layers.Concatenate()([layers.GlobalMaxPooling1D()(sequence), state, cell])
    return keras.Model(signal, layers.Dense(1)(x), name="signals")


def volumes() -> Any:
    """Three dimensions: an input of rank four (opaque convolutions)."""
    import keras
    from keras import layers

    scan = keras.Input((8, 8, 8, 1), name="scan")
    x = layers.Conv3D(4, 3, activation="relu")(scan)
    x = layers.GroupNormalization(2)(x)
    x = layers.GlobalAveragePooling3D()(x)
    return keras.Model(scan, layers.Dense(1)(x), name="volumes")


def open_sides() -> Any:
    """A fully convolutional network for images of any size."""
    return unet((None, None, 3))


def subclassed() -> Any:
    """A model whose ``call`` is Python: its file has no graph; every door says so."""
    import keras
    import numpy as np
    from keras import layers

    @keras.saving.register_keras_serializable(package="tests")
    class Subclassed(keras.Model):  # type: ignore[misc]
        def __init__(self, **settings: Any) -> None:
            super().__init__(**settings)
            self.dense = layers.Dense(3)

        def call(self, inputs: Any) -> Any:
            return self.dense(inputs)

    model = Subclassed(name="subclassed")
    model(np.zeros((1, 4), "float32"))
    return model


NETWORKS: dict[str, Callable[[], Any]] = {
    make.__name__: make
    for make in (
        unet, siamese, fine_tuned_mobilenet, text_model, two_outputs, named_outputs, raw_ops,
        mixed_precision, everything, merges, pyramid, nested, late_sequential, with_lambda,
        signals, volumes,
    )
}  # fmt: skip
"""Every network that has a graph and closed shapes, by the name of its function."""

OPEN: dict[str, Callable[[], Any]] = {"open_sides": open_sides, "open_text_model": open_text_model}
"""Networks with a side that only ``--resolution`` closes."""


class Keras2File(NamedTuple):
    """A file that Keras 2 wrote, and what Keras 2 says of the network in it."""

    path: Path
    params: int
    trainable: int
    layers: int
    output: tuple[int, ...]


KERAS2: dict[str, dict[str, Any]] = {
    "ResNet50V2": {},
    "MobileNetV2": {"input_shape": (96, 96, 3), "alpha": 0.35},
    "MobileNetV3Small": {"input_shape": (224, 224, 3)},
    "DenseNet121": {},
    "InceptionV3": {},
    "EfficientNetB0": {},
    "ConvNeXtTiny": {},
    "Xception": {},
    "NASNetMobile": {},
    "VGG16": {"input_shape": (32, 32, 3), "include_top": False},
}
"""Networks of tf_keras's own applications, and how they are made."""

_WRITE_KERAS2 = """
import json, sys
import tf_keras
folder, suffixes, makers = sys.argv[1], sys.argv[2].split(), json.loads(sys.argv[3])
for name, arguments in makers.items():
    tf_keras.backend.clear_session()
    model = getattr(tf_keras.applications, name)(weights=None, **arguments)
    trainable = sum(int(tf_keras.backend.count_params(w)) for w in model.trainable_weights)
    for suffix in suffixes:
        path = f"{folder}/{name}{suffix}"
        model.save(path)
        facts = [path, model.count_params(), trainable, len(model.layers), model.output_shape[1:]]
        print(json.dumps(facts))
"""


def keras2_files(
    folder: Path, names: Iterable[str] = ("MobileNetV2",), suffixes: str = ".h5 .keras"
) -> list[Keras2File]:
    """Write files of Keras 2 (tf_keras) into a folder, from a process of their own.

    Args:
        folder: Where they go.
        names: Of ``KERAS2``; each takes some seconds.
        suffixes: Forms, with spaces between.
    """
    makers = json.dumps({name: KERAS2[name] for name in names})
    done = subprocess.run(
        [sys.executable, "-c", _WRITE_KERAS2, str(folder), suffixes, makers],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [
        Keras2File(Path(path), params, trainable, layers, tuple(output))
        for path, params, trainable, layers, output in map(json.loads, done.stdout.splitlines())
    ]
