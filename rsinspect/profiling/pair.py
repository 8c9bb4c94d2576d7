"""The worker that measures two networks in turns, in one process.

It is asked as the worker of a measurement is (``worker``), by a request that has a network beside
its own. What is of one of the two follows a message that says of which (``protocol.Turn``).

Two that are alike differ by where they lie in memory. The first network of a process was slower
than its later copies by 2 to 4 %, so the one of A is built and run once for nobody, and stays. What
that took tells what all will take:

* Where an interval can be had with four passes a round, they are each network as it is and with
  instruments inside.
* Where passes are too long for that, and the one with instruments carries the total, a round is
  that one pass of each.
* Where not even one such round would fit behind another network of A, the first one is A: so few
  rounds have no interval that its 2 to 4 % could spoil.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import ModuleType
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar

from rsinspect.profiling.budget import SUMMING_UP_S, Budget, Estimate
from rsinspect.profiling.protocol import Estimated, Phase, Turn
from rsinspect.profiling.request import ProfileRequest
from rsinspect.profiling.rounds import Finished, Round, garbage_collection_off
from rsinspect.profiling.statistics import FEWEST_FOR_SIGNED_RANKS
from rsinspect.profiling.turns import Runs, Turns
from rsinspect.profiling.worker import Emitter, Load, Runner, end, hands, main

if TYPE_CHECKING:
    from rsinspect.profiling.backends.workload import Instrument

T = TypeVar("T")

SIDES: tuple[Literal[0], Literal[1]] = (0, 1)

Way = Literal["pairs", "alone", "first is A", "none"]
"""How two are measured, from the best way to none."""


def serve(
    request: ProfileRequest, budget: Budget, backend: ModuleType, load_before: Load, emit: Emitter
) -> None:
    """Build both networks and sample them in turns; which is built first is another each process.

    Args:
        request: Of A, with B beside.
        budget: What it may take.
        backend: Module of ``profiling.backends``.
        load_before: Load of the machine before, or why it is not known.
        emit: Takes the messages.
    """
    other = request.other
    assert other is not None, "there is a network beside"
    requests = (replace(request, beside=None), other)
    runners = [Runner(each, budget, backend, load_before) for each in requests]
    emit(Phase("building"))
    first = runners[0]
    network, ready_s = _timed(first.build)
    emit(Phase("compiling"))
    costs = Costs.of(network, ready_s, requests)
    emit.memory()
    cheap = costs.pass_s < budget.left_s / 20
    lazy = request.backend == "torch"  # which does on a first call what others do in compiling
    if (cheap or lazy) and costs.way(budget.left_s - SUMMING_UP_S) != "pairs":
        costs = costs.again(network)
    way = costs.way(budget.left_s - SUMMING_UP_S)
    if way != "pairs":
        emit(Estimated(costs.estimate(request, budget.elapsed_s)))
    if way == "none":
        emit(Phase("measuring"))
        emit(Finished(warm_up=(), steady=False, stopped_because="time", elapsed_s=0.0))
        return
    emit(Phase("building"))
    networks: dict[int, Instrument] = {}
    if way == "first is A":
        networks[0] = network
    else:
        runners[0] = Runner(requests[0], budget, backend, load_before)
    for side in SIDES if request.process % 2 == 0 else reversed(SIDES):
        if side not in networks:
            networks[side] = runners[side].build()
    emit.memory()
    called = {0: costs} if way == "first is A" else {}
    _sample(request, budget, runners, networks, emit, called, alone=way != "pairs")
    del first


def _sample(
    request: ProfileRequest,
    budget: Budget,
    runners: list[Runner],
    networks: dict[int, Instrument],
    emit: Emitter,
    called: Mapping[int, Costs],
    *,
    alone: bool,
) -> None:
    """Compile both, but those that were called already, and sample them."""

    def take(*rounds: Round) -> None:
        for side in SIDES:
            emit(Turn(side))
            emit(rounds[side])

    emit(Phase("compiling"))
    first_calls_s, round_s = 0.0, 0.0
    for side in SIDES:
        if not alone:
            networks[side].end_to_end()
        if (known := called.get(side)) is not None:
            first_calls_s += known.compile_s + known.pass_s
            round_s += known.pass_s
        else:
            inside, took_s = _timed(networks[side].instrumented)
            first_calls_s += took_s
            round_s += inside.without_entry.wall_s
        emit(Turn(side))
        emit(runners[side].ready(compared=not alone))
    emit.memory()
    emit(Phase("measuring"))
    probe = hands()
    with garbage_collection_off():
        turns = Turns(
            (_runs(networks[0], alone=alone), _runs(networks[1], alone=alone)),
            max_time_s=budget.left_s - SUMMING_UP_S,
            most_rounds=request.most_rounds,
            clock=time.perf_counter_ns,
            probe=probe.probe,
            processors=probe.processors,
            order=random.Random(request.seed),
            on_rounds=take,
            on_progress=emit,
        )
        finished = turns.measure_alone(first_calls_s, round_s) if alone else turns.measure()
    emit.memory()
    emit(finished)


class Costs(NamedTuple):
    """What measuring two takes, in seconds, by a first pass of A.

    Attributes:
        ready_s: Building A.
        compile_s: What the call that compiles a function of A takes beyond its pass.
        pass_s: A pass of A.
        scale: How many times as much work B is.
        carries_total: Whether the pass with instruments inside tells the total.
    """

    ready_s: float
    compile_s: float
    pass_s: float
    scale: float
    carries_total: bool

    @classmethod
    def of(
        cls, network: Instrument, ready_s: float, requests: tuple[ProfileRequest, ProfileRequest]
    ) -> Costs:
        """Run A for the first time."""
        if network.carries_total:
            inside, first_s = _timed(network.instrumented)
            pass_s = inside.without_entry.wall_s
        else:
            _, first_s = _timed(network.end_to_end)
            _, pass_s = _timed(network.end_to_end)
        own, others = (each.network.cost.macs for each in requests)
        return cls(
            ready_s=ready_s,
            compile_s=max(0.0, first_s - pass_s),
            pass_s=pass_s,
            scale=others / own if own else 1.0,
            carries_total=network.carries_total,
        )

    def again(self, network: Instrument) -> Costs:
        """Run A once more: the first call of a process does what no later one has to."""
        _, pass_s = _timed(network.instrumented)
        return self._replace(pass_s=min(pass_s, self.pass_s))

    @property
    def both_s(self) -> float:
        """Return what a pass of each takes, together."""
        return (1 + self.scale) * self.pass_s

    def way(self, left_s: float) -> Way:
        """Choose the best way for which there is time; where in doubt there is.

        Args:
            left_s: For building both, compiling and sampling.
        """
        built_s, compiled_s = 2 * self.ready_s, 2 * self.compile_s
        pairs = 2 + FEWEST_FOR_SIGNED_RANKS  # in the calls that compile, and for warm-up
        if built_s + 2 * compiled_s + pairs * 2 * self.both_s <= left_s:
            return "pairs"
        if not self.carries_total:
            least_s = (built_s + 2 * compiled_s) / 2 + 3 * 2 * self.both_s
            return "pairs" if least_s <= left_s else "none"
        if built_s + compiled_s + 2 * self.both_s <= left_s:
            return "alone"
        least_s = (self.ready_s + self.compile_s) / 2 + self.both_s + self.scale * self.pass_s
        return "first is A" if least_s <= left_s else "none"

    def estimate(self, request: ProfileRequest, begun_s: float) -> Estimate:
        """Say what an interval takes.

        Args:
            request: What is measured.
            begun_s: What was used up until now.
        """
        return Estimate(
            batch=request.batch,
            ready_s=2 * self.ready_s,
            pass_s=self.pass_s,
            begun_s=begun_s,
            compile_s=2 * self.compile_s,
            pairs=not self.carries_total,
            beside_s=self.scale * self.pass_s,
        )


def _timed(call: Callable[[], T]) -> tuple[T, float]:
    before_ns = time.perf_counter_ns()
    return call(), (time.perf_counter_ns() - before_ns) / 1e9


def _runs(network: Instrument, *, alone: bool) -> Runs:
    return Runs(None if alone else network.end_to_end, network.instrumented)


if __name__ == "__main__":
    end(main(serve))
