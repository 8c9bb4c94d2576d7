"""The latency of a whole network from a few passes of the small network of its distinct blocks.

Runs in the worker, before the whole network is built: seconds instead of minutes, and a first
answer for whoever does not want to wait.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import compress
from types import ModuleType
from typing import TypeVar

from rsinspect.profiling import machine
from rsinspect.profiling.backends.workload import Instrument, workload
from rsinspect.profiling.budget import Budget, Estimate
from rsinspect.profiling.distinct import PROBE_BATCH, Distinct
from rsinspect.profiling.gate import Gated, Window, between, gate
from rsinspect.profiling.projection import Passes, prediction_of
from rsinspect.profiling.record.prediction import Prediction
from rsinspect.profiling.request import ProfileRequest
from rsinspect.profiling.rounds import (
    SETTLES_BELOW_S,
    Instrumented,
    Round,
    garbage_collection_off,
)

T = TypeVar("T")

ROUNDS = 12
FEWEST = 3
"""Rounds to keep, however busy the machine was."""
WARM_UP_CALLS = 2
IN_TURN = 2
"""Passes of each that are timed in a turn, where the network is timed without instruments too."""
AT_LEAST_S = 6.0
"""A machine is a few per cent faster in some seconds than in others (``projection.DRIFT``)."""


class Probe:
    """The small network of the distinct blocks, timed to tell what the whole network takes.

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
        self.at_s: list[float] = []
        self.plain_share: list[float] = []
        self.compares = request.mode == "train" or not self.instrument.carries_total
        self.is_enough = False
        self.begun_s = 0.0

    def _timed(self, call: Callable[[], T]) -> tuple[T, float]:
        before_s = self.budget.elapsed_s
        return call(), self.budget.elapsed_s - before_s

    def forget(self) -> None:
        """Begin another prediction; ``benchmarks/latency.py`` makes several of one network."""
        self.samples, self.windows, self.at_s, self.plain_share = [], [], [], []

    def sample(self, most_s: float) -> None:
        """Time passes for that long at most, but one at least; ``ROUNDS`` in ``AT_LEAST_S`` do.

        Where instruments cost something, and there is time to compile the network without them,
        passes of both are timed in turns.
        """
        with garbage_collection_off():
            start = time.perf_counter()
            if compares := self.compares and most_s >= 1.5 * self.first_s:
                self.instrument.end_to_end()  # which compiles
            while True:
                before_s = time.perf_counter() - start
                self._turn() if compares else self._pass()
                spent_s = time.perf_counter() - start
                turn_s = spent_s - before_s
                self.is_enough = spent_s >= AT_LEAST_S and sum(self._gated().kept) >= ROUNDS
                if self.is_enough or spent_s + turn_s > most_s:
                    break
        self.begun_s = self.begun_s or self.budget.elapsed_s

    def _pass(self) -> float:
        """Time one pass with instruments inside; its seconds."""
        probe, processors = machine.probe()
        gc.collect()
        before = probe()
        self.at_s.append(time.perf_counter())
        self.samples.append(self.instrument.instrumented())
        self.windows.append(between(before, probe(), processors))
        return self.samples[-1].wall_s

    def turn(self, number: int, at_s: float) -> tuple[Round, ...]:
        """Time a few passes between those of other networks, as rounds of one burst.

        Args:
            number: Of the burst.
            at_s: When it begins, since the first.
        """
        before = len(self.samples)
        plain_s = self._turn()
        timed = zip(self.samples[before:], self.windows[before:], strict=True)
        rounds = [
            Round.alone(sample, window, "instrumented", burst=number, at_s=at_s)
            for sample, window in timed
        ]
        if not plain_s:
            return tuple(rounds)
        return tuple(
            replace(one, end_to_end_s=seconds, total_of="plain", own_s=None)
            for one, seconds in zip(rounds, plain_s, strict=True)
        )

    def _turn(self) -> list[float]:
        """Time passes with instruments inside, then as many without where these differ.

        Where they are short, the first of each settles: the function before was another. Those
        without are returned, in seconds.
        """
        settle = self.samples[-1].wall_s < SETTLES_BELOW_S if self.samples else True
        if settle:
            self.instrument.instrumented()
        inside = [self._pass() for _ in range(IN_TURN)]
        if not self.compares:
            return []
        if settle:
            self.instrument.end_to_end()
        plain = [self._plain_s() for _ in range(IN_TURN)]
        self.plain_share.append(statistics.median(plain) / statistics.median(inside))
        return plain

    def _plain_s(self) -> float:
        gc.collect()
        start = time.perf_counter()
        self.instrument.end_to_end()
        return time.perf_counter() - start

    @property
    def _warm_up(self) -> int:
        return min(WARM_UP_CALLS, len(self.samples) - 1)

    def _gated(self) -> Gated:
        """Leave out passes during which other programs ran."""
        windows = self.windows[self._warm_up :]
        return gate(windows, range(len(windows)), fewest=FEWEST)

    @property
    def passes(self) -> Passes:
        """Return the passes that count."""
        gated = self._gated()
        samples = list(compress(self.samples[self._warm_up :], gated.kept))
        begun = list(compress(self.at_s[self._warm_up :], gated.kept))
        foreign = [
            share for share in compress(gated.foreign_share, gated.kept) if share is not None
        ]
        return Passes(
            parts_s=tuple(sample.parts_s for sample in samples),
            lasted_s=begun[-1] - begun[0] + samples[-1].wall_s,
            foreign_share=statistics.median(foreign) if foreign else None,
            plain_share=tuple(self.plain_share),
        )

    @property
    def prediction(self) -> Prediction:
        """Add the distinct blocks up to the whole network."""
        return prediction_of(
            self.request.network.graph,
            self.distinct,
            [path for path, _ in self.instrument.parts],
            self.passes,
            batch=self.request.batch,
            timed_batch=self.batch,
            ready_s=self.budget.elapsed_s,
        )

    @property
    def estimate(self) -> Estimate:
        """Say what measuring the whole network takes."""
        layers = len(self.request.network.graph) / len(self.distinct.network.graph)
        compiled_s = max(0.0, self.first_s - statistics.median(s.wall_s for s in self.samples))
        return Estimate(
            batch=self.request.batch,
            ready_s=self.built_s * layers,
            pass_s=self.prediction.end_to_end_s,
            begun_s=self.begun_s,
            compile_s=compiled_s * layers,
            pairs=not self.instrument.carries_total,
        )
