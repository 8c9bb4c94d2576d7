"""Which runs go when a store is pruned; nothing that somebody named, and nothing of a sweep that
is not finished."""

from __future__ import annotations

from typing import NamedTuple

from rsinspect.base.errors import InvalidQuestion
from rsinspect.base.words import Option, advice
from rsinspect.runs.store import Store
from rsinspect.runs.stored import ALL, Selection, StoredRun


class Pruned(NamedTuple):
    """What goes, and what is spared though it would go.

    Attributes:
        gone: Runs that go, the one that was added last first.
        tagged: Number that somebody named.
        unfinished: Number that belong to sweeps with cells that wait.
        undated: Number that do not tell when they were measured, or in the future.
    """

    gone: tuple[StoredRun, ...]
    tagged: int
    unfinished: int
    undated: int


def prunable(
    store: Store,
    *,
    now_s: float,
    older_than_s: float | None = None,
    keep: int | None = None,
    selection: Selection = ALL,
) -> Pruned:
    """Choose the runs that go: those of which every rule that is given says so.

    Args:
        store: Nothing is deleted from it.
        now_s: In seconds since 1970.
        older_than_s: Measured longer ago.
        keep: Not among so many that were added last.
        selection: Among these alone.

    Raises:
        InvalidQuestion: If there is no rule.
    """
    if older_than_s is None and keep is None:
        raise InvalidQuestion(
            "nothing says which runs go",
            advice("{}, {}, or both", Option("older_than", "30d"), Option("keep", 100)),
        )
    unfinished = {
        cell.run for sweep in store.sweeps() if sweep.waiting for cell in store.cells(sweep.id)
    }
    chosen = list(store.runs(selection))[keep or 0 :]
    undated = 0
    if older_than_s is not None:
        undated = sum(run.started_s is None or run.started_s > now_s for run in chosen)
        ends_s = now_s - older_than_s
        chosen = [run for run in chosen if run.started_s is not None and run.started_s < ends_s]
    free = [run for run in chosen if not run.tags]
    gone = tuple(run for run in free if run.id not in unfinished)
    return Pruned(gone, len(chosen) - len(free), len(free) - len(gone), undated)


def spared_in_words(pruned: Pruned) -> str | None:
    """Say what stays that would have gone; None where nothing does."""
    spared = [
        f"{number} {why}"
        for number, why in (
            (pruned.tagged, "with a tag"),
            (pruned.unfinished, "of sweeps that are not finished"),
            (pruned.undated, "of an age that nobody knows: no time, or one to come"),
        )
        if number
    ]
    return f"Kept all the same: {', '.join(spared)}." if spared else None
