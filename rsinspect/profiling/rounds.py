"""Rounds of paired samples: the network as it is, and the same network with instruments inside.

Rounds come in bursts. A burst runs the one several times and then the other, in random order, so
that drift of the machine falls on both alike and their difference is that of the instruments; its
n-th samples of both are its n-th round. The first call of each is discarded: a network that has
just been preceded by another function takes longer (+2.7 % was measured at 0.2 s a call, where a
pause of a second leaves no trace), and nobody runs two in turns.

Bursts are spread evenly over the time there is (``SPREAD_S`` at most), with pauses between them:
what is alike in neighbouring samples differs between bursts, and the interval is honest. After the
last planned burst the measurement ends if it is precise, else it goes on without pauses until it is
or the time is up.

Where passes are so long that there is no time for pairs, a round is one pass with instruments
inside, which carries the total too, and the call that compiles is all of the warm-up.

Clock, sleep, probe, functions and random order are arguments; nothing here knows a framework.
"""

from __future__ import annotations

import gc
import math
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Literal, TypeVar

from rsinspect.base.quantities import Count, MeasuredSeconds, Ratio, Seconds
from rsinspect.profiling.gate import Probe, Window, between, gate, joined
from rsinspect.profiling.statistics import (
    FEWEST_BURSTS,
    FEWEST_FOR_INTERVAL,
    WARM_UP_AT_LEAST,
    Latency,
    Sampling,
    is_steady,
    warm_up_over,
)

T = TypeVar("T")
U = TypeVar("U")

StoppedBecause = Literal["precise", "time", "rounds"]
TotalOf = Literal["plain", "instrumented", "first"]
"""Which pass the total is of: one without instruments, the one with them, or the one that compiled
the network and is all there was time for."""

BURSTS = 20
LOOKS_EVERY = 5
"""Bursts between two looks at how precise the result is."""
ROUNDS_IN_BURST = 2
BURST_AT_LEAST_S = 0.35
"""A burst of quick rounds lasts that long, so that what others used in it can be told."""
MOST_ROUNDS_IN_BURST = 20
SETTLES_BELOW_S = 1.0
"""A pass that takes longer needs no call before it: what that costs is lost in it."""
SPREAD_S = 45.0
PRECISE_HALF_WIDTH = 0.01
PRECISE_PART_HALF_WIDTH = 0.02
PART_MATTERS = 0.02
"""Share of the whole from which a part has to be precise too."""
MOST_ROUNDS = 1000
WARM_UP_SHARE = 1 / 3
"""Of the time budget; warm-up ends there even if it is not steady."""

Clock = Callable[[], int]
"""Nanoseconds from a fixed moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrumented:
    """One pass with instruments inside.

    Attributes:
        wall_s: The whole call.
        parts_s: Of each part; they add up to the whole call.
    """

    wall_s: float
    parts_s: tuple[float, ...]

    @property
    def without_entry(self) -> Instrumented:
        """Leave out what lies before the first and after the last mark: the last part.

        In a call that compiles it is compiling.
        """
        inside = self.parts_s[:-1]
        return Instrumented(wall_s=sum(inside), parts_s=(*inside, 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One sample of both, in seconds.

    Attributes:
        burst: Number of its burst, from 0.
        at_s: When its burst began, since the first.
        end_to_end_s: The network as it is.
        instrumented_s: The call with instruments inside.
        parts_s: Of each part.
        capacity_s: Processor time there was, on the processors this process may use.
        foreign_s: Of it, what other programs used; None where the system does not tell.
        clock_share: Clock as a share of the highest; None where the system does not tell.
        total_of: Which pass ``end_to_end_s`` is of.
        own_s: Of the processor time, what the passes used; None of one that compiled too.
        energy_j: Joules of the pass that ``end_to_end_s`` is of; None where nobody tells.
    """

    burst: Count
    at_s: Seconds
    end_to_end_s: MeasuredSeconds
    instrumented_s: Seconds
    parts_s: tuple[Seconds, ...]
    capacity_s: Seconds
    foreign_s: Seconds | None
    clock_share: Ratio | None
    total_of: TotalOf = "plain"
    own_s: Seconds | None = None
    energy_j: Ratio | None = None

    @classmethod
    def alone(
        cls, sample: Instrumented, window: Window, total_of: TotalOf, *, burst: int, at_s: float
    ) -> Round:
        """Make a round of one pass, which carries the total too."""
        return cls(
            burst=burst,
            at_s=at_s,
            end_to_end_s=sample.wall_s,
            instrumented_s=sample.wall_s,
            parts_s=sample.parts_s,
            capacity_s=window.capacity_s,
            foreign_s=window.foreign_s,
            clock_share=window.clock_share,
            total_of=total_of,
            own_s=None if total_of == "first" else window.own_s,
            energy_j=None if total_of == "first" else window.energy_j,
        )

    @property
    def window(self) -> Window:
        """Return the window that the gate judges."""
        return Window(self.capacity_s, self.foreign_s, self.clock_share, self.own_s)


