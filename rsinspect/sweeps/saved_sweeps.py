"""Sweeps that a store keeps: found again, and what is known of their cells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from rsinspect.base.errors import UnknownRun
from rsinspect.base.words import near, quoted
from rsinspect.runs.place import is_there
from rsinspect.runs.store import Store, open_store
from rsinspect.runs.stored import CellState
from rsinspect.sweeps.plan import KeyParts, Plan, key_parts, plan_from_json

LATEST = "latest"


class Kept(NamedTuple):
    """A sweep of a store.

    Attributes:
        id: Of the sweep.
        plan: What it measures.
        repeats: How often each point is measured.
        places: Nodes of a cluster, on each of which every point is; None for whichever is free.
    """

    id: str
    plan: Plan
    repeats: int
    places: tuple[str | None, ...]


def kept_sweep(path: Path, reference: str) -> Kept:
    """Find a sweep in a store.

    Args:
        path: Of the store.
        reference: Its id, how it begins, or ``latest``: the one that was begun last.

    Raises:
        UnknownRun: If there is none, or more than one; with those that are near.
        StoreError: If the store cannot be read.
        InvalidMeasurement: If its plan cannot be.
    """
    with open_store(path) as store:
        sweeps = store.sweeps()
        ids = [each.id for each in sweeps]
        if reference == LATEST and ids:
            meant = ids[:1]
        else:
            meant = [id for id in ids if len(reference) > 3 and id.startswith(reference)]
        if len(meant) != 1:
            what = f"{len(meant)} sweeps begin with" if meant else "no sweep"
            hint = near(reference[:200], meant or ids[:5]) if ids else "none was begun there"
            raise UnknownRun(f"{what} {quoted(reference)} in {path}", hint)
        document = next(each.document for each in sweeps if each.id == meant[0])
        plan = plan_from_json(dict(document))
        ends = [at for state in store.cells(meant[0]) if (at := key_parts(state.key)) is not None]
        places = tuple(sorted({at.place for at in ends}, key=str)) or (None,)
        return Kept(meant[0], plan, _repeats(ends, plan), places)


def _repeats(cells: Iterable[KeyParts], plan: Plan) -> int:
    """Tell how often every point is to be measured; some may have been more often."""
    numbers: dict[str, set[int]] = {point.name: set() for point in plan.points}
    for at in cells:
        if at.point in numbers:
            numbers[at.point].add(at.repeat)
    repeats = 1
    while all(repeats in found for found in numbers.values()):
        repeats += 1
    return repeats


def past_times(path: Path, plan: Plan) -> dict[str, float]:
    """Look up how many seconds the latest measurement of each point of a plan took, by point."""
    took: dict[str, float] = {}
    for store, state in _states(path, plan):
        if state.run is not None:
            took[state.key.partition(".")[0]] = store.find(state.run).document()["wall_s"]
    return took


def over_keys(path: Path, plan: Plan, *, retry: bool) -> set[str]:
    """List the cells of a plan that are not to be measured: done, or failed unless tried again."""
    over = ("done",) if retry else ("done", "failed")
    return {state.key for _, state in _states(path, plan) if state.state in over}


def _states(path: Path, plan: Plan) -> Iterator[tuple[Store, CellState]]:
    """List the cells of a plan's own sweep; none where no store has it."""
    if is_there(path):
        with open_store(path) as store:
            for sweep in store.sweeps():
                if sweep.document == plan.to_json():
                    for state in store.cells(sweep.id):
                        yield store, state
