"""One run as it is kept, or how far one sweep is, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from rsinspect.answers.table import Answer, Column, Table
from rsinspect.base.text import showable
from rsinspect.base.words import plural
from rsinspect.profiling.answer import predicted_answer, profile_answer
from rsinspect.profiling.record import document as profiles
from rsinspect.profiling.record import predicted
from rsinspect.runs.listing import SCHEMA
from rsinspect.runs.stored import CellState, StoredRun


def kept_answer(stored: StoredRun, shown: Answer | None = None) -> Answer:
    """Show a run as ``profile`` does, and under which name it is kept.

    Its JSON is the document as it was kept.

    Args:
        stored: The run.
        shown: How a room above shows it, where it is something else.

    Raises:
        StoreDamaged: If it is not what was kept.
    """
    document = stored.document()
    if shown is not None:
        pass
    elif stored.kind == "profile":
        shown = profile_answer(profiles.from_json(document))
    elif stored.kind == "prediction":
        shown = predicted_answer(predicted.from_json(document))
    else:
        shown = Answer(_facts(stored), lambda: document)
    called = f", called {', '.join(stored.tags)}" if stored.tags else ""
    when = f", of {stored.started_at[:16].replace('T', ' ')} UTC" if stored.started_at else ""
    where = f" on {showable(stored.machine_name)}" if stored.machine_name else ""
    lead = (f"Run {stored.id}{called}{when}{where}.", *shown.table.lead)
    return shown._replace(table=shown.table._replace(lead=lead), make_document=lambda: document)


def _facts(stored: StoredRun) -> Table:
    """Tabulate what is listed of something that a room above knows more of."""
    listed = {
        "what": stored.title,
        "conditions": stored.conditions,
        "schema": f"rsinspect.{stored.kind}",
    }
    return Table(
        title=showable(stored.title or stored.kind),
        columns=(Column("key", "Fact"), Column("value", "Value", wraps=True)),
        rows=tuple({"key": key, "value": value} for key, value in listed.items() if value),
        name=stored.id,
    )


def sweep_answer(sweep: str, cells: Sequence[CellState]) -> Answer:
    """Tabulate how far a sweep is, cell by cell."""
    done = sum(cell.state == "done" for cell in cells)
    table = Table(
        title=f"Sweep {sweep}: {done} of {plural(len(cells), 'cell')} done",
        columns=(
            Column("key", "Cell"),
            Column("state", "State"),
            Column("run", "Run"),
            Column("attempts", "Attempts", "integer"),
            Column("reason", "Reason", wraps=True),
        ),
        rows=tuple(
            {
                "key": cell.key,
                "state": cell.state,
                "run": cell.run,
                "attempts": cell.attempts,
                "reason": cell.reason or "",
            }
            for cell in cells
        ),
        name=sweep,
    )
    return Answer(table, lambda: {"schema": SCHEMA, "sweep": sweep, "rows": list(table.rows)})
