"""One cell carried out in a fresh process, and what became of it; who carries out many.

An executor never writes to the store: the driver does, as outcomes come.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from rsinspect.base import codec
from rsinspect.base.codec import Damaged
from rsinspect.base.errors import InvalidMeasurement
from rsinspect.base.files import scratch
from rsinspect.base.flags import flag
from rsinspect.base.process import Ended, OutOfTime, TooMuchOutput, run, tidied
from rsinspect.base.sources import Unreadable, content_of
from rsinspect.base.words import Option
from rsinspect.profiling.record import predicted
from rsinspect.profiling.record.document import SCHEMA
from rsinspect.sweeps.cells import Cell

Kind = Literal["done", "refused", "crashed", "timeout", "lost"]

GRACE_S = 60.0
"""Beyond its own time: a cell keeps to its budget by itself, but for starting and writing."""
LONGEST_REASON = 500
_ERROR, _HINT = "error: ", "hint: "
"""Before the two lines of a refusal (``cli.talk``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a cell.

    Attributes:
        key: Of the cell.
        kind: ``done``; ``refused``: it cannot be measured, and it is clear why; ``crashed``: it
            ended otherwise than it should; ``timeout``: there was no time for a measurement;
            ``lost``: nobody knows, as the machine that had it is gone: it may be tried again.
        document: The run, where it is done; else None.
        reason: In one line, why it is not; None where it is done.
    """

    key: str
    kind: Kind
    document: dict[str, Any] | None = None
    reason: str | None = None


class Executor(Protocol):
    """Carries out cells, each once."""

    def outcomes(self, cells: Iterable[Cell]) -> Iterator[Outcome]:
        """Carry cells out, and give each outcome as it comes.

        Args:
            cells: Taken one by one, each when there is room for it: the later ones may depend on
                earlier outcomes. While cells are being measured there may be more after the end.
        """
        ...


def command(python: str = sys.executable) -> tuple[str, ...]:
    """Return what a cell's arguments are given to."""
    return (python, "-P", "-m", "rsinspect.sweeps.process")


def carry_out(
    cell: Cell,
    *,
    python: str = sys.executable,
    folder: Path | None = None,
    program: Sequence[str] | None = None,
) -> Outcome:
    """Carry a cell out in a fresh process, and wait for it.

    Whatever ends the wait ends the process; and it ends by itself when this one does.

    Args:
        cell: What to measure.
        python: Interpreter that has this package.
        folder: Where the run is written for the moment; by default one that is gone afterwards.
        program: What the cell's arguments are given to; by default ``command(python)``.
    """
    if folder is None:
        with scratch() as made:
            return carry_out(cell, python=python, folder=made, program=program)
    saved = folder / f"{cell.key}-{os.getpid()}.json"
    into = flag(Option("save", saved)).split(" ", 1)
    line = (*(program or command(python)), *cell.arguments, *into, "-q")
    limit_s = cell.settings.max_time_s + GRACE_S
    try:
        with tidied() as environment:
            ended = run(line, timeout_s=limit_s, environment=environment, on_output=lambda _: None)
        return _outcome(cell, ended, saved)
    except OutOfTime:
        return Outcome(
            key=cell.key,
            kind="timeout",
            reason=f"it did not end within {limit_s:g} s, and was ended",
        )
    except TooMuchOutput:
        return Outcome(key=cell.key, kind="crashed", reason="it wrote without an end")
    except OSError as exc:
        return Outcome(key=cell.key, kind="crashed", reason=f"{line[0]} cannot be started: {exc}")
    finally:
        with suppress(OSError):  # it goes with its folder
            saved.unlink()


def _outcome(cell: Cell, ended: Ended, saved: Path) -> Outcome:
    """Judge how the process of a cell ended, and read the run that it wrote."""
    if ended.code != 0:
        return _failed(cell, ended)
    try:
        document = codec.from_text(content_of(saved))
    except (Unreadable, Damaged) as exc:
        return Outcome(key=cell.key, kind="crashed", reason=f"its run cannot be read: {exc}")
    schema = document.get("schema") if isinstance(document, dict) else None
    if not isinstance(document, dict) or schema not in (SCHEMA, predicted.SCHEMA):
        return Outcome(key=cell.key, kind="crashed", reason="what it wrote is no run")
    if schema == predicted.SCHEMA:
        return Outcome(key=cell.key, kind="timeout", reason=_unmeasured(cell, document))
    if document.get("model", {}).get("fingerprint") != cell.fingerprint:
        return Outcome(
            key=cell.key,
            kind="refused",
            reason=f"{cell.model} is another network now than when the sweep began",
        )
    return Outcome(key=cell.key, kind="done", document=document)


def _failed(cell: Cell, ended: Ended) -> Outcome:
    """Put what a process said went wrong into one line."""
    errors = [line.removeprefix(_ERROR) for line in ended.errors if line.startswith(_ERROR)]
    hints = [line.removeprefix(_HINT) for line in ended.errors if line.startswith(_HINT)]
    if errors:
        said = f"{errors[-1]} ({hints[-1]})" if hints else errors[-1]
    else:
        said = ": ".join((f"it {ended.manner}", *(line.strip() for line in ended.errors[-1:])))
    if len(said) > LONGEST_REASON:
        said = f"{said[: LONGEST_REASON - 3]}..."
    return Outcome(key=cell.key, kind="refused" if errors else "crashed", reason=said)


def _unmeasured(cell: Cell, document: dict[str, Any]) -> str:
    """Say that there was time for a prediction alone, and what a measurement would take."""
    said = f"nothing was measured in {cell.settings.max_time_s:g} s"
    try:
        wanted = predicted.from_json(document).wanted
    except InvalidMeasurement:
        return said
    return said if wanted is None else f"{said}; it would take about {wanted.time_s} s"
