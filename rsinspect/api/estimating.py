"""Latencies that were not measured, from a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rsinspect.api.networks import Model, network

if TYPE_CHECKING:
    from rsinspect.api.results import Run, TableResult
    from rsinspect.estimates.estimate import Estimator

Known = Sequence["Run | str | Path"]
"""Runs: results of ``profile``, files, ids or tags of the store."""


def estimate(
    *models: Model,
    batch: int | Sequence[int] = 1,
    runs: Known = (),
    db: str | Path | None = None,
    roofline: bool = False,
) -> TableResult:
    """Estimate latencies of networks that nobody measured, from two or three that were.

    Each has its 95 % interval, and says where it goes beyond what was measured.

    Args:
        models: Each as in ``network``.
        batch: Images in a batch, or several such numbers.
        runs: What is known: runs of ``profile``, files of such, ids or tags of the store. By
            default the store's, of the machine and the conditions of the latest.
        db: File of the store; the user's own by default.
        roofline: Whether to know no more than the roofs that one of the runs measured.

    Raises:
        RsInspectError: If a model is not one there is, or there is nothing to estimate from.

    >>> import rsinspect
    >>> measured = [rsinspect.profile(m, batch=1, level="block")  # doctest: +SKIP
    ...             for m in ("50", "152@224", "350")]
    >>> rsinspect.estimate("420", "200", runs=measured).rows[0]["latency_s"]  # doctest: +SKIP
    """
    from rsinspect.api.results import TableResult
    from rsinspect.estimates.answer import estimate_answer

    networks = [network(model) for model in models]
    known = estimator(runs, db, roofline=roofline)
    sizes = (batch,) if isinstance(batch, int) else tuple(batch)
    found = [known.latency(made, size) for made in networks for size in sizes]
    return TableResult(estimate_answer(found, known))


def estimator(
    runs: Known = (), db: str | Path | None = None, *, roofline: bool = False
) -> Estimator:
    """Learn from runs, as ``estimate`` takes them."""
    from rsinspect.estimates.known import estimator as learnt

    return learnt(
        [str(run) if isinstance(run, str | Path) else run.record for run in runs],
        db=None if db is None else Path(db),
        roofline=roofline,
    )
