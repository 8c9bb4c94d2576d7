"""Comparisons from a notebook: is it really slower?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rsinspect.api.comparison_results import Comparison
from rsinspect.api.measuring import with_own_weights
from rsinspect.api.networks import Model
from rsinspect.api.results import Run

if TYPE_CHECKING:
    from rsinspect.profiling.protocol import Event
    from rsinspect.profiling.record.run import ProfileRun


def compare(
    a: Model | Run,
    b: Model | Run,
    batch: int = 8,
    *,
    across: Sequence[str] = (),
    db: str | Path | None = None,
    on_event: Callable[[Event], None] = lambda _: None,
    **options: Any,
) -> Comparison:
    """Say whether b is really slower than a, by how much, and where.

    Two networks are measured now, in turns in one process. Runs that were saved are compared as two
    groups of samples, which tells less; a network beside a run is measured as the run was.

    Args:
        a: A run of ``rsinspect.profile`` or ``load_run``, the file of one, one of the store by its
            tag or id, or a network as in ``network``.
        b: Likewise: what a became, or another.
        batch: Images in a batch, of two networks.
        across: Names of conditions that may differ: ``["precision"]``, or ``["everything"]``.
        db: File of the store of runs; your own by default.
        on_event: Called with what happens meanwhile.
        **options: As in ``profile``, of two networks.

    Raises:
        RsInspectError: If the two cannot be compared, or not be measured here.

    >>> import rsinspect
    >>> found = rsinspect.compare("50", "resnet50", max_time_s=60)  # doctest: +SKIP
    >>> found.verdict, found.ratio, found.interval  # doctest: +SKIP
    >>> assert not found.record.is_slower_by(0.05)  # doctest: +SKIP
    """
    from rsinspect.comparisons.answer import comparison_answer
    from rsinspect.comparisons.comparison import Comparison as Compared
    from rsinspect.comparisons.comparison import Side
    from rsinspect.comparisons.live import compare_now, request_like
    from rsinspect.profiling.parent import profile
    from rsinspect.profiling.request import Beside, ProfileRequest, check_names

    check_names(options)
    runs = [_saved(each, db) for each in (a, b)]
    names = [_called(each, letter) for each, letter in ((a, "a"), (b, "b"))]
    if runs == [None, None]:
        with with_own_weights(_model(a)) as one, with_own_weights(_model(b)) as other:
            request = ProfileRequest(
                network=one[0], batch=batch, weights=one[1],
                beside=Beside(network=other[0], weights=other[1]), **options,
            )  # fmt: skip
            one[2]()
            other[2]()
            found = compare_now(request, (names[0], names[1]), on_event=on_event)
        return Comparison(comparison_answer(found), found)
    like = next(run for run in runs if run is not None)
    for position, given in enumerate((a, b)):
        if runs[position] is None:
            with with_own_weights(_model(given)) as (made, weights, save):
                request = request_like(made, like, options.get("max_time_s", 60.0), weights)
                save()
                runs[position] = profile(request, on_event=on_event)
    one_run, other_run = runs
    assert one_run is not None
    assert other_run is not None
    found = Compared(
        a=Side(reference=names[0], run=one_run),
        b=Side(reference=names[1], run=other_run),
        how="groups",
        across=tuple(across),
    )
    return Comparison(comparison_answer(found), found)


def _saved(given: Model | Run, db: str | Path | None) -> ProfileRun | None:
    """Find a measurement that was made; None where a network was given."""
    if isinstance(given, Run):
        return given.record
    if not isinstance(given, str | Path):
        return None
    from rsinspect.comparisons.references import saved

    return saved(str(given), None if db is None else Path(db))


def _model(given: Model | Run) -> Model:
    assert not isinstance(given, Run), "runs are told apart before"
    return given


def _called(given: object, letter: str) -> str:
    """Name what was given: its text, or the letter of its argument."""
    return str(given) if isinstance(given, str | Path) else letter
