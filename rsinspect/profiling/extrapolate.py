"""The latency of a whole network from a few passes of the small network of its distinct blocks.

Runs in the worker, before the whole network is built: seconds instead of minutes, and a first
answer for whoever does not want to wait.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from types import ModuleType

from rsinspect.layers.fold import whole_cost
from rsinspect.layers.graph import LayerGraph
from rsinspect.profiling import machine
from rsinspect.profiling.backends.workload import Instrument, workload
from rsinspect.profiling.budget import Budget, Estimate
from rsinspect.profiling.distinct import Distinct
from rsinspect.profiling.gate import Window, between, gate
from rsinspect.profiling.protocol import ProfileRequest
from rsinspect.profiling.record.prediction import PredictedPart, Prediction
from rsinspect.profiling.rounds import Instrumented, garbage_collection_off

ROUNDS = 12
FEWEST = 3
"""Rounds to keep, however busy the machine was."""
WARM_UP_CALLS = 2
AT_LEAST_S = 1.5
"""A machine is a few per cent faster in one second than in the next."""
PROBE_BATCH = 16
"""Images are timed that many at a time at most: an image of 128 takes as long within 1 % (RS-50 on
TensorFlow, two cores; within 4 % of one of 8), and a pass says early what others will take."""
CALL_LAYERS = 190
"""Layers that a call without any would be worth: with TensorFlow 2.21, batch 4, calls of 274, 784
and 2258 layers took 2.3, 4.7 and 12.2 ms beyond their layers."""
OF_NO_IMAGE = ("call", "optimizer")
"""Steps that take as long whatever the batch."""


def extrapolate(
    request: ProfileRequest, distinct: Distinct, backend: ModuleType, budget: Budget
) -> tuple[Prediction, Estimate]:
    """Time the distinct blocks, add them up to the whole network, and say what measuring it takes.

    The optimizer's time grows with the trainable params, that of a call with the layers and
    ``CALL_LAYERS`` more; that of everything else with the batch.

    Args:
        request: For the whole network.
        distinct: The small network.
        backend: Module of ``profiling.backends``.
        budget: Of the whole measurement.
    """
    whole, small = request.network.graph, distinct.network.graph
    batch = min(PROBE_BATCH, request.batch)
    begun_s = budget.elapsed_s
    instrument = backend.instrument(workload(request.of_distinct(distinct.network, batch)))
    built_s = budget.elapsed_s - begun_s
    first_s = _seconds(instrument.instrumented, budget)
    samples, foreign_share = _samples(instrument, budget)
    medians: dict[str, float] = {}
    for index, (path, _) in enumerate(instrument.parts):
        median = statistics.median(sample.parts_s[index] for sample in samples)
        medians[path] = medians.get(path, 0.0) + median
    grows = {
        "optimizer": _trainable(whole) / _trainable(small),
        "call": _call(whole) / _call(small),
    }
    parts = []
    for path, median in medians.items():
        original, repeats = distinct.stands_for.get(path, (path, 1))
        images = 1.0 if path in OF_NO_IMAGE else request.batch / batch
        seconds = median * images * grows.get(path, 1.0)
        parts.append(PredictedPart(path=original, repeats=repeats, latency_s=seconds))
    prediction = Prediction(
        parts=tuple(parts),
        end_to_end_s=sum(part.repeats * part.latency_s for part in parts),
        rounds=len(samples),
        ready_s=budget.elapsed_s,
        batch=batch,
        foreign_share=foreign_share,
    )
    compiled_s = max(0.0, first_s - statistics.median(sample.wall_s for sample in samples))
    estimate = Estimate(
        batch=request.batch,
        ready_s=(built_s + 2 * compiled_s) * len(whole) / len(small),
        pass_s=prediction.end_to_end_s,
        begun_s=budget.elapsed_s,
    )
    return prediction, estimate


def _seconds(call: Callable[[], object], budget: Budget) -> float:
    before_s = budget.elapsed_s
    call()
    return budget.elapsed_s - before_s


def _samples(instrument: Instrument, budget: Budget) -> tuple[list[Instrumented], float | None]:
    """Time instrumented passes; passes during which other programs ran are left out.

    The second value is the median share of the processors that others used in those that count.
    """
    samples: list[Instrumented] = []
    windows: list[Window] = []
    probe, processors = machine.probe()
    with garbage_collection_off():
        start = time.perf_counter()
        while True:
            gc.collect()
            before = probe()
            samples.append(instrument.instrumented())
            windows.append(between(before, probe(), processors))
            spent = time.perf_counter() - start
            if spent >= budget.prediction_s or (len(samples) >= ROUNDS and spent >= AT_LEAST_S):
                break
    begin = min(WARM_UP_CALLS, len(samples) - 1)
    gated = gate(windows[begin:], range(len(windows) - begin), fewest=FEWEST)
    foreign = [
        share
        for share, counts in zip(gated.foreign_share, gated.kept, strict=True)
        if counts and share is not None
    ]
    counting = [
        sample for sample, counts in zip(samples[begin:], gated.kept, strict=True) if counts
    ]
    return counting, statistics.median(foreign) if foreign else None


def _trainable(graph: LayerGraph) -> int:
    return whole_cost(graph).trainable_params


def _call(graph: LayerGraph) -> int:
    return CALL_LAYERS + len(graph)
