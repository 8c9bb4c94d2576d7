"""How a network was trained, as objects of Keras and as a program."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from rsinspect.api.results import TableResult
from rsinspect.base.files import write_whole
from rsinspect.render.formats import PROGRAMS
from rsinspect.training.answer import fine_tuning_answer, training_answer
from rsinspect.training.fine_tuning import FineTuning
from rsinspect.training.recipe import IMAGENET_IMAGES, TrainingRecipe, published_recipe
from rsinspect.training.script import fine_tuning_script, train_script

if TYPE_CHECKING:
    from rsinspect.training.augmentation import RandAugment


class _Program(TableResult):
    """A table of settings that can be had as a program too."""

    _formats = TableResult._formats.or_else(PROGRAMS)

    def script(self, program: str = "train.py") -> str:
        """Write the program.

        Args:
            program: What its file is called.
        """
        raise NotImplementedError

    def save(self, path: str | Path, format: str | None = None) -> None:
        """Write the table, or with the suffix .py the program, whole or not at all.

        Args:
            path: The suffix chooses the format.
            format: For a path without a suffix.

        Raises:
            UnknownFormat: If the suffix names none, or another than the given one.
            OutputNotWritable: If the file cannot be written.
        """
        path = Path(path)
        if self._formats.chosen(path, format) in PROGRAMS.names:
            write_whole(path, self.script(path.name).encode())
        else:
            super().save(path, format)


class Training(_Program):
    """How a published network is trained from scratch.

    Its methods make what the program makes; each needs Keras 3 and one of its backends.

    Attributes:
        recipe: The numbers.
    """

    def __init__(self, recipe: TrainingRecipe) -> None:
        super().__init__(training_answer(recipe))
        self.recipe = recipe

    def script(self, program: str = "train.py") -> str:
        """Write the program.

        Args:
            program: What its file is called.
        """
        return train_script(self.recipe, program)

    def network(self, seed: int = 0, **changes: Any) -> Any:
        """Build the network, with fresh weights as published and logits at its end.

        Args:
            seed: Of the fresh weights.
            **changes: What ``rsinspect.ResNetRS`` takes, instead of the recipe's.
        """
        from rsinspect.training import objects

        return objects.network(self.recipe, seed, **changes)

    def learning_rate(self) -> Any:
        """Make the schedule: a warm-up, then a cosine, or steps."""
        from rsinspect.training import objects

        return objects.learning_rate(self.recipe)

    def optimizer(self) -> Any:
        """Make the optimizer; the decay of weights comes with ``compiled``."""
        from rsinspect.training import objects

        return objects.optimizer(self.recipe)

    def loss(self) -> Any:
        """Make the loss, of logits."""
        from rsinspect.training import objects

        return objects.loss(self.recipe)

    def callbacks(self) -> list[Any]:
        """Make the callbacks of ``fit``."""
        from rsinspect.training import objects

        return objects.callbacks(self.recipe)

    def augmentation(self) -> RandAugment | None:
        """Make what distorts a picture after its random crop; None where it is left out."""
        from rsinspect.training import objects

        return objects.augmentation(self.recipe)

    def compiled(self, model: Any) -> Any:
        """Compile a network for training, decay of weights included; the same network."""
        from rsinspect.training import objects

        return objects.compiled(self.recipe, model)


class FineTuned(_Program):
    """How a network with weights is fitted to other images, in two phases.

    Attributes:
        recipe: The numbers.
    """

    def __init__(self, recipe: FineTuning) -> None:
        super().__init__(fine_tuning_answer(recipe))
        self.recipe = recipe

    def script(self, program: str = "fine_tune.py") -> str:
        """Write the program.

        Args:
            program: What its file is called.
        """
        return fine_tuning_script(self.recipe, program)

    def network(self, weights: str | None = None, **changes: Any) -> Any:
        """Build the network with its weights, a classifier of its own, and logits at its end.

        Args:
            weights: As in ``rsinspect.ResNetRS``; the published ones of the size by default.
            **changes: What ``rsinspect.ResNetRS`` takes, instead.

        Raises:
            WeightsError: If they cannot be had, or are of another network.
        """
        from rsinspect.training import objects

        return objects.tuned_network(self.recipe, weights, **changes)

    def head(self, model: Any) -> Any:
        """Freeze all but the classifier and compile, for the first phase; the same network."""
        from rsinspect.training import objects

        return objects.head_phase(self.recipe, model)

    def everything(self, model: Any, train_steps: int) -> Any:
        """Free all layers and compile, for a second phase of so many steps; the same network."""
        from rsinspect.training import objects

        return objects.whole_phase(self.recipe, model, train_steps)


@overload
def recipe(
    model: int | str,
    *,
    fine_tune: Literal[False] = False,
    classes: int = 1000,
    batch: int | None = None,
    epochs: int | None = None,
    images: int | None = None,
    without: Sequence[str] = (),
) -> Training: ...
@overload
def recipe(
    model: int | str,
    *,
    fine_tune: Literal[True],
    classes: int = 1000,
    batch: int | None = None,
    epochs: int | None = None,
) -> FineTuned: ...
def recipe(
    model: int | str,
    *,
    fine_tune: bool = False,
    classes: int = 1000,
    batch: int | None = None,
    epochs: int | None = None,
    images: int | None = None,
    without: Sequence[str] = (),
) -> Training | FineTuned:
    """Give a training recipe: its numbers with their sources, as objects of Keras, as a program.

    Args:
        model: A published network: ``"101@192"``, ``50``.
        fine_tune: Whether to begin with weights and fit them to other images.
        classes: What the classifier tells apart.
        batch: Images a step; 4096 as published, 32 to fine-tune.
        epochs: 350 as published; 8 of all layers to fine-tune.
        images: Of the training set; ImageNet's by default. Not for fine-tuning.
        without: Steps of the paper's Table 1 to leave out, such as ``("ema", "se")``. Likewise.

    Returns:
        A table that saves itself as a program too (``save("train.py")``), with a method for each
        object.

    Raises:
        UnknownVariant: If no recipe of that network was published.
        InvalidChoice: If Table 1 has no such step.
        InvalidSpec: If a number is out of its range, or belongs to training from scratch.

    >>> import rsinspect
    >>> recipe = rsinspect.recipe("101@192", batch=256)
    >>> recipe.recipe.peak_learning_rate, recipe.recipe.train_steps
    (0.1, 1751400)
    >>> rsinspect.recipe("50", fine_tune=True, classes=5).title
    'Fine-tuning of ResNet-RS-50 @ 160×160'
    """
    from rsinspect.answers.recipe import published_named
    from rsinspect.base.errors import InvalidSpec

    found = published_named(str(model))
    given = {"classes": classes} | ({} if batch is None else {"batch": batch})
    if fine_tune:
        if images is not None or without:
            raise InvalidSpec(
                "images and without belong to training from scratch", "leave them out"
            )
        length = {} if epochs is None else {"epochs": epochs}
        tuning = FineTuning(depth=found.depth, resolution=found.resolution, **given, **length)
        return FineTuned(tuning)
    count = IMAGENET_IMAGES if images is None else images
    chosen = published_recipe(
        found.depth,
        found.resolution,
        images=count,
        length=epochs,
        without=tuple(without),
        **given,
    )
    return Training(chosen)
