"""The worker that measures two networks in turns, in one process.

It is asked as the worker of a measurement is (``worker``), by a request that has a network beside
its own. What is of one of the two follows a message that says of which (``protocol.Turn``).
"""

from __future__ import annotations

import random
import time
from dataclasses import replace
from types import ModuleType
from typing import TYPE_CHECKING, Literal

from rsinspect.profiling.budget import SUMMING_UP_S, Budget
from rsinspect.profiling.protocol import Phase, Turn
from rsinspect.profiling.request import ProfileRequest
from rsinspect.profiling.rounds import Round, garbage_collection_off
from rsinspect.profiling.turns import Runs, Turns
from rsinspect.profiling.worker import Emitter, Load, Runner, end, hands, main

if TYPE_CHECKING:
    from rsinspect.profiling.backends.workload import Instrument

SIDES: tuple[Literal[0], Literal[1]] = (0, 1)


def serve(
    request: ProfileRequest, budget: Budget, backend: ModuleType, load_before: Load, emit: Emitter
) -> None:
    """Build both networks and sample them in turns; which is built first is another each process.

    Two that are alike differ by where they lie in memory. The first network of a process was slower
    than its later copies by 2 to 4 %, so one is built and run once for nobody, and stays.
    """
    other = request.other
    assert other is not None, "there is a network beside"
    requests = (replace(request, beside=None), other)
    runners = [Runner(each, budget, backend, load_before) for each in requests]
    emit(Phase("building"))
    in_first_place = Runner(requests[0], budget, backend, load_before).build()
    in_first_place.end_to_end()
    networks: dict[int, Instrument] = {}
    for side in SIDES if request.process % 2 == 0 else reversed(SIDES):
        networks[side] = runners[side].build()
    emit.memory()

    def take(*rounds: Round) -> None:
        for side in SIDES:
            emit(Turn(side))
            emit(rounds[side])

    emit(Phase("compiling"))
    for side in SIDES:
        networks[side].end_to_end()
        networks[side].instrumented()
        emit(Turn(side))
        emit(runners[side].ready(compared=True))
    emit.memory()
    emit(Phase("measuring"))
    probe = hands()
    with garbage_collection_off():
        turns = Turns(
            (_runs(networks[0]), _runs(networks[1])),
            max_time_s=budget.left_s - SUMMING_UP_S,
            most_rounds=request.most_rounds,
            clock=time.perf_counter_ns,
            probe=probe.probe,
            processors=probe.processors,
            order=random.Random(request.seed),
            on_rounds=take,
            on_progress=emit,
        )
        finished = turns.measure()
    emit.memory()
    emit(finished)
    del in_first_place


def _runs(network: Instrument) -> Runs:
    return Runs(network.end_to_end, network.instrumented)


if __name__ == "__main__":
    end(main(serve))
