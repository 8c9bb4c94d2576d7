"""The parent of a contest: asks a worker for the fastest way, and keeps what it found."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from rsinspect.base.errors import InvalidMeasurement, MeasurementError
from rsinspect.base.words import Option, advice
from rsinspect.profiling import memory
from rsinspect.profiling.budget import Budget
from rsinspect.profiling.parent import climb
from rsinspect.profiling.protocol import Entered, Event, Judged, Out
from rsinspect.profiling.record.batch import Batch
from rsinspect.profiling.record.contest import Contest, contest_of
from rsinspect.profiling.record.heard import Heard
from rsinspect.profiling.request import ProfileRequest, Settings
from rsinspect.profiling.ways import Way, steps

WORKER = (sys.executable, "-P", "-m", "rsinspect.profiling.contest")


class ContestInterrupted(KeyboardInterrupt):
    """Ctrl-C while ways were compared.

    Attributes:
        contest: As far as it got; None where no two were compared.
    """

    def __init__(self, contest: Contest | None) -> None:
        super().__init__()
        self.contest = contest


def fastest(
    request: ProfileRequest,
    *,
    among: Collection[str] = (),
    budget: Budget | None = None,
    on_event: Callable[[Event], None] = lambda _: None,
    worker: Sequence[str] = WORKER,
    available_bytes: Callable[[], int | None] = memory.available_memory,
) -> Contest:
    """Find the fastest way of running a network that leaves its results alone.

    A way that ends the worker is out, and the others are compared by another worker.

    Args:
        request: What to run; its choices are the way to begin with.
        among: Names of the only choices that are free, such as ``layout``; all where none is named.
        budget: Of it all. By default it begins now.
        on_event: Called in this thread as ways enter.
        worker: Command of a worker; for tests.
        available_bytes: Tells the memory there is.

    Raises:
        InvalidMeasurement: If there is only one way, or parts or processes were asked for.
        MeasurementError: If the time is up before two ways were compared, or a worker crashes in
            the way to begin with.
        ContestInterrupted: On Ctrl-C, with what was found before.
        RsInspectError: As ``parent.profile``.
    """
    check(request, among)
    budget = budget or Budget.starting(request.max_time_s)
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    asked = replace(request, predict=False, roofs=False, trace=False)
    crashed: dict[Way, MeasurementError] = {}
    while True:
        tries = _Tries(on_event)
        try:
            measured, tried = climb(
                asked,
                budget,
                on_event=tries,
                worker=(*worker, *among, *(json.dumps(way.choices) for way in crashed)),
                available_bytes=available_bytes,
            )
            break
        except MeasurementError as exc:
            if tries.way is None or type(exc) is not MeasurementError:
                raise
            crashed[tries.way] = exc
    messages = measured.heard[0].messages
    used = next((m.batch for m in messages if isinstance(m, Entered)), measured.request.batch)
    finished = measured.heard[0].finished is not None
    contest = contest_of(
        [*messages, *_out(crashed, used, sum(isinstance(m, Entered) for m in messages))],
        network=request.network,
        request=asked.settings,
        batch=Batch(requested=request.batch, used=used, tried=tried),
        stopped_because="interrupted"
        if measured.interrupted
        else "decided"
        if finished
        else "time",
        started_at=started_at,
        wall_s=budget.elapsed_s,
    )
    if measured.interrupted:
        raise ContestInterrupted(contest)
    if contest is None:
        raise _nothing_compared(measured.heard[0], budget)
    return contest


class _Tries:
    """Hears which way is tried, and passes it on.

    Attributes:
        way: The one that is tried now, as long as it is not the way to begin with.
    """

    def __init__(self, on_event: Callable[[Event], None]) -> None:
        self.way: Way | None = None
        self._on_event = on_event

    def __call__(self, event: Event) -> None:
        if isinstance(event, Entered):
            self.way = event.way if event.number else None
        elif isinstance(event, Judged | Out):
            self.way = None
        self._on_event(event)


def _out(
    crashed: Mapping[Way, MeasurementError], batch: int, first: int
) -> Iterator[Entered | Out]:
    """Say of ways that ended their worker that they are out.

    Args:
        crashed: The ways, and what was said of it.
        batch: At which the others were compared.
        first: Number of the first of them.
    """
    for number, (way, error) in enumerate(crashed.items(), start=first):
        yield Entered(number, way, batch)
        yield Out(number, "failed", str(error.message).splitlines()[0])


def check(request: ProfileRequest, among: Collection[str] = ()) -> None:
    """Refuse a request of parts, of several processes, or of which there is only one way.

    Raises:
        InvalidMeasurement: If it is one.
    """
    default = Settings(batch=request.batch)
    for name in ("level", "processes"):
        if getattr(request, name) != getattr(default, name):
            raise InvalidMeasurement(
                advice("{} has no use here, where whole passes are compared", Option(name)),
                "leave it out",
            )
    if not steps(request, among):
        raise InvalidMeasurement(
            f"in {request.mode} on {request.backend} nothing is left to choose",
            "leave out the choices that were made",
        )


def _nothing_compared(heard: Heard, budget: Budget) -> MeasurementError:
    """Say what the time went into before two ways were compared."""
    entered = [message for message in heard.messages if isinstance(message, Entered)]
    at = {0: "before a network was built", 1: "while the first way was built and run"}
    return MeasurementError(
        f"no two ways were compared in {budget.whole_s:g} s: the time was up "
        + at.get(len(entered), "while the second way was built and run"),
        advice(
            "allow more, such as {}, or choose a smaller batch",
            Option("max_time_s", round(max(60, 3 * budget.whole_s))),
        ),
    )
