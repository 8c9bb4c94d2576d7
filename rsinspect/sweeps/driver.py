"""The driver of a sweep: hands cells to an executor, and keeps each outcome as it comes.

It alone writes to the store, one transaction per cell: whatever ends it, at most the cells that are
being measured are lost, and the same plan goes on where it stopped.
"""

from __future__ import annotations

import statistics
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rsinspect.base.errors import InvalidMeasurement, MeasurementError
from rsinspect.base.words import Option, advice
from rsinspect.profiling.statistics import Latency
from rsinspect.runs.store import open_store
from rsinspect.sweeps.cells import Cell
from rsinspect.sweeps.execution import Executor, Outcome
from rsinspect.sweeps.locks import Taken, place_of, turn
from rsinspect.sweeps.plan import Plan, shard_of
from rsinspect.sweeps.samples import latency_in

MOST_RUNS = 100
"""Of one point, however much time there is."""


@dataclass(frozen=True, slots=True)
class Started:
    """A cell that was handed out.

    Attributes:
        cell: Which.
    """

    cell: Cell


@dataclass(frozen=True, slots=True)
class Finished:
    """A cell that came back.

    Attributes:
        cell: Which.
        outcome: What became of it; it is kept, but for a lost one, which waits for the next time.
        run: Id of its run; None without one.
    """

    cell: Cell
    outcome: Outcome
    run: str | None


