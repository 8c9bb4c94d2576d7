"""A measurement while it runs, on stderr: what is known ahead, then how far it is.

On a terminal a bar shows the time that is used up; in a pipe a line says so now and then.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar, assert_never

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from rsinspect.cli import talk
from rsinspect.cli.flags import flag
from rsinspect.profiling import parent, protocol
from rsinspect.profiling.answer import announcement, outlook, prediction_table, preview
from rsinspect.profiling.budget import Budget
from rsinspect.profiling.record.headline import speed
from rsinspect.profiling.record.prediction import Prediction
from rsinspect.profiling.record.run import ProfileRun
from rsinspect.profiling.request import ProfileRequest
from rsinspect.profiling.rounds import RoundDone
from rsinspect.profiling.ways import Way
from rsinspect.render.console import print_table

Result = TypeVar("Result")
Show = Callable[[str], None]
"""Shows what is being done, until it is told something else."""

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
    console = talk.console()
    for line in (announcement(request), preview(request)):
        console.print(line, highlight=False, soft_wrap=True)
    with (_bar if console.is_terminal else _lines)(console, budget) as show:
        return run(request, budget=budget, on_event=_Display(request, budget, console, show))


@contextmanager
def _bar(console: Console, budget: Budget) -> Iterator[Show]:
    """Show a bar of the time that is used up."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        _Left(budget),
        console=console,
        transient=True,
        refresh_per_second=2,  # drawing takes processor time from what is measured
    ) as progress:
        task = progress.add_task("starting", total=budget.whole_s)

        def show(doing: str) -> None:
            progress.update(task, description=doing)

        yield show


class _Left(ProgressColumn):
    """What is left of the budget; moves the bar along."""

    def __init__(self, budget: Budget) -> None:
        super().__init__()
        self.budget = budget

    def render(self, task: Task) -> Text:
        """Write it; called whenever the bar is drawn."""
        task.completed = min(self.budget.elapsed_s, self.budget.whole_s)
        return Text(f"at most {max(0.0, self.budget.left_s):.0f} s more")


@contextmanager
def _lines(console: Console, budget: Budget) -> Iterator[Show]:
    """Write a line now and then: in a pipe nobody sees a bar."""
    doing = "starting"
    over = threading.Event()

    def show(now: str) -> None:
        nonlocal doing
        doing = now

    def write() -> None:
        while not over.wait(LINE_EVERY_S):
            spent = f"{budget.elapsed_s:.0f} s of {budget.whole_s:g} s"
            console.print(f"{spent}: {doing}", highlight=False, soft_wrap=True)

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        yield show
    finally:
        over.set()
        thread.join()


class _Display:
    """Shows events: what is being done, and above it what has become known."""

    def __init__(
        self, request: ProfileRequest, budget: Budget, console: Console, show: Show
    ) -> None:
        self.request = request
        self.budget = budget
        self.console = console
        self.show = show
        self.batch = request.batch
        self.prediction: Prediction | None = None
        self.start: Way | None = None
        self.warned = False

    def __call__(self, event: protocol.Event) -> None:
        match event:
            case protocol.AttemptStarted(batch, process):
                self.batch = batch
                of = f", process {process + 1} of {self.request.processes}"
                self.show(f"batch {batch}{of if self.request.processes > 1 else ''}")
            case protocol.Phase(phase):
                if phase == "building":
                    self._tell_prediction()
                self.show(f"importing {self.request.backend}" if phase == "starting" else phase)
            case RoundDone():
                self.show(f"{event.phase}, round {event.round}")
            case Prediction():
                self.prediction = event
            case protocol.Estimated(estimate):
                words = outlook(estimate, self.budget.whole_s, self.request.processes)
                if words is not None and not self.warned:
                    self.warned = True  # a later estimate is in the answer
                    self._say(words.worded(flag))
            case protocol.BatchRefused(batch, reason):
                self._say(f"batch {batch}: {reason}")
            case protocol.Stopped(ended_in_s):
                self._say(
                    "the worker was stopped by somebody and hangs; it is ended in "
                    f"{ended_in_s:.0f} s"
                )
            case protocol.Entered(_, way):
                self.start = self.start or way
                self.show(f"trying: {way.words(self.start, self.request.backend)}")
            case protocol.MemoryUsed() | protocol.Out() | protocol.Judged():
                pass
            case _:
                assert_never(event)

    def _tell_prediction(self) -> None:
        """Show what is predicted, as more is to come; else it is the answer."""
        if self.prediction is None:
            return
        if self.console.is_terminal:
            print_table(prediction_table(self.prediction, self.request.network), self.console)
        else:
            self._say(f"predicted: {speed(self.prediction.end_to_end_s / self.batch)}")
        self.prediction = None

    def _say(self, sentence: str) -> None:
        self.console.print(sentence, highlight=False, soft_wrap=True)
