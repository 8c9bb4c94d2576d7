"""A measurement while it runs, on stderr: what is known ahead, then how far it is.

On a terminal a bar shows the time that is used up; in a pipe a line says so now and then.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TypeVar, assert_never

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task
from rich.text import Text

from rsinspect.base.flags import flag
from rsinspect.cli import talk
from rsinspect.profiling import parent, protocol
from rsinspect.profiling.answer import announcement, duration, outlook, prediction_table, preview
from rsinspect.profiling.budget import ROUNDS_FOR_INTERVAL, Budget, Estimate
from rsinspect.profiling.record.headline import speed
from rsinspect.profiling.record.prediction import Prediction
from rsinspect.profiling.record.run import ProfileRun
from rsinspect.profiling.request import ProfileRequest, Settings
from rsinspect.profiling.rounds import RoundDone
from rsinspect.profiling.ways import Way
from rsinspect.render.console import print_table

Result = TypeVar("Result")

LINE_EVERY_S = 10.0
"""Between two lines in a pipe."""


def measure(request: ProfileRequest, budget: Budget) -> ProfileRun:
    """Run a measurement, and show how far it is.

    Raises:
        Interrupted: On Ctrl-C, with what was measured before.
        RsInspectError: As ``parent.profile``.
    """
    return watched(request, budget, parent.profile)


def watched(request: ProfileRequest, budget: Budget, run: Callable[..., Result]) -> Result:
    """Run something that takes time, and show how far it is.

    Args:
        request: What is measured.
        budget: What it may take.
        run: Measures; called with the request, ``budget`` and ``on_event``.
    """
    with watching(request, budget, (announcement(request), preview(request))) as on_event:
        return run(request, budget=budget, on_event=on_event)


@contextmanager
def watching(
    request: Settings, budget: Budget, lines: Sequence[str]
) -> Iterator[Callable[[protocol.Event], None]]:
    """Show how far something is, as it tells what happens.

    Args:
        request: What is measured.
        budget: What it may take.
        lines: What is said before.
    """
    console = talk.console()
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)
    now = _Now(budget)
    with (_bar if console.is_terminal else _lines)(console, now):
        yield _Display(request, now, console)


@dataclass
class _Now:
    """What is being done, and when all will be.

    Attributes:
        budget: The time there is.
        doing: In words.
        ends_s: When it is expected to be over, by the budget's clock; None while nobody knows.
    """

    budget: Budget
    doing: str = "starting"
    ends_s: float | None = None

    @property
    def left(self) -> str:
        """Say how much longer it takes, or may take."""
        if self.ends_s is None:
            return f"at most {max(0.0, self.budget.left_s):.0f} s more"
        return f"about {max(0.0, self.ends_s - self.budget.clock()):.0f} s more"

    @property
    def whole_s(self) -> float:
        """Return how long all of it takes, or may take."""
        if self.ends_s is None:
            return self.budget.whole_s
        return self.budget.elapsed_s + max(0.0, self.ends_s - self.budget.clock())


@contextmanager
def _bar(console: Console, now: _Now) -> Iterator[None]:
    """Show a bar of the time that is used up."""
    with Progress(
        _Doing(now),
        BarColumn(),
        _Left(now),
        console=console,
        transient=True,
        refresh_per_second=2,  # drawing takes processor time from what is measured
    ) as progress:
        progress.add_task("", total=now.whole_s)
        yield


class _Doing(ProgressColumn):
    """What is being done."""

    def __init__(self, now: _Now) -> None:
        super().__init__()
        self.now = now

    def render(self, task: Task) -> Text:
        """Write it; called whenever the bar is drawn."""
        return Text(self.now.doing)


class _Left(ProgressColumn):
    """How much longer it takes; moves the bar along."""

    def __init__(self, now: _Now) -> None:
        super().__init__()
        self.now = now

    def render(self, task: Task) -> Text:
        """Write it; called whenever the bar is drawn."""
        task.total = self.now.whole_s
        task.completed = min(self.now.budget.elapsed_s, self.now.whole_s)
        return Text(self.now.left)


@contextmanager
def _lines(console: Console, now: _Now) -> Iterator[None]:
    """Write a line now and then: in a pipe nobody sees a bar."""
    over = threading.Event()

    def write() -> None:
        while not over.wait(LINE_EVERY_S):
            spent = f"{now.budget.elapsed_s:.0f} s of {now.budget.whole_s:g} s"
            expected = "" if now.ends_s is None else f"; {now.left}"
            console.print(f"{spent}: {now.doing}{expected}", highlight=False, soft_wrap=True)

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class _Display:
    """Shows events: what is being done, and above it what has become known."""

    def __init__(self, request: Settings, now: _Now, console: Console) -> None:
        self.request = request
        self.now = now
        self.console = console
        self.batch = request.batch
        self.prediction: Prediction | None = None
        self.start: Way | None = None
        self.estimate: Estimate | None = None
        self.warned = False
        self.told_time = False

    def __call__(self, event: protocol.Event) -> None:
        match event:
            case protocol.AttemptStarted(batch, process):
                if batch != self.batch:
                    self._say(f"batch {batch}: it is predicted to fit, and tried")
                self.batch = batch
                of = f", process {process + 1} of {self.request.processes}"
                self.now.doing = f"batch {batch}{of if self.request.processes > 1 else ''}"
                self.now.ends_s = None
            case protocol.Phase(phase):
                if phase == "building":
                    self._tell_prediction()
                starting = phase == "starting"
                self.now.doing = f"importing {self.request.backend}" if starting else phase
            case RoundDone():
                self.now.doing = f"{event.phase}, round {event.round}"
            case Prediction():
                self.prediction = event
            case protocol.Roughly(pass_s):
                if pass_s > self.now.budget.whole_s / ROUNDS_FOR_INTERVAL:
                    self._say(parent.roughly(replace(self.request, batch=self.batch), pass_s))
            case protocol.Estimated(estimate):
                self.estimate = estimate
                words = outlook(estimate, self.now.budget.whole_s, self.request.processes)
                if words is not None and not self.warned:
                    self.warned = True  # a later estimate is in the answer
                    self._say(words.worded(flag))
            case protocol.TimeLeft():
                self._tell_time(event)
            case protocol.BatchRefused(batch, reason):
                self._say(f"batch {batch}: {reason}")
            case protocol.Stopped(ended_in_s):
                self._say(
                    "the worker was stopped by somebody and hangs; it is ended in "
                    f"{ended_in_s:.0f} s"
                )
            case protocol.Entered(_, way):
                self.start = self.start or way
                self.now.doing = f"trying: {way.words(self.start, self.request.backend)}"
            case protocol.Joined(number=number, of=of):
                self.now.doing = f"timing in turns, {number + 1} of {of} networks built"
            case protocol.MemoryUsed() | protocol.Out() | protocol.Judged():
                pass
            case _:
                assert_never(event)

    def _tell_prediction(self) -> None:
        """Show what is predicted, as more is to come; else it is the answer."""
        if self.prediction is None or not isinstance(self.request, ProfileRequest):
            return
        if self.console.is_terminal:
            print_table(prediction_table(self.prediction, self.request.network), self.console)
        else:
            self._say(f"predicted: {speed(self.prediction.end_to_end_s / self.batch)}")
        self.prediction = None

    def _tell_time(self, left: protocol.TimeLeft) -> None:
        """Say once how long it will take, and keep it up to date."""
        if self.request.processes > 1:
            return
        budget = self.now.budget
        self.now.ends_s = min(budget.clock() + left.left_s, budget.ends_s)
        if not self.told_time:
            self.told_time = True
            self._say(duration(left, budget, None if self.warned else self.estimate))

    def _say(self, sentence: str) -> None:
        self.console.print(sentence, highlight=False, soft_wrap=True)
