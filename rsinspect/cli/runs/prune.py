"""``rsinspect runs prune``."""

import time
from typing import Annotated

from rsinspect.base.errors import StoreError
from rsinspect.base.talk import say
from rsinspect.base.words import plural
from rsinspect.cli.declaration import option
from rsinspect.cli.options import with_options
from rsinspect.cli.outputs import Format, Notes, Output, answer, chosen
from rsinspect.cli.recording import Db
from rsinspect.cli.runs.chosen import ChosenRuns
from rsinspect.render.formats import TABLES


@with_options
def runs_prune(
    which: ChosenRuns,
    older_than: Annotated[
        str | None, option("--older-than", help="Those measured longer ago than 30d, 12h.")
    ] = None,
    keep: Annotated[
        int | None,
        option("--keep", help="All but the last N; with --older-than, of those too.", min=0),
    ] = None,
    dry_run: Annotated[
        bool, option("--dry-run", help="Say what would go, and delete nothing.")
    ] = False,
    db: Db = None,
    format: Format = None,
    output: Output = None,
    notes: Notes = "short",
) -> None:
    """Delete measurements, by age or number; those with a tag stay.

    Examples:
        rsinspect runs prune --older-than 30d --dry-run
        rsinspect runs prune --keep 100
    """
    from rsinspect.base.amounts import seconds_of
    from rsinspect.runs.listing import runs_answer
    from rsinspect.runs.place import database_path
    from rsinspect.runs.pruning import prunable, spared_in_words
    from rsinspect.runs.store import open_store

    chosen(TABLES, output, format)
    age_s = None if older_than is None else seconds_of(older_than)
    selection, path = which.selection(), database_path(db)
    with open_store(path, write=not dry_run) as store:
        pruned = prunable(
            store, now_s=time.time(), older_than_s=age_s, keep=keep, selection=selection
        )
        if not dry_run:
            store.delete(run.id for run in pruned.gone)
            try:
                store.shrink()
            except StoreError as exc:
                say(f"the room they took is used again, but not given back yet: {exc.message}")
    listed = runs_answer(pruned.gone, path)
    number = plural(len(pruned.gone), "run")
    title = f"{number} would go from {path}" if dry_run else f"{number} deleted from {path}"
    spared = spared_in_words(pruned)
    lead = () if spared is None else (spared,)
    answer(
        listed._replace(table=listed.table._replace(title=title, lead=lead, notes=())),
        format, output, notes,
    )  # fmt: skip
