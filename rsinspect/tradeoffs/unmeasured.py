"""What is still to be measured: networks whose accuracy is known, and that have no run."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rsinspect.profiling.request import Settings
from rsinspect.runs.place import database_path, is_there
from rsinspect.runs.store import check_store, open_store
from rsinspect.runs.stored import Selection
from rsinspect.sweeps.cells import Cell
from rsinspect.sweeps.execution import Executor, Outcome
from rsinspect.sweeps.local_executor import LocalExecutor
from rsinspect.tradeoffs.measurements import published_name
from rsinspect.tradeoffs.networks import networks_of
from rsinspect.tradeoffs.pareto import candidates
from rsinspect.tradeoffs.saved_runs import runs_of, saved_in


def unmeasured(
    source: str, own: Mapping[str, float], db: Path | None, settings: Settings
) -> list[Cell]:
    """List a measurement of each network that has no run in the store, in random order.

    Args:
        source: Who published the accuracies.
        own: Accuracy of somebody's own networks, by MODEL text.
        db: File of the store; the user's by default.
        settings: How to measure.

    Raises:
        InvalidChoice: If there is no such source.
        StoreError: If there is a store that cannot be read.
        SpecError: If a name is no network.
    """
    published = {each.name for each in candidates(source, {})}
    names = [each.name for each in candidates(source, own)]
    models = [name for name in names if name in published or saved_in(name, db) is None]
    networks = dict(zip(models, networks_of(models), strict=True))
    mine = {networks[name].fingerprint: name for name in models if name not in published}
    wanted = Selection(
        kind="profile",
        batch=settings.batch,
        precision=settings.precision,
        mode=settings.mode,
        backend=settings.backend,
        device=settings.device,
    )
    runs = runs_of((), db, wanted, mine) if is_there(database_path(db)) else []
    known = {
        mine.get(run.model.fingerprint or "") or published_name(run.model, run.network)
        for run in runs
    }
    cells = [
        Cell(model=name, settings=settings, fingerprint=networks[name].fingerprint)
        for name in models
        if name not in known
    ]
    random.Random(settings.seed).shuffle(cells)
    return cells


def measured_into(
    db: Path | None, cells: Sequence[Cell], executor: Executor | None = None
) -> Iterator[tuple[Cell, Outcome]]:
    """Carry cells out, keep each run as it comes, and say what became of each.

    Args:
        db: File of the store; the user's by default.
        cells: What to measure.
        executor: Carries them out; by default this machine, one by one.

    Raises:
        StoreError: If the store cannot be written; it is looked at before anything is measured.
    """
    path = database_path(db)
    check_store(path)
    by_key = {cell.key: cell for cell in cells}
    for outcome in (executor or LocalExecutor()).outcomes(cells):
        if outcome.document is not None:
            with open_store(path, write=True) as store:
                store.add(outcome.document)
        yield by_key[outcome.key], outcome
