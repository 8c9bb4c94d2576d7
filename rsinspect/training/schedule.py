"""Learning rates by the step, as the published code has them: Keras's schedules after a warm-up.

Keras's own ``CosineDecay(warmup_target=...)`` begins its cosine when the warm-up ends. Both code
bases let the schedule run from step 0 and replace its beginning: the warm-up rises to what the
schedule has by then (1.5992 of 1.6 in ResNet-RS's cosine). Between the two lies up to 1.2 % of the
peak, so the cosine is Keras's without its warm-up, and ``WarmUp`` goes before it.
"""

from __future__ import annotations

import math
from typing import Any

from rsinspect.keras_model.backend import keras
from rsinspect.training.recipe import WARM_UP_SHARE

STEPWISE = ((30 / 90, 0.1), (60 / 90, 0.01), (80 / 90, 0.001))
"""After which share of the epochs the rate falls, and to which share of the peak: tensorflow/tpu
@7dc921f8, resnet_main.get_lr_schedule."""


@keras.saving.register_keras_serializable("rsinspect")
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """A schedule whose beginning is a straight line from 0.

    Args:
        schedule: What follows.
        steps: Of the warm-up; the line ends at the value that the schedule has there.
    """

    def __init__(self, schedule: Any, steps: float) -> None:
        self.schedule = schedule
        self.steps = steps

    def __call__(self, step: Any) -> Any:
        """Give the learning rate of a step, a scalar tensor."""
        step = keras.ops.cast(step, "float32")
        rate = keras.ops.convert_to_tensor(self.schedule(step), "float32")
        if not self.steps:
            return rate
        top = keras.ops.convert_to_tensor(self.schedule(self.steps), "float32")
        return keras.ops.where(step < self.steps, top * step / self.steps, rate)

    def get_config(self) -> dict[str, Any]:
        """Give the arguments, as Keras saves them."""
        schedule = keras.optimizers.schedules.serialize(self.schedule)
        return {"schedule": schedule, "steps": self.steps}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> WarmUp:
        """Make it of saved arguments."""
        schedule = keras.optimizers.schedules.deserialize(config["schedule"])
        return cls(schedule, config["steps"])


def cosine(peak: float, train_steps: int, warm_up_steps: int) -> WarmUp:
    """Make the paper's schedule: half a cosine from the peak to 0 over the whole training.

    Args:
        peak: Learning rate at the top of the cosine.
        train_steps: Of the whole training, the warm-up included.
        warm_up_steps: In which it rises.

    Source: tensorflow/models, official/modeling/optimization (lr_schedule.LinearWarmup,
    optimizer_factory.build_learning_rate), with the numbers of imagenet_resnetrs*.yaml.
    """
    return WarmUp(keras.optimizers.schedules.CosineDecay(peak, train_steps), warm_up_steps)


def stepwise(peak: float, train_steps: int, images: int, batch: int) -> WarmUp:
    """Make the schedule before Table 1's first step: a tenth at 30, 60 and 80 of 90 parts.

    The published code counts epochs of whole batches to say where the parts end, rounds those down
    to whole epochs, and counts epochs of all images on the way.

    Args:
        peak: Learning rate after the warm-up.
        train_steps: Of the whole training.
        images: Of the training set.
        batch: Images a step.

    Source: tensorflow/tpu @7dc921f8, resnet_main.get_lr_schedule and learning_rate_schedule.
    """
    epochs = train_steps / (images // batch)
    steps_per_epoch = images / batch

    def ends(share: float) -> float:
        """Find the step in which so many parts of the training are over."""
        whole = math.floor(share * epochs)
        return (whole or share * epochs) * steps_per_epoch  # a training of few epochs has parts too

    boundaries = [math.ceil(ends(share)) - 1 for share, _ in STEPWISE]
    values = [peak, *(peak * factor for _, factor in STEPWISE)]
    piecewise = keras.optimizers.schedules.PiecewiseConstantDecay(boundaries, values)
    return WarmUp(piecewise, ends(WARM_UP_SHARE))
