"""The course of a measurement: what a worker does in which order, and how long each part may take.

First come a few passes of the distinct blocks, which tell what a pass of the whole network takes;
then it is built, compiled and measured; last come a trace and the roofs, so that an impatient user
misses them and not the latencies. What the time goes into:

* Where an interval can be had with pairs of passes, a round is a pair: one pass without
  instruments, one with them (``rounds.Session.measure``).
* Where passes are too long for that, a round is one pass with instruments inside, which carries the
  total too; the call that compiled it is its warm-up, and the function without instruments is never
  compiled. So of six passes that fit, four are measured at least, and of eight enough for an
  interval. Where a single pass fits, it is the one in that call.
* A prediction and the roofs get what costs no such pass; a trace was asked for, and has its time.

Nothing here knows a framework: what runs is a ``Subject``.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from rsinspect.profiling.budget import (
    NO_TIME,
    ROUNDS_FOR_INTERVAL,
    SUMMING_UP_S,
    TRACE_COST,
    Budget,
    Estimate,
    has_roofs,
)
from rsinspect.profiling.distinct import PROBE_BATCH, Distinct, distinct_blocks
from rsinspect.profiling.gate import Probe as MachineProbe
from rsinspect.profiling.gate import between
from rsinspect.profiling.protocol import (
    Estimated,
    Message,
    NotAvailable,
    Phase,
    Ready,
    RoofsMeasured,
    TimeLeft,
    Traced,
)
from rsinspect.profiling.record.prediction import Prediction
from rsinspect.profiling.request import ProfileRequest
from rsinspect.profiling.rounds import SPREAD_S, Clock, Finished, Round, Session

if TYPE_CHECKING:
    from rsinspect.profiling.backends.workload import Instrument

T = TypeVar("T")


class Probe(Protocol):
    """A network of the distinct blocks, to be timed."""

    is_enough: bool

    def sample(self, most_s: float) -> None:
        """Time passes for that long at most, but one at least."""

    @property
    def prediction(self) -> Prediction:
        """Add the distinct blocks up to the whole network."""

    @property
    def estimate(self) -> Estimate:
        """Say what measuring the whole network takes."""


class Subject(Protocol):
    """What is measured, with a framework."""

    def probe(self, distinct: Distinct) -> Probe:
        """Build the network of the distinct blocks."""

    def build(self) -> Instrument:
        """Build the whole network."""

    def ready(self, *, compared: bool) -> Ready:
        """Describe the network that was built; its outputs are compared once both ways ran."""

    def trace(self, passes: int, *, alone: bool) -> Traced | NotAvailable:
        """Trace the layers in so many passes, with the function that was compiled."""

    def roofs(self, max_time_s: float) -> RoofsMeasured | NotAvailable:
        """Measure what the device can do at most; the network is let go before."""


class Emitter(Protocol):
    """Tells the parent what was found."""

    def __call__(self, message: Message) -> None:
        """Send a message."""

    def memory(self) -> None:
        """Send the memory used so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """What a measurement is taken with.

    Attributes:
        clock: In nanoseconds.
        sleep: Pauses, for seconds.
        probe: Reads what the processors do.
        processors: That this process may run on.
    """

    clock: Clock
    sleep: Callable[[float], None]
    probe: MachineProbe
    processors: int


