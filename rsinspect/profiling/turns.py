"""Two networks sampled in turns: each as it is, and each with instruments inside.

All four run once in every round, in random order, so that whatever a neighbour or the clock does
falls on all alike, and the ratios of the rounds say which network is faster. Passes in turns lie as
close together as can be: beside other programs that took three quarters of the machine, a thousand
rounds of single passes told a ratio twice as closely as the same time in bursts of ten of each.

It ends when the ratio is precise or the time is up, never because of what the ratio is: who stops
at the first interval that leaves 1 out sees a difference sooner or later where there is none.

Where passes are too long for that, a round is one pass of each with instruments inside, which
carries the total too, and the calls that compiled them are the warm-up.

Clock, probe, functions and random order are arguments; nothing here knows a framework.
"""

from __future__ import annotations

import gc
import math
import random
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from rsinspect.profiling.gate import Probe, between
from rsinspect.profiling.rounds import (
    BURST_AT_LEAST_S,
    WARM_UP_SHARE,
    Clock,
    Finished,
    Instrumented,
    Round,
    RoundDone,
    StoppedBecause,
)
from rsinspect.profiling.statistics import is_steady, middle_of_signs, warm_up_over

PRECISE_RATIO = 0.005
"""Half of the interval of the ratio's logarithm; closer than that nobody has to know it."""
AT_LEAST_S = 5.0
"""Nothing measured in a moment knows what the next one will be like."""
LOOKS_EVERY = 20
"""Rounds between two looks at how precise the ratio is."""
TELLS_EVERY_S = 1.0
"""Between two words on how far it is, or a round."""


class Runs(NamedTuple):
    """A network as functions that return when their result is ready.

    Attributes:
        end_to_end: Runs it once; None where the pass with instruments carries the total.
        instrumented: Runs it once with instruments inside.
    """

    end_to_end: Callable[[], object] | None
    instrumented: Callable[[], Instrumented]