@dataclass(frozen=True, slots=True)
class RoundDone:
    """How far a measurement is: a round, or a burst of them, is over.

    Attributes:
        phase: Warm-up or measuring.
        round: Number of rounds done in that phase.
        elapsed_s: Since warm-up began.
    """

    phase: Literal["warm-up", "measuring"]
    round: int
    elapsed_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """How a measurement ended; its rounds have been handed on.

    Attributes:
        warm_up: Discarded rounds in seconds, both passes together; the compiling calls come first.
        steady: Whether the last two of them agreed; where there was no time for three, the first
            two that were measured.
        stopped_because: ``precise`` once the interval of the end-to-end median is within 1 % and
            those of all parts of 2 % and more within 2 %; ``time`` when another round would pass
            the budget; ``rounds`` at the most that are wanted.
        elapsed_s: From the start of warm-up to the end of the last round.
    """

    warm_up: tuple[Seconds, ...]
    steady: bool
    stopped_because: StoppedBecause
    elapsed_s: Seconds


@contextmanager
def garbage_collection_off() -> Iterator[None]:
    """Keep the collector from running within a sample; what there is to collect goes first."""
    was_on = gc.isenabled()
    gc.collect()
    gc.freeze()  # the framework's own objects, so that collecting between samples is quick
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if was_on:
            gc.enable()


