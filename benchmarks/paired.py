"""Two sides in turns, and the row of a table that says how they compare.

The sides of a ratio take turns in one process, in random order, so that both meet the machine as it
drifts; whole programs are run in turns too.
"""

from __future__ import annotations

import json
import random
import subprocess
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import util
from typing import Any

from rivals import Pass, as_array

from rsinspect.profiling.record.closure import Excess
from rsinspect.profiling.rounds import garbage_collection_off
from rsinspect.profiling.statistics import Latency

ROW = "row: "
"""What a line of a child process begins with that is a row of the table."""


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
        name: By which it can be chosen.
        ours: What of ours, in which mode.
        rival: What it is compared with.
        ours_s: Median of ours; None where there is no ratio, for the reason in ``remark``.
        rival_s: Median of the rival.
        speed: How many times as fast ours is.
        interval: 95 % of that; None of too few rounds.
        rounds: Number of pairs.
        outputs: Largest difference of what both return, as a share of the largest; None where
            there is nothing to compare.
        remark: What else a reader has to know.
    """

    name: str
    ours: str
    rival: str
    ours_s: float | None = None
    rival_s: float | None = None
    speed: float | None = None
    interval: tuple[float, float] | None = None
    rounds: int = 0
    outputs: float | None = None
    remark: str = ""

    @classmethod
    def of(
        cls, name: str, ours: str, rival: str, mine: Latency, theirs: Latency,
        outputs: float | None = None, remark: str = "",
    ) -> Row:  # fmt: skip
        """Compare latencies of samples that were taken in turns."""
        excess = Excess.of([theirs], mine)
        ends = excess.interval
        return cls(
            name, ours, rival, mine.median, theirs.median, 1 + excess.relative,
            None if ends is None else (1 + ends[0], 1 + ends[1]), len(mine.kept), outputs, remark,
        )  # fmt: skip

    def cells(self) -> tuple[str, ...]:
        """Write it for the table."""
        if self.speed is None or self.ours_s is None or self.rival_s is None:
            return (self.name, self.ours, self.rival, "", "", "", "", self.remark)
        low, high = self.interval or (None, None)
        within = "" if low is None or high is None else f"{low:.2f} .. {high:.2f}"
        outputs = self.remark if self.outputs is None else f"differ by {self.outputs:.0e}"
        times = (duration(self.ours_s), duration(self.rival_s))
        speed = f"**{self.speed:.2f}**" if self.speed < 20 else f"**{self.speed:.0f}**"
        return (self.name, self.ours, self.rival, *times, speed, within, outputs)


def duration(seconds: float) -> str:
    """Write a time.

    >>> duration(0.04567), duration(12.3)
    ('45.7 ms', '12.3 s')
    """
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1e3 * seconds:.3g} ms"


def emit(row: Row) -> None:
    """Hand a row to the parent process."""
    print(ROW + json.dumps(asdict(row)), flush=True)


def in_turns(calls: Mapping[str, Pass], rounds: int, warm_up: int = 2) -> dict[str, Latency]:
    """Time functions in turns, in random order."""
    order = random.Random(0)
    samples: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        for _ in range(warm_up):
            call()
    with garbage_collection_off():
        for _ in range(rounds):
            for name in order.sample([*calls], len(calls)):
                start = time.perf_counter()
                calls[name]()
                samples[name].append(time.perf_counter() - start)
    return {name: Latency.of(seconds) for name, seconds in samples.items()}


def contest(name: str, ours: Mapping[str, Pass], rivals: Mapping[str, Pass], rounds: int) -> None:
    """Compare each of ours with each rival, in turns, and what the last pass of each returned."""
    last: dict[str, Any] = {}

    def kept(key: str, call: Pass) -> Pass:
        def run() -> None:
            last[key] = call()

        return run

    calls = {key: kept(key, call) for key, call in (*ours.items(), *rivals.items())}
    took = in_turns(calls, rounds)
    for rival in rivals:
        expected = as_array(last[rival])
        for key in ours:
            difference = abs(as_array(last[key]) - expected).max() / abs(expected).max()
            emit(Row.of(name, key, rival, took[key], took[rival], float(difference)))


def programs(
    name: str, ours: tuple[str, list[str]], rival: tuple[str, list[str]], rounds: int,
    needs: str | None = None,
) -> None:  # fmt: skip
    """Compare whole programs, run in turns."""
    (our_words, our_line), (rival_words, rival_line) = ours, rival
    if needs is not None and util.find_spec(needs) is None:
        emit(Row(name, our_words, rival_words, remark=f"{needs} is not installed"))
        return

    def run(line: list[str]) -> Pass:
        return lambda: subprocess.run(line, check=True, capture_output=True)

    calls = {our_words: run(our_line), rival_words: run(rival_line)}
    took = in_turns(calls, min(rounds, 2), warm_up=0)
    mine, theirs = took.values()
    emit(Row.of(name, our_words, rival_words, mine, theirs, remark="whole programs"))
