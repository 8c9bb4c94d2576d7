"""A recipe as a program: Python that a person can run and change, each value with its source."""

from __future__ import annotations

import re
import textwrap
from typing import Any

from rsinspect.base.files import template
from rsinspect.training.fine_tuning import FineTuning
from rsinspect.training.recipe import TPU, TrainingRecipe, steps

WIDTH = 100
"""Columns of a program."""

DIFFERENCES = (
    "Decay of weights is an L2 penalty in the loss, as published (rsinspect.training.decay), not "
    "SGD(weight_decay=...), which shrinks weights beside the step, without momentum: 1 / 10 of it.",
    "Keras's CosineDecay(warmup_target=...) begins its cosine after the warm-up, the published one "
    "at step 0 (rsinspect.training.schedule).",
    "Keras averages trainable weights, with one decay from the first step on; published: all, with "
    "a decay that grows to 0.9999 by (1 + n) / (10 + n). Here the decay is what that is at the "
    "last step, and batch norm's momentum is the same number, in place of momentum 0 and an "
    "average: the same recursion.",
    "keras.layers.RandAugment has 11 of the 16 operations, ends at magnitude 10, turns by up to "
    "360 degrees and chooses once a batch; rsinspect.training.augmentation has the published one.",
    "TPU cores normalised by the statistics of their own images. Here that is so where Keras "
    "distributes over TensorFlow's replicas; on JAX it is of the whole batch.",
    "tensorflow/tpu has the steps of its schedule where the paper has the cosine; the cosine's "
    "numbers are TF Models'. Without the step, the steps are tensorflow/tpu's.",
    "Published images are shrunk by a bicubic filter that aliases; Pillow's does not.",
    "ResNet-RS-350 and 420 at 320 stopped early, by 2 % of the training images; nothing here does.",
)
"""What somebody should know who compares the program with the published code."""


def train_script(recipe: TrainingRecipe, program: str = "train.py") -> str:
    """Write a program that trains by a recipe.

    Args:
        recipe: Its numbers and the steps that are left out.
        program: What its file is called.

    Returns:
        Python, no line longer than WIDTH; it needs rsinspect, Keras 3 and Pillow.
    """
    settings = recipe.settings
    return _filled(
        "train.py.jinja",
        program=_plain(program, "train.py"),
        recipe=recipe,
        values={name: setting.value for name, setting in settings.items()},
        before={name: setting.before for name, setting in settings.items()},
        steps=steps(),
        differences=DIFFERENCES,
        tpu=TPU,
        config=f"{TPU}/resnet_rs/configs/{settings['epochs'].source}",
        other_magnitude=recipe.other_magnitude,
    )


def fine_tuning_script(tuning: FineTuning, program: str = "fine_tune.py") -> str:
    """Write a program that fits a trained network to other images.

    Args:
        tuning: Its numbers.
        program: What its file is called.
    """
    values = {name: setting.value for name, setting in tuning.settings.items()}
    return _filled(
        "fine_tune.py.jinja", program=_plain(program, "fine_tune.py"), tuning=tuning, values=values
    )


def _plain(program: str, usual: str) -> str:
    """Return the name of a file as it can stand in a docstring, else the usual one.

    >>> _plain("my-train.py", "train.py"), _plain("no'name", "train.py")
    ('my-train.py', 'train.py')
    """
    return program if re.fullmatch(r"[\w. -]+", program) else usual


def _filled(name: str, **values: Any) -> str:
    """Fill a template of a program."""
    import jinja2

    environment = jinja2.Environment(  # noqa: S701  # no HTML
        loader=jinja2.FunctionLoader(template),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"bullet": _bullet, "beside": _beside}
    return environment.get_template(name).render(**values)


def _bullet(text: str) -> str:
    """Fold a sentence as an item of a list."""
    return textwrap.fill(text, WIDTH, initial_indent="* ", subsequent_indent="  ")


def _beside(code: str, comment: str, column: int = 0) -> str:
    """Write a comment beside a line of code; above it where there is too little room.

    >>> _beside("EPOCHS = 350", "as published")
    'EPOCHS = 350  # as published'
    """
    line = f"{code.ljust(column)}  # {comment}"
    if len(line) <= WIDTH:
        return line
    return "\n".join([*textwrap.wrap(f"# {comment}", WIDTH, subsequent_indent="# "), code])
