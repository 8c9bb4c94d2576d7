"""Cells carried out on this machine, one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rsinspect.base.files import scratch
from rsinspect.sweeps.cells import Cell
from rsinspect.sweeps.execution import Outcome, carry_out
from rsinspect.sweeps.locks import MACHINE, in_turn, place_of


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalExecutor:
    """Carries cells out one after the other; sweeps on one machine take turns, cell by cell.

    Also where it has several devices: whatever a processor does beside a measurement disturbs it.

    Attributes:
        program: What a cell's arguments are given to; by default this package.
        place: Of the machine's turn.
        on_wait: Called where another sweep is measuring.
    """

    program: Sequence[str] | None = None
    place: Path | None = None
    on_wait: Callable[[], object] = lambda: None

    def outcomes(self, cells: Iterable[Cell]) -> Iterator[Outcome]:
        """Carry cells out, and give each outcome as it comes."""
        place = self.place or place_of(MACHINE)
        with scratch() as folder:
            for cell in cells:
                with in_turn(place, self.on_wait):
                    outcome = carry_out(cell, folder=folder, program=self.program)
                yield outcome


def local_executor(tell: Callable[[str], object]) -> LocalExecutor:
    """Make one that tells where it waits for another."""
    return LocalExecutor(on_wait=lambda: tell("another sweep is measuring here; waiting for it"))
