"""A recipe as objects of Keras 3: what the program of ``script`` makes, one function each."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from rsinspect.base.files import placed
from rsinspect.keras_model.applications import ResNetRS
from rsinspect.keras_model.backend import keras
from rsinspect.networks.dialects import dialect_named
from rsinspect.paper import IMAGENET_DEVIATION, IMAGENET_MEAN
from rsinspect.training import schedule
from rsinspect.training.augmentation import RandAugment
from rsinspect.training.decay import decay_weights
from rsinspect.training.fine_tuning import FineTuning
from rsinspect.training.recipe import TrainingRecipe
from rsinspect.training.start import start_as_published


def network(recipe: TrainingRecipe, seed: int = 0, **changes: Any) -> Any:
    """Build the network to train, with fresh weights as published and logits at its end.

    Args:
        recipe: Whose.
        seed: Of the fresh weights.
        **changes: What ``rsinspect.ResNetRS`` takes, instead of the recipe's.
    """
    side, dialect = recipe.resolution, recipe.value("dialect")
    model = ResNetRS(
        **{
            "depth": recipe.depth,
            "input_shape": (side, side, 3),
            "classes": recipe.classes,
            "dialect": dialect,
            "se_ratio": recipe.value("se_ratio"),
            "drop_connect_rate": recipe.value("drop_path_rate"),
            "dropout_rate": recipe.value("dropout_rate"),
            "bn_momentum": recipe.bn_momentum,
            "classifier_activation": None,
            "weights": None,
            "model_name": None,
        }
        | changes
    )
    start_as_published(model, seed)
    return model if dialect_named(dialect).preprocessing else with_normalised_pixels(model)


def with_normalised_pixels(model: Any) -> Any:
    """Put ImageNet's normalisation of pixels of 0 to 255 before a network that has none."""
    image = keras.Input(model.input_shape[1:], name="image")
    x = keras.layers.Rescaling(1 / 255)(image)
    variance = tuple(deviation**2 for deviation in IMAGENET_DEVIATION)
    x = keras.layers.Normalization(mean=IMAGENET_MEAN, variance=variance)(x)
    return keras.Model(image, model(x), name=model.name)


def learning_rate(recipe: TrainingRecipe) -> schedule.WarmUp:
    """Make the schedule."""
    if recipe.value("schedule") == "cosine":
        return schedule.cosine(recipe.peak_learning_rate, recipe.train_steps, recipe.warm_up_steps)
    return schedule.stepwise(
        recipe.peak_learning_rate, recipe.train_steps, recipe.images, recipe.batch
    )


def optimizer(recipe: TrainingRecipe) -> Any:
    """Make the optimizer; the decay of weights is not in it (``training.decay``)."""
    average = {"use_ema": True, "ema_momentum": recipe.ema_decay} if recipe.ema_decay else {}
    return keras.optimizers.SGD(
        learning_rate(recipe),
        momentum=recipe.value("momentum"),
        nesterov=recipe.value("nesterov"),
        **average,
    )


def loss(recipe: TrainingRecipe) -> Any:
    """Make the loss, of logits."""
    return keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=recipe.value("label_smoothing")
    )


def metrics() -> list[Any]:
    """Make what ImageNet is judged by."""
    return [
        keras.metrics.CategoricalAccuracy(name="top1"),
        keras.metrics.TopKCategoricalAccuracy(5, name="top5"),
    ]


def callbacks(recipe: TrainingRecipe) -> list[Any]:
    """Make the callbacks of ``fit``: validation with the averaged weights, where there are any."""
    return [keras.callbacks.SwapEMAWeights()] if recipe.ema_decay else []


def augmentation(recipe: TrainingRecipe) -> RandAugment | None:
    """Make what distorts a picture after its random crop; None where RandAugment is left out."""
    magnitude = recipe.value("randaugment_magnitude")
    return RandAugment(recipe.value("randaugment_layers"), magnitude) if magnitude else None


def compiled(recipe: TrainingRecipe, model: Any) -> Any:
    """Compile a network for training, its decay of weights included; the same network."""
    decay_weights(model, recipe.value("weight_decay"))
    model.compile(optimizer(recipe), loss(recipe), metrics=metrics())
    return model


def tuned_network(tuning: FineTuning, weights: str | None = None, **changes: Any) -> Any:
    """Build the network to fine-tune, with its weights, a classifier of its own, and logits.

    Args:
        tuning: Its numbers.
        weights: Published ones, or a file; the published ones of the size by default.
        **changes: What ``rsinspect.ResNetRS`` takes, instead.

    Raises:
        WeightsError: If they cannot be had, or are of another network.
    """
    side = tuning.resolution
    arguments: dict[str, Any] = {
        "depth": tuning.depth,
        "input_shape": (side, side, 3),
        "classes": tuning.classes,
        "dropout_rate": tuning.value("dropout_rate"),
        "bn_momentum": tuning.value("bn_momentum"),
        "classifier_activation": None,
        "weights": weights or tuning.weights,
        "model_name": None,
    }
    return ResNetRS(**arguments | changes)


def head_phase(tuning: FineTuning, model: Any) -> Any:
    """Freeze all but the classifier and compile; frozen batch norms keep their statistics."""
    for layer in model.layers[:-1]:
        layer.trainable = False
    return _tuned(tuning, model, tuning.value("head_learning_rate"))


def whole_phase(tuning: FineTuning, model: Any, train_steps: int) -> Any:
    """Free all layers and compile, for a cosine over so many steps.

    Layer by layer: on TensorFlow, Keras 3.15 heeds ``model.trainable = True`` only where the
    model's own flag was False, as TensorFlow skips what it takes for an assignment of the same.
    """
    for layer in model.layers:
        layer.trainable = True
    cosine = keras.optimizers.schedules.CosineDecay(tuning.value("learning_rate"), train_steps)
    return _tuned(tuning, model, cosine)


def _tuned(tuning: FineTuning, model: Any, learning_rate: Any) -> Any:
    loss = keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=tuning.value("label_smoothing")
    )
    model.compile(keras.optimizers.Adam(learning_rate), loss, metrics=metrics()[:1])
    return model


def save(model: Any, path: str | os.PathLike[str]) -> None:
    """Save a trained classifier with probabilities at its end and without its optimizer.

    Keras opens the file without rsinspect, and rsinspect finds in it what it trained. A file that
    is there stays as it is until the new one is whole.

    Args:
        model: That ends in a Dense layer, its own or that of a model in it.
        path: A ``.keras`` file.

    Raises:
        OutputNotWritable: If the system refuses it.
    """
    classifier = model
    while hasattr(classifier, "layers"):
        classifier = classifier.layers[-1]
    classifier.activation = keras.activations.softmax
    with placed(Path(path)) as made:
        keras.Model(model.inputs, model.outputs, name=model.name).save(made)
