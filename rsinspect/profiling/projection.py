"""From passes of the distinct blocks to the latency of the whole network, with its interval.

What is predicted is the median that measuring the whole network for a minute would find. Timed in
turns in one process, the sum of the distinct blocks agrees with the whole; what keeps a prediction
from it is that a machine is a few per cent faster in some seconds than in others. No pass of the
first seconds knows what later ones will be like, so that doubt comes from recorded series
(``DRIFT``) and is the greatest part of the interval.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rsinspect.layers.fold import whole_cost
from rsinspect.layers.graph import LayerGraph
from rsinspect.profiling.distinct import Distinct
from rsinspect.profiling.gate import FOREIGN_AT_MOST
from rsinspect.profiling.record.prediction import PredictedPart, Prediction
from rsinspect.profiling.statistics import NORMAL_975, t_quantile

CALL_LAYERS = 190
"""Layers that a call without any would be worth: with TensorFlow 2.21, batch 4, calls of 274, 784
and 2258 layers took 2.3, 4.7 and 12.2 ms beyond their layers."""
OF_NO_IMAGE = ("call", "optimizer")
"""Steps that take as long whatever the batch."""

DRIFT = 0.033
"""Speed at one moment about that of a minute, one standard deviation, as a share. In a series of
400 passes (54 s, RS-50, two cores of a virtual machine, passes beside others left out) medians of
windows of 0.5, 1.5, 3, 8 and 15 s were off by 3.1, 2.5, 1.9, 1.2 and 0.9 %."""
DRIFT_LASTS_S = 2.0
"""So long it takes a machine to be another: with it ``drift`` gives those numbers within 0.3 %."""
OTHER_BATCH = 0.01
"""An image of a batch of 128 takes as long as one of 16 within that (RS-50, TensorFlow)."""
PER_SHARE_OF_OTHERS = 1.4
"""Passes take that many times longer than the share that others use of the processors: +25 % at
18 % (``benchmarks/latency.py neighbours``)."""
MEDIAN_S_ERROR = math.sqrt(math.pi / 2)
"""Standard error of a median of normal samples, in those of their mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passes:
    """What was timed of the small network.

    Attributes:
        parts_s: Of each pass, the seconds of each part.
        lasted_s: From the first to the last.
        foreign_share: Share of the processors that others used meanwhile; None where not told.
        plain_share: What passes without instruments took of those with them, turn by turn; empty
            where they were not timed.
    """

    parts_s: tuple[tuple[float, ...], ...]
    lasted_s: float
    foreign_share: float | None
    plain_share: tuple[float, ...] = ()

    @property
    def without_instruments(self) -> float:
        """Return what a pass takes without instruments, as a share of one with them.

        In a training step they hold the optimizer back until all gradients are there: the whole
        network of depth 101 (TensorFlow, batch 2, two cores) took 7 % less without them.
        """
        return statistics.median(self.plain_share) if self.plain_share else 1.0


def multiples(
    whole: LayerGraph, distinct: Distinct, paths: Sequence[str], *, images: float
) -> tuple[float, ...]:
    """Say how many times the whole network has what each part of the small one takes.

    The optimizer's time grows with the trainable params, that of a call with the layers and
    ``CALL_LAYERS`` more; that of everything else with the batch.

    Args:
        whole: The whole network.
        distinct: The small one.
        paths: Of each part that is timed: a distinct block, or a step.
        images: In the whole network's batch, as a multiple of those in the small one's.
    """
    small = distinct.network.graph
    steps = {
        "optimizer": whole_cost(whole).trainable_params / whole_cost(small).trainable_params
        if "optimizer" in paths
        else 1.0,
        "call": (CALL_LAYERS + len(whole)) / (CALL_LAYERS + len(small)),
    }
    return tuple(
        steps.get(path, 1.0)
        * (1.0 if path in OF_NO_IMAGE else images)
        * distinct.repeats.get(path, 1)
        for path in paths
    )


def projected(paths: Sequence[str], passes: Passes, times: Sequence[float]) -> Mapping[str, float]:
    """Project the medians of parts to the whole network: seconds of each path, all repeats.

    They are those of a network without instruments.

    >>> passes = Passes(parts_s=((1.0, 2.0), (3.0, 2.0)), lasted_s=8.0, foreign_share=None)
    >>> projected(("stem", "c2/block1"), passes, (1.0, 10.0))
    {'stem': 2.0, 'c2/block1': 20.0}
    """
    seconds: dict[str, float] = dict.fromkeys(paths, 0.0)
    for path, samples, many in zip(paths, zip(*passes.parts_s, strict=True), times, strict=True):
        seconds[path] += many * statistics.median(samples) * passes.without_instruments
    return seconds


def prediction_of(
    whole: LayerGraph,
    distinct: Distinct,
    paths: Sequence[str],
    passes: Passes,
    *,
    batch: int,
    timed_batch: int,
    ready_s: float,
) -> Prediction:
    """Add the distinct blocks up to a whole network.

    Args:
        whole: The whole network.
        distinct: The small one; of any network with the same blocks.
        paths: Of each part that was timed.
        passes: What was timed.
        batch: Images in the whole network's batch.
        timed_batch: Images in the small one's.
        ready_s: Since the worker began to import the framework.
    """
    times = multiples(whole, distinct, paths, images=batch / timed_batch)
    seconds = projected(paths, passes, times)
    total_s = sum(seconds.values())
    repeats = {path: distinct.repeats.get(path, 1) for path in seconds}
    return Prediction(
        parts=tuple(
            PredictedPart(path=path, repeats=repeats[path], latency_s=all_s / repeats[path])
            for path, all_s in seconds.items()
        ),
        end_to_end_s=total_s,
        end_to_end_interval=interval_of(total_s, passes, times, other_batch=batch != timed_batch),
        rounds=len(passes.parts_s),
        ready_s=ready_s,
        batch=timed_batch,
        foreign_share=passes.foreign_share,
    )


def drift(lasted_s: float) -> float:
    """Return how far passes of that many seconds are off those of a minute: one standard deviation.

    >>> round(drift(0.5), 3), round(drift(3.0), 3), round(drift(15.0), 3)
    (0.03, 0.021, 0.011)
    """
    return DRIFT / math.sqrt(1 + lasted_s / DRIFT_LASTS_S)


def interval_of(
    total_s: float, passes: Passes, times: Sequence[float], *, other_batch: bool = False
) -> tuple[float, float] | None:
    """Compute the 95 % interval of a prediction; None of a single pass.

    Args:
        total_s: What is predicted.
        passes: What it is made of.
        times: What each part was multiplied by.
        other_batch: Whether the passes were of another batch.
    """
    totals = [math.fsum(map(_product, parts, times)) for parts in passes.parts_s]
    if len(totals) < 2:
        return None
    others = passes.foreign_share or 0.0
    half = math.hypot(
        _scatter(totals),
        _scatter(passes.plain_share),
        NORMAL_975 * drift(passes.lasted_s),
        NORMAL_975 * OTHER_BATCH * other_batch,
        PER_SHARE_OF_OTHERS * others * (others > FOREIGN_AT_MOST),
    )
    return total_s / (1 + half), total_s * (1 + half)


def _scatter(samples: Sequence[float]) -> float:
    """Return half the 95 % interval of a median by Student's t, as a share of it."""
    count = len(samples)
    if count < 2:
        return 0.0
    share = statistics.stdev(samples) / statistics.median(samples)
    return t_quantile(count - 1) * MEDIAN_S_ERROR * share / math.sqrt(count)


def _product(seconds: float, many: float) -> float:
    return seconds * many
