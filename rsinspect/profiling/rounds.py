"""Rounds of paired samples: the whole network at once, and the same network segment by segment.

Each round takes one sample of both, in random order, so that drift of the machine falls on both
alike and their difference is that of the method. The segments pass their real outputs on, with one
reading of the clock between two segments: the samples of a round's segments add up to its chain.

The clock, the functions and the random order are arguments; nothing here knows a framework.
"""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any, Literal

from rsinspect.profiling.statistics import Latency, is_steady, warm_up_over

StoppedBecause = Literal["precise", "time", "rounds"]

PRECISE_ROUNDS = 12
PRECISE_HALF_WIDTH = 0.01
MOST_ROUNDS = 300
WARM_UP_SHARE = 1 / 3
"""Of the time budget; warm-up ends there even if it is not steady."""

Clock = Callable[[], int]
"""Nanoseconds from a fixed moment."""


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
class Rounds:
    """All samples of a measurement, in seconds.

    Attributes:
        end_to_end: One per round.
        segments: Per segment, one per round.
        warm_up: Discarded rounds, both passes together; the compiling calls come first.
        steady: Whether the last two of them agreed.
        stopped_because: ``precise`` once the interval of the end-to-end median is within 1 % of it
            after 12 rounds, ``time`` when another round would pass the budget, ``rounds`` at 300.
        elapsed_s: From the start of warm-up to the end of the last round.
    """

    end_to_end: tuple[float, ...]
    segments: tuple[tuple[float, ...], ...]
    warm_up: tuple[float, ...]
    steady: bool
    stopped_because: StoppedBecause
    elapsed_s: float


@contextmanager
def _garbage_collection_off() -> Iterator[None]:
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
    end_to_end: Callable[[Any], Any],
    segments: Sequence[Callable[[Any], Any]],
    batch: Any,
    *,
    first_calls_s: float,
    max_time_s: float,
    clock: Clock,
    order: random.Random,
    on_progress: Callable[[Progress], None],
) -> Rounds:
    """Warm up until steady, then sample in rounds until precise or out of time.

    At least one round is measured, whatever the budget. Functions return when their result is
    ready.

    Args:
        end_to_end: The whole network.
        segments: Its segments; each takes what the one before returned.
        batch: What the network and its first segment take.
        first_calls_s: What the compiling calls of both took, the first sample of warm-up.
        max_time_s: Budget of warm-up and rounds together.
        clock: In nanoseconds.
        order: Decides which of the two goes first in a round.
        on_progress: Called between rounds.
    """
    start = clock()

    def elapsed() -> float:
        return (clock() - start) / 1e9

    def whole() -> float:
        gc.collect()  # a call of Keras on PyTorch leaves cycles that hold every activation
        before = clock()
        end_to_end(batch)
        return (clock() - before) / 1e9

    def chain() -> list[float]:
        gc.collect()
        value = batch
        marks = [clock()]
        for segment in segments:
            value = segment(value)
            marks.append(clock())
        return [(after - before) / 1e9 for before, after in pairwise(marks)]

    def one_round() -> tuple[float, list[float]]:
        if order.random() < 0.5:
            return whole(), chain()
        parts = chain()
        return whole(), parts

    def report(phase: Literal["warm-up", "measuring"], done: int) -> None:
        now = elapsed()
        left = max(0.0, max_time_s - now)
        on_progress(Progress(phase=phase, round=done, elapsed_s=now, remaining_s=left))

    warm_up = [first_calls_s]
    end_to_end_s: list[float] = []
    segments_s: list[list[float]] = [[] for _ in segments]
    rounds_s: list[float] = []
    with _garbage_collection_off():
        while True:
            sample, parts = one_round()
            warm_up.append(sample + sum(parts))
            report("warm-up", len(warm_up) - 1)
            if warm_up_over(warm_up) or elapsed() + warm_up[-1] > WARM_UP_SHARE * max_time_s:
                break
        stopped: StoppedBecause | None = None
        while stopped is None:
            sample, parts = one_round()
            end_to_end_s.append(sample)
            for samples, part in zip(segments_s, parts, strict=True):
                samples.append(part)
            rounds_s.append(sample + sum(parts))
            report("measuring", len(end_to_end_s))
            if _precise(end_to_end_s):
                stopped = "precise"
            elif len(end_to_end_s) >= MOST_ROUNDS:
                stopped = "rounds"
            elif elapsed() + median(rounds_s) > max_time_s:
                stopped = "time"
        total = elapsed()
    return Rounds(
        end_to_end=tuple(end_to_end_s),
        segments=tuple(map(tuple, segments_s)),
        warm_up=tuple(warm_up),
        steady=is_steady(warm_up),
        stopped_because=stopped,
        elapsed_s=total,
    )


def _precise(samples: list[float]) -> bool:
    if len(samples) < PRECISE_ROUNDS:
        return False
    half_width = Latency.of(samples).half_width
    return half_width is not None and half_width <= PRECISE_HALF_WIDTH
