"""The latency of a whole network from a few passes of the small network of its distinct blocks.

Runs in the worker, before the whole network is built: seconds instead of minutes, and a first
answer for whoever does not want to wait.
"""

from __future__ import annotations

import gc
import statistics
import time
from types import ModuleType

from rsinspect.layers.fold import whole_cost
from rsinspect.layers.graph import LayerGraph
from rsinspect.profiling import machine
from rsinspect.profiling.backends.workload import Instrument, workload
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
AT_MOST_S = 4.0
CALL_LAYERS = 190
"""Layers that a call without any would be worth: with TensorFlow 2.21, batch 4, calls of 274, 784
and 2258 layers took 2.3, 4.7 and 12.2 ms beyond their layers."""


def extrapolate(
    request: ProfileRequest, distinct: Distinct, backend: ModuleType, started_s: float
) -> Prediction:
    """Time the distinct blocks and add them up to the whole network.

    The optimizer's time grows with the trainable params, that of a call with the layers and
    ``CALL_LAYERS`` more.

    Args:
        request: For the whole network.
        distinct: The small network.
        backend: Module of ``profiling.backends``.
        started_s: When the worker began, by ``time.perf_counter``.
    """
    whole, small = request.network.graph, distinct.network.graph
    instrument = backend.instrument(workload(request.of_distinct(distinct.network)))
    samples = _samples(instrument)
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
        seconds = median * grows.get(path, 1.0)
        parts.append(PredictedPart(path=original, repeats=repeats, latency_s=seconds))
    return Prediction(
        parts=tuple(parts),
        end_to_end_s=sum(part.repeats * part.latency_s for part in parts),
        rounds=len(samples),
        ready_s=time.perf_counter() - started_s,
    )


def _samples(instrument: Instrument) -> list[Instrumented]:
    """Time instrumented passes; passes during which other programs ran are left out."""
    instrument.instrumented()
    samples: list[Instrumented] = []
    windows: list[Window] = []
    probe, processors = machine.probe()
    with garbage_collection_off():
        start = time.perf_counter()
        while (spent := time.perf_counter() - start) < AT_MOST_S:
            gc.collect()
            before = probe()
            samples.append(instrument.instrumented())
            windows.append(between(before, probe(), processors))
            if len(samples) >= ROUNDS and spent >= AT_LEAST_S:
                break
    begin = min(WARM_UP_CALLS, len(samples) - 1)
    gated = gate(windows[begin:], range(len(windows) - begin), fewest=FEWEST)
    return [sample for sample, counts in zip(samples[begin:], gated.kept, strict=True) if counts]


def _trainable(graph: LayerGraph) -> int:
    return whole_cost(graph).trainable_params


def _call(graph: LayerGraph) -> int:
    return CALL_LAYERS + len(graph)
