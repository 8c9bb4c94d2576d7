"""Programs of Keras 2 that use ResNet-RS as public code does, with the line of their import apart.

Each is rebuilt from the calls of a program that anybody can read; sentences and code are ours. In
place of ``{}`` in the import stands Keras 2's module, or ours: that is the one line that changes.
What a program leaves in ``result`` is compared. ``python -m tests.keras_snippets`` runs all of them
under both, with the same files, and shows how far apart the results are; the suite the quick ones.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple


class Snippet(NamedTuple):
    """A program.

    Attributes:
        seen_in: What the public program does, and which arguments it passes.
        imports: The line that changes.
        rest: The lines that do not.
    """

    seen_in: str
    imports: str
    rest: str

    def program(self, module: str) -> str:
        """The program, with ResNet-RS from a module."""
        return f"{self.imports.format(module)}\n{self.rest}"


MULTI_LABEL = Snippet(
    seen_in="a classifier of X-ray images: ResNetRS50(include_top=False, input_shape=...) with its "
    "default weights inside a Sequential, GlobalAveragePooling2D and a Dense of sigmoids, trained",
    imports="from {} import ResNetRS50",
    rest="""
def create_model(size, labels):
    backbone = ResNetRS50(include_top=False, input_shape=(size, size, 3))
    pooling = keras.layers.GlobalAveragePooling2D()
    head = keras.layers.Dense(
        labels, activation="sigmoid", kernel_initializer=keras.initializers.Constant(0.001)
    )
    model = keras.Sequential([backbone, pooling, head])
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=1e-4),
        loss=keras.losses.BinaryCrossentropy(),
        metrics=["accuracy"],
    )
    return model

model = create_model(64, 3)
result = [model.predict(images, verbose=0)]
if train:
    model.fit(images, labels, batch_size=2, epochs=1, verbose=0)
""",
)

FEATURES_BY_INDEX = Snippet(
    seen_in="a network of saliency: ResNetRS50(include_top=False, input_tensor=..., "
    "input_shape=...), and features from layers 63, 127, 221 and 270 by their index",
    imports="from {} import ResNetRS50",
    rest="""
model_input = keras.Input(shape=(64, 64, 3), name="model_input")
backbone = ResNetRS50(include_top=False, input_tensor=model_input, input_shape=(64, 64, 3))
features = [backbone.layers[index].output for index in (63, 127, 221, 270)]
model = keras.Model(inputs=model_input, outputs=features)
result = [np.asarray(feature) for feature in model(images, training=False)]
""",
)

FEATURES_BY_NAME = Snippet(
    seen_in="a network of segmentation: ResNetRS101(weights='imagenet', include_top=False, "
    "input_tensor=..., include_preprocessing=False), and the layer "
    "BlockGroup4__block_22__output_act by its name",
    imports="import {} as resnet_rs",
    rest="""
model_input = keras.Input(shape=(64, 64, 3))
encoder = resnet_rs.ResNetRS101(
    weights="imagenet", include_top=False, input_tensor=model_input, include_preprocessing=False,
)
encoded = encoder.get_layer("BlockGroup4__block_22__output_act").output
decoded = keras.layers.UpSampling2D(size=(16, 16), interpolation="bilinear")(encoded)
model = keras.Model(inputs=model_input, outputs=[encoded, decoded])
result = [model.predict(images / 255, verbose=0)[0]]
""",
)

ADVERSARIAL = Snippet(
    seen_in="adversarial images: ResNetRS200 with every argument by keyword, frozen, the gradient "
    "of its loss by the image, and decode_predictions of the same module",
    imports="import {} as resnet_rs",
    rest="""
import tensorflow as tf

model = resnet_rs.ResNetRS200(
    include_top=True, weights="imagenet", classes=1000, input_shape=None, input_tensor=None,
    pooling=None, classifier_activation="softmax", include_preprocessing=True,
)
model.trainable = False
decode = resnet_rs.decode_predictions
image = tf.image.resize(resnet_rs.preprocess_input(images[:1]), (224, 224))
said = model.predict(image, verbose=0)
label = tf.one_hot(said.argmax(axis=1), said.shape[-1])
with tf.GradientTape() as tape:
    tape.watch(image)
    loss = keras.losses.CategoricalCrossentropy()(label, model(image))
signs = tf.sign(tape.gradient(loss, image))
result = [said, signs.numpy()]
""",
)

SNIPPETS = {
    "multi-label": MULTI_LABEL,
    "features by index": FEATURES_BY_INDEX,
    "features by name": FEATURES_BY_NAME,
    "adversarial": ADVERSARIAL,
}


def result_of(snippet: str, module: str, library: Any, *, train: bool = False) -> list[Any]:
    """What a program leaves.

    Args:
        snippet: Its name.
        module: Where it has ResNet-RS from.
        library: The Keras that goes with it.
        train: Whether it trains too, where it does.
    """
    import numpy as np

    from tests.keras_oracles import images

    library.backend.clear_session()
    names = {
        "keras": library,
        "images": images(64, 64, 3),
        "labels": np.array([[0, 1, 1], [1, 0, 1]], "float32"),
        "train": train,
        "np": np,
    }
    exec(SNIPPETS[snippet].program(module), names)
    result: list[Any] = names["result"]
    return result


def main(chosen: list[str]) -> None:
    """Run programs under both, with files of random numbers in place of the published ones."""
    import keras
    import numpy as np
    import pytest
    import tf_keras
    from tf_keras.src.applications import resnet_rs as keras_2_module

    from tests.keras_oracles import original
    from tests.mirrors import md5_of, publish

    with tempfile.TemporaryDirectory() as home, pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", home)
        patch.delenv("KERAS_HOME", raising=False)
        models = Path(home, ".keras", "models")
        models.mkdir(parents=True)
        for depth, file, top, side in (
            (50, "resnet-rs-50-i160_notop.h5", False, 64),
            (101, "resnet-rs-101-i192_notop.h5", False, 64),
            (200, "resnet-rs-200-i256.h5", True, 224),
        ):
            model = original(depth, include_top=top, input_shape=(side, side, 3))
            model.save_weights(models / file)
            publish(patch, {file: md5_of(models / file)})
            patch.setitem(keras_2_module.WEIGHT_HASHES, file, md5_of(models / file))
        for name in chosen or SNIPPETS:
            theirs = result_of(name, keras_2_module.__name__, tf_keras, train=True)
            ours = result_of(name, "rsinspect", keras, train=True)
            for one, other in zip(theirs, ours, strict=True):
                apart, largest = np.abs(one - other).max(), np.abs(one).max()
                equal = float((one == other).mean())
                print(f"{name}: {one.shape}, {apart:.2g} apart of {largest:.2g}, {equal:.2%} equal")


if __name__ == "__main__":
    main(sys.argv[1:])
