"""``rsinspect runs list``."""

from typing import Annotated

from rsinspect.cli.declaration import option
from rsinspect.cli.options import with_options
from rsinspect.cli.outputs import Format, Notes, Output, answer, chosen, put
from rsinspect.cli.recording import Db
from rsinspect.cli.runs.chosen import ChosenRuns
from rsinspect.render.formats import TABLES


@with_options
def runs_list(
    which: ChosenRuns,
    limit: Annotated[int | None, option("--limit", "-n", help="Only the last N.")] = None,
    db: Db = None,
    format: Format = None,
    output: Output = None,
    notes: Notes = "short",
) -> None:
    """List the measurements that are kept.

    Examples:
        rsinspect runs list --since 2d
        rsinspect runs list --model 152@224 --batch 8
    """
    from itertools import islice

    from rsinspect.base.errors import InvalidQuestion
    from rsinspect.base.limits import ROWS
    from rsinspect.runs.exports import exported
    from rsinspect.runs.listing import runs_answer
    from rsinspect.runs.place import database_path
    from rsinspect.runs.store import open_store

    if limit is not None:
        ROWS.check(limit, InvalidQuestion)
    format = chosen(TABLES, output, format)
    selection, path = which.selection(), database_path(db)
    with open_store(path) as store:
        runs, sweeps = list(islice(store.runs(selection), limit)), store.sweeps()
    if format in ("csv", "parquet"):
        put(exported(runs, format, path, samples=False), output)
    else:
        answer(runs_answer(runs, path, sweeps), format, output, notes)
