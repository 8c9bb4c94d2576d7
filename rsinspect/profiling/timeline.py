"""Spans of time on lanes: whose they are, and the Chrome trace format that shows them.

Ops of several threads overlap, so adding up their durations gives more than the time that passed
(1.14 times with two threads). Here the wall clock is divided: while k ops run, each is given one
k-th of the time. Where spans of one lane lie within each other, the innermost is the one that runs.

``chrome_trace`` writes the JSON object format of Google's "Trace Event Format": complete events
("ph": "X") with times in microseconds. Perfetto and chrome://tracing open it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from rsinspect.profiling.record.run import ProfileRun


class Span(NamedTuple):
    """Something that ran.

    Attributes:
        name: What it is called.
        owner: Whose time it is: path of a layer, or a step; None for nobody's.
        start_us: Microseconds since any moment.
        duration_us: How long.
        lane: Thread, stream or row it ran on.
    """

    name: str
    owner: str | None
    start_us: float
    duration_us: float
    lane: str

    @property
    def end_us(self) -> float:
        """Return the end of the span."""
        return self.start_us + self.duration_us


@dataclass(frozen=True, slots=True)
class Attribution:
    """Wall time, divided.

    Attributes:
        seconds: Per owner.
        unattributed_s: While only spans without an owner ran, and their part while others did.
    """

    seconds: dict[str, float]
    unattributed_s: float

    @property
    def busy_s(self) -> float:
        """Add up the time in which anything ran."""
        return sum(self.seconds.values()) + self.unattributed_s


def attribute(spans: Iterable[Span]) -> Attribution:
    """Divide the wall time of spans among their owners.

    >>> spans = [Span("a", "x", 0, 4e6, "1"), Span("b", "y", 2e6, 4e6, "2"),
    ...          Span("c", None, 3e6, 1e6, "1")]
    >>> attribute(spans)
    Attribution(seconds={'x': 2.5, 'y': 3.0}, unattributed_s=0.5)
    """
    edges: list[tuple[float, int, int, Span]] = []
    for number, span in enumerate(spans):
        if span.duration_us > 0:
            edges.append((span.start_us, 1, number, span))
            edges.append((span.end_us, 0, number, span))
    edges.sort(key=lambda edge: edge[:3])  # at one moment, ends come first
    running: dict[str, list[tuple[int, Span]]] = {}  # lane -> its spans, the innermost last
    seconds: dict[str, float] = {}
    nobody = 0.0
    before = 0.0
    for moment, begins, number, span in edges:
        active = [lane[-1][1] for lane in running.values()]
        if active and moment > before:
            each = (moment - before) / len(active) / 1e6
            for running_span in active:
                if running_span.owner is None:
                    nobody += each
                else:
                    seconds[running_span.owner] = seconds.get(running_span.owner, 0.0) + each
        before = moment
        if begins:
            running.setdefault(span.lane, []).append((number, span))
        else:
            running[span.lane].remove((number, span))
            if not running[span.lane]:
                del running[span.lane]
    return Attribution(seconds, nobody)


def chrome_trace(processes: Sequence[tuple[str, Sequence[Span]]]) -> dict[str, Any]:
    """Write spans as a Chrome trace: named processes, and a thread for each of their lanes."""
    events: list[dict[str, Any]] = []
    for pid, (title, spans) in enumerate(processes, start=1):
        events.append({"ph": "M", "name": "process_name", "pid": pid, "args": {"name": title}})
        lanes: dict[str, int] = {}
        for span in spans:
            if span.lane not in lanes:
                lanes[span.lane] = len(lanes) + 1
                events.append(
                    {
                        "ph": "M", "name": "thread_name", "pid": pid, "tid": lanes[span.lane],
                        "args": {"name": span.lane},
                    }
                )  # fmt: skip
            events.append(
                {
                    "ph": "X", "name": span.name, "cat": span.owner or "other", "pid": pid,
                    "tid": lanes[span.lane], "ts": span.start_us, "dur": span.duration_us,
                    "args": {"path": span.owner},
                }
            )  # fmt: skip
    return {"displayTimeUnit": "ms", "traceEvents": events}


def chrome_trace_of(run: ProfileRun) -> dict[str, Any]:
    """Write a run as a Chrome trace: segments of every round, and the ops of a traced pass.

    Rounds of a burst stand one after the other from the burst's begin; only what was instrumented
    is shown.
    """
    processes: list[tuple[str, Sequence[Span]]] = []
    title = f"{run.title}, {run.conditions}"
    processes.append((f"{title}: rounds", tuple(_rounds(run))))
    if run.trace is not None:
        spans = tuple(Span(*event) for event in run.trace.events)
        processes.append((f"{title}: ops of one pass", spans))
    return chrome_trace(processes)


def _rounds(run: ProfileRun) -> Iterable[Span]:
    parts = [s for s in run.segments if s.forward is not None]
    order = [(s.path, s.path, s.forward) for s in parts]
    steps = {s.path: s.latency for s in run.segments if s.level == "step"}
    if "loss" in steps:
        order.append(("loss", "loss", steps.pop("loss")))
    order += [(f"{s.path} backward", s.path, s.backward) for s in reversed(parts) if s.backward]
    order += [(path, path, latency) for path, latency in steps.items()]
    sampling, at_us = run.rounds.sampling, 0.0
    last: tuple[int, int] | None = None
    for index, begin_s in enumerate(run.rounds.at_s):
        where = sampling.process[index], sampling.burst[index]
        if where != last:
            at_us, last = begin_s * 1e6, where
        lane = f"process {where[0] + 1}"
        whole_us = run.rounds.instrumented_s[index] * 1e6
        kept = "" if sampling.kept[index] else ", does not count"
        yield Span(f"round {index + 1}{kept}", None, at_us, whole_us, lane)
        moment = at_us
        for name, path, latency in order:
            if latency is not None:
                duration = latency.samples[index] * 1e6
                yield Span(name, path, moment, duration, lane)
                moment += duration
        at_us += whole_us
