"""A sweep while it runs, on stderr: every point with what is known of it, and the time left.

On a terminal a table that is kept up to date; in a pipe a line per cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rsinspect.base.units import length_of_time, seconds
from rsinspect.cli import talk
from rsinspect.render.console import table_text
from rsinspect.sweeps.driver import Driver, Event, Finished, Started
from rsinspect.sweeps.results import (
    Result,
    live_table,
    shared_and_varying,
    short_name,
)
from rsinspect.sweeps.samples import latency_in

if TYPE_CHECKING:
    from rich.console import RenderableType

BESIDE_ROWS = 8
"""Lines of a screen that the table's rows do not get."""


class Watch:
    """Shows how far a sweep is.

    Args:
        driver: Of the sweep; its events are for this.
        results: What is known of each point; kept up to date here.
    """

    def __init__(self, driver: Driver, results: Sequence[Result]) -> None:
        self.driver = driver
        self.results = results
        self.console = talk.console()
        self._recent: list[Result] = []
        self._at = {(each.point.name, each.place): each for each in results}

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show it until the end."""
        if not self.console.is_terminal:
            yield
            return
        from rich.live import Live

        with Live(
            get_renderable=self._screen,
            console=self.console,
            transient=True,
            refresh_per_second=1,  # drawing takes processor time from what is measured
        ):
            yield

    def __call__(self, event: Event) -> None:
        """Take an event of the driver."""
        result = self._at.get((event.cell.point, event.cell.place))
        if result is None:
            return
        match event:
            case Started():
                self._recent = [x for x in self._recent if x is not result] + [result]
            case Finished(_, outcome, run):
                if run is not None and outcome.document is not None:
                    result.runs.append(run)
                    result.latencies.append(latency_in(outcome.document))
                    result.waiting -= 1
                elif outcome.kind != "lost":
                    result.failed.append(outcome.reason or "")
                    result.waiting -= 1
                self._tell(event, result)

    def _tell(self, event: Finished, result: Result) -> None:
        """Say on a line what became of a cell."""
        document = event.outcome.document
        if document is None:
            what = "lost, to be tried again" if event.outcome.kind == "lost" else "failed"
            said = f"{what}: {event.outcome.reason}"
        else:
            latency = document["end_to_end"]["latency_s"]
            low, high = latency["ci_low"], latency["ci_high"]
            within = "" if low is None else f" [{seconds(low)} to {seconds(high)}]"
            said = f"{seconds(latency['median'])}{within}"
        if self.console.is_terminal and document is not None:
            return  # it is in the table
        self.console.print(
            f"{self._count}  {self._named(result)}: {said}{self._left}",
            highlight=False, soft_wrap=True, markup=False,
        )  # fmt: skip

    @property
    def _count(self) -> str:
        return f"{self.driver.measured + len(self.driver.failed)}/{len(self.driver.cells)}"

    @property
    def _left(self) -> str:
        """Say how much longer it takes; nothing where that is all."""
        if not (self.driver.waiting or self.driver.running or self.driver.left_s):
            return ""
        return f"; about {length_of_time(self.driver.expected_s)} left"

    def _named(self, result: Result) -> str:
        """Name a point by what not all have in common."""
        place = "" if result.place is None else f", on {result.place}"
        return short_name(result.point, shared_and_varying(self.driver.plan.points)[1]) + place

    def _screen(self) -> RenderableType:
        """Draw what fits on the screen: all points, or those of which there is news."""
        from rich.text import Text

        room = max(1, self.console.height - BESIDE_ROWS)
        shown = list(self.results)
        if len(shown) > room:
            news = self._recent[-room:]
            shown = [x for x in shown if any(x is each for each in news)] or shown[:room]
        running = {(cell.point, cell.place) for cell in self.driver.running.values()}
        table = live_table(self.driver.sweep, shown, running)
        text = table_text(table, self.console.width, notes="none")
        hidden = len(self.results) - len(shown)
        more = f", {hidden} more points not shown" if hidden else ""
        return Text(f"{text}{self._count} cells{self._left}{more}")