class Session:
    """Samples a network: as it is, and with instruments inside, in turns.

    Functions of the network return when their result is ready.

    Args:
        end_to_end: Runs the whole network.
        instrumented: Runs the same with instruments inside.
        max_time_s: Budget of warm-up and rounds together.
        most_rounds: To be measured.
        clock: In nanoseconds.
        sleep: Pauses, for seconds.
        probe: Reads what the processors do.
        processors: That this process may run on.
        order: Decides which of the two goes first.
        on_round: Takes each measured round.
        on_progress: Called after each round of warm-up and each burst.
        on_warm: Called between warm-up and the first burst.
    """

    def __init__(
        self,
        end_to_end: Callable[[], object],
        instrumented: Callable[[], Instrumented],
        *,
        max_time_s: float,
        most_rounds: int = MOST_ROUNDS,
        clock: Clock,
        sleep: Callable[[float], None],
        probe: Probe,
        processors: int,
        order: random.Random,
        on_round: Callable[[Round], None],
        on_progress: Callable[[RoundDone], None],
        on_warm: Callable[[], None] = lambda: None,
    ) -> None:
        self.end_to_end = end_to_end
        self.instrumented = instrumented
        self.max_time_s = max_time_s
        self.most_rounds = most_rounds
        self.clock = clock
        self.sleep = sleep
        self.probe = probe
        self.processors = processors
        self.order = order
        self.on_round = on_round
        self.on_progress = on_progress
        self.on_warm = on_warm
        self.start_ns = clock()
        self.rounds: list[Round] = []

    def measure(self, first_calls_s: float, round_s: float | None = None) -> Finished:
        """Warm up until steady, then sample in bursts of rounds until precise or out of time.

        No round is begun that would pass the budget, so there may be none.

        Args:
            first_calls_s: What the compiling calls of both took, the first sample of warm-up.
            round_s: What a round is expected to take; None for as long as the first calls.
        """
        self.start_ns = self.clock()
        with garbage_collection_off():
            warm_up = self.warm_up(first_calls_s, round_s or first_calls_s)
            round_s = warm_up[-1] if len(warm_up) > 1 else round_s or first_calls_s
            self.on_warm()
            stopped_because = self.until_precise(round_s)
        return self.finished(warm_up, stopped_because)

    def measure_alone(self, first_s: float, wants: Callable[[int, float], bool]) -> Finished:
        """Sample by passes with instruments inside, each of which carries the total too.

        Args:
            first_s: What the call that compiled took; it is the warm-up.
            wants: Tells whether there shall be another, given how many there are and what one
                takes.
        """
        self.start_ns = self.clock()
        stopped_because: StoppedBecause = "time"
        passes_s: list[float] = []
        with garbage_collection_off():
            self.on_warm()
            while not passes_s or wants(len(passes_s), median(passes_s)):
                before_s = self.elapsed_s()
                ((sample, window),) = self._samples(self._inside, 1, settle=False)
                number = len(self.rounds)
                self._take(Round.alone(sample, window, "instrumented", burst=number, at_s=before_s))
                passes_s.append(self.elapsed_s() - before_s)
                self._report("measuring", len(self.rounds))
                if len(self.rounds) >= self.most_rounds:
                    stopped_because = "rounds"
                    break
                if self.elapsed_s() > SPREAD_S and is_precise(self.rounds):
                    stopped_because = "precise"
                    break
        return self.finished((first_s,), stopped_because)

    def finished(self, warm_up: tuple[float, ...], stopped_because: StoppedBecause) -> Finished:
        """Sum up how it ended."""
        measured = [one.end_to_end_s + one.instrumented_s for one in self.rounds[:2]]
        short = len(warm_up) < WARM_UP_AT_LEAST
        return Finished(
            warm_up=warm_up,
            steady=is_steady((warm_up[0], *measured) if short else warm_up),
            stopped_because=stopped_because,
            elapsed_s=self.elapsed_s(),
        )

    def elapsed_s(self) -> float:
        """Return the seconds since warm-up began."""
        return (self.clock() - self.start_ns) / 1e9

    def warm_up(self, first_calls_s: float, round_s: float) -> tuple[float, ...]:
        """Run both until they are steady; seconds of each round, both together.

        What is left after it is worth more: it ends before it costs a round of those that an
        interval needs.
        """
        samples = [first_calls_s]
        while not warm_up_over(samples):
            after_s = self.elapsed_s() + round_s
            left_s = self.max_time_s - after_s
            if after_s > WARM_UP_SHARE * self.max_time_s or left_s < FEWEST_FOR_INTERVAL * round_s:
                break
            samples.append(sum(self._in_random_order(self._whole, self._inside_s)))
            round_s = samples[-1]
            self._report("warm-up", len(samples) - 1)
        return tuple(samples)

    def until_precise(self, round_s: float) -> StoppedBecause:
        """Sample in bursts, spread over the time, until precise or out of time.

        Args:
            round_s: What one round takes.
        """
        settle = round_s / 2 < SETTLES_BELOW_S
        size = min(MOST_ROUNDS_IN_BURST, math.ceil(BURST_AT_LEAST_S / round_s))
        size = max(ROUNDS_IN_BURST, size) if settle else 1
        began_s = self.elapsed_s()
        interval_s = min(SPREAD_S, self.max_time_s - began_s) / BURSTS
        if began_s + FEWEST_BURSTS * (size + settle) * round_s > self.max_time_s:
            settle, size = False, 1  # each round counts, as a burst of its own
        burst_s = (size + settle) * round_s
        bursts_s: list[float] = []
        while True:
            if self.elapsed_s() + burst_s > self.max_time_s:
                return "time"
            before_s = self.elapsed_s()
            self.burst(len(bursts_s), size, at_s=before_s - began_s, settle=settle)
            bursts_s.append(self.elapsed_s() - before_s)
            burst_s = median(bursts_s)
            if len(self.rounds) >= self.most_rounds:
                return "rounds"
            if len(bursts_s) < BURSTS:
                pause_s = began_s + len(bursts_s) * interval_s - self.elapsed_s()
                if pause_s > 0:
                    self.sleep(pause_s)
            elif len(bursts_s) % LOOKS_EVERY == 0 and is_precise(self.rounds):
                return "precise"

    def burst(self, number: int, size: int, *, at_s: float, settle: bool) -> None:
        """Sample each of the two several times; their n-th samples are the n-th round.

        Args:
            number: Of the burst.
            size: Rounds in it.
            at_s: When it begins, since the first.
            settle: Discard a call of each before its samples.
        """
        plain, inside = self._in_random_order(
            lambda: self._samples(self._whole, size, settle=settle),
            lambda: self._samples(self._inside, size, settle=settle),
        )
        for (end_to_end_s, plain_window), (sample, window) in zip(plain, inside, strict=True):
            both = joined((plain_window, window))
            self._take(
                Round(
                    burst=number,
                    at_s=at_s,
                    end_to_end_s=end_to_end_s,
                    instrumented_s=sample.wall_s,
                    parts_s=sample.parts_s,
                    capacity_s=both.capacity_s,
                    foreign_s=both.foreign_s,
                    clock_share=both.clock_share,
                    own_s=both.own_s,
                    energy_j=plain_window.energy_j,
                )
            )
        self._report("measuring", len(self.rounds))

    def _take(self, one: Round) -> None:
        self.rounds.append(one)
        self.on_round(one)

    def _samples(self, call: Callable[[], T], size: int, *, settle: bool) -> list[tuple[T, Window]]:
        if settle:
            call()
        samples = []
        for _ in range(size):
            before = self.probe()
            sample = call()
            samples.append((sample, between(before, self.probe(), self.processors)))
        return samples

    def _whole(self) -> float:
        gc.collect()  # a call of Keras on PyTorch leaves cycles that hold every activation
        before = self.clock()
        self.end_to_end()
        return (self.clock() - before) / 1e9

    def _inside(self) -> Instrumented:
        gc.collect()
        return self.instrumented()

    def _inside_s(self) -> float:
        return self._inside().wall_s

    def _in_random_order(self, one: Callable[[], T], other: Callable[[], U]) -> tuple[T, U]:
        """Call both, either first; their results in the order in which they are given."""
        if self.order.random() < 0.5:
            result = one()
            return result, other()
        later = other()
        return one(), later

    def _report(self, phase: Literal["warm-up", "measuring"], done: int) -> None:
        self.on_progress(RoundDone(phase, done, self.elapsed_s()))


def is_precise(rounds: Sequence[Round]) -> bool:
    """Tell whether the rounds say enough: end to end within 1 %, parts that matter within 2 %."""
    bursts = tuple(r.burst for r in rounds)
    gated = gate([r.window for r in rounds], bursts)
    sampling = Sampling((0,) * len(rounds), bursts, gated.kept)

    def within(samples: tuple[float, ...], half_width: float) -> bool:
        half = Latency(samples, sampling).half_width
        return half is not None and half <= half_width

    whole = tuple(r.end_to_end_s for r in rounds)
    matters = PART_MATTERS * median(whole)
    return within(whole, PRECISE_HALF_WIDTH) and all(
        median(part) < matters or within(part, PRECISE_PART_HALF_WIDTH)
        for part in zip(*(r.parts_s for r in rounds), strict=True)
    )
