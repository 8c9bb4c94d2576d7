"""The worker that finds the fastest way: a process that builds and runs one network in several.

It is asked as the worker of a measurement is (``worker``), with arguments: the names of the choices
that are free, and as JSON the ways that ended a worker before. It says what it does as it goes:
which way enters, whether it computes the same, each round, and why a way is out. So that a way that
compiles for minutes costs nothing but its own place, the parent ends the process in the middle of
it and keeps what was said before.
"""

from __future__ import annotations

import gc
import json
import random
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import TYPE_CHECKING, Any

from rsinspect.base.errors import RsInspectError
from rsinspect.layers import ops
from rsinspect.profiling import machine
from rsinspect.profiling.budget import SUMMING_UP_S, Budget
from rsinspect.profiling.heats import Heats
from rsinspect.profiling.protocol import Entered, Judged, Out, Phase, Prepared, Ready
from rsinspect.profiling.record.closure import SAME_OUTPUT_WITHIN
from rsinspect.profiling.request import ProfileRequest
from rsinspect.profiling.rounds import Finished, garbage_collection_off
from rsinspect.profiling.statistics import FEWEST_FOR_INTERVAL
from rsinspect.profiling.ways import Step, Way, steps
from rsinspect.profiling.worker import Emitter, Load, end, environment_of, main

if TYPE_CHECKING:
    from rsinspect.profiling.backends.workload import Instrument, Workload

TRIAL_BATCH = 8
"""Images of the passes that tell for how many there is time."""
CHALLENGE_PASSES = 3 * (FEWEST_FOR_INTERVAL + 1)
"""What it takes to tell whether a challenger is faster, compiling it included."""
CONFIRMING_PASSES = 16
"""What it takes to know a ratio well."""
BUILDING = 2.0
"""Building another way takes that many times as long as the first, some compilers being slow."""
METHOD = (
    "whole passes of the first way, the best so far and a challenger, in turns in one process; "
    "bursts in random order; ratios of medians over the rounds that both ran in"
)

Weights = dict[str, list[Any]]
"""Arrays of each layer, by its path."""


class _Entrant:
    """A way that is built and has run once.

    Args:
        request: Of the way.
        backend: Module of ``profiling.backends``.
        weights: Of the first way's layers, which all ways compute with; None for this one's own.

    Attributes:
        call: Runs one pass or training step.
        made: What it gave in inference, as an array.
        weights: Those it began with.
    """

    def __init__(
        self, request: ProfileRequest, backend: ModuleType, weights: Weights | None = None
    ) -> None:
        from rsinspect.profiling.backends.workload import as_array, as_in_graph, few, workload

        began = time.perf_counter()
        work = workload(request)
        if weights is not None:
            take_weights(work, weights)
        elif request.weights is None and not request.fold_batch_norm:
            _draw_statistics(work, request.seed)
        self.weights = {path: layer.get_weights() for path, layer in work.layers.items()}
        self.network: Instrument = backend.instrument(work)
        self.call: Callable[[], object] = self.network.end_to_end
        if work.trains:  # before a step changes the weights
            made: Any = work.model(few(work.images), training=False)
            self.call()
        else:
            made = self.call()
        self.made: Any = as_array(as_in_graph(work, made))
        self.ready_s = time.perf_counter() - began

    def pass_s(self) -> float:
        """Time one pass."""
        began = time.perf_counter()
        self.call()
        return time.perf_counter() - began


def take_weights(work: Workload, weights: Weights) -> None:
    """Give a network the weights of another way of running it; what it folded is folded.

    Args:
        work: The network.
        weights: Of the layers as they were before, or as they are.
    """
    from rsinspect.keras_model.folded_weights import Norm, folded_weights, folds_by_layer
    from rsinspect.keras_model.load import assign

    folds = folds_by_layer(work.request.network.folding)
    for layer in work.graph:
        values = weights[layer.path]
        norms = [Norm(x, weights[x.norm]) for x in folds.get(layer.path, ()) if x.norm in weights]
        if norms:
            values = folded_weights(layer.op, values, norms)
        if values and layer.shares is None:
            assign(work.layers[layer.path], values)


def _draw_statistics(work: Workload, seed: int) -> None:
    """Draw what batch norms compute with: as they are made, a fold that is wrong would not show."""
    import numpy as np

    numbers = np.random.default_rng(seed)
    for layer in work.graph:
        if isinstance(layer.op, ops.BatchNorm) and layer.shares is None:
            made = work.layers[layer.path]
            *learnt, mean, variance = made.get_weights()
            drawn = [values + numbers.normal(0, 0.1, values.shape) for values in (*learnt, mean)]
            made.set_weights([*drawn, variance * numbers.uniform(0.8, 1.25, variance.shape)])


