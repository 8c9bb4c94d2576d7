"""Whether a store is whole: its file, every document, and what is listed of each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from rsinspect.answers.table import Answer, Column, Table
from rsinspect.base.errors import RsInspectError, StoreDamaged, StoreUnusable
from rsinspect.base.text import showable
from rsinspect.base.words import plural
from rsinspect.runs.facts import facts_of, name_of
from rsinspect.runs.listing import SCHEMA
from rsinspect.runs.references import check_tag
from rsinspect.runs.store import Store, open_store
from rsinspect.runs.tables import COLUMNS

_MOST = 20


class Finding(NamedTuple):
    """What was looked at.

    Attributes:
        what: In a few words.
        checked: How many of them; None where it is one thing.
        wrong: What is wrong, a line each.
    """

    what: str
    checked: int | None
    wrong: tuple[str, ...]


def findings(path: Path) -> Iterator[Finding]:
    """Look at everything in a store.

    Args:
        path: Of its file.

    Raises:
        StoreUnusable: If there is no store, or one of a later version.
    """
    try:
        with open_store(path) as store:
            yield from _file(store)
            for what, look in (
                ("documents, each as it was kept and listed", _documents),
                ("tags", _tags),
                ("sweeps", _sweeps),
            ):
                try:
                    yield Finding(what, *look(store))
                except StoreDamaged as exc:
                    yield Finding(what, None, (exc.message,))
    except StoreDamaged as exc:
        yield Finding("the file, by SQLite's own check", None, (exc.message,))


def _file(store: Store) -> Iterator[Finding]:
    rows = store.ask(f"PRAGMA integrity_check({_MOST})")
    lines = [line for (text,) in rows for line in str(text).splitlines() if line != "ok"]
    yield Finding("the file, by SQLite's own check", None, tuple(lines))
    broken = store.ask("PRAGMA foreign_key_check")
    wrong = tuple(f"row {row} of {table} refers to a row that is not in {to}"
                  for table, row, to, _ in broken[:_MOST])  # fmt: skip
    yield Finding("what refers to what", None, wrong)


def _documents(store: Store) -> tuple[int, tuple[str, ...]]:
    wrong = []
    (count,) = store.ask("SELECT count(*) FROM run")[0]
    for (id,) in store.ask("SELECT id FROM run ORDER BY number"):
        try:
            run = store.find(str(id))
            document = run.document()
            if name_of(document) != id:
                wrong.append(f"{id} is a run of another name")
            facts = facts_of(document)
        except RsInspectError as exc:
            wrong.append(exc.message if str(id) in exc.message else f"{id}: {exc.message}")
            continue
        other = [name for name in COLUMNS if getattr(facts, name) != getattr(run, name)]
        if other:
            wrong.append(f"{id} is listed with another {', '.join(other)} than it has")
    return count, tuple(wrong)


def _tags(store: Store) -> tuple[int, tuple[str, ...]]:
    wrong = []
    for tag in store.tags():
        try:
            check_tag(tag)
        except StoreUnusable as exc:
            wrong.append(exc.message)
    return len(store.tags()), tuple(wrong)


def _sweeps(store: Store) -> tuple[int, tuple[str, ...]]:
    sweeps = store.sweeps()
    wrong = [
        f"the plan of {sweep.id} is that of another sweep"
        for sweep in sweeps
        if name_of(sweep.document, "s") != sweep.id
    ]
    wrong += [
        f"the cell {cell.key} of {sweep.id} has a run and is {cell.state}"
        for sweep in sweeps
        for cell in store.cells(sweep.id)
        if cell.run is not None and cell.state != "done"
    ]
    return len(sweeps), tuple(wrong)


def integrity_answer(found: list[Finding], path: Path) -> Answer:
    """Tabulate what was looked at, and say whether the store is whole."""
    wrong = [line for finding in found for line in finding.wrong]
    table = Table(
        title=f"{showable(str(path))} is {'damaged' if wrong else 'whole'}",
        columns=(
            Column("what", "Checked", wraps=True),
            Column("checked", "Number", "integer"),
            Column("result", "Result"),
        ),
        rows=tuple(
            {
                "what": finding.what,
                "checked": finding.checked,
                "result": plural(len(finding.wrong), "fault") if finding.wrong else "whole",
            }
            for finding in found
        ),
        notes=(*(_RESCUE if wrong else ()), *map(showable, wrong)),
        name="check",
    )

    def document() -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "database": str(path),
            "whole": not wrong,
            "rows": [
                {"what": one.what, "checked": one.checked, "wrong": list(one.wrong)}
                for one in found
            ],
        }

    return Answer(table, document)


_RESCUE = ("What is whole can be saved: rsinspect runs import takes it into another store.",)
