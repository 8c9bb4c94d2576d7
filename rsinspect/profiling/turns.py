"""Two networks sampled in turns: each as it is, and each with instruments inside.

All four run once in every round, in random order, so that whatever a neighbour or the clock does
falls on all alike, and the ratios of the rounds say which network is faster. Passes in turns lie as
close together as can be: beside other programs that took three quarters of the machine, a thousand
rounds of single passes told a ratio twice as closely as the same time in bursts of ten of each.

It ends when the ratio is precise or the time is up, never because of what the ratio is: who stops
at the first interval that leaves 1 out sees a difference sooner or later where there is none.

Clock, probe, functions and random order are arguments; nothing here knows a framework.
"""

from __future__ import annotations

import gc
import math
import random
from collections.abc import Callable
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


class Runs(NamedTuple):
    """A network as functions that return when their result is ready.

    Attributes:
        end_to_end: Runs it once.
        instrumented: Runs it once with instruments inside.
    """

    end_to_end: Callable[[], object]
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

    def elapsed_s(self) -> float:
        """Return the seconds since warm-up began."""
        return (self.clock() - self.start_ns) / 1e9

    def measure(self) -> Finished:
        """Warm up until steady, then sample until the ratio is precise or the time is up."""
        warm_up = self.warm_up()
        stopped_because = self.until_precise(warm_up[-1])
        return Finished(
            warm_up=warm_up,
            steady=is_steady(warm_up),
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
            round_s = max(round_s, self.elapsed_s() - before_s)
            if len(self.logs) >= self.most_rounds:
                return "rounds"
            if len(self.logs) % LOOKS_EVERY == 0:
                self.on_progress(RoundDone("measuring", len(self.logs), self.elapsed_s()))
                if self.elapsed_s() - began_s >= AT_LEAST_S and self._is_precise():
                    return "precise"

    def _is_precise(self) -> bool:
        _, ends = middle_of_signs(self.logs)
        return ends is not None and ends[1] - ends[0] <= 2 * self.precise

    def _round(self, began_s: float) -> None:
        """Run all four once, in random order, and hand on what they took."""
        plain_s = [0.0, 0.0]
        inside: list[Instrumented | None] = [None, None]
        order = [(side, instrumented) for side in (0, 1) for instrumented in (False, True)]
        self.order.shuffle(order)
        gc.collect()
        before = self.probe()
        for side, instrumented in order:
            if instrumented:
                inside[side] = self.pair[side].instrumented()
            else:
                start_ns = self.clock()
                self.pair[side].end_to_end()
                plain_s[side] = (self.clock() - start_ns) / 1e9
        window = between(before, self.probe(), self.processors)
        rounds = [
            Round(
                burst=self.burst,
                at_s=self.burst_at_s - began_s,
                end_to_end_s=plain,
                instrumented_s=sample.wall_s,
                parts_s=sample.parts_s,
                capacity_s=window.capacity_s,
                foreign_s=window.foreign_s,
                clock_share=window.clock_share,
            )
            for plain, sample in zip(plain_s, inside, strict=True)
            if sample is not None
        ]
        self.on_rounds(rounds[0], rounds[1])
        self.logs.append(math.log(plain_s[1] / plain_s[0]))
