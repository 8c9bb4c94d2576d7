"""The numbers of a recipe as a table: each with its source, and what it is without its step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rsinspect.answers.table import Answer, Column, Note, Table, Value
from rsinspect.base.units import dimensions, grouped
from rsinspect.training.fine_tuning import FineTuning
from rsinspect.training.recipe import TF_MODELS, TPU, Setting, TrainingRecipe


def training_answer(recipe: TrainingRecipe) -> Answer:
    """Tabulate what a network is trained with: published numbers, and those left out here."""
    effective = {
        name: Setting(*setting)._replace(value=recipe.value(name))
        for name, setting in recipe.settings.items()
    }
    derived = {
        "epochs": recipe.epochs,
        "batch": recipe.batch,
        "images": recipe.images,
        "steps_per_epoch": recipe.steps_per_epoch,
        "train_steps": recipe.train_steps,
        "warm_up_steps": recipe.warm_up_steps,
        "peak_learning_rate": recipe.peak_learning_rate,
        "ema_decay": recipe.ema_decay,
        "bn_momentum": recipe.bn_momentum,
    }
    left_out = f" without {', '.join(recipe.without)}" if recipe.without else ""
    notes = (
        f"{grouped(recipe.images)} images, batch {grouped(recipe.batch)}: "
        f"{grouped(recipe.train_steps)} steps, learning rate up to {recipe.peak_learning_rate:g}; "
        f"average of weights with decay {recipe.ema_decay:.6g}, batch norm's momentum "
        f"{recipe.bn_momentum:.6g}.",
        "Step: of the paper's Table 1; without it: what the setting is where the step is left out.",
        f"Files: imagenet_resnetrs*.yaml of {TF_MODELS}; the others of {TPU}.",
    )
    return _answer(
        f"Training of ResNet-RS-{recipe.depth} @ {_size(recipe.resolution)}{left_out}",
        "training",
        recipe.depth,
        recipe.resolution,
        effective.values(),
        derived,
        notes,
    )


def fine_tuning_answer(tuning: FineTuning) -> Answer:
    """Tabulate what a trained network is fitted to other images with."""
    derived = {"batch": tuning.batch, "weights": tuning.weights, "classes": tuning.classes}
    notes = (
        f"Begins with {tuning.weights}, all frozen but a new classifier; then everything learns. "
        "A frozen batch norm keeps its statistics.",
    )
    return _answer(
        f"Fine-tuning of ResNet-RS-{tuning.depth} @ {_size(tuning.resolution)}",
        "fine-tuning",
        tuning.depth,
        tuning.resolution,
        tuning.settings.values(),
        derived,
        notes,
    )


def _size(side: int) -> str:
    return dimensions((side, side))


def _answer(
    title: str,
    kind: str,
    depth: int,
    resolution: int,
    settings: Iterable[Setting],
    derived: dict[str, Any],
    notes: tuple[Note, ...],
) -> Answer:
    settings = tuple(settings)
    columns = [
        Column("setting", "Setting", wraps=True),
        Column("value", "Value"),
        Column("source", "Source", wraps=True),
    ]
    if any(setting.step for setting in settings):
        columns[2:2] = [Column("step", "Step", wraps=True), Column("before", "Without it")]
    return Answer(
        Table(
            title=title,
            columns=tuple(columns),
            rows=tuple(
                {
                    "setting": setting.label,
                    "value": _shown(setting.value),
                    "step": setting.step,
                    "before": _shown(setting.before),
                    "source": setting.source,
                }
                for setting in settings
            ),
            notes=notes,
            name=f"{kind}-resnet-rs-{depth}-{resolution}",
        ),
        lambda: {
            "schema": "rsinspect.training_recipe/1",
            "kind": kind,
            "model": f"resnet-rs-{depth}",
            "depth": depth,
            "resolution": resolution,
            "settings": [setting._asdict() for setting in settings],
            "derived": derived,
        },
    )


def _shown(value: Any) -> Value:
    """Write a value as people do; numbers of one column are of many kinds."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, int | float) else str(value)