class Turns:
    """Samples two networks in turns.

    Args:
        pair: The two.
        max_time_s: Budget of warm-up and rounds together.
        most_rounds: To be measured.
        clock: In nanoseconds.
        probe: Reads what the processors do.
        processors: That this process may run on.
        order: Decides in which order the four run in a round.
        on_rounds: Takes each measured round, of the first network and of the second.
        on_progress: Called after each round of warm-up and now and then while measuring.
        precise: Half of the interval of the ratio's logarithm that is enough.
    """

    def __init__(
        self,
        pair: tuple[Runs, Runs],
        *,
        max_time_s: float,
        most_rounds: int,
        clock: Clock,
        probe: Probe,
        processors: int,
        order: random.Random,
        on_rounds: Callable[[Round, Round], None],
        on_progress: Callable[[RoundDone], None],
        precise: float = PRECISE_RATIO,
    ) -> None:
        self.pair = pair
        self.max_time_s = max_time_s
        self.most_rounds = most_rounds
        self.clock = clock
        self.probe = probe
        self.processors = processors
        self.order = order
        self.on_rounds = on_rounds
        self.on_progress = on_progress
        self.precise = precise
        self.start_ns = clock()
        self.logs: list[float] = []
        self.burst = 0
        self.burst_at_s = 0.0
        self.told_s = 0.0
        self.rounds_s: list[float] = []

    def elapsed_s(self) -> float:
        """Return the seconds since warm-up began."""
        return (self.clock() - self.start_ns) / 1e9

    def measure(self) -> Finished:
        """Warm up until steady, then sample until the ratio is precise or the time is up."""
        warm_up = self.warm_up()
        return self._finished(warm_up, self.until_precise(warm_up[-1]), is_steady(warm_up))

    def measure_alone(self, first_calls_s: float, round_s: float) -> Finished:
        """Sample likewise, where the calls that compiled both are all of the warm-up.

        Args:
            first_calls_s: What those took.
            round_s: What a round is expected to take.
        """
        stopped_because = self.until_precise(round_s)
        steady = is_steady((first_calls_s, *self.rounds_s[:2]))
        return self._finished((first_calls_s,), stopped_because, steady)

    def _finished(
        self, warm_up: tuple[float, ...], stopped_because: StoppedBecause, steady: bool
    ) -> Finished:
        return Finished(
            warm_up=warm_up,
            steady=steady,
            stopped_because=stopped_because,
            elapsed_s=self.elapsed_s(),
        )

    def warm_up(self) -> tuple[float, ...]:
        """Run all four until they are steady; seconds of each round of them, together."""
        samples: list[float] = []
        while not warm_up_over(samples):
            before_s = self.elapsed_s()
            if samples and before_s + samples[-1] > WARM_UP_SHARE * self.max_time_s:
                break
            for runs in self.pair:
                if runs.end_to_end is not None:
                    runs.end_to_end()
                runs.instrumented()
            samples.append(self.elapsed_s() - before_s)
            self.on_progress(RoundDone("warm-up", len(samples), self.elapsed_s()))
        return tuple(samples)

    def until_precise(self, round_s: float) -> StoppedBecause:
        """Sample until the ratio is precise, or the time or the rounds are used up.

        Args:
            round_s: What one round takes.
        """
        began_s = self.burst_at_s = self.elapsed_s()
        while True:
            if self.elapsed_s() + round_s > self.max_time_s:
                return "time"
            before_s = self.elapsed_s()
            if before_s - self.burst_at_s >= BURST_AT_LEAST_S:
                self.burst, self.burst_at_s = self.burst + 1, before_s
            self._round(began_s)
            after_s = self.elapsed_s()
            self.rounds_s.append(after_s - before_s)
            round_s = max(round_s, self.rounds_s[-1])
            if after_s - self.told_s >= TELLS_EVERY_S:
                self.told_s = after_s
                self.on_progress(RoundDone("measuring", len(self.logs), after_s))
            if len(self.logs) >= self.most_rounds:
                return "rounds"
            looks = len(self.logs) % LOOKS_EVERY == 0 and after_s - began_s >= AT_LEAST_S
            if looks and self._is_precise():
                return "precise"

    def _is_precise(self) -> bool:
        _, ends = middle_of_signs(self.logs)
        return ends is not None and ends[1] - ends[0] <= 2 * self.precise

    def _round(self, began_s: float) -> None:
        """Run each of them once, in random order, and hand on what they took."""
        plain_s: dict[int, float] = {}
        inside: dict[int, Instrumented] = {}

        def plain(side: int, call: Callable[[], object]) -> None:
            start_ns = self.clock()
            call()
            plain_s[side] = (self.clock() - start_ns) / 1e9

        def instrumented(side: int) -> None:
            inside[side] = self.pair[side].instrumented()

        passes: list[Callable[[], None]] = []
        for side, runs in enumerate(self.pair):
            if runs.end_to_end is not None:
                passes.append(partial(plain, side, runs.end_to_end))
            passes.append(partial(instrumented, side))
        self.order.shuffle(passes)
        gc.collect()
        before = self.probe()
        for run in passes:
            run()
        window = between(before, self.probe(), self.processors)
        rounds = [
            Round(
                burst=self.burst,
                at_s=self.burst_at_s - began_s,
                end_to_end_s=plain_s.get(side, inside[side].wall_s),
                instrumented_s=inside[side].wall_s,
                parts_s=inside[side].parts_s,
                capacity_s=window.capacity_s,
                foreign_s=window.foreign_s,
                clock_share=window.clock_share,
                total_of="plain" if side in plain_s else "instrumented",
            )
            for side in range(len(self.pair))
        ]
        self.on_rounds(rounds[0], rounds[1])
        self.logs.append(math.log(rounds[1].end_to_end_s / rounds[0].end_to_end_s))
