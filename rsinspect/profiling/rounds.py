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
from typing import Literal

from rsinspect.profiling.gate import Probe, Window, between, gate, joined
from rsinspect.profiling.statistics import Latency, Sampling, is_steady, warm_up_over

StoppedBecause = Literal["precise", "time", "rounds"]

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
    """

    burst: int
    at_s: float
    end_to_end_s: float
    instrumented_s: float
    parts_s: tuple[float, ...]
    capacity_s: float
    foreign_s: float | None
    clock_share: float | None

    @property
    def window(self) -> Window:
        """For the gate."""
        return Window(self.capacity_s, self.foreign_s, self.clock_share)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the measurement is.

    Attributes:
        phase: Warm-up or measuring.
        round: Number of rounds done in this phase.
        elapsed_s: Since warm-up began.
        remaining_s: At most, until the time budget is used up.
    """

    phase: Literal["warm-up", "measuring"]
    round: int
    elapsed_s: float
    remaining_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """How a measurement ended; its rounds have been handed on.

    Attributes:
        warm_up: Discarded rounds in seconds, both passes together; the compiling calls come first.
        steady: Whether the last two of them agreed.
        stopped_because: ``precise`` once the interval of the end-to-end median is within 1 % and
            those of all parts of 2 % and more within 2 %; ``time`` when another round would pass
            the budget; ``rounds`` at 1000.
        elapsed_s: From the start of warm-up to the end of the last round.
    """

    warm_up: tuple[float, ...]
    steady: bool
    stopped_because: StoppedBecause
    elapsed_s: float


@contextmanager
def garbage_collection_off() -> Iterator[None]:
    """No collection in the middle of a sample; what there is to collect goes first."""
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


def measure(
    end_to_end: Callable[[], object],
    instrumented: Callable[[], Instrumented],
    *,
    first_calls_s: float,
    max_time_s: float,
    clock: Clock,
    sleep: Callable[[float], None],
    probe: Probe,
    processors: int,
    order: random.Random,
    on_round: Callable[[Round], None],
    on_progress: Callable[[Progress], None],
) -> Finished:
    """Warm up until steady, then sample in bursts of rounds until precise or out of time.

    At least one round is measured, whatever the budget. Functions return when their result is
    ready.

    Args:
        end_to_end: The whole network.
        instrumented: The same with instruments inside.
        first_calls_s: What the compiling calls of both took, the first sample of warm-up.
        max_time_s: Budget of warm-up and rounds together.
        clock: In nanoseconds.
        sleep: For pauses, in seconds.
        probe: Reads what the processors do.
        processors: That this process may run on.
        order: Decides which of the two goes first in a round.
        on_round: Takes each measured round.
        on_progress: Called after each burst.
    """
    start = clock()
    rounds: list[Round] = []

    def elapsed() -> float:
        return (clock() - start) / 1e9

    def whole() -> float:
        gc.collect()  # a call of Keras on PyTorch leaves cycles that hold every activation
        before = clock()
        end_to_end()
        return (clock() - before) / 1e9

    def inside() -> Instrumented:
        gc.collect()
        return instrumented()

    def in_random_order(first: Callable[[], None], second: Callable[[], None]) -> None:
        for one in (first, second) if order.random() < 0.5 else (second, first):
            one()

    def report(phase: Literal["warm-up", "measuring"], done: int) -> None:
        now = elapsed()
        left = max(0.0, max_time_s - now)
        on_progress(Progress(phase=phase, round=done, elapsed_s=now, remaining_s=left))

    def one_burst(burst: int, size: int, *, settle: bool) -> None:
        at = elapsed() - began
        plain: list[tuple[float, Window]] = []
        parts: list[tuple[Instrumented, Window]] = []

        def run_plain() -> None:
            if settle:
                whole()
            for _ in range(size):
                before = probe()
                sample = whole()
                plain.append((sample, between(before, probe(), processors)))

        def run_instrumented() -> None:
            if settle:
                inside()
            for _ in range(size):
                before = probe()
                sample = inside()
                parts.append((sample, between(before, probe(), processors)))

        in_random_order(run_plain, run_instrumented)
        for (sample, one), (found, other) in zip(plain, parts, strict=True):
            both = joined((one, other))
            rounds.append(
                Round(
                    burst=burst, at_s=at, end_to_end_s=sample, instrumented_s=found.wall_s,
                    parts_s=found.parts_s, capacity_s=both.capacity_s, foreign_s=both.foreign_s,
                    clock_share=both.clock_share,
                )
            )  # fmt: skip
            on_round(rounds[-1])
        report("measuring", len(rounds))

    def warm() -> float:
        found: list[float] = []
        in_random_order(lambda: found.append(whole()), lambda: found.append(inside().wall_s))
        return sum(found)

    warm_up = [first_calls_s]
    with garbage_collection_off():
        while True:
            warm_up.append(warm())
            report("warm-up", len(warm_up) - 1)
            if warm_up_over(warm_up) or elapsed() + warm_up[-1] > WARM_UP_SHARE * max_time_s:
                break
        began = elapsed()
        settle = warm_up[-1] / 2 < SETTLES_BELOW_S
        size = min(MOST_ROUNDS_IN_BURST, math.ceil(BURST_AT_LEAST_S / warm_up[-1]))
        size = max(ROUNDS_IN_BURST, size) if settle else 1
        spread = min(SPREAD_S, max_time_s - began)
        lasts: list[float] = []
        stopped: StoppedBecause | None = None
        while stopped is None:
            before = elapsed()
            one_burst(len(lasts), size, settle=settle)
            lasts.append(elapsed() - before)
            pause = began + len(lasts) * spread / BURSTS - elapsed()
            if elapsed() + median(lasts) > max_time_s:
                stopped = "time"
            elif len(rounds) >= MOST_ROUNDS:
                stopped = "rounds"
            elif len(lasts) >= BURSTS:
                if len(lasts) % LOOKS_EVERY == 0 and is_precise(rounds):
                    stopped = "precise"
            elif pause > 0:
                sleep(pause)
        total = elapsed()
    return Finished(
        warm_up=tuple(warm_up),
        steady=is_steady(warm_up),
        stopped_because=stopped,
        elapsed_s=total,
    )


def is_precise(rounds: Sequence[Round]) -> bool:
    """Whether the rounds say enough: end to end within 1 %, every part that matters within 2 %."""
    bursts = tuple(r.burst for r in rounds)
    gated = gate([r.window for r in rounds], bursts)
    sampling = Sampling((0,) * len(rounds), bursts, gated.kept)

    def within(samples: tuple[float, ...], half_width: float) -> bool:
        found = Latency(samples, sampling).half_width
        return found is not None and found <= half_width

    whole = tuple(r.end_to_end_s for r in rounds)
    matters = PART_MATTERS * median(whole)
    return within(whole, PRECISE_HALF_WIDTH) and all(
        median(part) < matters or within(part, PRECISE_PART_HALF_WIDTH)
        for part in zip(*(r.parts_s for r in rounds), strict=True)
    )
