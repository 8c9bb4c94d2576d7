"""The door to the store of runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rsinspect.api.run_results import Runs


def load_runs(
    db: str | Path | None = None, *, model: str | None = None, since: str | None = None, **of: Any
) -> Runs:
    """Open the store of runs that ``profile --record`` and sweeps keep.

    Args:
        db: Its file; by default that of ``RSINSPECT_DB``, else one among the user's data.
        model: Only runs of this network: MODEL text, at any size where it names none.
        since: Only runs since then: ``2026-11-01``, or in the last ``2d``.
        **of: Other fields of ``runs.stored.Selection``: ``batch``, ``mode``, ``precision``,
            ``backend``, ``device``, ``tag``, ``machine``, ``kind``, ``sweep``.

    Raises:
        InvalidChoice: If there is no such field.
        InvalidQuestion: If ``since`` is no moment.

    >>> import rsinspect
    >>> runs = rsinspect.load_runs("runs.db")
    >>> id = runs.add(rsinspect.profile("50"), tags=["before"])  # doctest: +SKIP
    >>> runs["before"].plot()  # doctest: +SKIP
    """
    import time
    from dataclasses import fields

    from rsinspect.api.run_results import Runs
    from rsinspect.base.errors import check_choice
    from rsinspect.runs.place import database_path
    from rsinspect.runs.references import model_meant, moment
    from rsinspect.runs.stored import Selection

    for name in of:
        check_choice("argument", name, [field.name for field in fields(Selection)])
    if model is not None:
        of |= model_meant(model)
    if since is not None:
        of["since_s"] = moment(since, time.time())
    return Runs(database_path(None if db is None else Path(db)), Selection(**of))