class _Contest:
    """Ways of one request that enter one after the other."""

    def __init__(
        self, request: ProfileRequest, budget: Budget, backend: ModuleType, emit: Emitter
    ) -> None:
        self.request = request
        self.budget = budget
        self.backend = backend
        self.emit = emit
        self.ways: list[Way] = []
        self.crashed: list[Way] = []
        probe, processors = machine.probe()
        self.heats = Heats(
            clock=time.perf_counter_ns,
            probe=probe,
            processors=processors,
            order=random.Random(request.seed),
            on_bout=emit,
            most_rounds=request.most_rounds,
        )

    @property
    def left_s(self) -> float:
        """Return what may still be used."""
        return self.budget.left_s - SUMMING_UP_S

    def choose_batch(self, challenges: int) -> None:
        """Halve the batch until there is time to compare all ways."""
        asked = self.request.batch
        if asked <= TRIAL_BATCH or self.request.strict_batch:
            return
        self.emit(Phase("predicting"))
        trial = _Entrant(replace(self.request, batch=TRIAL_BATCH), self.backend)
        image_s = trial.pass_s() / TRIAL_BATCH
        runs_s = self.left_s - BUILDING * (challenges + 1) * trial.ready_s
        batch = batch_within(max(runs_s, 0.0), image_s, asked, challenges)
        self.request = replace(self.request, batch=batch)

    def enter(self, way: Way, first: _Entrant | None = None) -> _Entrant | None:
        """Build a way and run it once; None where that fails or it computes something else.

        Args:
            way: The next one.
            first: The way to begin with, for what it computes; None where this is the one.
        """
        number = self._announce(way)
        try:
            weights = None if first is None else first.weights
            entrant = _Entrant(way.request(self.request), self.backend, weights)
        except MemoryError:
            raise
        except Exception as exc:  # whatever a framework says to a way that it cannot go
            if first is None:
                raise
            self.emit(Out(number, "failed", _said(exc)))
            return None
        difference, largest = _difference(entrant, first or entrant)
        self.emit(Prepared(number, entrant.ready_s, difference, largest))
        self.emit.memory()
        if not difference <= SAME_OUTPUT_WITHIN * largest:
            self.emit(Out(number, "differs", "it computes something else"))
            return None
        return entrant

    def _announce(self, way: Way) -> int:
        number = len(self.ways)
        self.ways.append(way)
        self.emit(Entered(number, way, self.request.batch))
        return number

    def run(self, first: _Entrant, to_take: list[Step]) -> None:
        """Let ways enter, each a step from the fastest so far, and compare them.

        Args:
            first: The way to begin with, which has entered.
            to_take: The steps.
        """
        best, best_number = first, 0
        while to_take:
            step = to_take.pop(0)
            way = self.ways[best_number].after(step)
            if way in self.ways + self.crashed or way.is_idle(step, self.request):
                continue
            if self.left_s < first.ready_s:
                self.emit(Out(self._announce(way), "time", "the time was up"))
                continue
            if (challenger := self.enter(way, first)) is None:
                continue
            number = len(self.ways) - 1
            runs = {0: first.call, best_number: best.call, number: challenger.call}
            share_s = self.left_s / (len(to_take) + 2)
            verdict = self.heats.challenge(runs, best_number, number, share_s)
            self.emit(Judged(number, verdict))
            if verdict == "faster":
                best, best_number = challenger, number
            del challenger, runs
            gc.collect()
        if best_number:
            self.heats.confirm({0: first.call, best_number: best.call}, best_number, 0, self.left_s)


def batch_within(runs_s: float, image_s: float, asked: int, challenges: int) -> int:
    """Choose the largest batch, of that asked for and its halves, that can be compared in a time.

    >>> batch_within(20.0, 0.05, 128, 3)
    4
    """
    passes = challenges * CHALLENGE_PASSES + CONFIRMING_PASSES
    batch = asked
    while batch > 1 and passes * image_s * batch > runs_s:
        batch //= 2
    return batch


def _said(exc: Exception) -> str:
    """Tell in a line why a way cannot be gone."""
    said = exc.message if isinstance(exc, RsInspectError) else str(exc)
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return f"{type(exc).__name__}: {lines[0]}"[:200] if lines else type(exc).__name__


def _difference(one: _Entrant, other: _Entrant) -> tuple[float, float]:
    """Return the largest difference of outputs, and the largest output of the other."""
    import numpy as np

    return float(np.max(np.abs(one.made - other.made))), float(np.max(np.abs(other.made)))


def serve(
    request: ProfileRequest, budget: Budget, backend: ModuleType, load_before: Load, emit: Emitter
) -> None:
    """Compare the ways of a request, and send a message for whatever becomes known."""
    from rsinspect.profiling.backends.workload import OPTIMIZER

    contest = _Contest(request, budget, backend, emit)
    names = [word for word in sys.argv[1:] if not word.startswith("{")]
    contest.crashed += [Way(**json.loads(word)) for word in sys.argv[1 + len(names) :]]
    to_take = list(steps(request, names))
    contest.choose_batch(len(to_take))
    gc.collect()
    first = contest.enter(Way.of(request))
    assert first is not None
    emit(
        Ready(
            parts=(),
            method=METHOD,
            output_max_abs_diff=None,
            output_max_abs=None,
            optimizer=OPTIMIZER if request.mode == "train" else None,
            environment=environment_of(request, load_before),
        )
    )
    began = time.perf_counter()
    with garbage_collection_off():
        contest.run(first, to_take)
    emit(
        Finished(
            warm_up=(),
            steady=True,
            stopped_because="precise",
            elapsed_s=time.perf_counter() - began,
        )
    )


if __name__ == "__main__":
    end(main(serve))
