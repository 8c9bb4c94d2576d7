"""How far sweeps are: their plans, and what each of their cells came to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rsinspect.base import codec
from rsinspect.base.errors import StoreError, UnknownRun
from rsinspect.base.words import near, quoted
from rsinspect.runs.database import damaged
from rsinspect.runs.facts import Document, canonical, facts_of, name_of
from rsinspect.runs.stored import CellState, StoredSweep
from rsinspect.runs.tables import Tables


class SweepTables(Tables):
    """The sweeps of a store."""

    def begin_sweep(self, document: Document, keys: Sequence[str] = ()) -> str:
        """Keep the plan of a sweep, or go on with the one that has it, and add cells that it lacks.

        Args:
            document: The plan; the same plan is the same sweep.
            keys: Names of cells, each once, in the order in which they are carried out.

        Returns:
            The sweep's id.
        """
        id = name_of(document, "s")
        with self._writing():
            self._write(
                "INSERT OR IGNORE INTO sweep(id, document) VALUES (?, ?)",
                id, canonical(document).decode(),
            )  # fmt: skip
            for key in keys:
                self._write(
                    "INSERT OR IGNORE INTO cell VALUES (?, ?, "
                    "(SELECT count(*) FROM cell WHERE sweep = ?), 'waiting', NULL, NULL, 0)",
                    id, key, id,
                )  # fmt: skip
        return id

    def sweeps(self) -> list[StoredSweep]:
        """List the sweeps, the one that was begun last first."""
        counts = ", ".join(
            f"(SELECT count(*) FROM cell WHERE sweep = id AND state = '{state}')"
            for state in ("waiting", "done", "failed")
        )
        return [
            StoredSweep(
                id=id, document=self._plan(id, text), waiting=waiting, done=done, failed=failed
            )
            for id, text, waiting, done, failed in self.ask(
                f"SELECT id, document, {counts} FROM sweep ORDER BY number DESC"
            )
        ]

    def _plan(self, sweep: str, text: object) -> dict[str, Any]:
        try:
            return codec.from_json(codec.from_text(str(text).encode()), dict[str, Any], "plan")
        except ValueError as exc:
            raise damaged(self.path, f"the plan of {sweep} is no JSON document: {exc}") from exc

    def cells(self, sweep: str) -> list[CellState]:
        """List the cells of a sweep, in their order.

        Raises:
            UnknownRun: If there is no such sweep.
        """
        self._check_sweep(sweep)
        rows = self.ask(
            "SELECT key, state, run.id, reason, attempts FROM cell LEFT JOIN run ON number = run "
            "WHERE sweep = ? ORDER BY position",
            sweep,
        )
        return [
            CellState(key=key, state=state, run=run, reason=reason, attempts=attempts)
            for key, state, run, reason, attempts in rows
        ]

    def finish_cell(
        self, sweep: str, key: str, document: Document | None, reason: str | None = None
    ) -> str | None:
        """Keep what a cell came to: its run, or why there is none.

        Args:
            sweep: The sweep's id.
            key: The cell's name.
            document: Of the run; None where it failed.
            reason: Why it failed.

        Returns:
            The run's id; None where it failed.

        Raises:
            StoreError: If there is no such cell, or it is done already; then nothing is kept.
            InvalidMeasurement: If the document is damaged.
        """
        facts = None if document is None else facts_of(document)
        with self._writing():
            id, number = None, None
            if document is not None and facts is not None:
                id, number = self._put(document, facts)
            changed = self._write(
                "UPDATE cell SET state = ?, run = ?, reason = ?, attempts = attempts + 1 "
                "WHERE sweep = ? AND key = ? AND state <> 'done'",
                "failed" if id is None else "done", number, reason, sweep, key,
            )  # fmt: skip
            if not changed:
                states = {cell.key: cell.state for cell in self.cells(sweep)}
                if key not in states:
                    raise UnknownRun(f"the sweep {sweep} has no cell {quoted(key)}")
                raise StoreError(f"the cell {key} of the sweep {sweep} is done already")
        return id

    def merge_sweep(self, document: Document, cells: Iterable[CellState]) -> str:
        """Take over how far a sweep is elsewhere; what is done here stays.

        Args:
            document: The plan.
            cells: Of it, whose runs are kept here by now.

        Returns:
            The sweep's id.
        """
        cells = list(cells)
        id = self.begin_sweep(document, [cell.key for cell in cells])
        with self._writing():
            for cell in cells:
                if cell.state != "waiting":
                    self._write(
                        "UPDATE cell SET state = ?, run = (SELECT number FROM run WHERE id = ?), "
                        "reason = ?, attempts = max(attempts, ?) WHERE sweep = ? AND key = ? "
                        "AND state <> 'done' AND (state = 'waiting' OR ? = 'done')",
                        cell.state, cell.run, cell.reason, cell.attempts, id, cell.key, cell.state,
                    )  # fmt: skip
        return id

    def _check_sweep(self, sweep: str) -> None:
        if not self.ask("SELECT 1 FROM sweep WHERE id = ?", sweep):
            known = [id for (id,) in self.ask("SELECT id FROM sweep")]
            hint = near(sweep, known) if known else None
            raise UnknownRun(f"no sweep {quoted(sweep)} in {self.path}", hint)
