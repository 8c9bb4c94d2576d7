"""How a published ResNet-RS is trained from scratch: each value, its source, its step in Table 1.

Where code bases disagree the values are those of tensorflow/tpu, whose runs are the published
numbers, with one exception: its schedule is stepwise, while the paper's is cosine; TF Models has it
written out, with the warm-up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from rsinspect import paper
from rsinspect.answers.recipe import published
from rsinspect.base import limits
from rsinspect.base.errors import InvalidSpec, check_choice

IMAGENET_IMAGES = 1_281_167
"""Images of the ImageNet training set. Source: tensorflow/tpu @7dc921f8, resnet_rs/configs."""

WARM_UP_SHARE = 5 / 90
"""Of the training, at most: tensorflow/tpu @7dc921f8, resnet_main.get_lr_schedule."""

WARM_UP_EPOCHS = 5
"""At most: tensorflow/models, imagenet_resnetrs*.yaml (1560 steps of 312 an epoch)."""

TPU = "tensorflow/tpu @7dc921f8: models/official/resnet"
"""Where resnet_main.py is, and configs/resnet_config.py and resnet_rs/configs/*.yaml."""

TF_MODELS = "tensorflow/models: official/vision/configs/experiments/image_classification"
"""Where imagenet_resnetrs*.yaml is."""

_BASELINE = {
    "epochs": 90,
    "schedule": "stepwise",
    "ema_decay": 0.0,
    "label_smoothing": 0.0,
    "drop_path_rate": 0.0,
    "randaugment_magnitude": 0,
    "dropout_rate": 0.0,
    "weight_decay": 1e-4,
    "se_ratio": 0.0,
    "dialect": "resnet",
}
"""What a setting is before its step. Epochs and weight decay: tensorflow/tpu @7dc921f8,
configs/resnet_config.py; the rest is a method that is not used yet."""

STEPS = {
    "cosine": "schedule",
    "epochs": "epochs",
    "ema": "ema_decay",
    "label-smoothing": "label_smoothing",
    "stochastic-depth": "drop_path_rate",
    "randaugment": "randaugment_magnitude",
    "dropout": "dropout_rate",
    "weight-decay": "weight_decay",
    "se": "se_ratio",
    "resnet-d": "dialect",
}
"""The additive steps of Table 1, in its order, and the setting that each changes."""


class Setting(NamedTuple):
    """A number of the recipe.

    Attributes:
        name: As a program calls it.
        label: As people do.
        value: What was published.
        source: Where: a file of TPU or TF_MODELS, or a sentence.
        before: What it is where its step of Table 1 is left out; None where it has none.
        step: That step.
    """

    name: str
    label: str
    value: Any
    source: str
    before: Any = None
    step: str | None = None


class Step(NamedTuple):
    """A step of the paper's Table 1.

    Attributes:
        name: What it is called here.
        title: As printed.
        delta: What it added to the accuracy of ResNet-200 at 256, in points of per cent.
        top1: Accuracy after it, per cent.
    """

    name: str
    title: str
    delta: float
    top1: float


def steps() -> tuple[Step, ...]:
    """List the steps of Table 1 with what each brought; the paper's numbers, of ResNet-200.

    >>> [(step.name, step.delta) for step in steps()][-2:]
    [('se', 0.7), ('resnet-d', 0.5)]
    """
    rows = paper.printed_table(1).rows[1:]
    return tuple(
        Step(name, row["model"].removeprefix("+ "), row["delta"], row["top1"])
        for name, row in zip(STEPS, rows, strict=True)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRecipe:
    """How one published ResNet-RS is trained.

    Attributes:
        depth: Of the network.
        resolution: Side of the square training image.
        classes: What the classifier tells apart.
        images: Of the training set.
        batch: Images a step; the learning rate grows with it.
        length: Epochs; None for the published number.
        without: Steps of Table 1 that are left out.

    Raises:
        UnknownVariant: If no recipe of that depth and size was published.
        InvalidChoice: If there is no such step.
        InvalidSpec: If a number is out of its range.

    >>> recipe = TrainingRecipe(depth=200, resolution=256)
    >>> recipe.epochs, recipe.steps_per_epoch, recipe.train_steps, recipe.peak_learning_rate
    (350, 312, 109200, 1.6)
    >>> TrainingRecipe(depth=200, resolution=256, without=("epochs",)).epochs
    90
    """

    depth: int
    resolution: int
    classes: int = 1000
    images: int = IMAGENET_IMAGES
    batch: int = 4096
    length: int | None = None
    without: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for step in self.without:
            check_choice("step of Table 1", step, STEPS)
        limits.CLASSES.check(self.classes, InvalidSpec)
        limits.BATCH.check(self.batch, InvalidSpec)
        limits.IMAGES.check(self.images, InvalidSpec)
        if self.length is not None:
            limits.EPOCHS.check(self.length, InvalidSpec)
        if self.batch > self.images:
            raise InvalidSpec(
                f"a batch of {self.batch} is more than the {self.images} images there are",
                "choose a smaller batch",
            )
        published(self.depth, self.resolution)

    @property
    def settings(self) -> dict[str, Setting]:
        """List what was published, by name, whatever is left out here."""
        return _settings(self.depth, self.resolution)

    def value(self, name: str) -> Any:
        """Look a setting up, or what it was before its step where that is left out."""
        setting = self.settings[name]
        return setting.before if setting.step in self.without else setting.value

    @property
    def other_magnitude(self) -> int | None:
        """Give TF Models' RandAugment magnitude where it differs; None where it does not."""
        theirs = published(self.depth, self.resolution).settings["tf_models"]
        magnitude: int = theirs["randaugment_magnitude"]
        return magnitude if magnitude != self.settings["randaugment_magnitude"].value else None

    @property
    def epochs(self) -> int:
        """Count how often each image is seen."""
        return int(self.value("epochs") if self.length is None else self.length)

    @property
    def steps_per_epoch(self) -> int:
        """Count the whole batches of an epoch."""
        return self.images // self.batch

    @property
    def train_steps(self) -> int:
        """Count the steps of the training."""
        return self.epochs * self.steps_per_epoch

    @property
    def warm_up_steps(self) -> int:
        """Count the steps in which the cosine schedule's rate rises: 5 of 350 epochs."""
        return warm_up_steps(self.epochs, self.steps_per_epoch)

    @property
    def peak_learning_rate(self) -> float:
        """Scale the learning rate by the batch: 0.1 for 256 images."""
        return float(self.value("base_learning_rate") * self.batch / 256)

    @property
    def ema_decay(self) -> float:
        """Give the decay of averaged weights for a training of this length; 0 for none."""
        return average_decay(self.train_steps, self.value("ema_decay"))

    @property
    def bn_momentum(self) -> float:
        """Give the momentum of batch norm's statistics: the average's decay, where there is one."""
        return self.ema_decay or float(self.value("bn_momentum"))


def warm_up_steps(epochs: int, steps_per_epoch: int) -> int:
    """Count the steps of the warm-up: five epochs, and 5 of 90 parts of a short training.

    Both code bases agree with it where they were run: TF Models has 5 of 350 epochs, tensorflow/tpu
    5 of 90.

    >>> warm_up_steps(350, 312), warm_up_steps(90, 312), warm_up_steps(18, 312)
    (1560, 1560, 312)
    """
    return round(min(WARM_UP_EPOCHS, WARM_UP_SHARE * epochs) * steps_per_epoch)


def average_decay(train_steps: int, most: float = 0.9999) -> float:
    """Give the decay that the published average of weights has at the last step; at most ``most``.

    Both code bases let it grow by min(most, (1 + n) / (10 + n)) with the step n
    (``tf.train.ExponentialMovingAverage(num_updates=...)``; tensorflow/models, ema_optimizer.py).
    Keras's is constant: with the value of the last step an average of a short training forgets the
    fresh weights as the published one does, and in a full one it is 0.9999 from step 89 981 on.

    >>> average_decay(109_200), round(average_decay(88), 3), average_decay(88, 0)
    (0.9999, 0.908, 0.0)
    """
    return float(min(most, (1 + train_steps) / (10 + train_steps)))


def published_recipe(depth: int, resolution: int | None = None, **changes: Any) -> TrainingRecipe:
    """Find the recipe of a published network.

    Args:
        depth: Of the network.
        resolution: Side of the image; the largest published one by default.
        **changes: Any other field of the recipe.

    Raises:
        UnknownVariant: If none was published.
        InvalidChoice: If there is no such step.
        InvalidSpec: If a number is out of its range.
    """
    found = published(depth, resolution)
    return TrainingRecipe(depth=depth, resolution=found.resolution, **changes)


def _settings(depth: int, resolution: int) -> dict[str, Setting]:
    """List the settings of a published network, in the order in which a program needs them."""
    tpu = published(depth, resolution).settings["tpu"]
    config = f"resnetrs{depth}_i{resolution}.yaml"
    cosine = "the paper; imagenet_resnetrs*.yaml"
    numbers: tuple[tuple[str, str, Any, str], ...] = (
        ("epochs", "epochs", tpu["epochs"], config),
        ("schedule", "learning-rate schedule", "cosine", cosine),
        ("base_learning_rate", "learning rate for 256 images", 0.1, config),
        ("momentum", "momentum", 0.9, config),
        ("nesterov", "Nesterov's momentum", True, "resnet_main.py"),
        ("weight_decay", "weight decay, L2, not of batch norm", tpu["weight_decay"], config),
        ("label_smoothing", "label smoothing", tpu["label_smoothing"], config),
        ("ema_decay", "decay of averaged weights", tpu["ema_decay"], config),
        ("bn_momentum", "batch-norm momentum, no average", 0.9, "resnet_config.py"),
        ("drop_path_rate", "stochastic depth", tpu["drop_path_rate"], config),
        ("dropout_rate", "dropout before classifier", tpu["dropout_rate"], config),
        ("randaugment_layers", "RandAugment layers", tpu["randaugment_layers"], config),
        ("randaugment_magnitude", "RandAugment magnitude", tpu["randaugment_magnitude"], config),
        ("se_ratio", "squeeze-and-excitation ratio", 0.25, config),
        ("dialect", "wiring", "keras", config),
    )
    step_of = {setting: step for step, setting in STEPS.items()}
    return {
        name: Setting(name, label, value, source, _BASELINE.get(name), step_of.get(name))
        for name, label, value, source in numbers
    }
