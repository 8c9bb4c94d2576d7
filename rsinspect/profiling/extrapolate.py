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
from typing import TypeVar

from rsinspect.layers.fold import whole_cost
from rsinspect.layers.graph import LayerGraph
from rsinspect.profiling import machine
from rsinspect.profiling.backends.workload import Instrument, workload
from rsinspect.profiling.budget import Budget, Estimate
from rsinspect.profiling.distinct import Distinct
from rsinspect.profiling.gate import Gated, Window, between, gate
from rsinspect.profiling.record.prediction import PredictedPart, Prediction
from rsinspect.profiling.request import ProfileRequest
from rsinspect.profiling.rounds import Instrumented, garbage_collection_off

T = TypeVar("T")

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


class Probe:
    """The small network of the distinct blocks, timed to tell what the whole network takes.

    The optimizer's time grows with the trainable params, that of a call with the layers and
    ``CALL_LAYERS`` more; that of everything else with the batch.

    Args:
        request: For the whole network.
        distinct: The small network.
        backend: Module of ``profiling.backends``.
        budget: Of the whole measurement.
    """

    def __init__(
        self, request: ProfileRequest, distinct: Distinct, backend: ModuleType, budget: Budget
    ) -> None:
        self.request = request
        self.distinct = distinct
        self.budget = budget
        self.batch = min(PROBE_BATCH, request.batch)
        small = request.of_distinct(distinct.network, self.batch)
        self.instrument: Instrument
        self.instrument, self.built_s = self._timed(
            lambda: backend.instrument(workload(small, distinct.segments))
        )
        _, self.first_s = self._timed(self.instrument.instrumented)
        self.samples: list[Instrumented] = []
        self.windows: list[Window] = []
        self.is_enough = False
        self.begun_s = 0.0

    def _timed(self, call: Callable[[], T]) -> tuple[T, float]:
        before_s = self.budget.elapsed_s
        return call(), self.budget.elapsed_s - before_s

    def sample(self, most_s: float) -> None:
        """Time passes for that long at most, but one at least; ``ROUNDS`` in ``AT_LEAST_S`` do."""
        probe, processors = machine.probe()
        with garbage_collection_off():
            start = time.perf_counter()
            while True:
                gc.collect()
                before = probe()
                self.samples.append(self.instrument.instrumented())
                self.windows.append(between(before, probe(), processors))
                spent = time.perf_counter() - start
                self.is_enough = spent >= AT_LEAST_S and sum(self._gated().kept) >= ROUNDS
                if self.is_enough or spent + self.samples[-1].wall_s > most_s:
                    break
        self.begun_s = self.begun_s or self.budget.elapsed_s

    @property
    def _warm_up(self) -> int:
        return min(WARM_UP_CALLS, len(self.samples) - 1)

    def _gated(self) -> Gated:
        """Leave out passes during which other programs ran."""
        windows = self.windows[self._warm_up :]
        return gate(windows, range(len(windows)), fewest=FEWEST)

    @property
    def prediction(self) -> Prediction:
        """Add the distinct blocks up to the whole network."""
        whole, small = self.request.network.graph, self.distinct.network.graph
        gated = self._gated()
        kept = gated.kept
        samples = [
            s for s, counts in zip(self.samples[self._warm_up :], kept, strict=True) if counts
        ]
        foreign = [
            s
            for s, counts in zip(gated.foreign_share, kept, strict=True)
            if counts and s is not None
        ]
        medians: dict[str, float] = {}
        for index, (path, _) in enumerate(self.instrument.parts):
            median = statistics.median(sample.parts_s[index] for sample in samples)
            medians[path] = medians.get(path, 0.0) + median
        grows = {
            "optimizer": _trainable(whole) / _trainable(small),
            "call": _call(whole) / _call(small),
        }
        parts = []
        for path, median in medians.items():
            repeats = self.distinct.repeats.get(path, 1)
            images = 1.0 if path in OF_NO_IMAGE else self.request.batch / self.batch
            seconds = median * images * grows.get(path, 1.0)
            parts.append(PredictedPart(path=path, repeats=repeats, latency_s=seconds))
        return Prediction(
            parts=tuple(parts),
            end_to_end_s=sum(part.repeats * part.latency_s for part in parts),
            rounds=len(samples),
            ready_s=self.budget.elapsed_s,
            batch=self.batch,
            foreign_share=statistics.median(foreign) if foreign else None,
        )

    @property
    def estimate(self) -> Estimate:
        """Say what measuring the whole network takes."""
        layers = len(self.request.network.graph) / len(self.distinct.network.graph)
        compiled_s = max(0.0, self.first_s - statistics.median(s.wall_s for s in self.samples))
        return Estimate(
            batch=self.request.batch,
            ready_s=(self.built_s + 2 * compiled_s) * layers,
            pass_s=self.prediction.end_to_end_s,
            begun_s=self.begun_s,
        )


def _trainable(graph: LayerGraph) -> int:
    return whole_cost(graph).trainable_params


def _call(graph: LayerGraph) -> int:
    return CALL_LAYERS + len(graph)
