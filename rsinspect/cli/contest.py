"""``rsinspect profile --fastest``: which way of running the network is fastest here."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from pathlib import Path

from rsinspect.base.errors import check_choice
from rsinspect.base.talk import say
from rsinspect.cli.outputs import answer, chosen
from rsinspect.cli.recording import RecordOptions
from rsinspect.profiling.budget import Budget
from rsinspect.profiling.record.contest import Contest
from rsinspect.profiling.request import ProfileRequest
from rsinspect.render.formats import NOTES, TABLES


def find_fastest(
    request: ProfileRequest,
    among: Collection[str],
    budget: Budget,
    format: str | None,
    output: Path | None,
    notes: str,
    record: RecordOptions,
) -> None:
    """Compare the ways of a request, and show the answer.

    Args:
        request: What to run, in the way to begin with.
        among: Names of the only choices that are free; all where none is named.
        budget: Of it all.
        format: One of TABLES.
        output: The file; none for stdout.
        notes: What stands under the table.
        record: Whether the comparison is kept.

    Raises:
        RsInspectError: If that cannot be compared here, or the answer cannot be written.
        ContestInterrupted: On Ctrl-C, after what was found before is shown.
    """
    from rsinspect.cli.progress import watched
    from rsinspect.profiling.fastest import ContestInterrupted, check, fastest
    from rsinspect.profiling.ranking import ranking_answer

    chosen(TABLES, output, format)
    check_choice("choice of notes", notes, NOTES)
    check(request, among)

    def show(contest: Contest) -> None:
        result = ranking_answer(contest)
        if record.wanted:
            record.keep(result.make_document())
        answer(result, format, output, notes)

    try:
        contest = watched(request, budget, partial(fastest, among=among))
    except ContestInterrupted as exc:
        if exc.contest is None:
            say("no two ways were compared until then")
        else:
            show(exc.contest)
        raise
    show(contest)
