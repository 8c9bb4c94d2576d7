"""The worker that times the distinct blocks of several networks in turns, in one process.

It is asked as the worker of a measurement is (``worker``), for the conditions; which networks they
are stands in a file that its argument names. It builds one small network after the other, and
between them, and when all stand until the time is up, has turns: each network that stands runs a
few passes, in random order. So whatever the machine does falls on all alike, and what was timed
lies in the whole of the time and not in one moment of it.

A network for which there is no time, or whose passes would leave the others none, is left out.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Protocol

from rsinspect.layers.fold import whole_cost
from rsinspect.networks.network import network_from_json
from rsinspect.profiling.budget import SUMMING_UP_S, Budget
from rsinspect.profiling.distinct import Distinct, small_network
from rsinspect.profiling.protocol import Joined, Phase, Ready, Timed
from rsinspect.profiling.request import ProfileRequest
from rsinspect.profiling.rounds import Finished, Round, garbage_collection_off
from rsinspect.profiling.worker import Emitter, Load, end, environment_of, main

ENOUGH_TURNS = 8
AT_LEAST_S = 12.0
"""From the first pass of the last network on; see ``projection.DRIFT``."""
FEWEST_TURNS = 3
"""That there must be time for, or a network is left out."""
PASSES = 3
"""Of a network in a turn, one of which settles."""


class Entrant(Protocol):
    """A small network that was built and has run once.

    Attributes:
        built_s: What building it took.
        first_s: What the first pass took, compiling included.
    """

    built_s: float
    first_s: float

    def turn(self, number: int, at_s: float) -> tuple[Round, ...]:
        """Time a few passes."""


class Rotation:
    """Has several networks timed in turns.

    Args:
        networks: The small ones, in the order in which they are built.
        enter: Builds one, by its number.
        budget: Of it all.
        order: Decides who is next in a turn.
        on_entered: Takes each network that was built, with its number.
        on_round: Takes each sample, with the number of its network.
    """

    def __init__(
        self,
        networks: Sequence[Distinct],
        enter: Callable[[int], Entrant],
        *,
        budget: Budget,
        order: random.Random,
        on_entered: Callable[[int, Entrant], None],
        on_round: Callable[[int, Round], None],
    ) -> None:
        self.networks = networks
        self.enter = enter
        self.budget = budget
        self.order = order
        self.on_entered = on_entered
        self.on_round = on_round
        self.entrants: dict[int, Entrant] = {}
        self.pass_s: dict[int, float] = {}
        self.turns = 0
        self.began_s = 0.0
        self.all_in_s = 0.0

    @property
    def left_s(self) -> float:
        """Return what may still be used."""
        return self.budget.left_s - SUMMING_UP_S

    @property
    def turn_s(self) -> float:
        """Return what a turn takes."""
        return PASSES * sum(self.pass_s.values())

    def run(self) -> None:
        """Build the networks that there is time for, and have turns until all are known well."""
        numbers = range(len(self.networks))
        for number in numbers:
            if self.entrants and not self._has_time_for(number):
                continue
            self._enter(number)
            after_s = sum(map(self._ready_s, numbers[number + 1 :]))
            rest_s = FEWEST_TURNS * PASSES * sum(map(self._expected_s, numbers))
            if self.left_s - after_s - rest_s > self.turn_s:
                self._turn()
        self.all_in_s = self.budget.elapsed_s
        while self.turn_s < self.left_s and not self._is_enough:
            self._turn()

    @property
    def _is_enough(self) -> bool:
        return self.turns >= ENOUGH_TURNS and self.budget.elapsed_s - self.all_in_s >= AT_LEAST_S

    def _enter(self, number: int) -> None:
        entrant = self.enter(number)
        self.entrants[number] = entrant
        self.pass_s[number] = entrant.first_s  # until it is timed
        self.on_entered(number, entrant)
        rounds = entrant.turn(self.turns, self._at_s)
        self._take(number, rounds)
        self.turns += 1

    def _turn(self) -> None:
        """Have one turn of all that stand."""
        numbers = list(self.entrants)
        self.order.shuffle(numbers)
        for number in numbers:
            if PASSES * self.pass_s[number] > self.left_s:
                break
            self._take(number, self.entrants[number].turn(self.turns, self._at_s))
        self.turns += 1

    @property
    def _at_s(self) -> float:
        self.began_s = self.began_s or self.budget.elapsed_s
        return self.budget.elapsed_s - self.began_s

    def _take(self, number: int, rounds: Sequence[Round]) -> None:
        both = [one.instrumented_s + (one.total_of == "plain") * one.end_to_end_s for one in rounds]
        self.pass_s[number] = max(both)
        for one in rounds:
            self.on_round(number, one)

    def _has_time_for(self, number: int) -> bool:
        turns_s = FEWEST_TURNS * (self.turn_s + PASSES * self._expected_s(number))
        return self._ready_s(number) + turns_s < self.left_s

    def _expected_s(self, number: int) -> float:
        """Expect what a pass takes, at the lowest rate there was."""
        if number in self.pass_s:
            return self.pass_s[number]
        rates = [seconds / self._macs(one) for one, seconds in self.pass_s.items()]
        return max(rates) * self._macs(number)

    def _ready_s(self, number: int) -> float:
        """Expect what building and compiling takes, from that of a layer so far."""
        layers = [
            (one.built_s + one.first_s) / len(self.networks[position].network.graph)
            for position, one in self.entrants.items()
        ]
        return max(layers) * len(self.networks[number].network.graph)

    def _macs(self, number: int) -> int:
        return whole_cost(self.networks[number].network.graph).macs


def serve(
    request: ProfileRequest, budget: Budget, backend: ModuleType, load_before: Load, emit: Emitter
) -> None:
    """Time the networks of a file, and send a message for each sample."""
    from rsinspect.profiling.extrapolate import Probe

    wholes = [network_from_json(one) for one in json.loads(Path(sys.argv[1]).read_bytes())]
    networks = [small_network(whole) for whole in wholes]
    probes: dict[int, Probe] = {}

    def enter(number: int) -> Probe:
        emit(Phase("building"))
        asked = replace(request, network=wholes[number])
        probe = probes[number] = Probe(asked, networks[number], backend, budget)
        if probe.compares:
            probe.instrument.end_to_end()  # which compiles
        emit.memory()
        return probe

    def entered(number: int, _: Entrant) -> None:
        probe = probes[number]
        ready = Ready(
            parts=probe.instrument.parts,
            method=probe.instrument.method,
            output_max_abs_diff=None,
            output_max_abs=None,
            optimizer=None,
            environment=environment_of(request, load_before),
        )
        emit(
            Joined(
                number=number, of=len(networks), ready=ready,
                built_s=probe.built_s, compiled_s=probe.first_s,
            )
        )  # fmt: skip

    rotation = Rotation(
        networks,
        enter,
        budget=budget,
        order=random.Random(request.seed),
        on_entered=entered,
        on_round=lambda number, one: emit(Timed(number, one)),
    )
    began = time.perf_counter()
    with garbage_collection_off():
        rotation.run()
    emit.memory()
    emit(
        Finished(
            warm_up=(),
            steady=True,
            stopped_because="precise" if rotation.left_s > rotation.turn_s else "time",
            elapsed_s=time.perf_counter() - began,
        )
    )


if __name__ == "__main__":
    end(main(serve))
