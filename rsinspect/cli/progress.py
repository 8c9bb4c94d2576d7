"""A measurement while it runs: what is known ahead, then a progress bar, on stderr."""

from __future__ import annotations

from typing import assert_never

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from rsinspect.profiling import parent, protocol
from rsinspect.profiling.answer import prediction_table, preview
from rsinspect.profiling.record.prediction import Prediction
from rsinspect.profiling.record.run import ProfileRun
from rsinspect.profiling.rounds import RoundDone
from rsinspect.render.console import print_table


def measure(request: protocol.ProfileRequest) -> ProfileRun:
    """Run a measurement with a progress bar on stderr.

    Raises:
        Interrupted: On Ctrl-C, with what was measured before.
        RsInspectError: As ``parent.profile``.
    """
    console = Console(stderr=True)
    console.print(preview(request), highlight=False)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[left]}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        refresh_per_second=2,  # drawing takes processor time from what is measured
    ) as progress:
        return parent.profile(request, on_event=_Display(request, progress))


class _Display:
    """Shows events: the latest in the bar, predictions and refused batches above it."""

    def __init__(self, request: protocol.ProfileRequest, progress: Progress) -> None:
        self.request = request
        self.name = request.network.short_title
        self.progress = progress
        self.task = progress.add_task("starting", total=None, left="")

    def __call__(self, event: protocol.Event) -> None:
        match event:
            case protocol.AttemptStarted(batch, process):
                of = f", process {process + 1} of {self.request.processes}"
                self._begin(f"batch {batch}{of if self.request.processes > 1 else ''}")
            case protocol.Phase(phase):
                self._begin(f"{self.name}: {phase}")
            case RoundDone():
                self.progress.update(
                    self.task,
                    total=self.request.max_time_s / self.request.processes,
                    completed=event.elapsed_s,
                    description=f"{self.name}: {event.phase}, round {event.round}",
                    left=f"at most {event.remaining_s:.0f} s more",
                )
            case Prediction():
                table = prediction_table(event, self.request.network)
                print_table(table, self.progress.console)
            case protocol.BatchRefused(batch, reason):
                self.progress.console.print(f"batch {batch}: {reason}", highlight=False)
            case protocol.MemoryUsed():
                pass
            case _:
                assert_never(event)

    def _begin(self, description: str) -> None:
        """Show something whose end nobody knows."""
        self.progress.update(self.task, description=description, total=None, left="")