class Course:
    """A measurement from the first estimate to the roofs; a message goes out for each result.

    Args:
        request: What is to be measured.
        budget: What it may take.
        subject: What is measured.
        hands: What it is measured with.
        emit: Takes the messages.
    """

    def __init__(
        self,
        request: ProfileRequest,
        budget: Budget,
        subject: Subject,
        hands: Hands,
        emit: Emitter,
    ) -> None:
        self.request = request
        self.budget = budget
        self.subject = subject
        self.hands = hands
        self.emit = emit
        self.pass_s = 0.0
        self.compile_s = 0.0

    def run(self) -> None:
        """Predict, build and measure the network, then trace it and measure the roofs."""
        estimate = self.estimate()
        if estimate is not None and not estimate.may_fit(self.budget.left_s - SUMMING_UP_S):
            self.emit(Finished(warm_up=(), steady=False, stopped_because="time", elapsed_s=0.0))
            return
        self.emit(Phase("building"))
        network = self.subject.build()
        self.emit.memory()
        alone = self.measure(network, estimate)
        self.emit.memory()
        if self.request.traces:
            self.trace(alone=alone)
        if self.request.roofs:
            self.roofs()

    # ---- what is known ahead

    def estimate(self) -> Estimate | None:
        """Time the distinct blocks, for a prediction or to know what the whole batch would take.

        None where there is no need: a small batch that nobody wants predicted, or a network that
        another process has measured.
        """
        wanted = self.request.predict or self.request.batch > PROBE_BATCH
        if self.request.process or not wanted:
            return None
        distinct = distinct_blocks(self.request.network)
        if distinct is None:
            return None
        self.emit(Phase("predicting"))
        probe = self.subject.probe(distinct)
        begun_s = self.budget.elapsed_s
        probe.sample(0.0)
        self._tell(probe)
        if self.request.predict:
            self._predict(probe, begun_s)
        estimate = probe.estimate
        del probe
        self.emit.memory()
        return estimate

    def _predict(self, probe: Probe, begun_s: float) -> None:
        """Time the distinct blocks until that is enough, or there are better things to do."""
        while not probe.is_enough:
            estimate, left_s = probe.estimate, self.budget.left_s - SUMMING_UP_S
            most_s = self.budget.prediction_s
            if estimate.may_fit(left_s):
                most_s -= self.budget.elapsed_s - begun_s
                most_s = min(most_s, _spare_s(estimate, left_s))
                if most_s <= 0:
                    return
                probe.sample(most_s)
                self._tell(probe)
                if probe.estimate.may_fit(self.budget.left_s - SUMMING_UP_S):
                    return
            elif left_s < most_s:
                return
            else:  # it may be all there will be, or a busy moment is over
                probe.sample(most_s)
                self._tell(probe)

    def _tell(self, probe: Probe) -> None:
        estimate = probe.estimate
        if self.request.predict:
            self.emit(probe.prediction)
        self.emit(Estimated(estimate))
        left_s = self.budget.left_s - SUMMING_UP_S
        if estimate.may_fit(left_s):
            before_s = estimate.ready_s + estimate.compile_s + estimate.pass_s
            fit = self.budget.pairs_fit(
                estimate.pass_s, before_s + estimate.compile_s, trace=self.request.traces
            )
            self._tell_time(
                0, estimate.pass_s, before_s, pairs=estimate.pairs or fit,
                compile_s=estimate.compile_s,
            )  # fmt: skip

    # ---- passes

    def measure(self, network: Instrument, estimate: Estimate | None) -> bool:
        """Compile and sample the network; tell whether the passes with instruments were alone."""
        self.emit(Phase("compiling"))
        before = self.hands.probe()
        first, first_s = self._timed(network.instrumented)
        window = between(before, self.hands.probe(), self.hands.processors)
        self.emit.memory()
        self.emit(self.subject.ready(compared=False))
        if network.carries_total:
            inside = first.without_entry
            self.emit(Round.alone(inside, window, "first", burst=0, at_s=0.0))
            self.pass_s = inside.wall_s
        else:
            self.pass_s = first_s if estimate is None else min(first_s, estimate.pass_s)
        self.compile_s = first_s - self.pass_s
        if not network.carries_total or self._pairs_fit():
            return self.pairs(network, first_s)
        finished = self.alone(network, first_s)
        if finished is None:
            return self.pairs(network, first_s)
        self.emit(finished)
        return True

    def alone(self, network: Instrument, first_s: float) -> Finished | None:
        """Sample by passes with instruments inside; None where there is time for pairs after all.

        Whoever comes here knows what a pass takes by the call that compiled it; the first pass says
        better.
        """
        if not self.wants(0, self.pass_s):
            return Finished(warm_up=(first_s,), steady=False, stopped_because="time", elapsed_s=0.0)

        pairs_fit = False

        def wants(count: int, pass_s: float) -> bool:
            nonlocal pairs_fit
            self.pass_s = pass_s
            pairs_fit = count == 1 and self._pairs_fit()
            if not pairs_fit:
                self._tell_time(count, pass_s)
            return not pairs_fit and self.wants(count, pass_s)

        self._tell_time(0, self.pass_s)
        finished = self._session(network, self.budget.left_s).measure_alone(first_s, wants)
        return None if pairs_fit else finished

    def wants(self, count: int, pass_s: float) -> bool:
        """Tell whether another pass brings more than what comes after, with so many measured."""
        left_s = self.budget.measuring_s(pass_s, trace=self.request.traces)
        return _another(count, pass_s, left_s, self._roofs_s)

    def pairs(self, network: Instrument, first_s: float) -> bool:
        """Compile the network without instruments too, and sample both in turns."""
        _, plain_s = self._timed(network.end_to_end)
        self.emit.memory()
        self.emit(self.subject.ready(compared=True))
        self.emit(Phase("warm-up"))
        round_s = 2 * min(self.pass_s, plain_s)
        left_s = self.budget.measuring_s(self.pass_s, trace=self.request.traces)
        if has_roofs(0, round_s, left_s, self._roofs_s):
            left_s -= self._roofs_s
        self._tell_time(0, self.pass_s, pairs=True)
        session = self._session(network, left_s)
        self.emit(session.measure(first_s + plain_s, round_s))
        return False

    def _session(self, network: Instrument, max_time_s: float) -> Session:
        return Session(
            network.end_to_end,
            network.instrumented,
            max_time_s=max_time_s,
            most_rounds=self.request.most_rounds,
            clock=self.hands.clock,
            sleep=self.hands.sleep,
            probe=self.hands.probe,
            processors=self.hands.processors,
            order=random.Random(self.request.seed),
            on_round=self.emit,
            on_progress=self.emit,
            on_warm=lambda: self.emit(Phase("measuring")),
        )

    def _pairs_fit(self) -> bool:
        return self.budget.pairs_fit(self.pass_s, self.compile_s, trace=self.request.traces)

    @property
    def _roofs_s(self) -> float:
        return self.budget.roofs_s if self.request.roofs else 0.0

    def _timed(self, call: Callable[[], T]) -> tuple[T, float]:
        before_ns = self.hands.clock()
        return call(), (self.hands.clock() - before_ns) / 1e9

    # ---- what comes after

    def trace(self, *, alone: bool) -> None:
        """Trace the layers, if there is time."""
        passes = self.budget.traced(self.pass_s)
        if self.budget.left_s - SUMMING_UP_S < passes * self.pass_s:
            self.emit(NotAvailable("trace", NO_TIME))
            return
        self.emit(Phase("tracing"))
        self.emit(self.subject.trace(passes, alone=alone))

    def roofs(self) -> None:
        """Measure the roofs, if there is time."""
        self.emit(Phase("roofs"))
        max_time_s = min(self.budget.roofs_s, self.budget.left_s - SUMMING_UP_S)
        if max_time_s < self.budget.roofs_s / 2:
            self.emit(NotAvailable("roofs", NO_TIME))
        else:
            self.emit(self.subject.roofs(max_time_s))

    # ---- how long it will take

    def _tell_time(
        self,
        count: int,
        pass_s: float,
        before_s: float = 0.0,
        *,
        pairs: bool = False,
        compile_s: float = 0.0,
    ) -> None:
        """Tell how long it will take from here, and how many passes will have been measured.

        Args:
            count: Passes that were measured.
            pass_s: What another takes.
            before_s: What comes before the next pass: building and the call that compiles.
            pairs: Whether a round is a pair of passes.
            compile_s: What the second call that compiles would take beyond its pass.
        """
        after_s = TRACE_COST * self.budget.traced(pass_s) * pass_s if self.request.traces else 0.0
        left_s = self.budget.left_s - SUMMING_UP_S - before_s - after_s
        passes, takes_s = None, 0.0
        if pairs:
            second_s = compile_s + pass_s if before_s else 0.0
            takes_s = second_s + max(0.0, min(SPREAD_S, left_s - second_s))
        else:
            passes = count
            while _another(passes, pass_s, left_s - takes_s, self._roofs_s):
                takes_s += pass_s
                passes += 1
        roofs_s = min(self._roofs_s, max(0.0, left_s - takes_s))
        self.emit(TimeLeft(before_s + takes_s + after_s + roofs_s + SUMMING_UP_S, passes))


def _another(count: int, pass_s: float, left_s: float, roofs_s: float) -> bool:
    """Tell whether another pass fits, beside the roofs where there is time for them.

    Args:
        count: Passes that were measured.
        pass_s: What another takes.
        left_s: For passes and roofs.
        roofs_s: What the roofs take; 0 for none.
    """
    beside = has_roofs(count, pass_s, left_s, roofs_s)
    return left_s - (roofs_s if beside else 0.0) >= pass_s


def _spare_s(estimate: Estimate, left_s: float) -> float:
    """Work out what a prediction may take without costing a pass that an interval needs."""
    left_s -= estimate.ready_s + estimate.compile_s
    passes = min(ROUNDS_FOR_INTERVAL, left_s // estimate.pass_s)
    return left_s - passes * estimate.pass_s
