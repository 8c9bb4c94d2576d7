"""``rsinspect runs export``."""

from pathlib import Path
from typing import Annotated

from rsinspect.base.errors import UnknownFormat
from rsinspect.base.formats import STDOUT
from rsinspect.base.talk import say
from rsinspect.base.words import Option, advice, plural
from rsinspect.cli.claims import writes
from rsinspect.cli.declaration import OUTPUT, one_of, option
from rsinspect.cli.options import with_options
from rsinspect.cli.outputs import put
from rsinspect.cli.recording import Db
from rsinspect.cli.runs.chosen import ChosenRuns

_FORMATS = ("json", "csv", "parquet", "db")
_SUFFIXES = tuple(f".{name}" for name in _FORMATS)


@with_options
def runs_export(
    which: ChosenRuns,
    samples: Annotated[
        bool, option("--samples", help="A row for each sample, of the whole and of each part.")
    ] = False,
    db: Db = None,
    format: Annotated[
        str | None,
        option(
            "--format",
            "-f",
            help="{}. Default: from the suffix; else json.",
            choices=_FORMATS,
            panel=OUTPUT,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        option(
            "--output",
            "-o",
            help=f"Write to this file: {one_of(_SUFFIXES)}.",
            panel=OUTPUT,
            callback=writes,
        ),
    ] = None,
) -> None:
    """Write measurements for other programs: JSON, CSV, Parquet.

    Examples:
        rsinspect runs export -o runs.csv
        rsinspect runs export --samples --since 2d -o samples.parquet
    """
    from rsinspect.runs.exports import EXPORTS, copied, exported
    from rsinspect.runs.place import database_path
    from rsinspect.runs.store import open_store

    kind = EXPORTS.chosen(output, format) or "json"
    selection, path = which.selection(), database_path(db)
    if (output is None and kind == "parquet") or (output in (None, STDOUT) and kind == "db"):
        raise UnknownFormat(
            f"{kind} is no text to be shown",
            advice("name a file: {}", Option("output", f"runs.{kind}")),
        )
    with open_store(path) as store:
        runs = store.runs(selection)
        if kind == "db" and output is not None:
            say(f"wrote {plural(copied(runs, path, output), 'run')} to {output}")
        else:
            put(exported(runs, kind, path, samples=samples), output)