Event = Started | Finished


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Which cells of a plan are wanted.

    Attributes:
        repeats: How often each point is measured.
        shard: Which part of the cells, and of how many parts, from 1; None for all.
        time_s: Time there is: when every cell is done, points are measured again, first the one
            with the widest interval; None to do each cell and no more.
        retry: Measure the cells that failed again.
        places: Nodes of a cluster, on each of which every point is measured.
    """

    repeats: int
    shard: tuple[int, int] | None = None
    time_s: float | None = None
    retry: bool = False
    places: Sequence[str | None] = (None,)

    def __post_init__(self) -> None:
        if self.shard is not None and not 1 <= self.shard[0] <= self.shard[1]:
            raise InvalidMeasurement(
                f"there is no shard {self.shard[0]} of {self.shard[1]}",
                advice("they are numbered from 1: {}", Option("shard", "1/4")),
            )

    def extra(self, measured: int) -> int:
        """Number another run of a point, so that two shards never give one number twice."""
        if self.shard is None:
            return max(self.repeats, measured)
        number, of = self.shard
        return self.repeats + number - 1 + of * max(0, measured - 1)


@dataclass
class Driver:
    """Carries a plan out.

    Attributes:
        path: Of the store.
        plan: What is measured.
        order: Which of it.
        on_event: Called as cells are handed out and come back.
        clock: Seconds from a fixed moment.
    """

    path: Path
    plan: Plan
    order: Order
    on_event: Callable[[Event], object] = lambda _: None
    clock: Callable[[], float] = time.monotonic
    sweep: str = field(init=False, default="")
    cells: dict[str, Cell] = field(init=False, default_factory=dict)
    """Those that are this driver's to do, by key; later ones join."""
    waiting: deque[Cell] = field(init=False, default_factory=deque)
    running: dict[str, Cell] = field(init=False, default_factory=dict)
    done: dict[str, list[str]] = field(init=False, default_factory=dict)
    """Keys of the cells that are done, by point."""
    failed: dict[str, str] = field(init=False, default_factory=dict)
    """Why cells failed, by key."""

    def __post_init__(self) -> None:
        self._began_s = self.clock()
        self._most_s = {point.name: point.settings.max_time_s for point in self.plan.points}
        self._left: Counter[str] = Counter()
        self._took_s: dict[str, list[float]] = {}
        self._shares: list[float] = []
        self._latencies: dict[str, list[Latency]] = {}
        self._started_s: dict[str, float] = {}
        self._open()

    def _open(self) -> None:
        """Begin the sweep, or find out how far it is."""
        every = list(self.plan.cells(self.order.repeats, self.order.places))
        own = {cell.key: cell for cell in shard_of(every, self.order.shard)}
        with open_store(self.path, write=True) as store:
            self.sweep = store.begin_sweep(self.plan.to_json(), [cell.key for cell in every])
            for state in store.cells(self.sweep):
                cell = own.get(state.key)
                if cell is None and state.state == "done":  # there was time for it
                    cell = self.plan.cell_of(state.key)
                if cell is None:
                    continue
                self.cells[cell.key] = cell
                if state.state == "done":
                    self.done.setdefault(cell.point, []).append(cell.key)
                    if state.run is not None and self.order.time_s is not None:
                        self._learn(cell, store.find(state.run).document())
                elif state.state == "failed" and not self.order.retry:
                    self.failed[cell.key] = state.reason or ""
                else:
                    self.waiting.append(cell)
                    self._left[cell.point] += 1

    def drive(self, executor: Executor) -> None:
        """Carry out what waits.

        Raises:
            MeasurementError: If another process is carrying this sweep out.
            StoreError: If an outcome cannot be kept.
        """
        try:
            with turn(place_of(f"{self.path.resolve()} {self.sweep}")):
                for outcome in executor.outcomes(_HandedOut(self)):
                    self._keep(outcome)
        except Taken:
            raise MeasurementError(
                f"another process is carrying the sweep {self.sweep} out",
                "wait for it; other sweeps may use the same store",
            ) from None

    @property
    def measured(self) -> int:
        """Count the cells that are done."""
        return sum(map(len, self.done.values()))

    @property
    def left_s(self) -> float | None:
        """Return the time that is left; None where there is no end to it."""
        if self.order.time_s is None:
            return None
        return self.order.time_s - (self.clock() - self._began_s)

    @property
    def expected_s(self) -> float:
        """Return how much longer it is expected to take, by what cells took until now."""
        if self.left_s is not None:
            return max(0.0, self.left_s)
        usual = statistics.fmean(self._shares) if self._shares else 1.0
        whole_s = sum(
            many * statistics.fmean(self._took_s.get(point) or [usual * self._most_s[point]])
            for point, many in self._left.items()
        )
        return whole_s / max(1, len(self.running))  # several at a time on a cluster

    def hand_out(self) -> Cell | None:
        """Hand the next cell out; None where there is none, for now or at all."""
        cell = self._next()
        if cell is not None:
            self.running[cell.key] = cell
            self._started_s[cell.key] = self.clock()
            self.on_event(Started(cell))
        return cell

    def _next(self) -> Cell | None:
        """Take the next cell for which there is time."""
        for cell in self.waiting:
            if self._fits(cell):
                self.waiting.remove(cell)
                return cell
        return None if self.waiting or self.order.time_s is None else self._widest()

    def _fits(self, cell: Cell) -> bool:
        most_s = max(self._took_s.get(cell.point, [cell.settings.max_time_s]))
        return self.left_s is None or most_s <= self.left_s

    def _widest(self) -> Cell | None:
        """Make another cell of the point whose interval is widest, if there is time for it."""
        running = {cell.point for cell in self.running.values()}
        given_up = {self.cells[key].point for key in self.failed}
        best: tuple[float, Cell] | None = None
        for point in self.plan.points:
            name, runs = point.name, self._latencies.get(point.name)
            if not runs or name in running or name in given_up or len(runs) >= MOST_RUNS:
                continue
            number = self.order.extra(len(runs))
            while f"{name}.{number}" in self.cells:
                number += 1 if self.order.shard is None else self.order.shard[1]
            cell, width = point.cell(number), Latency.pooled(runs).half_width
            if self._fits(cell) and (best is None or (width or 1.0) > best[0]):
                best = (width or 1.0, cell)
        if best is None:
            return None
        with open_store(self.path, write=True) as store:
            store.begin_sweep(self.plan.to_json(), [best[1].key])
        self.cells[best[1].key] = best[1]
        self._left[best[1].point] += 1
        return best[1]

    def _keep(self, outcome: Outcome) -> None:
        cell = self.running.pop(outcome.key)
        self._left[cell.point] -= 1
        if outcome.kind == "lost":
            self.on_event(Finished(cell, outcome, None))
            return
        run = None
        with open_store(self.path, write=True) as store:
            try:
                run = store.finish_cell(self.sweep, cell.key, outcome.document, outcome.reason)
            except InvalidMeasurement as exc:
                outcome = Outcome(key=cell.key, kind="crashed", reason=exc.message)
                store.finish_cell(self.sweep, cell.key, None, outcome.reason)
        if run is None or outcome.document is None:
            self.failed[cell.key] = outcome.reason or ""
        else:
            self.done.setdefault(cell.point, []).append(cell.key)
            self._took_s.setdefault(cell.point, []).append(self.clock() - self._started_s[cell.key])
            if self.order.time_s is not None:
                self._learn(cell, outcome.document)
        self.on_event(Finished(cell, outcome, run))

    def _learn(self, cell: Cell, document: dict[str, Any]) -> None:
        self._latencies.setdefault(cell.point, []).append(latency_in(document))


class _HandedOut:
    """The cells of a driver, one by one.

    Unlike a generator it can go on after its end: what is least sure may be known only when a cell
    that runs elsewhere has come back.
    """

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def __iter__(self) -> Iterator[Cell]:
        return self

    def __next__(self) -> Cell:
        cell = self._driver.hand_out()
        if cell is None:
            raise StopIteration
        return cell
